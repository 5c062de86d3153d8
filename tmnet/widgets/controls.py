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
from IPython.display import HTML, clear_output, display
from matplotlib.ticker import MaxNLocator

from tmnet.analysis.comparison import fitting_interval
from tmnet.analysis.metrics import RULES, metric
from tmnet.errors import TmnetError
from tmnet.export import FIGURE_FORMATS, TABLE_FORMATS
from tmnet.figures import WIDTHS
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
PLACES = 500  # at most, of the window's handles
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
        # A page rounds what it shows and sends that back, perhaps after the next value was set; of
        # whole numbers it sends back only what somebody chose.
        self.window = widgets.IntRangeSlider(
            description="Window (min)",
            min=0,
            max=PLACES,
            readout=False,
            tooltip="The part of the axis that is looked at; at first the common window",
            style=LABEL,
            layout={"flex": "1 1 auto", "width": "auto"},
        )
        self.window_label = widgets.HTML(layout={"flex": "0 0 118px"})
        self.common = widgets.Button(
            description="Common window",
            tooltip="Back to the window that ends where the shortest run ends",
            layout={"margin": "0 0 0 109px"},
        )
        self.interval = _number_slider(
            [k / 2 for k in range(1, 121)], "Interval (min)", "Minutes between grid points"
        )
        self.step_interval = _number_slider(
            range(10_000, 1_010_000, 10_000), "Step interval", "Steps between grid points"
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
        self.view_message = widgets.HTML()
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
                widgets.HBox([self.window, self.window_label], layout=FULL),
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
                self.view_message,
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
            set_number(slider, max(fitting_interval(runs, by), slider.options[0][1]))

    def set_axis(self, by: str) -> None:
        """Name the unit of the axis, and let only its own controls be moved."""
        time = by == "time"
        unit = "min" if time else "steps" if by in AXES.values() else "counts"
        self.window.description = f"Window ({unit})"
        self.trailing.description = f"Trailing ({unit})"
        self.clock.disabled, self.interval.disabled = not time, not time
        self.step_interval.disabled = time

    def set_window(self, end: float, window: tuple[float, float]) -> None:
        """Put the handles to where a window is between 0 and the end of the longest run."""
        ticks = MaxNLocator(PLACES, steps=[1, 2, 5, 10]).tick_values(0, max(end, window[1]))
        self._stops = np.minimum(ticks.round(9), max(end, window[1]))
        slider, last = self.window, len(ticks) - 1
        places = self._places(window)
        if last > slider.max:  # a page fits the value into the limits, too
            slider.max = last
        slider.value = places
        slider.max = last
        digits = 0 if self._stops[-1] >= 1000 else 1
        low, high = (f"{x:,.{digits}f}" for x in window)
        size = "white-space: nowrap; font-size: 90%"
        self.window_label.value = f"<span style='{size}'>{low} – {high}</span>"

    def moved_window(self, window: tuple[float, float]) -> tuple[float, float]:
        """A window after the handles were moved; the end of one that was not stays as it is."""
        low, high = (
            end if place == before else float(self._stops[place])
            for end, place, before in zip(window, self.window.value, self._places(window))
        )
        return low, high

    def _places(self, window: tuple[float, float]) -> tuple[int, int]:
        low, high = (int(np.abs(self._stops - x).argmin()) for x in window)
        return low, high


class Progress(widgets.Output):
    """Shows the progress bars of what is done in its context, until that is left.

    Errors are passed on: an `Output` would show a traceback and swallow them.
    """

    def __exit__(self, *_) -> None:
        clear_output()
        super().__exit__(None, None, None)


class Display(widgets.VBox):
    """The figure, the stepper and the tabs."""

    def __init__(self):
        self.message, self.notes = widgets.HTML(), widgets.HTML()
        self.progress, self.exporting = Progress(), Progress()
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


def error_html(sentence: str, details: str = "") -> str:
    """What went wrong, in words; details are folded away."""
    more = f"<details><pre>{html.escape(details)}</pre></details>" if details else ""
    return (
        '<div role="alert" style="border-left:4px solid #d55e00;background:#fdeee6;'
        f'color:#222;padding:4px 10px">{html.escape(sentence)}{more}</div>'
    )


class RunRow(widgets.VBox):
    """A run in the list: its colour, a checkbox, and what it is."""

    def __init__(self, run: Run):
        self.box = _checkbox(run.name, f"Show {run.name}")
        self.swatch = widgets.HTML(layout={"width": "38px"})
        self.details = widgets.HTML()
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


def metric_rows(boxes: dict[str, widgets.Checkbox]) -> list[widgets.Widget]:
    """The rows that metrics' checkboxes stand in: one for each map and kind."""
    groups: dict[str, list[widgets.Checkbox]] = {}
    for name, box in boxes.items():
        some = metric(name)
        group = " ".join(some.races[:2]) if some.races else "training"
        groups.setdefault(group, []).append(box)
    return [
        widgets.VBox([
            widgets.HTML(f"<b>{html.escape(group)}</b>"),
            widgets.HBox(members, layout={"flex_flow": "row wrap"}),
        ])
        for group, members in groups.items()
    ]  # fmt: skip


def metric_box(name: str) -> widgets.Checkbox:
    """A checkbox for a metric; that of races stands beneath their map and kind."""
    some = metric(name)
    short = some.races[2].replace("_", " ") if some.races else some.name
    return _checkbox(short, some.label)


def other_tags(tags: Sequence[str], wanted: str, chosen: set[str]) -> tuple[list[str], str]:
    """Scalars that are chosen or have `wanted` in their names, and how many there are, in words."""
    matching = [tag for tag in tags if wanted and wanted.lower() in tag.lower()]
    listed = dict.fromkeys([tag for tag in tags if tag in chosen] + matching[:MOST_TAGS])
    more = len(matching) - MOST_TAGS
    text = f"{len(tags)} other scalars" + (f"; {len(matching)} match" if wanted else "")
    return [*listed], text + (f", {more} of them not listed" if more > 0 else "")


class Callbacks:
    """Reacting to widgets: one callback at a time, and errors shown in words.

    A page shows nothing of what a callback raises, and callbacks may come from several threads.

    Parameters
    ----------
    message : HTML
        Where errors are shown, if a callback has no place of its own.
    """

    def __init__(self, message: widgets.HTML):
        self.message = message
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
                        if place.value == text:  # cleared late, so that it does not flicker
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


def _checkbox(name: str, tooltip: str) -> widgets.Checkbox:
    return widgets.Checkbox(
        False,
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


def _number_slider(numbers: Sequence[float], name: str, tooltip: str) -> widgets.SelectionSlider:
    """A slider over numbers that a page does not round; see also `set_number`."""
    options = [(_number(x), x) for x in numbers]
    return widgets.SelectionSlider(
        description=name, options=options, tooltip=tooltip, style=LABEL, layout=FULL
    )


def set_number(slider: widgets.SelectionSlider, value: float) -> None:
    """Set one of those sliders; a number that it has not takes the place of the nearest."""
    numbers = [number for _, number in slider.options]
    if value not in numbers:
        nearest = int(np.abs(np.subtract(numbers, value)).argmin())
        numbers[nearest] = value
        with slider.hold_sync():
            slider.options = [(_number(x), x) for x in numbers]
            slider.value = value
    slider.value = value


def _number(x: float) -> str:
    return f"{x:,.10g}"


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
