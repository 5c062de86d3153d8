"""The 184 floats against their recomputation in float64 from where the car is and what it did."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tmnet.racing import ACTIONS, RaceVectorEnv, Track, drive, potential
from tmnet.racing.observation import HIGH, LOW

# wheels: front left, front right, rear left, rear right; m
WHEELS = np.array([[0.85, 0, 1.3], [-0.85, 0, 1.3], [0.85, 0, -1.3], [-0.85, 0, -1.3]])
GEARS_UP = [102, 162, 235, 342]  # km/h
REVVED = np.array([102, 162, 235, 342, 520]) / 3.6  # m/s at 10000 rpm
FORWARD = [1, 0, 0, 0]


def straight(length, altitude=None):
    z = np.arange(0, length + 0.25, 0.5)
    return np.stack([0 * z, 0 * z if altitude is None else altitude(z), z], axis=1)


STRAIGHT = Track.from_points(straight(1200))
SLOPE = Track.from_points(straight(900, lambda z: 0.3 * z))
# a ramp, and nothing behind it: the road falls 12 m below
JUMP = Track.from_points(
    straight(900, lambda z: np.where(z < 200, 0, 2 - 2 * np.cos((z.clip(200, 240) - 200) / 12)))
)


class Tape:
    """Races, and what one needs to know about each step of them; in float64."""

    def __init__(self, tracks, count=1):
        self.env = RaceVectorEnv(tracks, num_envs=count, image_size=None)
        seen, _ = self.env.reset()
        self.floats = [seen["floats"].numpy().astype(float)]
        self.cars = [self.env.cars]
        self.actions = []
        self.over = np.zeros(count, bool)

    def step(self, action):
        seen, _, terminated, truncated, _ = self.env.step(action)
        self.floats.append(seen["floats"].numpy().astype(float))
        self.cars.append(self.env.cars)
        self.actions.append(action.numpy())
        self.over |= (terminated | truncated).numpy()
        return seen["floats"]

    def drive(self, actions):
        """Steps of (N,) actions, or "drive" for the scripted driver's, until a race is over."""
        seen = torch.tensor(self.floats[-1], dtype=torch.float32)
        for action in actions:
            seen = self.step(drive(seen) if isinstance(action, str) else torch.tensor(action))
            if self.over.any():
                break
        return self


def pose(cars, track, index):
    """position, axes (left, up, forward), velocity, the zone's number on the track, its frame."""
    position = cars.position[:, index].numpy().astype(float)
    axes = cars.axes[:, :, index].numpy().astype(float)
    velocity = cars.velocity[:, index].numpy().astype(float)
    zone = int(cars.zone[index])
    return position, axes, velocity, zone


def offset_of(env, number):
    """Of a track's zones among all."""
    return sum(len(track.zones) for track in env.tracks[:number])


def close(found, wanted, atol, what):
    error = np.abs(found - wanted) - 1e-5 * np.abs(wanted)
    assert (error <= atol).all(), (what, found, wanted)


