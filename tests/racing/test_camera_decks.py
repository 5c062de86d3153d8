"""Pictures of mirrored roads and of roads above each other; and the picture for people."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.racing import RaceEnv, RaceVectorEnv, Simulator, Track, drive, load_track
from tmnet.racing.camera import _COLOURS, Camera

from .pinhole import (
    GREY,
    SIZES,
    View,
    bend,
    beside_bend,
    facing,
    level_hits,
    shifts,
    standing_at,
    worst,
)

# --- mirrors and decks --------------------------------------------------------------------------

MIRROR = np.array([-1.0, 1, 1])


@settings(max_examples=30)
@given(
    at=st.integers(100, 6000),
    side=st.floats(-14, 14),
    yaw=st.floats(-np.pi, np.pi),
    up=st.floats(0, 10),
)
def test_mirrored_world(hock, at, side, yaw, up):
    """The picture of a mirrored world is the mirrored picture, wherever the car is and looks."""
    track, _, simulator = hock
    frame, turn = track.frames[at], facing(yaw)
    position = track.zones[at] + side * frame[0] + up * frame[1]
    axes = turn @ frame
    reflected = axes * MIRROR * np.array([[-1], [1], [1]])
    cars = standing_at(
        simulator,
        [position, position * MIRROR],
        [axes, reflected],
        [0, 1],
        [at, at + len(track.zones)],
    )
    one, other = Camera(simulator, 64, 96).pictures(cars)[:, 0].numpy()
    np.testing.assert_array_equal(one, other[:, ::-1])


@pytest.fixture(scope="module")
def hock():
    """A track, its mirror image, and a simulator of both."""
    track = load_track("Hock")
    mirrored = Track(
        "mirrored",
        track.zones * MIRROR,
        track.frames * MIRROR * np.array([[-1], [1], [1]]),
        track.length,
        track.turbo,
    )
    return track, mirrored, Simulator([track, mirrored])


@pytest.mark.parametrize("radius, side", [(100, 1), (150, -1)])
def test_backwards(radius, side):
    """Who faces backwards after a bend sees the bend: as who drives towards it the other way."""
    simulator = Simulator([Track.from_points(bend(radius, side)[::-1])])
    view = View(np.array([2.0, 0, 65]), facing(), 128, 128)
    assert view.cars(simulator).along[2] < 0
    found = shifts(view.picture(simulator), view, level_hits, beside_bend(radius, side))
    assert worst(found) <= 1


def decks(track, zone):
    """Zones between which the line may be cut so that only the road around `zone` is left.

    The other decks are those zones that lie within 20 m, in plan, of a nearer part of the road
    (measured along it), and 4 m or more above or below it.
    """
    line = track.zones
    behind, ahead = np.arange(zone - 100, 0, -8), np.arange(zone + 100, zone + 2000, 8)
    last = next((at for at in ahead if _over(line, at, zone - 16, at - 100)), len(line))
    first = next((at for at in behind if _over(line, at, at + 100, zone + 800)), 0)
    return first, last


def _over(line, at, low, high):
    """Whether the line is there above or below a part of itself."""
    if at >= len(line):
        return False
    away = np.abs(line[max(low, 0) : high : 4] - line[at])
    return (np.hypot(away[:, 0], away[:, 2]) < 20)[away[:, 1] > 4].any()


def assert_same_without_other_decks(track, positions, axes, zones, size=(64, 64)):
    """Each car's picture is the same on a track that has only its own deck; how many were cut."""
    parts, moved = [], []
    for zone in zones:
        first, last = decks(track, zone)
        first -= first % 32  # stripes stay where they are
        parts.append(
            Track(
                "part",
                track.zones[first:last],
                track.frames[first:last],
                track.length - first / 2,
                track.turbo[first:last],
            )
        )
        moved.append(zone - first)
    whole, cut = Simulator([track]), Simulator(parts)
    offsets = (cut.start - 20).tolist()
    count = len(zones)
    here = standing_at(whole, positions, axes, [0] * count, zones)
    there = standing_at(cut, positions, axes, range(count), [a + b for a, b in zip(moved, offsets)])
    before = Camera(whole, *size).pictures(here).numpy()
    after = Camera(cut, *size).pictures(there).numpy()
    different = np.flatnonzero((before != after).any(axis=(1, 2, 3)))
    assert not len(different), [zones[k] for k in different]
    return sum(len(part.zones) < len(track.zones) for part in parts)


