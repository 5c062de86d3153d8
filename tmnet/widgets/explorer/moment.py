"""What the explorer tells: the table of one moment, findings, and configurations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tmnet.analysis.findings.finding import HEADINGS, Finding
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics.seeds import iqm, iqm_interval
from tmnet.comparison import Comparison
from tmnet.drawing import run_swatch
from tmnet.safe_text import for_html
from tmnet.tables import BEST_MARK, best_of, readable, title
from tmnet.text_table import render


def moment_html(
    comparison: Comparison, point: int, baseline: str | None, order: Sequence[str]
) -> str:
    """All metrics at one grid point, as an HTML table: metric x run.

    The best of a row is marked; below a value is its difference to the baseline, and behind the
    value of a rate the number of races it is made of. Of arms: the inter-quartile mean of their
    seeds, and 95 % of it below.
    """
    if comparison.arms:
        return _arms_html(comparison, point, order)
    at = comparison.grid[point]
    counts = comparison.races_behind(at)
    names = [run.name for run in comparison.runs]
    heads = [
        f"{run_swatch(name, order)}<br>{for_html(name)}"
        f"{'<br><small>baseline</small>' if name == baseline else ''}"
        for name in names
    ]
    rows = []
    for j, metric in enumerate(comparison.metrics):
        values = comparison.values[:, j, point]
        best = best_of(comparison, metric, values)
        cells = []
        for i, run in enumerate(comparison.runs):
            text = comparison.show(metric, values[i])
            if comparison.ended(run, at):
                text = "ended"
            elif metric.name.endswith("finish_rate") and np.isfinite(values[i]):
                text += f" <small>({counts.at[metric.name, run.name]:,.0f} races)</small>"
            if best[i]:
                text = f"<b>{text} {BEST_MARK}</b>"
            if baseline in names and run.name != baseline:
                text += _difference(comparison, metric, values[i] - values[names.index(baseline)])
            cells.append(text)
        rows.append((title(comparison, metric), cells))
    return _table_html(heads, rows)


def _arms_html(comparison: Comparison, point: int, order: Sequence[str]) -> str:
    """As `moment_html`: metric x arm."""
    names = comparison.arms
    heads = [
        f"{run_swatch(arm, order)}<br>{for_html(arm)}<br><small>{len(seeds)} "
        f"seed{'s' * (len(seeds) > 1)}</small>"
        for arm, seeds in names.items()
    ]
    rows = []
    for metric in comparison.metrics:
        table = comparison.table(metric.name).iloc[point]
        middles = [iqm(table[list(seeds)].to_numpy()) for seeds in names.values()]
        best, cells = best_of(comparison, metric, np.array(middles)), []
        for seeds, middle, mark in zip(names.values(), middles, best):
            text = comparison.show(metric, middle)
            if mark:
                text = f"<b>{text} {BEST_MARK}</b>"
            if np.isfinite(middle) and len(seeds) > 1:
                span = iqm_interval(table[list(seeds)].to_numpy())
                low, high = (comparison.show(metric, x) for x in span)
                text += f"<br><small>{low} to {high}</small>"
            cells.append(text)
        rows.append((title(comparison, metric), cells))
    return _table_html(heads, rows)


def _table_html(heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "".join(
        f"<tr><th>{for_html(name)}</th>{''.join(f'<td>{text}</td>' for text in cells)}</tr>"
        for name, cells in rows
    )
    return (
        "<style>.tmnet-moment td, .tmnet-moment th {text-align: right; padding: 1px 12px; "
        "line-height: 1.25} .tmnet-moment tr th:first-child {text-align: left; font-weight: "
        "normal} .tmnet-moment {font-variant-numeric: tabular-nums}</style>"
        f"<table class='tmnet-moment'><tr><th></th>{head}</tr>{body}</table>"
    )


def _difference(comparison: Comparison, metric: Metric, difference: float) -> str:
    if not np.isfinite(difference):
        return ""
    text = comparison.show(metric, abs(difference))
    sign = "±" if not float(text.replace(",", "")) else "+" if difference > 0 else "−"
    return f"<br><small>{sign}{text}{' points' if metric.unit == '%' else ''}</small>"


def findings_html(findings: Sequence[Finding]) -> str:
    """Findings as lists under headings."""
    parts = []
    for kind, heading in HEADINGS.items():
        if sentences := [finding.sentence for finding in findings if finding.kind == kind]:
            items = "".join(f"<li>{for_html(sentence)}</li>" for sentence in sentences)
            parts.append(f"<h4>{heading}</h4><ul>{items}</ul>")
    return (
        "<style>.tmnet-findings h4 {margin: 10px 0 2px} .tmnet-findings ul {margin: 0} "
        ".tmnet-findings li {line-height: 1.35}</style>"
        f"<div class='tmnet-findings'>{''.join(parts) or 'There is nothing to say.'}</div>"
    )


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
