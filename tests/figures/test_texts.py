"""Texts in figures: ticks are short, labels stay in their room, legends leave some."""

import io
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from scipy.optimize import isotonic_regression

import tmnet
from tmnet.drawing import SCREENS, AggFigure, ShortFormatter, for_figure, styled
from tmnet.figures import Multiples, plot_panels
from tmnet.figures.legend import spread
from tmnet.figures.texts import fitted_names, inches_of, label_for_figure

from ..synthetic import load, race, write_file, write_three_runs


@pytest.mark.parametrize(
    "ticks, texts",
    [
        ([24.5, 24.75, 25], ["24.5", "24.75", "25"]),
        ([0, 0.1, 0.1 + 0.2], ["0", "0.1", "0.3"]),
        ([-2e-17, 0.2], ["0", "0.2"]),
        ([-1.5, -0.0005], ["−1.5", "−5e-4"]),
        ([2.5e-4, 5e-4], ["2.5e-4", "5e-4"]),
        ([0, 60_000, 1_200_000], ["0", "60k", "1.2M"]),
        ([9_000, 10_000], ["9000", "10k"]),
    ],
)
def test_ticks_are_short(ticks, texts):
    assert ShortFormatter().format_ticks(ticks) == texts


@pytest.mark.parametrize("angle", [0, 90, 20])
@pytest.mark.parametrize("dpi", [100, 157, 600])
def test_texts_look_as_matplotlib_draws_them(angle, dpi):
    """At whole pixels, which matplotlib does not ask for."""
    pixels = []
    for figure in (AggFigure((4, 3), dpi=dpi), Figure((4, 3), dpi=dpi)):
        places = [(100, 140, "24.75 s", "0"), (220, 140, "gjÅ−|_", "#0173b2"), (60, 60, "", "0")]
        for across, up, text, colour in places * 2:  # and once more over itself
            look = {"rotation": angle, "rotation_mode": "anchor", "color": colour, "alpha": 0.7}
            figure.text(across / (4 * dpi), up / (3 * dpi), text, weight="bold", **look)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=dpi)
        pixels.append(np.asarray(Image.open(file).convert("RGB"), int))
    ours, theirs = pixels
    assert (ours < 128).any() and np.abs(ours - theirs).max() <= 3


def test_texts_for_print_take_no_memory(monkeypatch):
    monkeypatch.setattr("tmnet.drawing._text_picture", None)
    figure = AggFigure((6, 1), dpi=SCREENS + 1)
    figure.text(0.01, 0.5, "W" * 60, size=10)
    assert np.asarray(Image.open(io.BytesIO(figure.png()))).min() == 0


def test_a_picture_is_encoded_as_it_is_drawn():
    figure = AggFigure((3.01, 2.17), dpi=100)
    figure.add_axes((0.2, 0.2, 0.7, 0.7)).plot([1, 3, 2], color="#d55e00")
    drawn = Image.open(io.BytesIO(figure.png()))
    assert drawn.mode == "RGB" and not drawn.info
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    assert pixels.min() < 100 and (np.asarray(drawn) == pixels).all()


@pytest.mark.parametrize("name", ["number_of_single_things_that_should_have_been_used", "loss"])
def test_a_long_name_stays_inside_the_figure(tmp_path, name):
    write_file(tmp_path / "X", [(60 * k, k, {name: 1.0 * k}) for k in range(1, 9)])
    for width in ("page", "column"):
        comparison = tmnet.compare([load(tmp_path, "X")], interval=1, metrics=[name])
        figure = comparison.plot_grid(width=width)
        figure.canvas.draw()
        room = figure.get_window_extent()
        (ax,) = figure.axes
        for text in (ax.title, ax._left_title, ax.yaxis.label, ax.xaxis.label):
            box = text.get_window_extent()
            assert box.x0 >= room.x0 and box.x1 <= room.x1, text
            assert box.y0 >= room.y0 and box.y1 <= room.y1, text
        for label in (ax.get_title(loc="left"), ax.get_ylabel()):
            assert name.startswith(label.replace("\n", "").removesuffix("…"))
            assert len(label) > 30 or label == name


def box_of(artist):
    return artist.get_window_extent()


