"""What findings are made of: the values of runs at moments, and how they are said."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.metrics import DECIMALS, RACE_KINDS, Metric, Races, minus
from tmnet.analysis.statistics import ConfidenceInterval
from tmnet.arguments import a_mapping, a_number
from tmnet.errors import TmnetError
from tmnet.logs.run import Run

OF_95 = "95 % of it"  # among the details of findings


class Evidence:
    """What the runs of a comparison tell, and how it is said in words.

    Parameters
    ----------
    comparison : Alignment
    thresholds : mapping of str to float or None
        Values of metrics whose reaching is timed; None for those of `findings`.
    after : float
        A moment on the axis; what came after it is judged.
    seed : int
        Of the draws behind intervals.
    """

    def __init__(
        self,
        comparison: Alignment,
        thresholds: Mapping[str, float] | None,
        after: float,
        seed: int,
    ):
        self.comparison, self.moment, self.seed = comparison, after, seed
        self.axis = comparison.axis
        self.end = float(comparison.grid[-1])
        self.runs = {run.name: run for run in comparison.runs}
        self.metrics = {metric.name: metric for metric in comparison.metrics}
        self.thresholds = self._thresholds(thresholds)

    def races(self, metric: Metric, run: Run, at: float) -> Races:
        """Races of the metric's map and kind that count at a moment."""
        trailing = self.comparison.trailing_of(metric)
        return self.races_between(metric, run, at, -np.inf if trailing is None else at - trailing)

    def races_between(self, metric: Metric, run: Run, at: float, since: float = -np.inf) -> Races:
        """Races of the metric's map and kind that ended by a moment, and after another."""
        assert metric.races is not None  # of a metric of races
        races = self.axis.of(run).races(metric.races)
        count = (races.at > since) & (races.at <= at)
        return Races(races.at[count], races.time_s[count], races.finished[count])

    def misleads(self, metric: Metric) -> bool:
        """Whether a metric is a loss that grows with the number of quantiles, which differs."""
        return metric.name in ("loss", "loss_test") and self.comparison.differ("iqn_n")

    def _thresholds(self, given: Mapping[str, float] | None) -> dict[Metric, float]:
        if given is not None:
            found = {}
            for name, value in a_mapping("thresholds", given).items():
                metric = self.comparison.only([name]).metrics[0]  # or TmnetError
                if metric.better is None or metric.unit == "axis":
                    raise TmnetError(f"{name} has no better and worse: it cannot be a threshold.")
                found[metric] = a_number(f"The threshold of {name}", value)
            return found
        found = {}
        for map_, kind in self.raced("best", kinds=("eval",)):
            metric = Metric.named(f"{map_}/{kind}/best")
            values = [self.value_at_end(metric, run) for run in self.runs.values()]
            values = [value for value in values if np.isfinite(value)]
            if len(values) > 1:
                found[metric] = max(values)
        for map_, kind in self.raced("finish_rate", kinds=("eval",)):
            found[Metric.named(f"{map_}/{kind}/finish_rate")] = 0.5
        return found

    def raced(self, statistic: str, kinds=RACE_KINDS) -> list[tuple[str, str]]:
        """(map, kind) of the comparison's metrics of one statistic."""
        of_races = [metric.races for metric in self.metrics.values() if metric.races]
        return [
            (of.map, of.kind)
            for of in of_races
            if of.statistic == statistic and of.kind in kinds and not of.robust
        ]

    def has(self, metric: Metric, run: Run) -> bool:
        """Whether a run has anything of a metric."""
        return bool(len(self.moments(metric, run)))

    def moments(self, metric: Metric, run: Run) -> np.ndarray:
        """Positions at which a metric of a run may change."""
        there = self.axis.of(run)
        return there.races(metric.races).at if metric.races else there.scalar(metric.name)[0]

    def reached(self, metric: Metric, threshold: float, run: Run) -> float | None:
        """From when on a metric is at least as good as a threshold, until the end."""
        moments = self.moments(metric, run)
        trailing = self.comparison.trailing_of(metric)
        if metric.races and trailing is not None:  # and where a race counts no more
            moments = np.unique([moments, np.round(moments + trailing, DECIMALS)])
        moments = moments[moments <= self.end_of(run)]
        if not len(moments):
            return None
        values = self.comparison.values_at(run, metric, moments)
        near = 1e-6 * abs(threshold)  # logs have 32 bits: 24.6 is 24.600000381 there
        lower = metric.better == "lower"
        good = values <= threshold + near if lower else values >= threshold - near
        last_bad = np.flatnonzero(~good)
        since = int(last_bad[-1]) + 1 if len(last_bad) else 0
        return float(moments[since]) if since < len(moments) else None

    def end_of(self, run: Run) -> float:
        """Where a run ends in the window."""
        return min(self.end, self.comparison.ends[run.name])

    def value_at(self, metric: Metric, run: Run, at: float) -> float:
        """A metric of a run at a moment."""
        return float(self.comparison.values_at(run, metric, np.array([at]))[0])

    def value_at_end(self, metric: Metric, run: Run) -> float:
        """A metric of a run where it ends in the window."""
        return self.value_at(metric, run, self.end_of(run))

    def row(self, run: Run, at: float) -> int | None:
        """Row of the last event at or before a moment."""
        return self.axis.of(run).row_at(at)

    def say_at(self, at: float) -> str:
        """A moment, or a length of the axis."""
        if self.axis.is_time:
            return f"{at:,.1f} min".replace(".0 ", " ")
        return f"{self.axis.show(at)} {self.axis.unit}"

    def say_both_clocks(self, run: Run, at: float) -> tuple[str, dict[str, str]]:
        """A moment by the axis, and by steps or minutes, too: in words, and as details."""
        row = self.row(run, at)
        minutes, step = (run.scalars[name].iat[row] for name in ("minutes", "step"))
        other = f"step {step:,}" if self.axis.is_time else f"{minutes:,.1f} min"
        return f"at {self.say_at(at)} ({other})", {"at": self.say_at(at), "that is": other}

    def say(self, metric: Metric, value: float) -> str:
        """A value, with its unit."""
        shown = minus(self.comparison.show(metric, value))
        return f"{shown} {self.comparison.unit_of(metric)}".rstrip()

    def say_gap(self, metric: Metric, gap: float, precise: bool = False) -> str:
        """A difference of values."""
        shown = self.comparison.show(metric, gap)
        if precise:
            shown = f"{gap * metric.scale:{',.0f' if gap * metric.scale >= 100 else '.2g'}}"
        return f"{minus(shown)} {_unit_of_gap(metric)}".rstrip()

    def say_span(self, metric: Metric, span: ConfidenceInterval) -> str:
        """95 % of a difference of values."""
        digits = metric.digits
        if digits is None and max(map(abs, span)) >= 0.1:
            digits = 2
        form = ",.3g" if digits is None else f",.{digits}f"
        low, high = (minus(f"{x * metric.scale:+{form}}") for x in span)
        return f"{low} to {high} {_unit_of_gap(metric)}".rstrip()

    def say_within(self, metric: Metric, span: ConfidenceInterval) -> str:
        """95 % of a value."""
        low = minus(self.comparison.show(metric, span.low))
        return f"{low} to {self.say(metric, span.high)}"


def ranked(comparison: Alignment, metric: Metric, at: float) -> list[tuple[str, float]] | None:
    """Runs and their values, the best first; None where nobody is ahead, as values show."""
    if metric.better is None:
        return None
    values = {}
    for run in comparison.runs:
        if not comparison.ended(run, at):
            value = comparison.values_at(run, metric, np.array([at]))[0]
            if np.isfinite(value):
                values[run.name] = float(value)
    order = sorted(values.items(), key=lambda x: x[1], reverse=metric.better == "higher")
    if len(order) < 2:
        return None
    shown = [comparison.show(metric, value) for _, value in order[:2]]
    return None if shown[0] == shown[1] else order


def name_of(metric: Metric) -> str:
    """A metric in a sentence."""
    return metric.label.replace(": ", " ")


def say_behind(shown: Mapping[str, str]) -> str:
    """Who follows the first, and with what: "b (25.00 s), then c (26.00 s), d (27.00 s)"."""
    second, *others = (f"{name} ({text})" for name, text in list(shown.items())[1:])
    return f"{second}, then {', '.join(others)}" if others else second


def _unit_of_gap(metric: Metric) -> str:
    return "points" if metric.unit == "%" else metric.unit
