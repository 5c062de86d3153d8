"""Event files for the tests, written and read.

What a file holds is computed here a second time, slowly: one record after the other, each
parsed by protobuf.
"""

import io
import os
import random
import re
import struct
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from tbparse import SummaryReader
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import (
    HistogramProto,
    Summary,
    SummaryMetadata,
)
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT, DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_ndarray

import tmnet
from tmnet.logs.scalars import reading

COLUMNS = ["tag", "step", "wall_time", "value"]
LONG_TAG = "Gradients/" + "layer/" * 30 + "weight"  # more than 127 bytes
VERSION = Event(wall_time=1.7e9, file_version="brain.Event:2")


# --- writing ------------------------------------------------------------------------------------


def event_bytes(events):
    """Bytes of an event file that holds `events`: Event protos, or their serialized bytes."""
    file = io.BytesIO()
    writer = RecordWriter(file)
    for event in events:
        writer.write(event if isinstance(event, bytes) else event.SerializeToString())
    return file.getvalue()


def write_events(path, events):
    """Write an event file and the directory it lies in; return its path."""
    return write_bytes(path, event_bytes(events))


def write_bytes(path, data):
    """Write a file and the directory it lies in; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def values_event(step, *values, wall=None):
    """Event of several summary values."""
    wall = 1.7e9 + step / 7 if wall is None else wall
    return Event(step=step, wall_time=wall, summary=Summary(value=values))


def scalar(tag, value):
    """Summary value in the old style."""
    return Summary.Value(tag=tag, simple_value=value)


def tensor(tag, plugin="scalars", **fields):
    """Summary value in the new style; without metadata where `plugin` is empty."""
    value = Summary.Value(tag=tag, tensor=TensorProto(**fields))
    if plugin:
        value.metadata.CopyFrom(
            SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
        )
    return value


def tf2_scalar(tag, value, plugin="scalars"):
    """Summary value as TensorFlow 2 lays it out: raw content, an empty shape."""
    return tensor(
        tag,
        plugin,
        dtype=DT_FLOAT,
        tensor_shape=TensorShapeProto(),
        tensor_content=struct.pack("<f", value),
    )


def float_scalar(tag, value):
    """Summary value as torch writes it with ``new_style=True``."""
    return tensor(tag, dtype=DT_FLOAT, float_val=[value])


def double_scalar(tag, value):
    """Summary value as torch writes it with ``new_style=True, double_precision=True``."""
    return tensor(tag, dtype=DT_DOUBLE, double_val=[value])


def text(tag, words, plugin="text"):
    """Summary value that holds text."""
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    return tensor(tag, plugin, dtype=DT_STRING, string_val=[words], tensor_shape=shape)


def session(step, status=SessionLog.START, wall=1.7e9):
    """Event of a writer that begins at a step, or of one that ends."""
    return Event(step=step, wall_time=wall, session_log=SessionLog(status=status))


def histogram(tag):
    """Summary value that holds an old histogram."""
    histo = HistogramProto(min=0, max=2, num=3, sum=3, bucket_limit=[1, 2], bucket=[1, 2])
    return Summary.Value(tag=tag, histo=histo)


def tf2_histogram(tag):
    """Summary value that holds a histogram as TensorFlow 2 lays it out."""
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1), TensorShapeProto.Dim(size=3)])
    content = struct.pack("<3d", 0, 2, 3)
    return tensor(tag, "histograms", dtype=DT_DOUBLE, tensor_shape=shape, tensor_content=content)


def image(tag, size):
    """Summary value that holds an image of `size` bytes."""
    png = random.Random(size).randbytes(size)
    return Summary.Value(
        tag=tag,
        image=Summary.Image(height=4, width=4, colorspace=3, encoded_image_string=png),
    )


def mixed_events(n=40, seed=0, image_bytes=50):
    """`n` events of all layouts, as different writers would have written them into one file."""
    rng = random.Random(seed)
    # The metadata of a tag comes with its first event only.
    events = [
        VERSION,
        values_event(0, scalar("loss", 1.5)),
        values_event(0, tf2_scalar("tf2/loss", 2.5), text("config", b"lr: 1e-3")),
    ]
    step = 0
    while len(events) < n:
        step = max(-3, step + rng.choice([-2, 0, 1, 200, 2**31]))
        number = rng.choice([rng.gauss(0, 1), 0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40])
        layouts = [
            [scalar("loss", number)],
            [scalar(LONG_TAG, number)],
            [scalar("Größe/Å 測定", number)],
            [scalar("x", number), scalar("y z", -number), scalar("x", 3)],
            [tf2_scalar("tf2/loss", number, plugin="")],
            [tf2_scalar("tf2/other", number), scalar("loss", number)],
            [float_scalar("torch/new", number)],
            [double_scalar("torch/double", number)],
            [text("config", b"more text", plugin="")],
            [histogram("weights"), scalar("y z", number)],
            [tf2_histogram("tf2/weights")],
            [image("frame", image_bytes)],
            [],
        ]
        events.append(values_event(step, *layouts[(len(events) * 5) % len(layouts)]))
    events[n // 2] = Event(wall_time=1.7e9, session_log=SessionLog(status=SessionLog.START))
    events[n // 3] = Event(wall_time=1.7e9, graph_def=b"a graph")
    return events


# --- reading ------------------------------------------------------------------------------------


class Parsed(NamedTuple):
    """An event file parsed record by record."""

    starts: np.ndarray  # offset of every record, and the end of the last
    rows_before: np.ndarray  # number of scalars before each of `starts`
    frame: pd.DataFrame
    sessions: list  # (scalars before it, step) of every record that says that a writer began

    def record_at(self, offset):
        """Return the number of the record that the byte at `offset` belongs to."""
        return int(np.searchsorted(self.starts, offset, "right")) - 1


def parse(data):
    """Parse the bytes of an undamaged event file with protobuf."""
    starts, rows, rows_before, scalar_tags, sessions = [0], [], [0], set(), []
    while starts[-1] < len(data):
        (size,) = struct.unpack_from("<Q", data, starts[-1])
        begin = starts[-1] + 12
        event = Event.FromString(data[begin : begin + size])
        if event.HasField("session_log") and event.session_log.status == SessionLog.START:
            sessions.append((len(rows), event.step))
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                scalar_tags.add(value.tag)
            if value.HasField("simple_value"):
                number = value.simple_value
            elif value.HasField("tensor") and value.tag in scalar_tags:
                number = make_ndarray(value.tensor).item()
            else:
                continue
            rows.append((value.tag, event.step, event.wall_time, number))
        starts.append(begin + size + 4)
        rows_before.append(len(rows))
    assert starts[-1] == len(data)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame = frame.astype({"tag": object, "step": "int64", "wall_time": float, "value": float})
    return Parsed(np.array(starts), np.array(rows_before), frame, sessions)


def read(path, **options):
    """Read scalars; return the frame and the messages of the LogWarnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = tmnet.read_scalars(path, **options)
    return frame, [str(w.message) for w in caught if issubclass(w.category, tmnet.LogWarning)]


