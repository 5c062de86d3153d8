"""Logs of many runs, tags or maps: what the explorer shows of them at first, lists, and finds."""

import io

import ipywidgets
import numpy as np
import pytest
from PIL import Image

import tmnet
from tmnet.widgets.explorer.lists import (
    FIRST_RUNS,
    MOST_FIRST,
    MOST_METRICS,
    MOST_RUNS,
    MOST_TAGS,
)

from ..synthetic import race, write_file


def write_runs(logdir, number):
    """Runs in groups of ten; a race every minute, in 20 s and as many hundredths as its number."""
    for i in range(number):
        records = [(60 * k, 100 * k, race(20 + i / 100)) for k in range(1, 9)]
        write_file(logdir / f"study_{i // 10}" / f"seed_{i % 10}", records)
    return logdir


def write_tags(logdir, number):
    """A run of another tool, of so many scalars."""
    records = [
        (60 * k, 100 * k, {f"layer_{i // 10}/weight_{i % 10}": k * i for i in range(number)})
        for k in range(1, 9)
    ]
    write_file(logdir / "wide", records)
    return logdir


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    return write_runs(tmp_path_factory.mktemp("many"), MOST_RUNS + 30)


@pytest.fixture
def explorer(logdir):
    return tmnet.explore(logdir, metrics=["A01/eval/best"])


@pytest.fixture
def wide(tmp_path):
    return tmnet.explore(write_tags(tmp_path, 2 * MOST_METRICS))


def listed(explorer):
    return [row.box.description for row in explorer.controls.runs.children]


def all_inside(widget):
    return 1 + sum(map(all_inside, getattr(widget, "children", ())))


def boxes_in(widget):
    inside = [box for child in getattr(widget, "children", ()) for box in boxes_in(child)]
    return [widget] if isinstance(widget, ipywidgets.Checkbox) else inside


def pixels(explorer):
    return np.asarray(Image.open(io.BytesIO(explorer.picture)))


def test_the_first_of_many_runs_are_shown_and_it_is_said(explorer):
    assert explorer.view["runs"] == [f"study_0/seed_{i}" for i in range(FIRST_RUNS)]
    assert "The first 6 of 130 runs are shown" in explorer.display.notes.value
    assert listed(explorer) == explorer._runs.names[:MOST_RUNS]
    assert "130 runs, 30 of them not listed" in explorer.controls.unlisted.value
    explorer._runs.rows["study_0/seed_1"].box.value = False
    assert "of 130 runs" not in explorer.display.notes.value


def test_runs_that_are_all_listed_need_no_words(three_runs):
    explorer = tmnet.explore(three_runs)
    assert not explorer.controls.unlisted.value
    assert "runs are shown" not in explorer.display.notes.value


def test_more_runs_take_no_more_widgets(explorer, tmp_path):
    fewer = tmnet.explore(write_runs(tmp_path, MOST_RUNS + 1), metrics=["A01/eval/best"])
    assert all_inside(explorer) == all_inside(fewer)
    assert len(explorer._runs.rows) == len(fewer._runs.rows) == MOST_RUNS
    assert len(explorer._picture.multiples.lines) == FIRST_RUNS


def test_a_run_that_is_not_listed_is_found_and_stays_chosen(explorer, logdir):
    controls, last = explorer.controls, "study_12/seed_9"
    controls.listed.value = "Y_12/"
    assert listed(explorer) == [f"study_12/seed_{i}" for i in range(10)]
    assert not controls.unlisted.value and last not in explorer.view["runs"]
    explorer._runs.rows[last].box.value = True
    assert explorer.view["runs"][-1] == last
    y = explorer._picture.multiples.lines["A01/eval/best", last].get_ydata()
    np.testing.assert_allclose(y[1:], 21.29, rtol=1e-6)
    controls.listed.value = ""
    assert listed(explorer) == [*explorer._runs.names[:MOST_RUNS], last]
    assert tmnet.explore(logdir, **explorer.view).view == explorer.view


def test_all_and_none_choose_what_is_listed_of_many(explorer):
    controls = explorer.controls
    controls.none.click()
    controls.listed.value = "study_11/*"
    controls.every.click()
    assert explorer.view["runs"] == [f"study_11/seed_{i}" for i in range(10)]
    controls.group.value = "name"
    assert len(explorer.comparison.arms) == 1
    assert not explorer.display.message.value


def test_runs_that_match_but_are_too_many(explorer):
    explorer.controls.listed.value = "seed"
    assert "130 runs; 130 match, 30 of them not listed" in explorer.controls.unlisted.value


