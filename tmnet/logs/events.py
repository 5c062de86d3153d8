"""TensorBoard event files: exact scalars, in the order written, every checksum verified.

An event file is a chain of records ``length u64 | crc u32 | data | crc u32``; the data is one
``Event`` protobuf. A training writes the same few kinds of record a million times over, so
records of one length and one layout are taken out of a block as rows of a matrix, in which
every field sits in a fixed column. Whatever has no such layout is parsed by protobuf.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import google_crc32c
import numpy as np

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

BLOCK_BYTES = 16 * 2**20
HEADER = 12  # length and its checksum
FRAME = 16  # header and the checksum of the data
MOST_LAYOUTS = 8  # per record length; more than this is not worth matrices
LONGEST = 1024  # bytes of a record that has a layout; longer ones are rare, and left to protobuf


Scalar = tuple[int, int, int, float, float]  # record, code, step, wall time, value


@dataclass
class Events:
    """The scalars of (a part of) one event file, in the order written.

    Attributes
    ----------
    tags : list of str
        The distinct tags.
    code : ndarray of int32
        Index into `tags`, one per scalar. `step` (int64), `wall_time` (float64, s) and `value`
        (float64) are parallel to it.
    end : int
        Offset behind the last whole record; reading can go on from there.
    first_wall, last_wall : float
        Wall time (s) of the earliest record of any kind, and of the latest that is not a
        version record; infinities where there is none.
    texts : list of (int, int)
        Offset and size of the records that hold text or hyperparameters.
    sessions : list of (int, int)
        Where a writer began and says that what was logged before, at its step or above, is void
        (``SummaryWriter(purge_step=…)``): how many scalars of this file come before, and the step.
    damage : int or None
        Offset of the first record that fails its checksum; nothing behind it was read.
    """

    tags: list[str] = field(default_factory=list)
    code: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    step: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    wall_time: np.ndarray = field(default_factory=lambda: np.empty(0, np.float64))
    value: np.ndarray = field(default_factory=lambda: np.empty(0, np.float64))
    end: int = 0
    first_wall: float = np.inf
    last_wall: float = -np.inf
    texts: list[tuple[int, int]] = field(default_factory=list)
    sessions: list[tuple[int, int]] = field(default_factory=list)
    damage: int | None = None


def read_events(
    path: Path, before: Events | None = None, progress: Callable[[int], object] = lambda _: None
) -> Events:
    """Read the scalars of an event file.

    Parameters
    ----------
    path : Path
        One event file.
    before : Events, optional
        What an earlier reading of the same file returned; only bytes behind `before.end` are
        read, and the result holds both.
    progress : callable, optional
        Called with the number of bytes of each block that has been read.

    Raises
    ------
    OSError
        If the file cannot be opened or read.
    """
    before = before or Events()
    reader = _Reader(before)
    parts = [before]
    with open(path, "rb") as file:
        file.seek(before.end)
        for block, start in _blocks(file, reader):
            parts.append(reader.decode(block, start))
            progress(reader.end - start)
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("code", "step", "wall_time", "value")
    }
    behind = np.cumsum([0, *(len(part.code) for part in parts)]).tolist()
    return Events(
        tags=list(reader.codes),
        **columns,
        end=reader.end,
        first_wall=min(part.first_wall for part in parts),
        last_wall=max(part.last_wall for part in parts),
        texts=[text for part in parts for text in part.texts],
        sessions=[(n + i, step) for n, part in zip(behind, parts) for i, step in part.sessions],
        damage=reader.damage,
    )


def _blocks(file: BinaryIO, reader: _Reader) -> Iterator[tuple[np.ndarray, int]]:
    """Yield (bytes, offset of the first) until the end of the file or the first damage.

    Every block starts with a whole record: what the reader left of the last one comes first.
    """
    rest, wanted = b"", BLOCK_BYTES
    while reader.damage is None and (new := file.read(wanted)):
        block, start = rest + new, reader.end
        yield np.frombuffer(block, np.uint8), start
        rest = block[reader.end - start :]
        # A record longer than a block needs a longer one; 0 bytes were used then.
        wanted = BLOCK_BYTES if len(rest) < BLOCK_BYTES else len(block)


class _Reader:
    """Decodes one file block by block; holds what one block must know of those before it."""

    def __init__(self, before: Events):
        self.codes = {tag: code for code, tag in enumerate(before.tags)}
        self.end = before.end
        self.damage: int | None = None

    def decode(self, block: np.ndarray, offset: int) -> Events:
        """Decode the whole records at the start of `block`, which lies at `offset` in the file."""
        starts, lengths, rest, damaged = _frames(block)
        before = dict(self.codes)
        out, whole = self._decode_records(block, offset, starts, lengths)
        if whole < len(starts):  # forget what the damaged record and those behind it seemed to be
            self.codes, rest, damaged = before, int(starts[whole]), True
            out, _ = self._decode_records(block, offset, starts[:whole], lengths[:whole])
        self.end = offset + rest
        if damaged:
            self.damage = self.end
        return out

    def _decode_records(
        self, block: np.ndarray, offset: int, starts: np.ndarray, lengths: np.ndarray
    ) -> tuple[Events, int]:
        """Events of the given records, and the number of the first that is damaged."""
        n = bad = len(starts)
        code = np.full(n, -1, np.int32)
        step, wall, value = np.empty(n, np.int64), np.empty(n), np.empty(n)
        parse = []  # numbers of the records that are left to protobuf
        for rows, records in _groups_of_one_length(block, starts, lengths):
            good = np.ones(len(rows), bool)
            stored = _column(rows, (rows.shape[1] - 4, rows.shape[1]), "<u4")
            for layout, which in _layouts(rows):
                if layout is None:
                    parse.append(records[which])
                    continue
                group, numbers = rows[which], records[which]
                code[numbers], crc = self._codes_and_crcs(group, layout)
                good[which] &= crc == stored[which]
                step[numbers] = _varint(group, layout.step)
                wall[numbers] = _column(group, layout.wall, "<f8")
                with np.errstate(invalid="ignore"):  # signalling NaNs are values, too
                    value[numbers] = _column(group, layout.value, layout.dtype)
            bad = min([bad, *records[~good][:1]])
        out = Events()
        parsed, bad = self._parse(block, offset, starts, lengths, parse, bad, out)
        kept = np.flatnonzero(code >= 0)
        columns = [array[kept] for array in (code, step, wall, value)]
        if parsed:
            record, *more = (np.array(x, t) for x, t in zip(zip(*parsed), "iiqdd"))
            order = np.argsort(np.concatenate([kept, record]), kind="stable")
            columns = [np.concatenate(pair)[order] for pair in zip(columns, more)]
            kept = np.concatenate([kept, record])[order]
        # Until here, a session stands behind a number of records.
        out.sessions = [(int(np.searchsorted(kept, i)), step) for i, step in out.sessions]
        out.code, out.step, out.wall_time, out.value = columns
        out.first_wall = min(out.first_wall, out.wall_time.min(initial=np.inf))
        out.last_wall = max(out.last_wall, out.wall_time.max(initial=-np.inf))
        return out, bad

    def _parse(
        self,
        block: np.ndarray,
        offset: int,
        starts: np.ndarray,
        lengths: np.ndarray,
        records: list[np.ndarray],
        bad: int,
        out: Events,
    ) -> tuple[list[Scalar], int]:
        """Scalars of the records without a layout.

        Notes walls, texts and sessions in `out`. Returns the scalars and the first damaged record.
        """
        from google.protobuf.message import DecodeError
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        scalars: list[Scalar] = []
        for record in np.sort(np.concatenate(records)) if records else ():
            a = int(starts[record]) + HEADER
            b = a + int(lengths[record])
            data = block[a:b].tobytes()
            try:
                if _masked_crc(data) != int.from_bytes(block[b : b + 4].tobytes(), "little"):
                    raise DecodeError
                event = Event.FromString(data)
            except DecodeError:
                return scalars, min(bad, record)
            out.first_wall = min(out.first_wall, event.wall_time)
            if event.WhichOneof("what") != "file_version":
                out.last_wall = max(out.last_wall, event.wall_time)
            if event.session_log.status == SessionLog.START:
                out.sessions.append((int(record), event.step))
            for tag, number in self._scalars(event):
                scalars.append((record, self._code(tag), event.step, event.wall_time, number))
            plugins = {value.metadata.plugin_data.plugin_name for value in event.summary.value}
            if plugins & {"text", "hparams"}:
                out.texts.append((offset + a - HEADER, b - a + FRAME))
        return scalars, bad

    def _code(self, tag: str) -> int:
        return self.codes.setdefault(tag, len(self.codes))

    def _codes_and_crcs(self, rows: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
        """Tag codes and checksums of records of one layout.

        CRC-32C is linear over GF(2): two records that differ only in their clock, step and value
        have checksums that differ by the exclusive or of what the differing bytes contribute.
        So one checksum per tag is computed in full, the others by table look-up.
        """
        local, first = _distinct_tags(rows, layout.tag)
        size = rows.shape[1] - FRAME
        varying = np.zeros(len(rows), np.uint32)
        for span in (layout.wall, layout.step, layout.value):
            for column in range(*span):
                behind = size - 1 - (column - HEADER)  # bytes of the data that follow
                varying ^= _crc_tables()[behind][rows[:, column]]
        base = np.empty(len(first), np.uint32)
        codes = np.empty(len(first), np.int32)
        for i, row in enumerate(first):
            data = rows[row, HEADER:-4].tobytes()
            base[i] = google_crc32c.value(data) ^ int(varying[row])
            tag = data[layout.tag[0] - HEADER : layout.tag[1] - HEADER]
            codes[i] = self._code(tag.decode("utf-8", "replace"))
        return codes[local], _mask(base[local] ^ varying)

    def _scalars(self, event: Event) -> Iterator[tuple[str, float]]:
        """Yield (tag, number) of the scalars among an event's summary values."""
        from tensorboard.util.tensor_util import make_ndarray

        for value in event.summary.value:
            kind = value.WhichOneof("value")
            if kind == "simple_value":
                yield value.tag, value.simple_value
            elif kind == "tensor":
                # Writers may leave the metadata out after a tag's first event.
                plugin = value.metadata.plugin_data.plugin_name
                if plugin == "scalars" or (not plugin and value.tag in self.codes):
                    try:
                        array = make_ndarray(value.tensor)
                    except (TypeError, ValueError):
                        continue  # not a tensor that TensorBoard could read, either
                    if array.size == 1 and array.dtype.kind in "fiu":
                        yield value.tag, float(array.item())


