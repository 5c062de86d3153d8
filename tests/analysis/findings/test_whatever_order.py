"""Findings do not depend on what tells nothing: the order of seeds, names, the unit of time."""

import pytest

import tmnet
from tmnet.errors import TmnetError

from .told import BEST, compared, drawn, of, only, run_of


def learning(seed, begin=0.2):
    """Times of a run of which ever more races finish."""
    often, seldom = drawn(seed, 0.95, 120), drawn(seed, 0.2, 120)
    return [*seldom[: int(120 * begin)], *often[int(120 * begin) :]]


@pytest.fixture(scope="module")
def arms(tmp_path_factory):
    """Five seeds an arm, of which one never finishes."""
    logdir = tmp_path_factory.mktemp("logs")
    made = {
        arm: [run_of(logdir, f"{arm}{i}", learning(10 * k + i, 0.2 + 0.05 * i)) for i in range(5)]
        for k, arm in enumerate("xy")
    }
    made["x"][4] = run_of(logdir, "x4", [None] * 120)
    return made


def test_the_order_of_seeds(arms):
    here = tmnet.compare(arms).findings()
    there = tmnet.compare({arm: seeds[::-1] for arm, seeds in arms.items()}).findings()
    assert [x.sentence for x in here] == [x.sentence for x in there]


def test_names(arms):
    called = {arm: [run.called(f"{run.name}_") for run in seeds] for arm, seeds in arms.items()}
    here, there = tmnet.compare(arms).findings(), tmnet.compare(called).findings()
    assert [x.sentence for x in here] == [x.sentence.replace("x0_", "x0") for x in there]


@pytest.mark.parametrize("minutes", [30, 480])
def test_how_long_it_took(tmp_path, minutes):
    """What is asked, its p and what is claimed are the same where all takes a quarter of the time,
    or four times as long; what is slow is not."""

    def found(within):
        runs = [
            run_of(tmp_path, f"{name}{within}", times, pace=1000 * 120 // within, minutes=within)
            for name, times in [("a", learning(0)), ("b", learning(1)), ("c", drawn(2, 0.2, 120))]
        ]
        return [
            (x.kind, x.metric, x.stands_out, x.reason, x.p and round(x.p, 9), [*x.n.values()])
            for x in compared(*runs) if x.kind != "plateau"
        ]  # fmt: skip

    assert found(120) == found(minutes)


def test_a_copy_is_no_seed_of_its_own(arms, tmp_path):
    """Logs of one seed under several names: nothing is claimed, and who is left out is told."""
    low, high = (
        run_of(tmp_path, name, drawn(3, rate, 120)) for name, rate in (("l", 0.2), ("h", 0.9))
    )
    copied = {
        run.name: [run, *(run.called(f"{run.name}{i}") for i in range(4))] for run in (low, high)
    }
    found = tmnet.compare(copied).findings()
    assert not [x for x in found if x.stands_out]
    (told,) = [x for x in found if x.reason == "copies"]
    assert told.runs == tuple(f"{name}{i}" for name in "lh" for i in range(4))
    assert told.sentence.startswith("l0 is a copy of l, l1 is a copy of l, ")
    assert [x.n for x in of(found, "late")] == [{"l": 1}, {"h": 1}] * 2


def test_what_is_found_with_a_copy_is_what_is_found_without(arms):
    def found(seeds):
        told = tmnet.compare({**arms, "y": seeds}).findings(baseline="y")
        return [x.sentence for x in told if x.kind not in ("caution", "cost")]

    assert found([*arms["y"], arms["y"][2].called("again")]) == found(arms["y"])


def test_ends_that_are_open_are_said_in_words(arms):
    """Where drawn seeds may well be too many that never got there."""
    found = tmnet.compare(arms).findings()
    late = only(found, "late", BEST, "x")
    assert late.uncertainty.high == float("inf")
    assert f"95 % CI of the IQM {late.uncertainty.low:.2f} s or more;" in late.sentence
    for base, words in (("x", "or less"), ("y", "or more")):
        ratios = [
            x for x in of(tmnet.compare(arms).findings(baseline=base), "first_finish")
            if x.reason == "ratio"
        ]  # fmt: skip
        assert f" {words})" in ratios[0].sentence and words in ratios[0].details["minutes, 95 % CI"]
    assert not [x for x in found if "inf" in x.sentence.replace("infer", "")]


def test_thresholds_of_rates_are_rates(arms):
    comparison = tmnet.compare(arms)
    for value in (50, -0.1):
        with pytest.raises(TmnetError, match=f"late_rate is {value}; a rate is 0 to 1"):
            comparison.findings({"A01/eval/late_rate": value})
    assert comparison.findings({"A01/eval/late_rate": 1.0})


def test_times_that_are_infinite_are_missing(tmp_path):
    """And nothing warns of them: warnings are errors here."""
    times = [float("inf") if k % 3 else 30.0 for k in range(100)]
    found = compared(run_of(tmp_path, "a", times), run_of(tmp_path, "b", drawn(0, 0.9, 100)))
    assert only(found, "late", BEST, "a").value is None
    assert only(found, "contrast", BEST).stands_out is False
