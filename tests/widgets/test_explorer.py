"""The explorer's controls, driven from Python: what they compute, draw and say."""

import ast
import os
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import tmnet
from tmnet.analysis.metrics import STATISTICS
from tmnet.errors import TmnetError
from tmnet.files import data_path

from .hands import move_window

LOGDIR = data_path("published", "runs")
RUNS = ["A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"]


@pytest.fixture
def explorer():
    return tmnet.explore(LOGDIR)


def races_until(run, minutes):
    """A run's A01 eval races that ended by a minute, by pandas."""
    races = tmnet.load_run(run, LOGDIR).races
    return races[
        (races["map"] == "A01") & (races["kind"] == "eval") & (races["minutes"] <= minutes)
    ]


def late_window(until):
    """As STATISTICS has it: what holds the last 50 eval races of the run that raced least, or a
    tenth of the window."""
    lengths = [until / 10]
    for run in RUNS:
        ends = races_until(run, until)["minutes"].to_numpy()
        lengths.append(until - ends[-51])  # from behind the race before the last fifty on
    return min(max(lengths), until / 2)


def late_races(run, at):
    """A run's A01 eval races of the late window before a moment."""
    races = races_until(run, at)
    return races[races["minutes"] > at - late_window(120)]


def choose_metrics(explorer, *names):
    """Check these metrics, and no others."""
    boxes = explorer._metrics.boxes
    for name in {*names} | {*explorer.view["metrics"]}:
        boxes[name].value = name in names


def drawn(explorer, metric, run):
    """(x, y) of the line of a run, without gaps."""
    x, y = explorer._picture.multiples.lines[metric, run].get_data()
    return x[~np.isnan(y)], y[~np.isnan(y)]


def test_it_opens_on_how_good_the_agents_are(explorer):
    assert explorer.view["metrics"] == [
        "A01/eval/late_rate", "A01/eval/late_best_of_10", "A01/eval/best", "loss"
    ]  # fmt: skip
    assert explorer.view["trailing"] is None
    assert explorer.comparison.late == pytest.approx(late_window(120))


def test_it_starts_with_all_runs_on_the_common_window(explorer):
    assert explorer.view["runs"] == RUNS
    assert explorer.view["baseline"] == RUNS[0]
    assert explorer.comparison.window == (0, pytest.approx(120.3, abs=0.05))  # where uni_20 ends
    assert ">0.0 – 120.3<" in explorer.controls.window_label.value
    np.testing.assert_allclose(explorer.comparison.grid, np.arange(5, 121, 5))
    assert explorer.at == 120


def test_lines_show_what_pandas_computes(explorer):
    explorer.controls.interval.value = 20
    for run in RUNS:
        x, y = drawn(explorer, "A01/eval/late_rate", run)
        np.testing.assert_allclose(x, np.arange(20, 121, 20))
        expected = [100 * late_races(run, t)["finished"].mean() for t in x]
        np.testing.assert_allclose(y, expected)


def test_a_window_beyond_a_run_draws_it_to_its_end_and_says_that_it_ended(explorer):
    move_window(explorer, 0, 600)
    for run, end in zip(RUNS, (560, 495, 120, 600)):
        assert drawn(explorer, "loss", run)[0][-1] == end
    explorer.show_at(580)
    row = re.search("<tr><th>loss</th>(.*?)</tr>", explorer.display.moment_table.value)[1]
    assert [("ended" in cell) for cell in row.split("<td>")[1:]] == [True, True, True, False]
    ends = {run: explorer._picture.multiples.panels["loss"].ends[run].get_xdata() for run in RUNS}
    assert [len(ends[run]) for run in RUNS] == [1, 1, 1, 0]  # a dot where a run ended


