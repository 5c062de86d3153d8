"""How runs are called, coloured, ordered, pinned, hidden, noted and grouped in the explorer."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import tmnet
from tmnet.drawing import COLOURS
from tmnet.errors import TmnetError

from ..synthetic import race, write_file

# name: (best time in s, minutes, width of the image that it logged)
RUNS = {
    "big_1": (24.0, 20, 128), "big_2": (25.0, 20, 128), "small_1": (26.0, 20, 64),
    "small_2": (27.0, 20, 64), "tried": (30.0, 20, None),
}  # fmt: skip


def config(width):
    return {"config": f"neural_network:\n  w_downsized: {width}\nseed: 7"} if width else {}


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    logdir = tmp_path_factory.mktemp("runs")
    for name, (time, minutes, width) in RUNS.items():
        records = [(60 * k, 100 * k, race(time)) for k in range(1, minutes + 1)]
        write_file(logdir / name, records, texts=config(width))
    return logdir


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def explorer(logdir):
    return tmnet.explore(logdir, metrics=["A01/eval/best"])


def edit(explorer, run, **fields):
    """Choose a run in the editor, and fill in some of its fields."""
    editor = explorer.controls.editor
    editor.run.value = run
    for name, value in fields.items():
        editor.fields[name].value = value
    return editor


def listed(explorer):
    return [row.box.description for row in explorer.controls.runs.children]


def lines(explorer):
    """Colour and last value of each line that is drawn now."""
    drawn = explorer._picture.multiples.lines
    shown = explorer.comparison.arms or [run.name for run in explorer.comparison.runs]
    return {
        name: (to_hex(drawn["A01/eval/best", name].get_color()),
               float(drawn["A01/eval/best", name].get_ydata()[-1]))
        for name in shown
    }  # fmt: skip


def heads(explorer):
    row = re.search("<tr><th></th>(.*?)</tr>", explorer.display.moment_table.value)[1]
    return [re.sub("<.*?>", " ", cell).split() for cell in re.findall("<th>(.*?)</th>", row)]


def test_a_short_name_is_used_wherever_a_run_is_named(explorer, logdir):
    edit(explorer, "big_1", name=" the big one ")
    assert explorer.view["marks"] == {"big_1": {"name": "the big one"}}
    assert listed(explorer)[0] == "the big one" and explorer.view["runs"][0] == "big_1"
    assert explorer.comparison.runs[0].name == "the big one"
    assert heads(explorer)[0] == ["the", "big", "one", "baseline"]
    assert lines(explorer)["the big one"] == (COLOURS[0], 24.0)
    legend = explorer._picture.multiples.figure.legends[0].get_texts()
    assert legend[0].get_text() == "the big one"
    assert explorer.display.image.scene["names"][0] == "the big one"
    explorer.display.answer.wait()
    assert "the big one" in explorer.display.answer.value
    assert dict(explorer.controls.baseline.options)["the big one"] == "big_1"
    assert explorer.controls.editor.run.value == "big_1" and not explorer.display.message.value


def test_the_code_calls_a_run_as_it_is_called(explorer):
    explorer._metrics.boxes["A01/eval/late_rate"].value = True  # of several there is a legend
    edit(explorer, "small_1", name="small", colour=COLOURS[4])
    *lines_, last = explorer.code.splitlines()
    names = {}
    exec("\n".join(lines_), names)
    assert "small" in [run.name for run in names["comparison"].runs]
    pd.testing.assert_frame_equal(eval(last, names), explorer.comparison.at(explorer.at))
    (legend,) = eval(lines_[-1], names).legends
    drawn = zip([text.get_text() for text in legend.get_texts()], legend.legend_handles)
    assert {name: to_hex(line.get_color()) for name, line in drawn} == {
        "big_1": COLOURS[0], "big_2": COLOURS[1], "small": COLOURS[4], "small_2": COLOURS[3],
        "tried": COLOURS[4],
    }  # fmt: skip


@pytest.mark.parametrize("taken", ["big_2", "second"])
def test_two_runs_cannot_have_one_name(explorer, taken):
    edit(explorer, "big_2", name="second" if taken == "second" else "")
    editor = edit(explorer, "big_1", name=taken)
    assert f"Another is called {taken}: choose another short name" in editor.message.value
    assert "big_1" not in explorer.view["marks"]
    editor.short.value = "first"
    assert not editor.message.value and explorer.comparison.runs[0].name == "first"


def test_colours_stay_with_runs_that_are_moved(explorer):
    before = lines(explorer)
    edit(explorer, "small_2", colour="#117733").up.click()
    explorer.controls.editor.up.click()
    assert listed(explorer) == ["big_1", "small_2", "big_2", "small_1", "tried"]
    assert [run.name for run in explorer.comparison.runs] == listed(explorer)
    after = lines(explorer)
    assert after.pop("small_2") == ("#117733", 27.0)
    assert after == {name: look for name, look in before.items() if name != "small_2"}
    assert "#117733" in explorer._runs.rows["small_2"].swatch.value
    assert explorer.display.image.scene["colours"][1] == "#117733"
    for _ in range(9):
        explorer.controls.editor.up.click()
    assert listed(explorer)[0] == "small_2" and not explorer.controls.editor.message.value
    explorer.controls.editor.down.click()
    assert listed(explorer)[:2] == ["big_1", "small_2"]


def test_pinned_runs_are_at_the_top_whatever_is_looked_for(explorer):
    edit(explorer, "tried", pinned=True)
    assert listed(explorer)[0] == "tried" and explorer.comparison.runs[0].name == "tried"
    explorer.controls.listed.value = "big"
    assert listed(explorer) == ["tried", "big_1", "big_2"]
    edit(explorer, "tried", pinned=False)
    assert listed(explorer) == ["big_1", "big_2"]


def test_hidden_runs_are_neither_listed_nor_shown(explorer):
    edit(explorer, "tried", hidden=True)
    assert "tried" not in listed(explorer) and "tried" not in explorer.view["runs"]
    assert "1 hidden, see Names, colours, notes" in explorer.controls.unlisted.value
    assert "tried (hidden)" in dict(explorer.controls.editor.run.options)
    explorer.controls.every.click()
    assert "tried" not in explorer.view["runs"]
    edit(explorer, "tried", hidden=False)
    assert "tried" in listed(explorer) and not explorer.controls.unlisted.value


def test_a_run_is_moved_past_those_that_are_hidden(explorer):
    edit(explorer, "big_2", hidden=True)
    edit(explorer, "small_1").up.click()
    assert listed(explorer) == ["small_1", "big_1", "small_2", "tried"]


def test_runs_of_another_log_directory_are_not_all_shown(tmp_path):
    for folder, count in (("few", 2), ("many", 9)):
        for i in range(count):
            write_file(tmp_path / folder / f"run_{i}", [(60 * k, k, race(25.0)) for k in (1, 2)])
    explorer = tmnet.explore(tmp_path / "few")
    explorer.controls.logdir.value = str(tmp_path / "many")
    assert explorer.view["runs"] == ["run_0", "run_1"] and len(listed(explorer)) == 9


def test_the_editor_is_about_the_runs_that_there_are_though_nothing_is_shown(explorer, tmp_path):
    for name in ("one", "two"):
        write_file(tmp_path / name, [(60 * k, k, race(25.0)) for k in (1, 2)])
    explorer._set_runs(tmnet.load_runs(tmp_path), {"one"})  # and what follows may fail
    editor = explorer.controls.editor
    assert [*editor.run.options.values()] == ["one", "two"]
    editor.run.value = "two"
    view = {"runs": [], "marks": {"two": {"note": "new"}}}
    with pytest.raises(TmnetError, match="at least one run"):
        explorer._show(view, must_be=())
    assert editor.note.value == "new"


def test_hidden_runs_stay_so_in_other_log_directories(explorer, logdir):
    view = explorer.view | {"marks": {"tried": {"hidden": True}}}
    other = tmnet.explore(logdir, **view)
    assert other.view["runs"] == [*RUNS][:-1] and "tried" not in listed(other)
    other._set_runs(other.runs[:1])
    other._set_runs(explorer.runs, {*RUNS})
    assert other.view["runs"] == [*RUNS][:-1]


def test_another_run_may_be_called_like_one_that_is_shown(explorer, logdir):
    """As in a log directory that was changed."""
    marks = {"big_1": {"name": "tried", "colour": "#117733"}}
    view = explorer.view | {"marks": marks, "runs": ["big_1", "big_2"]}
    other = tmnet.explore(logdir, **view)
    assert lines(other)["tried"] == ("#117733", 24.0)
    edit(other, "tried", note="the other one")
    assert not other.controls.editor.message.value


def test_a_note_stands_in_the_list_as_it_was_written(explorer):
    edit(explorer, "big_2", note="lost <b>power</b>")
    assert "lost &lt;b&gt;power" in explorer._runs.rows["big_2"].details.value


def test_all_of_it_is_kept_with_a_saved_view(explorer, logdir):
    edit(explorer, "big_1", name="big", colour="#000000", note="the one")
    edit(explorer, "small_2", pinned=True)
    edit(explorer, "tried", hidden=True).up.click()
    explorer.save_view("marked")
    other = tmnet.explore(logdir, saved="marked")
    assert other.view == explorer.view and listed(other) == listed(explorer)
    assert other.picture == explorer.picture
    assert other.display.moment_table.value == explorer.display.moment_table.value
    plain = tmnet.explore(logdir, metrics=["A01/eval/best"])
    plain.show_view("marked")
    assert plain.view == explorer.view
    plain._show({"runs": ["big_1"]}, must_be=())  # what another view is silent about is as usual
    assert plain.view["marks"] == {} and listed(plain) == [*RUNS]


@pytest.mark.parametrize(
    "marks, said",
    [
        ({"big_1": {"nmae": "x"}}, "a dict of dicts, which may have name, colour, note, pinned"),
        ({"big_1": {"colour": "bluish"}}, "marks of big_1 is 'bluish'; it must be a colour"),
        ({"big_1": "x"}, "must be a dict of dicts"),
        ({"big_1": {"name": "big_2"}}, "Two would be called big_2"),
        (["big_1"], "must be a dict of dicts"),
    ],
)
def test_marks_that_are_none(logdir, marks, said):
    with pytest.raises(TmnetError, match=re.escape(said)):
        tmnet.explore(logdir, marks=marks)


# --- groups ---------------------------------------------------------------------------------------


def test_arms_by_a_setting(explorer):
    options = dict(explorer.controls.group.options)
    setting = "neural_network.w_downsized"
    assert options["arms of one neural_network.w_downsized"] == setting
    assert "seed" not in options.values()  # all have the same one
    explorer.controls.group.value = setting
    assert {arm: [*seeds] for arm, seeds in explorer.comparison.arms.items()} == {
        "w_downsized = 128": ["big_1", "big_2"], "w_downsized = 64": ["small_1", "small_2"],
        "tried": ["tried"],
    }  # fmt: skip
    middles = {name: value for name, (_, value) in lines(explorer).items()}
    assert middles == {"w_downsized = 128": 24.5, "w_downsized = 64": 26.5, "tried": 30.0}
    assert explorer.view["group"] == setting
    *code, last = explorer.code.splitlines()
    names = {}
    exec("\n".join(code), names)
    pd.testing.assert_frame_equal(eval(last, names), explorer.comparison.at(explorer.at))


def test_long_values_that_begin_alike_are_two_arms(tmp_path):
    for name, last in (("a", 1), ("b", 1), ("c", 2), ("d", 2)):
        text = f"rewards: [{'0.125, ' * 20}{last}]\nnote: {'word ' * 90}{last}"
        write_file(tmp_path / name, [(60 * k, k, race(25.0)) for k in (1, 2)],
                   texts={"config": text})  # fmt: skip
    explorer = tmnet.explore(tmp_path)
    options = [*dict(explorer.controls.group.options).values()]
    assert "rewards" in options and "note" not in options  # which is no name for an arm
    explorer.controls.group.value = "rewards"
    assert [*explorer.comparison.arms.values()] == [("a", "b"), ("c", "d")]


def test_an_arm_has_a_name_and_a_colour_of_its_own(explorer, logdir):
    explorer.controls.group.value = "name"
    editor = edit(explorer, "big", name="large", colour="#000000")
    assert editor.pinned.disabled and editor.up.disabled and editor.note.disabled
    assert lines(explorer)["large"] == ("#000000", 24.5)
    assert dict(explorer.controls.baseline.options)["large"] == "big_1"
    other = tmnet.explore(logdir, **explorer.view)
    assert other.view == explorer.view and other.picture == explorer.picture
    edit(explorer, "big_1", name="first")  # a seed's name is its own
    assert explorer.comparison.arms["large"] == ("first", "big_2")
    assert explorer.controls.baseline.value == "big_1"
    assert not explorer.display.message.value


def test_a_view_of_the_version_before(explorer, logdir, folder):
    """It had arms in place of groups, and nothing of how runs are called."""
    old = {
        "runs": ["big_1", "big_2", "small_1"], "arms": True, "baseline": "small_1", "by": "step",
        "clock": "active", "window": None, "interval": 0.5, "step_interval": 200.0,
        "metrics": ["A01/eval/best", "loss"], "trailing": None, "rule": "last", "at": 1000.0,
        "panels": {"A01/eval/best": {"log": True}}, "follow": False,
    }  # fmt: skip
    (folder / "tmnet_views.json").write_text(json.dumps({"old": old}))
    shown = tmnet.explore(logdir, saved="old")
    assert [*shown.comparison.arms] == ["big", "small"] and shown.at == 1000
    assert shown.view["group"] == "name" and shown.view["step_interval"] == 200
    assert shown.view["metrics"] == ["A01/eval/best", "loss"]
    # of a scalar that no run has here it is said; with runs that have it, it comes back
    assert "None of the runs that are chosen has loss" in shown.display.notes.value
    with pytest.raises(TmnetError, match="no metric loss"):
        tmnet.explore(logdir, metrics=["loss"])


def test_a_saved_view_of_runs_of_which_some_are_gone(explorer, logdir, folder):
    explorer.save_view("all")
    saved = folder / "tmnet_views.json"
    views = json.loads(saved.read_text())
    views["all"]["runs"].append("deleted")
    views["all"]["baseline"] = "deleted"
    saved.write_text(json.dumps(views))
    other = tmnet.explore(logdir, saved="all")
    assert other.view["runs"] == [*RUNS] and other.view["baseline"] == "big_1"
    assert "The view has runs that are not here: deleted." in other.display.notes.value


# --- aborted runs, and those that go on from others -----------------------------------------------


@pytest.fixture
def mixed(tmp_path):
    """A long run, one that ended at once, and one that began at another's checkpoint."""
    for name, first, minutes in (("aborted", 0, 1), ("long", 0, 200), ("more", 500_000, 150)):
        records = [(60 * k, first + 100 * k, race(24.0 + k % 3)) for k in range(1, minutes + 1)]
        write_file(tmp_path / "logs" / name, records)
    return tmp_path / "logs"


