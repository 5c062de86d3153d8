"""Writing files so that a whole one is there at every moment, and reading none that is no file."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import stat
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from tmnet.arguments import one_of, some_names
from tmnet.errors import TmnetError

# in the current folder, unless asked
LOGDIR, CHECKPOINTS, EXPERIMENTS = "tensorboard", "checkpoints", "experiments"
FIGURE_FORMATS = ("png", "svg", "pdf", "jpg")
TABLE_FORMATS = ("csv", "md", "tex")  # of files that are exported
LONGEST_NAME = 150  # bytes; systems take 255, some 143, with what is added to it
_RESERVED = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])(\.|$)", re.IGNORECASE)  # on Windows

_NO_FILES = {
    stat.S_IFIFO: "it is a named pipe",
    stat.S_IFSOCK: "it is a socket",
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
    stat.S_IFDIR: "it is a folder",
}


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read it; links are followed.

    Raises
    ------
    OSError
        If it cannot be opened, or is no regular file: to open or read a pipe or a device may take
        forever, or change something.
    """
    _check_regular(path, os.stat(path).st_mode)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, "rb", opener=_open_without_waiting))
        _check_regular(path, os.fstat(file.fileno()).st_mode)  # it may have been replaced
        stack.pop_all()
    return file


def _check_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        reason = _NO_FILES.get(stat.S_IFMT(mode), "it is no regular file")
        raise OSError(errno.EINVAL, reason, str(path))


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has no such files


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file aside, flush it, and rename it: an older one stays until the new is whole.

    A link stays one: what it leads to is written. So is what is no file, such as a pipe, once it
    is known whole.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then.
    """
    if _is_stream(path):
        whole = io.BytesIO()
        write(whole)
        number = _printed(path)
        with open(path if number is None else number, "wb", closefd=number is None) as stream:
            stream.write(whole.getbuffer())
        return
    path = _without_links(path)
    aside = path.with_name(f"{path.name[:40]}.{uuid.uuid4().hex}.tmp")  # no longer than a name is
    try:
        with open(aside, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _is_stream(path: Path) -> bool:
    """Whether a path is written into as it is: a pipe, a device, or where we print to.

    Raises
    ------
    OSError
        If it is a folder, or must not be written.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):  # of which `check_folder` says more
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(path, os.W_OK):  # which renaming another file to its name would not heed
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return not stat.S_ISREG(mode) or _printed(path) is not None


def _printed(path: Path) -> int | None:
    """Whether a path is that of standard output or error: the number of that."""
    for number in (1, 2):
        with contextlib.suppress(OSError):  # it is closed
            if os.path.samestat(os.stat(path), os.fstat(number)):
                return number
    return None


def _without_links(path: Path) -> Path:
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def write_output(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """`write_whole` for what the user asked for: TmnetError where it cannot be written."""
    try:
        write_whole(path, write)
    except (OSError, ValueError) as error:  # ValueError: the path names no file
        raise _unwritable(path, error) from None


def check_output(path: Path) -> None:
    """TmnetError where `write_output` could not write: to be known before the work begins."""
    try:
        if _is_stream(path):  # to open a pipe is to wait for who reads it
            return
        folder = _without_links(path).parent
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    check_folder(folder)


def check_folder(directory: Path) -> None:
    """TmnetError where nothing can be written into a folder, be it there or still to be made."""
    try:
        there = next(folder for folder in (directory, *directory.parents) if folder.exists())
        if there == directory and not directory.is_dir():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        probe = there / f"tmnet.{uuid.uuid4().hex}.tmp"
        try:
            with open(probe, "xb") as file:
                file.write(bytes(4096))  # which a full disk does not take
        finally:
            probe.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise _no_folder(directory, error) from None


def _unwritable(path: Path, error: Exception) -> TmnetError:
    return TmnetError(f"{path} cannot be written ({getattr(error, 'strerror', None) or error}).")


def _no_folder(directory: Path, error: Exception) -> TmnetError:
    cannot = "be written into" if os.path.isdir(directory) else "be made"
    reason = getattr(error, "strerror", None) or error
    return TmnetError(f"The folder {directory} cannot {cannot} ({reason}); choose another.")


def plain_name(name: str) -> str:
    """The name of a file or a folder, in which bytes that are no UTF-8 are written: ``a\\udcff``.

    Python has halves of surrogate pairs in their place, which neither pandas nor a page can hold.
    """
    return name.encode("utf-8", "backslashreplace").decode()


def file_name(text: str) -> str:
    """A text as a file's name, or as part of one: without signs and names that some system refuses,
    and not too long."""
    text = re.sub(r"[^\w.-]+|^[.-]|\.$", "_", text)
    return fitted(f"_{text}" if _RESERVED.match(text) else text)


def fitted(name: str) -> str:
    """A file's name without its ending; of one that is too long the beginning, and what tells it
    from others that begin so."""
    if len(name.encode()) <= LONGEST_NAME:
        return name
    mark = f"_{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return name.encode()[: LONGEST_NAME - len(mark)].decode("utf-8", "ignore") + mark


def check_prefix(prefix: str) -> str:
    """What names of files begin with; TmnetError where they would lie in another folder."""
    if re.search(r"[/\\:]", prefix) or not prefix.isprintable():
        raise TmnetError(
            f"The prefix {prefix!r} cannot begin the name of a file: it takes letters, digits and "
            "signs, but not /, \\ and :, which lead to other folders."
        )
    return prefix


def check_formats(formats: Iterable[str]) -> list[str]:
    """Names of formats as `tmnet.export` knows them; TmnetError for one that it cannot write."""
    formats = [name.lower().lstrip(".") for name in some_names("formats", formats)]
    for name in formats:
        if name not in FIGURE_FORMATS + TABLE_FORMATS:
            raise TmnetError(
                f"The format {name or '(without a name)'} cannot be written; figures can be "
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
    except (OSError, ValueError) as error:
        raise _no_folder(directory, error) from None
    return directory


def shipped_path(*parts: str) -> Path:
    """A file or folder that comes with tmnet: in the checkout, or in the installed package.

    Raises
    ------
    TmnetError
        If it is not there.
    """
    here = Path(__file__).parent
    for root in (here, here.parent):
        if (path := root.joinpath(*parts)).exists():
            return path
    raise TmnetError(f"{'/'.join(parts)} is missing from this installation of tmnet.")


def data_path(*parts: str) -> Path:
    """As `shipped_path`, of the folder `data`."""
    return shipped_path("data", *parts)


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
    return data_path(*places[one_of("which", which, places)])
