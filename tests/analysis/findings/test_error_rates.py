"""What findings say of trainings of which the truth is known: tests/benchmarks/claims.py in short.

The draws are the benchmark's first ones, always the same.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def judged():
    """Function (situation, repetitions) -> what each came to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        patch.delitem(sys.modules, "coverage", raising=False)  # of which one is a benchmark
        claims = importlib.import_module("claims")
        yield lambda name, repetitions: [claims.repetition(name, i) for i in range(repetitions)]


# How many are drawn, and how many of them may have a claim: more would be so by chance in one of a
# hundred such tests, where the rates are as asked.
FALSE = {
    "two equal runs, 140 races, independent": (15, 3),
    "two equal runs, 600 races, independent": (12, 2),
    "two equal runs, 600 races, wobble 0.9": (15, 4),
    "two equal runs that learn, 600 races, independent": (10, 2),
    "two equal runs at unequal paces, by step": (6, 1),
    "four equal runs": (3, 1),
    "one starts to learn later, and ends equal": (6, 1),
    "one starts from a checkpoint, and is better": (3, 0),
    "3 + 3 equal seeds": (10, 2),
    "5 + 5 equal seeds": (10, 2),
    "5 + 5 equal seeds, one of which never finishes": (5, 1),
    "frozen at 40 min, 600 races, after 60": (20, 3),
}
TRUE = {  # and how many of them should have one
    "97 against 45 %, 140 races, wobble 0.5": (15, 9),
    "5 + 5 seeds, faster and more reliable by 2 SD": (10, 5),
}


@pytest.mark.parametrize("name", FALSE)
def test_equal_trainings_are_rarely_told_apart(judged, name):
    repetitions, most = FALSE[name]
    claimed = [outcome.claims for outcome in judged(name, repetitions) if outcome.claims]
    assert len(claimed) <= most, claimed


@pytest.mark.parametrize("name", TRUE)
def test_different_ones_often_are(judged, name):
    repetitions, least = TRUE[name]
    assert sum(bool(outcome.claims) for outcome in judged(name, repetitions)) >= least


def test_intervals_hold_what_is_true(judged):
    outcomes = judged("two equal runs, 600 races, independent", 8)
    held = [where for outcome in outcomes for _, where in outcome.held]
    assert len(held) >= 40 and held.count(0) >= 0.88 * len(held)


def test_crossings_are_told_and_held(judged):
    """And nobody overtakes who was never behind; tests/benchmarks/forecasts.py in short."""
    rows = importlib.import_module("forecasts").ROWS

    def share(name):
        made, _ = rows[name]
        return np.mean([made(np.random.default_rng([9, i]))[0] for i in range(12)])

    assert share("95 % of a crossing: races independent") >= 9 / 12
    assert share("overtaking is told: races independent") >= 9 / 12
    assert share("overtaking is told of who was never behind: races independent") <= 2 / 12
