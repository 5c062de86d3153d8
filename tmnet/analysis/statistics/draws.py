"""Races of one run: rates by counting, times by drawing blocks of races again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tmnet.analysis.statistics import ConfidenceInterval
from tmnet.analysis.statistics.bootstrap import Drawn, draw, interval_of
from tmnet.analysis.statistics.seeds import rate_interval

_NEGLIGIBLE = 16.0  # best_of leaves out what has a chance below exp(-16)


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
    return interval_of(_drawn_times(times, statistic, np.random.default_rng(seed)))


def difference(one: Times, other: Times, statistic: Callable, seed: int = 0) -> ConfidenceInterval:
    """Of how much higher a statistic of some times is than that of others; as `interval`."""
    rng = np.random.default_rng(seed)
    return interval_of(_drawn_times(one, statistic, rng), _drawn_times(other, statistic, rng))


def _drawn_times(times: Times, statistic: Callable, rng: np.random.Generator) -> Drawn:
    return draw([times.n_blocks], lambda drawn: statistic(times, drawn), rng).of_means()
