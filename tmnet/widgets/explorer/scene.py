"""What the layer over the picture has to know: where the axes are, and what they show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tmnet.analysis.metrics import Metric
from tmnet.comparison import Comparison
from tmnet.figures import Multiples
from tmnet.figures.panel import values_of
from tmnet.safe_text import distinct, shortened
from tmnet.widgets.explorer.moment import is_rate


def scene(
    comparison: Comparison,
    multiples: Multiples,
    baseline: str | None,
    choices: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, Any], bytes]:
    """What a page needs to tell values at the mouse, without asking the kernel.

    Parameters
    ----------
    comparison : Comparison
        What is drawn.
    multiples : Multiples
        In which it is drawn.
    baseline : str or None
        To which differences can be shown.
    choices : mapping
        Of metrics' names: what somebody has chosen for their axes; see `View.panels`.

    Returns
    -------
    scene : dict
        The picture's `size` in a page's pixels, the axis' `unit`, the grid points in words
        (`moments`), `names` and `colours` of what has lines, and of each of the `panels` its place
        as fractions of the picture (left, top, right, bottom), what it shows, and from where to
        where.
    numbers : bytes
        64-bit numbers: the grid points; where each run ends; then of each panel, of each line, the
        values at the grid points, and behind them, where the panel `counts`, the numbers of races
        behind these.
    """
    wide, high = multiples.figure.get_size_inches()
    ends = _ends(comparison)
    names = [name for name in multiples.order if name in ends]
    numbers, panels = [comparison.grid, np.array([ends[name] for name in names])], []
    for metric in comparison.metrics:
        panel, scale = multiples.panels[metric.name], multiples.scale(metric)
        left, bottom, right, top = panel.ax.get_position().extents
        values, counts = values_of(metric, comparison), _counts(metric, comparison)
        values_at_baseline = values.get(scale.difference or "")
        for name in names:
            y = values[name]
            numbers.append(y if values_at_baseline is None else y - values_at_baseline)
        numbers += [counts[name] for name in names if counts]
        panels.append({
            "metric": metric.name,
            "title": distinct(panel.ax.get_title(loc="left").replace("\n", " ")),
            "unit": panel.unit,
            "digits": _digits(metric, comparison),
            "signed": values_at_baseline is not None,
            "counts": bool(counts),
            "place": [left, 1 - top, right, 1 - bottom],
            "y": [*map(float, panel.ax.get_ylim())],
            "log": panel.ax.get_yscale() == "log",
            "choices": {**choices.get(metric.name, {})},  # as they are now
        })  # fmt: skip
    axis = comparison.axis
    told = {
        "unit": distinct(axis.unit),
        "moments": [axis.show(at) for at in comparison.grid],
        "size": [float(wide) * 100, float(high) * 100],
        "x": [*map(float, next(iter(multiples.panels.values())).ax.get_xlim())] if panels else [],
        "names": [distinct(shortened(name)) for name in names],
        "colours": [multiples.order[name] for name in names],
        "baseline": baseline and distinct(shortened(baseline)),
        "panels": panels,
    }  # fmt: skip
    return told, np.concatenate(numbers).astype("<f8").tobytes()


def alternative(comparison: Comparison) -> str:
    """The picture in words, for who cannot see it."""
    lines = list(comparison.arms) or [run.name for run in comparison.runs]
    labels = "; ".join(metric.label for metric in comparison.metrics)
    lo, hi = (comparison.axis.say(x) for x in comparison.window)
    return distinct(
        f"Figure of {', '.join(map(shortened, lines))}, from {lo} to {hi}: {labels}. Arrow keys go "
        "through its values, which the table of the moment has, too."
    )


def _ends(comparison: Comparison) -> dict[str, float]:
    """Where what has a line ends; an arm where the last of its seeds does."""
    ends = comparison.ends
    return {
        arm: max(ends[name] for name in seeds) for arm, seeds in comparison.arms.items()
    } or dict(ends)


def _counts(metric: Metric, comparison: Comparison) -> dict[str, np.ndarray]:
    """How many races are behind each value of a rate; nothing of others, and of arms."""
    counts = {}
    for run in comparison.runs if is_rate(metric) and not comparison.arms else ():
        _, first, behind = comparison.races_that_count(run, metric, comparison.grid)
        counts[run.name] = (behind - first).astype(float)
    return counts


def _digits(metric: Metric, comparison: Comparison) -> int | None:
    """Behind the point, as `Comparison.show` has them; None where these depend on the value."""
    if metric.unit == "axis":
        return 1 if comparison.axis.is_time else 0
    return metric.digits
