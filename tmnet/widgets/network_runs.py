"""The network lab's tab of what size bought: results of runs against the size of their networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from tmnet.analysis.size import SIZES, Bought, bought
from tmnet.errors import TmnetError
from tmnet.files import example_runs
from tmnet.logs.find import load_runs
from tmnet.logs.folders import run_folders
from tmnet.safe_text import for_html
from tmnet.widgets.callbacks import Callbacks
from tmnet.widgets.job import Job, Progress
from tmnet.widgets.parts import FULL, LABEL, dropdown
from tmnet.widgets.size_figure import size_png


class NetworkRuns(widgets.VBox):
    """See above; nothing is read before it is opened.

    Parameters
    ----------
    logdir : Path
        Whose runs; as long as there are none, those that come with tmnet, and that is said.
    callbacks : Callbacks
    """

    def __init__(self, logdir: Path, callbacks: Callbacks):
        self.bought: Bought | None = None
        self._was_opened = False
        has_runs = logdir.is_dir() and bool(run_folders(logdir).files)
        self._own = logdir
        self.logdir = widgets.Text(
            str(logdir if has_runs else example_runs()), description="Log directory",
            tooltip="Whose runs are shown", continuous_update=False, style=LABEL, layout=FULL,
        )  # fmt: skip
        self.size = dropdown(
            "Against", {label: name for name, label in SIZES.items()}, "What size is"
        )
        self.reading = Job("Read", "refresh", "Read the runs", self._read, callbacks)
        self.reading.children = [self.reading.start]  # it cannot be stopped
        self.message, self.notes = widgets.HTML(), widgets.HTML()
        self.image = widgets.Image(
            format="png",
            layout={
                "width": "calc(100% - 4px)",
                "max_width": "936px",
                "height": "auto",
                "display": "none",
            },
        )
        super().__init__(
            [self.logdir, self.size, self.reading, self.message, self.image, self.notes]
        )
        self.logdir.observe(lambda _: self.reading.start.click(), "value")
        self.size.observe(callbacks(self._show, self.message), "value")

    def read_once(self) -> None:
        """Read the runs, if nobody has yet."""
        if not self._was_opened:
            self._was_opened = True
            self.reading.start.click()

    def _read(self) -> Callable[[Progress], None]:
        logdir = self.logdir.value.strip()
        self.message.value = "<small>Reading the runs …</small>"

        def read(progress: Progress) -> None:
            self.bought, told = None, ""
            try:
                self.bought = bought(load_runs(logdir))
                self._show()
            except TmnetError as error:
                self.image.layout.display = "none"
                told = f"Nothing to show: {for_html(str(error))}"
            self.message.value = told

        return read

    def _show(self) -> None:
        self.notes.value = ""
        if self.bought is not None:
            self.image.value = size_png(self.bought, self.size.value)
            self.image.layout.display = None
            notes = self.bought.notes
            if self.logdir.value == str(example_runs()) != str(self._own):
                notes = [f"There are no runs in {self._own} yet: these come with tmnet.", *notes]
            lines = "".join(f"<li>{for_html(note)}</li>" for note in notes)
            self.notes.value = f"<small><ul style='line-height:1.4'>{lines}</ul></small>"