def test_an_aborted_run_is_listed_and_not_shown(mixed):
    explorer = tmnet.explore(mixed)
    assert listed(explorer) == ["aborted", "long", "more"]
    assert explorer.view["runs"] == ["long", "more"] and explorer.comparison.window == (0, 150)
    said = "Not shown, as they ended within a hundredth of the longest: aborted."
    assert said in explorer.display.notes.value
    details = {name: row.details.value for name, row in explorer._runs.rows.items()}
    assert [name for name, text in details.items() if "aborted<" in text] == ["aborted"]
    explorer._runs.rows["aborted"].box.value = True
    assert explorer.comparison.window == (0, 1) and said not in explorer.display.notes.value


def test_an_aborted_run_takes_no_axis_away(tmp_path):
    for name, minutes in (("aborted", 1), ("long", 200)):
        counted = {"cumul_number_batches_done": 5} if name == "long" else {}
        records = [(60 * k, 10 * k, race(24.0) | counted) for k in range(1, minutes + 1)]
        write_file(tmp_path / name, records)
    explorer = tmnet.explore(tmp_path, by="cumul_number_batches_done")
    assert explorer.comparison.axis.by == "cumul_number_batches_done"
    explorer._runs.rows["aborted"].box.value = True
    assert "aborted" in explorer.display.message.value


