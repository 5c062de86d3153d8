"""Parsed event files, kept as Parquet in the user's cache directory.

A cache file may be deleted at any time, and two processes may write one at once: it is written
aside and renamed. Whatever is wrong with the cache, the event file itself is read instead.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

from tmnet.files import write_whole
from tmnet.logs.events import Events, read_events

FORMAT = 1  # of the cache files; another one is not read
COLUMNS = ("code", "step", "wall_time", "value")
SAMPLE_BYTES = 4096  # at both ends of what was read, to know a file that has only grown


def cache_dir() -> Path:
    """Where the cache lies: $TMNET_CACHE_DIR, or the user's cache directory."""
    import platformdirs

    return Path(os.environ.get("TMNET_CACHE_DIR") or platformdirs.user_cache_dir("tmnet", False))


def read_cached(path: Path, progress: Callable[[int], object] = lambda _: None) -> Events:
    """`read_events`, but what an earlier reading saw comes from the cache.

    An unchanged file (size and modification time) is not read at all, and of one that has grown
    only the new bytes are. Whether a longer file has only grown is judged by samples of both ends
    of what was read: event files are appended to, nothing rewrites them in the middle.
    """
    stat = path.stat()
    stored = _file_of(path)
    entry = _load(stored)
    before = None
    if entry is not None:
        known, before = entry
        if (known["size"], known["mtime_ns"]) == (stat.st_size, stat.st_mtime_ns):
            progress(stat.st_size)
            return before
        if stat.st_size <= known["size"] or known["sample"] != _sample(path, before.end):
            before = None
    events = read_events(path, before, progress)
    # Writing costs more than decoding: a file that grew a little is written when it has grown more.
    if before is None or events.end - before.end > before.end / 16:
        known = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
        _store(stored, events, known | {"path": str(path), "sample": _sample(path, events.end)})
    return events


def _file_of(path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    return cache_dir() / f"{name}.v{FORMAT}.parquet"


def _sample(path: Path, end: int) -> int:
    with open(path, "rb") as file:
        head = file.read(min(SAMPLE_BYTES, end))
        file.seek(max(0, end - SAMPLE_BYTES))
        return zlib.crc32(file.read(min(SAMPLE_BYTES, end)), zlib.crc32(head))


def _load(stored: Path) -> tuple[dict, Events] | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(stored)
        known = json.loads(table.schema.metadata[b"tmnet"])
        columns = {name: table[name].to_numpy() for name in COLUMNS}
        return known, Events(**columns, **known.pop("events"))
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None


def _store(stored: Path, events: Events, known: dict) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rest = {f.name: getattr(events, f.name) for f in dataclasses.fields(Events)}
    table = pa.table({name: rest.pop(name) for name in COLUMNS})
    table = table.replace_schema_metadata({"tmnet": json.dumps(known | {"events": rest})})
    options = {"compression": "zstd", "compression_level": 1, "use_dictionary": False}
    options["use_byte_stream_split"] = ["step", "wall_time", "value"]
    try:
        stored.parent.mkdir(parents=True, exist_ok=True)
        write_whole(stored, lambda file: pq.write_table(table, file, **options))
    except OSError:
        pass  # no room, no right to write, or (Windows) a reader has it open: only speed is lost
