"""A race does, bit for bit, the same alone, in any batch, on any number of threads, and resumed."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from tmnet.racing import RaceVectorEnv, Simulator, load_track

from ..checks import refused
from .driving import act, circle, equal, placed, straight

SIZES = [1, 2, 3, 7, 31, 33, 64, 100, 15]
BATCH = sum(SIZES)  # 256
STEPS = 36


@pytest.fixture(autouse=True)
def one_thread():
    """Again, after a test that takes another number."""
    yield
    torch.set_num_threads(1)


def started(simulator, random, count):
    """Races from everywhere: slow, fast, in flight, at walls, before the finish, nearly cut off."""
    track = random.integers(0, len(simulator.tracks), count)
    zones = np.array([len(each.zones) for each in simulator.tracks])[track]
    zone = (20 + random.random(count) * (zones - 1020 - 60)).astype(int)
    zone[1::8] = zones[1::8] - 1000 - random.integers(2, 60, len(zone[1::8]))  # before the finish
    zone[2::8] = 20
    ahead = random.uniform(0, 120, count)
    ahead[2::8] = 0
    slide, rise = random.uniform(-15, 15, (2, count)) * (random.random((2, count)) < 0.3)
    cars = placed(
        simulator,
        zone,
        left=random.uniform(-14.9, 14.9, count),
        up=random.choice([0, 0, 0, 3, 20], count),
        speed=np.stack([slide, rise, ahead], axis=1),
        yaw=random.uniform(-1, 1, count) * np.where(random.random(count) < 0.2, np.pi, 0.2),
        track=track,
    )
    idle = torch.from_numpy(np.where(np.arange(count) % 8 == 3, random.integers(0, 40, count), 0))
    return replace(cars, idle=idle, furthest=torch.where(idle > 0, cars.zone + 500, cars.furthest))


def environment(cars, following, numbers, image_size=(36, 40), tracks=("A01", "Hock")):
    """Those races, with the tracks that their environments turn to next."""
    env = RaceVectorEnv(tracks, num_envs=len(numbers), image_size=image_size)
    env.cars = cars.map(lambda each: each[..., numbers].contiguous())
    env.next_track = following[numbers]
    return env


def recorded(env, actions):
    """All that the steps give, one dictionary a step."""
    steps = []
    for action in actions:
        seen, reward, terminated, truncated, info = env.step(action)
        steps.append(seen | info | {"reward": reward, "end": terminated, "cut": truncated})
    return steps


def assert_same(some, all_, numbers):
    for step, (one, other) in enumerate(zip(some, all_, strict=True)):
        assert one.keys() == other.keys()
        for name in one:
            assert one[name].dtype == other[name].dtype
            assert torch.equal(one[name], other[name][numbers]), (step, name)


@pytest.fixture(scope="module")
def races():
    """256 races: how they begin, what they turn to, what they do, and what comes of it."""
    random = np.random.default_rng(1)
    simulator = Simulator([load_track("A01"), load_track("Hock")])
    cars = started(simulator, random, BATCH)
    following = torch.from_numpy(random.integers(0, 2, BATCH))
    actions = torch.from_numpy(random.integers(0, 12, (STEPS, BATCH)))
    actions[:, 1::2] = actions[::6, 1::2].repeat_interleave(6, dim=0)[:STEPS]
    whole = recorded(environment(cars, following, torch.arange(BATCH)), actions)
    return cars, following, actions, whole


def test_what_happens_in_these_races(races):
    """Finishes, cut-offs, new races, both tracks, flight, walls: all that could differ."""
    _, following, _, whole = races
    ends = torch.stack([step["end"] for step in whole])
    cuts = torch.stack([step["cut"] for step in whole])
    assert ends.any(0).sum() > 10 and cuts.any(0).sum() > 10
    assert ends.any(1).sum() > 5 and cuts.any(1).sum() > 5
    again = (ends | cuts)[:-1]
    assert torch.equal(
        torch.stack([step["reward"] for step in whole])[1:][again], again[again] * 0.0
    )
    new = torch.stack([step["track"] for step in whole])[1:][again]
    assert torch.equal(new, following.expand_as(again)[again]) and len(new.unique()) == 2
    floats = torch.stack([step["floats"] for step in whole])
    assert (floats[..., 25:29] == 0).any() and (floats[..., 38] == 1).any()
    assert len(whole[-1]["image"].unique(dim=0)) > 200


@pytest.mark.parametrize("part", range(len(SIZES)), ids=map(str, SIZES))
def test_smaller_batches(races, part):
    """The 256 races, cut into batches of 1, 2, 3, 7, 31, 33, 64, 100 and 15."""
    cars, following, actions, whole = races
    numbers = torch.arange(BATCH)[sum(SIZES[:part]) : sum(SIZES[: part + 1])]
    some = recorded(environment(cars, following, numbers), actions[:, numbers])
    assert_same(some, whole, numbers)


@pytest.mark.parametrize("number", [0, 1, 3, 17, 100, 130, 201, 255])
def test_alone(races, number):
    cars, following, actions, whole = races
    numbers = torch.tensor([number])
    some = recorded(environment(cars, following, numbers), actions[:, numbers])
    assert_same(some, whole, numbers)


def test_in_another_order(races):
    cars, following, actions, whole = races
    numbers = torch.from_numpy(np.random.default_rng(2).permutation(BATCH))
    some = recorded(environment(cars, following, numbers), actions[:, numbers])
    assert_same(some, whole, numbers)


@pytest.mark.parametrize("size, steps", [(256, 10), (33, 20), (1, 20)])
def test_threads(races, size, steps):
    cars, following, actions, whole = races
    numbers = torch.arange(size)
    torch.set_num_threads(2)
    some = recorded(environment(cars, following, numbers), actions[:steps, numbers])
    assert torch.get_num_threads() == 2
    assert_same(some, whole[:steps], numbers)


def test_order_of_tracks(races):
    """Where a track lies in the tables does not matter."""
    cars, following, actions, whole = races
    numbers = torch.arange(0, BATCH, 5)
    there = Simulator([straight(100), load_track("Hock"), load_track("A01")])
    here = Simulator([load_track("A01"), load_track("Hock")])
    track = 2 - cars.track
    move = there.start[track] - here.start[cars.track]
    moved = replace(cars, track=track, zone=cars.zone + move, furthest=cars.furthest + move)
    env = environment(moved, 2 - following, numbers, tracks=[straight(100), "Hock", "A01"])
    some = recorded(env, actions[:, numbers])
    for step in some:
        step["track"] = 2 - step["track"]
    assert_same(some, whole, numbers)


def test_beyond_the_finish_but_not_through_it():
    """A car that is beyond the line already, and rolls back, beside one that goes through it."""
    simulator = Simulator([straight(100)])
    zone = 20 + 199
    cars = placed(simulator, [zone, zone], left=[0, 3], speed=[[0, 0, -8.0], [0, 0, 30]])
    ahead = torch.tensor([[0.0, 0], [0, 0], [0.55, 0.2]])
    cars = replace(
        cars,
        position=cars.position + ahead,
        place=cars.place + ahead,
        passed=cars.passed + ahead[2],
    )
    assert cars.passed[0] > simulator.length[0] > cars.passed[1]
    alone = cars.map(lambda each: each[..., :1].contiguous())
    coast = torch.tensor([3, 3])
    both, one = simulator.act(cars, coast)[1], simulator.act(alone, coast[:1])[1]
    assert both.finished[1]
    for name in ("elapsed", "progress", "finished"):
        assert torch.equal(getattr(both, name)[:1], getattr(one, name)), name


def test_the_camera_and_the_numbers_do_not_matter_to_the_race(races):
    """Without images, and with larger ones, the same."""
    cars, following, actions, whole = races
    numbers = torch.arange(40)
    for size in (None, (64, 64)):
        env = environment(cars, following, numbers, image_size=size)
        for step, other in zip(recorded(env, actions[:20, numbers]), whole):
            step.pop("image", None)
            for name in step:
                assert torch.equal(step[name], other[name][numbers]), name


@pytest.mark.parametrize("seed", range(3))
def test_simulator_on_any_road(seed):
    """Batches of cars anywhere on bends and slopes, against each alone."""
    random = np.random.default_rng(seed)
    tracks = [circle(40, 2, -1), straight(300, 0.3), circle(25, 3)]
    simulator = Simulator(tracks)
    cars = started(simulator, random, 11)
    alone = [cars.map(lambda each, k=k: each[..., k : k + 1].contiguous()) for k in range(11)]
    for action in random.integers(0, 12, (40, 11)):
        cars = act(simulator, cars, action)
        alone = [act(simulator, one, [action[k]]) for k, one in enumerate(alone)]
    for k, one in enumerate(alone):
        assert equal(one, cars.map(lambda each, k=k: each[..., k : k + 1]))


# --- stopping and going on ----------------------------------------------------------------------


def saved(state):
    """After torch.save and torch.load."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("stored", [saved, dict], ids=["file", "memory"])