def check(tape, index=0):
    """All floats of a race of a tape, from the second on; which of its events happened."""
    env = tape.env
    number = int(env.cars.track[index])
    track = env.tracks[number]
    history, shifts = [FORWARD] * 5, 0
    gear = 0
    happened = set()
    for step, action in enumerate(tape.actions):
        before = pose(tape.cars[step], track, index)
        position, axes, velocity, zone = pose(tape.cars[step + 1], track, index)
        zone -= offset_of(env, number)
        floats = tape.floats[step + 1][index]
        frame, origin = track.frames[zone], track.zones[zone]
        assert floats[0] == 0
        history = history[1:] + [ACTIONS[action[index]]]
        assert floats[1:21].tolist() == np.ravel(history).tolist()

        # the zone is the nearest of those around it
        near = slice(max(zone - 10, 0), zone + 11)
        distances = np.linalg.norm(track.zones[near] - position, axis=1)
        assert np.linalg.norm(origin - position) <= distances.min() + 0.26

        # orientation, velocity
        close(axes @ axes.T, np.eye(3), 1e-5, "axes")
        local = axes @ velocity
        close(floats[56:59], local, 2e-4, "velocity")
        close(floats[59:62], axes @ [0, 1, 0], 1e-6, "up")
        turned = Rotation.from_matrix(axes.T) * Rotation.from_matrix(before[1].T).inv()
        spin = axes @ turned.as_rotvec() / 0.05
        close(floats[53:56], spin, 0.02 + 0.03 * np.linalg.norm(spin), "angular velocity")

        # wheels
        place = frame @ (position - origin)
        wheels = place + (WHEELS @ axes) @ frame.T
        height = wheels[:, 1]
        contact = floats[25:29]
        clear = np.abs(height - 0.1) > 1e-4
        assert (contact == (height <= 0.1))[clear].all()
        assert set(contact) <= {0, 1}
        sure = abs(abs(local[0]) - 0.5) > 1e-3
        if sure:
            assert (floats[21:25] == contact * (abs(local[0]) > 0.5)).all()
        grounded = place[1] <= 0.1
        carried = (velocity - before[2]) @ frame[1] / 0.05 / 25 + frame[1, 1]
        if abs(place[1] - 0.1) > 1e-4:
            damper = contact * np.clip(0.02 * carried * grounded, 0, 0.2)
            close(floats[29:33], damper, 2e-5, "damper")
        beside = np.abs(wheels[:, 0])
        material = floats[37:53].reshape(4, 4)
        pad, asphalt = track.turbo[zone], beside <= 9
        wanted = [asphalt & ~pad, beside > 11, ~asphalt & (beside <= 11), asphalt & pad]
        certain = (np.abs(beside[:, None] - [9, 11]) > 1e-3).all(axis=1)
        assert (material[certain] == np.transpose(wanted)[certain]).all()

        # the gears change by the speed at the beginning of an action
        earlier = before[1][2] @ before[2]
        ups, downs = np.array(GEARS_UP + [np.inf]) / 3.6, np.array([-np.inf] + GEARS_UP) / 3.6
        change = int(earlier > ups[gear]) - int(earlier < downs[gear] * 0.85)
        if abs(earlier - ups[gear]) > 1e-3 and abs(earlier - downs[gear] * 0.85) > 1e-3:
            assert floats[33] == abs(change)
        gear, shifts = int(floats[34]), shifts + floats[33]
        assert gear == int(tape.cars[step + 1].gear[index]) and floats[36] == shifts
        assert abs(gear - tape.floats[step][index][34]) == floats[33]
        revs = abs(local[2]) * 10000 / REVVED[gear]  # a pad can be faster than the gears change
        close(floats[35], min(revs, 11000), 0.05, "rpm")

        # the line ahead
        points = (track.zones[zone : zone + 781 : 20] - position) @ axes.T
        close(floats[62:182].reshape(40, 3), points, 2e-3, "points")
        passed = (zone - 20) * 0.5 + place[2]
        close(floats[182], np.clip(track.length - passed, 0, 700), 2e-3, "rest")
        assert floats[183] == 1 - (ACTIONS[action[index]][0] and contact.any())

        shown = {
            "sliding": floats[21:25].any(),
            "some wheels in the air": 0 < contact.sum() < 4,
            "in the air": not contact.any(),
            "pressed": (floats[29:33] > 0.03).any(),
            "grass": material[:, 1].any(),
            "turbo": material[:, 3].any(),
            "dirt": material[:, 2].any(),
            "straddling": len({tuple(row) for row in material}) > 1,
            "down": change < 0,
            "up": change > 0,
            "turning": np.abs(spin).max() > 1,
            "near": floats[182] < 700,
            "sloping": floats[60] < 0.98,
            "backwards": local[2] < -1,
        }
        happened |= {name for name, true in shown.items() if true}
        assert (floats >= LOW - 1e-6).all() and (floats <= HIGH + 1e-6).all()
    return happened


# --- whole races --------------------------------------------------------------------------------


def test_scripted_laps():
    """A01 and Hock, two races each in turn, until the first is over."""
    tape = Tape(["A01", "Hock"], 2).drive(["drive"] * 520)
    assert {"up", "turning", "sloping", "near"} <= check(tape, 0)
    assert {"up", "down", "turning", "sliding", "turbo"} <= check(tape, 1)


ACCELERATE, LEFT, RIGHT, COAST, BRAKE = 0, 1, 2, 3, 6


def test_over_the_verge():
    """Off the road to the left, along the wall, and back to the other side."""
    plan = [0] * 40 + [1] * 12 + [0] * 20 + [2] * 30 + [0] * 20 + [1] * 30 + [6] * 40 + [8] * 20
    found = check(Tape([STRAIGHT]).drive([[action] for action in plan]))
    assert {"grass", "dirt", "straddling", "sliding", "turning", "up", "down"} <= found


def test_in_reverse():
    found = check(Tape([STRAIGHT]).drive([[6]] * 36))
    assert "backwards" in found


def test_jump():
    """The ground falls away: wheels leave it one after the other, and land."""
    plan = [[0]] * 160
    found = check(Tape([JUMP]).drive(plan))
    assert {"in the air", "pressed", "up"} <= found


@settings(max_examples=12)
@given(
    parts=st.lists(st.tuples(st.integers(0, 11), st.integers(1, 25)), min_size=2, max_size=10),
    track=st.sampled_from(["A01", "Hock", STRAIGHT, SLOPE, JUMP]),
)
def test_any_actions(parts, track):
    plan = [[0]] * 30 + [[action] for action, steps in parts for _ in range(steps)]
    check(Tape([track]).drive(plan[:160]))


# --- one at a time ------------------------------------------------------------------------------


def at_start(track=STRAIGHT):
    return RaceVectorEnv([track], num_envs=1, image_size=None).reset()[0]["floats"][0].numpy()


def test_at_the_start():
    """Standing on the start line of a level straight, every float by hand."""
    floats = at_start()
    points = np.zeros((40, 3))
    points[:, 2] = np.arange(40) * 10
    wanted = np.concatenate(
        [[0], FORWARD * 5, [0] * 4, [1] * 4, [0.02] * 4, [0] * 4, [1, 0, 0, 0] * 4]
        + [[0] * 6, [0, 1, 0], points.ravel(), [700, 0]]
    )
    assert floats.dtype == np.float32 and floats.shape == (184,)
    np.testing.assert_allclose(floats, wanted, atol=1e-4)


