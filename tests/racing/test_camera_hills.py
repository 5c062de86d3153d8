"""Pictures of hills against a pinhole camera in float64: what rises and what hides."""

import numpy as np
import pytest

from tmnet.racing import Simulator, Track
from tmnet.racing.camera import BACK, HEIGHT

from .pinhole import GREY, View, across, facing, shifts, straight, worst


def hill_hits(view, row, column, altitude):
    """The same where `altitude(z)` is the ground's, for a car that faces +z."""
    rays = view.rays(row[:, 0], np.array(view.width / 2))  # all rays of a row have the same slope
    z = view.eye[2] + np.arange(0.5, 500, 0.05)
    over = view.eye[1] + np.outer(rays[:, 1] / rays[:, 2], z - view.eye[2]) - altitude(z)
    first = np.argmax(over <= 0, axis=1)
    every = np.arange(len(row))
    before, after = over[every, first - 1], over[every, first]
    reach = z[first - 1] + 0.05 * before / (before - after)
    reach = np.where((over <= 0).any(axis=1), reach, np.nan)[:, None]
    steps = (reach - view.eye[2]) / view.rays(row, column)[..., 2]
    points = view.eye + steps[..., None] * view.rays(row, column)
    return points[..., 0], points[..., 2], view.project(points)[2]


def altitude_of(track):
    """Of the ground at z, of a road that is straight in plan."""
    return lambda z: np.interp(z, track.zones[:, 2], track.zones[:, 1])


def on_hill(track, z, x=0.0, size=(128, 128)):
    """A car on the ground there, as steep as it is."""
    altitude = altitude_of(track)
    slope = np.arctan(altitude(z + 0.5) - altitude(z - 0.5))
    return View(np.array([x, altitude(z), z]), facing(0, slope), *size)


def ramp(percent):
    """Level up to 120 m, then a slope, with a radius of 60 m in between."""
    top = 60 * np.sin(np.arctan(abs(percent) / 100))

    def altitude(z):
        d = np.maximum(z - 120, 0)
        arc = 60 - np.sqrt(3600 - np.minimum(d, top) ** 2)
        return np.sign(percent) * (arc + np.maximum(d - top, 0) * abs(percent) / 100)

    return altitude


@pytest.mark.parametrize("x", [0, 5])
@pytest.mark.parametrize("z", [60, 100, 118, 150])
@pytest.mark.parametrize("percent", [10, 20, 40])
def test_uphill(percent, z, x):
    """On the level before a slope, and on it."""
    track = Track.from_points(straight(600, ramp(percent)))
    view = on_hill(track, z, x)
    picture = view.picture(Simulator([track]))
    found = shifts(
        picture, view, lambda *rays: hill_hits(*rays, altitude_of(track)), across, walls=16.5
    )
    assert worst(found) <= 1


def test_only_the_road_rises_above_the_horizon():
    """Beside a road that climbs there is sky, above the horizon; below it, the ground."""
    track = Track.from_points(straight(600, ramp(40)))
    view = on_hill(track, 100)
    picture = view.picture(Simulator([track]))
    rows = np.arange(128)[:, None] + 0.5
    x, z, _ = hill_hits(view, rows, np.arange(128)[None] + 0.5, altitude_of(track))
    horizon = view.project(view.eye + np.array([0, 0, 1e6]))[0]
    beside, above = np.abs(x) > 19, rows < horizon
    assert (beside & above).sum() > 100 and (beside & ~above).sum() > 100
    assert (picture[beside & above] == GREY["sky"]).all()
    assert (picture[beside & ~above] == GREY["outside"]).all()
    middle = (np.abs(x) < 8) & (z < 300) & above
    assert middle.sum() > 50 and (picture[middle] < 150).all()


@pytest.mark.parametrize("z", [170, 183, 190, 200, 215, 230])
def test_waves(z):
    """Hills of 4 m every 120 m: a crest, a valley that one cannot see into, another crest."""
    track = Track.from_points(straight(900, lambda z: 4 * np.cos(2 * np.pi * z / 120)))
    view = on_hill(track, float(z))
    picture = view.picture(Simulator([track]))
    found = shifts(
        picture,
        view,
        lambda *rays: hill_hits(*rays, altitude_of(track)),
        across,
        reach=150,
        walls=16.5,
    )
    assert worst(found) <= 1


R_CREST, TOP = 150.0, 150.0  # m: its radius, and where it begins


def crest(z):
    """Level, then a circle downwards, to 30 degrees, then straight."""
    d, last = np.maximum(z - TOP, 0), R_CREST / 2
    arc = np.sqrt(R_CREST**2 - np.minimum(d, last) ** 2) - R_CREST
    return arc - np.maximum(d - last, 0) * np.tan(np.radians(30))


def horizon_of_crest(before):
    """How far down the ray from a level car's eye touches the circle, rad; and at which z."""
    away, over = before + BACK, R_CREST + HEIGHT
    down = np.arctan2(over, away) - np.arcsin(R_CREST / np.hypot(away, over))
    return down, TOP + R_CREST * np.sin(down)


@pytest.mark.parametrize("before", [10, 20, 40])
def test_finish_behind_a_crest(before):
    """One sees it before the place where the eye's ray touches the crest, not after."""
    _, touch = horizon_of_crest(before)
    for beyond in (-25, -18, 4, 8, 20):
        line = straight(touch + beyond, crest)
        simulator = Simulator([Track.from_points(line)])
        view = View(np.array([0.0, 0, TOP - before]), facing(), 256, 256)
        picture = view.picture(simulator)
        assert (picture == 10).any() == (beyond < 0)
        if beyond < 0:
            rows = np.flatnonzero((picture[:, 120:136] == 10).any(axis=1))
            place = np.array([0, crest(touch + beyond), touch + beyond])
            assert abs(rows.max() + 0.5 - view.project(place)[0]) < 2


@pytest.mark.parametrize("before", [20, 40, 70])
@pytest.mark.parametrize("size", [64, 256])
def test_what_a_crest_hides_does_not_matter(before, size):
    """The picture is the same whatever comes 25 m after the ray that touches the crest."""
    _, touch = horizon_of_crest(before)
    line = straight(600, crest)
    hidden = line[:, 2] > touch + 25
    ends = [line]
    for change in ([1.0, 0, 0], [-1.0, 0, 0], [0, -0.1, 0]):
        other = line.copy()
        steps = np.arange(hidden.sum())[:, None]
        other[hidden] += np.minimum(steps / 40, 1) * steps * 0.2 * np.array(change)
        ends.append(other)
    pictures = [
        View(np.array([0.0, 0, TOP - before]), facing(), size, size).picture(
            Simulator([Track.from_points(end)])
        )
        for end in ends
    ]
    for picture in pictures[1:]:
        np.testing.assert_array_equal(picture, pictures[0])


@pytest.mark.parametrize("before", [20, 40, 70])
def test_road_up_to_a_crest(before):
    """Edges are where they should be up to the ray that touches it."""
    _, touch = horizon_of_crest(before)
    track = Track.from_points(straight(600, crest))
    view = View(np.array([0.0, 0, TOP - before]), facing(), 128, 128)
    found = shifts(
        view.picture(Simulator([track])),
        view,
        lambda *rays: hill_hits(*rays, altitude_of(track)),
        across,
        reach=touch - TOP + before - 3,
        walls=16.5,
    )
    assert worst(found) <= 1
