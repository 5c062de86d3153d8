"""Effects of an ablation, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from tmnet.arguments import a_text, one_of, several, shown
from tmnet.drawing import COLOURS, AggFigure, styled
from tmnet.errors import TmnetError
from tmnet.figures.legend import SIZES
from tmnet.figures.multiples import WIDTHS
from tmnet.figures.panel import LABEL, TITLE_LINE
from tmnet.figures.texts import inches_of, label_for_figure

ROW = 0.3  # inches
FORM = "tuples of a name, an effect and the two ends of its interval (NaN where there is none)"


def plot_effects(
    effects: Sequence[tuple[str, float, float, float]], xlabel: str, *, width: str = "page"
) -> Figure:
    """Effects one below the other, the highest first, each with its interval.

    Parameters
    ----------
    effects : sequence of (str, float, float, float)
        Name, effect, and the ends of its interval; NaN where there is none.
    xlabel : str
        What the effects are of, with the unit.
    width : {"page", "column"}
        As for `plot_grid`.

    Returns
    -------
    matplotlib.figure.Figure
        A dot is filled where the interval leaves out zero.

    Raises
    ------
    TmnetError
        If no effect is known, or one is no such tuple.
    """
    one_of("width", width, WIDTHS)
    effects = several("effects", effects, tuple, FORM)
    for row in effects:
        if len(row) != 4 or not all(isinstance(x, Real) for x in row[1:]):
            raise TmnetError(f"effects has {shown(row)} in it; it must be {FORM}.")
    rows = sorted((row for row in effects if np.isfinite(row[1])), key=lambda row: row[1])
    if not rows:
        raise TmnetError("There are no effects to draw.")
    names, values, low, high = zip(*rows)
    values, low, high = (np.array(x, float) for x in (values, low, high))
    size, y = SIZES[width], np.arange(len(rows))
    with styled():
        wide = WIDTHS[width][0]
        texts = [label_for_figure(str(name), wide / 3, size) for name in names]
        left = 0.2 + max(inches_of(line, size) for text in texts for line in text.split("\n"))
        label = label_for_figure(a_text("xlabel", xlabel), wide - 0.2, LABEL)
        below = 0.5 + TITLE_LINE * label.count("\n")
        of_rows = ROW * len(rows)
        tall = below + of_rows + 0.1
        figure = AggFigure((wide, tall), dpi=100)
        across = 1 - (left + 0.2) / wide
        ax = figure.add_axes((left / wide, below / tall, across, of_rows / tall))
        ax.axvline(0, color="0.35", lw=1, label="zero")
        ax.hlines(y, low, high, color=COLOURS[0], lw=1.8)
        told = (low > 0) | (high < 0)
        look = {"color": COLOURS[0], "mew": 1.5, "ms": 6, "zorder": 3}
        ax.plot(values[told], y[told], "o", **look)
        ax.plot(values[~told], y[~told], "o", mfc="white", **look)
        ax.set_yticks(y, texts, size=size)
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_xlabel(label, ha="right")
        ax.xaxis.set_label_coords(1 + 0.1 / (across * wide), -0.3 / of_rows)
        ax.grid(axis="y", visible=False)
        sns.despine(ax=ax, left=True)
    return figure
