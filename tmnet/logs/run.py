"""Runs: the event files of one training, on one clock."""

from __future__ import annotations

import functools
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tmnet.errors import TmnetError
from tmnet.files import plain_name
from tmnet.logs.cache import EventFile
from tmnet.logs.config import Told, read_texts
from tmnet.logs.dialects import common_name
from tmnet.logs.races import JoinedRaces, join_races
from tmnet.logs.scalars import Columns, concatenate
from tmnet.safe_text import visible

if TYPE_CHECKING:  # to load pandas takes longer than a list of runs, which needs no frame
    import pandas as pd

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
    joined : list of Piece
        The same, as they were read.
    tags : list of str
        Names of all scalars.
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
        self.name, self.logdir, self.joined = name, logdir, pieces
        self.pieces = [piece.name for piece in pieces]
        self.notes = [note for piece in pieces for note in piece.notes]
        self._files = [file for piece in pieces for file in piece.files]
        if not any(len(file.events.code) for file in self._files):
            raise TmnetError(
                f"Run {name} holds no scalars (directories: {', '.join(self.pieces)})."
            )
        self.tags, self._scalars, self._processes = _on_one_clock(self._files)

    def __repr__(self) -> str:
        return (
            f"<Run {visible(self.name)}: {self.duration:.1f} min active, {self.steps:,} steps, "
            f"{self.number_of_races:,} races; {visible(', '.join(self.pieces))}>"
        )

    @functools.cached_property
    def scalars(self) -> pd.DataFrame:
        import pandas as pd

        tag = pd.Categorical.from_codes(self._scalars["code"], pd.Index(self.tags))
        rest = {name: column for name, column in self._scalars.items() if name != "code"}
        return pd.DataFrame({"tag": tag} | rest, copy=False)

    @functools.cached_property
    def processes(self) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(self._processes).rename_axis("process")

    @functools.cached_property
    def duration(self) -> float:
        """Active minutes: how long processes of this run were running."""
        return float(self.active_minutes(self._processes["end"].max()))

    @functools.cached_property
    def wall_duration(self) -> float:
        """Minutes from the run's first record to its last, downtime included."""
        return float(self.wall_minutes(self._processes["end"].max()))

    @property
    def age(self) -> float:
        """Seconds since its last record, by this machine's clock."""
        return time.time() - float(self._processes["end"].max())

    @functools.cached_property
    def steps(self) -> int:
        """The last step of the history that survives restarts."""
        return int(self._scalars["step"][self._survive(self._scalars)].max())

    @property
    def maps(self) -> list[str]:
        """Maps that were raced on."""
        return list(self._races.labels["map"])

    @property
    def number_of_processes(self) -> int:
        """How many processes logged something."""
        return len(self._processes["start"])

    @property
    def number_of_races(self) -> int:
        """How many races were run."""
        return len(self._races.rows)

    @functools.cached_property
    def races(self) -> pd.DataFrame:
        """A row a race, see `tmnet.logs.races.JoinedRaces`."""
        return self._races.frame()

    @functools.cached_property
    def _races(self) -> JoinedRaces:
        return join_races(self._scalars, self.rows_by_tag)

    @functools.cached_property
    def raced(self) -> dict[tuple[str, str], bool]:
        """The (map, kind) of all races, and whether any of them was reported as robust."""
        labels = [self.races[name].cat for name in ("map", "kind")]
        both = labels[0].codes.to_numpy(int) * len(labels[1].categories) + labels[1].codes
        robust = np.bincount(both, self.races["robust"])
        pairs = [(map_, kind) for map_ in labels[0].categories for kind in labels[1].categories]
        return {pairs[i]: bool(robust[i]) for i in np.flatnonzero(np.bincount(both))}

    @functools.cached_property
    def config(self) -> dict:
        """Configuration that was logged as text or hyperparameters; {} if none was."""
        return self.told.config

    @functools.cached_property
    def about(self) -> dict:
        """Machine and versions, as far as they were logged."""
        return self.told.about

    @functools.cached_property
    def told(self) -> Told:
        """What was logged as text, and what of it was left out."""
        return read_texts(self._files)

    @functools.cached_property
    def rows_by_tag(self) -> dict[str, np.ndarray]:
        """Row numbers in `scalars` of each tag, in the order of their wall time."""
        codes = self._scalars["code"]
        order = np.argsort(codes, kind="stable")
        return dict(zip(self.tags, np.split(order, np.cumsum(np.bincount(codes))[:-1])))

    def rows(self, tag: str) -> np.ndarray:
        """Row numbers in `scalars` of a tag, by its own or its common name; none without it."""
        return self.rows_by_tag.get(common_name(tag), np.empty(0, np.int64))

    def active_minutes(self, wall_time: np.ndarray) -> np.ndarray:
        """Minutes for which the run's processes had been running at a wall time (s)."""
        return _active_minutes(self._processes, wall_time)

    def wall_minutes(self, wall_time: np.ndarray) -> np.ndarray:
        """Minutes since the run's first record at a wall time (s)."""
        return (wall_time - self._processes["start"].min()) / 60

    @functools.cached_property
    def restarts(self) -> pd.DataFrame:
        """Steps that were played again: a row for each process that did not survive whole.

        process, first and last step (of what a later process, which went on from an earlier
        checkpoint, played again), by (the number of that process).
        """
        import pandas as pd

        return pd.DataFrame(self._restarts, columns=["process", "first", "last", "by"])

    @functools.cached_property
    def _restarts(self) -> list[tuple[int, int, int, int]]:
        start, end, first, last = (
            self._processes[name] for name in ("start", "end", "first_step", "last_step")
        )
        rows = []
        for number in range(len(start)):
            later = np.flatnonzero((start >= end[number]) & (first < last[number]))
            if len(later):
                by = later[np.argmin(first[later])]
                rows.append((number, int(first[by]), int(last[number]), int(by)))
        return rows

    def survives(self, frame: pd.DataFrame) -> np.ndarray:
        """Which rows of `scalars` or `races` belong to the history that was built upon.

        Where a process restarted from an earlier checkpoint, what the process before it played
        beyond that step is not part of the history along the step axis.
        """
        return self._survive({name: frame[name].to_numpy() for name in ("step", "process")})

    def _survive(self, columns: Columns) -> np.ndarray:
        limit = np.full(self.number_of_processes, np.iinfo(np.int64).max)
        for number, first, *_ in self._restarts:
            limit[number] = first
        return columns["step"] <= limit[columns["process"]]


