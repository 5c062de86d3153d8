"""`resume="auto"`: it starts, goes on, or says that it is done; and one process at a time does."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

import tmnet
from tmnet.errors import TrainingWarning
from tmnet.training.checkpoint import Checkpoints
from tmnet.training.holding import LOCK, held
from tmnet.training.recorder import Recorder

from ..checks import PATIENCE, refused, wait_for
from .trainings import (
    CARTPOLE,
    FRAMES,
    Crash,
    StopAfter,
    Trainings,
    differences,
    files_in,
    read,
    surviving,
    without_times,
)


def everything(trainings):
    """What is in all files, by their names."""
    return {path: path.read_bytes() for path in files_in(trainings.root)}


def equal(trainings, one, other):
    states = [without_times(trainings.state(name)) for name in (one, other)]
    states[0]["experiment"]["name"] = other
    assert not differences(*states)


# --- what it does ---------------------------------------------------------------------------------


def test_it_starts_goes_on_and_is_done(trainings):
    trainings.train("whole", frames=240, seed=3)
    trainings.train(frames=240, seed=3, resume="auto", stop=StopAfter(11))
    assert trainings.state()["frames"] == 88
    trainings.train(frames=240, resume="auto")
    equal(trainings, "whole", "run")
    before = everything(trainings)
    with pytest.warns(TrainingWarning, match="'run' is done: it has used up its budget"):
        assert trainings.train(frames=240, resume="auto") == trainings.logs / "run"
    assert everything(trainings) == before
    trainings.train(frames=280, resume="auto")
    assert 280 <= trainings.state()["frames"] < 288


def test_the_command(trainings, command):
    """Three times the same one."""
    start = trainings.command("run", "--frames", 24, "--resume", "auto")
    for told in ("", "", "note: The run 'run' is done: it has used up its budget.\n"):
        status, out, err = command(*start)
        assert (status, out[:4]) == (0, "Log:")
        assert told in err and ("note" in err) == bool(told)
        if not told:
            start[start.index("--frames") + 1] = "48"
    status, _, err = command(*trainings.command("run", "--resume", "now", "--frames", 24))
    assert status == 2 and "--resume: invalid choice: 'now'" in err


def test_refused_as_ever(trainings):
    trainings.train(frames=24, resume="auto", seed=1)
    refused(lambda: trainings.train(frames=99, resume="auto", seed=2), "seed 1")
    refused(
        lambda: trainings.train(values={"training.kappa": 1.0}, frames=99, resume="auto"),
        "training.kappa differs",
    )
    refused(lambda: trainings.train(frames=99, resume="yes"), "resume is 'yes'", "'auto'")


# --- nothing to go on from ------------------------------------------------------------------------


def killed_early(trainings, monkeypatch, **more):
    """A training that ends before its first checkpoint is written."""

    def save(*_):
        raise Crash

    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(Checkpoints, "save", save)
        trainings.train(**more)


def test_before_the_first_checkpoint(trainings, monkeypatch):
    """It could neither be started nor resumed; now what it left is in nobody's way."""
    trainings.train("whole", frames=160)
    killed_early(trainings, monkeypatch, frames=160)
    refused(lambda: trainings.train(frames=160), "already", "resume it")
    refused(lambda: trainings.train(frames=160, resume=True), "nothing to resume")
    with pytest.warns(TrainingWarning, match="starts anew"):
        killed_early(trainings, monkeypatch, frames=160, resume="auto")
    left = len(list((trainings.logs / "run").iterdir()))
    with pytest.warns(TrainingWarning, match="'run' has no checkpoint: it starts anew"):
        trainings.train(frames=160, resume="auto")
    assert len(list((trainings.logs / "run").iterdir())) == left + 1
    equal(trainings, "whole", "run")
    run = tmnet.load_run("run", trainings.logs, cache=False)
    survive = run.scalars[run.survives(run.scalars)]
    assert survive["step"][survive["tag"] == FRAMES].is_unique


