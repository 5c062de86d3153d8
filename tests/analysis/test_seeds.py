"""Statistics of the seeds of an arm, by hand and against seeds drawn here."""

from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmnet.analysis.statistics.seeds import (
    difference,
    iqm,
    iqm_interval,
    paired,
    performance_profile,
    summary,
)

from .formulas import student

halves = st.integers(-6, 6).map(lambda x: x / 2)  # scores with many ties


@pytest.mark.parametrize(
    "scores, expected",
    [
        ([7.0], 7),
        ([1, 5], 3),
        ([0, 0, 9], 3),  # too few to leave any out
        ([100, 1, 3, -50], 2),
        ([10, 0, 4, 2, 100], (2 + 4 + 10) / 3),
        ([1, 2, 3, 4, 50, -9], (1 + 2 + 3 + 4) / 4),
        ([9, 1, 2, 3, 4, 5, 80], (2 + 3 + 4 + 5 + 9) / 5),
        ([8, 7, 6, 5, 4, 3, 2, 1], 4.5),
        ([[1, 100], [2, 50], [3, -7]], (1 + 2 + 3 + 50) / 4),
        ([[1, 2, 3], [4, 5, 60], [-7, 8, 9]], (2 + 3 + 4 + 5 + 8) / 5),
        ([[0, 10], [0, 10], [0, 10], [0, 10]], 5),
    ],
    ids=str,
)
def test_inter_quartile_means_by_hand(scores, expected):
    assert iqm(np.array(scores)) == pytest.approx(expected, rel=1e-14)
    assert iqm(np.array(scores)[::-1]) == pytest.approx(expected, rel=1e-14)


@given(st.lists(halves, min_size=1, max_size=30))
def test_the_inter_quartile_mean_leaves_out_a_quarter_at_each_end(scores):
    out = len(scores) // 4
    kept = sorted(scores)[out : len(scores) - out]
    assert iqm(np.array(scores)) == pytest.approx(fmean(kept), abs=1e-12)


def drawn_iqms(rng, scores, draws):
    """Inter-quartile means of seeds drawn again, each task on its own."""
    scores = scores if scores.ndim == 2 else scores[:, None]
    values = []
    for _ in range(draws):
        some = np.concatenate([rng.choice(task, len(task)) for task in scores.T])
        out = len(some) // 4
        values.append(np.sort(some)[out : len(some) - out].mean())
    return np.array(values)


@given(
    st.lists(st.lists(halves, min_size=2, max_size=2), min_size=1, max_size=8),
    st.lists(halves, min_size=1, max_size=5),
)
def test_a_performance_profile_counts_scores_above(scores, thresholds):
    every = [score for row in scores for score in row]
    expected = [sum(score > tau for score in every) / len(every) for tau in thresholds]
    found = performance_profile(np.array(scores), np.array(thresholds))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    found = performance_profile(np.array(every), np.array(thresholds))
    np.testing.assert_allclose(found, expected, atol=1e-12)


# --- an arm in one number -----------------------------------------------------------------------

NEVER = st.sampled_from([np.nan, np.inf, -np.inf])


@pytest.mark.parametrize(
    "values, value, statistic, interval_of",
    [
        ([7], 7, "median", ""),
        ([1, 5], 3, "median", ""),
        ([1, np.nan], None, "median", ""),
        ([9, 1, 2], 2, "median", "mean"),
        ([np.inf, 1, 2], 2, "median", ""),
        ([np.inf, np.nan, 2], None, "median", ""),
        ([1, 2, 4, 100], 3, "IQM", "mean"),
        ([1, 2, 4, np.inf], 3, "IQM", ""),
        ([1, 2, np.nan, np.inf], None, "IQM", ""),
        ([5, 1, 2, 3, np.nan, 4], 3.5, "IQM", "IQM"),  # one of six seeds never gets there
        ([1, 2, 3, np.inf, np.inf], None, "IQM", ""),  # "3 of 5 seeds"
        ([1, 2, 3, 4, 5, 6, np.inf, np.inf], 4.5, "IQM", "IQM"),
        ([2, 2, 2, 2, 2], 2, "IQM", ""),  # no scatter to be seen is not none
        ([], None, "median", ""),
    ],
    ids=str,
)
def test_arms_by_hand(values, value, statistic, interval_of):
    found = summary(values, "lower")
    assert found.value == pytest.approx(np.nan if value is None else value, nan_ok=True)
    assert (found.statistic, found.interval_of) == (statistic, interval_of)
    assert (found.interval is not None) == bool(interval_of)
    assert (found.n, found.n_finite) == (len(values), int(np.isfinite(values).sum()))
    upside_down = summary([-x for x in values], "higher")
    np.testing.assert_allclose(upside_down.value, -found.value)


