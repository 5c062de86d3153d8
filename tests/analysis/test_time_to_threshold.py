"""How long until runs reach a level, by Kaplan and Meier."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test
from lifelines.utils import restricted_mean_survival_time

from tmnet.analysis.statistics.survival import (
    at_risk,
    log_rank_p,
    ratio,
    restricted_mean,
    time_difference,
    time_to_threshold,
)

from .formulas import Z, student

# Freireich et al. (1963): weeks of remission under 6-mercaptopurine; + is censored.
WEEKS = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"


def test_the_printed_table_of_kaplan_and_meier():
    weeks = WEEKS.split()
    at, reached = [int(x.rstrip("+")) for x in weeks], [not x.endswith("+") for x in weeks]
    found = time_to_threshold(at, reached)
    assert found.at.tolist() == [6, 7, 10, 13, 16, 22, 23]
    printed = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    np.testing.assert_allclose(found.share, printed, atol=5.1e-5)
    assert found.median == 23
    # as R's survfit(conf.type="log-log") prints it
    np.testing.assert_allclose(found.low[[0, -1]], [0.620, 0.188], atol=6e-4)
    np.testing.assert_allclose(found.high[[0, -1]], [0.952, 0.680], atol=6e-4)


def product_limit(at, reached):
    """Moment, share that had not got there, and its log-log interval; runs counted one by one."""
    rows, share, greenwood = [], Fraction(1), Fraction(0)
    for t in sorted({x for x, there in zip(at, reached) if there}):
        left = sum(x >= t for x in at)
        there = sum(x == t and yes for x, yes in zip(at, reached))
        share *= Fraction(left - there, left)
        if share == 0:
            rows.append((t, 0.0, math.nan, math.nan))
            continue
        greenwood += Fraction(there, left * (left - there))
        s = float(share)
        half = Z * math.sqrt(greenwood) / math.log(s)
        rows.append((t, s, s ** math.exp(-half), s ** math.exp(half)))
    return rows


runs = st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=12)


@given(runs, st.randoms())
def test_runs_that_never_got_there_count_as_such(pairs, random):
    """With ties: who is watched until t counts among those who could get there at t."""
    random.shuffle(pairs)
    at, reached = [x for x, _ in pairs], [yes for _, yes in pairs]
    found = time_to_threshold(at, reached)
    rows = product_limit(at, reached)
    table = np.array(rows).reshape(-1, 4)
    np.testing.assert_array_equal(found.at, table[:, 0])
    np.testing.assert_allclose(found.share, table[:, 1], atol=1e-12)
    np.testing.assert_allclose(np.minimum(found.low, found.high),
                               np.minimum(table[:, 2], table[:, 3]), atol=1e-9)  # fmt: skip
    np.testing.assert_allclose(np.maximum(found.low, found.high),
                               np.maximum(table[:, 2], table[:, 3]), atol=1e-9)  # fmt: skip
    assert not (found.low > found.high).any()
    half = [t for t, share, *_ in rows if share <= 0.5 + 1e-12]
    np.testing.assert_equal(found.median, half[0] if half else math.nan)


def test_a_table_of_kaplan_and_meier_by_hand():
    """Six runs: at 10 one of 6, at 20 two of 4 (one was watched until 15), at 30 none left to."""
    found = time_to_threshold([20, 10, 15, 20, 30, 20], [True, True, False, True, False, False])
    assert found.at.tolist() == [10, 20]
    np.testing.assert_allclose(found.share, [5 / 6, 5 / 6 * 2 / 4])
    assert found.median == 20


def test_all_got_there():
    found = time_to_threshold([30, 10, 20, 20], [True] * 4)
    assert found.at.tolist() == [10, 20, 30]
    np.testing.assert_allclose(found.share, [0.75, 0.25, 0], atol=1e-12)
    assert found.median == 20
    assert np.isnan([found.low[-1], found.high[-1]]).all()  # nobody is left


def test_exactly_half_got_there():
    assert time_to_threshold([10, 20, 99, 99], [True, True, False, False]).median == 20


def test_none_got_there():
    found = time_to_threshold([10, 20], [False, False])
    assert len(found.at) == len(found.share) == len(found.low) == len(found.high) == 0
    assert math.isnan(found.median)


# --- as lifelines has it ------------------------------------------------------------------------


def columns(pairs):
    return np.array([x for x, _ in pairs], float), np.array([yes for _, yes in pairs])


@settings(max_examples=25)
@given(runs, st.floats(0.5, 12))
def test_it_is_as_lifelines_has_it(pairs, until):
    at, reached = columns(pairs)
    found, other = time_to_threshold(at, reached), KaplanMeierFitter().fit(at, reached)
    share = other.survival_function_.loc[found.at].to_numpy().ravel()
    np.testing.assert_allclose(found.share, share, atol=1e-12)
    some = share > 1e-12  # where nobody is left lifelines has 0 to 0, which nobody knows
    band = other.confidence_interval_.loc[found.at[some]].to_numpy()
    np.testing.assert_allclose(np.c_[found.low, found.high][some], band, atol=1e-9)
    if not np.isclose(share, 0.5).any():  # which lifelines may have as 0.5000000000000001
        assert np.nan_to_num(found.median, nan=math.inf) == other.median_survival_time_
    table = other.event_table.at_risk.iloc[1:]
    assert at_risk(at, table.index).tolist() == table.tolist()
    expected = restricted_mean_survival_time(other, until)
    assert restricted_mean(at, reached, until) == pytest.approx(expected, rel=1e-9)


def test_numbers_at_risk_by_hand():
    """Who gets there at 10 was at risk there, and is no more just after."""
    at = [20, 10, 15, 20, 30, 20]
    assert at_risk(at, [0, 10, 10.1, 20, 20.1, 30, 31]).tolist() == [6, 6, 5, 4, 1, 1, 0]


# --- restricted means ---------------------------------------------------------------------------


def test_a_restricted_mean_by_hand():
    """All watched for 60 min: the mean time, of which 60 min count at most."""
    assert restricted_mean([10, 30, 60, 60], [True, True, False, False], 60) == 40
    assert restricted_mean([10, 30, 50, 70], [True] * 4, 60) == (10 + 30 + 50 + 60) / 4
    # of two left at 20, one given up at 20: the other stands for both
    found = restricted_mean([10, 20, 40], [True, False, True], 60)
    assert found == pytest.approx((10 + 40 + 40) / 3)


def test_the_difference_of_restricted_means_where_all_are_watched():
    """Then they are means: and drawing seeds again is close to Welch's interval."""
    rng = np.random.default_rng(4)
    one, other = rng.uniform(20, 60, 12), rng.uniform(30, 90, 9)
    times = [np.minimum(some, 80) for some in (one, other)]
    found = time_difference((one, one <= 80), (other, other <= 80), 80)
    assert found.value == pytest.approx(times[0].mean() - times[1].mean())
    a, b = (some.var(ddof=1) / len(some) for some in times)
    half = student((a + b) ** 2 / (a**2 / 11 + b**2 / 8)) * math.sqrt(a + b)
    assert found.interval == pytest.approx(
        (found.value - half, found.value + half), abs=0.15 * half
    )


