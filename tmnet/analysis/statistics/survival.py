"""When runs get somewhere, and that some never do."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from tmnet.analysis.statistics import CONFIDENCE


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
