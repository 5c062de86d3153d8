"""Ending a training that is asked to end: by its caller, by Ctrl-C, or by the system."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Stop(Protocol):
    """Such as a `threading.Event`."""

    def is_set(self) -> bool: ...


@contextmanager
def stopping(stop: Stop | None) -> Iterator[Stop]:
    """Whether to stop: when asked to, at Ctrl-C, when the system ends processes, or when the
    terminal is closed; a second Ctrl-C stops at once."""
    asked = threading.Event()

    class Either:
        def is_set(self) -> bool:
            return asked.is_set() or (stop is not None and stop.is_set())

    if threading.current_thread() is not threading.main_thread():
        yield Either()
        return
    hangup = getattr(signal, "SIGHUP", signal.SIGTERM)  # which Windows lacks
    numbers = {signal.SIGINT, signal.SIGTERM, hangup}
    before: dict[int, Any] = {number: signal.getsignal(number) for number in numbers}
    # Whoever ignores one, as a process in the background does Ctrl-C, goes on doing so.
    before = {number: was for number, was in before.items() if was != signal.SIG_IGN}

    def ask(number: int, frame: Any) -> None:
        asked.set()
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, ask)
    try:
        yield Either()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
