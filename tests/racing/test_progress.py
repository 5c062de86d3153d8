"""Progress along the centre line, against the search zone by zone that IQN.md describes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.racing import RaceVectorEnv, Simulator, drive, load_track

from .driving import REAL, act, circle, numbers, placed, profile, real_track

CEILING = 42.0
NEAR = 45.0
HIGH = 38.0  # m above the road: farther up, several parts of a valley are as near
LEVEL = 12.0  # m above the road: farther up in a valley, zones go by much faster than the car


@pytest.fixture(scope="module")
def own():
    return Simulator([load_track("Hock"), load_track("A01")])


def walk(line, zone, position):
    """IQN.md, section 5: to the next while that is nearer and within 45 m, back if nearer."""

    def away(number):
        x, y, z = line[number]
        a, b, c = position
        return ((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) ** 0.5

    while zone + 1 < len(line) and away(zone + 1) < away(zone) and away(zone + 1) <= NEAR:
        zone += 1
    while zone > 0 and away(zone - 1) < away(zone):
        zone -= 1
    return zone


def test_walk():
    """On a line of seven points: forward, back, not at all, and not if it is too far."""
    line = [(0.0, 0.0, 0.5 * k) for k in range(7)]
    assert [walk(line, 2, (1.0, 0.0, z)) for z in (-9, 0.2, 0.9, 1.0, 2.1, 50)] == [
        0,
        0,
        2,
        2,
        4,
        2,
    ]
    assert walk(line, 2, (44.9, 0.0, 2.0)) == 4 and walk(line, 2, (45.1, 0.0, 2.0)) == 2


def test_what_was_assumed_of_the_line(own):
    """The simulator's points are the tracks', 20 zones before the start, 1000 after the finish."""
    points = np.concatenate([track.zones for track in own.tracks])
    np.testing.assert_allclose(own.points.numpy().T, points, rtol=0, atol=1e-4)
    for track, start in zip(own.tracks, own.start):
        steps = np.linalg.norm(np.diff(track.zones, axis=0), axis=1)
        np.testing.assert_allclose(steps, 0.5, rtol=0, atol=2e-3)
        np.testing.assert_allclose(points[start], track.zones[20], rtol=0, atol=1e-6)
        assert len(track.zones) == 20 + int(track.length / 0.5) + 1 + 1000


class Followed:
    """Cars whose zones are also found by walking, from their positions alone."""

    def __init__(self, simulator, cars):
        self.simulator = simulator
        self.lines = [track.zones.tolist() for track in simulator.tracks]
        self.offset = simulator.start.numpy() - 20
        self.zones = self.own(cars)
        self.worst = 0

    def own(self, cars):
        return numbers(cars.zone).astype(int) - self.offset[cars.track]

    def check(self, before, after):
        """At most two zones (1 m) apart, near the zone's point, on its deck; no leaps."""
        zones, track = self.own(after), after.track.numpy()
        position = numbers(after.position)
        for car, line in enumerate(self.lines[k] for k in track):
            found = walk(line, self.zones[car], position[:, car].tolist())
            if after.place[1, car] < HIGH:
                self.worst = max(self.worst, abs(found - zones[car]))
                self.zones[car] = found
            else:  # where either may be as near, go on from the same
                self.zones[car] = zones[car]
        assert self.worst <= 2
        point = np.stack([self.lines[k][z] for k, z in zip(track, zones)], axis=1)
        away = position - point
        speed = np.linalg.norm(numbers(before.velocity), axis=0)
        assert (np.linalg.norm(away, axis=0) < NEAR + 0.02 * speed).all()
        # above or below the point: no more than the corridor is high, whatever its slope
        assert (np.abs(away[1]) <= CEILING + 0.5 + 0.02 * speed).all()
        # progress is that of the zone, and what is left along the road
        metres = (zones - 20) * 0.5
        np.testing.assert_allclose(after.passed, metres + numbers(after.place[2]), atol=2e-3)
        ahead = np.stack([self.simulator.tracks[k].frames[z][2] for k, z in zip(track, zones)])
        along = np.einsum("in,ni->n", away, ahead)
        np.testing.assert_allclose(after.place[2], along, rtol=0, atol=5e-3)

    def leaps(self, before, after):
        """How many zones more than twice those that the speed takes."""
        speed = np.linalg.norm(numbers(before.velocity), axis=0)
        return np.abs(self.own(after) - self.own(before)) - speed * 0.05 / 0.5 * 2


def driven(simulator, random, cars, steps, rate):
    """Random actions, most of them with throttle, each for `rate` steps."""
    followed = Followed(simulator, cars)
    count = len(cars.zone)
    for step in range(steps):
        if step % rate == 0:
            action = random.choice([*range(12), 0, 0, 1, 2], count)
        before, cars = cars, act(simulator, cars, action)
        followed.check(before, cars)
        assert (followed.leaps(before, cars)[numbers(cars.place)[1] < LEVEL] <= 3).all()


def scattered(simulator, random, count, track, *, margin=120, speed=100.0):
    """On the road, on dirt and on grass; most look ahead. None gets to either end in 2 s."""
    length = np.array([len(each.zones) for each in simulator.tracks])[track]
    return placed(
        simulator,
        (450 + random.random(count) * (length - 1000 - 450 - margin)).astype(int),
        left=random.uniform(-14, 14, count),
        speed=random.uniform(0, speed, count),
        yaw=random.uniform(-1, 1, count) * np.where(random.random(count) < 0.25, np.pi, 0.3),
        track=track,
    )


@settings(max_examples=6, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([1, 5, 25]))
def test_random_drives(own, seed, rate):
    """From anywhere on both tracks, backwards too."""
    random = np.random.default_rng(seed)
    track = np.arange(16) % 2
    driven(own, random, scattered(own, random, 16, track), 40, rate)