def test_a_run_from_a_checkpoint_is_marked(mixed):
    explorer = tmnet.explore(mixed)
    details = explorer._runs.rows["more"].details.value
    assert "from a checkpoint, at step 500,100" in details
    assert "checkpoint" not in explorer._runs.rows["long"].details.value
    marked = [" ".join(words) for words in heads(explorer)]
    assert marked == ["long baseline", "more from a checkpoint"]


# --- lengths of the axis --------------------------------------------------------------------------


@pytest.fixture
def short_and_long(tmp_path):
    for folder, minutes in (("short", 15), ("long", 600)):
        records = [(60 * k, 10 * k, race(25.0) | {"loss": 1 / k}) for k in range(1, minutes + 1)]
        write_file(tmp_path / folder / folder, records)
    return tmp_path


def test_lengths_fit_another_log_directory(short_and_long):
    explorer = tmnet.explore(short_and_long / "long")
    controls = explorer.controls
    controls.interval.value, controls.rule.value = 60.0, "ema"
    controls.trailing.value, controls.length.value = "length", 100.0
    controls.smoothing.value = 50.0
    controls.logdir.value = str(short_and_long / "short")
    assert explorer.comparison.window == (0, 15) and not explorer.display.message.value
    assert len(explorer.comparison.grid) >= 20
    assert explorer.comparison.trailing == "late" and explorer.comparison.smoothing < 15
    assert max(number for _, number in controls.interval.options) <= 15


