"""A training in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import tmnet
from tmnet.training import Status
from tmnet.training.background import BackgroundTraining

from ..checks import PATIENCE, one_sentence, wait_for
from .trainings import CARTPOLE, Trainings


@pytest.fixture
def start(tmp_path):
    """Function that starts a training; whatever is left of them in the end is stopped."""
    started = []

    def start(trainings, *args, **more):
        arguments = trainings.arguments(*args, **more)
        del arguments["progress"]
        started.append(BackgroundTraining(**arguments))
        return started[-1]

    yield start
    for training in started:
        training.stop()
        training.join(PATIENCE)
        assert not training.running


def test_it_runs_stops_and_goes_on(start, tmp_path):
    """It tells how it goes, saves when it is asked to stop, and resumes as if it had not been."""
    trainings = Trainings(tmp_path)
    training = start(trainings, frames=10**6, seed=9)
    assert training.running and training.status is None and training.error == ""
    wait_for(lambda: training.status, lambda: training.running)
    first = training.status
    assert isinstance(first, Status) and first.is_race and 0 < first.frames < 10**6
    assert 0 < first.done < 1 and first.minutes_left > 0 and "frames" in str(first)
    wait_for(lambda: training.status.frames > first.frames, lambda: training.running)
    training.stop()
    training.join(PATIENCE)
    assert not training.running and training.error == ""
    state = trainings.state()
    assert training.status.frames <= state["frames"] < 10**6 and state["seed"] == 9
    (pid,) = {path.name.split(".")[-2] for path in (trainings.logs / "run").iterdir()}
    assert pid != str(os.getpid())

    again = start(trainings, frames=state["frames"] + 100, resume=True)
    again.join(PATIENCE)
    assert not again.running and again.error == "" and again.notes == []
    after = trainings.state()
    assert 100 <= after["frames"] - state["frames"] < 108 and after["seed"] == 9
    assert after["learner"]["batches"] > state["learner"]["batches"]


OWNER = """
import json, sys, time
from tmnet.training.background import BackgroundTraining

if __name__ == "__main__":
    training = BackgroundTraining(**json.loads(sys.argv[1]))
    while training.status is None:
        time.sleep(0.02)
    print(training._process.pid, flush=True)
    time.sleep(600)
"""


def test_a_training_whose_owner_is_killed(tmp_path):
    """It is saved, and ends."""
    trainings = Trainings(tmp_path)
    arguments = trainings.arguments(frames=10**6)
    del arguments["progress"]
    (tmp_path / "owner.py").write_text(OWNER)
    library = {"PYTHONPATH": str(Path(tmnet.__file__).parents[1])}
    owner = subprocess.Popen(
        [sys.executable, str(tmp_path / "owner.py"), json.dumps(arguments, default=str)],
        stdout=subprocess.PIPE, text=True, env=os.environ | library,
    )  # fmt: skip
    with owner.stdout:
        pid = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    wait_for(lambda: not is_alive(pid))
    assert trainings.state()["frames"] > 0


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:  # where nobody waits for it any more, it may stay as a name
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return Path("/proc/self").exists() is False


def test_what_goes_wrong(start, tmp_path):
    """What `train` says is in `error`; and a kernel's Ctrl-C is not meant for it."""
    trainings = Trainings(tmp_path)
    training = start(trainings, frames=0)
    training.join(PATIENCE)
    assert not training.running and training.status is None
    one_sentence(training.error, "The budget is 0")


def test_a_process_that_is_killed(start, tmp_path):
    """In words; an interrupt does nothing to it. It can be resumed."""
    trainings = Trainings(tmp_path)
    training = start(trainings, frames=10**6)
    wait_for(lambda: training.status, lambda: training.running)
    os.kill(training._process.pid, signal.SIGINT)
    before = training.status.frames
    wait_for(lambda: training.status.frames > before, lambda: training.running)
    os.kill(training._process.pid, signal.SIGKILL)
    training.join(PATIENCE)
    assert not training.running
    assert "ended unexpectedly" in training.error and "resume it" in training.error
    assert "\n" not in training.error
    frames = trainings.state()["frames"]
    trainings.train(frames=frames + 50, resume=True)
    assert trainings.state()["frames"] >= frames + 50


def test_what_there_is_to_know(start, tmp_path):
    """Notes of the other process."""
    trainings = Trainings(tmp_path)
    trainings.train(frames=8)
    training = start(trainings, frames=8, resume="auto")
    training.join(PATIENCE)
    assert training.error == "" and training.notes == [
        "The run 'run' is done: it has used up its budget."
    ]


def test_collectors(start, tmp_path):
    """Environments in processes of their own, as in the foreground."""
    trainings = Trainings(tmp_path, "gym", CARTPOLE | {"performance.collectors": 2})
    training = start(trainings, frames=100)
    training.join(PATIENCE)
    assert training.error == ""
    assert 100 <= trainings.state()["frames"] < 102


def test_a_loop_that_is_not_in_the_main_thread(tmp_path):
    """Where signals cannot be caught: it is stopped by its event."""
    trainings, stop, seen = Trainings(tmp_path), threading.Event(), []

    def progress(status):
        seen.append(status)
        stop.set()

    thread = threading.Thread(
        target=lambda: trainings.train(frames=10**6, stop=stop, progress=progress)
    )
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive() and len(seen) == 1
    assert trainings.state()["frames"] == seen[0].frames == 8