@settings(max_examples=4, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([1, 5, 25]))
@pytest.mark.parametrize("name", REAL)
def test_random_drives_on_the_real_lines(name, seed, rate):
    simulator = Simulator([real_track(name)])
    random = np.random.default_rng(seed)
    driven(simulator, random, scattered(simulator, random, 10, np.zeros(10, int)), 40, rate)


@settings(max_examples=5, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    radius=st.floats(19, 80),
    side=st.sampled_from([1, -1]),
    rate=st.sampled_from([1, 5]),
)
def test_random_drives_in_bends(seed, radius, side, rate):
    """Full circles; on the inside, the zones are closer together. (Leaps are not counted.)"""
    simulator = Simulator([circle(radius, 4, side)])
    random = np.random.default_rng(seed)
    cars = scattered(simulator, random, 12, np.zeros(12, int), speed=40.0)
    followed = Followed(simulator, cars)
    for step in range(30):
        if step % rate == 0:
            action = random.integers(0, 12, 12)
        before, cars = cars, act(simulator, cars, action)
        followed.check(before, cars)


@pytest.mark.parametrize("name", ["Hock", "A01", *REAL])
def test_scripted_race(name):
    """A whole race, walked from its start: the zone, and the metres of the infos."""
    track = real_track(name) if name in REAL else load_track(name)
    env = RaceVectorEnv([track], num_envs=1, image_size=None)
    seen, _ = env.reset()
    line, zone, terminated = track.zones.tolist(), 20, False
    while not terminated:
        before = zone, env.cars.velocity.norm().item()
        seen, _, terminated, truncated, info = env.step(drive(seen["floats"]))
        assert not truncated
        position = numbers(env.cars.position)[:, 0]
        zone = walk(line, zone, position.tolist())
        flies = env.cars.place[1].item() > 5  # there, zones are found as if the road were a circle
        assert abs(zone - env.cars.zone.item()) <= (8 if flies else 1)
        assert abs(zone - before[0]) <= before[1] * 0.05 / 0.5 * (3 if flies else 1.5) + 2
        # within a metre of the way to the zone's point; a metre of road is a metre of progress
        assert flies or abs(info["progress_m"].item() - min((zone - 20) / 2, track.length)) < 1.1
    assert zone in range(len(line) - 1003, len(line) - 960)


@settings(max_examples=12, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), jump=st.floats(-60, 60), up=st.floats(0, 40))
def test_in_flight_over_other_decks(own, seed, jump, up):
    """Thrown off its road on Hock or A01, a car stays with its own deck, wherever it gets to."""
    random = np.random.default_rng(seed)
    track = np.arange(24) % 2
    length = np.array([len(each.zones) for each in own.tracks])[track]
    cars = placed(
        own,
        (250 + random.random(24) * (length - 1450)).astype(int),
        left=random.uniform(-9, 9, 24),
        up=up,
        speed=np.stack(
            [np.full(24, jump), random.uniform(0, 15, 24), random.uniform(0, 90, 24)], axis=1
        ),
        track=track,
    )
    followed = Followed(own, cars)
    for _ in range(14):
        before, cars = cars, act(own, cars, random.integers(0, 12, 24))
        followed.check(before, cars)
        assert (followed.leaps(before, cars)[numbers(cars.place)[1] < LEVEL] <= 3).all()


@pytest.mark.parametrize("up", [10.0, 25.0, 35.0])
def test_in_flight_through_a_dip(up):
    """Above the bottom of a valley of 75 m radius, zones go by faster than the car."""

    def altitude(z):
        return 75 - np.sqrt(75**2 - np.clip(z - 60, -60, 60) ** 2)

    simulator = Simulator([profile(altitude, 118)])
    cars = placed(simulator, np.arange(60, 140, 8), up=up, speed=[0.0, 0, 90])
    followed = Followed(simulator, cars)
    for _ in range(8):
        before, cars = cars, act(simulator, cars, 0)
        followed.check(before, cars)


def test_crossings_of_hock(own):
    """Where two decks cross, a car on the one is never told to be on the other.

    It comes to rest there, rolls to and fro, or is pushed on by a turbo pad.
    """
    line = own.tracks[0].zones
    plan = line[20:-1000:4, ::2]
    gap = np.linalg.norm(plan[:, None] - plan, axis=2)
    far = np.abs(np.arange(len(plan))[:, None] - np.arange(len(plan))) > 100
    one, other = np.nonzero((gap < 1.0) & far)
    assert len(one) > 17
    random = np.random.default_rng(0)
    zone = 20 + 4 * one
    cars = placed(own, zone, left=random.uniform(-5, 5, len(one)), speed=random.uniform(0, 8))
    for _ in range(40):
        cars = act(own, cars, torch.from_numpy(random.integers(0, 12, len(one))))
        assert (np.abs(cars.zone.numpy() - zone) < 200).all()
        assert (np.abs(numbers(cars.position)[1] - line[cars.zone, 1]) < 6).all()
    assert (np.abs(line[20 + 4 * one, 1] - line[20 + 4 * other, 1]) > 6).all()


def test_an_unbroken_way_back():
    """Driven to and fro, progress comes back to where it was."""
    simulator = Simulator([circle(30, 2)])
    cars = placed(simulator, 150, speed=8.0)
    began = cars.passed.item()
    for _ in range(12):
        cars = act(simulator, cars, 3)
    turned = cars.passed.item()
    back = placed(simulator, int(cars.zone), left=cars.place[0].item(), speed=-8.0)
    for _ in range(12):
        back = act(simulator, back, 3)
    assert turned - began == pytest.approx(4.6, abs=0.6)
    assert back.passed.item() == pytest.approx(began, abs=1.5)