def test_lengths_fit_another_log_directory_of_runs_of_the_same_names(short_and_long):
    for folder in ("short", "long"):
        (short_and_long / folder / folder).rename(short_and_long / folder / "run")
    explorer = tmnet.explore(short_and_long / "long", window=(100.0, 500.0), interval=60.0)
    explorer.controls.logdir.value = str(short_and_long / "short")
    assert explorer.comparison.window == (0, 15) and len(explorer.comparison.grid) >= 20


def test_lengths_fit_runs_that_grow(tmp_path):
    def write(minutes):
        records = [(60 * k, 10 * k, {"loss": 1 / k}) for k in range(1, minutes + 1)]
        write_file(tmp_path / "logs" / "run", records)

    write(2)
    explorer = tmnet.explore(tmp_path / "logs")
    assert explorer.comparison.interval == 0.02
    write(300)
    explorer.reload()
    assert explorer.comparison.interval == 0.02  # as it was, as long as it can be
    assert max(number for _, number in explorer.controls.interval.options) == 300
    write(1000)
    explorer.reload()
    assert explorer.comparison.interval == 5 and not explorer.display.message.value


def test_lengths_fit_another_axis_and_those_of_time_stay(short_and_long):
    explorer = tmnet.explore(short_and_long / "long")
    controls = explorer.controls
    controls.interval.value, controls.trailing.value = 20.0, "length"
    controls.length.value = 100.0
    controls.by.value = "step"  # 6,000 steps: less than the shortest interval there was
    assert len(explorer.comparison.grid) >= 20 and explorer.comparison.trailing == "late"
    controls.by.value = "time"
    assert explorer.comparison.interval == 20


