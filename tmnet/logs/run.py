"""Runs: the event files of one training, on one clock."""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tmnet.errors import TmnetError
from tmnet.files import plain_name
from tmnet.logs.cache import EventFile
from tmnet.logs.config import Told, read_texts
from tmnet.logs.dialects import common_name
from tmnet.logs.history import History, find_history, purged, steps_of
from tmnet.logs.processes import Placed, find_processes
from tmnet.logs.races import JoinedRaces, join_races
from tmnet.logs.scalars import Columns, concatenate
from tmnet.logs.series import name_series
from tmnet.safe_text import visible

LATE_START = 0.01  # of all steps: a run that begins behind them went on from a checkpoint

if TYPE_CHECKING:  # to load pandas takes longer than a list of runs, which needs no frame
    import pandas as pd


class Run:
    """One training: what it logged, into whatever number of directories and files.

    Made by `load_run`.

    Attributes
    ----------
    name : str
        Its path below `logdir`.
    logdir : Path
    pieces : list of str
        The directories in `logdir` that were joined, in order.
    joined : list of Piece
        The same, as they were read.
    tags : list of str
        Names of all scalars: tags of known trainers under their common names (see
        `tmnet.logs.dialects`), and a tag that several of its folders logged with its folder.
    scalars : DataFrame
        Every scalar, in the order of its time: tag (category), step, wall_time (s, as logged),
        value, minutes (active), process.
    processes : DataFrame
        host, pid, start and end (wall time, s, where its clock was wrong as corrected), first_step
        and last_step of every process that logged something; the index is the number used in
        `scalars` and `races`.
    trainers : list of int
        Numbers of the processes that trained, in their order; others, such as a test script, wrote
        beside or after them.
    notes : list of str
        A sentence for everything that could not be read, and for every guess.
    """

    def __init__(self, name: str, logdir: Path, pieces: list[Piece], notes: Sequence[str] = ()):
        self.name, self.logdir, self.joined = name, logdir, pieces
        self.pieces = [piece.name for piece in pieces]
        placed = [
            Placed(i, folder, file)
            for i, piece in enumerate(pieces)
            for folder, file in piece.files
        ]
        self._files = [place.file for place in placed]
        if not any(len(file.events.code) for file in self._files):
            why = " ".join(note for piece in pieces for note in piece.notes)
            raise TmnetError(
                f"Run {name} holds no scalars (folders: {', '.join(self.pieces)}). {why}".rstrip()
            )
        self._called: dict[str, Run] = {}
        self._written = max(file.events.last_wall for file in self._files)
        self._placed, self._clock = find_processes(placed, self.pieces)
        series = name_series(self._placed)
        self.tags, self._scalars = self._in_order(series.names, series.of_file)
        self._known_as = {tag: series.names[i] for tag, i in series.known_as.items()}
        first, last = steps_of(self._scalars, self.number_of_processes)
        self._processes = self._clock.columns | {"first_step": first, "last_step": last}
        self.notes = [
            *(note for piece in pieces for note in piece.notes),
            *notes,
            *self._clock.notes,
            *series.notes,
            *self._doubts(),
        ]

    def _in_order(self, names: list[str], numbers: list[list[int]]) -> tuple[list[str], Columns]:
        """Names of the series as they appear, and the scalars in the order of their time."""
        all_events = [place.file.events for place in self._placed]
        lengths = [len(events.code) for events in all_events]
        columns = {
            name: np.concatenate([getattr(events, name) for events in all_events])
            for name in ("step", "wall_time", "value")
        }
        corrected = np.concatenate([clock.wall for clock in self._clock.clocks])
        code = np.concatenate(
            [
                np.array(own, np.int32)[events.code] if own else np.empty(0, np.int32)
                for own, events in zip(numbers, all_events)
            ]
        )
        seen = np.full(len(names), len(code))
        seen[code[::-1]] = np.arange(len(code))[::-1]
        order = [i for i in np.argsort(seen, kind="stable") if seen[i] < len(code)]
        rank = np.zeros(len(names), np.int32)
        rank[order] = np.arange(len(order))
        columns |= {
            "code": rank[code],
            "minutes": self._clock.active_minutes(corrected),
            "corrected": corrected,
            "process": np.repeat(self._clock.of_file, lengths),
            "purged": purged(self._placed, self._clock.clocks),
        }
        if (np.diff(corrected) < 0).any():
            by_time = np.argsort(corrected, kind="stable")
            columns = {name: column[by_time] for name, column in columns.items()}
        return [names[i] for i in order], columns

    def _doubts(self) -> list[str]:
        """What a reader must know of this run's axes."""
        doubts = []
        if not self.duration and len(self._scalars["step"]) > 1:
            doubts.append(
                f"All of {self.name} was logged at one and the same time: it has no time axis; "
                "its steps are as they are."
            )
        if began := self._history.beginnings:
            steps = ", ".join(f"{step:,}" for step in began[:-1])
            doubts.append(
                f"{len(began)} trainings of {self.name} began, from steps {steps} and "
                f"{began[-1]:,}: along the steps the last of them is the run; along time all count."
            )
        return doubts

    def called(self, name: str) -> Run:
        """The same run under another name, such as a short one for figures."""
        if name == self.name:
            return self
        if name not in self._called:  # what is prepared of it is kept, then
            self._called[name] = copy.copy(self)
            self._called[name].name = name
        return self._called[name]

    def __repr__(self) -> str:
        return (
            f"<Run {visible(self.name)}: {self.duration:.1f} min active, {self.steps:,} steps, "
            f"{self.number_of_races:,} races; {visible(', '.join(self.pieces))}>"
        )

    @functools.cached_property
    def scalars(self) -> pd.DataFrame:
        import pandas as pd

        tag = pd.Categorical.from_codes(self._scalars["code"], pd.Index(self.tags))
        names = ("step", "wall_time", "value", "minutes", "process")
        return pd.DataFrame(
            {"tag": tag} | {name: self._scalars[name] for name in names}, copy=False
        )

    @functools.cached_property
    def processes(self) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(self._processes).rename_axis("process")

    @functools.cached_property
    def duration(self) -> float:
        """Active minutes: how long processes of this run were running."""
        return float(self._clock.active_minutes(self._processes["end"].max()))

    @functools.cached_property
    def wall_duration(self) -> float:
        """Minutes from the run's first record to its last, downtime included."""
        return float(self._processes["end"].max() - self._processes["start"].min()) / 60

    @property
    def age(self) -> float:
        """Seconds since its last record, by this machine's clock."""
        return time.time() - self._written

    @functools.cached_property
    def steps(self) -> int:
        """The last step of the history that survives restarts."""
        return int(self._scalars["step"][self._history.survives].max())

    @functools.cached_property
    def first_step(self) -> int:
        """The first step of its training, in the history that survives restarts."""
        process = self._scalars["process"][self._history.survives]
        left = np.bincount(process, minlength=self.number_of_processes) > 0
        return int(min(self._processes["first_step"][i] for i in self.trainers if left[i]))

    @functools.cached_property
    def source(self) -> str:
        """What it starts from that is not its own, in words; "" of one from scratch."""
        other = self.config.get("initial_checkpoint")
        if isinstance(other, str) and other:
            return f"the checkpoint of {other}"
        minutes, steps = self._scalars["minutes"], self._scalars["step"]
        length = minutes[-1] - minutes[0]
        if not length > 0:  # one event tells no pace
            return ""
        pace = (steps.max() - steps.min()) / length
        begun = self.first_step > LATE_START * self.steps
        return "a checkpoint" if begun and self.first_step > 3 * minutes[0] * pace else ""

    @property
    def trainers(self) -> list[int]:
        return self._history.trainers

    @property
    def maps(self) -> list[str]:
        """Maps that were raced on."""
        return list(self._races.labels["map"])

    @property
    def number_of_processes(self) -> int:
        """How many processes logged something."""
        return len(self._clock.columns["start"])

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
        maps, kinds = (self._races.labels[name] for name in ("map", "kind"))
        columns = self._races.columns
        both = columns["map"] * len(kinds) + columns["kind"]
        robust = np.bincount(both, columns["robust"])
        pairs = [(map_, kind) for map_ in maps for kind in kinds]
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
        """Row numbers in `scalars` of a series, by its name or its tag as it was logged, or by the
        name that either has elsewhere; none without it."""
        rows = self.rows_by_name.get(tag)
        if rows is None:
            rows = self.rows_by_name.get(common_name(tag))
        return np.empty(0, np.int64) if rows is None else rows

    @functools.cached_property
    def rows_by_name(self) -> dict[str, np.ndarray]:
        """As `rows_by_tag`, and by tags as they were logged, too."""
        aliases = {tag: self.rows_by_tag[name] for tag, name in self._known_as.items()}
        return aliases | self.rows_by_tag

    def minutes_by(self, clock: str) -> np.ndarray:
        """Minutes at each of `scalars`: "active", or "wall", since the run's first record."""
        if clock == "active":
            return self._scalars["minutes"]
        return (self._scalars["corrected"] - self._processes["start"].min()) / 60

    @functools.cached_property
    def restarts(self) -> pd.DataFrame:
        """Steps that were played again: a row for each process that did not survive whole.

        process, first and last step (of what a later process, which went on from an earlier
        checkpoint, played again), by (the number of that process).
        """
        import pandas as pd

        columns = ["process", "first", "last", "by"]
        return pd.DataFrame(self._history.restarts, columns=columns)

    @functools.cached_property
    def _history(self) -> History:
        return find_history(self._scalars, self._clock, self._placed)

    def survives(self, frame: pd.DataFrame) -> np.ndarray:
        """Which rows of `scalars` or `races` belong to the history that was built upon.

        Where a process restarted from an earlier checkpoint, what the process before it played
        from that step on is not part of the history along the step axis.
        """
        return self._history.survives[frame.index.to_numpy()]


