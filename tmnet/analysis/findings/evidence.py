"""What findings are made of: who is compared with whom, by which metrics, and values at moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.available import chosen_metrics
from tmnet.analysis.axis import Axis
from tmnet.analysis.grid import fitting_interval
from tmnet.analysis.metrics import DECIMALS, Metric, OfRaces
from tmnet.analysis.on_axis import arithmetic, own_frames
from tmnet.analysis.statistics import ConfidenceInterval
from tmnet.arguments import a_mapping, a_number, a_text, some_names
from tmnet.errors import TmnetError
from tmnet.logs.run import Run

PRIMARY = ("late_rate", "late_best_of_10")  # of the main races, if none are declared
OTHER_AXES = ("time", "step", "flops")
MOST_MOMENTS = 1000  # at which a curve of sorted races is looked at


class Spent(NamedTuple):
    """What a run had taken by a moment: minutes, frames of its own, and PFLOP (NaN if unknown)."""

    minutes: float
    steps: float
    pflop: float


def bounded(metric: Metric, interval: ConfidenceInterval) -> ConfidenceInterval:
    """95 % of a difference, which is no larger than values lie apart at most."""
    least, most = metric.limits
    return ConfidenceInterval(max(interval.low, least - most), min(interval.high, most - least))


class Evidence:
    """What the runs of a comparison tell.

    Parameters
    ----------
    comparison : Alignment
    thresholds : mapping of str to float, optional
        Values of metrics whose reaching is timed; by default those of `findings`.
    after : float, optional
        A moment on the axis; what came after it is judged.
    baseline : str, optional
        The run or arm with which the others are compared.
    primary : sequence of str, optional
        The metrics by which they are.
    seed : int
        Of what is drawn.

    Attributes
    ----------
    subjects : dict of str to tuple of Run
        Arms with their seeds; or single runs, of which each is its own.
    copies : dict of str to str
        Seeds that are a copy of another of their arm, and of which.
    left_out : dict of str to str
        Runs that are in no contrast, and why.
    main_races : OfRaces or None
        Those of the comparison, on the first map on which the baseline has some.
    end : float
        The last grid point.
    """

    def __init__(
        self,
        comparison: Alignment,
        thresholds: Mapping[str, float] | None = None,
        after: float | None = None,
        baseline: str | None = None,
        primary: Sequence[str] | None = None,
        seed: int = 0,
    ):
        self.comparison, self.seed, self.axis = comparison, seed, comparison.axis
        self.end = float(comparison.grid[-1])
        self.moment = comparison.middle if after is None else after
        self.runs = {run.name: run for run in comparison.runs}
        self.are_arms = bool(comparison.arms)
        arms = comparison.arms or {name: (name,) for name in self.runs}
        self.subjects = {arm: tuple(self.runs[name] for name in arms[arm]) for arm in arms}
        self.copies = self._copies() if self.are_arms else {}
        self._taken_by: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self.left_out = {
            name: why for name, run in self.runs.items() if (why := self._why_left_out(run))
        }
        self.baseline = self._baseline(baseline)
        self.main_races = self._main_races()
        self.primary = self._primary(primary)
        self.thresholds = self._thresholds(thresholds)

    # --- who, and by what -------------------------------------------------------------------------

    def _main_races(self) -> OfRaces | None:
        of = self.comparison.main_races
        raced = {pair for run in self.subjects[self.baseline] for pair in run.raced}
        maps = dict.fromkeys(map_ for run in self.runs.values() for map_ in run.maps)
        return of and next((of._replace(map=x) for x in maps if (x, of.kind) in raced), of)

    def _primary(self, given: Sequence[str] | None) -> tuple[Metric, ...]:
        if given is None:
            of = self.main_races
            names = [of._replace(statistic=statistic).name for statistic in PRIMARY] if of else []
            return tuple(map(Metric.named, names))
        chosen = chosen_metrics(self.comparison.runs, some_names("primary", given))
        for metric in chosen:
            if metric.better is None:
                raise TmnetError(
                    f"{metric.name} has no better and worse that its name tells, as that of a "
                    "return, a reward or a loss does: it cannot be primary."
                )
        return chosen

    def _baseline(self, given: str | None) -> str:
        if given is None:
            free = (arm for arm in self.subjects if self.counted(arm))
            return next(free, next(iter(self.subjects)))
        if a_text("baseline", given) not in self.subjects:
            names = ", ".join(self.subjects)
            raise TmnetError(f"The baseline {given} is none of what is compared: {names}.")
        for run in self.subjects[given]:  # who names it wants it, wherever it started from
            if not self.comparison.ended(run, self.end) and run.name not in self.copies:
                self.left_out.pop(run.name, None)
        return given

    def _copies(self) -> dict[str, str]:
        """Seeds whose log is that of another of their arm, and of which: they are no seeds of their
        own."""
        return {
            run.name: original.name
            for runs in self.subjects.values()
            for i, run in enumerate(runs)
            if (original := next((x for x in runs[:i] if _is_same_log(x, run)), None))
        }

    def _why_left_out(self, run: Run) -> str:
        if original := self.copies.get(run.name):
            return f"it is a copy of {original}"
        if self.comparison.ended(run, self.end):
            return f"it ends at {self.say_at(self.comparison.ends[run.name])}"
        return f"it starts from {run.source}" if run.source else ""

    def counted(self, subject: str) -> list[Run]:
        """Those runs of a subject that are in contrasts."""
        return [run for run in self.subjects[subject] if run.name not in self.left_out]

    def watched(self, subject: str) -> list[Run]:
        """Those that are in contrasts, and those from scratch that ended early."""
        return [
            run for run in self.subjects[subject]
            if run.name not in self.left_out
            or (self.comparison.ended(run, self.end)
                and not run.source and run.name not in self.copies)
        ]  # fmt: skip

    @property
    def contrasted(self) -> list[str]:
        """The subjects that are compared with the baseline."""
        if not self.counted(self.baseline):
            return []
        return [arm for arm in self.subjects if arm != self.baseline and self.counted(arm)]

    def elsewhere(self) -> list[Evidence]:
        """The same contrasts at equal amounts of something else, as far as all of them went: at
        all, or, where a window was chosen, in that."""
        arms = [self.baseline, *self.contrasted]
        counted = {arm: self.counted(arm) for arm in arms}
        runs = [run for seeds in counted.values() for run in seeds]
        found = []
        for by in OTHER_AXES:
            if by == self.axis.by or (by, self.axis.by) == ("step", "relative_step"):
                continue
            axis = Axis(by, self.axis.clock)
            try:
                ends = [
                    axis.of(run).end if self.comparison.is_whole
                    else axis.of(run).position(self.row(run, self.end))
                    for run in runs
                ]  # fmt: skip
            except TmnetError:  # not all have it
                continue
            if len(arms) > 1 and min(ends) > 0:
                # those that are left out may be the only ones with a metric
                names = [
                    metric.name for metric in self.primary
                    if any(self.has(metric, run) for run in runs)
                ]  # fmt: skip
                other = self.comparison.of(
                    counted if self.are_arms else runs, axis, window=(0.0, min(ends)),
                    interval=None if axis.default_interval is None else
                    fitting_interval(runs, axis),
                    metrics=names, rule=self.comparison.rule,
                    trailing="late" if self.comparison.trailing == "late" else None,
                )  # fmt: skip
                found.append(Evidence(other, {}, None, self.baseline, names, self.seed))
        return found

    def _thresholds(self, given: Mapping[str, float] | None) -> dict[Metric, float]:
        found: dict[Metric, float] = {}
        if given is not None:
            for name, value in a_mapping("thresholds", given).items():
                (metric,) = chosen_metrics(self.comparison.runs, [name])
                if metric.better is None or metric.unit == "axis":
                    raise TmnetError(f"{name} has no better and worse: it cannot be a threshold.")
                found[metric] = a_number(f"The threshold of {name}", value)
                least, most = metric.limits
                if not least <= found[metric] <= most:
                    raise TmnetError(
                        f"The threshold of {name} is {value}; a rate is {least:g} to {most:g}."
                    )
            return found
        for metric in self.primary:
            values = [self.value_at_end(metric, run) for run in self.runs.values()]
            values = [value for value in values if np.isfinite(value)]
            if metric.unit == "axis":  # it is a moment
                continue
            if metric.unit == "%":
                found[metric] = 0.5
            elif len(values) > 1 and metric.races:
                found[metric] = max(values) if metric.better == "lower" else min(values)
        return found

    # --- values -----------------------------------------------------------------------------------

    def has(self, metric: Metric, run: Run) -> bool:
        """Whether a run has anything of a metric."""
        return bool(len(self.moments(metric, run)))

    def moments(self, metric: Metric, run: Run) -> np.ndarray:
        """Positions at which a metric of a run may change."""
        there = self.axis.of(run)
        if not metric.races:
            return there.scalar(metric.name)[0]
        at = there.races(metric.races).at
        if (trailing := self.comparison.trailing_of(metric)) is not None:  # and counts no more
            at = np.unique(np.concatenate([at, np.round(at + trailing, DECIMALS)]))
        return at

    def reached(self, metric: Metric, threshold: float, run: Run) -> float | None:
        """From when on a metric is at least as good as a threshold, until the end."""
        moments = self.moments(metric, run)
        moments = moments[moments <= self.end_of(run)]
        near = 1e-6 * abs(threshold)  # logs have 32 bits: 24.6 is 24.600000381 there
        lower = metric.better == "lower"
        behind, length = len(moments), 64
        while behind > 0:  # from the end on, in ever longer parts: often the last is bad
            first = max(behind - length, 0)
            values = self.comparison.values_at(run, metric, moments[first:behind])
            good = values <= threshold + near if lower else values >= threshold - near
            if not good.all():
                since = first + int(np.flatnonzero(~good)[-1]) + 1
                return float(moments[since]) if since < len(moments) else None
            behind, length = first, 2 * length
        return float(moments[0]) if len(moments) else None

    def end_of(self, run: Run) -> float:
        """Where a run ends in the window."""
        return min(self.end, self.comparison.ends[run.name])

    def value_at(self, metric: Metric, run: Run, at: float) -> float:
        """A metric of a run at a moment."""
        return float(self.comparison.values_at(run, metric, np.array([at]))[0])

    def value_at_end(self, metric: Metric, run: Run) -> float:
        """A metric of a run where it ends in the window."""
        return self.value_at(metric, run, self.end_of(run))

    def row(self, run: Run, at: float) -> int:
        """Row of the last event at or before a moment; TmnetError where there is none."""
        row = self.axis.of(run).row_at(at)
        if row is None:
            raise TmnetError(f"{run.name} begins behind {self.say_at(at)}.")
        return row

    def spent(self, run: Run, at: float) -> Spent | None:
        """What a run had taken by a moment; None where it begins behind it."""
        row = self.axis.of(run).row_at(at)
        if row is None:
            return None
        if run.name not in self._taken_by:
            self._taken_by[run.name] = self._taken(run)
        minutes, steps, pflop = self._taken_by[run.name]
        return Spent(*(float(x[row]) for x in (minutes, steps, pflop)))

    def _taken(self, run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # in the minutes that count it played what a restart took back, too
        paid = self.axis.is_time
        minutes = np.asarray(run.minutes_by(self.axis.clock))
        try:
            pflop = arithmetic(run, paid)
        except TmnetError:
            pflop = np.full(len(minutes), np.nan)
        return minutes, own_frames(run, paid), pflop

    def raced(self, kinds: Sequence[str]) -> list[tuple[str, str]]:
        """(map, kind) of all races of some kinds."""
        raced = dict.fromkeys(pair for run in self.runs.values() for pair in run.raced)
        return [pair for pair in raced if pair[1] in kinds]

    def say_at(self, at: float) -> str:
        """A moment of the axis."""
        return self.axis.say(at)


def _is_same_log(one: Run, other: Run) -> bool:
    """Whether two runs logged the same at the same times of day, which no two trainings do."""
    a, b = (run.scalars[["wall_time", "step", "value"]] for run in (one, other))
    if len(a) != len(b) or a["wall_time"].iloc[-1] != b["wall_time"].iloc[-1]:
        return False
    return np.array_equal(a.to_numpy(), b.to_numpy(), equal_nan=True)


def thinned(metric: Metric, moments: np.ndarray) -> np.ndarray:
    """All moments; of what has to sort the races of each, at most a thousand of them, evenly, the
    first and the last included."""
    sorts = metric.races and metric.races.statistic in ("best_of_10", "late_best_of_10")
    if not sorts or len(moments) <= MOST_MOMENTS:
        return moments
    return moments[evenly(len(moments))]


def evenly(n: int) -> np.ndarray:
    """Numbers of all of n moments; of more than a thousand, of so many, evenly, the first and the
    last included."""
    return np.linspace(0, n - 1, min(n, MOST_MOMENTS)).round().astype(int)