def drawn_inches(text, size, weight):
    with styled():
        figure = AggFigure(dpi=400)
        return figure.text(0, 0, text, size=size, weight=weight).get_window_extent().width / 400


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_widths_are_those_of_the_drawn_text(weight):
    for text in ("A01 eval: best time", "WWW", "ill", "training_share"):
        drawn = drawn_inches(text, 9, weight)
        assert drawn <= inches_of(text, 9, weight) <= 1.1 * drawn


@settings(max_examples=60)
@given(st.text("ab iW_/,:é", min_size=1, max_size=60).map(str.strip), st.floats(0.3, 4))
@example("W", 0.01)
@example("_::W", 0.3125)  # a space is before it, or legends would hide it
def test_a_label_is_on_two_lines_before_it_has_no_end(text, inches):
    shown = label_for_figure(text, inches, 9)
    lines = shown.split("\n")
    assert len(lines) <= 2
    assert all(inches_of(line, 9) <= inches or len(line) == 1 for line in lines)
    plain = " ".join(text.split())
    told = "".join(lines).removesuffix("…").replace(" ", "")
    assert plain.replace(" ", "").startswith(told)
    if inches_of(for_figure(text), 9) <= inches:
        assert shown.strip() == text
    if shown.endswith("…"):  # no room for it on two lines
        assert inches_of(text, 9) > 1.2 * inches


@pytest.mark.parametrize(
    "text, inches, shown",
    [
        ("finish rate (%)", 2, "finish rate (%)"),
        ("mean time, cut-off races included (s)", 2, "mean time,\ncut-off races included (s)"),
        ("A01 eval: finish rate, last 12 min", 1.7, "A01 eval: finish rate,\nlast 12 min"),
        ("eval/rollout/ep_rew_mean", 1.3, "eval/rollout/\nep_rew_mean"),
        ("x" * 40, 1, "xxxxxxxxxxxxx\nxxxxxxxxxxx…"),
    ],
)
def test_where_labels_are_broken(text, inches, shown):
    assert label_for_figure(text, inches, 9) == shown


@settings(max_examples=30)
@given(st.lists(st.text("ab_", min_size=1, max_size=60), min_size=1, max_size=5, unique=True))
def test_names_fit_and_stay_apart(names):
    shown = fitted_names(names, 1.2, 8)
    assert len({*shown}) == len(names)
    assert all(inches_of(name, 8) <= 1.2 for name in shown)


@settings(max_examples=60)
@given(st.lists(st.floats(0, 4), min_size=1, max_size=6))
def test_labels_are_spread_as_little_as_can_be(at):
    places = np.array(spread(at, 0.2, 4.0))
    order = np.argsort(at, kind="stable")
    assert (np.diff(places[order]) > 0.2 - 1e-9).all() and (places >= 0).all()
    assert (places <= 4 + 1e-9).all()
    steps = 0.2 * np.arange(len(at))
    found = isotonic_regression(np.array(at)[order] - steps).x
    np.testing.assert_allclose(places[order], found.clip(0, 4 - steps[-1]) + steps)


# --- whose line is whose ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def twenty(tmp_path_factory):
    """Runs that have nothing but names, and best times some 0.5 s apart."""
    logdir = tmp_path_factory.mktemp("twenty")
    for i in range(20):
        times = [(60.0 * k, k, race(60 + i / 2 - k / 4)) for k in range(1, 41)]
        write_file(logdir / f"network_of_size_{i:02}", times)
    return [load(logdir, f"network_of_size_{i:02}") for i in range(20)]


