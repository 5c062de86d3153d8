"""`tmnet.read_scalars` against protobuf and tbparse: whole, damaged, growing and cached files."""

import multiprocessing
import os
import random
import re
import sys
import tempfile
import threading
import warnings
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tbparse import SummaryReader
from tensorboard.compat.proto.event_pb2 import Event, SourceMetadata
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.types_pb2 import DT_FLOAT

import tmnet

from .conftest import (
    LONG_TAG,
    VERSION,
    assert_same_rows,
    double_scalar,
    event_bytes,
    float_scalar,
    mixed_events,
    parse,
    read,
    scalar,
    tensor,
    text,
    tf2_scalar,
    values_event,
    write_bytes,
    write_events,
)

MIXED = event_bytes(mixed_events())
PLACES = 200  # truncations and flips per file


@pytest.fixture(params=[None, 300, 4096], ids=lambda size: f"block={size or 'default'}")
def block_bytes(request, monkeypatch):
    """Size of the blocks that a file is read in; 300 bytes split records and hold few."""
    if request.param:
        monkeypatch.setattr("tmnet.logs.events.BLOCK_BYTES", request.param)


def assert_reads_like_protobuf(path):
    """Assert that a whole file is read without a warning, the same with and without the cache."""
    expected = parse(path.read_bytes()).frame
    for options in ({"cache": False}, {"cache": True}, {"cache": True}):
        frame, messages = read(path, **options)
        assert_same_rows(frame, expected, options)
        assert not messages


