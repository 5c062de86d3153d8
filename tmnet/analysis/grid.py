"""The moments at which runs are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tmnet.analysis.axis import Axis
from tmnet.analysis.metrics import DECIMALS
from tmnet.errors import TmnetError
from tmnet.logs.run import Run

MOST_POINTS = 20_000


def grid_points(lo: float, hi: float, interval: float) -> np.ndarray:
    """Multiples of the interval in the window, without 0; its end, if there is none."""
    points = (hi - lo) / interval if np.isfinite(hi / interval) else np.inf
    if points > MOST_POINTS:
        raise TmnetError(
            f"An interval of {interval:g} makes {points:,.0f} grid points in the window of "
            f"{lo:g} to {hi:g}; at most {MOST_POINTS:,} are allowed: choose a longer interval."
        )
    first, last = np.ceil(lo / interval - 1e-9), np.floor(hi / interval + 1e-9)
    numbers = np.arange(max(first, 1), last + 1)
    return np.round(numbers * interval, DECIMALS) if len(numbers) else np.array([hi])


def hundredth(length: float) -> float:
    """About a hundredth of a length, as 1, 2 or 5 times a power of ten."""
    if length <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(length / 100))
    return float(power * next(x for x in (1, 2, 5, 10) if x * power >= length / 100 * (1 - 1e-9)))


def fitting_interval(runs: Sequence[Run], axis: Axis) -> float:
    """An interval that makes at least some twenty grid points of the shortest run, if a twentieth
    of the default is enough for that; the default where it does, and makes no more than can be.

    Parameters
    ----------
    runs : sequence of Run
    axis : Axis
        Of time, or of steps.
    """
    lengths = [run.duration if axis.is_time else run.steps for run in runs]
    shortest = min((length for length in lengths if length > 0), default=0)
    default = axis.default_interval
    assert default is not None  # of these axes
    if shortest > MOST_POINTS * default:
        return hundredth(shortest)
    return default * next((x for x in (1.0, 0.4, 0.2, 0.1) if 20 * x * default <= shortest), 0.05)
