"""The runs from which a reader chooses: their list, and how each is called, drawn and listed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from tmnet.drawing import run_swatch
from tmnet.errors import TmnetError
from tmnet.logs.run import Run
from tmnet.safe_text import for_html, for_label, shortened
from tmnet.widgets.callbacks import Callbacks
from tmnet.widgets.explorer.controls import Controls
from tmnet.widgets.explorer.groups import grouped
from tmnet.widgets.explorer.lists import RunRow, aborted, listed_runs, run_details
from tmnet.widgets.explorer.view import View
from tmnet.widgets.parts import options_of, set_options


class RunList:
    """See above.

    Parameters
    ----------
    controls : Controls
        In which they are listed.
    callbacks : Callbacks
    changed : callable
        Called when other runs are to be shown, or these otherwise.

    Attributes
    ----------
    runs : list of Run
        All there are, in the order in which they were found: it gives them their colours.
    rows : dict of str to RunRow
        Of what was listed or chosen.
    order : list of str
        Those that come first.
    marks : dict of str to dict
        As a view has them.
    """

    def __init__(self, controls: Controls, callbacks: Callbacks, changed: Callable[[], None]):
        self._controls, self._callbacks, self._changed = controls, callbacks, changed
        self.runs: list[Run] = []
        self.rows: dict[str, RunRow] = {}
        self.order: list[str] = []
        self.marks: dict[str, dict[str, Any]] = {}
        self._group: str | None = None
        editor = controls.editor
        controls.listed.observe(callbacks(self.show), "value")
        editor.run.observe(callbacks(self._edit), "value")
        for field in editor.fields.values():
            field.observe(callbacks(self._mark, editor.message), "value")
        for button, step in ((editor.up, -1), (editor.down, 1)):
            button.on_click(callbacks(lambda step=step: self._move(step), editor.message))

    @property
    def names(self) -> list[str]:
        """Of all of them, as they were found."""
        return [run.name for run in self.runs]

    @property
    def listed(self) -> list[Run]:
        """All of them in the order of lists: pinned ones first."""
        place = {name: i for i, name in enumerate(self.order)}
        return sorted(
            self.runs,
            key=lambda run: (not self._is("pinned", run.name), place.get(run.name, len(place))),
        )

    @property
    def shown(self) -> list[Run]:
        """Those that are chosen, in the order of lists."""
        rows = self.rows
        return [run for run in self.listed if run.name in rows and rows[run.name].box.value]

    def _is(self, what: str, name: str) -> bool:
        return bool(self.marks.get(name, {}).get(what))

    # --- filling in -----------------------------------------------------------------------------

    def take(self, runs: Sequence[Run], shown: Collection[str]) -> None:
        """List other runs, of which some are shown; who was there keeps its place, and with it its
        colour."""
        self.runs = list(runs)
        self.rows = {name: self.rows[name] for name in self.names if name in self.rows}
        self.choose(shown)

    def choose(self, shown: Collection[str]) -> None:
        """Show these, and no others, nor any that is hidden."""
        for name in self.names:
            is_shown = name in shown and not self._is("hidden", name)
            if is_shown or name in self.rows:
                self.row(name).box.value = is_shown
        self.show()
        self._offer()

    def choose_listed(self, shown: bool) -> None:
        """Show all that are listed, or none of these."""
        with self._callbacks.off():
            for row in self._controls.runs.children:
                row.box.value = shown
        self._changed()

    def row(self, name: str) -> RunRow:
        """The row of a run, a new one if there was none."""
        if name not in self.rows:
            row = self.rows[name] = RunRow(name)
            row.box.observe(self._callbacks(self._changed), "value")
        return self.rows[name]

    def show(self) -> None:
        """List the runs that match, and those that are pinned; which are shown does not change."""
        controls, wanted = self._controls, self._controls.listed.value.strip()
        there = [run.name for run in self.listed if not self._is("hidden", run.name)]
        kept = [name for name in there if self._is("pinned", name)]
        others = [name for name in there if name not in kept]
        listed, text = listed_runs(others, wanted, {run.name for run in self.shown})
        if hidden := len(self.runs) - len(there):
            text += f"{'; ' * bool(text)}{hidden:,} hidden, see {controls.editor.head.description}"
        controls.unlisted.value = text and f"<small>{for_html(text)}</small>"
        controls.runs.children = [self.row(name) for name in [*kept, *listed]]
        self.show_details()

    def show_details(self) -> None:
        """Say what each is, as it is now."""
        short = {*aborted(self.runs)}
        for run in self.runs:
            if run.name in self.rows:
                row, mark = self.rows[run.name], self.marks.get(run.name, {})
                row.details.value = run_details(run, mark.get("note", ""), run.name in short)
                row.box.description = for_label(shortened(mark.get("name") or run.name))

    def show_colours(self, view: View) -> None:
        """Show beside each run the colour of its lines, or of its arm's."""
        colours, groups = view.colours(self.runs, self.listed), grouped(self.runs, view.group)
        arm = {name: arm for arm, names in groups.items() for name in names}
        for name, row in self.rows.items():
            row.swatch.value = run_swatch(view.called(arm[name]), colours)
        self._group = view.group
        self._offer()

    def _offer(self) -> None:
        """Offer arms and runs that there are for names and colours of their own."""
        groups, names = grouped(self.runs, self._group), [run.name for run in self.listed]
        offered = [(f"arm {arm}", arm) for arm in groups if arm not in names]
        offered += [(name + " (hidden)" * self._is("hidden", name), name) for name in names]
        with self._callbacks.off():
            set_options(self._controls.editor.run, options_of(offered))
            self._edit()

    # --- marks ----------------------------------------------------------------------------------

    def _edit(self) -> None:
        """Show what is chosen of another run."""
        editor, name = self._controls.editor, self._controls.editor.run.value
        with self._callbacks.off():
            editor.show(self.marks.get(name, {}), name in self.names)

    def _mark(self) -> None:
        """Take what is chosen of a run."""
        editor, name = self._controls.editor, self._controls.editor.run.value
        mark = editor.mark
        others = {*self.names, *grouped(self.runs, self._group)} - {name}
        taken = {self.marks.get(other, {}).get("name") or other for other in others}
        if mark.get("name") in taken:
            raise TmnetError(f"Another is called {mark['name']}: choose another short name.")
        self.marks = {other: x for other, x in self.marks.items() if other != name}
        if mark:
            self.marks[name] = mark
        with self._callbacks.off():
            if mark.get("hidden") and name in self.rows:
                self.rows[name].box.value = False
            self.show()
        self._changed()

    def _move(self, step: int) -> None:
        """Let a run come earlier or later."""
        name = self._controls.editor.run.value
        names = [run.name for run in self.listed]
        same = [  # and, as nobody sees them, past those that are hidden
            x for x in names
            if self._is("pinned", x) == self._is("pinned", name)
            and (x == name or not self._is("hidden", x))
        ]  # fmt: skip
        there = same.index(name) + step
        if 0 <= there < len(same):
            i, j = names.index(name), names.index(same[there])
            names[i], names[j] = names[j], names[i]
            self.order = names
            with self._callbacks.off():
                self.show()
            self._changed()
