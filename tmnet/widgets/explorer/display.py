"""What the explorer shows beside its controls: the figure, the stepper and the tabs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
import numpy as np

from tmnet.analysis.findings import HEADINGS, Finding, brought_after
from tmnet.comparison import Comparison
from tmnet.drawing import Order
from tmnet.figures import WIDTHS
from tmnet.files import FIGURE_FORMATS, TABLE_FORMATS
from tmnet.safe_text import for_html
from tmnet.tables import with_unit
from tmnet.widgets.explorer.answer import Answer
from tmnet.widgets.explorer.live_figure import LiveFigure
from tmnet.widgets.findings import (
    OPEN,
    answer_html,
    findings_html,
    without_claims,
)
from tmnet.widgets.parts import (
    FULL,
    LABEL,
    CopyButton,
    ProgressOutput,
    dropdown,
    options_of,
    set_options,
    whole_steps,
    without_echo,
)
from tmnet.widgets.write_up import WriteUp

NO_LEVEL = "None of the metrics that are shown has a level to reach: it takes a better and a worse."


class Display(widgets.VBox):
    """The figure, the stepper and the tabs."""

    def __init__(self):
        self.message, self.notes = widgets.HTML(), widgets.HTML()
        self.answer = Answer()
        self.progress = ProgressOutput()
        self.image = LiveFigure(layout={"width": "100%"})
        self.copied = CopyButton(description="Copy", tooltip="Copy this code")
        self.moment_table, self.config, self.code = widgets.HTML(), widgets.HTML(), widgets.HTML()
        hint = "<em>Write this up</em>, above the figure, begins a page with what is shown here."
        self.page = widgets.VBox([widgets.HTML(hint)])
        self._level_of: str | None = None  # the metric whose level is set
        self._asked: tuple | None = None  # of what was found what there is to say
        self._found: list[Finding] = []
        tabs = {
            "This moment": self.moment_table,
            "Whole grid": self._whole_grid(),
            "Findings": self._findings(),
            "Configuration": self.config,
            "Code": widgets.VBox([self.copied, self.code]),
            "Export": self._export(),
            "Write-up": self.page,
        }
        self.tabs = widgets.Tab(list(tabs.values()), titles=tuple(tabs), selected_index=0)
        super().__init__(
            [
                self.message,
                self.progress,
                self.answer,
                self._stepper(),
                self.image,
                self.notes,
                self.tabs,
            ],
            layout={"flex": "999 1 670px", "min_width": "0", "overflow": "hidden"},
        )

    def _stepper(self) -> widgets.HBox:
        self.play = widgets.Play(interval=250, max=0, tooltip="Step through the grid points")
        self.moment = widgets.IntSlider(
            description="Moment",
            min=0,
            max=0,
            readout=False,
            tooltip="The grid point that the line and the table show",
            layout={"flex": "1 1 240px", "width": "auto"},
        )
        self.moment_label = widgets.HTML(layout={"min_width": "110px"})
        self.write_up = widgets.Button(
            icon="pencil",
            description="Write this up",
            button_style="primary",
            tooltip="Make a page of what is shown: the same runs, window, baseline and metrics",
            layout={"flex": "0 0 auto", "width": "140px"},
        )
        return widgets.HBox(
            [self.play, self.moment, self.moment_label, self.write_up],
            layout=FULL | {"flex_flow": "row wrap"},
        )

    def _whole_grid(self) -> widgets.VBox:
        self.grid_metric = dropdown("Metric", (), "Whose values are shown")
        self.grid_metric.layout.max_width = "480px"
        self.grid_table = widgets.HTML(layout={"max_height": "520px", "overflow": "auto"})
        return widgets.VBox([self.grid_metric, self.grid_table])

    def _findings(self) -> widgets.VBox:
        self.threshold_metric = dropdown("Level of", (), "Whose level is to be reached")
        self.threshold_metric.layout.max_width = "480px"
        self.threshold = widgets.FloatSlider(
            description="Level",
            tooltip="Findings say when each run reaches this, for good",
            continuous_update=False,
            style=LABEL,
            layout={"width": "98%", "max_width": "480px"},
        )
        # Each its own: what somebody unfolded stays so while another changes.
        self.findings, self.reached, self.folded = (widgets.HTML() for _ in range(3))
        self.no_level = widgets.HTML()
        level = [widgets.HTML(f"<b>{HEADINGS['threshold']}</b>"), self.threshold_metric]
        level.append(self.no_level)
        return widgets.VBox([self.findings, *level, self.threshold, self.reached, self.folded])

    def _export(self) -> widgets.VBox:
        self.export_message = widgets.HTML()  # the other one may be out of sight
        self.exporting, self.exported = ProgressOutput(), widgets.HTML()
        self.folder = widgets.Text(
            "figures",
            description="Folder",
            tooltip="Where the files are written",
            continuous_update=False,  # a half-typed folder is none to write to
            style=LABEL,
        )
        self.prefix = widgets.Text(
            "comparison",
            description="Prefix",
            tooltip="How the files' names begin",
            continuous_update=False,
            style=LABEL,
        )
        self.formats = widgets.SelectMultiple(
            options=[*FIGURE_FORMATS, *TABLE_FORMATS],
            value=["png", "csv"],
            rows=7,
            description="Formats",
            tooltip="Figures: png, svg, pdf, jpg; tables: csv, md (Markdown), tex (LaTeX)",
            style=LABEL,
        )
        self.dpi = widgets.BoundedIntText(
            200,
            min=30,
            max=1200,
            description="Resolution (dpi)",
            tooltip="Dots per inch of png and jpg files",
            style=LABEL,
        )
        self.width = dropdown("Figure width", list(WIDTHS), "That of a page's text, or of a column")
        self.width.layout.width = "300px"
        self.export = widgets.Button(
            icon="download",
            description="Export",
            button_style="primary",
            tooltip="Write a figure for each metric, and the tables",
        )
        return widgets.VBox(
            [
                self.folder, self.prefix, self.formats, self.dpi, self.width, self.export,
                self.export_message, self.exporting, self.exported,
            ]
        )  # fmt: skip

    def set_moment(self, point: int, last: int) -> None:
        """Put the slider, and the player, to one of the grid points."""
        if (self.moment.value, self.moment.max) != (point, last):
            with without_echo(self.moment):
                self.moment.max, self.moment.value = last, point
        self.play.max = last

    def set_metrics(self, comparison: Comparison) -> None:
        """Offer the metrics of a comparison, and the levels of those that can reach one."""
        titles = [(with_unit(comparison, metric), metric) for metric in comparison.metrics]
        set_options(self.grid_metric, options_of((text, metric.name) for text, metric in titles))
        reaching = [
            (text, metric) for text, metric in titles
            if metric.better and metric.drawn and metric.name != "loss"
        ]  # fmt: skip
        reaching.sort(key=lambda x: not (x[1].races and x[1].races.kind == "eval"))
        set_options(
            self.threshold_metric, options_of((text, metric.name) for text, metric in reaching)
        )
        self.set_level(comparison)

    def forget_level(self) -> None:
        """Let the level begin anew, as among other runs it means nothing."""
        self._level_of = None

    def set_level(self, comparison: Comparison) -> None:
        """Let the level move over a metric's values; of a new metric, start where all runs get."""
        slider, name = self.threshold, self.threshold_metric.value
        slider.disabled = name is None
        self.no_level.value = "" if name else f"<em>{NO_LEVEL}</em>"
        if name is None:
            return
        metric = comparison.metric(name)
        self._scale = metric.scale
        digits = 2 if metric.digits is None else metric.digits
        step = 10.0**-digits
        table = comparison.table(name) * metric.scale
        values = table.to_numpy()[np.isfinite(table.to_numpy())]
        low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
        low, high = (0.0, 100.0) if metric.unit == "%" else whole_steps(low, high, step)
        value = slider.value
        if self._level_of != name:
            self._level_of, last = name, table.iloc[-1].dropna()
            lower = metric.better == "lower"
            value = 50.0 if metric.unit == "%" else (last.max() if lower else last.min())
            # as it is shown it counts as reached
            value = (np.ceil if lower else np.floor)(value / step - lower * 1e-9) * step
        with without_echo(slider):
            slider.min, slider.max = min(slider.min, low), max(slider.max, high)  # never crossed
            slider.min, slider.max, slider.step = low, high, step
            slider.readout_format = f".{digits}f"
            slider.description = f"Level ({metric.unit})" if metric.unit else "Level"
            slider.value = float(np.clip(np.nan_to_num(value, nan=low), low, high))

    def show_findings(
        self, comparison: Comparison, baseline: str | None, at: float, is_followed: bool
    ) -> None:
        """What is found, the answer first; without claims of trainings that run.

        What going on brought is told of the moment, or at the end, where there is nothing to go on
        to, of half of the window. Nothing else depends on the moment: no search for one that makes
        a claim of a difference.
        """
        asked = (comparison, self.levels, baseline)
        if asked != self._asked:
            self._found = comparison.findings(self.levels, baseline=baseline)
            self._asked = asked
        after, found = comparison.middle, self._found
        if at < comparison.grid[-1]:
            found = [finding for finding in found if finding.kind != "after"]
            found += brought_after(comparison, at, baseline)
            after = at
        told = list(without_claims(found, comparison, after)) if is_followed else found
        first = [kind for kind in OPEN if kind != "threshold"]  # which stands beneath its slider
        self.findings.value = answer_html(found, is_followed) + findings_html(told, first)
        self.reached.value = findings_html(told, ["threshold"], headed=False)
        self.folded.value = findings_html(told, [kind for kind in HEADINGS if kind not in OPEN])

    @property
    def levels(self) -> dict[str, float]:
        """The level whose reaching is timed, by its metric; none where no metric has any."""
        name = self.threshold_metric.value
        return {name: self.threshold.value / self._scale} if name else {}

    def write_files(self, comparison: Comparison, order: Order, scales: Mapping[str, Any]) -> None:
        """Export a comparison as it is chosen here, and tell what was written."""
        with self.exporting:
            files = comparison.export(
                self.folder.value or ".", self.prefix.value or "comparison", self.formats.value,
                dpi=self.dpi.value, order=order, width=self.width.value, scales=scales,
            )  # fmt: skip
        names = "".join(f"<li>{for_html(file.name)}</li>" for file in files)
        self.exported.value = (
            f"{len(files)} files in <code>{for_html(str(files[0].parent.resolve()))}</code>:"
            f"<ul>{names}</ul>"
            if files
            else "Nothing was written: choose at least one format."
        )

    def open_page(self, page: WriteUp) -> None:
        """Show a write-up, with the words of the one before."""
        before = self.page.children[0]
        if isinstance(before, WriteUp):
            page.take_words(before)
        self.page.children = [page]
        self.tabs.selected_index = self.tabs.titles.index("Write-up")
