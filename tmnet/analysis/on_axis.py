"""A run on an axis: where each of its events lies, in minutes, steps or another counter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tmnet.analysis.metrics import DECIMALS, OfRaces, Races
from tmnet.errors import NoAxisError, TmnetError
from tmnet.experiments.config import NetworkConfig
from tmnet.logs.config import positive, section
from tmnet.logs.dialects import common_name
from tmnet.logs.run import Run
from tmnet.networks.costs import costs, pflop

if TYPE_CHECKING:
    from tmnet.analysis.axis import Axis

BATCHES = "cumul_number_batches_done"
AT_ONCE = 0.1  # min

T = TypeVar("T")


class RunOnAxis:
    """The events of a run by their position on an axis, prepared for any number of grids.

    Parameters
    ----------
    run : Run
    axis : Axis

    Attributes
    ----------
    begin, end : float
        Positions of the run's first event, and of its end.
    """

    def __init__(self, run: Run, axis: Axis):
        # It is kept as long as the run, which a reference to the run would make for ever.
        self._rows, self._driven = run.rows_by_name, run.races
        self._value = run.scalars["value"].to_numpy()
        self._prepared: dict = {}
        scalars = run.scalars
        if axis.is_time:
            end = run.duration if axis.clock == "active" else run.wall_duration
            # As grid points are, so that one at the end of a run has what was logged there.
            self._at = np.round(run.minutes_by(axis.clock), DECIMALS)
            self.begin, self.end = 0.0, round(end, DECIMALS)
            if not self.end:
                raise NoAxisError(
                    f"Run {run.name} has no time axis: all of it was logged at one and the same "
                    f"time. {_instead('step', run.steps > 0)}"
                )
            return
        survives = run.survives(scalars)
        if axis.by == "step":
            at = scalars["step"].to_numpy()
        elif axis.by == "relative_step":
            at = own_frames(run)
        elif axis.by == "flops":
            at = arithmetic(run)
        else:
            at = _counter(run, axis.by, survives)
        self._at = np.where(survives, at, np.nan)
        self.begin, self.end = float(np.nanmin(self._at)), float(np.nanmax(self._at))
        if self.end <= 0:
            raise NoAxisError(
                f"Run {run.name} has no {axis.unit} to compare by: none is above {self.end:g}. "
                f"{_instead('time', run.duration > 0)}"
            )

    def position(self, row: int) -> float:
        """Position of an event, by its row number in the run's scalars; of one that a restart took
        back, how far the run had come by then."""
        return float(np.nanmax(self._at[: row + 1], initial=0.0))

    def row_at(self, at: float) -> int | None:
        """Row number in the run's scalars of the last event at or before a position, if any."""
        there = np.where(self._at <= at, self._at, np.nan)
        return None if np.isnan(there).all() else int(np.nanargmax(there))

    def scalar(self, tag: str) -> tuple[np.ndarray, np.ndarray]:
        """Positions, ascending, and values of a tag; empty where the run has none."""
        return self._once(("scalar", tag), lambda: self._scalar(tag))

    def races(self, of: OfRaces) -> Races:
        """Races that a metric is made of."""
        which = (of.map, of.kind, of.robust)
        return self._once(which, lambda: self._races(*which))

    def _once(self, key: tuple, make: Callable[[], T]) -> T:
        if key not in self._prepared:
            self._prepared[key] = make()
        return self._prepared[key]

    def _scalar(self, tag: str) -> tuple[np.ndarray, np.ndarray]:
        rows = self._rows.get(tag, np.empty(0, np.int64))
        order, at = _ascending(self._at[rows])
        return at, self._value[rows][order]

    def _races(self, map_: str, kind: str, robust: bool) -> Races:
        races = self._driven
        wanted = ((races["map"] == map_) & (races["kind"] == kind)).to_numpy()
        if robust:
            wanted = wanted & races["robust"].to_numpy()
        order, at = _ascending(self._at[races.index.to_numpy()[wanted]])
        time_s, finished = (races[name].to_numpy()[wanted] for name in ("time_s", "finished"))
        return Races(at, time_s[order], finished[order])


def _instead(by: str, has_it: bool) -> str:
    return f"Compare it by {by}." if has_it else "There is nothing to compare yet."


