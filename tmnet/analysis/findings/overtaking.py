"""When the better of two, where that is a claim, came to be ahead for the last time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.levels import say_spent
from tmnet.analysis.findings.words import name_of
from tmnet.analysis.metrics import STATISTICS, Metric, Races
from tmnet.analysis.statistics import CONFIDENCE, ConfidenceInterval
from tmnet.logs.run import Run

DRAWS = 200
Curve = np.ndarray  # (moments,)


def crossover(evidence: Evidence, contrasts: Sequence[Finding]) -> Iterator[Finding]:
    """Of claims on the axis of the comparison."""
    for contrast in contrasts:
        if not contrast.stands_out or contrast.axis != evidence.axis.by:
            continue
        metric = Metric.named(contrast.metric or "")
        names = contrast.runs if contrast.reason == "better" else contrast.runs[::-1]
        if (found := _crossed(evidence, metric, *names)) is not None:
            yield _finding(evidence, metric, names, *found)


def _finding(
    evidence: Evidence, metric: Metric, names: tuple[str, ...], at: float,
    interval: ConfidenceInterval | None,
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
    return Finding(
        "crossover", names, metric.name, at, at, interval,
        f"{name_of(metric)}: {ahead} overtakes {behind} for the last time {told}.",
        stands_out=True, axis=evidence.axis.by, window=evidence.comparison.trailing_of(metric),
        details=details,
    )  # fmt: skip


def _crossed(
    evidence: Evidence, metric: Metric, ahead: str, behind: str
) -> tuple[float, ConfidenceInterval | None] | None:
    """When the one was behind for the last time, and 95 % of that; None if it never was."""
    lo = evidence.comparison.window[0]
    arms = [evidence.counted(name) for name in (ahead, behind)]
    told = [evidence.moments(metric, run) for arm in arms for run in arm]
    moments = np.unique(np.concatenate([[lo], *told]))
    moments = moments[(moments >= lo) & (moments <= evidence.end)]
    if evidence.are_arms:  # or every seed's every race would count
        moments = evidence.comparison.grid
    curves = [[_curve(evidence, metric, run, moments) for run in arm] for arm in arms]
    at = _last(moments, curves, metric)
    if at is None:
        return None
    rng, drawn = np.random.default_rng(evidence.seed), []
    for _ in range(DRAWS):
        if evidence.are_arms:
            both = [[arm[i] for i in rng.integers(len(arm), size=len(arm))] for arm in curves]
        else:
            both = [[_redrawn(evidence, metric, arm[0], moments, rng)] for arm in arms]
        there = _last(moments, both, metric)
        drawn.append(lo if there is None else there)
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return at, ConfidenceInterval(float(low), float(high))


def _last(moments: np.ndarray, curves: Sequence[Sequence[Curve]], metric: Metric) -> float | None:
    """The moment after which the mean of the first curves is never behind that of the others; None
    if it never was, or still is."""
    ahead, behind = (np.mean(arm, axis=0) for arm in curves)
    sign = 1 if metric.better == "higher" else -1
    with np.errstate(invalid="ignore"):
        was_behind = np.flatnonzero(sign * (ahead - behind) < 0)
    if not len(was_behind) or was_behind[-1] + 1 == len(moments):
        return None
    return float(moments[was_behind[-1] + 1])


def _curve(evidence: Evidence, metric: Metric, run: Run, moments: np.ndarray) -> Curve:
    return _known(metric, evidence.comparison.values_at(run, metric, moments))


def _known(metric: Metric, values: np.ndarray) -> Curve:
    """Values, the worst there is where there is none yet."""
    worst = 0.0 if metric.unit == "%" else np.inf if metric.better == "lower" else -np.inf
    return np.where(np.isfinite(values), values, worst)


def _redrawn(
    evidence: Evidence, metric: Metric, run: Run, moments: np.ndarray, rng: np.random.Generator
) -> Curve:
    """A curve of other races: blocks of √n races, each in place of itself or of a neighbour, which
    keeps how the run learned (Paparoditis and Politis 2002)."""
    assert metric.races is not None  # or it would be no claim
    races, first, behind = evidence.comparison.races_that_count(run, metric, moments)
    n = len(races.at)
    length = max(1, round(n**0.5))
    starts = np.arange(0, n, length)
    shift = rng.integers(-1, 2, len(starts)) * length
    numbers = np.clip(np.arange(n) + np.repeat(shift, length)[:n], 0, n - 1)
    other = Races(races.at, races.time_s[numbers], races.finished[numbers])
    return _known(metric, STATISTICS[metric.races.statistic].rule(other, first, behind))
