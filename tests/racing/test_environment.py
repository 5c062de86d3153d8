"""The races as Gymnasium environments: spaces, ends, rewards, times, and what is refused."""

import warnings
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.racing import RaceEnv, RaceVectorEnv, drive, load_track

from .driving import circle, equal, numbers, placed, refused, straight

LIMIT = 6000  # actions in 300 s


def vector(tracks, count=1, **options):
    return RaceVectorEnv(tracks, num_envs=count, **({"image_size": None} | options))


def before_finish(env, metres, *, speed, left=0.0, up=0.0):
    """Put every car so far before the finish of a straight, level road."""
    length = env.tracks[0].length
    zone = 20 + int((length - np.max(metres)) / 0.5)
    cars = placed(env.simulator, np.full(env.num_envs, zone), left=left, up=up, speed=speed)
    more = torch.zeros(3, env.num_envs)
    more[2] = torch.as_tensor(length - np.asarray(metres) - (zone - 20) * 0.5)
    env.cars = replace(
        cars,
        position=cars.position + more,
        place=cars.place + more,
        passed=cars.passed + more[2],
    )


# --- Gymnasium's own checks, and the spaces -----------------------------------------------------


@pytest.mark.parametrize("track", ["A01", "Hock"])
@pytest.mark.parametrize("image_size", [None, (64, 64), (30, 50)])
def test_check_env(track, image_size):
    """Any warning of it is an error."""
    env = gymnasium.make(
        "tmnet/Race-v0", track=track, image_size=image_size, render_mode="rgb_array"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    env.close()


def test_made_with_wrappers():
    """`gymnasium.make` as it is: order is enforced, spaces are checked."""
    env = gymnasium.make("tmnet/Race-v0", track="A01", image_size=(20, 30))
    seen, info = env.reset(seed=1)
    assert seen["image"].shape == (1, 20, 30) and set(info) == {"time_s", "progress_m", "track"}
    for action in (0, np.int64(4), 11):
        seen, reward, terminated, truncated, info = env.step(action)
        assert type(reward) is float and terminated is truncated is False
        assert seen in env.observation_space
    assert info["time_s"] == pytest.approx(0.15) and 0 < info["progress_m"] < 0.5
    assert env.unwrapped.metadata["render_fps"] == 20
    env.close()


def test_single_is_a_batch_of_one():
    env, races = RaceEnv("Hock", (20, 20)), RaceVectorEnv("Hock", 1, (20, 20))
    random = np.random.default_rng(0)
    (seen, info), (others, infos) = env.reset(), races.reset()
    for _ in range(60):
        assert all(np.array_equal(seen[name], others[name][0]) for name in seen)
        for name, value in info.items():
            assert value == round(infos[name].item(), 3)
        action = int(random.integers(0, 12))
        seen, reward, terminated, truncated, info = env.step(action)
        others, *values, infos = races.step(torch.tensor([action]))
        assert [reward, terminated, truncated] == [value.item() for value in values]
    assert env.render() is None


def test_spaces():
    env = RaceVectorEnv(["A01"], num_envs=5, image_size=(24, 48))
    assert env.single_action_space == gymnasium.spaces.Discrete(12)
    assert env.action_space == gymnasium.spaces.MultiDiscrete([12] * 5)
    assert set(env.single_observation_space) == {"floats", "image"}
    assert env.single_observation_space["floats"].shape == (184,)
    assert env.single_observation_space["image"] == gymnasium.spaces.Box(
        0, 255, (1, 24, 48), np.uint8
    )
    assert env.observation_space["image"].shape == (5, 1, 24, 48)
    assert env.metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.NEXT_STEP
    assert set(vector(["A01"]).single_observation_space) == {"floats"}


def assert_inside(env, seen):
    """Every value is within the space, and none is not a number."""
    space = env.observation_space
    for name, value in seen.items():
        array, box = value.numpy(), space[name]
        assert array.shape == box.shape and array.dtype == box.dtype
        outside = ~((box.low <= array) & (array <= box.high))
        assert not outside.any(), (name, np.argwhere(outside)[:5], array[outside][:5])


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([1, 4, 20]))
def test_random_races_are_inside_the_space(seed, rate):
    """From the start, and from far along the road at any speed."""
    random = np.random.default_rng(seed)
    env = RaceVectorEnv(num_envs=32, image_size=(16, 16))
    length = np.array([len(track.zones) for track in env.tracks])[np.arange(32) % 2]
    zone = np.where(np.arange(32) < 16, 20, 20 + random.random(32) * (length - 1030))
    env.cars = placed(
        env.simulator,
        zone.astype(int),
        left=random.uniform(-9, 9, 32) * (zone > 20),
        speed=random.uniform(0, 110, 32) * (zone > 20),
        yaw=random.uniform(-0.2, 0.2, 32),
        track=np.arange(32) % 2,
    )
    for step in range(90):
        if step % rate == 0:
            action = random.integers(0, 12, 32)
        seen, *_ = env.step(action)
        assert_inside(env, seen)


