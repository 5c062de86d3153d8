"""What takes long, beside everything else: started, watched and stopped by buttons."""

from __future__ import annotations

import threading
from collections.abc import Callable

import ipywidgets as widgets

from tmnet.widgets.callbacks import Callbacks

Progress = Callable[[float], bool]  # told the share that is done; returns whether to go on


class Job(widgets.HBox):
    """A button that starts a piece of work in a thread, one that stops it, and how far it is.

    Parameters
    ----------
    name, icon, tooltip : str
        Of the button that starts it.
    prepare : callable
        Called when that is clicked; returns the work: a function of a `Progress`. What it raises
        is shown as errors of other callbacks are.
    callbacks : Callbacks
    """

    def __init__(
        self,
        name: str,
        icon: str,
        tooltip: str,
        prepare: Callable[[], Callable[[Progress], None]],
        callbacks: Callbacks,
    ):
        self.start = widgets.Button(
            description=name, icon=icon, button_style="primary", tooltip=tooltip
        )
        self.stop = widgets.Button(
            description="Stop", icon="stop", disabled=True, tooltip=f"End it: {tooltip}"
        )
        # Shown while it works: a bar that is full, or stopped somewhere, tells nothing.
        self.progress = widgets.FloatProgress(
            min=0, max=1, tooltip="How much of it is done",
            layout={"visibility": "hidden", "flex": "1 1 100px", "width": "auto"},
        )  # fmt: skip
        super().__init__([self.start, self.stop, self.progress])
        self._prepare, self._callbacks = prepare, callbacks
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.start.on_click(callbacks(self._start))
        self.stop.on_click(lambda _: self._stopped.set())

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _start(self) -> None:
        if self.is_running:
            return
        work = self._prepare()
        self._stopped.clear()
        self._show(True)
        self._thread = threading.Thread(
            target=self._callbacks(lambda: self._do(work), lock=False), args=(None,), daemon=True
        )
        self._thread.start()

    def _do(self, work: Callable[[Progress], None]) -> None:
        try:
            work(self._tell)
        finally:
            self._show(False)

    def _tell(self, share: float) -> bool:
        self.progress.value = share
        return not self._stopped.is_set()

    def _show(self, is_running: bool) -> None:
        self.progress.value = 0.0
        self.start.disabled, self.stop.disabled = is_running, not is_running
        self.progress.layout.visibility = "visible" if is_running else "hidden"
