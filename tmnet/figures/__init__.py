"""Figures of comparisons: one metric an axes, a line a run, for the page and for the screen.

Figures are made without pyplot, so that notebooks' callbacks and threads cannot get at each
other's. One set of drawing code serves both uses: `Multiples` draws, and can be redrawn.
"""

from tmnet.figures.effects import plot_effects
from tmnet.figures.multiples import WIDTHS, Multiples, check_looks, plot_grid
from tmnet.figures.panels import plot_panels
from tmnet.figures.profile import plot_profile
from tmnet.figures.survival import plot_survival

__all__ = [
    "WIDTHS", "Multiples", "check_looks", "plot_effects", "plot_grid", "plot_panels",
    "plot_profile", "plot_survival",
]  # fmt: skip
