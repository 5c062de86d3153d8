"""Runs: the event files of one training, on one clock."""

from __future__ import annotations

import contextlib
import difflib
import functools
import os
import re
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tmnet.errors import LogWarning, TmnetError
from tmnet.logs.cache import EventFile
from tmnet.logs.config import read_about, read_config
from tmnet.logs.dialects import common_name
from tmnet.logs.races import join_races
from tmnet.logs.scalars import concatenate, event_files, read_files, reading_bar

# …tfevents.SECONDS.HOST.PID.NUMBER, as torch, TensorFlow and tensorboardX name event files
_PROCESS = re.compile(r"tfevents\.\d+\.(?P<host>.+?)\.(?P<pid>\d+)\.\d+(\.v2)?")


class Run:
    """One training: what it logged, into whatever number of directories and files.

    Made by `load_run`.

    Attributes
    ----------
    name : str
    logdir : Path
    pieces : list of str
        The directories in `logdir` that were joined, in order.
    scalars : DataFrame
        Every scalar, ordered by wall time: tag (category; tags of known trainers under their
        common names, see `tmnet.logs.dialects`), step, wall_time (s), value, minutes (active),
        process.
    processes : DataFrame
        host, pid, start and end (wall time, s), first_step and last_step of every process that
        logged something; the index is the number used in `scalars` and `races`.
    notes : list of str
        A sentence for everything that could not be read.
    """

    def __init__(self, name: str, logdir: Path, pieces: list[Piece]):
        self.name, self.logdir, self._pieces = name, logdir, pieces
        self.pieces = [piece.name for piece in pieces]
        self.notes = [note for piece in pieces for note in piece.notes]
        self._files = [file for piece in pieces for file in piece.files]
        if not any(len(file.events.code) for file in self._files):
            raise TmnetError(
                f"Run {name} holds no scalars (directories: {', '.join(self.pieces)})."
            )
        self.scalars, self.processes = _on_one_clock(self._files)

    def __repr__(self) -> str:
        return (
            f"<Run {self.name}: {self.duration:.1f} min active, {self.steps:,} steps, "
            f"{len(self.races):,} races; {', '.join(self.pieces)}>"
        )

    @functools.cached_property
    def duration(self) -> float:
        """Active minutes: how long processes of this run were running."""
        return float(self.active_minutes(self.processes["end"].max()))

    @functools.cached_property
    def wall_duration(self) -> float:
        """Minutes from the run's first record to its last, downtime included."""
        return float(self.wall_minutes(self.processes["end"].max()))

    @property
    def age(self) -> float:
        """Seconds since its last record, by this machine's clock."""
        return time.time() - float(self.processes["end"].max())

    @functools.cached_property
    def steps(self) -> int:
        """The last step of the history that survives restarts."""
        return int(self.scalars["step"].to_numpy()[self.survives(self.scalars)].max())

    @property
    def tags(self) -> list[str]:
        """Names of all scalars."""
        return list(self.scalars["tag"].cat.categories)

    @property
    def maps(self) -> list[str]:
        """Maps that were raced on."""
        return list(self.races["map"].cat.categories)

    @functools.cached_property
    def races(self) -> pd.DataFrame:
        """A row a race, see `tmnet.logs.races.join_races`."""
        return join_races(self.scalars, self._rows)

    @functools.cached_property
    def raced(self) -> dict[tuple[str, str], bool]:
        """The (map, kind) of all races, and whether some of them were reported as robust."""
        labels = [self.races[name].cat for name in ("map", "kind")]
        both = labels[0].codes.to_numpy(int) * len(labels[1].categories) + labels[1].codes
        robust = np.bincount(both, self.races["robust"])
        pairs = [(map_, kind) for map_ in labels[0].categories for kind in labels[1].categories]
        return {pairs[i]: bool(robust[i]) for i in np.flatnonzero(np.bincount(both))}

    @functools.cached_property
    def config(self) -> dict:
        """Configuration that was logged as text or hyperparameters; {} if none was."""
        return read_config(self._files)

    @functools.cached_property
    def about(self) -> dict:
        """Machine and versions, as far as they were logged."""
        return read_about(self._files)

    @functools.cached_property
    def _rows(self) -> dict[str, np.ndarray]:
        codes = self.scalars["tag"].cat.codes.to_numpy()
        order = np.argsort(codes, kind="stable")
        return dict(zip(self.tags, np.split(order, np.cumsum(np.bincount(codes))[:-1])))

    def rows(self, tag: str) -> np.ndarray:
        """Row numbers in `scalars` of one tag, in the order of their wall time."""
        return self._rows.get(common_name(tag), np.empty(0, np.int64))

    def active_minutes(self, wall_time: np.ndarray) -> np.ndarray:
        """Minutes for which the run's processes had been running at a wall time (s)."""
        return _active_minutes(self.processes, wall_time)

    def wall_minutes(self, wall_time: np.ndarray) -> np.ndarray:
        """Minutes since the run's first record at a wall time (s)."""
        return (wall_time - self.processes["start"].min()) / 60

    @functools.cached_property
    def restarts(self) -> pd.DataFrame:
        """Steps that were played again: a row for each process that did not survive whole.

        process, first and last step (of what a later process, which went on from an earlier
        checkpoint, played again), by (the number of that process).
        """
        rows = []
        for number, process in self.processes.iterrows():
            later = self.processes[self.processes["start"] >= process["end"]]
            later = later[later["first_step"] < process["last_step"]]
            if len(later):
                by = later["first_step"].idxmin()
                rows.append((number, later.at[by, "first_step"], process["last_step"], by))
        return pd.DataFrame(rows, columns=["process", "first", "last", "by"])

    def survives(self, frame: pd.DataFrame) -> np.ndarray:
        """Which rows of `scalars` or `races` belong to the history that was built upon.

        Where a process restarted from an earlier checkpoint, what the process before it played
        beyond that step is not part of the history along the step axis.
        """
        limit = np.full(len(self.processes), np.iinfo(np.int64).max)
        limit[self.restarts["process"].to_numpy(int)] = self.restarts["first"].to_numpy(int)
        return frame["step"].to_numpy() <= limit[frame["process"].to_numpy()]


