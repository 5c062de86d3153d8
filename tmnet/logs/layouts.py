"""Layouts of records that hold one scalar each: in which column each of their fields lies.

Records of one length and one layout are rows of a matrix: (records, bytes of a frame) uint8.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tmnet.logs.records import HEADER

MOST_LAYOUTS = 8  # per record length; more than this is not worth matrices
LONGEST = 1024  # bytes of a record that has a layout; longer ones are rare, and left to protobuf

# Keys of protobuf: the number of a field, and the kind of what follows.
WALL, STEP, SUMMARY = 0x09, 0x10, 0x2A
VALUE = 0x0A
TAG, SIMPLE_VALUE, TENSOR, METADATA = 0x0A, 0x15, 0x42, 0x4A
PLUGIN = PLUGIN_NAME = 0x0A
DTYPE, SHAPE, CONTENT = 0x08, 0x12, 0x22
# Of a tensor's type: the key of one number, that of several (or one), and how they are stored.
NUMBERS = {b"\1": (0x2D, 0x2A, "<f4"), b"\2": (0x31, 0x32, "<f8")}
SHAPES = (b"", b"\x12\x02\x08\x01")  # of one number: no dimension, or one of size 1

# Odd numbers by which a tag's words are multiplied before they are added up to one.
_MIXING = np.random.default_rng(0).integers(2**62, size=LONGEST // 8, dtype=np.uint64) * 2 + 1

Span = tuple[int, int]  # first byte, byte behind the last, within a record's frame


@dataclass(frozen=True)
class Layout:
    """Where the fields of a one-scalar record lie."""

    wall: Span
    step: Span
    tag: Span
    value: Span
    dtype: str  # of the value

    def framing(self, size: int) -> np.ndarray:
        """Columns of the data that are the same in all records of this layout."""
        fixed = np.ones(size, bool)
        fixed[:HEADER] = fixed[-4:] = False
        for a, b in (self.wall, self.step, self.tag, self.value):
            fixed[a:b] = False
        fixed[self.step[0] + 9 : self.step[1]] = True  # of ten bytes the last can only be 1
        return np.flatnonzero(fixed)


def layouts(rows: np.ndarray) -> Iterator[tuple[Layout | None, np.ndarray]]:
    """Split records of one length by layout: yield (layout, row numbers); None for no layout."""
    left = np.arange(len(rows))
    for _ in range(MOST_LAYOUTS):
        first = rows[left[0]]
        layout = _layout(first[HEADER:-4].tobytes())
        if layout is None:
            break
        framing = layout.framing(rows.shape[1])
        here = rows if len(left) == len(rows) else rows[left]
        same = (here[:, framing] == first[framing]).all(axis=1)
        # The step is a varint: the top bit of a byte says whether another follows.
        a, b = layout.step
        same &= ((here[:, a:b] & 0x80) == (first[a:b] & 0x80)).all(axis=1)
        yield layout, left[same]
        left = left[~same]
        if not len(left):
            return
    yield None, left


def _layout(data: bytes) -> Layout | None:
    """Layout of a record that holds exactly one scalar, or None."""
    if len(data) > LONGEST:
        return None
    try:
        event = _fields(data, (0, len(data)))
        if not {WALL, SUMMARY} <= event.keys() <= {WALL, STEP, SUMMARY}:
            return None
        summary = _fields(data, event[SUMMARY])
        value = _fields(data, summary[VALUE]) if summary.keys() == {VALUE} else {}
        if value.keys() == {TAG, SIMPLE_VALUE}:
            number, dtype = value[SIMPLE_VALUE], "<f4"
        elif value.keys() == {TAG, TENSOR, METADATA}:
            plugin = _fields(data, _fields(data, value[METADATA])[PLUGIN])
            if data[slice(*plugin[PLUGIN_NAME])] != b"scalars":
                return None
            number, dtype = _number(data, _fields(data, value[TENSOR]))
        else:
            return None
        wall, step, tag = event[WALL], event.get(STEP, (0, 0)), value[TAG]
    except (KeyError, IndexError, ValueError):
        return None
    if number[1] - number[0] != int(dtype[-1]) or tag[0] == tag[1]:
        return None
    # What protobuf would not take has no layout, either, whatever its tag.
    if not _is_event(data[: tag[0]] + bytes(tag[1] - tag[0]) + data[tag[1] :]):
        return None
    wall, step, tag, number = ((a + HEADER, b + HEADER) for a, b in (wall, step, tag, number))
    return Layout(wall, step, tag, number, dtype)


def _number(data: bytes, tensor: dict[int, Span]) -> tuple[Span, str]:
    """Where the one number of a tensor lies, and its type; KeyError where that is not so."""
    one, several, dtype = NUMBERS[data[slice(*tensor[DTYPE])]]
    (key,) = tensor.keys() - {DTYPE, SHAPE}
    if key not in (one, several, CONTENT):
        raise KeyError
    if data[slice(*tensor.get(SHAPE, (0, 0)))] not in SHAPES:
        raise KeyError
    return tensor[key], dtype


def _is_event(data: bytes) -> bool:
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    try:
        Event.FromString(data)
    except DecodeError:
        return False
    return True


def _fields(data: bytes, span: Span) -> dict[int, Span]:
    """Payload spans of a protobuf message by key; ValueError where one repeats, or is long."""
    spans: dict[int, Span] = {}
    pos, end = span
    while pos < end:
        key = data[pos]
        a = pos = pos + 1
        wire = key & 7
        if wire == 0:
            _, pos = _read_varint(data, pos)
        elif wire == 2:
            size, a = _read_varint(data, pos)
            pos = a + size
        else:
            pos += {1: 8, 5: 4}[wire]
        if key >= 0x80 or key in spans or pos > end:
            raise ValueError
        spans[key] = (a, pos)
    return spans


def _read_varint(data: bytes, pos: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[pos]
        number |= (byte & 0x7F) << shift
        pos, shift = pos + 1, shift + 7
        if byte < 0x80:
            return number, pos


# --- columns ------------------------------------------------------------------------------------


def read_column(rows: np.ndarray, span: Span, dtype: str) -> np.ndarray:
    """A field of every row, viewed in place: rows (n, bytes) -> (n,)."""
    size = rows.shape[1]
    whole = np.dtype({"names": ["x"], "formats": [dtype], "offsets": [span[0]], "itemsize": size})
    return rows.view(whole)["x"][:, 0]


def read_varints(rows: np.ndarray, span: Span) -> np.ndarray:
    number = np.zeros(len(rows), np.uint64)
    for i, column in enumerate(range(*span)):
        number |= (rows[:, column] & 0x7F).astype(np.uint64) << np.uint64(7 * i)
    return number.view(np.int64)


def distinct_tags(rows: np.ndarray, span: Span) -> tuple[np.ndarray, np.ndarray]:
    """Number the distinct tags: (number of every row, the first row of every number)."""
    import pandas as pd

    a, b = span
    words = np.zeros((len(rows), -(-(b - a) // 8)), np.uint64)  # eight bytes of a tag each
    words.view(np.uint8)[:, : b - a] = rows[:, a:b]
    code = pd.factorize(words @ _MIXING[: words.shape[1]])[0]
    first = _first_rows(code)
    if not (words[first[code]] == words).all():  # two tags have one sum
        code = np.unique(words, axis=0, return_inverse=True)[1]
        first = _first_rows(code)
    return code, first


def _first_rows(code: np.ndarray) -> np.ndarray:
    first = np.empty(code.max() + 1, np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return first


@functools.cache
def crc_tables() -> np.ndarray:
    """What a byte adds to the CRC-32C of a message: (bytes that follow it, its value) uint32."""
    tables = np.empty((LONGEST, 256), np.uint32)
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = table >> np.uint32(1) ^ (table & np.uint32(1)) * np.uint32(0x82F63B78)
    tables[0] = table
    for behind in range(1, LONGEST):
        last = tables[behind - 1]
        tables[behind] = last >> 8 ^ table[last & 0xFF]
    return tables
