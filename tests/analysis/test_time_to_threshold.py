"""How long until runs reach a level, by Kaplan and Meier."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tmnet.analysis.statistics.survival import time_to_threshold

from .formulas import Z

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