def tbparse_rows(path):
    """All scalars of a path as tbparse returns them: sorted by tag, then by step."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tbparse is behind the newest pandas
        reader = SummaryReader(str(path), extra_columns={"wall_time"})
        frames = [frame for frame in (reader.scalars, reader.tensors) if len(frame)]
    return [
        row._replace(value=float(row.value))
        for frame in frames
        for row in frame[["tag", "step", "wall_time", "value"]].itertuples(index=False)
    ]


def rows_by_tag(rows):
    """Group rows as exact text, and as tbparse sorts them: by step, equal steps as written."""
    groups = {}
    for tag, step, wall_time, value in sorted(rows, key=lambda row: row[1]):
        groups.setdefault(tag, []).append(f"{step} {wall_time!r} {value!r}")
    return groups


# --- what other writers write -------------------------------------------------------------------

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


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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
    frame, _ = read(tmp_path / "run")
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
    frame, messages = read(str(tmp_path))
    assert not messages
    expected = pd.concat([parse(file.read_bytes()).frame for file in files])
    assert_same_rows(in_a_fixed_order(frame), in_a_fixed_order(expected))


def in_a_fixed_order(frame):
    """Sort rows by everything they hold, so that the order of the files does not matter."""
    frame = frame.assign(key=[str(row) for row in frame.itertuples(index=False)])
    return frame.sort_values("key").drop(columns="key")


# --- damage -------------------------------------------------------------------------------------


def numbers_in(message, path):
    """Whole numbers that a message holds outside of the path and the name of the file."""
    rest = message.replace(str(path), "").replace(path.name, "")
    return {int(number.replace(",", "")) for number in re.findall(r"\d+(?:,\d{3})*", rest)}


def cut_places(size):
    """Sizes that a file of `size` bytes is cut to."""
    return random.Random(size).choices(range(size), k=PLACES)


def flipped(data, place, mask):
    """Copy of `data` with some bits of one byte changed."""
    return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


def flips(size):
    """Places in a file of `size` bytes, and what the byte there is xor-ed with."""
    rng = random.Random(size)
    return [(rng.randrange(size), rng.randrange(1, 256)) for _ in range(PLACES)]


def assert_reads_whole_records(path, size, whole, **options):
    """Assert that a file of which the first `size` bytes are here has the rows of its records."""
    records = whole.record_at(size)
    rows = whole.rows_before[records]
    frame, messages = read(path, **options)
    assert_same_rows(frame, whole.frame[:rows], f"cut to {size} bytes")
    # One message says that a file is empty, or has no scalars yet; none says that it is damaged.
    assert len(messages) <= (rows == 0), f"cut to {size} bytes: {messages}"
    assert all("damage" not in message.replace(str(path), "") for message in messages)


def assert_reads_up_to_damage(path, place, whole, **options):
    """Assert that the rows before a flipped byte are read, and that the rest is reported."""
    record = whole.record_at(place)
    start = int(whole.starts[record])
    frame, messages = read(path, **options)
    assert_same_rows(frame, whole.frame[: whole.rows_before[record]], f"flip at {place}")
    assert len(messages) == 1, f"flip at {place}: {messages}"
    assert path.name in messages[0]
    assert {start, path.stat().st_size - start} <= numbers_in(messages[0], path), messages[0]


@pytest.mark.parametrize("cache", [False, True])
def test_truncated_anywhere(log, block_bytes, cache):
    """A file that is cut off has its whole records, and nothing is wrong with it."""
    whole = parse(MIXED)
    for size in cut_places(len(MIXED)):
        path = write_bytes(log.parent / str(size) / log.name, MIXED[:size])
        assert_reads_whole_records(path, size, whole, cache=cache)


@pytest.mark.parametrize("cache", [False, True])
def test_flipped_anywhere(log, block_bytes, cache):
    """One wrong byte anywhere ends the reading before its record, with a warning, every time."""
    whole = parse(MIXED)
    for place, mask in flips(len(MIXED)):
        path = write_bytes(log.parent / f"{place}_{mask}" / log.name, flipped(MIXED, place, mask))
        for _ in range(1 + cache):
            assert_reads_up_to_damage(path, place, whole, cache=cache)


def test_length_is_checked_by_itself(log):
    """A length that is wrong is damage, though the record seems to end behind the file."""
    whole = parse(MIXED)
    for start in whole.starts[:-1].tolist():
        for byte in range(12):
            path = write_bytes(log, flipped(MIXED, start + byte, 0x55))
            assert_reads_up_to_damage(path, start + byte, whole, cache=False)


@pytest.mark.parametrize("number", range(3))
def test_real_file_truncated_anywhere(real_log, log, number):
    """A recorded training that is cut off has its whole records."""
    data = sorted(real_log.iterdir())[number].read_bytes()
    whole = parse(data)
    log.parent.mkdir()
    # The longest first: the file is cut in place, not written again.
    log.write_bytes(data)
    for size in sorted(cut_places(len(data)), reverse=True):
        os.truncate(log, size)
        assert_reads_whole_records(log, size, whole, cache=False)


@pytest.mark.parametrize("number", range(3))
def test_real_file_flipped_anywhere(real_log, log, number):
    """One wrong byte in a recorded training ends the reading before its record."""
    data = sorted(real_log.iterdir())[number].read_bytes()
    whole = parse(data)
    write_bytes(log, data)
    for place, mask in flips(len(data)):
        overwrite(log, place, data[place] ^ mask)
        assert_reads_up_to_damage(log, place, whole, cache=False)
        overwrite(log, place, data[place])
    assert_reads_whole_records(log, len(data), whole, cache=False)


def overwrite(path, place, byte):
    """Write one byte into a file."""
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(bytes([byte]))


@pytest.mark.parametrize("zeros", [12, 16, 5000])
def test_zeros_at_the_end(log, zeros):
    """Zeros that a crashed file system left at the end are damage, not records."""
    whole = parse(MIXED)
    write_bytes(log, MIXED + bytes(zeros))
    assert_reads_up_to_damage(log, len(MIXED), whole)


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(b"\xff" * 9, id="no message"),
        pytest.param(Event(step=1).SerializeToString()[:-1], id="half a message"),
        pytest.param(
            values_event(1, tensor("bad", dtype=DT_FLOAT, tensor_content=b"1234567")),
            id="a tensor of 7 bytes",
        ),
        pytest.param(values_event(1, tensor("bad")), id="a tensor of no type"),
        pytest.param(values_event(1, tensor("bad", dtype=DT_FLOAT)), id="a tensor without values"),
        pytest.param(values_event(1, text("bad", b"x", "scalars")), id="a scalar that is text"),
    ],
)
def test_nonsense_with_a_right_checksum(log, nonsense):
    """A record that is whole but makes no sense loses no other row silently."""
    plain = values_event(4, scalar("a", 0.5))
    write_events(log, [VERSION, plain, plain, nonsense, plain])
    frame, messages = read(log)
    steps = frame.loc[frame["tag"] == "a", "step"].tolist()
    assert steps == [4, 4, 4] or (steps == [4, 4] and messages)


# --- files that grow or change, and the cache ---------------------------------------------------


def rewrite(path, data):
    """Replace a file; its modification time changes however coarse the file system's clock is."""
    before = path.stat().st_mtime
    path.write_bytes(data)
    os.utime(path, (before + 10, before + 10))


