"""When runs and arms first finished and reached a level, and how many times the baseline's time,
steps and arithmetic that took, or how much later arms got there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tmnet.analysis.axis import Axis
from tmnet.analysis.findings.claims import say_p
from tmnet.analysis.findings.evidence import Evidence, Spent
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.words import OF_95, how_many, listed, name_of, of_both, say
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import ConfidenceInterval
from tmnet.analysis.statistics.seeds import FEWEST
from tmnet.analysis.statistics.survival import (
    ratio,
    restricted_mean,
    time_difference,
    time_to_threshold,
)
from tmnet.logs.run import Run

UNITS = ("minutes", "steps", "PFLOP")


def first_finish(evidence: Evidence) -> Iterator[Finding]:
    of = evidence.main_races
    for map_, kind in evidence.raced([of.kind] if of else []):
        metric = Metric.named(f"{map_}/{kind}/first_finish")
        at = {
            name: x if np.isfinite(x := evidence.value_at_end(metric, run)) else None
            for name, run in evidence.runs.items() if evidence.has(metric, run)
        }  # fmt: skip
        yield from _reaching(evidence, "first_finish", metric, f"{map_} {kind} first finish", at)


def threshold(evidence: Evidence) -> Iterator[Finding]:
    for metric, level in evidence.thresholds.items():
        at = {
            name: evidence.reached(metric, level, run)
            for name, run in evidence.runs.items() if evidence.has(metric, run)
        }  # fmt: skip
        what = f"{name_of(metric)} of {say(evidence, metric, level)}"
        details = {"level": say(evidence, metric, level)}
        yield from _reaching(evidence, "threshold", metric, what, at, details)


def _reaching(
    evidence: Evidence, kind: str, metric: Metric, what: str, at: dict[str, float | None],
    details: dict[str, str] | None = None,
) -> Iterator[Finding]:  # fmt: skip
    """What each took to get somewhere, and how many times what the baseline took."""
    make = _of_arm if evidence.are_arms else _of_run
    for subject, runs in evidence.subjects.items():
        watched = evidence.watched(subject) if evidence.are_arms else runs
        if any(run.name in at for run in watched):
            yield make(evidence, kind, metric, what, subject, at, details or {})
    for subject in evidence.contrasted:
        yield from _ratios(evidence, kind, metric, what, subject, at, details or {})
        if evidence.are_arms:
            yield from _difference(evidence, kind, metric, what, subject, at, details or {})


def _of_run(
    evidence: Evidence, kind: str, metric: Metric, what: str, name: str,
    at: dict[str, float | None], details: dict[str, str],
) -> Finding:  # fmt: skip
    run, there = evidence.runs[name], at[name]
    if there is None:
        until = evidence.say_at(evidence.end_of(run))
        told, details = f"not within {until}", details | {"at": f"not within {until}"}
    else:
        parts = say_spent(evidence, run, there)
        details = details | {"at": evidence.say_at(there)} | parts
        told = f"at {evidence.say_at(there)}"
        told += f" ({', '.join(parts.values())})" if parts else ""
    return Finding(
        kind, (name,), metric.name, there, there, None, f"{what}: {name} {told}.",
        axis=evidence.axis.by, details=details, of_runs={name: details["at"]},
    )  # fmt: skip


def say_spent(evidence: Evidence, run: Run, at: float) -> dict[str, str]:
    """What a run had taken by a moment, in units that the axis does not have."""
    spent = evidence.spent(run, at)
    if spent is None:
        return {}
    shown = {
        "minutes": Axis("time").say(spent.minutes),
        "steps": how_many(round(spent.steps), "step"),
        "PFLOP": Axis("flops").say(spent.pflop),
    }
    own = {"time": "minutes", "step": "steps", "relative_step": "steps", "flops": "PFLOP"}
    return {
        unit: text for (unit, text), value in zip(shown.items(), spent)
        if np.isfinite(value) and unit != own.get(evidence.axis.by)
    }  # fmt: skip


def _of_arm(
    evidence: Evidence, kind: str, metric: Metric, what: str, arm: str,
    at: dict[str, float | None], details: dict[str, str],
) -> Finding:  # fmt: skip
    """By Kaplan and Meier: seeds that never got there count, too, and those that ended early as
    long as they ran."""
    runs = evidence.watched(arm)
    times, reached = _watched(evidence, runs, at)
    estimate = time_to_threshold(times, reached)
    watched = evidence.end  # of whom all got there, it is known what comes behind
    until = watched if reached.all() else min(watched, float(times.max()))
    there = f"{sum(reached)} of {how_many(len(reached), 'seed')}"
    mean = restricted_mean(times, reached, until)
    details = details | {"seeds that get there": there}
    told = f"{what}: {there} of {arm} {'gets' if len(reached) == 1 else 'get'} there"
    value = estimate.median if np.isfinite(estimate.median) else None
    if value is not None:
        details["half of all by"] = evidence.say_at(value)
        told += f", half of all by {evidence.say_at(value)}"
    details[f"mean, up to {evidence.say_at(until)}"] = evidence.say_at(mean)
    told += f"; mean time up to {evidence.say_at(until)}: {evidence.say_at(mean)}"
    return Finding(
        kind, (arm,), metric.name, value, value, None, f"{told}.", axis=evidence.axis.by,
        n={arm: len(reached)}, details=details,
    )  # fmt: skip


def _watched(
    evidence: Evidence, runs: Sequence[Run], at: dict[str, float | None]
) -> tuple[np.ndarray, np.ndarray]:
    """When each seed of an arm got there, or until when it was watched; and whether it did."""
    seeds = [(run, at.get(run.name)) for run in runs]
    times = [evidence.end_of(run) if there is None else there for run, there in seeds]
    return np.array(times), np.array([there is not None for _, there in seeds])


def _ratios(
    evidence: Evidence, kind: str, metric: Metric, what: str, subject: str,
    at: dict[str, float | None], details: dict[str, str],
) -> Iterator[Finding]:  # fmt: skip
    both = [
        [_spent_by(evidence, run, at.get(run.name)) for run in evidence.counted(arm)]
        for arm in (subject, evidence.baseline)
    ]
    if not all(both):
        return
    told, shown, first = [], dict[str, str](), None
    for unit, one, other in zip(UNITS, np.array(both[0]).T, np.array(both[1]).T):
        found = ratio(one, other, evidence.seed)
        if not np.isfinite(found.value):
            continue
        first = first or found
        shown[unit] = _times(found.value)
        text = f"{shown[unit]} times the {unit}"
        if found.interval is not None:
            span = _say_times(found.interval)
            text, shown[f"{unit}, {OF_95}"] = f"{text} (95 % CI {span})", span
        told.append(text)
    if first is None:
        return
    n = {subject: len(both[0]), evidence.baseline: len(both[1])}
    seeds = of_both(list(n.values()), "seed") if evidence.are_arms else "one run each"
    yield Finding(
        kind, (subject, evidence.baseline), metric.name, evidence.end, first.value, first.interval,
        f"{what}: {subject} takes {listed(told)} of {evidence.baseline} ({seeds}).",
        axis=evidence.axis.by, n=n, details=details | {"times what the baseline takes": ""} | shown,
        reason="ratio",
    )  # fmt: skip


def _difference(
    evidence: Evidence, kind: str, metric: Metric, what: str, subject: str,
    at: dict[str, float | None], details: dict[str, str],
) -> Iterator[Finding]:  # fmt: skip
    """How much longer an arm takes than the baseline: of seeds that never get there the window
    counts, so that there is a difference where there is no ratio."""
    arms = [evidence.counted(arm) for arm in (subject, evidence.baseline)]
    one, other = (_watched(evidence, runs, at) for runs in arms)
    raced = all(any(run.name in at for run in runs) for runs in arms)
    if not raced or not (one[1].any() or other[1].any()):
        return
    found = time_difference(one, other, evidence.end, evidence.seed)
    n = dict(zip((subject, evidence.baseline), map(len, arms)))
    gap, until = _say_later(evidence, found.value), evidence.say_at(evidence.end)
    shown, behind = {f"mean difference, up to {until}": gap}, [of_both(list(n.values()), "seed")]
    if found.interval is not None:
        unit = f" {evidence.axis.unit}"
        span = " to ".join(_say_later(evidence, x).removesuffix(unit) for x in found.interval)
        shown[f"mean difference, {OF_95}"] = span
        behind.insert(0, f"{OF_95} {span}")
    p = found.p if min(n.values()) >= FEWEST else None
    if p is not None:
        shown["log-rank p"] = say_p(p).removeprefix("= ")
        behind.append(f"log-rank p {say_p(p)}")
    yield Finding(
        kind, (subject, evidence.baseline), metric.name, evidence.end, found.value, found.interval,
        f"{what}, mean time up to {until}, {subject} against {evidence.baseline}: {gap} "
        f"({'; '.join(behind)}).",
        axis=evidence.axis.by, n=n, p=p, details=details | shown, reason="difference",
    )  # fmt: skip


def _say_later(evidence: Evidence, length: float) -> str:
    """A difference of moments: "+12.3 min"."""
    shown = evidence.axis.say_length(abs(length))
    sign = "−" if length < 0 else "+"
    return f"{sign}{shown}" if evidence.axis.show(abs(length)) != "0" else shown


def _say_times(span: ConfidenceInterval) -> str:
    """95 % of a ratio: an end is 0 or infinite where drawn seeds never got there."""
    if np.isinf(span.high):
        return f"{_times(span.low)} or more" if span.low > 0 else "anything"
    if span.low == 0:
        return f"{_times(span.high)} or less"
    return f"{_times(span.low)} to {_times(span.high)}"


def _times(ratio: float) -> str:
    """How many times, with three digits."""
    return f"{ratio:#.3g}".rstrip(".") if ratio < 1000 else f"{ratio:,.0f}"


def _spent_by(evidence: Evidence, run: Run, at: float | None) -> Spent:
    spent = None if at is None else evidence.spent(run, at)
    return spent or Spent(np.inf, np.inf, np.inf)
