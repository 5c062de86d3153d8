"""Views of the explorer that are saved by name."""

import json

import pytest

import tmnet
from tmnet.errors import TmnetError
from tmnet.files import data_path

from .hands import move_window

LOGDIR = data_path("published", "runs")
VIEW = {
    "runs": ["A01_as20_long", "uni_20"], "baseline": "uni_20", "by": "step", "window": (0.0, 2e6),
    "step_interval": 100_000, "metrics": ["A01/eval/best", "loss"], "rule": "min",
    "trailing": 500_000.0, "at": 1_500_000.0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def explorer():
    return tmnet.explore(LOGDIR)


def press(explorer, button, name):
    explorer.controls.saved.value = name
    getattr(explorer.controls, button).click()


def test_a_saved_view_is_there_in_another_session(explorer):
    tmnet.explore(LOGDIR, **VIEW).save_view("two of them")
    other = tmnet.explore(LOGDIR)
    assert other.controls.saved.options == ("two of them",)
    assert other.view["runs"] != VIEW["runs"]
    press(other, "show", "two of them")
    for some in (other, tmnet.explore(LOGDIR, saved="two of them")):
        assert {name: some.view[name] for name in VIEW} == VIEW
        assert some.display.message.value == ""
    assert tmnet.explore(LOGDIR, "two of them", rule="max").view == other.view | {"rule": "max"}


def test_a_view_of_what_is_common_follows_the_runs(explorer):
    """The common window is no window of its own."""
    press(explorer, "save", "all")
    move_window(explorer, 10, 50)
    press(explorer, "show", "all")
    assert explorer.view["window"] is None
    assert explorer.comparison.window[1] == pytest.approx(120.3, abs=0.05)


def test_saving_twice_keeps_the_last_and_all_others(explorer, folder):
    press(explorer, "save", "one")
    explorer.controls.interval.value = 20
    press(explorer, "save", "two")
    explorer.controls.interval.value = 10
    press(explorer, "save", " one ")
    views = json.loads((folder / "tmnet_views.json").read_text())
    assert {name: view["interval"] for name, view in views.items()} == {"one": 10, "two": 20}
    assert explorer.controls.saved.options == ("one", "two")
    press(explorer, "forget", "one")
    assert json.loads((folder / "tmnet_views.json").read_text()).keys() == {"two"}
    assert explorer.controls.saved.options == ("two",)


@pytest.mark.parametrize("button", ["show", "forget"])
def test_a_view_that_was_not_saved(explorer, button):
    press(explorer, button, "x")
    assert "no saved view &#x27;x&#x27;; none was saved" in explorer.controls.view_message.value
    press(explorer, "save", "y")
    press(explorer, button, "x")
    assert "there are y" in explorer.controls.view_message.value
    with pytest.raises(TmnetError, match="no saved view 'x'; there are y"):
        tmnet.explore(LOGDIR, saved="x")


def test_a_view_needs_a_name(explorer, folder):
    press(explorer, "save", "  ")
    assert "Type a name" in explorer.controls.view_message.value and not list(folder.iterdir())


def test_a_view_ends_what_was_wrong(explorer):
    press(explorer, "save", "all")
    explorer.controls.none.click()
    assert "at least one run" in explorer.display.message.value
    press(explorer, "show", "all")
    assert not explorer.display.message.value


def test_a_view_keeps_metrics_that_come_back(explorer, three_runs):
    explorer._show({"metrics": ["A01/eval/best", "own/counter"]}, must_be=())
    again = tmnet.explore(LOGDIR, **explorer.view)
    assert again.view == explorer.view and again.picture == explorer.picture
    again.controls.logdir.value = str(three_runs)
    assert [metric.name for metric in again.comparison.metrics] == ["A01/eval/best", "own/counter"]


def test_why_nothing_is_shown_is_said_until_something_is(explorer):
    explorer.controls.none.click()
    explorer.controls.filter.value = "x"
    explorer.display.moment.value -= 1
    assert "at least one run" in explorer.display.message.value
    explorer.controls.every.click()
    assert not explorer.display.message.value


def test_why_a_view_shows_nothing_is_said_until_something_is(explorer):
    explorer._metrics.choose([])
    press(explorer, "save", "empty")
    press(explorer, "show", "empty")
    assert "at least one metric" in explorer.controls.view_message.value
    explorer._metrics.boxes["loss"].value = True
    assert not explorer.controls.view_message.value and not explorer.display.message.value


def test_what_is_drawn_can_be_changed_where_a_view_shows_nothing(explorer):
    """Its baseline is not among what is drawn."""
    view = {"runs": ["uni_20"], "baseline": "uni_20", "metrics": []}
    explorer._runs.rows["uni_20"].box.value = False
    explorer._callbacks(lambda: explorer._show(view, must_be=()))(None)
    assert "at least one metric" in explorer.display.message.value
    explorer._callbacks(
        lambda: explorer._take_gesture(
            {"kind": "choice", "metric": "A01/eval/late_rate", "which": "difference"}
        )
    )(None)
    assert "at least one metric" in explorer.display.message.value


def test_a_view_of_runs_that_are_not_here(explorer, three_runs):
    press(explorer, "save", "all")
    other = tmnet.explore(three_runs)
    view = other.view
    press(other, "show", "all")
    assert "There is no run A01_as20_big_long here" in other.controls.view_message.value
    assert other.view == view


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "\ud800"])
def test_a_damaged_file(folder, text):
    """The explorer opens all the same, says so, and does not overwrite it."""
    (folder / "tmnet_views.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    explorer = tmnet.explore(LOGDIR)
    assert "holds no saved views" in explorer.controls.view_message.value
    press(explorer, "save", "x")
    assert "holds no saved views" in explorer.controls.view_message.value
    assert (folder / "tmnet_views.json").read_bytes() == text.encode("utf-8", "surrogatepass")
    assert explorer.view["runs"]
