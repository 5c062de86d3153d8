"""Which folders and event files are one run: finding, joining, loading and listing runs."""

from __future__ import annotations

import contextlib
import difflib
import functools
import itertools
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tmnet.arguments import (
    a_flag,
    a_path,
    a_text,
    a_whole_number,
    several,
    some_names,
    wrong,
)
from tmnet.errors import LogWarning, TmnetError
from tmnet.files import LOGDIR, example_runs, plain_name
from tmnet.logs.cache import EventFile
from tmnet.logs.events import Events
from tmnet.logs.folders import run_folders
from tmnet.logs.history import ENOUGH
from tmnet.logs.run import Piece, Run
from tmnet.logs.scalars import Reader, reading

if TYPE_CHECKING:
    import pandas as pd


class Runs(list[Run]):
    """The runs of a log directory.

    Attributes
    ----------
    notes : list of str
        What was left out, and why.
    """

    def __init__(self, runs: Iterable[Run], notes: Iterable[str]):
        super().__init__(runs)
        self.notes = list(notes)


def load_run(
    name: str, logdir: str | Path, pieces: Sequence[str] | None = None, cache: bool = True
) -> Run:
    """Load one run.

    Parameters
    ----------
    name : str
        The run's folder, by its path below `logdir`. ``name_2``, ``name_3`` … are taken with it
        where they continue it: they start after it, log most of what it logs, and their steps go
        on from where it got to.
    logdir : str or Path
    pieces : sequence of str, optional
        The folders to join, in this order, in place of that guess.
    cache : bool
        As for `read_scalars`.

    Raises
    ------
    TmnetError
        If there is no such run, or nothing in it.

    Warns
    -----
    LogWarning
        For what could not be read, and for every guess that changes numbers.
    """
    logdir, name = a_path("logdir", logdir), _as_path(a_text("name", name))
    cache = a_flag("cache", cache)
    if pieces is not None and not (pieces := some_names("pieces", pieces)):
        raise wrong("pieces", pieces, "at least one folder")
    files, folders, _ = run_folders(logdir)
    if pieces is None:
        _check_run_exists(name, logdir, files)
        names = [name, *_numbered(files).get(name, ())]
    else:
        names = [_as_path(piece) for piece in pieces]
        if len(set(names)) < len(names):
            raise wrong("pieces", pieces, "different folders")
        for piece in names:
            _check_run_exists(piece, logdir, files)
    with reading([path for piece in names for path in files[piece]], cache) as reader:
        loaded = [_load_piece(piece, folders[piece], files[piece], reader) for piece in names]
    notes: list[str] = []
    if pieces is None:
        loaded, notes = _joined(loaded)
    run = Run(name, logdir, loaded, notes)
    for note in run.notes:
        warnings.warn(note, LogWarning, stacklevel=2)
    return run


def load_runs(logdir: str | Path, cache: bool = True, before: Sequence[Run] = ()) -> Runs:
    """Load every run in a log directory.

    A run is a folder with event files in it, and all that lies below it; its name is its path below
    `logdir`. Pieces that continue a run are part of it. A log directory that holds event files
    itself is one run.

    Parameters
    ----------
    logdir : str or Path
    cache : bool
        As for `read_scalars`.
    before : sequence of Run
        Runs that were loaded from there earlier: only what their trainings have logged since is
        read, and those that have not changed are returned as they are.

    Returns
    -------
    Runs
        A list, with `notes` of what was left out.

    Raises
    ------
    TmnetError
        If there is no run, or one was deleted meanwhile.

    Notes
    -----
    What could not be read of a run is in its `notes`; there are no warnings.
    """
    logdir, cache = a_path("logdir", logdir), a_flag("cache", cache)
    before = several("before", before, Run, "runs that were loaded")
    files, folders, notes = run_folders(logdir)
    if itself := files.pop("", None):
        logdir = logdir.resolve()
        name = plain_name(logdir.name)
        files, folders, logdir = {name: itself}, {name: folders[""]}, logdir.parent
    if not files:
        raise _no_runs(logdir)
    known = {run.name: run for run in before if run.logdir == logdir}
    read = {piece.name: piece for run in known.values() for piece in run.joined}
    runs: list[Run] = []
    seen: set[str] = set()
    numbered = _numbered(files)
    try:
        former = [file for piece in read.values() for file in piece.read]
        with reading(itertools.chain(*files.values()), cache, former) as reader:

            @functools.cache  # one that may continue a run, and does not, is asked for again
            def load(piece: str) -> Piece:
                return _load_piece(piece, folders[piece], files[piece], reader, read.get(piece))

            for name in files:
                if name in seen:
                    continue
                loaded, doubts = _joined([load(piece) for piece in (name, *numbered.get(name, ()))])
                seen |= {piece.name for piece in loaded}
                if name in known and _same(loaded, known[name].joined):
                    runs.append(known[name])
                elif any(piece.tags for piece in loaded):
                    runs.append(Run(name, logdir, loaded, doubts))
                else:
                    notes.append(f"{name} holds no scalars; it is left out.")
    except FileNotFoundError as error:
        raise TmnetError(f"{error.filename} was deleted while {logdir} was read.") from None
    if not runs:
        raise TmnetError(f"No run in {logdir} holds a scalar.")
    return Runs(runs, notes)


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
    folder, depth = a_path("folder", folder), a_whole_number("depth", depth, least=0)
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


