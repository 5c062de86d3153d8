"""Who leads, and whether the lead is within the noise."""

import math
import re

import numpy as np
import pytest

import tmnet
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.statistics import ConfidenceInterval

from ...synthetic import race
from ..formulas import of_blocks, widened
from .told import BEST, MEAN, RATE, best_of, logged, newcombe, numbers, of, only, raced, run_of


def test_the_lower_time_and_the_higher_rate_lead(tmp_path):
    """The lead is above 0, and its interval beside it, whichever direction is better."""
    rng = np.random.default_rng(0)
    fast = [x if k % 2 else None for k, x in enumerate(rng.integers(200, 240, 100) / 8)]
    slow = [x if k % 10 else None for k, x in enumerate(rng.integers(320, 360, 100) / 8)]
    runs = [run_of(tmp_path, "fast", raced(fast)), run_of(tmp_path, "slow", raced(slow))]
    for order in (runs, runs[::-1]):
        found = tmnet.compare(order).findings()
        for name, leader in ((BEST, "fast"), (MEAN, "fast"), (RATE, "slow")):
            some = only(found, "leader", name)
            assert some.runs[0] == leader and some.stands_out
            assert 0 < some.uncertainty.low < some.value < some.uncertainty.high
        rate = only(found, "leader", RATE)
        assert rate.value == pytest.approx(0.9 - 0.5)
        assert rate.uncertainty == pytest.approx(newcombe((90, 100), (50, 100)))
        assert numbers(rate.sentence)[1:4] == [90, 40, 50]
    mean = np.mean([x for x in slow if x]) - np.mean([x for x in fast if x])
    assert only(found, "leader", MEAN).value == pytest.approx(mean)


def test_a_lead_within_the_noise(tmp_path):
    rng = np.random.default_rng(3)
    both = [run_of(tmp_path, name, raced(rng.integers(200, 400, 40) / 8)) for name in "ab"]
    some = only(tmnet.compare(both).findings(), "leader", MEAN)
    assert not some.stands_out and "within the noise" in some.sentence
    assert some.uncertainty.low < 0 < some.value < some.uncertainty.high


@pytest.mark.parametrize("times", [[24.5, 24.0, None] * 40, [None] * 50], ids=["racing", "never"])
def test_of_identical_runs_none_is_ahead(tmp_path, times):
    records = [(*moment, values | {"loss": 50 - k}) for k, (*moment, values)
               in enumerate(raced(times), start=1)]  # fmt: skip
    runs = [run_of(tmp_path, name, records) for name in "ab"]
    for by in ("time", "step"):
        found = tmnet.compare(runs, by=by).findings()
        assert {"leader", "crossover"}.isdisjoint(some.kind for some in found)
        assert not [x for x in found if re.search(r"\b(leads?|ahead|overtakes)\b", x.sentence)]
        assert of(found, "first_finish") and of(found, "caution")


def test_what_is_shown_as_equal_is_not_a_lead(tmp_path):
    """Best times of 24.501 and 24.502 s are both 24.50 s."""
    runs = [
        run_of(tmp_path, "a", raced([24.501] * 40)),
        run_of(tmp_path, "b", raced([24.502] * 40)),
    ]
    assert not of(tmnet.compare(runs).findings(), "leader")


def test_a_run_without_a_value_is_not_behind(tmp_path):
    runs = [run_of(tmp_path, "a", raced([24.5] * 40)), run_of(tmp_path, "b", raced([None] * 40))]
    found = tmnet.compare(runs).findings()
    assert {some.metric for some in of(found, "leader")} == {RATE, "A01/eval/mean_all"}
    assert only(found, "first_finish", run="b").value is None
    assert "b finishes none of 40 races" in only(found, "first_finish", run="b").sentence
    assert not of(found, "crossover", BEST)


def test_one_run_alone_leads_nobody(tmp_path):
    found = tmnet.compare(run_of(tmp_path, "a", raced([None, 25.0] * 40))).findings()
    assert {"leader", "crossover"}.isdisjoint(some.kind for some in found)
    assert not [x for x in found if "One seed" in x.sentence]
    assert only(found, "first_finish").value == 2


def test_logs_without_races_or_direction(tmp_path):
    runs = [run_of(tmp_path, name, logged(range(i, i + 40), "charts/episodic_return"))
            for i, name in enumerate("ab")]  # fmt: skip
    found = tmnet.compare(runs).findings()
    assert {some.kind for some in found} == {"cost", "caution"}


def test_few_races_give_no_noise(tmp_path):
    runs = [
        run_of(tmp_path, "a", raced([24.5, None, None])),
        run_of(tmp_path, "b", raced([25.0] * 3)),
    ]
    found = tmnet.compare(runs, interval=1).findings()
    for name in (BEST, MEAN):
        some = only(found, "leader", name)
        assert some.uncertainty is None and some.stands_out is None
        assert "noise" not in some.sentence


def test_a_lead_that_the_interval_denies_is_not_beyond_the_noise(tmp_path):
    lucky = [(6 * k, 100 * k, race(24.0 if k == 400 else 30.0)) for k in range(1, 1001)]
    runs = [
        run_of(tmp_path, "lucky", lucky),
        run_of(tmp_path, "steady", raced([24.5, 24.625] * 50)),
    ]
    some = only(tmnet.compare(runs).findings(), "leader", BEST)
    assert some.runs == ("lucky", "steady")
    assert some.uncertainty is None or some.uncertainty.high > 0 or "beyond" not in some.sentence


