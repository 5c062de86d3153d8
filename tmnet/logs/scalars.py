"""Event files and directories of them as data frames."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from tmnet.errors import LogWarning, TmnetError
from tmnet.logs.cache import EventFile, read_file
from tmnet.progress import progress_bar


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
        are returned.
    """
    path = Path(path)
    paths = event_files(path)
    with reading_bar(paths) as bar:
        files, notes = read_files(paths, cache, bar.update)
    for note in notes:
        warnings.warn(note, LogWarning, stacklevel=2)
    return pd.DataFrame(
        dict(zip(("tag", "step", "wall_time", "value"), concatenate(files))), copy=False
    )


def event_files(path: Path) -> list[Path]:
    """The event files at or below a path, in the order of their creation.

    Raises
    ------
    TmnetError
        If there is none.
    """
    if path.is_dir():
        files = [file for file in path.rglob("*tfevents*") if not file.is_dir()]
    else:
        files = [path] if path.exists() or path.is_symlink() else []
        if not files:
            raise TmnetError(f"There is no file or directory {path}.")
    if not files:
        raise TmnetError(f"There are no event files (named events.out.tfevents…) below {path}.")
    return sorted(files, key=_creation)


def _creation(path: Path) -> tuple:
    """Sort key: the seconds in an event file's name (…tfevents.SECONDS.HOST.PID.N), then path."""
    seconds = path.name.partition("tfevents.")[2].partition(".")[0]
    return int(seconds) if seconds.isdecimal() else 0, str(path)


def read_files(
    paths: list[Path],
    cache: bool,
    progress: Callable[[int], object],
    before: Mapping[Path, EventFile] | None = None,
) -> tuple[list[EventFile], list[str]]:
    """Read event files; also one sentence for each that is damaged, empty or unreadable.

    Of those that were read `before`, only what is new. `progress` is called as by `read_events`.
    """
    files, notes = [], []
    for path in paths:
        try:
            file = read_file(path, (before or {}).get(path), cache, progress)
        except OSError as error:
            notes.append(f"{path} cannot be read ({error.strerror or error}); it is left out.")
            continue
        files.append(file)
        if note := _note(path, file):
            notes.append(note)
    return files, notes


def reading_bar(paths: Iterable[Path]) -> tqdm:
    """A progress bar for the reading of event files, in bytes."""
    total = sum(path.stat().st_size for path in paths if path.is_file())
    return progress_bar(total=total, unit="B", unit_scale=True, desc="Reading logs")


def _note(path: Path, file: EventFile) -> str | None:
    events = file.events
    if events.damage is not None:
        unread = file.size - events.damage
        return (
            f"{path} is damaged at byte {events.damage}: the {len(events.code)} scalars before "
            f"that were read, the {unread} bytes from there on were not."
        )
    if events.end == 0:
        return f"{path} is empty: it holds no whole record yet."
    if not len(events.code) and not events.texts:
        return f"{path} holds no scalars."
    return None


def concatenate(files: list[EventFile]) -> tuple[pd.Categorical, np.ndarray, ...]:
    """Tag, step, wall time and value of the scalars of several files, one after the other."""
    tags = {tag: None for file in files for tag in file.events.tags}
    number = {tag: i for i, tag in enumerate(tags)}
    codes = [
        np.array([number[tag] for tag in file.events.tags], np.int32)[file.events.code]
        for file in files
        if len(file.events.code)
    ]
    columns = [
        np.concatenate([getattr(file.events, name) for file in files] or [np.empty(0, kind)])
        for name, kind in (("step", np.int64), ("wall_time", float), ("value", float))
    ]
    code = np.concatenate([np.empty(0, np.int32), *codes])
    return pd.Categorical.from_codes(code, list(tags)), *columns