def default_logdir(folder: str | Path = ".") -> Path:
    """The log directory of a folder: its own, or the one that comes with tmnet.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    Path
        The folder `tensorboard` in it, where there are runs in that; otherwise `example_runs`.

    Raises
    ------
    TmnetError
        If there is no such folder.
    """
    folder = a_path("folder", folder)
    if not folder.is_dir():
        raise TmnetError(f"There is no folder {folder}.")
    own = folder / LOGDIR
    return own if own.is_dir() and run_folders(own).files else example_runs()


def list_runs(source: str | Path | Sequence[Run], cache: bool = True) -> pd.DataFrame:
    """Describe runs.

    Parameters
    ----------
    source : str, Path or sequence of Run
        A log directory, or runs that are loaded.
    cache : bool
        As for `read_scalars`.

    Returns
    -------
    DataFrame
        A row a run: run, pieces (list of the folders joined), processes, minutes (active),
        wall_minutes, steps (the last one), races, maps (list).

    Raises
    ------
    TmnetError
        If there is no such directory, or no run in it.
    """
    import pandas as pd

    if isinstance(source, (str, os.PathLike)):
        runs: list[Run] = load_runs(source, cache)
    else:
        runs = several("source", source, Run, "a log directory, or runs that are loaded")
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


def _load_piece(
    name: str, folder: Path, files: list[Path], reader: Reader, before: Piece | None = None
) -> Piece:
    """A folder; the same object as `before` where nothing has changed since."""
    read, notes = reader.read(files)
    read, copies = _without_copies(read)
    notes += copies
    if before and _same(read, before.read) and notes == before.notes:
        return before
    return Piece(name, folder, read, notes)


def _without_copies(files: list[EventFile]) -> tuple[list[EventFile], list[str]]:
    """Without those that hold what another one in their folder begins with; and what to note."""
    alike: dict[tuple[Path, float], list[EventFile]] = {}
    notes: dict[Path, str] = {}
    for file in sorted(files, key=lambda file: -len(file.events.code)):
        others = alike.setdefault((file.path.parent, file.events.first_wall), [])
        if copied := next((x for x in others if _begins_with(x.events, file.events)), None):
            notes[file.path] = f"{file.path} is a copy of {copied.path.name}; it is left out."
        others.append(file)
    return [file for file in files if file.path not in notes], [*notes.values()]


def _begins_with(whole: Events, part: Events) -> bool:
    """Whether the scalars of an event file begin with those of another, which has some."""
    n = len(part.code)
    return (
        n > 0
        and all(
            np.array_equal(
                getattr(whole, name)[:n].view(np.uint8), getattr(part, name).view(np.uint8)
            )
            for name in ("code", "step", "wall_time", "value")
        )
        and whole.tags[: len(part.tags)] == part.tags
    )


def _same(left: Sequence[object], right: Sequence[object]) -> bool:
    """Whether they are the very same objects."""
    return len(left) == len(right) and all(a is b for a, b in zip(left, right))


