"""What the explorer tells of one moment, and of configurations, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tmnet.analysis.arms import arm_summaries
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import ConfidenceInterval
from tmnet.comparison import Comparison
from tmnet.drawing import Order, run_swatch
from tmnet.logs.run import Run
from tmnet.safe_text import for_html
from tmnet.tables import BEST_MARK, best_of, readable, show_interval, title
from tmnet.text_table import render


def subject_of(comparison: Comparison, run: str | None) -> str | None:
    """What is compared of a run: itself, or the arm that it is a seed of."""
    return next((arm for arm, seeds in comparison.arms.items() if run in seeds), run)


def moment_html(comparison: Comparison, point: int, baseline: str | None, order: Order) -> str:
    """All metrics at one grid point, as an HTML table: metric x run.

    The best of a row is marked. Behind a rate is the number of races it is made of, below a late
    value what 95 % of it is, and then its difference to the baseline. Of arms: their seeds in one
    number, and 95 % of it, or how many of them got there.
    """
    if comparison.arms:
        return _arms_html(comparison, point, baseline, order)
    at = float(comparison.grid[point])
    counts = comparison.races_behind(at)
    names = [run.name for run in comparison.runs]
    heads = []
    for run in comparison.runs:
        marks = ["baseline"] * (run.name == baseline) + [f"from {run.source}"] * bool(run.source)
        heads.append(_head(run.name, order, for_html(", ".join(marks))))
    rows = []
    for j, metric in enumerate(comparison.metrics):
        values = comparison.values[:, j, point]
        best = best_of(comparison, metric, values)
        cells = []
        for i, run in enumerate(comparison.runs):
            text, has_value = comparison.show(metric, values[i]), np.isfinite(values[i])
            if comparison.ended(run, at):
                text = "ended"
            elif metric.name in counts.index and is_rate(metric) and has_value:
                text += f" <small>({counts.at[metric.name, run.name]:,.0f} races)</small>"
            if best[i]:
                text = f"<b>{text} {BEST_MARK}</b>"
            if has_value and (span := _interval(comparison, metric, run, at)):
                text += f"<br><small>95 % CI {show_interval(comparison, metric, span)}</small>"
            if baseline in names and run.name != baseline:
                text += _difference(comparison, metric, values[i] - values[names.index(baseline)])
            cells.append(text)
        rows.append((title(comparison, metric), cells))
    return _table_html(heads, rows)


def is_rate(metric: Metric) -> bool:
    """Whether it is one of races; the anytime rate is a mean of many of these."""
    return bool(metric.races) and metric.unit == "%" and metric.span != "anytime"


def _interval(
    comparison: Comparison, metric: Metric, run: Run, at: float
) -> ConfidenceInterval | None:
    """95 % of a late or trailing value of one run."""
    if comparison.trailing_of(metric) is None:
        return None
    found = comparison.estimates(run, metric, np.array([at]))
    low, high = (float(x[0]) for x in found.interval()) if found else (np.nan, np.nan)
    return ConfidenceInterval(low, high) if np.isfinite([low, high]).all() else None


def _arms_html(comparison: Comparison, point: int, baseline: str | None, order: Order) -> str:
    """As `moment_html`: metric x arm."""
    heads = []
    for arm, seeds in comparison.arms.items():
        count = f"{len(seeds)} seed{'s' * (len(seeds) > 1)}"
        heads.append(_head(arm, order, f"{count}, baseline" if arm == baseline else count))
    rows = []
    for metric in comparison.metrics:
        summaries = arm_summaries(comparison, metric, point).values()
        best, cells = best_of(comparison, metric, np.array([x.value for x in summaries])), []
        for found, mark in zip(summaries, best):
            text = comparison.show(metric, found.value)
            if np.isnan(found.value) and 0 < found.n_finite < found.n:
                text = f"{found.n_finite} of {found.n} seeds have one"
            elif np.isfinite(found.value) and found.n_finite < found.n:
                text += f" <small>({found.n_finite} of {found.n} seeds have one)</small>"
            if mark:
                text = f"<b>{text} {BEST_MARK}</b>"
            if np.isfinite(found.value) and found.n > 1:
                text += f"<br><small>{found.statistic}"
                if found.interval is not None:
                    of = f" of the {found.interval_of}" * (found.interval_of != found.statistic)
                    span = show_interval(comparison, metric, found.interval)
                    text += f"; 95 % CI{of} {span}"
                text += "</small>"
            cells.append(text)
        rows.append((title(comparison, metric), cells))
    return _table_html(heads, rows)


def _head(name: str, order: Order, below: str) -> str:
    more = f"<br><small>{below}</small>" if below else ""
    return f"{run_swatch(name, order)}<br>{for_html(name)}{more}"


def _table_html(heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "".join(
        f"<tr><th>{for_html(name)}</th>{''.join(f'<td>{text}</td>' for text in cells)}</tr>"
        for name, cells in rows
    )
    return (
        "<style>.tmnet-moment td, .tmnet-moment th {text-align: right; padding: 1px 8px; "
        "line-height: 1.25} .tmnet-moment td {white-space: nowrap} .tmnet-moment tr "
        "th:first-child {text-align: left; font-weight: normal; padding-left: 0; "
        "min-width: 150px} "
        ".tmnet-moment {font-variant-numeric: tabular-nums}</style><div style='overflow-x: auto'>"
        f"<table class='tmnet-moment'><tr><th></th>{head}</tr>{body}</table></div>"
    )


def _difference(comparison: Comparison, metric: Metric, difference: float) -> str:
    if not np.isfinite(difference):
        return ""
    text = comparison.show(metric, abs(difference))
    sign = "±" if not float(text.replace(",", "")) else "+" if difference > 0 else "−"
    return f"<br><small>{sign}{text}{' points' if metric.unit == '%' else ''}</small>"


def config_html(comparison: Comparison) -> str:
    """Where the configurations of the runs differ, as a table, or why there is none."""
    table = comparison.config_diff()
    if not len(table):
        logged = any(run.config for run in comparison.runs)
        return (
            "The configurations that these runs logged do not differ."
            if logged
            else "These runs logged no configuration."
        )
    table, more = readable(table)
    cells = table.map(lambda value: "–" if value is None else str(value))
    return (
        "<style>.tmnet-config {overflow-x: auto} "
        ".tmnet-config td {min-width: 110px; vertical-align: top}</style>"
        f"<div class='tmnet-config'>{render(cells, 'html')}{more}</div>"
    )
