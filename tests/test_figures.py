"""Figures: what is drawn, and the files that are written."""

import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from PIL import Image

import tmnet
from tmnet.analysis.metrics import Metric
from tmnet.drawing import ShortFormatter
from tmnet.errors import TmnetError
from tmnet.figures import Multiples, plot_grid, plot_profile, robust_limits

from .synthetic import load, race, write_file

NAMES = ["long", "short", "never"]
SCALES = {"A01/eval/finish_rate": 100, "training_share": 100}  # shown in %
DRAWN = ["A01/eval/best", "A01/eval/finish_rate", "loss", "avg_q/A01", "training_share"]


@pytest.fixture(scope="module")
def runs(three_runs):
    return [load(three_runs, name) for name in NAMES]


@pytest.fixture(scope="module")
def whole(runs):
    """The three runs, to the end of the longest."""
    return tmnet.compare(runs, interval=2, window=(0, 60))


def line_of(ax, run):
    """The line of a run, not the dot at its end."""
    (line,) = [line for line in ax.lines if line.get_label() == run]
    return line


def dots_of(ax):
    """Points that are drawn alone, as (x, y, colour)."""
    dots = [line for line in ax.lines if line.get_label().startswith("_") and len(line.get_xdata())]
    return [
        (line.get_xdata()[0], line.get_ydata()[0], to_rgb(line.get_color()))
        for line in dots
        if line.get_marker() == "o"
    ]


# --- what is drawn ------------------------------------------------------------------------------


def assert_lines(ax, comparison, name):
    table = comparison.table(name) * SCALES.get(name, 1)
    for run in table:
        line = line_of(ax, run)
        np.testing.assert_array_equal(line.get_xdata(), table.index)
        np.testing.assert_allclose(line.get_ydata(), table[run], rtol=1e-12)


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
        assert ax.get_title(loc="left") == Metric.named(name).label
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
        ("A01/eval/best", r"(.* \()?s\)?"),
        ("A01/eval/finish_rate", r"(.* \()?%\)?"),
        ("A01/eval/first_finish", r"(.* \()?min\)?"),
        ("training_share", r"(.* \()?%\)?"),
        ("loss", "loss"),
        ("avg_q/A01", "average Q"),
    ],
)
def test_value_axes_have_units(whole, name, label):
    assert re.fullmatch(label, whole.plot(name).axes[0].get_ylabel())


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
    first = shown.png(20.0)
    shown.update(whole.only(names))
    assert shown.png(20.0) == Multiples(whole.only(names)).png(20.0) != first
    shown.update(whole.only(DRAWN))
    assert shown.png(20.0) == first


def test_arms_leave_nothing_behind(arms):
    """The same names may be those of runs, and of arms."""
    runs = tmnet.compare(list(arms.runs[:1]), metrics=["A01/eval/best"])
    seeds = tmnet.compare({arms.runs[0].name: list(arms.runs)}, metrics=["A01/eval/best"])
    shown, seen = Multiples(runs), Multiples(seeds).png()
    first = shown.png()
    shown.update(seeds)
    assert shown.png() == seen != first
    shown.update(runs)
    assert shown.png() == first


def test_a_comparison_without_metrics(runs):
    assert tmnet.compare(runs, metrics=[]).plot_grid().axes == []


def test_figures_are_unknown_to_pyplot(whole):
    plt.close("all")
    whole.plot("loss")
    assert plt.get_fignums() == []


# --- limits -------------------------------------------------------------------------------------

values = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=40)


@settings(max_examples=300)
@given(y=values, name=st.sampled_from(["loss", "avg_q/A01", "A01/eval/races"]))
def test_limits_hold_the_middle_half_and_say_what_they_cut(y, name):
    some, y = Metric.named(name), np.array(y)
    bottom, top, cut = robust_limits(y, some)
    assert bottom < top
    finite = y[~np.isnan(y)]
    if not len(finite):
        return
    low, high = np.quantile(finite, [0.25, 0.75])
    assert bottom <= low <= high <= top
    if cut is None:
        assert (bottom <= finite).all() and (finite <= top).all()
    else:
        assert cut == (finite.max() if some.better == "lower" else finite.min())
        assert not bottom <= cut <= top
        assert some.better is not None  # of what is neither good nor bad nothing is cut
        good = finite <= high if some.better == "lower" else finite >= low
        assert ((bottom <= finite) & (finite <= top))[good].all()