def test_cache_lies_where_it_should(log, cache_dir):
    """The cache is in $TMNET_CACHE_DIR and nowhere near the log; cache=False writes none."""
    write_bytes(log, MIXED)
    read(log, cache=False)
    read(log.parent, cache=False)
    assert not cache_dir.exists() or not list(cache_dir.iterdir())
    read(log)
    assert list(cache_dir.iterdir())
    assert list(log.parent.iterdir()) == [log]


def forbid_opening(path, monkeypatch):
    """From now on a file may not be opened, by any user on any system."""
    opened = open

    def guarded(file, *args, **kwargs):
        if not isinstance(file, int) and Path(os.fsdecode(file)) == path:
            raise PermissionError(13, "Permission denied", str(file))
        return opened(file, *args, **kwargs)

    monkeypatch.setattr("builtins.open", guarded)
    monkeypatch.setattr("io.open", guarded)  # pathlib's


def test_cache_is_used(log, monkeypatch):
    """A file that has not changed is not opened again, unless the cache is not wanted."""
    read(write_bytes(log, MIXED))
    forbid_opening(log, monkeypatch)
    frame, messages = read(log)
    assert_same_rows(frame, parse(MIXED).frame)
    assert not messages
    frame, messages = read(log, cache=False)
    assert len(frame) == 0
    assert len(messages) == 1


@pytest.mark.parametrize("cache", [False, True])
def test_growing_file(log, block_bytes, cache):
    """A file is read rightly at every size that it had, also when a record was half written."""
    whole = parse(MIXED)
    for attempt in range(15):
        path = write_bytes(log.parent / str(attempt) / log.name, b"")
        sizes = random.Random(attempt).sample(range(len(MIXED)), k=4)
        for size in [0, *sorted(sizes), len(MIXED)]:
            with open(path, "ab") as file:
                file.write(MIXED[path.stat().st_size : size])
            for _ in range(2):
                assert_reads_whole_records(path, size, whole, cache=cache)
        assert len(tmnet.read_scalars(path, cache=cache)) == len(whole.frame)


@pytest.mark.parametrize("kept", [0, 0.5, 1])
@pytest.mark.parametrize("size", ["shorter", "as long", "longer"])
def test_replaced_file(log, kept, size):
    """A file with other content is read anew, whatever its size and where it starts to differ."""
    events = [VERSION, *(values_event(i, scalar("loss", i)) for i in range(400))]
    old = event_bytes(events)
    n = {"shorter": 300, "as long": 401, "longer": 600}[size]
    same = min(round(kept * 400), n - 1)
    new = event_bytes(events[:same] + [values_event(i, scalar("lost", -i)) for i in range(same, n)])
    read(write_bytes(log, old))
    rewrite(log, new)
    frame, messages = read(log)
    assert_same_rows(frame, parse(new).frame)
    assert not messages


def test_one_value_replaced(log):
    """A file of the same size in which one value in the middle is another is read anew."""
    events = [VERSION, *(values_event(i, scalar("loss", i)) for i in range(400))]
    read(write_events(log, events))
    events[200] = values_event(199, scalar("loss", -1))
    rewrite(log, event_bytes(events))
    assert tmnet.read_scalars(log)["value"][199] == -1


def test_repaired_file(log):
    """A damaged file that was copied again is read anew, and its warning is gone."""
    whole = parse(MIXED)
    place = len(MIXED) // 2
    write_bytes(log, flipped(MIXED, place, 1))
    assert_reads_up_to_damage(log, place, whole)
    rewrite(log, MIXED)
    assert_reads_whole_records(log, len(MIXED), whole)


