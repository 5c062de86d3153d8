"""`tmnet list`: which runs there are."""

from __future__ import annotations

import argparse
import warnings

from tmnet.errors import LogWarning


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

    runs = load_runs(log_directory(args), cache=not args.no_cache)
    print(runs_table(runs))
    for note in [*runs.notes, *(note for run in runs for note in run.notes)]:
        warnings.warn(note, LogWarning, stacklevel=1)
