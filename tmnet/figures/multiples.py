"""Small multiples of a comparison: an axes a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.metrics import Metric
from tmnet.arguments import a_number, a_whole_number, one_of, shown, some_names, wrong
from tmnet.drawing import AggFigure, Order, for_figure, run_colours, styled
from tmnet.errors import TmnetError
from tmnet.figures.legend import (
    LEGEND_ROWS,
    SIZES,
    EndLabels,
    LegendPlan,
    columns_of,
    label_ends,
    plan_legend,
)
from tmnet.figures.panel import (
    BELOW,
    BELOW_ANOTHER,
    LEFT,
    RIGHT,
    Panel,
    looks_of,
    room_above,
    title_of,
)
from tmnet.figures.scales import AS_USUAL, Scale, check_scales

AXES_INCHES = (3.9, 2.5)  # of one among several
NARROWEST, WIDEST = 3.3, 6.4  # inches of one, where the figure is to fit a page
LOWEST, HIGHEST = 1.75, 3.0
WIDTHS = {"page": (6.4, 3.9), "column": (3.4, 2.6)}  # inches of one alone, for print
LEGEND_ROOM = 24  # names for which the legend has room (of LEGEND_ROWS), even while fewer are shown
MENU = 0.2  # inches beside a title, for what opens an axes' menu in a page
AXES_SHARE = 0.56  # of the height of a figure of one metric, at least


class Multiples:
    """Small multiples of a comparison that can be redrawn in place.

    A comparison of arms has a line and a band for each arm, the inter-quartile mean of its seeds
    and 95 % of that, and a thin line for each seed. Runs have bands where they are few and the
    metric has an interval: see `Alignment.bands`. The best time so far is drawn at the very races,
    everything else at the grid points.

    Parameters
    ----------
    comparison : Alignment
        An axes for each of its metrics.
    order : sequence of str or mapping of str to str, optional
        All runs (or arms) that may ever be shown, in the order that gives them their colours, or
        each with its own; by default those of the comparison.
    columns : int, optional
    dpi : float
    width : {"page", "column"}
        Of the figure of a single metric.
    live : bool
        Whether it will be redrawn: then there is room for a legend of all in the order, so that
        nothing jumps. Otherwise the legend has the room that it needs, and a few lines of a single
        metric have their names at their ends.
    scales : mapping of str to Scale, optional
        Of metrics whose values are not shown as usual, by their names.
    room : (float, float), optional
        Inches across and up that there are for the whole, if its axes are to fit.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    room : (float, float) or None
    scales : mapping of str to Scale
    order : dict of str to str
        Colours of all that may be shown.
    panels : dict
        The panel of each metric's name, hidden where that is not shown now.
    """

    def __init__(
        self,
        comparison: Alignment,
        order: Order | None = None,
        columns: int | None = None,
        dpi: float = 100,
        width: str = "page",
        live: bool = True,
        scales: Mapping[str, Scale] | None = None,
        room: tuple[float, float] | None = None,
    ):
        self.order = run_colours(order or [*comparison.arms] or [x.name for x in comparison.runs])
        self._looks = looks_of(self.order)
        self._columns, self._width, self._live = columns, width, live
        self.figure = AggFigure(dpi=dpi)
        self.room = room
        self.scales: Mapping[str, Scale] = scales or {}
        self.panels: dict[str, Panel] = {}
        self._labels: list = []  # at the ends of lines
        self.update(comparison)

    @property
    def axes(self) -> dict[str, Axes]:
        """The axes of each metric's name."""
        return {metric: panel.ax for metric, panel in self.panels.items()}

    @property
    def lines(self) -> dict[tuple[str, str], Line2D]:
        """The line of each (metric name, run name) that was shown until now."""
        return {
            (metric, run): line
            for metric, panel in self.panels.items()
            for run, line in panel.lines.items()
        }

    def update(self, comparison: Alignment) -> None:
        """Show another comparison, with the same colours."""
        known = comparison.arms or {run.name for run in comparison.runs}
        names = [name for name in self.order if name in known]
        metrics = [metric.name for metric in comparison.metrics]
        with styled():
            for name, panel in self.panels.items():
                if name not in metrics:
                    panel.clear()
                    panel.ax.set_visible(False)
            for metric in comparison.metrics:
                if metric.name not in self.panels:
                    self.panels[metric.name] = Panel(self.figure, self._looks)
                self.panels[metric.name].draw(metric, comparison, names, self.scale(metric))
            self._arrange(comparison, names)

    def _arrange(self, comparison: Alignment, names: Sequence[str]) -> None:
        """Give the legend, and each metric's axes, a place."""
        for legend in self.figure.legends:
            legend.remove()
        while self._labels:
            self._labels.pop().remove()
        metrics, alone = comparison.metrics, len(comparison.metrics) == 1
        panels = [self.panels[metric.name] for metric in metrics]
        columns, across, tall = self._places(len(metrics))
        rows = max(1, -(-len(metrics) // columns))
        wide = columns * across
        room = across - LEFT - (RIGHT + MENU if self._live else 0.05)
        titles = [
            title_of(metric, comparison, room, panel.minus)
            for metric, panel in zip(metrics, panels)
        ]
        high = tall - room_above([]) - BELOW
        labels = plan = None
        if alone and not self._live:
            labels = self._end_labels(panels[0], names, comparison, wide, high)
        if labels is None:
            plan = self._legend(names, wide)
        legend = self._legend_room(plan, wide) if plan else 0.1
        right = labels.inches if labels else RIGHT
        # The axis is named below the lowest axes alone, as it is that of all.
        above = [room_above(titles[i * columns : (i + 1) * columns]) for i in range(rows)]
        below = [BELOW_ANOTHER] * (rows - 1) + [BELOW]
        if alone:
            high = max(high, AXES_SHARE / (1 - AXES_SHARE) * (legend + above[0] + BELOW))
        bottom = sum(above) + sum(below) + rows * high
        self.figure.set_size_inches(wide, bottom + legend)
        for i, (panel, title) in enumerate(zip(panels, titles)):
            y, x = divmod(i, columns)
            if not x:
                bottom -= above[y] + high + below[y]
            panel.place(
                x * across + LEFT, bottom + below[y], across - LEFT - right, high, title,
                is_lowest=i + columns >= len(panels),
            )  # fmt: skip
        lines = [panels[0].lines[name] for name in names] if panels else []
        if labels:
            self._labels = labels.draw(panels[0].ax, lines)
        elif plan and panels:
            plan.draw(self.figure, lines)

    def scale(self, metric: Metric) -> Scale:
        return self.scales.get(metric.name, AS_USUAL)

    def _places(self, count: int) -> tuple[int, float, float]:
        """Axes side by side, and inches across and up for each."""
        across, tall = WIDTHS[self._width] if count == 1 else AXES_INCHES
        if self.room is None:
            return self._columns or min(3, max(1, count)), across, tall
        columns = max(1, min(count, int(self.room[0] / NARROWEST)))
        rows = max(1, -(-count // columns))
        columns = max(1, -(-count // rows))  # four are two by two, not three and one
        across = min(max(self.room[0] / columns, NARROWEST), WIDEST)
        return columns, across, min(max(self.room[1] / rows, LOWEST), max(tall, HIGHEST))

    def _legend(self, names: Sequence[str], wide: float) -> LegendPlan:
        return plan_legend(names, wide - 0.3, LEGEND_ROWS, SIZES[self._width])

    def _legend_room(self, plan: LegendPlan, wide: float) -> float:
        """Inches for the legend; if live, also of those that may come to it."""
        if not self._live:
            return plan.inches
        every = [for_figure(name) for name in self.order]
        rows = -(-min(len(every), LEGEND_ROOM) // columns_of(every, wide - 0.3, plan.size))
        return plan.height_of(max(plan.rows, min(rows, LEGEND_ROWS)))

    def _end_labels(
        self, panel: Panel, names: Sequence[str], comparison: Alignment, wide: float, high: float
    ) -> EndLabels | None:
        lines = [panel.lines[name] for name in names]
        return label_ends(lines, names, comparison.grid[-1], wide, high)


def plot_grid(
    comparison: Alignment,
    names: Sequence[str] | None = None,
    *,
    order: Order | None = None,
    columns: int | None = None,
    dpi: float = 100,
    width: str = "page",
    scales: Mapping[str, Mapping[str, Any]] | None = None,
) -> Figure:
    """Several metrics of a comparison, one an axes, with one legend.

    Parameters
    ----------
    comparison : Alignment
    names : sequence of str, optional
        Metrics; by default all of the comparison.
    order : sequence of str or mapping of str to str, optional
        Names of runs in the order that gives them their colours, where it is not that of the
        comparison; or each with a colour of its own.
    columns : int, optional
        Axes side by side, at most 3 by default.
    dpi : float
    width : {"page", "column"}
        Of the figure of a single metric: as wide as a page's text, or a column's.
    scales : mapping, optional
        How values of metrics are shown, by their names, where that is not as usual. A dict each, of
        ``log`` (True: a logarithmic axis, where all values are above 0), ``full`` (True: extreme
        values too), ``zoom`` (from where to where, in the unit that is shown), ``difference`` (a
        run or an arm: the differences to its values in place of values).

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; a notebook shows it as the value of a cell.

    Raises
    ------
    TmnetError
        If a metric is not in the comparison, or an argument makes no sense.
    """
    checked = check_scales(comparison, scales)
    comparison = comparison if names is None else comparison.only(names)
    columns = None if columns is None else a_whole_number("columns", columns, least=1, most=12)
    order, dpi = check_looks(comparison, order, dpi, width)
    return Multiples(comparison, order, columns, dpi, width, False, checked).figure


def check_looks(
    comparison: Alignment, order: Order | None, dpi: float, width: str
) -> tuple[dict[str, str], float]:
    """Colours of all that is drawn, in order, and the resolution; TmnetError where one is wrong."""
    drawn = list(comparison.arms or (run.name for run in comparison.runs))
    if isinstance(order, Mapping):
        for name, colour in order.items():
            if not is_color_like(colour):
                form = "a colour, such as '#0173b2'"
                raise wrong(f"The colour of {name} in order", colour, form)
        order = {str(name): to_hex(colour) for name, colour in order.items()}
    else:
        order = run_colours(drawn if order is None else some_names("order", order))
    if left_out := [name for name in drawn if name not in order]:
        raise TmnetError(f"order is {shown([*order])}; it must have all of {', '.join(left_out)}.")
    one_of("width", width, WIDTHS)
    return order, a_number("dpi", dpi, least=10, most=2400)
