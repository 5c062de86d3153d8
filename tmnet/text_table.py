"""Tables of strings as text: for the terminal, Markdown, LaTeX and HTML, by tabulate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tabulate import LATEX_ESCAPE_RULES, tabulate

from tmnet.safe_text import distinct, for_markdown, for_terminal, shortened, without_shared

if TYPE_CHECKING:
    import pandas as pd

LONGEST_HEAD = 40  # letters of a run's name over a column in the terminal
STYLES = {"text": "simple", "md": "pipe", "tex": "latex_booktabs", "html": "html"}
# Tabulate escapes what LaTeX and HTML take for markup; Markdown is the caller's, whose pages have
# more than tables.
_SHOWN = {"text": for_terminal, "md": str, "tex": distinct, "html": distinct}


def render(table: pd.DataFrame, style: str) -> str:
    """A table of strings in one of `STYLES`; what Markdown would take for markup is escaped in it
    already."""
    cells = table.to_numpy()
    heads = map(_head, table.columns, cells.T)
    rows = [[str(name), *row] for name, row in zip(table.index, cells)]
    return render_rows([table.index.name or "", *heads], rows, style)


def render_rows(head: Sequence[str], rows: Sequence[Sequence[str]], style: str) -> str:
    """As `render`, a row's name first; a grid is aligned like numbers, names like text."""
    is_grid = all(row[0][:1].isdigit() for row in rows)
    show = _SHOWN[style]
    if style == "text":  # what is above it has the whole names
        head = [head[0], *without_shared(head[1:], LONGEST_HEAD)]
    text = tabulate(
        [[show(shortened(cell)) for cell in row] for row in rows],
        [show(shortened(name)) for name in head],
        tablefmt=STYLES[style],
        colalign=("right" if is_grid else "left",) + ("right",) * (len(head) - 1),
        disable_numparse=True,
        preserve_whitespace=style == "text",
    )
    return text.replace("−", "$-$") if style == "tex" else text


def names_for_markdown(table: pd.DataFrame) -> pd.DataFrame:
    """A table with the names of its rows and columns as they are for Markdown."""

    def name(text: str) -> str:
        return for_markdown(shortened(text))

    return table.rename(name, axis=0).rename(name, axis=1)


def for_tex(text: str) -> str:
    """A text for LaTeX, as tabulate escapes the cells of tables."""
    return "".join(LATEX_ESCAPE_RULES.get(sign, sign) for sign in distinct(text))


def _head(name: str, cells: Sequence[str]) -> str:
    """A column's name, over the digits of cells that end in a mark or in room for one."""
    return f"{name} " if any(cell.endswith(" ") for cell in cells) else name
