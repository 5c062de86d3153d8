"""When seeds get somewhere: Kaplan and Meier's curves of arms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, ScalarFormatter

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics.survival import at_risk, time_to_threshold
from tmnet.drawing import AggFigure, Order, styled
from tmnet.errors import TmnetError
from tmnet.figures.legend import SIZES
from tmnet.figures.multiples import WIDTHS, check_looks
from tmnet.figures.panel import BAND, BELOW, LABEL, LEFT, RIGHT, TITLE, looks_of, room_above
from tmnet.figures.texts import fitted_names, inches_of, label_for_figure

ROW = 0.17  # inches of the numbers at risk of one arm
SWATCH, GAP = 0.3, 0.2  # inches of its line beside them, and from its name to the axes


def plot_survival(
    comparison: Alignment,
    name: str,
    *,
    level: float | None = None,
    order: Order | None = None,
    width: str = "page",
) -> Figure:
    """Share of each arm's seeds that are not there yet, as it falls.

    Parameters
    ----------
    comparison : Alignment
        Of arms.
    name : str
        A metric: of a first finish, or one that is to reach a level, and to stay there.
    level : float, optional
        Of any metric but a first finish.
    order : sequence of str or mapping of str to str, optional
    width : {"page", "column"}
        As for `plot_grid`.

    Returns
    -------
    matplotlib.figure.Figure
        Kaplan and Meier's curves with 95 % of each; a tick where a seed ends that is not there.
        Below, how many seeds are left by then. Seeds that start from a checkpoint are not among
        them, as in findings.

    Raises
    ------
    TmnetError
        If there are no arms, or none with seeds from scratch, or the metric is not in the
        comparison or cannot reach a level.
    """
    (metric,) = comparison.only([name]).metrics
    if not comparison.arms:
        raise TmnetError(f"When seeds get to {name} needs arms, each with its seeds.")
    order, _ = check_looks(comparison, order, 100, width)
    times = times_of_arms(comparison, metric, level)
    arms = [arm for arm in order if arm in times]
    looks = looks_of(order)
    with styled():
        figure = AggFigure(dpi=100)
        ax = figure.add_subplot()
        size = SIZES[width]
        names = fitted_names(arms, WIDTHS[width][0] / 4, size)
        left = max(LEFT, GAP + 0.15 + SWATCH + max(inches_of(text, size) for text in names))
        wide, high = WIDTHS[width][0] - left - RIGHT, WIDTHS[width][1] - 0.8
        title = label_for_figure(
            _title(comparison, metric, level), WIDTHS[width][0] - 0.2, TITLE, "bold"
        )
        bottom = BELOW + 0.1 + ROW * (len(arms) + 1)
        across, tall = WIDTHS[width][0], bottom + high + room_above([title])
        figure.set_size_inches(across, tall)
        ax.set_position((left / across, bottom / tall, wide / across, high / tall))
        for arm in arms:
            _draw_curve(ax, *times[arm], comparison.window, looks[arm])
        ax.set(xlim=comparison.window, ylim=(-2, 102))
        by_time = comparison.axis.is_time
        ax.xaxis.set_major_formatter(ScalarFormatter() if by_time else EngFormatter(sep=""))
        ax.set_title(title, loc="left", x=(0.1 - left) / wide, y=1.0)
        ax.set_xlabel(label_for_figure(comparison.axis.label, wide + 0.3, LABEL, lines=1))
        ax.set_ylabel("seeds not there yet (%)")
        ax.xaxis.set_label_coords(0.5, -0.3 / high)
        ax.yaxis.set_label_coords(-0.55 / wide, 0.5)
        sns.despine(figure)
        _write_numbers(ax, {arm: times[arm][0] for arm in arms}, names, looks, size)
    return figure


def times_of_arms(
    comparison: Alignment, metric: Metric, level: float | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """When each seed of the arms gets there, or until when it is watched; and whether it does."""
    if (metric.unit == "axis") != (level is None):
        needs = "a moment, and has no level" if level is not None else "needs the level to reach"
        raise TmnetError(f"{metric.name} {'is ' * (level is not None)}{needs}.")
    levels = {} if level is None else {metric.name: level}
    evidence = Evidence(comparison, thresholds=levels, after=comparison.middle, seed=0)
    found = {}
    for arm in comparison.arms:
        runs = evidence.watched(arm)
        if not runs:
            continue
        if level is None:
            at = [evidence.value_at_end(metric, run) for run in runs]
        else:
            wanted = evidence.thresholds[metric]
            reached = [evidence.reached(metric, wanted, run) for run in runs]
            at = [np.nan if moment is None else moment for moment in reached]
        there = np.isfinite(at)
        found[arm] = np.where(there, at, [evidence.end_of(run) for run in runs]), there
    if not found:
        raise TmnetError(f"When seeds get to {metric.name} needs some that start from scratch.")
    return found


def _title(comparison: Alignment, metric: Metric, level: float | None) -> str:
    if level is None:
        return metric.label
    counted = comparison.counted(metric)
    value = f"{comparison.show(metric, level)} {comparison.unit_of(metric)}".strip()
    return f"{metric.label} of {value}" + (counted and f", {counted}")


def _draw_curve(
    ax: Axes, at: np.ndarray, there: np.ndarray, window: tuple[float, float], look: dict
) -> None:
    """An arm's curve, from the beginning to its last seed's end, with its band."""
    curve = time_to_threshold(at, there)
    x = np.array([window[0], *curve.at, max(at.max(), window[0])])
    share = np.array([1.0, *curve.share])
    share, low, high = (
        100 * np.append(y, y[-1]) for y in (share, [1.0, *curve.low], [1.0, *curve.high])
    )
    ax.plot(x, share, drawstyle="steps-post", **look)
    ax.fill_between(x, low, high, step="post", color=look["color"], alpha=BAND, lw=0)
    gone = np.sort(at[~there])
    heights = share[np.searchsorted(x[:-1], gone, side="right") - 1]
    ax.plot(gone, heights, "|", color=look["color"], ms=8, mew=1.4, zorder=3, clip_on=False)


def _write_numbers(
    ax: Axes, times: dict[str, np.ndarray], names: Sequence[str], looks: dict, size: float
) -> None:
    """Below the axes: which line is whose, and how many seeds are left at the ticks."""
    wide, high = np.array(ax.get_position().size) * ax.figure.get_size_inches()
    lo, hi = ax.get_xlim()
    ticks = [tick for tick in ax.get_xticks() if lo <= tick <= hi]
    small = {"size": size, "va": "center", "transform": ax.transAxes}
    y = -(BELOW + 0.1) / high
    ax.text(-GAP / wide, y, "seeds left", ha="right", color="0.4", **small)
    for arm, name in zip(times, names):
        y -= ROW / high
        ax.text(-GAP / wide, y, name, ha="right", **small)
        beside = -(GAP + 0.08 + inches_of(name, size)) / wide
        sample = Line2D([beside - SWATCH / wide, beside], [y, y], transform=ax.transAxes,
                        clip_on=False, **looks[arm])  # fmt: skip
        ax.add_line(sample)
        for tick, left in zip(ticks, at_risk(times[arm], ticks)):
            ax.text((tick - lo) / (hi - lo), y, str(left), ha="center", **small)
