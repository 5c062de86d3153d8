"""The car on the road against closed forms, on roads that are simple enough to have them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.racing import ACTIONS, Simulator
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
    straight,
    table,
)


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
    assert np.argmax(start[0] >= kmh * KMH) * ACTION == pytest.approx(seconds, abs=0.2)


def test_speed_from_standstill(start):
    """Without the 50 ms that each change of gear takes."""
    speed, _, shifts = start
    expected = throttle(np.arange(401) * ACTION - shifts * ACTION)
    np.testing.assert_allclose(speed, expected, rtol=0.006, atol=0.05)


@settings(max_examples=20)
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
