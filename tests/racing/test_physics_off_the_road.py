"""The car beside the road, at walls and in flight; its energy and its state."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.racing import Simulator, load_track
from tmnet.racing.simulator import DRIVE, GRIP

from . import driving as to
from .driving import (
    ACTION,
    TICK,
    G,
    act,
    numbers,
    placed,
    profile,
    straight,
    table,
)

LIFT = 2.0  # m2/s2: 8 cm up, by which the zones of a road do not fit together


@pytest.fixture(scope="module")
def own():
    return Simulator([load_track("A01"), load_track("Hock")])


# --- ground and walls ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "left, low, high", [(10.0, 0.2, 0.26), (13.0, 0.14, 0.2), (-13, 0.14, 0.2)]
)
def test_grip_beside_the_road(level, left, low, high):
    """What a sliding car loses sideways, against asphalt."""
    cars = placed(level, 1000, left=[0, left], speed=[10.0, 0, 60])
    lost = 10 - numbers(act(level, cars, to.COAST).velocity)[0]
    assert lost[0] == pytest.approx(table(GRIP, 60.0) * ACTION, rel=0.05)
    assert low < lost[1] / lost[0] < high


def test_ground_under_the_wheels(level):
    """Asphalt to 9 m, dirt to 11, grass to the wall; each wheel for itself."""
    for left in (-14.5, -11, -9, -8, -3, 0, 3, 8.5, 9, 10, 11, 11.7, 14.9):
        cars = placed(level, 1000, left=left, speed=10.0)
        after = act(level, cars, to.GAS)
        wheels = np.abs(left + np.array([0.85, -0.85, 0.85, -0.85]))
        expected = np.stack([wheels <= 9, wheels > 11, (wheels > 9) & (wheels <= 11)])
        np.testing.assert_array_equal(after.ground[3:, :, 0], expected)
        np.testing.assert_array_equal(after.ground[:, :, 0], cars.ground[:, :, 0])


def test_terminal_speed_beside_the_road():
    """Lower on dirt than on asphalt, lower still on grass; from above and from below."""
    simulator = Simulator([straight(2500)])
    lefts = np.repeat([0.0, 10.0, 13.0], 2)
    cars = placed(simulator, 20, left=lefts, speed=np.tile([10.0, 75.0], 3))
    last = numbers(act(simulator, cars, *[to.GAS] * 400).speed)[2]
    asphalt, dirt, grass = last.reshape(3, 2)
    assert grass.max() < dirt.min() - 5 and dirt.max() < asphalt.min() - 20
    for found, rough in ((dirt, 0.6), (grass, 1.2)):
        speeds = np.linspace(1, 270, 27000)
        balance = speeds[np.argmin(np.abs(table(DRIVE, speeds) - rough * (3 + 0.08 * speeds)))]
        np.testing.assert_allclose(found, balance, rtol=0.05)
        assert found[0] - 0.3 < balance < found[1] + 0.3


def test_scraping_along_a_wall(level):
    """It costs 20 m/s2 more than the grass."""
    cars = placed(level, 1000, left=[13, 15, -15], speed=60.0)
    lost = 60 - numbers(act(level, cars, to.GAS).speed)[2]
    np.testing.assert_allclose(lost[1:] - lost[0], 1.0, rtol=0.05)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([1, 5, 20]))
def test_corridor(own, seed, rate):
    """Never beyond the walls, below the road or above the ceiling, but for the way of a tick."""
    random = np.random.default_rng(seed)
    cars, count = anywhere(own, random, 64), 64
    for step in range(100):
        if step % rate == 0:
            action = random.integers(0, 12, count)
        cars = act(own, cars, action)
        place, speed = numbers(cars.place), np.linalg.norm(numbers(cars.velocity), axis=0)
        beyond = np.stack([np.abs(place[0]) - 15, -place[1], place[1] - 42])
        assert (beyond < speed * TICK + 0.1).all()
        away = numbers(cars.position) - own.points.numpy()[:, cars.zone]
        near = np.linalg.norm(away, axis=0) < 45 + speed * TICK
        assert near[inside(own, cars)].all()


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([1, 5, 20]))
def test_corridor_of_random_drives(own, seed, rate):
    """From the start, with random actions, mostly throttle: 15 m beside the line, or a hit."""
    random = np.random.default_rng(seed)
    cars = own.standing(torch.arange(64) % 2)
    for step in range(120):
        if step % rate == 0:
            action = random.choice([*range(12), 0, 0, 1, 2], 64)
        cars = act(own, cars, action)
        place, speed = numbers(cars.place), numbers(cars.velocity)
        assert (np.abs(place[0]) <= 15.01 + np.linalg.norm(speed, axis=0) * TICK).all()
        assert (place[1] > -0.01 - np.abs(speed[1]) * TICK).all()
        turn = numbers(cars.axes).transpose(2, 0, 1)
        np.testing.assert_allclose(turn @ turn.transpose(0, 2, 1), eye(64), rtol=0, atol=1e-5)
        np.testing.assert_allclose(
            np.einsum("nij,jn->in", turn, speed), numbers(cars.speed), rtol=0, atol=1e-3
        )


def eye(count):
    return np.broadcast_to(np.eye(3), (count, 3, 3))


def anywhere(simulator, random, count, *, speed=270.0, slide=20.0, flying=True):
    """Cars at random places, in random directions."""
    track = random.integers(0, len(simulator.tracks), count)
    length = np.array([len(each.zones) for each in simulator.tracks])[track]
    return placed(
        simulator,
        (100 + random.random(count) * (length - 1500)).astype(int),
        left=random.uniform(-14.9, 14.9, count),
        up=random.choice([0, 0, 0, 0.05, 5, 30], count) * flying,
        speed=np.stack(
            [
                random.uniform(-slide, slide, count),
                random.uniform(-slide, slide, count) * flying,
                random.uniform(0, speed, count),
            ],
            axis=-1,
        ),
        yaw=random.uniform(-np.pi, np.pi, count),
        track=track,
    )


def inside(simulator, cars):
    """Whether there is road on both sides."""
    first, last = simulator.ends.numpy()[:, cars.track]
    zone = cars.zone.numpy()
    return (zone > first + 1) & (zone < last - 1)


# --- flight -------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [0.0, 40.0])
@pytest.mark.parametrize("action", range(12))
def test_free_fall(level, speed, action):
    """30 m, by semi-implicit Euler; nothing that is pressed matters."""
    cars = placed(level, 1000, up=30.0, speed=speed)
    for step in range(1, 31):
        cars = act(level, cars, action)
        n = 5 * step
        fallen = G * TICK**2 * n * (n + 1) / 2
        expected = [0, 30 - fallen, 490 + speed * n * TICK]
        np.testing.assert_allclose(cars.position[:, 0], expected, rtol=0, atol=1e-3)
        np.testing.assert_allclose(
            cars.velocity[:, 0], [0, -G * TICK * n, speed], rtol=0, atol=1e-3
        )
        np.testing.assert_allclose(cars.axes[:, :, 0], np.eye(3), rtol=0, atol=1e-6)
        assert not cars.contact.any() and cars.load.item() == 0


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_free_fall_anywhere(own, seed):
    """The same above any road, in any direction, with any actions."""
    random = np.random.default_rng(seed)
    cars = anywhere(own, random, 32, speed=60, slide=3, flying=False)
    tracks, zones = own.tracks, cars.zone - own.start[cars.track] + 20
    up = [tracks[k].frames[z][1] for k, z in zip(cars.track, zones)]
    cars = replace(cars, position=cars.position + 20 * torch.tensor(np.array(up).T).float())
    cars = replace(cars, place=cars.place + torch.tensor([[0.0], [20], [0]]))
    free = np.ones(32, bool)
    began, speed = numbers(cars.position), numbers(cars.velocity)
    for step in range(1, 15):
        cars = act(own, cars, random.integers(0, 12, 32))
        place = numbers(cars.place)
        free &= (np.abs(place[0]) < 14) & (place[1] > 2) & (place[1] < 40)
        n = 5 * step
        expected = began + speed * n * TICK
        expected[1] -= G * TICK**2 * n * (n + 1) / 2
        away = np.linalg.norm(numbers(cars.position) - expected, axis=0)
        assert (away[free] < 5e-3).all()
    assert free.sum() > 3


@pytest.mark.parametrize("radius", [60.0, 100.0, 200.0])
def test_crest(radius):
    """The wheels leave the ground above v2 = g R, and not below."""

    def altitude(z):
        d = np.clip(z - 100, 0, radius * 0.4)
        arc = np.sqrt(radius**2 - d**2) - radius
        return arc - np.maximum(z - 100 - radius * 0.4, 0) * np.tan(np.arcsin(0.4))

    simulator = Simulator([profile(altitude, 400)])
    cars = placed(simulator, 200, speed=np.sqrt(G * radius) * np.array([0.7, 0.9, 1.1, 1.3]))
    flown, highest, load = np.zeros(4), np.zeros(4), np.full(4, 9.0)
    for _ in range(60):
        cars = act(simulator, cars, to.COAST)
        flown += cars.contact.numpy().sum(axis=0) == 0
        highest = np.maximum(highest, cars.place[1].numpy())
        load = np.minimum(load, cars.load.numpy())
    assert (flown[:2] == 0).all() and (highest[:2] < 0.05).all()
    assert (flown[2:] > 0).all() and (highest[2:] > 0.3).all()
    assert load[0] > 0.3 and load[1] > -0.01 and (load[2:] < 0.01).all()


def test_cliff():
    """Over an edge of 45 degrees: horizontally on, falling, and down again within the corridor."""

    def altitude(z):
        return -np.clip(z - 100, 0, 25)

    simulator = Simulator([profile(altitude, 400)])
    cars = placed(simulator, 200, speed=60.0)
    path = []
    for _ in range(60):
        cars = act(simulator, cars, to.COAST)
        path.append(
            (cars.contact.sum().item(), *numbers(cars.position)[:, 0], cars.speed[2].item())
        )
    contact, _, y, z, _ = np.array(path).T
    flight = np.flatnonzero(contact == 0)
    assert len(flight) > 10 and (np.diff(flight) == 1).all()
    n = 5 * np.arange(len(flight) - 1)
    fall = np.diff(y[flight])
    np.testing.assert_allclose(np.diff(fall), -G * ACTION**2, rtol=0, atol=2e-3)
    np.testing.assert_allclose(np.diff(z[flight]), np.diff(z[flight])[0], rtol=0, atol=2e-3)
    assert n.size and contact[-1] == 4 and y[-1] == pytest.approx(-25, abs=0.1)


@pytest.mark.parametrize("speed", [20.0, 50.0, 80.0])
def test_load_in_a_valley(speed):
    """1 + v2 / (g R) of the weight, on average."""
    radius = 150.0

    def altitude(z):
        d = z - 60
        return radius - np.sqrt(radius**2 - np.clip(d, -60, 60) ** 2)

    simulator = Simulator([profile(altitude, 115)])
    cars, loads = placed(simulator, 20 + 30, speed=speed), []
    while cars.position[2].item() < 90:
        cars = act(simulator, cars, to.BOTH if speed < 1 else to.GAS)
        up, z = cars.axes[1, 1, 0].item(), cars.position[2].item()
        if z > 30:
            expected = up + cars.speed[2].item() ** 2 / radius / G
            loads.append((cars.load.item(), expected))
    found, expected = np.array(loads).T
    assert found.mean() == pytest.approx(expected.mean(), rel=0.05)


# --- energy -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def without_turbo():
    tracks = [load_track("A01"), load_track("Hock")]
    return Simulator([replace(track, turbo=np.zeros_like(track.turbo)) for track in tracks])


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([1, 4, 16]), flying=st.booleans())
def test_energy_does_not_grow(without_turbo, seed, rate, flying):
    """Coasting or braking ahead, from anywhere: v2 / 2 + g y never exceeds its lowest so far."""
    own = without_turbo
    random = np.random.default_rng(seed)
    count = 64
    cars = anywhere(own, random, count, speed=150, flying=flying)
    lowest = energy(cars)
    for step in range(100):
        if step % rate == 0:
            action = random.integers(3, 9, count)
        reverses = (action >= 6) & (numbers(cars.speed)[2] < 3)
        cars = act(own, cars, np.where(reverses, action - 3, action))
        now = energy(cars)
        assert (now < lowest + LIFT).all()
        lowest = np.minimum(lowest, now)


def energy(cars):
    return (numbers(cars.velocity) ** 2).sum(axis=0) / 2 + G * numbers(cars.position)[1]


# --- the state ----------------------------------------------------------------------------------


def test_cars_at_the_start(own):
    """`placed` at zone 20, at standstill, is the start; so it can be trusted elsewhere."""
    start, put = own.standing(torch.tensor([0, 1])), placed(own, 20, track=[0, 1])
    put = replace(put, load=start.load)
    assert to.equal(start, put)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_past_does_not_matter_but_by_the_state(own, seed):
    """Acting changes nothing of what it was given."""
    random = np.random.default_rng(seed)
    cars = anywhere(own, random, 16)
    copy = cars.map(torch.clone)
    action = random.integers(0, 12, 16)
    first, again = act(own, cars, action), act(own, cars, action)
    assert to.equal(cars, copy) and to.equal(first, again)
