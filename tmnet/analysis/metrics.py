"""What each metric is: its direction, its unit, and the rule that turns events into values.

A metric is evaluated at grid points. The events it is made of come as arrays in the order of
their position on the axis (minutes, or steps), with two index arrays, one pair a grid point:
``[first, behind)`` are the events that count there.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from tmnet.arguments import a_text
from tmnet.logs.dialects import common_name

Better = Literal["lower", "higher"] | None
# Which races count: those of the trailing window that is asked for, or else all; always those of
# the late window; or the late windows of all moments so far, one after the other.
Span = Literal["given", "late", "anytime"]
RACE_KINDS = ("eval", "explo")
DECIMALS = 9  # of grid points and what is computed from them: 0.3 - 0.1 is 0.2


class OfRaces(NamedTuple):
    """Which races a metric is made of, and which of `STATISTICS` it is.

    Attributes
    ----------
    map, kind, statistic : str
    robust : bool
        Whether only races count that the trainer reported as robust.
    """

    map: str
    kind: str
    statistic: str
    robust: bool = False

    @property
    def name(self) -> str:
        """Of the metric."""
        return f"{self.map}/{self.kind}/{ROBUST * self.robust}{self.statistic}"


@dataclass(frozen=True)
class Metric:
    """A named quantity. `Metric.named` makes one.

    Attributes
    ----------
    name : str
        ``{map}/{kind}/{statistic}`` of races, or the name of a scalar.
    label : str
        For titles and axes, without the unit.
    unit : str
        Of the values as shown: "s", "%", or "" where there is none. "axis" for a moment on the
        axis of the comparison.
    better : {"lower", "higher"} or None
    scale : float
        Factor from stored to shown values: a rate is 0..1, and shown in %.
    digits : int or None
        Decimals shown; None where it depends on the value.
    races : OfRaces or None
        Of a metric of races.
    """

    name: str
    label: str
    unit: str = ""
    better: Better = None
    scale: float = 1.0
    digits: int | None = None
    races: OfRaces | None = None

    @classmethod
    def named(cls, name: str, logged: Collection[str] = ()) -> Metric:
        """The metric of a name.

        Parameters
        ----------
        name : str
            ``{map}/{kind}/{statistic}``, the tag of a scalar, or the common name of one.
        logged : collection of str
            Names of scalars: such a name is that of the scalar, whatever it looks like.

        Examples
        --------
        >>> Metric.named("A01/eval/best").unit, Metric.named("Training/loss").name
        ('s', 'loss')
        """
        races = None if a_text("name", name) in logged else _races_of(name)
        if races:
            of = STATISTICS[races.statistic]
            robust = "robust " if races.robust else ""
            label = f"{races.map} {races.kind}: {robust}{of.label}"
            return cls(name, label, of.unit, of.better, of.scale, of.digits, races)
        name = name if name in logged else common_name(name)
        group, _, map_ = name.partition("/")
        if group in _PER_MAP and map_:
            label, unit, better = _PER_MAP[group]
            return cls(name, f"{map_}: {label}", unit, better)
        written = name if name.strip() else repr(name)  # a tag may be empty
        is_return = bool(_RETURN.fullmatch(name))
        label, unit, better = _SCALARS.get(name, (written, "", "higher" if is_return else None))
        scale, digits = (100.0, 1) if unit == "%" else (1.0, None)
        return cls(name, label, unit, better, scale, digits)

    @property
    def drawn(self) -> bool:
        """Whether a figure of it says more than a number: not of counts and first moments."""
        return not self.races or self.races.statistic not in ("races", "first_finish")

    @property
    def limits(self) -> tuple[float, float]:
        """Between which all values lie."""
        return (0.0, 1.0) if self.unit == "%" else (-np.inf, np.inf)

    @property
    def span(self) -> Span:
        """Which stretch of the axis its races are from."""
        return STATISTICS[self.races.statistic].span if self.races else "given"

    def show(self, value: float) -> str:
        """The value as text, without its unit; a dash where it is missing or not finite."""
        if not np.isfinite(value):
            return "–"
        value *= self.scale
        if self.digits is not None:
            return f"{value:,.{self.digits}f}"
        return f"{value:.2f}" if 0.1 <= abs(value) < 1e6 or value == 0 else f"{value:.3g}"


def minus(shown: str) -> str:
    """A number as `Metric.show` has it, for prose: with a minus, which terminals may not have."""
    return shown.replace("-", "−")


# --- races --------------------------------------------------------------------------------------


class Races:
    """Races of one map and kind, ready to be counted over any range of them.

    Parameters
    ----------
    at : ndarray (n,)
        Position of each race's end on the axis, ascending.
    time_s : ndarray (n,)
        Race time, s; of an unfinished race its cut-off time.
    finished : ndarray (n,) of bool
    """

    def __init__(self, at: np.ndarray, time_s: np.ndarray, finished: np.ndarray):
        self.at, self.time_s, self.finished = at, time_s, finished
        self.bests: dict[tuple[bytes, bytes], Any] = {}  # see `statistics.races`
        self.finish_s = np.where(finished, time_s, np.inf)
        # Sums from the first race on; of times around their mean, or squares would lose digits.
        self.centre = time_s[finished].mean() if finished.any() else 0.0
        with np.errstate(invalid="ignore"):  # a log may have times that are infinite
            around = np.where(finished, time_s - self.centre, 0.0)
        self.finishes_before = _sums(finished)
        self.sum_before = _sums(around)
        self.squares_before = _sums(around**2)
        self.all_before = _sums(time_s)

    def finishes(self, first: np.ndarray, behind: np.ndarray) -> np.ndarray:
        return self.finishes_before[behind] - self.finishes_before[first]

    @functools.cached_property
    def _ascending(self) -> tuple[np.ndarray, np.ndarray]:
        """Finished races' times, ascending, and the place of each race among them."""
        times = self.time_s[self.finished]
        order = np.argsort(times, kind="stable")
        places = np.empty(len(times), np.int32)
        places[order] = np.arange(len(times))
        return times[order], places

    def ordered(self, finishes: slice | np.ndarray) -> np.ndarray:
        """Times of some of the finished races, ascending along the last axis."""
        times, places = self._ascending
        return times[np.sort(places[finishes])]  # twice as fast as sorting the times themselves