def parts_of(figure):
    """Boxes of the axes with all their labels, and of what says whose line is whose."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    axes = [ax.get_tightbbox(renderer, bbox_extra_artists=[]) for ax in figure.axes]
    return axes, [box_of(legend) for legend in figure.legends]


@pytest.mark.parametrize("width", ["page", "column"])
@pytest.mark.parametrize("number", [6, 10, 20])
def test_a_legend_leaves_room(twenty, number, width):
    comparison = tmnet.compare(twenty[:number], metrics=["A01/eval/best", "A01/eval/mean"])
    for metrics in (["A01/eval/best"], ["A01/eval/best", "A01/eval/mean"]):
        figure = comparison.plot_grid(metrics, width=width)
        axes, (legend,) = parts_of(figure)
        room = figure.get_window_extent()
        assert all(not legend.overlaps(box) for box in axes)
        assert all(room.x0 <= box.x0 and box.x1 <= room.x1 for box in (*axes, legend))
        assert (
            legend.y1 <= room.y1 and len({t.get_text() for t in figure.legends[0].texts}) == number
        )
        if len(metrics) == 1:
            assert figure.axes[0].get_window_extent().height >= 0.55 * room.height


@pytest.mark.parametrize("width", ["page", "column"])
def test_few_lines_have_their_names_at_their_ends(twenty, width):
    runs = [twenty[i] for i in (0, 1, 9, 19)]
    figure = tmnet.compare(runs, metrics=["A01/eval/best"]).plot("A01/eval/best", width=width)
    (ax,) = figure.axes
    labels = {text.get_text(): box_of(text) for text in ax.texts if text.get_text()}
    names = [run.name for run in runs] if width == "page" else ["…00", "…01", "…09", "…19"]
    assert not figure.legends and list(labels) == names
    figure.canvas.draw()
    assert not any(one.overlaps(other) for one, other in combinations(labels.values(), 2))
    room, frame = figure.get_window_extent(), ax.get_window_extent()
    for name, run in zip(names, runs):
        box, line = labels[name], next(x for x in ax.lines if x.get_label() == run.name)
        assert frame.x1 < box.x0 and box.x1 <= room.x1
        end = ax.transData.transform((0, line.get_ydata()[-1]))[1]
        assert abs(end - (box.y0 + box.y1) / 2) < 20  # pixels


@pytest.mark.parametrize("width", ["page", "column"])
def test_names_that_cannot_be_drawn_are_written_once(twenty, width):
    """As they are, and where they are long: what cannot be seen is not escaped twice."""
    for name in ("size {}\x1b$", "{}\x1b$" + 50 * "x" + "{}"):
        arms = {name.format(i, i): [twenty[10 * i]] for i in range(2)}
        comparison = tmnet.compare(arms, metrics=["A01/eval/best"])
        for figure in (comparison.plot("A01/eval/best", width=width), Multiples(comparison).figure,
                       plot_panels([comparison], "A01/eval/best", width=width)):  # fmt: skip
            texts = [text.get_text() for text in figure.findobj(Text)]
            named = [text for text in texts if "\\x1b" in text]
            assert len(named) == 2 and not any("x5c" in text for text in texts)


def test_there_is_no_room_for_names_that_are_not_shown(twenty):
    """Unless the figure will be redrawn."""
    comparison = tmnet.compare(twenty[:6], metrics=["A01/eval/best"])
    order = [run.name for run in twenty] + [f"x{i}" for i in range(20)]
    few, many = (comparison.plot("A01/eval/best", order=names) for names in (order[:6], order))
    assert few.get_size_inches().tolist() == many.get_size_inches().tolist()
    assert few.axes[0].get_position().bounds == many.axes[0].get_position().bounds
    live = Multiples(comparison, order).figure
    assert live.get_size_inches()[1] > many.get_size_inches()[1] + 0.3


def test_where_names_would_be_far_from_their_lines_there_is_a_legend(tmp_path):
    for name in "abcde":
        write_file(tmp_path / name, [(60.0 * k, k, {"loss": 2.0 / k}) for k in range(1, 41)])
    runs = [load(tmp_path, name) for name in "abcde"]
    assert len(tmnet.compare(runs).plot("loss").legends) == 1  # all end in one point
    assert not tmnet.compare(runs[:2]).plot("loss").legends
    assert len(tmnet.compare(runs[:2], window=(0, 50)).plot("loss").legends) == 1


def test_axes_without_a_value_say_so(tmp_path):
    write_three_runs(tmp_path)
    comparison = tmnet.compare([load(tmp_path, "never")])
    figure = comparison.plot_grid(["A01/eval/best", "A01/eval/finish_rate"])
    best, rate = ([text.get_text() for text in ax.texts] for ax in figure.axes)
    assert "no value in this window" in best and "no value in this window" not in rate
