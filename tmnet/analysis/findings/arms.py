"""What a comparison of arms, each with several seeds, shows: of the arms, not of single runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tmnet.analysis.findings.cautions import caution, cautions_of_any
from tmnet.analysis.findings.evidence import OF_95, Evidence, name_of
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics.seeds import (
    iqm,
    iqm_difference,
    iqm_interval,
    probability_interval,
    probability_of_improvement,
)
from tmnet.analysis.statistics.survival import time_to_threshold

FEW_SEEDS = 5


def leader(evidence: Evidence) -> Iterator[Finding]:
    """By the inter-quartile mean of the seeds."""
    for metric in evidence.metrics.values():
        if metric.better is None or metric.unit == "axis" or evidence.misleads(metric):
            continue
        scores = {arm: _scores(evidence, metric, arm) for arm in evidence.comparison.arms}
        scores = {arm: x for arm, x in scores.items() if len(x) and np.isfinite(x).all()}
        sign = 1 if metric.better == "higher" else -1
        order = sorted(scores, key=lambda arm: -sign * iqm(scores[arm]))
        shown = [evidence.say(metric, iqm(scores[arm])) for arm in order]
        if len(order) < 2 or shown[0] == shown[1]:
            continue
        one, other = (scores[arm] * sign for arm in order[:2])
        noise = None  # of one seed each nothing can be drawn again
        if min(len(one), len(other)) > 1:
            noise = iqm_difference(one, other, evidence.seed)
        better = probability_of_improvement(one, other)
        likely = probability_interval(one, other, evidence.seed)
        spans = {arm: iqm_interval(scores[arm], evidence.seed) for arm in order}
        middles = {
            arm: f"{value} (95 %: {evidence.say_within(metric, spans[arm])})"
            for arm, value in zip(order, shown)
        }
        told = ", ".join(f"{arm} {text}" for arm, text in middles.items())
        lead = iqm(one) - iqm(other)
        details = {"lead": evidence.say_gap(metric, lead)}
        told_noise = "is of one seed"
        if noise is not None:
            details[OF_95] = evidence.say_span(metric, noise)
            where = "beyond" if noise.low > 0 else "within"
            told_noise = f"is {where} the noise (95 %: {details[OF_95]})"
        details["probability"] = f"{better:.0%} (95 %: {likely.low:.0%} to {likely.high:.0%})"
        yield Finding(
            "leader", tuple(order), metric.name, evidence.end, lead, noise,
            f"{name_of(metric)} at {evidence.say_at(evidence.end)}, middle half of the seeds: "
            f"{told}. The lead of {order[0]}, {details['lead']}, {told_noise}; a seed of it is "
            f"better than one of {order[1]} with a probability of {details['probability']}.",
            middles, details,
        )  # fmt: skip


def first_finish(evidence: Evidence) -> Iterator[Finding]:
    for map_, kind in evidence.raced("first_finish"):
        metric = Metric.named(f"{map_}/{kind}/first_finish")
        at = {name: evidence.value_at_end(metric, run) for name, run in evidence.runs.items()}
        found = {name: x if np.isfinite(x) else None for name, x in at.items()}
        yield from _times(evidence, "first_finish", metric, f"{map_} {kind} first finish", found)


def threshold(evidence: Evidence) -> Iterator[Finding]:
    for metric, wanted in evidence.thresholds.items():
        found = {name: evidence.reached(metric, wanted, run) for name, run in evidence.runs.items()}
        level = evidence.say(metric, wanted)
        what = f"{name_of(metric)} of {level}"
        yield from _times(evidence, "threshold", metric, what, found, {"level": level})


def _times(
    evidence: Evidence, kind: str, metric: Metric, what: str, found: dict[str, float | None],
    level: dict[str, str] | None = None,
) -> Iterator[Finding]:  # fmt: skip
    """When the seeds of each arm got somewhere; those that never did count, too."""
    for arm, names in evidence.comparison.arms.items():
        seeds = [(evidence.runs[name], found[name]) for name in names]
        at = [evidence.end_of(run) if there is None else there for run, there in seeds]
        reached = [there is not None for _, there in seeds]
        estimate = time_to_threshold(at, reached)
        details = (level or {}) | {"seeds that get there": f"{sum(reached)} of {len(names)}"}
        told = f"{what}: {details['seeds that get there']} seeds of {arm} get there"
        value = None
        if np.isfinite(estimate.median):
            value = estimate.median
            details["half of all by"] = evidence.say_at(value)
            told += f", half of all by {evidence.say_at(value)}"
        yield Finding(kind, (arm,), metric.name, value, value, None, f"{told}.", details=details)


def cautions(evidence: Evidence) -> Iterator[Finding]:
    """As those of single runs; and of few seeds, and of seeds without a value."""
    yield from cautions_of_any(evidence)
    yield from _few_seeds(evidence)
    yield from _without_values(evidence)


def _few_seeds(evidence: Evidence) -> Iterator[Finding]:
    for arm, names in evidence.comparison.arms.items():
        if len(names) < FEW_SEEDS:
            seeds = f"{len(names)} seed{'s' * (len(names) > 1)}"
            yield caution(
                evidence, "seeds", (arm,), None, float(len(names)),
                f"{arm} has {seeds}: of fewer than {FEW_SEEDS} little is known, and the "
                "interval of a probability is too narrow.", of_runs={arm: seeds},
            )  # fmt: skip


def _without_values(evidence: Evidence) -> Iterator[Finding]:
    """Arms of which nothing is said by the middle of their seeds, as some have no value."""
    for arm, names in evidence.comparison.arms.items():
        lacking: dict[int, list[str]] = {}
        for metric in evidence.metrics.values():
            if metric.better and metric.unit != "axis":
                count = int((~np.isfinite(_scores(evidence, metric, arm))).sum())
                lacking.setdefault(count, []).append(name_of(metric))
        for count, metrics in lacking.items():
            if 0 < count < len(names):
                yield caution(
                    evidence, "values", (arm,), None, float(count),
                    f"{arm} is not ranked by {', '.join(metrics)} at "
                    f"{evidence.say_at(evidence.end)}: {count} of its {len(names)} seeds without a "
                    "value.",
                    of_runs={arm: f"{count} of {len(names)} seeds without a value"},
                )  # fmt: skip


def _scores(evidence: Evidence, metric: Metric, arm: str) -> np.ndarray:
    """Values of the arm's seeds at the end of the window, (seeds,)."""
    ended = evidence.comparison.ended
    runs = [evidence.runs[name] for name in evidence.comparison.arms[arm]]
    return np.array([
        np.nan if ended(run, evidence.end) else evidence.value_at_end(metric, run) for run in runs
    ])  # fmt: skip
