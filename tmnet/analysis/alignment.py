"""Runs of different lengths on one grid."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np

from tmnet.analysis.metrics import (
    DECIMALS,
    KEY_SCALARS,
    RACE_KINDS,
    RULES,
    STATISTICS,
    Metric,
    metric,
)
from tmnet.analysis.on_axis import CLOCKS
from tmnet.errors import TmnetError
from tmnet.logs.run import Run

MOST_POINTS = 20_000
DEFAULT_INTERVAL = {"time": 5.0, "step": 50_000.0, "relative_step": 50_000.0}


def metric_names(runs: Sequence[Run], all_scalars: bool = False) -> list[str]:
    """Names of the metrics that the runs have: of races, key scalars, and maybe all others.

    Where there is neither a race nor a key scalar, as in logs of other tools, all are taken.
    """
    names = []
    for map_ in dict.fromkeys(map_ for run in runs for map_ in run.maps):
        for kind in RACE_KINDS:
            robust = [run.raced[map_, kind] for run in runs if (map_, kind) in run.raced]
            names += [
                f"{map_}/{kind}/{statistic}"
                for statistic in STATISTICS
                if robust and (any(robust) or not statistic.startswith("robust_"))
            ]
    tags = dict.fromkeys(tag for run in runs for tag in run.tags)
    key = [tag for wanted in KEY_SCALARS for tag in tags if tag.partition("/")[0] == wanted]
    others = [tag for tag in tags if tag not in key]
    return names + key + (others if all_scalars or not names + key else [])


def fitting_interval(runs: Sequence[Run], by: str) -> float:
    """An interval that makes at least some twenty grid points of the shortest run, if a twentieth
    of the default is enough for that; the default where it does.

    Parameters
    ----------
    runs : sequence of Run
    by : {"time", "step"}
    """
    shortest = min(run.duration if by == "time" else run.steps for run in runs)
    default = DEFAULT_INTERVAL[by]
    return default * next((x for x in (1.0, 0.4, 0.2, 0.1) if 20 * x * default <= shortest), 0.05)


def check_arguments(runs, clock, rule, interval, trailing) -> None:
    if not runs:
        raise TmnetError("There is nothing to compare: give at least one run.")
    names = [run.name for run in runs]
    if twice := {name for name in names if names.count(name) > 1}:
        raise TmnetError(f"Run {', '.join(sorted(twice))} is given twice; each can be there once.")
    for value, known, what in ((clock, CLOCKS, "clock"), (rule, RULES, "rule")):
        if value not in known:
            raise TmnetError(f"The {what} {value!r} is unknown; it can be {', '.join(known)}.")
    for value, what in ((interval, "interval"), (trailing, "trailing range")):
        if value is not None and not (np.isfinite(value) and value > 0):
            raise TmnetError(f"The {what} is {value:g}; it must be greater than 0.")


def grid_points(lo: float, hi: float, interval: float) -> np.ndarray:
    """Multiples of the interval in the window, without 0; its end, if there is none."""
    first, last = np.ceil(lo / interval - 1e-9), np.floor(hi / interval + 1e-9)
    if last - first > MOST_POINTS:
        raise TmnetError(
            f"An interval of {interval:g} makes {last - first:,.0f} grid points in the window of "
            f"{lo:g} to {hi:g}; at most {MOST_POINTS:,} are allowed: choose a longer interval."
        )
    numbers = np.arange(max(first, 1), last + 1)
    return np.round(numbers * interval, DECIMALS) if len(numbers) else np.array([hi])


def hundredth(length: float) -> float:
    """About a hundredth of a length, as 1, 2 or 5 times a power of ten."""
    if length <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(length / 100))
    return float(power * next(x for x in (1, 2, 5, 10) if x * power >= length / 100 * (1 - 1e-9)))


def chosen_metrics(runs: Sequence[Run], wanted: Sequence[str] | None) -> tuple[Metric, ...]:
    known = metric_names(runs, all_scalars=True)
    if wanted is None:
        wanted = metric_names(runs)
    wanted = [wanted] if isinstance(wanted, str) else wanted
    for name in wanted:
        if metric(name).name not in known:
            raise TmnetError(unknown_metric(name, known))
    return tuple({some.name: some for some in map(metric, wanted)}.values())


def unknown_metric(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=5, cutoff=0.3)
    hint = f"Nearest: {', '.join(near)}." if near else f"There are: {', '.join(known[:20])} …"
    return f"There is no metric {name}. {hint}"


def count_of(some: Metric) -> Metric:
    """The metric that counts the races behind a metric of races."""
    map_, kind, statistic = some.races
    return metric(f"{map_}/{kind}/{'robust_' * statistic.startswith('robust_')}races")
