"""`tmnet list`: which runs there are."""

from __future__ import annotations

import argparse


def add_to(commands: argparse._SubParsersAction, logdir: argparse.ArgumentParser) -> None:
    """Add it to the commands."""
    parser = commands.add_parser(
        "list", parents=[logdir], allow_abbrev=False, help="list the runs in a log directory"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """`tmnet list`."""
    from tmnet.cli.common import log_directory, runs_table
    from tmnet.logs.find import load_runs

    print(runs_table(load_runs(log_directory(args), cache=not args.no_cache)))
