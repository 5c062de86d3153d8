"""What several commands share: where runs are, and tables in the terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tmnet.files import LOGDIR, example_runs
from tmnet.logs.find import describe_in_words
from tmnet.logs.run import Run
from tmnet.safe_text import for_terminal
from tmnet.text_table import render_rows

if TYPE_CHECKING:
    from tmnet.analysis.alignment import Alignment

MOST_ROWS = 30  # of a table in the terminal


def log_directory(args: argparse.Namespace) -> Path:
    """Where the runs are: as asked for, in this folder, or those that come with tmnet."""
    if args.logdir is not None:
        return Path(args.logdir)
    if Path(LOGDIR).is_dir():
        return Path(LOGDIR)
    print(
        f"note: there is no folder {LOGDIR} here and no --logdir: these are the runs that come "
        "with tmnet (recorded at laptop scale).",
        file=sys.stderr,
    )
    return example_runs()


def print_tables(comparisons: Iterable[Alignment], notes: Iterable[str] = ()) -> None:
    """All tables of comparisons of the same runs, and what their reader must know."""
    from tmnet.tables import document, tables  # and pandas, which a list of runs does without

    comparisons = list(comparisons)
    for comparison in comparisons:
        print(f"\n{_heading(comparison)}\n")
        print(document(tables(comparison, MOST_ROWS), "text"))
    for note in [*comparisons[0].notes, *notes]:
        print(f"\nNote: {for_terminal(note)}")


def _heading(comparison: Alignment) -> str:
    (lo, hi), points = comparison.window, len(comparison.grid)
    name = "RELATIVE TIME" if comparison.axis.is_time else "STEP"
    head = f"BY {name} · {comparison.axis.label}, {lo:,.10g} to "
    head += f"{hi:,.{int(comparison.axis.is_time)}f} {comparison.axis.unit}, "
    head += f"every {comparison.interval:,.10g}"
    lines = [head, "=" * len(head)]
    if (every := -(-points // MOST_ROWS)) > 1:
        lines.append(f"(shown: every {every} of {points} grid points; --csv writes all)")
    return "\n".join(lines)


def runs_table(runs: Sequence[Run]) -> str:
    """What there is of each run; its pieces where they are more than itself."""
    names = [run.name for run in runs]
    columns = describe_in_words(runs)
    columns["pieces"] = [
        pieces if pieces != name else "" for name, pieces in zip(names, columns["pieces"])
    ]
    head = [name for name, cells in columns.items() if any(cells)]
    rows = zip(names, *(columns[name] for name in head))
    return render_rows(["", *head], list(rows), "text")
