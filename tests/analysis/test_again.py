"""A comparison again: as if it had been made with the other arguments at once."""

import inspect

import numpy as np
import pytest

import tmnet
from tmnet.errors import TmnetError
from tmnet.export import export
from tmnet.figures import plot_grid
from tmnet.report.report import report


@pytest.fixture(scope="module")
def runs(three_runs):
    return [tmnet.load_run(name, three_runs) for name in ("long", "short", "never")]


FIRST = {"interval": 2.0, "window": (4.0, 25.0), "trailing": 6.0, "rule": "min"}


@pytest.mark.parametrize(
    "changes, like",
    [
        ({}, FIRST),
        ({"interval": 3.0}, FIRST | {"interval": 3.0}),
        ({"window": (0.0, 10.0)}, FIRST | {"window": (0.0, 10.0)}),
        ({"window": None, "trailing": None}, {"interval": 2.0, "rule": "min"}),
        ({"metrics": ["loss"]}, FIRST | {"metrics": ["loss"]}),
        # what is a length of the axis begins anew with another one
        ({"by": "step"}, {"by": "step", "rule": "min"}),
        ({"by": "step", "interval": 500}, {"by": "step", "interval": 500, "rule": "min"}),
        ({"clock": "wall"}, {"clock": "wall", "interval": 2.0, "trailing": 6.0, "rule": "min"}),
    ],
)
def test_it_is_as_compared_at_once(runs, changes, like):
    again, at_once = tmnet.compare(runs, **FIRST).again(**changes), tmnet.compare(runs, **like)
    assert type(again) is tmnet.Comparison and again.axis == at_once.axis
    for name in ("interval", "window", "trailing", "rule", "metrics", "runs"):
        assert getattr(again, name) == getattr(at_once, name), name
    assert np.array_equal(again.values, at_once.values, equal_nan=True)


def test_arms_stay(runs):
    arms = {"one": runs[:2], "other": runs[2:]}
    again = tmnet.compare(arms).again(by="step")
    assert again.arms == {"one": ("long", "short"), "other": ("never",)}


def test_a_clock_changes_nothing_where_it_does_not_count(runs):
    by_step = tmnet.compare(runs, by="step", window=(100, 900))
    assert by_step.again(clock="wall").window == (100, 900)


@pytest.mark.parametrize("name", ["runs", "axis", "widnow"])
def test_what_cannot_be_changed(runs, name):
    with pytest.raises(TmnetError, match=f"has no '{name}' to change; it has by, clock, interval"):
        tmnet.compare(runs).again(**{name: 1})


def test_a_clock_that_there_is_not(runs):
    with pytest.raises(TmnetError, match="it must be 'active' or 'wall'"):
        tmnet.compare(runs).again(clock="sun")


@pytest.mark.parametrize(
    "function, by_place",
    [
        (tmnet.compare, ["runs"]),
        (report, ["study"]),
        (export, ["comparison", "directory"]),
        (plot_grid, ["comparison", "names"]),
        (tmnet.Comparison.plot_grid, ["self", "names"]),
        (tmnet.Comparison.plot, ["self", "name"]),
    ],
)
def test_what_follows_the_first_argument_is_named(function, by_place):
    parameters = inspect.signature(function).parameters.values()
    assert [x.name for x in parameters if x.kind is x.POSITIONAL_OR_KEYWORD] == by_place
