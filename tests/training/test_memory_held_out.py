"""Transitions that are held out of memory, in blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from tmnet.training.memory import (
    RUNNING,
    STARTING,
    TERMINATED,
    TRUNCATED,
)

from ..networks.nets import generator
from .memories import new_replay


class Blocks:
    """Long races in many environments, and which of their transitions are held out."""

    def __init__(self, share: float, seed=0, num_envs=32, rows=1500, mean_length=250, n_steps=3):
        self.num_envs, self.rows, random = num_envs, rows, np.random.default_rng(seed)
        self.replay = new_replay(
            num_envs, n_steps=n_steps, capacity=num_envs * rows, n_floats=2, test_share=share
        )
        self.n_steps, sampling = n_steps, generator(seed)
        self.greedy = random.random((rows, num_envs)) < 0.7
        self.end = np.full((rows, num_envs), RUNNING)
        over = random.random((rows, num_envs)) < 1 / mean_length
        kinds = random.choice([TERMINATED, TRUNCATED], size=over.shape)
        for row in range(rows):
            starting = np.isin(self.end[row - 1], (TERMINATED, TRUNCATED)) if row else False
            self.end[row] = np.where(starting, STARTING, np.where(over[row], kinds[row], RUNNING))
        names = torch.zeros(num_envs, 2)
        names[:, 1] = torch.arange(num_envs)
        zeros = torch.zeros(num_envs)
        for row in range(rows):
            names[:, 0] = row
            self.replay.add(
                None, names, zeros, torch.from_numpy(self.greedy[row]), zeros,
                torch.from_numpy(self.end[row]), 1.0, sampling,
            )  # fmt: skip
        self.learned, self.held = (self._drawn(held_out, sampling) for held_out in (False, True))

    def _drawn(self, held_out: bool, sampling) -> np.ndarray:
        """Which transitions can be drawn, (rows, environments) bool, by drawing until all were."""
        count = self.replay.held_out_count() if held_out else len(self.replay)
        drawn = np.zeros((self.rows, self.num_envs), dtype=bool)
        if count:
            batch = self.replay.sample(20 * count, sampling, held_out)
            assert torch.equal(batch.floats[:, 1], batch.next_floats[:, 1])
            row, env = batch.floats.int().numpy().T
            drawn[row, env] = True
        assert drawn.sum() == count
        return drawn

    def frames_of(self, drawn: np.ndarray) -> np.ndarray:
        """Which frames transitions touch: their own, the next one, and those between."""
        touched = np.zeros_like(drawn)
        going = drawn.copy()  # transitions, by where they begin
        for step in range(self.n_steps + 1):
            rows = self.rows - step
            touched[step:] |= going[:rows]
            if step == self.n_steps:
                break
            ends = self.end[step:] != RUNNING
            if step:  # an action that explores ends those that began before it
                going[:rows] &= self.greedy[step:]
            # the frame after the last step
            touched[step + 1 :] |= going[: rows - 1] if rows > 1 else False
            going[:rows] &= ~ends
        return touched


@pytest.fixture(scope="module", params=[0.05, 0.3])
def blocks(request):
    return request.param, Blocks(request.param)


def test_share_that_is_held_out(blocks):
    share, driven = blocks
    held, learned = driven.held.sum(), driven.learned.sum()
    assert held / (held + learned) == pytest.approx(share, rel=0.35 if share < 0.1 else 0.12)
    steps = (driven.end[: -driven.n_steps] != STARTING).sum()
    assert 0.98 * steps < held + learned < steps  # what lies across is left out


def test_no_frame_is_shared(blocks):
    _, driven = blocks
    assert not (driven.held & driven.learned).any()
    learned, held = driven.frames_of(driven.learned), driven.frames_of(driven.held)
    assert learned.sum() > 1000 and held.sum() > 1000
    assert not (learned & held).any()


def test_blocks_are_long(blocks):
    """Within a race, what is held out comes in stretches; nothing in them is learned from."""
    _, driven = blocks
    lengths, races_of_both = [], 0
    for env in range(driven.num_envs):
        ends = np.flatnonzero(driven.end[:, env] == STARTING)
        for first, last in zip([-1, *ends], ends):
            kinds = driven.held[first + 1 : last, env].astype(int)
            kinds -= driven.learned[first + 1 : last, env]  # 1, -1, or 0: neither
            changes = np.flatnonzero(np.diff(kinds))
            races_of_both += {1, -1} <= set(kinds)
            # those with a change on both sides: no end of a race cuts them
            lengths += [
                right - left for left, right in pairwise(changes) if kinds[right] and left > 0
            ]
    assert races_of_both > 5
    assert len(lengths) > 10 and min(lengths) >= 50


def test_races_begin_new_blocks():
    """Of short races each is held out, or not, by itself, and as a whole."""
    driven = Blocks(0.3, num_envs=20, rows=600, mean_length=12)
    races, held = 0, []
    for env in range(driven.num_envs):
        ends = np.flatnonzero(driven.end[:, env] == STARTING)
        for first, last in pairwise(ends):
            kinds = driven.held[first + 1 : last, env]
            if last - first < 90 and last < driven.rows - driven.n_steps:
                races += 1
                assert kinds.all() or not kinds.any()
                assert (kinds != driven.learned[first + 1 : last, env]).all()
                held.append(kinds.all())
    assert races > 500
    assert np.mean(held) == pytest.approx(0.3, abs=0.05)
    after = np.array(held[1:])[np.array(held[:-1])]
    assert np.mean(after) == pytest.approx(0.3, abs=0.1)  # whatever the race before was


def test_nothing_held_out():
    driven = Blocks(0.0, rows=300)
    assert driven.replay.held_out_count() == 0
    steps = (driven.end[: -driven.n_steps] != STARTING).sum()
    assert driven.learned.sum() == steps


def test_interrupt_begins_new_blocks():
    """Otherwise what is driven then would be held out because of what was driven before."""
    replay = new_replay(500, n_steps=1, capacity=50_000, n_floats=2, test_share=0.5)
    sampling, names = generator(0), torch.zeros(500, 2)
    names[:, 1] = torch.arange(500)
    zeros = torch.zeros(500)
    for row in range(40):
        if row == 20:
            replay.interrupt()
        names[:, 0] = row
        replay.add(None, names, zeros, zeros.bool(), zeros, zeros, 1.0, sampling)
    batch = replay.sample(20 * replay.held_out_count(), sampling, held_out=True)
    before, after = (
        {int(env) for row, env in batch.floats.tolist() if (row >= 20) == late}
        for late in (False, True)
    )
    assert len(before) == pytest.approx(250, abs=50)
    assert len(before & after) == pytest.approx(125, abs=40)