def test_the_table_of_a_moment(explorer):
    explorer.controls.baseline.value = "A01_as20_long"
    explorer.show_at(120)
    page = explorer.display.moment_table.value
    best = re.search(r"<tr><th>A01 eval: best time \(s\), since the start</th>(.*?)</tr>", page)[
        1
    ].split("<td>")[1:]
    assert best[0].startswith("<b>24.49 *</b>") and "−0.10" in best[0]
    assert best[1].startswith("24.59") and "<small>" not in best[1]
    assert best[2].startswith("24.72") and "+0.13" in best[2]
    assert "CI" not in "".join(best)  # of a record there is none
    (rate,) = re.findall(r"<tr><th>A01 eval: late finish rate \(%\), last .*?</th>(.*?)</tr>", page)
    spans = 100 * explorer.comparison.bands("A01/eval/late_rate")[:, -1]
    for run, cell, span in zip(RUNS, rate.split("<td>")[1:], spans):
        races = late_races(run, 120)
        assert f"{100 * races['finished'].mean():.1f} <small>({len(races)} races)" in cell
        assert "95 % CI {:.1f} to {:.1f}<".format(*span) in cell


def test_a_rate_of_all_races_says_how_many_and_has_no_interval(explorer):
    choose_metrics(explorer, "A01/eval/finish_rate", "A01/eval/anytime_rate")
    page = explorer.display.moment_table.value
    for run in RUNS:
        races = races_until(run, 120)
        assert f"{100 * races['finished'].mean():.1f} <small>({len(races)} races)" in page
    assert "CI" not in page
    assert page.count("races)") == len(RUNS)  # an anytime rate is of no number of races
    explorer.controls.trailing.value = "late"
    assert page.count("95 % CI") == 0 and explorer.display.moment_table.value.count("95 % CI") == 4


def test_stepping_makes_no_new_picture(explorer):
    image, told = explorer.display.image, []
    image.observe(lambda change: told.append(change["name"]))
    explorer.display.moment.value -= 12
    assert explorer.at == 60 and explorer.display.moment_label.value == "<b>60 min</b>"
    assert told == ["at"] and explorer.comparison.grid[image.at] == 60


def _hidden(control):
    return control.layout.display == "none"


def test_axis_clock_trailing_and_rule_reach_the_comparison(explorer):
    controls = explorer.controls
    controls.by.value = "step"
    controls.step_interval.value = 500_000
    np.testing.assert_allclose(explorer.comparison.grid, np.arange(5e5, 4.9e6, 5e5))
    assert controls.window.description == "Window (steps)" and _hidden(controls.interval)
    assert not _hidden(controls.step_interval)
    assert explorer._picture.multiples.axes["loss"].get_xlabel() == "steps (frames played)"
    controls.trailing.value, controls.length.value, controls.rule.value = "length", 1e6, "mean"
    assert (explorer.comparison.trailing, explorer.comparison.rule) == (1e6, "mean")
    controls.by.value, controls.clock.value = "time", "wall"
    assert (explorer.comparison.axis.clock, explorer.comparison.axis.by) == ("wall", "time")
    controls.by.value = "cumul_number_batches_done"
    assert explorer.display.message.value == ""


def test_minutes_look_the_same_after_a_look_at_steps(explorer):
    def ticks():
        axis = explorer._picture.multiples.axes["loss"].xaxis
        return axis.get_major_formatter().format_ticks([0, 0.5, 1000])

    minutes = ticks()
    explorer.controls.by.value = "step"
    assert ticks()[2] == "1k"
    explorer.controls.by.value = "time"
    assert ticks() == minutes and "k" not in "".join(minutes)


def test_another_log_directory_shows_its_first_runs(explorer, tmp_path):
    for i in range(9):
        shutil.copytree(LOGDIR / "uni_20", tmp_path / f"seed{i}")
    explorer.controls.logdir.value = str(tmp_path)
    assert explorer.view["runs"] == [f"seed{i}" for i in range(6)]
    explorer._runs.rows["seed0"].box.value = False
    shutil.copytree(LOGDIR / "uni_20", tmp_path / "seed9")
    explorer.controls.reload.click()  # what was chosen stays, what is new is shown
    assert explorer.view["runs"] == ["seed1", "seed2", "seed3", "seed4", "seed5", "seed9"]


