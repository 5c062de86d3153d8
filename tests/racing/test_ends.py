"""How races end, and what they bring: ends, rewards and times."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.racing import RaceVectorEnv, drive, load_track

from .driving import assert_inside, before_finish, circle, numbers, placed, straight, vector

LIMIT = 6000  # actions in 300 s


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


@settings(max_examples=5)
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


@settings(max_examples=30)
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


@settings(max_examples=15)
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
