"""Tables of comparisons: for the terminal, Markdown, LaTeX and HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.metrics import Metric
from tmnet.safe_text import emphasised, for_csv, for_terminal
from tmnet.text_table import float_for_tex, names_for_markdown, render

if TYPE_CHECKING:
    from tmnet.analysis.statistics import ConfidenceInterval
    from tmnet.analysis.statistics.seeds import Summary

BEST_MARK = "*"
MOST_SETTINGS = 500  # shown


def with_unit(comparison: Alignment, metric: Metric) -> str:
    """What a metric is, with its unit."""
    unit = comparison.unit_of(metric)
    return f"{metric.label}{f' ({unit})' if unit else ''}"


def title(comparison: Alignment, metric: Metric) -> str:
    """What a table of one metric shows, with its unit, and of when it is."""
    counted = comparison.counted(metric)
    return with_unit(comparison, metric) + (counted and f", {counted}")


def metric_table(
    comparison: Alignment, metric: Metric, most_rows: int | None = None
) -> pd.DataFrame:
    """One metric at the grid points, as text: the best of a row marked, ends of runs named.

    A mean comes with its standard deviation and a rate with the number of races behind it, where
    the comparison has those metrics. Arms have their seeds in one number, and 95 % of it, or how
    many seeds got there.
    """
    if comparison.arms:
        return _arm_table(comparison, metric)
    values = comparison.table(metric.name).to_numpy()  # (points, runs)
    beside = _beside(comparison, metric)
    rows = np.arange(len(comparison.grid))
    if most_rows and len(rows) > most_rows:
        every = -(-len(rows) // most_rows)
        rows = rows[::-1][::every][::-1]  # the last grid point is always there
    cells = []
    for i in rows:
        best = best_of(comparison, metric, values[i])
        row = []
        for j, run in enumerate(comparison.runs):
            text = comparison.show(metric, values[i, j]) + beside(i, j)
            if comparison.ended(run, comparison.grid[i]):
                text = "ended"
            row.append(text + (BEST_MARK if best[j] else " "))  # so that digits stay aligned
        cells.append(row)
    index = pd.Index([comparison.axis.show(at) for at in comparison.grid[rows]])
    index.name = comparison.axis.unit
    return pd.DataFrame(cells, index, [run.name for run in comparison.runs])


def _arm_table(comparison: Alignment, metric: Metric) -> pd.DataFrame:
    from tmnet.analysis.arms import arm_summaries  # and SciPy, only for arms

    heads, rows = dict[str, str](), []
    for point in range(len(comparison.grid)):
        summaries = arm_summaries(comparison, metric, point)
        rows.append([show_summary(comparison, metric, found) for found in summaries.values()])
        for arm, found in summaries.items():
            heads[arm] = f"{arm} ({found.statistic} of {found.n})" if found.n > 1 else arm
    index = pd.Index(map(comparison.axis.show, comparison.grid), name=comparison.axis.unit)
    return pd.DataFrame(rows, index, list(heads.values()))


def show_summary(comparison: Alignment, metric: Metric, found: Summary) -> str:
    """ "24.53 (24.31 to 24.80)", "3 of 5 seeds", or a dash."""
    text = comparison.show(metric, found.value)
    if found.interval is not None:
        return f"{text} ({show_interval(comparison, metric, found.interval)})"
    only_part = np.isnan(found.value) and 0 < found.n_finite < found.n
    return f"{found.n_finite} of {found.n} seeds" if only_part else text


def show_interval(comparison: Alignment, metric: Metric, span: ConfidenceInterval) -> str:
    """ "24.31 to 24.80"; of what some never got to an end is infinite."""
    low, high = (
        comparison.show(metric, x) if np.isfinite(x) else f"{'−' if x < 0 else ''}∞" for x in span
    )
    return f"{low} to {high}"


def best_of(comparison: Alignment, metric: Metric, values: np.ndarray) -> np.ndarray:
    """Which of the runs' values are the best; none where there is nothing to compare."""
    finite = np.isfinite(values)
    if metric.better is None or comparison.misleads(metric) or finite.sum() < 2:
        return np.zeros(len(values), bool)
    leader = values[finite].min() if metric.better == "lower" else values[finite].max()
    # As shown: what looks equal is equal.
    texts = np.array([comparison.show(metric, value) for value in values])
    best = finite & (texts == comparison.show(metric, leader))
    return best & (best != finite).any()  # all equal: nobody is ahead


