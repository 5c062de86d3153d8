"""`tmnet lab`: the notebooks, in JupyterLab."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_to(commands: argparse._SubParsersAction, logdir: argparse.ArgumentParser) -> None:
    """Add it to the commands."""
    parser = commands.add_parser(
        "lab",
        help="open the notebooks in JupyterLab",
        description="Open the notebooks in JupyterLab. Further arguments, such as --no-browser, "
        "are handed to it.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """`tmnet lab`."""
    from jupyterlab.labapp import LabApp

    notebooks = Path(__file__).parents[2] / "notebooks"
    root = notebooks.parent if notebooks.is_dir() else Path.cwd()
    first = [str(notebooks / "0_start.ipynb")] if notebooks.is_dir() else []
    LabApp.launch_instance([*first, f"--ServerApp.root_dir={root}", *args.rest])
