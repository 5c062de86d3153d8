"""`tmnet.analysis.statistics` against formulas, published tables, counting, and draws made here."""

import itertools
import math
from fractions import Fraction
from statistics import NormalDist, fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.analysis.statistics import (
    Interval,
    Times,
    difference,
    interval,
    iqm,
    iqm_difference,
    iqm_interval,
    performance_profile,
    probability_interval,
    probability_of_improvement,
    rate_difference,
    rate_interval,
    time_to_threshold,
)

Z = NormalDist().inv_cdf(0.975)
counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
quarters = st.integers(80, 1199).map(lambda x: x / 4)  # times of races, s
halves = st.integers(-6, 6).map(lambda x: x / 2)  # scores with many ties


def by_wilson(finished, races):
    """Wilson's interval, as it is printed in books."""
    p, z2 = finished / races, Z * Z
    middle = (p + z2 / (2 * races)) / (1 + z2 / races)
    half = Z / (1 + z2 / races) * math.sqrt(p * (1 - p) / races + z2 / (4 * races**2))
    return middle - half, middle + half


PRINTED_T = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706}  # 97.5 %, by freedom


def student(freedom):
    """97.5 % of Student's distribution: printed, or by the first terms of Fisher's series."""
    if freedom in PRINTED_T:
        return PRINTED_T[freedom]
    z3, z5 = (Z**3 + Z) / 4, (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    return Z + z3 / freedom + z5 / freedom**2


def widened(one, other=None):
    """The interval of a value, or of a difference, each (value, values of draws, freedom).

    Percentiles of how draws differ from the value, wider by Student's quantile over the normal
    one; of two with the freedom of Welch and Satterthwaite.
    """
    both = [one] if other is None else [one, other]
    apart = [draws - value for value, draws, _ in both]
    variances = [some.var() for some in apart]
    freedom = sum(variances) ** 2 / sum(v**2 / f for v, (*_, f) in zip(variances, both))
    signs = [1, -1]
    value = sum(sign * some[0] for sign, some in zip(signs, both))
    ends = np.quantile(sum(sign * some for sign, some in zip(signs, apart)), [0.025, 0.975])
    return tuple(value + student(freedom) / Z * ends)


def of_blocks(value, k, draws):
    """A sample for `widened`: draws of k blocks scatter by (k - 1) / k less than k blocks do."""
    return value, value + math.sqrt(k / (k - 1)) * (np.array(draws) - value), k - 1


# --- rates --------------------------------------------------------------------------------------


@given(counts)
def test_the_interval_of_a_rate_is_wilsons(count):
    found = rate_interval(*count)
    assert found == pytest.approx(by_wilson(*count), abs=1e-12)
    assert found.holds(count[0] / count[1]) or count[0] in (0, count[1])


@pytest.mark.parametrize(
    "finished, races, low, high",
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe (1998), Table I, method 3: the first three
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (10, 10, 0.7225, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_printed_intervals_of_rates(finished, races, low, high):
    assert rate_interval(finished, races) == pytest.approx((low, high), abs=5.1e-5)


@pytest.mark.parametrize(
    "one, other, low, high",
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_printed_differences_of_rates(one, other, low, high):
    """Newcombe (1998), Table II, method 10."""
    assert rate_difference(one, other) == pytest.approx((low, high), abs=5.1e-5)
    assert rate_difference(other, one) == pytest.approx((-high, -low), abs=5.1e-5)


@given(counts, counts)
def test_a_difference_of_rates_is_newcombes(one, other):
    (low, high), (c, d) = by_wilson(*one), by_wilson(*other)
    p, q = one[0] / one[1], other[0] / other[1]
    expected = (
        p - q - math.sqrt((p - low) ** 2 + (d - q) ** 2),
        p - q + math.sqrt((high - p) ** 2 + (q - c) ** 2),
    )
    assert rate_difference(one, other) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("pair", [((0, 0), (3, 4)), ((3, 4), (0, 0)), ((0, 0), (0, 0))])
def test_of_no_races_nothing_is_known(pair):
    assert rate_difference(*pair) == (-1, 1)


def test_an_interval_holds_its_ends():
    some = Interval(-1.0, 2.0)
    assert [some.holds(x) for x in (-1.1, -1, 0, 2, 2.1, math.nan)] == [
        False, True, True, True, False, False
    ]  # fmt: skip


# --- times of races -----------------------------------------------------------------------------


@given(st.integers(1, 5000))
def test_blocks_follow_one_another_and_are_nearly_equal(length):
    times = Times(np.zeros(length))
    sizes = [len(list(some)) for _, some in itertools.groupby(times.block)]
    assert times.block.tolist() == [i for i, size in enumerate(sizes) for _ in range(size)]
    assert len(sizes) == times.n_blocks == max(min(length, 2), round(math.sqrt(length)))
    assert sum(sizes) == length and max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("length, blocks", [(1, 1), (2, 2), (3, 2), (9, 3), (30, 5), (1000, 32)])
def test_how_many_blocks(length, blocks):
    assert Times(np.arange(length)).n_blocks == blocks


def test_no_times():
    with pytest.raises(ValueError, match="no times"):
        Times([])


@st.composite
def drawn_again(draw, most, n):
    """Times, blocks of them that were drawn, the times drawn, and a number of races."""
    times = Times(draw(st.lists(quarters, min_size=1, max_size=most)))
    numbers = st.integers(0, times.n_blocks - 1)
    blocks = np.array(draw(st.lists(numbers, min_size=times.n_blocks, max_size=times.n_blocks)))
    races = np.concatenate([times.times[times.block == block] for block in blocks])
    return times, blocks, races, draw(n)


@given(drawn_again(60, st.just(1)))
def test_the_mean_of_other_draws(some):
    times, blocks, races, _ = some
    assert times.mean() == pytest.approx(fmean(times.times), rel=1e-12)
    assert times.mean(blocks) == pytest.approx(fmean(races), rel=1e-12)


def test_a_whole_array_of_draws_at_once():
    """(2, 3, blocks) of draws: each for itself."""
    rng = np.random.default_rng(0)
    times = Times(rng.normal(30, 3, 20))
    drawn = rng.integers(times.n_blocks, size=(2, 3, times.n_blocks))
    for statistic in (Times.mean, lambda some, drawn: some.best_of(5, drawn)):
        values = statistic(times, drawn)
        assert values.shape == (2, 3)
        for place in np.ndindex(2, 3):
            assert values[place] == pytest.approx(float(statistic(times, drawn[place])))


@settings(max_examples=60, deadline=None)
@given(drawn_again(6, st.integers(1, 4)))
def test_the_best_of_a_few_is_the_mean_over_all_that_can_be_drawn(some):
    """Every way of drawing n races, counted one by one; of all races, and of blocks drawn."""
    times, blocks, races, n = some
    for sample, found in ((times.times, times.best_of(n)), (races, times.best_of(n, blocks))):
        every = [min(draw) for draw in itertools.product(sample.tolist(), repeat=n)]
        assert found == pytest.approx(fmean(every), rel=1e-12)


def best_of_many(sample, n):
    """E min = Σ x · (P(all n ≥ x) - P(all n > x)), in fractions."""
    total = Fraction(0)
    for x in sorted(set(sample)):
        at_least = Fraction(sum(y >= x for y in sample), len(sample)) ** n
        above = Fraction(sum(y > x for y in sample), len(sample)) ** n
        total += Fraction(x) * (at_least - above)
    return float(total)


@settings(max_examples=50, deadline=None)
@given(st.lists(quarters, min_size=1, max_size=80), st.integers(5, 500))
def test_the_best_of_many(sample, n):
    spread = max(sample) - min(sample)
    found = Times(sample).best_of(n)
    assert found == pytest.approx(best_of_many(sample, n), rel=1e-9, abs=1e-6 * spread + 1e-9)


def test_the_best_of_many_times_that_are_all_alike():
    """What is left out of account, below exp(-16), is taken for as fast as the rest."""
    sample = [30 + k / 10_000 for k in range(200)]
    for n in (40, 100, 300):
        assert Times(sample).best_of(n) == pytest.approx(best_of_many(sample, n), abs=1e-8)


@settings(max_examples=50, deadline=None)
@given(drawn_again(80, st.integers(5, 16)))
def test_the_best_of_many_of_other_draws(some):
    times, blocks, races, n = some
    found = times.best_of(n, blocks)
    close = 1e-6 * np.ptp(races) + 1e-9  # what is left out has a chance below exp(-16)
    assert found == pytest.approx(best_of_many(races.tolist(), n), rel=1e-9, abs=close)


def test_the_best_of_many_where_the_best_were_not_drawn():
    """An agent got better: without its last blocks, there is no time below 30 s."""
    times = Times(np.concatenate([np.linspace(31, 30, 400), np.linspace(25, 24, 100)]))
    slow = np.unique(times.block[times.times >= 30])[:-1]
    drawn = np.resize(slow, times.n_blocks)
    races = np.concatenate([times.times[times.block == block] for block in drawn])
    assert races.min() >= 30
    found = times.best_of(200, drawn)
    assert found == pytest.approx(best_of_many(races.tolist(), 200), abs=1e-5)


def test_the_best_of_n_is_what_repeated_races_bring():
    """20,000 times n races, drawn with replacement; also of resampled blocks."""
    rng = np.random.default_rng(1)
    times = Times(30 + np.cumsum(rng.normal(0, 0.3, 120)))
    blocks = rng.integers(times.n_blocks, size=times.n_blocks)
    races = np.concatenate([times.times[times.block == block] for block in blocks])
    for n in (3, 10, 40):
        for sample, drawn in ((times.times, None), (races, blocks)):
            best = rng.choice(sample, (20_000, n)).min(axis=1)
            error = best.std() / math.sqrt(len(best))
            assert times.best_of(n, drawn) == pytest.approx(best.mean(), abs=5 * error)


@given(st.lists(quarters, min_size=1, max_size=40))
def test_the_best_of_more_races_is_no_worse(sample):
    times = Times(sample)
    best = [float(times.best_of(n)) for n in (1, 2, 5, 20, 100, 10_000)]
    assert best[0] == pytest.approx(fmean(sample))
    assert all(more <= fewer + 1e-4 for fewer, more in itertools.pairwise(best))
    assert best[-1] == pytest.approx(min(sample), abs=1e-4)


# --- intervals of races -------------------------------------------------------------------------

STATISTICS = {"mean": Times.mean, "best of 5": lambda some, drawn: some.best_of(5, drawn)}


@pytest.fixture(params=STATISTICS)
def statistic(request):
    return STATISTICS[request.param]


def correlated(rng, length, share=0.8):
    """Times around 30 s of which each is like the one before: an autoregressive process."""
    noise = rng.normal(0, math.sqrt(1 - share**2), length)
    times = [rng.normal()]
    for some in noise:
        times.append(share * times[-1] + some)
    return 30 + np.array(times[1:])


def test_the_same_seed_gives_the_same_interval(statistic):
    some = Times(correlated(np.random.default_rng(2), 80))
    other = Times(correlated(np.random.default_rng(3), 50))
    found = {seed: interval(some, statistic, seed) for seed in (0, 1)}
    assert found[0] == interval(some, statistic) == interval(some, statistic, 0) != found[1]
    found = {seed: difference(some, other, statistic, seed) for seed in (0, 1)}
    assert found[0] == difference(some, other, statistic) != found[1]


def test_identical_times_have_no_scatter(statistic):
    same, others = Times([24.5] * 40), Times([26.0] * 7)
    assert interval(same, statistic) == pytest.approx((24.5, 24.5), abs=1e-12)
    assert difference(same, others, statistic) == pytest.approx((-1.5, -1.5), abs=1e-12)


def test_one_time(statistic):
    assert interval(Times([24.5]), statistic) == (24.5, 24.5)
    assert difference(Times([24.5]), Times([24.0]), statistic) == (0.5, 0.5)
    two = Times([24.0, 25.0])  # one block each, which tell next to nothing
    value = 24.5 - float(statistic(two, None))
    found = difference(Times([24.5]), two, statistic)
    assert found.low < value < found.high and found.high - found.low > 5


def test_two_times():
    """Means of draws lie half a second apart at most: times √2, times Student's over 1.96."""
    half = 0.5 * math.sqrt(2) * PRINTED_T[1] / Z
    assert interval(Times([24.0, 25.0]), Times.mean) == pytest.approx((24.5 - half, 24.5 + half))


def test_the_width_of_an_interval_of_the_mean():
    """Of blocks of one length: that of Student's interval of the mean of the blocks' means."""
    times = correlated(np.random.default_rng(4), 1024)
    deviation = times.reshape(32, 32).mean(axis=1).std(ddof=1) / math.sqrt(32)
    found = interval(Times(times), Times.mean)
    assert found.high - found.low == pytest.approx(2 * student(31) * deviation, rel=0.08)
    assert (found.high + found.low) / 2 == pytest.approx(times.mean(), abs=0.15 * deviation)


def test_intervals_are_those_of_blocks_drawn_here(statistic):
    """Against blocks drawn by another generator, joined, and counted race by race."""
    rng = np.random.default_rng(5)
    both = [correlated(rng, 60), correlated(rng, 35) + 0.4]

    def value(races):
        if statistic is Times.mean:
            return races.mean()
        races, n = np.sort(races)[::-1], len(races)  # the best of 5 by the order of all races
        return races @ np.diff((np.arange(1, n + 1) / n) ** 5, prepend=0)

    samples = []
    for times in both:
        blocks = np.array_split(times, round(math.sqrt(len(times))))
        k = len(blocks)
        drawn = [
            value(np.concatenate([blocks[i] for i in rng.integers(k, size=k)])) for _ in range(2000)
        ]
        samples.append(of_blocks(value(times), k, drawn))
    some, other = map(Times, both)
    for found, expected in (
        (interval(some, statistic), widened(samples[0])),
        (interval(other, statistic), widened(samples[1])),
        (difference(some, other, statistic), widened(*samples)),
    ):
        assert found == pytest.approx(expected, abs=0.08 * np.diff(expected)[0])


def test_times_that_are_alike_make_wider_intervals():
    rng = np.random.default_rng(6)
    times = correlated(rng, 400)
    found, shuffled = (
        interval(Times(some), Times.mean) for some in (times, rng.permutation(times))
    )
    assert found.high - found.low > 1.4 * (shuffled.high - shuffled.low)


# --- seeds of an arm ----------------------------------------------------------------------------


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


def test_seeds_are_drawn_for_each_task_on_its_own():
    """Tasks are never mixed: what differs only between tasks has no scatter."""
    assert iqm_interval(np.array([[0.0, 10.0]] * 4)) == (5, 5)
    assert iqm_difference(np.array([[0.0, 10.0]] * 4), np.array([[1.0, 2.0]] * 3)) == (3.5, 3.5)
    # and a seed is not drawn for both tasks at once, or these would cancel out
    scores = np.arange(9.0) - 4
    found = iqm_interval(np.stack([scores, -scores], axis=1))
    assert found.low < -0.3 and found.high > 0.3


def drawn_iqms(rng, scores, draws):
    """Inter-quartile means of seeds drawn again, each task on its own."""
    scores = scores if scores.ndim == 2 else scores[:, None]
    values = []
    for _ in range(draws):
        some = np.concatenate([rng.choice(task, len(task)) for task in scores.T])
        out = len(some) // 4
        values.append(np.sort(some)[out : len(some) - out].mean())
    return np.array(values)


@pytest.mark.parametrize("shape", [(9,), (7, 3)], ids=str)
def test_intervals_of_seeds_are_those_of_seeds_drawn_here(shape):
    rng = np.random.default_rng(7)
    one, other = rng.normal(1, 1, shape), rng.normal(0, 2, (6, *shape[1:]))
    a, b = (
        (iqm(scores), drawn_iqms(rng, scores, 3000), scores.size - scores.size // len(scores))
        for scores in (one, other)
    )
    for found, expected in (
        (iqm_interval(one), widened(a)), (iqm_interval(other), widened(b)),
        (iqm_difference(one, other), widened(a, b)),
    ):  # fmt: skip
        assert found == pytest.approx(expected, abs=0.07 * np.diff(expected)[0])


def test_seeds_give_the_same_intervals_by_the_same_seed():
    rng = np.random.default_rng(8)
    one, other = rng.normal(size=9), rng.normal(size=7)
    for call in (
        lambda seed: iqm_interval(one, seed),
        lambda seed: iqm_difference(one, other, seed),
        lambda seed: probability_interval(one, other, seed),
    ):
        assert call(0) == call(0) != call(1)
    assert iqm_interval(one) == iqm_interval(one, 0)


def test_seeds_that_agree_have_no_scatter():
    assert iqm_interval(np.full(6, 2.5)) == (2.5, 2.5)
    assert iqm_difference(np.full(6, 2.5), np.full(3, 4.0)) == (-1.5, -1.5)
    assert probability_interval(np.full(6, 2.5), np.full(3, 4.0)) == (0, 0)
    assert probability_interval(np.full(6, 4.0), np.full(3, 4.0)) == (0.5, 0.5)
    assert probability_interval(np.arange(5.0) + 9, np.arange(4.0)) == (1, 1)


def test_probabilities_of_improvement_by_hand():
    # 5 beats 1, 3 and 4; 3 beats 1, ties with 3; 1 ties with 1
    one, other = np.array([5, 3, 1]), np.array([1, 3, 4])
    assert probability_of_improvement(one, other) == pytest.approx((3 + 1.5 + 0.5) / 9)
    assert probability_of_improvement(other, one) == pytest.approx(4 / 9)
    # a second task in which every seed of the other is higher
    one, other = np.stack([one, [0, 0, 0]], 1), np.stack([other, [1, 2, 3]], 1)
    assert probability_of_improvement(one, other) == pytest.approx((5 / 9 + 0) / 2)


@given(st.lists(halves, min_size=1, max_size=8), st.lists(halves, min_size=1, max_size=8))
def test_a_probability_of_improvement_counts_pairs(one, other):
    won = sum((x > y) + (x == y) / 2 for x in one for y in other)
    found = probability_of_improvement(np.array(one), np.array(other))
    assert found == pytest.approx(won / (len(one) * len(other)), abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.data(), st.integers(1, 3))
def test_a_probability_of_improvement_is_that_of_the_mean_task(data, tasks):
    one, other = (
        np.array(data.draw(st.lists(st.lists(halves, min_size=tasks, max_size=tasks),
                                    min_size=1, max_size=5)))
        for _ in range(2)
    )  # fmt: skip
    shares = [
        fmean((x > y) + (x == y) / 2 for x in one[:, task] for y in other[:, task])
        for task in range(tasks)
    ]
    assert probability_of_improvement(one, other) == pytest.approx(fmean(shares), abs=1e-12)


def test_the_interval_of_a_probability_is_that_of_seeds_drawn_here():
    rng = np.random.default_rng(9)
    one, other = rng.integers(0, 6, (8, 2)) + 1.0, rng.integers(0, 6, (10, 2)) + 0.0
    drawn = []
    for _ in range(3000):
        shares = []
        for x, y in zip(one.T, other.T):
            x, y = rng.choice(x, len(x)), rng.choice(y, len(y))
            shares.append(np.mean((x[:, None] > y) + (x[:, None] == y) / 2))
        drawn.append(np.mean(shares))
    value = probability_of_improvement(one, other)
    expected = np.clip(widened((value, np.array(drawn), 2 * (7 + 9))), 0, 1)
    found = probability_interval(one, other)
    assert found == pytest.approx(tuple(expected), abs=0.07 * np.diff(expected)[0])
    assert found.holds(value)


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


# --- Kaplan and Meier ---------------------------------------------------------------------------

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


# --- do they cover? -----------------------------------------------------------------------------


def covered(make, truth, repetitions=200):
    rng = np.random.default_rng(10)
    return fmean(make(rng).holds(truth) for _ in range(repetitions))


@pytest.mark.parametrize(
    "make, truth",
    [
        (lambda rng: rate_interval(rng.binomial(60, 0.7), 60), 0.7),
        (lambda rng: interval(Times(rng.normal(30, 2, 100)), Times.mean), 30),
        (lambda rng: iqm_interval(rng.normal(5, 1, 20)), 5),
    ],
    ids=["rate", "mean", "iqm"],
)
def test_intervals_cover_roughly(make, truth):
    """95 % are meant. 200 repetitions tell 87 from 99; `benchmarks/coverage.py` tells more."""
    assert 0.87 <= covered(make, truth) <= 0.99