def test_history_before_the_start():
    """After two actions: three times "forward", then these, in their order."""
    env = RaceVectorEnv([STRAIGHT], num_envs=1, image_size=None)
    env.reset()
    env.step(torch.tensor([7]))
    floats = env.step(torch.tensor([11]))[0]["floats"][0, 1:21]
    wanted = [1, 0, 0, 0] * 3 + [0, 1, 1, 0] + [1, 1, 0, 1]
    assert floats.tolist() == wanted


@pytest.mark.parametrize(
    "x, kinds",
    [
        (0.0, "aaaa"),
        (8.0, "aaaa"),
        (8.5, "dada"),
        (9.5, "dada"),
        (10.0, "dddd"),
        (10.5, "gdgd"),
        (12.0, "gggg"),
        (14.9, "gggg"),
        (-8.5, "adad"),
        (-10.5, "dgdg"),
        (-13.0, "gggg"),
    ],
)
def test_materials(x, kinds):
    """a asphalt, g grass, d dirt under the wheels at 0.85 m to the left and right of x."""
    env = RaceVectorEnv([STRAIGHT], num_envs=1, image_size=None)
    env.reset()
    cars = env.cars
    env.cars = replace(
        cars,
        position=cars.position + torch.tensor([[x], [0], [0]]),
        place=cars.place + torch.tensor([[x], [0], [0]]),
    )
    floats = env.step(torch.tensor([3]))[0]["floats"][0].numpy()  # standing still
    names = np.array(list("agdt"))[floats[37:53].reshape(4, 4).argmax(axis=1)]
    assert "".join(names) == kinds
    assert (floats[37:53].reshape(4, 4).sum(axis=1) == 1).all()
    # it stands 2.5 mm deep: what gravity does in a tick
    np.testing.assert_allclose(floats[62:65], [-x, 0.0025, 0], atol=1e-4)


def test_up_on_a_slope():
    """On a slope of 30 %, standing straight on it, and 10 m of road ahead along it."""
    floats = at_start(SLOPE)
    slope = np.arctan(0.3)
    np.testing.assert_allclose(floats[59:62], [0, np.cos(slope), np.sin(slope)], atol=1e-5)
    np.testing.assert_allclose(floats[65:68], [0, 0, 10], atol=1e-3)
    np.testing.assert_allclose(floats[29:33], 0.02, atol=1e-6)


@pytest.mark.parametrize("side, sign", [(1, 1), (2, -1)], ids=["left", "right"])
def test_signs(side, sign):
    """Turning left: positive around up, and slides to the right; the line ahead moves right."""
    tape = Tape([STRAIGHT]).drive([[0]] * 60 + [[side]] * 3)
    floats = tape.floats[-1][0]
    assert floats[54] * sign > 0.3
    assert floats[56] * sign < 0
    assert floats[62 + 3 * 20] * sign < -1


@pytest.mark.parametrize("length", [40, 699, 701, 900])
def test_distance_to_the_finish(length):
    """Clipped at 700 m, and never negative behind the finish."""
    track = Track.from_points(straight(length))
    floats = at_start(track)
    assert floats[182] == pytest.approx(min(track.length, 700), abs=1e-3)
    assert track.length == pytest.approx(length)


def test_behind_the_finish():
    """The step that crosses the finish sees 0 m."""
    tape = Tape([Track.from_points(straight(40))]).drive([[0]] * 200)
    assert tape.over.all() and tape.floats[-1][0, 182] == 0
    assert 0 < tape.floats[-2][0, 182] < 5
    z = tape.cars[-1].position[2, 0]
    assert z > 40


def test_ranges():
    """184 floats, all finite; the observation space is as wide as they say."""
    assert LOW.shape == HIGH.shape == (184,) and (LOW < HIGH).all()
    space = RaceVectorEnv([STRAIGHT], num_envs=1).single_observation_space["floats"]
    assert (space.low == LOW).all() and (space.high == HIGH).all()


@pytest.mark.parametrize(
    "first, wanted",
    [
        ([0, 0, 0], -0.2),
        ([1, 0, -1], -0.2),
        ([0, -2, 0], -0.2),
        ([3, 0, 4], -0.5),
        ([0, 6, 8], -1.0),
        ([-12, 15, -16], -2.5),
        ([0, 0, 25], -2.5),
        ([300, 0, 0], -2.5),
    ],
)
def test_potential(first, wanted):
    """-0.1 per metre from the first of the 40 points; from 2 to 25 m."""
    floats = torch.full((2, 3, 184), 7.0)
    floats[1, 2, 62:65] = torch.tensor(first, dtype=torch.float32)
    found = potential(floats)
    assert found.shape == (2, 3)
    assert found[1, 2].item() == pytest.approx(wanted, abs=1e-6)
    np.testing.assert_allclose(found[0], -0.1 * 7 * 3**0.5, rtol=1e-6)