def test_fast_backwards_is_inside_the_space():
    env = vector([straight(500)])
    env.cars = placed(env.simulator, 500, speed=-110.0)
    seen, *_ = env.step(np.array([3]))
    assert_inside(env, seen)


def test_observations_are_copies():
    """What was seen does not change later, and can be trained on."""
    env = RaceVectorEnv(["A01"], num_envs=2, image_size=(16, 16))
    first, _ = env.reset()
    copies = {name: value.clone() for name, value in first.items()}
    second, reward, *_ = env.step(np.array([0, 1]))
    env.step(np.array([0, 1]))
    assert all(torch.equal(first[name], copies[name]) for name in first)
    assert not any(value.is_inference() for value in [*first.values(), *second.values()])
    weight = torch.ones(184, requires_grad=True)
    (second["floats"] @ weight).sum().backward()
    first["floats"].zero_()
    assert reward.dtype == torch.float32


# --- the ends of races --------------------------------------------------------------------------


def test_next_step_autoreset():
    """The step after the end begins the next race, without reward, whatever its action."""
    env = RaceVectorEnv([straight(200)], num_envs=3, image_size=(16, 16))
    start, info = env.reset()
    assert info["time_s"].tolist() == info["progress_m"].tolist() == [0, 0, 0]
    before_finish(env, [0.5, 60, 100], speed=30.0)
    _, reward, terminated, truncated, info = env.step(np.array([3, 3, 3]))
    assert terminated.tolist() == [True, False, False] and not truncated.any()
    assert info["progress_m"][0] == pytest.approx(env.tracks[0].length)
    last = env.cars.map(torch.clone)
    seen, reward, terminated, truncated, info = env.step(np.array([1, 3, 3]))
    assert not terminated.any() and not truncated.any()
    assert reward[0] == 0 and (reward[1:] != 0).all()
    assert info["time_s"].tolist() == pytest.approx([0, 0.1, 0.1])
    assert info["progress_m"][0] == 0
    assert env.cars.actions.tolist() == [0, 2, 2]
    for name in seen:
        assert torch.equal(seen[name][0], start[name][0])
        assert not torch.equal(seen[name][1], start[name][1])
    assert env.cars.zone[0] == 20 and env.cars.zone[1] > last.zone[1]
    _, reward, *_, info = env.step(np.array([0, 3, 3]))
    assert reward[0] < 0 and info["time_s"].tolist() == pytest.approx([0.05, 0.15, 0.15])


def test_infos_have_masks():
    env = RaceVectorEnv(num_envs=4, image_size=None)
    for info in (env.reset()[1], env.step(np.zeros(4, int))[-1]):
        assert set(info) == {f"{mask}{name}" for mask in ("", "_") for name in INFOS}
        for name in INFOS:
            assert info["_" + name].dtype == torch.bool and info["_" + name].tolist() == [True] * 4
            assert info[name].shape == (4,)
        assert info["track"].tolist() == [0, 1, 0, 1]


INFOS = ("time_s", "progress_m", "track")


