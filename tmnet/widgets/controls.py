"""What the explorer is made of: its controls, the display beside them, and its callbacks."""

from __future__ import annotations

import base64
import contextlib
import html
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence

import ipywidgets as widgets
import numpy as np
from IPython.display import HTML, display

from tmnet.analysis.comparison import fitting_interval
from tmnet.analysis.metrics import RULES, metric
from tmnet.errors import TmnetError
from tmnet.figures import FIGURE_FORMATS, TABLE_FORMATS, WIDTHS
from tmnet.logs.run import Run
from tmnet.widgets.views import VIEWS

AXES = {"relative time": "time", "step": "step", "relative step": "relative_step"}
RULE_NAMES = {
    "last value": "last",
    "mean since the last grid point": "mean",
    "moving average": "ema",
    "lowest so far": "min",
    "highest so far": "max",
}
WRITTEN_WITHIN = 360.0  # s from a run's last record; a race takes 300 s at most
MOST_TAGS = 40  # listed of the other scalars
LABEL = {"description_width": "105px"}
FULL = {"width": "98%"}


class Pictured(widgets.Box):
    """A widget that leaves a picture in the notebook, for who opens it without a kernel.

    The picture is hidden beside a live widget, and for a moment at first, so that it does not
    flash before that is there.
    """

    def _repr_mimebundle_(self, **options) -> dict:
        self.add_class("tmnet-live")
        data = base64.b64encode(self.picture).decode()
        display(
            HTML(
                "<style>@keyframes tmnet-static {from {max-height: 0; opacity: 0}} "
                ".tmnet-static {animation: tmnet-static 0s 2s backwards} "
                ".jp-OutputArea:has(.tmnet-live) .tmnet-static {display: none}</style>"
                "<img class='tmnet-static' alt='The picture at first; run the cell for more' "
                f"src='data:image/png;base64,{data}'>"
            )
        )
        return super()._repr_mimebundle_(**options)


def label_tooltips(widget: widgets.Widget) -> None:
    """Give the tooltips of texts and lists to their labels: ipywidgets shows them nowhere else."""
    if isinstance(
        widget, (widgets.Text, widgets.Textarea, widgets.Dropdown, widgets.SelectMultiple)
    ):
        if widget.description and widget.tooltip:
            title, name = html.escape(widget.tooltip), html.escape(widget.description)
            widget.description_allow_html = True
            widget.description = f'<span title="{title}">{name}</span>'
    for child in getattr(widget, "children", ()):
        label_tooltips(child)