@pytest.mark.filterwarnings("ignore:.*trainings of run began")
def test_checkpoints_that_were_removed(trainings):
    """What was logged stays in its files; along the steps the new training is the run."""
    suffixes = {"recording.suffix_schedule": [[0, ""], [200, "_2"]]}
    trainings.train("run", suffixes, frames=400, seed=1)
    shutil.rmtree(trainings.checkpoints)
    logged = {path.name for path in files_in(trainings.logs)}
    with pytest.warns(TrainingWarning, match="starts anew"):
        trainings.train("run", suffixes, frames=400, seed=2, resume="auto")
    assert logged < {path.name for path in files_in(trainings.logs)}
    run = tmnet.load_run("run", trainings.logs, cache=False)
    assert run.steps == 400 and run.pieces == ["run", "run_2"]
    trainings.train("other", suffixes, frames=400, seed=2)
    assert surviving(trainings, "run") == surviving(trainings, "other")


def test_what_may_be_of_value_is_not_written_over(trainings):
    """The best network of a run whose checkpoints are gone; another run's log."""
    trainings.train(frames=16)
    for path in trainings.files():
        path.unlink()
    best = trainings.checkpoints / "run" / "best_A01.pt"
    best.write_bytes(b"best")
    refused(lambda: trainings.train(frames=16, resume="auto"), "best_A01.pt", "move it away")
    assert best.read_bytes() == b"best"
    values = {"recording.suffix_schedule": [[0, ""], [20, "_2"]]}
    trainings.train("new_2", frames=16)
    refused(lambda: trainings.train("new", values, frames=40, resume="auto"), "new_2", "already")


# --- the log --------------------------------------------------------------------------------------


class KilledAfterARace:
    """Ends a training some moments after a checkpoint at whose very step an episode had ended."""

    def __init__(self, trainings, monkeypatch):
        self.trainings, self.left, self.frames = trainings, 30, None
        self.ended, self.patch, write = None, monkeypatch, Recorder.write

        def spied_write(recorder, values, step, suffix):
            if any("return" in tag for tag in values):
                self.ended = step
            write(recorder, values, step, suffix)

        monkeypatch.setattr(Recorder, "write", spied_write)

    def is_set(self):
        if self.frames is None:
            saved = int(self.trainings.files()[-1].stem)
            if saved > 100 and saved == self.ended:
                self.frames = saved
                self.patch.setattr(Checkpoints, "save", lambda *_: None)
            return False
        self.left -= 1
        if not self.left:
            raise Crash
        return False


def test_a_race_that_ended_with_the_checkpoint(tmp_path, monkeypatch):
    """What was logged at its very step is of the run; what came after it is not."""
    trainings = Trainings(tmp_path, "gym", CARTPOLE | {"recording.checkpoint_minutes": 1e-6})
    with monkeypatch.context() as patch, pytest.raises(Crash):
        killed = KilledAfterARace(trainings, patch)
        trainings.train(frames=10**6, stop=killed)
    first = of_episodes(trainings.scalars())
    assert max(first)[0] > killed.frames and any(step == killed.frames for step, *_ in first)
    trainings.train(frames=10**6, resume="auto", stop=StopAfter(25))
    run = tmnet.load_run("run", trainings.logs, cache=False)
    survive = of_episodes(run.scalars[run.survives(run.scalars)])
    assert max(survive)[0] > killed.frames
    assert {row for row in survive if row[0] <= killed.frames} == {
        row for row in first if row[0] <= killed.frames
    }
    again = {row for row in survive if row[0] > killed.frames}
    # other episodes, since CartPole cannot go on with those under way
    *_, last = sorted((trainings.logs / "run").iterdir(), key=lambda path: int(path.suffix[1:]))
    assert again == of_episodes(read(last)) > set()


def of_episodes(scalars):
    rows = scalars[scalars["tag"].str.contains("Episode/")]
    return {*rows[["step", "tag", "value"]].itertuples(index=False, name=None)}


# --- a disk that is full --------------------------------------------------------------------------


def full_from(patch, calls, what):
    """No room is left from the so-and-so-many-th write on, of checkpoints or of the log."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    left, write, fsync = [calls], RecordWriter.write, os.fsync

    def is_full():
        left[0] -= 1
        return left[0] < 0

    def no_write(writer, data):
        if is_full():
            writer._writer.write(data[:5])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(writer, data)

    def no_fsync(file):
        if is_full():
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(file)

    if what == "log":
        patch.setattr(RecordWriter, "write", no_write)
    else:
        patch.setattr(os, "fsync", no_fsync)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_room_for_what_is_written(trainings, monkeypatch):
    """Again and again, the log's or the checkpoints': once there is room, the run is whole."""
    values = {"recording.checkpoint_minutes": 1e-6}
    trainings.train("whole", values, frames=240)
    for calls, what in ((0, "saved"), (2, "saved"), (9, "log"), (4, "saved"), (12, "log")):
        with monkeypatch.context() as patch, warnings.catch_warnings(action="ignore"):
            full_from(patch, calls, what)
            more = {"frames": 240, "resume": "auto"}
            refused(lambda more=more: trainings.train("run", values, **more), "No space left")
    trainings.train("run", values, frames=240, resume="auto")
    equal(trainings, "whole", "run")
    assert surviving(trainings, "run") == surviving(trainings, "whole")


# --- one process at a time ------------------------------------------------------------------------

TRAIN = """
import json, sys
import tmnet

