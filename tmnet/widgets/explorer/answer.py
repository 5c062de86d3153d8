"""The answer above the figure, which is looked for while nobody waits for it."""

from __future__ import annotations

import threading
import traceback

import ipywidgets as widgets

from tmnet.comparison import Comparison
from tmnet.errors import TmnetError
from tmnet.widgets.findings import brief_html
from tmnet.widgets.parts import error_html

REST = 1.0  # s without another question until an answer is looked for: that takes time from moves


class Answer(widgets.HTML):
    """What a comparison comes to, in a few lines.

    To find it takes longer than to draw: it is looked for in another thread, once whoever moves a
    slider rests, and what was asked before that is forgotten.
    """

    def __init__(self):
        super().__init__(layout={"min_height": "84px"})
        self._asked: tuple | None = None
        self._waiting: threading.Timer | None = None

    def ask(self, comparison: Comparison, baseline: str | None, is_followed: bool) -> None:
        """Look for the answer, soon."""
        asked = (comparison, baseline, is_followed)
        if asked == self._asked:
            return
        self._asked = asked
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = threading.Timer(REST, self._look, asked)
        self._waiting.daemon = True
        self._waiting.start()

    def wait(self) -> None:
        """Until what was asked is answered."""
        if self._waiting is not None:
            self._waiting.join()

    def _look(self, comparison: Comparison, baseline: str | None, is_followed: bool) -> None:
        try:
            text = brief_html(comparison.findings({}, baseline=baseline), is_followed)
        except TmnetError as error:
            text = error_html(str(error))
        except Exception as error:
            text = error_html(f"There is no answer ({error}); please report it.",
                              traceback.format_exc())  # fmt: skip
        if self._asked == (comparison, baseline, is_followed):
            self.value = text
