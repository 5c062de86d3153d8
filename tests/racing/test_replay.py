"""Replays: the path is what the environment reports, and figures and animations show it."""

import functools

import numpy as np
import pytest
from matplotlib.animation import FFMpegWriter
from matplotlib.collections import LineCollection
from PIL import Image

from tmnet import TmnetError
from tmnet.progress import progress_bar
from tmnet.racing import RaceVectorEnv, Track, drive, replay


@pytest.fixture(scope="module")
def short():
    """A straight of 120 m that the scripted driver finishes in a few seconds."""
    count = 241
    line = np.stack([np.zeros(count), np.full(count, 5.0), np.arange(count) * 0.5], axis=1)
    return Track.from_points(line, "short")


def test_path_is_what_the_environment_reports(short):
    """Each row against an environment stepped by hand."""
    race = replay(short)
    env = RaceVectorEnv([short], 1, None)
    seen, info = env.reset()
    for row in race.path.itertuples():
        assert row.time_s == info["time_s"].item()
        assert row.progress_m == info["progress_m"].item()
        assert (row.x, row.y, row.z) == tuple(env.cars.position[:, 0].tolist())
        assert row.speed_kmh == pytest.approx(seen["floats"][0, 58].item() * 3.6)
        pressed = [row.accelerate, row.brake, row.left, row.right]
        if row.Index:
            assert pressed == seen["floats"][0, 17:21].tolist()
        else:
            assert pressed == [0, 0, 0, 0]
        if row.Index < len(race.path) - 1:
            seen, _, terminated, _, info = env.step(drive(seen["floats"]))
    assert race.finished and terminated.item()
    assert race.time_s == info["time_s"].item()
    assert f"{race.time_s:.3f}" in repr(race)


def test_actions_give_the_same_race(short):
    """A race from the list of its actions is the race in which they were chosen."""
    chosen = []

    def note(floats):
        action = drive(floats)
        chosen.append(action.item())
        return action

    race = replay(short, note)
    assert replay(short, chosen).path.equals(race.path)
    half = replay(short, chosen[: len(chosen) // 2])
    assert not half.finished
    assert half.path.equals(race.path.iloc[: len(half.path)])


def test_bad_actions(short):
    with pytest.raises(TmnetError, match="no action to replay"):
        replay(short, [])
    with pytest.raises(TmnetError, match="no action 12"):
        replay(short, [0, 12])
    with pytest.raises(TmnetError, match="A01"):
        replay("A02", [0])


def test_sliding_and_airborne():
    """On A01 the scripted driver brakes into bends, and flies into the drop and over the hill."""
    path = replay("A01").path
    assert path.sliding.any() and path.airborne.any()
    assert not (path.sliding & path.airborne).any()
    flown = path[path.airborne]
    drop, hill = (flown.progress_m.between(*place) for place in ((300, 600), (1500, 2000)))
    assert drop.any() and hill.any() and (drop | hill).all()
    steps = np.linalg.norm(path[["x", "y", "z"]].diff().iloc[1:-1], axis=1)
    speeds = (path.speed_kmh / 3.6).rolling(2).mean().iloc[1:-1]
    flies = path.airborne.iloc[1:-1]  # the nose is not where it goes
    assert np.abs(steps / 0.05 - speeds)[~flies].max() < 10


def test_figure(short):
    """The plan holds the path, coloured by speed, seen from above; axes have units."""
    race = replay(short)
    figure = race.plot()
    plan, speed, inputs, altitude, colours = (*figure.axes[:1], *figure.axes[2:], figure.axes[1])
    path = next(c for c in plan.collections if isinstance(c, LineCollection))
    ends = np.array([segment[1] for segment in path.get_segments()])
    np.testing.assert_allclose(ends, race.path[["x", "z"]].iloc[1:], rtol=1e-6)
    np.testing.assert_allclose(path.get_array(), race.path.speed_kmh.iloc[1:])
    assert plan.yaxis_inverted() and not plan.xaxis_inverted()
    assert (plan.get_xlabel(), plan.get_ylabel()) == ("x (m)", "z (m)")
    assert "km/h" in speed.get_ylabel() and "km/h" in colours.get_xlabel()
    assert "(m)" in altitude.get_xlabel() and "(m)" in altitude.get_ylabel()
    np.testing.assert_allclose(speed.lines[0].get_ydata(), race.path.speed_kmh)
    assert inputs.get_yticklabels()[0].get_text() == "accelerate"
    assert f"{race.time_s:.3f} s" in figure.get_suptitle()


def test_animation(short, tmp_path, monkeypatch, capsys):
    """A GIF has the pictures and the speed that were asked for; nothing else is written."""
    bar = functools.partial(progress_bar, delay=0)
    monkeypatch.setattr("tmnet.racing.figure.progress_bar", bar)
    race = replay(short, [0] * 40)
    written = race.save(tmp_path / "new" / "race.gif", fps=4)
    rows = len(range(0, len(race.path) - 1, 5)) + 1
    with Image.open(written) as picture:
        assert picture.n_frames == rows
        assert picture.info["duration"] == 250
        first = np.asarray(picture.convert("RGB"), dtype=int)
        picture.seek(rows - 1)
        last = np.asarray(picture.convert("RGB"), dtype=int)
    assert (np.abs(first - last).max(axis=2) > 60).mean() > 0.001
    assert [path.name for path in written.parent.iterdir()] == ["race.gif"]
    assert "Writing race.gif" in capsys.readouterr().err


@pytest.mark.skipif(not FFMpegWriter.isAvailable(), reason="ffmpeg is not installed")
def test_video(short, tmp_path):
    written = replay(short).save(tmp_path / "race.mp4", fps=5)
    assert written.read_bytes()[4:8] == b"ftyp"


def test_animation_refuses(short, tmp_path, monkeypatch):
    race = replay(short, [0, 0, 0])
    with pytest.raises(TmnetError, match=r"\.gif or \.mp4"):
        race.save(tmp_path / "race.avi")
    with pytest.raises(TmnetError, match="fps is 7; it takes one of 1, 2, 4, 5, 10, 20"):
        race.save(tmp_path / "race.gif", fps=7)
    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    with pytest.raises(TmnetError, match="needs ffmpeg"):
        race.save(tmp_path / "race.mp4")
    assert list(tmp_path.iterdir()) == []