def _sums(values: np.ndarray) -> np.ndarray:
    """Sums of the first 0, 1, … n values."""
    return np.concatenate([[0], np.cumsum(values)])


def _over(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """total / count; missing where there is nothing to count."""
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def _best(races: Races, first: np.ndarray, behind: np.ndarray) -> np.ndarray:
    best = _reduce(np.minimum, races.finish_s, first, behind)
    return np.where(np.isfinite(best), best, np.nan)


def _mean(races, first, behind):
    total = races.sum_before[behind] - races.sum_before[first]
    return races.centre + _over(total, races.finishes(first, behind))


def _std(races, first, behind):
    count = races.finishes(first, behind)
    mean = _over(races.sum_before[behind] - races.sum_before[first], count)
    square = _over(races.squares_before[behind] - races.squares_before[first], count)
    return np.where(count == 1, 0.0, np.sqrt(np.maximum(square - mean**2, 0.0)))


def _mean_all(races, first, behind):
    return _over(races.all_before[behind] - races.all_before[first], behind - first)


def _finish_rate(races, first, behind):
    return _over(races.finishes(first, behind), behind - first)


def _first_finish(races, first, behind):
    """Of the whole run, whatever range counts otherwise."""
    if not races.finished.any():
        return np.full(len(behind), np.nan)
    number = int(races.finished.argmax())
    return np.where(behind > number, races.at[number], np.nan)


def _races(races, first, behind):
    return (behind - first).astype(float)


def best_of(ordered: np.ndarray, k: int) -> np.ndarray:
    """The expected best of `k` races drawn without replacement from finished ones.

    Exact, by order statistics: the i-th fastest of n is the best of those drawn with the chance
    that the other k - 1 are slower, C(n - i, k - 1) / C(n, k).

    Parameters
    ----------
    ordered : ndarray (..., n)
        Times that ascend along the last axis.
    k : int

    Returns
    -------
    ndarray (...)
        NaN where there are fewer than `k`.
    """
    n = ordered.shape[-1]
    if n < k:
        return np.full(ordered.shape[:-1], np.nan)
    return ordered[..., : n - k + 1] @ _chances(n, k)


def variance_without_one(ordered: np.ndarray, k: int) -> float:
    """Variance of `best_of` all races but one, over which of them that is, of ascending times (n,);
    n is more than k."""
    n, chances = len(ordered), _chances(len(ordered) - 1, k)  # (n - k,)
    candidates = ordered[: n - k + 1]  # the others are never the best
    # How much better it is without the second, the third, … than without the first; and without
    # any of the last k - 1 as much as without the last candidate.
    better = np.cumsum(chances * (candidates[1:] - candidates[:-1]))
    mean = (better.sum() + (k - 1) * better[-1]) / n
    square = (better @ better + (k - 1) * better[-1] ** 2) / n
    return max(0.0, square - mean**2)


@functools.lru_cache(maxsize=2048)  # a window that slides has nearly as many races everywhere
def _chances(n: int, k: int) -> np.ndarray:
    """That the first, the second, … of n is the best of k of them, (n - k + 1,)."""
    behind = np.arange(n - 1, k - 1, -1)  # how many are slower than the first, the second, …
    return k / n * np.cumprod(np.append(1.0, (behind - k + 1) / behind))


def _best_of_10(races, first, behind):
    ends = np.stack([races.finishes_before[first], races.finishes_before[behind]], axis=-1)
    windows, which = np.unique(ends, axis=0, return_inverse=True)  # races that fail change none
    return np.array([best_of(races.ordered(slice(a, b)), BEST_OF) for a, b in windows])[
        which.ravel()
    ]


@dataclass(frozen=True)
class Statistic:
    """A metric of the races of any map and kind."""

    label: str
    unit: str
    better: Better
    rule: Callable[[Races, np.ndarray, np.ndarray], np.ndarray]
    scale: float = 1.0
    digits: int | None = None
    span: Span = "given"


BEST_OF = 10
_PUBLISHED = {
    "best": Statistic("best time", "s", "lower", _best, digits=2),
    "mean": Statistic("mean time of finished races", "s", "lower", _mean, digits=2),
    "std": Statistic("std of finished times", "s", "lower", _std, digits=2),
    "mean_all": Statistic("mean time, cut-off races included", "s", "lower", _mean_all, digits=2),
    "finish_rate": Statistic("finish rate", "%", "higher", _finish_rate, 100.0, 1),
    "first_finish": Statistic("first finish", "axis", "lower", _first_finish),
    "races": Statistic("races", "", None, _races, digits=0),
}
_BEST_OF_10 = Statistic(f"best of {BEST_OF} races", "s", "lower", _best_of_10, digits=2)


def _spanning(span: Span, of: Statistic) -> Statistic:
    return replace(of, label=f"{span} {of.label}", span=span)


STATISTICS = _PUBLISHED | {
    "best_of_10": _BEST_OF_10,
    "late_rate": _spanning("late", _PUBLISHED["finish_rate"]),
    "late_best_of_10": _spanning("late", _BEST_OF_10),
    "late_mean": _spanning("late", _PUBLISHED["mean"]),
    "late_std": _spanning("late", _PUBLISHED["std"]),
    "late_mean_all": _spanning("late", _PUBLISHED["mean_all"]),
    "anytime_rate": _spanning("anytime", _PUBLISHED["finish_rate"]),
    "anytime_mean_all": _spanning("anytime", _PUBLISHED["mean_all"]),
}
BY_DEFAULT = tuple(_PUBLISHED)  # what is compared where nobody says what


def anytime(
    races: Races, of: Statistic, grid: np.ndarray, begin: float, trailing: float
) -> np.ndarray:
    """The mean of a trailing rate or time from `begin` to each grid point.

    Between two races it stays what it was, and where the window is empty, too; before the first
    race a rate is 0, and a time what the first race brought.

    Parameters
    ----------
    races : Races
    of : Statistic
    grid : ndarray (m,)
    begin, trailing : float
        Where the mean begins, and the length of the window, on the axis.

    Returns
    -------
    ndarray (m,)
        NaN at `begin` and before.
    """
    # where it changes: a race ends, or falls out of the window
    knots = np.unique(np.round(np.concatenate([[begin], races.at, races.at + trailing]), DECIMALS))
    behind = np.searchsorted(races.at, knots, side="right")
    first = np.searchsorted(races.at, np.round(knots - trailing, DECIMALS), side="right")
    value = pd.Series(of.rule(races, first, behind)).ffill()  # (knots,)
    value = value.fillna(0.0) if of.better == "higher" else value.bfill()
    knots = np.append(knots, max(knots[-1], grid[-1]) + 1.0)
    area = _sums(value.to_numpy() * np.diff(knots))
    length = grid - begin
    return _over(np.interp(grid, knots, area) - np.interp(begin, knots, area), length)


ROBUST = "robust_"  # begins the names of those of races that a trainer calls robust
OF_ROBUST = ("best", "mean", "std", "first_finish", "races")  # all of which finished


# --- scalars ------------------------------------------------------------------------------------

RULES = ("last", "min", "max", "mean", "ema")


def scalar_values(
    rule: str, at: np.ndarray, value: np.ndarray, grid: np.ndarray, over: float
) -> np.ndarray:
    """A scalar at the grid points.

    Parameters
    ----------
    rule : {"last", "min", "max", "mean", "ema"}
        The last value at or before a grid point; the lowest or highest so far; the mean of a
        stretch before it; or an exponential moving average. Only the first keeps
        NaN and infinities, the others leave them out.
    at, value : ndarray (n,)
        Positions, ascending, and values of the events.
    grid : ndarray (m,)
    over : float
        Length of the stretch of a mean; along which a value's weight in the average halves.

    Returns
    -------
    ndarray (m,)
        NaN where there is no value.
    """
    if rule != "last":
        finite = np.isfinite(value)
        at, value = at[finite], value[finite]
    behind = np.searchsorted(at, grid, side="right")
    if rule == "mean":
        since = np.searchsorted(at, np.round(grid - over, DECIMALS), side="right")
        return _over(_reduce(np.add, value, since, behind), behind - since)
    if rule in ("min", "max"):
        value = (np.fmin if rule == "min" else np.fmax).accumulate(value)
    elif rule == "ema" and len(value):
        value = _ema(at, value, over)
    return np.where(behind > 0, np.append(value, np.nan)[behind - 1], np.nan)


def _ema(at: np.ndarray, value: np.ndarray, half_life: float) -> np.ndarray:
    """Exponential moving average over unequal distances, by pandas, which wants them as times."""
    # What is a hundred half-lives away weighs nothing; more would be later than any time is.
    away = np.cumsum(np.minimum(np.diff(at, prepend=at[0]) / half_life, 100))
    ticks = np.round(away * 1e9).astype("datetime64[ns]")
    halving = pd.Timedelta(10**9, "ns")
    return pd.Series(value).ewm(halflife=halving, times=pd.Series(ticks)).mean().to_numpy()


def _reduce(
    ufunc: np.ufunc, values: np.ndarray, first: np.ndarray, behind: np.ndarray
) -> np.ndarray:
    """`ufunc` over each range of values; its identity (0, or infinity) for an empty one."""
    identity = np.inf if ufunc is np.minimum else 0.0
    if not first.any() and ufunc is np.minimum:  # all ranges begin at the first value
        return np.append(identity, ufunc.accumulate(values))[behind]
    # reduceat takes the ends of the ranges and what lies between them in turn.
    ends = np.stack([first, behind], axis=1).ravel()
    reduced = ufunc.reduceat(np.append(values, identity), ends)[::2]
    return np.where(behind > first, reduced, identity)


# --- names --------------------------------------------------------------------------------------

# What is no performance has no better: of average Q and shares of time no one is ahead.
_SCALARS: dict[str, tuple[str, str, Better]] = {
    "loss": ("loss", "", "lower"),
    "loss_test": ("loss on held-out transitions", "", "lower"),
    "loss_per_quantile": ("loss per quantile", "", "lower"),
    "learning_rate": ("learning rate", "", None),
    "training_share": ("share of time spent training", "%", None),
    "testing_share": ("share of time spent testing", "%", None),
    "waiting_share": ("share of time spent waiting", "%", None),
    "transitions_learned_per_second": ("transitions learned per second", "1/s", "higher"),
    "memory_size": ("transitions in memory", "", None),
    "cumul_number_frames_played": ("frames played", "", None),
    "cumul_number_batches_done": ("training batches", "", None),
    "cumul_number_memories_generated": ("transitions played", "", None),
    "cumul_number_single_memories_used": ("transitions learned from", "", None),
    "cumul_number_single_memories_should_have_been_used": (
        "transitions that were due to be learned from",
        "",
        None,
    ),
    "cumul_number_target_network_updates": ("updates of the target network", "", None),
    "cumul_training_hours": ("training time", "h", None),
}
KEY_SCALARS = ("loss", "avg_q", "training_share")
_PER_MAP: dict[str, tuple[str, str, Better]] = {
    "avg_q": ("average Q", "", None),
    "zone_reached": ("furthest zone", "", "higher"),
    "alltime_min_ms": ("best time so far", "ms", "lower"),
}
# The names that others log a return under: rollout/ep_rew_mean, charts/episodic_return.
_OF = r"(?:(?:ep|episode|episodic|eval|test|train|mean|average|avg|median|raw|rate)_?)*"
_RETURN = re.compile(rf"(?:.*/)?{_OF}(?:return|reward|rew|score|success)s?_?{_OF}", re.I | re.S)
_RACES = re.compile(rf"(?P<map>.+)/(?P<kind>{'|'.join(RACE_KINDS)})/(?P<statistic>\w+)")


def _races_of(name: str) -> OfRaces | None:
    """What the name of a metric of races says; None for another name."""
    match = _RACES.fullmatch(name)
    if match is None:
        return None
    statistic = match["statistic"].removeprefix(ROBUST)
    robust = statistic != match["statistic"]
    if statistic not in (OF_ROBUST if robust else STATISTICS):
        return None
    return OfRaces(match["map"], match["kind"], statistic, robust)
