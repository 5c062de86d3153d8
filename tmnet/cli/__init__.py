"""The `tmnet` command: what the notebooks do, without a notebook."""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from tmnet.errors import LogWarning, TmnetError
from tmnet.experiments.config import SCALES
from tmnet.experiments.load import experiment_names
from tmnet.files import (
    CHECKPOINTS,
    LOGDIR,
    data_path,
    file_name,
    make_directory,
    write_output,
)
from tmnet.yaml_text import from_yaml

MOST_ROWS = 30  # of a table in the terminal
LONG_NAME = 80  # of a page, by the names of its runs


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # terminals that lack a dash or ±
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    if rest and args.command is not lab:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    args.rest = rest
    with warnings.catch_warnings():
        warnings.simplefilter("always", LogWarning)
        warnings.showwarning = _show_warning
        try:
            args.command(args)
            sys.stdout.flush()
        except TmnetError as error:
            print(f"tmnet: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("tmnet: stopped.", file=sys.stderr)
            return 130
        except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    if issubclass(category, LogWarning):
        print(f"note: {message}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"tmnet: {message}; `{self.prog} --help` lists what there is.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="tmnet", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    logdir = argparse.ArgumentParser(add_help=False)
    logdir.add_argument(
        "--logdir",
        metavar="DIR",
        help=f"where the runs are (default: {LOGDIR} in this folder; where there is none, the "
        "runs that come with tmnet)",
    )
    logdir.add_argument(
        "--no-cache", action="store_true", help="read the event files themselves, keep nothing"
    )

    some = commands.add_parser(
        "compare",
        parents=[logdir],
        allow_abbrev=False,
        help="compare runs by training time and by step",
        description="Compare runs of different lengths at equal training time and at equal "
        "steps: tables, and on request figures and files. * marks the best of a row.",
    )
    some.set_defaults(command=compare)
    add = some.add_argument
    add("runs", nargs="+", metavar="RUN")
    add("--interval", type=float, default=5.0, metavar="MIN", help="minutes between grid points")
    add(
        "--step-interval",
        "--step_interval",
        type=float,
        default=50_000,
        metavar="N",
        help="steps between grid points",
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
        type=float,
        metavar="MIN",
        help="by time, count only races of the last MIN minutes (default: all from the start)",
    )
    add("--metrics", nargs="+", metavar="M", help="metrics to show (default: those of races, "
        "loss, average Q, share of training)")  # fmt: skip
    add("--all-scalars", action="store_true", help="every other logged scalar, too")
    add("--plot", action="store_true", help="write a figure for each metric")
    add("--by-step", action="store_true", help="with --plot: figures by step, too")
    add("--output-dir", default=".", metavar="DIR", help="where figures go")
    add("--prefix", default="comparison", metavar="P", help="what their names begin with")
    add(
        "--formats",
        default="png",
        type=lambda text: [part for part in text.split(",") if part],
        metavar="F,F",
        help="of figures: png,jpg,svg,pdf; of a table of all values: csv,md,tex (default: png)",
    )
    add("--csv", metavar="FILE", help="write all values: run, axis, metric, at, value")
    add("--json", metavar="FILE", help="the same as JSON")

    some = commands.add_parser(
        "list", parents=[logdir], allow_abbrev=False, help="list the runs in a log directory"
    )
    some.set_defaults(command=list_)
    some = commands.add_parser(
        "train",
        allow_abbrev=False,
        help="train an agent",
        description="Train an agent on the racing simulator, or on an environment of Gymnasium's. "
        "Ctrl-C saves and ends; --resume goes on. Event files go to a folder that `tmnet compare` "
        "and the notebooks read.",
    )
    some.set_defaults(command=train)
    add = some.add_argument
    add("experiment", metavar="EXPERIMENT", help="a name, or a .yaml file; those that come with "
        f"tmnet: {', '.join(experiment_names())}")  # fmt: skip
    add("--seed", type=int, metavar="S", help="of all that is drawn (default: 0)")
    budget = some.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, metavar="M", help="train for so long")
    budget.add_argument("--frames", type=int, metavar="N", help="play so many frames")
    add("--device", metavar="D", help="cpu, cuda, mps (default: a GPU where there is one)")
    add(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        type=_setting,
        metavar="FIELD=VALUE",
        help="other values for fields, such as neural_network.iqn_n=16",
    )
    add("--env", metavar="GYM_ID", help="an environment of Gymnasium's, such as CartPole-v1")
    add("--scale", choices=tuple(SCALES), help="laptop: cut down for two cores and 15-25 minutes")
    add("--resume", action="store_true", help="go on with the run from its last checkpoint")
    add("--logdir", default=LOGDIR, metavar="DIR", help=f"for event files (default: {LOGDIR})")
    add("--run-name", metavar="NAME", help="of the run (default: the experiment's)")
    add(
        "--checkpoints",
        default=CHECKPOINTS,
        metavar="DIR",
        help=f"for checkpoints (default: {CHECKPOINTS})",
    )

    some = commands.add_parser(
        "report", parents=[logdir], help="write a study up, as a page",
        description="Write a study up: a page with what its runs show, how surely, and its "
        "figures and tables. What the author wrote between its marks stays when it is made again.",
    )  # fmt: skip
    some.add_argument("studies", nargs="*", metavar="NAME", help="of data/studies, or a .yaml file")
    some.add_argument("--runs", nargs="+", default=[], metavar="RUN", help="in place of a study")
    some.add_argument(
        "--format", nargs="+", default=["html"], choices=("md", "rst", "html"),
        help="of the page: Markdown, reStructuredText, or one HTML file (default)",
    )  # fmt: skip
    some.add_argument("--output-dir", default="report", metavar="DIR", help="default: report")
    some.add_argument(
        "--formats", default=["png"], type=lambda text: text.split(","),
        help="of figures and tables, as for compare (default: png)",
    )  # fmt: skip
    some.add_argument(
        "--width", default="page", choices=("page", "column"),
        help="of figures: that of a page's text, or of a column (default: page)",
    )  # fmt: skip
    some.set_defaults(command=report)

    some = commands.add_parser(
        "demo", help="compare four recorded runs, with tables, figures and a page"
    )
    some.add_argument(
        "--output-dir", default="tmnet-demo", metavar="DIR", help="default: tmnet-demo"
    )
    some.set_defaults(command=demo)
    some = commands.add_parser(
        "lab",
        help="open the notebooks in JupyterLab",
        description="Open the notebooks in JupyterLab. Further arguments, such as --no-browser, "
        "are handed to it.",
    )
    some.set_defaults(command=lab)
    return parser


def _window(text: str) -> tuple[float, float]:
    lo, _, hi = text.rpartition(":")
    return float(lo or 0), float(hi)


def _setting(text: str) -> tuple[str, Any]:
    field, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=VALUE")
    return field, from_yaml(value)


def _logdir(args: argparse.Namespace) -> Path:
    if args.logdir is not None:
        return Path(args.logdir)
    if Path(LOGDIR).is_dir():
        return Path(LOGDIR)
    print(
        f"note: there is no folder {LOGDIR} here and no --logdir: these are the runs that come "
        "with tmnet (recorded at laptop scale).",
        file=sys.stderr,
    )
    return data_path("runs")


def compare(args: argparse.Namespace) -> None:
    """`tmnet compare`."""
    import pandas as pd

    from tmnet.analysis.alignment import metric_names
    from tmnet.comparison import compare
    from tmnet.export import check_formats
    from tmnet.logs.find import load_run

    check_formats(args.formats)  # before anything is computed
    if args.plot:
        make_directory(args.output_dir)
    logdir = _logdir(args)
    runs = [load_run(name, logdir, cache=not args.no_cache) for name in dict.fromkeys(args.runs)]
    metrics = args.metrics or metric_names(runs, args.all_scalars)
    by_time = compare(
        runs,
        interval=args.interval,
        window=args.window,
        metrics=metrics,
        clock=args.clock,
        trailing=args.trailing,
    )
    by_step = compare(runs, by="step", interval=args.step_interval, metrics=metrics)
    print(_runs_table(runs))
    _print_tables(by_time, by_step)
    frames = [c.frame.assign(axis=axis) for c, axis in ((by_time, "time"), (by_step, "step"))]
    frame = pd.concat(frames, ignore_index=True)[["run", "axis", "metric", "at", "value"]]
    if args.csv:
        _write_text(args.csv, frame.to_csv(index=False, lineterminator="\n"))
    if args.json:
        rows = frame.to_dict("records")
        for row in rows:  # JSON knows no NaN and no infinity
            row["value"] = row["value"] if math.isfinite(row["value"]) else None
        _write_text(args.json, json.dumps(rows, indent=0) + "\n")
    if args.plot:
        comparisons = [by_time, by_step] if args.by_step else [by_time]
        files = [
            file
            for comparison in comparisons
            for file in comparison.export(args.output_dir, args.prefix, args.formats)
        ]
        print(f"\n{len(files)} files written to {args.output_dir}")


def _print_tables(by_time, by_step) -> None:
    from tmnet.tables import document, tables

    for comparison, name in ((by_time, "relative time"), (by_step, "step")):
        print(f"\n{_heading(comparison, name)}\n")
        print(document(tables(comparison, MOST_ROWS), "text"))
    for note in by_time.notes:
        print(f"\nNote: {note}")


def _write_text(path: str, text: str) -> None:
    path = Path(path)
    make_directory(path.parent)
    write_output(path, lambda file: file.write(text.encode()))
    print(f"\nAll values written to {path}")


def _heading(comparison, name: str) -> str:
    (lo, hi), points = comparison.window, len(comparison.grid)
    unit = comparison.axis.unit
    head = f"BY {name.upper()} · {comparison.axis.label}, {lo:,.10g} to "
    head += f"{hi:,.{int(comparison.axis.is_time)}f} {unit}, "
    head += f"every {comparison.interval:,.10g}"
    lines = [head, "=" * len(head)]
    if (every := -(-points // MOST_ROWS)) > 1:
        lines.append(f"(shown: every {every} of {points} grid points; --csv writes all)")
    return "\n".join(lines)


def _runs_table(runs) -> str:
    from tabulate import tabulate

    from tmnet.logs.find import describe

    listed = describe(runs)
    columns = {
        "": listed["run"],
        "active min": [f"{minutes:,.1f}" for minutes in listed["minutes"]],
        "wall min": [f"{minutes:,.1f}" for minutes in listed["wall_minutes"]],
    }
    for name in ("steps", "races", "processes"):
        columns[name] = [f"{number:,}" for number in listed[name]]
    for name in ("maps", "pieces"):
        columns[name] = [", ".join(names) for names in listed[name]]
    align = ["left"] + ["right"] * (len(columns) - 1)
    return tabulate(columns, "keys", "simple", colalign=align, disable_numparse=True)


def list_(args: argparse.Namespace) -> None:
    """`tmnet list`."""
    from tmnet.logs.find import load_runs

    print(_runs_table(load_runs(_logdir(args), cache=not args.no_cache)))


def train(args: argparse.Namespace) -> None:
    """`tmnet train`."""
    from tmnet.training.start import train

    env = {"env": args.env} if args.env else {}
    run = train(
        args.experiment,
        seed=args.seed,
        minutes=args.minutes,
        frames=args.frames,
        device=args.device,
        values=env | dict(args.set),
        scale=args.scale,
        resume=args.resume,
        logdir=args.logdir,
        run_name=args.run_name,
        checkpoints=args.checkpoints,
    )
    print(f"Log: {run}   (tmnet compare {run.name} --logdir {run.parent})")


def report(args: argparse.Namespace) -> None:
    """`tmnet report`."""
    from tmnet.report.report import report as write_up
    from tmnet.report.study import Study, load_study

    if bool(args.studies) == bool(args.runs):
        raise TmnetError("Give the name of a study, or --runs and the names of runs.")
    logdir = _logdir(args)
    studies = {Path(name).stem: (name, load_study(name)) for name in args.studies}
    prefixes = {study.prefix for _, study in studies.values()}
    if len(studies) < len(args.studies) or len(prefixes) < len(studies):
        raise TmnetError(
            f"Of the studies {', '.join(args.studies)} two have the same name, or the same prefix "
            "of figures, and would overwrite each other; write them up one by one, into folders of "
            "their own (--output-dir)."
        )
    if args.runs:
        runs = list(dict.fromkeys(args.runs))
        title, page = f"Comparison of {', '.join(runs)}", file_name("_".join(runs))
        if len(page) > LONG_NAME:
            page = file_name(f"{runs[0]}_and_{len(runs) - 1}_others")
        studies = {page: ("", Study(title=title, question="", runs=runs, prefix=page))}
    for page, (name, study) in studies.items():
        what = [name] if name else ["--runs", *study.runs]
        where = ["--logdir", str(logdir)]
        options = ["--format", *args.format, "--output-dir", args.output_dir]
        options += ["--formats", ",".join(args.formats), "--width", args.width]
        commands = [
            shlex.join(["tmnet", "compare", *study.names(), *where]),
            shlex.join(["tmnet", "report", *what, *where, *options]),
        ]
        files = write_up(
            study, logdir, args.output_dir, page, args.format, args.formats, commands,
            cache=not args.no_cache, width=args.width,
        )  # fmt: skip
        pages = files[: len(args.format)]
        print(f"{', '.join(map(str, pages))}, and {len(files) - len(pages)} figures and tables")


def demo(args: argparse.Namespace) -> None:
    """`tmnet demo`."""
    from tmnet.comparison import compare
    from tmnet.logs.find import load_run
    from tmnet.report.report import report as write_up
    from tmnet.report.study import load_study

    logdir = data_path("runs")
    study = load_study("network_size_big_long")
    runs = [load_run(name, logdir) for name in study.runs]
    metrics = [f"A01/eval/{name}" for name in ("best", "mean", "std", "finish_rate", "races")]
    metrics += ["A01/eval/first_finish"]
    metrics += [f"{m}/explo/{name}" for m in ("A01", "Hock")
                for name in ("best", "finish_rate", "races")]  # fmt: skip
    metrics += ["loss", "avg_q/A01", "training_share"]
    files = write_up(study, logdir, args.output_dir, "index")
    by_time = compare(runs, interval=study.interval, metrics=metrics)
    by_step = compare(runs, by="step", interval=study.step_interval, metrics=metrics)
    print(_runs_table(runs))
    _print_tables(by_time, by_step)
    print(
        "\nThese runs were recorded with `tmnet train … --scale laptop`: small networks, on the "
        "first 600 m of simulated maps, for 15 to 25 minutes. See data/runs/README.md."
    )
    print(f"\nPage:      {files[0]}   (findings, figures and tables in one file)")
    print(f"Figures:   {len(files) - 1} in {files[0].parent}")
    print("Go on:     tmnet lab                            (the notebooks, in JupyterLab)")
    print("           tmnet compare A01_as20_big_long A01_as20_long --interval 1")
    print("Your own:  tmnet list --logdir DIR              (DIR holds a folder a run)")


def lab(args: argparse.Namespace) -> None:
    """`tmnet lab`."""
    from jupyterlab.labapp import LabApp

    notebooks = Path(__file__).parents[1] / "notebooks"
    root = notebooks.parent if notebooks.is_dir() else Path.cwd()
    first = [str(notebooks / "0_start.ipynb")] if notebooks.is_dir() else []
    LabApp.launch_instance([*first, f"--ServerApp.root_dir={root}", *args.rest])
