"""`tmnet.read_scalars` against protobuf and tbparse: what all kinds of writers write."""

import random
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorboard.compat.proto.event_pb2 import Event, SourceMetadata
from tensorboard.compat.proto.summary_pb2 import Summary

import tmnet

from .event_files import (
    LONG_TAG,
    MIXED,
    VERSION,
    assert_reads_like_protobuf,
    assert_same_rows,
    double_scalar,
    float_scalar,
    forbid_opening,
    mixed_events,
    parse,
    read,
    read_one,
    rows_by_tag,
    scalar,
    tbparse_rows,
    text,
    tf2_scalar,
    values_event,
    write_bytes,
    write_events,
)

# --- what other writers write ---------------------------------------------------------------------

STYLES = {
    "old": {},
    "old, double": {"double_precision": True},
    "new": {"new_style": True},
    "new, double": {"new_style": True, "double_precision": True},
}
any_tag = st.one_of(
    st.text(max_size=12),
    st.text("ab/ é測😀", max_size=4),
    st.integers(120, 140).map(lambda n: (LONG_TAG * 2)[:n]),
    st.integers(500, 3000).map(lambda n: "x" * n),
)
any_step = st.one_of(
    st.integers(0, 3),
    st.integers(100, 20_000),
    st.integers(2**31, 2**63 - 1),
    st.integers(-(2**63), -1),
)
any_value = st.one_of(
    st.floats(width=32),
    st.floats(),
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 5e-324]),
)
any_wall_time = st.one_of(st.floats(1.7e9, 1.8e9), st.floats(allow_nan=False, allow_infinity=False))


@st.composite
def torch_logs(draw):
    """Draw a style for each of a few tags, and events (tag, step, wall time, value)."""
    tags = draw(st.lists(any_tag, min_size=1, max_size=5, unique=True))
    styles = {tag: draw(st.sampled_from(sorted(STYLES))) for tag in tags}
    event = st.tuples(st.sampled_from(tags), any_step, any_wall_time, any_value)
    return styles, draw(st.lists(event, min_size=1, max_size=25))


@pytest.mark.torch_writes
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(torch_logs())
def test_torch_log_equals_tbparse(log):
    """Whatever torch's SummaryWriter writes is read as tbparse reads it."""
    writers = pytest.importorskip("torch.utils.tensorboard")
    styles, events = log
    with tempfile.TemporaryDirectory() as directory:
        with writers.SummaryWriter(directory) as writer:
            for tag, step, wall_time, value in events:
                writer.add_scalar(tag, value, step, wall_time, **STYLES[styles[tag]])
        (path,) = Path(directory).iterdir()
        assert_reads_like_protobuf(path)
        frame = tmnet.read_scalars(path)
        assert len(frame) == len(events)
        rows = frame.itertuples(index=False, name=None)
        assert rows_by_tag(rows) == rows_by_tag(tbparse_rows(path))


def test_tensorboardx_log(tmp_path):
    """What tensorboardX writes, text and histograms in between, is read like protobuf."""
    tensorboardx = pytest.importorskip("tensorboardX")
    with tensorboardx.SummaryWriter(str(tmp_path / "run")) as writer:
        for step in range(30):
            writer.add_scalar("loss", step / 3, step)
            writer.add_scalar("Å/loss", -step, step * 2**20, display_name="L", walltime=step)
            writer.add_scalars("group", {"a": step, "b": np.nan}, step)
            writer.add_text("note", f"step {step}", step)
            writer.add_histogram("weights", np.arange(step + 2.0), step)
            writer.add_image("frame", np.zeros((3, 2, 2), np.uint8), step)
    files = [path for path in (tmp_path / "run").rglob("*tfevents*") if path.is_file()]
    assert len(files) == 3  # add_scalars opens a writer for each of its series
    for path in files:
        assert_reads_like_protobuf(path)
    frame, (message,) = read(tmp_path / "run")
    assert message.startswith("Several folders of one run have group: ")
    assert frame["tag"].value_counts().to_dict() == {"loss": 30, "Å/loss": 30, "group": 60}


