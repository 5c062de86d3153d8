"""`tmnet demo`: what tmnet does, with runs that come with it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tmnet.cli.common import print_sentences
from tmnet.files import example_runs

if TYPE_CHECKING:
    from tmnet.logs.run import Run
    from tmnet.report.study import Study


def add_to(commands: argparse._SubParsersAction, logdir: argparse.ArgumentParser) -> None:
    """Add it to the commands."""
    parser = commands.add_parser(
        "demo", help="compare four recorded runs: the answer, and a page with figures"
    )
    parser.add_argument(
        "--output-dir", default="tmnet-demo", metavar="DIR", help="default: tmnet-demo"
    )
    parser.add_argument(
        "--tables", action="store_true", help="print the tables of the comparison, too"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """`tmnet demo`."""
    from tmnet.report.report import compare_study, load_study_runs, report
    from tmnet.report.sections import answered, unsaid
    from tmnet.report.study import load_study

    logdir = example_runs()
    study = load_study("network_size_big_long")
    files = report(study, logdir=logdir, directory=args.output_dir, name="index")
    runs = load_study_runs(study, logdir)
    main, closer = compare_study(study, runs)
    cautions = unsaid(main, main.of("caution"), closer)
    print_sentences([study.question])
    print_sentences(answered(main, closer), "- ")
    print_sentences(cautions[:1], "Caution: ")
    if args.tables:
        _print_tables(runs, study)
    figures = sum(path.suffix == ".png" for path in files)
    print(f"\nPage:      {files[0]}")
    print(f"Figures:   {figures} in {files[0].parent}")
    if not args.tables:
        print("Tables:    tmnet demo --tables")
    print("Go on:     tmnet lab                 (the notebooks, in JupyterLab)")
    print("Your own:  tmnet list --logdir DIR   (DIR holds a folder a run)")


def _print_tables(runs: Mapping[str, Run], study: Study) -> None:
    from tmnet.cli.common import print_tables
    from tmnet.comparison import compare

    metrics = [f"A01/eval/{name}" for name in ("best", "mean", "std", "finish_rate", "races")]
    metrics += ["A01/eval/first_finish"]
    metrics += [f"{m}/explo/{name}" for m in ("A01", "Hock")
                for name in ("best", "finish_rate", "races")]  # fmt: skip
    metrics += ["loss", "avg_q/A01", "training_share"]
    by_time = compare(list(runs.values()), interval=study.interval, metrics=metrics)
    print_tables([by_time, by_time.again(by="step", interval=study.step_interval)])
