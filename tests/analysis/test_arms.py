"""Comparisons of arms, each with several seeds: what is found of them, and their tables."""

import itertools
import math
import re
from statistics import fmean

import numpy as np
import pytest

import tmnet

from .findings.told import (
    BEST,
    MEAN,
    RATE,
    cautions,
    logged,
    numbers,
    of,
    only,
    raced,
    run_of,
)
from .formulas import widened

BIG = [24.0, 24.25, 24.5, 24.75, 31.0]  # the best times of five seeds
SMALL = [25.5, 24.625, 26.0, 25.75, 27.0]


def arms_of(logdir, records, **options):
    """A comparison of arms; `records` are lists, a run each, by arm."""
    arms = {
        arm: [run_of(logdir, f"{arm}{i}", some) for i, some in enumerate(seeds)]
        for arm, seeds in records.items()
    }
    return tmnet.compare(arms, **options)


def steady(times, minutes=40):
    """Seeds that finish every race in the same time."""
    return [raced([x] * minutes) for x in times]


def middle(values):
    """Mean of what is left without a quarter, rounded down, at each end."""
    out = len(values) // 4
    return fmean(sorted(values)[out : len(values) - out])


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Five seeds each."""
    return arms_of(tmp_path_factory.mktemp("two"), {"big": steady(BIG), "small": steady(SMALL)})


@pytest.fixture(scope="module")
def found(two):
    return two.findings()


# --- who leads ----------------------------------------------------------------------------------


def test_the_leader_by_hand(found):
    """big: (24.25 + 24.5 + 24.75) / 3; small: (25.5 + 25.75 + 26) / 3."""
    some = only(found, "leader", BEST)
    assert some.runs == ("big", "small") and some.moment == 40
    assert some.value == pytest.approx(25.75 - 24.5)
    assert "big 24.50 s" in some.sentence and "small 25.75 s" in some.sentence
    # of 25 pairs big wins 4 x 5, but 24.75 is not below 24.625; 31 is below none
    won = sum(x < y for x in BIG for y in SMALL)
    assert won == 19 and "a probability of 76%" in some.sentence


def test_every_number_of_the_leader(found):
    some = only(found, "leader", BEST)
    low, high = some.uncertainty
    told = [x for x in numbers(some.sentence)[1:] if x != 95]
    (first, a, b, second, c, d), rest = told[:6], told[6:]
    assert (first, second) == (24.5, 25.75)
    assert a < first < b and c < second < d
    assert rest[:3] == [pytest.approx(x, abs=0.00501) for x in (some.value, low, high)]
    probability, least, most = rest[3:]
    assert probability == 76 and 0 <= least <= probability <= most <= 100
    assert low < some.value < high


def test_the_noise_is_that_of_seeds_drawn_again(tmp_path):
    rng = np.random.default_rng(0)
    scores = {"a": rng.integers(200, 240, 8) / 8, "b": rng.integers(210, 260, 7) / 8}
    comparison = arms_of(tmp_path, {arm: steady(x, 10) for arm, x in scores.items()})
    some = only(comparison.findings(), "leader", BEST)
    a, b = (
        (middle(x), np.array([middle(rng.choice(x, len(x))) for _ in range(3000)]), len(x) - 1)
        for x in scores.values()
    )
    low, high = widened(b, a)
    assert some.runs == ("a", "b")
    assert some.uncertainty == pytest.approx((low, high), abs=0.07 * (high - low))


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_a_lead_beyond_the_noise_and_its_sign(tmp_path, better):
    """Clearly apart: the lead and its interval are above 0, whichever direction is better."""
    if better == "lower":
        name, one, other = BEST, steady([24, 24.25, 24.5, 24.75]), steady([30, 30.5, 31, 31.5])
    else:
        name = RATE
        one, other = (
            [raced([None] * some + [25.0] * (20 - some)) for some in failed]
            for failed in ([1, 2, 3, 4], [11, 12, 14, 15])
        )
    comparison = arms_of(tmp_path, {"other": other, "one": one})
    some = only(comparison.findings(), "leader", name)
    assert some.runs == ("one", "other") and some.stands_out
    assert 0 < some.uncertainty.low < some.value < some.uncertainty.high
    assert "beyond the noise" in some.sentence and "a probability of 100%" in some.sentence
    assert some.value == pytest.approx(6.375 if better == "lower" else (13 - 2.5) / 20)


def test_a_lead_within_the_noise(tmp_path):
    """Three of six pairs of seeds are won, one is a tie."""
    comparison = arms_of(tmp_path, {"a": steady([24, 26]), "b": steady([23.875, 26, 27])})
    some = only(comparison.findings(), "leader", BEST)
    assert some.runs == ("a", "b") and some.value == pytest.approx(76.875 / 3 - 25)
    assert not some.stands_out and "within the noise" in some.sentence
    assert f"a probability of {(2 + 1 + 0.5) / 6:.0%}" in some.sentence


def test_arms_that_are_alike_have_no_leader(tmp_path):
    found = arms_of(tmp_path, {"a": steady([24, 25, 26]), "b": steady([26, 24, 25])}).findings()
    assert not of(found, "leader") and not of(found, "crossover")
    assert not [x for x in found if re.search(r"\b(leads?|ahead|better)\b", x.sentence)]


def test_three_arms(tmp_path):
    """The lead is that over the second."""
    records = {"a": steady([30, 30, 30]), "b": steady([24, 24.5, 25]), "c": steady([27, 27, 27])}
    some = only(arms_of(tmp_path, records).findings(), "leader", BEST)
    assert some.runs == ("b", "c", "a") and some.value == 2.5


def test_an_arm_of_which_a_seed_has_ended_is_not_ranked(tmp_path):
    """At the end of the window; its last value is of another moment."""
    records = {
        "a": [raced([24.0] * 60), raced([24.0] * 30)], "b": steady([26.0, 27.0], 60),
        "c": steady([28.0, 28.5], 60),
    }  # fmt: skip
    some = only(arms_of(tmp_path, records, window=(0, 60)).findings(), "leader", BEST)
    assert some.runs == ("b", "c") and some.value == 1.75


def test_losses_of_different_quantiles_are_not_compared(tmp_path):
    arms = {}
    for arm, n in (("a", 8), ("b", 16)):
        config = f"neural_network: {{iqn_n: {n}}}"
        arms[arm] = [run_of(tmp_path, f"{arm}{i}", logged([n + i] * 20), config) for i in range(5)]
    found = tmnet.compare(arms).findings()
    assert not of(found, "leader", "loss") and cautions(found, "per quantile")


def test_one_seed_each_shows_no_lead_beyond_the_noise(tmp_path):
    found = arms_of(tmp_path, {"a": steady([24]), "b": steady([25])}).findings()
    some = only(found, "leader", BEST)
    assert not some.stands_out and "beyond the noise" not in some.sentence


def test_the_same_seed_says_the_same(two, found):
    assert two.findings(seed=0) == found
    other = only(two.findings(seed=1), "leader", BEST)
    mine = only(found, "leader", BEST)
    assert other.value == mine.value and other.uncertainty != mine.uncertainty


# --- reaching a level, with seeds that never do -------------------------------------------------


def median(at, ends):
    """When half had got there, by hand: of those still under way at each moment."""
    share = 1.0
    for t in sorted(x for x in set(at) if x is not None):
        left = sum((end if x is None else x) >= t for x, end in zip(at, ends))
        share *= 1 - at.count(t) / left
        if share <= 0.5 + 1e-12:
            return t
    return None


def reaching(at, minutes):
    """Seeds that drive 30 s, and 25 s from a minute on, or never."""
    return [
        raced([25.0 if x and k >= x else 30.0 for k in range(1, end + 1)])
        for x, end in zip(at, minutes)
    ]


@pytest.mark.parametrize(
    "at, minutes",
    [
        ([5, 10, None, None, 20], [30] * 5),  # 4/5, 3/5, 2/5 of them left: 20
        ([5, 10, None, None], [30] * 4),  # exactly half: 10
        ([5, None, None, None], [30] * 4),
        ([None, None, None], [30] * 3),
        ([5, 6, 7], [30] * 3),
        ([10, 10, None, 20], [30, 30, 15, 30]),  # one was not watched until the end
        ([20, None, None, None, 25], [30, 12, 12, 12, 30]),  # ends early: 1/2 left at 20
    ],
    ids=str,
)
def test_when_half_of_the_seeds_got_there(tmp_path, at, minutes):
    """Kaplan and Meier: seeds that never got there count as long as they were watched."""
    comparison = arms_of(tmp_path, {"arm": reaching(at, minutes)}, interval=1, window=(0, 30))
    some = only(comparison.findings(thresholds={BEST: 25.5}), "threshold", BEST)
    expected = median(at, minutes)
    assert (some.runs, some.value, some.moment) == (("arm",), expected, expected)
    reached = sum(x is not None for x in at)
    assert f"{reached} of {len(at)} seeds of arm get there" in some.sentence
    told = [25.5, reached, len(at), *([] if expected is None else [expected])]
    assert numbers(some.sentence) == told


def test_first_finishes_of_the_seeds(tmp_path):
    first = {"a": [4, 8, None], "b": [12, 13, 14]}
    records = {
        arm: [raced([25.0 if x and k >= x else None for k in range(1, 31)]) for x in some]
        for arm, some in first.items()
    }
    found = arms_of(tmp_path, records).findings()
    by_arm = {some.runs[0]: some for some in of(found, "first_finish")}
    assert {arm: some.value for arm, some in by_arm.items()} == {"a": 8, "b": 13}
    assert "2 of 3 seeds of a get there" in by_arm["a"].sentence
    assert "3 of 3 seeds of b get there" in by_arm["b"].sentence


def test_a_seed_that_never_finishes_has_no_best_time(tmp_path):
    """So its arm has no inter-quartile mean of them; of all times it has, without a quarter."""
    records = {"a": [*steady([24, 24, 24]), raced([None] * 40)], "b": steady([26, 26, 26, 26])}
    comparison = arms_of(tmp_path, records)
    found = comparison.findings()
    assert not of(found, "leader", BEST)
    (some,) = cautions(found, "not ranked by")
    assert some.runs == ("a",) and numbers(some.sentence) == [40, 1, 4]
    assert "A01 eval best time" in some.sentence and "finish rate" not in some.sentence
    some = only(found, "leader", "A01/eval/mean_all")
    assert some.runs == ("a", "b") and some.value == 2
    table = comparison.arm_table(BEST)
    assert table.loc[table["arm"] == "a", "iqm"].isna().all()
    assert (table.loc[table["arm"] == "a", "seeds"] == 3).all()


# --- cautions, and what is not said -------------------------------------------------------------


def test_few_seeds(tmp_path):
    """Four are few, five are not."""
    records = {"four": steady([24.0] * 4), "five": steady([25.0] * 5), "one": steady([26.0])}
    found = arms_of(tmp_path, records).findings()
    few = cautions(found, "little is known")
    assert [(some.runs, some.value) for some in few] == [(("four",), 4), (("one",), 1)]
    assert "four has 4 seeds:" in few[0].sentence and "one has 1 seed:" in few[1].sentence
    assert not cautions(found, "One seed each")


def test_single_runs_are_not_spoken_of(two, found):
    of_arms = [some for some in found if some.kind != "caution"]
    assert {some.kind for some in of_arms} == {"leader", "first_finish", "threshold"}
    assert {name for some in of_arms for name in some.runs} == {"big", "small"}
    plain = tmnet.compare(list(two.runs)).findings()
    assert {"crossover", "after", "verdict", "cost"} & {some.kind for some in plain}


# --- the comparison itself ----------------------------------------------------------------------


def test_arms_are_runs_with_names(two):
    names = {arm: tuple(f"{arm}{i}" for i in range(5)) for arm in ("big", "small")}
    assert two.arms == names and two.only([BEST]).arms == names
    assert tuple(run.name for run in two.runs) == names["big"] + names["small"]
    plain = tmnet.compare(list(two.runs))
    assert plain.arms == {} and plain.table(BEST).equals(two.table(BEST))


def test_an_empty_arm_is_refused(two):
    with pytest.raises(tmnet.TmnetError, match="The arm small has no runs"):
        tmnet.compare({"big": two.runs[:2], "small": []})
    with pytest.raises(tmnet.TmnetError, match="at least one run"):
        tmnet.compare({})


def test_a_run_belongs_to_one_arm(two):
    with pytest.raises(tmnet.TmnetError, match="Run big0 is given twice"):
        tmnet.compare({"big": two.runs[:2], "small": two.runs[:1]})


def test_seeds_of_an_arm_may_come_one_by_one(two):
    assert tmnet.compare({"big": iter(two.runs[:5]), "small": iter(two.runs[5:])}).arms == two.arms


def test_a_run_alone_need_not_be_in_a_list(two):
    assert tmnet.compare({"big": two.runs[0], "small": two.runs[5]}).arms == {
        "big": ("big0",), "small": ("small0",)
    }  # fmt: skip


# --- tables of arms -----------------------------------------------------------------------------


def test_the_table_of_arms(tmp_path):
    """Seed i of `a` first finishes in minute 2 + 2i, `b` from the start; mean times by hand."""
    rng = np.random.default_rng(1)
    times = {arm: rng.integers(200, 300, (5, 12)) / 8 for arm in "ab"}
    records = {
        arm: [
            raced([x if arm == "b" or k >= 2 + 2 * i else None for k, x in enumerate(some, 1)])
            for i, some in enumerate(seeds)
        ]
        for arm, seeds in times.items()
    }
    comparison = arms_of(tmp_path, records, interval=3)
    table = comparison.arm_table(MEAN)
    assert table.columns.tolist() == ["at", "arm", "iqm", "low", "high", "seeds"]
    assert table[["at", "arm"]].values.tolist() == [
        list(x) for x in itertools.product([3, 6, 9, 12], "ab")
    ]
    for _, row in table.iterrows():
        seen = [
            [x for k, x in enumerate(some, 1) if k <= row["at"] and (row["arm"] == "b"
                                                                    or k >= 2 + 2 * i)]
            for i, some in enumerate(times[row["arm"]])
        ]  # fmt: skip
        means = [fmean(some) for some in seen if some]
        assert row["seeds"] == len(means)
        if len(means) == 5:
            assert row["iqm"] == pytest.approx(middle(means))
            drawn = np.array([middle(rng.choice(means, 5)) for _ in range(3000)])
            low, high = widened((middle(means), drawn, 4))
            assert low < row["iqm"] < high
            assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.12 * (high - low))
        else:
            assert np.isnan([row["iqm"], row["low"], row["high"]]).all()
    assert table["iqm"].notna().tolist() == [row == "b" or at == 12 for at, row in
                                             table[["at", "arm"]].values.tolist()]  # fmt: skip
    pairs = [comparison.arm_table(MEAN, seed) for seed in (0, 0, 1)]
    assert pairs[0].equals(table) and pairs[1].equals(table) and not pairs[2].equals(table)


def test_the_table_of_arms_ends_with_the_runs(tmp_path):
    """Where one seed has ended, the arm has no value any more."""
    records = {"a": [raced([25.0] * 20), raced([25.0] * 30)], "b": steady([24.0, 26.0], 30)}
    table = arms_of(tmp_path, records, interval=10, window=(0, 30)).arm_table(BEST)
    assert table["seeds"].tolist() == [2, 2, 2, 2, 1, 2]
    np.testing.assert_equal(table["iqm"].tolist(), [25, 25, 25, 25, math.nan, 25])


def test_arms_by_step(tmp_path):
    """Both at equally many steps: `b` plays twice as many a minute."""
    arms = {
        "a": [run_of(tmp_path, f"a{i}", raced([26 - i / 8] * 40)) for i in range(5)],
        "b": [run_of(tmp_path, f"b{i}", raced([27 - i / 8] * 20 + [24] * 20, pace=2000))
              for i in range(5)],
    }  # fmt: skip
    assert only(tmnet.compare(arms).findings(), "leader", BEST).runs == ("b", "a")
    found = tmnet.compare(arms, by="step", interval=1000).findings(thresholds={BEST: 26.75})
    some = only(found, "leader", BEST)
    assert some.runs == ("a", "b") and some.value == pytest.approx(1) and some.moment == 40_000
    reached = {x.runs[0]: x.value for x in of(found, "threshold")}
    assert reached == {"a": 1000, "b": 2000}  # three of five from the start, the others never


def test_a_table_without_arms(two):
    assert tmnet.compare(list(two.runs)).arm_table(BEST).empty
