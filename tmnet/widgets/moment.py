"""What the explorer tells: the table of one moment, and findings."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from tmnet.analysis.comparison import Comparison
from tmnet.analysis.findings import KINDS, Finding
from tmnet.analysis.metrics import Metric
from tmnet.figures import run_swatch
from tmnet.tables import BEST_MARK, best_of, title


def moment_html(
    comparison: Comparison, point: int, baseline: str | None, order: Sequence[str]
) -> str:
    """All metrics at one grid point, as an HTML table: metric x run.

    The best of a row is marked; below a value is its difference to the baseline, and behind the
    value of a rate the number of races it is made of.
    """
    at = comparison.grid[point]
    counts = comparison.races_behind(at)
    names = [run.name for run in comparison.runs]
    heads = "".join(
        f"<th>{run_swatch(name, order)}<br>{escape(name)}"
        f"{'<br><small>baseline</small>' if name == baseline else ''}</th>"
        for name in names
    )
    rows = []
    for j, some in enumerate(comparison.metrics):
        values = comparison.values[:, j, point]
        best = best_of(comparison, some, values)
        cells = []
        for i, run in enumerate(comparison.runs):
            text = comparison.show_value(some, values[i])
            if comparison.ended(run, at):
                text = "ended"
            elif some.name.endswith("finish_rate") and np.isfinite(values[i]):
                text += f" <small>({counts.at[some.name, run.name]:,.0f} races)</small>"
            if best[i]:
                text = f"<b>{text} {BEST_MARK}</b>"
            if baseline in names and run.name != baseline:
                text += _difference(comparison, some, values[i] - values[names.index(baseline)])
            cells.append(f"<td>{text}</td>")
        rows.append(f"<tr><th>{escape(title(comparison, some))}</th>{''.join(cells)}</tr>")
    return (
        "<style>.tmnet-moment td, .tmnet-moment th {text-align: right; padding: 1px 12px; "
        "line-height: 1.25} .tmnet-moment tr th:first-child {text-align: left; font-weight: "
        "normal} .tmnet-moment {font-variant-numeric: tabular-nums}</style>"
        f"<table class='tmnet-moment'><tr><th></th>{heads}</tr>{''.join(rows)}</table>"
    )


def _difference(comparison: Comparison, some: Metric, difference: float) -> str:
    if not np.isfinite(difference):
        return ""
    text = comparison.show_value(some, abs(difference))
    sign = "±" if not float(text.replace(",", "")) else "+" if difference > 0 else "−"
    return f"<br><small>{sign}{text}{' points' if some.unit == '%' else ''}</small>"


def findings_html(findings: Sequence[Finding]) -> str:
    """Findings as lists under headings."""
    parts = []
    for kind, heading in KINDS.items():
        if some := [finding.sentence for finding in findings if finding.kind == kind]:
            items = "".join(f"<li>{escape(sentence)}</li>" for sentence in some)
            parts.append(f"<h4>{heading}</h4><ul>{items}</ul>")
    return (
        "<style>.tmnet-findings h4 {margin: 10px 0 2px} .tmnet-findings ul {margin: 0} "
        ".tmnet-findings li {line-height: 1.35}</style>"
        f"<div class='tmnet-findings'>{''.join(parts) or 'There is nothing to say.'}</div>"
    )
