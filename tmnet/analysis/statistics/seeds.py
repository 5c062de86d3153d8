"""Several seeds of one arm, and of two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from tmnet.analysis.statistics import CONFIDENCE, ConfidenceInterval
from tmnet.analysis.statistics.bootstrap import Drawn, draw, interval_of


def rate_interval(finished: int, races: int) -> ConfidenceInterval:
    """Of a finish rate, 0..1: Wilson's."""
    if not races:
        return ConfidenceInterval(0.0, 1.0)
    found = stats.binomtest(finished, races).proportion_ci(CONFIDENCE, method="wilson")
    return ConfidenceInterval(float(found.low), float(found.high))


def iqm(scores: np.ndarray) -> float:
    """Mean of the middle half of scores, (seeds,) or (seeds, tasks)."""
    return float(stats.trim_mean(np.asarray(scores, float), 0.25, axis=None))


def iqm_interval(scores: np.ndarray, seed: int = 0) -> ConfidenceInterval:
    """Of the inter-quartile mean: seeds drawn again, for each task on its own."""
    return interval_of(_drawn_iqm(scores, np.random.default_rng(seed)))


def iqm_difference(one: np.ndarray, other: np.ndarray, seed: int = 0) -> ConfidenceInterval:
    """Of how much higher the inter-quartile mean of one arm is; as `iqm_interval`."""
    rng = np.random.default_rng(seed)
    return interval_of(_drawn_iqm(one, rng), _drawn_iqm(other, rng))


def _drawn_iqm(scores: np.ndarray, rng: np.random.Generator) -> Drawn:
    columns = _columns(scores)
    return draw([len(x) for x in columns], lambda *drawn: _iqm(columns, drawn), rng)


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
    low, high = interval_of(draw(sizes, statistic, np.random.default_rng(seed)))
    return ConfidenceInterval(max(low, 0.0), min(high, 1.0))


def performance_profile(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Share of scores above each threshold."""
    ecdf = stats.ecdf(np.asarray(scores, float).ravel())
    return ecdf.sf.evaluate(np.asarray(thresholds, float))


def _columns(scores: np.ndarray) -> list[np.ndarray]:
    """Scores of each task, (seeds,)."""
    scores = np.asarray(scores, float)
    return list(scores.T) if scores.ndim == 2 else [scores]
