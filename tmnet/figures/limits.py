"""Limits of value axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tmnet.analysis.metrics import Metric


def robust_limits(
    y: np.ndarray,
    metric: Metric,
    inside: Sequence[float] = (),
    typical: np.ndarray | None = None,
) -> tuple[float, float, float | None]:
    """Limits of a value axis that a few extreme values, as of the first slow races, cannot ruin.

    Parameters
    ----------
    y : ndarray
        All values.
    metric : Metric
    inside : sequence of float
        Values that are shown in any case, such as where each run ends.
    typical : ndarray, optional
        Those that say what is extreme, if not all; as of a record that fell often in its first
        minutes.

    Returns
    -------
    (float, float, float or None)
        Bottom and top, and the extreme value if one lies outside.
    """
    typical = y if typical is None else typical
    y, typical = y[np.isfinite(y)], typical[np.isfinite(typical)]
    if metric.unit == "%":
        return -2.0, 102.0, None
    if not len(y):
        return 0.0, 1.0, None
    lowest, highest = float(y.min()), float(y.max())
    bottom, top = lowest, highest
    low, high = np.quantile(typical if len(typical) else y, [0.25, 0.75])
    reach = 2.5 * (high - low)
    if reach > 0 and metric.better == "lower":
        top = min(top, max([high + reach, *inside]))
    if reach > 0 and metric.better == "higher":
        bottom = max(bottom, min([low - reach, *inside]))
    margin = 0.05 * (top - bottom) or abs(top) * 0.05 or 0.5
    bottom, top = bottom - margin, top + margin
    return bottom, top, highest if highest > top else lowest if lowest < bottom else None