class Controls(widgets.VBox):
    """The column of controls."""

    def __init__(self):
        self.logdir = widgets.Text(
            description="Log directory",
            tooltip="A folder that holds a folder for each run; Enter reads it",
            continuous_update=False,
            style=LABEL,
            layout={"flex": "1 1 0", "width": "auto", "min_width": "0"},
        )
        self.reload = widgets.Button(
            icon="refresh",
            description="Reload",
            tooltip="Read what the runs have logged since",
            layout={"flex": "0 0 96px"},
        )
        self.follow = widgets.ToggleButton(
            icon="eye",
            description="Follow",
            tooltip="Read what runs log every few seconds, as long as this is pressed",
            layout={"flex": "0 0 96px"},
        )
        self.fresh = widgets.HTML(layout={"flex": "1 1 0"})
        self.listed = widgets.Text(
            description="List",
            placeholder="part of a name",
            tooltip="Lists only the runs with this in their name; * stands for anything",
            style=LABEL,
            layout={"flex": "1 1 0", "width": "auto", "min_width": "0"},
        )
        self.every, self.none = (
            widgets.Button(description=name, tooltip=tooltip, layout={"flex": "0 0 60px"})
            for name, tooltip in (
                ("All", "Show all runs that are listed"),
                ("None", "Show none of the runs that are listed"),
            )
        )
        self.arms = _checkbox(
            "Runs that differ in a last number are seeds of one arm",
            False,
            "Compare arms, by the inter-quartile mean of their seeds: big_1, big_2 … are arm big",
        )
        self.runs = widgets.VBox(layout={"max_height": "260px", "overflow": "auto"})
        self.baseline = dropdown("Baseline", (), "Differences are shown to this run")
        self.by = dropdown("Axis", AXES, "Runs are compared at equal amounts of this")
        self.clock = dropdown(
            "Clock",
            {"active (without downtime)": "active", "wall clock": "wall"},
            "Whether the time between two processes of a run counts",
        )
        self.window = widgets.FloatRangeSlider(
            description="Window (min)",
            min=0.0,
            max=1.0,
            tooltip="The part of the axis that is looked at; at first the common window",
            style=LABEL,
            layout=FULL,
        )
        self.common = widgets.Button(
            description="Common window",
            tooltip="Back to the window that ends where the shortest run ends",
            layout={"margin": "0 0 0 109px"},
        )
        self.interval = widgets.FloatSlider(
            5.0,
            description="Interval (min)",
            min=0.5,
            max=60,
            step=0.5,
            readout_format=".1f",
            tooltip="Minutes between grid points",
            style=LABEL,
            layout=FULL,
        )
        self.step_interval = widgets.IntSlider(
            50_000,
            description="Step interval",
            min=10_000,
            max=1_000_000,
            step=10_000,
            readout_format=",d",
            tooltip="Steps between grid points",
            style=LABEL,
            layout=FULL,
        )
        self.trailing = widgets.BoundedFloatText(
            0,
            description="Trailing (min)",
            min=0,
            max=1e12,
            tooltip="Races of the last so many minutes (or steps) count; 0: all so far",
            style=LABEL,
            layout={"width": "200px"},
        )
        self.rule = dropdown("Scalars", RULE_NAMES, "What a scalar is at a grid point")
        assert set(RULE_NAMES.values()) == set(RULES)
        self.saved = widgets.Combobox(
            description="Saved view",
            placeholder="a name",
            tooltip="The name of a view: a new one to save under, or one that was saved",
            style=LABEL,
            layout=FULL,
        )
        self.save, self.show, self.forget = (
            widgets.Button(description=name, tooltip=tooltip, layout={"width": "84px"})
            for name, tooltip in (
                ("Save", f"Keep what is chosen under this name, in {VIEWS}"),
                ("Show", "Choose what was saved under this name"),
                ("Delete", "Forget what was saved under this name"),
            )
        )
        self.metrics = widgets.VBox()
        self.filter = widgets.Text(
            description="Other scalars",
            placeholder="part of a tag",
            tooltip="Lists the other scalars with this in their name",
            style=LABEL,
            layout=FULL,
        )
        self.others = widgets.VBox(layout={"max_height": "180px", "overflow": "auto"})
        super().__init__(
            [
                heading("Runs"),
                widgets.HBox([self.logdir, self.reload]),
                widgets.HBox([self.follow, self.fresh]),
                widgets.HBox([self.listed, self.every, self.none]),
                self.runs,
                self.arms,
                self.baseline,
                heading("Axis"),
                self.by,
                self.clock,
                self.window,
                self.common,
                self.interval,
                self.step_interval,
                heading("Metrics"),
                widgets.HBox([self.trailing, widgets.HTML("0: all races so far")]),
                self.rule,
                self.metrics,
                self.filter,
                self.others,
                heading("View"),
                self.saved,
                widgets.HBox([self.save, self.show, self.forget], layout={"margin": "0 0 0 109px"}),
            ],
            layout={"flex": "0 0 400px", "width": "400px", "padding": "0 10px 0 0"},
        )

    def set_counters(self, runs: Sequence[Run]) -> None:
        """Offer the counters that all runs logged as axes, too."""
        counters = [
            tag
            for tag in runs[0].tags
            if tag.startswith("cumul_") and all(tag in run.tags for run in runs)
        ]
        set_options(self.by, {**AXES, **{tag: tag for tag in counters}})

    def set_intervals(self, runs: Sequence[Run]) -> None:
        """Intervals that make some twenty grid points of the shortest run."""
        for slider, by in ((self.interval, "time"), (self.step_interval, "step")):
            slider.value = max(fitting_interval(runs, by), slider.min)

    def set_axis(self, by: str) -> None:
        """Name the unit of the axis, and let only its own controls be moved."""
        time = by == "time"
        unit = "min" if time else "steps" if by in AXES.values() else "counts"
        self.window.description = f"Window ({unit})"
        self.trailing.description = f"Trailing ({unit})"
        self.clock.disabled, self.interval.disabled = not time, not time
        self.step_interval.disabled = time

    def set_window(self, by: str, end: float, window: tuple[float, float]) -> None:
        """Let the window reach from 0 to the end of the longest run."""
        slider = self.window
        with slider.hold_sync():  # a page would fit the old value into the new limits
            slider.readout_format = ".0f" if by == "time" and end >= 20 else ".1f"
            if by != "time":
                slider.readout_format = ".3s"
            slider.max = max(end, window[1])
            slider.step = slider.max / 500
            slider.value = window


class Display(widgets.VBox):
    """The figure, the stepper and the tabs."""

    def __init__(self):
        self.message, self.notes = widgets.HTML(), widgets.HTML()
        self.progress = widgets.Output()
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
        # A page that is loaded again takes over the first one's value.
        widgets.jslink((self.moment, "value"), (self.play, "value"))
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
                widgets.VBox([*files, self.export, self.exported]),
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


def error_html(sentence: str, details: str = "") -> str:
    """What went wrong, in words; details are folded away."""
    more = f"<details><pre>{html.escape(details)}</pre></details>" if details else ""
    return (
        '<div role="alert" style="border-left:4px solid #d55e00;background:#fdeee6;'
        f'color:#222;padding:4px 10px">{html.escape(sentence)}{more}</div>'
    )