def test_standing_still_is_cut_off_after_two_seconds():
    env = RaceVectorEnv(num_envs=2, image_size=None)
    for step in range(1, 41):
        _, _, terminated, truncated, info = env.step(np.array([3, 5]))
        assert truncated.tolist() == [step == 40] * 2 and not terminated.any()
    assert info["time_s"].tolist() == [2, 2]
    _, reward, _, truncated, info = env.step(np.array([0, 0]))
    assert reward.tolist() == info["time_s"].tolist() == [0, 0] and not truncated.any()
    for step in range(1, 41):
        _, _, _, truncated, _ = env.step(np.array([3, 0]))
        assert truncated.tolist() == [step == 40, False]


def test_only_a_new_furthest_zone_counts():
    """Driving on where one has been already does not help; the furthest zone itself does not."""
    env = vector([straight(200)], 3)
    cars = placed(env.simulator, [100, 100, 100], speed=5.0)
    furthest = torch.tensor([100, 103, 300])
    env.cars = replace(cars, furthest=furthest, idle=torch.tensor([0, 38, 38]))
    ends = []
    for _ in range(5):
        _, _, _, truncated, _ = env.step(np.array([3, 3, 3]))
        ends.append(truncated.tolist())
        if truncated[2]:
            break
    assert ends == [[False, False, False], [False, True, True]]


def test_idle_begins_again_with_a_new_zone():
    env = vector([straight(200)], 1)
    env.cars = replace(placed(env.simulator, 100, speed=10.5), idle=torch.tensor([39]))
    _, _, _, truncated, _ = env.step(np.array([3]))
    assert not truncated and env.cars.idle == 0 and env.cars.furthest == 101


def test_slow_is_not_cut_off():
    """Half a metre in less than 2 s, for 5 s."""
    env = vector([straight(200)], 1)
    env.cars = placed(env.simulator, 100, speed=0.4)
    for _ in range(100):
        env.cars = replace(
            env.cars,
            speed=torch.tensor([[0.0], [0], [0.4]]),
            velocity=torch.tensor([[0.0], [0], [0.4]]),
        )
        _, _, terminated, truncated, _ = env.step(np.array([3]))
        assert not truncated and not terminated


@pytest.mark.parametrize("done", [LIMIT - 2, LIMIT - 1])
def test_cut_off_after_300_seconds(done):
    env = vector([straight(2000)], 2)
    cars = placed(env.simulator, [100, 100], speed=20.0)
    env.cars = replace(cars, actions=torch.tensor([done, 0]))
    for step in range(done + 1, LIMIT + 1):
        _, _, terminated, truncated, _ = env.step(np.array([0, 0]))
        assert truncated.tolist() == [step == LIMIT, False] and not terminated.any()
    env.step(np.array([0, 0]))
    assert env.cars.actions.tolist() == [0, LIMIT - done + 1]


@pytest.mark.parametrize("actions, idle", [(LIMIT - 1, 0), (0, 39), (LIMIT - 1, 39)])
def test_finish_in_the_last_action(actions, idle):
    """Terminated, and not truncated; a race beside it that does not finish is truncated."""
    env = vector([straight(200)], 2)
    before_finish(env, [1.0, 20.0], speed=40.0)
    env.cars = replace(
        env.cars,
        actions=torch.tensor([actions] * 2),
        idle=torch.tensor([idle] * 2),
        furthest=env.cars.zone + 1000 * (idle > 0),
    )
    _, _, terminated, truncated, _ = env.step(np.array([3, 3]))
    assert terminated.tolist() == [True, False] and truncated.tolist() == [False, True]
    _, _, terminated, truncated, _ = env.step(np.array([3, 3]))
    assert not terminated.any() and not truncated.any()


def test_driving_backwards():
    """Progress and reward fall, and it is cut off; nothing is finished that way."""
    env = vector([straight(200)], 1)
    progress, total = [0.0], 0.0
    for step in range(1, 41):
        seen, reward, terminated, truncated, info = env.step(np.array([6]))
        assert truncated.item() == (step == 40) and not terminated
        progress.append(info["progress_m"].item())
        assert_inside(env, seen)
        total += reward.item()
    assert (np.diff(progress) < 0).all() and progress[-1] < -5
    assert total == pytest.approx(-0.0012 * 2000 + 0.01 * progress[-1], abs=1e-4)


