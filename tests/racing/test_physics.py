"""The car against closed forms, on roads that are simple enough to have them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.racing import ACTIONS, Simulator, load_track
from tmnet.racing.simulator import COAST as DRAG
from tmnet.racing.simulator import DRIVE, GRIP

from . import driving as to
from .driving import (
    ACTION,
    GEAR_UP,
    KMH,
    TICK,
    G,
    act,
    circle,
    numbers,
    placed,
    profile,
    straight,
)

LIFT = 2.0  # m2/s2: 8 cm up, by which the zones of a road do not fit together


@pytest.fixture(scope="module")
def level():
    return Simulator([straight(3000)])


@pytest.fixture(scope="module")
def own():
    return Simulator([load_track("A01"), load_track("Hock")])


def table(curve, speed):
    """A published table of km/h, at m/s."""
    return np.interp(np.abs(speed) / KMH, *curve)


def heading(cars):
    """Of the velocity, rad to the left of +z."""
    x, _, z = numbers(cars.velocity)
    return np.arctan2(x, z)


def run(simulator, cars, action, count):
    """The speed ahead at 0, 50 .. ms, of one car."""
    speeds = [cars.speed[2].item()]
    for _ in range(count):
        cars = act(simulator, cars, action)
        speeds.append(cars.speed[2].item())
    return np.array(speeds)


# --- straight ahead -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def start(level):
    """20 s of full throttle: the speed, and the gear, every 50 ms."""
    cars, seen = level.standing(torch.tensor([0])), []
    for _ in range(401):
        seen.append((cars.speed[2].item(), cars.gear.item(), cars.shifts.item()))
        cars = act(level, cars, to.GAS)
    return np.array(seen).T


def throttle(seconds):
    """Speed, by the exact solution for an acceleration that is linear between the knots."""
    knots, values = np.array(DRIVE[0][:-1]) * KMH, np.array(DRIVE[1][:-1])  # up to 1000 km/h
    rates = np.diff(values) / np.diff(knots)
    ends = np.cumsum(np.log(values[1:-1] / values[:-2]) / rates[:-1])
    begins = np.concatenate([[0], ends])
    k = np.searchsorted(ends, seconds)
    return knots[k] + values[k] / rates[k] * np.expm1(rates[k] * (seconds - begins[k]))


def test_exact_solution():
    """What the other tests compare with, by small steps."""
    speed = 0.0
    for _ in range(100_000):
        speed += 1e-4 * table(DRIVE, speed)
    assert throttle(10.0) == pytest.approx(speed, rel=1e-4)


@pytest.mark.parametrize("kmh, seconds", [(100, 2.2), (200, 5.8), (300, 12.0)])
def test_time_to_speed(start, kmh, seconds):
    assert np.argmax(start[0] >= kmh * KMH) * ACTION == pytest.approx(seconds, rel=0.15)


def test_speed_from_standstill(start):
    """Without the 50 ms that each change of gear takes."""
    speed, _, shifts = start
    expected = throttle(np.arange(401) * ACTION - shifts * ACTION)
    np.testing.assert_allclose(speed, expected, rtol=0.006, atol=0.05)


@settings(max_examples=20, deadline=None)
@given(speed=st.floats(100, 277))
def test_speed_from_anywhere(level, speed):
    """At high speed, over 5 s."""
    began = np.interp(speed, throttle(np.arange(0, 400, 0.01)), np.arange(0, 400, 0.01))
    speeds = run(level, placed(level, 100, speed=speed), to.GAS, 100)
    np.testing.assert_allclose(speeds[-1], throttle(began + 5), rtol=1e-3)


def test_gears(start):
    """Each goes up in the first action that begins above its speed, one at a time."""
    speed, gear, shifts = start
    np.testing.assert_array_equal(gear, shifts)
    for number, kmh in enumerate(GEAR_UP):
        first = np.argmax(gear > number)
        assert speed[first - 2] <= kmh * KMH < speed[first - 1]
        assert speed[first] == pytest.approx(speed[first - 1], abs=1e-4)  # no drive meanwhile


def test_gears_go_down(level):
    """Later than they went up, and never up again while the car rolls."""
    cars, gears = placed(level, 100, speed=100), []
    for _ in range(130):
        before = cars.speed[2].item() / KMH
        cars = act(level, cars, to.BRAKE)
        gears.append(cars.gear.item())
        if len(gears) > 1 and gears[-1] != gears[-2]:
            assert gears[-1] == gears[-2] - 1
            assert before == pytest.approx(0.85 * GEAR_UP[gears[-1]], abs=1.3 * 3.6)
    assert gears[0] == 4 and gears[-1] == 0


def test_terminal_speed_from_below(level):
    """It gets nearer to 1000 km/h, and not beyond."""
    speeds = run(level, placed(level, 100, speed=277.0), to.GAS, 150)
    assert (np.diff(speeds) >= 0).all() and 277.02 < speeds[-1] <= 1000 * KMH


@pytest.mark.parametrize("speed", [278.0, 285.0, 300.0])
def test_nothing_accelerates_beyond_the_terminal_speed(level, speed):
    speeds = run(level, placed(level, 100, speed=speed), to.GAS, 100)
    assert (np.diff(speeds) <= 1e-4).all() and speeds[-1] > 277


def test_terminal_speed_from_above(level):
    speeds = run(level, placed(level, 100, speed=285.0), to.GAS, 100)
    assert 1000 * KMH <= speeds[-1] < 284.5


@pytest.mark.parametrize("speed", [5.0, 30.0, 80.0, 150.0, 250.0])
@pytest.mark.parametrize("action", [to.COAST, to.BRAKE, to.BOTH])
def test_slowing_down(level, speed, action):
    """In one action: drag, 22 m/s2 of brakes, and the engine."""
    gas, brake, _, _ = ACTIONS[action]
    expected = gas * table(DRIVE, speed) - (1 - gas) * table(DRAG, speed) - brake * 22
    speeds = run(level, placed(level, 100, speed=speed), action, 1)
    assert np.diff(speeds)[0] == pytest.approx(expected * ACTION, rel=0.02)


@pytest.mark.parametrize("kmh", [60, 150, 300])
@pytest.mark.parametrize("degrees", [-25, -10, 8, 20])
def test_coasting_on_a_slope(kmh, degrees):
    """g sin(slope), less the drag."""
    slope, speed = np.radians(degrees), kmh * KMH
    simulator = Simulator([straight(300, slope)])
    speeds = run(simulator, placed(simulator, 120, speed=speed), to.COAST, 10)
    mean = (speeds[0] + speeds[-1]) / 2
    expected = -G * np.sin(slope) - table(DRAG, mean)
    assert np.diff(speeds).mean() / ACTION == pytest.approx(expected, rel=0.03)


# --- the twelve actions -------------------------------------------------------------------------


def test_order_of_actions():
    """As IQN.md, section 5."""
    pedals = [(1, 0), (0, 0), (0, 1), (1, 1)]
    assert [(*p, *s) for p in pedals for s in [(0, 0), (1, 0), (0, 1)]] == ACTIONS


@pytest.mark.parametrize("action", range(12))
def test_action_at_speed(level, action):
    """For half a second, at 180 km/h."""
    gas, brake, left, right = ACTIONS[action]
    before = placed(level, 1000, speed=50.0)
    after = act(level, before, *[action] * 10)
    gain = np.linalg.norm(numbers(after.velocity)) - 50
    if brake:
        assert gain < -2
    elif gas and not left + right:
        assert gain > 2
    elif not gas:
        assert -3 < gain < -0.5
    x, _, z = numbers(after.axes[2, :, 0])
    turned = np.degrees(np.arctan2(x, z))
    assert turned == 0 if left == right else turned * (left - right) > 25
    x = after.position[0].item()
    assert x == 0 if left == right else x * (left - right) > 2
    assert after.history[-4:, 0].tolist() == [gas, brake, left, right]
    assert after.history[:16, 0].tolist() == [gas, brake, left, right] * 4


@pytest.mark.parametrize("action", range(12))
def test_action_from_standstill(level, action):
    """For one second."""
    gas, brake, left, right = ACTIONS[action]
    after = act(level, level.standing(torch.tensor([0])), *[action] * 20)
    ahead, z = after.speed[2].item(), after.position[2].item()
    if gas and not brake:
        assert ahead > 12 and z > 3
    elif brake and not gas:
        assert -6 < ahead < -4 and z < -1.5
    else:
        assert abs(ahead) < 0.2 and abs(z) < 0.2
    if gas != brake:  # in reverse the nose turns the other way
        x, _, z = numbers(after.axes[2, :, 0])
        turned = np.degrees(np.unwrap([0, np.arctan2(x, z)])[1])
        if left == right:
            assert turned == 0
        else:
            assert abs(turned) > 5
    if left != right:
        assert after.steer.item() == left - right


def test_accelerate_and_brake_stays(level):
    after = act(level, level.standing(torch.tensor([0])), *[to.BOTH] * 100)
    assert abs(after.position[2].item()) < 0.01


@pytest.mark.parametrize("action, side", [(to.BRAKE_LEFT, 1), (to.BRAKE_RIGHT, -1)])
def test_reversing_with_steering(level, action, side):
    """The wheels' side is where the tail goes."""
    cars, xs = placed(level, 1000), []
    for _ in range(15):
        cars = act(level, cars, action)
        xs.append(cars.position[0].item())
    assert cars.speed[2].item() < -2 and xs[-1] * side > 0.05
    assert cars.axes[2, 0, 0].item() * side < 0


