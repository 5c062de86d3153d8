"""When the better of two, where that is a claim, came to be ahead for the last time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tmnet.analysis.findings.evidence import Evidence, thinned
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.levels import say_spent
from tmnet.analysis.findings.words import name_of
from tmnet.analysis.metrics import STATISTICS, Metric, Races
from tmnet.analysis.statistics import CONFIDENCE, ConfidenceInterval
from tmnet.logs.run import Run

DRAWS = 100
MOMENTS_DRAWN = 61  # at which drawn curves are compared
Curve = np.ndarray  # (moments,)


def crossover(evidence: Evidence, contrasts: Sequence[Finding]) -> Iterator[Finding]:
    """Of claims on the axis of the comparison."""
    redrawn: dict[tuple[str, str], np.ndarray] = {}  # of each run: the baseline is in all claims
    for contrast in contrasts:
        if not contrast.stands_out or contrast.axis != evidence.axis.by:
            continue
        metric = Metric.named(contrast.metric or "")
        ahead, behind = contrast.runs if contrast.reason == "better" else contrast.runs[::-1]
        if (found := _crossed(evidence, metric, ahead, behind, redrawn)) is not None:
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
    return Finding(
        "crossover", names, metric.name, at, at, interval,
        f"{name_of(metric)}: {ahead} overtakes {behind} for the last time {told}.",
        stands_out=True, axis=evidence.axis.by, window=evidence.comparison.trailing_of(metric),
        details=details,
    )  # fmt: skip


def _crossed(
    evidence: Evidence, metric: Metric, ahead: str, behind: str,
    redrawn: dict[tuple[str, str], np.ndarray],
) -> tuple[float, ConfidenceInterval] | None:  # fmt: skip
    """When the one was behind for the last time, and 95 % of that; None if it never was."""
    lo = evidence.comparison.window[0]
    arms = [evidence.counted(name) for name in (ahead, behind)]
    moments, few = evidence.comparison.grid, evidence.comparison.grid
    if not evidence.are_arms:  # or every seed's every race would count
        told = [evidence.moments(metric, run) for arm in arms for run in arm]
        moments = np.unique(np.concatenate([[lo], *told]))
        moments = thinned(metric, moments[(moments >= lo) & (moments <= evidence.end)])
        few = np.linspace(lo, evidence.end, MOMENTS_DRAWN)
    curves = [np.array([_curve(evidence, metric, run, moments) for run in arm]) for arm in arms]
    one, other = (arm.mean(0, keepdims=True) for arm in curves)
    (at,) = _last(moments, one, other, metric)
    if np.isnan(at):
        return None
    drawn = []
    for i, arm in enumerate(arms):
        if evidence.are_arms:
            rng = np.random.default_rng([evidence.seed, i])
            numbers = rng.integers(len(arm), size=(DRAWS, len(arm)))
            drawn.append(curves[i][numbers].mean(1))
            continue
        (run,) = arm
        if (run.name, metric.name) not in redrawn:
            redrawn[run.name, metric.name] = _redrawn(evidence, metric, run, few)
        drawn.append(redrawn[run.name, metric.name])
    found = _last(few, drawn[0], drawn[1], metric)
    low, high = np.nanquantile(
        np.where(np.isnan(found), lo, found), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    )
    return at, ConfidenceInterval(min(float(low), at), max(float(high), at))


def _last(moments: np.ndarray, ahead: np.ndarray, behind: np.ndarray, metric: Metric) -> np.ndarray:
    """The moments after which curves (draws, moments) are never behind others; NaN where they never
    were, or still are."""
    sign = 1 if metric.better == "higher" else -1
    with np.errstate(invalid="ignore"):
        was_behind = sign * (ahead - behind) < 0  # (draws, moments)
    last = was_behind.shape[1] - 1 - was_behind[:, ::-1].argmax(1)
    known = was_behind.any(1) & (last + 1 < len(moments))
    return np.where(known, np.append(moments, np.nan)[last + 1], np.nan)


def _curve(evidence: Evidence, metric: Metric, run: Run, moments: np.ndarray) -> Curve:
    return _known(metric, evidence.comparison.values_at(run, metric, moments))


def _known(metric: Metric, values: np.ndarray) -> Curve:
    """Values, the worst there is where there is none yet."""
    worst = 0.0 if metric.unit == "%" else np.inf if metric.better == "lower" else -np.inf
    return np.where(np.isfinite(values), values, worst)


def _redrawn(evidence: Evidence, metric: Metric, run: Run, moments: np.ndarray) -> np.ndarray:
    """Curves (draws, moments) of other races: blocks of √n races, each in place of itself or of a
    neighbour, which keeps how the run learned (Paparoditis and Politis 2002)."""
    assert metric.races is not None  # or it would be no claim
    races, first, behind = evidence.comparison.races_that_count(run, metric, moments)
    rule, n = STATISTICS[metric.races.statistic].rule, len(races.at)
    length = max(1, round(n**0.5))
    blocks = -(-n // length)
    rng = np.random.default_rng([evidence.seed, list(evidence.runs).index(run.name)])
    shift = rng.integers(-1, 2, (DRAWS, blocks)) * length
    numbers = np.clip(np.arange(n) + np.repeat(shift, length, axis=1)[:, :n], 0, n - 1)
    return np.array([
        _known(metric, rule(Races(races.at, races.time_s[x], races.finished[x]), first, behind))
        for x in numbers
    ])  # fmt: skip
