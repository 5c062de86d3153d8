"""Checkpoints: one is written whole or not at all, and the one before it is kept."""

from __future__ import annotations

import os
import re
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from tmnet.errors import TmnetError, TrainingWarning
from tmnet.files import make_directory, open_regular, write_output, write_whole

FORMAT = 2
_FORMATS = (1, FORMAT)  # the first had no checksum
_KEPT = 2
_CHUNK = 2**20  # bytes that are read at once
# Behind what torch writes, which torch and other readers of archives pass over.
_SEAL = re.compile(rb"\ntmnet crc32 ([0-9a-f]{8})\n")
_SEAL_LENGTH = 22
# Full names, so that neither copies nor what others put there is ever taken for a checkpoint.
_NAME = re.compile(r"\d{12,}\.pt")
_ASIDE = re.compile(r"(\d{12}|best_|eval_).*\.[0-9a-f]{32}\.tmp")  # as `write_whole` calls it


class DamagedCheckpoint(TmnetError):
    """What is in a file is not what was written, or was never a checkpoint."""


class Checkpoints:
    """The checkpoints of a run: `<frames>.pt`, the last two, and the best by map.

    Parameters
    ----------
    directory : Path
    """

    def __init__(self, directory: Path):
        self.directory = directory

    def files(self) -> list[Path]:
        """Oldest first."""
        found = [path for path in self._listed() if _NAME.fullmatch(path.name) and path.is_file()]
        return sorted(found, key=lambda path: int(path.stem))

    def beside(self, run: str) -> Path:
        """Where another run would have its checkpoints."""
        return self.directory.parent / run

    def bests(self) -> list[Path]:
        """What `save_best` has kept, and copies of it."""
        return sorted(path for path in self._listed() if re.fullmatch(r"best_.+\.pt", path.name))

    def _listed(self) -> list[Path]:
        try:
            return list(self.directory.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def save(self, state: dict[str, Any], frames: int) -> Path:
        """Keep a state.

        Raises
        ------
        TmnetError
            If it cannot be written; the checkpoint before it is still there then.
        """
        path = self._write(f"{frames:012d}.pt", state)
        # and what a process that was killed had written of one
        left = [path for path in self._listed() if _ASIDE.fullmatch(path.name)]
        for old in (*self.files()[:-_KEPT], *left):
            old.unlink(missing_ok=True)
        return path

    def save_best(self, map_: str, state: dict[str, Any]) -> None:
        """Keep the networks that drove a map best."""
        self._write(f"best_{map_}.pt", state)

    def save_race(self, map_: str, actions: np.ndarray) -> None:
        """Keep the actions of the latest eval race on a map; that is all it takes to see it."""
        path = make_directory(self.directory) / f"eval_{map_}.npy"
        write_output(path, lambda file: np.save(file, actions, allow_pickle=False))

    def latest_race(self, maps: Iterable[str]) -> tuple[str, np.ndarray] | None:
        """Map and actions of the latest eval race on some maps, if there was one."""
        files = {map_: self.directory / f"eval_{map_}.npy" for map_ in maps}
        files = {map_: path for map_, path in files.items() if path.is_file()}
        if not files:
            return None
        latest = max(files, key=lambda map_: files[map_].stat().st_mtime)
        return latest, np.load(files[latest], allow_pickle=False)

    def _write(self, name: str, state: dict[str, Any]) -> Path:
        path = make_directory(self.directory) / name
        try:
            write_whole(path, lambda file: _save(state, file))
        except (OSError, RuntimeError) as error:  # torch wraps what its file raises
            reason = getattr(error.__context__, "strerror", None) or error
            reason = getattr(error, "strerror", None) or str(reason).splitlines()[0]
            kept = self.files()
            raise TmnetError(
                f"The checkpoint {path} cannot be written ({reason})"
                + (f"; {kept[-1].name} is kept." if kept else ".")
            ) from None
        return path

    def load(self) -> dict[str, Any]:
        """The last state that is whole.

        Warns
        -----
        TrainingWarning
            Of those after it, which are damaged.

        Raises
        ------
        TmnetError
            If there is none, or it cannot be read.
        """
        files = self.files()
        if not files:
            raise TmnetError(f"There is no checkpoint in {self.directory}.")
        damaged: list[DamagedCheckpoint] = []
        for path in reversed(files):
            try:
                state = load_checkpoint(path)
            except DamagedCheckpoint as error:
                damaged.append(error)
                continue
            if damaged:
                told = f"{str(damaged[0]).rstrip('.')}; {path.name}, from before it, is used."
                warnings.warn(told, TrainingWarning, stacklevel=2)
            return state
        raise damaged[0]

    def set_damaged_aside(self, frames: int) -> None:
        """Rename checkpoints of more frames than the one that is gone on from: they are damaged,
        and would be taken for the newest."""
        for path in self.files():
            if int(path.stem) > frames:
                path.replace(path.with_suffix(".damaged"))


class _Sum:
    """A file that is written, and its checksum."""

    def __init__(self, file: BinaryIO):
        self._file, self.crc = file, 0

    def write(self, data: bytes) -> int:
        self.crc = zlib.crc32(data, self.crc)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def _save(state: dict[str, Any], file: BinaryIO) -> None:
    summed = _Sum(file)
    torch.save({"format": FORMAT} | state, summed)
    file.write(b"\ntmnet crc32 %08x\n" % summed.crc)


def _is_sealed(file: BinaryIO) -> bool | None:
    """Whether the checksum at the end of a file is that of what is before it; None without one."""
    size = file.seek(0, os.SEEK_END) - _SEAL_LENGTH
    if size < 0:
        return None
    file.seek(size)
    seal = _SEAL.fullmatch(file.read())
    if seal is None:
        return None
    file.seek(0)
    crc = 0
    while size:
        data = file.read(min(size, _CHUNK))
        crc, size = zlib.crc32(data, crc), size - len(data)
    return crc == int(seal[1], 16)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """A state from its file; no code in the file is run.

    Raises
    ------
    TmnetError
        If it is no checkpoint of a training; `DamagedCheckpoint` if it may have been one.
    """
    damaged = DamagedCheckpoint(f"{path} is damaged, or no checkpoint.")
    try:
        with open_regular(path) as file:
            sealed = _is_sealed(file)
            if sealed is False:
                raise damaged
            file.seek(0)
            with warnings.catch_warnings(action="ignore"):  # of files that torch has not written
                state = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TmnetError(f"{path} cannot be read ({error.strerror or error}).") from None
    except Exception:  # the unpickler raises whatever a damaged file leads it to
        raise damaged from None
    known = state.get("format") if isinstance(state, dict) else None
    if known not in _FORMATS or (known == FORMAT and not sealed):
        if isinstance(known, int) and known not in _FORMATS:
            raise TmnetError(f"{path} is no checkpoint of a training by this version of tmnet.")
        raise damaged
    return state