tmnet.train(**json.loads(sys.argv[1]), progress=lambda status: print(status.frames, flush=True))
"""


@pytest.fixture
def other_process(trainings):
    """A function that trains `run` in another process, until it has said how far it is."""
    import json

    started = []

    def train(**more):
        arguments = trainings.arguments(**{"frames": 10**6} | more)
        del arguments["progress"]
        process = subprocess.Popen(
            [sys.executable, "-c", TRAIN, json.dumps(arguments, default=str)],
            stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": str(Path(tmnet.__file__).parents[1])},
        )  # fmt: skip
        started.append(process)
        assert int(process.stdout.readline()) > 0
        return process

    yield train
    for process in started:
        process.kill()
        process.wait(PATIENCE)
        process.stdout.close()


def test_two_at_once(trainings, other_process):
    """One trains, the other says so; and a killed one keeps nobody away."""
    process = other_process(resume="auto")
    for how in (False, True, "auto"):
        said = refused(lambda how=how: trainings.train(frames=99, resume=how), "is being trained")
        assert LOCK in said
    # the same log, though other checkpoints; and the other way round
    for place in ("logdir", "checkpoints"):
        elsewhere = {place: trainings.root / "elsewhere"}
        refused(lambda more=elsewhere: trainings.train(frames=9, resume="auto", **more), "trained")
    assert not (trainings.root / "elsewhere" / "run").exists()
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    frames = trainings.state()["frames"] + 16
    trainings.train(frames=frames, resume="auto")
    assert trainings.state()["frames"] >= frames
    assert not [path for path in files_in(trainings.root) if path.name == LOCK]


def test_collectors_of_a_killed_training(tmp_path, other_process, trainings):
    """Processes of its own do not keep what it held."""
    trainings.base, trainings.values = "gym", CARTPOLE | {"performance.collectors": 2}
    process = other_process()
    process.kill()
    process.wait(PATIENCE)
    wait_for(lambda: is_free(trainings))
    trainings.train(frames=trainings.state()["frames"] + 8, resume="auto")


def is_free(trainings):
    try:
        with held("run", [trainings.checkpoints / "run"]):
            return True
    except tmnet.TmnetError:
        return False


def test_a_lock_that_was_left(trainings):
    """Nobody holds it: it is no run, and in nobody's way."""
    for place in (trainings.logs, trainings.checkpoints):
        (place / "run").mkdir(parents=True)
        (place / "run" / LOCK).write_text("")
    trainings.train(frames=8)
    assert trainings.state()["frames"] == 8


def test_logs_and_checkpoints_in_one_folder(trainings):
    trainings.checkpoints = trainings.logs
    trainings.train(frames=8)
    trainings.train(frames=16, resume="auto")
    assert trainings.state()["frames"] == 16


# --- another machine ------------------------------------------------------------------------------


@pytest.fixture
def threads():
    """How many torch computes with, which is put back."""
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


def test_other_threads(trainings, threads):
    """They are allowed, and said; before, all is as it was."""
    trainings.train(frames=200, stop=StopAfter(14))
    before = trainings.state()
    torch.set_num_threads(threads + 1)
    told = rf"goes on with threads {threads + 1} \(before: {threads}\): what is computed is rounded"
    with pytest.warns(TrainingWarning, match=told):
        trainings.train(frames=200, resume="auto")
    after = trainings.state()
    assert after["frames"] == 200 and after["machine"]["threads"] == threads + 1
    memory = after["replay"]["floats"][: len(before["replay"]["floats"])]
    assert torch.equal(memory, before["replay"]["floats"])
    trainings.train(frames=240, resume="auto")  # as it is now; nothing to say