@pytest.mark.parametrize(
    "name, extreme, cut",
    [
        ("loss", 1000.0, True),
        ("loss", -1000.0, False),  # a very good value is shown
        ("avg_q/A01", -1000.0, True),
        ("avg_q/A01", 1000.0, False),
        ("charts/SPS", 1000.0, False),
    ],
)
def test_an_extreme_value_is_cut_where_it_is_bad(tmp_path, name, extreme, cut):
    records = [(60 * k, k, {name: k / 4}) for k in range(2, 41)]
    write_file(tmp_path / "X", [(60, 1, {name: extreme}), *records])
    comparison = tmnet.compare([load(tmp_path, "X")], interval=1, metrics=[name])
    if name.startswith("avg_q"):  # its common name is not what a trainer logs
        assert comparison.metrics[0].better == "higher"
    (ax,) = comparison.plot(name).axes
    low, high = ax.get_ylim()
    notes = [text.get_text() for text in ax.texts if text.get_text()]
    assert (low <= extreme <= high) == (not cut)
    assert low <= 0.5 and high >= 10 * (not cut or extreme > 0)
    side = "up" if extreme > 0 else "down"
    assert notes == ([f"{side} to {extreme:,.4g}, not shown"] if cut else [])


def test_what_is_not_shown_is_not_shown():
    """A value just beyond the reach, but within the margin around it."""
    y = np.append(np.linspace(0, 1, 101), 2.05)
    bottom, top, cut = robust_limits(y, Metric.named("loss"))
    assert cut is None or not bottom <= cut <= top


# --- performance profiles -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def arms(tmp_path_factory):
    """Best times of 24, 25, 26 and none; and of 25, 27 and 29; rates of 1, 1, 1, 0 and so on."""
    logdir, arms = tmp_path_factory.mktemp("arms"), {}
    for arm, times in {"a": [24, 25, 26, None], "b": [25, 27, 29]}.items():
        for i, x in enumerate(times):
            values = race(300.0, False) if x is None else race(float(x))
            write_file(logdir / f"{arm}{i}", [(60 * k, k, values) for k in range(1, 21)])
        arms[arm] = [load(logdir, f"{arm}{i}") for i in range(len(times))]
    return tmnet.compare(arms)


@pytest.mark.parametrize(
    "name, arm, better",
    [
        # just worse than each value, and just better: how many of the seeds are better
        ("A01/eval/best", "a", {26.1: 3, 25.9: 2, 25.1: 2, 24.9: 1, 24.1: 1, 23.9: 0}),
        ("A01/eval/best", "b", {29.1: 3, 28.9: 2, 26.9: 1, 24.9: 0}),
        ("A01/eval/finish_rate", "a", {-1: 4, 1: 3, 99: 3, 101: 0}),
        ("A01/eval/finish_rate", "b", {-1: 3, 99: 3, 101: 0}),
    ],
)
def test_a_performance_profile(arms, name, arm, better):
    figure = plot_profile(arms, name)
    (ax,) = figure.axes
    line, seeds = line_of(ax, arm), len(arms.arms[arm])
    x, y = line.get_data()
    rising = np.sign(x[-1] - x[0])
    assert line.get_drawstyle() == "steps-post" and (ax.get_xlim()[0] > ax.get_xlim()[1]) == (
        rising < 0  # the better, the further right
    )
    for at, count in better.items():
        passed = np.flatnonzero(rising * x <= rising * at)
        assert y[passed[-1]] == pytest.approx(100 * count / seeds)
    assert ax.get_ylabel() == "seeds that are better (%)"
    assert ax.get_xlabel().endswith({"best": "(s)", "finish_rate": "(%)"}[name.rsplit("/")[-1]])
    assert {text.get_text() for text in ax.get_legend().texts} == {"a", "b"}


def test_a_profile_needs_arms_and_a_direction(arms, whole):
    for comparison, name in ((whole, "A01/eval/best"), (arms, "A01/eval/races")):
        with pytest.raises(TmnetError, match="needs arms, and a better and a worse"):
            plot_profile(comparison, name)
    with pytest.raises(TmnetError, match="no metric A01/eval/bst"):
        plot_profile(arms, "A01/eval/bst")


# --- files --------------------------------------------------------------------------------------

MAGIC = {"png": b"\x89PNG\r\n", "jpg": b"\xff\xd8\xff", "pdf": b"%PDF-", "svg": b"<?xml"}


def test_names_of_files(runs, tmp_path):
    names = ["A01/eval/best", "A01/explo/best", "loss", "avg_q/A01"]
    for options, suffix in (({}, ""), ({"by": "step"}, "_by_step"),
                            ({"by": "training_share"}, "_by_training_share")):  # fmt: skip
        comparison = tmnet.compare(runs, metrics=names, **options)
        files = comparison.export(tmp_path / "new" / "folder", "exp", ("jpg",), dpi=20)
        assert files == [
            tmp_path / "new" / "folder" / f"exp_{name}{suffix}.jpg"
            for name in ("A01_best", "A01_explo_best", "loss", "avg_q")
        ]
        assert all(file.is_file() for file in files)
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 12


