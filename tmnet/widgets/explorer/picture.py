"""The explorer's figure: as it was chosen, as it fits the page, and with what its layer knows."""

from __future__ import annotations

import math
import sys
from typing import Any

from tmnet.comparison import Comparison
from tmnet.drawing import Order, run_colours
from tmnet.figures import Multiples
from tmnet.figures.scales import Scale
from tmnet.widgets.explorer.live_figure import LiveFigure
from tmnet.widgets.explorer.scene import alternative, scene

PAGE_INCH = 100.0  # pixels of a page
BESIDE = 430.0  # of these: JupyterLab's bars, a cell, the answer and the stepper


class Picture:
    """See above.

    Attributes
    ----------
    image : LiveFigure
        What the page shows.
    panels : dict
        What is chosen for the axes of metrics; see `View.panels`.
    scales : dict
        What of it is drawn, as `plot_grid` takes it.
    multiples : Multiples or None
        What is drawn, once something is.
    """

    def __init__(self, image: LiveFigure):
        self.image = image
        self.panels: dict[str, dict[str, Any]] = {}
        self.scales: dict[str, dict[str, Any]] = {}
        self.multiples: Multiples | None = None
        self._told: dict[str, Any] = {}  # what the page does not yet know
        self._room: tuple[float, float] | None = None  # inches, once a page says so
        self._dpi = PAGE_INCH

    def take(self, told: dict[str, Any]) -> None:
        """Do what somebody chose for an axes, or what a page says of its room."""
        match told:
            case {"kind": "choice", "metric": metric, "which": which}:
                chosen = self.panels.setdefault(metric, {})
                chosen[which] = not chosen.get(which)
                if which in ("log", "difference"):  # what was zoomed to is not there any more
                    chosen.pop("zoom", None)
            case {"kind": "zoom", "metric": metric, "span": [low, high]} if low < high:
                self.panels.setdefault(metric, {})["zoom"] = _short(low, high)
            case {"kind": "unzoom", "metric": metric}:
                self.panels.get(metric, {}).pop("zoom", None)
            case {"kind": "room", "wide": wide, "high": high, "ratio": ratio}:
                self._room = float(wide) / PAGE_INCH, (float(high) - BESIDE) / PAGE_INCH
                self._dpi = PAGE_INCH * float(ratio)

    def draw(self, comparison: Comparison, order: Order, baseline: str | None) -> None:
        """Draw a comparison; colours are by the order, differences to the baseline. A page is told
        with the picture, or it would have other values over the one before."""
        chosen = {x.name: _scale(self.panels.get(x.name, {}), baseline) for x in comparison.metrics}
        self.scales = {name: scale for name, scale in chosen.items() if scale}
        colours = run_colours(order)
        scales = {name: Scale(**scale) for name, scale in self.scales.items()}
        shown = self.multiples
        if shown is None or [*shown.order.items()] != [*colours.items()]:
            self.multiples = Multiples(
                comparison, colours, dpi=self._dpi, scales=scales, room=self._room
            )
        else:
            shown.scales, shown.room = scales, self._room
            shown.figure.set_dpi(self._dpi)
            shown.update(comparison)
        told, numbers = scene(comparison, self.multiples, baseline, self.panels)
        picture = self.multiples.figure.png()
        # A page makes the picture's widget later than its place: without a height all would jump.
        self.image.layout.min_height = f"{told['size'][1]:.0f}px"
        alt = alternative(comparison)
        self._told = {"value": picture, "scene": told, "numbers": numbers, "alt": alt}

    def show_at(self, point: int) -> None:
        """Show it, and at which grid point somebody looks."""
        with self.image.hold_sync():
            self.image.at = point
            for name, value in self._told.items():
                setattr(self.image, name, value)
            self._told = {}
        # In a kernel it waits until all is sent, by a thread that would else wait for this one.
        sys.stdout.flush()


def _scale(chosen: dict[str, Any], baseline: str | None) -> dict[str, Any]:
    """What is chosen for an axes, as `plot_grid` takes it: no order, and whose differences."""
    scale = {name: chosen[name] for name in ("log", "full", "zoom") if chosen.get(name)}
    if chosen.get("difference") and baseline is not None:
        scale["difference"] = baseline
    return scale


def _short(low: float, high: float) -> tuple[float, float]:
    """Ends of a span that a mouse chose, with as many digits as that means."""
    least = min(high - low, *(abs(x) for x in (low, high) if x))
    digits = 2 - math.floor(math.log10(least))
    return round(float(low), digits), round(float(high), digits)
