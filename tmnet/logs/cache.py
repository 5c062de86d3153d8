"""Parsed event files, kept in the user's cache directory.

A cache file may be deleted at any time, and two processes may write one at once: it is written
aside and renamed. It begins with a checksum of all the rest. Whatever is wrong with the cache, the
event file itself is read instead.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import hashlib
import itertools
import json
import os
import zlib
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import numpy as np

from tmnet.files import open_regular, write_whole
from tmnet.logs.events import Events

SUFFIX = ".v4"  # the format's number; files of another format are not read
FORMER = (".v1.parquet", ".v2.npz", ".v3.npz")
COLUMNS = {"step": np.int64, "wall_time": np.float64, "value": np.float64, "code": np.int32}
KINDS = ("<u1", "<u2", "<i4", "<i8", "<f4", "<f8")  # in which they are stored
SAMPLE_BYTES = 4096  # at both ends of what was read, to know a file that has only grown
MOST_TIMES = 16  # the size of an event file: no more can come of it, whatever a cache file says


def cache_dir() -> Path | None:
    """Where the cache lies: $TMNET_CACHE_DIR, or the user's cache directory; None without one."""
    if chosen := os.environ.get("TMNET_CACHE_DIR"):
        return Path(chosen)
    import platformdirs

    try:
        directory = Path(platformdirs.user_cache_dir("tmnet", False))
    except (RuntimeError, KeyError, OSError):  # as a user without a home has none
        return None
    return directory if directory.is_absolute() else None


@dataclasses.dataclass(frozen=True)
class EventFile:
    """What an event file held when it was read.

    Attributes
    ----------
    path : Path
    events : Events
    size, mtime_ns, ctime_ns : int
        Of the file then.
    sample : int
        Checksum of both ends of what was read.
    stored : int
        How many bytes of it the cache directory has.
    """

    path: Path
    events: Events
    size: int
    mtime_ns: int
    ctime_ns: int
    sample: int
    stored: int

    def is_as(self, status: os.stat_result) -> bool:
        """Whether the file is now as it was then, as far as its status tells."""
        now = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return (self.size, self.mtime_ns, self.ctime_ns) == now

    def has_grown(self, file: BinaryIO, size: int) -> bool:
        """Whether the file, which is of this size now, has only grown since."""
        return size > self.size and self.sample == sample(file, self.events.end)


def sample(file: BinaryIO, end: int) -> int:
    """Checksum of both ends of the first `end` bytes of a file."""
    file.seek(0)
    head = file.read(min(SAMPLE_BYTES, end))
    file.seek(max(0, end - SAMPLE_BYTES))
    return zlib.crc32(file.read(min(SAMPLE_BYTES, end)), zlib.crc32(head))


def _file_of(path: Path) -> Path | None:
    directory = cache_dir()
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32] + SUFFIX
    return directory / name if directory else None


def load_cached(path: Path, size: int) -> EventFile | None:
    """What the cache directory has of an event file of that size; None if nothing of use."""
    try:
        stored = _file_of(path)
        data = _read(stored, MOST_TIMES * size + 2**16) if stored else None
        known = _parse(path, data) if data else None
    except Exception:  # what was not written by this module may lead to whatever there is
        return None
    return known if known and _is_whole(known) else None


def _read(stored: Path, most: int) -> bytes | None:
    """What follows the checksum of a cache file; None where it is not what was written."""
    with open_regular(stored) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            return None
        checksum, data = file.read(4), file.read(size)
    return data if google_crc32c.value(data) == int.from_bytes(checksum, "little") else None


def _parse(path: Path, data: bytes) -> EventFile:
    begin = 4 + int.from_bytes(data[:4], "little")
    about = json.loads(data[4:begin])
    events, rows = about.pop("events"), about.pop("rows")
    for name, kind in about.pop("kinds").items():
        if kind not in KINDS:
            raise ValueError
        events[name] = np.frombuffer(data, kind, rows, begin).astype(COLUMNS[name])
        begin += rows * np.dtype(kind).itemsize
    if begin != len(data):
        raise ValueError
    for name in ("texts", "sessions"):
        events[name] = [(a, b) for a, b in events[name]]  # JSON has no tuples
    events["left_out"] = collections.Counter(events["left_out"])
    return EventFile(path, Events(**events), **about, stored=events["end"])


def _is_whole(known: EventFile) -> bool:
    """Whether what a cache file holds can be what was written."""
    events = known.events
    numbers = (known.size, known.mtime_ns, known.ctime_ns, known.sample, events.end)
    code, *others = (getattr(events, name) for name in ("code", "step", "wall_time", "value"))
    return (
        all(type(x) is int for x in (*numbers, *itertools.chain(*events.texts, *events.sessions)))
        and all(type(tag) is str for tag in events.tags)
        and all(column.shape == code.shape for column in others)
        and bool(np.all((code >= 0) & (code < len(events.tags))))
    )


def store_cached(file: EventFile) -> None:
    """Write an event file's scalars into the cache directory, if that can be done."""
    events = {f.name: getattr(file.events, f.name) for f in dataclasses.fields(Events)}
    columns = {name: _narrowed(events.pop(name)) for name in COLUMNS}
    kinds = {name: f"<{column.dtype.str[1:]}" for name, column in columns.items()}
    about = {"rows": len(file.events.code), "kinds": kinds, "events": events}
    about |= {name: getattr(file, name) for name in ("size", "mtime_ns", "ctime_ns", "sample")}
    text = json.dumps(about).encode()
    parts = [len(text).to_bytes(4, "little"), text]
    parts += [columns[name].astype(kind, copy=False).tobytes() for name, kind in kinds.items()]
    checksum = functools.reduce(google_crc32c.extend, parts, 0).to_bytes(4, "little")
    try:
        stored = _file_of(file.path)
        if stored is None or (stored.exists() and not stored.is_file()):
            return
        stored.parent.mkdir(parents=True, exist_ok=True)
        write_whole(stored, lambda out: out.writelines([checksum, *parts]))
        for suffix in FORMER:
            stored.with_name(stored.name.removesuffix(SUFFIX) + suffix).unlink(missing_ok=True)
    except OSError:
        pass  # no room, no right to write, or (Windows) a reader has it open: only speed is lost


def _narrowed(column: np.ndarray) -> np.ndarray:
    """The same numbers in the smallest type that holds each of them to the bit."""
    bits = column.view(f"i{column.itemsize}")
    for kind in ("f4",) if column.dtype.kind == "f" else ("u1", "u2", "i4"):
        with np.errstate(over="ignore", invalid="ignore"):
            narrow = column.astype(kind)
        if np.array_equal(narrow.astype(column.dtype).view(bits.dtype), bits):
            return narrow
    return column
