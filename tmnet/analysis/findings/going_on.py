"""Whether going on was worth it: late performance at the end against that at a moment before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tmnet.analysis.findings.claims import Tested
from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.words import (
    OF_95,
    name_of,
    of_both,
    say,
    say_gap,
    say_span,
)
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import CONFIDENCE, ConfidenceInterval
from tmnet.analysis.statistics.seeds import paired
from tmnet.logs.run import Run

# An hour, or a million steps: what is slower than this a reader would call slow.
SLOW = {"late_rate": 0.02, "finish_rate": 0.02, "late_best_of_10": 0.05, "best_of_10": 0.05}
SHORTEST_PLATEAU = 0.2  # of the window


class Gain(NamedTuple):
    """What going on brought a run, or an arm, by one metric; positive is better."""

    subject: str
    metric: Metric
    end: float
    window: float
    values: tuple[float, float]  # before, and at the end
    value: float
    interval: ConfidenceInterval | None
    p: float | None
    n: tuple[int, int]


def gains(evidence: Evidence) -> list[Gain]:
    """What going on brought each, by each primary metric."""
    make = _of_arm if evidence.are_arms else _of_run
    made = (
        make(evidence, subject, metric)
        for subject in evidence.subjects
        for metric in evidence.primary
    )
    return [gain for gain in made if gain]


def _window(evidence: Evidence, end: float) -> float:
    """The late window, or what of it fits before the moment and behind it."""
    lo = evidence.comparison.window[0]
    return min(evidence.comparison.late, end - evidence.moment, evidence.moment - lo)


def _of_run(evidence: Evidence, name: str, metric: Metric) -> Gain | None:
    run = evidence.runs[name]
    end = evidence.end_of(run)
    window = _window(evidence, end)
    if window <= 0 or not evidence.has(metric, run):
        return None
    if evidence.comparison.trailing_of(metric) is None:
        return None
    ends = np.array([evidence.moment, end])
    found = evidence.comparison.estimates(run, metric, ends, window)
    if found is None or not found.n.all() or not np.isfinite(found.value).all():
        return None
    sign = 1 if metric.better == "higher" else -1
    (gap,) = found.take([1]).above(found.take([0]))
    interval, p = None, None
    if gap.told:
        interval, p = _towards(gap.interval, sign), gap.p
    before, last = (float(x) for x in found.value)
    n = int(found.n[0]), int(found.n[1])
    return Gain(name, metric, end, window, (before, last), sign * gap.value, interval, p, n)


def _of_arm(evidence: Evidence, arm: str, metric: Metric) -> Gain | None:
    """By the differences of its seeds."""
    runs, window = evidence.counted(arm), _window(evidence, evidence.end)
    if window <= 0 or not runs or evidence.comparison.trailing_of(metric) is None:
        return None
    ends = np.array([evidence.moment, evidence.end])
    values = np.array([evidence.comparison.values_at(run, metric, ends, window) for run in runs])
    if not np.isfinite(values).all():
        return None
    sign = 1 if metric.better == "higher" else -1
    found = paired(sign * values[:, 1], sign * values[:, 0])
    mean = values.mean(0)
    return Gain(
        arm, metric, evidence.end, window, (float(mean[0]), float(mean[1])),
        float(sign * (mean[1] - mean[0])), found.interval if found else None,
        found.p if found else None, (len(runs), len(runs)),
    )  # fmt: skip


def _towards(interval: ConfidenceInterval, sign: int) -> ConfidenceInterval:
    """An interval in the direction in which better is positive."""
    return interval if sign > 0 else ConfidenceInterval(-interval.high, -interval.low)


def after(evidence: Evidence, gain: Gain, tested: Tested) -> Finding:
    """Whether it was worth it."""
    metric, name = gain.metric, gain.subject
    before, last = (say(evidence, metric, value) for value in gain.values)
    change = (
        f"{before} at {evidence.say_at(evidence.moment)}, {last} at {evidence.say_at(gain.end)}"
    )
    better = say_gap(evidence, metric, gain.value)
    counts = of_both(gain.n, "seed" if evidence.are_arms else "race")
    details = {"from": before, "to": last, "better by": better, "n": counts}
    behind = [f"last {evidence.say_at(gain.window)} of each", counts]
    if gain.interval is not None:
        span = say_span(evidence, metric, gain.interval)
        better = f"{better} (95 % CI {span})"
        details |= {OF_95: span, "p": tested.words}
        behind.append(tested.words)
    going_on = f"Going on after {evidence.say_at(evidence.moment)}"
    if tested.is_claim:
        verdict = "was worth it" if gain.value > 0 else "made it worse"
    elif gain.p is not None and gain.p <= 1 - CONFIDENCE:
        verdict = "not resolved"
    elif gain.p is None:
        verdict = f"too few {'seeds' if evidence.are_arms else 'races'} to tell"
    else:
        verdict = "no measurable gain"
    details["verdict"] = verdict
    sentence = (
        f"{going_on}, {name}: {verdict}: {name_of(metric)} {change}, better by {better}; "
        f"{', '.join(behind)}."
    )
    if not tested.is_claim:
        sentence = sentence.replace("better by", "change", 1)
    return Finding(
        "after", (name,), metric.name, gain.end, gain.value, gain.interval, sentence,
        stands_out=None if gain.p is None else tested.is_claim, axis=evidence.axis.by,
        window=gain.window, n={name: gain.n[1]}, p=gain.p, adjusted=tested.adjusted,
        details=details,
        reason=("better" if gain.value > 0 else "worse") if tested.is_claim else "",
    )  # fmt: skip


def plateau(evidence: Evidence) -> Iterator[Finding]:
    """The earliest moment from which on no later gain can be told, and all gains are slow."""
    if evidence.are_arms or not (evidence.axis.is_time or evidence.axis.is_steps):
        return  # what is slow is said an hour, or a million steps
    pace = evidence.axis.pace(1.0)[1]
    for name, run in evidence.runs.items():
        for metric in evidence.primary:
            if (since := plateau_of(evidence, run, metric)) is None:
                continue
            window = evidence.comparison.late
            limit = f"{say_gap(evidence, metric, _slow(metric), signed=False)} {pace}"
            yield Finding(
                "plateau", (name,), metric.name, since, _slow(metric), None,
                f"{name}, {name_of(metric)}: from {evidence.say_at(since)} on no later gain can be "
                f"told, and none is faster than {limit} (last {evidence.say_at(window)} of each).",
                axis=evidence.axis.by, window=window,
                details={"since": evidence.say_at(since), "slower than": limit},
            )  # fmt: skip


def _slow(metric: Metric) -> float:
    return SLOW.get(metric.races.statistic, 0.0) if metric.races else 0.0


def plateau_of(evidence: Evidence, run: Run, metric: Metric) -> float | None:
    """When the plateau of a run begins, by a late metric; None where it has none."""
    comparison, end = evidence.comparison, evidence.end_of(run)
    window, lo = comparison.trailing_of(metric), comparison.window[0]
    if not _slow(metric) or window is None or not evidence.has(metric, run):
        return None
    moments = comparison.grid[(comparison.grid >= lo + window) & (comparison.grid <= end)]
    found = comparison.estimates(run, metric, moments)
    if found is None or len(moments) < 2:
        return None
    sign = 1 if metric.better == "higher" else -1
    slow = _slow(metric) * evidence.axis.pace(1.0)[0]
    for i, since in enumerate(moments):
        later = np.flatnonzero(moments >= since + window - 1e-9)
        if not len(later) or end - since < SHORTEST_PLATEAU * (evidence.end - lo):
            return None
        if not np.isfinite(found.value[[i, *later]]).all():
            continue
        gains = found.take(later).above(found.take(np.full(len(later), i)))
        if all(
            gap.told and (gap.p > 1 - CONFIDENCE or sign * gap.value < 0)
            and sign * gap.value <= slow * length + 1e-12
            for gap, length in zip(gains, moments[later] - since)
        ):  # fmt: skip
            return float(since)
    return None
