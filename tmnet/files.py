"""Writing files so that a whole one is there at every moment."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from tmnet.errors import TmnetError

LOGDIR, CHECKPOINTS = "tensorboard", "checkpoints"  # in the current folder, unless asked
FIGURE_FORMATS = ("png", "svg", "pdf", "jpg")
TABLE_FORMATS = ("csv", "md", "tex")  # of files that are exported


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file aside, flush it, and rename it: an older one stays until the new is whole.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then.
    """
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(aside, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_output(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """`write_whole` for what the user asked for: TmnetError where it cannot be written."""
    try:
        write_whole(path, write)
    except (OSError, ValueError) as error:  # ValueError: the path names no file
        reason = getattr(error, "strerror", None) or error
        raise TmnetError(f"{path} cannot be written ({reason}).") from None


def file_name(text: str) -> str:
    """A text as part of a file's name: without signs that some system refuses."""
    return re.sub(r"[^\w.-]+", "_", text)


def check_formats(formats: Iterable[str]) -> list[str]:
    """Names of formats as `tmnet.export` knows them; TmnetError for one that it cannot write."""
    formats = [name.lower().lstrip(".") for name in formats]
    for name in formats:
        if name not in FIGURE_FORMATS + TABLE_FORMATS:
            raise TmnetError(
                f"The format {name} cannot be written; figures can be "
                f"{', '.join(FIGURE_FORMATS)}, tables {', '.join(TABLE_FORMATS)}."
            )
    return formats


def make_directory(directory: str | Path) -> Path:
    """Make a directory for output.

    Raises
    ------
    TmnetError
        If that cannot be.
    """
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TmnetError(
            f"The folder {directory} cannot be made ({error.strerror}); choose another."
        ) from None
    return directory


def data_path(*parts: str) -> Path:
    """A file or folder that comes with tmnet: in the checkout, or in the installed package.

    Raises
    ------
    TmnetError
        If it is not there.
    """
    here = Path(__file__).parent
    for root in (here / "data", here.parent / "data"):
        if (path := root.joinpath(*parts)).exists():
            return path
    raise TmnetError(f"data/{'/'.join(parts)} is missing from this installation of tmnet.")


def example_runs(which: str = "recorded") -> Path:
    """The log directory of runs that come with tmnet.

    Parameters
    ----------
    which : {"recorded", "published"}
        Four trainings at laptop scale on the racing simulator; or those of the published
        experiment on the game, reconstructed from its figures.

    Raises
    ------
    TmnetError
        If there are no such runs.

    Examples
    --------
    >>> import tmnet
    >>> list(tmnet.list_runs(tmnet.example_runs())["run"])
    ['A01_as20_big_long', 'A01_as20_long', 'uni_20', 'uni_20_long']
    """
    places = {"recorded": ("runs",), "published": ("published", "runs")}
    if which not in places:
        raise TmnetError(f"There are no runs {which!r}; there are {' and '.join(places)} ones.")
    return data_path(*places[which])
