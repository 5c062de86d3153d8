"""Drawing a sample again, to see how its statistic scatters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from tmnet.analysis.statistics import CONFIDENCE, RESAMPLES, ConfidenceInterval


class Drawn(NamedTuple):
    """A statistic of a sample; how those of other draws of it deviate, (draws,), and with how many
    degrees of freedom."""

    value: float
    deviations: np.ndarray
    freedom: int


def draw(sizes: Sequence[int], statistic: Callable, rng: np.random.Generator) -> Drawn:
    """Draw numbers below each size, as many as there are; the statistic takes arrays of them."""
    numbers = [np.arange(size) for size in sizes]
    value = float(statistic(*(x[None] for x in numbers))[0])
    if min(sizes) == 1:  # nothing to draw
        return Drawn(value, np.zeros(RESAMPLES), 0)
    found = stats.bootstrap(
        numbers,
        lambda *drawn, axis: statistic(*drawn),
        n_resamples=RESAMPLES,
        method="percentile",
        vectorized=True,
        rng=rng,
    ).bootstrap_distribution
    return Drawn(value, found - value, sum(sizes) - len(sizes))


def interval_of(one: Drawn, other: Drawn | None = None) -> ConfidenceInterval:
    """Of a statistic, or of the difference of two: percentiles of its deviations, further apart by
    as much as Student's distribution is wider than the normal one (Welch's, of two)."""
    parts = [one] if other is None else [one, other]
    variances = np.array([part.deviations.var() for part in parts])
    value = one.value - (other.value if other else 0.0)
    if not variances.any():
        return ConfidenceInterval(value, value)
    deviations = one.deviations - (other.deviations if other else 0.0)
    each = [var**2 / part.freedom for var, part in zip(variances, parts) if part.freedom]
    tail = (1 - CONFIDENCE) / 2
    wider = stats.t.isf(tail, variances.sum() ** 2 / sum(each)) / stats.norm.isf(tail)
    low, high = wider * np.quantile(deviations, [tail, 1 - tail])
    return ConfidenceInterval(float(value + low), float(value + high))