# --- frames -------------------------------------------------------------------------------------


def _frames(block: np.ndarray) -> tuple[np.ndarray, np.ndarray, int, bool]:
    """Starts and lengths of the whole records of a block, where the rest begins, is it damaged.

    The rest is not damaged where a record goes on behind the block's end: in the next block, or
    in what its training has yet to write.
    """
    import pandas as pd  # not where all is in the cache: to load it takes longer than to read that

    size = len(block)
    data, length_at = block.data, struct.Struct("<Q").unpack_from
    found: list[int] = []
    pos, add = 0, found.append
    while pos + HEADER <= size:
        add(pos)
        pos += length_at(data, pos)[0] + FRAME
    starts = np.array(found, np.int64)
    if not len(starts):
        return starts, starts, 0, False
    headers = np.ndarray((size - HEADER + 1,), [("length", "<u8"), ("crc", "<u4")], block, 0, (1,))
    headers = headers[starts]
    which, distinct = pd.factorize(np.ascontiguousarray(headers["length"]))
    expected = np.array([_masked_crc(length.tobytes()) for length in distinct], np.uint32)
    wrong = np.flatnonzero(headers["crc"] != expected[which])
    whole, rest = len(starts), pos
    if len(wrong):
        whole = int(wrong[0])
    elif pos > size:
        whole -= 1
    if whole < len(starts):
        rest = int(starts[whole])
    return starts[:whole], headers["length"][:whole].astype(np.int64), rest, len(wrong) > 0


