"""The tracks in `data/tracks`: sound as roads, and as fast and as winding as the real maps."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

ROOT = Path(__file__).parents[2]
TRACKS = ROOT / "data" / "tracks"
REAL_TRACKS = ROOT.parent / "shared" / "tracks"
NAMES = {"A01": "A01-Race", "Hock": "ESL-Hockolicious"}
SPACING = 0.5
SMOOTHING = 10  # points, standard deviation
CORNER = 150, 20  # a corner is tighter than so many metres and turns by more than so many degrees
CORRIDOR = 32  # m between two centre lines whose roads, with their verges, do not touch
ROOM = 7  # m from one road up to another that passes over it
RADII = [50, 75, 90, 95, 99]
SLOPES = [5, 50, 95]

# Of the real maps, as measured when the game was there.
REAL = {
    "A01": {
        "length": 2222.5,
        "lowest": 24,
        "highest": 124,
        "start": 90,
        "end": 114,
        "slopes": [-20, 0, 26],
        "radii": [692, 203, 113, 97, 44],
        "corners": 3,
        "turning": 414,
        "crossings": 0,
    },
    "Hock": {
        "length": 4030.3,
        "lowest": 9,
        "highest": 38,
        "start": 10,
        "end": 10,
        "slopes": [-12, 0, 12],
        "radii": [120, 63, 43, 37, 28],
        "corners": 22,
        "turning": 2333,
        "crossings": 17,
    },
}
LEAST_RADIUS = 20  # m in plan
LEAST_VERTICAL_RADIUS = {"A01": 60, "Hock": 80}  # m


# --- measuring ----------------------------------------------------------------------------------


def smoothed(line):
    return gaussian_filter1d(line, SMOOTHING, axis=0, mode="nearest")


def curvature(line):
    """Curvature in plan at each point, in 1/m, and the length of road that it stands for."""
    (dx, dz), (ddx, ddz) = (
        [np.gradient(each) for each in pair]
        for pair in (line[:, [0, 2]].T, np.gradient(line[:, [0, 2]], axis=0).T)
    )
    step = np.hypot(dx, dz)
    return (dx * ddz - dz * ddx) / step**3, step


def slopes(line):
    """In degrees, at each step."""
    dx, dy, dz = np.diff(line, axis=0).T
    return np.degrees(np.arctan2(dy, np.hypot(dx, dz)))


def corners(line):
    """What each corner of a line turns by, in degrees, its sign that of the curvature."""
    bend, step = curvature(line)
    side = np.where(np.abs(bend) > 1 / CORNER[0], np.sign(bend), 0)
    first = np.flatnonzero(np.diff(side, prepend=np.nan))
    turned = np.degrees(np.add.reduceat(bend * step, first))[side[first] != 0]
    return turned[np.abs(turned) > CORNER[1]]


def pairs(line, within, apart):
    """Points i < j within a distance in plan that are more than `apart` metres along the line."""
    found = cKDTree(line[:, [0, 2]]).query_pairs(within, output_type="ndarray")
    i, j = np.sort(found, axis=1).T
    far = (j - i) * SPACING > apart
    return i[far], j[far]


def crossings(line):
    """Points i < j of a line whose steps to the next point cross in plan."""
    plan = line[:, [0, 2]]
    i, j = pairs(line[:-1], within=1.5, apart=20)

    def side(start, end, point):
        (ax, az), (bx, bz) = (end - start).T, (point - start).T
        return ax * bz - az * bx

    a, b, c, d = plan[i], plan[i + 1], plan[j], plan[j + 1]
    cross = (side(a, b, c) * side(a, b, d) < 0) & (side(c, d, a) * side(c, d, b) < 0)
    return i[cross], j[cross]


def statistics(line):
    """As in `REAL`."""
    smooth = smoothed(line)
    bend, step = curvature(smooth)
    return {
        "length": SPACING * (len(line) - 1),
        "lowest": line[:, 1].min(),
        "highest": line[:, 1].max(),
        "start": line[0, 1],
        "end": line[-1, 1],
        "slopes": np.percentile(slopes(smooth), SLOPES),
        "radii": 1 / np.percentile(np.abs(bend), RADII),
        "corners": len(corners(smooth)),
        "turning": np.degrees(np.sum(np.abs(bend) * step)),
        "crossings": len(crossings(smooth)[0]),
    }


def assert_close(found, real, *, share, last_share, metres, degrees):
    """Counts are the same; a share of radii and turning, the last radius having its own."""
    assert found["corners"] == real["corners"]
    assert found["crossings"] == real["crossings"]
    assert found["length"] == pytest.approx(real["length"], rel=0.005)
    for name in ("lowest", "highest", "start", "end"):
        assert found[name] == pytest.approx(real[name], abs=metres), name
    np.testing.assert_allclose(found["slopes"], real["slopes"], rtol=0, atol=degrees)
    np.testing.assert_allclose(found["radii"][:-1], real["radii"][:-1], rtol=share)
    assert found["radii"][-1] == pytest.approx(real["radii"][-1], rel=last_share)
    assert found["turning"] == pytest.approx(real["turning"], rel=share)


# --- the tracks ---------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def line(name):
    return np.load(TRACKS / f"{name}.npy", allow_pickle=False)


def test_points_are_half_a_metre_apart(line):
    assert line.dtype == np.float64 and line.ndim == 2 and line.shape[1] == 3
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    np.testing.assert_allclose(steps, SPACING, rtol=0, atol=1e-3)


def test_as_the_real_map(name, line):
    assert_close(statistics(line), REAL[name], share=0.05, last_share=0.1, metres=2.5, degrees=1.0)


def test_hills_of_a01():
    """A drop of 64 m at 15-25 % of the way, a climb of 100 m at 70-85 %, all else fairly level."""
    altitude = np.load(TRACKS / "A01.npy", allow_pickle=False)[:, 1]
    at = np.interp(np.array([0.14, 0.26, 0.69, 0.84]), np.linspace(0, 1, len(altitude)), altitude)
    np.testing.assert_allclose(np.diff(at), [-64, 0, 100], atol=2)


def test_no_sharp_bends(name, line):
    bend, _ = curvature(line)
    assert 1 / np.abs(bend).max() > LEAST_RADIUS
    slope_change = np.radians(np.abs(np.diff(slopes(line))))
    assert SPACING / slope_change.max() > LEAST_VERTICAL_RADIUS[name]


@pytest.mark.parametrize("part", [slice(0, 61), slice(-81, None)], ids=["start", "finish"])
def test_ends_are_straight_and_level(line, part):
    """The first 30 m and the last 40 m."""
    end = line[part]
    assert np.abs(slopes(end)).max() < 1
    dx, _, dz = np.diff(end, axis=0).T
    assert np.ptp(np.unwrap(np.arctan2(dz, dx))) < np.radians(1)


def test_a01_keeps_clear_of_itself():
    line = np.load(TRACKS / "A01.npy", allow_pickle=False)
    assert len(crossings(line)[0]) == 0
    assert len(pairs(line, within=40, apart=100)[0]) == 0


def test_hock_passes_well_over_itself():
    line = np.load(TRACKS / "Hock.npy", allow_pickle=False)
    i, j = crossings(line)
    decks = np.abs(line[i, 1] - line[j, 1])
    assert len(decks) == REAL["Hock"]["crossings"]
    assert decks.min() >= ROOM and decks.max() <= 28
    i, j = pairs(line, within=CORRIDOR, apart=60)
    assert np.abs(line[i, 1] - line[j, 1]).min() >= ROOM
    assert max(np.ptp(line[:, 0]), np.ptp(line[:, 2])) < 515


def test_the_tracks_can_be_drawn_again(tmp_path):
    subprocess.run([sys.executable, TRACKS / "draw.py", tmp_path], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A01.npy", "Hock.npy"]
    for path in tmp_path.iterdir():
        drawn = np.load(path, allow_pickle=False)
        stored = np.load(TRACKS / path.name, allow_pickle=False)
        # Rounding to 1e-5 m may go either way on another machine.
        np.testing.assert_allclose(drawn, stored, rtol=0, atol=2e-5)


# --- and the measuring itself -------------------------------------------------------------------


def test_statistics_of_the_real_lines(name):
    """They give back the table that the tracks were drawn by.

    It does not say how it was measured: these definitions fit it to 4 %, and slopes to 0.75
    degrees.
    """
    path = REAL_TRACKS / f"{NAMES[name]}_0.5m.npy"
    if not path.is_file():
        pytest.skip(f"the real line ../shared/tracks/{path.name} is not here")
    line = np.load(path, allow_pickle=False)
    assert_close(
        statistics(line), REAL[name], share=0.04, last_share=0.04, metres=0.4, degrees=0.75
    )


def test_statistics_of_a_figure_of_eight():
    """Two circles of 100 m that touch at the origin, one after the other, climbing evenly."""
    turn = np.arange(0, 2 * np.pi, SPACING / 100)
    one = np.stack([100 * np.sin(turn), 0 * turn, 100 - 100 * np.cos(turn)], axis=1)
    line = np.concatenate([one, one * [1, 1, -1]])
    line[:, 1] = np.arange(len(line)) * SPACING * np.tan(np.radians(5))
    found = statistics(line)
    np.testing.assert_allclose(found["radii"], 100, rtol=0.01)
    np.testing.assert_allclose(found["slopes"], 5, atol=0.05)
    np.testing.assert_allclose(corners(smoothed(line)), [360, -360], atol=6)
    assert found["turning"] == pytest.approx(720, abs=12)


def test_crossings_of_a_loop():
    """A pretzel crosses itself once; where, and how high above itself, is known."""
    t = np.linspace(-0.8 * np.pi, 0.8 * np.pi, 4000)
    line = np.stack([60 * np.sin(2 * t), 3 * t, 90 * np.cos(t)], axis=1)
    i, j = crossings(line)
    assert len(i) == 1
    np.testing.assert_allclose(line[i, [0, 2]], 0, atol=0.5)
    assert abs(line[i, 1] - line[j, 1]) == pytest.approx(3 * np.pi, abs=0.02)