def test_arms_of_which_none_or_all_get_there():
    none = ([60] * 3, [False] * 3)
    found = time_difference(none, none, 60)
    assert (found.value, found.interval, found.p) == (0, None, 1)
    fast = ([10, 12, 14], [True] * 3)
    found = time_difference(fast, none, 60)
    assert found.value == 12 - 60 and found.p == pytest.approx(2 / 20)
    assert -60 <= found.interval.low < -48 < found.interval.high < 0
    assert time_difference(([10], [True]), none, 60).interval is None
    assert time_difference(([10, 90, 95], [True] * 3), none, 60).value == pytest.approx(-50 / 3)


def test_differences_of_restricted_means_cover_roughly():
    rng = np.random.default_rng(6)
    truth = [np.minimum(rng.exponential(x, 1_000_000), 120).mean() for x in (50, 90)]
    held = []
    for number in range(250):
        one, other = rng.exponential(50, 6), rng.exponential(90, 6)
        found = time_difference((one, one <= 120), (other, other <= 120), 120, number)
        held.append(found.interval.holds(truth[0] - truth[1]))
    assert 0.9 <= np.mean(held) <= 0.99


# --- log-rank -----------------------------------------------------------------------------------


def apart(one, other):
    """Arrivals of the one arm less what is expected of it, by the table of arrivals."""
    total = 0.0
    times = sorted({x for x, there in [*one, *other] if there})
    for t in times:
        left, all_left = (sum(x >= t for x, _ in arm) for arm in (one, [*one, *other]))
        there, all_there = (sum(x == t and yes for x, yes in arm) for arm in (one, [*one, *other]))
        total += there - all_there * left / all_left
    return total