_BESIDE = {"mean": ("std", " ± {}"), "finish_rate": ("races", " ({})")}


def _beside(comparison: Alignment, metric: Metric) -> Callable[[int, int], str]:
    """What is written behind a value: text by (grid point, run)."""
    extra, form = None, ""
    if metric.races and metric.races.statistic in _BESIDE:
        statistic, form = _BESIDE[metric.races.statistic]
        wanted = metric.races._replace(statistic=statistic)
        extra = next((other for other in comparison.metrics if other.races == wanted), None)
    if extra is None:
        return lambda i, j: ""
    values = comparison.table(extra.name).to_numpy()
    return lambda i, j: form.format(extra.show(values[i, j])) if np.isfinite(values[i, j]) else ""


def first_finishes(comparison: Alignment) -> pd.DataFrame | None:
    """When each run first finished, a row for each map and kind; None without such metrics."""
    rows = {}
    for metric in comparison.metrics:
        if metric.races and metric.races[2:] == ("first_finish", False):
            values = comparison.table(metric.name).to_numpy()
            # The value does not change once it is there; a run may have ended since.
            last = [_last(column) for column in values.T]
            best = best_of(comparison, metric, np.array(last))
            rows[f"{metric.races.map} {metric.races.kind}"] = [
                comparison.show(metric, value) + (BEST_MARK if mark else " ")
                for value, mark in zip(last, best)
            ]
    if not rows:
        return None
    columns = [run.name for run in comparison.runs]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _last(column: np.ndarray) -> float:
    known = column[np.isfinite(column)]
    return known[-1] if len(known) else np.nan


def tables(comparison: Alignment, most_rows: int | None = None) -> list[tuple[str, pd.DataFrame]]:
    """All tables of a comparison: (title, table of strings)."""
    parts = []
    firsts = first_finishes(comparison)
    if firsts is not None:
        parts.append((f"first finish ({comparison.axis.unit})", firsts))
    alone = [metric for metric in comparison.metrics if not _folds(comparison, metric)]
    return parts + [
        (title(comparison, metric), metric_table(comparison, metric, most_rows)) for metric in alone
    ]


def _folds(comparison: Alignment, metric: Metric) -> bool:
    """Whether a metric is shown beside another one, or among the first finishes."""
    if not metric.races:
        return False
    if metric.races.statistic == "first_finish":
        return True
    hosts = [
        statistic for statistic, (beside, _) in _BESIDE.items() if beside == metric.races.statistic
    ]
    wanted = [metric.races._replace(statistic=statistic) for statistic in hosts]
    return any(other.races in wanted for other in comparison.metrics)


def readable(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Rows of a table that has one for each of many settings, and a sentence about the others."""
    more = len(table) - MOST_SETTINGS
    return table[:MOST_SETTINGS], f"{more:,} more are not shown." if more > 0 else ""


def document(parts: Sequence[tuple[str, pd.DataFrame]], style: str) -> str:
    """Tables under their titles, as one text: plain, Markdown or LaTeX."""
    if style == "tex":
        labels = _labels([title for title, _ in parts])
        tables = [float_for_tex(*part, label) for part, label in zip(parts, labels)]
        return "\n\n".join(["% needs booktabs and graphicx", *tables])
    heads: dict[str, Callable[[str], str]] = {
        "text": for_terminal,
        "md": lambda title: f"{emphasised(title, '**')}\n",
    }
    if style == "md":  # cells are numbers
        parts = [(title, names_for_markdown(table)) for title, table in parts]
    return "\n\n".join(heads[style](title) + "\n" + render(table, style) for title, table in parts)


def _labels(titles: Sequence[str]) -> list[str]:
    """Names by which LaTeX finds tables."""
    plain = [re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") for title in titles]
    return [
        f"tab:{name}" + (f"-no{plain[:i].count(name) + 1}" if name in plain[:i] else "")
        for i, name in enumerate(plain)
    ]


def csv_text(frame: pd.DataFrame) -> str:
    r"""A tidy table as CSV, in which spreadsheets find texts where there are texts.

    In them what cannot be seen is written as ``\x1b``; and one that a spreadsheet would take for a
    formula, or that begins with an apostrophe, has an apostrophe before it. Numbers stay.
    """
    safe = {}
    for name, column in frame.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            safe[name] = column.cat.rename_categories(for_csv)
        elif not pd.api.types.is_numeric_dtype(column):
            safe[name] = column.map(for_csv)
    return frame.assign(**safe).to_csv(index=False, lineterminator="\n")