def _joined(pieces: list[Piece]) -> tuple[list[Piece], list[str]]:
    """The pieces that continue the first, of those that are named in sequence; and what to note."""
    joined, notes = pieces[:1], []
    before, missing = joined[0].name, []
    for piece in pieces[1:]:
        if between := _between(before, piece.name, joined[0].name):
            missing.append(f"{between} missing between {before} and {piece.name}.")
        before = piece.name
        reason = _why_not(joined, piece)
        if reason:
            names = ", ".join(repr(other.name) for other in [*joined, piece])
            notes.append(
                f"{piece.name} is not joined to {joined[0].name}: {reason}. If it goes on from "
                f"there all the same, load it with pieces=[{names}]."
            )
            if piece.different_steps >= ENOUGH or joined[0].different_steps < ENOUGH:
                break
            continue
        notes += missing
        missing = []
        joined.append(piece)
    return joined, notes


def _why_not(before: list[Piece], piece: Piece) -> str | None:
    """Why a piece does not continue those before it; None if it does."""
    begun = min(other.first_step for other in before)
    last = max(other.last_step for other in before)
    tags = set().union(*(other.tags for other in before))
    # A restart goes back to a checkpoint, a start from scratch to where the run began; and the
    # first event of a piece may come one interval of logging after the last of the piece before.
    earliest = last - 0.25 * (last - begun)
    latest = last + max(0.1 * (last - begun), *(other.spacing for other in [*before, piece]))
    for one in (*before, piece):
        if one.different_steps < ENOUGH:
            steps = "step" if one.different_steps == 1 else "different steps"
            return f"{one.name} was logged at {one.different_steps} {steps}, too few to tell"
    if piece.start < max(other.start for other in before):
        return "it started before that did, by their clocks"
    if 2 * len(tags & piece.tags) <= min(len(tags), len(piece.tags)):
        return "they log different things"
    if not earliest <= piece.first_step <= latest:
        got = f"those of {before[0].name} got to {last:,}"
        return f"its steps begin at {piece.first_step:,}, and {got}"
    return None


def _numbered(files: Mapping[str, object]) -> dict[str, list[str]]:
    """X_2, X_3 … of the folders with event files, in order, by X."""
    numbers: dict[str, list[int]] = {}
    for other in files:
        name, _, rest = other.rpartition("_")
        if rest.isdecimal() and rest == str(int(rest)) and int(rest) > 1:
            numbers.setdefault(name, []).append(int(rest))
    return {name: [f"{name}_{number}" for number in sorted(own)] for name, own in numbers.items()}


def _between(before: str, after: str, first: str) -> str:
    """Which folders are missing between two of a sequence; "" if none is."""
    low, high = (1 if name == first else int(name[len(first) + 1 :]) for name in (before, after))
    if high - low < 2:
        return ""
    if high - low == 2:
        return f"{first}_{low + 1} is"
    return f"{first}_{low + 1} to {first}_{high - 1} are"


def _as_path(name: str) -> str:
    """A run's name as its path below the log directory; a shell may have put a slash behind it."""
    return plain_name(Path(name).as_posix()) if name else name


def _check_run_exists(name: str, logdir: Path, files: Mapping[str, object]) -> None:
    if name in files and name:
        return
    where = f"There is no run {name or '(without a name)'} in {logdir}"
    if inside := [other for other in files if name and other.startswith(f"{name}/")]:
        raise TmnetError(f"{where}: that is a group of runs. It holds {_some(inside)}.")
    if "" in files:
        here = logdir.resolve()
        raise TmnetError(
            f"{where}: {logdir} holds event files itself, so it is a run; its log directory is "
            f"{here.parent}, in which it is called {here.name}."
        )
    if not files:
        raise _no_runs(logdir)
    # A shell completes a name to where the run lies from here; and groups are easily left out.
    ends = [x for x in files if f"/{x}".endswith(f"/{name}") or f"/{name}".endswith(f"/{x}")]
    near = ends or difflib.get_close_matches(name, files, n=5, cutoff=0.4)
    hint = f"Nearest: {', '.join(near[:5])}." if near else f"There are: {_some([*files])}."
    raise TmnetError(f"{where}. {hint}")


def _no_runs(logdir: Path) -> TmnetError:
    return TmnetError(
        f"No runs in {logdir}: no folder in it holds event files (named events.out.tfevents…)."
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + " …" * (len(names) > 20)
