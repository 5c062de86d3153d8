"""TensorBoard event files: exact scalars, in the order written, every checksum verified.

A training writes the same few kinds of record a million times over, so records of one length and
one layout are taken out of a block as rows of a matrix, in which every field sits in a fixed
column. Whatever has no such layout is parsed by protobuf.
"""

from __future__ import annotations

import functools
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import google_crc32c
import numpy as np

from tmnet.logs.layouts import (
    Layout,
    crc_tables,
    distinct_tags,
    layouts,
    read_column,
    read_varints,
)
from tmnet.logs.records import FRAME, HEADER, frames, groups_of_one_length, mask, masked_crc

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

BLOCK_BYTES = 16 * 2**20
LARGEST = 64 * 2**20  # bytes of a record; protobuf takes several times as much memory
LONGEST_TAG = 100_000  # characters

NO_EVENT = "records that are no events of TensorBoard, though their checksums are right"
TOO_LARGE = f"records of more than {LARGEST >> 20} MiB"
LONG_TAG = f"scalars with a tag of more than {LONGEST_TAG:,} characters"
NO_NUMBER = "scalars that are no numbers"

NO_TEXT = -2  # in place of a tag's code: it is not UTF-8, which protobuf requires


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
    left_out : Counter
        What was left out, and how often.
    damage : int or None
        Offset of the first record that fails its checksum; nothing behind it was read.
    unfinished : int
        Size that the record at `end` says to have, where that is very large and only the beginning
        is there; else 0.
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
    left_out: Counter[str] = field(default_factory=Counter)
    damage: int | None = None
    unfinished: int = 0


