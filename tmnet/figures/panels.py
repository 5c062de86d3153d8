"""One metric by several axes: by time, by step."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tmnet.analysis.alignment import Alignment
from tmnet.arguments import several
from tmnet.drawing import AggFigure, Order, styled
from tmnet.errors import TmnetError
from tmnet.figures.legend import LEGEND_ROWS, SIZES, plan_legend
from tmnet.figures.multiples import WIDTHS, check_looks
from tmnet.figures.panel import BELOW, LEFT, RIGHT, TITLE, Panel, looks_of, room_above, title_of
from tmnet.figures.texts import label_for_figure

INCHES = (9.0, 3.3)  # of all panels side by side
BETWEEN = 0.35  # inches from one axes to the next
HIGH = 1.5  # inches of an axes below another, and of any at least


def plot_panels(
    comparisons: Sequence[Alignment],
    name: str,
    *,
    order: Order | None = None,
    width: str = "page",
) -> Figure:
    """One metric by several axes, with one legend and the same limits.

    Parameters
    ----------
    comparisons : sequence of Alignment
        By time, by step and so on. A run that lacks an axis is shown by the others.
    name : str
        A metric of each of them.
    order : sequence of str or mapping of str to str, optional
        Names of runs (or arms) in the order that gives them their colours.
    width : {"page", "column"}
        Side by side, or one below the other.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TmnetError
        If there is no comparison, or the metric is not in each.
    """
    comparisons = several("comparisons", comparisons, Alignment, "a list of comparisons")
    if not comparisons:
        raise TmnetError("There is no comparison to draw: give at least one.")
    parts = [comparison.only([name]) for comparison in comparisons]
    drawn = [list(part.arms or (run.name for run in part.runs)) for part in parts]
    names = list(dict.fromkeys(itertools.chain(*drawn)))
    for part in parts:
        order, _ = check_looks(part, order or names, 100, width)
    names = [name for name in order if name in names]
    with styled():
        figure = AggFigure(dpi=100)
        looks = looks_of(order)
        panels = [Panel(figure, looks) for _ in parts]
        for panel, part, there in zip(panels, parts, drawn):
            panel.draw(part.metrics[0], part, [name for name in names if name in there])
        seen = [name for name in names if any(map(_shows, panels, parts, [name] * len(parts)))]
        names = seen or names  # or there would be no legend
        limits = [panel.limits for panel in panels]
        for panel in panels:
            panel.limit(min(low for low, _ in limits), max(high for _, high in limits))
        if width == "column":
            _stack(figure, panels, parts, names)
        else:
            _put_side_by_side(figure, panels, parts, names)
    return figure


def _put_side_by_side(
    figure: Figure, panels: Sequence[Panel], parts: Sequence[Alignment], names: Sequence[str]
) -> None:
    wide = INCHES[0]
    across = (wide - LEFT - RIGHT + BETWEEN) / len(panels) - BETWEEN
    titles, plan = (
        _titles(parts, across),
        plan_legend(names, wide - 0.3, LEGEND_ROWS, SIZES["page"]),
    )
    around = plan.inches + room_above(titles) + BELOW
    high = max(HIGH, INCHES[1] - around)
    figure.set_size_inches(wide, around + high)
    for i, (panel, title) in enumerate(zip(panels, titles)):
        panel.place(LEFT + i * (across + BETWEEN), BELOW, across, high, title)
        if i:  # they have the value axis of the first
            panel.ax.set_ylabel("")
            panel.ax.tick_params(labelleft=False)
    plan.draw(figure, _lines(panels, names))


def _stack(
    figure: Figure, panels: Sequence[Panel], parts: Sequence[Alignment], names: Sequence[str]
) -> None:
    wide = WIDTHS["column"][0]
    across = wide - LEFT - RIGHT
    titles = _titles(parts, across)
    plan = plan_legend(names, wide - 0.3, LEGEND_ROWS, SIZES["column"])
    bottom = sum(room_above([title]) + HIGH + BELOW for title in titles)
    figure.set_size_inches(wide, bottom + plan.inches)
    for panel, title in zip(panels, titles):
        bottom -= room_above([title]) + HIGH + BELOW
        panel.place(LEFT, bottom + BELOW, across, HIGH, title)
    plan.draw(figure, _lines(panels, names))


def _titles(parts: Sequence[Alignment], inches: float) -> list[str]:
    """What is shown, above the first; of when it is, above the others where that is another."""
    metric = parts[0].metrics[0]
    counted = [part.counted(metric) for part in parts]
    return [title_of(metric, parts[0], inches)] + [
        label_for_figure(text, inches, TITLE, "bold") if text != counted[0] else ""
        for text in counted[1:]
    ]


def _shows(panel: Panel, part: Alignment, name: str) -> bool:
    """Whether anything of a run is drawn, or of the seeds of an arm."""
    seeds = part.arms.get(name, (name,))
    values = part.values[[run.name in seeds for run in part.runs]]
    line = panel.lines.get(name)  # a record may lie between grid points
    return bool(np.isfinite(values).any() or (line and np.isfinite(line.get_ydata()).any()))


def _lines(panels: Sequence[Panel], names: Sequence[str]) -> list:
    lines = {name: line for panel in panels for name, line in panel.lines.items()}
    return [lines[name] for name in names]
