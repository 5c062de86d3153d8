"""Pictures of level roads against a pinhole camera in float64: where the edges are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.racing import Simulator, Track
from tmnet.racing.camera import HEIGHT

from .pinhole import (
    GREY,
    SIZES,
    View,
    across,
    bend,
    beside_bend,
    facing,
    level_hits,
    shifts,
    straight,
    worst,
)

STRIPE, FINISH = 8.0, 6.0  # m
BEYOND = 600.0  # m: where ground ends
STRAIGHT = Simulator([Track.from_points(straight(1500))])


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
@pytest.mark.parametrize(
    "x, degrees", [(0, 0), (3, 0), (-7, 0), (2, 10), (-3, -15), (0, 30), (-1, -30)]
)
def test_edges_on_a_straight(size, x, degrees):
    """Within a pixel, where there are 128 across; within half a pixel where there are 64."""
    view = View(np.array([x, 0, 100.2]), facing(np.radians(degrees)), *size)
    found = shifts(view.picture(STRAIGHT), view, level_hits, across)
    assert worst(found, rows=2) <= np.clip(view.width / 128, 0.5, 1)


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize("x, degrees", [(0, 0), (6, 0), (-4, 10), (5, -20), (0, 30)])
def test_steepest_change_is_at_the_edge(size, x, degrees):
    """Where rows cross the edges at 9, 11 and 15 m, if their neighbours are pixels away."""
    view = View(np.array([x, 0, 100.0]), facing(np.radians(degrees)), size, size)
    picture = view.picture(STRAIGHT).astype(int)
    ahead = np.arange(-4, 60, 0.01)
    checked = 0
    for edge, apart in ((9, 0.4), (11, 2), (15, 1.5)):  # m to the next edge
        for side in (-edge, edge):
            line = np.stack([0 * ahead + side, 0 * ahead, 100 + ahead], axis=1)
            rows, columns, depths = view.project(line)
            for row in range(size):
                at = np.argmin(np.abs(rows - row - 0.5))
                column, pixel = columns[at], depths[at] / view.focal
                reach = int(min(apart / pixel - 1.5, 5))
                if depths[at] < 1 or abs(rows[at] - row - 0.5) > 0.1 or reach < 2:
                    continue
                first = round(column) - reach
                if first < 0 or first + 2 * reach >= size:
                    continue
                steps = np.abs(np.diff(picture[row, first : first + 2 * reach]))
                place = first + 1 + np.flatnonzero(steps >= steps.max() - 1).mean()
                assert abs(place - column) <= 1, (edge, side, row)
                checked += 1
    assert checked > 15


@pytest.mark.parametrize("degrees", [0, 15, -25])
def test_after_the_end_of_the_line(degrees):
    """500 m after the finish the line ends; the ground goes on as it was, and so does the road."""
    simulator = Simulator([Track.from_points(straight(100))])
    view = View(np.array([1.0, 0, 100 + 475]), facing(np.radians(degrees)), 128, 128)
    found = shifts(view.picture(simulator), view, level_hits, across)
    assert worst(found) <= 1


@pytest.mark.parametrize("side", [1, -1], ids=["left", "right"])
@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize(
    "radius, position, reach",
    [(60, 40, 60), (60, 65, 60), (60, 80, 50), (60, 100, 40)]
    + [(radius, at, 60) for radius in (80, 100, 200) for at in (40, 65, 80, 100)],
)
def test_edges_of_a_bend(radius, position, reach, size, side):
    """Within a pixel, before it (it begins at 100 m) and in it.

    60 m ahead in a bend of 60 m, rows run along the inner edge: there they cannot be compared.
    """
    simulator = Simulator([Track.from_points(bend(radius, side))])
    view = View(np.array([0, 0, float(position)]), facing(), size, size)
    found = shifts(view.picture(simulator), view, level_hits, beside_bend(radius, side), reach)
    assert worst(found) <= 1


@settings(max_examples=25)
@given(
    radius=st.floats(80, 300),
    side=st.sampled_from([1, -1]),
    driven=st.floats(20, 60),
    x=st.floats(-8, 8),
    yaw=st.floats(-0.35, 0.35),
)
def test_edges_from_anywhere_in_a_bend(radius, side, driven, x, yaw):
    """Off the middle and not along the road, up to 30 m ahead.

    From 20 m in the bend on: before, the smoothing makes it none of constant radius.
    """
    simulator = Simulator([Track.from_points(bend(radius, side))])
    away, turned = radius - x, driven / radius
    position = [side * (radius - away * np.cos(turned)), 0, 100 + away * np.sin(turned)]
    view = View(np.array(position), facing(side * turned + yaw), 128, 128)
    found = shifts(view.picture(simulator), view, level_hits, beside_bend(radius, side), reach=30)
    assert np.nanmax(found) <= 1


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
@pytest.mark.parametrize("backwards", [False, True])
def test_stripes_and_finish(size, backwards):
    """Which rows show light grass, dark grass, dashes and the finish line: to a row."""
    simulator = Simulator([Track.from_points(straight(300))])
    seen = set()
    for position in (305 if backwards else 301, 200, 208):
        view = View(np.array([0.0, 0, position]), facing(np.pi if backwards else 0), *size)
        seen |= stripes_seen(view.picture(simulator).astype(int), view, simulator)
    assert {"goal", "road"} <= seen
    assert view.width < 64 or {"grass", "grass dark"} <= seen
    assert view.width < 128 or {"dash", "asphalt"} <= seen


def stripes_seen(picture, view, simulator):
    """What the rows show: checked where the row above and the row below show the same."""
    seen, length = set(), simulator.tracks[0].length
    rows = np.arange(view.height)[:, None] + 0.5 + np.array([-1.0, 0, 1])
    _, along, depth = level_hits(view, rows, np.full(1, view.width / 2))
    for row in range(view.height):
        if not np.isfinite(along[row]).all() or depth[row].max() > 45:
            continue
        goal = (along[row] >= length) & (along[row] < length + FINISH)
        dark = np.floor(along[row] / STRIPE) % 2 == 1
        pixel = depth[row, 1] / view.focal
        places = np.array([[13.0, 0, along[row, 1]], [2.25, 0, along[row, 1]]])
        grass, chequer = view.project(places)[1].astype(int)
        alike = not goal.any() and dark.all() == dark.any()
        if alike and 0 <= grass < view.width and pixel < 1.2:
            name = "grass dark" if dark[0] else "grass"
            assert picture[row, grass] == GREY[name]
            seen.add(name)
        if goal.all() == goal.any() and 0 <= chequer < view.width and pixel < 0.7:
            assert picture[row, chequer] == (245 if goal[0] else GREY["asphalt"])
            seen.add("goal" if goal[0] else "road")
        if alike and pixel < 0.15:
            name = "asphalt" if dark[0] else "dash"
            middle = picture[row, (view.width - 1) // 2 : view.width // 2 + 1]
            assert (middle == GREY[name]).all()
            seen.add(name)
    return seen


@pytest.mark.parametrize("degrees", [10, -20, 30])
def test_finish_line_from_an_angle(degrees):
    """It is square to the road, not to the car: 2 m beyond it and 2 m before it on both sides."""
    simulator = Simulator([Track.from_points(straight(300))])
    view = View(np.array([0.0, 0, 280]), facing(np.radians(degrees)), 256, 256)
    picture = view.picture(simulator).astype(int)
    length = simulator.tracks[0].length
    for x in (-8.25, -5.25, 2.25, 5.25, 8.25):
        for beyond, goal in ((-2, False), (2, True), (4, True), (8, False)):
            row, column, _ = view.project(np.array([x, 0, length + beyond]))
            if 0 <= row < 256 and 0 <= column < 256:
                assert (picture[int(row), int(column)] in (10, 245)) == goal


@pytest.mark.parametrize("degrees", [15, -35, 60, 170])
def test_stripes_from_an_angle(degrees):
    """They are square to the road: the grass beside it, 2 m before and behind each change."""
    view = View(np.array([1.0, 0, 203]), facing(np.radians(degrees)), 256, 256)
    picture, seen = view.picture(STRAIGHT), set()
    for x in (-14, -12, 12, 14):
        for along in np.arange(160, 250, STRIPE):
            for beside in (-2, 2):
                row, column, depth = view.project(np.array([x, 0, along + beside]))
                if 2 < depth < 35 and 0 <= row < 256 and 0 <= column < 256:
                    name = "grass dark" if (along + beside) // STRIPE % 2 else "grass"
                    assert picture[int(row), int(column)] == GREY[name]
                    seen.add((np.sign(x), name))
    assert len(seen) >= 2


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
def test_sky_above_the_horizon(size):
    """Sky down to where the ground is 600 m away; none below."""
    view = View(np.array([0.0, 0, 100]), facing(), *size)
    picture = view.picture(STRAIGHT)
    horizon = view.project(view.eye + np.array([0, -HEIGHT, BEYOND]))[0]
    sky = (picture == GREY["sky"]).all(axis=1)
    assert sky[: int(horizon - 1)].all() and not sky[int(horizon + 1) :].any()