def test_reverse_has_a_speed(level):
    speeds = run(level, placed(level, 1000), to.BRAKE, 100)
    assert (np.diff(speeds)[:40] < 0).all() and speeds.min() > -16 and speeds[-1] < -14


def test_steering_takes_time(level):
    """A tenth of a second to full lock, two to the other side."""
    cars, seen = placed(level, 1000, speed=30.0), []
    for action in [to.GAS_LEFT] * 3 + [to.GAS_RIGHT] * 5 + [to.GAS] * 3:
        cars = act(level, cars, action)
        seen.append(cars.steer.item())
    expected = [0.5, 1, 1, 0.5, 0, -0.5, -1, -1, -0.5, 0, 0]
    np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-6)


# --- bends --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kmh, radius", [(150, 22), (250, 68), (300, 104)])
@pytest.mark.parametrize("pedal", [to.GAS, to.COAST])
def test_full_lock(level, kmh, radius, pedal):
    """v2 / grip; to the right as to the left."""
    speed = kmh * KMH
    half = 0.35 * speed / radius  # the bend begins and ends at the same angle to the road
    cars = placed(level, 1000, speed=speed, yaw=[-half, half])
    pairs = []
    for _ in range(14):
        cars = hold(act(level, cars, [pedal + 1, pedal + 2]), speed)
        x, _, z = numbers(cars.velocity)
        pairs.append((heading(cars), np.hypot(x, z)))
        np.testing.assert_array_equal(cars.place[0, 0], -cars.place[0, 1])
        np.testing.assert_array_equal(cars.axes[2, 0, 0], -cars.axes[2, 0, 1])
    angles, speeds = np.array(pairs)[5:].transpose(1, 0, 2)
    found = speeds[1:] * ACTION / np.diff(angles, axis=0)
    assert (found[:, 0] > 0).all() and (found[:, 1] < 0).all()
    assert found[:, 0].mean() == pytest.approx(radius, rel=0.15)
    grip = np.mean(speeds**2 / table(GRIP, speeds))
    assert found[:, 0].mean() == pytest.approx(grip, rel=0.03)


