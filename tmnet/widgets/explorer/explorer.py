"""The explorer: step through a comparison of runs in a notebook."""

from __future__ import annotations

import copy
import dataclasses
import weakref
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import ipywidgets as widgets
import numpy as np

from tmnet.analysis.alignment import check_runs
from tmnet.analysis.available import all_metric_names
from tmnet.arguments import a_number, several
from tmnet.comparison import Comparison, compare_by
from tmnet.errors import TmnetError
from tmnet.logs.find import Runs, load_runs
from tmnet.logs.run import Run
from tmnet.safe_text import distinct, for_html, lines_for_html
from tmnet.tables import metric_table
from tmnet.text_table import render
from tmnet.widgets.callbacks import Callbacks
from tmnet.widgets.explorer.controls import Controls
from tmnet.widgets.explorer.display import Display
from tmnet.widgets.explorer.following import Following, reading
from tmnet.widgets.explorer.groups import shared_settings
from tmnet.widgets.explorer.lengths import Lengths
from tmnet.widgets.explorer.lists import first_runs
from tmnet.widgets.explorer.metric_list import MetricList
from tmnet.widgets.explorer.moment import config_html, moment_html, subject_of
from tmnet.widgets.explorer.picture import Picture
from tmnet.widgets.explorer.run_list import RunList
from tmnet.widgets.explorer.saved import delete_view, load_view, load_views, save_view
from tmnet.widgets.explorer.view import View
from tmnet.widgets.parts import Pictured, label_tooltips
from tmnet.widgets.write_up import WriteUp


def explore(source: str | Path | Sequence[Run], saved: str | None = None, **view) -> Explorer:
    """Compare runs with sliders.

    Parameters
    ----------
    source : str, Path or sequence of Run
        A log directory, or runs that are loaded.
    saved : str, optional
        The name of a saved view, to show at first.
    **view
        What to show at first, or to show otherwise than it was saved: any entries of another
        explorer's `view`.

    Returns
    -------
    Explorer
        A widget. Its `view` is a plain dict of what is chosen, `comparison` is what is shown, and
        `code` the Python that computes the same.

    Raises
    ------
    TmnetError
        If there are no runs, or `view` asks for something that is not there.
    """
    if not isinstance(source, (str, Path)):
        form = "a log directory, or runs as tmnet.load_run returns them"
        source = [source] if isinstance(source, Run) else several("source", source, Run, form)
        if not source:
            raise TmnetError(f"There is nothing to explore: source must be {form}.")
        check_runs(source)
    return Explorer(source, load_view(saved) if saved is not None else None, **view)