def test_no_run_is_cut_off_whole(explorer):
    """By step to 20M, uni_20 is short, and its Q lower than that of all others."""
    choose_metrics(explorer, "avg_q/A01")
    explorer.controls.by.value = "step"
    move_window(explorer, 0, 2e7)
    explorer.controls.step_interval.value = 250_000
    bottom, top = explorer._picture.multiples.axes["avg_q/A01"].get_ylim()
    for run in RUNS:
        assert bottom < drawn(explorer, "avg_q/A01", run)[1][-1] < top


def test_a_run_keeps_its_colour_when_others_go(explorer):
    colour = explorer._picture.multiples.lines["loss", "uni_20"].get_color()
    for name in RUNS[:2]:
        explorer._runs.rows[name].box.value = False
    assert [run.name for run in explorer.comparison.runs] == RUNS[2:]
    assert explorer._picture.multiples.lines["loss", "uni_20"].get_color() == colour
    labels = [text.get_text() for text in explorer._picture.multiples.figure.legends[0].get_texts()]
    assert labels == RUNS[2:]
    assert explorer.view["baseline"] == "uni_20"


def test_other_scalars_are_found_by_a_filter_and_stay_chosen(explorer):
    explorer.controls.filter.value = "ALLTIME"
    explorer._metrics.boxes["alltime_min_ms/A01"].value = True
    assert "alltime_min_ms/A01" in explorer._picture.multiples.axes
    explorer.controls.filter.value = ""
    assert explorer.view["metrics"][-1] == "alltime_min_ms/A01"


def test_the_player_plays_on_from_the_moment(explorer):
    play, moment = explorer.display.play, explorer.display.moment
    moment.value = 5
    assert play.value == 5
    play.value = 6
    assert moment.value == 6 and explorer.at == explorer.comparison.grid[6] == 35
    explorer.controls.interval.value = 10
    assert explorer.at == 30 and play.value == moment.value == 2 and play.max == moment.max == 11


@pytest.mark.parametrize("axis", ["time", "step"])
def test_a_view_is_plain(explorer, axis):
    """What it looks like is Python that makes the same."""
    explorer.controls.by.value = axis
    move_window(explorer, *np.multiply(explorer.comparison.window, 0.9))
    assert ast.literal_eval(repr(explorer.view)) == explorer.view


def test_a_view_brings_back_what_was_shown(explorer):
    explorer.controls.filter.value = "learning_rate"
    explorer._metrics.boxes["learning_rate"].value = True
    explorer._runs.rows["uni_20"].box.value = False
    move_window(explorer, 50, 300)
    explorer.controls.interval.value = 6
    explorer.controls.trailing.value, explorer.controls.length.value = "length", 60
    explorer.controls.rule.value = "ema"
    explorer.controls.baseline.value = "uni_20_long"
    explorer.show_at(90)
    again = tmnet.explore(LOGDIR, **explorer.view)
    assert again.view == explorer.view and again.at == 90
    pd.testing.assert_frame_equal(again.comparison.frame, explorer.comparison.frame)


def test_which_races_count(explorer):
    """All, those of the late window, of which the label says how long it is, or of a length."""
    controls, of_length = explorer.controls, explorer.controls.length
    assert explorer.comparison.trailing is None and of_length.layout.display == "none"
    late = f"late window ({late_window(120):.1f} min)"
    assert list(controls.trailing.options) == ["all since the start", late, "the last …"]
    controls.trailing.value = "late"
    assert explorer.comparison.trailing == explorer.view["trailing"] == "late"
    assert "trailing='late'" in explorer.code
    again = tmnet.explore(LOGDIR, **explorer.view)
    assert again.view == explorer.view and again.controls.trailing.value == "late"
    controls.trailing.value = "length"  # which begins with that of the late window
    assert of_length.layout.display is None
    assert explorer.comparison.trailing == pytest.approx(late_window(120), rel=0.01)
    of_length.value = 20
    assert explorer.comparison.trailing == explorer.view["trailing"] == 20
    assert ", last 20 min" in explorer.display.moment_table.value
    controls.trailing.value = "all"
    assert explorer.view["trailing"] is None and explorer.comparison.trailing is None