def test_resumed(races, stored):
    """From the middle, and from between the ends of races and their autoresets."""
    cars, following, actions, whole = races
    numbers = torch.arange(64)
    env = environment(cars, following, numbers)
    ends = torch.stack([step["end"] | step["cut"] for step in whole])[:, numbers]
    across = ends.any(1).nonzero()[:, 0][:3].tolist()
    states = {}
    for step in range(25):
        if step in (0, 10, *(step + 1 for step in across)):
            states[step] = stored(env.state_dict())
        env.step(actions[step, numbers])
    assert len(states) >= 4
    for step, state in states.items():
        other = RaceVectorEnv(num_envs=64, image_size=(36, 40))
        other.step(actions[0, numbers])
        other.load_state_dict(state)
        last = min(step + 8, STEPS)
        assert_same(recorded(other, actions[step:last, numbers]), whole[step:last], numbers)


def test_state_is_not_shared():
    """Neither what was given out nor what was taken in changes with the races."""
    env = RaceVectorEnv(num_envs=3, image_size=None)
    state = env.state_dict()
    copy = {name: value.clone() for name, value in state.items()}
    env.step(np.array([0, 1, 2]))
    env.next_track[:] = 1
    assert all(torch.equal(state[name], copy[name]) for name in copy)
    env.load_state_dict(state)
    env.step(np.array([0, 1, 2]))
    env.next_track[:] = 1
    env.reset()
    assert all(torch.equal(state[name], copy[name]) for name in copy)
    assert all(isinstance(value, torch.Tensor) for value in state.values())


