"""Figures of comparisons: one metric an axes, a line a run, for the page and for the screen.

Figures are made without pyplot, so that notebooks' callbacks and threads cannot get at each
other's. One set of drawing code serves both uses: `Multiples` draws, and can be redrawn.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, ScalarFormatter

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics.seeds import performance_profile, rate_interval
from tmnet.arguments import a_number, a_whole_number, one_of, shown, some_names
from tmnet.drawing import (
    AggFigure,
    ShortFormatter,
    encode_png,
    for_figure,
    names_for_figure,
    run_colours,
    run_dashes,
    styled,
)
from tmnet.errors import TmnetError

AXES_INCHES = (3.9, 2.5)  # of one among several
WIDTHS = {"page": (6.4, 3.9), "column": (3.4, 2.6)}  # inches of one alone, for print
LEFT, RIGHT, ABOVE, BELOW = 0.78, 0.2, 0.3, 0.5  # inches round an axes, for its labels
LABEL_LETTER = 0.075  # inches
LEGEND_ROOM = 24  # names for which the legend has room, even while fewer are shown
LEGEND_ROWS = 6  # for which there is, at most


class Multiples:
    """Small multiples of a comparison that can be redrawn in place.

    A comparison of arms has a line and a band for each arm, the inter-quartile mean of its seeds
    and 95 % of that, and a thin line for each seed.

    Parameters
    ----------
    comparison : Alignment
        An axes for each of its metrics.
    order : sequence of str, optional
        All runs (or arms) that may ever be shown, in the order that gives them their colours; by
        default those of the comparison.
    columns : int, optional
    dpi : float
    width : {"page", "column"}
        Of the figure of a single metric.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    order : list of str
    axes : dict
        The axes of each metric's name, hidden where that is not shown now.
    lines : dict
        The line of each (metric name, run name) that was shown until now.
    """

    def __init__(
        self,
        comparison: Alignment,
        order: Sequence[str] | None = None,
        columns: int | None = None,
        dpi: float = 100,
        width: str = "page",
    ):
        self.order = list(order or comparison.arms or [run.name for run in comparison.runs])
        colours, dashes = run_colours(self.order), run_dashes(self.order)
        self._looks = {
            # below the thin lines of seeds, and the later the higher, whichever was drawn first
            name: (colours[name], dashes[name], 1.6 + 0.3 * i / len(self.order))
            for i, name in enumerate(self.order)
        }
        self._widest = 0.75 + LABEL_LETTER * max(len(for_figure(name)) for name in self.order)
        self._columns, self._width = columns, width
        self.figure = AggFigure(dpi=dpi)
        self.axes, self.lines, self._ends, self._cursors, self._notes = {}, {}, {}, {}, {}
        self._seeds: dict[str, list] = {}  # thin lines and bands of each metric
        self.update(comparison)

    def _arrange(self, metrics: Sequence[Metric], shown: int) -> None:
        """Give each metric's axes, and its labels, a fixed place.

        `shown` is how many runs (or arms) are.

        A layout that fits what is drawn would take as long as drawing, and would jump.
        """
        columns = self._columns or min(3, max(1, len(metrics)))
        rows = max(1, -(-len(metrics) // columns))
        across, high = WIDTHS[self._width] if len(metrics) == 1 else AXES_INCHES
        # Room above for the legend, which has several rows where names are many or long.
        self._per_row = max(1, int(columns * across / self._widest))
        needed = -(-shown // self._per_row)
        room = -(-min(len(self.order), LEGEND_ROOM) // self._per_row)
        legend = max(needed, min(room, LEGEND_ROWS))
        wide, tall = columns * across, rows * high + 0.1 + 0.19 * legend
        self._longest = (wide - 0.75) / LABEL_LETTER  # letters of a name in it
        self._legend_place = (0.5, 1 - 0.05 / tall)
        self.figure.set_size_inches(wide, tall)
        for ax in self.axes.values():
            ax.set_visible(False)
        for i, metric in enumerate(metrics):
            if metric.name not in self.axes:
                self._add_axes(metric)
            row, column = divmod(i, columns)
            left, bottom = column * across + LEFT, (rows - 1 - row) * high + BELOW  # inches
            size = across - LEFT - RIGHT, high - ABOVE - BELOW
            ax = self.axes[metric.name]
            ax.set_position([left / wide, bottom / tall, size[0] / wide, size[1] / tall])
            label = for_figure(metric.label)
            title = ax.set_title(label, loc="left", y=1.0)
            room = (size[0] + RIGHT) * self.figure.dpi / (title.get_window_extent().width or 1)
            title.set_text(for_figure(metric.label, min(len(label), room * len(label))))
            ax.xaxis.set_label_coords(0.5, -0.3 / size[1])
            ax.yaxis.set_label_coords((0.18 - LEFT) / size[0], 0.5)
            ax.set_visible(True)

    def _add_axes(self, metric: Metric) -> None:
        ax = self.axes[metric.name] = self.figure.add_axes([0, 0, 1, 1], label=metric.name)
        sns.despine(ax=ax)
        ax.yaxis.set_major_formatter(ShortFormatter())
        self._cursors[metric.name] = ax.axvline(0, color="0.35", lw=1, animated=True)
        small = {"transform": ax.transAxes, "ha": "right", "size": 7, "color": "0.4"}
        self._notes[metric.name] = ax.text(0.99, 0.97, "", **small)

    def _line(self, metric: str, run: str) -> tuple[Line2D, Line2D]:
        """The line of a run, a new one if it was not shown before, and the dot at its end."""
        if (metric, run) not in self.lines:
            ax, (colour, dashes, zorder) = self.axes[metric], self._looks[run]
            look = {"color": colour, "zorder": zorder}
            with styled():
                (line,) = ax.plot([], [], linestyle=dashes, label=run, **look)
                (self._ends[metric, run],) = ax.plot([], [], "o", ms=4, **look)
            self.lines[metric, run] = line
        return self.lines[metric, run], self._ends[metric, run]

    def update(self, comparison: Alignment) -> None:
        """Show another comparison, with the same colours."""
        shown = {run.name: i for i, run in enumerate(comparison.runs)}
        names = [name for name in self.order if name in (comparison.arms or shown)]
        with styled():
            self._arrange(comparison.metrics, len(names))
        for artist in itertools.chain(*self._seeds.values()):
            artist.remove()
        self._seeds.clear()
        for line in (*self.lines.values(), *self._ends.values()):
            line.set_data(np.empty(0), np.empty(0))
        for j, metric in enumerate(comparison.metrics):
            if comparison.arms:
                drawn = self._draw_arms(metric, comparison)
            else:
                drawn = []
                for name in names:
                    y = comparison.values[shown[name], j] * metric.scale
                    y = np.where(np.isfinite(y), y, np.nan)
                    self._draw_line(metric.name, name, comparison, y)
                    drawn.append(y)
            self._set_limits(self.axes[metric.name], metric, comparison, drawn)
        if comparison.metrics:
            self._draw_legend(comparison.metrics[0], names)
        self._background = None

    def _draw_line(self, metric: str, run: str, comparison: Alignment, y: np.ndarray) -> None:
        line, end = self._line(metric, run)
        line.set_data(comparison.grid, y)
        known = np.flatnonzero(~np.isnan(y))
        # A lone point has no line; and where a run ends inside the window, a dot says so.
        stops = len(known) and comparison.ends[run] < comparison.grid[-1]
        line.set_marker("o" if len(known) == 1 else "")
        last = known[-1:] if stops else known[:0]
        end.set_data(comparison.grid[last], y[last])

    def _draw_arms(self, metric: Metric, comparison: Alignment) -> list[np.ndarray]:
        """Lines of the arms, their bands, and their seeds; returns all that was drawn."""
        ax = self.axes[metric.name]
        middles, seeds = comparison.arm_table(metric.name), comparison.table(metric.name)
        artists, drawn = [], []
        for arm, names in comparison.arms.items():
            rows = middles[middles["arm"] == arm]
            y, low, high = (rows[name].to_numpy() * metric.scale for name in ("iqm", "low", "high"))
            line, _ = self._line(metric.name, arm)
            line.set(data=(comparison.grid, y), marker="")
            thin = seeds[list(names)].to_numpy() * metric.scale  # (points, seeds)
            colour = line.get_color()
            band = ax.fill_between(comparison.grid, low, high, color=colour, alpha=0.2, lw=0)
            artists += [band, *ax.plot(comparison.grid, thin, color=colour, lw=0.6)]
            drawn += [y, *thin.T]
        self._seeds[metric.name] = artists
        return drawn

    def _set_limits(self, ax, metric: Metric, comparison: Alignment, drawn: list) -> None:
        lo, hi = comparison.window
        ax.set_xlim(lo, hi if hi > lo else lo + 1)
        ax.set_xlabel(for_figure(comparison.axis.label))
        unit = comparison.unit_of(metric)
        name = {"s": "time (s)", "": metric.label.rpartition(": ")[2]}.get(unit, unit)
        height = ax.get_position().height * self.figure.get_figheight()
        ax.set_ylabel(for_figure(name, height / LABEL_LETTER))
        minutes = comparison.axis.is_time
        ax.xaxis.set_major_formatter(ScalarFormatter() if minutes else EngFormatter(sep=""))
        lasts = np.concatenate([y[~np.isnan(y)][-1:] for y in drawn])
        bottom, top, cut = robust_limits(np.concatenate(drawn), metric, lasts)
        ax.set_ylim(bottom, top)
        note, up = self._notes[metric.name], cut is not None and cut > top
        text = f"{'up' if up else 'down'} to {cut:,.4g} {unit}".strip() if cut is not None else ""
        note.set(text=text and for_figure(f"{text}, not shown"), y=0.97 if up else 0.03)
        note.set_va("top" if up else "bottom")

    def _draw_legend(self, first: Metric, runs: list[str]) -> None:
        for legend in self.figure.legends:
            legend.remove()
        with styled():
            self.figure.legend(
                [self.lines[first.name, run] for run in runs],
                names_for_figure(runs, self._longest),
                loc="upper center",
                bbox_to_anchor=self._legend_place,
                ncols=min(self._per_row, len(runs)),
                frameon=False,
                handlelength=2.6,
            )

    def png(self, cursor: float | None = None) -> bytes:
        """The picture, with a cursor at one moment; a moved cursor alone is redrawn quickly."""
        canvas = self.figure.canvas
        if self._background is None:
            canvas.draw()
            self._background = canvas.copy_from_bbox(self.figure.bbox)
        else:
            canvas.restore_region(self._background)
        for line in self._cursors.values() if cursor is not None else ():
            if line.axes.get_visible():
                line.set_xdata([cursor, cursor])
                line.axes.draw_artist(line)
        return encode_png(canvas)


def robust_limits(
    y: np.ndarray, metric: Metric, inside: Sequence[float] = ()
) -> tuple[float, float, float | None]:
    """Limits of a value axis that a few extreme values, as of the first slow races, cannot ruin.

    Parameters
    ----------
    y : ndarray
        All values.
    metric : Metric
    inside : sequence of float
        Values that are shown in any case, such as where each run ends.

    Returns
    -------
    (float, float, float or None)
        Bottom and top, and the extreme value if one lies outside.
    """
    y = y[np.isfinite(y)]
    if metric.unit == "%":
        return -2.0, 102.0, None
    if not len(y):
        return 0.0, 1.0, None
    lowest, highest = float(y.min()), float(y.max())
    bottom, top = lowest, highest
    low, high = np.quantile(y, [0.25, 0.75])
    reach = 2.5 * (high - low)
    if reach > 0 and metric.better == "lower":
        top = min(top, max([high + reach, *inside]))
    if reach > 0 and metric.better == "higher":
        bottom = max(bottom, min([low - reach, *inside]))
    margin = 0.05 * (top - bottom) or abs(top) * 0.05 or 0.5
    bottom, top = bottom - margin, top + margin
    return bottom, top, highest if highest > top else lowest if lowest < bottom else None


def plot_grid(
    comparison: Alignment,
    names: Sequence[str] | None = None,
    *,
    order: Sequence[str] | None = None,
    columns: int | None = None,
    dpi: float = 100,
    width: str = "page",
) -> Figure:
    """Several metrics of a comparison, one an axes, with one legend.

    Parameters
    ----------
    comparison : Alignment
    names : sequence of str, optional
        Metrics; by default all of the comparison.
    order : sequence of str, optional
        Names of runs in the order that gives them their colours, where it is not that of the
        comparison.
    columns : int, optional
        Axes side by side, at most 3 by default.
    dpi : float
    width : {"page", "column"}
        Of the figure of a single metric: as wide as a page's text, or a column's.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; a notebook shows it as the value of a cell.

    Raises
    ------
    TmnetError
        If a metric is not in the comparison.
    """
    comparison = comparison if names is None else comparison.only(names)
    columns = None if columns is None else a_whole_number("columns", columns, least=1, most=12)
    order, dpi = check_looks(comparison, order, dpi, width)
    return Multiples(comparison, order, columns, dpi, width).figure


def check_looks(
    comparison: Alignment, order: Sequence[str] | None, dpi: float, width: str
) -> tuple[list[str], float]:
    """The order of all that is drawn, and the resolution; TmnetError where one is wrong."""
    drawn = list(comparison.arms or (run.name for run in comparison.runs))
    order = drawn if order is None else some_names("order", order)
    if left_out := [name for name in drawn if name not in order]:
        raise TmnetError(f"order is {shown(order)}; it must have all of {', '.join(left_out)}.")
    one_of("width", width, WIDTHS)
    return order, a_number("dpi", dpi, least=10, most=2400)


def plot_profile(
    comparison: Alignment, name: str, *, order: Sequence[str] | None = None, width: str = "page"
) -> Figure:
    """Performance profiles: which share of each arm's seeds is better than a value at the end.

    Parameters
    ----------
    comparison : Alignment
        Of arms.
    name : str
        A metric of which lower or higher is better.
    order : sequence of str, optional
    width : {"page", "column"}
        As for `plot_grid`.

    Returns
    -------
    matplotlib.figure.Figure
        A line an arm, with 95 % (Wilson's); a seed without a value is worse than any.

    Raises
    ------
    TmnetError
        If there are no arms, or the metric is not in the comparison or has no better and worse.
    """
    (metric,) = comparison.only([name]).metrics
    if not comparison.arms or metric.better is None:
        raise TmnetError(f"A performance profile of {name} needs arms, and a better and a worse.")
    sign = 1 if metric.better == "higher" else -1
    last = comparison.at(comparison.grid[-1]).loc[metric.name]
    scores = {arm: sign * last[list(names)].to_numpy() for arm, names in comparison.arms.items()}
    known = np.concatenate([x[np.isfinite(x)] for x in scores.values()])
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    margin = 0.08 * (high - low) or 0.5 / metric.scale
    levels = np.unique([low - margin, *known, high + margin])
    order = list(order or comparison.arms)
    colours, dashes = run_colours(order), run_dashes(order)
    with styled():
        figure = AggFigure(figsize=WIDTHS[width], dpi=100)
        ax = figure.subplots()
        longest = (WIDTHS[width][0] - 2) / LABEL_LETTER
        labels = dict(zip(scores, names_for_figure([*scores], longest)))
        for arm, values in scores.items():
            share = performance_profile(np.nan_to_num(values, nan=levels[0] - 1), levels)
            counts = np.round(share * len(values)).astype(int)
            span = np.array([rate_interval(count, len(values)) for count in counts]).T
            x, style = sign * levels * metric.scale, {"color": colours[arm]}
            ax.plot(
                x, 100 * share, linestyle=dashes[arm], drawstyle="steps-post", label=labels[arm],
                **style,
            )  # fmt: skip
            ax.fill_between(x, *(100 * span), step="post", alpha=0.15, lw=0, **style)
        unit = f" ({metric.unit})" if metric.unit else ""
        xlabel = for_figure(f"{metric.label}{unit}", WIDTHS[width][0] / LABEL_LETTER)
        ax.set(xlabel=xlabel, ylabel="seeds that are better (%)", ylim=(-2, 102))
        if sign < 0:
            ax.invert_xaxis()  # the better, the further right
        ax.legend(frameon=False)
        sns.despine(figure)
        figure.tight_layout()
    return figure
