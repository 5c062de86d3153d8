"""What a comparison shows, as statements: who leads, since when, at what cost, and how surely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tmnet.analysis.findings.finding import HEADINGS, Finding
from tmnet.analysis.metrics import DECIMALS, RACE_KINDS, Metric, Races, metric, minus
from tmnet.analysis.on_axis import STEPS, arithmetic, on_axis, own_batches, own_frames
from tmnet.analysis.statistics import (
    Interval,
    Times,
    difference,
    rate_difference,
    rate_interval,
)
from tmnet.comparison import Comparison, compare
from tmnet.errors import TmnetError
from tmnet.logs.run import Run

AFTER = ("best", "finish_rate", "mean")  # of eval races, and the loss: what is followed
OF_95, BY_FEW = "95 % of it", "by the best of equally few races"
FEW = 20  # of so many races the best of one can be told: what no race came to, no draw tells
SLOW = {"best": 0.05, "mean": 0.1, "finish_rate": 0.02}  # an hour, or a million steps: a plateau
SHORTEST_PLATEAU = 0.2  # of the window, where that is less than an hour, or a million steps
FEW_RACES = 30
LATE_START = 0.01  # of all steps: a run that begins behind them went on from a checkpoint
LATE = 0.25  # of the window: the races of late
LAST_VALUES = 10  # of a scalar, whose scatter is its noise


def findings(
    comparison: Comparison,
    thresholds: Mapping[str, float] | None = None,
    after: float | None = None,
    seed: int = 0,
) -> list[Finding]:
    """State what a comparison shows, in the order in which a reader needs it.

    Parameters
    ----------
    comparison : Comparison
    thresholds : mapping of str to float, optional
        Values of metrics whose reaching is timed: ``{"A01/eval/best": 24.6}``. By default the best
        time that all runs with a finish get to, and a finish rate of 50 %.
    after : float, optional
        A moment on the axis; what came after it is judged. By default half of the window.
    seed : int
        Of the draws behind intervals.

    Returns
    -------
    list of Finding

    Raises
    ------
    TmnetError
        If a threshold is of an unknown metric, or the moment is outside of the window.
    """
    lo, hi = comparison.window
    after = comparison.middle if after is None else after
    if not isinstance(after, (int, float, np.number)):
        raise TmnetError(f"The moment {after!r} is not a number of {comparison.axis_unit}.")
    if not lo <= after <= hi:
        raise TmnetError(
            f"The moment {after:g} is outside of the window of {lo:g} to {hi:g} "
            f"{comparison.axis_unit}."
        )
    if comparison.arms:
        from tmnet.analysis.findings.arms import ArmFinder as Finder
    else:
        Finder = RunFinder
    return Finder(comparison, thresholds, float(after), seed).all()


class RunFinder:
    """Looks through a comparison; each method yields the findings of a kind."""

    def __init__(
        self,
        comparison: Comparison,
        thresholds: Mapping[str, float] | None,
        after: float,
        seed: int,
    ):
        self.comparison, self.moment, self.seed = comparison, after, seed
        self.end = float(comparison.grid[-1])
        self.runs = {run.name: run for run in comparison.runs}
        self.metrics = {some.name: some for some in comparison.metrics}
        self.thresholds = self._thresholds(thresholds)

    def all(self) -> list[Finding]:
        return [finding for kind in HEADINGS for finding in getattr(self, kind)()]

    # --- who leads --------------------------------------------------------------------------------

    def leader(self) -> Iterator[Finding]:
        for some in self.metrics.values():
            if some.unit == "axis" or self._misleads(some):
                continue
            ranked = self._ranked(some, self.comparison, self.end)
            if ranked is None:
                continue
            (first, value), (second, next_value) = ranked[:2]
            shown = {name: self._value(some, x) for name, x in ranked}
            details = {"lead": self._gap(some, abs(value - next_value))}
            lead, noise, told = self._noise(some, first, second, details)
            yield Finding(
                "leader", tuple(shown), some.name, self.end,
                abs(value - next_value) if lead is None else lead, noise,
                f"{name_of(some)} at {self._at(self.end)}: {first} leads with {shown[first]}, "
                f"{details['lead']} ahead of {_behind(shown)}{told}.", shown, details,
            )  # fmt: skip

    def _noise(
        self, some: Metric, first: str, second: str, details: dict[str, str]
    ) -> tuple[float | None, Interval | None, str]:
        """The lead of the first over the second, 95 % of it, and that in words; None, if few races
        tell neither. What is told goes into details, too."""
        found = self._difference(some, self.runs[first], self.runs[second], self.end)
        if found is None:
            return None, None, ""
        lead, noise, races = found
        if some.better == "lower":
            lead, noise = -lead, Interval(-noise.high, -noise.low)
        details[OF_95] = self._span(some, noise)
        where = "beyond" if noise.low > 0 else "within"
        told = f"{where} the noise (95 %: {details[OF_95]})"
        if not races:
            return lead, noise, f"; the lead is {told}"
        details[BY_FEW] = f"{self._gap(some, lead)} ({races:,} races)"
        side = "ahead" if lead > 0 else "behind"
        gap = self._gap(some, abs(lead))
        return lead, noise, f"; by the best of {races:,} races each it is {gap} {side}, {told}"

    def _ranked(
        self, some: Metric, comparison: Comparison, at: float
    ) -> list[tuple[str, float]] | None:
        """Runs and their values, the best first; None where nobody is ahead, as values show."""
        if some.better is None:
            return None
        values = {}
        for run in comparison.runs:
            if not comparison.ended(run, at):
                value = comparison.values_at(run, some, np.array([at]))[0]
                if np.isfinite(value):
                    values[run.name] = float(value)
        ranked = sorted(values.items(), key=lambda x: x[1], reverse=some.better == "higher")
        if len(ranked) < 2:
            return None
        shown = [comparison.show_value(some, value) for _, value in ranked[:2]]
        return None if shown[0] == shown[1] else ranked

    def _difference(
        self, some: Metric, one: Run, other: Run, at: float
    ) -> tuple[float, Interval, int] | None:
        """How much higher the value of one run is than that of the other, at a moment, 95 % of it,
        and, where it is that of the best of some races, of how many."""
        if not some.races:
            gap = self._at_moment(some, one, at) - self._at_moment(some, other, at)
            return _scatter(gap, *(self._last_values(some, run, at) for run in (one, other)))
        statistic, both = some.races[2], [self._races(some, run, at) for run in (one, other)]
        if statistic == "finish_rate":
            counts = [(int(x.finished.sum()), len(x.at)) for x in both]
            if not all(races for _, races in counts):
                return None
            gap = counts[0][0] / counts[0][1] - counts[1][0] / counts[1][1]
            return gap, rate_difference(*counts), 0
        times = [x.time_s if statistic == "mean_all" else x.time_s[x.finished] for x in both]
        races, drawn = min(map(len, times)), [Times(some) for some in times if len(some)]
        if races < 2:
            return None
        statistic = statistic.removeprefix("robust_")
        if statistic in ("mean", "mean_all"):
            gap = drawn[0].mean() - drawn[1].mean()
            return float(gap), difference(*drawn, Times.mean, self.seed), 0
        if statistic == "best" and (few := races // FEW) > 1:
            gap = drawn[0].best_of(few) - drawn[1].best_of(few)
            spread = difference(*drawn, lambda some, blocks: some.best_of(few, blocks), self.seed)
            return float(gap), spread, few
        return None

    def _races(self, some: Metric, run: Run, at: float) -> Races:
        """Races of the metric's map and kind that count at a moment."""
        trailing = self.comparison.trailing
        return self._all_races(some, run, at, -np.inf if trailing is None else at - trailing)

    def _all_races(self, some: Metric, run: Run, at: float, since: float = -np.inf) -> Races:
        """Races of the metric's map and kind that ended by a moment, and after another."""
        map_, kind, statistic = some.races
        races = on_axis(run, self.comparison.by, self.comparison.clock).races(
            map_, kind, statistic.startswith("robust_")
        )
        count = (races.at > since) & (races.at <= at)
        return Races(races.at[count], races.time_s[count], races.finished[count])

    def _last_values(self, some: Metric, run: Run, at: float) -> np.ndarray:
        there, value = on_axis(run, self.comparison.by, self.comparison.clock).scalar(some.name)
        return value[(there <= at) & np.isfinite(value)][-LAST_VALUES:]

    # --- since when -------------------------------------------------------------------------------

    def first_finish(self) -> Iterator[Finding]:
        for map_, kind in self._raced("first_finish"):
            some = metric(f"{map_}/{kind}/first_finish")
            for name, run in self.runs.items():
                at = self._value_at_end(some, run)
                what = f"{map_} {kind}: {name}"
                if np.isfinite(at):
                    told, details = self._both_clocks(run, at)
                    told = f"{what} first finishes {told}."
                    yield Finding(
                        "first_finish", (name,), some.name, at, at, None, told, details=details
                    )
                elif count := len(self._races(some, run, self.end).at):
                    details = {"at": "never", "races": f"{count:,}"}
                    told = f"{what} finishes none of {count:,} races."
                    yield Finding(
                        "first_finish", (name,), some.name, None, None, None, told, details=details
                    )

    def threshold(self) -> Iterator[Finding]:
        for some, threshold in self.thresholds.items():
            level = f"{name_of(some)} of {self._value(some, threshold)}"
            for name, run in self.runs.items():
                at = self._reached(some, threshold, run)
                if at is None:
                    if not self._has(some, run):
                        continue
                    details = {"at": f"not within {self._at(self._end_of(run))}"}
                    told = f"does not reach it within {self._at(self._end_of(run))}"
                else:
                    told, details = self._both_clocks(run, at)
                    told = f"reaches it {told}"
                yield Finding(
                    "threshold", (name,), some.name, at, at, None, f"{level}: {name} {told}.",
                    details={"level": self._value(some, threshold)} | details,
                )  # fmt: skip

    def crossover(self) -> Iterator[Finding]:
        for some in self.metrics.values():
            if some.unit == "axis" or self._misleads(some):
                continue
            ranked = self._ranked(some, self.comparison, self.end)
            leader = ranked[0][0] if ranked else None
            for name in self.runs if leader else ():
                found = None
                if name != leader:
                    found = self._crossed(some, self.runs[leader], self.runs[name])
                if found is None:
                    continue
                first, good = found
                at = np.array([good])
                values = [
                    self._value(some, self.comparison.values_at(self.runs[x], some, at)[0])
                    for x in (leader, name)
                ]
                against = f" ({values[0]} against {values[1]})" if values[0] != values[1] else ""
                earlier = f", first at {self._at(first)}" if first < good else ""
                yield Finding(
                    "crossover", (leader, name), some.name, good, first, None,
                    f"{name_of(some)}: {leader} overtakes {name} for good at {self._at(good)}"
                    f"{against}{earlier}.",
                    details={"for good": self._at(good), "with": values[0], "against": values[1],
                             "first": self._at(first)},
                )  # fmt: skip

    def _crossed(self, some: Metric, one: Run, other: Run) -> tuple[float, float] | None:
        """When one run first came to be ahead of another that was ahead, and when for good."""
        lo, _ = self.comparison.window
        end = min(self.end, self._end_of(one), self._end_of(other))
        moments = [[lo], *(self._moments(some, run) for run in (one, other))]
        moments = np.unique(np.concatenate(moments))
        moments = moments[(moments >= lo) & (moments <= end)]
        values = [self.comparison.values_at(run, some, moments) for run in (one, other)]
        if some.races and some.races[2].endswith("best"):  # not yet finished: behind
            values = [np.where(np.isnan(value), np.inf, value) for value in values]
        sign = 1 if some.better == "higher" else -1
        with np.errstate(invalid="ignore"):
            ahead, behind = (sign * (a - b) > 0 for a, b in (values, values[::-1]))
        if not behind.any() or not ahead.any():
            return None
        good = np.flatnonzero(ahead & (np.arange(len(moments)) > np.flatnonzero(behind)[-1]))
        first = np.flatnonzero(ahead & (np.arange(len(moments)) > behind.argmax()))
        return (float(moments[first[0]]), float(moments[good[0]])) if len(good) else None

    # --- going on ---------------------------------------------------------------------------------

    def after(self) -> Iterator[Finding]:
        for name, run, end in self._going_on():
            for some in self._followed(run):
                start, last = (self._at_moment(some, run, at) for at in (self.moment, end))
                if not np.isfinite([start, last]).all():
                    continue
                gain = last - start if some.better == "higher" else start - last
                amount, unit = self._pace(end - self.moment)
                details = {
                    "from": f"{self._value(some, start)} at {self._at(self.moment)}",
                    "to": f"{self._value(some, last)} at {self._at(end)}",
                }
                change = "no change"
                if self._value(some, start) != self._value(some, last):
                    change = f"{'better' if gain > 0 else 'worse'} by {self._gap(some, abs(gain))}"
                    change += f", {self._gap(some, abs(gain) / amount, True)} {unit}"
                details["change"] = change
                yield Finding(
                    "after", (name,), some.name, end, gain, None,
                    f"{name}, {name_of(some)}: {details['from']}, {details['to']}: {change}.",
                    details=details,
                )  # fmt: skip

    def plateau(self) -> Iterator[Finding]:
        if self.comparison.by not in ("time", *STEPS):  # what is slow is said an hour, or a step
            return
        lo, hi = self.comparison.window
        for name, run in self.runs.items():
            grid = self.comparison.grid[~self.comparison.ended(run, self.comparison.grid)]
            unit, pace = self._pace(1.0)
            # gains are taken over an hour, or over less where the window is short
            length = min(1 / unit, SHORTEST_PLATEAU * (hi - lo))
            for some in self._followed(run):
                slow = SLOW.get(some.name.rpartition("/")[2])
                if slow is None or not len(grid) or grid[-1] < lo + length:
                    continue
                ends = np.unique([lo + length, *grid[grid >= lo + length]])
                was, now = (self.comparison.values_at(run, some, x) for x in (ends - length, ends))
                gain = now - was if some.better == "higher" else was - now
                # what is not yet there gains, too
                fast = np.flatnonzero(~(gain <= slow * unit * length + 1e-12))
                first = fast[-1] + 1 if len(fast) else 0
                if first == len(ends):
                    continue
                since = float(ends[first] - length)
                limit = f"{self._gap(some, slow, True)} {pace}"
                yield Finding(
                    "plateau", (name,), some.name, since, slow, None,
                    f"{name}, {name_of(some)}: since {self._at(since)} better by less than "
                    f"{limit}.",
                    details={"since": self._at(since), "better by less than": limit},
                )  # fmt: skip

    def verdict(self) -> Iterator[Finding]:
        for name, run, end in self._going_on():
            for map_, kind in self._raced("finish_rate", kinds=("eval",)):
                some = metric(f"{map_}/{kind}/finish_rate")
                counts = [
                    (int(races.finished.sum()), len(races.at))
                    for races in (
                        self._all_races(some, run, self.moment),
                        self._all_races(some, run, end, since=self.moment),
                    )
                ]
                (_, n_before), (_, n_after) = counts
                if not (n_before and n_after):
                    continue
                before, after = (finished / races for finished, races in counts)
                noise = rate_difference(counts[1], counts[0])
                details = {
                    "until then": self._value(some, before),
                    "since then": self._value(some, after),
                    "races since": f"{n_after:,}",
                    OF_95: self._span(some, noise),
                }
                best = metric(f"{map_}/{kind}/best")
                was, now = (self._at_moment(best, run, at) for at in (self.moment, end))
                if was > now and self._gap(best, was - now) != "0.00 s":
                    details["best time better by"] = self._gap(best, was - now)
                yield Finding(
                    "verdict", (name,), some.name, end, after - before, noise,
                    self._judge(name, some, noise, details), details=details,
                )  # fmt: skip

    def _judge(self, name: str, some: Metric, noise: Interval, details: dict[str, str]) -> str:
        map_, kind, _ = some.races
        gain = details.get("best time better by")
        gain = gain and f"the best time is better by {gain}"
        rates = (
            f"{details['since then']} of the {details['races since']} {map_} {kind} races since "
            f"then finished, {details['until then']} of those before (95 %: {details[OF_95]})"
        )
        going_on = f"Going on after {self._at(self.moment)}"
        if noise.low > 0:
            return f"{going_on} was worth it for {name}: {rates}{f'; {gain}' if gain else ''}."
        if noise.high < 0:
            return f"{going_on} made {name} less reliable: {rates}{f'; {gain}' if gain else ''}."
        if gain:
            return f"{going_on} made {name} faster, not more reliable: {gain}; {rates}."
        return f"{going_on} brought {name} nothing that stands out from the noise: {rates}."

    def _going_on(self) -> Iterator[tuple[str, Run, float]]:
        """Runs that went on after the moment, and until when."""
        for name, run in self.runs.items():
            if (end := self._end_of(run)) > self.moment:
                yield name, run, end

    def _followed(self, run: Run) -> list[Metric]:
        """What is followed over time."""
        names = [f"{map_}/{kind}/{statistic}" for statistic in AFTER
                 for map_, kind in self._raced(statistic, kinds=("eval",))]  # fmt: skip
        names += ["loss"] * ("loss" in self.metrics)
        return [some for some in map(metric, names) if self._has(some, run)]

    # --- cost -------------------------------------------------------------------------------------

    def cost(self) -> Iterator[Finding]:
        paid = self.comparison.by == "time"  # in its minutes it played what a restart took back
        spent = self._arithmetic(paid)
        for name, run in self.runs.items():
            end = self._end_of(run)
            if (row := self._row(run, end)) is None:  # it begins behind the window
                continue
            details = {"frames": f"{own_frames(run, paid)[row]:,}"}
            if (updates := own_batches(run, paid)) is not None:
                details["updates"] = f"{updates[row]:,.0f}"
            if spent:
                details["PFLOP"] = f"{spent[name][row]:,.4g}"
            parts = ", ".join(f"{text} {what}" for what, text in details.items())
            yield Finding(
                "cost", (name,), None, end, float(spent[name][row]) if spent else None, None,
                f"{name} takes {parts} in {self._at(end)}.",
                details=details | {"in": self._at(end)},
            )  # fmt: skip
        for some, threshold in self.thresholds.items() if spent else ():
            for name, run in self.runs.items():
                if (at := self._reached(some, threshold, run)) is not None:
                    taken = float(spent[name][self._row(run, at)])
                    yield Finding(
                        "cost", (name,), some.name, at, taken, None,
                        f"{name_of(some)} of {self._value(some, threshold)}: {name} takes "
                        f"{taken:,.3g} PFLOP.",
                        details={
                            "level": self._value(some, threshold), "PFLOP": f"{taken:,.3g}"
                        },
                    )  # fmt: skip
        if spent and len(self.runs) > 1:
            yield from self._at_equal_arithmetic()

    def _arithmetic(self, paid: bool) -> dict[str, np.ndarray] | None:
        """What the runs had taken by every event, where all logged what it follows from."""
        try:
            return {name: arithmetic(run, paid) for name, run in self.runs.items()}
        except TmnetError:
            return None

    def _at_equal_arithmetic(self) -> Iterator[Finding]:
        """Who leads where the run that took least arithmetic ends."""
        rows = {name: self._row(run, self._end_of(run)) for name, run in self.runs.items()}
        if None in rows.values():
            return
        equal = min(
            on_axis(run, "flops", "active").position(rows[name]) for name, run in self.runs.items()
        )
        names = [
            f"{map_}/eval/{statistic}"
            for statistic in ("best", "finish_rate")
            for map_, _ in self._raced(statistic, kinds=("eval",))
        ]
        if not (names and equal > 0):
            return
        other = compare(self.comparison.runs, by="flops", window=(0.0, equal), metrics=names)
        for some in other.metrics:
            if ranked := self._ranked(some, other, equal):
                shown = {name: self._value(some, value) for name, value in ranked}
                first = ranked[0][0]
                yield Finding(
                    "cost", tuple(shown), some.name, equal, abs(ranked[0][1] - ranked[1][1]), None,
                    f"{name_of(some)} at equal arithmetic, {equal:,.4g} PFLOP: {first} leads with "
                    f"{shown[first]}, ahead of {_behind(shown)}.",
                    shown, {"PFLOP": f"{equal:,.4g}"},
                )  # fmt: skip

    # --- where a comparison would mislead ---------------------------------------------------------

    def caution(self) -> Iterator[Finding]:
        yield from self._losses_of_different_n()
        yield from self._different_maps()
        yield from self._other_starts()
        yield from self._few_races()
        yield from self._early_failures()
        yield from self._few_seeds()

    def _caution(
        self, runs: tuple[str, ...], some: Metric | None, value: float | None, sentence: str,
        uncertainty: Interval | None = None, of_runs: dict[str, str] | None = None,
    ) -> Finding:  # fmt: skip
        name = some.name if some else None
        return Finding("caution", runs, name, self.end, value, uncertainty, sentence, of_runs or {})

    def _few_seeds(self) -> Iterator[Finding]:
        if len(self.runs) > 1:
            yield self._caution(
                tuple(self.runs), None, None,
                "One seed each: another seed of the same experiment may differ as much as these "
                "runs do. Intervals are of the races of these runs, not of their experiments.",
            )  # fmt: skip

    def _misleads(self, some: Metric) -> bool:
        """Whether a metric is a loss that grows with the number of quantiles, which differs."""
        return some.name in ("loss", "loss_test") and self.comparison.differ("iqn_n")

    def _losses_of_different_n(self) -> Iterator[Finding]:
        some = self.metrics.get("loss")
        if some is None or not self._misleads(some):
            return
        told = []
        for name, run in self.runs.items():
            n = (run.config.get("neural_network") or {}).get("iqn_n")
            value = self._value_at_end(some, run)
            if n and np.isfinite(value):
                end = self._end_of(run)
                when = f" at {self._at(end)}" if self.comparison.ended(run, self.end) else ""
                told.append((name, value / n, f"{value / n:.2f} ({value:.2f} / {n}){when}"))
        told.sort(key=lambda x: x[1])
        if told:
            yield self._caution(
                tuple(name for name, *_ in told), some, told[0][1],
                "The loss grows with the number of quantiles, which differs: compare the loss per "
                f"quantile. At {self._at(self.end)} it is: "
                f"{', '.join(f'{name} {text}' for name, _, text in told)}.",
                of_runs={name: text for name, _, text in told},
            )  # fmt: skip

    def _different_maps(self) -> Iterator[Finding]:
        cycles = {name: _cycle(run) for name, run in self.runs.items()}
        if len(set(cycles.values())) > 1:
            told = "; ".join(f"{name} {cycle}" for name, cycle in cycles.items())
            yield self._caution(
                tuple(cycles), None, None,
                "The runs drive other maps, so that one of several has fewer races on each: "
                f"{told}.",
            )  # fmt: skip

    def _other_starts(self) -> Iterator[Finding]:
        for name, run in self.runs.items():
            start = int(run.processes["first_step"].min())
            other = run.config.get("initial_checkpoint")
            if other or (start > LATE_START * run.steps and start > 3 * _played_until_first(run)):
                source = f"the checkpoint of {other}" if other else "a checkpoint"
                yield self._caution(
                    (name,), None, float(start),
                    f"{name} starts from {source}, at step {start:,}: what came before "
                    f"{self._not_counted()}.", of_runs={name: f"step {start:,}"},
                )  # fmt: skip

    def _not_counted(self) -> str:
        """Where what a run owes to another's checkpoint is not."""
        if self.comparison.by == "step":
            return "is in its steps, but not in its minutes"
        counts = {"time": "minutes", "relative_step": "steps", "flops": "arithmetic"}
        return f"is not in its {counts.get(self.comparison.by, self.comparison.by)}"

    def _few_races(self) -> Iterator[Finding]:
        for map_, kind in self._raced("finish_rate"):
            some = metric(f"{map_}/{kind}/finish_rate")
            for name, run in self.runs.items():
                races = self._races(some, run, self._end_of(run))
                if 0 < (count := len(races.at)) < FEW_RACES:
                    noise = rate_interval(int(races.finished.sum()), count)
                    within = self._within(some, noise)
                    yield self._caution(
                        (name,), some, float(count),
                        f"{name}: only {count} {map_} {kind} races stand behind its rates and "
                        f"times; its finish rate lies within {within} (95 %).",
                        noise, {name: f"{count} races; {within}"},
                    )  # fmt: skip

    def _early_failures(self) -> Iterator[Finding]:
        """Rates of all races so far, where those of late are another matter."""
        if self.comparison.trailing is not None:
            return
        lo, hi = self.comparison.window
        for map_, kind in self._raced("finish_rate", kinds=("eval",)):
            some = metric(f"{map_}/{kind}/finish_rate")
            for name, run in self.runs.items():
                end = self._end_of(run)
                since = end - LATE * (hi - lo)
                early, late = (
                    (int(races.finished.sum()), len(races.at))
                    for races in (
                        self._all_races(some, run, since),
                        self._all_races(some, run, end, since),
                    )
                )
                if not (early[1] and late[1]) or rate_difference(late, early).low <= 0:
                    continue
                rate, total = late[0] / late[1], self._at_moment(some, run, end)
                of_all, of_late, last = (
                    self._value(some, total), self._value(some, rate), self._at(end - since),
                )  # fmt: skip
                yield self._caution(
                    (name,), some, rate,
                    f"{name}, {name_of(some)}: {of_all} of all races so far carries the early "
                    f"failures; of the {late[1]:,} races of the last {last} it is {of_late}.",
                    rate_interval(*late),
                    {name: f"{of_all}; {of_late} of the {late[1]:,} races of the last {last}"},
                )  # fmt: skip

    # --- what the others need ---------------------------------------------------------------------

    def _thresholds(self, given: Mapping[str, float] | None) -> dict[Metric, float]:
        if given is not None:
            found = {}
            for name, value in given.items():
                some = self.comparison.only([name]).metrics[0]  # or TmnetError
                if some.better is None or some.unit == "axis":
                    raise TmnetError(f"{name} has no better and worse: it cannot be a threshold.")
                try:
                    found[some] = float(value)
                except (TypeError, ValueError):
                    found[some] = np.nan
                if not np.isfinite(found[some]):
                    raise TmnetError(f"The threshold of {name} is {value!r}; it must be a number.")
            return found
        found = {}
        for map_, kind in self._raced("best", kinds=("eval",)):
            some = metric(f"{map_}/{kind}/best")
            values = [self._value_at_end(some, run) for run in self.runs.values()]
            values = [value for value in values if np.isfinite(value)]
            if len(values) > 1:
                found[some] = max(values)
        for map_, kind in self._raced("finish_rate", kinds=("eval",)):
            found[metric(f"{map_}/{kind}/finish_rate")] = 0.5
        return found

    def _raced(self, statistic: str, kinds=RACE_KINDS) -> list[tuple[str, str]]:
        """(map, kind) of the comparison's metrics of one statistic."""
        of_races = [some.races for some in self.metrics.values() if some.races]
        return [
            (map_, kind) for map_, kind, what in of_races if what == statistic and kind in kinds
        ]

    def _has(self, some: Metric, run: Run) -> bool:
        return bool(len(self._moments(some, run)))

    def _moments(self, some: Metric, run: Run) -> np.ndarray:
        """Positions at which a metric of a run may change."""
        there = on_axis(run, self.comparison.by, self.comparison.clock)
        if some.races:
            map_, kind, statistic = some.races
            return there.races(map_, kind, statistic.startswith("robust_")).at
        return there.scalar(some.name)[0]

    def _reached(self, some: Metric, threshold: float, run: Run) -> float | None:
        """From when on a metric is at least as good as a threshold, until the end."""
        moments = self._moments(some, run)
        if some.races and self.comparison.trailing is not None:  # and where a race counts no more
            moments = np.unique([moments, np.round(moments + self.comparison.trailing, DECIMALS)])
        moments = moments[moments <= self._end_of(run)]
        if not len(moments):
            return None
        values = self.comparison.values_at(run, some, moments)
        near = 1e-6 * abs(threshold)  # logs have 32 bits: 24.6 is 24.600000381 there
        lower = some.better == "lower"
        good = values <= threshold + near if lower else values >= threshold - near
        last_bad = np.flatnonzero(~good)
        since = int(last_bad[-1]) + 1 if len(last_bad) else 0
        return float(moments[since]) if since < len(moments) else None

    def _end_of(self, run: Run) -> float:
        """Where a run ends in the window."""
        return min(self.end, self.comparison.ends[run.name])

    def _at_moment(self, some: Metric, run: Run, at: float) -> float:
        return float(self.comparison.values_at(run, some, np.array([at]))[0])

    def _value_at_end(self, some: Metric, run: Run) -> float:
        return self._at_moment(some, run, self._end_of(run))

    def _row(self, run: Run, at: float) -> int | None:
        """Row of the last event at or before a moment."""
        return on_axis(run, self.comparison.by, self.comparison.clock).row_at(at)

    # --- in words ---------------------------------------------------------------------------------

    def _at(self, at: float) -> str:
        if self.comparison.by == "time":
            return f"{at:,.1f} min".replace(".0 ", " ")
        return f"{self.comparison.show_at(at)} {self.comparison.axis_unit}"

    def _both_clocks(self, run: Run, at: float) -> tuple[str, dict[str, str]]:
        """A moment by the axis, and by steps or minutes, too: in words, and as details."""
        row = self._row(run, at)
        minutes, step = (run.scalars[name].iat[row] for name in ("minutes", "step"))
        other = f"step {step:,}" if self.comparison.by == "time" else f"{minutes:,.1f} min"
        return f"at {self._at(at)} ({other})", {"at": self._at(at), "that is": other}

    def _value(self, some: Metric, value: float) -> str:
        unit = self.comparison.axis_unit if some.unit == "axis" else some.unit
        return f"{minus(self.comparison.show_value(some, value))} {unit}".rstrip()

    def _gap(self, some: Metric, gap: float, precise: bool = False) -> str:
        """A difference of values."""
        shown = self.comparison.show_value(some, gap)
        if precise:
            shown = f"{gap * some.scale:{',.0f' if gap * some.scale >= 100 else '.2g'}}"
        return f"{minus(shown)} {_unit_of_gap(some)}".rstrip()

    def _span(self, some: Metric, span: Interval) -> str:
        """95 % of a difference of values."""
        digits = some.digits
        if digits is None and max(map(abs, span)) >= 0.1:
            digits = 2
        form = ",.3g" if digits is None else f",.{digits}f"
        low, high = (minus(f"{x * some.scale:+{form}}") for x in span)
        return f"{low} to {high} {_unit_of_gap(some)}".rstrip()

    def _within(self, some: Metric, span: Interval) -> str:
        """95 % of a value."""
        low = minus(self.comparison.show_value(some, span.low))
        return f"{low} to {self._value(some, span.high)}"

    def _pace(self, length):
        """A length of the axis in the unit in which gains are given, and its name."""
        if self.comparison.by == "time":
            return length / 60, "an hour"
        if self.comparison.by in STEPS:
            return length / 1e6, "a million steps"
        return length, f"a {self.comparison.axis_unit}"


