"""What the memory gives, against walks along the races that were driven."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tmnet.training.memory import (
    RUNNING,
    STARTING,
    TERMINATED,
    TRUNCATED,
    TransitionMemory,
)

from ..networks.nets import generator
from .memories import FLOATS, Drivers, keys_of, knows, new_replay, potential, walk

# --- races, as lists ----------------------------------------------------------------------------


def check_batch(drivers: Drivers, batch, most: int) -> None:
    """Each of the first transitions is what a walk along its race gives."""
    replay, steps = drivers.replay, drivers.all_steps()
    for i, key in enumerate(keys_of(batch)[:most]):
        race, k = steps[key]
        t = int(batch.floats[i, 0]) if replay.mini_race_actions else None
        walked = walk(race, k, t, replay.n_steps, replay.mini_race_actions, replay.shaping)
        assert batch.action[i] == race.steps[k].action
        assert batch.reward[i].item() == pytest.approx(walked.reward, rel=1e-5, abs=1e-5)
        assert batch.discount[i].item() == pytest.approx(walked.discount, rel=1e-5)
        pairs = [
            (batch.image, batch.floats, race.frames[k], t),
            (batch.next_image, batch.next_floats, walked.next_frame,
             None if t is None else t + walked.n),
        ]  # fmt: skip
        for image, floats, frame, moment in pairs:
            if image is not None:
                assert np.array_equal(image[i].numpy(), frame[0])
            expected = frame[1].copy()
            if moment is not None:
                expected[0] = moment
            assert np.array_equal(floats[i].numpy(), expected)


# --- transitions --------------------------------------------------------------------------------


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**32),
    num_envs=st.integers(1, 4),
    n_steps=st.integers(1, 5),
    mini=st.sampled_from([0, 1, 4, 12, 140]),
    shaping=st.booleans(),
    image=st.sampled_from([None, (1, 2, 3)]),
    capacities=st.lists(st.integers(1, 120), min_size=3, max_size=6),
    mean_length=st.sampled_from([1, 3, 9, 40]),
)
@example(0, 2, 3, 140, True, (1, 2, 3), [60, 5, 120, 40], 9)
@example(1, 3, 3, 0, False, None, [30, 30, 30, 90, 30], 3)
def test_transitions(seed, num_envs, n_steps, mini, shaping, image, capacities, mean_length):
    """Rings that wrap and change their size; all that is drawn is true, and nothing is left out."""
    replay = new_replay(num_envs, image, n_steps, capacities[0], mini, shaping)
    drivers = Drivers(replay, seed, image, mean_length=mean_length)
    sampling = generator(seed + 1)
    # From which row on transitions must be, and may be, remembered: the capacity in whole rows,
    # or one row more.
    must = may = 0
    for capacity in capacities:
        rows = -(-capacity // num_envs)
        replay.resize(capacity)
        for chunk in (0, 7, 30):
            for _ in range(chunk):
                drivers.drive(1)
                newest = drivers.rows - 1 - n_steps  # that is certain to be whole
                must, may = max(must, newest - rows + 1), max(may, newest - rows)
            newest = drivers.rows - 1 - n_steps
            must, may = max(must, newest - rows + 1), max(may, newest - rows)
            steps = drivers.all_steps()
            known = {key for key in steps if knows(*steps[key], n_steps)}
            required = {(env, row) for env, row in steps if must <= row <= newest}
            assert required <= known
            count = len(replay)
            if not count:
                assert not required
                continue
            batch = replay.sample(25 * count + 100, sampling)
            drawn = set(keys_of(batch))
            assert len(drawn) == count
            assert required <= drawn <= {key for key in known if key[1] >= may}
            check_batch(drivers, batch, 150)
    assert batch.weight is None


def test_types():
    replay = new_replay(image=(1, 2, 3), mini=140)
    Drivers(replay, 0, (1, 2, 3)).drive(30)
    batch = replay.sample(5, generator(0))
    floats = {"floats", "next_floats", "reward", "discount"}
    for name, value in vars(batch).items():
        if name == "weight":
            assert value is None
            continue
        kind = torch.uint8 if "image" in name else torch.int64
        assert value.dtype == (torch.float32 if name in floats else kind), name
        assert len(value) == 5
    assert batch.image.shape == batch.next_image.shape == (5, 1, 2, 3)


def test_images_alone():
    replay = new_replay(image=(1, 2, 3), n_floats=0)
    random = generator(0)
    images = torch.randint(256, (20, 2, 1, 2, 3), dtype=torch.uint8, generator=random)
    ones, zeros = torch.ones(2), torch.zeros(2, dtype=torch.int64)
    for image in images:
        replay.add(image, None, zeros, ones.bool(), ones, zeros, 1.0, random)
    batch = replay.sample(50, random)
    assert batch.floats is None and batch.next_floats is None
    for image, after in zip(batch.image, batch.next_image):
        (row, env) = (images == image).flatten(2).all(dim=2).nonzero()[0]
        assert torch.equal(after, images[row + 3, env])


def test_three_steps_by_hand():
    """One race of five steps; the fourth action explores."""
    replay = new_replay(num_envs=1, n_floats=1)
    greedy = [False, True, True, False, True, True, True, True, True]
    rewards = [1.0, 10, 100, 1000, 10_000, 7, 7, 7, 7]
    ends = [RUNNING] * 4 + [TERMINATED, STARTING] + [RUNNING] * 3
    gammas = [0.5, 0.9, 0.5, 1.0, 0.25, 1, 1, 1, 1]
    counts = [
        replay.add(
            None, torch.tensor([[float(i)]]), torch.tensor([i]), torch.tensor([greedy[i]]),
            torch.tensor([rewards[i]]), torch.tensor([ends[i]]), gammas[i], generator(0),
        )
        for i in range(9)
    ]  # fmt: skip
    assert counts == [0, 0, 0, 1, 1, 1, 1, 1, 0]  # row 5 is none
    batch = replay.sample(200, generator(0))
    found = {
        int(state): (int(action), reward, discount, int(after))
        for state, action, reward, discount, after in zip(
            *(x.flatten().tolist() for x in (batch.floats, batch.action, batch.reward,
                                             batch.discount, batch.next_floats))
        )
    }  # fmt: skip
    assert found == {
        0: (0, 1 + 5 + 25, 0.125, 3),
        1: (1, 10 + 90, pytest.approx(0.81), 3),
        2: (2, 100, 0.5, 3),
        3: (3, 1000 + 10_000, 0, 5),
        4: (4, 10_000, 0, 5),
    }


@pytest.mark.parametrize(
    "t, reward, discount",
    [(0, 7, 1), (136, 7, 1), (137, 7, 0), (138, 3, 0), (139, 1, 0)],
)
def test_end_of_mini_race_by_hand(t, reward, discount):
    """Three steps of 1, 2 and 4, of which those before moment 140 count."""
    replay = new_replay(num_envs=1, mini=140)
    seen, ones = torch.zeros(1, FLOATS), torch.ones(1)
    for i in range(4):
        replay.add(None, seen, ones, ones.bool(), ones * 2**i, 0 * ones, 1.0, generator(0))
    for seed in range(3):
        batch = replay.sample(3000, generator(seed))
        of_moment = batch.floats[:, 0] == t
        assert of_moment.any()
        assert set(batch.reward[of_moment].tolist()) == {reward}
        assert set(batch.discount[of_moment].tolist()) == {discount}
        assert set(batch.next_floats[of_moment, 0].tolist()) == {t + 3}


@pytest.mark.parametrize("end", [TERMINATED, TRUNCATED])
@pytest.mark.parametrize("n_steps", [1, 3])
def test_shaping_telescopes(end, n_steps):
    """Along a race it adds what does not depend on the way: -Phi of its start, and what it ends in,
    which is nothing where the race terminates."""
    gamma, length = 0.97, 30
    shaped, plain = (new_replay(1, None, n_steps, shaping=shaping) for shaping in (True, False))
    sampling = generator(0)
    frames = 8 * torch.randn(length + n_steps + 2, 1, FLOATS, generator=sampling)
    frames[:, 0, 1] = torch.arange(len(frames))
    ends = [RUNNING] * (length - 1) + [end, STARTING] + [RUNNING] * (n_steps + 1)
    one = torch.ones(1)
    for replay in (shaped, plain):
        for row, (seen, what) in enumerate(zip(frames, ends)):
            replay.add(
                None, seen, one, one.bool(), one * row, torch.tensor([what]), gamma, sampling
            )
    added = {}
    for replay, sign in ((shaped, 1), (plain, -1)):
        batch = replay.sample(2000, generator(1))
        rewards = dict(zip(batch.floats[:, 1].int().tolist(), batch.reward.double().tolist()))
        for row in range(length):
            added[row] = added.get(row, 0) + sign * rewards[row]
    total = sum(gamma**row * added[row] for row in range(0, length, n_steps))
    first, last = (potential((None, frames[row, 0].numpy())) for row in (0, length))
    expected = (gamma**length * last if end == TRUNCATED else 0) - first
    assert total == pytest.approx(expected, abs=1e-4)
    assert sum(map(abs, added.values())) > 10 * abs(total)  # though each step's is not small


# --- interruptions ------------------------------------------------------------------------------


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**32),
    n_steps=st.integers(1, 4),
    before=st.integers(0, 30),
    after=st.integers(0, 30),
    capacity=st.sampled_from([24, 1000]),
)
@example(0, 3, 2, 30, 1000)
def test_interrupt(seed, n_steps, before, after, capacity):
    """Nothing leads from before it to after it; all else stays as it was."""
    replay = new_replay(2, n_steps=n_steps, capacity=capacity, mini=12, shaping=True)
    drivers = Drivers(replay, seed, mean_length=8)
    drivers.drive(before)
    drivers.interrupt()
    drivers.drive(after)
    steps = drivers.all_steps()
    rows = [*range(before - n_steps), *range(before, drivers.rows - n_steps)]
    oldest = drivers.rows - n_steps - capacity // 2
    required = {(env, row) for env, row in steps if row in rows and row >= oldest}
    if not len(replay):
        assert not required
        return
    batch = replay.sample(40 * len(replay), generator(seed))
    assert required <= set(keys_of(batch)) <= {key for key in steps if knows(*steps[key], n_steps)}
    check_batch(drivers, batch, 200)


# --- remembering what another one did -----------------------------------------------------------


def equal(one, other) -> bool:
    pairs = zip(vars(one).values(), vars(other).values())
    return all(a is b is None or torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("priority", [0.0, 0.6])
@pytest.mark.parametrize(
    "rows, sizes", [(0, []), (10, []), (100, []), (100, [50]), (60, [20, 200])]
)
def test_state(rows, sizes, priority):
    """Through a file: the same draws, now and after more races, whatever its size was."""
    options = {
        "image": (1, 2, 3), "mini": 140, "shaping": True, "test_share": 0.4,
        "priority_exponent": priority, "importance_exponent": 0.4,
    }  # fmt: skip
    replay, copy = (new_replay(3, capacity=capacity, **options) for capacity in (90, 33))
    drivers = Drivers(replay, 0, (1, 2, 3), mean_length=40)
    drivers.drive(rows)
    for size in sizes:
        replay.resize(size)
        drivers.drive(7)
    if priority and len(replay):
        indices = replay.sample(200, generator(0)).index
        replay.set_priorities(indices, 1.0 + indices % 5)
    file = io.BytesIO()
    torch.save(replay.state_dict(), file)
    file.seek(0)
    copy.load_state_dict(torch.load(file, weights_only=True))
    assert copy.bytes() == replay.bytes()
    for _ in range(3):
        assert len(copy) == len(replay) and copy.held_out_count() == replay.held_out_count()
        for held_out in (False, True):
            if replay.held_out_count() if held_out else len(replay):
                drawn = (x.sample(80, generator(1), held_out) for x in (replay, copy))
                assert equal(*drawn)
        more = [Drivers(x, 5, (1, 2, 3), mean_length=40) for x in (replay, copy)]
        for one in more:
            one.drive(30)
        assert more[0].fresh == more[1].fresh > 0
        for x in (replay, copy):
            x.resize(120)


def test_a_batch_is_a_copy():
    """To change it changes nothing that is remembered."""
    replay = new_replay(image=(1, 2, 3))
    Drivers(replay, 0, (1, 2, 3)).drive(30)
    first = replay.sample(20, generator(0))
    kept = replace(first, **{k: v if v is None else v.clone() for k, v in vars(first).items()})
    for tensor in vars(first).values():
        if tensor is not None:
            tensor.zero_()
    assert equal(replay.sample(20, generator(0)), kept)


# --- bytes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("image, floats", [(None, 66), ((1, 8, 9), 66), ((1, 8, 9), 0)])
def test_bytes(image, floats):
    """What is said beforehand is what it takes, give or take a few rows."""
    said = TransitionMemory.bytes_of(4, image, floats, 8000)
    replay = new_replay(4, image, n_floats=floats, capacity=8000)
    assert said == pytest.approx(replay.bytes(), rel=0.02)
    pixels = 72 if image else 0
    assert said >= 8000 * (pixels + 4 * floats)
