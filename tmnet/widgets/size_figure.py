"""What size bought, drawn: results of runs against the size of their networks."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, NullLocator

from tmnet.analysis.size import SIZES, Bought
from tmnet.drawing import (
    COLOURS,
    AggFigure,
    for_figure,
    names_for_figure,
    run_colours,
    styled,
)
from tmnet.errors import TmnetError

# inches: of the whole, of what lies below the legend, and of a row of that
WIDE, HIGH, ROW = 7.2, 5.8, 0.17
DPI = 130  # in a page it is 560 to 940 pixels wide
MARKERS = "osD^vP"  # beside ten colours
APART, CROWD = 0.04, 0.15  # of the axis: where networks are the same, runs stand side by side
TICKS_APART = 0.15  # of the axis
COLUMNS, LETTERS = 4, 22  # of the legend


def size_png(bought: Bought, size: str) -> bytes:
    """A dot a run in each of four axes: late rate, late best, first finish, PFLOP.

    Raises
    ------
    TmnetError
        If that size of no network is known.
    """
    names, of = [*bought.table.index], bought.metrics[0].races
    assert of
    sizes = bought.table[size].to_numpy(float)
    if not np.isfinite(sizes).any():
        raise TmnetError(f"No run has logged what its {SIZES[size]} follows from.")
    at = _side_by_side(sizes)
    panels = {metric.races.statistic: metric.label for metric in bought.metrics if metric.races}
    units = {"late_rate": "%", "late_best_of_10": "s", "first_finish": "min", "pflop": "PFLOP"}
    high = HIGH + 0.25 + ROW * -(-len(names) // COLUMNS)
    with styled():
        figure = AggFigure((WIDE, high), dpi=DPI)
        for i, (column, unit) in enumerate(units.items()):
            ax = figure.add_subplot(2, 2, i + 1)
            _dots(ax, bought, column, at, 100.0 if unit == "%" else 1.0)
            label = panels.get(column, "arithmetic spent").rpartition(": ")[2]
            ax.set_title(label[0].upper() + label[1:], loc="left", fontsize=9)
            ax.set(ylabel=unit, xlabel=SIZES[size])
            _frame(ax, at, sizes)
            if unit == "%":
                ax.set_ylim(-4, 104)
            elif not np.isfinite(bought.table[column]).any():
                ax.set_yticks([])
            elif column in ("first_finish", "pflop"):
                ax.set_ylim(0, 1.1 * np.nanmax(bought.table[column]))
        figure.subplots_adjust(0.085, 0.48 / high, 0.985, (HIGH - 0.4) / high, 0.26, 0.33)
        figure.legend(
            figure.axes[0].collections, names_for_figure(names, LETTERS), loc="upper center",
            ncols=min(COLUMNS, len(names)), frameon=False, handletextpad=0.2,
            title=f"{for_figure(of.map)} {of.kind}, up to {bought.at}; bars: 95 %",
        )  # fmt: skip
        return figure.png()


def _dots(ax: Axes, bought: Bought, column: str, at: np.ndarray, scale: float) -> None:
    """A dot a run, with its 95 % where that is known; who has no value says so below."""
    table, colours = bought.table, run_colours(bought.order)
    for x, name in zip(at, table.index):
        value = scale * table[column][name]
        look = {"color": colours[name], "zorder": 3}
        marker = MARKERS[bought.order.index(name) // len(COLOURS) % len(MARKERS)]
        ax.scatter([x], [value], s=42, marker=marker, edgecolor="white", linewidth=0.6, **look)
        if f"{column}_low" in table:
            low, high = (scale * table[f"{column}_{end}"][name] for end in ("low", "high"))
            ax.plot([x, x], [low, high], lw=1.4, **look | {"zorder": 2})
        if np.isfinite(x) and not np.isfinite(value):
            ax.text(x, 0.02, "none", color=colours[name], ha="center", rotation=90, fontsize=8,
                    transform=ax.get_xaxis_transform())  # fmt: skip


def _frame(ax: Axes, at: np.ndarray, sizes: np.ndarray) -> None:
    """A log axis with some room beside the dots, and ticks where networks are, as far as those can
    be read beside each other."""
    low, high = np.nanmin(at), np.nanmax(at)
    room = max(high / low, 2.0) ** 0.12
    ax.set(xscale="log", xlim=(low / room, high * room))
    ticks: list[float] = []
    for size in np.unique(sizes[np.isfinite(sizes)]):
        if not ticks or np.log(size / ticks[-1]) > TICKS_APART * np.log(high * room**2 / low):
            ticks.append(float(size))
    show = EngFormatter(sep="")
    ax.set_xticks(ticks, [show(float(f"{size:.3g}")) for size in ticks])
    ax.xaxis.set_minor_locator(NullLocator())


def _side_by_side(sizes: np.ndarray) -> np.ndarray:
    """Sizes, those that are the same a little apart."""
    span = np.log(max(np.nanmax(sizes) / np.nanmin(sizes), 2.0))
    at = sizes.copy()
    for size in np.unique(sizes[np.isfinite(sizes)]):
        same = np.flatnonzero(sizes == size)
        places = np.arange(len(same)) - (len(same) - 1) / 2
        at[same] = size * np.exp(min(APART, CROWD / len(same)) * span * places)
    return at
