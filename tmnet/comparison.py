"""Runs of different lengths side by side: at equal training time, or at equal steps."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from tmnet.analysis.alignment import (
    DEFAULT_INTERVAL,
    check_arguments,
    chosen_metrics,
    count_of,
    grid_points,
    hundredth,
    unknown_metric,
)
from tmnet.analysis.metrics import (
    DECIMALS,
    STATISTICS,
    Metric,
    metric,
    scalar_values,
)
from tmnet.analysis.on_axis import on_axis
from tmnet.errors import TmnetError
from tmnet.logs.run import Run
from tmnet.yaml_text import dotted


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs x metrics on one grid. Made by `compare`.

    Attributes
    ----------
    runs : tuple of Run
    metrics : tuple of Metric
    by, clock, interval, window, trailing, rule
        As for `compare`, with the defaults filled in.
    grid : ndarray
        The grid points: minutes, or steps.
    arms : dict of str to tuple of str
        Names of the runs that are seeds of one arm; empty if none were given.
    """

    runs: tuple[Run, ...]
    metrics: tuple[Metric, ...]
    by: str
    clock: str
    interval: float
    window: tuple[float, float]
    grid: np.ndarray
    trailing: float | None
    rule: str
    arms: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return (
            f"<Comparison of {', '.join(run.name for run in self.runs)}: {len(self.metrics)} "
            f"metrics at {len(self.grid)} grid points, {self.axis_label}>"
        )

    @property
    def axis_unit(self) -> str:
        """ "min", "steps", "PFLOP", or the name of the counter that is the axis."""
        units = {"time": "min", "step": "steps", "relative_step": "steps", "flops": "PFLOP"}
        return units.get(self.by, self.by)

    @property
    def axis_label(self) -> str:
        """What the axis shows, with its unit."""
        if self.by == "time":
            return f"{'active' if self.clock == 'active' else 'wall clock'} training time (min)"
        return {
            "step": "steps (frames played)",
            "relative_step": "steps since the run's first",
            "flops": "arithmetic of the network (PFLOP)",
        }.get(self.by, self.by)

    @functools.cached_property
    def ends(self) -> dict[str, float]:
        """Where each run ends on the axis."""
        return {run.name: on_axis(run, self.by, self.clock).end for run in self.runs}

    def ended(self, run: Run, at: float | np.ndarray) -> bool | np.ndarray:
        """Whether a run has ended before a position on the axis, or before each of several."""
        return at > self.ends[run.name] * (1 + 1e-12)

    @property
    def middle(self) -> float:
        """The grid point nearest to the middle of the window."""
        return float(self.grid[np.abs(self.grid - sum(self.window) / 2).argmin()])

    def show_at(self, at: float) -> str:
        """A position on the axis as text, without its unit."""
        if self.by in ("time", "flops"):
            return f"{at:,.2f}".rstrip("0").rstrip(".")
        return f"{at:,.0f}"

    def show_value(self, some: Metric, value: float) -> str:
        """A value of a metric as text, without its unit; a moment as the axis shows it."""
        if some.unit == "axis" and np.isfinite(value):
            return f"{value:,.1f}" if self.by == "time" else f"{value:,.0f}"
        return some.show(value)

    @functools.cached_property
    def values(self) -> np.ndarray:
        """The values, (runs, metrics, grid points); NaN where there is none."""
        return self._evaluate(self.grid)

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """Tidy: run, metric, at (minutes or steps), value; a row for every grid point."""
        runs, metrics, points = self.values.shape
        names = [[run.name for run in self.runs], [some.name for some in self.metrics]]
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
            for j, some in enumerate(self.metrics):
                values[i, j] = self.values_at(run, some, grid)
            values[i][:, self.ended(run, grid)] = np.nan
        return values

    def values_at(self, run: Run, some: Metric, grid: np.ndarray) -> np.ndarray:
        """Values of a metric of a run at ascending positions on the axis, (points,)."""
        there = on_axis(run, self.by, self.clock)
        if not some.races:
            return scalar_values(self.rule, *there.scalar(some.name), grid, self.interval)
        map_, kind, statistic = some.races
        races = there.races(map_, kind, statistic.startswith("robust_"))
        if not len(races.at):
            return np.full(len(grid), np.nan)
        behind = np.searchsorted(races.at, grid, side="right")
        first = np.zeros_like(behind)
        if self.trailing is not None:
            since = np.round(grid - self.trailing, DECIMALS)
            first = np.searchsorted(races.at, since, side="right")
        return STATISTICS[statistic].rule(races, first, behind)

    def table(self, name: str) -> pd.DataFrame:
        """One metric: a row a grid point, a column a run."""
        j = self._number(name)
        index = pd.Index(self.grid, name=self.axis_unit)
        return pd.DataFrame(self.values[:, j].T, index, [run.name for run in self.runs])

    def at(self, t: float) -> pd.DataFrame:
        """All metrics at one moment, on the grid or not: a row a metric, a column a run."""
        values = self._evaluate(np.array([t], float))[:, :, 0]
        names = pd.Index([some.name for some in self.metrics], name="metric")
        return pd.DataFrame(values.T, names, [run.name for run in self.runs])

    def arm_table(self, name: str, seed: int = 0) -> pd.DataFrame:
        """One metric of the arms: a row for every grid point and arm.

        Columns: at, arm, iqm (inter-quartile mean of its seeds; missing until all of them have a
        value), low, high (95 % of it), seeds (how many have a value). `seed` is that of the
        bootstrap.
        """
        from tmnet.analysis.statistics import iqm, iqm_interval

        table, rows = self.table(name), []
        for at, values in zip(self.grid, table.to_numpy()):
            for arm, names in self.arms.items():
                some = values[table.columns.isin(names)]
                known = int(np.isfinite(some).sum())
                middle, low, high = np.nan, np.nan, np.nan
                if known == len(some):
                    middle, (low, high) = iqm(some), iqm_interval(some, seed)
                rows.append((at, arm, middle, low, high, known))
        return pd.DataFrame(rows, columns=["at", "arm", "iqm", "low", "high", "seeds"])

    def races_behind(self, t: float) -> pd.DataFrame:
        """How many races stand behind each metric of races at one moment: as `at`."""
        of_races = [some for some in self.metrics if some.races]
        counts = replace(self, metrics=tuple(map(count_of, of_races))).at(t)
        return counts.set_axis(pd.Index([some.name for some in of_races], name="metric"))

    def findings(
        self, thresholds: Mapping[str, float] | None = None, after: float | None = None,
        seed: int = 0,
    ) -> list:  # fmt: skip
        """What it shows, as statements. See `tmnet.analysis.findings.findings`."""
        from tmnet.analysis.findings.runs import findings

        return findings(self, thresholds, after, seed)

    def config_diff(self) -> pd.DataFrame:
        """Configuration entries in which the runs differ: a row an entry, a column a run."""
        flat = {run.name: dotted(run.config) for run in self.runs}
        names = dict.fromkeys(name for config in flat.values() for name in config)
        differing = [
            name for name in names if len({repr(config.get(name)) for config in flat.values()}) > 1
        ]
        rows = [[config.get(name) for config in flat.values()] for name in differing]
        return pd.DataFrame(rows, pd.Index(differing, name="setting"), list(flat), dtype=object)

    def plot(self, name: str, **options):
        """One metric along the axis, a line a run: a matplotlib Figure. See `tmnet.figures`."""
        return self.plot_grid([name], **options)

    def plot_grid(self, names: Sequence[str] | None = None, **options):
        """Several metrics, one an axes: a matplotlib Figure. See `tmnet.figures.plot_grid`."""
        from tmnet.figures import plot_grid

        return plot_grid(self, names, **options)

    def export(
        self,
        directory: str | Path,
        prefix: str,
        formats: Iterable[str] = ("png", "svg"),
        dpi: float = 200,
    ) -> list[Path]:
        """Write a figure for each metric, and tables. See `tmnet.export.export`."""
        from tmnet.export import export

        return export(self, directory, prefix, formats, dpi)

    @functools.cached_property
    def notes(self) -> list[str]:
        """What a reader of these numbers must know: a sentence each."""
        notes = [
            f"{run.name} begins behind the window, at {self.show_at(begin)} {self.axis_unit}, and "
            "has no values in it."
            for run in self.runs
            if (begin := on_axis(run, self.by, self.clock).begin) > self.window[1]
        ]
        for some in self.metrics:
            for run in self.runs if not some.races else ():
                value = on_axis(run, self.by, self.clock).scalar(some.name)[1]
                if count := int(np.count_nonzero(~np.isfinite(value))):
                    notes.append(
                        f"{some.name} of {run.name}: {count} of {len(value)} values are NaN or "
                        "infinite, and shown as missing."
                    )
        if any(some.name == "loss" for some in self.metrics) and self.differ("iqn_n"):
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

    def only(self, names: Sequence[str]) -> Comparison:
        """The same comparison of some of its metrics, without computing anything again."""
        numbers = [self._number(name) for name in names]
        part = replace(self, metrics=tuple(self.metrics[j] for j in numbers))
        part.__dict__["values"] = self.values[:, numbers]
        return part

    def _number(self, name: str) -> int:
        names = [some.name for some in self.metrics]
        try:
            return names.index(metric(name).name)
        except ValueError:
            raise TmnetError(unknown_metric(name, names)) from None