def test_the_interval_of_three_and_four_seeds_is_students():
    for values in ([9.0, 1.0, 2.0], [9.0, 1.0, 2.0, 5.0]):
        n = len(values)
        half = student(n - 1) * np.std(values, ddof=1) / np.sqrt(n)
        expected = (np.mean(values) - half, np.mean(values) + half)
        assert summary(values, "lower").interval == pytest.approx(expected, abs=1e-3)


def test_intervals_of_rates_stay_among_rates():
    for values in ([1.0, 0.0, 0.0], [1.0, 1.0, 0.4], [0.0, 0.3, 0.9, 1.0]):
        low, high = summary(values, "higher").interval
        assert low < 0 and high > 1
        assert summary(values, "higher", limits=(0, 1)).interval == (0, 1)


def test_the_interval_of_five_seeds_is_that_of_their_inter_quartile_mean():
    values = [9.0, 1.0, 2.0, 5.0, 7.0]
    assert summary(values, "lower", 3).interval == iqm_interval(np.array(values), 3)


@given(st.lists(st.integers(0, 9).map(float), min_size=4, max_size=9), NEVER)
def test_a_seed_that_never_got_there_is_as_slow_as_can_be(values, never):
    """It stands at the end, above all others; so nothing changes if it takes a thousand years."""
    found = summary([never, *values], "lower")
    assert found.value == pytest.approx(iqm(np.array([1e9, *values])), rel=1e-12)
    if found.interval:
        assert found.interval.low <= found.value <= found.interval.high


def test_one_of_six_seeds_that_never_got_there_leaves_the_end_open():
    """Two of six drawn never got there in a quarter of draws: then the inter-quartile mean has
    none, and the interval no end."""
    low, high = summary([10.0, 11.0, 12.0, 13.0, 14.0, np.nan], "lower").interval
    assert 10 <= low <= 11 and high == np.inf
    low, high = summary([10.0, 11.0, 12.0, 13.0, 14.0, np.nan], "higher").interval
    assert low == -np.inf and 13 <= high <= 14


def test_the_interval_of_an_arm_covers_roughly():
    """Where each seed never gets there in one of ten cases, too: then the middle half of all that
    there are lies below their 83rd and above their 28th hundredth of those that do."""
    rng = np.random.default_rng(0)
    normal = [summary(rng.normal(size=6), "lower").interval.holds(0) for _ in range(200)]
    assert np.mean(normal) >= 0.92
    times = rng.exponential(size=1_000_000)
    truth = iqm(np.where(rng.random(len(times)) < 0.1, np.inf, times))
    held = []
    for _ in range(300):
        values = np.where(rng.random(8) < 0.1, np.inf, rng.exponential(size=8))
        interval = summary(values, "lower").interval
        held += [interval.holds(truth)] if interval else []
    assert len(held) > 250 and np.mean(held) >= 0.92


def test_rounding_is_no_scatter():
    """Differences of 0.5 that were rounded differently, and times whose means were."""
    before, last = np.array([0.2, 0.3, 0.1]), np.array([0.7, 0.8, 0.6])
    assert 0 < np.ptp(last - before) < 1e-15 and paired(last, before) is None
    one, other = np.full(3, 24.1), np.array([24.2, 24.2, np.nextafter(24.2, 25)])
    assert difference(one, other, "lower").test == "rank sum"
    assert summary(other, "lower").interval is None
