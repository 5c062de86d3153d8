"""How everything is drawn: one style, figures without pyplot, and the colours of runs.

Figures are made without pyplot, so that notebooks' callbacks and threads cannot get at each
other's.
"""

from __future__ import annotations

import contextlib
import functools
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import EngFormatter, Formatter

from tmnet.safe_text import distinct, without_shared

# The first four are seaborn's; all ten can be told apart by the colour-blind, and seen on white.
COLOURS = (
    "#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc79a7",
    "#56b4e9", "#332288", "#117733", "#882255", "#000000",
)  # fmt: skip
# Lengths of dashes and of the gaps behind them, in widths of the line. Six, of which none is a
# multiple or a part of ten: so thirty runs look different.
DASHES: tuple[tuple[float, ...], ...] = (
    (), (3.7, 1.6), (6.4, 1.6, 1, 1.6), (1, 1.65), (9, 2.5), (4, 1.4, 1, 1.4, 1, 1.4),
)  # fmt: skip
STYLE = {
    **sns.axes_style("whitegrid"),
    **sns.plotting_context("notebook", font_scale=0.75),
    "svg.fonttype": "none",
    "pdf.fonttype": 42,  # embedded as outlines that stay text
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "lines.linewidth": 1.8,
    "grid.linewidth": 0.6,
    "grid.color": "0.87",
    # A $ in a name is one, whatever the user's own settings are.
    "text.parse_math": False,
    "text.usetex": False,
    "axes.formatter.use_mathtext": False,
}
LONGEST = 120  # letters of a name in a figure
SCREENS = 300  # dpi; a figure with more is drawn once, and pictures of its texts would be large

# All there is to draw, in the order that gives colours; or each with a colour of its own.
Order = Sequence[str] | Mapping[str, str]


_drawing = threading.RLock()


@contextlib.contextmanager
def styled(**more) -> Iterator[None]:
    """Draw in the style of all figures; matplotlib's settings are those of the whole process, so
    that only one thread may change them at a time."""
    with _drawing, rc_context(STYLE | more):
        yield


class _Renderer(RendererAgg):
    """Draws a text that it has drawn before as a picture, at whole pixels: a figure is mostly
    numbers at ticks, whose letters would take half of its time."""

    def get_text_width_height_descent(self, s, prop, ismath):
        if ismath:
            return super().get_text_width_height_descent(s, prop, ismath)
        return _text_size(s, prop, self.dpi)

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        if ismath or self.dpi > SCREENS:
            return super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
        picture, left, bottom = _text_picture(s, prop, angle, self.dpi, gc.get_rgb())
        self.draw_image(gc, round(x) + left, round(self.height - y) + bottom, picture)


@functools.lru_cache(maxsize=4096)
def _text_size(text: str, prop: FontProperties, dpi: float) -> tuple[float, float, float]:
    return RendererAgg(1, 1, dpi).get_text_width_height_descent(text, prop, False)


@functools.lru_cache(maxsize=4096)
def _text_picture(
    text: str, prop: FontProperties, angle: float, dpi: float, colour: tuple[float, ...]
) -> tuple[np.ndarray, int, int]:
    """A text as RGBA, (height, width, 4) from below, and where its left and bottom are from its
    origin."""
    wide, high, _ = _text_size(text, prop, dpi)
    side = 2 * int(wide + high + 8)  # there is room for it, however it is turned
    drawn = RendererAgg(side, side, dpi)
    gc = drawn.new_gc()
    gc.set_foreground(colour)
    drawn.draw_text(gc, side / 2, side / 2, text, prop, angle)
    picture = np.asarray(drawn.buffer_rgba())
    rows, columns = (np.flatnonzero(picture[..., 3].any(axis)) for axis in (1, 0))
    if not len(rows):
        return picture[:0, :0], 0, 0
    top, last, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return picture[top:last, left:right][::-1].copy(), int(left) - side // 2, side // 2 - int(last)


class _Canvas(FigureCanvasAgg):
    def get_renderer(self):
        made = super().get_renderer()
        if not isinstance(made, _Renderer):
            self.renderer = made = _Renderer(made.width, made.height, made.dpi)
        return made