def test_turned_around_on_the_way():
    """The way back counts as lost metres, down to the point where the car is."""
    env = vector([straight(300)], 1)
    env.cars = placed(env.simulator, 320, speed=30.0, yaw=np.pi)
    for _ in range(1, 41):
        *_, truncated, info = env.step(np.array([3]))
        assert info["progress_m"] == pytest.approx(env.cars.position[2].item(), abs=1e-3)
    assert truncated and info["progress_m"] < 110


def test_leaving_the_road():
    """At the wall: on grass, slower than on the road, still in the race."""
    env = vector([straight(1000)], 2)
    env.cars = placed(env.simulator, [100, 100], speed=30.0)
    for step in range(60):
        seen, *_, info = env.step(np.array([1 if step < 8 else 0, 0]))
        assert_inside(env, seen)
    side = env.cars.place[0]
    assert 10 < side[0] < 15.1 and side[1] == 0
    floats = numbers(seen["floats"])
    np.testing.assert_array_equal(floats[0, 37:53].reshape(4, 4), [[0, 1, 0, 0]] * 4)
    np.testing.assert_array_equal(floats[1, 37:53].reshape(4, 4), [[1, 0, 0, 0]] * 4)
    assert info["progress_m"][0] < info["progress_m"][1] - 10


# --- rewards and times --------------------------------------------------------------------------


@pytest.mark.parametrize("track", ["A01", "Hock"])
def test_scripted_race(track):
    """-0.0012 per ms and 0.01 per m, from the infos alone, with the finishing step.

    And every observation is within the space.
    """
    env = RaceVectorEnv([track], num_envs=1, image_size=(16, 20))
    seen, info = env.reset()
    rewards, times, places = [], [0.0], [0.0]
    terminated = False
    while not terminated:
        seen, reward, terminated, truncated, info = env.step(drive(seen["floats"]))
        assert not truncated
        assert_inside(env, seen)
        rewards.append(reward.item())
        times.append(info["time_s"].item())
        places.append(info["progress_m"].item())
    steps = np.diff(times)
    np.testing.assert_allclose(steps[:-1], 0.05, rtol=0, atol=1e-5)
    assert 0 <= steps[-1] <= 0.05
    expected = -1.2 * steps + 0.01 * np.diff(places)
    np.testing.assert_allclose(rewards[:-1], expected[:-1], rtol=0, atol=2e-5)
    assert rewards[-1] == pytest.approx(expected[-1], abs=0.7e-3)  # time_s is rounded to the ms
    length = load_track(track).length
    assert places[-1] == pytest.approx(length, abs=1e-3)
    assert sum(rewards) == pytest.approx(0.01 * length - 1.2 * times[-1], abs=2e-3)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([1, 6, 20]))
def test_rewards_of_random_races(seed, rate):
    """The same over cut-offs and new races, on a road of bends."""
    random = np.random.default_rng(seed)
    env = RaceVectorEnv(["Hock", circle(40, 2)], num_envs=32, image_size=None)
    _, info = env.reset()
    over = torch.zeros(32, dtype=torch.bool)
    for step in range(100):
        if step % rate == 0:
            action = random.choice([*range(12), 0, 0, 0, 1, 2], 32)
        before = info
        _, reward, terminated, truncated, info = env.step(action)
        change = {name: numbers(info[name] - before[name]) for name in ("time_s", "progress_m")}
        expected = -1.2 * change["time_s"] + 0.01 * change["progress_m"]
        expected[over] = 0
        ended = terminated.numpy()
        np.testing.assert_allclose(reward[~ended], expected[~ended], rtol=0, atol=2e-5)
        np.testing.assert_allclose(reward[ended], expected[ended], rtol=0, atol=0.7e-3)
        assert (info["time_s"][over] == 0).all() and (info["progress_m"][over] == 0).all()
        over = terminated | truncated


