"""`tmnet compare`: runs side by side in the terminal."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tmnet.files import (
    check_folder,
    check_formats,
    check_output,
    check_prefix,
    make_directory,
    write_output,
)

if TYPE_CHECKING:
    from tmnet.analysis.alignment import Alignment
    from tmnet.comparison import Comparison


def add_to(commands: argparse._SubParsersAction, logdir: argparse.ArgumentParser) -> None:
    """Add it to the commands."""
    parser = commands.add_parser(
        "compare",
        parents=[logdir],
        allow_abbrev=False,
        help="compare runs by training time and by step",
        description="Compare runs of different lengths at equal training time and at equal "
        "steps, or equal amounts of something else: an answer in words, tables, and on request "
        "figures and files. * marks the best of a row.",
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN")
    add(
        "--baseline",
        metavar="RUN",
        help="the run with which the others are compared in words (default: the first that starts "
        "from scratch and lasts)",
    )
    add("--findings", action="store_true", help="all that the comparison shows, in words")
    add(
        "--by",
        default="step",
        metavar="AXIS",
        help="at equal amounts of what the runs are compared, too: step, relative_step, flops, or "
        "the tag of a counter (default: step)",
    )
    add("--interval", type=float, metavar="MIN", help="minutes between grid points (default: 5 in "
        "the tables, in words as fits the runs)")  # fmt: skip
    add(
        "--step-interval",
        "--step_interval",
        type=float,
        metavar="N",
        help="between grid points of --by (default: 50000 steps)",
    )
    add(
        "--window",
        type=_window,
        metavar="MIN",
        help="compare by time up to this minute, or from:to (default: to the end of the shortest "
        "run)",
    )
    add("--clock", choices=("active", "wall"), default="active", help="count downtime or not")
    add(
        "--trailing",
        type=_trailing,
        metavar="MIN",
        help="by time, count only races of the last MIN minutes, or of the late window (late), in "
        "which a run has 50 eval races at least (default: all from the start)",
    )
    add("--metrics", nargs="+", metavar="M", help="metrics to show (default: those of races, "
        "loss, average Q, share of training; all where there are no races)")  # fmt: skip
    add("--all-scalars", action="store_true", help="every other logged scalar, too")
    add("--plot", action="store_true", help="write a figure for each metric")
    add("--by-step", action="store_true", help="with --plot: figures by step (or --by), too")
    add("--output-dir", default=".", metavar="DIR", help="where figures go")
    add("--prefix", default="comparison", metavar="P", help="what their names begin with")
    add(
        "--formats",
        default="png",
        type=lambda text: [part for part in text.split(",") if part],
        metavar="F,F",
        help="of figures: png,jpg,svg,pdf; of a table of all values: csv,md,tex (default: png)",
    )
    add("--csv", metavar="FILE", help="write all values: run, axis, metric, at, value; names that "
        "a spreadsheet would take for a formula begin with an apostrophe")  # fmt: skip
    add("--json", metavar="FILE", help="the same as JSON")


def _trailing(text: str) -> float | str:
    return text if text == "late" else float(text)


def _window(text: str) -> tuple[float, float]:
    lo, _, hi = text.rpartition(":")
    return float(lo or 0), float(hi)


def run(args: argparse.Namespace) -> None:
    """`tmnet compare`."""
    from tmnet.analysis.available import metric_names
    from tmnet.cli.common import (
        log_directory,
        print_answer,
        print_findings,
        print_tables,
        runs_table,
    )
    from tmnet.comparison import compare_by
    from tmnet.logs.find import load_run

    check_formats(args.formats)  # before anything is computed
    check_prefix(args.prefix)
    for path in (args.csv, args.json):
        if path:
            check_output(Path(path))
    if args.plot:
        check_folder(Path(args.output_dir))
    logdir = log_directory(args)
    runs = [load_run(name, logdir, cache=not args.no_cache) for name in dict.fromkeys(args.runs)]
    metrics = args.metrics or metric_names(runs, args.all_scalars)
    by_time = {"interval": args.interval, "window": args.window, "clock": args.clock}
    by_time |= {"trailing": args.trailing, "metrics": metrics}
    axes = {"time": by_time}
    axes.setdefault(args.by, {"interval": args.step_interval, "metrics": metrics})
    comparisons, missing = compare_by(runs, axes)
    main = next(iter(comparisons.values()))
    asked = _to_the_end(main) if args.interval is None else main
    missing += _behind_the_grid(main, asked)
    found = asked.findings(baseline=args.baseline)
    print_answer(found)
    print(f"\n{runs_table(runs)}")
    if args.findings:
        print_findings(found)
    if not args.metrics and (others := {*metric_names(runs, all_scalars=True)} - {*metrics}):
        missing.append(f"{len(others):,} other scalars are not shown; --all-scalars shows them.")
    print_tables(comparisons.values(), missing)
    if args.csv or args.json:
        _write_values(comparisons, args.csv, args.json)
    if args.plot:
        drawn = list(comparisons.values())
        files = [
            file
            for comparison in (drawn if args.by_step else drawn[:1])
            for file in comparison.export(args.output_dir, args.prefix, args.formats)
        ]
        print(f"\n{len(files)} files written to {args.output_dir}")


def _to_the_end(comparison: Comparison) -> Comparison:
    """With as many grid points as fit the runs, of which the last is near the window's end."""
    from tmnet.analysis.grid import fitting_interval

    if not comparison.axis.is_time:
        return comparison
    return comparison.again(interval=fitting_interval(comparison.runs, comparison.axis))


def _behind_the_grid(tables: Comparison, asked: Comparison) -> list[str]:
    """What tables of an interval that nobody asked for leave out: what the answer is of, or more
    than a tenth of the window."""
    axis, (_, end), last = tables.axis, tables.window, tables.grid[-1]
    if asked is tables or last >= max(asked.grid[-1], 0.9 * end):
        return []
    told = f"The tables end at {axis.say(last)}, the last multiple of {tables.interval:g} in a "
    told += f"window of {axis.say(end)}"
    if asked.grid[-1] > last:
        told += f"; the answer is of {axis.say(asked.grid[-1])}, to where --interval "
        told += f"{asked.interval:g} has tables, too"
    return [f"{told}."]


def _write_values(comparisons: Mapping[str, Alignment], csv: str | None, json_: str | None) -> None:
    """All values, as a table and as JSON, or either."""
    import pandas as pd

    from tmnet.tables import csv_text

    frames = [c.frame.assign(axis=by) for by, c in comparisons.items()]
    frame = pd.concat(frames, ignore_index=True)[["run", "axis", "metric", "at", "value"]]
    if csv:
        _write_text(csv, csv_text(frame))
    if json_:
        rows = frame.to_dict("records")
        for row in rows:  # JSON knows no NaN and no infinity
            row["value"] = row["value"] if math.isfinite(row["value"]) else None
        _write_text(json_, json.dumps(rows, indent=0) + "\n")


def _write_text(path: str, text: str) -> None:
    path = Path(path)
    make_directory(path.parent)
    sys.stdout.flush()  # it may be what is written to
    write_output(path, lambda file: file.write(text.encode()))
    print(f"\nAll values written to {path}")