def _on_one_clock(files: list[EventFile]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scalars and processes of the files of a run.

    A process that logged no scalar does not count; but a file without scalars, such as one with
    the configuration, may tell when its process started.
    """
    of_process = [_process_of(file.path) for file in files]
    logged = {key for key, file in zip(of_process, files) if len(file.events.code)}
    files = [file for key, file in zip(of_process, files) if key in logged]
    sizes = [len(file.events.code) for file in files]
    tag, step, wall, value = concatenate(files)
    first = np.full(len(tag.categories), len(step))
    first[tag.codes[::-1]] = np.arange(len(step))[::-1]
    names = [common_name(name) for name in tag.categories]
    distinct = list(dict.fromkeys(names[i] for i in np.argsort(first)))  # as they appear
    code = np.array([distinct.index(name) for name in names], np.int32)[tag.codes]

    keys = [_process_of(file.path) for file in files]
    of_file = pd.DataFrame(keys, columns=["host", "pid"]).assign(
        start=[file.events.first_wall for file in files],
        end=[file.events.last_wall for file in files],
        key=keys,
    )
    processes = of_file.groupby("key", sort=False).agg(
        host=("host", "first"), pid=("pid", "first"), start=("start", "min"), end=("end", "max")
    )
    processes = processes.sort_values("start", kind="stable")
    number = {key: i for i, key in enumerate(processes.index)}
    process = np.repeat([number[key] for key in keys], sizes)
    processes = processes.reset_index(drop=True).rename_axis("process")
    steps = [step[process == i] for i in processes.index]
    processes["first_step"] = [first_step(code[process == i], steps[i]) for i in processes.index]
    processes["last_step"] = [int(some.max()) for some in steps]

    order = slice(None) if (np.diff(wall) >= 0).all() else np.argsort(wall, kind="stable")
    scalars = pd.DataFrame(
        {
            "tag": pd.Categorical.from_codes(code[order], distinct),
            "step": step[order],
            "wall_time": wall[order],
            "value": value[order],
            "minutes": _active_minutes(processes, wall[order]),
            "process": process[order],
        },
        copy=False,
    )
    return scalars, processes


def _process_of(path: Path) -> tuple[str, str]:
    """(host, pid) of an event file; of one that is not named so, its own path."""
    match = _PROCESS.search(path.name)
    return (match["host"], match["pid"]) if match else (str(path), "")


def _active_minutes(processes: pd.DataFrame, wall_time: np.ndarray) -> np.ndarray:
    """Minutes covered by the union of the processes' life times, up to a wall time (s)."""
    knots, active, total, reached = [], [], 0.0, -np.inf
    for start, end in processes[["start", "end"]].itertuples(index=False):
        start = max(start, reached)
        if end <= start:
            continue
        knots += [start, end]
        active += [total, total + end - start]
        total, reached = active[-1], end
    if not knots:  # a single moment
        return np.zeros(np.shape(wall_time))
    return np.interp(wall_time, knots, active) / 60


def first_step(code: np.ndarray, step: np.ndarray) -> int:
    """The step at which a process (or a piece) began.

    Hyperparameters bring a scalar of their own, logged once and at step 0 wherever the training
    is; so a single event of a tag at step 0 does not count, unless there are no others.
    """
    counts = (np.bincount(code)[code] > 1) | (step > 0)
    return int(step[counts].min() if counts.any() else step.min())


# --- finding runs -------------------------------------------------------------------------------


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
    logdir, name = Path(logdir), name.rstrip("/\\")  # a shell may complete a folder's name so
    if pieces is None:
        _check_run_exists(name, logdir)
        names = _names_in_sequence(name, logdir)
    else:
        names = list(pieces) if not isinstance(pieces, str) else [pieces]
        for piece in names:
            _check_run_exists(piece, logdir)
    with reading_bar(path for piece in names for path in event_files(logdir / piece)) as bar:
        loaded = [load_piece(piece, logdir, cache, bar.update) for piece in names]
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
    try:
        return _load_runs(Path(logdir), cache, before)
    except FileNotFoundError as error:
        raise TmnetError(f"{error.filename} was deleted while {logdir} was read.") from None


def _load_runs(logdir: Path, cache: bool, before: Sequence[Run]) -> list[Run]:
    known = {run.name: run for run in before if run.logdir == logdir}
    read = {piece.name: piece for run in known.values() for piece in run._pieces}
    names = _run_names(logdir)
    runs, seen = [], set()
    with reading_bar(logdir.rglob("*tfevents*")) as bar:

        @functools.cache  # one that may continue a run, and does not, is asked for again
        def load(piece: str) -> Piece:
            return load_piece(piece, logdir, cache, bar.update, read.get(piece))

        for name in names:
            if name in seen:
                continue
            loaded = [load(piece) for piece in _names_in_sequence(name, logdir)]
            loaded = loaded[: _joined(loaded)]
            seen |= {piece.name for piece in loaded}
            if name in known and _same(loaded, known[name]._pieces):
                runs.append(known[name])
            elif any(len(file.events.code) for piece in loaded for file in piece.files):
                runs.append(Run(name, logdir, loaded))
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
    runs = load_runs(source, cache) if isinstance(source, (str, Path)) else source
    return pd.DataFrame(
        {
            "run": [run.name for run in runs],
            "pieces": [run.pieces for run in runs],
            "processes": [len(run.processes) for run in runs],
            "minutes": [run.duration for run in runs],
            "wall_minutes": [run.wall_duration for run in runs],
            "steps": [run.steps for run in runs],
            "races": [len(run.races) for run in runs],
            "maps": [run.maps for run in runs],
        }
    )


class Piece:
    """One log directory of a run."""

    def __init__(self, name: str, read: list[EventFile], notes: list[str]):
        self.name, self.read, self.notes = name, read, notes
        self.files = [file for file in read if file.events.first_wall < np.inf]
        full = [file for file in self.files if len(file.events.code)]
        self.start = min((file.events.first_wall for file in full), default=np.inf)
        tag, step, *_ = concatenate(full)
        self.first_step = first_step(tag.codes, step) if full else 0
        self.last_step = int(step.max(initial=0))
        # How far apart the steps of neighbouring events are, at most.
        self.spacing = int(np.diff(np.sort(step, kind="stable")).max(initial=0))


def load_piece(
    name: str,
    logdir: Path,
    cache: bool,
    progress: Callable[[int], object],
    before: Piece | None = None,
) -> Piece:
    """A log directory; the same object as `before` where nothing has changed since."""
    known = {file.path: file for file in before.read} if before else {}
    read, notes = read_files(event_files(logdir / name), cache, progress, known)
    if before and _same(read, before.read) and notes == before.notes:
        return before
    return Piece(name, read, notes)


def _same(some: Sequence, others: Sequence) -> bool:
    """Whether they are the very same objects."""
    return len(some) == len(others) and all(a is b for a, b in zip(some, others))


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
    while _holds_event_files(logdir / f"{name}_{len(names) + 1}"):
        names.append(f"{name}_{len(names) + 1}")
    return names


def _holds_event_files(directory: Path) -> bool:
    return directory.is_dir() and next(directory.rglob("*tfevents*"), None) is not None


def _run_names(logdir: Path) -> list[str]:
    if not logdir.is_dir():
        raise TmnetError(f"There is no log directory {logdir}.")
    names = [path.name for path in logdir.iterdir() if _holds_event_files(path)]
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
    if inside and _holds_event_files(logdir / name):
        return
    near = difflib.get_close_matches(name, names, n=5, cutoff=0.4)
    hint = f"Nearest: {', '.join(near)}." if near else f"There are: {', '.join(names)}."
    raise TmnetError(f"There is no run {name or '(without a name)'} in {logdir}. {hint}")
