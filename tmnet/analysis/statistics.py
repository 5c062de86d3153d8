"""How sure a number is: intervals for races of one run, and for several seeds of one arm.

Pure functions of arrays. All intervals hold 95 %; whatever is drawn at random takes a seed. SciPy
does the statistics.

References
----------
Wilson (1927), Newcombe (1998): rates and their differences. Carlstein (1986): blocks of what
follows one another. Agarwal et al. (2021), "Deep Reinforcement Learning at the Edge of the
Statistical Precipice": few seeds. Kaplan and Meier (1958): times that some never reached.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000
_NEGLIGIBLE = 16.0  # best_of leaves out what has a chance below exp(-16)


class ConfidenceInterval(NamedTuple):
    """Where a value lies, with a confidence of 95 %."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return bool(self.low <= value <= self.high)


# --- races of one run -----------------------------------------------------------------------------


def rate_interval(finished: int, races: int) -> ConfidenceInterval:
    """Of a finish rate, 0..1: Wilson's."""
    if not races:
        return ConfidenceInterval(0.0, 1.0)
    found = stats.binomtest(finished, races).proportion_ci(CONFIDENCE, method="wilson")
    return ConfidenceInterval(float(found.low), float(found.high))


def rate_difference(one: tuple[int, int], other: tuple[int, int]) -> ConfidenceInterval:
    """Of how much higher one rate is than another, each (finished, races): Newcombe's."""
    (a, b), (c, d) = rate_interval(*one), rate_interval(*other)
    if not (one[1] and other[1]):
        return ConfidenceInterval(-1.0, 1.0)
    p, q = one[0] / one[1], other[0] / other[1]
    return ConfidenceInterval(
        p - q - float(np.hypot(p - a, d - q)),
        p - q + float(np.hypot(b - p, q - c)),
    )


class Times:
    """Times of finished races in the order in which they were driven, to be drawn again.

    Races that follow one another are alike, since the same agent drove them: so they are drawn in
    blocks, √n races long.

    Parameters
    ----------
    times : array_like (n,)
    """

    def __init__(self, times: Sequence[float] | np.ndarray):
        self.times = np.asarray(times, float)
        length = len(self.times)
        if not length:
            raise ValueError("there are no times")
        self.n_blocks = max(min(length, 2), round(length**0.5))
        self.block = np.arange(length) * self.n_blocks // length  # (n,) of each race
        self._races = np.bincount(self.block)  # (blocks,)
        self._sums = np.bincount(self.block, self.times - self.times.mean())
        self._order = np.argsort(self.times, kind="stable")

    def mean(self, drawn: np.ndarray | None = None) -> np.ndarray:
        """The mean time; or those (…) of other draws of blocks (…, blocks)."""
        if drawn is None:
            return self.times.mean()
        return self.times.mean() + self._sums[drawn].sum(-1) / self._races[drawn].sum(-1)

    def best_of(self, n: int, drawn: np.ndarray | None = None) -> np.ndarray:
        """The best that n races are expected to bring, drawn from these; as `mean`.

        Of more races the best is better: runs are compared by the best of equally many.
        """
        if drawn is None:
            drawn = np.arange(self.n_blocks)
        block, times = self.block[self._order], self.times[self._order]
        best = np.empty(drawn.shape[:-1])
        for place in np.ndindex(best.shape):
            weights = np.bincount(drawn[place], minlength=self.n_blocks)  # (blocks,)
            races = np.cumsum(weights[block])  # (n,) drawn that are at least as fast
            # slower ones are the best of n with a chance below exp(-_NEGLIGIBLE)
            count = 1 + np.searchsorted(races, -np.expm1(-_NEGLIGIBLE / n) * races[-1])
            chance = (1 - races[:count] / races[-1]) ** n  # that none of n is as fast as this one
            best[place] = -np.diff(chance, prepend=1.0) @ times[:count]
            best[place] += chance[-1] * times[count - 1]
        return best


def interval(times: Times, statistic: Callable, seed: int = 0) -> ConfidenceInterval:
    """Of a statistic of times: `Times.mean`, or ``lambda times, drawn: times.best_of(30, drawn)``.

    Of the best of n it holds with n up to a twentieth of the races: what lies beyond the best
    race, no draw can tell.
    """
    return _interval(_drawn_times(times, statistic, np.random.default_rng(seed)))


def difference(one: Times, other: Times, statistic: Callable, seed: int = 0) -> ConfidenceInterval:
    """Of how much higher a statistic of some times is than that of others; as `interval`."""
    rng = np.random.default_rng(seed)
    return _interval(_drawn_times(one, statistic, rng), _drawn_times(other, statistic, rng))


def _drawn_times(times: Times, statistic: Callable, rng: np.random.Generator) -> _Drawn:
    value, deviations, freedom = _draw([times.n_blocks], lambda drawn: statistic(times, drawn), rng)
    # draws of k blocks scatter by (k - 1) / k less than k blocks do, in their variance
    return _Drawn(value, deviations * np.sqrt((freedom + 1) / max(freedom, 1)), freedom)


# --- seeds of one arm -----------------------------------------------------------------------------


def iqm(scores: np.ndarray) -> float:
    """Mean of the middle half of scores, (seeds,) or (seeds, tasks)."""
    return float(stats.trim_mean(np.asarray(scores, float), 0.25, axis=None))


