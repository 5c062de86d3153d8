"""How sure a number is: intervals for races of one run, and for several seeds of one arm.

Pure functions of arrays. All intervals hold 95 %; whatever is drawn at random takes a seed. SciPy
does the statistics.

References
----------
Wilson (1927): shares of seeds. Carlstein (1986): blocks of what
follows one another. Agarwal et al. (2021), "Deep Reinforcement Learning at the Edge of the
Statistical Precipice": few seeds. Kaplan and Meier (1958): times that some never reached. Holm
(1979): several questions at once. Newcombe (2006): how often a seed of one arm is better. Colas,
Sigaud and Oudeyer (2018): how many seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2000


class ConfidenceInterval(NamedTuple):
    """Where a value lies, with a confidence of 95 %."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return bool(self.low <= value <= self.high)


def holm(p: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """Adjusted p values of several questions, in the order given: where nothing is to be found, one
    or more of them fall below 5 % in at most 5 % of studies. What weighs more is found more easily.
    """
    values = np.asarray(p, float)
    weight = np.ones(len(values)) if weights is None else np.asarray(weights, float)
    order = np.argsort(values / weight, kind="stable")
    left = np.cumsum(weight[order][::-1])[::-1]  # of it and of those behind it
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(left * (values / weight)[order]), 1.0)
    return adjusted.tolist()