def test_average_q_of_two_maps(tmp_path):
    write_file(tmp_path / "X", [(60, 1, {"RL/avg_Q_trained_A01": 1, "RL/avg_Q_trained_B": 2})])
    files = tmnet.compare([load(tmp_path, "X")]).export(tmp_path, "exp", ("png",), dpi=20)
    assert {file.name for file in files} == {"exp_avg_q_A01.png", "exp_avg_q_B.png"}


@pytest.mark.parametrize("kind", MAGIC)
def test_every_format_of_figures(whole, tmp_path, kind):
    (file,) = whole.only(["loss"]).export(tmp_path, "exp", (kind.upper(),), dpi=40)
    assert file.name == f"exp_loss.{kind}"
    data = file.read_bytes()
    assert data.startswith(MAGIC[kind])
    if kind in ("png", "jpg"):
        with Image.open(file) as image:
            image.load()
            width, height = whole.plot("loss").get_size_inches() * 40
            assert image.size == (int(width), int(height))
            assert len(np.unique(np.asarray(image.convert("L")))) > 10
    if kind == "svg":
        words = "".join(ElementTree.fromstring(data).itertext())
        assert all(word in words for word in [*NAMES, "loss", "training time (min)"])
    if kind == "pdf":
        assert data.rstrip().endswith(b"%%EOF")
    (again,) = whole.only(["loss"]).export(tmp_path / "again", "exp", (kind,), dpi=40)
    assert again.read_bytes() == data


def test_a_table_as_csv_is_the_frame(whole, tmp_path):
    (file,) = whole.export(tmp_path, "exp", ("csv",))
    assert file.name == "exp_table.csv"
    got = pd.read_csv(file, dtype=str).astype({"at": float, "value": float})
    expected = whole.frame.astype({"run": str, "metric": str})
    pd.testing.assert_frame_equal(got, expected, check_exact=True, check_dtype=False)


@pytest.mark.parametrize("kind, mark", [("md", "|---"), ("tex", r"\toprule")])
def test_tables_for_write_ups(whole, tmp_path, kind, mark):
    (file,) = whole.export(tmp_path, "exp", (kind,))
    text = file.read_text(encoding="utf-8")
    assert mark in text and "45.50*" in text and "ended" in text


@pytest.mark.parametrize(
    "tags",
    [
        ["a/b", "a_b", "a b", "a_b_2", "a:b"],
        ["A01_best", "A01/eval/best", "A01/explo_best", "A01_explo_best"],
        ["charts/SPS", "charts/sps"],  # Windows and macOS see one name
    ],
    ids=str,
)
def test_two_metrics_never_share_a_file(tmp_path, tags):
    records = [(60 * k, k, dict.fromkeys(tags[1:], k) | {tags[0]: k}) for k in (1, 2)]
    write_file(tmp_path / "X", [*records, (150, 3, race(40.0))])
    comparison = tmnet.compare([load(tmp_path, "X")], metrics=tags)
    files = comparison.export(tmp_path / "out", "exp", ("png",), dpi=20)
    assert len(files) == len(tags)
    assert len({str(file).lower() for file in files}) == len(tags)
    assert len(list((tmp_path / "out").iterdir())) == len(tags)
    assert all(re.fullmatch(r"[\w.-]+", file.name) for file in files)


def test_an_unknown_format(whole, tmp_path):
    with pytest.raises(tmnet.TmnetError, match=r"format bmp cannot be written; .*png, svg"):
        whole.export(tmp_path / "out", "exp", ("png", "bmp"))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made(whole, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    for below in ("", "folder"):
        with pytest.raises(tmnet.TmnetError, match="cannot be made"):
            whole.export(tmp_path / "file" / below, "exp", ("csv",))
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_file_that_cannot_be_written(whole, tmp_path):
    """There is a folder of its name; nothing half written is left."""
    (tmp_path / "exp_table.csv").mkdir()
    with pytest.raises(tmnet.TmnetError, match=r"exp_table\.csv cannot be written"):
        whole.export(tmp_path, "exp", ("csv",))
    assert [path.name for path in tmp_path.iterdir()] == ["exp_table.csv"]


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


@pytest.mark.parametrize("name", ["cumul_number_single_memories_should_have_been_used", "loss"])
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
        assert ax.get_title(loc="left")[:5] == name[:5] or ax.get_title(loc="left") == name