def _ascending(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order that sorts positions and leaves out what has none, and the positions in it."""
    if np.isnan(at).any() or (np.diff(at) < 0).any():
        order = np.argsort(at, kind="stable")[: np.count_nonzero(~np.isnan(at))]
    else:
        order = np.arange(len(at))
    return order, at[order]


def _counter(run: Run, tag: str, survives: np.ndarray) -> np.ndarray:
    """A logged counter at every event of a run.

    Between two events of the counter it is taken to run evenly with active time; before the
    first and after the last it stands still.
    """
    rows = run.rows(tag)
    rows = rows[survives[rows]]
    minutes, count = (run.scalars[name].to_numpy()[rows] for name in ("minutes", "value"))
    if not len(rows):
        raise TmnetError(
            f"The axis {tag or '(without a name)'} is not a counter that run {run.name} logged; "
            'use "time", "step", "relative_step" or the tag of one.'
        )
    if not np.isfinite(count).all() or (np.diff(count) < 0).any():
        raise TmnetError(
            f"{common_name(tag)} of run {run.name} goes down (or is not a number) somewhere: "
            "it cannot be an axis."
        )
    return np.interp(run.scalars["minutes"].to_numpy(), minutes, count)


def own_frames(run: Run, paid: bool = False) -> np.ndarray:
    """Frames that a run itself had played by every event; as `own_batches`."""
    played = run.scalars["step"].to_numpy().astype(float) - run.first_step
    if paid:
        taken = np.zeros(run.number_of_processes)
        before, again = run.processes["last_step"], run.processes["first_step"]
        for earlier, number in pairwise(run.trainers):
            taken[number] = _taken_back(run, earlier, number, before[earlier], again[number])
        played = played + np.cumsum(taken)[run.scalars["process"]]
    return played


def own_batches(run: Run, paid: bool = False) -> np.ndarray | None:
    """Training batches that a run itself had done by every event; None where it did not log them.

    They are taken to run evenly between two events of their counter, and before the first as after
    it; in a run that started from another's checkpoint they count from its own start. What a
    restart took back counts only as `paid`.
    """
    rows = run.rows(BATCHES)
    if not paid:
        rows = rows[run.survives(run.scalars)[rows]]
    if len(rows) < 2:
        return None
    minutes, steps, batches, process = (
        run.scalars[name].to_numpy()[rows] for name in ("minutes", "step", "value", "process")
    )
    if paid:
        taken = np.zeros(len(run.processes))
        for earlier, number in pairwise(run.trainers):
            if (before := process == earlier).any():
                first = run.processes["first_step"][number]
                again = np.interp(first, steps[before], batches[before])
                taken[number] = _taken_back(run, earlier, number, batches[before][-1], again)
        batches = batches + np.cumsum(taken)[process]
    start = batches[0]
    if steps[0] > run.first_step or minutes[0] > AT_ONCE:  # not logged as the run began
        pace = (batches[1] - batches[0]) / max(minutes[1] - minutes[0], 1e-9)
        start = max(start - pace * minutes[0], 0.0)
    return np.interp(run.scalars["minutes"], [0.0, *minutes], [start, *batches]) - start


def _taken_back(run: Run, earlier: int, process: int, before: float, again: float) -> float:
    """How far back a process began, of a count that stood there and began again here."""
    if run.processes["start"][process] < run.processes["end"][earlier]:
        return 0.0
    return max(0.0, before - again)


def arithmetic(run: Run, paid: bool = False) -> np.ndarray:
    """PFLOP that a run's network had taken by every event: decisions and training batches.

    What a restart took back counts only as `paid`. TmnetError where a run did not log it.
    """
    batch_size = positive(section(run.config, "training").get("batch_size"))
    batches = own_batches(run, paid)
    if not (section(run.config, "neural_network") and batch_size and batches is not None):
        raise TmnetError(
            f"Run {run.name} did not log what its arithmetic follows from: neural_network and "
            f"training.batch_size of its configuration, and {BATCHES}."
        )
    network = network_of(run)
    total = costs(network, int(batch_size))
    if not positive(total["flops_per_batch"]):
        raise TmnetError(f"Run {run.name} logged a network of more arithmetic than numbers hold.")
    return pflop(total, batches, own_frames(run, paid))


def network_of(run: Run) -> NetworkConfig:
    """The network whose configuration a run logged; TmnetError where it is none of ours."""
    logged = section(run.config, "neural_network")
    if not logged:
        raise TmnetError(f"Run {run.name} logged no configuration of its network.")
    known = {field.name for field in fields(NetworkConfig)}
    try:
        return NetworkConfig(**{name: value for name, value in logged.items() if name in known})
    except TmnetError as error:  # of a tool whose networks are others
        raise TmnetError(f"Run {run.name} logged no network of ours: {error}") from None
