"""Claims about two, and what is not resolved: against formulas, by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

import tmnet
from tmnet.analysis.findings import answer
from tmnet.errors import TmnetError

from .told import BEST, RATE, compared, drawn, of, only, run_of


def rate_of(finished):
    """A finish rate, its variance and degrees of freedom, by the formulas of one run's races."""
    n = len(finished)
    b = max(4, round(n**0.4))
    means = [np.mean(finished[n * j // b : n * (j + 1) // b]) for j in range(b)]
    scatter = sum((y - x) ** 2 for x, y in itertools.pairwise(means)) / (2 * b * (b - 1))
    middle = (sum(finished) + 2) / (n + 4)
    return np.mean(finished), max(scatter, middle * (1 - middle) / (n + 4)), 2 * (b - 1) / 3


def test_two_rates_are_compared_by_their_last_races(tmp_path):
    good, bad = drawn(0, 0.97, 300), drawn(1, 0.45, 300)
    found = compared(run_of(tmp_path, "bad", bad), run_of(tmp_path, "good", good))
    contrast = only(found, "contrast", RATE)
    (p, v, f), (q, w, g) = (rate_of([x is not None for x in times[-50:]]) for times in (good, bad))
    freedom = (v + w) ** 2 / (v**2 / f + w**2 / g)
    half = stats.t.ppf(0.975, freedom) * math.sqrt(v + w)
    assert contrast.runs == ("good", "bad") and contrast.window == 50 and contrast.moment == 300
    assert contrast.value == pytest.approx(p - q)
    assert contrast.uncertainty == pytest.approx((p - q - half, min(p - q + half, 1)))
    assert contrast.p == pytest.approx(2 * stats.t.sf((p - q) / math.sqrt(v + w), freedom))
    assert contrast.n == {"good": 50, "bad": 50}
    assert contrast.stands_out is True and contrast.reason == "better"
    low, high = (100 * x for x in contrast.uncertainty)
    assert contrast.sentence == (
        f"A01 eval late finish rate at 300 min: good is better than bad, in these runs: "
        f"{100 * p:.1f} % against {100 * q:.1f} %, +{100 * (p - q):.1f} points "
        f"(95 % CI +{low:.1f} to +{high:.1f}); last 50 min, 50 races each, "
        f"{contrast.details['p']}."
    )
    assert answer(found)[0] == contrast.sentence


def test_the_other_way_round_it_is_worse(tmp_path):
    good, bad = (
        run_of(tmp_path, name, drawn(i, rate, 300))
        for i, (name, rate) in enumerate([("good", 0.97), ("bad", 0.45)])
    )
    contrast = only(compared(good, bad), "contrast", RATE)
    assert contrast.runs == ("bad", "good") and contrast.value < 0
    assert contrast.stands_out is True and contrast.reason == "worse"
    assert "bad is worse than good, in these runs" in contrast.sentence
    comparison = tmnet.compare([good, bad])
    assert only(comparison.findings(baseline="bad"), "contrast", RATE).runs == ("good", "bad")


def test_identical_runs_get_no_claim_and_no_word_that_leans(tmp_path):
    times = drawn(0, 0.8, 300)
    found = compared(run_of(tmp_path, "one", times), run_of(tmp_path, "two", times))
    assert not any(finding.stands_out for finding in found)
    for axis, metric in itertools.product(("time", "step"), (RATE, BEST)):
        contrast = only(found, "contrast", metric, axis=axis)
        assert contrast.value == 0 and contrast.p == 1 and contrast.stands_out is False
        assert contrast.uncertainty.low == -contrast.uncertainty.high
    leaning = ("leads", "is better than", "is worse than", "overtakes", "worth it", "ahead")
    for sentence in [finding.sentence for finding in found] + answer(found):
        if not sentence.startswith("Whether "):
            assert not any(word in sentence for word in leaning), sentence


def test_of_fewer_than_ten_races_nothing_is_told(tmp_path):
    few = run_of(tmp_path, "few", [None, *[20.0] * 17], minutes=90)
    many = run_of(tmp_path, "many", drawn(0, 0.5, 90))
    found = compared(many, few)
    contrast = only(found, "contrast", RATE)
    assert contrast.n == {"few": 9, "many": 45} and contrast.p is None
    assert contrast.stands_out is False and contrast.uncertainty is None
    assert contrast.sentence.endswith("9 and 45 races, too few races to tell.")
    assert only(found, "contrast", BEST).value is None  # no ten that finish


def test_who_starts_from_a_checkpoint_or_ends_early_is_in_no_contrast(tmp_path):
    scratch = run_of(tmp_path, "scratch", drawn(0, 0.5, 200))
    config = "initial_checkpoint: other\n"
    told = run_of(tmp_path, "told", drawn(1, 0.99, 200), start=500_000, config=config)
    seen = run_of(tmp_path, "seen", drawn(2, 0.99, 200), start=500_000)
    short = run_of(tmp_path, "short", drawn(3, 0.99, 100))
    fair = run_of(tmp_path, "fair", drawn(4, 0.5, 200))
    comparison = tmnet.compare([told, seen, scratch, short, fair], window=(0, 200))
    found = comparison.findings()
    assert {x.runs for x in found if x.kind == "contrast"} == {("fair", "scratch")}
    assert {x.runs[0] for x in of(found, "late", RATE)} == set(comparison.ends)
    reasons = {x.reason: x for x in found if x.kind == "caution"}
    assert reasons["ends"].runs == ("short",)
    starts = [x.sentence for x in found if x.reason == "start"]
    assert starts == [
        "told starts from the checkpoint of other, at step 501,000: what came before is not in its "
        "minutes, and it is in no contrast.",
        "seen starts from a checkpoint, at step 501,000: what came before is not in its minutes, "
        "and it is in no contrast.",
    ]
    wanted = comparison.findings(baseline="told")  # who names it wants it
    assert {x.runs for x in wanted if x.kind == "contrast"} == {
        ("scratch", "told"),
        ("fair", "told"),
    }


def test_without_races_nothing_is_claimed_unless_it_is_declared(tmp_path):
    from ...synthetic import load, write_file

    runs = {"a": [], "b": []}
    for i in range(8):
        name = f"{'ab'[i % 2]}{i}"
        returned = 10.0 * (i % 2) + i / 8
        logged = {"rollout/ep_rew_mean": returned, "entropy": -returned}
        write_file(tmp_path / name, [(60 * k, 1000 * k, logged) for k in range(1, 61)])
        runs[name[0]].append(load(tmp_path, name))
    single = tmnet.compare([runs["a"][0], runs["b"][0]])
    nothing = ": nothing is claimed of them."
    assert answer(single.findings()) == [
        f"These runs have no races, and a single run's other scalars have no interval{nothing}"
    ]
    arms = tmnet.compare(runs)
    assert answer(arms.findings()) == [
        f"These runs have no races, and no primary metric is declared{nothing} "
        "Declare one of their scalars as primary."
    ]
    (found,) = of(arms.findings(primary=["rollout/ep_rew_mean"]), "contrast")[:1]
    means = [np.mean([10.0 * (k % 2) + k / 8 for k in range(8) if k % 2 == odd]) for odd in (0, 1)]
    assert found.stands_out and found.value == pytest.approx(means[1] - means[0])
    assert "b is better than a" in found.sentence
    with pytest.raises(TmnetError, match="entropy has no better and worse that its name tells"):
        arms.findings(primary=["entropy"])


def test_a_baseline_or_a_metric_that_is_not_there(tmp_path):
    comparison = tmnet.compare([run_of(tmp_path, "a", [20.0] * 60)])
    with pytest.raises(TmnetError, match=r"The baseline b is none of what is compared: a\."):
        comparison.findings(baseline="b")
    with pytest.raises(TmnetError, match="There is no metric A01/eval/late_rat"):
        comparison.findings(primary=["A01/eval/late_rat"])
    with pytest.raises(TmnetError, match=r"outside of the window of 0 to 60 min\."):
        comparison.findings(after=61)


def test_the_default_moment_is_within_a_window_whose_end_was_rounded(tmp_path):
    """The last and only point of the grid is rounded up."""
    runs = [run_of(tmp_path, name, drawn(i, 0.5, 60)) for i, name in enumerate("ab")]
    hi = 0.0194571456785
    comparison = tmnet.compare(runs, window=(0, hi), interval=hi)
    assert comparison.middle > hi
    assert of(comparison.findings(), "contrast")


# --- arms -----------------------------------------------------------------------------------------


def seeds(tmp_path, name, finishes):
    """Seeds of which so many of every ten races finish, evenly."""
    return [
        run_of(tmp_path, f"{name}{i}", [24.0 + (k * 7 % 10) / 20 if k % 10 < n else None
                                        for k in range(200)])
        for i, n in enumerate(finishes)
    ]  # fmt: skip


def test_two_and_two_seeds_are_told_apart_by_no_claim(tmp_path):
    arms = {"low": seeds(tmp_path, "low", [2, 3]), "high": seeds(tmp_path, "high", [8, 9])}
    found = tmnet.compare(arms).findings()
    contrast = only(found, "contrast", RATE)
    assert contrast.stands_out is False and contrast.p is None and contrast.uncertainty is None
    assert contrast.value == pytest.approx(0.6) and contrast.n == {"high": 2, "low": 2}
    assert contrast.sentence.endswith(
        "2 seeds each, fewer than 3 seeds, too few to tell; higher in 4 of 4 pairs of seeds (by "
        "chance that happens once in 3 such studies)."
    )
    assert not any(finding.stands_out for finding in found)


def test_five_and_five_seeds_are_told_apart_by_welch(tmp_path):
    low, high = [2, 3, 2, 4, 3], [8, 9, 7, 9, 8]
    arms = {"low": seeds(tmp_path, "low", low), "high": seeds(tmp_path, "high", high)}
    found = tmnet.compare(arms).findings()
    contrast = only(found, "contrast", RATE)
    test = stats.ttest_ind(np.array(high) / 10, np.array(low) / 10, equal_var=False)
    assert contrast.p == pytest.approx(test.pvalue)
    assert contrast.uncertainty == pytest.approx(tuple(test.confidence_interval(0.95)))
    assert contrast.stands_out is True and contrast.value == pytest.approx(0.54)
    middle = stats.trim_mean(np.array(high) * 10, 0.25)
    assert f"high is better than low: {middle:.1f} % (IQM)" in contrast.sentence
    assert (
        "higher in 25 of 25 pairs of seeds (by chance that happens once in 126 such studies)"
        in (contrast.sentence)
    )


def test_a_seed_that_never_finishes_ranks_worst_and_is_never_left_out(tmp_path):
    arms = {
        "all": seeds(tmp_path, "all", [8] * 6),
        "one": seeds(tmp_path, "one", [8, 8, 8, 8, 8, 0]),
    }
    found = tmnet.compare(arms).findings()
    best = only(found, "contrast", BEST)
    assert best.value is None and best.n == {"one": 6, "all": 6} and best.stands_out is False
    assert "by ranks, as not all seeds have a value" in best.sentence
    (caution,) = [x for x in found if x.reason == "values"]
    assert caution.of_runs == {"one": "1 of 6"}
    first = of(found, "first_finish", run="one")[0]
    assert first.details["seeds that get there"] == "5 of 6 seeds"


def test_arms_without_anything_to_tell_them_apart_get_no_claim(tmp_path):
    arms = {name: seeds(tmp_path, name, [5, 7, 6, 8, 5]) for name in ("a", "b")}
    found = tmnet.compare(arms).findings()
    assert not any(finding.stands_out for finding in found)
    assert only(found, "contrast", RATE).p == pytest.approx(1)


def test_beside_what_is_not_resolved_stands_what_could_have_been_seen(tmp_path):
    """And how many seeds it takes: by SciPy's noncentral t, of the pooled scatter's upper bound."""
    one, other = [5, 7, 6, 8, 5], [6, 8, 6, 9, 6]
    arms = {"one": seeds(tmp_path, "one", one), "other": seeds(tmp_path, "other", other)}
    found = tmnet.compare(arms).findings()
    contrast = only(found, "contrast", RATE)
    assert "finish rate +8.0 points between the means (95 % CI " in answer(found)[0]
    sd = math.sqrt((np.var(one, ddof=1) + np.var(other, ddof=1)) / 2) * 10

    def power(n, effect):
        away, most = effect * math.sqrt(n / 2), stats.t.ppf(0.975, 2 * n - 2)
        return stats.nct.sf(most, 2 * n - 2, away) + stats.nct.cdf(-most, 2 * n - 2, away)

    seen = next(x for x in np.arange(0, 60, 0.005) if power(5, x / sd) >= 0.8)
    likely = sd * math.sqrt(8 / stats.chi2.ppf(0.2, 8))
    needed = next(n for n in range(3, 500) if power(n, 8 / likely) >= 0.8)
    assert contrast.stands_out is False
    assert contrast.details["planning"] == (
        f"a difference of {seen:.1f} points could have been seen, and for one as large as this "
        f"{needed} seeds an arm are needed"
    )


def test_at_equal_steps_all_of_them_counts_unless_a_window_is_chosen(tmp_path):
    """The slow run has 60,000 steps after 60 min, at which the other one ends with 120,000; it goes
    on to 100,000."""
    slow = run_of(tmp_path, "slow", drawn(1, 0.8, 100))
    fast = run_of(tmp_path, "fast", drawn(2, 0.8, 60), pace=2000)
    moments = {
        window: {x.moment for x in of(compared(slow, fast, window=window), "contrast", axis="step")}
        for window in (None, (0.0, 60.0), (0.0, 50.0))
    }
    assert moments == {None: {100_000}, (0.0, 60.0): {100_000}, (0.0, 50.0): {50_000}}
