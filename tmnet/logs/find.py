"""Which folders and event files are one run: finding, joining, loading and listing runs."""

from __future__ import annotations

import contextlib
import difflib
import functools
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmnet.errors import LogWarning, TmnetError
from tmnet.files import named, plain_name
from tmnet.logs.run import Piece, Run
from tmnet.logs.scalars import Reader, event_files, reading

if TYPE_CHECKING:
    import pandas as pd


def load_run(
    name: str, logdir: str | Path, pieces: Sequence[str] | None = None, cache: bool = True
) -> Run:
    """Load one run.

    Parameters
    ----------
    name : str
        The run's directory in `logdir`. ``name_2``, ``name_3`` … are taken with it where they
        continue it: they start after it, and their steps go on from where it got to.
    logdir : str or Path
    pieces : sequence of str, optional
        The directories to join, in place of that guess.
    cache : bool
        As for `read_scalars`.

    Raises
    ------
    TmnetError
        If there is no such run, or nothing in it.

    Warns
    -----
    LogWarning
        For files that could not be read whole.
    """
    logdir = Path(logdir)
    name = plain_name(name.rstrip(f"/{os.sep}"))  # a shell may complete a folder's name so
    if pieces is None:
        _check_run_exists(name, logdir)
        names = _names_in_sequence(name, logdir)
    else:
        names = [plain_name(piece) for piece in ([pieces] if isinstance(pieces, str) else pieces)]
        for piece in names:
            _check_run_exists(piece, logdir)
    paths = (path for piece in names for path in event_files(named(logdir, piece)))
    with reading(paths, cache) as reader:
        loaded = [load_piece(piece, logdir, reader) for piece in names]
    if pieces is None:
        loaded = loaded[: _joined(loaded)]
    run = Run(name, logdir, loaded)
    for note in run.notes:
        warnings.warn(note, LogWarning, stacklevel=2)
    return run


def load_runs(logdir: str | Path, cache: bool = True, before: Sequence[Run] = ()) -> list[Run]:
    """Load every run in a log directory.

    A run is a directory right below `logdir` with event files in it or in directories below;
    pieces that continue a run are part of it, and directories without scalars are left out.

    Parameters
    ----------
    logdir : str or Path
    cache : bool
        As for `read_scalars`.
    before : sequence of Run
        Runs that were loaded from there earlier: only what their trainings have logged since is
        read, and those that have not changed are returned as they are.

    Raises
    ------
    TmnetError
        If there is no run, or one was deleted meanwhile.

    Notes
    -----
    What could not be read is in the runs' `notes`; there are no warnings.
    """
    logdir = Path(logdir)
    known = {run.name: run for run in before if run.logdir == logdir}
    read = {piece.name: piece for run in known.values() for piece in run.joined}
    runs: list[Run] = []
    seen: set[str] = set()
    try:
        names = _run_names(logdir)
        files = [file for piece in read.values() for file in piece.read]
        with reading(logdir.rglob("*tfevents*"), cache, files) as reader:

            @functools.cache  # one that may continue a run, and does not, is asked for again
            def load(piece: str) -> Piece:
                return load_piece(piece, logdir, reader, read.get(piece))

            for name in names:
                if name in seen:
                    continue
                loaded = [load(piece) for piece in _names_in_sequence(name, logdir)]
                loaded = loaded[: _joined(loaded)]
                seen |= {piece.name for piece in loaded}
                if name in known and _same(loaded, known[name].joined):
                    runs.append(known[name])
                elif any(len(file.events.code) for piece in loaded for file in piece.files):
                    runs.append(Run(name, logdir, loaded))
    except FileNotFoundError as error:
        raise TmnetError(f"{error.filename} was deleted while {logdir} was read.") from None
    if not runs:
        raise TmnetError(f"No run in {logdir} holds a scalar.")
    return runs