@pytest.mark.parametrize("kmh, share", [(150, 0.9), (250, 0.9), (300, 0.9)])
def test_bend_that_can_be_held(kmh, share):
    """With a tenth more radius than the grip takes, the car can stay on the road by steering."""
    speed = kmh * KMH
    radius = speed**2 / table(GRIP, speed) / share
    simulator = Simulator([circle(radius, 1.5)])
    cars, farthest = placed(simulator, 60, speed=speed), 0.0
    for _ in range(60):
        offset, angle = cars.place[0].item(), numbers(cars.along)[0, 0]
        wish = 0.05 * -offset + 2 * angle + 0.5 * cars.speed[0].item() / speed
        cars = act(simulator, cars, to.GAS_LEFT if wish > 0 else to.GAS)
        cars = hold(cars, speed)
        farthest = max(farthest, abs(cars.place[0].item()))
    assert farthest < 9


def hold(cars, speed):
    """The same, at a constant speed ahead."""
    share = speed / cars.speed[2]
    return replace(cars, velocity=cars.velocity * share, speed=cars.speed * share)


@pytest.mark.parametrize("kmh", [150, 250, 300])
def test_bend_that_cannot_be_held(kmh):
    """With a third less radius than the grip takes, full lock ends on the outside."""
    speed = kmh * KMH
    simulator = Simulator([circle(speed**2 / table(GRIP, speed) / 1.5, 2.5)])
    cars = placed(simulator, 60, speed=speed)
    while cars.place[0].item() > -9 and cars.actions.item() < 60:
        cars = hold(act(simulator, cars, to.GAS_LEFT), speed)
    assert cars.actions.item() < 60


