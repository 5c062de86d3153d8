"""Two arms with several seeds each: by enumeration, by SciPy, and by hand."""

import itertools
import math
from math import comb, inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tmnet.analysis.statistics.permutation import permutation_p
from tmnet.analysis.statistics.seeds import difference, improvement, paired

from .formulas import student

halves = st.integers(-6, 6).map(lambda x: x / 2)  # scores with many ties
arms = st.lists(halves, min_size=1, max_size=5)
never = st.sampled_from([nan, inf])


# --- dealing seeds out --------------------------------------------------------------------------


def dealt(one, other):
    """Twice the smaller share of all ways of dealing that bring the one as much, or as little."""
    scores = [round(1000 * x) for x in (*one, *other)]
    sums = [sum(chosen) for chosen in itertools.combinations(scores, len(one))]
    here = sum(scores[: len(one)])
    more, less = (sum(test(x) for x in sums) for test in (here.__le__, here.__ge__))
    return min(1, 2 * min(more, less) / len(sums))


@given(arms, arms)
def test_all_ways_of_dealing_are_counted(one, other):
    assert permutation_p(np.array(one), np.array(other)) == pytest.approx(dealt(one, other))


@pytest.mark.parametrize("n, m", [(3, 4), (6, 6)])
def test_it_is_scipys_permutation_test(n, m):
    rng = np.random.default_rng(n)
    one, other = rng.normal(0.8, 1, n), rng.normal(0, 1, m)
    found = stats.permutation_test(
        (one, other), lambda x, y, axis: x.sum(axis), vectorized=True, n_resamples=np.inf
    )
    assert permutation_p(one, other) == pytest.approx(found.pvalue, rel=1e-12)


def test_of_more_seeds_some_ways_are_drawn():
    """Against the exact distribution of Mann and Whitney's U of 12 + 11 without ties."""
    ranks = np.random.default_rng(3).permutation(23) + 1.0
    one, other = ranks[:12], ranks[12:]
    exact = stats.mannwhitneyu(one, other, method="exact").pvalue
    found = permutation_p(one, other, 1)
    assert found == permutation_p(one, other, 1) != permutation_p(one, other, 2)
    assert found == pytest.approx(exact, abs=5 * math.sqrt(exact / 9999))


@pytest.mark.parametrize("n, m", [(2, 2), (3, 3), (2, 5), (5, 5), (10, 10)])
def test_full_separation_by_chance(n, m):
    """Of all ways of dealing, two separate: once in 3 studies at 2 + 2, in 126 at 5 + 5."""
    found = improvement(np.arange(n), 100 + np.arange(m), "lower")
    assert found.p == pytest.approx(2 / comb(n + m, n), rel=1e-12)
    assert (found.value, found.won, found.equal, found.pairs) == (1, n * m, 0, n * m)
    assert 0 < found.interval.low < 1 == found.interval.high


def test_in_words_of_two_seeds_each():
    found = improvement([93, 97], [45, 60], "higher")
    assert (found.won, found.pairs, round(1 / found.p)) == (4, 4, 3)


# --- differences --------------------------------------------------------------------------------


def by_welch(one, other):
    """The formulas of Welch and Satterthwaite: difference, t and degrees of freedom."""
    a, b = (np.var(x, ddof=1) / len(x) for x in (one, other))
    parts = a**2 / (len(one) - 1) + b**2 / (len(other) - 1)
    return np.mean(one) - np.mean(other), math.sqrt(a + b), (a + b) ** 2 / parts if parts else 0


@settings(max_examples=50)
@given(st.lists(halves, min_size=3, max_size=8), st.lists(halves, min_size=3, max_size=8))
def test_where_all_got_there_it_is_welchs(one, other):
    found = difference(one, other, "lower")
    value, error, freedom = by_welch(one, other)
    assert found.value == pytest.approx(value)
    if not error:
        assert (found.test, found.interval) == ("rank sum", None)
        return
    assert found.test == "Welch"
    assert found.p == pytest.approx(2 * stats.t.sf(abs(value) / error, freedom), rel=1e-9)
    half = stats.t.isf(0.025, freedom) * error
    assert found.interval == pytest.approx((value - half, value + half), rel=1e-9)
    assert found.interval.holds(0) == (found.p >= 0.05)
    again = difference(one, other, "higher")
    assert again == found  # which is better matters to seeds that never got there alone