@settings(max_examples=30, deadline=None)
@given(
    speed=st.floats(3, 270),
    metres=st.floats(0.01, 150),
    action=st.integers(0, 11),
)
def test_finish_time_in_flight(speed, metres, action):
    """At constant speed: the metres by the speed, to the ms; the last reward is for that time."""
    if metres / speed > 1.5:
        metres = speed * 1.5
    env = vector([FLAT])
    before_finish(env, metres, speed=speed, up=30.0)
    began = env.cars.passed.item()
    seconds, rewards, terminated = (FLAT.length - began) / speed, [], False
    while not terminated:
        before = env.cars.passed.item()
        _, reward, terminated, truncated, info = env.step(np.array([action]))
        rewards.append(reward.item())
        assert len(rewards) < 40 and not truncated
    tolerance = 1e-3 / speed * 1000  # ms: float32 of metres
    assert info["time_s"] * 1000 == pytest.approx(seconds * 1000, abs=0.51 + tolerance)
    # also where the finish is crossed just about at the end of an action
    assert abs(len(rewards) - np.ceil(seconds / 0.05)) <= (
        abs(seconds / 0.05 - round(seconds / 0.05)) < 0.01
    )
    last = seconds * 1000 - 50 * (len(rewards) - 1)
    assert rewards[-1] == pytest.approx(
        -0.0012 * last + 0.01 * (FLAT.length - before), abs=1e-4 + 0.0012 * tolerance
    )


FLAT = straight(400)


@settings(max_examples=15, deadline=None)
@given(speed=st.floats(5, 60), metres=st.floats(0.5, 60), degrees=st.floats(-8, 8))
def test_finish_time_on_the_road(speed, metres, degrees):
    """Aslant, at full throttle: where the cars' positions, of each tick, cross the finish.

    By plain Python: the speed ahead grows by the same step in each tick of an action.
    """
    env = vector([FLAT])
    before_finish(env, metres, speed=speed)
    yaw = np.radians(degrees)
    turned = placed(env.simulator, int(env.cars.zone), speed=speed, yaw=yaw)
    env.cars = replace(turned, position=env.cars.position, place=env.cars.place)
    env.cars = replace(env.cars, passed=turned.passed + env.cars.place[2])
    at, time, terminated = env.cars.position[2].item(), 0.0, False
    while not terminated:
        now = env.cars.velocity[2].item()
        _, _, terminated, _, info = env.step(np.array([0]))
        step = (env.cars.velocity[2].item() - now) / 5
        for _ in range(5):
            now += step
            way = min(now * 0.01, FLAT.length - at)
            at, time = at + way, time + way / now
    assert info["time_s"] == pytest.approx(time, abs=0.0008)


def test_times_are_whole_milliseconds():
    env = vector([straight(60)], 8)
    before_finish(env, np.linspace(1, 5, 8), speed=31.0, up=20.0)
    finished = torch.zeros(8, dtype=torch.bool)
    times = torch.zeros(8)
    while not finished.all():
        _, _, terminated, _, info = env.step(np.zeros(8, int))
        times = torch.where(terminated, info["time_s"], times)
        finished |= terminated
    milli = numbers(times) * 1000
    np.testing.assert_allclose(milli, np.round(milli), rtol=0, atol=1e-3)
    np.testing.assert_allclose(milli, np.linspace(1, 5, 8) / 0.031, rtol=0, atol=0.55)


# --- resets and tracks --------------------------------------------------------------------------


def test_next_track():
    """It takes effect with the next race of each environment, and stays until it is changed."""
    env = RaceVectorEnv(["A01", "Hock", straight(100)], num_envs=4, image_size=(16, 16))
    assert env.reset()[1]["track"].tolist() == [0, 1, 2, 0]
    env.next_track[:] = torch.tensor([2, 2, 1, 0])
    _, *_, info = env.step(np.zeros(4, int))
    assert info["track"].tolist() == [0, 1, 2, 0]
    env.cars = replace(env.cars, idle=torch.tensor([39, 0, 39, 0]), furthest=env.cars.zone + 500)
    _, _, _, truncated, info = env.step(np.full(4, 3))
    assert truncated.tolist() == [True, False, True, False]
    assert info["track"].tolist() == [0, 1, 2, 0]
    seen, *_, info = env.step(np.full(4, 3))
    assert info["track"].tolist() == [2, 1, 1, 0]
    hock, _ = RaceVectorEnv(["Hock"], num_envs=1, image_size=(16, 16)).reset()
    assert all(torch.equal(seen[name][2], hock[name][0]) for name in seen)
    assert env.reset()[1]["track"].tolist() == [2, 2, 1, 0]
    env.next_track = torch.tensor([1, 1, 1, 1])
    assert env.reset()[1]["track"].tolist() == [1, 1, 1, 1]