def find_logdirs(folder: str | Path = ".", depth: int = 3) -> list[Path]:
    """Log directories in a folder: those that hold a folder with event files for each run.

    Parameters
    ----------
    folder : str or Path
    depth : int
        How many levels of folders are looked into; hidden ones are not.

    Returns
    -------
    list of Path
        The one with the newest event file first.

    Raises
    ------
    TmnetError
        If there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise TmnetError(f"There is no folder {folder}.")
    newest: dict[Path, float] = {}
    for parent, names, files in os.walk(folder):
        here = Path(parent)
        level = len(here.relative_to(folder).parts)
        names[:] = sorted(name for name in names if not name.startswith(".")) * (level <= depth)
        times = []
        for name in files:
            if "tfevents" in name:
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    times.append((here / name).stat().st_mtime)
        if times and level:
            names.clear()  # what lies below belongs to this run
            newest[here.parent] = max(newest.get(here.parent, 0.0), *times)
    return sorted(newest, key=lambda path: -newest[path])


def list_runs(source: str | Path | Sequence[Run], cache: bool = True) -> pd.DataFrame:
    """Describe runs.

    Parameters
    ----------
    source : str, Path or sequence of Run
        A log directory, in which every directory with event files is a run, or a piece of one; or
        runs that are loaded.
    cache : bool
        As for `read_scalars`.

    Returns
    -------
    DataFrame
        A row a run: run, pieces (list of the directories joined), processes, minutes (active),
        wall_minutes, steps (the last one), races, maps (list).

    Raises
    ------
    TmnetError
        If there is no such directory, or no run in it.
    """
    import pandas as pd

    runs = load_runs(source, cache) if isinstance(source, (str, Path)) else source
    return pd.DataFrame(describe(runs))


def describe(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The columns of `list_runs`."""
    return {
        "run": [run.name for run in runs],
        "pieces": [run.pieces for run in runs],
        "processes": [run.number_of_processes for run in runs],
        "minutes": [run.duration for run in runs],
        "wall_minutes": [run.wall_duration for run in runs],
        "steps": [run.steps for run in runs],
        "races": [run.number_of_races for run in runs],
        "maps": [run.maps for run in runs],
    }


def describe_in_words(runs: Sequence[Run]) -> dict[str, list[str]]:
    """The columns of `list_runs` but the first as text, by their heads with units."""
    told = describe(runs)
    minutes = {"active min": told["minutes"], "wall min": told["wall_minutes"]}
    counts = {name: told[name] for name in ("steps", "races", "processes")}
    names = {name: told[name] for name in ("maps", "pieces")}
    return (
        {head: [f"{x:,.1f}" for x in column] for head, column in minutes.items()}
        | {head: [f"{x:,}" for x in column] for head, column in counts.items()}
        | {head: [", ".join(x) for x in column] for head, column in names.items()}
    )


def load_piece(name: str, logdir: Path, reader: Reader, before: Piece | None = None) -> Piece:
    """A log directory; the same object as `before` where nothing has changed since."""
    read, notes = reader.read(event_files(named(logdir, name)))
    if before and _same(read, before.read) and notes == before.notes:
        return before
    return Piece(name, read, notes)


def _same(left: Sequence[object], right: Sequence[object]) -> bool:
    """Whether they are the very same objects."""
    return len(left) == len(right) and all(a is b for a, b in zip(left, right))


def _joined(pieces: list[Piece]) -> int:
    """How many of the pieces, which are named in sequence, continue one another."""
    for i in range(1, len(pieces)):
        before, piece = pieces[:i], pieces[i]
        last = max(other.last_step for other in before)
        # A restart goes back to a checkpoint, a start from scratch to zero; and the first event
        # of a piece may come one interval of logging after the last of the piece before.
        earliest = 0.75 * last
        latest = last + max(0.1 * last, *(other.spacing for other in pieces[: i + 1]))
        in_order = piece.start >= max(other.start for other in before)
        if not (in_order and earliest <= piece.first_step <= latest):
            return i
    return len(pieces)


def _names_in_sequence(name: str, logdir: Path) -> list[str]:
    """X, X_2, X_3 … as far as there are such directories with event files."""
    names = [name]
    while _holds_event_files(named(logdir, f"{name}_{len(names) + 1}")):
        names.append(f"{name}_{len(names) + 1}")
    return names


def _holds_event_files(directory: Path) -> bool:
    # of a name that is too long for one, too, there is none
    return os.path.isdir(directory) and next(directory.rglob("*tfevents*"), None) is not None


def _run_names(logdir: Path) -> list[str]:
    if not logdir.is_dir():
        raise TmnetError(f"There is no log directory {logdir}.")
    names = [plain_name(path.name) for path in logdir.iterdir() if _holds_event_files(path)]
    if not names:
        raise TmnetError(
            f"No runs in {logdir}: none of the directories in it holds event files "
            "(named events.out.tfevents…)."
        )
    # A before A_2 before A_10, so that a run comes before what may continue it.
    return sorted(names, key=lambda name: [int(x) if x.isdecimal() else x for x in _split(name)])


def _split(name: str) -> list[str]:
    return re.split(r"(\d+)", name)


def _check_run_exists(name: str, logdir: Path) -> None:
    names = _run_names(logdir)
    inside = name and not Path(name).is_absolute() and ".." not in Path(name).parts
    if inside and _holds_event_files(named(logdir, name)):
        return
    near = difflib.get_close_matches(name, names, n=5, cutoff=0.4)
    hint = f"Nearest: {', '.join(near)}." if near else f"There are: {', '.join(names)}."
    raise TmnetError(f"There is no run {name or '(without a name)'} in {logdir}. {hint}")
