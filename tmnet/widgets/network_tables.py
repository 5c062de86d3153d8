"""The network lab's tables: what networks cost, layer by layer, and how long they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.ticker import EngFormatter

from tmnet.networks.anatomy import Anatomy
from tmnet.text_table import render, render_rows

COSTS = {
    "parameters": ("parameters", ""),
    "flops_per_decision": ("arithmetic of a decision", "FLOPs"),
    "flops_per_batch": ("arithmetic of a training batch", "FLOPs"),
    "activation_bytes": ("memory of a training batch", "B"),
    "state_bytes": ("a state in memory", "B"),
}
_STYLE = (
    "<style>.tmnet-table {overflow-x: auto; font-size: 92%} .tmnet-table td, .tmnet-table th "
    "{white-space: nowrap; line-height: 1.4; padding: 1px 0 1px 14px} .tmnet-table "
    ":is(td, th):first-child {text-align: left; padding-left: 2px}</style>"
)


def totals_html(totals: Mapping[str, Mapping[str, int]]) -> str:
    """What each network costs, and how many times what the small one does."""
    rows = {}
    for cost, (label, unit) in COSTS.items():
        show = EngFormatter(unit, places=1) if unit else "{:,}".format
        reference = totals["small"][cost]
        rows[label] = [
            f"{show(total[cost])} (x {total[cost] / reference:.2f})" for total in totals.values()
        ]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(totals))
    return in_page(render(table, "html"))


def layers_html(network: Anatomy, small: Anatomy) -> str:
    """Every layer of a network: what comes out of it for a state, and what it costs; and how many
    times what the same layer of the small one does."""
    of_small = {(row.part, row.layer): row for row in small.layers.itertuples()}
    rows = []
    for row in network.layers.itertuples():
        other = of_small.get((row.part, row.layer))
        mine = (row.parameters, row.macs)
        theirs = (other.parameters, other.macs) if other else (0, 0)
        rows.append([f"{row.part}, {row.layer}", " x ".join(map(str, row.output)),
                     *_with_ratios(mine, theirs)])  # fmt: skip
    mine = tuple(network.layers[name].sum() for name in ("parameters", "macs"))
    theirs = tuple(small.layers[name].sum() for name in ("parameters", "macs"))
    rows.append(["all", "", *_with_ratios(mine, theirs)])
    head = ["layer", "output of a state", "parameters", "x small", "multiply-adds", "x small"]
    return in_page(render_rows(head, rows, "html"))


def _with_ratios(values: Sequence[int], others: Sequence[int]) -> list[str]:
    """Each value, and how many times the other it is; a dash where there is none."""
    return [
        text
        for value, other in zip(values, others)
        for text in (f"{value:,}", f"{value / other:.2f}" if other else "–")
    ]


def times_html(rows: Mapping[str, Sequence[str]], batch: int) -> str:
    """Milliseconds of each network, as texts."""
    columns = ["a decision (ms)", f"a training batch of {batch} (ms)"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return in_page(render(table, "html"))


def in_page(table: str) -> str:
    """A table whose cells are not broken, and that scrolls by itself where it has no room."""
    return f"{_STYLE}<div class='tmnet-table'>{table}</div>"
