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


def read_file(
    path: Path,
    before: EventFile | None = None,
    cache: bool = True,
    progress: Callable[[int], object] = lambda _: None,
) -> EventFile:
    """`read_events`, but what an earlier reading saw, `before` or the cache's, is not read again.

    An unchanged file (size and modification time) is not read at all, and of one that has grown
    only the new bytes are. Whether a longer file has only grown is judged by samples of both ends
    of what was read: event files are appended to, nothing rewrites them in the middle.
    """
    stat = path.stat()
    known = before or (_load(path) if cache else None)
    if known is not None:
        if (known.size, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            progress(stat.st_size)
            return known
        if stat.st_size <= known.size or known.sample != _sample(path, known.events.end):
            known = None
        else:
            progress(known.events.end)
    events = read_events(path, known.events if known else None, progress)
    # Writing costs more than decoding: a file that grew a little is written when it has grown more.
    stored = known.stored if known else 0
    store = cache and (stored == 0 or events.end - stored > stored / 16)
    file = EventFile(
        path, events, stat.st_size, stat.st_mtime_ns, _sample(path, events.end),
        events.end if store else stored,
    )  # fmt: skip
    if store:
        _store(file)
    return file


def _file_of(path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    return cache_dir() / f"{name}.v{FORMAT}.parquet"


def _sample(path: Path, end: int) -> int:
    with open(path, "rb") as file:
        head = file.read(min(SAMPLE_BYTES, end))
        file.seek(max(0, end - SAMPLE_BYTES))
        return zlib.crc32(file.read(min(SAMPLE_BYTES, end)), zlib.crc32(head))


def _load(path: Path) -> EventFile | None:
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


def _store(file: EventFile) -> None:
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
