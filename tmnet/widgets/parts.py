"""What the widgets are made of: labelled controls, tooltips, messages, a picture for later."""

from __future__ import annotations

import base64
import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets
from IPython.display import HTML, clear_output, display

from tmnet.safe_text import distinct, for_html, for_label, lines_for_html, shortened

LABEL = {"description_width": "105px"}
FULL = {"width": "98%"}


class Pictured(widgets.Box):
    """A widget that leaves a picture in the notebook, for who opens it without a kernel.

    The picture is hidden beside a live widget, and for a moment at first, so that it does not
    flash before that is there.
    """

    @property
    def picture(self) -> bytes:
        """The picture, as a PNG."""
        raise NotImplementedError(f"{type(self).__name__} needs a `picture`")

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
    bare = (widgets.Text, widgets.Textarea, widgets.Dropdown, widgets.SelectMultiple)
    if isinstance(widget, bare) and widget.description and widget.tooltip:
        title, name = for_html(widget.tooltip), for_html(widget.description)
        widget.description_allow_html = True
        widget.description = f'<span title="{title}">{name}</span>'
    for child in getattr(widget, "children", ()):
        label_tooltips(child)


class ProgressOutput(widgets.Output):
    """Shows the progress bars of what is done in its context, until that is left.

    Errors are passed on: an `Output` would show a traceback and swallow them.
    """

    def __exit__(self, *_) -> None:
        clear_output()
        super().__exit__(None, None, None)


def error_html(sentence: str, details: str = "") -> str:
    """What went wrong, in words; details are folded away."""
    more = f"<details><pre>{lines_for_html(details)}</pre></details>" if details else ""
    return (
        '<div role="alert" style="border-left:4px solid #d55e00;background:#fdeee6;'
        f'color:#222;padding:4px 10px">{lines_for_html(sentence)}{more}</div>'
    )


class CopyButton(anywidget.AnyWidget):
    """Copies a text to the clipboard, in the page.

    Attributes
    ----------
    value : str
        The text.
    description, tooltip : str
    """

    _esm = """
    function select(text) {  // for pages that come without encryption, which have no clipboard
        const area = document.createElement("textarea");
        area.value = text;
        area.style.position = "fixed";
        document.body.append(area);
        area.select();
        const done = document.execCommand("copy");
        area.remove();
        return done;
    }
    function render({ model, el }) {
        const button = document.createElement("button");
        button.className = "jupyter-button widget-button";
        const name = () => {
            button.textContent = model.get("description");
            button.title = model.get("tooltip");
        };
        button.addEventListener("click", async () => {
            const text = model.get("value");
            let done = true;
            try {
                await navigator.clipboard.writeText(text);
            } catch {
                done = select(text);
                button.focus();
            }
            button.textContent = done ? "Copied" : "Not allowed here";
            setTimeout(name, 1500);
        });
        model.on("change:description change:tooltip", name);
        name();
        el.append(button);
    }
    export default { render };
    """

    value = traitlets.Unicode().tag(sync=True)
    description = traitlets.Unicode("Copy").tag(sync=True)
    tooltip = traitlets.Unicode("Copy to the clipboard").tag(sync=True)


def checkbox(name: str, tooltip: str) -> widgets.Checkbox:
    return widgets.Checkbox(
        False,
        description=for_label(shortened(name)),
        indent=False,
        tooltip=distinct(shortened(tooltip)),
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


def beside(controls: widgets.Widget, display: widgets.Widget) -> widgets.HBox:
    """Controls and what they show side by side; one above the other where there is no room."""
    # The display takes what the controls, of 380 px, leave; a line of their own they fill.
    controls.layout = {"flex": "1 1 380px", "min_width": "0", "padding": "0 10px 0 0"}
    display.layout = {"flex": "1000 1 560px", "min_width": "0", "overflow": "hidden"}
    return widgets.HBox([controls, display], layout={"width": "100%", "flex_flow": "row wrap"})


class Section(widgets.VBox):
    """Widgets under a heading that folds them."""

    def __init__(self, title: str, inside: Sequence[widgets.Widget]):
        self.head = widgets.Button(
            icon="caret-down",
            description=title,
            tooltip=f"Fold or unfold: {title}",
            layout={"width": "98%", "margin": "6px 0 2px 0"},
        )
        self.head.add_class("tmnet-section")
        self.inside = widgets.VBox(inside, layout={"overflow": "visible"})
        self.head.on_click(lambda _: self.fold(self.inside.layout.display != "none"))
        super().__init__([self.head, self.inside])

    def fold(self, is_folded: bool) -> None:
        """Hide what is inside, or show it."""
        self.inside.layout.display = "none" if is_folded else None
        self.head.icon = "caret-right" if is_folded else "caret-down"


def number_slider(numbers: Sequence[float], name: str, tooltip: str) -> widgets.SelectionSlider:
    """A slider over numbers that a page does not round; see also `set_number`."""
    options = [(_number(x), x) for x in numbers]
    return widgets.SelectionSlider(
        description=name, options=options, tooltip=tooltip, style=LABEL, layout=FULL
    )


def set_number(slider: widgets.SelectionSlider, value: float) -> None:
    """Set one of those sliders; a number that it has not takes the place of the nearest."""
    offer_numbers(slider, [number for _, number in slider.options], value)


def offer_numbers(slider: widgets.SelectionSlider, numbers: Sequence[float], value: float) -> None:
    """Let one of those sliders go over other numbers, and set it, as `set_number`."""
    numbers = list(numbers)
    if value not in numbers:
        numbers[int(np.abs(np.subtract(numbers, value)).argmin())] = value
    options = tuple((_number(x), x) for x in numbers)
    if (slider.options, slider.value) != (options, value):
        with without_echo(slider):
            slider.options = options
            slider.value = value


@contextlib.contextmanager
def without_echo(slider: widgets.Widget) -> Iterator[None]:
    """Set a slider so that no page tells its value back: it would while it fits one into the limits
    that are told first, or after somebody has chosen another."""
    try:
        with slider.hold_sync():
            slider.continuous_update = False
            yield
    finally:
        slider.continuous_update = True


def nice_numbers(low: float, high: float) -> list[float]:
    """Numbers that people choose, from one at most so low to one at least so high."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    numbers = [float(f"{x}e{power}") for power in powers for x in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)]
    first = max(i for i, x in enumerate(numbers) if x <= low)
    last = min(i for i, x in enumerate(numbers) if x >= high)
    return numbers[first : last + 1]


def _number(x: float) -> str:
    return f"{x:,.10g}"


def whole_steps(low: float, high: float, step: float) -> tuple[float, float]:
    """The limits of a slider around a span; pages count steps from the lower one."""
    low = np.floor(low / step + 1e-9) * step
    return low, max(np.ceil(high / step - 1e-9) * step, low + step)


def options_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Options of a list: each value by what the list shows of its name, which no two share."""
    options: dict[str, str] = {}
    for name, value in pairs:
        label = shown = distinct(shortened(name))
        while shown in options:
            shown = f"{label} ({len(options) + 1})"
        options[shown] = value
    return options


def set_options(dropdown: widgets.Dropdown, options: dict[str, str]) -> None:
    """Set a dropdown's options; its value stays if it is among them, or is the first, if any."""
    values = list(options.values())
    value = dropdown.value if dropdown.value in values else (values or [None])[0]
    dropdown.options = options
    dropdown.value = value