def _unit_of_gap(some: Metric) -> str:
    return "points" if some.unit == "%" else some.unit


def _played_until_first(run: Run) -> float:
    """Steps that a run would have played by its first event, had it begun at none."""
    minutes, steps = (run.scalars[name].to_numpy() for name in ("minutes", "step"))
    length = minutes[-1] - minutes[0]
    return minutes[0] * (steps.max() - steps.min()) / length if length > 0 else 0.0


def name_of(some: Metric) -> str:
    return some.label.replace(": ", " ")


def _cycle(run: Run) -> str:
    """The maps that a run drives, as its configuration or its races say."""
    deals = run.config.get("map_cycle")
    maps = [deal.get("map") for deal in deals if isinstance(deal, dict)] if deals else run.maps
    return " + ".join(dict.fromkeys(map(str, maps)))


def _scatter(gap: float, *last: np.ndarray) -> tuple[float, Interval, int] | None:
    """A difference of two scalars, and how surely: by how the last values of each scatter around a
    line. None where they do not scatter."""
    if min(map(len, last)) < 4:
        return None
    spread = 0.0
    for values in last:
        x = np.arange(len(values))
        rest = values - np.polynomial.Polynomial.fit(x, values, 1)(x)
        spread = np.hypot(spread, np.sqrt((rest**2).sum() / (len(values) - 2)))
    half = 1.96 * spread
    if half <= 1e-9 * np.abs(np.concatenate(last)).max():
        return None
    return gap, Interval(gap - float(half), gap + float(half)), 0


def _behind(shown: Mapping[str, str]) -> str:
    """Who follows the first, and with what: "b (25.00 s), then c (26.00 s), d (27.00 s)"."""
    second, *others = (f"{name} ({text})" for name, text in list(shown.items())[1:])
    return f"{second}, then {', '.join(others)}" if others else second