def test_a_difference_by_hand():
    """Means 4 and 8, variances 4 of 3 seeds each: 4 degrees of freedom, and √(8 / 3) of error."""
    found = difference([2, 4, 6], [6, 8, 10], "lower")
    assert found.value == -4
    half = student(4) * math.sqrt(8 / 3)
    assert found.interval == pytest.approx((-4 - half, -4 + half), abs=1e-3)
    assert found.p_ranks == dealt([1, 2, 3.5], [3.5, 5, 6])


@given(st.permutations([3.0, 4.0, 5.0, 6.0, 7.0]), never)
def test_a_seed_that_never_got_there_is_the_worst(values, missing):
    """One of six: by ranks, without an interval, and no better than any other."""
    one, other = [*values, missing], [8.0, 9.0, 10.0, 11.0, 12.0, 13.0]
    found = difference(one, other, "lower")
    assert math.isnan(found.value)
    assert (found.test, found.interval) == ("rank sum", None)
    assert found.p == found.p_ranks == dealt([1, 2, 3, 4, 5, 12], [6, 7, 8, 9, 10, 11])
    above = difference([-x for x in one], [-x for x in other], "higher")
    assert above.p == found.p and math.isnan(above.value)
    assert improvement(one, other, "lower").won == 30


def test_seeds_that_never_got_there_are_equal():
    found = improvement([1, nan, inf], [2, inf], "lower")
    assert (found.won, found.equal, found.pairs) == (2, 2, 6)
    assert found.value == pytest.approx(3 / 6)
    none = difference([nan] * 5, [inf] * 5, "lower")
    assert (none.test, none.p, none.interval) == ("rank sum", 1, None)


def test_identical_arms():
    same = [98.0, 99.0, 100.0, 100.0, 97.0]
    found = difference(same, same, "higher")
    assert (found.value, found.p, found.p_ranks) == (0, 1, 1) and found.interval.holds(0)
    equal = improvement(same, same, "higher")
    assert (equal.value, equal.p) == (0.5, 1) and equal.interval.holds(0.5)
    all_alike = difference([1.0] * 5, [1.0] * 5, "higher")
    assert (all_alike.value, all_alike.p, all_alike.interval) == (0, 1, None)


@pytest.mark.parametrize("n, m", [(1, 1), (2, 2), (2, 9), (1, 5)])
def test_of_fewer_than_three_seeds_there_is_no_p_to_claim_by(n, m):
    found = difference(np.arange(n), 100 + np.arange(m), "lower")
    assert (found.p, found.test, found.interval) == (None, "", None)
    assert found.p_ranks == pytest.approx(min(1, 2 / comb(n + m, n)))
    assert found.value == pytest.approx((n - 1) / 2 - 100 - (m - 1) / 2)


def test_of_no_seeds_nothing_is_known():
    found = difference([], [1.0, 2.0, 3.0], "lower")
    assert math.isnan(found.value) and found.p is None and found.p_ranks == 1
    assert improvement([], [1.0], "lower").interval is None


# --- how often one is better --------------------------------------------------------------------


@given(st.lists(halves, min_size=1, max_size=7), st.lists(halves, min_size=1, max_size=7))
def test_pairs_are_counted(one, other):
    found = improvement(one, other, "higher")
    won = sum(x > y for x in one for y in other)
    equal = sum(x == y for x in one for y in other)
    assert (found.won, found.equal, found.pairs) == (won, equal, len(one) * len(other))
    assert found.value == pytest.approx((won + equal / 2) / found.pairs)
    back = improvement(one, other, "lower")
    assert back.value == pytest.approx(1 - found.value) and back.p == found.p
    if found.pairs == 1:
        assert found.interval is None
        return
    assert found.interval.holds(found.value)
    assert found.interval.low < 1 and found.interval.high > 0
    assert found.interval.low < found.interval.high
    assert back.interval == pytest.approx((1 - found.interval.high, 1 - found.interval.low))