def test_state_of_another_environment():
    env, other = (RaceVectorEnv(num_envs=count, image_size=None) for count in (3, 2))
    state = env.state_dict()
    less = {name: value for name, value in state.items() if name != "steer"}
    wrong = [other.state_dict(), {}, less, state | {"wings": torch.zeros(3)}]
    wrong += [state | {"steer": torch.zeros(3, 1)}]
    before = env.state_dict()
    for each in wrong:
        refused(lambda each=each: env.load_state_dict(each), "3 races")
    assert all(torch.equal(value, before[name]) for name, value in env.state_dict().items())
    env.step(np.zeros(3, int))


def test_state_of_other_tracks():
    """Its zones are not in this environment's tables."""
    state = RaceVectorEnv(["A01", "Hock"], num_envs=2, image_size=None).state_dict()
    for tracks in ([straight(100)], ["Hock", "A01"], ["A01", straight(100)]):
        env = RaceVectorEnv(tracks, num_envs=2, image_size=None)
        refused(lambda env=env: env.load_state_dict(state))


# --- seeds --------------------------------------------------------------------------------------


def test_seeds():
    """Of the sampling of actions only: the same by the constructor, by reset, or by the space."""

    def samples(env):
        return [env.action_space.sample().tolist() for _ in range(5)]

    def made(seed):
        return RaceVectorEnv(["A01"], num_envs=6, image_size=None, seed=seed)

    first, again, other = made(3), made(3), made(4)
    drawn = samples(first)
    assert drawn == samples(again) != samples(other)
    other.reset(seed=3)
    assert samples(other) == drawn
    first.action_space.seed(3)
    first.reset()
    assert samples(first) == drawn
    assert equal(made(1).cars, made(2).cars)
