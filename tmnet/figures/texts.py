"""Texts in figures that stay in their room: labels on two lines, names by what tells them apart."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from matplotlib.font_manager import FontProperties, findfont, get_font

from tmnet.drawing import LONGEST, for_figure, names_for_figure, styled

LINE = 1.3  # of a line of text to the next, in its size


@functools.lru_cache(4096)
def inches_of(text: str, size: float, weight: str = "normal") -> float:
    """How wide a text is that `for_figure` has made one to be drawn."""
    with styled():
        face = get_font(findfont(FontProperties(weight=weight)))
        face.set_size(size, 720)  # dots an inch
        face.set_text(text, 0.0)
        return 1.03 * face.get_width_height()[0] / 64 / 720  # screens' hinting makes it wider


def label_for_figure(
    text: str, inches: float, size: float, weight: str = "normal", lines: int = 2
) -> str:
    """A title or a label: where it is wider than its room it has two lines, and where that is not
    enough no end."""
    text = for_figure(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")

    def fits(part: str) -> bool:
        return inches_of(part, size, weight) <= inches

    if fits(text):
        return text
    if lines == 1:
        return _shortened(text, fits)
    # behind punctuation, between words, or between parts of one
    for seam in (r"(?<=[,:])\s+(?=\S)", r"(?<=\S)\s+(?=\S)", r"(?<=[/_.:-])(?=\S)"):
        parts = [(text[: at.start()], text[at.end() :]) for at in re.finditer(seam, text)]
        whole = [pair for pair in parts if all(map(fits, pair))]
        if whole:  # the lines as alike as can be, or a narrow one would stand beside a wide one
            return "\n".join(min(whole, key=lambda pair: max(map(len, pair))))
    first = next((one for one, _ in reversed(parts) if fits(one)), None)
    first = first or next((text[:n] for n in range(len(text), 0, -1) if fits(text[:n])), text[:1])
    return f"{first}\n{_shortened(text[len(first) :], fits)}".rstrip()


def _shortened(text: str, fits) -> str:
    """As much of its beginning as there is room for."""
    if fits(text):
        return text
    return next((f"{text[:n]}…" for n in range(len(text), 0, -1) if fits(f"{text[:n]}…")), "…")


def fitted_names(names: Sequence[str], inches: float, size: float) -> list[str]:
    """Names of runs that are no wider than their room: as they are, or without what all share, or
    without their middle, too; numbered where that makes them alike."""
    letters = LONGEST
    while True:
        drawn = names_for_figure(names, letters)
        widest = max((inches_of(name, size) for name in drawn), default=0.0)
        if widest <= inches or letters <= 3:
            return drawn
        letters = min(letters, max(map(len, names)))
        letters = max(3, min(letters - 1, int(letters * inches / widest)))
