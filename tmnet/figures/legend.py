"""Which line is whose: a legend above the axes, or names at the lines' ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tmnet.drawing import STYLE
from tmnet.figures.texts import LINE, fitted_names, inches_of

SIZE = STYLE["legend.fontsize"]
SIZES = {"page": SIZE, "column": 7.5}  # by the width of a figure
LEGEND_ROWS = 6  # at most, where names can be shortened
HANDLE, PAD, SPACING = 2.8, 0.6, 1.6  # of a legend, in letters' size
BESIDE = HANDLE + PAD + SPACING
SHORTEST = 1.0  # inches that are left of a name to have fewer rows
MOST_LABELS = 5  # lines that have their names at their ends
LONGEST_LABEL = 0.25  # of the figure's width
REACH = 0.14  # inches from an axes to the names beside it


class LegendPlan(NamedTuple):
    """Names in rows and columns, and how high that is."""

    names: list[str]
    columns: int
    rows: int
    size: float

    @property
    def inches(self) -> float:
        return self.height_of(self.rows)

    def height_of(self, rows: int) -> float:
        return 0.1 + rows * self.size * 1.45 / 72

    def draw(self, figure: Figure, lines: Sequence[Line2D]) -> None:
        """Draw it at the top of a figure."""
        high = figure.get_figheight()
        figure.legend(
            lines, self.names, loc="upper center", bbox_to_anchor=(0.5, 1 - 0.05 / high),
            ncols=self.columns, frameon=False, fontsize=self.size, handlelength=HANDLE,
            handletextpad=PAD, columnspacing=SPACING, labelspacing=0.4, borderpad=0.0,
            borderaxespad=0.0,
        )  # fmt: skip


def columns_of(names: Sequence[str], inches: float, size: float) -> int:
    """Columns of a legend that is so wide."""
    widest = max((inches_of(name, size) for name in names), default=0.0)
    return max(1, int((inches + SPACING * size / 72) / (widest + BESIDE * size / 72)))


def plan_legend(names: Sequence[str], inches: float, most_rows: int, size: float) -> LegendPlan:
    """Lay out a legend that is so wide. Names are shortened where they are wider than that, or make
    more rows than there should be."""
    beside = BESIDE * size / 72
    count = max(1, len(names))
    texts = fitted_names(names, inches - beside, size)
    if -(-count // columns_of(texts, inches, size)) > most_rows:
        room = (inches + SPACING * size / 72) / -(-count // most_rows) - beside
        texts = fitted_names(names, max(room, SHORTEST), size)
    columns = min(count, columns_of(texts, inches, size))
    rows = -(-count // columns)
    return LegendPlan(texts, -(-count // rows), rows, size)


class EndLabels(NamedTuple):
    """Names beside the axes; where their lines end, and where they are, in inches above its
    bottom."""

    names: list[str]
    ends: list[tuple[float, float]]  # the first as a value
    places: list[float]

    @property
    def inches(self) -> float:
        """Room that they take, to the right of the axes."""
        return REACH + 0.08 + max(inches_of(name, SIZE) for name in self.names)

    def draw(self, ax: Axes, lines: Sequence[Line2D]) -> list:
        """Draw them, each with a line from the end of its own."""
        wide, high = ax.get_window_extent().size / ax.figure.dpi
        artists = []
        lo, hi = ax.get_xlim()
        for name, line, (at, end), place in zip(self.names, lines, self.ends, self.places):
            look = {"transform": ax.transAxes, "clip_on": False}
            x = [(at - lo) / (hi - lo) + 0.01 / wide, 1 + (REACH - 0.03) / wide]
            y = [end / high, place / high]
            artists += ax.plot(x, y, color=line.get_color(), lw=0.8, scalex=False, scaley=False,
                               **look)  # fmt: skip
            colour = [0.6 * part for part in to_rgb(line.get_color())]  # light ones are no letters
            artists.append(
                ax.text(1 + REACH / wide, place / high, name, va="center_baseline", size=SIZE,
                        color=colour, **look)
            )  # fmt: skip
        return artists


def label_ends(
    lines: Sequence[Line2D], names: Sequence[str], end: float, wide: float, high: float,
) -> EndLabels | None:  # fmt: skip
    """Names beside the ends of lines; None where they are too many or too long, where they would
    be far from their lines, and where a line ends before the axes does, or outside of it.

    Parameters
    ----------
    lines : sequence of Line2D
    names : sequence of str
    end : float
        Where the lines have to end.
    wide, high : float
        Inches of the figure, and of the axes.
    """
    if not 0 < len(names) <= MOST_LABELS:
        return None
    ends = []
    for line in lines:
        x, y = line.get_data()
        known = np.flatnonzero(~np.isnan(y))
        if not len(known) or x[known[-1]] < end:
            return None
        last = x[known[-1]], y[known[-1]]
        _, up = (line.axes.transScale + line.axes.transLimits).transform(last)
        if not 0 <= up <= 1:
            return None
        ends.append((float(last[0]), high * up))
    texts = fitted_names(names, LONGEST_LABEL * wide, SIZE)
    if any("…" in name.strip("…") for name in texts):
        return None
    line_high = SIZE * LINE / 72
    places = spread([up for _, up in ends], line_high, high)
    if max(abs(place - up) for place, (_, up) in zip(places, ends)) > 1.5 * line_high:
        return None
    return EndLabels(list(texts), ends, places)


def spread(at: Sequence[float], apart: float, highest: float) -> list[float]:
    """Places in the same order, from 0 to the highest, that are at least so far apart, and each as
    near as can be to where it should be (in squares)."""
    order = np.argsort(at, kind="stable")
    steps = apart * np.arange(len(order))
    blocks: list[tuple[float, int]] = []  # means of neighbours that would lie the wrong way round
    for x in np.asarray(at, float)[order] - steps:
        mean, count = float(x), 1
        while blocks and blocks[-1][0] > mean:
            before, others = blocks.pop()
            mean, count = (mean * count + before * others) / (count + others), count + others
        blocks.append((mean, count))
    flat = np.repeat([mean for mean, _ in blocks], [count for _, count in blocks])
    places = np.empty(len(order))
    places[order] = np.clip(flat, 0, max(highest - steps[-1], 0)) + steps
    return places.tolist()
