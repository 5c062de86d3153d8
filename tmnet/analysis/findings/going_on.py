"""Whether going on was worth it: late performance at the end against that at a moment before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tmnet.analysis.findings.claims import Tested
from tmnet.analysis.findings.evidence import Evidence, bounded
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.words import (
    OF_95,
    name_of,
    of_both,
    races_of,
    say,
    say_gap,
    say_span,
)
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import CONFIDENCE, ConfidenceInterval
from tmnet.analysis.statistics.seeds import FEWEST, paired
from tmnet.logs.run import Run

# An hour, or a million steps: what is slower than this a reader would call slow.
SLOW = {"late_rate": 0.02, "finish_rate": 0.02, "late_best_of_10": 0.05, "best_of_10": 0.05}
SHORTEST_PLATEAU = 0.2  # of the window
MOST_MOMENTS = 200  # at which one may begin


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
    why: str = ""  # there is no p


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
    interval, p, why = None, None, _why_not(bool(found.too_few.any()), "races")
    if gap.told:
        interval, p, why = _towards(gap.interval, sign), gap.p, ""
    before, last = (float(x) for x in found.value)
    n = int(found.n[0]), int(found.n[1])
    return Gain(name, metric, end, window, (before, last), sign * gap.value, interval, p, n, why)


def _of_arm(evidence: Evidence, arm: str, metric: Metric) -> Gain | None:
    """By the differences of its seeds."""
    runs, window = evidence.counted(arm), _window(evidence, evidence.end)
    if window <= 0 or not runs or evidence.comparison.trailing_of(metric) is None:
        return None
    ends = np.array([evidence.moment, evidence.end])
    values = np.array([evidence.comparison.values_at(run, metric, ends, window) for run in runs])
    if metric.span == "anytime" or not np.isfinite(values).all():
        return None
    sign = 1 if metric.better == "higher" else -1
    found = paired(sign * values[:, 1], sign * values[:, 0])
    mean = values.mean(0)
    return Gain(
        arm, metric, evidence.end, window, (float(mean[0]), float(mean[1])),
        float(sign * (mean[1] - mean[0])),
        bounded(metric, found.interval) if found else None, found.p if found else None,
        (len(runs), len(runs)), "" if found else _why_not(len(runs) < FEWEST, "seeds"),
    )  # fmt: skip


def _why_not(too_few: bool, what: str) -> str:
    return f"too few {what} to tell" if too_few else f"{what} too alike to tell"


def _towards(interval: ConfidenceInterval, sign: int) -> ConfidenceInterval:
    """An interval in the direction in which better is positive."""
    return interval if sign > 0 else ConfidenceInterval(-interval.high, -interval.low)


def after(evidence: Evidence, gain: Gain, tested: Tested) -> Finding:
    """Whether it was worth it."""
    metric, name = gain.metric, gain.subject
    sign = 1 if metric.better == "higher" else -1
    before, last = (say(evidence, metric, value) for value in gain.values)
    change = (
        f"{before} at {evidence.say_at(evidence.moment)}, {last} at {evidence.say_at(gain.end)}"
    )
    gap = say_gap(evidence, metric, sign * gain.value)  # as the metric has it: times fall
    counts = of_both(gain.n, "seed" if evidence.are_arms else races_of(metric))
    details = {
        "after": evidence.say_at(evidence.moment), "from": before,
        "until": evidence.say_at(gain.end), "to": last,
        "better by": say_gap(evidence, metric, gain.value), "n": counts,
    }  # fmt: skip
    behind = [f"last {evidence.axis.say_length(gain.window)} of each", counts]
    if gain.interval is not None:
        gap += f" (95 % CI {say_span(evidence, metric, _towards(gain.interval, sign))})"
        span = say_span(evidence, metric, gain.interval)
        details |= {OF_95: span, "p": tested.words}
        behind.append(tested.words)
    going_on = f"Going on after {evidence.say_at(evidence.moment)}"
    if tested.is_claim:
        verdict = "was worth it" if gain.value > 0 else "made it worse"
    elif gain.p is None:
        verdict = gain.why
    elif gain.p <= 1 - CONFIDENCE or gain.value > _slow(metric) * _long(evidence, gain) + 1e-12:
        verdict = "not resolved"
    else:
        verdict = "no measurable gain"
    details["verdict"] = verdict
    means = ", mean of the seeds," if evidence.are_arms and gain.n[0] > 1 else ""
    sentence = (
        f"{going_on}, {name}: {verdict}: {name_of(metric)}{means} {change}, change {gap}; "
        f"{', '.join(behind)}."
    )
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
            window = evidence.comparison.trailing_of(metric)
            assert window is not None  # or it has no plateau
            limit = f"{say_gap(evidence, metric, _slow(metric), signed=False)} {pace}"
            length = evidence.axis.say_length(window)
            yield Finding(
                "plateau", (name,), metric.name, since, _slow(metric), None,
                f"{name}, {name_of(metric)}: from {evidence.say_at(since)} on no later gain can be "
                f"told, and none is faster than {limit} (last {length} of each).",
                axis=evidence.axis.by, window=window,
                details={"since": evidence.say_at(since), "slower than": limit},
            )  # fmt: skip


def _slow(metric: Metric) -> float:
    return SLOW.get(metric.races.statistic, 0.0) if metric.races else 0.0


def _long(evidence: Evidence, gain: Gain) -> float:
    """Hours, or million steps, over which it is a gain; at least one, and one of any other axis."""
    if not (evidence.axis.is_time or evidence.axis.is_steps):
        return 1.0
    return max(evidence.axis.pace(gain.end - evidence.moment)[0], 1.0)


def plateau_of(evidence: Evidence, run: Run, metric: Metric) -> float | None:
    """When the plateau of a run begins, by a late metric; None where it has none."""
    comparison, end = evidence.comparison, evidence.end_of(run)
    window, lo = comparison.trailing_of(metric), comparison.window[0]
    if not _slow(metric) or window is None or not evidence.has(metric, run):
        return None
    moments = comparison.grid[(comparison.grid >= lo + window) & (comparison.grid <= end)]
    moments = moments[:: -(-len(moments) // MOST_MOMENTS) or 1]  # each is compared with each
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
