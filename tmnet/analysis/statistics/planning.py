"""How many seeds a study needs, and what could have been seen with those it has."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.optimize import brentq

from tmnet.analysis.statistics import CONFIDENCE
from tmnet.analysis.statistics.seeds import FEWEST
from tmnet.arguments import a_number, several, wrong
from tmnet.errors import TmnetError

MOST = 1_000_000  # seeds an arm
_CERTAIN = 12.0  # a difference of as many standard errors is seen, however few the seeds
_UPPER = 0.8  # of the standard deviation of a pilot


def seeds_needed(
    effect: float, sd: float = 1.0, power: float = 0.8, pilot: Sequence[float] | None = None
) -> int:
    """How many seeds an arm has to have for a difference of two arms to be seen.

    Seen is what a two-sided t test tells from nothing, with p < 5 %. Seeds are counted by the
    noncentral t distribution.

    Parameters
    ----------
    effect : float
        The difference to be seen: points of a rate, seconds; or, without `sd`, standard deviations.
    sd : float, optional
        Standard deviation of the seeds of an arm, in the unit of the effect.
    power : float, optional
        In what share of such studies it is to be seen.
    pilot : sequence of float, optional
        Values of the seeds of an arm that there is. In place of `sd`: then the standard deviation
        is the most that they leave likely (upper 80 % bound by χ², after Colas et al. 2018), since
        that of few seeds is often too small.

    Returns
    -------
    int
        At least 3, of which fewer are no ground for a claim.

    Examples
    --------
    >>> import tmnet
    >>> [tmnet.seeds_needed(effect) for effect in (1, 1.5, 2, 3)]
    [17, 9, 6, 4]

    Finish rates of a pilot's five seeds in percent, and 10 points to be seen:

    >>> tmnet.seeds_needed(10, pilot=[88, 93, 97, 85, 94])
    10
    """
    effect = a_number("effect", effect, above=0)
    power = a_number("power", power, above=0.05, most=0.999)
    scatter = a_number("sd", sd, above=0) if pilot is None else _sd_of_pilot(pilot)
    if _power(MOST, MOST, effect / scatter) < power:
        raise TmnetError(
            f"effect is {effect:g}, and seeds scatter by {scatter:g}: to see that, more than "
            f"{MOST:,} seeds an arm are needed."
        )
    counts = range(FEWEST, MOST + 1)
    return counts[bisect.bisect_left(counts, power, key=lambda n: _power(n, n, effect / scatter))]


def detectable(n: int, m: int, sd: float = 1.0, power: float = 0.8) -> float:
    """The smallest difference that n and m seeds show in a share `power` of studies, where seeds
    of an arm have the standard deviation `sd`; infinite of fewer than 3."""
    if min(n, m) < FEWEST:
        return np.inf
    most = _CERTAIN * np.sqrt(1 / n + 1 / m)
    return sd * float(brentq(lambda effect: _power(n, m, effect) - power, 0, most))


def pooled_sd(arms: Sequence[ArrayLike]) -> tuple[float, int]:
    """Standard deviation of seeds within their arms, and its degrees of freedom; NaN of none."""
    values = [np.asarray(arm, float) for arm in arms]
    freedom = sum(map(len, values)) - len(values)
    squares = sum(float(((arm - arm.mean()) ** 2).sum()) for arm in values)
    return (float(np.sqrt(squares / freedom)) if freedom else np.nan), freedom


def _power(n: int, m: int, effect: float) -> float:
    """In what share of studies n and m seeds show an effect, in standard deviations."""
    freedom = n + m - 2
    away = min(effect / np.sqrt(1 / n + 1 / m), _CERTAIN)
    enough = stats.t.isf((1 - CONFIDENCE) / 2, freedom)
    # its other tail as that of the opposite effect: near 0 SciPy's `nct.cdf` is NaN
    return float(stats.nct.sf(enough, freedom, away) + stats.nct.sf(enough, freedom, -away))


def _sd_of_pilot(pilot: Sequence[float]) -> float:
    form = "two or more different numbers, one a seed"
    given = several("pilot", pilot, object, form)
    values = np.array([a_number("a value of pilot", value) for value in given])
    if len(values) < 2 or np.ptp(values) == 0:
        raise wrong("pilot", pilot, form)
    return most_likely_sd(float(values.std(ddof=1)), len(values) - 1)


def most_likely_sd(sd: float, freedom: int) -> float:
    """The most that a standard deviation of so many degrees of freedom leaves likely: its upper
    80 % bound, by χ²."""
    return float(sd * np.sqrt(freedom / stats.chi2.isf(_UPPER, freedom)))
