"""Tables of strings as text: for the terminal, Markdown, LaTeX and HTML, by tabulate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tabulate import tabulate

if TYPE_CHECKING:
    import pandas as pd

STYLES = {"text": "simple", "md": "pipe", "tex": "latex_booktabs", "html": "html"}


def render(table: pd.DataFrame, style: str) -> str:
    """A table of strings in one of `STYLES`."""
    cells = table.to_numpy()
    heads = map(_head, table.columns, cells.T)
    rows = [[str(name), *row] for name, row in zip(table.index, cells)]
    return render_rows([table.index.name or "", *heads], rows, style)


def render_rows(head: Sequence[str], rows: Sequence[Sequence[str]], style: str) -> str:
    """As `render`, a row's name first; a grid is aligned like numbers, names like text."""
    is_grid = all(row[0][:1].isdigit() for row in rows)
    text = tabulate(
        rows,
        head,
        tablefmt=STYLES[style],
        colalign=("right" if is_grid else "left",) + ("right",) * (len(head) - 1),
        disable_numparse=True,
        preserve_whitespace=style == "text",
    )
    return text.replace("−", "$-$") if style == "tex" else text


def _head(name: str, cells: Sequence[str]) -> str:
    """A column's name, over the digits of cells that end in a mark or in room for one."""
    return f"{name} " if any(cell.endswith(" ") for cell in cells) else name