def test_metrics_of_races_stand_in_rows_and_columns(explorer):
    """What is checked there says what it is, for who does not see the table."""
    (grid,) = (x for x in explorer.controls.metrics.children if "tmnet-metrics" in x._dom_classes)
    _, *cells = grid.children
    assert [re.sub("<.*?>", "", cell.value) for cell in cells[:3]] == [
        "A01 eval", "A01 explo", "Hock explo"
    ]  # fmt: skip
    rows = {cells[i].value: cells[i + 1 : i + 4] for i in range(3, len(cells), 4)}
    late = ["late finish rate", "late best of 10 races", "late mean time of finished races"]
    assert list(rows)[:3] == late and len(rows) == len(STATISTICS)
    statistics = {of.label: name for name, of in STATISTICS.items()}
    for label, boxes in rows.items():
        for group, box in zip(("A01/eval", "A01/explo", "Hock/explo"), boxes):
            assert box is explorer._metrics.boxes[f"{group}/{statistics[label]}"]
            assert box.description.startswith(group.replace("/", " "))
    rows["anytime finish rate"][1].value = True
    assert "A01/explo/anytime_rate" in explorer.view["metrics"]
    assert "A01 explo: anytime finish rate" in explorer.display.moment_table.value


def test_the_code_computes_what_is_shown(explorer):
    explorer._runs.rows[RUNS[0]].box.value = False
    explorer.controls.by.value = "relative_step"
    explorer.controls.trailing.value, explorer.controls.length.value = "length", 300_000
    names = {}
    exec(explorer.code, names)
    pd.testing.assert_frame_equal(names["comparison"].frame, explorer.comparison.frame)
    explorer.display.tabs.selected_index = explorer.display.tabs.titles.index("Code")
    assert "relative_step" in explorer.display.code.value


def test_an_explorer_that_is_made_again_reads_nothing_again(explorer):
    assert tmnet.explore(LOGDIR).runs == explorer.runs  # the very objects


def test_tabs_show_the_grid_and_the_configuration(explorer):
    display = explorer.display
    display.tabs.selected_index = display.tabs.titles.index("Whole grid")
    display.grid_metric.value = "loss"
    cells = re.findall("<td.*?>(.*?)</td>", display.grid_table.value)
    assert cells[-5].strip() == "120" and cells[-4].strip() == "103.21"
    display.tabs.selected_index = display.tabs.titles.index("Configuration")
    assert "neural_network.iqn_n" in display.config.value


def test_export_writes_files_and_names_them(explorer, tmp_path):
    display = explorer.display
    display.folder.value, display.prefix.value = str(tmp_path / "new"), "exp"
    display.formats.value, display.dpi.value = ["jpg", "md"], 60
    display.width.value = "column"
    display.export.click()
    files = sorted(file.name for file in (tmp_path / "new").iterdir())
    assert {"exp_A01_best.jpg", "exp_A01_late_rate.jpg", "exp_loss.jpg", "exp_table.md"} < {*files}
    assert all(name in display.exported.value for name in files)
    with Image.open(tmp_path / "new" / "exp_loss.jpg") as picture:
        assert picture.width == 204  # 3.4 inches of 60 dots


@pytest.mark.parametrize(
    "act, sentence",
    [
        (lambda e: [setattr(row.box, "value", False) for row in e._runs.rows.values()],
         "at least one run"),
        (lambda e: [setattr(box, "value", False) for box in e._metrics.boxes.values()],
         "at least one metric"),
        (lambda e: setattr(e.controls.logdir, "value", "no/such/folder"), "There is no log dir"),
    ],
)  # fmt: skip
def test_errors_are_said_in_the_page(explorer, act, sentence):
    act(explorer)
    assert sentence in explorer.display.message.value
    assert "report" not in explorer.display.message.value