def _on_one_clock(files: list[EventFile]) -> tuple[list[str], Columns, Columns]:
    """Tags, scalars and processes of the files of a run.

    A process that logged no scalar does not count; but a file without scalars, such as one with
    the configuration, may tell when its process started.
    """
    logged = {_process_of(file.path) for file in files if len(file.events.code)}
    files = [file for file in files if _process_of(file.path) in logged]
    tags, scalars = concatenate(files)
    code, step, wall = (scalars[name] for name in ("code", "step", "wall_time"))
    first = np.full(len(tags), len(step))
    first[code[::-1]] = np.arange(len(step))[::-1]
    names = [common_name(tag) for tag in tags]
    distinct = list(dict.fromkeys(names[i] for i in np.argsort(first)))  # as they appear
    scalars["code"] = code = np.array([distinct.index(name) for name in names], np.int32)[code]

    spans: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for file in files:
        span = (file.events.first_wall, file.events.last_wall)
        spans.setdefault(_process_of(file.path), []).append(span)
    lives = {key: (min(a for a, _ in own), max(b for _, b in own)) for key, own in spans.items()}
    keys = sorted(lives, key=lambda key: lives[key][0])
    numbers = [keys.index(_process_of(file.path)) for file in files]
    process = np.repeat(numbers, [len(file.events.code) for file in files])
    steps = [step[process == i] for i in range(len(keys))]
    processes = {
        "host": np.array([host for host, _ in keys], object),
        "pid": np.array([pid for _, pid in keys], object),
        "start": np.array([lives[key][0] for key in keys]),
        "end": np.array([lives[key][1] for key in keys]),
        "first_step": np.array(
            [first_step(code[process == i], own) for i, own in enumerate(steps)]
        ),
        "last_step": np.array([own.max() for own in steps]),
    }
    scalars |= {"minutes": _active_minutes(processes, wall), "process": process}
    if (np.diff(wall) < 0).any():
        order = np.argsort(wall, kind="stable")
        scalars = {name: column[order] for name, column in scalars.items()}
    return distinct, scalars, processes


def _process_of(path: Path) -> tuple[str, str]:
    """(host, pid) of an event file; of one that is not named so, its own path."""
    match = _PROCESS.search(plain_name(path.name))
    return (match["host"], match["pid"]) if match else (plain_name(str(path)), "")


def _active_minutes(processes: Columns, wall_time: np.ndarray) -> np.ndarray:
    """Minutes covered by the union of the processes' life times, up to a wall time (s)."""
    knots: list[float] = []
    active: list[float] = []
    total, reached = 0.0, -np.inf
    for start, end in zip(processes["start"], processes["end"]):
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
        _, scalars = concatenate(full)
        step = scalars["step"]
        self.first_step = first_step(scalars["code"], step) if full else 0
        self.last_step = int(step.max(initial=0))
        # How far apart the steps of neighbouring events are, at most.
        self.spacing = int(np.diff(np.sort(step, kind="stable")).max(initial=0))
