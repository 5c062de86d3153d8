"""Colours and dashes of runs: as they are drawn, as a deuteranope sees them, and in grey."""

import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D

import tmnet
from tmnet.drawing import COLOURS, AggFigure, run_colours, run_dashes, run_swatch
from tmnet.errors import TmnetError

NAMES = [f"run {i}" for i in range(20)]
# Machado, Oliveira and Fernandes (2009), of linear RGB: without cones for middle wavelengths.
DEUTERANOPE = np.array([
    [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881],
])  # fmt: skip
TO_XYZ = np.array([
    [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175],
    [0.0193339, 0.119192, 0.9503041],
])  # fmt: skip


def linear(colours):
    rgb = np.array([to_rgb(colour) for colour in colours])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(light):
    """CIELAB of linear RGB, in which two colours some 10 apart are told from each other."""
    x, y, z = (light @ TO_XYZ.T / TO_XYZ.sum(axis=1)).clip(0).T
    x, y, z = (np.where(v > 0.008856, np.cbrt(v), 7.787 * v + 16 / 116) for v in (x, y, z))
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def pattern(dashes):
    """Lengths of the dashes of a line, in its widths, as pixels show them."""
    figure = AggFigure((10, 0.2), dpi=100)
    line = figure.add_artist(Line2D([0, 1], [0.5, 0.5]))
    line.set(transform=figure.transFigure, linewidth=7.2, linestyle=dashes, color="black")
    figure.canvas.draw()  # the line is 10 pixels wide
    dark = np.asarray(figure.canvas.buffer_rgba())[10, :, 0] < 128
    ends = np.flatnonzero(np.diff(dark.astype(int), prepend=0, append=0)).reshape(-1, 2)
    return np.diff(ends)[:-1, 0] / 10 if len(ends) > 1 else np.array([100.0])


def test_twenty_runs_have_twenty_looks():
    colours, dashes = run_colours(NAMES), run_dashes(NAMES)
    assert len({(colours[name], dashes[name]) for name in NAMES}) == 20
    assert len({*colours.values()}) == 10 and len({*dashes.values()}) == 6


@pytest.mark.parametrize("seen", [np.eye(3), DEUTERANOPE], ids=["all", "deuteranope"])
def test_ten_colours_are_told_apart_and_from_the_paper(seen):
    light = linear(run_colours(NAMES[:10]).values()) @ seen.T
    assert min(np.linalg.norm(one - other) for one, other in combinations(lab(light), 2)) > 10
    brightness = light.clip(0) @ TO_XYZ[1]
    assert (1.05 / (brightness + 0.05)).min() > 2  # the contrast with white, as for web pages


def test_dashes_alone_are_told_apart():
    """By how many there are of a length, or by how long the longest is."""
    drawn = [pattern(dashes) for dashes in list(run_dashes(NAMES).values())[:6]]
    told = [np.log([len(lengths), lengths.max()]) for lengths in drawn]
    for one, other in combinations(told, 2):
        assert np.abs(one - other).max() > np.log(1.5)


@pytest.mark.parametrize("place", range(6))
def test_a_swatch_has_the_dashes_of_the_figure(place):
    name = NAMES[place]
    swatch = run_swatch(name, NAMES)
    assert run_colours(NAMES)[name] in swatch
    width = float(re.search('stroke-width="(.*?)"', swatch)[1])
    array = re.search('stroke-dasharray="(.*?)"', swatch)[1]
    drawn = pattern(run_dashes(NAMES)[name])
    if array == "none":
        assert drawn.tolist() == [100]
        return
    lengths = np.array(array.split(), float)
    assert lengths.sum() < 32  # once at least
    expected = lengths[::2] / width
    np.testing.assert_allclose(drawn[: len(expected)], expected, atol=0.16)


@settings(max_examples=30)
@given(st.lists(st.sampled_from(COLOURS), min_size=1, max_size=18))
def test_given_colours_stay_and_equal_ones_have_other_dashes(given_colours):
    """Up to three times: then all that go with a colour are used."""
    order = {str(i): colour for i, colour in enumerate(given_colours)}
    dashes = run_dashes(order)
    assert run_colours(order) == order
    assert run_dashes(dict(zip(NAMES, COLOURS))) == run_dashes(NAMES[:10])
    for colour in order.values():
        same = [dashes[name] for name in order if order[name] == colour]
        assert len({*same}) == min(len(same), 3)


def test_runs_in_colours_of_their_own(three_runs):
    runs = [tmnet.load_run(name, three_runs) for name in ("long", "short")]
    comparison = tmnet.compare(runs, metrics=["loss", "avg_q/A01"])
    order = {"short": "#d55e00", "other": "k", "long": "tab:blue"}
    (legend,) = comparison.plot_grid(order=order).legends
    lines = zip(legend.get_texts(), legend.legend_handles)
    drawn = {text.get_text(): to_hex(line.get_color()) for text, line in lines}
    assert drawn == {"short": "#d55e00", "long": "#1f77b4"} and [*drawn] == ["short", "long"]
    with pytest.raises(
        TmnetError, match="The colour of long in order is 'bleu'; it must be a colour"
    ):
        comparison.plot("loss", order=order | {"long": "bleu"})
    with pytest.raises(TmnetError, match="it must have all of short"):
        comparison.plot("loss", order={"long": "k"})