def test_the_moving_average_has_the_half_life_that_was_chosen(short_and_long):
    explorer = tmnet.explore(short_and_long / "long", metrics=["loss"], interval=10)
    controls = explorer.controls
    assert controls.smoothing.layout.display == "none"
    controls.rule.value, controls.smoothing.value = "ema", 30.0
    assert controls.smoothing.layout.display is None
    k = np.arange(1, 601)
    for at, value in explorer.comparison.table("loss")["long"].items():
        weights = 0.5 ** ((at - k[k <= at]) / 30)
        assert value == pytest.approx(np.average(1 / k[k <= at], weights=weights))
    title = explorer._picture.multiples.axes["loss"].get_title(loc="left")
    assert " ".join(title.split()) == "loss, moving average, half-life 30 min"
    assert "smoothing=30.0" in explorer.code and explorer.view["smoothing"] == 30
    again = tmnet.explore(short_and_long / "long", **explorer.view)
    assert again.view == explorer.view and again.picture == explorer.picture
    controls.rule.value = "last"
    assert "smoothing" not in explorer.code and not explorer.display.message.value


def test_a_half_life_that_nobody_chose_fits(short_and_long):
    explorer = tmnet.explore(short_and_long / "long", metrics=["loss"])
    again = tmnet.explore(short_and_long / "long", **explorer.view)
    again.controls.rule.value = "ema"
    assert again.comparison.smoothing == 5
    again.controls.smoothing.value = 50.0
    again.controls.rule.value = "last"
    again._take_gesture({"kind": "window", "span": [0, 20]})
    again.controls.rule.value = "ema"
    assert again.comparison.smoothing < 20


def test_a_counter_of_which_there_is_nothing(tmp_path):
    records = [(60 * k, 10 * k, {"loss": 1 / k, "cumul_own": 0.0}) for k in range(1, 9)]
    write_file(tmp_path / "run", records)
    explorer = tmnet.explore(tmp_path)
    explorer.controls.by.value = "cumul_own"
    said = "Run run has no cumul_own to compare by: none is above 0. Compare it by time."
    assert said in explorer.display.message.value


def test_equal_arithmetic(tmp_path):
    explorer = tmnet.explore(tmnet.example_runs())
    controls = explorer.controls
    assert "flops" in dict(controls.by.options).values()
    controls.by.value = "flops"
    assert not explorer.display.message.value
    assert controls.window.description == "Window (PFLOP)"
    assert controls.step_interval.description == "Interval (PFLOP)"
    assert 20 <= len(explorer.comparison.grid) <= 200
    direct = tmnet.compare(explorer.runs, by="flops", interval=explorer.comparison.interval)
    pd.testing.assert_frame_equal(explorer.comparison.table("loss"), direct.table("loss"))
    controls.by.value = "step"
    assert controls.step_interval.value >= 1000 and not explorer.display.message.value
