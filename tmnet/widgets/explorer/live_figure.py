"""The explorer's picture, and over it a layer in the page that answers the mouse and the keys."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

_HERE = Path(__file__)


class LiveFigure(anywidget.AnyWidget):
    """A picture of which a page tells the values at the mouse, without asking the kernel.

    What somebody does there comes as a message, of one of these kinds: ``moment`` (at), ``unclick``
    (the last two moments were clicks of a double click, which chooses none), ``window`` (span),
    ``common``, ``zoom`` (metric, span), ``unzoom`` (metric), ``choice`` (metric, which: one of log,
    full, difference, pin, hide), ``room`` (wide, in pixels of the page; high, the window; ratio, of
    the screen's pixels to these). Any message to the page scrolls to the tabs.

    Attributes
    ----------
    value : bytes
        The picture, as a PNG.
    scene, numbers : dict, bytes
        As `scene` makes them.
    at : int
        The grid point that is looked at.
    alt : str
        The picture in words.
    """

    _esm = _HERE.with_suffix(".js").read_text(encoding="utf-8")
    _css = _HERE.with_suffix(".css").read_text(encoding="utf-8")

    value = traitlets.Bytes().tag(sync=True)
    scene = traitlets.Dict().tag(sync=True)
    numbers = traitlets.Bytes().tag(sync=True)
    at = traitlets.Int().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
