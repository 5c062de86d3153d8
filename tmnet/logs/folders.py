"""Which folders of a log directory are runs, as TensorBoard has it.

A folder that holds event files is a run, and what lies below it belongs to it; one that holds none
is a group, whose folders are looked into.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import NamedTuple

from tmnet.errors import TmnetError
from tmnet.files import plain_name

MARK = "tfevents"  # in the name of every event file


class RunFolders(NamedTuple):
    """The runs of a log directory.

    Attributes
    ----------
    files : dict of str to list of Path
        The event files of each, by its path below the log directory, as `plain_name` has it; in
        the order of their creation. Runs are ordered by name, A before A_2 before A_10.
    folders : dict of str to Path
        The folder of each.
    notes : list of str
        What was not looked into.
    """

    files: dict[str, list[Path]]
    folders: dict[str, Path]
    notes: list[str]


def run_folders(logdir: Path) -> RunFolders:
    """The runs of a log directory.

    Links are followed, once: what a link leads to is looked into unless it was already. A folder
    that cannot be read is left out, with a note.

    Raises
    ------
    TmnetError
        If there is no such directory.
    """
    if logdir.is_file():
        raise TmnetError(
            f"{logdir} is a file; a log directory is a folder of runs, such as "
            f"{logdir.absolute().parent.parent if MARK in logdir.name else logdir.parent}."
        )
    if not logdir.is_dir():
        raise TmnetError(f"There is no log directory {logdir}.")
    walk = _Walk(str(logdir))
    while walk.links:
        walk.follow(*walk.links.pop(0))
    files = {
        name: sorted(paths, key=creation)
        for name, paths in sorted(walk.files.items(), key=lambda item: _natural(item[0]))
    }
    return RunFolders(files, walk.folders, walk.notes)


def creation(path: Path) -> tuple[int, list[tuple[int, str]]]:
    """Sort key: the seconds in an event file's name (…tfevents.SECONDS.HOST.PID.N), then its path,
    in which the tenth of a process comes behind the ninth."""
    seconds = path.name.partition("tfevents.")[2].partition(".")[0]
    return int(seconds) if seconds.isdecimal() else 0, _natural(str(path))


class _Walk:
    """A walk through a log directory; folders themselves first, then those that links lead to."""

    def __init__(self, top: str):
        self._top = os.path.realpath(top)
        self.files: dict[str, list[Path]] = {}
        self.folders: dict[str, Path] = {}
        self.notes: list[str] = []
        self.links: list[tuple[str, str, str | None]] = []
        self._seen: dict[str, str] = {}  # the paths that were looked into, by what they really are
        self.look_into(top, "", None)

    def look_into(self, folder: str, name: str, run: str | None) -> None:
        """Look into a folder of that name, which may be part of a run; and into those below."""
        below = [(folder, name, run)]
        while below:
            folder, name, run = below.pop()
            real = os.path.realpath(folder)
            if real in self._seen:
                continue
            self._seen[real] = folder
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                self.notes.append(f"{folder} cannot be read ({error.strerror}); it is left out.")
                continue
            folders = []
            for entry in entries:
                if _is_folder(entry):
                    folders.append(entry)
                elif MARK in entry.name:
                    if run is None:
                        run = name
                        self.folders[run] = Path(folder)
                    self.files.setdefault(run, []).append(Path(entry.path))
            own: list[tuple[str, str, str | None]] = []
            for entry in folders:
                own_name = plain_name(entry.name)
                deeper = (entry.path, f"{name}/{own_name}" if name else own_name, run)
                (self.links if entry.is_symlink() else own).append(deeper)
            below += reversed(own)

    def follow(self, link: str, name: str, run: str | None) -> None:
        """Look into what a link leads to, unless it leads to a folder above itself."""
        real = os.path.realpath(link)
        above = os.path.realpath(os.path.dirname(link))
        if real in self._seen:
            with contextlib.suppress(OSError):  # it cannot be read, as was said
                if any(MARK in file for file in os.listdir(real)):
                    self.notes.append(
                        f"{link} is a link to {self._seen[real]}, which is here, too."
                    )
        elif any(Path(below).is_relative_to(real) for below in (above, self._top)):
            self.notes.append(f"{link} is a link to a folder above it; it is left out.")
        else:
            self.look_into(link, name, run)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads round in a circle
        return False


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key in which numbers are ordered by what they are worth, whatever their length."""
    parts = [x.lstrip("0") if x.isdecimal() else x for x in re.split(r"(\d+)", name)]
    return [(len(x) if i % 2 else 0, x) for i, x in enumerate(parts)]