def iqm_interval(scores: np.ndarray, seed: int = 0) -> ConfidenceInterval:
    """Of the inter-quartile mean: seeds drawn again, for each task on its own."""
    return _interval(_drawn_iqm(scores, np.random.default_rng(seed)))


def iqm_difference(one: np.ndarray, other: np.ndarray, seed: int = 0) -> ConfidenceInterval:
    """Of how much higher the inter-quartile mean of one arm is; as `iqm_interval`."""
    rng = np.random.default_rng(seed)
    return _interval(_drawn_iqm(one, rng), _drawn_iqm(other, rng))


def _drawn_iqm(scores: np.ndarray, rng: np.random.Generator) -> _Drawn:
    columns = _columns(scores)
    return _draw([len(x) for x in columns], lambda *drawn: _iqm(columns, drawn), rng)


def _iqm(columns: list[np.ndarray], drawn: Sequence[np.ndarray]) -> np.ndarray:
    """Inter-quartile means (…) of seeds drawn, (…, seeds) a task."""
    values = [column[numbers] for column, numbers in zip(columns, drawn)]
    return stats.trim_mean(np.concatenate(values, axis=-1), 0.25, axis=-1)


def probability_of_improvement(one: np.ndarray, other: np.ndarray) -> float:
    """How often a seed of one arm has a higher score than one of the other, ties half; by task,
    then their mean. Scores are (seeds,) or (seeds, tasks)."""
    shares = [
        stats.mannwhitneyu(x, y).statistic / (len(x) * len(y))
        for x, y in zip(_columns(one), _columns(other), strict=True)
    ]
    return float(np.mean(shares))


def probability_interval(one: np.ndarray, other: np.ndarray, seed: int = 0) -> ConfidenceInterval:
    """Of the probability of improvement; as `iqm_interval`."""
    pairs = list(zip(_columns(one), _columns(other), strict=True))
    # (seeds, seeds) a task: 1 where the one is higher, ½ where they are equal
    wins = [(np.sign(x[:, None] - y[None]) + 1) / 2 for x, y in pairs]

    def statistic(*drawn):
        shares = [
            win[a[..., :, None], b[..., None, :]].mean((-2, -1))
            for win, a, b in zip(wins, drawn[::2], drawn[1::2])
        ]
        return np.mean(shares, axis=0)

    sizes = [len(x) for pair in pairs for x in pair]
    low, high = _interval(_draw(sizes, statistic, np.random.default_rng(seed)))
    return ConfidenceInterval(max(low, 0.0), min(high, 1.0))


def performance_profile(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Share of scores above each threshold."""
    ecdf = stats.ecdf(np.asarray(scores, float).ravel())
    return ecdf.sf.evaluate(np.asarray(thresholds, float))


class TimeToThreshold(NamedTuple):
    """When runs reached a threshold: the share that had not, as it falls with time.

    at, share : ndarray
        Moments at which runs reached it, and the share that had not reached it after them.
    low, high : ndarray
        95 % of that share; missing where nobody is left.
    median : float
        When half had reached it; NaN if fewer did.
    """

    at: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    median: float


def time_to_threshold(at: Sequence[float], reached: Sequence[bool]) -> TimeToThreshold:
    """Kaplan and Meier's estimate.

    Parameters
    ----------
    at : sequence of float
        When each run reached the threshold, or how long it was watched without reaching it.
    reached : sequence of bool
    """
    times, arrived = np.asarray(at, float), np.asarray(reached, bool)
    function = stats.ecdf(stats.CensoredData(times[arrived], right=times[~arrived])).sf
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # where none is left
        band = function.confidence_interval(CONFIDENCE, method="log-log")
    steps = np.isin(function.quantiles, times[arrived])
    share, moments = function.probabilities[steps], function.quantiles[steps]
    half = np.flatnonzero(share <= 0.5 + 1e-12)
    return TimeToThreshold(
        moments, share, band.low.probabilities[steps], band.high.probabilities[steps],
        float(moments[half[0]]) if len(half) else np.nan,
    )  # fmt: skip


def _columns(scores: np.ndarray) -> list[np.ndarray]:
    """Scores of each task, (seeds,)."""
    scores = np.asarray(scores, float)
    return list(scores.T) if scores.ndim == 2 else [scores]


# --- drawing again --------------------------------------------------------------------------------


class _Drawn(NamedTuple):
    """A statistic of a sample; how those of other draws of it deviate, (draws,), and with how many
    degrees of freedom."""

    value: float
    deviations: np.ndarray
    freedom: int


def _draw(sizes: Sequence[int], statistic: Callable, rng: np.random.Generator) -> _Drawn:
    """Draw numbers below each size, as many as there are; the statistic takes arrays of them."""
    numbers = [np.arange(size) for size in sizes]
    value = float(statistic(*(x[None] for x in numbers))[0])
    if min(sizes) == 1:  # nothing to draw
        return _Drawn(value, np.zeros(RESAMPLES), 0)
    found = stats.bootstrap(
        numbers,
        lambda *drawn, axis: statistic(*drawn),
        n_resamples=RESAMPLES,
        method="percentile",
        vectorized=True,
        rng=rng,
    ).bootstrap_distribution
    return _Drawn(value, found - value, sum(sizes) - len(sizes))


def _interval(one: _Drawn, other: _Drawn | None = None) -> ConfidenceInterval:
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
