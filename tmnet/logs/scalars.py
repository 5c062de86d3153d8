"""Event files and directories of them as data frames."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tmnet.arguments import a_flag, a_path
from tmnet.errors import LogWarning, TmnetError
from tmnet.files import open_regular
from tmnet.logs.cache import EventFile, load_cached, sample, store_cached
from tmnet.logs.events import Events, read_events
from tmnet.logs.folders import creation, run_folders
from tmnet.progress import progress_bar

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[str, np.ndarray]  # of one length


def read_scalars(path: str | Path, cache: bool = True) -> pd.DataFrame:
    """Read every scalar of an event file, or of all event files below a directory.

    Parameters
    ----------
    path : str or Path
        An event file, or a directory (its files are taken in the order of their creation).
    cache : bool
        Keep what was parsed in the cache directory, and use what is there: ``$TMNET_CACHE_DIR``,
        or the user's cache directory.

    Returns
    -------
    DataFrame
        A row per scalar, in the order written: ``tag`` (category, as logged), ``step`` (int64),
        ``wall_time`` (s since 1970), ``value`` (float64).

    Raises
    ------
    TmnetError
        If there is no event file at `path`.

    Warns
    -----
    LogWarning
        For a file that is damaged, empty or cannot be read; the rest of it, and the other files,
        are returned. And for tags that several folders of one run have, whose series
        `tmnet.load_run` keeps apart.
    """
    unseen: list[str] = []
    paths = event_files(a_path("path", path), unseen)
    with reading(paths, a_flag("cache", cache)) as reader:
        files, notes = reader.read(paths)
    for note in unseen + notes + _mixed(files):
        warnings.warn(note, LogWarning, stacklevel=2)
    import pandas as pd

    tags, columns = concatenate(files)
    tag = pd.Categorical.from_codes(columns.pop("code"), pd.Index(tags))
    return pd.DataFrame({"tag": tag} | columns, copy=False)


def _mixed(files: Sequence[EventFile]) -> list[str]:
    """A sentence on tags that several folders of one run have, if there are any."""
    with_files = {file.path.parent for file in files}
    folders: dict[tuple[Path, str], set[Path]] = {}
    for file in files:
        folder = file.path.parent
        run = [above for above in (folder, *folder.parents) if above in with_files][-1]
        for tag in file.events.tags:
            folders.setdefault((run, tag), set()).add(folder)
    mixed = dict.fromkeys(tag for (_, tag), own in folders.items() if len(own) > 1)
    if not mixed:
        return []
    return [
        f"Several folders of one run have {next(iter(mixed))}"
        + f" (and {len(mixed) - 1:,} other tags)" * (len(mixed) > 1)
        + ": their series are one after the other here; tmnet.load_run keeps them apart."
    ]


def event_files(path: Path, notes: list[str] | None = None) -> list[Path]:
    """The event files at or below a path, in the order of their creation.

    What was not looked into is added to the notes.

    Raises
    ------
    TmnetError
        If there is none.
    """
    if not os.path.isdir(path):
        if not _is_there(path):
            raise TmnetError(f"There is no file or directory {path}.")
        return [path]
    folders = run_folders(path)
    if notes is not None:
        notes += folders.notes
    if not folders.files:
        raise TmnetError(
            f"There are no event files (named events.out.tfevents…) below {path}. "
            + " ".join(folders.notes)
        )
    return sorted(itertools.chain(*folders.files.values()), key=creation)


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # reading it will tell
        return True
    return True


@contextlib.contextmanager
def reading(
    paths: Iterable[Path], cache: bool, before: Iterable[EventFile] = ()
) -> Iterator[Reader]:
    """A reader, beside which a progress bar counts the bytes of these files.

    `cache` as for `read_scalars`; of files that were read `before`, only what is new is read.
    """
    total = sum(map(_size, paths))
    with progress_bar(total=total, unit="B", unit_scale=True, desc="Reading logs") as bar:
        yield Reader(cache, {file.path: file for file in before}, bar.update)


def _size(path: Path) -> int:
    """How many bytes there are to read: none of what is no file, or cannot be reached."""
    try:
        status = path.stat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


@dataclass(frozen=True)
class Reader:
    """Reads event files, and of each only what an earlier reading, or the cache's, did not see.

    Attributes
    ----------
    cache : bool
        Whether the cache directory is used.
    before : dict
        What was read earlier, by path.
    progress : callable
        Called with the number of bytes whenever some were read, or need not be.
    """

    cache: bool
    before: Mapping[Path, EventFile]
    progress: Callable[[int], object]

    def read(self, paths: Sequence[Path]) -> tuple[list[EventFile], list[str]]:
        """Read files; also sentences about what is damaged, left out, empty or unreadable."""
        files, notes = [], []
        for path in paths:
            try:
                file = self.read_file(path)
            except OSError as error:
                notes.append(f"{path} cannot be read ({error.strerror or error}); it is left out.")
                continue
            files.append(file)
            notes += _notes(file)
        return files, notes

    def read_file(self, path: Path) -> EventFile:
        """Read one file.

        An unchanged one (size, times of modification and of status change) is not read at all, and
        of one that has grown only the new bytes are. Whether a longer file has only grown is judged
        by samples of both ends of what was read: event files are appended to, nothing rewrites them
        in the middle.
        """
        status = path.stat()
        known = self.before.get(path) or (load_cached(path, status.st_size) if self.cache else None)
        if known is not None and known.is_as(status):
            self.progress(status.st_size)
            return known
        with open_regular(path) as file:
            status = os.fstat(file.fileno())
            size = status.st_size
            if known is not None and known.has_grown(file, size):
                self.progress(known.events.end)
            else:
                known = None
            events = read_events(file, size, known.events if known else None, self.progress)
            if os.fstat(file.fileno()).st_size < events.end:
                raise OSError(errno.EIO, "it became shorter while it was read", str(path))
            ends = sample(file, events.end)
        # Writing costs more than decoding: a file that grew a little waits until it grew more.
        stored = known.stored if known else 0
        store = self.cache and (stored == 0 or events.end - stored > stored / 16)
        read = EventFile(
            path,
            events,
            size=size,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
            sample=ends,
            stored=events.end if store else stored,
        )
        if store:
            store_cached(read)
        return read


def _notes(file: EventFile) -> Iterator[str]:
    events = file.events
    if events.damage is not None:
        unread = file.size - events.damage
        yield (
            f"{file.path} is damaged at byte {events.damage}: the {len(events.code)} scalars "
            f"before that were read, the {unread} bytes from there on were not."
        )
    elif events.unfinished:
        yield (
            f"{file.path} ends in a record of {events.unfinished:,} bytes that is not whole: the "
            f"{file.size - events.end} bytes from byte {events.end} on were not read."
        )
    elif events.end == 0:
        yield f"{file.path} is empty: it holds no whole record yet."
    elif not len(events.code) and not events.texts:
        yield f"{file.path} holds no scalars."
    if events.left_out:
        what = ", ".join(f"{what} ({n})" for what, n in events.left_out.items())
        yield f"Left out of {file.path}: {what}."


def concatenate(files: Sequence[EventFile]) -> tuple[list[str], Columns]:
    """Tags, and code, step, wall_time and value of the scalars of files, one after the other."""
    tags = list(dict.fromkeys(tag for file in files for tag in file.events.tags))
    number = {tag: i for i, tag in enumerate(tags)}
    codes = [
        np.array([number[tag] for tag in file.events.tags], np.int32)[file.events.code]
        for file in files
        if len(file.events.code)
    ]
    columns = {"code": np.concatenate([np.empty(0, np.int32), *codes])}
    for name in ("step", "wall_time", "value"):
        parts = [getattr(file.events, name) for file in files]
        columns[name] = np.concatenate(parts or [getattr(Events(), name)])
    return tags, columns
