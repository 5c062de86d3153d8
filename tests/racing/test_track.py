"""Tracks from centre lines: zones, frames, lengths; and lines that are none."""

import gc
import io
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.errors import TmnetError
from tmnet.racing import Track, load_track
from tmnet.racing.track import own_tracks

from ..checks import refused

ROOT = Path(__file__).parents[2]
REAL_TRACKS = ROOT.parent / "shared" / "tracks"
BEFORE, AFTER = 20, 1000


def straight(count=400, direction=(0, 0, 1), spacing=0.5, start=(5, 7, -3)):
    way = np.array(direction, float) / np.linalg.norm(direction)
    return np.array(start) + np.arange(count)[:, None] * spacing * way


def circle(radius=100, degrees=330, spacing=0.5):
    turn = np.arange(0, np.radians(degrees), spacing / radius)
    return np.stack([radius * np.cos(turn), 0 * turn, radius * np.sin(turn)], axis=1)


def check_sound(track):
    """What every track promises."""
    zones, frames = track.zones, track.frames
    assert zones.dtype == np.float64 and zones.shape[1:] == (3,)
    assert frames.shape == (len(zones), 3, 3)
    assert len(zones) == BEFORE + AFTER + 1 + int(track.length // 0.5)
    steps = np.linalg.norm(np.diff(zones, axis=0), axis=1)
    np.testing.assert_allclose(steps, 0.5, atol=0.01)
    product = np.einsum("nij,nkj->nik", frames, frames)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-12)
    left, up, along = frames.transpose(1, 0, 2)
    np.testing.assert_allclose(np.linalg.det(frames), 1, atol=1e-12)
    np.testing.assert_allclose(np.cross(up, along), left, atol=1e-12)
    assert (up[:, 1] > 0).all()
    np.testing.assert_allclose(left[:, 1], 0, atol=1e-12)  # roads are level across
    chord = zones[2:] - zones[:-2]
    chord /= np.linalg.norm(chord, axis=1, keepdims=True)
    np.testing.assert_allclose(along[1:-1], chord, atol=1e-9)
    # straight on, before the start and after the finish (beyond the reach of the smoothing)
    for part in (zones[: BEFORE - 1], zones[-AFTER + 50 :]):
        np.testing.assert_allclose(np.diff(part, n=2, axis=0), 0, atol=2e-2)
    np.testing.assert_allclose(np.diff(zones[-AFTER + 50 :], n=2, axis=0), 0, atol=1e-9)


# --- lines --------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 0, 0), (-3, 0.5, -2), (0, -0.8, -1)])
@pytest.mark.parametrize("count", [10, 11, 400])
def test_straight(direction, count):
    """Smoothing leaves it as it is; zone 20 is the start, and 1000 follow the finish."""
    line = straight(count, direction)
    track = Track.from_points(line, "some name")
    check_sound(track)
    assert track.name == "some name"
    assert track.length == pytest.approx((count - 1) * 0.5, abs=1e-6)
    way = (line[1] - line[0]) / 0.5
    places = (np.arange(len(track.zones)) - BEFORE) * 0.5
    np.testing.assert_allclose(track.zones, line[0] + places[:, None] * way, atol=1e-9)
    np.testing.assert_allclose(track.frames[:, 2], np.broadcast_to(way, (len(places), 3)))
    beyond = len(track.zones) - BEFORE - 1 - track.length / 0.5
    assert AFTER - 1.001 < beyond <= AFTER + 0.001


def test_x_is_to_the_left():
    """Of one who looks along +z; and -z of one who looks along +x."""
    np.testing.assert_allclose(Track.from_points(straight()).frames[50], np.eye(3), atol=1e-12)
    frame = Track.from_points(straight(direction=(1, 0, 0))).frames[50]
    np.testing.assert_allclose(frame, [[0, 0, -1], [0, 1, 0], [1, 0, 0]], atol=1e-12)
    uphill = Track.from_points(straight(direction=(0, 3, 4))).frames[50]
    np.testing.assert_allclose(uphill, [[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]], atol=1e-12)


@pytest.mark.parametrize("radius", [30, 100, 400])
def test_circle(radius):
    """A Gaussian of 5 m makes a circle smaller by exp(-5²/2r²): 12 cm of 100 m."""
    track = Track.from_points(circle(radius))
    check_sound(track)
    middle = track.zones[BEFORE + 60 : -AFTER - 60]
    smaller = radius * np.exp(-(5**2) / 2 / radius**2)
    np.testing.assert_allclose(np.hypot(middle[:, 0], middle[:, 2]), smaller, atol=2e-3)
    assert radius < 100 or radius - smaller < 0.2
    whole = (len(circle(radius)) - 1) * 0.5
    assert whole * smaller / radius - 0.5 < track.length < whole
    # at the start the road leads along +z, and turns towards -x: to the right
    np.testing.assert_allclose(track.frames[0, 2], [0, 0, 1], atol=0.15)
    turn = np.cross(track.frames[200, 2], track.frames[300, 2])
    assert turn[1] < 0


