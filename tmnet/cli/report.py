"""`tmnet report`: write a study up."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from tmnet.errors import TmnetError
from tmnet.files import FIGURE_FORMATS, file_name, plain_name

LONG_NAME = 80  # of a page, by the names of its runs


def add_to(commands: argparse._SubParsersAction, logdir: argparse.ArgumentParser) -> None:
    """Add it to the commands."""
    parser = commands.add_parser(
        "report", parents=[logdir], help="write a study up, as a page",
        description="Write a study up: a page with what its runs show, how surely, and its "
        "figures and tables. What the author wrote between its marks stays when it is made again.",
    )  # fmt: skip
    parser.add_argument(
        "studies", nargs="*", metavar="NAME", help="of data/studies, or a .yaml file"
    )
    parser.add_argument("--runs", nargs="+", default=[], metavar="RUN", help="in place of a study")
    parser.add_argument(
        "--format", nargs="+", default=["html"], choices=("md", "rst", "html"),
        help="of the page: Markdown, reStructuredText, or one HTML file (default)",
    )  # fmt: skip
    parser.add_argument("--output-dir", default="report", metavar="DIR", help="default: report")
    parser.add_argument(
        "--formats", default=["png"], type=lambda text: text.split(","),
        help="of figures and tables, as for compare (default: png)",
    )  # fmt: skip
    parser.add_argument(
        "--width", default="page", choices=("page", "column"),
        help="of figures: that of a page's text, or of a column (default: page)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """`tmnet report`."""
    from tmnet.cli.common import log_directory
    from tmnet.report.report import report
    from tmnet.report.study import Study, load_study

    if bool(args.studies) == bool(args.runs):
        raise TmnetError("Give the name of a study, or --runs and the names of runs.")
    logdir = log_directory(args)
    studies = {Path(name).stem: (name, load_study(name)) for name in args.studies}
    prefixes = {study.prefix for _, study in studies.values()}
    if len(studies) < len(args.studies) or len(prefixes) < len(studies):
        raise TmnetError(
            f"Of the studies {', '.join(args.studies)} two have the same name, or the same prefix "
            "of figures, and would overwrite each other; write them up one by one, into folders of "
            "their own (--output-dir)."
        )
    if args.runs:
        runs = list(dict.fromkeys(map(plain_name, args.runs)))
        title, page = f"Comparison of {', '.join(runs)}", file_name("_".join(runs))
        if len(page) > LONG_NAME:
            page = file_name(f"{runs[0]}_and_{len(runs) - 1}_others")
        studies = {page: ("", Study(title=title, question="", runs=runs, prefix=page))}
    for page, (name, study) in studies.items():
        what = [name] if name else ["--runs", *study.runs]
        options = ["--output-dir", args.output_dir]
        options += ["--format", *args.format] if args.format != ["html"] else []
        options += ["--formats", ",".join(args.formats)] if args.formats != ["png"] else []
        options += ["--width", args.width] if args.width != "page" else []
        command = shlex.join(["tmnet", "report", *what, "--logdir", str(logdir), *options])
        files = report(
            study, logdir=logdir, directory=args.output_dir, name=page, styles=args.format,
            formats=args.formats, commands=[command], cache=not args.no_cache, width=args.width,
        )  # fmt: skip
        pages = files[: len(args.format)]
        figures = len({path.stem for path in files if path.suffix[1:] in FIGURE_FORMATS})
        print(f"{', '.join(map(str, pages))}, with {figures} figures")
