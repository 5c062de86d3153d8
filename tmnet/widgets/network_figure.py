"""The network lab's figure: what each part costs, and how a cost moves with each knob."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from tmnet.drawing import AggFigure, encode_png, styled

PARTS = ("image head", "float head", "quantile embedding", "advantage head", "value head")
BAR = 0.72  # of the height of a row
MOST_NETWORKS = 6
SIZE, DPI = (7.2, 5.6), 130  # inches; in a page it is 560 to 940 pixels wide


class NetworkFigure:
    """Bars by part for several networks, and one curve a knob; redrawn in place.

    What frames the curves and bars is drawn once and kept as long as no limit changes; a moved
    slider redraws curves and bars only.

    Parameters
    ----------
    knobs : mapping of str to (str, sequence of int)
        What each knob is, and the values over which it is swept.
    """

    def __init__(self, knobs: Mapping[str, tuple[str, Sequence[int]]]):
        self.knobs = {name: values for name, (_, values) in knobs.items()}
        colours = dict(zip(PARTS, sns.color_palette("colorblind")))
        with styled():
            self.figure = AggFigure(SIZE, dpi=DPI)
            grid = self.figure.add_gridspec(
                3, 8, left=0.1, right=0.965, top=0.89, bottom=0.055, hspace=0.6, wspace=2.2,
                height_ratios=(1.5, 1, 1),
            )  # fmt: skip
            titles = {"parameters": "Parameters", "flops": "FLOPs forward, one state"}
            self.bar_axes = {}
            for i, (name, label) in enumerate(titles.items()):
                ax = self.figure.add_subplot(grid[0, 4 * i : 4 * i + 4])
                ax.set_title(label, loc="left")
                ax.xaxis.set_major_formatter(EngFormatter(sep=""))
                ax.grid(False, axis="y")
                self.bar_axes[name] = ax
            self.bars = {
                (name, row, part): ax.barh(row, 0, BAR, color=colours[part], animated=True)[0]
                for name, ax in self.bar_axes.items()
                for row in range(MOST_NETWORKS)
                for part in PARTS
            }
            handles = [self.bars["parameters", 0, part] for part in PARTS]
            self.figure.legend(handles, PARTS, loc="upper center", ncols=len(PARTS), frameon=False,
                               columnspacing=1.2, handlelength=1.2)  # fmt: skip
            self.curves, self.curve_axes = {}, {}
            for i, (knob, (label, values)) in enumerate(knobs.items()):
                ax = self.figure.add_subplot(grid[1 + i // 4, 2 * (i % 4) : 2 * (i % 4) + 2])
                ax.set_title(label, loc="left", fontsize=8, x=-0.12)
                ax.set(yscale="log", xlim=(min(values), max(values)))
                ax.xaxis.set_major_formatter(EngFormatter(sep=""))
                ax.yaxis.set_major_locator(LogLocator(numticks=4))
                ax.yaxis.set_major_formatter(EngFormatter(sep=""))
                ax.yaxis.set_minor_formatter(NullFormatter())
                (line,) = ax.plot([], [], color="0.25", animated=True)
                (mark,) = ax.plot([], [], "o", color=colours["float head"], ms=7, animated=True)
                self.curves[knob], self.curve_axes[knob] = (line, mark), ax
            sns.despine(self.figure)
        self._background = None
        self._frame = None

    def update(
        self,
        names: Sequence[str],
        parts: Sequence[Mapping[str, tuple[int, int]]],
        sweeps: Mapping[str, Sequence[float]],
        current: Mapping[str, int],
        cost: float,
        unit: str,
    ) -> None:
        """Show other numbers.

        Parameters
        ----------
        names : sequence of str
            Of the networks, at most `MOST_NETWORKS`.
        parts : sequence of mapping
            Parameters and FLOPs of each part, for each network.
        sweeps : mapping of str to sequence of float
            The cost at each value of each knob.
        current : mapping of str to int
            The value that each knob has.
        cost : float
            What the network with these values costs.
        unit : str
            Of the cost.
        """
        limits = {}
        for number, (kind, ax) in enumerate(self.bar_axes.items()):
            longest = 0
            for row in range(MOST_NETWORKS):
                left = 0
                for part in PARTS:
                    of_part = parts[row].get(part, (0, 0)) if row < len(parts) else (0, 0)
                    self.bars[kind, row, part].set(x=left, width=of_part[number])
                    left += of_part[number]
                longest = max(longest, left)
            limits[ax] = (0, _nice_above(longest))
        lowest = min(min(values) for values in sweeps.values())
        highest = max(max(values) for values in sweeps.values())
        span = (10 ** np.floor(np.log10(max(lowest, 1))), 10 ** np.ceil(np.log10(max(highest, 10))))
        for knob, (line, mark) in self.curves.items():
            line.set_data(self.knobs[knob], sweeps[knob])
            mark.set_data([current[knob]], [cost])
        frame = (tuple(names), tuple(limits.values()), span, unit)
        if frame != self._frame:
            self._frame, self._background = frame, None
            for ax, limit in limits.items():
                ax.set_xlim(limit)
                ax.set_yticks(range(len(names)), names)
                ax.set_ylim(len(names) - 0.5, -0.5)
            for i, ax in enumerate(self.curve_axes.values()):
                ax.set_ylim(span)
                ax.set_ylabel(unit if i % 4 == 0 else "")

    def png(self) -> bytes:
        """The picture."""
        canvas = self.figure.canvas
        if self._background is None:
            with styled():
                canvas.draw()
            self._background = canvas.copy_from_bbox(self.figure.bbox)
        canvas.restore_region(self._background)
        for artist in [*self.bars.values(), *(x for pair in self.curves.values() for x in pair)]:
            artist.axes.draw_artist(artist)
        return encode_png(canvas)


def _nice_above(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(max(value, 1)))
    return float(power * next(x for x in (1, 2, 5, 10) if x * power >= value))
