"""`tmnet demo`: what tmnet does, with runs that come with it."""

from __future__ import annotations

import argparse

from tmnet.files import example_runs


def add_to(commands: argparse._SubParsersAction, logdir: argparse.ArgumentParser) -> None:
    """Add it to the commands."""
    parser = commands.add_parser(
        "demo", help="compare four recorded runs, with tables, figures and a page"
    )
    parser.add_argument(
        "--output-dir", default="tmnet-demo", metavar="DIR", help="default: tmnet-demo"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """`tmnet demo`."""
    from tmnet.cli.common import print_tables, runs_table
    from tmnet.comparison import compare
    from tmnet.logs.find import load_run
    from tmnet.report.report import report
    from tmnet.report.study import load_study

    logdir = example_runs()
    study = load_study("network_size_big_long")
    files = report(study, logdir=logdir, directory=args.output_dir, name="index")
    runs = [load_run(name, logdir) for name in study.runs]
    metrics = [f"A01/eval/{name}" for name in ("best", "mean", "std", "finish_rate", "races")]
    metrics += ["A01/eval/first_finish"]
    metrics += [f"{m}/explo/{name}" for m in ("A01", "Hock")
                for name in ("best", "finish_rate", "races")]  # fmt: skip
    metrics += ["loss", "avg_q/A01", "training_share"]
    by_time = compare(runs, interval=study.interval, metrics=metrics)
    by_step = by_time.again(by="step", interval=study.step_interval)
    print(runs_table(runs))
    print_tables([by_time, by_step])
    print(
        "\nThese runs were recorded with `tmnet train … --scale laptop`: small networks, on the "
        "first 600 m of simulated maps, for 15 to 25 minutes. See data/runs/README.md."
    )
    print(f"\nPage:      {files[0]}   (findings, figures and tables in one file)")
    print(f"Figures:   {len(files) - 1} in {files[0].parent}")
    print("Go on:     tmnet lab                            (the notebooks, in JupyterLab)")
    print("           tmnet compare A01_as20_big_long A01_as20_long --interval 1")
    print("Your own:  tmnet list --logdir DIR              (DIR holds a folder a run)")
