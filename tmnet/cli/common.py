"""What several commands share: where runs are, and words and tables in the terminal."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tmnet.files import LOGDIR, example_runs
from tmnet.logs.find import describe_in_words
from tmnet.logs.run import Run
from tmnet.safe_text import for_terminal
from tmnet.text_table import render_rows

if TYPE_CHECKING:
    from tmnet.analysis.alignment import Alignment
    from tmnet.analysis.findings import Finding

MOST_ROWS = 30  # of a table in the terminal


def log_directory(args: argparse.Namespace) -> Path:
    """Where the runs are: as asked for, in this folder, or those that come with tmnet."""
    if args.logdir is not None:
        return Path(args.logdir)
    if Path(LOGDIR).is_dir():
        return Path(LOGDIR)
    told = (
        f"there is no folder {LOGDIR} here and no --logdir: these are the runs that come with "
        "tmnet (recorded at laptop scale)."
    )
    print_sentences([told], "note: ", sys.stderr)
    return example_runs()


def print_sentences(sentences: Iterable[str], mark: str = "", file: TextIO | None = None) -> None:
    """Sentences as wide as the terminal, behind a mark; where there is none, as in a pipe, a line
    each, for who searches or copies them."""
    width = shutil.get_terminal_size((0, 0)).columns
    for sentence in sentences:
        text = f"{mark}{for_terminal(_with_minus(sentence))}"
        if width:
            text = textwrap.fill(
                text, width, subsequent_indent="  ", break_long_words=False,
                break_on_hyphens=False,
            )  # fmt: skip
        print(text, file=file)


def _with_minus(text: str) -> str:
    """A text with hyphens for minuses where the encoding of standard output lacks these."""
    try:
        "−".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return text.replace("−", "-")
    return text


def print_answer(findings: Sequence[Finding]) -> None:
    """What findings come to, and the heaviest caution."""
    from tmnet.analysis.findings import answer

    told = answer(findings)
    print_sentences(told)
    cautions = (finding.sentence for finding in findings if finding.kind == "caution")
    heaviest = next(cautions, "")
    if heaviest and heaviest not in told:
        print_sentences([heaviest], "Caution: ")


def print_findings(findings: Sequence[Finding]) -> None:
    """All of them, under their headings."""
    from tmnet.analysis.findings import HEADINGS

    for kind, heading in HEADINGS.items():
        if of_kind := [finding for finding in findings if finding.kind == kind]:
            print(f"\n{heading}\n{'-' * len(heading)}")
            for finding in of_kind:
                print_sentences([finding.sentence], "- claim: " if finding.stands_out else "- ")


def print_tables(comparisons: Iterable[Alignment], notes: Iterable[str] = ()) -> None:
    """All tables of comparisons of the same runs, and what their reader must know."""
    from tmnet.tables import document, tables  # and pandas, which a list of runs does without

    comparisons = list(comparisons)
    for comparison in comparisons:
        print(f"\n{_heading(comparison)}\n")
        print(document(tables(comparison, MOST_ROWS), "text"))
    for note in [*comparisons[0].notes, *notes]:
        print()
        print_sentences([note], "Note: ")


def _heading(comparison: Alignment) -> str:
    (lo, hi), points, axis = comparison.window, len(comparison.grid), comparison.axis
    name = "RELATIVE TIME" if axis.is_time else axis.by.upper().replace("_", " ")
    end = f"{hi:,.1f}" if axis.is_time else axis.show(hi)
    head = f"BY {name} · {axis.label}, {lo:,.10g} to {end} {axis.unit}, "
    head = for_terminal(f"{head}every {comparison.interval:,.10g}")
    lines = [head, "=" * len(head)]
    if (every := -(-points // MOST_ROWS)) > 1:
        lines.append(f"(shown: every {every} of {points} grid points; --csv writes all)")
    return "\n".join(lines)


def runs_table(runs: Sequence[Run]) -> str:
    """What there is of each run; the folders that go on from its own, where there are any."""
    columns = describe_in_words(runs)
    del columns["pieces"]
    columns["goes on in"] = [", ".join(_further_pieces(run)) for run in runs]
    if columns["wall min"] == columns["active min"]:
        del columns["wall min"]
    if {*columns["processes"]} == {"1"}:
        del columns["processes"]
    head = [name for name, cells in columns.items() if any(cells)]
    rows = zip([run.name for run in runs], *(columns[name] for name in head))
    return render_rows(["", *head], list(rows), "text")


def _further_pieces(run: Run) -> list[str]:
    """Those named after the run by what they have behind its name."""
    return [
        piece.removeprefix(run.name) if piece.startswith(f"{run.name}_") else piece
        for piece in run.pieces
        if piece != run.name
    ]
