"""Small multiples: what is drawn, and drawn again."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

import tmnet
from tmnet.figures import Multiples, plot_grid

from ..synthetic import load, write_file
from .lines import NAMES, SCALES, dots_of, line_of

DRAWN = ["A01/eval/best", "A01/eval/finish_rate", "loss", "avg_q/A01", "training_share"]


def assert_lines(ax, comparison, name):
    table = comparison.table(name) * SCALES.get(name, 1)
    if name == "A01/eval/best":
        assert_records(ax, comparison)
        return
    for run in table:
        line = line_of(ax, run)
        np.testing.assert_array_equal(line.get_xdata(), table.index)
        np.testing.assert_allclose(line.get_ydata(), table[run], rtol=1e-12)


def assert_records(ax, comparison):
    """Steps: at every moment they are what races by then allow; and they fall where races end."""
    for run in comparison.runs:
        there, (x, y) = comparison.axis.of(run), line_of(ax, run.name).get_data()
        assert line_of(ax, run.name).get_drawstyle() == "steps-post"
        races = run.races[(run.races["map"] == "A01") & (run.races["kind"] == "eval")]
        at = np.array([there.position(row) for row in races.index])
        lo, hi = comparison.window
        end = min(hi, there.end)
        for moment in np.linspace(lo, end, 97):
            times = races["time_s"][races["finished"].to_numpy() & (at <= moment)]
            passed = np.flatnonzero(x <= moment)
            assert len(times) == 0 if not len(passed) else y[passed[-1]] == times.min()
        inner = x[1:-1]
        assert np.isin(inner, at).all() and (np.diff(y[:-1]) < 0).all()
        if len(x):
            assert x[-1] == end and (x[0] == lo or x[0] in at)


@pytest.mark.parametrize("name", DRAWN)
def test_lines_are_the_table(whole, name):
    (ax,) = whole.plot(name).axes
    assert_lines(ax, whole, name)


@pytest.mark.parametrize("options", [{}, {"by": "step", "interval": 3000}], ids=["time", "step"])
def test_a_grid_of_metrics(runs, options):
    comparison = tmnet.compare(runs, **options)
    figure = comparison.plot_grid(DRAWN)
    assert len(figure.axes) == len(DRAWN)
    for ax, name in zip(figure.axes, DRAWN):
        counted = ", since the start" if "/eval/" in name else ""
        title = ax.get_title(loc="left").replace("\n", " ")
        assert title == comparison.metric(name).label + counted
        assert_lines(ax, comparison, name)
        assert ax.get_xlabel() == comparison.axis.label
        assert ax.get_xlim() == comparison.window
    assert len(comparison.plot_grid().axes) == len(comparison.metrics)


def test_values_that_are_not_finite_are_not_drawn(tmp_path):
    losses = [1.0, float("inf"), 3.0, float("nan"), 5.0]
    write_file(tmp_path / "X", [(60 * k, k, {"loss": x}) for k, x in enumerate(losses, start=1)])
    (ax,) = tmnet.compare([load(tmp_path, "X")], interval=1).plot("loss").axes
    np.testing.assert_array_equal(line_of(ax, "X").get_ydata(), [1, np.nan, 3, np.nan, 5])
    assert ax.get_ylim()[1] < 10


@pytest.mark.parametrize(
    "name, label",
    [
        ("A01/eval/best", "best time (s)"),
        ("A01/eval/finish_rate", "finish rate (%)"),
        ("A01/eval/first_finish", "first finish (min)"),
        ("A01/eval/mean_all", "mean time, cut-off races included (s)"),
        ("training_share", "share of time spent training (%)"),
        ("loss", "loss"),
        ("avg_q/A01", "average Q"),
    ],
)
def test_value_axes_say_what_they_show(whole, name, label):
    for figure in (whole.plot(name), whole.plot(name, width="column"), whole.plot_grid()):
        labels = [ax.get_ylabel().replace("\n", " ") for ax in figure.axes]
        assert label in labels


def test_the_axis_is_named_once_a_column(whole):
    """Below the lowest axes, where the last row is not full, too."""
    axes = whole.plot_grid(DRAWN).axes
    assert [ax.xaxis.label.get_visible() for ax in axes] == [False, False, True, True, True]
    assert {ax.get_xlabel() for ax in axes} == {"active training time (min)"}


def test_bands_are_those_of_the_comparison(runs):
    """Of rates and means, where runs are few; in the colours of their lines."""
    comparison = tmnet.compare(runs, trailing="late", interval=2, window=(0, 60))
    for name, scale in (("A01/eval/finish_rate", 100), ("A01/eval/mean_all", 1)):
        (ax,) = comparison.plot(name).axes
        bands = comparison.bands(name) * scale
        known = [i for i in range(3) if np.isfinite(bands[i]).any()]
        assert known and len(ax.collections) == len(known)
        for i, band in zip(known, ax.collections):
            colour = to_rgb(line_of(ax, comparison.runs[i].name).get_color())
            assert tuple(band.get_facecolor()[0][:3]) == colour
            drawn = {tuple(point) for path in band.get_paths() for point in path.vertices}
            there = np.isfinite(bands[i]).all(axis=1)
            points = np.repeat(comparison.grid[there], 2), bands[i][there].ravel()
            assert drawn == {*zip(*points)}
        assert f"last {comparison.late:g} min" in ax.get_title(loc="left").replace("\n", " ")
    assert not comparison.plot("loss").axes[0].collections
    assert not tmnet.compare(runs).plot("A01/eval/mean_all").axes[0].collections


def test_a_record_of_an_arm_falls_where_its_seeds_do(arms):
    (ax,) = arms.plot("A01/eval/best").axes
    thick = {line.get_label(): line for line in ax.lines if line.get_label() in arms.arms}
    thin = [line for line in ax.lines if line.get_linewidth() < 1]
    thin = [line for line in thin if line.get_drawstyle() == "steps-post"]  # others lead to names
    assert {*thick} == {"a", "b"} and len(thin) == 7
    assert all(line.get_drawstyle() == "steps-post" for line in (*thick.values(), *thin))
    assert sorted(line.get_ydata()[0] for line in thin if len(line.get_ydata())) == [
        24, 25, 25, 26, 27, 29,
    ]  # fmt: skip
    assert all(line.get_xdata()[0] == 1 for line in thin if len(line.get_xdata()))
    np.testing.assert_array_equal(thick["b"].get_xdata(), arms.grid)


def test_rates_are_drawn_from_0_to_100(whole):
    low, high = whole.plot("A01/eval/finish_rate").axes[0].get_ylim()
    assert low <= 0 and high >= 100 and high - low < 110


def test_one_legend(whole):
    figure = whole.plot_grid(DRAWN)
    assert len(figure.legends) == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == NAMES
    assert all(ax.get_legend() is None for ax in figure.axes)


def test_runs_differ_in_colour_and_dash(whole):
    lines = [line_of(whole.plot("loss").axes[0], name) for name in NAMES]
    assert len({to_rgb(line.get_color()) for line in lines}) == 3
    assert len({line._unscaled_dash_pattern for line in lines}) == 3
    handles = whole.plot("loss").legends[0].legend_handles
    assert [to_rgb(handle.get_color()) for handle in handles] == [
        to_rgb(line.get_color()) for line in lines
    ]


def test_a_run_keeps_its_colour_when_another_is_left_out(runs, whole):
    before = {name: line_of(whole.plot("loss").axes[0], name) for name in NAMES}
    figure = plot_grid(tmnet.compare(runs[1:]), ["loss"], order=NAMES)
    for name in NAMES[1:]:
        after = line_of(figure.axes[0], name)
        assert after.get_color() == before[name].get_color()
        assert after.get_linestyle() == before[name].get_linestyle()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == NAMES[1:]
    assert "long" not in [line.get_label() for line in figure.axes[0].lines]


def test_a_figure_of_a_few_of_many_runs_has_no_room_for_all(runs, whole):
    """For up to 24 there is room in the legend from the start, so that nothing jumps."""
    few, many, more = (
        Multiples(whole, [*NAMES, *(f"run_{i}" for i in range(number))]) for number in (0, 21, 997)
    )
    sizes = [multiples.figure.get_size_inches().tolist() for multiples in (few, many, more)]
    assert sizes[0][1] < sizes[1][1] and sizes[1] == sizes[2]
    assert {run for _, run in more.lines} == {*NAMES}
    long = Multiples(whole, [*NAMES, *(f"{'x' * 100}_{i}" for i in range(21))])  # a row each
    inches = long.figure.get_size_inches()[1] - sizes[0][1]
    assert inches < 8 * 0.19  # and no hole above the axes


def test_a_dot_where_a_run_ends_in_the_window(whole):
    """long goes on to the end of the window, and never has no loss."""
    (ax,) = whole.plot("loss").axes
    assert dots_of(ax) == [(30, 34, to_rgb(line_of(ax, "short").get_color()))]
    (ax,) = whole.plot("training_share").axes
    assert [dot[:2] for dot in dots_of(ax)] == [(30, 100 * 30 / 64), (44, 100 * 44 / 64)]


def test_no_dot_in_the_common_window(runs):
    assert dots_of(tmnet.compare(runs, interval=3).plot("training_share").axes[0]) == []


def test_a_lone_point_can_be_seen(runs):
    (ax,) = tmnet.compare(runs, interval=30).plot("loss").axes
    assert line_of(ax, "long").get_marker() == "o"
    assert line_of(ax, "long").get_ydata().tolist() == [98]


def test_updating_draws_the_other_comparison(runs, whole):
    """In place: same axes, same colours, one legend."""
    shown = Multiples(whole.only(DRAWN))
    axes, colours = shown.figure.axes, [line.get_color() for line in shown.lines.values()]
    part = tmnet.compare([runs[2], runs[0]], interval=7, window=(10, 40)).only(DRAWN)
    shown.update(part)
    assert shown.figure.axes == axes
    assert [line.get_color() for line in shown.lines.values()] == colours
    for ax, name in zip(axes, DRAWN):
        assert_lines(ax, part, name)
        assert ax.get_xlim() == (10, 40)
        assert np.isnan(line_of(ax, "short").get_ydata()).all()
    assert len(shown.figure.legends) == 1
    labels = [text.get_text() for text in shown.figure.legends[0].get_texts()]
    assert labels == ["long", "never"]


@pytest.mark.parametrize(
    "names", [DRAWN[:1], DRAWN[1:3], [*DRAWN, "A01/explo/races"], DRAWN[::-1]], ids=len
)
def test_other_metrics_in_place_look_like_a_new_figure(whole, names):
    shown = Multiples(whole.only(DRAWN))
    first = shown.figure.png()
    shown.update(whole.only(names))
    assert shown.figure.png() == Multiples(whole.only(names)).figure.png() != first
    shown.update(whole.only(DRAWN))
    assert shown.figure.png() == first


def test_bands_in_place_look_like_new_ones(runs):
    """Whichever run's came first."""
    few, all_of_them = (
        tmnet.compare(some, trailing=20, interval=2, metrics=["A01/eval/finish_rate"])
        for some in (runs[2:], runs)
    )
    shown = Multiples(few, NAMES)
    for comparison in (all_of_them, few, all_of_them):
        shown.update(comparison)
        assert shown.figure.png() == Multiples(comparison, NAMES).figure.png()


def test_arms_leave_nothing_behind(arms):
    """The same names may be those of runs, and of arms."""
    runs = tmnet.compare(list(arms.runs[:1]), metrics=["A01/eval/best"])
    seeds = tmnet.compare({arms.runs[0].name: list(arms.runs)}, metrics=["A01/eval/best"])
    shown, seen = Multiples(runs), Multiples(seeds).figure.png()
    first = shown.figure.png()
    shown.update(seeds)
    assert shown.figure.png() == seen != first
    shown.update(runs)
    assert shown.figure.png() == first


def test_a_comparison_without_metrics(runs):
    assert tmnet.compare(runs, metrics=[]).plot_grid().axes == []


def test_figures_are_unknown_to_pyplot(whole):
    plt.close("all")
    whole.plot("loss")
    assert plt.get_fignums() == []
