"""When seeds get somewhere, and that some never do.

An arm is given as in `time_to_threshold`: when each seed got there, or until when it was watched
without getting there, and whether it did. A ratio takes times alone, infinite or missing ones of
seeds that never got there.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tmnet.analysis.statistics import CONFIDENCE, ConfidenceInterval
from tmnet.analysis.statistics.bootstrap import draw, interval_of
from tmnet.analysis.statistics.permutation import permutation_p
from tmnet.analysis.statistics.seeds import FEWEST, FEWEST_DRAWN, FEWEST_OF_IQM, middle


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


def time_to_threshold(at: ArrayLike, reached: ArrayLike) -> TimeToThreshold:
    """Kaplan and Meier's estimate.

    Parameters
    ----------
    at : array_like (seeds,)
        When each run reached the threshold, or how long it was watched without reaching it.
    reached : array_like (seeds,)
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


class _Arm:
    """Seeds of an arm in the order of their times, those that got there first among equal ones."""

    def __init__(self, at: ArrayLike, reached: ArrayLike, until: float):
        times = np.asarray(at, float)
        arrived = np.asarray(reached, bool) & (times <= until)
        order = np.lexsort([~arrived, times])
        self.times, self.arrived = np.minimum(times, until)[order], arrived[order]
        self.until = until

    def restricted_mean(self, drawn: np.ndarray) -> np.ndarray:
        """∫ S(t) dt of draws of seeds (…, seeds): (…)."""
        counts = (drawn[..., None] == np.arange(len(self.times))).sum(-2)  # (…, seeds)
        left = np.flip(np.cumsum(np.flip(counts, -1), -1), -1)  # of each, it included
        gone = np.divide(counts * self.arrived, left, out=np.zeros(left.shape), where=left > 0)
        share = np.cumprod(1 - gone, axis=-1)
        spans = np.diff(self.times, prepend=0.0, append=self.until)
        return spans[0] + (share * spans[1:]).sum(-1)


def at_risk(at: ArrayLike, moments: ArrayLike) -> np.ndarray:
    """How many seeds are left at each moment: neither there nor given up before; (moments,)."""
    times = np.sort(np.asarray(at, float))
    return len(times) - np.searchsorted(times, np.asarray(moments, float))


def restricted_mean(at: ArrayLike, reached: ArrayLike, until: float) -> float:
    """Mean time to get there, of which no more than `until` counts: ∫ S(t) dt from 0 on."""
    return float(_Arm(at, reached, until).restricted_mean(np.arange(np.size(at))))


class TimeDifference(NamedTuple):
    """How much longer the seeds of one arm take than those of another.

    value : float
        Of the restricted means.
    interval : ConfidenceInterval or None
        95 %: seeds drawn again. None of fewer than 3 seeds an arm, or if all seeds of each arm are
        alike.
    p : float
        Permutation p of the log-rank scores, of any number of seeds; a claim rests on it from 3
        an arm on.
    """

    value: float
    interval: ConfidenceInterval | None
    p: float


def time_difference(
    one: tuple[ArrayLike, ArrayLike], other: tuple[ArrayLike, ArrayLike],
    until: float, seed: int = 0,
) -> TimeDifference:  # fmt: skip
    """Of two arms, each (at, reached), within the time until a moment."""
    rng = np.random.default_rng(seed)
    a, b = _Arm(*one, until), _Arm(*other, until)
    drawn = [draw([len(arm.times)], arm.restricted_mean, rng).of_means() for arm in (a, b)]
    interval = None
    if min(len(a.times), len(b.times)) >= FEWEST:
        low, high = interval_of(*drawn)
        if low < high:
            interval = ConfidenceInterval(max(low, -until), min(high, until))
    p = log_rank_p((a.times, a.arrived), (b.times, b.arrived), seed)
    return TimeDifference(drawn[0].value - drawn[1].value, interval, p)


def log_rank_p(
    one: tuple[ArrayLike, ArrayLike], other: tuple[ArrayLike, ArrayLike], seed: int = 0
) -> float:
    """That two arms, each (at, reached), get there at the same times: permutation p of the log-rank
    statistic, observed less expected arrivals. Exact up to 10 + 10 seeds."""
    n, times = np.size(one[0]), np.concatenate([one[0], other[0]])
    arrived = np.concatenate([one[1], other[1]]).astype(bool)
    moments, counts = np.unique(times[arrived], return_counts=True)
    hazard = np.append(0.0, np.cumsum(counts / at_risk(times, moments)))
    scores = arrived - hazard[np.searchsorted(moments, times, side="right")]
    return permutation_p(scores[:n], scores[n:], seed)


class Ratio(NamedTuple):
    """How many times as long (or as many steps, or as much arithmetic) one arm takes.

    value : float
        Ratio of the geometric means where all seeds got there. Else the same of inter-quartile
        means of logarithms, where each arm has 4 or more seeds of which no more than a quarter
        never got there. NaN otherwise.
    interval : ConfidenceInterval or None
        95 %: seeds drawn again, 3 or more an arm, or 5 or more if some never got there; an end may
        then be 0 or infinite. None of single runs: a bare ratio.
    """

    value: float
    interval: ConfidenceInterval | None


def ratio(one: ArrayLike, other: ArrayLike, seed: int = 0) -> Ratio:
    """Of what the seeds of two arms took to get somewhere; infinite or missing if they never did.

    Times, steps or PFLOP, greater than 0.
    """
    arms = [np.sort(np.asarray(values, float)) for values in (one, other)]  # order tells nothing
    fewest = min(map(len, arms))
    if not fewest or min(np.nanmin(np.append(arm, np.inf)) for arm in arms) <= 0:
        return Ratio(np.nan, None)
    logs = [np.where(np.isfinite(arm), np.log(arm), np.inf) for arm in arms]
    finite = all(np.isfinite(arm).all() for arm in logs)
    statistic = (lambda values: values.mean(-1)) if finite else middle
    values = [float(statistic(arm)) for arm in logs]
    if not np.isfinite(values).all() or not (finite or fewest >= FEWEST_OF_IQM):
        return Ratio(np.nan, None)
    value = float(np.exp(values[0] - values[1]))
    if fewest < (FEWEST if finite else FEWEST_DRAWN):
        return Ratio(value, None)
    rng = np.random.default_rng(seed)
    drawn = [
        draw([len(arm)], lambda numbers, arm=arm: statistic(arm[numbers]), rng) for arm in logs
    ]
    if finite:
        drawn = [arm.of_means() for arm in drawn]
    low, high = np.exp(interval_of(*drawn))
    return Ratio(value, ConfidenceInterval(float(low), float(high)) if low < high else None)
