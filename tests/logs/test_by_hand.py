"""Random trainings are what plain loops over their events make of them: see `by_hand`."""

import itertools
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ..synthetic import load
from .by_hand import pieces_by_hand, run_by_hand
from .small_logs import name, write

pytestmark = pytest.mark.filterwarnings("ignore::tmnet.LogWarning")

HOUR = 3600
DAY = 24 * HOUR
EVERY = 10  # steps between two moments at which something is logged


class Log:
    """Event files of one run, written one after the other by a clock of their own."""

    def __init__(self, folder, host="pc", pid="7"):
        self.folder, self.host, self.pid, self.count = folder, host, pid, 0
        self.now = 0.0
        self.values = itertools.count(1)  # each once
        self.last = self.furthest = -EVERY
        self.first = 0

    def write(self, rows, start, folder=".", **options):
        path = self.folder / folder / name(start, **options.pop("writer", self.writer()))
        rows = [(at, step, {tag: next(self.values) for tag in tags}) for at, step, tags in rows]
        write(path, rows, start, **options)

    def writer(self):
        return {"host": self.host, "pid": self.pid, "count": self.count}


clock_faults = st.sampled_from([None, None, None, "set back", "asleep", "slow"])


@st.composite
def lives(draw, first=False, faults=True):
    """A process of a training, in words."""
    moments = draw(st.integers(1, 9) | st.integers(3, 9))
    return {
        "who": draw(st.sampled_from(["new", "container", "kernel", "silent", "at once"])),
        "from": draw(st.sampled_from(["on", "again", "back", "back", "scratch"])),
        "how far back": draw(st.integers(1, 9)),
        "down": draw(st.sampled_from([2.0, 30.0, 90.0, HOUR, DAY])),
        "start-up": draw(st.sampled_from([0.0, 0.5, 45.0])),
        "every": draw(st.sampled_from([0.5, 7.0, 25.0])),
        "moments": moments,
        "rare": draw(st.sets(st.integers(0, moments - 1), max_size=3)),
        "fault": draw(clock_faults) if faults else None,
        "fault at": draw(st.integers(1, 9)),
    }


late_writers = st.sampled_from([None, None, None, "hparams", "evaluation", "test", "no pid"])


def begin(log, life):
    """Who goes on with a training, and from which step; returns that, and what it says of it."""
    step = {
        "on": log.last + EVERY,
        "again": max(log.first, log.last),
        "back": max(log.first, log.last - EVERY * life["how far back"]),
        "scratch": log.first,
    }[life["from"]]
    if log.last < log.first:
        return log.first, None
    if log.pid is None or life["who"] == "new":
        log.pid, log.count = log.pid and str(int(log.pid) + 1), 0
    elif life["who"] == "container":
        log.count = 0
    else:
        log.count += 1
    return step, step if life["who"] == "kernel" else None


def live(log, life, folders=()):
    """Write the files of a process."""
    log.now += life["down"]
    step, purge = begin(log, life)
    start = log.now
    fault, every = life["fault"], life["every"]
    if fault == "asleep" and (life["moments"] < 3 or every < 1):
        fault = None  # there are no usual gaps
    if fault == "set back" and step + EVERY * (life["moments"] - 1) <= log.furthest:
        fault = None  # it could be long over, and the others would be later
    if fault != "set back":  # when an event file began, is lost in the times after that
        log.now += life["start-up"]
    rows = []
    for k in range(life["moments"]):
        log.now += every * (k > 0)
        if k and k == min(life["fault at"], life["moments"] - 1):
            log.now += {"asleep": DAY, "slow": 550, "set back": -HOUR, None: 0}[fault]
        tags = ["reward", "loss"] + ["rare"] * (k in life["rare"])
        rows.append((log.now, step + EVERY * k, tags))
    log.last = rows[-1][1]
    log.furthest = max(log.furthest, log.last)
    log.write(rows, start, purge=purge)
    for folder in folders:
        log.count += 1
        log.write([(at, step, ["loss"]) for at, step, _ in rows], rows[0][0], folder)
    if fault == "set back":
        log.now += HOUR  # what follows is later, by whichever clock


def write_late(log, kind, number):
    """A file of something that does not train."""
    log.now += HOUR
    other = {"host": log.host, "pid": None if kind in ("hparams", "no pid") else f"90{number}"}
    if kind == "hparams":
        log.write([(log.now, 0, ["hparam/final"])], log.now, f"{number}.5", writer=other)
    elif kind == "test":  # one that tries whether the training starts
        log.write([(log.now, 0, ["reward", "loss"])], log.now - 5, writer=other)
    else:
        rows = [(log.now + i, i, [f"eval/{number}"]) for i in range(8)]
        log.write(rows, log.now - 5, writer=other)
    log.now += 60