@pytest.mark.parametrize("speed", [35.0, 60.0, 90.0])
def test_brakes_drift(level, speed):
    """In a bend, the car slides several times more sideways, and turns its nose faster."""
    half = 0.3
    cars = placed(level, 1000, speed=speed, yaw=[-half, -half, half])
    after = act(level, cars, *[[to.COAST_LEFT, to.BRAKE_LEFT, to.BRAKE_RIGHT]] * 7)
    slide = numbers(after.speed)[0]
    assert slide[1] < 3 * slide[0] < 0 and slide[1] < -2
    assert slide[2] == -slide[1]
    nose = np.arctan2(*numbers(after.axes[2])[[0, 2]])
    assert nose[1] - nose[0] > 0.02


@pytest.mark.parametrize("slide", [10.0, -10.0, 4.0])
@pytest.mark.parametrize("ahead", [20.0, 50.0])
def test_sliding_car_turns_where_it_goes(level, slide, ahead):
    """The nose, by three times the angle a second; the tyres take the sliding away meanwhile."""
    cars = act(level, placed(level, 1000, speed=[slide, 0, ahead]), to.COAST)
    left, angle = slide, 0.0
    for _ in range(5):
        angle += 3 * TICK * left / ahead
        left -= np.sign(left) * min(abs(left), table(GRIP, ahead) * TICK)
        left -= ahead * 3 * TICK * left / ahead  # as seen from the turned car
    x, _, z = numbers(cars.axes)[2, :, 0]
    assert np.arctan2(x, z) == pytest.approx(angle, rel=0.1)


@pytest.mark.parametrize("up", [0.3, -0.2])
def test_nose_comes_down_on_the_ground(level, up):
    """To less than a hundredth in 0.2 s; in the air it stays."""
    cars = placed(level, 1000, up=[0.0, 20.0], speed=30.0)
    tilt = np.array([[1, 0, 0], [0, np.cos(up), -np.sin(up)], [0, np.sin(up), np.cos(up)]])
    axes = torch.tensor(tilt[:, :, None].repeat(2, axis=2), dtype=torch.float32)
    cars = act(level, replace(cars, axes=axes, along=axes[:, 2]), *[to.COAST] * 4)
    lift = numbers(cars.axes)[2, 1]
    assert abs(lift[0]) < 0.01 * abs(up) and lift[1] == pytest.approx(np.sin(up), abs=1e-5)


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
        np.testing.assert_array_equal(after.ground[2:, :, 0], expected)
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


@settings(max_examples=8, deadline=None)
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


@settings(max_examples=8, deadline=None)
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


@settings(max_examples=15, deadline=None)
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


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([1, 4, 16]), flying=st.booleans())
def test_energy_does_not_grow(own, seed, rate, flying):
    """Coasting or braking ahead, from anywhere: v2 / 2 + g y never exceeds its lowest so far."""
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


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_past_does_not_matter_but_by_the_state(own, seed):
    """Acting changes nothing of what it was given."""
    random = np.random.default_rng(seed)
    cars = anywhere(own, random, 16)
    copy = cars.map(torch.clone)
    action = random.integers(0, 12, 16)
    first, again = act(own, cars, action), act(own, cars, action)
    assert to.equal(cars, copy) and to.equal(first, again)
