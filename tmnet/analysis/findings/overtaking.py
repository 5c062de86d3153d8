"""When the better of two, where that is a claim, came to be ahead for the last time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from tmnet.analysis.findings.evidence import Evidence, evenly, thinned
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.levels import say_spent
from tmnet.analysis.findings.words import name_of
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import CONFIDENCE, ConfidenceInterval
from tmnet.analysis.statistics.seeds import ALIKE, FEWEST, difference
from tmnet.logs.run import Run

# Who is told to be behind or ahead at a moment: runs are looked at after every race, so half of it.
OF_ARMS, OF_RUNS = 1 - CONFIDENCE, (1 - CONFIDENCE) / 2
Curve = np.ndarray  # (moments,)
Curves = np.ndarray  # (seeds, moments)


def crossover(evidence: Evidence, contrasts: Sequence[Finding]) -> Iterator[Finding]:
    """Of claims on the axis of the comparison."""
    for contrast in contrasts:
        if not contrast.stands_out or contrast.axis != evidence.axis.by:
            continue
        metric = Metric.named(contrast.metric or "")
        ahead, behind = contrast.runs if contrast.reason == "better" else contrast.runs[::-1]
        if (found := _crossed(evidence, metric, ahead, behind)) is not None:
            yield _finding(evidence, metric, (ahead, behind), *found)


def _finding(
    evidence: Evidence, metric: Metric, names: tuple[str, ...], at: float,
    interval: ConfidenceInterval,
) -> Finding:  # fmt: skip
    ahead, behind = names
    details = {"at": evidence.say_at(at)}
    told = f"at {evidence.say_at(at)}"
    if interval is not None:
        unit = f" {evidence.axis.unit}"
        low = evidence.say_at(interval.low).removesuffix(unit)
        span = f"{low} to {evidence.say_at(interval.high)}"
        told, details["95 % CI"] = f"{told} (95 % CI {span})", span
    (run, *_) = evidence.counted(ahead)
    if spent := say_spent(evidence, run, at):
        details |= {f"{unit} of {run.name}": text for unit, text in spent.items()}
        told += f", when {run.name} had taken {' and '.join(spent.values())}"
    if not evidence.are_arms:
        told += ", in these runs"
    return Finding(
        "crossover", names, metric.name, at, at, interval,
        f"{name_of(metric)}: {ahead} overtakes {behind} for the last time {told}.",
        stands_out=True, axis=evidence.axis.by, window=evidence.comparison.trailing_of(metric),
        details=details,
    )  # fmt: skip


def _crossed(
    evidence: Evidence, metric: Metric, ahead: str, behind: str
) -> tuple[float, ConfidenceInterval] | None:
    """When the one was behind for the last time, and 95 % of that; None if it never was, or if that
    cannot be told.

    The interval is what tests of the difference at each moment leave, as Fieller's (1954) of a
    ratio: from where the one is told to be behind for the last time to where it is told to be
    ahead, or to the moment itself, if that is later. Measured (`tests/benchmarks/forecasts.py`): of
    arms and of independent races it holds the true moment in 98 to 100 %; where each race keeps 0.9
    of the one before, that of the policies as they drove in 99.7 %, but that of what they wobble
    around in 85 %.
    """
    lo = evidence.comparison.window[0]
    arms = [evidence.counted(name) for name in (ahead, behind)]
    moments = evidence.comparison.grid
    if not evidence.are_arms:  # or every seed's every race would count
        told = [evidence.moments(metric, run) for arm in arms for run in arm]
        moments = np.unique(np.concatenate([[lo], *told]))
        moments = thinned(metric, moments[(moments >= lo) & (moments <= evidence.end)])
    one, other = (np.array([_curve(evidence, metric, run, moments) for run in arm]) for arm in arms)
    sign = 1 if metric.better == "higher" else -1
    with np.errstate(invalid="ignore"):
        lead = sign * (one.mean(0) - other.mean(0))
    last = int(np.flatnonzero(lead < 0).max(initial=-1)) + 1
    if not 0 < last < len(moments):
        return None
    few = evenly(len(moments))
    if evidence.are_arms:
        p = _p_of_arms(evidence, metric, one[:, few], other[:, few])
    else:
        p = _p_of_runs(evidence, metric, arms[0][0], arms[1][0], moments[few])
    is_told = np.where(p <= (OF_ARMS if evidence.are_arms else OF_RUNS), np.sign(lead[few]), 0)
    was_behind = np.flatnonzero(is_told < 0)
    if not len(was_behind):
        return None
    since, at = was_behind[-1], float(moments[last])
    ahead_at = moments[few][since:][is_told[since:] > 0]
    high = max(at, float(ahead_at[0])) if len(ahead_at) else at
    return at, ConfidenceInterval(float(moments[few][since]), high)


def _p_of_arms(evidence: Evidence, metric: Metric, one: Curves, other: Curves) -> np.ndarray:
    """Of the seeds: `difference`, of which Welch's test of all moments at once takes less long."""
    p = np.full(one.shape[1], np.nan)
    both = np.concatenate([one, other])
    with np.errstate(invalid="ignore"):
        scatter = np.maximum(np.ptp(one, axis=0), np.ptp(other, axis=0))
    welch = np.isfinite(both).all(0) & (scatter > ALIKE * np.abs(both).max(0))
    if min(len(one), len(other)) >= FEWEST:
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # one arm alike
            found = stats.ttest_ind(one[:, welch], other[:, welch], equal_var=False)
        p[welch] = found.pvalue
        for i in np.flatnonzero(~welch):
            at = difference(one[:, i], other[:, i], metric.better or "higher", evidence.seed).p
            p[i] = np.nan if at is None else at
    return p


def _p_of_runs(
    evidence: Evidence, metric: Metric, one: Run, other: Run, moments: np.ndarray
) -> np.ndarray:
    """Of the races behind each moment; 0 where only one has a value at all."""
    a, b = (evidence.comparison.estimates(run, metric, moments) for run in (one, other))
    assert a is not None and b is not None  # or it would be no claim
    p = np.array([gap.p for gap in a.above(b)])
    there, other_there = (np.isfinite(_known(metric, found.value)) for found in (a, b))
    return np.where(there != other_there, 0.0, p)


def _curve(evidence: Evidence, metric: Metric, run: Run, moments: np.ndarray) -> Curve:
    return _known(metric, evidence.comparison.values_at(run, metric, moments))


def _known(metric: Metric, values: np.ndarray) -> Curve:
    """Values, the worst there is where there is none yet."""
    worst = 0.0 if metric.unit == "%" else np.inf if metric.better == "lower" else -np.inf
    return np.where(np.isfinite(values), values, worst)