def test_damaged_file_that_grows(log):
    """What is written behind a damaged record is not read, and counts as not read."""
    whole = parse(MIXED)
    place, size = len(MIXED) // 3, len(MIXED) // 2
    write_bytes(log, flipped(MIXED, place, 1)[:size])
    assert_reads_up_to_damage(log, place, whole)
    with open(log, "ab") as file:
        file.write(MIXED[size:])
    assert_reads_up_to_damage(log, place, whole)


def test_files_of_one_name_and_size_and_time(tmp_path):
    """Two files are two files, though only their directories and their content differ."""
    for i in range(3):
        path = tmp_path / str(i) / "events.out.tfevents.1.host"
        write_events(path, [VERSION, values_event(1, scalar("loss", i))])
        os.utime(path, (1.7e9, 1.7e9))
        assert read(path)[0]["value"].tolist() == [i]


def random_bytes(data):
    """Random bytes, as many as there were."""
    return random.Random(0).randbytes(len(data))


def first_half(data):
    """Return the first half, as an interrupted copy leaves it."""
    return data[: len(data) // 2]


def nothing(data):
    """No bytes at all."""
    return b""


@pytest.mark.parametrize("damage", [nothing, random_bytes, first_half])
def test_damaged_cache_is_ignored(log, cache_dir, damage):
    """Whatever became of the cache files, the rows are those of the event file."""
    whole = parse(MIXED)
    half = int(whole.starts[20])
    read(write_bytes(log, MIXED[:half]))
    files = [path for path in cache_dir.rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(damage(path.read_bytes()))
    assert_reads_whole_records(log, half, whole)
    log.write_bytes(MIXED)
    assert_reads_whole_records(log, len(MIXED), whole)


def test_cache_that_cannot_be_written(log, cache_dir):
    """Reading works where the cache directory cannot be made."""
    cache_dir.write_text("a file, where the directory should be")
    assert_reads_like_protobuf(write_bytes(log, MIXED))


@pytest.mark.parametrize("pool", [ThreadPool, multiprocessing.get_context("spawn").Pool])
def test_readers_at_once(log, pool):
    """Several readers of one growing file, sharing its cache, all get its rows."""
    data = event_bytes(mixed_events(400))
    whole = parse(data)
    write_bytes(log, b"")
    with pool(4) as workers:
        for record in range(50, 401, 50):
            end = int(whole.starts[record])
            with open(log, "ab") as file:
                file.write(data[log.stat().st_size : end])
            for frame in workers.map(tmnet.read_scalars, [log] * 8, chunksize=1):
                assert_same_rows(frame, whole.frame[: whole.rows_before[record]], record)


def read_in_threads(paths):
    """Read every file in four threads that start at once and take turns as often as can be."""
    sys.setswitchinterval(1e-6)
    start = threading.Barrier(4)

    def read_together(path):
        start.wait()
        return tmnet.read_scalars(path, cache=False)

    with ThreadPool(4) as workers:
        return [workers.map(read_together, [path] * 4, chunksize=1) for path in paths]


def test_first_readers_at_once(log):
    """Threads that meet longer and longer records for the first time in a process agree."""
    paths = []
    for size in range(50, 800, 50):
        events = [values_event(i, scalar("x" * size, i)) for i in range(1, 5)]
        paths.append(write_events(log.parent / str(size) / log.name, events))
    with multiprocessing.get_context("spawn").Pool(1) as process:
        for path, frames in zip(paths, process.apply(read_in_threads, [paths]), strict=True):
            expected = parse(path.read_bytes()).frame
            for frame in frames:
                assert_same_rows(frame, expected, path)


# --- nothing to read ----------------------------------------------------------------------------


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


# --- a recorded training ------------------------------------------------------------------------


def test_recorded_training(real_log):
    """The recorded training has the rows that tbparse and protobuf find in it."""
    for _ in range(2):  # without and with a cache
        frame, messages = read(real_log)
        assert (len(frame), frame["tag"].nunique(), frame["value"].isna().sum()) == (58_553, 172, 6)
        assert len(messages) == 1  # the third file has only its version record
    rows = frame.itertuples(index=False, name=None)
    assert rows_by_tag(rows) == rows_by_tag(tbparse_rows(real_log))
    for path in sorted(real_log.iterdir()):
        assert_same_rows(read(path)[0], parse(path.read_bytes()).frame, path.name)
