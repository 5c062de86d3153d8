"""`tmnet lab`: the notebooks, in JupyterLab, in the user's folder."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tmnet.cli.common import print_sentences
from tmnet.errors import TmnetError
from tmnet.files import make_directory, shipped_path, write_output

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode

START = "0_start.ipynb"
PAGES = (START, "start.ipynb")  # names of the start page, where the first is a user's own
PATIENCE = 15.0  # s, in which the start page is made as far as it gets
MADE = "tmnet_made"  # in a page's metadata: what its cells were


def add_to(commands: argparse._SubParsersAction, logdir: argparse.ArgumentParser) -> None:
    """Add it to the commands."""
    parser = commands.add_parser(
        "lab",
        help="open the notebooks in JupyterLab, in a folder of one's own",
        usage="tmnet lab [DIR] [--no-browser] [...]",
        description="Open JupyterLab in the folder DIR (default: this one), with the runs in its "
        "`tensorboard`, on a start page that shows them. Notebooks are copied to DIR/notebooks; "
        "what is there already is not overwritten, but for a start page that nobody has changed. "
        "Arguments behind DIR, such as --no-browser or --port=9000, are handed to JupyterLab.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """`tmnet lab`."""
    has_folder = bool(args.rest) and not args.rest[0].startswith("-")
    given = args.rest[0] if has_folder else "."
    if not os.path.isdir(given):
        what = "is a file" if os.path.isfile(given) else "does not exist"
        raise TmnetError(
            f"{given or 'a folder without a name'} {what}; `tmnet lab` opens a folder: make it, or "
            "choose another."
        )
    folder = Path(given).resolve()
    notebooks = make_directory(folder / "notebooks")
    _copy_notebooks(notebooks)
    page = _start_page(notebooks)
    _open(folder, page, args.rest[has_folder:])


def _open(folder: Path, page: Path, rest: list[str]) -> None:
    """JupyterLab; by default it listens on this machine alone, and asks for a token."""
    from jupyterlab.labapp import LabApp

    arguments = [
        f"--ServerApp.root_dir={folder}",
        # Nothing leaves this machine: no look for a newer JupyterLab, no question about its news.
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=None",
        *rest,
    ]
    if page.exists():
        # by its address, not as a file to open: so it is what the terminal says to visit, too
        arguments.insert(0, f"--LabApp.default_url=/lab/tree/notebooks/{page.name}")
    LabApp.launch_instance(arguments)


def _copy_notebooks(notebooks: Path) -> None:
    """Those that are not there, but for the start page; and say which were."""
    copied, left = [], []
    for notebook in sorted(shipped_path("notebooks").glob("[0-9]_*.ipynb")):
        target = notebooks / notebook.name
        if notebook.name == START:
            continue
        if target.exists() or target.is_symlink():
            left.append(notebook.stem)
        else:
            with open(notebook, "rb") as file:
                write_output(target, lambda out, file=file: shutil.copyfileobj(file, out))
            copied.append(notebook.stem)
    parts = {"copied": copied, "left as they are": left}
    told = "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items() if names)
    print_sentences([f"Notebooks in {notebooks}: {told}."])


def _start_page(notebooks: Path) -> Path:
    """Make the start page anew, unless its cells were changed; returns where it is."""
    import nbformat

    page = next((notebooks / name for name in PAGES if _is_ours(notebooks / name)), None)
    if page is None:
        print_sentences(["The start page has changes of your own; it is opened as it is."])
        return notebooks / START
    notebook = nbformat.read(shipped_path("notebooks", START), as_version=4)
    notebook.metadata[MADE] = _cells(notebook)
    print("Making the start page.", flush=True)
    if problem := _execute(notebook, notebooks):
        print_sentences([f"The start page is not complete: {problem}"], "note: ", sys.stderr)
    try:
        write_output(page, lambda file: file.write(nbformat.writes(notebook).encode()))
    except TmnetError as error:
        print_sentences([str(error)], "note: ", sys.stderr)
    return page


def _execute(notebook: NotebookNode, folder: Path) -> str:
    """Run the cells of the start page until one fails or takes too long; what of it, in words."""
    from nbclient import NotebookClient

    end = time.monotonic() + PATIENCE
    client = NotebookClient(
        notebook,
        resources={"metadata": {"path": str(folder)}},
        startup_timeout=round(PATIENCE),
        timeout_func=lambda cell: max(end - time.monotonic(), 0.1),
        shutdown_kernel="immediate",
        store_widget_state=False,  # they are drawn as a picture
        record_timing=False,
        # Or a file there that is called like a library would be taken for it.
        extra_arguments=["--IPKernelApp.ignore_cwd=True"],
    )
    problems: list[str] = []
    # In the main thread the client would take interrupts for itself, and go on.
    thread = threading.Thread(target=lambda: problems.extend(_problem(client)), daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)  # Windows does not interrupt a wait
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = [out for out in cell.outputs if out.output_type != "error"]
    return "".join(problems)


def _problem(client: NotebookClient) -> Iterator[str]:
    """Run a notebook's cells; what went wrong, if anything did."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    try:
        asyncio.run(client.async_execute(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    except CellTimeoutError:
        yield f"reading the runs took longer than {PATIENCE:.0f} s."
    except CellExecutionError as error:
        yield f"{error.ename}: {error.evalue}"
    except Exception as error:  # of the kernel; JupyterLab opens all the same
        yield f"{type(error).__name__}: {error}"


def _is_ours(page: Path) -> bool:
    """Whether a start page may be written: there is none, or its cells are those that we wrote."""
    import nbformat

    if not page.exists():
        return not page.is_symlink()
    try:
        notebook = nbformat.read(page, as_version=4)
        return notebook.metadata.get(MADE) == _cells(notebook)
    except Exception:  # whatever it is, it is not what we wrote
        return False


def _cells(notebook: NotebookNode) -> str:
    """What a notebook's cells are, without their outputs; a digest."""
    cells = [(cell.cell_type, cell.source) for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()
