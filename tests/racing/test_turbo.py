"""Turbo pads: where they lie, and what they do to a car."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tmnet.racing import RaceVectorEnv, Simulator, Track, load_track
from tmnet.racing.simulator import COAST as DRAG

from . import driving as to
from .driving import ACTION, act, circle, numbers, placed, real_track, straight, table

PUSH, LENGTH = 80.0, 24.0  # m/s2, m


def with_pad(track, metres):
    """One pad, so many metres after the start."""
    along = (np.arange(len(track.zones)) - 20) * 0.5
    return replace(track, turbo=(along >= metres) & (along < metres + LENGTH))


@pytest.fixture(scope="module")
def pad():
    return Simulator([with_pad(straight(600), 100.0)])


def begins(track):
    """Metres from the start to where each pad begins, and to where it ends."""
    edges = np.diff(track.turbo.astype(int))
    return tuple((np.flatnonzero(edges == edge) + 1 - 20) * 0.5 for edge in (1, -1))


# --- what they do -------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [15.0, 50.0, 90.0])
@pytest.mark.parametrize("action", [to.GAS, to.COAST, to.BRAKE])
def test_push(pad, level, speed, action):
    """80 m/s2 ahead for as long as the car is on it, whatever else it does."""
    on = act(pad, placed(pad, 20 + 210, speed=speed), action)
    beside = act(level, placed(level, 20 + 210, speed=speed), action)
    assert numbers(on.speed - beside.speed)[2, 0] == pytest.approx(PUSH * ACTION, abs=1e-3)


def test_wheels_beside_the_asphalt(pad):
    """Each wheel pushes a quarter; the verges are as they are elsewhere."""
    cars = placed(pad, 20 + 210, left=[0.0, 9.0, 10.0, 13.0], speed=30.0)
    gained = numbers(act(pad, cars, to.COAST).speed - cars.speed)[2]
    plain = placed(pad, 20 + 100, left=[0.0, 9.0, 10.0, 13.0], speed=30.0)
    without = numbers(act(pad, plain, to.COAST).speed - plain.speed)[2]
    expected = PUSH * ACTION * np.array([1, 0.5, 0, 0])
    np.testing.assert_allclose(gained - without, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("up", [0.2, 3.0])
def test_no_push_in_the_air(pad, up):
    cars = placed(pad, 20 + 210, up=up, speed=60.0)
    assert act(pad, cars, to.GAS).speed[2].item() == pytest.approx(60.0, abs=1e-4)


@pytest.mark.parametrize("speed", [20.0, 40.0, 70.0, 100.0])
def test_over_a_pad(pad, speed):
    """v2 / 2 grows by what is pushed on the way, but for the way of an action."""
    cars, seen = placed(pad, 20 + 150, speed=speed), []
    while cars.position[2].item() < 140:
        seen.append(cars.speed[2].item())
        cars = act(pad, cars, to.COAST)
    gained = (cars.speed[2].item() ** 2 - speed**2) / 2
    drag = 65 * table(DRAG, speed)
    fastest = max(seen)
    assert gained == pytest.approx(PUSH * LENGTH - drag, abs=PUSH * fastest * ACTION + drag)
    assert fastest > speed + 10


# --- where they lie -----------------------------------------------------------------------------


def test_points_have_none():
    assert not straight(300).turbo.any()


def test_straight():
    """One, 40 m after the start."""
    (begin,), (end,) = begins(straight(900).with_turbo())
    assert (begin, end) == (40.0, 40.0 + LENGTH)


def bent(radius, before=300.0, after=300.0, angle=1.5):
    """A straight, a bend to the left, a straight."""
    bend = np.full(round(angle * radius / 0.5), 0.5 / radius)
    turn = np.cumsum(
        np.concatenate([np.zeros(round(before * 2)), bend, np.zeros(round(after * 2))])
    )
    steps = np.stack([np.sin(turn), 0 * turn, np.cos(turn)], axis=1) * 0.5
    return Track.from_points(np.cumsum(steps, axis=0))


@pytest.mark.parametrize("radius", [30.0, 60.0, 100.0])
def test_behind_a_bend(radius):
    """The second begins where the bend ends, give or take its smoothing."""
    first, second = begins(bent(radius).with_turbo())[0]
    assert first == 40 and abs(second - (300 + 1.5 * radius)) < 40


def test_bends_that_are_none():
    """Of over 200 m radius; on a circle the road is never free."""
    assert len(begins(bent(400.0).with_turbo())[0]) == 1
    assert not circle(60.0, 1.5).with_turbo().turbo[20:-1100].any()


@pytest.mark.parametrize("name", ["A01", "Hock"])
def test_own_tracks(name):
    """They lie apart, as long as each other, and before the finish; a part of the way cuts them."""
    track = load_track(name)
    begin, end = begins(track)
    assert (np.diff(begin) >= 100).all() and (end - begin == LENGTH).all()
    assert begin[0] >= 40 and begin[-1] < track.length
    part = track.first(begin[1] + 10)
    assert begins(part)[0].tolist() == begin[:2].tolist()
    assert begins(part)[1].tolist()[1] == pytest.approx(begin[1] + 10, abs=0.5)


def test_a_state_on_a_pad_is_that_of_the_table(pad):
    """What `placed` says of the ground is what an action leaves."""
    cars = act(pad, placed(pad, 20 + 210, speed=10.0), to.GAS)
    put = placed(pad, 20 + 211)
    assert torch.equal(cars.ground, put.ground) and cars.ground[2].all()


# --- how fast the maps are ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, pads, without, low, high",
    [("A01-Race", 4, 26.1, 20, 22), ("ESL-Hockolicious", 10, 45.1, 33, 41)],
)
def test_straightened_map(name, pads, without, low, high):
    """Full throttle over a real map's altitudes, well below the author's time; with its pads only.

    24.54 and 55.10 s, on the bends.
    """
    track = real_track(name)
    line = track.zones[20:-1000]
    way = np.concatenate([[0], np.hypot(*np.diff(line[:, [0, 2]], axis=0).T).cumsum()])
    plain = Track.from_points(np.stack([0 * way, line[:, 1], way], axis=1))
    turbo = np.zeros(len(plain.zones), bool)
    shared = min(len(turbo), len(track.turbo))
    turbo[:shared] = track.turbo[:shared]
    assert len(begins(track)[0]) == pads
    assert raced(plain) == pytest.approx(without, abs=0.3)
    assert low < raced(replace(plain, turbo=turbo)) < high


def raced(track):
    env = RaceVectorEnv([track], num_envs=1, image_size=None)
    terminated = False
    while not terminated:
        *_, terminated, truncated, info = env.step(np.array([0]))
        assert not truncated
    return info["time_s"].item()