@pytest.mark.parametrize("radius", [35, 50, 70])
@pytest.mark.parametrize("rise", [8, -8])
def test_helix(radius, rise):
    """Three turns, 8 m above each other; the first and the last, and the one in between."""
    turn = np.arange(0, 6 * np.pi, 0.5 / np.hypot(radius, rise / 2 / np.pi))
    points = np.stack(
        [radius * (1 - np.cos(turn)), rise * turn / 2 / np.pi, radius * np.sin(turn)], axis=1
    )
    track = Track.from_points(points)
    zones = np.linspace(40, len(track.zones) - 1100, 40).astype(int).tolist()
    positions = [track.zones[zone] for zone in zones]
    axes = [track.frames[zone] for zone in zones]
    assert assert_same_without_other_decks(track, positions, axes, zones) == 40


def test_decks_of_hock(hock):
    """A scripted lap: at every crossing, what the car sees is its own deck."""
    track = hock[0]
    env = RaceVectorEnv([track], num_envs=1, image_size=None)
    seen, _ = env.reset()
    positions, axes, zones = [], [], []
    for step in range(1600):
        seen, _, terminated, truncated, _ = env.step(drive(seen["floats"]))
        if terminated.any() or truncated.any():
            break
        if step % 10 == 0:
            positions.append(env.cars.position[:, 0].numpy().astype(float))
            axes.append(env.cars.axes[:, :, 0].numpy().astype(float))
            zones.append(int(env.cars.zone))
    assert terminated.all()
    assert assert_same_without_other_decks(track, positions, axes, zones) > 50


# --- the picture for people ---------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
def test_shape(size):
    env = RaceVectorEnv(["A01"], num_envs=3, image_size=size)
    image = env.reset()[0]["image"]
    assert image.shape == (3, 1, *size) and image.dtype == torch.uint8


def test_alone_as_in_a_batch(hock):
    """A picture does not depend on how many there are."""
    track, _, simulator = hock
    zones = [100, 900, 2500]
    some = standing_at(simulator, track.zones[zones], track.frames[zones], [0] * 3, zones)
    camera = Camera(simulator, 64, 64)
    together = camera.pictures(some).numpy()
    for index, zone in enumerate(zones):
        alone = standing_at(simulator, [track.zones[zone]], [track.frames[zone]], [0], [zone])
        alone = camera.pictures(alone).numpy()
        np.testing.assert_array_equal(alone[0], together[index])
    np.testing.assert_array_equal(camera.pictures(some).numpy(), together)


def test_colours_are_where_the_greys_are(hock):
    """The same pixels show the same things."""
    view = View(hock[0].zones[500], hock[0].frames[500], 128, 128)
    cars = view.cars(hock[2])
    grey = Camera(hock[2], 128, 128).pictures(cars)[0, 0].numpy()
    colour = Camera(hock[2], 128, 128, colour=True).pictures(cars)[0].numpy()
    assert colour.shape == (3, 128, 128) and colour.dtype == np.uint8
    for name in ("sky", "asphalt", "grass", "dirt"):
        shown = (colour == np.array(_COLOURS[name][1])[:, None, None]).all(axis=0)
        assert shown.sum() > 20
        assert (grey[shown] == GREY[name]).all()


def test_render():
    """As large as it should be; at 50 ms there is other text than at the start, left and right."""
    env = RaceEnv("A01", image_size=None, render_mode="rgb_array")
    env.reset()
    first = env.render()
    assert first.shape == (480, 640, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, env.render())
    assert RaceEnv("A01", image_size=None).render() is None


def test_speed_and_time_are_written():
    """Each in its corner, and nowhere else."""
    races = RaceVectorEnv(["A01"], num_envs=2, image_size=None)
    races.reset()
    still = races.render()
    assert len(still) == 2
    np.testing.assert_array_equal(still[0], still[1])
    cars, time = races.cars, races._time
    races._time = torch.tensor([0.0, 12340.0])
    places = np.argwhere((races.render()[1] != still[1]).any(axis=2))
    assert len(places) > 50 and places[:, 0].min() > 400 and places[:, 1].max() < 200
    races._time = time
    races.cars = replace(cars, speed=torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 77.0]]))
    fast = races.render()
    np.testing.assert_array_equal(fast[0], still[0])
    places = np.argwhere((fast[1] != still[1]).any(axis=2))
    assert len(places) > 50 and places[:, 0].min() > 400 and places[:, 1].min() > 440