@pytest.mark.parametrize("n, image_bytes", [(40, 50), (1500, 50), (300, 10_000)])
def test_mixed_layouts_over_many_blocks(log, block_bytes, n, image_bytes):
    """Old and new scalars among text, histograms and images; blocks end anywhere."""
    assert_reads_like_protobuf(write_events(log, mixed_events(n, seed=n, image_bytes=image_bytes)))


def test_records_of_equal_length_and_different_layout(log, block_bytes):
    """A longer tag with a shorter step makes records of one length whose fields lie elsewhere."""
    rng = random.Random(0)
    layouts = [scalar, tf2_scalar, float_scalar, double_scalar]
    steps = [0, 1, 127, 128, 2**14, 2**28, 2**40, 2**62, -1]
    events = [
        values_event(rng.choice(steps), rng.choice(layouts)("ab" * 8, rng.random()))
        if rng.random() < 0.2
        else values_event(rng.choice(steps), scalar("abcdefghij"[: rng.randint(1, 10)], i))
        for i in range(600)
    ]
    assert_reads_like_protobuf(write_events(log, events))


def test_tensors_before_their_metadata(log, block_bytes):
    """A tensor is a scalar from when its tag was logged as one, wherever a block ends."""
    filler = [values_event(1, scalar("x", i)) for i in range(20)]
    without = values_event(2, tf2_scalar("q", 1, plugin=""))
    events = [without, *filler, values_event(2, tf2_scalar("q", 2)), without, *filler, without]
    assert_reads_like_protobuf(write_events(log, events))


def test_a_wall_time_that_is_no_number(log):
    """It says nothing about when its file begins and ends."""
    walls = [3.0, np.nan, 1.0, 2.0]
    two = [scalar("a", 1), scalar("b", 2)]
    events = [values_event(i, *two[: 1 + i % 2], wall=wall) for i, wall in enumerate(walls)]
    events, _ = read_one(write_events(log, events))
    assert (events.first_wall, events.last_wall) == (1, 3)
    assert len(events.code) == 6


@pytest.mark.parametrize("together", [False, True])
def test_tags_that_are_no_text(log, together):
    """TensorBoard takes no record with such a tag: it is left out, with a note."""
    values = [scalar("a?", 1), scalar("b", 2)]
    events = [values_event(i, *values[: 1 + together]).SerializeToString() for i in range(4)]
    bad = [event.replace(b"a?", b"a\xff") for event in events]
    write_events(log, [bad[0], events[1], bad[2], events[3]])
    frame, (message,) = read(log)
    assert frame["step"].unique().tolist() == [1, 3]
    assert message.endswith("(2).")


def in_parts(*events):
    """Bytes of a message written in several parts: protobuf takes the last of a plain field."""
    return b"".join(event.SerializeToString() for event in events)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(values_event(5), id="no values"),
        pytest.param(values_event(5, scalar("", 1.5)), id="no tag"),
        pytest.param(values_event(5, float_scalar("", 1.5)), id="no tag, new style"),
        pytest.param(values_event(5, scalar("a", 1), scalar("b", 2), scalar("a", 3)), id="three"),
        pytest.param(values_event(5, text("t", b"1"), double_scalar("b", 0.1)), id="after text"),
        pytest.param(values_event(5, scalar("nul\0a", 1), scalar("nul\0b", 2)), id="NUL in tags"),
        pytest.param(values_event(5, scalar("a" * 70_000, 1.5)), id="tag of 70,000 bytes"),
        pytest.param(values_event(5, tf2_scalar("a" * 5_000, 1.5)), id="tag of 5,000 bytes"),
        pytest.param(
            in_parts(
                Event(summary=Summary(value=[scalar("a", 1.5)])),
                Event(step=5),
                Event(wall_time=2.5),
                Event(summary=Summary(value=[scalar("b", 2.5)])),
            ),
            id="fields in another order",
        ),
        pytest.param(
            in_parts(
                Event(wall_time=2.5, step=5),
                Event(step=7, summary=Summary(value=[scalar("a", 1.5)])),
            ),
            id="step twice, in as many bytes as the plain one",
        ),
        pytest.param(
            Event(source_metadata=SourceMetadata(writer="w")), id="the name of its writer"
        ),
    ],
)
def test_unusual_event(log, event):
    """An unusual event between two plain ones is read like protobuf reads it."""
    plain = values_event(2**14, scalar("a", 0.5))
    assert_reads_like_protobuf(write_events(log, [VERSION, plain, event, plain]))


