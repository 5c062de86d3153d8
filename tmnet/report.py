"""Write-ups: comparisons as pages that stand alone."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

from tmnet.analysis.comparison import Comparison
from tmnet.logs.run import describe_runs
from tmnet.tables import render, tables

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px;
       padding: 0 1rem; color: #222; background: #fff; }
h1 { font-size: 1.6rem } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc }
h3 { font-size: 1rem; margin-bottom: .3rem }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums }
th, td { padding: .15rem .7rem; border-bottom: 1px solid #e4e4e4; vertical-align: top }
thead th { border-bottom: 2px solid #888 }
.note { background: #fff6dc; border-left: 4px solid #de8f05; padding: .5rem 1rem }
.wide { overflow-x: auto }
img { max-width: 100%; height: auto }
summary { cursor: pointer; font-weight: 600; margin: .4rem 0 }
"""


def comparison_page(comparisons: Sequence[Comparison], title: str, note: str = "") -> str:
    """One HTML page with everything in it: runs, figures and tables of comparisons.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Of the same runs, one an axis.
    title : str
    note : str
        What a reader must know before anything else.
    """
    runs = comparisons[0].runs
    listing = describe_runs(runs)[["run", "minutes", "steps", "races", "pieces"]].set_index("run")
    listing = listing.assign(
        minutes=listing["minutes"].map("{:,.1f}".format),
        steps=listing["steps"].map("{:,}".format),
        races=listing["races"].map("{:,}".format),
        pieces=listing["pieces"].map(", ".join),
    ).rename(columns={"minutes": "active min", "pieces": "log directories"})
    parts = [f"<h1>{html.escape(title)}</h1>"]
    if note:
        parts.append(f'<p class="note">{html.escape(note)}</p>')
    parts += ["<h2>Runs</h2>", _table(listing)]
    differences = comparisons[0].config_diff()
    if len(differences):
        parts += ["<h2>Configuration differences</h2>", _table(differences.map(_text))]
    for comparison in comparisons:
        parts += _section(comparison)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _section(comparison: Comparison) -> list[str]:
    names = [some.name for some in comparison.metrics if some.drawn]
    what = ", ".join(some.label for some in comparison.only(names).metrics)
    alt = f"{what}; by {comparison.axis_label}, one line a run."
    heading = {"time": "By relative time", "step": "By step"}.get(comparison.by, comparison.by)
    parts = [
        f"<h2>{heading}</h2>",
        f'<img alt="{html.escape(alt)}" src="{_picture(comparison, names)}">',
        "<p>* marks the best of a row; behind a rate, in brackets, is the number of races.</p>",
    ]
    parts += [f"<p>{html.escape(note)}</p>" for note in comparison.notes]
    for i, (title, table) in enumerate(tables(comparison)):
        parts.append(
            f"<details{' open' * (i < 2)}><summary>{html.escape(title)}</summary>"
            f"{_table(table)}</details>"
        )
    return parts


def _picture(comparison: Comparison, names: Sequence[str]) -> str:
    picture = io.BytesIO()
    comparison.plot_grid(names).savefig(picture, format="png", dpi=130)
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


def _table(table) -> str:
    return f'<div class="wide">{render(table, "html")}</div>'


def _text(value) -> str:
    return "–" if value is None else str(value)
