"""Pictures against a pinhole camera in float64: where the edges of the road are, and the decks."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.racing import RaceEnv, RaceVectorEnv, Simulator, Track, drive, load_track
from tmnet.racing.camera import _COLOURS, BACK, FIELD, HEIGHT, PITCH, Camera

GREY = {name: grey for name, (grey, _) in _COLOURS.items()}
# m from the centre line, and what ends there
ENDS = {
    0.2: "dash",
    8.6: "asphalt",
    9.0: "line",
    11.0: "dirt",
    15.0: "grass",
    16.5: "wall",
    np.inf: "outside",
}
STRIPE, FINISH = 8.0, 6.0  # m
BEYOND = 600.0  # m: where ground ends
FINE = 16  # samples a pixel


# --- the pinhole camera -------------------------------------------------------------------------


def facing(yaw=0.0, slope=0.0):
    """A car's left, up and forward: turned to the left from +z, then uphill; radians."""
    forward = np.array([np.sin(yaw) * np.cos(slope), np.sin(slope), np.cos(yaw) * np.cos(slope)])
    left = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    return np.stack([left, np.cross(forward, left), forward])


@dataclass
class View:
    """Where a car is, (3,), its axes (3, 3), and the size of the picture."""

    position: np.ndarray
    axes: np.ndarray
    height: int
    width: int

    @property
    def focal(self):
        return self.width / 2 / np.tan(FIELD / 2)

    @property
    def eye(self):
        return self.position + HEIGHT * self.axes[1] - BACK * self.axes[2]

    def camera(self):
        """The picture's right, its down, and where the camera looks."""
        left, up, forward = self.axes
        return (
            -left,
            -np.cos(PITCH) * up - np.sin(PITCH) * forward,
            np.cos(PITCH) * forward - np.sin(PITCH) * up,
        )

    def rays(self, row, column):
        """(..., 3) through places of the picture, in px from its upper left corner."""
        right, down, ahead = self.camera()
        x, y = np.broadcast_arrays(
            (column - self.width / 2) / self.focal, (row - self.height / 2) / self.focal
        )
        return ahead + x[..., None] * right + y[..., None] * down

    def project(self, points):
        """Row, column and depth of points (..., 3)."""
        x, y, depth = np.moveaxis((points - self.eye) @ np.stack(self.camera()).T, -1, 0)
        return (
            self.height / 2 + self.focal * y / depth,
            self.width / 2 + self.focal * x / depth,
            depth,
        )

    def cars(self, simulator, track=0):
        return standing_at(simulator, [self.position], [self.axes], [track])

    def picture(self, simulator, **changes):
        camera = Camera(simulator, self.height, self.width, **changes)
        return camera.pictures(self.cars(simulator))[0, 0].numpy()


def standing_at(simulator, positions, axes, tracks, zones=None):
    """Cars at places, in the zone that is nearest."""
    cars = simulator.standing(torch.tensor(tracks))
    if zones is None:
        zones = [
            int(simulator.start[track]) - 20 + np.argmin(np.sum((line - position) ** 2, axis=1))
            for position, track in zip(positions, tracks)
            for line in [simulator.tracks[track].zones]
        ]
    zones = torch.tensor(np.array(zones))
    axes = np.array(axes)
    road = simulator.road[6:9, zones].T.numpy()
    return replace(
        cars,
        zone=zones,
        along=torch.tensor(np.einsum("nij,nj->in", axes, road), dtype=torch.float32),
        position=torch.tensor(np.array(positions).T, dtype=torch.float32),
        axes=torch.tensor(np.moveaxis(axes, 0, -1), dtype=torch.float32),
    )


# --- what it should see -------------------------------------------------------------------------


def ground(distance, dark, goal=False):
    """Grey at a distance from the centre line."""
    names = list(ENDS.values())
    grey = np.array([GREY[name] for name in names], float)
    shaded = grey.copy()
    shaded[0], shaded[4] = GREY["asphalt"], GREY["grass dark"]
    kind = np.searchsorted(np.array(list(ENDS)[:-1]), distance, side="right")
    colour = np.where(dark, shaded[kind], grey[kind])
    chequers = np.where(np.floor(distance / 1.5) % 2 == 1, 245.0, 10.0)
    return np.where(goal & (distance < 9), chequers, colour)