def test_directory_tree(tmp_path):
    """Every file that has tfevents in its name is read, wherever it lies; no other file is."""
    events = mixed_events()
    files = [
        write_events(tmp_path / name, [VERSION, *events[i:]])
        for i, name in enumerate(
            ["a/events.out.tfevents.2.h.1.0", "a/b/c/run.tfevents.v2", "tfevents.d/x.tfevents"], 1
        )
    ]
    write_bytes(tmp_path / "a" / "notes.txt", b"no event file")
    frame, (message,) = read(str(tmp_path))
    assert "load_run keeps them apart" in message  # what a and a/b/c logged
    expected = pd.concat([parse(file.read_bytes()).frame for file in files])
    assert_same_rows(in_a_fixed_order(frame), in_a_fixed_order(expected))


def in_a_fixed_order(frame):
    """Sort rows by everything they hold, so that the order of the files does not matter."""
    frame = frame.assign(key=[str(row) for row in frame.itertuples(index=False)])
    return frame.sort_values("key").drop(columns="key")


# --- nothing to read ------------------------------------------------------------------------------


@pytest.mark.parametrize("events", [[], [VERSION]], ids=["empty", "version record only"])
@pytest.mark.parametrize("cache", [False, True])
def test_file_without_rows(log, events, cache):
    """A file that holds nothing gives an empty frame and one sentence, every time."""
    write_events(log, events)
    for path in (log, log.parent, log):
        frame, messages = read(path, cache=cache)
        assert_same_rows(frame, parse(b"").frame)
        assert len(messages) == 1
        assert log.name in messages[0]
        assert "\n" not in messages[0]


def test_file_without_rows_among_others(log):
    """An empty file takes nothing away from the others."""
    write_bytes(log, MIXED)
    empty = write_bytes(log.with_name("events.out.tfevents.1600000000.host.1.0"), b"")
    frame, messages = read(log.parent)
    assert_same_rows(frame, parse(MIXED).frame)
    assert [empty.name in message for message in messages] == [True]


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None], ids=["no files", "no path"])
def test_nothing_there(tmp_path, make):
    """A path without event files is an error in one sentence that names the path."""
    path = tmp_path / "no such run"
    make(path)
    with pytest.raises(tmnet.TmnetError) as error:
        tmnet.read_scalars(path)
    assert isinstance(error.value, ValueError)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def dangling_link(path, monkeypatch):
    """Make a link to a file that does not exist."""
    try:
        path.symlink_to(path.with_name("gone"))
    except OSError:
        pytest.skip("links cannot be made here")


def forbidden_file(path, monkeypatch):
    """Make a file that may not be opened."""
    forbid_opening(write_bytes(path, MIXED), monkeypatch)


@pytest.mark.parametrize("make", [dangling_link, forbidden_file])
@pytest.mark.parametrize("cache", [False, True])
def test_unreadable_file_among_others(log, monkeypatch, make, cache):
    """A file that cannot be opened is named; the others are read."""
    write_bytes(log, MIXED)
    unreadable = log.with_name("events.out.tfevents.1800000000.host.1.0")
    make(unreadable, monkeypatch)
    frame, messages = read(log.parent, cache=cache)
    assert_same_rows(frame, parse(MIXED).frame)
    assert [unreadable.name in message for message in messages] == [True]
