"""The late window, what is of it, and how sure that is: by loops over single races."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import tmnet
from tmnet.analysis.metrics import Races, variance_without_one
from tmnet.analysis.statistics.races import estimates

from ..synthetic import CUTOFF, load, race, write_file

races_of_a_run = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from([20.0, 21.5, 24.0, 30.25]), st.booleans()),
    min_size=1,
    max_size=90,
)


def write(logdir, name, races, end=60.0):
    """A run of eval races, each (tenths of minutes since the one before, time, finished)."""
    passed, records = 0, [(60 * k, 1000 * k, {"loss": 1.0}) for k in range(1, round(end) + 1)]
    for tenths, time_s, finished in races:
        passed += tenths
        at = passed / 10
        if at > end:
            break
        values = race(time_s if finished else CUTOFF, finished)
        records.append((60 * at, round(1000 * at), values))
    write_file(logdir / name, sorted(records, key=lambda record: record[0]))
    return load(logdir, name)


def plain(run):
    """Its races: (minute, time, finished)."""
    rows = run.races[["minutes", "time_s", "finished"]]
    return [(round(at, 9), time_s, finished) for at, time_s, finished in rows.to_numpy()]


def late_window(runs, end, begin=0.0):
    needed = [(end - begin) / 10]
    for run in runs:
        at = [minute for minute, *_ in plain(run) if minute <= end]
        if len(at) > 50:
            needed.append(end - at[-51])
        elif at:
            needed.append(math.inf)
    return min(max(needed), (end - begin) / 2)


def best_of_10(times):
    """The mean of the best of all draws: of how many of them a race is the best."""
    n = len(times)
    if n < 10:
        return math.nan
    return sum(
        time * math.comb(n - i, 9) / math.comb(n, 10) for i, time in enumerate(sorted(times), 1)
    )


def value(statistic, races):
    times = [time_s for _, time_s, finished in races if finished]
    everyone = [time_s for _, time_s, _ in races]
    if statistic == "best_of_10":
        return best_of_10(times)
    if statistic == "rate":
        return len(times) / len(races) if races else math.nan
    if statistic == "mean_all":
        return np.mean(everyone) if races else math.nan
    if statistic == "mean":
        return np.mean(times) if times else math.nan
    return np.std(times) if times else math.nan


@given(st.lists(races_of_a_run, min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_late_metrics_are_those_of_the_races_in_the_late_window(tmp_path_factory, drawn):
    logdir = tmp_path_factory.mktemp("logs")
    runs = [write(logdir, f"run{i}", races) for i, races in enumerate(drawn)]
    statistics = ("rate", "mean", "std", "mean_all", "best_of_10")
    names = [f"A01/eval/late_{statistic}" for statistic in statistics]
    comparison = tmnet.compare(runs, metrics=names)
    assert comparison.late == pytest.approx(late_window(runs, 60.0), abs=1e-8)
    for at, run in itertools.product((30.0, 60.0), runs):
        since = round(at - comparison.late, 9)
        there = [x for x in plain(run) if since < x[0] <= at]
        for statistic, name in zip(statistics, names):
            found = comparison.at(at).loc[name, run.name]
            assert found == pytest.approx(value(statistic, there), nan_ok=True, abs=1e-6)


def test_late_is_what_trailing_can_be(tmp_path):
    run = write(tmp_path, "run", [(5, 20.0 + k % 7, k % 3 > 0) for k in range(120)])
    names = ["A01/eval/late_rate", "A01/eval/late_mean_all", "A01/eval/late_best_of_10"]
    late = tmnet.compare([run], metrics=names)
    assert late.late == 25.0  # of fifty races, one every half minute
    plain = ["A01/eval/finish_rate", "A01/eval/mean_all", "A01/eval/best_of_10"]
    trailing = tmnet.compare([run], metrics=plain, trailing="late")
    np.testing.assert_array_equal(late.values, trailing.values)
    number = tmnet.compare([run], metrics=plain, trailing=25.0)
    np.testing.assert_array_equal(late.values, number.values)
    assert trailing.again(by="step").trailing == "late"
    assert trailing.again(by="step").late == 25_000.0


def test_runs_that_end_early_do_not_make_the_late_window(tmp_path):
    often = write(tmp_path, "often", [(1, 20.0, True)] * 600)
    rarely = write(tmp_path, "rarely", [(20, 20.0, True)] * 5, end=30.0)
    both = tmnet.compare([often, rarely], window=(0, 60))
    assert both.late == 6.0
    assert tmnet.compare([often, rarely]).late == 15.0  # half of what both have


def test_without_eval_races_those_of_exploring_make_it_and_without_any_a_tenth(tmp_path):
    records = [(60 * k, 1000 * k, race(20.0, kind="explo")) for k in range(1, 201)]
    write_file(tmp_path / "explo", records)
    assert tmnet.compare([load(tmp_path, "explo")]).late == 50.0
    write_file(tmp_path / "none", [(60 * k, 1000 * k, {"loss": k}) for k in range(1, 201)])
    assert tmnet.compare([load(tmp_path, "none")]).late == 20.0


@given(races_of_a_run)
@settings(max_examples=25, deadline=None)
def test_anytime_scores_are_means_of_trailing_values(tmp_path_factory, races):
    run = write(tmp_path_factory.mktemp("logs"), "run", races)
    names = ["A01/eval/anytime_rate", "A01/eval/anytime_mean_all"]
    comparison = tmnet.compare([run], metrics=names)
    there, width = plain(run), comparison.late
    changes = sorted({0.0, 60.0, *(x for at, *_ in there for x in (at, at + width) if x < 60)})
    total, rate, time_s = np.zeros(2), 0.0, there[0][1]
    for since, until in itertools.pairwise(changes):
        middle = (since + until) / 2
        if counting := [x for x in there if middle - width < x[0] <= middle]:
            rate, time_s = value("rate", counting), value("mean_all", counting)
        total += np.multiply([rate, time_s], until - since)
    found = comparison.at(60).loc[names, "run"]
    np.testing.assert_allclose(found, total / 60, rtol=1e-6)


# --- how sure -------------------------------------------------------------------------------------


def by_blocks(values, least=0.0):
    """Mean, variance and degrees of freedom, by the blocks' successive differences."""
    n = len(values)
    b = max(4, round(n**0.4))
    blocks = [np.mean(values[n * j // b : n * (j + 1) // b]) for j in range(b)]
    variance = sum((y - x) ** 2 for x, y in itertools.pairwise(blocks)) / (2 * b * (b - 1))
    return np.mean(values), max(variance, least), 2 * (b - 1) / 3


def around(mean, variance, freedom):
    return stats.t.interval(0.95, freedom, mean, math.sqrt(variance))


@given(st.lists(st.tuples(st.floats(20, 40, width=32), st.booleans()), min_size=10, max_size=120))
@settings(max_examples=25, deadline=None)
def test_bands_follow_from_how_blocks_differ_from_the_next(tmp_path_factory, drawn):
    tenths = [(3, time_s, finished) for time_s, finished in drawn]
    run = write(tmp_path_factory.mktemp("logs"), "run", tenths)
    names = ["A01/eval/late_rate", "A01/eval/late_mean", "A01/eval/late_mean_all"]
    comparison = tmnet.compare([run], metrics=names)
    late = [x for x in plain(run) if 60 - comparison.late < x[0] <= 60]
    finished = np.array([x[2] for x in late], float)
    p = (finished.sum() + 2) / (len(late) + 4)
    kinds = {
        "late_rate": (finished, p * (1 - p) / (len(late) + 4)),
        "late_mean": (np.array([x[1] for x in late if x[2]]), None),
        "late_mean_all": (np.array([x[1] for x in late]), None),
    }
    for statistic, (values, least) in kinds.items():
        found = comparison.bands(f"A01/eval/{statistic}")[0, -1]
        if len(values) < 10:
            assert np.isnan(found).all()
            continue
        least = values.var(ddof=1) / len(values) if least is None else least
        if statistic == "late_mean_all":  # no surer than the rate, times what failing costs
            parts = [[x[1] for x in plain(run) if x[2] == done] for done in (True, False)]
            cost = np.mean(parts[0]) - np.mean(parts[1]) if all(parts) else 0.0
            least = max(least, cost**2 * by_blocks(*kinds["late_rate"])[1])
        low, high = around(*by_blocks(values, least))
        if statistic == "late_rate":
            low, high = max(low, 0.0), min(high, 1.0)
        np.testing.assert_allclose(found, (low, high), rtol=1e-6, atol=1e-6)


def test_ten_races_that_all_finish_do_not_make_a_mean_sure(tmp_path):
    """One of ten fails in truth: few races show none that does, and many some. Without the rate's
    uncertainty three in ten of such pairs of means differ by p < 5 %."""
    rng, told = np.random.default_rng(0), 0
    for _ in range(100):
        means = []
        for n in (10, 200):
            finished = np.append(rng.random(40) < 0.5, rng.random(n) < 0.9)
            times = np.where(finished, 24 + rng.exponential(0.5, n + 40), 300.0)
            races = Races(np.arange(n + 40.0), times, finished)
            means.append(estimates("mean_all", races, np.array([40]), np.array([n + 40])))
        told += means[0].above(means[1])[0].p < 0.05
    assert told <= 2


def test_the_band_of_the_best_of_ten_is_of_blocks_of_ten(tmp_path):
    """Which here differ by more than the jackknife says that independent races do."""
    rng = np.random.default_rng(0)
    times = np.round(24 + rng.exponential(0.5, 45) + np.repeat([0, 0.6, 0, 0.6, 0], 9), 3)
    run = write(tmp_path, "run", [(6, time_s, True) for time_s in times], end=27.0)
    comparison = tmnet.compare([run], metrics=["A01/eval/best_of_10"], trailing=28, interval=27)
    shown = np.float32(times).astype(float)
    bests = [best_of_10(shown[45 * j // 4 : 45 * (j + 1) // 4]) for j in range(4)]
    variance = sum((y - x) ** 2 for x, y in itertools.pairwise(bests)) / (2 * 4 * 3)
    assert variance > jackknife(shown) / 2
    low, high = around(best_of_10(shown), variance, 2.0)
    np.testing.assert_allclose(comparison.bands("A01/eval/best_of_10")[0, -1], (low, high))
    nothing = comparison.again(trailing=None)
    assert np.isnan(nothing.bands("A01/eval/best_of_10")).all()  # records since the start


def jackknife(times):
    """Variance of the best of ten of independent races: of what it is without each of them."""
    without = [best_of_10([*times[:i], *times[i + 1 :]]) for i in range(len(times))]
    return (len(times) - 1) / len(times) * sum((x - np.mean(without)) ** 2 for x in without)


@given(st.lists(st.floats(20, 300), min_size=11, max_size=60))
@settings(max_examples=30, deadline=None)
def test_the_variance_of_the_best_of_ten_without_one_race(times):
    without = [best_of_10([*times[:i], *times[i + 1 :]]) for i in range(len(times))]
    found = variance_without_one(np.sort(times), 10)
    np.testing.assert_allclose(found, np.var(without), rtol=1e-6, atol=1e-9)


def test_the_best_of_ten_is_no_surer_than_that_of_independent_races():
    """Three blocks may be alike by chance; of fewer than thirty races nothing follows."""
    times = 24 + np.random.default_rng(0).exponential(0.5, 10)
    alike = np.tile(times, 3)
    races = Races(np.arange(30.0), alike, np.ones(30, bool))
    found = estimates("best_of_10", races, np.array([0, 0]), np.array([30, 29]))
    assert found.variance[0] == pytest.approx(jackknife(alike) / 2) and np.isnan(found.variance[1])
    assert found.too_few.tolist() == [False, True]


def test_the_best_of_ten_of_few_races_is_not_told_from_that_of_many():
    """Two blocks alone would tell equal ones apart in some 7 % at p < 0.025."""
    rng, told = np.random.default_rng(0), 0
    for _ in range(200):
        few, many = (
            estimates("best_of_10", Races(np.arange(n * 1.0), times, np.ones(n, bool)),
                      np.array([0]), np.array([n]))
            for n in (31, 200) for times in [24 + rng.exponential(0.5, n)]
        )  # fmt: skip
        told += few.above(many)[0].p < 0.025
    assert told <= 8  # of 11 without the jackknife


def test_of_fewer_than_ten_races_and_of_like_blocks_there_is_no_band(tmp_path):
    few = write(tmp_path, "few", [(60, 24.0, True)] * 9)
    names = ["A01/eval/late_rate", "A01/eval/late_best_of_10"]
    assert np.isnan(tmnet.compare([few], metrics=names).bands(names[0])).all()
    alike = write(tmp_path, "alike", [(6, 24.0, True)] * 100)
    comparison = tmnet.compare([alike], metrics=names)
    assert np.isnan(comparison.bands(names[1])).all()
    low, high = comparison.bands(names[0])[0, -1]
    assert 0.8 < low < 1 and high == 1  # all of fifty finished, which does not make it certain


def test_the_best_of_ten_of_other_ranges_is_found_anew():
    """Of forty ranges, which are more than are kept, each asked twice."""
    rng = np.random.default_rng(0)
    times, ends = 24 + rng.exponential(0.5, 300), np.sort(rng.integers(0, 301, (40, 2)))
    every = np.arange(300.0), times, np.ones(300, bool)
    races = Races(*every)
    for first, behind in [*ends, *ends]:
        asked = "late_best_of_10", np.array([first]), np.array([behind])
        alone = estimates(asked[0], Races(*every), *asked[1:])
        np.testing.assert_array_equal(
            estimates(asked[0], races, *asked[1:]).variance, alone.variance
        )
