"""Checkpoints: one is written whole or not at all, and the one before it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from tmnet.errors import TmnetError
from tmnet.files import make_directory, write_output, write_whole

FORMAT = 1
_KEPT = 2


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
        return sorted(self.directory.glob("[0-9]*.pt"))

    def save(self, state: dict[str, Any], frames: int) -> Path:
        """Keep a state.

        Raises
        ------
        TmnetError
            If it cannot be written; the checkpoint before it is still there then.
        """
        path = self._write(f"{frames:012d}.pt", state)
        # and what a process that was killed had written of one
        for old in (*self.files()[:-_KEPT], *self.directory.glob("*.tmp")):
            old.unlink(missing_ok=True)
        return path

    def save_best(self, map_: str, state: dict[str, Any]) -> None:
        """Keep the networks that drove a map best."""
        self._write(f"best_{map_}.pt", state)

    def save_race(self, map_: str, actions: np.ndarray) -> None:
        """Keep the actions of the latest eval race on a map; that is all it takes to see it."""
        path = make_directory(self.directory) / f"eval_{map_}.npy"
        write_output(path, lambda file: np.save(file, actions, allow_pickle=False))

    def latest_race(self) -> tuple[str, np.ndarray] | None:
        """Map and actions of the latest eval race, if there was one."""
        files = sorted(self.directory.glob("eval_*.npy"), key=lambda path: path.stat().st_mtime)
        if not files:
            return None
        return files[-1].stem.removeprefix("eval_"), np.load(files[-1], allow_pickle=False)

    def _write(self, name: str, state: dict[str, Any]) -> Path:
        path = make_directory(self.directory) / name
        try:
            write_whole(path, lambda file: torch.save({"format": FORMAT} | state, file))
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
        """The last state.

        Raises
        ------
        TmnetError
            If there is none, or it is damaged; the one before it is named then.
        """
        files = self.files()
        if not files:
            raise TmnetError(f"There is no checkpoint in {self.directory}.")
        try:
            return load_checkpoint(files[-1])
        except TmnetError as error:
            if len(files) == 1:
                raise
            raise TmnetError(
                f"{str(error).rstrip('.')}; remove it to go on from {files[-2].name}."
            ) from None


def load_checkpoint(path: Path) -> dict[str, Any]:
    """A state from its file; no code in the file is run.

    Raises
    ------
    TmnetError
        If it is no checkpoint of a training.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TmnetError(f"{path} cannot be read ({error.strerror or error}).") from None
    except Exception:  # the unpickler raises whatever a damaged file leads it to
        raise TmnetError(f"{path} is damaged, or no checkpoint.") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise TmnetError(f"{path} is no checkpoint of a training by this version of tmnet.")
    return state
