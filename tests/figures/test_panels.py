"""One metric by several axes."""

import numpy as np
import pytest

import tmnet
from tmnet.errors import TmnetError
from tmnet.export import export_panels
from tmnet.figures import plot_panels

from .lines import line_of


@pytest.fixture(scope="module")
def by_both(runs):
    """By time without `never`, by step without `long`."""
    time = tmnet.compare(runs[:2], metrics=["A01/eval/finish_rate", "loss"], trailing=10)
    return [time, tmnet.compare(runs[1:], by="step", metrics=["A01/eval/finish_rate", "loss"])]


@pytest.mark.parametrize("width", ["page", "column"])
def test_panels(by_both, width):
    figure = plot_panels(by_both, "A01/eval/finish_rate", width=width)
    assert [ax.get_xlabel() for ax in figure.axes] == [
        comparison.axis.label for comparison in by_both
    ]
    for ax, comparison in zip(figure.axes, by_both):
        table = comparison.table("A01/eval/finish_rate")
        for run in table:
            np.testing.assert_array_equal(line_of(ax, run).get_ydata(), 100 * table[run])
        assert len({text.get_text() for text in ax.texts} - {""}) == 0
    assert [ax.get_title(loc="left").replace("\n", " ") for ax in figure.axes] == [
        "A01 eval: finish rate, last 10 min", "since the start",
    ]  # fmt: skip
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["long", "short", "never"]
    one, other = (line_of(ax, "short") for ax in figure.axes)
    assert one.get_color() == other.get_color()
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    wide, tall = figure.get_size_inches()
    assert (wide, tall) == pytest.approx((9, 3.3)) if width == "page" else wide == 3.4


@pytest.mark.parametrize("width", ["page", "column"])
@pytest.mark.parametrize("name", ["A01/eval/finish_rate", "loss"])
def test_nothing_lies_on_anything(by_both, width, name):
    figure = plot_panels(by_both, name, width=width)
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    boxes = [ax.get_tightbbox(renderer) for ax in figure.axes]
    boxes.append(figure.legends[0].get_window_extent())
    room = figure.get_window_extent()
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert room.x0 <= box.x0 and box.x1 <= room.x1
        assert room.y0 <= box.y0 and box.y1 <= room.y1


def test_limits_are_those_of_both(runs):
    """Losses by time begin higher than those by step, in a window further on."""
    time = tmnet.compare(runs[:1], metrics=["loss"], interval=1, window=(50, 60))
    step = tmnet.compare(
        runs[:1], metrics=["loss"], interval=1000, window=(20000, 30000), by="step"
    )
    one, other = plot_panels([time, step], "loss").axes
    assert one.get_ylim() == other.get_ylim()
    low, high = one.get_ylim()
    assert low <= 68 and high >= 108


def test_who_is_not_drawn_has_no_entry_in_the_legend(runs):
    """`never` has no best time, whatever the axis; the others keep their colours."""
    names = [run.name for run in runs]
    parts = [tmnet.compare(runs, by=by, metrics=["A01/eval/best"]) for by in ("time", "step")]
    figure = plot_panels(parts, "A01/eval/best", order=names)
    (legend,) = figure.legends
    drawn = [name for name in names if parts[0].table("A01/eval/best")[name].notna().any()]
    assert [text.get_text() for text in legend.get_texts()] == drawn == ["long", "short"]
    rate = tmnet.compare(runs, metrics=["A01/eval/finish_rate"])
    every = plot_panels([rate], "A01/eval/finish_rate", order=names)
    for name in drawn:
        shown = (line_of(some.axes[0], name).get_color() for some in (figure, every))
        assert len({*shown}) == 1
    arms = {"some": runs[:2], "none": runs[2:]}
    figure = plot_panels([tmnet.compare(arms, metrics=["A01/eval/best"])], "A01/eval/best")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["some"]
    alone = [tmnet.compare(runs[2:], metrics=["A01/eval/best"])]
    figure = plot_panels(alone, "A01/eval/best")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["never"]


def test_what_cannot_be_drawn(by_both, runs):
    with pytest.raises(TmnetError, match="no comparison to draw"):
        plot_panels([], "loss")
    with pytest.raises(TmnetError, match="no metric A01/eval/bst"):
        plot_panels(by_both, "A01/eval/bst")
    with pytest.raises(TmnetError, match="comparisons"):
        plot_panels(runs, "loss")
    with pytest.raises(TmnetError, match="must have all of"):
        plot_panels(by_both, "loss", order=["long"])


def test_its_file(by_both, tmp_path):
    files = export_panels(
        by_both, "A01/eval/finish_rate", tmp_path, prefix="exp", kinds=["png", "svg"],
        order=["long", "short", "never"], width="page", dpi=30,
    )  # fmt: skip
    assert [file.name for file in files] == [
        f"exp_A01_finish_rate_by_time_and_step.{kind}" for kind in ("png", "svg")
    ]
    assert all(file.is_file() for file in files)
