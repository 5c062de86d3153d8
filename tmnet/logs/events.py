"""TensorBoard event files: exact scalars, in the order written, every checksum verified.

A training writes the same few kinds of record a million times over, so records of one length and
one layout are taken out of a block as rows of a matrix, in which every field sits in a fixed
column. Whatever has no such layout is parsed by protobuf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

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

BLOCK_BYTES = 16 * 2**20

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
        starts, lengths, rest, damaged = frames(block)
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
                if masked_crc(data) != int.from_bytes(block[b : b + 4].tobytes(), "little"):
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
        local, first = distinct_tags(rows, layout.tag)
        size = rows.shape[1] - FRAME
        varying = np.zeros(len(rows), np.uint32)
        for span in (layout.wall, layout.step, layout.value):
            for column in range(*span):
                behind = size - 1 - (column - HEADER)  # bytes of the data that follow
                varying ^= crc_tables()[behind][rows[:, column]]
        base = np.empty(len(first), np.uint32)
        codes = np.empty(len(first), np.int32)
        for i, row in enumerate(first):
            data = rows[row, HEADER:-4].tobytes()
            base[i] = google_crc32c.value(data) ^ int(varying[row])
            tag = data[layout.tag[0] - HEADER : layout.tag[1] - HEADER]
            codes[i] = self._code(tag.decode("utf-8", "replace"))
        return codes[local], mask(base[local] ^ varying)

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