def read_one(path, cache=False):
    """Read one event file; return what it held, and the notes."""
    with reading([path], cache) as reader:
        files, notes = reader.read([path])
    return files[0].events, notes


def assert_same_rows(got, expected, case=""):
    """Assert that two frames hold the same rows in the same order; NaN is NaN, -0.0 is not 0.0."""
    assert list(got.columns) == COLUMNS
    assert isinstance(got["tag"].dtype, pd.CategoricalDtype)
    assert [str(dtype) for dtype in got.dtypes[1:]] == ["int64", "float64", "float64"]
    assert len(got) == len(expected), case
    assert set(got["tag"].cat.categories) == set(expected["tag"]), case
    for name in COLUMNS:
        a, b = (np.asarray(frame[name]) for frame in (got, expected))
        if name == "tag":
            same = a == b
        else:
            same = (a == b) & (np.signbit(a) == np.signbit(b)) | (a != a) & (b != b)
        assert np.all(same), f"{name} differs from row {np.flatnonzero(~same)[0]} on {case}"


MIXED = event_bytes(mixed_events())


def assert_reads_like_protobuf(path):
    """Assert that a whole file is read without a warning, the same with and without the cache."""
    expected = parse(path.read_bytes()).frame
    for options in ({"cache": False}, {"cache": True}, {"cache": True}):
        frame, messages = read(path, **options)
        assert_same_rows(frame, expected, options)
        assert not messages


def numbers_in(message, path):
    """Whole numbers that a message holds outside of the path and the name of the file."""
    rest = message.replace(str(path), "").replace(path.name, "")
    return {int(number.replace(",", "")) for number in re.findall(r"\d+(?:,\d{3})*", rest)}


def flipped(data, place, mask):
    """Copy of `data` with some bits of one byte changed."""
    return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


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


def forbid_opening(path, monkeypatch):
    """From now on a file may not be opened, by any user on any system."""
    opened = open

    def guarded(file, *args, **kwargs):
        if not isinstance(file, int) and Path(os.fsdecode(file)) == path:
            raise PermissionError(13, "Permission denied", str(file))
        return opened(file, *args, **kwargs)

    monkeypatch.setattr("builtins.open", guarded)
    monkeypatch.setattr("io.open", guarded)  # pathlib's


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