class RunRow(widgets.VBox):
    """A run in the list: its colour, a checkbox, and what it is."""

    def __init__(self, run: Run, shown: bool):
        self.box = _checkbox(run.name, shown, f"Show {run.name}")
        self.swatch = widgets.HTML(layout={"width": "38px"})
        self.details = widgets.HTML(run_details(run))
        head = widgets.HBox(
            [self.swatch, self.box], layout={"height": "26px", "overflow": "hidden"}
        )
        super().__init__([head, self.details], layout={"flex": "0 0 auto"})


def run_details(run: Run) -> str:
    """HTML: how long a run is, and whether it is being written."""
    pieces = f"{len(run.pieces)} piece{'s' * (len(run.pieces) > 1)}"
    writing = "<b>● being written</b> · " if run.age < WRITTEN_WITHIN else ""
    return (
        f"<div style='font-size:85%;line-height:1.3;margin-left:40px'>{writing}"
        f"{run.duration:,.1f} min active · {run.steps:,} steps · {len(run.races):,} races · "
        f"<span title='{html.escape(', '.join(run.pieces))}'>{pieces}</span></div>"
    )


def metric_boxes(
    names: Sequence[str], chosen: set[str]
) -> tuple[dict[str, widgets.Checkbox], list[widgets.Widget]]:
    """A checkbox for each metric, and the rows they stand in: one for each map and kind."""
    boxes, groups = {}, {}
    for some in map(metric, names):
        group = " ".join(some.races[:2]) if some.races else "training"
        short = some.races[2].replace("_", " ") if some.races else some.name
        boxes[some.name] = _checkbox(short, some.name in chosen, some.label)
        groups.setdefault(group, []).append(boxes[some.name])
    rows = [
        widgets.VBox([
            widgets.HTML(f"<b>{html.escape(group)}</b>"),
            widgets.HBox(members, layout={"flex_flow": "row wrap"}),
        ])
        for group, members in groups.items()
    ]  # fmt: skip
    return boxes, rows


def other_boxes(
    tags: Sequence[str], wanted: str, chosen: set[str]
) -> tuple[dict[str, widgets.Checkbox], list[widgets.Widget]]:
    """A checkbox for each scalar that is chosen or has `wanted` in its name."""
    matching = [tag for tag in tags if wanted and wanted.lower() in tag.lower()]
    listed = dict.fromkeys([tag for tag in tags if tag in chosen] + matching[:MOST_TAGS])
    boxes = {tag: _checkbox(tag, tag in chosen, tag) for tag in listed}
    more = len(matching) - MOST_TAGS
    text = f"{len(tags)} other scalars" + (f"; {len(matching)} match" if wanted else "")
    if more > 0:
        text += f", {more} of them not listed"
    return boxes, [widgets.HTML(f"<small>{text}</small>"), *boxes.values()]


class Callbacks:
    """Reacting to widgets: one callback at a time, and errors shown in words.

    A page shows nothing of what a callback raises, and callbacks may come from several threads.

    Parameters
    ----------
    message : HTML
        Where errors are shown.
    """

    def __init__(self, message: widgets.HTML):
        self.message = message
        self._lock = threading.RLock()
        self._silent: int | None = None  # the thread that is setting controls

    def __call__(self, update: Callable[[], None], lock: bool = True) -> Callable[[object], None]:
        """`update` as a callback; without `lock`, others may run beside it."""

        def call(_) -> None:
            if self._silent == threading.get_ident():
                return
            with self._lock if lock else contextlib.nullcontext():
                before = self.message.value
                try:
                    update()
                    if self.message.value == before:  # cleared late, so that it does not flicker
                        self.message.value = ""
                except TmnetError as error:
                    self.message.value = error_html(str(error))
                except KeyboardInterrupt:
                    self.message.value = error_html("Interrupted; move any control to go on.")
                except Exception as error:
                    self.message.value = error_html(
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


def _checkbox(name: str, checked: bool, tooltip: str) -> widgets.Checkbox:
    return widgets.Checkbox(
        checked,
        description=name,
        indent=False,
        tooltip=tooltip,
        layout={"width": "auto", "margin": "0 12px 0 0", "flex": "0 0 auto"},
    )


def dropdown(name: str, options, tooltip: str) -> widgets.Dropdown:
    return widgets.Dropdown(
        description=name, options=options, tooltip=tooltip, style=LABEL, layout=FULL
    )


def heading(text: str) -> widgets.HTML:
    return widgets.HTML(
        f"<div style='font-weight:600;border-bottom:1px solid #bbb;margin-top:6px'>{text}</div>"
    )


def whole_steps(low: float, high: float, step: float) -> tuple[float, float]:
    """The limits of a slider around a span; pages count steps from the lower one."""
    low = np.floor(low / step + 1e-9) * step
    return low, max(np.ceil(high / step - 1e-9) * step, low + step)


def set_options(dropdown: widgets.Dropdown, options: dict | Sequence[str]) -> None:
    """Set a dropdown's options; its value stays if it is among them, or is the first, if any."""
    values = list(options.values() if isinstance(options, dict) else options)
    value = dropdown.value if dropdown.value in values else (values or [None])[0]
    dropdown.options = options
    dropdown.value = value
