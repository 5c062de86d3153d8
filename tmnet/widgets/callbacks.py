"""Reacting to widgets: one callback at a time, and errors in words."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Iterator

import ipywidgets as widgets

from tmnet.errors import TmnetError
from tmnet.widgets.parts import error_html


class Callbacks:
    """Reacting to widgets: one callback at a time, and errors shown in words.

    A page shows nothing of what a callback raises, and callbacks may come from several threads.

    Parameters
    ----------
    message : HTML
        Where errors are shown, if a callback has no place of its own.

    Attributes
    ----------
    unfinished : bool
        Whether what was chosen last is not shown yet: then messages, one of which says why, stay,
        even if another callback ends well.
    """

    def __init__(self, message: widgets.HTML):
        self.message = message
        self.unfinished = False
        self._lock = threading.RLock()
        self._silent: int | None = None  # the thread that is setting controls

    def __call__(
        self, update: Callable[[], None], message: widgets.HTML | None = None, lock: bool = True
    ) -> Callable[[object], None]:
        """`update` as a callback, errors in `message`; without `lock`, others may run beside it."""
        message = message or self.message

        def call(_) -> None:
            if self._silent == threading.get_ident():
                return
            with self._lock if lock else contextlib.nullcontext():
                before = self.message.value, message.value
                try:
                    update()
                    for place, text in zip((self.message, message), before):
                        # cleared late, so that it does not flicker
                        if place.value == text and not self.unfinished:
                            place.value = ""
                except TmnetError as error:
                    message.value = error_html(str(error))
                except KeyboardInterrupt:
                    if self._silent == threading.get_ident():  # it came within `off`
                        self._silent = None
                    message.value = error_html("Interrupted; move any control to go on.")
                except Exception as error:
                    message.value = error_html(
                        f"That failed ({type(error).__name__}: {error}); please report it.",
                        traceback.format_exc(),
                    )

        return call

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """Set controls without reacting to it."""
        before, self._silent = self._silent, threading.get_ident()
        try:
            yield
        finally:
            self._silent = before