def compare(
    runs: Sequence[Run] | Mapping[str, Sequence[Run]],
    by: str = "time",
    interval: float | None = None,
    window: tuple[float, float] | None = None,
    metrics: Sequence[str] | None = None,
    clock: str = "active",
    trailing: float | None = None,
    rule: str = "last",
) -> Comparison:
    """Compare runs at equal training time, or at equal steps.

    Parameters
    ----------
    runs : sequence of Run, or mapping of str to sequence of Run
        A mapping names the arms of a study, each with the runs that are its seeds.
    by : str
        "time" (minutes), "step" (frames played), "relative_step" (since the run's own first
        step), "flops" (PFLOP that the network took), or the tag of a counter that all runs logged.
    interval : float, optional
        Distance between grid points: 5 minutes, or 50,000 steps, or a hundredth of the window.
    window : (float, float), optional
        Part of the axis to look at. The default ends where the shortest run ends; a window may
        reach beyond that, and runs that have ended have no values there.
    metrics : sequence of str, optional
        Names of metrics; the default is all metrics of races, loss, average Q and the share of
        time spent training.
    clock : {"active", "wall"}
        For ``by="time"``: minutes that processes of the run were running, or minutes since its
        first record.
    trailing : float, optional
        Count only races of the last `trailing` minutes (or steps); by default all from the start.
    rule : {"last", "min", "max", "mean", "ema"}
        How scalars are evaluated; see `tmnet.analysis.metrics.scalar_values`.

    Returns
    -------
    Comparison

    Raises
    ------
    TmnetError
        If an argument makes no sense, or names something that no run has.
    """
    arms = {}
    if isinstance(runs, Mapping):
        runs = {arm: [some] if isinstance(some, Run) else list(some) for arm, some in runs.items()}
        arms = {str(arm): tuple(run.name for run in seeds) for arm, seeds in runs.items()}
        if empty := [arm for arm, seeds in arms.items() if not seeds]:
            raise TmnetError(f"The arm {empty[0]} has no runs; give it at least one.")
        runs = [run for seeds in runs.values() for run in seeds]
    runs = tuple([runs] if isinstance(runs, Run) else runs)
    check_arguments(runs, clock, rule, interval, trailing)
    ends = [on_axis(run, by, clock).end for run in runs]
    lo, hi = (0.0, min(ends)) if window is None else map(float, window)
    if not (np.isfinite([lo, hi]).all() and lo <= hi):
        raise TmnetError(f"The window ends before it starts: {lo:g} to {hi:g}.")
    if interval is None:
        interval = DEFAULT_INTERVAL.get(by) or hundredth(hi - lo)
    return Comparison(
        runs=runs,
        metrics=chosen_metrics(runs, metrics),
        by=by,
        clock=clock,
        interval=float(interval),
        window=(lo, hi),
        grid=grid_points(lo, hi, float(interval)),
        trailing=None if trailing is None else float(trailing),
        rule=rule,
        arms=arms,
    )
