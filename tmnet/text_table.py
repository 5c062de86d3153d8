"""Tables of strings as text: for the terminal, Markdown, LaTeX and HTML, by tabulate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tabulate import LATEX_ESCAPE_RULES, tabulate

from tmnet.safe_text import distinct, for_markdown, for_terminal, shortened, without_shared

if TYPE_CHECKING:
    import pandas as pd

TEX_LETTERS = 75  # are no wider than a page of LaTeX, whatever they are
MOST_TEX_LETTERS = 120  # can be read where they are scaled down to it
FITTED = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}"  # never larger
LONGEST_CELL = 40  # letters; longer ones are broken in LaTeX
LONGEST_HEAD = 40  # letters of a run's name over a column in the terminal
STYLES = {"text": "simple", "md": "pipe", "tex": "latex_booktabs", "html": "html"}
_IS_NUMBER = re.compile(r"[<±+−–-]? ?\d").match
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
        colalign=("right" if is_grid else "left", *_sides(rows, len(head) - 1, style)),
        disable_numparse=True,
        preserve_whitespace=style == "text",
    )
    return text.replace("−", "$-$").replace("∞", r"$\infty$") if style == "tex" else text


def _sides(rows: Sequence[Sequence[str]], columns: int, style: str) -> list[str]:
    """Numbers stand to the right, and so does all in the terminal; words to the left."""
    if style == "text" or not rows:
        return ["right"] * columns
    cells = list(zip(*rows))[1:]
    return ["right" if any(map(_IS_NUMBER, column)) else "left" for column in cells]


def names_for_markdown(table: pd.DataFrame) -> pd.DataFrame:
    """A table with the names of its rows and columns as they are for Markdown."""

    def name(text: str) -> str:
        return for_markdown(shortened(text))

    return table.rename(name, axis=0).rename(name, axis=1)


def float_for_tex(title: str, table: pd.DataFrame, label: str) -> str:
    """A table of strings for LaTeX, with its caption, as wide as a page at most: scaled down, and,
    where that would make it too small, in several parts. Needs booktabs and graphicx."""
    parts = _parts(table)
    texts = []
    for i, part in enumerate(parts, 1):
        of = f" ({i} of {len(parts)})" if len(parts) > 1 else ""
        name = f"{label}-{i}" if i > 1 else label
        body = render(part, "tex")
        widths = _widths(part)
        for column, width in enumerate(widths):
            if width >= LONGEST_CELL:
                body = _broken(body, column)
        if sum(widths) > TEX_LETTERS:
            body = f"{FITTED}{{!}}{{%\n{body}}}"
        texts.append(
            f"\\begin{{table}}\n\\centering\n\\footnotesize\n\\caption{{{for_tex(title + of)}}}\n"
            f"\\label{{{name}}}\n{body}\n\\end{{table}}"
        )
    return "\n\n".join(texts)


def _widths(table: pd.DataFrame) -> list[int]:
    """Letters of each column, of names of rows first."""
    heads = [str(table.index.name or ""), *map(str, table.columns)]
    cells = [[str(name), *map(str, row)] for name, row in zip(table.index, table.to_numpy())]
    columns = zip(heads, *cells)
    return [min(LONGEST_CELL, max(map(len, column))) + 2 for column in columns]


def _parts(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Columns in groups that are not too wide together, each with those that say of what a row is:
    the name, and what stands before a column that has no head, or that tells metrics."""
    name, *widths = _widths(table)
    of_rows = [i + 1 for i, head in enumerate(table.columns) if head in ("", "metric")]
    names = max(of_rows, default=0) % len(widths)  # if they are all there is, they are none
    groups: list[list[int]] = [[]]
    room = MOST_TEX_LETTERS - name - sum(widths[:names])
    for i, width in list(enumerate(widths))[names:]:
        if groups[-1] and sum(widths[j] for j in groups[-1]) + width > room:
            groups.append([])
        groups[-1].append(i)
    return [table.iloc[:, [*range(names), *group]] for group in groups]


def _broken(body: str, column: int) -> str:
    """A tabular of which one column has several lines a row."""
    head, begin, rest = body.partition(r"\begin{tabular}{")
    letters, _, rest = rest.partition("}\n")
    columns = re.findall(r"p\{[^}]*\}|[lr]", letters)
    columns[column] = r"p{0.3\linewidth}"
    return f"{head}{begin}{''.join(columns)}}}\n{rest}"


def for_tex(text: str) -> str:
    """A text for LaTeX, as tabulate escapes the cells of tables."""
    return "".join(LATEX_ESCAPE_RULES.get(sign, sign) for sign in distinct(text))


def _head(name: str, cells: Sequence[str]) -> str:
    """A column's name, over the digits of cells that end in a mark or in room for one."""
    return f"{name} " if any(cell.endswith(" ") for cell in cells) else name