def test_tracks_are_dealt_in_turn():
    env = RaceVectorEnv(["Hock", "A01", "Hock"], num_envs=5, image_size=None)
    assert env.next_track.tolist() == env.reset()[1]["track"].tolist() == [0, 1, 2, 0, 1]
    lengths = env.simulator.length[env.cars.track].tolist()
    expected = [load_track(name).length for name in ("Hock", "A01", "Hock", "Hock", "A01")]
    assert lengths == pytest.approx(expected)


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_reset_mask(kind):
    """Only those begin anew; the others go on as if nothing had happened."""
    env = RaceVectorEnv(num_envs=4, image_size=(16, 16))
    start, _ = env.reset()
    for action in range(12):
        seen, *_, info = env.step(np.full(4, action))
    going = env.cars.map(torch.clone)
    mask = [True, False, True, False]
    after, new = env.reset(options={"reset_mask": kind(mask)})
    for name in after:
        assert torch.equal(after[name][[1, 3]], seen[name][[1, 3]])
        assert torch.equal(after[name][[0, 2]], start[name][[0, 2]])
    assert new["time_s"].tolist() == pytest.approx([0, 0.6, 0, 0.6])
    assert torch.equal(new["progress_m"][[1, 3]], info["progress_m"][[1, 3]])
    assert equal(env.cars.map(lambda x: x[..., 1::2]), going.map(lambda x: x[..., 1::2]))


def test_reset_mask_after_the_end():
    """A race that was begun by hand is not begun again by the next step; another still is."""
    env = vector([straight(100)], 2)
    before_finish(env, [1.0, 1.0], speed=40.0)
    _, _, terminated, *_ = env.step(np.array([3, 3]))
    assert terminated.all()
    env.reset(options={"reset_mask": np.array([True, False])})
    _, reward, *_, info = env.step(np.array([0, 0]))
    assert info["time_s"].tolist() == pytest.approx([0.05, 0])
    assert reward[0] < 0 and reward[1] == 0 and env.cars.actions.tolist() == [1, 0]


def test_reset_after_the_end():
    env = vector([straight(100)], 1)
    before_finish(env, 1.0, speed=40.0)
    env.step(np.array([3]))
    env.reset()
    *_, info = env.step(np.array([0]))
    assert info["time_s"].item() == pytest.approx(0.05)


def test_render():
    env = RaceVectorEnv(num_envs=2, image_size=None)
    pictures = env.render()
    assert len(pictures) == 2 and not np.array_equal(*pictures)
    assert all(each.shape == (480, 640, 3) and each.dtype == np.uint8 for each in pictures)


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("tracks", ["Nordschleife", ["A01", "Nordschleife"], ("a01",)])
def test_unknown_track(tracks):
    for make in (vector, RaceEnv) if isinstance(tracks, str) else (vector,):
        name = tracks if isinstance(tracks, str) else tracks[-1]
        refused(lambda make=make: make(tracks), name, "A01", "Hock")


def test_no_track():
    refused(lambda: vector([]), "A01", "Hock")


@pytest.mark.parametrize("count", [0, -1, 1.0, "3", True, None, 10**9])
def test_wrong_number_of_races(count):
    refused(lambda: vector(["A01"], count), "num_envs", count)


@pytest.mark.parametrize(
    "size",
    [
        (0, 64), (64, 0), (15, 64), (64, 1025), (-64, 64), (64,), (64, 64, 1), (), "64x64", 64,
        (64.0, 64), (64, "64"), (True, 64), {64, 65}, 0, (65, 16),
    ],
)  # fmt: skip
def test_wrong_image_size(size):
    refused(lambda: vector(["A01"], image_size=size), "image_size")
    refused(lambda: RaceEnv(image_size=size), "image_size")


