"""Best for a budget, and costs by size: by hand, by counting draws, and by simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from tmnet.analysis.statistics.frontier import cost_slope, frontier

from .formulas import PRINTED_T

NEVER = math.nan


def test_the_best_for_each_budget():
    """Of small seeds some start early; big ones get farther. At first none got anywhere."""
    small = [[NEVER, 0.4, 0.6, 0.7], [NEVER, 0.5, 0.7, 0.7], [NEVER, 0.3, 0.6, 0.72]]
    big = [[NEVER, NEVER, 0.6, 0.9], [NEVER, 0.1, 0.5, 0.92], [NEVER, NEVER, 0.55, 0.95]]
    found = frontier({"small": small, "big": big}, "higher")
    assert found.best == [None, "small", "small", "big"]
    assert found.probability["small"][0] == found.probability["big"][0] == 0
    total = found.probability["small"] + found.probability["big"]
    assert total[2:] == pytest.approx(1, abs=1e-9)
    assert found.probability["small"][1] > 0.9 and found.probability["big"][3] > 0.95
    assert found.probability["big"][3] < 1  # of three seeds each nothing is certain
    lower = frontier({"small": -np.array(small), "big": -np.array(big)}, "lower")
    assert lower.best == found.best
    np.testing.assert_allclose(lower.probability["big"], found.probability["big"])


def test_identical_arms_share_it():
    same = [[1.0], [1.0], [1.0]]
    found = frontier({"a": same, "b": same, "c": [[0.5], [0.5], [0.5]]}, "higher")
    assert [found.probability[name][0] for name in "abc"] == [0.5, 0.5, 0]


def test_of_two_seeds_nothing_is_likely():
    found = frontier({"a": [[1.0], [2.0]], "b": [[0.0], [0.5], [0.7]]}, "higher")
    assert found.best == ["a"] and np.isnan(found.probability["a"]).all()


def test_a_seed_that_never_got_there_counts():
    """Half of the draws of four have two of the one that did not, or more: they have no middle."""
    fails, others = [[1.0], [1.0], [1.0], [NEVER]], [[2.0]] * 4
    found = frontier({"fails": fails, "others": others}, "lower")
    draws = [sum(x == 3 for x in drawn) for drawn in itertools.product(range(4), repeat=4)]
    expected = np.mean([never <= 1 for never in draws])
    assert found.best == ["fails"]
    assert found.probability["fails"][0] == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_arms_that_are_alike_are_seldom_sure(seeds):
    rng = np.random.default_rng(seeds)
    sure = []
    for number in range(200):
        one, other = rng.normal(size=(2, seeds, 1))
        found = frontier({"one": one, "other": other}, "higher", number)
        sure.append(found.probability["one"][0] >= 0.95)
    assert np.mean(sure) <= 0.05


def test_a_slope_by_hand():
    """Each doubling costs √2 times as much, but for the last, which costs twice that."""
    sizes, costs = [1, 2, 4, 8], [1, 2**0.5, 2, 2**2.5]
    found = cost_slope(sizes, costs)
    x, y = np.log(sizes), np.log(costs)
    matrix = np.c_[np.ones(4), x]
    (intercept, slope), squares, *_ = np.linalg.lstsq(matrix, y, rcond=None)
    error = math.sqrt(squares[0] / 2 / ((x - x.mean()) ** 2).sum())
    half = PRINTED_T[2] * error
    assert (found.exponent, found.intercept) == pytest.approx((slope, intercept))
    assert found.interval == pytest.approx((slope - half, slope + half), abs=1e-3)


@pytest.mark.parametrize(
    "sizes, costs",
    [
        ([1, 2, 4, 4], [1, 2, 3, 4]),
        ([1, 2, 4, 8], [1, 2, 3, math.inf]),
        ([1, 2, 4, 8], [0, 1, 2, 3]),
    ],
    ids=["three sizes", "never", "for nothing"],
)
def test_no_slope(sizes, costs):
    assert cost_slope(sizes, costs) is None


def test_intervals_of_slopes_cover():
    rng, sizes = np.random.default_rng(0), np.repeat([1, 2, 4, 8], 3)
    costs = np.exp(rng.normal(0.7 * np.log(sizes), 0.3, (300, 12)))
    held = [cost_slope(sizes, some).interval.holds(0.7) for some in costs]
    assert stats.binomtest(sum(held), 300, 0.95).pvalue > 0.01
