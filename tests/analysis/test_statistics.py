"""Rates and times of races against formulas, published tables, counting, and draws made here."""

import itertools
import math
from fractions import Fraction
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.analysis.statistics import ConfidenceInterval, holm
from tmnet.analysis.statistics.draws import Times, difference, interval, rate_difference
from tmnet.analysis.statistics.seeds import iqm_interval, rate_interval

from .formulas import PRINTED_T, Z, by_wilson, of_blocks, student, widened

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
quarters = st.integers(80, 1199).map(lambda x: x / 4)  # times of races, s


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
    some = ConfidenceInterval(-1.0, 2.0)
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


@settings(max_examples=60)
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


@settings(max_examples=50)
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


@settings(max_examples=50)
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


# --- several questions at once ------------------------------------------------------------------


@pytest.mark.parametrize(
    "p, adjusted",
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04], [0.02, 0.04]),
        ([0.04, 0.01], [0.04, 0.02]),
        ([0.03, 0.03], [0.06, 0.06]),  # the second is no surer than the first
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # as R's p.adjust has it
        ([0.9, 0.8], [1, 1]),
    ],
)
def test_holms_p_by_hand(p, adjusted):
    assert holm(p) == pytest.approx(adjusted)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_step_by_step(p):
    """The smallest is held against 5 % over all, the next against 5 % over the rest, and so on."""
    rejected, left = set(), sorted(range(len(p)), key=p.__getitem__)
    while left and p[left[0]] * len(left) <= 0.05:
        rejected.add(left.pop(0))
    assert {i for i, value in enumerate(holm(p)) if value <= 0.05} == rejected
