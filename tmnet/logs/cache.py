"""Parsed event files, kept as NumPy's .npz in the user's cache directory.

A cache file may be deleted at any time, and two processes may write one at once: it is written
aside and renamed. Whatever is wrong with the cache, the event file itself is read instead.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tmnet.files import write_whole
from tmnet.logs.events import Events

SUFFIX = ".v3.npz"  # with the format's number; files of another format are not read
FORMER = (".v1.parquet", ".v2.npz")
COLUMNS = {"code": np.int32, "step": np.int64, "wall_time": np.float64, "value": np.float64}
SAMPLE_BYTES = 4096  # at both ends of what was read, to know a file that has only grown


def cache_dir() -> Path:
    """Where the cache lies: $TMNET_CACHE_DIR, or the user's cache directory."""
    import platformdirs

    return Path(os.environ.get("TMNET_CACHE_DIR") or platformdirs.user_cache_dir("tmnet", False))


@dataclasses.dataclass(frozen=True)
class EventFile:
    """What an event file held when it was read.

    Attributes
    ----------
    path : Path
    events : Events
    size, mtime_ns : int
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
    sample: int
    stored: int


def _file_of(path: Path) -> Path:
    return cache_dir() / (hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32] + SUFFIX)


def sample(path: Path, end: int) -> int:
    """Checksum of both ends of the first `end` bytes of a file."""
    with open(path, "rb") as file:
        head = file.read(min(SAMPLE_BYTES, end))
        file.seek(max(0, end - SAMPLE_BYTES))
        return zlib.crc32(file.read(min(SAMPLE_BYTES, end)), zlib.crc32(head))


def load_cached(path: Path) -> EventFile | None:
    """What the cache directory has of an event file; None where that is nothing of use."""
    try:
        with open(_file_of(path), "rb") as file, np.load(file) as arrays:  # checks its checksums
            columns = {name: arrays[name].astype(kind) for name, kind in COLUMNS.items()}
            about = json.loads(arrays["about"].tobytes())
        rest = about.pop("events")
        for name in ("texts", "sessions"):
            rest[name] = [(a, b) for a, b in rest[name]]  # JSON has no tuples
        events = Events(**columns, **rest)
        known = EventFile(path, events, **about, stored=events.end)
        return known if _is_whole(known) else None
    except Exception:  # a damaged file leads its readers to raise whatever there is
        return None


def _is_whole(known: EventFile) -> bool:
    """Whether what a cache file holds can be what was written."""
    events = known.events
    code, *others = (getattr(events, name) for name in COLUMNS)
    return (
        all(type(x) is int for x in (known.size, known.mtime_ns, known.sample, events.end))
        and code.ndim == 1
        and all(column.shape == code.shape for column in others)
        and bool(np.all((code >= 0) & (code < len(events.tags))))
    )


def store_cached(file: EventFile) -> None:
    """Write an event file's scalars into the cache directory, if that can be done."""
    events = {f.name: getattr(file.events, f.name) for f in dataclasses.fields(Events)}
    columns: dict[str, Any] = {name: _narrowed(events.pop(name)) for name in COLUMNS}
    about = {"size": file.size, "mtime_ns": file.mtime_ns, "sample": file.sample, "events": events}
    columns["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    stored = _file_of(file.path)
    try:
        stored.parent.mkdir(parents=True, exist_ok=True)
        write_whole(stored, lambda out: np.savez(out, **columns))
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
