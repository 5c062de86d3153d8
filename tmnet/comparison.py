"""Comparisons of runs, and what is made of them: findings, figures, files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmnet.analysis.alignment import Alignment, having_axis
from tmnet.analysis.available import all_metric_names, chosen_metrics
from tmnet.analysis.axis import Axis
from tmnet.errors import TmnetError
from tmnet.logs.run import Run
from tmnet.safe_text import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tmnet.analysis.findings.finding import Finding
    from tmnet.analysis.statistics.effects import Effects
    from tmnet.drawing import Order


class Comparison(Alignment):
    """Runs x metrics on one grid, and what is made of them. Made by `compare`.

    Attributes
    ----------
    runs : tuple of Run
    metrics : tuple of Metric
    axis : Axis
    interval, window, trailing, rule, smoothing
        As for `compare`, with the defaults filled in.
    grid : ndarray
        The grid points: minutes, or steps.
    arms : dict of str to tuple of str
        Names of the runs that are seeds of one arm; empty if none were given.
    """

    def __repr__(self) -> str:
        return (
            f"<Comparison of {visible(', '.join(run.name for run in self.runs))}: "
            f"{len(self.metrics)} "
            f"metrics at {len(self.grid)} grid points, {self.axis.label}>"
        )

    def findings(
        self,
        thresholds: Mapping[str, float] | None = None,
        after: float | None = None,
        *,
        baseline: str | None = None,
        primary: Sequence[str] | None = None,
        seed: int = 0,
    ) -> list[Finding]:
        """What it shows, as statements. See `tmnet.analysis.findings.findings`."""
        from tmnet.analysis.findings import findings  # and SciPy, only where this is asked for

        return findings(self, thresholds, after, baseline=baseline, primary=primary, seed=seed)

    def effects(self, name: str | None = None) -> Effects:
        """What each knob does, of arms whose configurations form a design. See
        `tmnet.analysis.ablation.effects`."""
        from tmnet.analysis.ablation import effects  # and SciPy

        return effects(self, name)

    def plot(
        self, name: str, *, order: Order | None = None, dpi: float = 100,
        width: str = "page", scales: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Figure:  # fmt: skip
        """One metric along the axis, a line a run. See `tmnet.figures.plot_grid`."""
        return self.plot_grid([name], order=order, dpi=dpi, width=width, scales=scales)

    def plot_grid(
        self,
        names: Sequence[str] | None = None,
        *,
        order: Order | None = None,
        columns: int | None = None,
        dpi: float = 100,
        width: str = "page",
        scales: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Figure:
        """Several metrics, one an axes. See `tmnet.figures.plot_grid`."""
        from tmnet.figures import plot_grid  # and matplotlib, only where this is asked for

        return plot_grid(
            self, names, order=order, columns=columns, dpi=dpi, width=width, scales=scales
        )

    def export(
        self,
        directory: str | Path,
        prefix: str,
        formats: Iterable[str] = ("png", "svg"),
        *,
        dpi: float = 200,
        order: Order | None = None,
        width: str = "page",
        scales: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> list[Path]:
        """Write a figure for each metric, and tables. See `tmnet.export.export`."""
        from tmnet.export import export

        return export(
            self,
            directory,
            prefix=prefix,
            formats=formats,
            dpi=dpi,
            order=order,
            width=width,
            scales=scales,
        )


def compare(
    runs: Sequence[Run] | Mapping[str, Sequence[Run]],
    *,
    by: str = "time",
    interval: float | None = None,
    window: tuple[float, float] | None = None,
    metrics: Sequence[str] | None = None,
    clock: str = "active",
    trailing: float | str | None = None,
    rule: str = "last",
    smoothing: float | None = None,
) -> Comparison:
    """Compare runs at equal training time, or at equal steps.

    Parameters
    ----------
    runs : sequence of Run, or mapping of str to sequence of Run
        A mapping names the arms of a study, each with the runs that are its seeds.
    by : str
        "time" (minutes), "step" (frames played), "relative_step" (since the run's own first
        step), "flops" (PFLOP that the network took), or the tag of a counter that all runs logged.
    interval : float, optional
        Distance between grid points: 5 minutes, or 50,000 steps, or, of other axes and of runs that
        are too long for these, a hundredth of the window.
    window : (float, float), optional
        Part of the axis to look at. The default ends where the shortest run ends; a window may
        reach beyond that, and runs that have ended have no values there.
    metrics : sequence of str, optional
        Names of metrics; the default is all metrics of races, loss, average Q and the share of
        time spent training.
    clock : {"active", "wall"}
        For ``by="time"``: minutes that processes of the run were running, or minutes since its
        first record.
    trailing : float or "late", optional
        Count only races of the last `trailing` minutes (or steps), or of the late window: the
        longer of a tenth of the window and what holds the last 50 eval races on the first map of
        the run that raced least, but at most half of the window. By default all from the start.
    rule : {"last", "min", "max", "mean", "ema"}
        How scalars are evaluated; see `tmnet.analysis.metrics.scalar_values`.
    smoothing : float, optional
        Of the moving average "ema": after how many minutes (or steps) a value counts half as much;
        by default after an interval.

    Returns
    -------
    Comparison

    Raises
    ------
    TmnetError
        If an argument makes no sense, or names something that no run has.

    Examples
    --------
    >>> import tmnet
    >>> runs = tmnet.load_runs(tmnet.example_runs())
    >>> comparison = tmnet.compare(runs, metrics=["A01/eval/best"])
    >>> comparison.at(15).round(2).loc["A01/eval/best", "uni_20_long"]
    np.float64(11.34)
    """
    return Comparison.of(
        runs, Axis(by, clock), interval=interval, window=window, metrics=metrics,
        trailing=trailing, rule=rule, smoothing=smoothing,
    )  # fmt: skip


def compare_by(
    runs: Sequence[Run] | Mapping[str, Sequence[Run]], axes: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Comparison], list[str]]:
    """Compare runs by several axes, by each of which those that have it.

    Parameters
    ----------
    runs : sequence of Run, or mapping of str to sequence of Run
    axes : mapping
        Other arguments of `compare`, by its `by`. Metrics are left out where no run that has the
        axis has them.

    Returns
    -------
    comparisons : dict of str to Comparison
    notes : list of str
        Which runs are left out by which axis, and why; and which axis is, as none of the others
        has any of the metrics.

    Raises
    ------
    TmnetError
        As `compare`; or if no run has any of the axes.
    """
    comparisons, notes = {}, []
    arms = dict(runs) if isinstance(runs, Mapping) else {}
    every = [run for seeds in arms.values() for run in seeds] if arms else list(runs)
    for by, arguments in axes.items():
        kept, missing = having_axis(every, Axis(by, arguments.get("clock", "active")))
        notes += missing
        if not kept:
            continue
        if missing and (wanted := arguments.get("metrics")):
            known = set(all_metric_names(kept))
            left = [metric.name for metric in chosen_metrics(every, wanted) if metric.name in known]
            if not left:
                names = " or ".join(run.name for run in kept)
                notes.append(f"By {by} there is nothing to compare: no metric that {names} has.")
                continue
            arguments = {**arguments, "metrics": left}
        seeds = {arm: [run for run in own if run in kept] for arm, own in arms.items()}
        seeds = {arm: own for arm, own in seeds.items() if own}
        comparisons[by] = compare(seeds or kept, by=by, **arguments)
    if not comparisons:
        raise TmnetError(" ".join(notes))
    return comparisons, notes
