"""Who leads, by how much, and since when."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tmnet.analysis.findings.evidence import OF_95, Evidence, name_of, ranked, say_behind
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import ConfidenceInterval
from tmnet.analysis.statistics.draws import Times, difference, rate_difference
from tmnet.logs.run import Run

BY_FEW = "by the best of equally few races"
FEW = 20  # of so many races the best of one can be told: what no race came to, no draw tells
LAST_VALUES = 10  # of a scalar, whose scatter is its noise


def leader(evidence: Evidence) -> Iterator[Finding]:
    for metric in evidence.metrics.values():
        if metric.unit == "axis" or evidence.misleads(metric):
            continue
        order = ranked(evidence.comparison, metric, evidence.end)
        if order is None:
            continue
        (first, value), (second, next_value) = order[:2]
        shown = {name: evidence.say(metric, x) for name, x in order}
        details = {"lead": evidence.say_gap(metric, abs(value - next_value))}
        lead, noise, told = _noise(evidence, metric, first, second, details)
        yield Finding(
            "leader", tuple(shown), metric.name, evidence.end,
            abs(value - next_value) if lead is None else lead, noise,
            f"{name_of(metric)} at {evidence.say_at(evidence.end)}: {first} leads with "
            f"{shown[first]}, {details['lead']} ahead of {say_behind(shown)}{told}.",
            shown, details,
        )  # fmt: skip


def _noise(
    evidence: Evidence, metric: Metric, first: str, second: str, details: dict[str, str]
) -> tuple[float | None, ConfidenceInterval | None, str]:
    """The lead of the first over the second, 95 % of it, and that in words; None, if few races
    tell neither. What is told goes into details, too."""
    found = _difference(evidence, metric, evidence.runs[first], evidence.runs[second], evidence.end)
    if found is None:
        return None, None, ""
    lead, noise, races = found
    if metric.better == "lower":
        lead, noise = -lead, ConfidenceInterval(-noise.high, -noise.low)
    details[OF_95] = evidence.say_span(metric, noise)
    where = "beyond" if noise.low > 0 else "within"
    told = f"{where} the noise (95 %: {details[OF_95]})"
    if not races:
        return lead, noise, f"; the lead is {told}"
    details[BY_FEW] = f"{evidence.say_gap(metric, lead)} ({races:,} races)"
    side = "ahead" if lead > 0 else "behind"
    gap = evidence.say_gap(metric, abs(lead))
    return lead, noise, f"; by the best of {races:,} races each it is {gap} {side}, {told}"


def _difference(
    evidence: Evidence, metric: Metric, one: Run, other: Run, at: float
) -> tuple[float, ConfidenceInterval, int] | None:
    """How much higher the value of one run is than that of the other, at a moment, 95 % of it,
    and, where it is that of the best of some races, of how many."""
    if not metric.races:
        gap = evidence.value_at(metric, one, at) - evidence.value_at(metric, other, at)
        return _scatter(gap, *(_last_values(evidence, metric, run, at) for run in (one, other)))
    statistic = metric.races.statistic
    both = [evidence.races(metric, run, at) for run in (one, other)]
    if statistic == "finish_rate":
        counts = [(int(x.finished.sum()), len(x.at)) for x in both]
        if not all(races for _, races in counts):
            return None
        gap = counts[0][0] / counts[0][1] - counts[1][0] / counts[1][1]
        return gap, rate_difference(*counts), 0
    times = [x.time_s if statistic == "mean_all" else x.time_s[x.finished] for x in both]
    if (races := min(map(len, times))) < 2:
        return None
    ours, theirs = map(Times, times)
    if statistic in ("mean", "mean_all"):
        gap = float(ours.mean() - theirs.mean())
        return gap, difference(ours, theirs, Times.mean, evidence.seed), 0
    if statistic == "best" and (few := races // FEW) > 1:
        gap = float(ours.best_of(few) - theirs.best_of(few))
        spread = difference(ours, theirs, lambda x, blocks: x.best_of(few, blocks), evidence.seed)
        return gap, spread, few
    return None


def _last_values(evidence: Evidence, metric: Metric, run: Run, at: float) -> np.ndarray:
    there, value = evidence.axis.of(run).scalar(metric.name)
    return value[(there <= at) & np.isfinite(value)][-LAST_VALUES:]


def crossover(evidence: Evidence) -> Iterator[Finding]:
    for metric in evidence.metrics.values():
        if metric.unit == "axis" or evidence.misleads(metric):
            continue
        order = ranked(evidence.comparison, metric, evidence.end)
        if order is None:
            continue
        ahead = order[0][0]
        for name in evidence.runs:
            found = None
            if name != ahead:
                found = _crossed(evidence, metric, evidence.runs[ahead], evidence.runs[name])
            if found is None:
                continue
            first, good = found
            at = np.array([good])
            values = [
                evidence.say(metric, evidence.comparison.values_at(evidence.runs[x], metric, at)[0])
                for x in (ahead, name)
            ]
            against = f" ({values[0]} against {values[1]})" if values[0] != values[1] else ""
            earlier = f", first at {evidence.say_at(first)}" if first < good else ""
            yield Finding(
                "crossover", (ahead, name), metric.name, good, first, None,
                f"{name_of(metric)}: {ahead} overtakes {name} for good at {evidence.say_at(good)}"
                f"{against}{earlier}.",
                details={"for good": evidence.say_at(good), "with": values[0], "against": values[1],
                         "first": evidence.say_at(first)},
            )  # fmt: skip


def _crossed(
    evidence: Evidence, metric: Metric, one: Run, other: Run
) -> tuple[float, float] | None:
    """When one run first came to be ahead of another that was ahead, and when for good."""
    lo, _ = evidence.comparison.window
    end = min(evidence.end, evidence.end_of(one), evidence.end_of(other))
    told = (evidence.moments(metric, run) for run in (one, other))
    moments = np.unique(np.concatenate([np.array([lo]), *told]))
    moments = moments[(moments >= lo) & (moments <= end)]
    values = [evidence.comparison.values_at(run, metric, moments) for run in (one, other)]
    if metric.races and metric.races.statistic == "best":  # not yet finished: behind
        values = [np.where(np.isnan(value), np.inf, value) for value in values]
    sign = 1 if metric.better == "higher" else -1
    with np.errstate(invalid="ignore"):
        ahead, behind = (sign * (a - b) > 0 for a, b in (values, values[::-1]))
    if not behind.any() or not ahead.any():
        return None
    good = np.flatnonzero(ahead & (np.arange(len(moments)) > np.flatnonzero(behind)[-1]))
    first = np.flatnonzero(ahead & (np.arange(len(moments)) > behind.argmax()))
    return (float(moments[first[0]]), float(moments[good[0]])) if len(good) else None


def _scatter(gap: float, *last: np.ndarray) -> tuple[float, ConfidenceInterval, int] | None:
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
    return gap, ConfidenceInterval(gap - float(half), gap + float(half)), 0
