"""One metric of a comparison on an axes: its lines, and what stands beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.metrics import Metric
from tmnet.drawing import STYLE, Order, ShortFormatter, for_figure, run_colours, run_dashes, styled
from tmnet.figures.limits import robust_limits
from tmnet.figures.scales import AS_USUAL, Scale
from tmnet.figures.texts import label_for_figure
from tmnet.logs.run import Run

LEFT, RIGHT, ABOVE, BELOW = 0.84, 0.2, 0.3, 0.5  # inches round an axes, for its labels
BELOW_ANOTHER = 0.36  # without the name of the axis
TITLE_LINE = 0.16  # inches of one more
NOTE = 7.5  # points: no less than ten pixels of a page
TITLE, LABEL = STYLE["axes.titlesize"], STYLE["axes.labelsize"]

MANY = 7  # lines: they are thinner, and have no bands, which would hide each other
BAND = 0.12  # opacity


def looks_of(order: Order) -> dict[str, dict]:
    """What the line of each run (or arm) looks like."""
    colours, dashes = run_colours(order), run_dashes(order)
    wide = STYLE["lines.linewidth"] if len(order) < MANY else 1.4
    return {
        # below the thin lines of seeds, and the later the higher, whichever was drawn first
        name: {
            "color": colours[name], "linestyle": dashes[name], "lw": wide,
            "zorder": 1.6 + 0.3 * i / len(order),
        }
        for i, name in enumerate(order)
    }  # fmt: skip


def title_of(metric: Metric, comparison: Alignment, inches: float, minus: str = "") -> str:
    """The title of an axes: what it shows, of when that is, and what is taken from it."""
    parts = [metric.label, comparison.counted(metric), minus]
    return label_for_figure(", ".join(filter(None, parts)), inches, TITLE, "bold")


def room_above(titles: Sequence[str]) -> float:
    """Inches above an axes, for the longest of some titles."""
    return ABOVE + TITLE_LINE * max((title.count("\n") for title in titles), default=0)


class Panel:
    """An axes that shows one metric of a comparison after another's, each a line a run.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    looks : dict of str to dict
        Of all runs (or arms) that may ever be shown.

    Attributes
    ----------
    ax : matplotlib.axes.Axes
    lines, ends : dict of str to Line2D
        The line of each run that was shown until now, and the dot where it ends.
    minus : str
        What values are the differences to, and whether they have no interval; "" of others.
    """

    def __init__(self, figure: Figure, looks: dict[str, dict]):
        self._looks = looks
        self.ax = ax = figure.add_axes((0, 0, 1, 1), label=f"panel {len(figure.axes)}")
        sns.despine(ax=ax)
        ax.yaxis.set_major_formatter(ShortFormatter())
        small = {"transform": ax.transAxes, "ha": "right", "size": NOTE, "color": "0.4"}
        paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        self._note = ax.text(0.99, 0.97, "", bbox=paper, **small)
        self.lines: dict[str, Line2D] = {}
        self.ends: dict[str, Line2D] = {}
        self._bands: dict[str, PolyCollection] = {}
        self._passing: list = []  # thin lines, made anew each time
        self._band_ends: list[float] = []
        self.limits = 0.0, 1.0
        self._along, self._label, self._cut, self.unit = "", "", None, ""
        self._is_log, self._is_empty, self.minus = False, False, ""

    def clear(self) -> None:
        """Show nothing."""
        self.minus = ""
        self._band_ends.clear()
        while self._passing:
            self._passing.pop().remove()
        for line in (*self.lines.values(), *self.ends.values()):
            line.set_data(np.empty(0), np.empty(0))
        for band in self._bands.values():
            band.set_verts([])

    def draw(
        self, metric: Metric, comparison: Alignment, names: Sequence[str], scale: Scale = AS_USUAL
    ) -> None:
        """Show a metric of some of the runs, or of the arms."""
        self.clear()
        if scale.difference is not None:
            drawn = typical = self._draw_differences(metric, comparison, names, scale.difference)
            self.minus = f"minus {for_figure(scale.difference, 40)}"
            self.minus += ", no interval" * (not self._band_ends)
        else:
            draw = self._draw_arms if comparison.arms else self._draw_runs
            drawn, typical = draw(metric, comparison, names)
        lo, hi = comparison.window
        self.ax.set_xlim(lo, hi if hi > lo else lo + 1)
        minutes = comparison.axis.is_time
        self.ax.xaxis.set_major_formatter(ScalarFormatter() if minutes else EngFormatter(sep=""))
        self._along = comparison.axis.label
        self.unit = comparison.unit_of(metric)
        what = metric.label.rpartition(": ")[2]
        self._label = f"{what} ({self.unit})" if self.unit else what
        self._limit_to(np.concatenate(drawn), np.concatenate(typical), drawn, metric, scale)

    def _limit_to(
        self, y: np.ndarray, typical: np.ndarray, lines: Sequence[np.ndarray], metric: Metric,
        scale: Scale,
    ) -> None:  # fmt: skip
        """Set the scale of the value axis, and its limits for what is drawn."""
        known = y[np.isfinite(y)]
        self._is_empty = not len(known)
        is_log = scale.log and len(known) > 0 and known.min() > 0
        if is_log != self._is_log:
            self._is_log = is_log
            self.ax.set_yscale("log" if is_log else "linear")
            self.ax.yaxis.set_major_formatter(ShortFormatter())
            self.ax.yaxis.set_minor_formatter(NullFormatter())
        if scale.difference is not None:
            if metric.unit == "%":
                self.unit = "points"
            self._label = f"difference ({self.unit})" if self.unit else "difference"
        if scale.full or is_log or scale.difference is not None:
            ends = [*known, *self._band_ends] if scale.full and not is_log else known
            low, high = (np.nanmin(ends), np.nanmax(ends)) if len(known) else (0.0, 1.0)
            margin = 0.05 * (high - low) or abs(high) * 0.05 or 0.5
            bottom, top = (low / 1.1, high * 1.1) if is_log else (low - margin, high + margin)
            self._cut = None
        else:
            lasts = np.concatenate([line[~np.isnan(line)][-1:] for line in lines])
            bottom, top, self._cut = robust_limits(y, metric, lasts, typical)
        if not (scale.full or is_log):
            # Of a band as much as there is room for: of few races it may be as wide as can be.
            room = (top - bottom) / 2
            low, high = np.nanmin([bottom, *self._band_ends]), np.nanmax([top, *self._band_ends])
            bottom, top = max(low, bottom - room), min(high, top + room)
        if scale.zoom and (not is_log or scale.zoom[0] > 0):
            bottom, top = scale.zoom
        self.limit(bottom, top)

    def limit(self, bottom: float, top: float) -> None:
        """Set the limits of the value axis, and say which extreme value they leave out, or that
        there is none."""
        self.limits = bottom, top
        self.ax.set_ylim(bottom, top)
        if self._is_log:  # of less than a decade there would be hardly a tick
            few = top < 10 * bottom
            ticks = MaxNLocator(5) if few else LogLocator(subs=(1, 2, 5), numticks=8)
            self.ax.yaxis.set_major_locator(ticks)
        cut, text = self._cut, ""
        if cut is not None and not bottom <= cut <= top:
            text = f"{'up' if cut > top else 'down'} to {cut:,.4g} {self.unit}".strip()
            text += ", not shown"
        up = self._is_empty or (bool(text) and cut > top)
        text = "no value in this window" if self._is_empty else for_figure(text)
        self._note.set(text=text, y=0.97 if up else 0.03)
        self._note.set_va("top" if up else "bottom")

    def place(
        self, left: float, bottom: float, wide: float, high: float, title: str,
        is_lowest: bool = True,
    ) -> None:  # fmt: skip
        """Put the axes somewhere, in inches, and its labels beside it.

        A layout that fits what is drawn would take as long as drawing, and would jump.
        """
        across, tall = self.ax.figure.get_size_inches()
        self.ax.set_position((left / across, bottom / tall, wide / across, high / tall))
        self.ax.set_title(title, loc="left", y=1.0)
        label = label_for_figure(self._label, high + 0.2, LABEL)
        self.ax.set_xlabel(label_for_figure(self._along, wide + 0.3, LABEL, lines=1))
        self.ax.xaxis.label.set_visible(is_lowest)
        self.ax.set_ylabel(label, linespacing=1.0)
        self.ax.xaxis.set_label_coords(0.5, -0.3 / high)
        self.ax.yaxis.set_label_coords(((0.31 if "\n" in label else 0.22) - LEFT) / wide, 0.5)
        self.ax.set_visible(True)

    def _line(self, name: str) -> tuple[Line2D, Line2D]:
        """The line of a run, a new one if it was not shown before, and the dot at its end."""
        if name not in self.lines:
            look = self._looks[name]
            with styled():
                (line,) = self.ax.plot([], [], label=name, **look)
                dot = {"color": look["color"], "zorder": look["zorder"]}
                (self.ends[name],) = self.ax.plot([], [], "o", ms=4, **dot)
            self.lines[name] = line
        return self.lines[name], self.ends[name]

    def _draw_runs(
        self, metric: Metric, comparison: Alignment, names: Sequence[str]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Lines of runs, and 95 % where that is known; returns all values that are drawn as lines,
        and those at the grid points."""
        places = {run.name: i for i, run in enumerate(comparison.runs)}
        bands = comparison.bands(metric.name) * metric.scale if len(names) < MANY else None
        values = comparison.values[:, comparison.metrics.index(metric)] * metric.scale
        drawn, typical = [], []
        for name in names:
            i = places[name]
            at_points = np.where(np.isfinite(values[i]), values[i], np.nan)
            x, y = comparison.grid, at_points
            is_record = _is_record(metric, comparison)
            if is_record:
                x, y = record(comparison.runs[i], metric, comparison)
            line, end = self._line(name)
            line.set_data(x, y)
            line.set_drawstyle("steps-post" if is_record else "default")
            known = np.flatnonzero(~np.isnan(y))
            # A lone point has no line; and where a run ends inside the window, a dot says so.
            line.set_marker("o" if len(known) == 1 else "")
            stops = len(known) and comparison.ends[name] < comparison.grid[-1]
            last = known[-1:] if stops else known[:0]
            end.set_data(x[last], y[last])
            drawn.append(y)
            typical.append(at_points)
            if bands is not None and np.isfinite(bands[i]).any():
                low, high = bands[i].T
                self._fill(name, comparison.grid, low, high)
        return drawn, typical

    def _draw_differences(
        self, metric: Metric, comparison: Alignment, names: Sequence[str], baseline: str
    ) -> list[np.ndarray]:
        """Lines of how far each is from the baseline at the grid points, and 95 % where that is
        known: of arms it is that of means, which are not what is drawn."""
        values, bands, drawn = values_of(metric, comparison), {}, []
        if len(names) < MANY and not comparison.arms:
            of_runs = comparison.bands(metric.name, baseline) * metric.scale
            bands = {run.name: band for run, band in zip(comparison.runs, of_runs)}
        for name in names:
            y = values[name] - values[baseline]
            line, _ = self._line(name)
            marker = "o" if np.isfinite(y).sum() == 1 else ""
            line.set(data=(comparison.grid, y), marker=marker, drawstyle="default")
            drawn.append(y)
            if name in bands and np.isfinite(bands[name]).any():
                self._fill(name, comparison.grid, *bands[name].T)
        return drawn

    def _draw_arms(
        self, metric: Metric, comparison: Alignment, names: Sequence[str]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Lines of the arms, their bands, and their seeds; of many, which would hide each other,
        the lines alone. Returns as `_draw_runs`."""
        if len(names) >= MANY:
            return self._draw_middles(metric, comparison, names)
        middles, values = comparison.arm_table(metric.name), comparison.table(metric.name)
        runs = {run.name: run for run in comparison.runs}
        is_record, drawn, typical = _is_record(metric, comparison), [], []
        drawstyle = "steps-post" if is_record else "default"
        for arm in names:
            rows = middles[middles["arm"] == arm]
            y, low, high = (rows[name].to_numpy() * metric.scale for name in ("iqm", "low", "high"))
            line, _ = self._line(arm)
            marker = "o" if np.isfinite(y).sum() == 1 else ""
            line.set(data=(comparison.grid, y), marker=marker, drawstyle=drawstyle)
            colour = line.get_color()
            self._fill(arm, comparison.grid, low, high, in_steps=is_record)
            drawn.append(y)
            for name in comparison.arms[arm]:
                x, thin = comparison.grid, values[name].to_numpy() * metric.scale
                typical.append(thin)
                if is_record:
                    x, thin = record(runs[name], metric, comparison)
                self._passing += self.ax.plot(
                    x, thin, color=colour, lw=0.6, alpha=0.7, drawstyle=drawstyle
                )
                drawn.append(thin)
        return drawn, typical

    def _draw_middles(
        self, metric: Metric, comparison: Alignment, names: Sequence[str]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        values = values_of(metric, comparison)
        drawn = [values[name] for name in names]
        for name, y in zip(names, drawn):
            marker = "o" if np.isfinite(y).sum() == 1 else ""
            drawstyle = "steps-post" if _is_record(metric, comparison) else "default"
            self._line(name)[0].set(data=(comparison.grid, y), marker=marker, drawstyle=drawstyle)
        return drawn, drawn

    def _fill(
        self, name: str, x: np.ndarray, low: np.ndarray, high: np.ndarray, in_steps: bool = False
    ) -> None:
        """A band round a line; matplotlib's `fill_between` would make a new one each time."""
        if name not in self._bands:
            look = self._looks[name]
            back = look["zorder"] - 0.6  # below all lines
            self._bands[name] = PolyCollection(
                [], facecolor=look["color"], alpha=BAND, lw=0, zorder=back
            )
            self.ax.add_collection(self._bands[name], autolim=False)
        self._band_ends += [low[-1], high[-1]]
        if in_steps:
            x, low, high = np.repeat(x, 2)[1:], np.repeat(low, 2)[:-1], np.repeat(high, 2)[:-1]
        known = np.isfinite(low) & np.isfinite(high)
        stretches = np.flatnonzero(np.diff(known, prepend=False, append=False)).reshape(-1, 2)
        self._bands[name].set_verts([
            np.stack([np.r_[x[a:b], x[a:b][::-1]], np.r_[low[a:b], high[a:b][::-1]]], axis=-1)
            for a, b in stretches
        ])  # fmt: skip


def values_of(metric: Metric, comparison: Alignment) -> dict[str, np.ndarray]:
    """What each run, or arm, has at the grid points, as it is shown; NaN where it has nothing."""
    if comparison.arms:
        from tmnet.analysis.arms import arm_middles  # and SciPy, only for arms

        values = arm_middles(comparison, metric)
    else:
        of_metric = comparison.values[:, comparison.metrics.index(metric)]
        values = {run.name: y for run, y in zip(comparison.runs, of_metric)}
    return {name: np.where(np.isfinite(y), y, np.nan) * metric.scale for name, y in values.items()}


def _is_record(metric: Metric, comparison: Alignment) -> bool:
    """Whether a metric changes only where a race is better than all before."""
    of = metric.races
    return of is not None and of.statistic == "best" and comparison.trailing_of(metric) is None


def record(run: Run, metric: Metric, comparison: Alignment) -> tuple[np.ndarray, np.ndarray]:
    """When each race of a run ended that was better than all before, and its time; in the window,
    and up to where the run ends in it."""
    races = comparison.axis.of(run).races(metric.races)
    lo, hi = comparison.window
    end = min(hi, comparison.ends[run.name])
    best = np.minimum.accumulate(races.finish_s)
    falls = best < np.append(np.inf, best[:-1])
    at, best = races.at[falls], best[falls]
    behind = np.searchsorted(at, end, side="right")
    if not behind or end < lo:
        return np.empty(0), np.empty(0)
    first = max(np.searchsorted(at, lo, side="right") - 1, 0)  # what stands when the window begins
    at, best = np.maximum(at[first:behind], lo), best[first:behind]
    return np.append(at, end), np.append(best, best[-1]) * metric.scale
