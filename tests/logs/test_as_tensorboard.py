"""What survives, as TensorBoard has it: of files by torch's and tensorboardX's own writers."""

import os
import tempfile
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ..synthetic import T0, load

pytestmark = [
    pytest.mark.torch_writes,
    pytest.mark.filterwarnings("ignore::tmnet.LogWarning"),
]

WRITERS = ["torch", "tensorboardX"]


class Clock:
    """Seconds that pass whenever they are asked for; no two writers begin in one."""

    def __init__(self):
        self.now = T0

    def __call__(self):
        self.now += 0.001
        return self.now

    def later(self, seconds):
        self.now = int(self.now) + seconds


def writers(library):
    """The class SummaryWriter of a library."""
    torch = pytest.importorskip("torch.utils.tensorboard")
    if library == "torch":
        return torch.SummaryWriter
    return pytest.importorskip("tensorboardX").SummaryWriter


def by_tensorboard(folder):
    """(step, value) of every scalar that it shows, by tag: of a run and of each folder below."""
    found = {}
    for parent, _, files in os.walk(folder):
        if any("tfevents" in file for file in files):
            events = EventAccumulator(parent, {"scalars": 0}, purge_orphaned_data=True).Reload()
            for tag in events.Tags()["scalars"]:
                where = Path(parent).relative_to(folder).as_posix()
                rows = [(event.step, event.value) for event in events.Scalars(tag)]
                found[where, tag] = Counter(rows)
    return found


def assert_as_tensorboard(folder):
    """Assert that the same scalars survive of each tag of each folder."""
    expected = by_tensorboard(folder)
    run = load(folder.parent, folder.name)
    frame = run.scalars[run.survives(run.scalars)]
    got = {
        tag: Counter(zip(rows["step"], rows["value"]))
        for tag, rows in frame.groupby("tag", observed=True)
    }
    times = Counter(tag for _, tag in expected)
    named = {
        tag if times[tag] == 1 or where == "." else f"{where}/{tag}": rows
        for (where, tag), rows in expected.items()
    }
    assert got == named


parts = st.fixed_dictionaries(
    {
        "first": st.integers(0, 12),
        "moments": st.integers(1, 8),
        "seconds": st.sampled_from([1, 40, 3600]),
        "hparams": st.booleans(),
        "curves": st.booleans(),
    }
)


def train(writer_class, folder, part, clock, log, purge=None):
    """Write what a training does from a step on; `log` numbers the values."""
    writer = writer_class(str(folder), purge_step=purge)
    for step in range(part["first"], part["first"] + part["moments"]):
        clock.now += 1
        for tag in ("reward", "loss"):
            writer.add_scalar(tag, next(log), step, walltime=clock())
        if part["curves"]:
            values = {"a": next(log), "b": next(log)}
            writer.add_scalars("curve", values, step, walltime=clock())
    if part["hparams"]:
        writer.add_hparams({"lr": 0.1}, {"hparam/reward": next(log)})
    writer.close()
    clock.later(part["seconds"] + 2)


@pytest.mark.parametrize("library", WRITERS)
@settings(max_examples=12)
@given(several=st.lists(parts, min_size=1, max_size=4))
def test_writers_that_purge(library, several):
    """Trainings in one kernel, each of which says from which step it goes on."""
    writer_class = writers(library)
    with tempfile.TemporaryDirectory() as directory, patch("time.time", clock := Clock()):
        folder, log = Path(directory) / "X", iter(range(10_000))
        for number, part in enumerate(several):
            # TensorBoard takes nothing back in the folders of add_scalars: no writer says so there
            part = part | {"curves": part["curves"] and len(several) == 1}
            train(writer_class, folder, part, clock, log, part["first"] if number else None)
        assert_as_tensorboard(folder)


@pytest.mark.parametrize("library", WRITERS)
def test_curves_of_a_training_that_goes_on(library, tmp_path):
    """In folders of their own, and in one process: each keeps all of its values."""
    writer_class = writers(library)
    with patch("time.time", clock := Clock()):
        log = iter(range(10_000))
        for number, first in enumerate((0, 10, 20)):
            part = {"first": first, "moments": 10, "seconds": 3600, "hparams": True, "curves": True}
            train(writer_class, tmp_path / "X", part, clock, log, first if number else None)
    assert_as_tensorboard(tmp_path / "X")
