"""Would longer training pay? Asked of a curve only that has foretold itself before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tmnet.analysis.statistics import CONFIDENCE, ConfidenceInterval

FEWEST_POINTS = 8  # in either half
DRAWS = 500
MORE = 1.5  # times as long
TAILS = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
_EXPONENTS = np.geomspace(0.05, 5, 150)


class Longer(NamedTuple):
    """What half as much training again is expected to bring.

    gain : float
        From the curve's end to `at`.
    interval : ConfidenceInterval
        95 %: blocks of what the points deviate by are drawn again; and wider on both sides by what
        the curve of the first half missed of the gain of the second, and to what a line brings, if
        that does as well.
    at : float
        One and a half times the last point.
    limit : float
        Where the curve leads to: c of c - a t^(-b).
    """

    gain: float
    interval: ConfidenceInterval
    at: float
    limit: float


class Curve(NamedTuple):
    """c - a t^(-b), or several: (…,) each. Falling ones have a below 0."""

    c: np.ndarray
    a: np.ndarray
    b: np.ndarray

    def __call__(self, t: np.ndarray) -> np.ndarray:
        """Values at t (…, t)."""
        return self.c[..., None] - self.a[..., None] * t ** -self.b[..., None]


def longer(
    at: ArrayLike, values: ArrayLike, better: str, least: float = -np.inf, most: float = np.inf,
    seed: int = 0,
) -> Longer | None:  # fmt: skip
    """Of trailing points of a run, (points,), of which the `better` are "lower" or "higher"; the
    curve leads to no less than `least` and no more than `most`.

    None where points are few, and where the curve of the first half does not foretell the second:
    where the mean of a block of √n points lies outside the band in which all are to lie in 95 %.
    None, too, where a straight line that rises or falls does as well (an F test, 5 %), since of
    where it will level off nothing is to be seen then; of one that may be level the interval holds
    all that the line's does.

    Measured (`tests/benchmarks/forecasts.py`), of 24 points of 25 or 100 races each: of power laws
    it is told in 36 to 95 %, of plateaus in 67 to 69 %, and the interval holds the gain in 97 to
    100 %, being wider by that miss. It is told, and not so, of lines in 0 to 4 %, of S-curves in 0,
    and of exponential approaches, which end where power laws go on, in 0 to 6 %.
    """
    moments, points = np.asarray(at, float), np.asarray(values, float)
    known = np.isfinite(points) & (moments > 0)
    moments, points = moments[known], points[known]
    early = moments <= moments.max(initial=0) / 2
    if min(early.sum(), (~early).sum()) < FEWEST_POINTS or np.ptp(points) == 0:
        return None
    rng, limits = np.random.default_rng(seed), (better, least, most)
    t = moments / moments[-1]
    miss = _miss(t[early], points[early], t[~early], points[~early], limits, rng)
    if miss is None:
        return None
    curve = fitted(t, points, *limits)
    again = fitted(t, curve(t) + _drawn(points - curve(t), len(t), rng), *limits)
    gain, gains = (np.diff(fit(np.array([1, MORE])))[..., 0] for fit in (curve, again))
    low, high = np.quantile(gains, TAILS) + [-miss, miss]
    if (straight := _straight(t, points, curve, rng)) is not None:
        if not straight.holds(0.0):
            return None
        low, high = min(low, straight.low), max(high, straight.high)
    (end,) = curve(np.ones(1))  # beyond the limits lies no gain from there
    interval = ConfidenceInterval(
        float(max(low, min(gain, least - end))), float(min(high, most - end))
    )
    return Longer(float(gain), interval, float(MORE * moments[-1]), float(curve.c))


def _straight(t, points, curve, rng) -> ConfidenceInterval | None:
    """95 % of the gain by a straight line; None where the curve does better than that."""
    apart, freedom = t - t.mean(), len(t) - 3
    weights = apart / (apart @ apart)
    line = points.mean() + (weights @ points) * apart
    of_line, of_curve = (((points - values) ** 2).sum() for values in (line, curve(t)))
    if of_line - of_curve > of_curve / freedom * stats.f.isf(1 - CONFIDENCE, 1, freedom):
        return None
    slopes = (line + _drawn(points - line, len(t), rng)) @ weights
    return ConfidenceInterval(*map(float, (MORE - 1) * np.quantile(slopes, TAILS)))


def _miss(t, values, later, actual, limits, rng) -> float | None:
    """By how much the curve of some points foretold another gain than came; None if later points,
    in means of blocks, lie farther from it than draws do in 95 %."""
    curve = fitted(t, values, *limits)
    deviations = values - curve(t)
    again = fitted(t, curve(t) + _drawn(deviations, len(t), rng), *limits)
    errors = _means(again(later) - curve(later) + _drawn(deviations, len(later), rng))
    found = _means(actual - curve(later))
    scale = errors.std(axis=0)
    if not scale.all():
        return None
    farthest = np.abs(errors / scale).max(axis=1)
    if np.abs(found / scale).max() > np.quantile(farthest, CONFIDENCE):
        return None
    return float(abs(found[-1] - _means(deviations)[-1]))


def fitted(t: np.ndarray, values: np.ndarray, better: str, least: float, most: float) -> Curve:
    """The curve of least squares through values (…, t), which only gets better.

    For each b the rest is linear, so b is looked for among 150 from 0.05 to 5, for all draws at
    once: for 500 that takes some ms, where SciPy's `curve_fit` takes seconds.
    """
    sign = 1.0 if better == "higher" else -1.0
    rows, x = np.atleast_2d(values), t ** -_EXPONENTS[:, None]
    middle, mean, n = rows.mean(1)[:, None], x.mean(1), len(t)
    around, apart = rows - middle, x - mean[:, None]
    along, length = around @ apart.T, (apart**2).sum(1)  # (draws, exponents), (exponents,)
    a = np.maximum(-sign * along / length, 0.0)
    free = middle + sign * a * mean
    c = np.clip(free, least, most)
    through = sign * (n * (c - middle) * mean - along) / (length + n * mean**2)
    a = np.where(c != free, np.maximum(through, 0.0), a)
    off = middle - c + sign * a * mean
    squares = (around**2).sum(1)[:, None] + n * off**2 + 2 * sign * a * along + a**2 * length
    best = np.arange(len(rows)), squares.argmin(1)
    found = np.array([c[best], sign * a[best], _EXPONENTS[best[1]]])
    return Curve(*found.reshape(3, *values.shape[:-1]))


def _drawn(deviations: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """Deviations drawn again in blocks that follow one another, (draws, length)."""
    n, size = len(deviations), _block(len(deviations))
    starts = rng.integers(n - size + 1, size=(DRAWS, -(-length // size)))
    places = (starts[..., None] + np.arange(size)).reshape(DRAWS, -1)[:, :length]
    freed = np.sqrt(n / (n - 3))  # by three numbers that were fitted to them
    return freed * (deviations - deviations.mean())[places]


def _means(values: np.ndarray) -> np.ndarray:
    """Of blocks (…, points), the last of which ends with the points; (…, blocks)."""
    size = _block(values.shape[-1])
    whole = values[..., values.shape[-1] % size :]
    return whole.reshape(*whole.shape[:-1], -1, size).mean(-1)


def _block(n: int) -> int:
    return round(n**0.5)
