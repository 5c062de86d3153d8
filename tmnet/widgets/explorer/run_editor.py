"""How one run is called, drawn and listed: the controls that say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from tmnet.drawing import COLOURS
from tmnet.widgets.parts import LABEL, Section, dropdown

COLOUR_NAMES = (
    "blue", "orange", "green", "vermilion", "pink", "sky blue", "indigo", "dark green", "wine",
    "black",
)  # fmt: skip
AS_USUAL = ""


class RunEditor(Section):
    """See above. What is chosen is a mark, as a view has it."""

    def __init__(self):
        self.run = dropdown("Run", (), "Which run, or arm, the fields below are about")
        self.short, self.note = (
            widgets.Text(
                description=name, tooltip=tooltip, continuous_update=False, style=LABEL,
                layout={"width": "98%"},
            )
            for name, tooltip in (
                ("Short name", "What it is called in figures, tables and findings"),
                ("Note", "What is worth knowing about it; stands in the list"),
            )
        )  # fmt: skip
        colours = {"as usual": AS_USUAL} | dict(zip(COLOUR_NAMES, COLOURS))
        self.colour = dropdown("Colour", colours, "That of its lines, wherever they are drawn")
        self.up, self.down = (
            widgets.Button(icon=icon, description=name, tooltip=tooltip, layout={"width": "76px"})
            for icon, name, tooltip in (
                ("arrow-up", "Up", "Earlier in lists, tables and legends"),
                ("arrow-down", "Down", "Later in lists, tables and legends"),
            )
        )
        self.pinned, self.hidden = (
            widgets.ToggleButton(
                icon=icon, description=name, tooltip=tooltip, layout={"width": "76px"}
            )
            for icon, name, tooltip in (
                ("thumb-tack", "Pin", "Keep it at the top of the list, whatever is looked for"),
                ("eye-slash", "Hide", "Leave it out of the list, and show it nowhere"),
            )
        )
        self.message = widgets.HTML()
        buttons = [self.up, self.down, self.pinned, self.hidden]
        inside = [
            self.run, self.short, self.colour, self.note,
            widgets.HBox(buttons, layout={"flex_flow": "row wrap"}), self.message,
        ]  # fmt: skip
        super().__init__("Names, colours, notes", inside)
        self.fields = {
            "name": self.short, "colour": self.colour, "note": self.note, "pinned": self.pinned,
            "hidden": self.hidden,
        }  # fmt: skip
        self.fold(True)

    @property
    def mark(self) -> dict[str, Any]:
        """What is chosen, without what is as usual."""
        chosen = {name: field.value for name, field in self.fields.items()}
        chosen |= {name: chosen[name].strip() for name in ("name", "note")}
        return {name: value for name, value in chosen.items() if value}

    def show(self, mark: Mapping[str, Any], is_run: bool) -> None:
        """Fill in a mark; of an arm, which stands in no list, but the name and the colour."""
        for name, field in self.fields.items():
            value = mark.get(name, type(field.value)())
            if field is self.colour and value not in field.options.values():  # of a saved view
                field.options = field.options | {value: value}
            field.value = value
        for field in (self.up, self.down, self.pinned, self.hidden, self.note):
            field.disabled = not is_run