def _groups_of_one_length(
    block: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (rows (records, frame bytes) uint8, record numbers) for each length of record."""
    if not len(starts):
        return
    short = lengths.astype(np.uint16) if lengths.max() < 2**16 else lengths  # 16 bits sort faster
    order = np.argsort(short, kind="stable")
    for records in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
        size = int(lengths[records[0]]) + FRAME
        # Overlapping rows, one beginning at every byte; taking some copies whole rows at a time.
        rows = np.ndarray((len(block) - size + 1,), f"V{size}", block, strides=(1,))
        yield rows[starts[records]].view(np.uint8).reshape(-1, size), records


# --- layouts ------------------------------------------------------------------------------------

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
        return np.flatnonzero(fixed)


def _layouts(rows: np.ndarray) -> Iterator[tuple[Layout | None, np.ndarray]]:
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
        event = _fields(data, 0, len(data))
        if not {1, 5} <= event.keys() <= {1, 2, 5}:
            return None
        summary = _fields(data, *event[5])
        value = _fields(data, *summary[1]) if summary.keys() == {1} else {}
        if value.keys() == {1, 2}:  # tag, simple_value
            number, dtype = value[2], "<f4"
        elif value.keys() == {1, 8, 9}:  # tag, tensor, metadata
            if b"\x0a\x07scalars" not in data[slice(*value[9])]:  # the plugin's name
                return None
            tensor = _fields(data, *value[8])
            kind = data[slice(*tensor[1])]
            numbers, dtype = {b"\1": (5, "<f4"), b"\2": (6, "<f8")}[kind]
            # One number, packed or as raw content; the shape is checked by its size.
            number = tensor.get(numbers) or tensor[4]
            if tensor.keys() - {1, 2} not in ({numbers}, {4}):
                return None
        else:
            return None
    except (KeyError, IndexError, ValueError):
        return None
    spans = (event[1], event.get(2, (0, 0)), value[1], number)
    wall, step, tag, number = ((a + HEADER, b + HEADER) for a, b in spans)
    if wall[1] - wall[0] != 8 or number[1] - number[0] != int(dtype[-1]) or tag[0] == tag[1]:
        return None
    return Layout(wall, step, tag, number, dtype)


def _fields(data: bytes, pos: int, end: int) -> dict[int, Span]:
    """Payload spans of a protobuf message by field number; ValueError where one repeats."""
    spans: dict[int, Span] = {}
    while pos < end:
        key, pos = _read_varint(data, pos)
        number, wire = key >> 3, key & 7
        a = pos
        if wire == 0:
            _, pos = _read_varint(data, pos)
        elif wire == 2:
            size, a = _read_varint(data, pos)
            pos = a + size
        else:
            pos += {1: 8, 5: 4}[wire]
        if number in spans or pos > end:
            raise ValueError
        spans[number] = (a, pos)
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


def _column(rows: np.ndarray, span: Span, dtype: str) -> np.ndarray:
    """A field of every row, viewed in place: rows (n, bytes) -> (n,)."""
    size = rows.shape[1]
    whole = np.dtype({"names": ["x"], "formats": [dtype], "offsets": [span[0]], "itemsize": size})
    return rows.view(whole)["x"][:, 0]


def _varint(rows: np.ndarray, span: Span) -> np.ndarray:
    number = np.zeros(len(rows), np.uint64)
    for i, column in enumerate(range(*span)):
        number |= (rows[:, column] & 0x7F).astype(np.uint64) << np.uint64(7 * i)
    return number.view(np.int64)


def _distinct_tags(rows: np.ndarray, span: Span) -> tuple[np.ndarray, np.ndarray]:
    """Number the distinct tags: (number of every row, the first row of every number).

    Tags are compared eight bytes at a time. (The one window of a tag shorter than that reaches
    into the framing before it, which is the same in all rows, or, for a tag of one letter, into
    the step: then a tag may get several numbers, which does no harm.)
    """
    import pandas as pd

    a, b = span
    code = np.zeros(len(rows), np.int64)
    for at in [*range(a, b - 8, 8), b - 8]:
        word = _column(rows, (at, at + 8), "<u8")
        if (word == word[0]).all():
            continue
        number, distinct = pd.factorize(np.ascontiguousarray(word))
        code = pd.factorize(code * len(distinct) + number)[0]
    first = np.empty(code.max() + 1, np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return code, first


# --- checksums ----------------------------------------------------------------------------------


def _mask(crc):
    """The form in which a checksum is stored, so that it is not one of its own record."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _masked_crc(data: bytes) -> int:
    return _mask(google_crc32c.value(data))


@functools.cache
def _crc_tables() -> np.ndarray:
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