arm = st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=4)


@settings(max_examples=40)
@given(arm, arm)
def test_the_log_rank_p_counts_all_ways_of_dealing(one, other):
    pool, values = [*one, *other], []
    for chosen in itertools.combinations(range(len(pool)), len(one)):
        rest = [pool[i] for i in range(len(pool)) if i not in chosen]
        values.append(apart([pool[i] for i in chosen], rest))
    here = apart(one, other)
    more, less = (sum(sign * (x - here) >= -1e-9 for x in values) for sign in (1, -1))
    expected = min(1, 2 * min(more, less) / len(values))
    assert log_rank_p(columns(one), columns(other)) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:Starting with pandas")  # lifelines, of pandas
def test_of_many_seeds_it_is_close_to_the_log_rank_test():
    rng = np.random.default_rng(2)
    one, other = rng.exponential(40, 40), rng.exponential(65, 35)
    expected = logrank_test(one, other, one <= 90, other <= 90).p_value
    found = log_rank_p((np.minimum(one, 90), one <= 90), (np.minimum(other, 90), other <= 90))
    assert 0.01 < expected < 0.2 and found == pytest.approx(expected, rel=0.25)


# --- ratios -------------------------------------------------------------------------------------


def test_ratios_by_hand():
    assert ratio([32], [64]) == (pytest.approx(0.5), None)
    assert ratio([10, 40], [40, 40]) == (pytest.approx(0.5), None)  # geometric means: 20 and 40
    found = ratio([1, 2, 4, 8, math.inf], [10, 20, 30, 40, 50])
    assert found.value == pytest.approx((2 * 4 * 8 / (20 * 30 * 40)) ** (1 / 3))
    assert found.interval.low < found.value and found.interval.high == math.inf
    back = ratio([10, 20, 30, 40, 50], [1, 2, 4, 8, math.nan])
    assert back.value == pytest.approx(1 / found.value) and back.interval.low == 0


@pytest.mark.parametrize(
    "one, other",
    [
        ([math.inf], [10]),
        ([1, 2, math.nan], [3, 4, 5]),
        ([1, 2, 3, math.inf, math.inf], [3, 4, 5, 6, 7]),
        ([0, 1, 2], [3, 4, 5]),
        ([], [1]),
    ],
    ids=["a run that never", "too few", "too many that never", "nothing at all", "no seeds"],
)
def test_no_ratio(one, other):
    found = ratio(one, other)
    assert math.isnan(found.value) and found.interval is None


def test_seeds_that_are_all_alike_have_a_bare_ratio():
    assert ratio([2, 2, 2], [4, 4, 4]) == (pytest.approx(0.5), None)


def test_the_interval_of_a_ratio_is_close_to_welchs_of_logarithms():
    rng = np.random.default_rng(7)
    one, other = rng.normal(3, 0.5, 10), rng.normal(4, 0.8, 14)
    a, b = one.var(ddof=1) / 10, other.var(ddof=1) / 14
    half = student((a + b) ** 2 / (a**2 / 9 + b**2 / 13)) * math.sqrt(a + b)
    middle = one.mean() - other.mean()
    found = ratio(np.exp(one), np.exp(other))
    assert found.value == pytest.approx(math.exp(middle))
    assert np.log(found.interval) == pytest.approx((middle - half, middle + half), abs=0.15 * half)


def test_ratios_cover_roughly():
    rng = np.random.default_rng(5)
    held = []
    for number in range(250):
        one, other = np.exp(rng.normal(0, 0.5, 4)), np.exp(rng.normal(0.7, 0.5, 4))
        held.append(ratio(one, other, number).interval.holds(math.exp(-0.7)))
    assert 0.9 <= np.mean(held) <= 0.99