def level_hits(view, row, column):
    """Where rays meet the ground y = 0: x, z, and depth; NaN in the sky."""
    rays = view.rays(row, column)
    down = np.where(rays[..., 1] < 0, -rays[..., 1], np.nan)
    points = view.eye + rays * (view.eye[1] / down)[..., None]
    return points[..., 0], points[..., 2], view.project(points)[2]


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


def shifts(picture, view, hits, lay, reach=60.0, walls=np.inf):
    """How far the edges in each row of a picture are to the right of where they should be, px.

    On both sides of the centre line, (rows, 2), NaN where no edge is in sight: the shift at which
    the row differs least from samples of the pinhole's, averaged over the width of a pixel.

    Parameters
    ----------
    hits : callable
        As `level_hits`.
    lay : callable
        (x, z) -> distance from the centre line.
    reach : float
        m: rows whose ground is farther from the car are left out.
    walls : float
        m from the centre line: what is farther away is left out.
    """
    most, margin = 2, 3  # px
    rows = np.arange(view.height)[:, None] + 0.5
    columns = (np.arange((view.width + 2 * margin) * FINE)[None] + 0.5) / FINE - margin
    x, z, depth = hits(view, rows, columns)
    distance = np.abs(lay(x, z))
    stripes = [
        np.cumsum(np.pad(ground(distance, dark), ((0, 0), (1, 0))), axis=1)
        for dark in (False, True)
    ]
    expected = [(total[:, FINE:] - total[:, :-FINE]) / FINE for total in stripes]
    steps = np.arange(-most * FINE, most * FINE + 1)
    places = (np.arange(view.width) + margin) * FINE - steps[:, None]  # (steps, W)
    pixels = distance.reshape(view.height, -1, FINE)
    clear = (pixels > 1).all(axis=2) & (pixels < walls).all(axis=2)
    found = np.full((view.height, 2), np.nan)
    for row in np.flatnonzero(np.nan_to_num(depth[:, 0], nan=np.inf) < reach + BACK):
        # of the stripe that fits
        error = np.min([np.abs(grey[row, places] - picture[row]) for grey in expected], axis=0)
        middle = np.argmin(distance[row]) // FINE - margin
        inside = np.all([clear[row, margin + k :][: view.width] for k in (-3, 0, 3)], axis=0)
        sides = np.arange(view.width) < middle, np.arange(view.width) > middle
        for number, side in enumerate(sides):
            some = side & inside
            if some.any() and np.ptp(expected[0][row, places[len(steps) // 2]][some]) > 60:
                loss = np.sum(error[:, some] ** 2, axis=1)
                best = np.flatnonzero(loss < loss.min() + 1e-6)
                found[row, number] = np.abs(steps[best]).min() / FINE
    return found


# --- roads --------------------------------------------------------------------------------------


def straight(length, altitude=None):
    """Along +z from the origin; `altitude(z)`."""
    z = np.arange(0, length + 0.25, 0.5)
    return np.stack([0 * z, 0 * z if altitude is None else altitude(z), z], axis=1)


def bend(radius, side, before=100.0, degrees=170):
    """Straight on, then an arc; side 1 to the left (+x), -1 to the right."""
    turn = np.arange(0.5 / radius, np.radians(degrees), 0.5 / radius)
    x, z = side * radius * (1 - np.cos(turn)), before + radius * np.sin(turn)
    return np.concatenate([straight(before), np.stack([x, 0 * x, z], axis=1)])


def beside_bend(radius, side, before=100.0):
    """(x, z) -> distance from its centre line, which the smoothing (5 m) has moved inwards."""
    smooth = radius * np.exp(-(5**2) / (2 * radius**2))
    return lambda x, z: np.where(
        z < before, x * side, smooth - np.hypot(x * side - radius, z - before)
    )


def across(x, z):
    """Distance from the centre line of a straight."""
    return x


STRAIGHT = Simulator([Track.from_points(straight(1500))])
SIZES = [(32, 32), (64, 64), (128, 128), (256, 256), (96, 160), (160, 96)]


def worst(found, rows=4):
    """The largest shift, of at least so many rows on each side."""
    assert (np.isfinite(found).sum(axis=0) >= rows).all()
    return np.nanmax(found)


# --- level roads --------------------------------------------------------------------------------


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


@settings(max_examples=25, deadline=None)
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


# --- hills --------------------------------------------------------------------------------------


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


# --- mirrors and decks --------------------------------------------------------------------------

MIRROR = np.array([-1.0, 1, 1])


@settings(max_examples=30, deadline=None)
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
    for step in range(1400):
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
