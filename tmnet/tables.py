"""Tables of comparisons as text: for the terminal, Markdown, LaTeX and HTML, by tabulate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from tabulate import tabulate

from tmnet.analysis.metrics import Metric
from tmnet.comparison import Comparison

STYLES = {"text": "simple", "md": "pipe", "tex": "latex_booktabs", "html": "html"}
BEST_MARK = "*"


def render(table: pd.DataFrame, style: str) -> str:
    """A table of strings in one of `STYLES`; a grid is aligned like numbers, names like text."""
    is_grid = all(str(name)[:1].isdigit() for name in table.index)
    text = tabulate(
        [[str(name), *row] for name, row in zip(table.index, table.to_numpy())],
        [table.index.name or "", *map(_head, table.columns, table.to_numpy().T)],
        tablefmt=STYLES[style],
        colalign=("right" if is_grid else "left",) + ("right",) * len(table.columns),
        disable_numparse=True,
        preserve_whitespace=style == "text",
    )
    return text.replace("−", "$-$") if style == "tex" else text


def _head(name: str, cells: Sequence[str]) -> str:
    """A column's name, over the digits of cells that end in a mark or in room for one."""
    return f"{name} " if any(cell.endswith(" ") for cell in cells) else name


def title(comparison: Comparison, some: Metric) -> str:
    """What a table of one metric shows, with its unit."""
    unit = comparison.axis_unit if some.unit == "axis" else some.unit
    extra = ""
    if some.races and comparison.trailing is not None:
        extra = f", races of the last {comparison.trailing:g} {comparison.axis_unit}"
    if not some.races and comparison.rule != "last":
        extra = f", {comparison.rule}"
    return f"{some.label}{f' ({unit})' if unit else ''}{extra}"


def metric_table(
    comparison: Comparison, some: Metric, most_rows: int | None = None
) -> pd.DataFrame:
    """One metric at the grid points, as text: the best of a row marked, ends of runs named.

    A mean comes with its standard deviation and a rate with the number of races behind it, where
    the comparison has those metrics. Arms have their inter-quartile mean, and 95 % of it.
    """
    if comparison.arms:
        return _arm_table(comparison, some)
    values = comparison.table(some.name).to_numpy()  # (points, runs)
    beside = _beside(comparison, some)
    rows = np.arange(len(comparison.grid))
    if most_rows and len(rows) > most_rows:
        every = -(-len(rows) // most_rows)
        rows = rows[::-1][::every][::-1]  # the last grid point is always there
    cells = []
    for i in rows:
        best = best_of(comparison, some, values[i])
        row = []
        for j, run in enumerate(comparison.runs):
            text = comparison.show_value(some, values[i, j]) + beside(i, j)
            if comparison.ended(run, comparison.grid[i]):
                text = "ended"
            row.append(text + (BEST_MARK if best[j] else " "))  # so that digits stay aligned
        cells.append(row)
    index = pd.Index([comparison.show_at(at) for at in comparison.grid[rows]])
    index.name = comparison.axis_unit
    return pd.DataFrame(cells, index, [run.name for run in comparison.runs])


def _arm_table(comparison: Comparison, some: Metric) -> pd.DataFrame:
    show = comparison.show_value
    table = comparison.arm_table(some.name)
    table["text"] = [
        f"{show(some, row.iqm)} ({show(some, row.low)} to {show(some, row.high)})"
        if np.isfinite(row.iqm)
        else show(some, np.nan)
        for row in table.itertuples()
    ]
    cells = table.pivot(index="at", columns="arm", values="text")[list(comparison.arms)]
    index = pd.Index(map(comparison.show_at, cells.index), name=comparison.axis_unit)
    return cells.set_axis(index).rename_axis(columns=None)


def best_of(comparison: Comparison, some: Metric, values: np.ndarray) -> np.ndarray:
    """Which of the runs' values are the best; none where there is nothing to compare."""
    finite = np.isfinite(values)
    if some.better is None or finite.sum() < 2:
        return np.zeros(len(values), bool)
    leader = values[finite].min() if some.better == "lower" else values[finite].max()
    # As shown: what looks equal is equal.
    texts = np.array([comparison.show_value(some, value) for value in values])
    best = finite & (texts == comparison.show_value(some, leader))
    return best & (best != finite).any()  # all equal: nobody is ahead


def _beside(comparison: Comparison, some: Metric):
    """What is written behind a value: text by (grid point, run)."""
    names = [other.name for other in comparison.metrics]
    if some.races:
        map_, kind, statistic = some.races
        for mine, other, form in (("mean", "std", " ± {}"), ("finish_rate", "races", " ({})")):
            name = f"{map_}/{kind}/{statistic.removesuffix(mine)}{other}"
            if statistic.removeprefix("robust_") == mine and name in names:
                extra = comparison.metrics[names.index(name)]
                values = comparison.table(name).to_numpy()
                return lambda i, j: (
                    form.format(extra.show(values[i, j])) if np.isfinite(values[i, j]) else ""
                )
    return lambda i, j: ""


def first_finishes(comparison: Comparison) -> pd.DataFrame | None:
    """When each run first finished, a row for each map and kind; None without such metrics."""
    rows = {}
    for some in comparison.metrics:
        if some.races and some.races[2] == "first_finish":
            values = comparison.table(some.name).to_numpy()
            # The value does not change once it is there; a run may have ended since.
            last = [_last(column) for column in values.T]
            best = best_of(comparison, some, np.array(last))
            rows[f"{some.races[0]} {some.races[1]}"] = [
                comparison.show_value(some, value) + (BEST_MARK if mark else " ")
                for value, mark in zip(last, best)
            ]
    if not rows:
        return None
    columns = [run.name for run in comparison.runs]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _last(column: np.ndarray) -> float:
    some = column[np.isfinite(column)]
    return some[-1] if len(some) else np.nan


def tables(comparison: Comparison, most_rows: int | None = None) -> list[tuple[str, pd.DataFrame]]:
    """All tables of a comparison: (title, table of strings)."""
    parts = []
    firsts = first_finishes(comparison)
    if firsts is not None:
        parts.append((f"first finish ({comparison.axis_unit})", firsts))
    alone = [some for some in comparison.metrics if not _folds(comparison, some)]
    return parts + [
        (title(comparison, some), metric_table(comparison, some, most_rows)) for some in alone
    ]


def _folds(comparison: Comparison, some: Metric) -> bool:
    """Whether a metric is shown beside another one, or among the first finishes."""
    if not some.races:
        return False
    map_, kind, statistic = some.races
    robust = "robust_" * statistic.startswith("robust_")
    host = {"std": "mean", "races": "finish_rate"}.get(statistic.removeprefix("robust_"))
    names = [other.name for other in comparison.metrics]
    return statistic.endswith("first_finish") or f"{map_}/{kind}/{robust}{host}" in names


def document(parts: Sequence[tuple[str, pd.DataFrame]], style: str) -> str:
    """Tables under their titles, as one text: plain, Markdown or LaTeX."""
    titles = {"text": "{}", "md": "**{}**\n", "tex": "\\paragraph{{{}}}\n"}
    escape = _escape_tex if style == "tex" else str
    return "\n\n".join(
        titles[style].format(escape(title)) + "\n" + render(table, style) for title, table in parts
    )


def _escape_tex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
    return text.translate(str.maketrans(special))
