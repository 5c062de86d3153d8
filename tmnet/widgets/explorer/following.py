"""Following: reading again and again what runs have logged since."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection

FOLLOW_EVERY = 3.0  # s


class Following(threading.Thread):
    """Looks again and again for what has been logged since, until it is ended.

    Parameters
    ----------
    look : callable
        A callback, of which the argument means nothing.
    is_seen : callable
        Whether anybody sees what it finds; while nobody does, it does not look.
    """

    def __init__(self, look: Callable[[object], None], is_seen: Callable[[], bool]):
        super().__init__(daemon=True)
        self._look, self._is_seen = look, is_seen
        self.enough = threading.Event()

    def run(self) -> None:
        took = 0.0
        while not self.enough.wait(max(FOLLOW_EVERY, 3 * took)):
            if self._is_seen():
                began = time.monotonic()
                self._look(None)
                took = time.monotonic() - began

    def end(self) -> None:
        """Look no more; a look that has begun is not cut short."""
        self.enough.set()


def reading(age: float, new: Collection[str], gone: Collection[str]) -> str:
    """In words when was read, how old the newest record is, and which runs have come and gone."""
    parts = [f"Read at {time.strftime('%X')}, newest record {_time_span(age)} old"]
    parts += [f"new: {', '.join(new)}"] * bool(new) + [f"gone: {', '.join(gone)}"] * bool(gone)
    return "; ".join(parts)


def _time_span(seconds: float) -> str:
    """A time span in a unit that suits it."""
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
