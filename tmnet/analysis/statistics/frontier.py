"""Which arm is best for a budget, and what levels cost by size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tmnet.analysis.statistics import CONFIDENCE, RESAMPLES, ConfidenceInterval
from tmnet.analysis.statistics.seeds import FEWEST, middle, worst_last

FEWEST_SIZES = 4


class Frontier(NamedTuple):
    """best : list of str or None
        The arm that is best for each budget; None where several are, or the middle seeds of none
        got anywhere.
    probability : dict of str to ndarray (budgets,)
        How likely each arm is the best: the share of draws of seeds in which it is, equal ones in
        equal parts. NaN if an arm has fewer than 3 seeds.
    """

    best: list[str | None]
    probability: dict[str, np.ndarray]


def frontier(arms: Mapping[str, ArrayLike], better: str, seed: int = 0) -> Frontier:
    """Of arms' values (seeds, budgets), of which the `better` are "lower" or "higher".

    Arms are compared by the middle of their seeds. Draws scatter as Student's distribution does, so
    that two arms of 3 seeds that are alike are not told apart too often.
    """
    rng, sign = np.random.default_rng(seed), 1 if better == "higher" else -1
    values = [sign * worst_last(arm, better) for arm in arms.values()]  # higher is better
    values = [arm[np.lexsort(arm.T)] for arm in values]  # in whatever order the seeds are given
    middles = np.array([middle(arm.T) for arm in values])  # (arms, budgets)
    names = [*arms]
    best = [
        names[int(column.argmax())]
        if np.isfinite(column.max()) and (column == column.max()).sum() == 1 else None
        for column in middles.T
    ]  # fmt: skip
    share = np.full(middles.shape, np.nan)
    if min(map(len, values)) >= FEWEST:
        drawn = np.array([_drawn_middles(arm, rng) for arm in values])
        highest = (drawn == drawn.max(axis=0)) & np.isfinite(drawn)  # (arms, draws, budgets)
        share = (highest / np.maximum(highest.sum(axis=0), 1)).mean(axis=1)
    return Frontier(best, dict(zip(names, share)))


def _drawn_middles(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Middles of seeds drawn again, (draws, budgets): curves are drawn whole."""
    n = len(values)
    numbers = rng.integers(n, size=(RESAMPLES, n))
    found = np.array([middle(column[numbers]) for column in values.T]).T
    value = middle(values.T)
    wider = np.sqrt(n / rng.chisquare(n - 1, RESAMPLES))[:, None]  # √(n / (n - 1)), as Student's
    finite = np.isfinite(value) & np.isfinite(found)
    with np.errstate(invalid="ignore"):
        return np.where(finite, value + wider * (found - value), found)


class Slope(NamedTuple):
    """log(cost) = a + β log(parameters).

    exponent : float
        β: 1 where a network of twice the size costs twice as much.
    interval : ConfidenceInterval
        95 % of it, by Student's t.
    intercept : float
        a, of natural logarithms.
    """

    exponent: float
    interval: ConfidenceInterval
    intercept: float


def cost_slope(parameters: ArrayLike, costs: ArrayLike) -> Slope | None:
    """Of what seeds of several sizes cost until they got to a level, (seeds,) each.

    None of fewer than 4 sizes; and if a seed never got there, since to leave it out would flatter
    its size.
    """
    parameters, costs = np.asarray(parameters, float), np.asarray(costs, float)
    known = np.isfinite(costs).all() and (costs > 0).all()
    if len(np.unique(parameters)) < FEWEST_SIZES or not known:
        return None
    found = stats.linregress(np.log(parameters), np.log(costs))
    half = found.stderr * stats.t.isf((1 - CONFIDENCE) / 2, len(costs) - 2)
    interval = ConfidenceInterval(float(found.slope - half), float(found.slope + half))
    return Slope(float(found.slope), interval, float(found.intercept))