def test_corner_is_rounded():
    """A right angle becomes a bend, at most as tight as a Gaussian of 5 m makes it.

    Half-way the direction is (1/2, 1/2), of length sqrt(1/2), and the second derivative
    (1, -1) / sqrt(2 pi) / 5 m: a curvature of 2 / sqrt(pi) / 5 m.
    """
    line = np.concatenate([straight(200, start=(0, 0, 0)), [[0.5, 0, 99.5]]])
    line = np.concatenate([line, line[-1] + np.arange(1, 200)[:, None] * [0.5, 0, 0]])
    track = Track.from_points(line)
    along = track.frames[:, 2]
    turns = np.degrees(np.arccos(np.clip(np.sum(along[1:] * along[:-1], axis=1), -1, 1)))
    assert turns.max() == pytest.approx(np.degrees(0.5 * 2 / np.sqrt(np.pi) / 5), rel=0.02)
    assert turns.sum() == pytest.approx(90, abs=3)


def test_uneven_spacing():
    """Zones are 0.5 m apart along the line, however its points are."""
    gaps = np.random.default_rng(0).uniform(0.4, 0.6, 2000)
    z = np.concatenate([[0], np.cumsum(gaps)])
    track = Track.from_points(np.stack([0 * z, 0 * z, z], axis=1))
    np.testing.assert_allclose(np.diff(track.zones[:, 2]), 0.5, atol=1e-6)
    assert track.length == pytest.approx(z[-1], abs=0.5)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**31),
    count=st.integers(10, 600),
    kind=st.sampled_from([np.float32, np.float64]),
)
def test_any_line(seed, count, kind):
    """Winding and hilly lines make sound tracks, the same for the same points."""
    random = np.random.default_rng(seed)
    yaw = np.cumsum(random.normal(0, 0.02, count)) + random.uniform(0, 6)
    slope = 0.4 * np.sin(np.cumsum(random.normal(0, 0.02, count)))
    steps = np.stack(
        [np.sin(yaw) * np.cos(slope), np.sin(slope), np.cos(yaw) * np.cos(slope)], axis=1
    )
    line = np.cumsum(0.5 * steps, axis=0).astype(kind)
    kept = line.copy()
    track, again = Track.from_points(line), Track.from_points(line)
    check_sound(track)
    assert (line == kept).all() and (track.zones == again.zones).all()
    start = track.zones[BEFORE]
    assert np.linalg.norm(start - line[0]) < 1
    finish = track.zones[BEFORE + int(track.length // 0.5)]
    assert np.linalg.norm(finish - line[-1]) < 1.5


def test_integers():
    """Points on whole metres are too far apart, but whole numbers are numbers."""
    refused(lambda: Track.from_points(np.arange(60).reshape(20, 3) * [0, 0, 1]), "0.5 m")


# --- files --------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    return tmp_path / "my line.npy"


def test_from_npy(path):
    """As from the points; named by the file."""
    np.save(path, circle())
    for track in (Track.from_npy(path), Track.from_npy(str(path)), load_track(path)):
        assert track.name == "my line"
        assert (track.zones == Track.from_points(circle()).zones).all()
    assert load_track(track) is track
    assert (load_track(str(path)).zones == track.zones).all()


def test_own_tracks():
    """A01 and Hock; loaded once."""
    assert own_tracks() == ("A01", "Hock")
    for name in own_tracks():
        track = load_track(name)
        check_sound(track)
        assert track.name == name and load_track(name) is track
        line = np.load(ROOT / "data" / "tracks" / f"{name}.npy")
        assert track.length == pytest.approx((len(line) - 1) * 0.5, rel=0.005)
        np.testing.assert_allclose(track.zones[BEFORE], line[0], atol=0.1)


@pytest.mark.parametrize("name", ["A01-Race", "ESL-Hockolicious"])
def test_real_lines(name):
    file = REAL_TRACKS / f"{name}_0.5m.npy"
    if not file.is_file():
        pytest.skip(f"the real line ../shared/tracks/{file.name} is not here")
    track = load_track(file)
    check_sound(track)
    line = np.load(file)
    assert track.length == pytest.approx({"A": 2222.5, "E": 4030.3}[name[0]], rel=0.01)
    np.testing.assert_allclose(track.zones[BEFORE], line[0], atol=1)


@pytest.mark.parametrize("name", ["A02", "", "a01", "Hock.txt", "A01.npz"])
def test_unknown_track(name):
    refused(lambda: load_track(name), repr(name), "A01", "Hock", ".npy")


def test_missing_file(tmp_path):
    path = tmp_path / "none.npy"
    refused(lambda: load_track(path), path, "No such file")


def test_directory(path):
    path.mkdir()
    refused(lambda: load_track(path), path)


def with_value(value, at=37):
    line = straight()
    line[at, 1] = value
    return line


@pytest.mark.parametrize(
    "points, words",
    [
        (with_value(np.nan), ["not finite", "37"]),
        (with_value(np.inf), ["not finite", "37"]),
        (with_value(-np.inf, 399), ["not finite", "399"]),
        (np.repeat(straight(), 2, axis=0), ["repeats", "0 and 1"]),
        (np.insert(straight(), 123, straight()[123], axis=0), ["repeats", "123 and 124"]),
        (straight(9), ["9 points", "10"]),
        (straight(1), ["1 points"]),
        (np.zeros((0, 3)), ["0 points"]),
        (straight()[:, :2], ["(400, 2)", "(points, 3)"]),
        (straight().T, ["(3, 400)"]),
        (straight()[None], ["(1, 400, 3)"]),
        (straight().ravel(), ["(1200,)"]),
        (np.array(3.0), ["()"]),
        (straight().astype(str), ["<U"]),
        (straight().astype(complex), ["complex128"]),
        (straight() > 0, ["bool"]),
        (straight() * 100, ["50 m apart", "0.5 m"]),
        (straight(spacing=0.1), ["0.1 m apart"]),
        (np.concatenate([straight(), straight() + [0, 0, 300]]), ["at most"]),
        (straight(direction=(0, 1, 0)), ["80 degrees", "0 m after the start"]),
        (straight(direction=(0, -1, 0.1)), ["80 degrees"]),
    ],
)
def test_no_centre_line(path, points, words):
    """Each has its sentence, with the file's name and the place."""
    np.save(path, points)
    refused(lambda: Track.from_npy(path), "my line", *words)
    refused(lambda: Track.from_points(points, "that"), "that", *words)


def test_steep_after_a_while():
    """It says where: 100 m after the start, where the road goes up."""
    wall = straight(100, (0, 1, 0), start=(0, 0.5, 99.5))
    line = np.concatenate([straight(200, start=(0, 0, 0)), wall])
    with pytest.raises(TmnetError) as caught:
        Track.from_points(line, "wall")
    where = int(re.search(r"(\d+) m after the start", str(caught.value)).group(1))
    assert 95 < where < 112


def saved(points):
    file = io.BytesIO()
    np.save(file, points)
    return file.getvalue()


def header(**parts):
    """That of a file with other parts."""
    file = io.BytesIO()
    told = {"descr": "<f8", "fortran_order": False, "shape": (400, 3)} | parts
    np.lib.format.write_array_header_1_0(file, told)
    return file.getvalue()


WHOLE = saved(straight())
DAMAGED = {
    "empty": b"",
    "no header": b"\x93NUMPY",
    "half a header": WHOLE[:60],
    "no dictionary": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'shape': (2,",
    "another type": WHOLE.replace(b"'<f8'", b"'<q9'"),
    "a byte less": WHOLE[:-1],
    "72 bytes of data": WHOLE[:200],
    "negative size": WHOLE.replace(b"(400, 3)", b"(-40, 3)"),
    "another version": WHOLE.replace(b"NUMPY\x01", b"NUMPY\x09"),
    "nested header": b"\x93NUMPY\x01\x00\x88\x13" + b"(" * 5000,
    "more than there is memory": header(shape=(10**14, 3)) + bytes(9600),
    "more than can be counted": header(shape=(10**30, 3)) + bytes(9600),
    "text": b"x,y,z\n1,2,3\n",
    "pickle": b"\x80\x04N.",
}


@pytest.mark.parametrize("content", [pytest.param(part, id=name) for name, part in DAMAGED.items()])
def test_damaged_file(path, content):
    path.write_bytes(content)
    refused(lambda: load_track(path), path)


def test_any_truncation(tmp_path):
    whole = saved(straight(20))

    @settings(max_examples=40)
    @given(size=st.integers(0, len(whole) - 1))
    def check(size):
        path = tmp_path / "cut.npy"
        path.write_bytes(whole[:size])
        refused(lambda: load_track(path), path)

    check()


def test_any_damage(tmp_path):
    """Another byte in the header: a track or a sentence, nothing else."""
    whole = saved(straight(20))
    path = tmp_path / "damaged.npy"

    @settings(max_examples=60)
    @given(place=st.integers(0, 127), byte=st.integers(0, 255))
    def check(place, byte):
        path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
        try:
            track = load_track(path)
        except TmnetError as error:
            assert "damaged" in str(error)
        else:
            check_sound(track)

    check()


def write_archive(path):
    with open(path, "wb") as file:
        np.savez(file, line=straight())


def test_archive(path):
    """It is refused as one, and nothing of it stays open."""
    write_archive(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        refused(lambda: load_track(path), f"{path} is an archive")
        gc.collect()
    assert not caught


@pytest.mark.parametrize("size", [4, 100, -1])
def test_damaged_archive(path, size):
    write_archive(path)
    path.write_bytes(path.read_bytes()[:size])
    refused(lambda: load_track(path), path)


class Code:
    """Makes a file when it is unpickled."""

    def __init__(self, made):
        self.made = made

    def __reduce__(self):
        return Path.touch, (self.made,)


def test_code_is_not_run(tmp_path, path):
    """An array of objects is refused, not unpickled."""
    made = tmp_path / "made"
    np.save(path, np.array([[Code(made)] * 3] * 10, dtype=object), allow_pickle=True)
    np.load(path, allow_pickle=True)
    assert made.exists()  # it is dangerous
    made.unlink()
    refused(lambda: load_track(path), path)
    assert not made.exists()