def test_a_view_of_runs_that_are_not_listed_is_saved_and_shown(logdir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wanted = ["study_11/seed_3", "study_12/seed_0"]
    tmnet.explore(logdir, runs=wanted, baseline=wanted[1]).save_view("two")
    explorer = tmnet.explore(logdir)
    explorer.show_view("two")
    assert explorer.view["runs"] == wanted and explorer.view["baseline"] == wanted[1]
    assert listed(explorer) == [*explorer._runs.names[:MOST_RUNS], *wanted]
    assert not explorer.display.message.value


def test_the_picture_is_the_same_however_it_was_come_to(explorer, logdir):
    """The lines lie one upon the other in the order of the runs, whichever was drawn first."""
    wanted = explorer.view["runs"]
    for name in wanted[:3]:
        explorer._runs.rows[name].box.value = False
    again = tmnet.explore(logdir, **explorer.view)
    for name in reversed(wanted[:3]):
        again._runs.rows[name].box.value = True
    direct = tmnet.explore(logdir, runs=wanted, metrics=["A01/eval/best"])
    assert again.view["runs"] == wanted
    np.testing.assert_array_equal(pixels(again), pixels(direct))


def test_many_tags_are_searched(wide):
    first = [f"layer_0/weight_{i}" for i in range(MOST_FIRST)]
    assert wide.view["metrics"] == first == [*wide._metrics.boxes]
    assert "296 other scalars" in wide.controls.others.children[0].value
    wide.controls.filter.value = "WEIGHT"
    assert len(wide._metrics.boxes) == MOST_FIRST + MOST_TAGS
    wide.controls.filter.value = "layer_29/weight_9"
    wide._metrics.boxes["layer_29/weight_9"].value = True
    wide.controls.filter.value = ""
    assert wide.view["metrics"] == [*first, "layer_29/weight_9"]
    again = tmnet.explore(wide.controls.logdir.value, **wide.view)
    assert again.view == wide.view
    np.testing.assert_array_equal(pixels(again), pixels(wide))


def test_more_tags_take_no_more_widgets(wide, tmp_path):
    more = tmnet.explore(write_tags(tmp_path / "more", 6 * MOST_METRICS))
    assert all_inside(more) == all_inside(wide)


def test_some_tags_are_all_listed(tmp_path):
    explorer = tmnet.explore(write_tags(tmp_path, MOST_METRICS))
    assert len(explorer._metrics.boxes) == MOST_METRICS == len(boxes_in(explorer.controls.metrics))


def test_many_maps(tmp_path):
    """More than a byte counts."""
    maps = [f"map_{i}" for i in range(130)]
    records = [(60 * k, k, race(30.0, map_=name)) for k, name in enumerate(maps, 1)]
    write_file(tmp_path / "X", records)
    explorer = tmnet.explore(tmp_path)
    assert len(explorer.view["metrics"]) == MOST_FIRST == len(explorer._picture.multiples.axes)
    wanted = "map_129/eval/best"
    explorer.controls.filter.value = wanted
    box, of_10 = boxes_in(explorer.controls.others)
    assert (box.description, of_10.description) == (wanted, f"{wanted}_of_10") and not box.value
    box.value = True
    assert wanted in explorer.view["metrics"] and not explorer.display.message.value
    (run,) = explorer.runs
    assert run.raced == {(name, "eval"): False for name in maps}
    assert run.races["map"].tolist() == maps
    assert sorted(run.maps) == sorted(maps)


def test_first_runs_that_lack_what_others_have_are_shown_with_what_they_have(tmp_path):
    """A directory of several tools: the metrics of races are those of the seventh run."""
    for i in range(FIRST_RUNS):
        logged = {"loss": 1 / (i + 1), "rollout/ep_rew_mean": i}
        write_file(tmp_path / f"PPO_{i}", [(60 * k, k, logged) for k in range(1, 9)])
    write_file(tmp_path / "race", [(60 * k, k, race(20.0)) for k in range(1, 9)])
    explorer = tmnet.explore(tmp_path)
    assert explorer.view["metrics"] == ["loss", "rollout/ep_rew_mean"]
    assert list(explorer.comparison.at(8).loc["rollout/ep_rew_mean"]) == [*range(6)]
    boxes = explorer._metrics.boxes
    boxes["A01/eval/best"].value = True
    assert "None of the runs that are chosen has A01/eval/best" in explorer.display.notes.value
    assert "A01/eval/best" not in explorer.code
    for name in ("loss", "rollout/ep_rew_mean"):
        boxes[name].value = False
    assert "has A01/eval/best: choose others" in explorer.display.message.value
    explorer._runs.row("race").box.value = True
    assert [metric.name for metric in explorer.comparison.metrics] == ["A01/eval/best"]
    assert "None of the runs" not in explorer.display.notes.value
