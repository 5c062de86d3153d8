"""What the memory gives, against walks along the races that were driven."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from tmnet.experiments.config import Memory, Training
from tmnet.training.memory import (
    RUNNING,
    STARTING,
    TERMINATED,
    TRUNCATED,
    TransitionMemory,
    mini_race_moments,
)

from ..networks.nets import generator

FLOATS = 66  # 62 to 64 are the point of the centre line that the potential looks at
LOST = "lost"  # how a race ends that was interrupted
CPU = torch.device("cpu")


def new_replay(num_envs=2, image=None, n_steps=3, capacity=10_000, mini=0, shaping=False,
               n_floats=FLOATS, **more) -> TransitionMemory:  # fmt: skip
    training = Training(n_steps=n_steps, mini_race_actions=mini, potential_shaping=shaping)
    options = {"test_share": 0.0, "importance_exponent": 0.0, "schedule": ((0, 10, 1),)} | more
    memory = Memory(**options)
    return TransitionMemory(num_envs, image, n_floats, capacity, training, memory, CPU)


# --- races, as lists ----------------------------------------------------------------------------


@dataclass
class Step:
    row: int
    action: int
    greedy: bool
    reward: float
    gamma: float


@dataclass
class Race:
    """Frames 0, 1, …; step k leads from frame k to frame k + 1."""

    frames: list = field(default_factory=list)  # (image, floats)
    steps: list[Step] = field(default_factory=list)
    end: int | str = RUNNING


class Drivers:
    """Drives random races in several environments, and keeps them as lists.

    Floats are random but for 1 and 2: environment and row, by which a frame is recognised.
    """

    def __init__(
        self, replay: TransitionMemory, seed: int, image=None, greedy=0.6, mean_length=9, gamma=None
    ):
        self.replay, self.image, self.greedy, self.gamma = replay, image, greedy, gamma
        self.mean_length = mean_length
        self.random = np.random.default_rng(seed)
        self.generator = generator(seed)
        self.races = [[Race()] for _ in range(replay.num_envs)]
        self.rows = self.fresh = 0

    def drive(self, rows: int) -> None:
        for _ in range(rows):
            self._add()

    def _add(self) -> None:
        random, count = self.random, self.replay.num_envs
        floats = random.normal(size=(count, FLOATS)).astype(np.float32)
        floats[:, 62:65] *= random.choice([0.5, 5, 20], size=(count, 1))  # 0 .. 60 m
        floats[:, 1], floats[:, 2] = np.arange(count), self.rows
        image = None
        if self.image:
            image = torch.from_numpy(
                random.integers(256, size=(count, *self.image), dtype=np.uint8)
            )
        action = random.integers(12, size=count)
        greedy = random.random(count) < self.greedy
        reward = random.normal(size=count).astype(np.float32)
        gamma = self.gamma or float(random.uniform(0.5, 1))
        end = np.zeros(count, dtype=int)
        for env, races in enumerate(self.races):
            race = races[-1]
            race.frames.append((None if image is None else image[env].numpy(), floats[env]))
            if race.end in (TERMINATED, TRUNCATED):  # this is the frame after its end
                end[env] = STARTING
                races.append(Race())
                continue
            step = Step(self.rows, action[env], greedy[env], float(reward[env]), gamma)
            race.steps.append(step)
            if random.random() < 1 / self.mean_length:
                race.end = end[env] = random.choice([TERMINATED, TRUNCATED])
        as_tensor = torch.from_numpy
        self.fresh += self.replay.add(
            image, as_tensor(floats.copy()), as_tensor(action), as_tensor(greedy),
            as_tensor(reward), as_tensor(end).to(torch.uint8), gamma, self.generator,
        )  # fmt: skip
        self.rows += 1

    def interrupt(self) -> None:
        """Go on with other races."""
        self.replay.interrupt()
        for races in self.races:
            if races[-1].end == RUNNING:
                races[-1].end = LOST
            races.append(Race())

    def all_steps(self) -> dict[tuple[int, int], tuple[Race, int]]:
        """Where in which race an environment was in a row."""
        return {
            (env, step.row): (race, k)
            for env, races in enumerate(self.races)
            for race in races
            for k, step in enumerate(race.steps)
        }


@dataclass
class Walked:
    n: int
    reward: float
    discount: float
    next_frame: tuple


def potential(frame) -> float:
    x, y, z = frame[1][62:65].astype(float)
    return -0.1 * min(max((x * x + y * y + z * z) ** 0.5, 2), 25)


def walk(race: Race, k: int, t: int | None, n_steps: int, mini: int, shaping: bool) -> Walked:
    """What comes of step k at moment t, one step after the other; IndexError if not known yet."""
    gamma, worth, discount, n = race.steps[k].gamma, 0.0, 1.0, 0
    terminal = False
    while True:
        if not mini or t + n < mini:
            worth += discount * race.steps[k + n].reward
            discount *= gamma
        n += 1
        if k + n == len(race.steps) and race.end in (TERMINATED, TRUNCATED):
            terminal = race.end == TERMINATED
            break
        if n == n_steps or not race.steps[k + n].greedy:
            break
    if terminal or (mini and t + n >= mini):
        discount = 0.0
    after = race.frames[k + n]
    if shaping:
        worth += (discount * potential(after) if discount else 0) - potential(race.frames[k])
    return Walked(n, worth, discount, after)


def knows(race: Race, k: int, n_steps: int) -> bool:
    """Whether a transition can be told by now."""
    try:
        walk(race, k, 0, n_steps, 0, False)
    except IndexError:
        return False
    return True


def keys_of(batch) -> list[tuple[int, int]]:
    """Environment and row of each transition."""
    return [tuple(x) for x in batch.floats[:, 1:3].int().tolist()]


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


@settings(max_examples=20, deadline=None)
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


@settings(max_examples=15, deadline=None)
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


# --- interruptions ------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
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


# --- transitions that are held out --------------------------------------------------------------


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


# --- priorities ---------------------------------------------------------------------------------


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
    total = sum(priority**exponent for priority in told.values())
    shares = {index: priority**exponent / total for index, priority in told.items()}
    assert_frequencies(Counter(batch.index.tolist()), shares)
    assert torch.equal(batch.weight, torch.ones(40_000))  # no importance


@pytest.mark.parametrize("exponent, importance", [(1, 1), (0.5, 0.4), (2, 0.7)])
def test_importance(exponent, importance):
    """(count x probability)^-importance, the largest of the batch being 1."""
    replay, told = with_priorities(exponent, importance)
    batch = replay.sample(64, generator(2))
    total = sum(priority**exponent for priority in told.values())
    weights = [
        (len(told) * told[index] ** exponent / total) ** -importance
        for index in batch.index.tolist()
    ]
    expected = np.array(weights) / max(weights)
    assert batch.weight.dtype == torch.float32
    np.testing.assert_allclose(batch.weight.numpy(), expected, rtol=1e-5)


def test_new_ones_come_first():
    """What has not been learned from yet is as likely as the likeliest so far."""
    replay = new_replay(1, capacity=1000, priority_exponent=1.0)
    drivers = Drivers(replay, 0)
    drivers.drive(40)
    old = replay.sample(3000, generator(0)).index.unique().tolist()
    priorities = dict.fromkeys(old, 0.1) | {old[0]: 5.0}
    replay.set_priorities(torch.tensor(old), torch.tensor(list(priorities.values())))
    replay.set_priorities(torch.tensor(old[1:]), torch.full((len(old) - 1,), 0.1))
    drivers.drive(9)
    count = len(replay)
    counts = Counter(replay.sample(50_000, generator(0)).index.tolist())
    # Rows that were there, but could not be drawn yet, have what was the highest before: 1.
    new = {key: 5.0 if key >= 40 else 1.0 for key in counts if key not in priorities}
    assert sum(key >= 40 for key in new) > 2
    priorities |= new
    assert len(priorities) == count
    total = sum(priorities.values())
    assert_frequencies(counts, {key: value / total for key, value in priorities.items()})


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
    total = sum(names.values())
    assert_frequencies(counts, {key: value / total for key, value in names.items()})


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