@pytest.mark.parametrize("size", [(16, 1024), [17, 16], (np.int64(20), 16)])
def test_image_sizes_at_the_limits(size):
    seen, _ = vector(["A01"], image_size=size).reset()
    assert seen["image"].shape == (1, 1, *size)


@pytest.mark.parametrize(
    "actions, words",
    [
        ([0, 1, 12], [12, 11]),
        ([0, -1, 3], [-1, 11]),
        ([-7, 40, 3], [-7]),
        ([0, 1], ["(2,)", 3]),
        ([0, 1, 2, 3], ["(4,)", 3]),
        ([[0, 1, 2]], ["(1, 3)", 3]),
        (5, ["()", 3]),
        ([0.0, 1.0, 2.0], ["float", "integers"]),
        ([0.5, 1, 2], ["float", "integers"]),
        ([True, False, True], ["bool", "integers"]),
        ([1j, 0, 0], ["complex", "integers"]),
    ],
)
def test_wrong_actions(actions, words):
    """And the races are where they were."""
    env = RaceVectorEnv(num_envs=3, image_size=None)
    before = env.cars
    for given_ in (np.array(actions), torch.tensor(actions)):
        refused(lambda given_=given_: env.step(given_), *words)
    assert equal(before, env.cars)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64])
def test_actions_of_any_integers(dtype):
    env, other = (RaceVectorEnv(num_envs=3, image_size=None) for _ in range(2))
    env.step(np.array([0, 4, 11], dtype))
    other.step(torch.tensor([0, 4, 11]))
    assert equal(env.cars, other.cars)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.uint64, bool, np.float32, complex])
def test_actions_of_other_types(dtype):
    env = RaceVectorEnv(num_envs=3, image_size=None)
    refused(lambda: env.step(np.array([0, 1, 1]).astype(dtype)), np.dtype(dtype), "3 integers")


@pytest.mark.parametrize(
    "action, words",
    [
        (12, [12, "0 .. 11"]),
        (-1, [-1, "0 .. 11"]),
        (np.int64(99), [99, "0 .. 11"]),
        (1.0, ["float", "an integer"]),
        (True, ["bool", "an integer"]),
        (np.array([1]), ["ndarray", "an integer"]),
        (torch.tensor([1, 2]), ["Tensor", "an integer"]),
        ("1", ["str", "an integer"]),
        (None, ["NoneType", "an integer"]),
    ],
)
def test_wrong_action_of_a_single_race(action, words):
    """In the words of one race; and it is where it was."""
    env = RaceEnv(image_size=None)
    env.reset()
    before = env.races.cars
    refused(lambda: env.step(action), "action", *words)
    assert equal(before, env.races.cars)


@pytest.mark.parametrize("action", [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)])
def test_action_of_a_single_race(action):
    env = RaceEnv(image_size=None)
    env.step(action)
    assert env.races.cars.history[16:, 0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "device",
    ["nowhere", "cuda:99", "gpu", "", "meta", torch.device("meta"), "hpu", "privateuseone", "fpga"],
)
def test_wrong_device(device):
    """Unknown, not here, or unable to run the simulator."""
    refused(lambda: vector(["A01"], device=device), repr(device))


@pytest.mark.parametrize("mask", [[True], [True] * 4, [[True] * 3], True])
def test_wrong_reset_mask(mask):
    env = RaceVectorEnv(num_envs=3, image_size=None)
    refused(lambda: env.reset(options={"reset_mask": mask}), "reset_mask", "(3,)")


@pytest.mark.parametrize("mask", ["x", {0, 1}, [True, [False], True], ["a", "b", "c"]])
def test_reset_mask_of_another_type(mask):
    env = RaceVectorEnv(num_envs=3, image_size=None)
    words = "reset_mask", type(mask).__name__, "3 booleans"
    refused(lambda: env.reset(options={"reset_mask": mask}), *words)


