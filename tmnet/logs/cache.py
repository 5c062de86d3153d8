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
from pathlib import Path

from tmnet.files import write_whole
from tmnet.logs.events import Events

FORMAT = 1  # of the cache files; another one is not read
COLUMNS = ("code", "step", "wall_time", "value")
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
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    return cache_dir() / f"{name}.v{FORMAT}.parquet"


def sample(path: Path, end: int) -> int:
    """Checksum of both ends of the first `end` bytes of a file."""
    with open(path, "rb") as file:
        head = file.read(min(SAMPLE_BYTES, end))
        file.seek(max(0, end - SAMPLE_BYTES))
        return zlib.crc32(file.read(min(SAMPLE_BYTES, end)), zlib.crc32(head))


def load_cached(path: Path) -> EventFile | None:
    """What the cache directory has of an event file, as far as it can be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(_file_of(path))
        known = json.loads(table.schema.metadata[b"tmnet"])
        columns = {name: table[name].to_numpy() for name in COLUMNS}
        events = Events(**columns, **known["events"])
        about = {name: known[name] for name in ("size", "mtime_ns", "sample")}
        return EventFile(path, events, **about, stored=events.end)
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None


def store_cached(file: EventFile) -> None:
    """Write an event file's scalars into the cache directory, if that can be done."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rest = {f.name: getattr(file.events, f.name) for f in dataclasses.fields(Events)}
    table = pa.table({name: rest.pop(name) for name in COLUMNS})
    known = {"path": str(file.path), "size": file.size, "mtime_ns": file.mtime_ns}
    known |= {"sample": file.sample, "events": rest}
    table = table.replace_schema_metadata({"tmnet": json.dumps(known)})
    options = {"compression": "zstd", "compression_level": 1, "use_dictionary": False}
    options["use_byte_stream_split"] = ["step", "wall_time", "value"]
    stored = _file_of(file.path)
    try:
        stored.parent.mkdir(parents=True, exist_ok=True)
        write_whole(stored, lambda out: pq.write_table(table, out, **options))
    except OSError:
        pass  # no room, no right to write, or (Windows) a reader has it open: only speed is lost
