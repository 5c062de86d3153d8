"""The scripted driver gets to the finish of every track, in a time that makes sense."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.racing import RaceVectorEnv, Track, drive

from .driving import REAL, circle, real_track, straight

# s: between the author's time, which no script should beat, and an unhurried lap
TIMES = {"A01": (26, 34), "Hock": (56, 80), "A01-Race": (26, 36), "ESL-Hockolicious": (57, 80)}


def raced(tracks, slowest):
    """Seconds of a race on each track; NaN for one that was cut off."""
    env = RaceVectorEnv(tracks, num_envs=len(tracks), image_size=None)
    seen, _ = env.reset()
    times = np.full(len(tracks), np.nan)
    open_ = np.ones(len(tracks), bool)
    for _ in range(round(slowest / 0.05)):
        seen, _, terminated, truncated, info = env.step(drive(seen["floats"]))
        finished = terminated.numpy() & open_
        times[finished] = info["time_s"].numpy()[finished]
        open_ &= ~(terminated | truncated).numpy()
        if not open_.any():
            break
    return times


def test_own_tracks():
    times = raced(["A01", "Hock"], slowest=90)
    for name, time in zip(["A01", "Hock"], times):
        assert TIMES[name][0] < time < TIMES[name][1], name


@pytest.mark.parametrize("name", REAL)
def test_real_lines(name):
    (time,) = raced([real_track(name)], slowest=90)
    assert TIMES[name][0] < time < TIMES[name][1]


def test_simple_roads():
    """A straight, slopes, and circles that need the brakes; the tightest last."""
    tracks = [straight(400), straight(300, 0.4), straight(300, -0.4)]
    tracks += [circle(radius, 1, side) for radius in (100, 40, 25) for side in (1, -1)]
    times = raced(tracks, slowest=40)
    assert not np.isnan(times).any()
    assert times[0] == pytest.approx(9.05 + 3 * 0.05, rel=0.02)  # full throttle, three gears up
    assert times[2] < times[1]
    np.testing.assert_allclose(times[3::2], times[4::2], rtol=0.02)  # left as right


@settings(max_examples=1)
@given(seed=st.integers(0, 2**32 - 1))
def test_winding_roads(seed):
    """Bends of 40 m and more, drawn at random, 1 km; all roads at once, which takes no longer."""
    random = np.random.default_rng(seed)
    tracks = []
    for _ in range(12):
        bends = random.uniform(-1 / 40, 1 / 40, 20)
        turn = np.cumsum(np.repeat(bends, 100) * 0.5)
        steps = np.stack([np.sin(turn), 0 * turn, np.cos(turn)], axis=1) * 0.5
        tracks.append(Track.from_points(np.cumsum(steps, axis=0)))
    assert not np.isnan(raced(tracks, slowest=60)).any()


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_sees_only_the_road_and_its_speed(seed):
    """40 points, the speed ahead and the turning; each race for itself."""
    random = torch.Generator().manual_seed(seed)
    floats = 30 * torch.randn(9, 184, generator=random)
    actions = drive(floats)
    assert actions.dtype == torch.int64 and actions.shape == (9,)
    assert ((actions >= 0) & (actions < 9)).all()
    other = 30 * torch.randn(9, 184, generator=random)
    other[:, 62:182], other[:, 54], other[:, 58] = floats[:, 62:182], floats[:, 54], floats[:, 58]
    assert torch.equal(drive(other), actions)
    assert torch.equal(drive(floats[3:4]), actions[3:4])
