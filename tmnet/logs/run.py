"""Runs: the event files of one training, on one clock."""

from __future__ import annotations

import functools
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tmnet.errors import TmnetError
from tmnet.logs.cache import EventFile
from tmnet.logs.config import read_about, read_config
from tmnet.logs.dialects import common_name
from tmnet.logs.races import join_races
from tmnet.logs.scalars import concatenate

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
