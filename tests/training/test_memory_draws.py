"""What is drawn from memory, and how often: shares, priorities, how many are new."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tmnet.training.memory import (
    TransitionMemory,
    draw,
    mini_race_moments,
)

from ..networks.nets import generator
from .memories import Drivers, keys_of, knows, new_replay

# --- what is drawn, and how often ---------------------------------------------------------------


def assert_frequencies(counts: Counter, shares: dict) -> None:
    """A chi-square test, with seeds that are fixed."""
    total = sum(counts.values())
    assert counts.keys() <= shares.keys()
    expected = [share * total for share in shares.values()]
    assert min(expected) > 20
    assert stats.chisquare([counts[key] for key in shares], expected).pvalue > 1e-3


@pytest.mark.parametrize("priority", [0.0, 0.7])
def test_uniform(priority):
    """Also after it has wrapped; new transitions all have the same priority."""
    replay = new_replay(3, capacity=60, priority_exponent=priority)
    Drivers(replay, 0).drive(77)
    count = len(replay)
    batch = replay.sample(200 * count, generator(0))
    counts = Counter(keys_of(batch))
    assert_frequencies(counts, {key: 1 / count for key in counts})
    assert batch.weight is None or torch.equal(batch.weight, torch.ones(200 * count))


def test_draws_are_those_of_the_generator():
    replay = new_replay(3, mini=140)
    Drivers(replay, 0).drive(77)
    one, same, other = (replay.sample(50, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.index, same.index) and torch.equal(one.floats, same.floats)
    assert not torch.equal(one.index, other.index)


def closed_form() -> dict[int, float]:
    return {t: 11 / 180 if t == 0 else (2 if t <= 30 else 1) / 180 for t in range(140)}


def test_mini_race_moments():
    moments = mini_race_moments(140, 100_000, generator(0))
    assert moments.shape == (100_000,) and moments.dtype == torch.int64
    shares = closed_form()
    assert sum(shares.values()) == pytest.approx(1)
    counts = Counter(moments.tolist())
    assert set(counts) == set(range(140))
    assert_frequencies(counts, shares)


@pytest.mark.parametrize("actions", [1, 2, 5, 40, 400])
def test_other_mini_races(actions):
    """Every moment can be drawn, and no other; the start most often."""
    counts = Counter(mini_race_moments(actions, 30_000, generator(0)).tolist())
    assert set(counts) == set(range(actions))
    assert counts.most_common(1)[0][0] == 0


def test_moments_of_a_batch():
    """As in the closed form, and not tied to what is drawn."""
    replay = new_replay(1, mini=140)
    Drivers(replay, 0).drive(40)
    batch = replay.sample(60_000, generator(0))
    moments = batch.floats[:, 0].int()
    assert_frequencies(Counter(moments.tolist()), closed_form())
    at_start = moments == 0
    shares = {key: 1 / len(replay) for key in keys_of(batch)}
    started = Counter(key for key, yes in zip(keys_of(batch), at_start.tolist()) if yes)
    assert_frequencies(started, shares)


# --- how many are new ---------------------------------------------------------------------------


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32),
    num_envs=st.integers(1, 4),
    n_steps=st.integers(1, 4),
    share=st.sampled_from([0.0, 0.3]),
    capacity=st.sampled_from([10, 10_000]),
)
def test_count_of_new_ones(seed, num_envs, n_steps, share, capacity):
    """What `add` returns sums up to all that could ever be learned from."""

    def driven(capacity):
        replay = new_replay(num_envs, n_steps=n_steps, capacity=capacity, test_share=share)
        drivers = Drivers(replay, seed, mean_length=30)
        for rows in (40, 1, 50, 30):
            drivers.drive(rows)
            drivers.interrupt()
        return drivers

    plenty, drivers = driven(10_000), driven(capacity)
    assert plenty.fresh == len(plenty.replay) == drivers.fresh  # nothing has been forgotten there
    assert capacity > 1000 or len(drivers.replay) < drivers.fresh
    if not share:
        steps = plenty.all_steps()
        # just before an interruption it may count, where an end of the race, or an action that
        # explores, comes first
        near = {row for end in (40, 41, 91, 121) for row in range(end - n_steps, end)}
        certain = sum(row not in near for _, row in steps)
        assert certain <= drivers.fresh <= sum(knows(*at, n_steps) for at in steps.values())


# --- priorities ---------------------------------------------------------------------------------


def shares_of(priorities: dict, exponent: float = 1.0) -> dict:
    """How often each is drawn: nine in ten by priority, and one evenly."""
    total = sum(priority**exponent for priority in priorities.values())
    return {
        key: 0.9 * priority**exponent / total + 0.1 / len(priorities)
        for key, priority in priorities.items()
    }


def with_priorities(
    exponent: float, importance: float
) -> tuple[TransitionMemory, dict[int, float]]:
    """A memory, and the priorities that it has been told, by index."""
    replay = new_replay(2, capacity=40, priority_exponent=exponent, importance_exponent=importance)
    Drivers(replay, 0).drive(50)
    known = sorted(set(replay.sample(4000, generator(0)).index.tolist()))
    assert len(known) == len(replay)
    random = np.random.default_rng(0)
    told = {index: float(random.choice([0.5, 1, 2, 4])) for index in known}
    replay.set_priorities(torch.tensor(known), torch.tensor([told[index] for index in known]))
    return replay, told


@pytest.mark.parametrize("exponent", [0.5, 1, 2])
def test_priorities(exponent):
    replay, told = with_priorities(exponent, 0.0)
    batch = replay.sample(40_000, generator(1))
    assert_frequencies(Counter(batch.index.tolist()), shares_of(told, exponent))
    assert torch.equal(batch.weight, torch.ones(40_000))  # no importance


@pytest.mark.parametrize("exponent, importance", [(1, 1), (0.5, 0.4), (2, 0.7)])
def test_importance(exponent, importance):
    """(count x probability)^-importance, the largest of the batch being 1."""
    replay, told = with_priorities(exponent, importance)
    batch = replay.sample(64, generator(2))
    shares = shares_of(told, exponent)
    weights = [(len(told) * shares[index]) ** -importance for index in batch.index.tolist()]
    expected = np.array(weights) / max(weights)
    assert batch.weight.dtype == torch.float32
    np.testing.assert_allclose(batch.weight.numpy(), expected, rtol=1e-5)


def test_new_ones_come_first():
    """What has not been learned from yet is as likely as the likelier ones of late."""
    replay = new_replay(1, capacity=1000, priority_exponent=1.0)
    drivers = Drivers(replay, 0)
    drivers.drive(40)
    old = replay.sample(3000, generator(0)).index.unique()
    losses = torch.linspace(0.01, 1.0, len(old))
    expected = 1.0
    for _ in range(50):
        replay.set_priorities(old, losses)
        expected = 0.9 * expected + 0.1 * np.quantile(losses.double().numpy(), 0.9)
    drivers.drive(9)
    counts = Counter(replay.sample(80_000, generator(0)).index.tolist())
    priorities = dict(zip(old.tolist(), losses.double().tolist()))
    # Rows that were there, but could not be drawn yet, have what was high at first: 1.
    new = {key: expected if key >= 40 else 1.0 for key in counts if key not in priorities}
    assert sum(key >= 40 for key in new) > 2 and len(priorities | new) == len(replay)
    assert expected == pytest.approx(0.9, abs=0.01)
    assert_frequencies(counts, shares_of(priorities | new))


@pytest.mark.parametrize("exponent", [0.6, 1.0])
@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf, 1e9])
@pytest.mark.parametrize("size", [16, 512])
def test_no_loss_is_a_trap(bad, exponent, size):
    """One transition whose loss is always the same: it is drawn again, and others with it."""
    replay = new_replay(2, capacity=400, priority_exponent=exponent)
    drivers = Drivers(replay, 0)
    drivers.drive(150)
    odd = int(replay.sample(1, generator(5)).index)
    random, drawn = generator(1), Counter()
    rounds = 30_000 // size
    for k in range(rounds):
        batch = replay.sample(size, random)
        if k >= rounds // 2:
            drawn.update(batch.index.tolist())
        losses = 0.5 + torch.rand(size, generator=random)
        losses[batch.index == odd] = bad
        replay.set_priorities(batch.index, losses)
        assert batch.weight.isfinite().all()
    count, total = len(replay), sum(drawn.values())
    assert len(drawn) == count  # each of them
    even = total / count
    if bad == 1e9:
        assert 3 * even < drawn[odd] < 20 * even  # often, and not itself alone
    else:
        assert 0.05 * even < drawn[odd] < 0.2 * even
    # and what is new comes in as if there were no such transition
    assert 0.8 < replay.new_priority < 2
    before = set(drawn)
    drivers.drive(20)
    shares = Counter(replay.sample(60_000, random).index.tolist())
    new = [shares[key] / (60_000 / len(replay)) for key in shares if key not in before]
    assert len(new) > 20 and 0.7 < np.mean(new) < 1.8


def test_all_losses_are_0():
    replay = new_replay(2, capacity=100, priority_exponent=0.7)
    Drivers(replay, 0).drive(40)
    known = replay.sample(4000, generator(0)).index.unique()
    replay.set_priorities(known, torch.zeros(len(known)))
    batch = replay.sample(40_000, generator(1))
    counts = Counter(batch.index.tolist())
    assert_frequencies(counts, {key: 1 / len(replay) for key in known.tolist()})
    assert torch.equal(batch.weight, torch.ones(40_000))


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32),
    count=st.sampled_from([1, 3, 511, 512, 513, 1025]),
    likely=st.lists(st.sampled_from([0.0, 1e-3, 1.0, 50.0]), min_size=1, max_size=6),
)
def test_draw(seed, count, likely):
    """As often as said, wherever it lies; what cannot be is not drawn."""
    likelihood = torch.tensor(np.resize(likely, count), dtype=torch.float32)
    if not likelihood.any():
        return
    drawn = draw(likelihood, 20_000, generator(seed))
    assert drawn.dtype == torch.int64 and (likelihood[drawn] > 0).all()
    # together where there are too few of each
    order = np.argsort(likelihood.numpy(), kind="stable")
    expected = likelihood.double().numpy()[order] / likelihood.double().sum().item() * 20_000
    found = np.bincount(drawn.numpy(), minlength=count)[order]
    bins = np.minimum(np.cumsum(expected) // 200, np.sum(expected) // 200 - 1).astype(int)
    sums = [np.bincount(bins, weights=x) for x in (expected, found)]
    used = sums[0] > 0
    assert used.sum() < 2 or stats.chisquare(sums[1][used], sums[0][used]).pvalue > 1e-6


def test_draw_what_is_unlikely():
    """One of a million that is a thousandth as likely as the others, and lies at the end."""
    likelihood = torch.ones(1_000_000)
    likelihood[-500_000:] = 1e-3
    drawn = draw(likelihood, 400_000, generator(0))
    found = int((drawn >= 500_000).sum())
    assert stats.binomtest(found, 400_000, 1e-3 / 1.001).pvalue > 1e-3
    late = drawn[drawn >= 500_000].double()
    assert stats.kstest((late - 500_000) / 500_000, "uniform").pvalue > 1e-3


def test_priorities_of_the_held_out():
    """They are drawn evenly, and not weighted."""
    replay = new_replay(1, capacity=5000, priority_exponent=1.0, test_share=0.5)
    Drivers(replay, 0, mean_length=50).drive(600)
    indices = replay.sample(20_000, generator(0)).index.unique()
    replay.set_priorities(indices, torch.linspace(0.1, 9, len(indices)))
    batch = replay.sample(40_000, generator(0), held_out=True)
    assert batch.weight is None
    count = replay.held_out_count()
    assert count > 100 and not set(batch.index.tolist()) & set(indices.tolist())
    counts = Counter(batch.index.tolist())
    assert_frequencies(counts, {key: 1 / count for key in counts})


def test_priorities_survive_a_new_size():
    replay, told = with_priorities(1, 0.0)
    batch = replay.sample(4000, generator(0))
    names = {key: told[index] for key, index in zip(keys_of(batch), batch.index.tolist())}
    replay.resize(200)
    counts = Counter(keys_of(replay.sample(40_000, generator(1))))
    assert_frequencies(counts, shares_of(names))
