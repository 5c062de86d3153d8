"""Would longer training pay? Asked of a curve only that has foretold itself before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tmnet.analysis.statistics import CONFIDENCE, ConfidenceInterval

FEWEST_POINTS = 8  # in either half
DRAWS = 500
MORE = 1.5  # times as long
_EXPONENTS = np.geomspace(0.05, 5, 150)


class Longer(NamedTuple):
    """What half as much training again is expected to bring.

    gain : float
        From the curve's end to `at`.
    interval : ConfidenceInterval
        95 %: blocks of what the points deviate by are drawn again; and wider on both sides by what
        the curve of the first half missed of the gain of the second.
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

    Measured, of 48 points that wobble by 1 or 3 points around a power law, or by a policy that has
    stopped: said in 40 to 87 %, and the interval held the gain in 95 to 100 %; a gain of nothing
    is never told. Of an exponential approach, which is no power law: said in 0 to 12 % while it
    rises, and always once it is over, when the interval held the gain in 87 to 100 %. A line, or a
    late start, is never gone on with.
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
    low, high = np.quantile(gains, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    (end,) = curve(np.ones(1))  # beyond the limits lies no gain from there
    interval = ConfidenceInterval(
        float(max(low - miss, min(gain, least - end))), float(min(high + miss, most - end))
    )
    return Longer(float(gain), interval, float(MORE * moments[-1]), float(curve.c))


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

    For each b the rest is linear, so b is looked for among 150 from 0.05 to 5: for 500 draws at
    once that takes 20 ms, where SciPy's `curve_fit` takes seconds.
    """
    sign = 1.0 if better == "higher" else -1.0
    rows, middle = np.atleast_2d(values), np.atleast_2d(values).mean(1)
    best = np.full((4, len(rows)), np.inf)
    for b in _EXPONENTS:
        x = t**-b
        apart = x - x.mean()
        a = np.maximum(-sign * (rows @ apart) / (apart @ apart), 0.0)
        c = np.clip(middle + sign * a * x.mean(), least, most)
        bounded = c != middle + sign * a * x.mean()
        through = np.maximum(sign * ((c[:, None] - rows) @ x) / (x @ x), 0.0)
        a = np.where(bounded, through, a)
        squares = ((rows - c[:, None] + sign * a[:, None] * x) ** 2).sum(1)
        found = np.array([squares, c, sign * a, np.full(len(rows), b)])
        best = np.where(squares < best[0], found, best)
    return Curve(*best[1:].reshape(3, *values.shape[:-1]))


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
