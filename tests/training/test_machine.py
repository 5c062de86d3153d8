"""What the machine does to a training: its clock, its memory, its devices, and its end."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tmnet
from tmnet.training.devices import restore
from tmnet.training.recorder import EventClock
from tmnet.training.room import available

from ..checks import PATIENCE, refused
from .trainings import CARTPOLE, Trainings, files_in, read

# --- its clock ------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """The machine's clock, and the one that nobody sets, for the recorder."""
    now = SimpleNamespace(wall=1e9, passed=50.0)
    fake = SimpleNamespace(time=lambda: now.wall, monotonic=lambda: now.passed)
    monkeypatch.setattr("tmnet.training.recorder.time", fake)
    return now


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(-1e6, 1e6))))
def test_events_never_run_back(moves):
    """However the clock is set; and where it goes on, so do they."""
    with pytest.MonkeyPatch.context() as patch:
        now = SimpleNamespace(wall=1e9, passed=50.0)
        fake = SimpleNamespace(time=lambda: now.wall, monotonic=lambda: now.passed)
        patch.setattr("tmnet.training.recorder.time", fake)
        events = EventClock()
        times, least = [events.now()], now.wall
        assert times == [1e9]
        for passed, moved in moves:
            now.passed += passed
            now.wall += passed + moved
            least = max(least + passed, now.wall)  # the clock, as if it was never set back
            times.append(events.now())
            assert times[-1] == pytest.approx(least, abs=1e-3)
        assert times == sorted(times)


def test_later_than_what_was_logged(clock, tmp_path):
    """By a process before, whose clock was ahead."""
    for name, at in (("one", 1.5e9), ("other", 1.2e9)):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (at, at))
    events = EventClock(tmp_path.iterdir())
    clock.passed += 7
    assert events.now() == 1.5e9 + 7


def test_minutes_of_a_run_whose_clock_is_set_back(trainings, clock, monkeypatch):
    """An hour back in the midst of it: its events go on, as far apart as they were."""

    def progress(status):
        clock.passed += 10.0
        clock.wall += 10.0 - 3600 * (status.frames == 80)

    monkeypatch.setattr("tmnet.training.progress.EVERY", 0.0)
    trainings.train(frames=160, progress=progress)
    (path,) = files_in(trainings.logs)
    scalars = read(path)
    scalars = scalars[scalars["tag"] == "cumul_number_frames_played"]
    played = scalars["step"].to_numpy()
    assert len(played) > 15 and played[-1] == 160
    seconds = scalars["wall_time"].to_numpy() - 1e9
    assert np.allclose(seconds[1:-1], 10 * (played[1:-1] // 8))
    clock.wall -= 10**6
    trainings.train(frames=240, resume=True)
    scalars = trainings.scalars()
    scalars = scalars[scalars["tag"] == "cumul_number_frames_played"]
    assert scalars["step"].is_monotonic_increasing and scalars["step"].max() == 240


# --- its devices ----------------------------------------------------------------------------------


def test_random_states_of_another_device():
    """Of another kind: one that follows from it alone. Of the same: the very same."""
    one, other = torch.Generator().manual_seed(4), torch.Generator()
    torch.rand(3, generator=one)
    restore(other, one.get_state())
    assert torch.equal(torch.rand(9, generator=one), torch.rand(9, generator=other))
    of_cuda = torch.tensor([[1, 2], [1, 3]]).view(torch.uint8)  # seed and offset
    drawn = []
    for state in (*of_cuda, of_cuda[0]):
        restore(other, state)
        drawn.append(torch.rand(9, generator=other).tolist())
    assert drawn[0] == drawn[2] != drawn[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no such GPU here")
@pytest.mark.parametrize("devices", [("cpu", "cuda"), ("cuda", "cpu")])
def test_another_device(trainings, devices):
    """It goes on there, and says so."""
    before, after = devices
    trainings.train(frames=160, device=before)
    first = trainings.state()
    with pytest.warns(tmnet.errors.TrainingWarning, match=f"device {after} .before: {before}"):
        trainings.train(frames=400, device=after, resume="auto")
    second = trainings.state()
    assert second["machine"]["device"] == after and second["frames"] >= 400
    assert second["learner"]["batches"] > first["learner"]["batches"] > 0
    rows = len(first["replay"]["action"])
    assert torch.equal(second["replay"]["action"][:rows], first["replay"]["action"])


# --- its memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"memory.schedule": [[0, 1000, 100], [10**6, 10**12, 100]]}, "memory.schedule"),
        ({"performance.num_envs": 10**6, "memory.schedule": [[0, 10**9, 10]]}, "num_envs"),
        ({"neural_network.dense_hidden_dimension": 10**12}, "neural_network"),
        ({"training.batch_size": 10**11}, "training.batch_size"),
    ],
    ids=str,
)
def test_what_has_no_room(trainings, values, field):
    """It is refused at once, with what it would take, which a training of a run would come to."""
    said = refused(lambda: trainings.train(values=values, frames=60), "GB of memory", field)
    assert f"{available() / 1e9:,.1f} GB here" in said
    assert not files_in(trainings.root)


def test_just_no_room(trainings, monkeypatch):
    """To the byte: what the memory takes, five times the network, and a batch."""
    values = {"memory.schedule": [[0, 100_000, 100]], "training.batch_size": 16}
    room = SimpleNamespace(total=10**12)
    monkeypatch.setattr("psutil.virtual_memory", lambda: room)
    trainings.train(values=values, frames=16)
    state = trainings.state()
    of_rows = 184 * 4 + 2 + 4 + 4 * 1  # floats, action, reward, flags
    needed = (100_000 // 8 + 3) * 8 * of_rows
    needed += 5 * 4 * sum(x.numel() for x in state["learner"]["online"].values() if x.ndim)
    room.total = needed
    refused(lambda: trainings.train("other", values, frames=16), "0.1 GB of memory")
    room.total = needed + 5_000_000
    trainings.train("other", values, frames=16)


def test_an_environment_that_shows_much(tmp_path, monkeypatch):
    trainings = Trainings(tmp_path, "gym", CARTPOLE)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=10_000))
    refused(lambda: trainings.train(frames=60), "0.0 GB here")


# --- its end --------------------------------------------------------------------------------------


def test_a_terminal_that_is_closed(trainings):
    """The training is saved, though there is nowhere to say so."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    command = [sys.executable, "-m", "tmnet", *trainings.command("run", "--frames", 10**6)]
    library = {"PYTHONPATH": str(Path(tmnet.__file__).parents[1])}
    pid, terminal = pty.fork()
    if not pid:
        os.execve(sys.executable, [str(part) for part in command], os.environ | library)
    termios.tcsetwinsize(terminal, (24, 200))
    said = b""
    while b" frames " not in said:
        said += os.read(terminal, 1 << 16)
    os.close(terminal)  # which sends SIGHUP to whoever it belonged to
    end = time.monotonic() + PATIENCE
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        assert time.monotonic() < end
        time.sleep(0.01)
    frames = trainings.state()["frames"]
    assert frames > 0 and int(trainings.files()[-1].stem) == frames, ended
    trainings.train(frames=frames + 8, resume="auto")