def assert_same(run, expected):
    """A run is what was found by hand."""
    frame = run.scalars
    assert sorted(frame["value"]) == sorted(expected.rows)
    rows = [expected.rows[value] for value in frame["value"]]
    got_processes = run.processes[["host", "pid"]].to_numpy().tolist()
    first = [process.stretches[0] for process in expected.processes]
    assert got_processes == [[stretch.host, stretch.pid or ""] for stretch in first]
    assert frame["process"].tolist() == [row.process for row in rows]
    assert frame["tag"].tolist() == [row.tag for row in rows]
    assert frame["step"].tolist() == [row.step for row in rows]
    assert frame["wall_time"].tolist() == [row.wall for row in rows]
    minutes = [row.minutes for row in rows]
    np.testing.assert_allclose(frame["minutes"], minutes, rtol=0, atol=1e-6)
    assert abs(run.duration - expected.duration) < 1e-6
    assert run.survives(frame).tolist() == [row.survives for row in rows]
    assert run.steps == expected.steps


@settings(max_examples=60)
@given(
    host=st.sampled_from(["pc", "10.0.0.5", "node-3.lan.7"]),
    pid=st.sampled_from(["1", "4242", None]),
    first=st.sampled_from([0, 10, 1_000_000]),
    folders=st.sampled_from([(), (), ("loss_a", "loss_b")]),
    parts=st.lists(st.tuples(lives(), late_writers), min_size=1, max_size=4),
)
def test_random_trainings(host, pid, first, folders, parts):
    with tempfile.TemporaryDirectory() as directory:
        log = Log(Path(directory) / "X", host, pid)
        log.first, log.last = first, first - EVERY
        for number, (life, late) in enumerate(parts):
            live(log, life, folders)
            if late:
                write_late(log, late, number)
        run = load(directory, "X")
        assert_same(run, run_by_hand(log.folder))


def moments(count, **others):
    """A process that began two seconds after the one before it."""
    plain = {"who": "new", "from": "on", "how far back": 1, "down": 2.0, "start-up": 0.0}
    rest = {"every": 0.5, "moments": count, "rare": set(), "fault": None, "fault at": 1}
    return plain | rest | others


@settings(max_examples=40)
@example(  # what a session declares void in a piece is not in the next, whatever its clock says
    parts=[
        ([moments(1)], 0),
        ([moments(1), moments(2, who="kernel")], -3),
        ([moments(1), moments(1) | {"from": "scratch"}], 0),
    ]
)
@example(  # two begin in the same second
    parts=[([moments(1)], 0), ([moments(1), moments(1, who="kernel")], -2), ([moments(1)], 0)]
)
@given(
    parts=st.lists(
        st.tuples(st.lists(lives(faults=False), min_size=1, max_size=2), st.integers(-5000, 5000)),
        min_size=2,
        max_size=4,
    )
)
def test_pieces_in_the_order_given(parts):
    """Whatever the clocks of the machines say on which they were trained."""
    with tempfile.TemporaryDirectory() as directory:
        log = Log(Path(directory))
        pieces = [f"piece {i}" for i in range(len(parts))]
        for i, (several, offset) in enumerate(parts):
            log.folder = Path(directory) / pieces[i]
            log.pid, log.count = str(100 * (i + 1)), 0
            for life in several:
                live(log, life)
            log.now += offset
        run = load(directory, pieces[0], pieces=pieces)
        assert_same(run, run_by_hand(*(Path(directory) / piece for piece in pieces)))
        assert run.pieces == pieces


@st.composite
def numbered(draw):
    """Pieces by their numbers: where each begins, of what those before it trained."""
    numbers = draw(st.sets(st.integers(2, 6), max_size=4))
    begins = st.sampled_from([1.0, 1.0, 1.05, 0.9, 0.0, 0.4, 2.0, None, "few", "other"])
    return {number: draw(begins) for number in sorted(numbers)}


@settings(max_examples=60)
@given(first=st.sampled_from([0, 100, 1_000_000]), pieces=numbered())
def test_pieces_that_carry_on(first, pieces):
    with tempfile.TemporaryDirectory() as directory:
        last, values = first, itertools.count(1)
        for number, begins in {1: 0.0, **pieces}.items():
            folder = Path(directory) / (f"X_{number}" if number > 1 else "X")
            share = begins if isinstance(begins, float) else 1.0
            step = first + int(share * (last - first)) // 10 * 10
            start = HOUR * number if begins is not None else -HOUR * number
            tags = ["a", "b"] if begins == "other" else ["reward", "loss"]
            count = 2 if begins == "few" else 41
            rows = [
                (start + i, step + 10 * i, {tag: next(values) for tag in tags})
                for i in range(count)
            ]
            write(folder / name(start, pid=str(number)), rows)
            joined, missing = pieces_by_hand(Path(directory), "X")
            if folder.name in joined:
                last = max(last, rows[-1][1])
        run = load(directory, "X")
        assert run.pieces == joined
        said = []
        for note in run.notes:
            if match := re.match(r"X_(\d)(?: to X_(\d))? (?:is|are) missing between", note):
                said += range(int(match[1]), int(match[2] or match[1]) + 1)
        assert said == missing
