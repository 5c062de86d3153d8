"""Performance profiles of arms."""

from __future__ import annotations

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.statistics.seeds import performance_profile, rate_interval
from tmnet.drawing import AggFigure, Order, run_colours, run_dashes, styled
from tmnet.errors import TmnetError
from tmnet.figures.legend import SIZE
from tmnet.figures.multiples import WIDTHS
from tmnet.figures.panel import LABEL
from tmnet.figures.texts import fitted_names, label_for_figure


def plot_profile(
    comparison: Alignment, name: str, *, order: Order | None = None, width: str = "page"
) -> Figure:
    """Performance profiles: which share of each arm's seeds is better than a value at the end.

    Parameters
    ----------
    comparison : Alignment
        Of arms.
    name : str
        A metric of which lower or higher is better.
    order : sequence of str or mapping of str to str, optional
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
    order = run_colours(order or list(comparison.arms))
    colours, dashes = run_colours(order), run_dashes(order)
    with styled():
        figure = AggFigure(figsize=WIDTHS[width], dpi=100)
        ax = figure.subplots()
        labels = dict(zip(scores, fitted_names([*scores], WIDTHS[width][0] / 2, SIZE)))
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
        xlabel = label_for_figure(f"{metric.label}{unit}", WIDTHS[width][0] - 0.8, LABEL)
        ax.set(xlabel=xlabel, ylabel="seeds that are better (%)", ylim=(-2, 102))
        if sign < 0:
            ax.invert_xaxis()  # the better, the further right
        ax.legend(frameon=False)
        sns.despine(figure)
        figure.tight_layout()
    return figure
