"""Training in a process of its own, so that a notebook stays usable."""

from __future__ import annotations

import atexit
import multiprocessing
import signal
import threading
import warnings
from multiprocessing.connection import Connection
from typing import Any

from tmnet.errors import TmnetError, TmnetWarning
from tmnet.training.progress import Status
from tmnet.training.start import train


class BackgroundTraining:
    """A training in another process; it is saved and ends when this process does.

    Parameters
    ----------
    **arguments
        Of `train`, but `stop` and `progress`.

    Attributes
    ----------
    status : Status or None
        How it went when it was last heard of.
    error : str
        Why it failed; empty if it did not.
    notes : list of str
        What else there is to know, such as that an older checkpoint was used.
    """

    def __init__(self, **arguments: Any):
        context = multiprocessing.get_context("spawn")  # the one that all systems have
        self._stop = context.Event()
        self._connection, theirs = context.Pipe(duplex=False)
        self.status: Status | None = None
        self.error = ""
        self.notes: list[str] = []
        # No daemon, which could not start collectors; so it is told when this process ends.
        self._process = context.Process(target=_train, args=(arguments, self._stop, theirs))
        atexit.register(self.stop)
        self._process.start()
        theirs.close()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def running(self) -> bool:
        return self._listener.is_alive()

    @property
    def is_stopping(self) -> bool:
        """Whether it has been asked to end."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask it to save and end."""
        self._stop.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        self._listener.join(timeout)

    def _listen(self) -> None:
        over = False
        while not over:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                self.error = "The training's process ended unexpectedly; resume it."
                break
            if isinstance(message, Status):
                self.status = message
            elif isinstance(message, TmnetWarning):
                self.notes.append(str(message))
            else:
                self.error, over = message, True
        self._process.join()
        atexit.unregister(self.stop)


def _train(arguments: dict[str, Any], stop: Any, connection: Connection) -> None:
    """What the other process does: it sends each `Status` and note, and last what went wrong,
    or ""."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a kernel's interrupt is not meant for it

    def tell(message: Status | TmnetWarning | str) -> None:
        try:
            connection.send(message)
        except OSError:  # nobody is there any more
            stop.set()

    def show(message: Warning | str, *about: Any) -> None:
        if isinstance(message, TmnetWarning):
            tell(message)

    warnings.showwarning = show
    try:
        train(**arguments, stop=stop, progress=tell)
    except TmnetError as error:
        tell(str(error))
    except BaseException as error:
        tell(f"The training failed ({type(error).__name__}: {error}); please report it.")
        raise
    else:
        tell("")
