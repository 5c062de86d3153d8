"""How sure the numbers of one run are: its races follow one another, and drift while it learns.

Races of one run are alike, since the same agent drove them, and get better while it learns. So
they are cut, in order, into b blocks of equal count, and what a value is uncertain by follows from
how the blocks' values B differ from one to the next, which forgives a trend::

    variance = sum((B[j + 1] - B[j]) ** 2) / (2 b (b - 1))        degrees of freedom: 2 (b - 1) / 3

but no less than independent races would have. Of two runs the variances add, and the degrees of
freedom are Satterthwaite's. It holds for races of which each keeps 0.9 of the one before; of
wobbles that are slower than that, among fifty races, it knows too little. How often it errs is what
`tests/benchmarks/claims.py` shows.

References
----------
von Neumann (1941): mean squares of successive differences. Carlstein (1986): blocks of what follows
one another. Efron (1979): the jackknife. Satterthwaite (1946): sums of variances. Agresti and
Coull (1998): rates near 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import stats

from tmnet.analysis.metrics import BEST_OF, Races, best_of, variance_without_one
from tmnet.analysis.statistics import CONFIDENCE, ConfidenceInterval

FEWEST = 10  # races, of fewer nothing is said
FEWEST_BLOCKS = 4
FEWEST_BESTS = 3  # blocks, of each of which the best of ten is known
KEPT = 16  # best of ten of so many series of ranges of a run's races, not to be found again


class Difference(NamedTuple):
    """Of two values, 95 % of it, and the two-sided p of there being none; NaN where there are too
    few races to tell."""

    value: float
    interval: ConfidenceInterval
    p: float

    @property
    def told(self) -> bool:
        """Whether there are enough races to tell."""
        return not np.isnan(self.p)


@dataclass(frozen=True)
class Estimates:
    """Values of a statistic at some moments, and how sure they are.

    Attributes
    ----------
    value, variance, freedom : ndarray (moments,)
        Of the value its variance, and the degrees of freedom of that; NaN where races are too few.
    n : ndarray (moments,) of int
        Races behind each.
    fewest : int
        Races of which a variance can be had.
    least, most : float
        Between which all values lie.
    """

    value: np.ndarray
    variance: np.ndarray
    freedom: np.ndarray
    n: np.ndarray
    fewest: int = FEWEST
    least: float = -np.inf
    most: float = np.inf

    @property
    def too_few(self) -> np.ndarray:
        """Where there are too few races to tell; elsewhere only races that are all alike do not."""
        return self.n < self.fewest

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """95 % of each value: low and high."""
        half = stats.t.isf((1 - CONFIDENCE) / 2, self.freedom) * np.sqrt(self.variance)
        return (
            np.maximum(self.value - half, self.least),
            np.minimum(self.value + half, self.most),
        )

    def take(self, numbers: np.ndarray | list[int]) -> Estimates:
        """Those at some of the moments."""
        value, variance, freedom, n = (
            x[numbers] for x in (self.value, self.variance, self.freedom, self.n)
        )
        return Estimates(value, variance, freedom, n, self.fewest, self.least, self.most)

    def above(self, other: Estimates) -> list[Difference]:
        """How much higher they are than others, of other races, moment by moment."""
        variance = self.variance + other.variance
        with np.errstate(invalid="ignore", divide="ignore"):
            freedom = variance**2 / (
                self.variance**2 / self.freedom + other.variance**2 / other.freedom
            )
            value, scatter = self.value - other.value, np.sqrt(variance)
            half = stats.t.isf((1 - CONFIDENCE) / 2, freedom) * scatter
            p = 2 * stats.t.sf(np.abs(value) / scatter, freedom)
        low = np.maximum(value - half, self.least - self.most)
        high = np.minimum(value + half, self.most - self.least)
        return [
            Difference(float(v), ConfidenceInterval(float(a), float(b)), float(q))
            for v, a, b, q in zip(value, low, high, p)
        ]


def estimates(
    statistic: str, races: Races, first: np.ndarray, behind: np.ndarray
) -> Estimates | None:
    """A statistic of ranges of races, and how sure it is; None where there is no telling of it.

    Parameters
    ----------
    statistic : str
        Of `tmnet.analysis.metrics.STATISTICS`.
    races : Races
    first, behind : ndarray (moments,) of int
        The races [first, behind) count at each moment.
    """
    if not len(races.at):
        first = behind = np.zeros(len(first), int)
    if statistic in ("finish_rate", "late_rate"):
        return _rates(races, first, behind)
    if statistic in ("mean_all", "late_mean_all"):
        return _means_of_all(races, first, behind)
    finishes = races.finishes_before[first], races.finishes_before[behind]
    if statistic in ("mean", "late_mean"):
        return _means(races.time_s[races.finished], *finishes)
    if statistic in ("best_of_10", "late_best_of_10"):
        asked = finishes[0].tobytes(), finishes[1].tobytes()
        found = races.bests.get(asked)  # a figure asks again when another of its metrics changes
        if found is None:
            found = races.bests[asked] = _bests(races, *finishes)
            if len(races.bests) > KEPT:
                races.bests.pop(next(iter(races.bests)), None)
        return found
    return None


def _rates(races: Races, first: np.ndarray, behind: np.ndarray) -> Estimates:
    sums, n = races.finishes_before, behind - first
    finishes = sums[behind] - sums[first]
    variance, freedom = _of_blocks(sums, first, n)
    middle = (finishes + 2) / (n + 4)
    return Estimates(
        _over(finishes, n), np.maximum(variance, middle * (1 - middle) / (n + 4)), freedom, n,
        least=0.0, most=1.0,
    )  # fmt: skip


def _means(values: np.ndarray, first: np.ndarray, behind: np.ndarray) -> Estimates:
    n = behind - first
    centre = values.mean() if len(values) else 0.0  # or squares would lose digits
    around = values - centre
    sums, squares = (np.append(0.0, np.cumsum(x)) for x in (around, around**2))
    total = sums[behind] - sums[first]
    mean = _over(total, n)
    scatter = _over(squares[behind] - squares[first] - total * mean, n - 1)
    variance, freedom = _of_blocks(sums, first, n)
    variance = np.maximum(variance, _over(scatter, n))
    return Estimates(centre + mean, variance, freedom, n, least=0.0)  # times


def _means_of_all(races: Races, first: np.ndarray, behind: np.ndarray) -> Estimates:
    """Of times of which some are the cut-off: as uncertain as the rate at least, times what a race
    that does not finish costs. Of ten races that all finish the times alone would seem sure."""
    found = _means(races.time_s, first, behind)
    if not races.finished.any() or races.finished.all():  # what it costs is not known
        return found
    cost = races.time_s[~races.finished].mean() - races.time_s[races.finished].mean()
    variance = np.maximum(found.variance, cost**2 * _rates(races, first, behind).variance)
    return replace(found, variance=variance)


def _bests(races: Races, first: np.ndarray, behind: np.ndarray) -> Estimates:
    """Of the expected best of ten: of three blocks of ten races at least.

    Few blocks may be alike by chance, and against a run of many races they would then be all that
    counts: 30 races against 250 would be told apart in 6 to 8 % of equal pairs, at p < 0.025. So
    the least is half of the jackknife's variance of independent races. All of it would leave 1 %,
    but make intervals hold the truth in 99 %; half leaves 1 to 3 %, and 96 to 99 %.
    """
    n = behind - first
    value, variance, freedom = np.full((3, len(n)), np.nan)
    for i, (start, count) in enumerate(zip(first, n)):
        ordered = races.ordered(slice(start, start + count))
        value[i] = best_of(ordered, BEST_OF)
        blocks = min(_blocks(count), count // BEST_OF)
        if blocks >= FEWEST_BESTS and np.isfinite(value[i]):
            ends = start + count * np.arange(blocks + 1) // blocks
            least = (count - 1) * variance_without_one(ordered, BEST_OF) / 2
            variance[i] = max(_of_differences(_bests_of_blocks(races, ends)), least)
            freedom[i] = _freedom(blocks)
    variance[variance <= (1e-9 * value) ** 2] = np.nan  # of races that are alike nothing follows
    return Estimates(value, variance, freedom, n, FEWEST_BESTS * BEST_OF, least=0.0)


def _bests_of_blocks(races: Races, ends: np.ndarray) -> np.ndarray:
    """The expected best of ten of each block; those that are as long at once."""
    bests, lengths = np.empty(len(ends) - 1), np.diff(ends)
    for length in {*lengths.tolist()}:  # of which there are two, at most
        which = lengths == length
        blocks = ends[:-1][which, None] + np.arange(length)
        bests[which] = best_of(races.ordered(blocks), BEST_OF)
    return bests


def _of_blocks(sums: np.ndarray, first: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance of means of ranges of values, and its degrees of freedom; `sums` are those of the
    first 0, 1, … values."""
    variance, freedom = np.full((2, len(n)), np.nan)
    enough = n >= FEWEST
    blocks = np.where(enough, [_blocks(count) for count in n], 0)
    for b in np.unique(blocks[enough]):
        there = blocks == b
        ends = first[there, None] + n[there, None] * np.arange(b + 1) // b  # (moments, b + 1)
        variance[there] = _of_differences(np.diff(sums[ends]) / np.diff(ends))
        freedom[there] = _freedom(b)
    return variance, freedom


def _of_differences(values: np.ndarray) -> np.ndarray:
    """Variance of the means of blocks' values, (…, blocks)."""
    b = values.shape[-1]
    return (np.diff(values) ** 2).sum(-1) / (2 * b * (b - 1))


def _blocks(n: int) -> int:
    return max(FEWEST_BLOCKS, round(n**0.4))


def _freedom(blocks: int) -> float:
    return 2 * (blocks - 1) / 3


def _over(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
