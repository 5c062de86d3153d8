"""How good runs and arms are at the end, and were all along: values with what they are sure by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.words import (
    OF_95,
    counted,
    how_many,
    in_brackets,
    name_of,
    races_of,
    say,
    say_within,
)
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import ConfidenceInterval
from tmnet.analysis.statistics.seeds import summary
from tmnet.logs.run import Run


def late(evidence: Evidence) -> Iterator[Finding]:
    for metric in evidence.primary:
        yield from _values(evidence, "late", metric)


def anytime(evidence: Evidence) -> Iterator[Finding]:
    of = evidence.main_races
    if of is not None:
        metric = Metric.named(of._replace(statistic="anytime_rate").name)
        yield from _values(evidence, "anytime", metric)


def _values(evidence: Evidence, kind: str, metric: Metric) -> Iterator[Finding]:
    for subject, runs in evidence.subjects.items():
        if not any(evidence.has(metric, run) for run in runs):
            continue
        make = _of_arm if evidence.are_arms else _of_run
        yield make(evidence, kind, metric, subject)


def _of_run(evidence: Evidence, kind: str, metric: Metric, name: str) -> Finding:
    run = evidence.runs[name]
    end, value = evidence.end_of(run), evidence.value_at_end(metric, run)
    interval, n = of_late_races(evidence, metric, run, end)
    races = None if n is None else how_many(n, races_of(metric))
    shown = say(evidence, metric, value)
    details, behind = {"at": evidence.say_at(end)}, []
    if interval is not None:
        within = say_within(evidence, metric, interval)
        behind, details[OF_95] = [f"95 % CI {within}"], within
    if when := counted(evidence, metric):
        behind.append(when)
    if races is not None:
        behind.append(races)
        details["n"] = races
    return Finding(
        kind, (name,), metric.name, end, value if np.isfinite(value) else None, interval,
        f"{name}, {name_of(metric)} at {evidence.say_at(end)}: {shown}"
        f"{in_brackets(behind)}.",
        axis=evidence.axis.by, window=evidence.comparison.trailing_of(metric),
        n={} if n is None else {name: n}, of_runs={name: shown}, details=details,
    )  # fmt: skip


def of_late_races(
    evidence: Evidence, metric: Metric, run: Run, at: float
) -> tuple[ConfidenceInterval | None, int | None]:
    """95 % of a metric of a single run, and the races behind it; None where there is none."""
    found = evidence.comparison.estimates(run, metric, np.array([at]))
    if found is None or evidence.comparison.trailing_of(metric) is None:
        return None, None
    low, high = (float(x[0]) for x in found.interval())
    interval = ConfidenceInterval(low, high) if np.isfinite([low, high]).all() else None
    return interval, int(found.n[0])


def _of_arm(evidence: Evidence, kind: str, metric: Metric, arm: str) -> Finding:
    runs = evidence.counted(arm)
    values = np.array([evidence.value_at(metric, run, evidence.end) for run in runs])
    found = summary(values, metric.better or "higher", evidence.seed, metric.limits)
    seeds = f"n = {how_many(found.n, 'seed')}"
    details = {"at": evidence.say_at(evidence.end), "n": how_many(found.n, "seed")}
    if np.isfinite(found.value):
        shown = say(evidence, metric, found.value)
        behind = [f"{found.statistic} of the seeds", seeds] if found.n > 1 else [seeds]
        if found.interval is not None:
            within = say_within(evidence, metric, found.interval)
            details[f"{OF_95} of the {found.interval_of}"] = within
            behind.insert(0, f"95 % CI of the {found.interval_of} {within}")
    else:
        shown = f"{found.n_finite} of {how_many(found.n, 'seed')} with a value"
        behind = []
    behind += [when] if (when := counted(evidence, metric)) else []
    return Finding(
        kind, (arm,), metric.name, evidence.end,
        found.value if np.isfinite(found.value) else None, found.interval,
        f"{arm}, {name_of(metric)} at {evidence.say_at(evidence.end)}: {shown}"
        f"{in_brackets(behind)}.",
        axis=evidence.axis.by, window=evidence.comparison.trailing_of(metric), n={arm: found.n},
        of_runs={arm: shown}, details=details,
    )  # fmt: skip
