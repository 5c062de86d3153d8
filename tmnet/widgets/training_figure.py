"""What the training panel draws: how a run has gone so far."""

from __future__ import annotations

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tmnet.figures import STYLE, encode_png, run_colours
from tmnet.logs.run import Run

TRAILING = 20  # races behind a finish rate
SIZE = (11, 6.2)  # inches


class TrainingFigure:
    """Four axes over active minutes: races, finishes, loss, and Q; of episodes returns and lengths.

    It can be drawn again and again.
    """

    def __init__(self):
        with rc_context(STYLE):
            self.figure = Figure(SIZE, dpi=90)
            FigureCanvasAgg(self.figure)
            self.axes = self.figure.subplots(2, 2)
            self.figure.subplots_adjust(0.07, 0.08, 0.98, 0.94, 0.2, 0.32)

    def png(self, run: Run) -> bytes:
        """Draw a run."""
        upper, lower = self.axes
        with rc_context(STYLE):
            for ax in self.axes.flat:
                ax.clear()
                ax.set_xlim(0, max(run.duration, 0.1))
                ax.set_xlabel("active time (min)")
            if len(run.races):
                self._races(*upper, run.races)
            else:
                self._scalars(upper[0], run, "Episode/", "_return_", "return")
                self._scalars(upper[1], run, "Episode/", "_length_", "length (actions)")
            self._scalars(lower[0], run, "loss_per_quantile", "", "loss per quantile")
            lower[0].set_yscale("log")
            self._scalars(lower[1], run, "avg_q/", "", "average Q of eval races")
            for ax in self.axes.flat:
                if ax.get_legend_handles_labels()[0]:
                    ax.legend(loc="best", fontsize=8)
        return encode_png(self.figure)

    def _races(self, times: Axes, rates: Axes, races: pd.DataFrame) -> None:
        colours = run_colours(races["map"].unique())
        for (map_, kind), some in races.groupby(["map", "kind"], sort=False, observed=True):
            look = {"color": colours[map_], "label": f"{map_} {kind}"}
            evaluates = kind == "eval"
            done = some[some["finished"]]
            size = {"s": 22, "marker": "D", "edgecolor": "black", "linewidth": 0.5, "zorder": 3}
            faint = {"s": 5, "alpha": 0.35}
            times.scatter(done["minutes"], done["time_s"], **look, **(size if evaluates else faint))
            rate = 100 * some["finished"].astype(float).rolling(TRAILING, min_periods=1).mean()
            rates.plot(some["minutes"], rate, "-" if evaluates else ":", **look)
        times.set_title("Finished races", loc="left")
        times.set_ylabel("time (s)")
        rates.set_title(f"Finish rate of the last {TRAILING} races", loc="left")
        rates.set_ylabel("finished (%)")
        rates.set_ylim(-3, 103)

    def _scalars(self, ax: Axes, run: Run, start: str, part: str, name: str) -> None:
        tags = [tag for tag in run.tags if tag.startswith(start) and part in tag]
        colours = run_colours(tags)
        for tag in tags:
            rows = run.scalars.iloc[run.rows(tag)]
            label = tag.removeprefix(start).lstrip("/") or None
            ax.plot(rows["minutes"], rows["value"], ".-", color=colours[tag], label=label)
        ax.set_title(name.capitalize(), loc="left")
        ax.set_ylabel(name)