class Piece:
    """One log directory of a run.

    Parameters
    ----------
    name : str
    folder : Path
    read : list of EventFile
        All of its files, below `folder`.
    notes : list of str
        What could not be read.
    """

    def __init__(self, name: str, folder: Path, read: list[EventFile], notes: list[str]):
        self.name, self.read, self.notes = name, read, notes
        self.files = [
            # "." is the folder itself
            (plain_name(file.path.parent.relative_to(folder).as_posix()), file)
            for file in read
            if file.events.first_wall < np.inf or len(file.events.code)
        ]
        self._full = [file for _, file in self.files if len(file.events.code)]
        self.start = min((file.events.first_wall for file in self._full), default=np.inf)
        self.tags = {tag for file in self._full for tag in file.events.tags}

    # Of these nothing is asked where there is no piece that might continue it.

    @functools.cached_property
    def _steps(self) -> np.ndarray:
        steps = [file.events.step for file in self._full]
        return np.unique(np.concatenate([np.empty(0, np.int64), *steps]))

    @property
    def different_steps(self) -> int:
        return len(self._steps)

    @property
    def spacing(self) -> int:
        """How far apart the steps of neighbouring events are, at most."""
        return int(np.diff(self._steps).max(initial=0))

    @functools.cached_property
    def _ends(self) -> tuple[int, int]:
        if not self._full:
            return 0, 0
        _, columns = concatenate(self._full)
        columns["process"] = np.zeros(len(columns["step"]), np.int64)
        (first,), (last,) = steps_of(columns, 1)
        return int(first), int(last)

    @property
    def first_step(self) -> int:
        return self._ends[0]

    @property
    def last_step(self) -> int:
        return self._ends[1]