class Explorer(Pictured, widgets.HBox):
    """See `explore`."""

    # Widgets outlive their cell's next run: without sharing, each would keep a copy of its runs.
    _last_of: ClassVar[weakref.WeakValueDictionary[Path, Explorer]] = weakref.WeakValueDictionary()

    def __init__(
        self, source: str | Path | Sequence[Run], kept: Mapping[str, Any] | None = None, **view
    ):
        self._watching: Following | None = None
        self._window: tuple[float, float] | None = None  # None: the common window
        self._clicked_from: deque[float] = deque(maxlen=2)  # moments before the last two clicks
        self._left_out: list[str] = []  # of what there is in the log directory
        self._said: list[str] = []  # about what is not here of a view that was saved
        self.comparison: Comparison | None = None
        self._shown: View | None = None  # what it was made of
        # Of what has lines, or may have them: all runs, or all arms, as they were when it was made.
        self._colours: dict[str, str] = {}
        self.controls, self.display = Controls(), Display()
        self._lengths = Lengths(self.controls)
        self._picture = Picture(self.display.image)
        self._callbacks = Callbacks(self.display.message)
        self._runs = RunList(self.controls, self._callbacks, self._refresh)
        self._metrics = MetricList(self.controls, self._callbacks(self._refresh))
        self._was_seen = False
        # Where there is no room for both side by side, what is shown comes first.
        wrapped = {"flex_flow": "row wrap-reverse", "align_items": "flex-end"}
        super().__init__([self.controls, self.display], layout={"width": "100%", **wrapped})
        label_tooltips(self)
        if isinstance(source, (str, Path)):
            self.controls.logdir.value = str(source)
            last = self._last_of.get(Path(source))
            runs = load_runs(source, before=last.runs if last else ())
            self._last_of[Path(source)] = self
        else:
            runs = source
            self.controls.logdir.value = str(runs[0].logdir)
        self._set_runs(runs)
        with self._callbacks.off():
            if not any(run.duration for run in runs):  # they have no time axis
                self.controls.by.value = "step"
        self._observe()
        self._view_count = 0  # from now on pages count their views
        self.observe(lambda _: setattr(self, "_was_seen", True), "_view_count")
        self._show({**(kept or {}), **view}, must_be=view.keys())
        self._follow()
        # a bad file is no reason to show nothing
        self._callbacks(self._list_views, self.controls.view_message)(None)

    # --- what is chosen -------------------------------------------------------------------------

    @property
    def view(self) -> dict:
        """What is chosen, as a plain dict: ``tmnet.explore(source, **view)`` shows the same."""
        return dataclasses.asdict(self._chosen)

    @property
    def _chosen(self) -> View:
        return View(
            runs=[run.name for run in self._runs.shown],
            order=list(self._runs.order),
            marks=copy.deepcopy(self._runs.marks),
            window=self._window,
            metrics=self._metrics.chosen,
            at=self.at,
            panels=copy.deepcopy(self._picture.panels),
            **self.controls.chosen(),
        )

    @property
    def picture(self) -> bytes:
        """What is drawn, as a PNG."""
        return bytes(self.display.image.value)

    @property
    def at(self) -> float | None:
        """The moment that is looked at: minutes, or steps."""
        return None if self.comparison is None else float(self.comparison.grid[self._moment])

    @property
    def _moment(self) -> int:
        """Number of the grid point; an interrupt may have left the slider with another grid's."""
        return min(self.display.moment.value, len(self.comparison.grid) - 1)

    @property
    def code(self) -> str:
        """Python that computes what is shown."""
        if self.comparison is None:
            return ""
        view = dataclasses.replace(self._shown, at=self.at)
        return view.code(self.comparison, self._colours, self._picture.scales)

    @property
    def runs(self) -> list[Run]:
        """All runs that there are, in the order that gives them their colours."""
        return self._runs.runs

    @property
    def _baseline(self) -> str | None:
        """The run, or the arm, with which the others are compared, if it is among them."""
        made = self.comparison
        name = subject_of(made, self._shown.called(self.controls.baseline.value))
        return name if name in (made.arms or [run.name for run in made.runs]) else None

    def show_at(self, at: float) -> None:
        """Go to the grid point nearest to a moment (minutes, or steps)."""
        self.display.moment.value = self._point_of(a_number("at", at))

    def _point_of(self, at: float) -> int:
        """Number of the grid point nearest to a moment."""
        return int(np.abs(self.comparison.grid - at).argmin())

    def reload(self) -> None:
        """Read what the runs have logged since, and runs that are new."""
        with self.display.progress:
            runs = load_runs(self.controls.logdir.value, before=self.runs)
        names = {run.name for run in runs}
        kept = names & {run.name for run in self._runs.shown}
        new = set() if self._are_elsewhere(runs) else names - {*self._runs.names}
        self._set_runs(runs, kept | new if kept else None)
        self._refresh()

    def close(self) -> None:
        self._end_following()
        super().close()

    def show_view(self, name: str) -> None:
        """Choose what was saved under a name."""
        self._show(load_view(name), must_be=())

    def save_view(self, name: str) -> None:
        """Keep what is chosen under a name, in `tmnet_views.json` in the current folder."""
        save_view(name, self.view)
        self._list_views()

    def delete_view(self, name: str) -> None:
        """Forget what was saved under a name."""
        delete_view(name)
        self._list_views()

    def _list_views(self) -> None:
        self.controls.saved.options = tuple(map(distinct, load_views()))

    # --- following ------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Begin to read again and again, or end it."""
        self._end_following()
        self.controls.fresh.value = ""
        self._show_answer()
        self._show_tab()
        if self.controls.follow.value:
            self._watching = Following(self._callbacks(self._look), self._is_seen)
            self._watching.start()

    def _end_following(self) -> None:
        if self._watching is not None:
            self._watching.end()

    def _is_seen(self) -> bool:
        """Nobody looks after its cell was run again, or cleared."""
        return not self._was_seen or bool(self._view_count)

    def _look(self) -> None:
        """Show what has been logged since; nothing is chosen by it, and new runs are but listed."""
        runs = load_runs(self.controls.logdir.value, before=self.runs)
        before = {run.name: run for run in self.runs}
        shown = {run.name for run in self._runs.shown}
        changed = {run.name for run in runs if before.get(run.name) is not run}
        gone = shown - {run.name for run in runs}
        new = [run.name for run in runs if run.name not in before]
        if changed or len(runs) != len(before):
            self._set_runs(runs, shown - gone)
        age = min(run.age for run in runs)
        self.controls.fresh.value = f"<small>{for_html(reading(age, new, gone))}</small>"
        if shown & changed or gone or self._callbacks.unfinished:  # or it says why again
            self._refresh()
        else:
            self._runs.show_details()

    # --- filling in -----------------------------------------------------------------------------

    def _are_elsewhere(self, runs: list[Run]) -> bool:
        """Whether runs are those of another log directory."""
        return not {run.logdir for run in self.runs} & {run.logdir for run in runs}

    def _set_runs(self, runs: list[Run], shown: set[str] | None = None) -> None:
        """Fill in what depends on which runs there are."""
        self._left_out = runs.notes if isinstance(runs, Runs) else []
        place = {name: i for i, name in enumerate(self._runs.names)}
        runs = sorted(runs, key=lambda run: place.get(run.name, len(place)))
        same = [run.name for run in runs] == list(place) and (
            all_metric_names(runs) == all_metric_names(self.runs)
        )
        if self._are_elsewhere(runs) or not place.keys() & {run.name for run in runs}:
            self._window = None
            self._lengths.begin_anew()
            self.display.forget_level()
        if same:
            self._runs.runs = runs
            self._runs.show_details()
            return
        with self._callbacks.off():
            self._runs.take(runs, first_runs(runs)[0] if shown is None else shown)
            self.controls.set_counters(runs)
            self._metrics.fill(runs, self._runs.shown)

    def _show(self, entries: Mapping[str, Any], must_be: Collection[str] | None = None) -> None:
        """Choose what another view has, and show it; of its runs and scalars those which must be
        there (by default all) are refused where they are not, others may come back."""
        must_be = entries if must_be is None else must_be
        view, said = self._chosen.changed(entries), []
        if "runs" not in must_be:
            view, said = view.of_here(self.runs)
        view.check(self.runs, view.metrics if "metrics" in must_be else ())
        with self._callbacks.off():
            self._runs.marks, self._runs.order = copy.deepcopy(view.marks), list(view.order)
            self._runs.choose(set(view.runs))
            self._metrics.choose(view.metrics)
            shown = [run.name for run in self._runs.shown]
            self.controls.choose(view, shown or self._runs.names)
            self._window, self._picture.panels = view.window, copy.deepcopy(view.panels)
            given = [name for name, value in entries.items() if value is not None]
            self._lengths.fit(self._chosen, self._runs.shown, given)
        self._said = said
        self._refresh()
        if view.at is not None:
            self.show_at(view.at)

    # --- reacting -------------------------------------------------------------------------------

    def _observe(self) -> None:
        controls, display = self.controls, self.display
        intervals = (controls.interval, controls.step_interval)
        trailing = (controls.trailing, controls.length)
        shown = (controls.rule, controls.smoothing, controls.group)
        for control in (*intervals, *trailing, *shown):
            control.observe(self._callbacks(self._refresh), "value")
        for control in (controls.by, controls.clock):
            control.observe(self._callbacks(self._take_common_window), "value")
        controls.window.observe(self._callbacks(self._take_window), "value")
        controls.common.on_click(self._callbacks(self._take_common_window))
        controls.baseline.observe(self._callbacks(self._take_baseline), "value")
        controls.filter.observe(self._callbacks(self._filter_others), "value")
        controls.logdir.observe(self._callbacks(self.reload), "value")
        controls.reload.on_click(self._callbacks(self.reload))
        controls.follow.observe(self._callbacks(self._follow), "value")
        for button, listed in ((controls.every, True), (controls.none, False)):
            button.on_click(self._callbacks(lambda on=listed: self._runs.choose_listed(on)))
        display.write_up.on_click(self._callbacks(self._write_up))
        for button, act in (
            (controls.save, self.save_view), (controls.show, self.show_view),
            (controls.forget, self.delete_view),
        ):  # fmt: skip
            button.on_click(
                self._callbacks(lambda act=act: act(controls.saved.value), controls.view_message)
            )
        display.moment.observe(self._callbacks(self._show_moment), "value")
        display.image.on_msg(
            lambda _, told, __: self._callbacks(lambda: self._take_gesture(told))(None)
        )
        # Linked here: a link in the page would send each step twice, the player's first.
        display.play.observe(self._callbacks(self._play_on), "value")
        display.tabs.observe(self._callbacks(self._show_tab), "selected_index")
        for control in (display.grid_metric, display.threshold):
            control.observe(self._callbacks(self._show_tab), "value")
        display.threshold_metric.observe(self._callbacks(self._take_level), "value")
        display.export.on_click(self._callbacks(self._export, display.export_message))

    def _filter_others(self) -> None:
        with self._callbacks.off():
            self._metrics.list_others(self._metrics.chosen)

    def _take_window(self) -> None:
        self._window = self.controls.moved_window(self.comparison.window)
        self._refresh()

    def _take_common_window(self) -> None:
        self._window = None
        self._refresh()

    def _refresh(self) -> None:
        """Compute and draw what is chosen."""
        failed, self._callbacks.unfinished = self._callbacks.unfinished, True
        controls, listed, shown = self.controls, self._runs.listed, self._runs.shown
        with self._callbacks.off():
            self._lengths.fit(self._chosen, shown)
        view = self._chosen
        subjects = view.subjects(listed)
        arguments, lacking = view.arguments(shown)
        with self._callbacks.off():
            controls.set_axis(view.by)
        was, at = self.comparison, self.at
        made, missing = compare_by(subjects, {arguments.pop("by"): arguments})
        self.comparison, self._shown = made[view.by], view
        self._colours = view.colours(self.runs, listed)
        with self._callbacks.off():
            there = {*self.comparison.arms} or {run.name for run in self.comparison.runs}
            groups = view.groups(listed).items()
            controls.set_baseline(
                {name: [run.name for run in runs] for name, runs in groups if name in there}
            )
        self._draw()
        display, last = self.display, len(self.comparison.grid) - 1
        at_end = was is None or was.axis.by != view.by or display.moment.value == display.moment.max
        point = last if at_end else self._point_of(at)
        # The picture comes first, or the page would be at work on the rest before.
        self._picture.show_at(point)
        self._runs.show_colours(view)
        with self._callbacks.off():
            controls.set_trailing(self.comparison)
            controls.offer_settings(shared_settings(shown), view.group)
            controls.set_window(max(self.comparison.ends.values()), self.comparison.window)
            display.set_moment(point, last)
            display.set_metrics(self.comparison)
        first, why = first_runs(self.runs)
        notes = (why if view.runs == first else []) + self._said
        notes += [note for run in shown for note in run.notes]
        notes += self._left_out + lacking + missing + self.comparison.notes
        lines = "<br>".join(map(for_html, notes))
        display.notes.value = f"<div style='line-height:1.3'>{lines}</div>"
        self._show_moment()
        self._show_tab()
        self._callbacks.unfinished = False
        if failed:  # why it had failed may stand where it was asked for
            for message in (display.message, controls.editor.message, controls.view_message):
                message.value = ""

    def _take_baseline(self) -> None:
        self._draw()
        self._show_moment()

    def _take_gesture(self, told: dict) -> None:
        """Do what somebody chose in the picture; see `LiveFigure`."""
        match told:
            case {"kind": "moment", "at": at}:
                self._clicked_from.append(self.at)
                self.show_at(at)
            case {"kind": "unclick"} if self._clicked_from:
                self.show_at(self._clicked_from[0])
            case {"kind": "window", "span": [low, high]}:
                self._window = float(low), float(high)
                self._refresh()
            case {"kind": "common"}:
                self._take_common_window()
            case {"kind": "choice", "metric": metric, "which": "hide"}:
                self._metrics.boxes[metric].value = False
            case _:
                self._picture.take(told)
                if told.get("which") == "pin":  # which metric is first is a matter of comparing
                    self._refresh()
                else:
                    self._draw()
                    self._show_moment()

    def _draw(self) -> None:
        self._picture.draw(self.comparison, self._colours, self._baseline)

    def _show_moment(self) -> None:
        """The line and the table of the moment."""
        shown, display = self.comparison, self.display
        at = shown.grid[self._moment]
        self._picture.show_at(self._moment)
        display.play.value = display.moment.value
        display.moment_label.value = f"<b>{shown.axis.show(at)} {for_html(shown.axis.unit)}</b>"
        display.moment_table.value = moment_html(shown, self._moment, self._baseline, self._colours)
        self._show_answer()
        if display.tabs.titles[display.tabs.selected_index or 0] in ("Code", "Findings"):
            self._show_tab()

    def _show_answer(self) -> None:
        followed = self.controls.follow.value
        self.display.answer.ask(self.comparison, self._baseline, followed)

    def _play_on(self) -> None:
        self.display.moment.value = self.display.play.value

    def _show_tab(self) -> None:
        """Fill in the tab that is open."""
        shown, display = self.comparison, self.display
        tab = display.tabs.titles[display.tabs.selected_index or 0]
        if tab == "Whole grid":
            (metric,) = (x for x in shown.metrics if x.name == display.grid_metric.value)
            display.grid_table.value = render(metric_table(shown, metric), "html")
        elif tab == "Findings":
            display.show_findings(shown, self._baseline, self.at, self.controls.follow.value)
        elif tab == "Configuration":
            display.config.value = config_html(shown)
        elif tab == "Code":
            display.copied.value = self.code
            display.code.value = f"<pre>{lines_for_html(self.code)}</pre>"

    def _take_level(self) -> None:
        with self._callbacks.off():
            self.display.set_level(self.comparison)
        self._show_tab()

    def _export(self) -> None:
        self.display.write_files(self.comparison, self._colours, self._picture.scales)

    def _write_up(self) -> None:
        """Begin a page with what is shown; the author's words stay."""
        self.display.open_page(
            WriteUp(
                self.runs[0].logdir,  # another may have been typed, that is none
                self._shown.study(self.comparison, self._colours),
                self.runs,
            )
        )
        self.display.image.send({"kind": "tabs"})
