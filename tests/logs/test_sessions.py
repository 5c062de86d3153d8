"""Records by which a writer says that it began, and from which step on it writes anew."""

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.compat.proto.event_pb2 import SessionLog

import tmnet

from .event_files import (
    VERSION,
    event_bytes,
    mixed_events,
    parse,
    read_one,
    scalar,
    session,
    text,
    values_event,
    write_bytes,
    write_events,
)
from .small_logs import name, write


def assert_sessions(path, expected):
    """Assert that a file has these sessions: with the cache, without, and from the cache."""
    for cache in (False, True, True):
        events, notes = read_one(path, cache)
        assert events.sessions == expected
        assert not notes


def test_sessions_of_a_file(log):
    """Every start counts the scalars before it in the file, whatever else is in between."""
    several = values_event(3, scalar("a", 1), scalar("b", 2), text("note", b"c"))
    one = values_event(4, scalar("a", 1))
    start, stop = session(2**40), session(9, SessionLog.STOP)
    end = session(9, SessionLog.CHECKPOINT)
    events = [VERSION, session(-3), several, one, start, start, stop, one, end, several, session(0)]
    assert_sessions(write_events(log, events), [(0, -3), (3, 2**40), (3, 2**40), (6, 0)])


def test_a_session_is_a_record_of_its_file(log):
    """The first and the last record of a file may be a session; the file begins and ends then."""
    rows = [values_event(i, scalar("a", i), wall=100 + i) for i in range(3)]
    write_events(log, [session(1, wall=50.0), *rows, session(7, wall=200.0)])
    events, _ = read_one(log)
    assert (events.first_wall, events.last_wall) == (50, 200)


def random_log(seed):
    """Bytes of an event file of all layouts with sessions in between."""
    rng = random.Random(seed)
    events = mixed_events(300, seed=seed)
    for _ in range(20):
        step = rng.choice([0, 1, 2**40, -5])
        status = rng.choice([SessionLog.START, SessionLog.START, SessionLog.STOP])
        events.insert(rng.randrange(len(events)), session(step, status))
    return event_bytes(events)


def test_sessions_over_many_blocks(log, block_bytes):
    """Wherever a block ends, sessions are counted over the whole file."""
    for seed in range(3):
        data = random_log(seed)
        assert parse(data).sessions
        assert_sessions(write_bytes(log.parent / str(seed) / log.name, data), parse(data).sessions)


@pytest.mark.parametrize("cache", [False, True])
def test_sessions_of_a_file_that_grows(log, block_bytes, cache):
    """At every size that a file had, it has the sessions of its whole records."""
    data = random_log(7)
    whole = parse(data)
    write_bytes(log, b"")
    for size in [*sorted(random.Random(1).sample(range(500, len(data)), k=8)), len(data)]:
        with open(log, "ab") as file:
            file.write(data[log.stat().st_size : size])
        rows = whole.rows_before[whole.record_at(size)]
        events, _ = read_one(log, cache)
        assert len(events.code) == rows
        begun = parse(data[: whole.starts[whole.record_at(size)]]).sessions
        assert events.sessions == begun


def test_no_session_behind_a_damage(log):
    """A start behind a damaged record is not read; one before it is, once."""
    row = values_event(1, scalar("a", 1))
    data = event_bytes([row, session(5), row])
    write_bytes(log, data + b"x" * 16 + event_bytes([session(6)]))
    events, notes = read_one(log)
    assert events.sessions == [(1, 5)]
    assert len(notes) == 1


@pytest.mark.torch_writes
@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2**40)), min_size=1, max_size=4))
def test_torch_purges(writers):
    """What torch's SummaryWriter(purge_step=…) writes is a session at that step."""
    torch = pytest.importorskip("torch.utils.tensorboard")
    for rows, purge_step in writers:
        with tempfile.TemporaryDirectory() as directory:
            with torch.SummaryWriter(directory, purge_step=purge_step) as writer:
                for i in range(rows):
                    writer.add_scalar("a", i, purge_step + i)
            (path,) = Path(directory).iterdir()
            events, _ = read_one(path)
            assert events.sessions == [(0, purge_step)]
            assert events.step.tolist() == [purge_step + i for i in range(rows)]
            assert np.all(events.first_wall <= events.wall_time)


@pytest.mark.torch_writes
def test_torch_purges_in_one_file(tmp_path):
    """Writers that append to one file one after the other, as tools that copy files make it."""
    torch = pytest.importorskip("torch.utils.tensorboard")
    data, expected = b"", []
    for first in (0, 60, 30):
        with torch.SummaryWriter(str(tmp_path / str(first)), purge_step=first or None) as writer:
            for step in range(first, first + 10):
                writer.add_scalar("a", step, step)
        (path,) = (tmp_path / str(first)).iterdir()
        expected += [(parse(data).rows_before[-1], first)] * (first > 0)
        data += path.read_bytes()
    assert_sessions(write_bytes(tmp_path / "events.out.tfevents.1.host", data), expected)


def test_a_session_that_goes_back_behind_a_piece(tmp_path):
    """What an earlier process had logged in later pieces is void from there on, of any tag; and
    their clocks are right, though a piece before them goes on later."""
    every = [(t, 10 * t, {"reward": t, "rare": t}) for t in range(1, 41)]
    again = [(1000 + t, 10 * t, {"reward": -t}) for t in range(15, 31)]
    write(tmp_path / "X" / name(pid="1"), every[:20])
    write(tmp_path / "X_2" / name(21, pid="1", count=1), every[20:])
    write(tmp_path / "X" / name(1014, pid="2"), again[:6], purge=141)
    write(tmp_path / "X_2" / name(1021, pid="2", count=1), again[6:])
    run = tmnet.load_run("X", tmp_path, cache=False)  # a note would be an error
    assert run.pieces == ["X", "X_2"] and run.notes == []
    survive = run.scalars[run.survives(run.scalars)]
    found = {tag: rows["step"].tolist() for tag, rows in survive.groupby("tag", observed=True)}
    assert found == {"reward": [*range(10, 310, 10)], "rare": [*range(10, 150, 10)]}
    assert survive["value"][survive["step"] >= 150].max() == -15
    assert run.duration == pytest.approx((39 + 15) / 60)


def test_the_tenth_file_of_a_process(tmp_path):
    """It comes behind the ninth, of the same second."""
    for count in range(8, 12):
        rows = [(count / 50 + step / 1000, step, {"reward": count}) for step in range(count, 20)]
        write(tmp_path / "X" / name(count=count), rows, purge=count)
    run = tmnet.load_run("X", tmp_path, cache=False)
    survive = run.scalars[run.survives(run.scalars)]
    assert survive["step"].tolist() == list(range(8, 20))
    assert survive["value"].tolist() == [8, 9, 10, *[11] * 9]
