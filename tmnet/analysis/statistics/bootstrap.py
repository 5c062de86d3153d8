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

    def of_means(self) -> Drawn:
        """Means of n that are drawn scatter by (n - 1) / n less than those of n do, squared."""
        more = np.sqrt((self.freedom + 1) / max(self.freedom, 1))
        return self._replace(deviations=self.deviations * more)


def draw(sizes: Sequence[int], statistic: Callable, rng: np.random.Generator) -> Drawn:
    """Draw numbers below each size, as many as there are; the statistic takes arrays of them."""
    numbers = [np.arange(size) for size in sizes]
    value = float(statistic(*(x[None] for x in numbers))[0])
    if min(sizes) == 1:  # nothing to draw
        return Drawn(value, np.zeros(RESAMPLES), 0)
    found = statistic(*(rng.integers(size, size=(RESAMPLES, size)) for size in sizes))
    return Drawn(value, found - value, sum(sizes) - len(sizes))


def interval_of(one: Drawn, other: Drawn | None = None) -> ConfidenceInterval:
    """Of a statistic, or of the difference of two: percentiles of its deviations, further apart by
    as much as Student's distribution is wider than the normal one (Welch's, of two). Where draws
    have no finite value, percentiles as far out as Student's; an end of them may be infinite."""
    parts = [one] if other is None else [one, other]
    value = one.value - (other.value if other else 0.0)
    with np.errstate(invalid="ignore"):
        deviations = one.deviations - (other.deviations if other else 0.0)
    tail = (1 - CONFIDENCE) / 2
    if not np.isfinite(deviations).all():
        tail = float(stats.norm.sf(stats.t.isf(tail, sum(part.freedom for part in parts))))
        unknown = np.isnan(deviations)  # neither arm got there
        low = np.quantile(np.where(unknown, -np.inf, deviations), tail, method="lower")
        high = np.quantile(np.where(unknown, np.inf, deviations), 1 - tail, method="higher")
        return ConfidenceInterval(float(value + low), float(value + high))
    variances = np.array([part.deviations.var() for part in parts])
    if not variances.any():
        return ConfidenceInterval(value, value)
    each = [var**2 / part.freedom for var, part in zip(variances, parts) if part.freedom]
    wider = stats.t.isf(tail, variances.sum() ** 2 / sum(each)) / stats.norm.isf(tail)
    low, high = wider * np.quantile(deviations, [tail, 1 - tail])
    return ConfidenceInterval(float(value + low), float(value + high))