def read_events(
    file: BinaryIO,
    size: int,
    before: Events | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Events:
    """Read the scalars of an event file.

    Parameters
    ----------
    file : file object
        One event file.
    size : int
        How many bytes of it are read at most.
    before : Events, optional
        What an earlier reading of the same file returned; only bytes behind `before.end` are
        read, and the result holds both.
    progress : callable, optional
        Called with the number of bytes of each block that has been read.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    before = before or Events()
    reader = _Reader(before)
    parts = [before]
    reached = before.end
    for block in _blocks(file, size, reader):
        parts.append(reader.decode(block))
        progress(reader.end - reached)
        reached = reader.end
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
        left_out=sum((part.left_out for part in parts), reader.left_out),
        damage=reader.damage,
        unfinished=reader.unfinished,
    )


def _blocks(file: BinaryIO, size: int, reader: _Reader) -> Iterator[np.ndarray]:
    """Yield bytes until the end of the file or the first damage.

    Every block starts with a whole record: what the reader left of the last one comes first.
    """
    rest = b""
    file.seek(reader.end)
    while reader.damage is None:
        wanted = BLOCK_BYTES
        if len(rest) >= HEADER:  # the beginning of a record, of which the length is right
            record = FRAME + int.from_bytes(rest[:8], "little")
            if record > size - reader.end:
                reader.unfinished = record if record > LARGEST else 0
                return
            if record > LARGEST:
                reader.left_out[TOO_LARGE] += 1
                reader.end += record
                file.seek(reader.end)
                rest = b""
            else:
                wanted = max(wanted, record - len(rest))
        block, start = rest + file.read(min(wanted, size - reader.end - len(rest))), reader.end
        if len(block) == len(rest):
            return
        rest = b""  # it is in the block
        yield np.frombuffer(block, np.uint8)
        rest = block[reader.end - start :]


class _Reader:
    """Decodes one file block by block; holds what one block must know of those before it."""

    def __init__(self, before: Events):
        self.codes = {tag: code for code, tag in enumerate(before.tags)}
        self.end = before.end
        self.left_out: Counter[str] = Counter()
        self.damage: int | None = None
        self.unfinished = 0

    def decode(self, block: np.ndarray) -> Events:
        """Decode the whole records at the start of a block that begins where the last ended."""
        starts, lengths, rest, damaged = frames(block)
        before = dict(self.codes)
        out, whole = self._decode_records(block, starts, lengths)
        if whole < len(starts):  # forget what the damaged record and those behind it seemed to be
            self.codes, rest, damaged = before, int(starts[whole]), True
            out, _ = self._decode_records(block, starts[:whole], lengths[:whole])
        self.end += rest
        if damaged:
            self.damage = self.end
        return out

    def _decode_records(
        self, block: np.ndarray, starts: np.ndarray, lengths: np.ndarray
    ) -> tuple[Events, int]:
        """Events of the given records, and the number of the first that is damaged."""
        n = bad = len(starts)
        self.known = len(self.codes)
        code = np.full(n, -1, np.int32)
        step, wall, value = np.empty(n, np.int64), np.empty(n), np.empty(n)
        out = Events()
        parse = [np.empty(0, np.int64)]  # numbers of the records that are left to protobuf
        for rows, records in groups_of_one_length(block, starts, lengths):
            good = np.ones(len(rows), bool)
            stored = read_column(rows, (rows.shape[1] - 4, rows.shape[1]), "<u4")
            for layout, which in layouts(rows):
                if layout is None:
                    parse.append(records[which])
                    continue
                group, numbers = rows[which], records[which]
                code[numbers], crc = self._codes_and_crcs(group, layout)
                good[which] &= crc == stored[which]
                step[numbers] = read_varints(group, layout.step)
                wall[numbers] = read_column(group, layout.wall, "<f8")
                with np.errstate(invalid="ignore"):  # signalling NaNs are values, too
                    value[numbers] = read_column(group, layout.value, layout.dtype)
            bad = min([bad, *records[~good][:1]])
        kept = np.flatnonzero(code >= 0)
        if unreadable := int(np.count_nonzero(code == NO_TEXT)):
            out.left_out[NO_EVENT] += unreadable
        columns = [array[kept] for array in (code, step, wall, value)]
        (record, *more), first = self._parse(
            block, starts, lengths, np.sort(np.concatenate(parse)), code, out
        )
        if len(record):
            order = np.argsort(np.concatenate([kept, record]), kind="stable")
            columns = [np.concatenate(pair)[order] for pair in zip(columns, more)]
            kept = np.concatenate([kept, record])[order]
        # Until here, a session stands behind a number of records.
        out.sessions = [(int(np.searchsorted(kept, i)), step) for i, step in out.sessions]
        out.code, out.step, out.wall_time, out.value = columns
        out.first_wall = min(out.first_wall, np.fmin.reduce(out.wall_time, initial=np.inf))
        out.last_wall = max(out.last_wall, np.fmax.reduce(out.wall_time, initial=-np.inf))
        return out, min(bad, first)

    def _parse(
        self,
        block: np.ndarray,
        starts: np.ndarray,
        lengths: np.ndarray,
        records: np.ndarray,
        code: np.ndarray,
        out: Events,
    ) -> tuple[list[np.ndarray], int]:
        """Record, code, step, wall time and value of the scalars in records without a layout.

        `code` has the tags of all others. Notes what else these hold in `out`. Also returns the
        number of the first that is damaged, behind which none was parsed.
        """
        from google.protobuf.message import DecodeError
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        columns: list[array[Any]] = [array(kind) for kind in "iiqdd"]
        add_record, add_code, add_step, add_wall, add_value = (x.append for x in columns)
        logged: set[int] = set()
        first = functools.cache(lambda number: int(np.argmax(code == number)))

        def is_scalar(tag: str) -> bool:
            """Whether scalars of a tag were logged before this record."""
            if (number := self.codes.get(tag)) is None:
                return False
            return number < self.known or number in logged or first(number) < record

        damaged = len(starts)
        for record in records.tolist():
            a = int(starts[record]) + HEADER
            b = a + int(lengths[record])
            data = block[a:b]
            if masked_crc(data) != int.from_bytes(block[b : b + 4].tobytes(), "little"):
                damaged = record
                break
            try:
                event = Event.FromString(data.data)
            except DecodeError:
                out.left_out[NO_EVENT] += 1
                continue
            step, wall = event.step, event.wall_time
            out.first_wall = min(out.first_wall, wall)
            if event.WhichOneof("what") != "file_version":
                out.last_wall = max(out.last_wall, wall)
            if event.session_log.status == SessionLog.START:
                out.sessions.append((record, step))
            for tag, value in _scalars(event, is_scalar, out.left_out):
                logged.add(number := self._code(tag))
                add_record(record)
                add_code(number)
                add_step(step)
                add_wall(wall)
                add_value(value)
            plugins = {value.metadata.plugin_data.plugin_name for value in event.summary.value}
            if plugins & {"text", "hparams"}:
                out.texts.append((self.end + a - HEADER, b - a + FRAME))
        return [np.array(column) for column in columns], damaged

    def _code(self, tag: str) -> int:
        return self.codes.setdefault(tag, len(self.codes))

    def _codes_and_crcs(self, rows: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
        """Tag codes and checksums of records of one layout.

        CRC-32C is linear over GF(2): two records that differ only in their clock, step and value
        have checksums that differ by the exclusive or of what the differing bytes contribute.
        So one checksum per tag is computed in full, the others by table look-up.
        """
        local, first = distinct_tags(rows, layout.tag)
        spans = layout.wall, layout.step, layout.value
        columns = np.concatenate([np.arange(*span) for span in spans])
        behind = rows.shape[1] - 5 - columns  # bytes of the data that follow each
        varying = np.bitwise_xor.reduce(crc_tables()[behind, rows[:, columns]], axis=1)
        base = np.empty(len(first), np.uint32)
        codes = np.empty(len(first), np.int32)
        for i, row in enumerate(first):
            data = rows[row, HEADER:-4].tobytes()
            base[i] = google_crc32c.value(data) ^ int(varying[row])
            tag = data[layout.tag[0] - HEADER : layout.tag[1] - HEADER]
            try:
                codes[i] = self._code(tag.decode())
            except UnicodeDecodeError:
                codes[i] = NO_TEXT
        return codes[local], mask(base[local] ^ varying)


def _scalars(
    event: Event, is_scalar: Callable[[str], bool], left_out: Counter[str]
) -> Iterator[tuple[str, float]]:
    """Yield (tag, number) of the scalars among an event's summary values.

    `is_scalar` tells whether scalars of a tag were logged before: writers may leave the metadata
    out after a tag's first event.
    """
    for value in event.summary.value:
        kind = value.WhichOneof("value")
        if kind == "tensor":
            plugin = value.metadata.plugin_data.plugin_name
            if plugin != "scalars" and (plugin or not is_scalar(value.tag)):
                continue
            number = _number(value.tensor)
        elif kind == "simple_value":
            number = value.simple_value
        else:
            continue
        if number is None:
            left_out[NO_NUMBER] += 1
        elif len(value.tag) > LONGEST_TAG:
            left_out[LONG_TAG] += 1
        else:
            yield value.tag, number


def _number(tensor: TensorProto) -> float | None:
    """The number that a tensor consists of, if it does."""
    from tensorboard.util.tensor_util import make_ndarray

    if any(dim.size != 1 for dim in tensor.tensor_shape.dim):
        return None  # before it is expanded to that
    try:
        array = make_ndarray(tensor)
    except (TypeError, ValueError, OverflowError):
        return None
    return float(array.item()) if array.size == 1 and array.dtype.kind in "fiu" else None
