"""The arms of a comparison: the seeds of each in one number, at every grid point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics.seeds import Summary, middle, summary, worst_last

if TYPE_CHECKING:
    from tmnet.analysis.alignment import Alignment


def arm_summaries(
    comparison: Alignment, metric: Metric, point: int, seed: int = 0
) -> dict[str, Summary]:
    """Seeds of each arm in one number at a grid point; `seed` is that of the bootstrap.

    By metrics of races seeds without a value, such as those that never finished, rank worst. An arm
    has none any more where a seed has ended, nor while one has not logged a scalar yet.
    """
    at, found = float(comparison.grid[point]), {}
    values = comparison.values[:, comparison.metrics.index(metric), point]
    ended = np.array([comparison.ended(run, at) for run in comparison.runs])
    names = np.array([run.name for run in comparison.runs])
    for arm, seeds in comparison.arms.items():
        of = np.isin(names, seeds)
        found[arm] = summary(values[of], metric.better or "higher", seed, metric.limits)
        if ended[of].any() or (not metric.races and found[arm].n_finite < found[arm].n):
            found[arm] = found[arm]._replace(value=np.nan, interval=None, interval_of="")
    return found


def arm_middles(comparison: Alignment, metric: Metric) -> dict[str, np.ndarray]:
    """The values of `arm_summaries` at all grid points, without their 95 %: a hundredth of the
    work."""
    values = comparison.values[:, comparison.metrics.index(metric)]
    ended = np.array([comparison.ended(run, comparison.grid) for run in comparison.runs])
    names, found = np.array([run.name for run in comparison.runs]), {}
    for arm, seeds in comparison.arms.items():
        of = np.isin(names, seeds)
        middles = middle(worst_last(values[of].T, metric.better or "higher"))
        lacks = ended[of].any(axis=0)
        if not metric.races:
            lacks |= ~np.isfinite(values[of]).all(axis=0)
        found[arm] = np.where(np.isfinite(middles) & ~lacks, middles, np.nan)
    return found


def arm_table(comparison: Alignment, metric: Metric, seed: int = 0) -> pd.DataFrame:
    """As `Alignment.arm_table`."""
    rows = []
    for point, at in enumerate(comparison.grid):
        for arm, found in arm_summaries(comparison, metric, point, seed).items():
            low, high = found.interval or (np.nan, np.nan)
            rows.append((at, arm, found.value, low, high, found.n_finite, found.statistic, found.n))
    names = ["at", "arm", "iqm", "low", "high", "seeds", "statistic", "n"]
    return pd.DataFrame(rows, columns=names)