@pytest.mark.parametrize(
    "tracks, words",
    [
        (torch.tensor([0, 2, 1]), [2, "0 .. 1"]),
        (torch.tensor([0, -1, 1]), [-1, "0 .. 1"]),
        (torch.tensor([0, 1]), ["(2,)", "3 integers"]),
        (torch.tensor([0.0, 1, 1]), ["float32", "3 integers"]),
        ("A01", ["str", "3 integers"]),
    ],
)
def test_wrong_next_track(tracks, words):
    """Said when a race would begin; it begins in the next step, once this is put right."""
    env = RaceVectorEnv(num_envs=3, image_size=None)
    right, before = env.next_track, env.cars
    env.next_track = tracks
    refused(env.reset, "next track", *words)
    refused(lambda: env.reset(options={"reset_mask": [True] * 3}), "next track", *words)
    assert equal(before, env.cars)
    env.cars = replace(env.cars, idle=torch.tensor([39, 0, 0]), furthest=env.cars.zone + 500)
    _, _, _, truncated, _ = env.step(np.array([3, 0, 0]))
    assert truncated.tolist() == [True, False, False]
    before = env.cars
    refused(lambda: env.step(np.array([3, 0, 0])), "next track", *words)
    assert equal(before, env.cars)
    env.next_track = right
    _, reward, *_, info = env.step(np.array([3, 0, 0]))
    assert reward[0] == 0 and info["time_s"].tolist() == pytest.approx([0, 0.1, 0.1])


@pytest.mark.parametrize(
    "name, race, value",
    [
        ("track", 1, 2),
        ("track", 0, -1),
        ("next_track", 2, 2),
        ("gear", 1, 5),
        ("gear", 1, -1),
        ("zone", 0, -1),
        ("zone", 1, 10**9),
        ("zone", 0, "beyond"),
        ("furthest", 2, -5),
        ("furthest", 1, 0),
    ],
)
def test_state_out_of_range(name, race, value):
    """Nothing of such a state is taken over."""
    env = RaceVectorEnv(num_envs=3, image_size=None)
    state, before = env.state_dict(), env.state_dict()
    state["steer"] += 0.5
    # the zones of the other track are none of this race's
    state[name][race] = env.simulator.ends[1, 0] + 1 if value == "beyond" else value
    words = name, f"race {race}", state[name][race].item(), "out of its range"
    refused(lambda: env.load_state_dict(state), *words)
    assert all(torch.equal(each, before[key]) for key, each in env.state_dict().items())


@pytest.mark.parametrize("name", ["velocity", "time", "ground"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_state_that_is_not_finite(name, value):
    env = RaceVectorEnv(num_envs=3, image_size=None)
    state = env.state_dict()
    state[name] = state[name].contiguous()
    state[name].view(-1)[1] = value
    refused(lambda: env.load_state_dict(state), name, "not finite")


def test_state_of_arrays():
    env = RaceVectorEnv(num_envs=3, image_size=None)
    state = {name: value.numpy() for name, value in env.state_dict().items()}
    refused(lambda: env.load_state_dict(state), "3 races")


def test_wrong_render_mode():
    refused(lambda: RaceEnv(render_mode="human"), "render_mode", "human", "rgb_array")


@pytest.mark.parametrize(
    "make",
    [
        lambda: vector(None),
        lambda: vector(3),
        lambda: vector([None]),
        lambda: vector(["A01"], device=1.5),
        lambda: vector(["A01"]).step(None),
        lambda: vector(["A01"]).step("abc"),
        lambda: vector(["A01"]).load_state_dict(None),
    ],
    ids=["no tracks", "number", "no track", "float device", "no action", "text", "state"],
)
def test_wrong_types(make):
    """What no one would pass on purpose."""
    refused(make)


def test_all_actions_are_told_apart():
    """One batch of the twelve, after two actions: twelve observations."""
    env = RaceVectorEnv(["A01"], num_envs=12, image_size=None)
    env.cars = placed(env.simulator, np.full(12, 60), speed=40.0)
    env.step(np.arange(12))
    seen, *_ = env.step(np.arange(12))
    assert len(seen["floats"][:, 53:59].unique(dim=0)) == 12
    assert env.cars.history[16:].T.tolist() == [list(each) for each in to_actions()]


def to_actions():
    """(accelerate, brake, left, right), as IQN.md, section 5."""
    return [(*p, *s) for p in [(1, 0), (0, 0), (0, 1), (1, 1)] for s in [(0, 0), (1, 0), (0, 1)]]
