"""Runs of different lengths on one grid: at equal training time, or at equal steps."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from tmnet.analysis.available import all_metric_names, chosen_metrics, unknown_metric
from tmnet.analysis.axis import Axis
from tmnet.analysis.grid import MOST_POINTS, grid_points, hundredth
from tmnet.analysis.metrics import (
    DECIMALS,
    RACE_KINDS,
    RULES,
    STATISTICS,
    Metric,
    OfRaces,
    Races,
    anytime,
    scalar_values,
)
from tmnet.arguments import (
    a_number,
    a_pair,
    a_whole_number,
    one_of,
    several,
    some_names,
    wrong,
)
from tmnet.errors import NoAxisError, TmnetError
from tmnet.logs.run import Run
from tmnet.yaml_text import dotted

if TYPE_CHECKING:
    from tmnet.analysis.statistics.races import Estimates

LATE_SHARE, LATE_RACES = 0.1, 50  # the late window has a tenth of the window, or so many races
ALWAYS_SINCE_START = ("first_finish",)
RULE_WORDS = {"min": "lowest so far", "max": "highest so far"}


@dataclass(frozen=True, eq=False)
class Alignment:
    """Runs x metrics on one grid. Made by `Alignment.of`.

    Attributes
    ----------
    runs : tuple of Run
    metrics : tuple of Metric
    axis : Axis
    interval, window, trailing, rule, smoothing
        As for `tmnet.compare`, with the defaults filled in.
    grid : ndarray
        The grid points: minutes, or steps.
    arms : dict of str to tuple of str
        Names of the runs that are seeds of one arm; empty if none were given.
    """

    runs: tuple[Run, ...]
    metrics: tuple[Metric, ...]
    axis: Axis
    interval: float
    window: tuple[float, float]
    grid: np.ndarray
    trailing: float | str | None
    rule: str
    smoothing: float | None = None
    arms: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        runs: Sequence[Run] | Mapping[str, Sequence[Run]],
        axis: Axis,
        *,
        interval: float | None = None,
        window: tuple[float, float] | None = None,
        metrics: Sequence[str] | None = None,
        trailing: float | str | None = None,
        rule: str = "last",
        smoothing: float | None = None,
    ) -> Self:
        """Align runs; see `tmnet.compare`."""
        arms: dict[str, tuple[str, ...]] = {}
        if isinstance(runs, Mapping):
            seeds = {arm: _listed(x) for arm, x in runs.items()}
            arms = {str(arm): tuple(run.name for run in x) for arm, x in seeds.items()}
            if empty := [arm for arm, names in arms.items() if not names]:
                raise TmnetError(f"The arm {empty[0]} has no runs; give it at least one.")
            runs = [run for x in seeds.values() for run in x]
        runs = tuple(_listed(runs))
        check_runs(runs)
        one_of("rule", rule, RULES)
        interval = None if interval is None else a_number("interval", interval, above=0)
        trailing, smoothing = _trailing(trailing), _smoothing(smoothing, rule)
        ends = [axis.of(run).end for run in runs]
        lo, hi = (0.0, min(ends)) if window is None else a_pair("window", window)
        if lo > hi:
            raise TmnetError(f"The window ends before it starts: {lo:g} to {hi:g}.")
        if interval is None:
            interval = axis.default_interval
            if interval is None or hi - lo > MOST_POINTS * interval:
                interval = hundredth(hi - lo)
        return cls(
            runs=runs,
            metrics=chosen_metrics(runs, metrics),
            axis=axis,
            interval=interval,
            window=(lo, hi),
            grid=grid_points(lo, hi, interval),
            trailing=trailing,
            rule=rule,
            smoothing=smoothing,
            arms=arms,
        )

    def again(self, **changes: Any) -> Self:
        """The same runs compared otherwise.

        Parameters
        ----------
        **changes
            Arguments of `tmnet.compare`. Others stay as they are; but those that are lengths of the
            axis begin anew where it changes: interval, window, trailing and smoothing with another
            `by`, the window with another `clock`.

        Examples
        --------
        >>> import tmnet
        >>> runs = tmnet.load_runs(tmnet.example_runs())
        >>> tmnet.compare(runs).again(by="step").axis.unit
        'steps'
        """
        axis = Axis(changes.pop("by", self.axis.by), changes.pop("clock", self.axis.clock))
        kept: dict[str, Any] = {
            "interval": None,
            "window": None,
            "metrics": [metric.name for metric in self.metrics],
            "trailing": "late" if self.trailing == "late" else None,
            "rule": self.rule,
            "smoothing": None,
        }
        for name in changes:
            if name not in kept:
                raise TmnetError(
                    f"A comparison has no {name!r} to change; it has by, clock, {', '.join(kept)}."
                )
        if axis.by == self.axis.by:
            kept |= {"interval": self.interval, "trailing": self.trailing}
            if changes.get("rule") in (None, self.rule):
                kept["smoothing"] = self.smoothing
            if axis.clock == self.axis.clock or not axis.is_time:
                kept["window"] = self.window
        named = {run.name: run for run in self.runs}
        arms = {arm: [named[name] for name in names] for arm, names in self.arms.items()}
        return self.of(arms or self.runs, axis, **(kept | changes))

    def unit_of(self, metric: Metric) -> str:
        """The unit of a metric's values as they are shown."""
        return self.axis.unit if metric.unit == "axis" else metric.unit

    def show(self, metric: Metric, value: float) -> str:
        """A value of a metric as text, without its unit; a moment as the axis shows it."""
        if metric.unit == "axis" and np.isfinite(value):
            return f"{value:,.1f}" if self.axis.is_time else self.axis.show(value)
        return metric.show(value)

    @functools.cached_property
    def ends(self) -> dict[str, float]:
        """Where each run ends on the axis."""
        return {run.name: self.axis.of(run).end for run in self.runs}

    @property
    def is_whole(self) -> bool:
        """Whether the window is all that the runs have in common, as where none is chosen."""
        return self.window == (0.0, min(self.ends.values()))

    def ended(self, run: Run, at: float | np.ndarray) -> bool | np.ndarray:
        """Whether a run has ended before a position on the axis, or before each of several."""
        return at > self.ends[run.name] * (1 + 1e-12) + 10.0**-DECIMALS

    @property
    def middle(self) -> float:
        """The grid point nearest to the middle of the window."""
        return float(self.grid[np.abs(self.grid - sum(self.window) / 2).argmin()])

    @functools.cached_property
    def values(self) -> np.ndarray:
        """The values, (runs, metrics, grid points); NaN where there is none."""
        return self._evaluate(self.grid)

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """Tidy: run, metric, at (minutes or steps), value; a row for every grid point."""
        runs, metrics, points = self.values.shape
        names = [[run.name for run in self.runs], [metric.name for metric in self.metrics]]
        codes = [
            np.repeat(np.arange(runs), metrics * points),
            np.tile(np.repeat(np.arange(metrics), points), runs),
        ]
        run, name = (pd.Categorical.from_codes(*pair) for pair in zip(codes, names))
        at = np.tile(self.grid, runs * metrics)
        return pd.DataFrame({"run": run, "metric": name, "at": at, "value": self.values.ravel()})

    def _evaluate(self, grid: np.ndarray) -> np.ndarray:
        values = np.empty((len(self.runs), len(self.metrics), len(grid)))
        for i, run in enumerate(self.runs):
            for j, metric in enumerate(self.metrics):
                values[i, j] = self.values_at(run, metric, grid)
            values[i][:, self.ended(run, grid)] = np.nan
        return values

    @property
    def smooth_over(self) -> float:
        """Over which length of the axis scalars are averaged, if they are: see `scalar_values`."""
        return self.smoothing or self.interval

    def values_at(
        self, run: Run, metric: Metric, grid: np.ndarray, trailing: float | None = None
    ) -> np.ndarray:
        """Values of a metric of a run at ascending positions on the axis, (points,); as
        `races_that_count`."""
        if not metric.races:
            there = self.axis.of(run).scalar(metric.name)
            return scalar_values(self.rule, *there, grid, self.smooth_over)
        races, first, behind = self.races_that_count(run, metric, grid, trailing)
        if not len(races.at):
            return np.full(len(grid), np.nan)
        of = STATISTICS[metric.races.statistic]
        if of.span == "anytime":
            return anytime(races, of, grid, self.window[0], self.late)
        return of.rule(races, first, behind)

    def races_that_count(
        self, run: Run, metric: Metric, grid: np.ndarray, trailing: float | None = None
    ) -> tuple[Races, np.ndarray, np.ndarray]:
        """Races of a run, and which of them, [first, behind), a metric is made of at ascending
        positions on the axis; or those of another trailing window than its own."""
        assert metric.races is not None  # of a metric of races
        races = self.axis.of(run).races(metric.races)
        behind = np.searchsorted(races.at, grid, side="right")
        first = np.zeros_like(behind)
        if trailing is None:
            trailing = self.trailing_of(metric)
        if trailing is not None:
            since = np.round(grid - trailing, DECIMALS)
            first = np.searchsorted(races.at, since, side="right")
        return races, first, behind

    @functools.cached_property
    def late(self) -> float:
        """Length of the late window, in units of the axis.

        A tenth of the window, or, where that is longer, what holds the last 50 eval races on the
        first map of the run that raced least of those that reach the last grid point; but at most
        half of the window.
        """
        end = float(self.grid[-1])
        length = end - self.window[0]
        needed = [LATE_SHARE * length]
        for run in self.runs:
            if self.main_races and not self.ended(run, end):
                at = self.axis.of(run).races(self.main_races).at
                at = at[at <= end]
                if len(at):  # from behind the race before them on
                    needed.append(end - at[-LATE_RACES - 1] if len(at) > LATE_RACES else np.inf)
        return round(min(max(needed), length / 2), DECIMALS)

    @functools.cached_property
    def main_races(self) -> OfRaces | None:
        """Eval races of the first map, or, where there are none, explo races; None without any."""
        raced = dict.fromkeys(pair for run in self.runs for pair in run.raced)
        maps = dict.fromkeys(map_ for run in self.runs for map_ in run.maps)
        every = ((map_, kind) for kind in RACE_KINDS for map_ in maps)
        return next((OfRaces(*pair, "races") for pair in every if pair in raced), None)

    def trailing_of(self, metric: Metric) -> float | None:
        """Over which length of the axis races count for a metric; None for all since the start."""
        if metric.races is None or metric.races.statistic in ALWAYS_SINCE_START:
            return None
        if metric.span != "given" or self.trailing == "late":
            return self.late
        assert not isinstance(self.trailing, str)
        return self.trailing

    def counted(self, metric: Metric) -> str:
        """Of when the numbers of a metric are, in words: "last 12 min", "since the start"; "" for
        the last value of a scalar, and for moments."""
        if metric.races is None:
            if self.rule in ("mean", "ema"):
                length = self.axis.say_length(self.smooth_over)
                told = {"mean": f"mean of {length}", "ema": f"moving average, half-life {length}"}
                return told[self.rule]
            return RULE_WORDS.get(self.rule, "")
        if metric.races.statistic in ALWAYS_SINCE_START:
            return ""
        trailing = self.trailing_of(metric)
        if trailing is None:
            return "since the start"
        length = self.axis.say_length(trailing)
        if metric.span == "anytime":
            return f"mean of trailing {length}"
        return f"last {length}"

    @functools.cached_property
    def _found(self) -> dict[str, dict[str, Estimates | None]]:
        return {}

    def bands(self, name: str, baseline: str | None = None) -> np.ndarray:
        """95 % of one metric of single runs, or of how far each is above a baseline, (runs, grid
        points, 2); see `statistics.races`.

        Of finish rates, mean times and the best of ten, where they are of a trailing window; NaN
        where there are too few races in it, and of all other metrics.
        """
        metric = self.metric(name)
        bands = np.full((len(self.runs), len(self.grid), 2), np.nan)
        if self.trailing_of(metric) is None:
            return bands
        if name not in self._found:  # a figure that is drawn again asks again
            self._found[name] = {x.name: self.estimates(x, metric, self.grid) for x in self.runs}
        found = self._found[name]
        for i, run in enumerate(self.runs):
            own, other = found[run.name], found.get(baseline or "")
            if baseline is None and own:
                bands[i] = np.stack(own.interval(), axis=-1)
            elif own and other and run.name != baseline:
                bands[i] = [difference.interval for difference in own.above(other)]
            for one in (run, *(x for x in self.runs if x.name == baseline)):
                bands[i, self.ended(one, self.grid)] = np.nan
        return bands

    def estimates(
        self, run: Run, metric: Metric, grid: np.ndarray, trailing: float | None = None
    ) -> Estimates | None:
        """As `values_at`, and how sure they are; None where there is no telling of it."""
        from tmnet.analysis.statistics.races import estimates  # and SciPy, only where it is asked

        if not metric.races:
            return None
        count = self.races_that_count(run, metric, grid, trailing)
        return estimates(metric.races.statistic, *count)

    def table(self, name: str) -> pd.DataFrame:
        """One metric: a row a grid point, a column a run."""
        j = self._number(name)
        index = pd.Index(self.grid, name=self.axis.unit)
        return pd.DataFrame(self.values[:, j].T, index, [run.name for run in self.runs])

    def at(self, t: float) -> pd.DataFrame:
        """All metrics at one moment, on the grid or not: a row a metric, a column a run."""
        t = a_number("t", t)
        moment = round(t, DECIMALS) if self.axis.is_time else t  # as positions are
        values = self._evaluate(np.array([moment]))[:, :, 0]
        names = pd.Index([metric.name for metric in self.metrics], name="metric")
        return pd.DataFrame(values.T, names, [run.name for run in self.runs])

    def arm_table(self, name: str, seed: int = 0) -> pd.DataFrame:
        """One metric of the arms: a row for every grid point and arm.

        Columns: at, arm, iqm (of 4 seeds or more their inter-quartile mean, of fewer their median:
        see `statistics.seeds.summary`; missing where too many never got there, or one has ended),
        low, high (95 %), seeds (how many have a value), statistic ("IQM" or "median"), n (how many
        there are). `seed` is that of the bootstrap.
        """
        from tmnet.analysis.arms import arm_table  # and SciPy, only for arms

        return arm_table(self, self.metric(name), a_whole_number("seed", seed, least=0))

    def races_behind(self, t: float) -> pd.DataFrame:
        """How many races stand behind each metric of races at one moment: as `at`."""
        t = a_number("t", t)
        of_races = [metric for metric in self.metrics if metric.races]
        counts = np.full((len(of_races), len(self.runs)), np.nan)
        for i, metric in enumerate(of_races):
            for j, run in enumerate(self.runs):
                races, first, behind = self.races_that_count(run, metric, np.array([t]))
                if len(races.at) and not self.ended(run, t):
                    counts[i, j] = behind[0] - first[0]
        names = pd.Index([metric.name for metric in of_races], name="metric")
        return pd.DataFrame(counts, names, [run.name for run in self.runs])

    def config_diff(self) -> pd.DataFrame:
        """Configuration entries in which the runs differ: a row an entry, a column a run."""
        flat = {run.name: dotted(run.config) for run in self.runs}
        names = dict.fromkeys(name for config in flat.values() for name in config)
        differing = [
            name for name in names if len({repr(config.get(name)) for config in flat.values()}) > 1
        ]
        rows = [[config.get(name) for config in flat.values()] for name in differing]
        return pd.DataFrame(rows, pd.Index(differing, name="setting"), list(flat), dtype=object)

    @functools.cached_property
    def notes(self) -> list[str]:
        """What a reader of these numbers must know: a sentence each."""
        notes = [note for run in self.runs for note in run.told.notes]
        notes += [
            f"{run.name} begins behind the window, at {self.axis.show(begin)} {self.axis.unit}, "
            "and has no values in it."
            for run in self.runs
            if (begin := self.axis.of(run).begin) > self.window[1]
        ]
        for metric in self.metrics:
            for run in self.runs if not metric.races else ():
                value = self.axis.of(run).scalar(metric.name)[1]
                if count := int(np.count_nonzero(~np.isfinite(value))):
                    notes.append(
                        f"{metric.name} of {run.name}: {count} of {len(value)} values are NaN or "
                        "infinite, and shown as missing."
                    )
        if any(metric.name == "loss" and self.misleads(metric) for metric in self.metrics):
            notes.append(
                "These runs train with different numbers of quantiles (iqn_n), with which the "
                "loss grows: compare losses only between runs of equal iqn_n, or per quantile."
            )
        return notes

    def differ(self, setting: str) -> bool:
        """Whether the runs logged different values of a setting of the network."""
        name = f"neural_network.{setting}"
        logged = [config[name] for run in self.runs if name in (config := dotted(run.config))]
        return any(value != logged[0] for value in logged)

    def misleads(self, metric: Metric) -> bool:
        """Whether a metric is a loss that grows with the number of quantiles, which differs."""
        return metric.name in ("loss", "loss_test") and self.differ("iqn_n")

    def metric(self, name: str) -> Metric:
        """One of its metrics, by its name."""
        return self.metrics[self._number(name)]

    def only(self, names: Sequence[str]) -> Self:
        """The same comparison of some of its metrics, without computing anything again."""
        numbers = [self._number(name) for name in some_names("names", names)]
        part = replace(self, metrics=tuple(self.metrics[j] for j in numbers))
        part.__dict__["values"] = self.values[:, numbers]
        return part

    def _number(self, name: str) -> int:
        names = [metric.name for metric in self.metrics]
        wanted = Metric.named(name, logged=names).name
        if wanted not in names:
            if wanted in all_metric_names(self.runs):
                again = f"again(metrics=[{wanted!r}]) has it"
                raise TmnetError(f"There is no metric {wanted} in this comparison; {again}.")
            raise TmnetError(unknown_metric(name, names))
        return names.index(wanted)


