"""The `tmnet` command: what the notebooks do, without a notebook."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from tmnet.cli import compare, demo, lab, list, report, train
from tmnet.errors import TmnetError, TmnetWarning
from tmnet.files import LOGDIR
from tmnet.safe_text import visible


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    if sys.stderr is None:  # it was closed; print would take standard output in its place
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:  # and files would be opened under its number
        told = "tmnet: standard output is closed; send it to a file, or to the null device."
        print(told, file=sys.stderr)
        return 2
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # terminals that lack a dash or ±
    status = 0
    try:
        status = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        _print_no_more()
    except OSError as error:  # of a file that nobody else has words for, or of what is printed
        what = error.filename or "standard output"
        print(visible(f"tmnet: {what}: {error.strerror or error}."), file=sys.stderr)
        if not error.filename:
            _print_no_more()
        status = 2
    return status


def _run(argv: Sequence[str] | None) -> int:
    """Do what was asked for, or say why not; returns the exit status."""
    parser = _parser()
    try:
        args, rest = parser.parse_known_args(argv)
        if rest and args.run is not lab.run:
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
    except SystemExit as end:  # after help, or a word about an argument
        return int(end.code or 0)
    args.rest = rest
    with warnings.catch_warnings():
        warnings.simplefilter("always", TmnetWarning)
        warnings.showwarning = _show_warning
        try:
            args.run(args)
        except TmnetError as error:
            print(f"tmnet: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("tmnet: stopped.", file=sys.stderr)
            return 130
    return 0


def _print_no_more() -> None:
    """What is still to be printed would fail again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    if issubclass(category, TmnetWarning):
        print(f"note: {message}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"tmnet: {visible(message)}; `{self.prog} --help` lists what there is.\n")


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
    for command in (compare, list, train, report, demo, lab):
        command.add_to(commands, logdir)
    return parser