def test_errors_of_an_export_are_said_beside_its_button(explorer, tmp_path):
    display = explorer.display
    display.folder.value = __file__
    display.export.click()
    assert "cannot be made" in display.export_message.value
    assert "report" not in display.export_message.value and not display.message.value
    display.folder.value = str(tmp_path)
    display.export.click()
    assert not display.export_message.value and list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "view, sentence",
    [
        ({"runs": ["uni_21"]}, "no run uni_21"),
        ({"metrics": ["A01/eval/bets"]}, "A01/eval/best"),
        ({"axis": "step"}, "no entry axis"),
        ({"by": "stepp"}, "by is 'stepp'; it must be 'time' or 'step'"),
        ({"window": (50, 20)}, "ends before it starts"),
        ({"trailing": "lat"}, "trailing is 'lat'; it must be a number from 0 on, or 'late'"),
    ],
)
def test_a_view_that_cannot_be_is_refused(view, sentence):
    with pytest.raises(TmnetError, match=sentence):
        tmnet.explore(LOGDIR, **view)


def test_loaded_runs_can_be_explored():
    runs = [tmnet.load_run(name, LOGDIR) for name in RUNS[:2]]
    explorer = tmnet.explore(runs)
    assert explorer.view["runs"] == RUNS[:2]
    assert explorer.comparison.window[1] == pytest.approx(495.3, abs=0.05)
    with pytest.raises(TmnetError, match="nothing to explore"):
        tmnet.explore([])


@pytest.mark.parametrize("axis, step", [("time", 2), ("step", 100_000)])
def test_a_handle_that_is_moved_sets_its_end_of_the_window(explorer, axis, step):
    """To a round number, or the end; the other end stays as it is, to the last digit."""
    explorer.controls.by.value = axis
    slider, window = explorer.controls.window, explorer.comparison.window
    end = max(explorer.comparison.ends.values())
    low, high = slider.value
    assert (low, high) == (0, round(window[1] / step)) and slider.max == np.ceil(end / step)
    slider.value = (15, high)
    assert explorer.view["window"] == (15 * step, window[1]) == explorer.comparison.window
    slider.value = (15, 30)
    assert explorer.view["window"] == (15 * step, 30 * step)
    slider.value = (15, slider.max)
    assert explorer.comparison.window == (15 * step, end)
    explorer.controls.common.click()
    assert explorer.view["window"] is None and explorer.comparison.window == window
    assert slider.value == (0, high)


class InterruptAt:
    """Raises a KeyboardInterrupt before the n-th line that runs in a few of tmnet's files."""

    def __init__(self, lines):
        self.left = lines

    def __enter__(self):
        sys.settrace(self._call)
        return self

    def __exit__(self, *_):
        sys.settrace(None)

    def _call(self, frame, event, arg):
        path = frame.f_code.co_filename
        inside = (
            f"{os.sep}tmnet{os.sep}widgets{os.sep}" in path or f"{os.sep}figures{os.sep}" in path
        )
        return self._line if inside and frame.f_code.co_name != "call" else None

    def _line(self, frame, event, arg):
        self.left -= event == "line"
        if self.left == 0:
            raise KeyboardInterrupt
        return self._line


def test_an_interrupt_anywhere_leaves_an_explorer_that_goes_on():
    """On each tab; the first move after it may not fail, and the next is right."""
    explorer = tmnet.explore(LOGDIR, metrics=["A01/eval/best", "loss"])
    display, interval = explorer.display, explorer.controls.interval
    wanted = {}
    for minutes in (5, 10):
        interval.value = minutes
        wanted[minutes] = explorer.comparison.table("loss")
    interrupted = 0
    for k, lines in enumerate(range(1, 1200, 59)):
        display.tabs.selected_index = k % len(display.tabs.titles)
        interval.value, other = ((5, 10), (10, 5))[k // 2 % 2]
        display.moment.value = display.moment.max
        with InterruptAt(lines) as tracing:
            interval.value = other
        interrupted += tracing.left <= 0
        said = display.message.value
        assert "failed" not in said and ("Interrupted" in said) == (tracing.left <= 0)
        if k % 2:
            display.moment.value -= 1
        else:
            explorer.controls.baseline.value = RUNS[k // 2 % 4]
        assert "failed" not in display.message.value, lines
        interval.value = 5 if interval.value == 10 else 10
        assert display.message.value == "", lines
        pd.testing.assert_frame_equal(explorer.comparison.table("loss"), wanted[interval.value])
        assert explorer.at == explorer.comparison.grid[display.moment.value]
        assert display.moment.max == len(explorer.comparison.grid) - 1
    assert interrupted > 10
