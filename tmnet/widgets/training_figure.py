"""What the training panel draws: how a run has gone so far."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from tmnet.drawing import AggFigure, for_figure, run_colours, styled
from tmnet.logs.run import Run
from tmnet.racing.track import SPACING

TRAILING = 20  # races behind a finish rate
SIZE, DPI = (7.8, 7.6), 130  # inches; in a page it is 560 to 1000 pixels wide


class TrainingFigure:
    """Six axes over active minutes: races, finishes, distance, loss, Q, speed; or of episodes.

    It can be drawn again and again.
    """

    def __init__(self):
        with styled():
            self.figure = AggFigure(SIZE, dpi=DPI)
            self.axes = self.figure.subplots(3, 2)
            self.figure.subplots_adjust(0.085, 0.065, 0.985, 0.96, 0.24, 0.42)

    def png(self, run: Run) -> bytes:
        """Draw a run."""
        upper, lower = self.axes.flat[:3], self.axes.flat[3:]
        with styled():
            for ax in self.axes.flat:
                ax.clear()
                ax.set_xlim(0, max(run.duration, 0.1))
                ax.set_xlabel("active time (min)")
            if len(run.races):
                self._races(upper[0], upper[1], run.races)
                self._scalars(upper[2], run, "zone_reached/", "distance reached (m)", scale=SPACING)
            else:
                self._scalars(upper[0], run, "Episode/eval_return_", "return of eval episodes")
                self._scalars(upper[1], run, "Episode/explo_return_", "return of explo episodes")
                self._scalars(upper[2], run, "Episode/eval_length_", "actions of eval episodes")
            self._scalars(lower[0], run, "loss_per_quantile", "loss per quantile", "-")
            self._scalars(lower[1], run, "avg_q/", "average Q of eval races")
            self._scalars(lower[2], run, "Performance/frames_per_second", "frames per second", "-")
            for ax in self.axes.flat:
                if not any(len(line.get_xdata()) for line in ax.lines) and not any(
                    len(dots.get_offsets()) for dots in ax.collections
                ):
                    ax.text(0.5, 0.5, "none yet", transform=ax.transAxes, ha="center", color="0.4")
                    ax.set_yticks([])
                elif ax.get_legend_handles_labels()[0]:
                    ax.legend(loc="best", fontsize=8)
        return self.figure.png()

    def _races(self, times: Axes, rates: Axes, races: pd.DataFrame) -> None:
        colours = run_colours(races["map"].unique())
        for (map_, kind), driven in races.groupby(["map", "kind"], sort=False, observed=True):
            look = {"color": colours[map_], "label": for_figure(f"{map_} {kind}")}
            evaluates = kind == "eval"
            done = driven[driven["finished"]]
            size = {"s": 22, "marker": "D", "edgecolor": "black", "linewidth": 0.5, "zorder": 3}
            faint = {"s": 5, "alpha": 0.35}
            times.scatter(done["minutes"], done["time_s"], **look, **(size if evaluates else faint))
            rate = 100 * driven["finished"].astype(float).rolling(TRAILING, min_periods=1).mean()
            rates.plot(driven["minutes"], rate, "-" if evaluates else ":", **look)
        times.set_title("Finished races", loc="left")
        times.set_ylabel("time (s)")
        rates.set_title(f"Finish rate of the last {TRAILING} races", loc="left")
        rates.set_ylabel("finished (%)")
        rates.set_ylim(-3, 103)

    def _scalars(
        self, ax: Axes, run: Run, start: str, name: str, line: str = "", scale: float = 1.0
    ) -> None:
        """What was logged under tags that start so, a colour for each."""
        tags = [tag for tag in run.tags if tag.startswith(start)]
        colours = run_colours(tags)
        for tag in tags:
            rows = run.scalars.iloc[run.rows(tag)]
            label = for_figure(tag.removeprefix(start)) or None
            look = {"color": colours[tag], "markersize": 4, "label": label}
            ax.plot(rows["minutes"], scale * rows["value"], f".{line}", **look)
        ax.set_title(name[0].upper() + name[1:], loc="left")
        ax.set_ylabel(name)
