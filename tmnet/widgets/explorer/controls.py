"""What the explorer is made of: its controls, the display beside them, and its callbacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.ticker import MaxNLocator

from tmnet.analysis.metrics import RULES
from tmnet.comparison import Comparison
from tmnet.logs.run import Run
from tmnet.widgets.explorer.groups import BY_NAME
from tmnet.widgets.explorer.run_editor import RunEditor
from tmnet.widgets.explorer.saved import VIEWS
from tmnet.widgets.explorer.view import AXIS_NAMES, View, axes
from tmnet.widgets.parts import (
    FULL,
    LABEL,
    Section,
    dropdown,
    nice_numbers,
    number_slider,
    offer_numbers,
    options_of,
    set_number,
    set_options,
    without_echo,
)

STEPS = ("step", "relative_step")
SINCE_START, OF_LENGTH = "all", "length"  # which races count; the others are "late"

RULE_NAMES = {
    "last value": "last",
    "mean since the last grid point": "mean",
    "moving average": "ema",
    "lowest so far": "min",
    "highest so far": "max",
}
EACH = ""  # a dropdown has no option None: it would show none of them
GROUPS = {"each run": EACH, "arms of seeds, by a last number": BY_NAME}
VIEW_CONTROLS = (  # whose names are those of the view's entries that they hold
    "group", "baseline", "by", "clock", "interval", "step_interval", "rule", "follow",
)  # fmt: skip
MOST_STOPS = 1000  # grid points of the shortest run, at the shortest interval that is offered
HANDLE_STOPS = 500  # at most, of the window's handles


class Controls(widgets.Box):
    """Sections of controls: a column, or, where they have a row of their own, side by side."""

    def __init__(self):
        super().__init__(
            [
                Section("Runs", self._runs()), Section("Axis", self._axis()),
                Section("Metrics", self._metrics()), Section("View", self._view()),
            ],
            layout={"flex": "1 1 330px", "flex_flow": "row wrap", "align_content": "flex-start",
                    "align_items": "flex-start", "padding": "0 10px 0 0"},
        )  # fmt: skip
        for section in self.children:
            section.layout.flex = "1 1 300px"

    def _runs(self) -> list[widgets.Widget]:
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
            style={"description_width": "36px"},
            layout={"flex": "1 1 0", "width": "auto", "min_width": "0"},
        )
        self.every, self.none = (
            widgets.Button(description=name, tooltip=tooltip, layout={"flex": "0 0 60px"})
            for name, tooltip in (
                ("All", "Show all runs that are listed"),
                ("None", "Show none of the runs that are listed"),
            )
        )
        self.group = dropdown(
            "Compare",
            GROUPS,
            "Each run by itself, or arms by the inter-quartile mean of their seeds: big_1, big_2 … "
            "are arm big, or all runs of one value of a setting are an arm",
        )
        self.editor = RunEditor()
        self.unlisted = widgets.HTML()
        self.runs = widgets.VBox(layout={"max_height": "260px", "overflow": "auto"})
        self.baseline = dropdown("Baseline", (), "The others are compared with this run, or arm")
        return [
            widgets.HBox([self.logdir], layout=FULL),
            widgets.HBox([self.reload, self.follow, self.fresh]),
            widgets.HBox([self.listed, self.every, self.none]),
            self.unlisted,
            self.runs,
            self.group,
            self.baseline,
            self.editor,
        ]

    def _axis(self) -> list[widgets.Widget]:
        self.by = dropdown("Axis", AXIS_NAMES, "Runs are compared at equal amounts of this")
        self.clock = dropdown(
            "Clock",
            {"active (without downtime)": "active", "wall clock": "wall"},
            "Whether the time between two processes of a run counts",
        )
        # Of whole numbers: others a page rounds, and tells back.
        self.window = widgets.IntRangeSlider(
            description="Window (min)",
            min=0,
            max=HANDLE_STOPS,
            readout=False,
            tooltip="The part of the axis that is looked at; at first the common window",
            style=LABEL,
            layout={"flex": "1 1 auto", "width": "auto"},
        )
        self.window_label = widgets.HTML(layout={"flex": "0 0 auto"})
        self.common = widgets.Button(
            description="Common window",
            tooltip="Back to the window that ends where the shortest run ends",
            layout={"margin": "2px 2px 2px 10px"},
        )
        self.interval, self.step_interval = (
            number_slider(nice_numbers(1, 10), name, "How far apart grid points are")
            for name in ("Interval (min)", "Interval (steps)")
        )
        at_right = FULL | {"justify_content": "flex-end"}
        return [
            self.by,
            self.clock,
            widgets.HBox([self.window], layout=FULL),
            widgets.HBox([self.window_label, self.common], layout=at_right),
            self.interval,
            self.step_interval,
        ]

    def _metrics(self) -> list[widgets.Widget]:
        self.trailing = dropdown(
            "Trailing",
            {"all since the start": SINCE_START, "late window": "late", "the last …": OF_LENGTH},
            "Which races count, for all metrics but late and anytime ones",
        )
        self.smoothing = number_slider(
            nice_numbers(1e-9, 1e-8), "Half-life", "After how long a value counts half as much"
        )
        self.length = widgets.BoundedFloatText(
            0,
            description="Trailing (min)",
            min=0,
            max=1e12,
            tooltip="How many minutes (or steps) the last races are from; 0: all so far",
            style=LABEL,
            layout={"width": "200px", "display": "none"},
        )
        self.rule = dropdown("Scalars", RULE_NAMES, "What a scalar is at a grid point")
        assert set(RULE_NAMES.values()) == set(RULES)
        self.metrics = widgets.VBox()
        self.filter = widgets.Text(
            description="Other scalars",
            placeholder="part of a tag",
            tooltip="Lists the other scalars with this in their name",
            style=LABEL,
            layout=FULL,
        )
        self.others = widgets.VBox(layout={"max_height": "180px", "overflow": "auto"})
        return [
            self.trailing,
            self.length,
            self.rule,
            self.smoothing,
            self.metrics,
            self.filter,
            self.others,
        ]

    def _view(self) -> list[widgets.Widget]:
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
        buttons = [self.save, self.show, self.forget]
        return [
            self.saved,
            widgets.HBox(buttons, layout={"margin": "0 0 0 109px"}),
            self.view_message,
        ]

    def chosen(self) -> dict[str, Any]:
        """The entries of a view that are each held by a control."""
        entries = {name: getattr(self, name).value for name in VIEW_CONTROLS}
        entries["group"] = self.group.value or None
        entries["smoothing"] = self.smoothing.value if self.rule.value == "ema" else None
        trailing = {SINCE_START: None, "late": "late"}
        which = self.trailing.value
        return entries | {"trailing": trailing.get(which, self.length.value or None)}

    def choose(self, view: View, runs: Sequence[str]) -> None:
        """Set these controls as a view has it, whose runs may be the baseline."""
        self.set_baseline({run: [run] for run in runs})
        for name in VIEW_CONTROLS:
            control, value = getattr(self, name), getattr(view, name)
            if isinstance(control, widgets.SelectionSlider):
                set_number(control, value)
            elif control is self.group:
                self.offer_settings([], value)
            elif value is not None:
                control.value = value
        if view.smoothing:
            set_number(self.smoothing, view.smoothing)
        which = OF_LENGTH if isinstance(view.trailing, float) else view.trailing or SINCE_START
        self.trailing.value = which
        if which == OF_LENGTH:
            self.length.value = view.trailing

    def offer_settings(self, settings: Sequence[str], group: str | None) -> None:
        """Offer arms of the values of settings, too, and choose one."""
        more = {f"arms of one {name}": name for name in settings}
        if group and group not in (BY_NAME, *settings):
            more[f"arms of one {group}"] = group
        set_options(self.group, GROUPS | options_of(more.items()))
        self.group.value = group or EACH

    def set_counters(self, runs: Sequence[Run]) -> None:
        """Offer the counters that all runs logged as axes, too."""
        set_options(self.by, options_of(axes(runs).items()))

    def fit(
        self, by: str, ends: Sequence[float], interval: float | None, smoothing: float | None,
        is_late: bool,
    ) -> None:  # fmt: skip
        """Let lengths of an axis be such as it has: the controls that hold them begin and end where
        runs do, and what is no length of theirs begins anew.

        Parameters
        ----------
        by : str
        ends : sequence of float
            Where runs end on the axis.
        interval, smoothing : float or None
            Such as fit, where those that are chosen do not.
        is_late : bool
            Whether the late window takes the place of a trailing length, which does not fit.
        """
        numbers = nice_numbers(min(ends) / MOST_STOPS, max(ends))
        slider = self.interval if by == "time" else self.step_interval
        offer_numbers(slider, numbers, interval or slider.value)
        offer_numbers(self.smoothing, numbers, smoothing or self.smoothing.value)
        if is_late and self.trailing.value == OF_LENGTH:
            self.trailing.value = "late"

    def set_axis(self, by: str) -> None:
        """Name the unit of the axis, and show only its own controls."""
        time = by == "time"
        known = {"flops": "PFLOP", "time": "min"} | dict.fromkeys(STEPS, "steps")
        unit = known.get(by, "counts")
        self.window.description = f"Window ({unit})"
        self.length.description = f"Trailing ({unit})"
        self.step_interval.description = f"Interval ({unit})"
        self.smoothing.description = f"Half-life ({unit})"
        for control, is_used in (
            (self.clock, time), (self.interval, time), (self.step_interval, not time),
            (self.smoothing, self.rule.value == "ema"),
        ):  # fmt: skip
            control.layout.display = None if is_used else "none"

    def set_trailing(self, comparison: Comparison) -> None:
        """Name the length of the late window; a length that nobody chose begins with it."""
        late = comparison.axis.say_length(comparison.late)
        names = {
            "all since the start": SINCE_START, f"late window ({late})": "late",
            "the last …": OF_LENGTH,
        }  # fmt: skip
        set_options(self.trailing, options_of(names.items()))
        is_used = self.trailing.value == OF_LENGTH
        self.length.layout.display = None if is_used else "none"
        if not is_used:
            self.length.value = float(f"{comparison.late:.3g}")

    def set_baseline(self, subjects: Mapping[str, Sequence[str]]) -> None:
        """Offer arms by their names, or runs; what is chosen is a run, one of an arm's seeds."""
        chosen = self.baseline.value
        named = [(name, chosen if chosen in runs else runs[0]) for name, runs in subjects.items()]
        set_options(self.baseline, options_of(named))

    def set_window(self, end: float, window: tuple[float, float]) -> None:
        """Put the handles to where a window is between 0 and the end of the longest run."""
        ticks = MaxNLocator(HANDLE_STOPS, steps=[1, 2, 5, 10]).tick_values(0, max(end, window[1]))
        self._stops = np.minimum(ticks.round(9), max(end, window[1]))
        slider, last = self.window, len(ticks) - 1
        handles = self._handles(window)
        if (slider.value, slider.max) != (handles, last):
            with without_echo(slider):
                slider.max = max(last, slider.max)  # or it would fit the new value into the old
                slider.value = handles
                slider.max = last
        digits = 0 if self._stops[-1] >= 1000 else 1
        low, high = (f"{x:,.{digits}f}" for x in window)
        size = "white-space: nowrap; font-size: 90%"
        self.window_label.value = f"<span style='{size}'>{low} – {high}</span>"

    def moved_window(self, window: tuple[float, float]) -> tuple[float, float]:
        """A window after the handles were moved; the end of one that was not stays as it is."""
        low, high = (
            end if handle == before else float(self._stops[handle])
            for end, handle, before in zip(window, self.window.value, self._handles(window))
        )
        return low, high

    def _handles(self, window: tuple[float, float]) -> tuple[int, int]:
        low, high = (int(np.abs(self._stops - x).argmin()) for x in window)
        return low, high
