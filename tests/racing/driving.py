"""What the tests of driving share: simple roads, and cars that are put anywhere on them."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tmnet.racing import Cars, RaceVectorEnv, Simulator, Track, load_track

G = 25.0  # m/s2
TICK, ACTION = 0.01, 0.05  # s
KMH = 1 / 3.6  # m/s
GEAR_UP = (102, 162, 235, 342)  # km/h
REAL_TRACKS = Path(__file__).parents[3] / "shared" / "tracks"
REAL = ("A01-Race", "ESL-Hockolicious")

# hold, roughness, one of turbo, asphalt, grass, dirt; each under one wheel
ASPHALT, TURBO = [0.25, 0, 0, 1, 0, 0], [0.25, 0, 1, 0, 0, 0]
DIRT, GRASS = [0.0625, 0.15, 0, 0, 0, 1], [0.0375, 0.3, 0, 0, 1, 0]

# accelerate, brake, left, right
GAS, GAS_LEFT, GAS_RIGHT, COAST, COAST_LEFT, COAST_RIGHT = range(6)
BRAKE, BRAKE_LEFT, BRAKE_RIGHT, BOTH, BOTH_LEFT, BOTH_RIGHT = range(6, 12)


def straight(metres: float, slope: float = 0.0) -> Track:
    """Along +z, from the origin; `slope` in rad upwards."""
    along = np.arange(0, metres + 0.1, 0.5)
    points = [np.zeros_like(along), along * np.sin(slope), along * np.cos(slope)]
    return Track.from_points(np.stack(points, axis=1))


def profile(altitude, metres: float) -> Track:
    """Straight ahead in plan; `altitude` of z."""
    fine = np.arange(0, metres, 0.01)
    way = np.concatenate([[0], np.cumsum(np.hypot(np.diff(fine), np.diff(altitude(fine))))])
    z = np.interp(np.arange(0, way[-1], 0.5), way, fine)
    return Track.from_points(np.stack([np.zeros_like(z), altitude(z), z], axis=1))


def circle(radius: float, turns: float, side: int = 1) -> Track:
    """Level, to the left, or to the right (`side` -1)."""
    turn = np.arange(0, turns * 2 * np.pi, 0.5 / radius)
    points = [side * radius * (1 - np.cos(turn)), np.zeros_like(turn), radius * np.sin(turn)]
    return Track.from_points(np.stack(points, axis=1))


def real_track(name: str) -> Track:
    """The centre line of a real map; skips without it."""
    path = REAL_TRACKS / f"{name}_0.5m.npy"
    if not path.exists():
        pytest.skip(f"the real line ../shared/tracks/{path.name} is not here")
    return load_track(path)


def ground_at(offset: np.ndarray, turbo: np.ndarray) -> np.ndarray:
    """(..., 6) as in `Cars.ground`, so many metres beside the centre line."""
    beside, turbo = np.abs(offset)[..., None], turbo[..., None]
    road = np.where(turbo, TURBO, ASPHALT)
    return np.where(beside < 9, road, np.where(beside < 11, DIRT, GRASS))


def placed(simulator: Simulator, zone, *, left=0.0, up=0.0, speed=0.0, yaw=0.0, track=0) -> Cars:
    """Cars with wheels parallel to the road, at `zone` of their `track`, `left` of it and above it.

    Speeds are (..., 3) to the car's left, up, forward, or forward only; a positive yaw turns the
    nose to the left. Everything is broadcast against everything.
    """
    speed = np.asarray(speed, float)
    if not speed.ndim or speed.shape[-1] != 3:
        speed = speed[..., None] * np.array([0.0, 0, 1])
    zone, left, up, yaw, track, slide, rise, ahead = (
        np.atleast_1d(each)
        for each in np.broadcast_arrays(zone, left, up, yaw, track, *np.moveaxis(speed, -1, 0))
    )
    speed = np.stack([slide, rise, ahead])  # (3, N)
    tracks = simulator.tracks
    frame = np.stack([tracks[k].frames[z] for k, z in zip(track, zone)])  # (N, 3, 3)
    point = np.stack([tracks[k].zones[z] for k, z in zip(track, zone)])
    cos, sin, none = np.cos(yaw), np.sin(yaw), np.zeros(len(yaw))
    turn = np.array([[cos, none, -sin], [none, none + 1, none], [sin, none, cos]])  # (3, 3, N)
    axes = np.einsum("ijn,njk->ikn", turn, frame)
    place = np.stack([left, up, none]).astype(float)
    touches = (up <= 0.1).astype(float)
    wheels = [(a, b) for b in (1.3, -1.3) for a in (0.85, -0.85)]
    offset = np.stack([left + a * cos + b * sin for a, b in wheels])  # (4, N)
    turbo = np.stack([tracks[k].turbo[z] for k, z in zip(track, zone)])  # (N,)
    first = np.concatenate([[0], np.cumsum([len(each.zones) for each in tracks])])
    gear = (ahead[:, None] > np.array(GEAR_UP) * KMH).sum(axis=1)
    values = {
        "position": point.T + np.einsum("nij,in->jn", frame, place),
        "velocity": np.einsum("ijn,in->jn", axes, speed),
        "axes": axes,
        "turning": np.zeros((3, len(zone))),
        "speed": speed,
        "along": turn[:, 2],
        "place": place,
        "ground": np.moveaxis(ground_at(offset, turbo), -1, 0),
        "contact": np.broadcast_to(touches, (4, len(zone))),
        "load": touches * frame[:, 1, 1],
        "steer": none,
        "gear": gear,
        "shifted": none,
        "shifts": none,
        "history": np.tile([[1.0], [0], [0], [0]], (5, len(zone))),
        "track": track,
        "passed": (zone - 20) * 0.5,
        "zone": zone + first[track],
        "furthest": zone + first[track],
        "idle": 0 * zone,
        "actions": 0 * zone,
    }
    whole = ("gear", "track", "zone", "furthest", "idle", "actions")
    return Cars(
        **{
            name: torch.tensor(value, dtype=torch.int64 if name in whole else torch.float32)
            for name, value in values.items()
        }
    )


def act(simulator: Simulator, cars: Cars, *actions) -> Cars:
    """After so many actions, each for all cars or one per car."""
    with torch.inference_mode():
        for action in actions:
            each = torch.as_tensor(action, dtype=torch.int64).expand(len(cars.zone)).contiguous()
            cars = simulator.act(cars, each)[0]
    return cars


def equal(one: Cars, other: Cars) -> bool:
    """To the last bit."""
    return all(
        torch.equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Cars)
    )


def numbers(tensor: torch.Tensor) -> np.ndarray:
    """In float64."""
    return tensor.numpy().astype(np.float64)


def table(curve, speed):
    """A published table of km/h, at m/s."""
    return np.interp(np.abs(speed) / KMH, *curve)


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


def assert_inside(env, seen):
    """Every value is within the space, and none is not a number."""
    space = env.observation_space
    for name, value in seen.items():
        array, box = value.numpy(), space[name]
        assert array.shape == box.shape and array.dtype == box.dtype
        outside = ~((box.low <= array) & (array <= box.high))
        assert not outside.any(), (name, np.argwhere(outside)[:5], array[outside][:5])