class AggFigure(Figure):
    """A figure without pyplot, which a notebook shows as a picture."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        _Canvas(self)

    def draw(self, renderer) -> None:
        with styled():  # ticks are made no sooner than this
            super().draw(renderer)

    def png(self) -> bytes:
        """Draw, and encode for speed."""
        self.canvas.draw()
        return encode_png(self.canvas)

    _repr_png_ = png  # for IPython


def for_figure(text: str, letters: float = LONGEST) -> str:
    """A text to be drawn as it is: what the font lacks is shown as what cannot be seen is, and the
    middle of one that is longer than so many letters is left out."""
    if len(text) > 2 * LONGEST:
        text = text[:LONGEST] + text[-LONGEST:]
    text = "".join(
        sign if ord(sign) in _drawable() else sign.encode("ascii", "backslashreplace").decode()
        for sign in distinct(text)
    )
    if text.startswith("_"):  # which hides it from legends
        text = f" {text}"
    if len(text) <= letters:
        return text
    half = max(0, int(letters - 1) // 2)
    return f"{text[:half]}…{text[len(text) - half :]}"


def names_for_figure(names: Sequence[str], letters: float = LONGEST) -> list[str]:
    """Names as `for_figure` has them, long ones without what all share; numbered where that makes
    them alike."""
    drawn = [for_figure(name, letters) for name in without_shared(names, letters)]
    if len({*drawn}) < len({*names}):
        drawn = [f"{i}: {name}" for i, name in enumerate(drawn, 1)]
    return drawn


@functools.cache
def _drawable() -> frozenset[int]:
    """The code points that our fonts have."""
    with styled():
        faces = [FontProperties(weight=weight) for weight in ("normal", "bold")]
        return frozenset.intersection(
            *(frozenset(get_font(findfont(face)).get_charmap()) for face in faces)
        )


def run_colours(order: Order) -> dict[str, str]:
    """A colour for each run, that colour-blind readers can tell apart, by its place in a list; or
    those that are given."""
    if isinstance(order, Mapping):
        return dict(order)
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(order)}


def run_dashes(order: Order) -> dict[str, str | tuple]:
    """A line style for each run, so that colour is not all that tells runs apart: each colour has
    its own, and others where it comes again."""
    dashes: dict[str, str | tuple] = {}
    seen: Counter[str] = Counter()
    for name, colour in run_colours(order).items():
        place = COLOURS.index(colour) if colour in COLOURS else 0
        lengths = DASHES[(place + len(COLOURS) * seen[colour]) % len(DASHES)]
        dashes[name] = (0, lengths) if lengths else "-"
        seen[colour] += 1
    return dashes


def run_swatch(name: str, order: Order) -> str:
    """HTML: a run's line as figures draw it, in small."""
    width, dashes = 2.2, run_dashes(order)[name]
    lengths = " ".join(f"{width * length:.3g}" for length in dashes[1]) if dashes != "-" else ""
    return (
        '<svg width="32" height="10" aria-hidden="true"><line x1="0" y1="5" x2="32" y2="5" '
        f'stroke="{run_colours(order)[name]}" stroke-width="{width}" '
        f'stroke-dasharray="{lengths or "none"}"/></svg>'
    )


class ShortFormatter(Formatter):
    """Numbers in at most six or so characters: 24.75, 1.2M, 2.5e-4."""

    _large = EngFormatter(sep="")

    def __call__(self, x: float, pos: int | None = None) -> str:
        if abs(x) >= 1e4:
            return self._large.format_eng(x)
        if 0 < abs(x) < 1e-3:
            short = np.format_float_scientific(x, precision=3, trim="-", exp_digits=1)
            return self.fix_minus(short[0]) + short[1:]
        return self.fix_minus(f"{x:.6g}")

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        least = 1e-9 * max(map(abs, values), default=0.0)  # 0, but for rounding
        return [self(0.0 if abs(x) < least else x) for x in values]


def encode_png(canvas: FigureCanvasAgg) -> bytes:
    """What is on a canvas, encoded for speed: Pillow would try all filters on each line of pixels,
    which takes longer and, of lines on white, leaves more."""
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    high, wide, _ = pixels.shape
    lines = np.zeros((high, 1 + 3 * wide), np.uint8)  # each begins with its filter: none
    lines[:, 1:] = pixels.reshape(high, -1)
    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)  # 8 bits, RGB
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(lines, 1)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