def having_axis(runs: Sequence[Run], axis: Axis) -> tuple[list[Run], list[str]]:
    """The runs that have an axis, and a sentence on why each of the others has not."""
    kept, notes = [], []
    for run in runs:
        try:
            axis.of(run)
        except NoAxisError as error:
            notes.append(str(error))
        else:
            kept.append(run)
    return kept, notes


def _trailing(value: Any) -> float | str | None:
    if isinstance(value, str):
        if value != "late":
            raise wrong("trailing", value, "a number greater than 0, or 'late'")
        return value
    return None if value is None else a_number("trailing", value, above=0)


def _smoothing(value: Any, rule: str) -> float | None:
    if value is not None and rule != "ema":
        raise TmnetError(f"smoothing is that of rule='ema', and rule is {rule!r}.")
    return None if value is None else a_number("smoothing", value, above=0)


def _listed(runs: Any) -> list[Run]:
    if isinstance(runs, Run):
        return [runs]
    return several("runs", runs, Run, "runs, as tmnet.load_run returns them")


def check_runs(runs: Sequence[Run]) -> None:
    """TmnetError if there are none, or two of one name."""
    if not runs:
        raise TmnetError("There are no runs to compare: give at least one run.")
    names = [run.name for run in runs]
    if twice := {name for name in names if names.count(name) > 1}:
        told = f"Run {', '.join(sorted(twice))} is given twice; each can be there once."
        if len({run.logdir for run in runs if run.name == min(twice)}) > 1:
            told += (
                f" One of them can have a name of its own: load_run(…, pieces=[{min(twice)!r}])."
            )
        raise TmnetError(told)
