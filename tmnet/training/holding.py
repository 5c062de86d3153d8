"""One process at a time trains a run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tmnet.errors import TmnetError
from tmnet.files import check_folder, make_directory

LOCK = "tmnet.lock"  # in every folder of a run that is being trained


@contextmanager
def held(run: str, folders: Sequence[Path]) -> Iterator[None]:
    """Keep other processes from a run, as long as this one lives.

    The system gives up the lock of a process that ends in whatever way; the file alone means
    nothing. The folders are made, and go again if nothing is in them in the end.

    Raises
    ------
    TmnetError
        If another process, or another training of this one, holds it; or if nothing can be written
        there.
    """
    different = {folder.resolve(): folder for folder in folders}.values()
    for folder in different:
        check_folder(folder)  # all, before one is made
    with ExitStack() as stack:
        for folder in different:
            stack.enter_context(_held(run, folder))
        yield


@contextmanager
def _held(run: str, folder: Path) -> Iterator[None]:
    path = make_directory(folder) / LOCK
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise TmnetError(
            f"The run {run!r} is being trained already: another process holds {path}."
        ) from None
    except OSError as error:
        raise TmnetError(f"{path} cannot be locked ({error.strerror or error}).") from None
    try:
        yield
    finally:
        if os.name != "nt":  # where it is removed once it is released
            path.unlink(missing_ok=True)  # while it is held: who waits for it makes another
        lock.release()
        with suppress(OSError):  # there is something in it
            folder.rmdir()