def test_the_noise_of_a_scalar_is_its_scatter(tmp_path):
    """Around a line through its last ten values; what lies before does not count."""
    rng = np.random.default_rng(2)
    values = {}
    for name, ahead in (("a", 0.0), ("b", 3.0)):
        values[name] = [900.0] * 20 + list(50 + ahead - np.arange(20) / 4
                                           + rng.integers(-16, 17, 20) / 64)  # fmt: skip
    runs = [run_of(tmp_path, name, logged(some)) for name, some in values.items()]
    some = only(tmnet.compare(runs).findings(), "leader", "loss")
    variance = 0.0
    for last in (np.array(x[-10:]) for x in values.values()):
        x = np.stack([np.ones(10), np.arange(10)], axis=1)
        rest = last - x @ np.linalg.lstsq(x, last, rcond=None)[0]
        variance += rest @ rest / 8
    lead, half = values["b"][-1] - values["a"][-1], 1.96 * math.sqrt(variance)
    assert some.runs == ("a", "b") and some.value == pytest.approx(lead)
    assert some.uncertainty == pytest.approx((lead - half, lead + half))


def test_the_noise_of_a_best_time_is_that_of_equally_few_races(tmp_path):
    """Both by the best of 4, for 90 races: drawn here in blocks, and then by their order."""
    rng = np.random.default_rng(4)
    times = {"a": rng.integers(192, 256, 200) / 8, "b": rng.integers(200, 280, 90) / 8}
    both = []
    for name, x in times.items():
        idle = [(60 * k, 1000 * k, {"own": 1}) for k in range(len(x) + 1, 202)]
        both.append(run_of(tmp_path, f"{name}s", [*raced(x), *idle]))
    found = tmnet.compare(both, interval=1, window=(0, 201)).findings()
    some = only(found, "leader", BEST)
    drawn = []
    for values in times.values():
        blocks = np.array_split(values, round(math.sqrt(len(values))))
        k = len(blocks)
        best = [
            best_of(np.concatenate([blocks[i] for i in rng.integers(k, size=k)]), 4)
            for _ in range(3000)
        ]
        drawn.append(of_blocks(best_of(values, 4), k, best))
    low, high = widened(drawn[1], drawn[0])
    assert some.runs == ("as", "bs") and "by the best of 4 races each" in some.sentence
    assert some.value == pytest.approx(best_of(times["b"], 4) - best_of(times["a"], 4))
    assert some.uncertainty == pytest.approx((low, high), abs=0.08 * (high - low))


def test_a_lucky_race_is_no_lead_that_stands_out(tmp_path):
    """One race of 200 in 20 s, all others slower than those of the other run.

    By the best of some races, which most of such do not have, it is far behind.
    """
    lucky = [30.0 + k % 7 / 8 for k in range(200)]
    lucky[150] = 20.0
    runs = [
        run_of(tmp_path, "lucky", raced(lucky)),
        run_of(tmp_path, "steady", raced([24 + k % 5 / 8 for k in range(200)])),
    ]
    some = only(tmnet.compare(runs).findings(), "leader", BEST)
    assert some.runs == ("lucky", "steady") and some.details["lead"] == "4.00 s"
    assert some.value < 0 and not some.stands_out
    assert f"it is {-some.value:.2f} s behind, within the noise" in some.sentence


def test_a_run_that_has_ended_is_not_ranked(tmp_path):
    runs = [
        run_of(tmp_path, "a", raced([26.0] * 60)), run_of(tmp_path, "b", raced([27.0] * 60)),
        run_of(tmp_path, "ended", raced([24.0] * 30)),
    ]  # fmt: skip
    found = tmnet.compare(runs, window=(0, 60)).findings()
    assert only(found, "leader", BEST).runs == ("a", "b")
    assert only(found, "threshold", BEST, "ended").value == 1
    assert {x.runs[0]: numbers(x.sentence)[-1] for x in of(found, "cost")} == {
        "a": 60, "b": 60, "ended": 30
    }  # fmt: skip


def test_robust_races_are_compared_among_themselves(tmp_path):
    """Every second race of a was robust, and slower."""
    rng = np.random.default_rng(5)
    records = {}
    for name, robust in (("a", 28), ("b", 26)):
        records[name] = [
            (60 * k, 1000 * k, race(robust + x / 8, robust=True) if k % 2 else race(20.0))
            for k, x in enumerate(rng.integers(0, 8, 60), start=1)
        ]
    runs = [run_of(tmp_path, name, some) for name, some in records.items()]
    some = only(tmnet.compare(runs).findings(), "leader", "A01/eval/robust_mean")
    assert some.runs == ("b", "a") and some.value == pytest.approx(2, abs=0.5)
    assert 1 < some.uncertainty.low < some.value < some.uncertainty.high < 3


def test_a_finding_stands_out_where_its_interval_leaves_out_0():
    spans = [
        None,
        ConfidenceInterval(-1, 1),
        ConfidenceInterval(0.5, 1),
        ConfidenceInterval(-2, -1),
        ConfidenceInterval(0, 1),
    ]
    for kind, below in (("leader", False), ("verdict", True)):  # a lead is above 0, or is none
        found = [Finding(kind, ("a",), None, None, 0.7, some, "").stands_out for some in spans]
        assert found == [None, False, True, below, False]


def test_the_same_seed_says_the_same(published):
    comparison = tmnet.compare(published[:2], metrics=[MEAN, RATE])
    first, again, other = (comparison.findings(seed=seed) for seed in (0, 0, 1))
    assert first == again == comparison.findings()
    assert only(first, "leader", MEAN).uncertainty != only(other, "leader", MEAN).uncertainty
    assert only(first, "leader", RATE) == only(other, "leader", RATE)  # nothing is drawn for it
