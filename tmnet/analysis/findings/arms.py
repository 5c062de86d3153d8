"""What a comparison of arms, each with several seeds, shows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.runs import OF_95, RunFinder, name_of
from tmnet.analysis.metrics import Metric, metric
from tmnet.analysis.statistics import (
    iqm,
    iqm_difference,
    iqm_interval,
    probability_interval,
    probability_of_improvement,
    time_to_threshold,
)

FEW_SEEDS = 5


class ArmFinder(RunFinder):
    """Looks through a comparison of arms: what it says is about them, not about single runs."""

    def leader(self) -> Iterator[Finding]:
        """By the inter-quartile mean of the seeds."""
        for some in self.metrics.values():
            if some.better is None or some.unit == "axis" or self._misleads(some):
                continue
            scores = {arm: self._scores(some, arm) for arm in self.comparison.arms}
            scores = {arm: x for arm, x in scores.items() if len(x) and np.isfinite(x).all()}
            sign = 1 if some.better == "higher" else -1
            ranked = sorted(scores, key=lambda arm: -sign * iqm(scores[arm]))
            shown = [self._value(some, iqm(scores[arm])) for arm in ranked]
            if len(ranked) < 2 or shown[0] == shown[1]:
                continue
            one, other = (scores[arm] * sign for arm in ranked[:2])
            noise = None  # of one seed each nothing can be drawn again
            if min(len(one), len(other)) > 1:
                noise = iqm_difference(one, other, self.seed)
            better = probability_of_improvement(one, other)
            likely = probability_interval(one, other, self.seed)
            middles = {
                arm: f"{value} (95 %: {self._within(some, iqm_interval(scores[arm], self.seed))})"
                for arm, value in zip(ranked, shown)
            }
            told = ", ".join(f"{arm} {text}" for arm, text in middles.items())
            lead = iqm(one) - iqm(other)
            details = {"lead": self._gap(some, lead)}
            told_noise = "is of one seed"
            if noise is not None:
                details[OF_95] = self._span(some, noise)
                where = "beyond" if noise.low > 0 else "within"
                told_noise = f"is {where} the noise (95 %: {details[OF_95]})"
            details["probability"] = f"{better:.0%} (95 %: {likely.low:.0%} to {likely.high:.0%})"
            yield Finding(
                "leader", tuple(ranked), some.name, self.end, lead, noise,
                f"{name_of(some)} at {self._at(self.end)}, middle half of the seeds: {told}. The "
                f"lead of {ranked[0]}, {details['lead']}, {told_noise}; a seed of it is better "
                f"than one of {ranked[1]} with a probability of {details['probability']}.",
                middles, details,
            )  # fmt: skip

    def first_finish(self) -> Iterator[Finding]:
        for map_, kind in self._raced("first_finish"):
            some = metric(f"{map_}/{kind}/first_finish")
            found = {name: self._value_at_end(some, run) for name, run in self.runs.items()}
            found = {name: at if np.isfinite(at) else None for name, at in found.items()}
            yield from self._times("first_finish", some, f"{map_} {kind} first finish", found)

    def threshold(self) -> Iterator[Finding]:
        for some, threshold in self.thresholds.items():
            found = {name: self._reached(some, threshold, run) for name, run in self.runs.items()}
            level = self._value(some, threshold)
            what = f"{name_of(some)} of {level}"
            yield from self._times("threshold", some, what, found, {"level": level})

    def _times(
        self, kind: str, some: Metric, what: str, found: dict[str, float | None],
        level: dict[str, str] | None = None,
    ) -> Iterator[Finding]:  # fmt: skip
        """When the seeds of each arm got somewhere; those that never did count, too."""
        for arm, names in self.comparison.arms.items():
            at = [self._end_of(self.runs[x]) if found[x] is None else found[x] for x in names]
            reached = [found[x] is not None for x in names]
            estimate = time_to_threshold(at, reached)
            details = (level or {}) | {"seeds that get there": f"{sum(reached)} of {len(names)}"}
            told = f"{what}: {details['seeds that get there']} seeds of {arm} get there"
            value = None
            if np.isfinite(estimate.median):
                value = estimate.median
                details["half of all by"] = self._at(value)
                told += f", half of all by {self._at(value)}"
            yield Finding(kind, (arm,), some.name, value, value, None, f"{told}.", details=details)

    # What is said of single runs is not said of arms.

    def crossover(self) -> Iterator[Finding]:
        return iter(())

    after = plateau = verdict = cost = crossover

    def caution(self) -> Iterator[Finding]:
        yield from super().caution()
        yield from self._without_values()

    def _few_seeds(self) -> Iterator[Finding]:
        for arm, names in self.comparison.arms.items():
            if len(names) < FEW_SEEDS:
                seeds = f"{len(names)} seed{'s' * (len(names) > 1)}"
                yield self._caution(
                    (arm,), None, float(len(names)),
                    f"{arm} has {seeds}: of fewer than {FEW_SEEDS} little is known, and the "
                    "interval of a probability is too narrow.", of_runs={arm: seeds},
                )  # fmt: skip

    def _without_values(self) -> Iterator[Finding]:
        """Arms of which nothing is said by the middle of their seeds, as some have no value."""
        for arm, names in self.comparison.arms.items():
            lacking: dict[int, list[str]] = {}
            for some in self.metrics.values():
                if some.better and some.unit != "axis":
                    count = int((~np.isfinite(self._scores(some, arm))).sum())
                    lacking.setdefault(count, []).append(name_of(some))
            for count, metrics in lacking.items():
                if 0 < count < len(names):
                    yield self._caution(
                        (arm,), None, float(count),
                        f"{arm} is not ranked by {', '.join(metrics)} at {self._at(self.end)}: "
                        f"{count} of its {len(names)} seeds without a value.",
                        of_runs={arm: f"{count} of {len(names)} seeds without a value"},
                    )  # fmt: skip

    def _scores(self, some: Metric, arm: str) -> np.ndarray:
        """Values of the arm's seeds at the end of the window, (seeds,)."""
        runs = [self.runs[name] for name in self.comparison.arms[arm]]
        return np.array([
            np.nan if self.comparison.ended(run, self.end) else self._value_at_end(some, run)
            for run in runs
        ])  # fmt: skip
