"""What the explorer shows beside its controls: the figure, the stepper and the tabs."""

from __future__ import annotations

import ipywidgets as widgets

from tmnet.figures import WIDTHS
from tmnet.files import FIGURE_FORMATS, TABLE_FORMATS
from tmnet.widgets.parts import FULL, LABEL, ProgressOutput, dropdown


class Display(widgets.VBox):
    """The figure, the stepper and the tabs."""

    def __init__(self):
        self.message, self.notes = widgets.HTML(), widgets.HTML()
        self.progress, self.exporting = ProgressOutput(), ProgressOutput()
        self.image = widgets.Image(
            format="png", layout={"max_width": "100%", "align_self": "flex-start"}
        )
        self.play = widgets.Play(interval=250, max=0, tooltip="Step through the grid points")
        self.moment = widgets.IntSlider(
            description="Moment",
            min=0,
            max=0,
            readout=False,
            tooltip="The grid point that the cursor and the table show",
            layout={"flex": "1 1 auto", "width": "auto"},
        )
        self.moment_label = widgets.HTML(layout={"width": "170px"})
        self.moment_table = widgets.HTML()
        self.grid_metric = dropdown("Metric", (), "Whose values are shown")
        self.grid_metric.layout.width = "480px"
        self.grid_table = widgets.HTML(layout={"max_height": "520px", "overflow": "auto"})
        self.threshold_metric = dropdown("Level of", (), "Whose level is to be reached")
        self.threshold_metric.layout.width = "480px"
        self.threshold = widgets.FloatSlider(
            description="Level",
            tooltip="Findings say when each run reaches this, for good",
            continuous_update=False,
            style=LABEL,
            layout={"width": "480px"},
        )
        self.findings = widgets.HTML()
        self.config, self.code, self.exported = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.export_message = widgets.HTML()  # the other one may be out of sight
        self.folder = widgets.Text(
            "figures", description="Folder", tooltip="Where the files are written", style=LABEL
        )
        self.prefix = widgets.Text(
            "comparison", description="Prefix", tooltip="How the files' names begin", style=LABEL
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
        files = [self.folder, self.prefix, self.formats, self.dpi, self.width]
        self.tabs = widgets.Tab(
            [
                self.moment_table,
                widgets.VBox([self.grid_metric, self.grid_table]),
                widgets.VBox([self.threshold_metric, self.threshold, self.findings]),
                self.config,
                self.code,
                widgets.VBox(
                    [*files, self.export, self.export_message, self.exporting, self.exported]
                ),
            ],
            titles=("This moment", "Whole grid", "Findings", "Configuration", "Code", "Export"),
            selected_index=0,
        )
        stepper = widgets.HBox([self.play, self.moment, self.moment_label], layout=FULL)
        super().__init__(
            [self.message, self.progress, stepper, self.image, self.notes, self.tabs],
            layout={"flex": "1 1 0", "min_width": "600px", "overflow": "hidden"},
        )

    def set_moments(self, last: int) -> None:
        self.moment.max = self.play.max = last