@given(st.lists(halves, min_size=2, max_size=7), st.lists(halves, min_size=2, max_size=7))
def test_at_the_ends_of_its_interval_the_share_is_just_too_far_away(one, other):
    """Newcombe (2006), method 5: the variance of exponential scores, N* = (m + n) / 2 - 1."""
    found, n, m = improvement(one, other, "higher"), len(one), len(other)
    for end in found.interval:
        if end in (0, 1):
            assert found.value == end
            continue
        more = (n + m) / 2 - 1
        factor = 1 + more * (1 - end) / (2 - end) + more * end / (1 + end)
        error = math.sqrt(end * (1 - end) * factor / (n * m))
        assert abs(found.value - end) == pytest.approx(
            stats.t.ppf(0.975, n + m - 2) * error, abs=1e-6
        )


# --- pairs --------------------------------------------------------------------------------------


def test_pairs_of_seeds():
    one, other = [10.0, 12.0, 15.0, 19.0], [9.0, 12.0, 12.0, 15.0]
    found = paired(one, other)
    apart = [1, 0, 3, 4]
    assert (found.value, found.n) == (2, 4)
    error = np.std(apart, ddof=1) / 2
    assert found.interval == pytest.approx((2 - student(3) * error, 2 + student(3) * error), 1e-4)
    assert found.p == pytest.approx(2 * stats.t.sf(2 / error, 3))
    assert found.correlation == pytest.approx(np.corrcoef(one, other)[0, 1])


@pytest.mark.parametrize(
    "one, other",
    [([1, 2], [3, 5]), ([1, 2, nan], [3, 5, 6]), ([1, 2, 3], [2, 3, inf]), ([1, 2, 3], [2, 3, 4])],
    ids=["two pairs", "missing", "never", "the same difference thrice"],
)
def test_no_pairing(one, other):
    assert paired(one, other) is None


def test_an_arm_without_scatter_has_no_correlation():
    found = paired([5.0, 5.0, 5.0], [1.0, 2.0, 4.0])
    assert math.isnan(found.correlation) and found.value == pytest.approx(8 / 3)


# --- how often it errs --------------------------------------------------------------------------


def told(seeds, gap, number):
    """How often two arms of normal scores are told apart; and how often the intervals hold the
    truth, and that of how often one is better. The first by SciPy, which is as `difference` is."""
    rng = np.random.default_rng(number)
    one, other = rng.normal(gap, 1, (20_000, seeds)), rng.normal(0, 1, (20_000, seeds))
    p = stats.ttest_ind(one, other, axis=1, equal_var=False).pvalue
    truth, held = stats.norm.cdf(gap / math.sqrt(2)), []
    for some, rest, expected in zip(one[:300], other[:300], p):
        found = difference(some, rest, "higher")
        assert found.p == pytest.approx(expected)
        better = improvement(some, rest, "higher").interval
        held.append((found.interval.holds(gap), better.holds(truth)))
    return (p <= 0.05).mean(), *np.mean(held, axis=0)


@pytest.mark.parametrize("seeds", [3, 5])
def test_arms_that_are_alike_are_told_apart_in_five_percent(seeds):
    false, held, better = told(seeds, 0, seeds)
    assert false <= 0.05 and 0.92 <= held <= 0.99 and better >= 0.93


def test_five_seeds_each_tell_two_standard_deviations():
    power, held, better = told(5, 2, 1)
    assert power >= 0.7 and 0.92 <= held <= 0.99 and better >= 0.93


def test_arms_of_which_a_seed_fails_are_told_apart_in_five_percent():
    """Each seed never gets there in one of five cases, in both arms alike."""
    rng = np.random.default_rng(8)
    p = []
    for _ in range(500):
        values = np.where(rng.random((2, 5)) < 0.2, inf, rng.normal(60, 10, (2, 5)))
        p.append(difference(*values, "lower").p <= 0.05)
    assert np.mean(p) <= 0.05
