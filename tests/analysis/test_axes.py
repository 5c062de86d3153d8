"""Runs that have not every axis, compared by those that each of them has."""

import pytest

import tmnet
from tmnet.analysis.axis import Axis
from tmnet.comparison import compare_by

from ..synthetic import load, race, write_file


@pytest.fixture
def runs(tmp_path):
    """`usual`, with both axes; `instant` has no time, `still` no steps, and `new` neither."""
    steps = range(1, 11)
    usual = [(60 * i, i, {"Training/loss": i} | race(50.0)) for i in steps]
    write_file(tmp_path / "usual", usual)
    write_file(tmp_path / "instant", [(0, i, {"own": i, "Training/loss": i}) for i in steps])
    write_file(tmp_path / "still", [(60 * i, 0, {"Training/loss": i}) for i in steps])
    write_file(tmp_path / "new", [(0, 0, {"Training/loss": 1.0})])
    names = ("usual", "instant", "still", "new")
    with pytest.warns(tmnet.LogWarning, match="instant was logged at one and the same time"):
        return {name: load(tmp_path, name) for name in names}


def by_both(runs, metrics):
    step = {"interval": 1, "metrics": metrics}
    return compare_by(runs, {"time": {"interval": 1, "metrics": metrics}, "step": step})


def test_each_axis_has_the_runs_that_have_it(runs):
    made, notes = by_both(list(runs.values()), ["loss"])
    assert {by: [run.name for run in one.runs] for by, one in made.items()} == {
        "time": ["usual", "still"],
        "step": ["usual", "instant"],
    }
    assert [note.split()[1] for note in notes] == ["instant", "new", "still", "new"]


def test_a_metric_is_known_by_the_name_it_was_logged_with(runs):
    """Also where a run is left out."""
    made, _ = by_both([runs["usual"], runs["new"]], ["Training/loss"])
    assert [metric.name for one in made.values() for metric in one.metrics] == ["loss", "loss"]


def test_an_axis_without_any_of_the_metrics_is_left_out(runs):
    made, notes = by_both([runs["usual"], runs["instant"]], ["own"])
    assert list(made) == ["step"]
    assert "By time there is nothing to compare" in notes[-1]
    made, _ = by_both([runs["usual"], runs["instant"]], ["own", "loss"])
    assert [[metric.name for metric in one.metrics] for one in made.values()] == [
        ["loss"],
        ["own", "loss"],
    ]


def test_a_metric_that_no_run_has_is_refused(runs):
    """Even if there are runs that each axis leaves out."""
    with pytest.raises(tmnet.TmnetError, match=r"no metric los\. Nearest: loss"):
        by_both([runs["instant"], runs["still"]], ["los"])


def test_an_arm_keeps_the_seeds_that_have_the_axis(runs):
    arms = {"a": [runs["usual"], runs["instant"]], "b": [runs["still"]], "c": [runs["new"]]}
    made, _ = by_both(arms, ["loss"])
    assert made["time"].arms == {"a": ("usual",), "b": ("still",)}
    assert made["step"].arms == {"a": ("usual", "instant")}


def test_the_explorer_shows_those_that_have_its_axis(runs, tmp_path):
    explorer = tmnet.explore(list(runs.values()), by="time", metrics=["loss", "own"])
    assert [run.name for run in explorer.comparison.runs] == ["usual", "still"]
    space = {}
    exec(explorer.code, space)  # what it computes is what is shown
    assert space["comparison"].frame.equals(explorer.comparison.frame)
    with pytest.raises(tmnet.TmnetError, match="By time there is nothing to compare"):
        tmnet.explore([runs["usual"], runs["instant"]], by="time", metrics=["own"])


def test_runs_of_one_name_are_told_apart_or_refused(tmp_path):
    for logdir in "ab":
        write_file(tmp_path / logdir / "X", [(60 * i, i, {"loss": i}) for i in range(1, 5)])
    one, other = (load(tmp_path / logdir, "X") for logdir in "ab")
    for function in (tmnet.compare, tmnet.explore):
        with pytest.raises(tmnet.TmnetError, match=r"X is given twice.*pieces=\['X'\]"):
            function([one, other])
    other = load(tmp_path / "b", "X of b", pieces=["X"])
    assert [run.name for run in tmnet.explore([one, other]).comparison.runs] == ["X", "X of b"]


def test_lengths_are_said_with_three_digits_where_they_are_counts():
    said = {
        ("step", 1_717_844.0): "1,720,000 steps", ("relative_step", 250_000.0): "250,000 steps",
        ("step", 999.0): "999 steps", ("time", 42.42): "42.4 min", ("time", 123.4): "123.4 min",
        ("flops", 0.01976): "0.0198 PFLOP", ("flops", 1234.5): "1,234.5 PFLOP",
        ("own/counter", 1234.0): "1,230 own/counter",
    }  # fmt: skip
    assert {(by, length): Axis(by).say_length(length) for by, length in said} == said
    assert Axis("step").say(1_717_844.0) == "1,717,844 steps"
