"""When the better of two came to be ahead for the last time."""

import numpy as np
import pytest

import tmnet

from .by_hand import Compared, Driven
from .told import BEST, RATE, compared, of, only, run_of


def rising(begins, rate, races=300):
    """Finishes none of its races until one, and then so many of ten."""
    return [24.0 if k >= begins and k * 7 % 10 < rate else None for k in range(races)]


def trailing_rate(run, at, window):
    races = run.races[(run.races["minutes"] <= at) & (run.races["minutes"] > at - window)]
    return races["finished"].mean() if len(races) else 0.0


def by_hand(arms, metric, ahead, behind, **options):
    """The moment, and 95 % of it."""
    driven = {arm: [Driven(run) for run in runs] for arm, runs in arms.items()}
    are_arms = any(len(runs) > 1 for runs in arms.values())
    hand = Compared(driven, "time", are_arms=are_arms, **options)
    return hand.overtakes(metric.rpartition("/")[2], ahead, behind)


def test_the_last_crossing_of_late_rates_is_at_the_very_race(tmp_path):
    small = run_of(tmp_path, "small", rising(10, 4))
    big = run_of(tmp_path, "big", rising(100, 10))
    found = compared(small, big)
    crossing = only(found, "crossover", RATE)
    window, moments = tmnet.compare([small, big]).late, np.arange(1, 301)
    behind = [
        t for t in moments
        if trailing_rate(big, t, window) < trailing_rate(small, t, window)
    ]  # fmt: skip
    assert crossing.runs == ("big", "small") and crossing.stands_out is True
    assert crossing.value == behind[-1] + 1
    assert (crossing.value, crossing.uncertainty) == by_hand(
        {"small": [small], "big": [big]}, RATE, "big", "small"
    )
    assert crossing.uncertainty.low > 80 and crossing.uncertainty.high < 150
    assert crossing.sentence.startswith(
        f"A01 eval late finish rate: big overtakes small for the last time at {behind[-1] + 1} min "
        "(95 % CI "
    )
    assert f"when big had taken {1000 * behind[-1]:,} steps" in crossing.sentence


def test_nobody_overtakes_without_a_claim_or_who_was_never_behind(tmp_path):
    alike = [run_of(tmp_path, name, rising(10 + i, 5)) for i, name in enumerate("ab")]
    assert not of(compared(*alike), "crossover")
    ahead = run_of(tmp_path, "ahead", rising(0, 10))
    low = run_of(tmp_path, "low", rising(0, 2))
    found = compared(low, ahead)
    assert only(found, "contrast", RATE).stands_out and not of(found, "crossover", RATE)


def test_who_cannot_be_told_to_have_been_behind_overtakes_nobody(tmp_path):
    """Equal for so long, with a race more or less now and then, and ahead at last."""
    rng = np.random.default_rng(0)
    rates = np.repeat([[0.5, 0.5], [0.5, 0.95]], 150, axis=0)
    done = rng.random((300, 2)) < rates
    runs = [
        run_of(tmp_path, name, [24.0 if x else None for x in done[:, i]])
        for i, name in enumerate("ab")
    ]  # fmt: skip
    window, moments = tmnet.compare(runs).late, np.arange(1, 301)
    was_behind = [trailing_rate(runs[1], t, window) < trailing_rate(runs[0], t, window)
                  for t in moments]  # fmt: skip
    found = compared(*runs)
    assert any(was_behind) and only(found, "contrast", RATE).stands_out
    assert not of(found, "crossover", RATE)


def test_arms_cross_by_the_mean_of_their_seeds(tmp_path):
    arms = {
        "small": [run_of(tmp_path, f"small{i}", rising(10 + i, 3 + i % 2)) for i in range(5)],
        "big": [run_of(tmp_path, f"big{i}", rising(100 + 5 * i, 9 + i % 2)) for i in range(5)],
    }
    comparison = tmnet.compare(arms, interval=5)
    crossing = only(comparison.findings(), "crossover", RATE)
    curves = {
        arm: np.mean([[trailing_rate(run, t, comparison.late) for run in runs]
                      for t in comparison.grid], axis=1)
        for arm, runs in arms.items()
    }  # fmt: skip
    behind = np.flatnonzero(curves["big"] < curves["small"])
    assert crossing.value == comparison.grid[behind[-1] + 1]
    assert (crossing.value, crossing.uncertainty) == by_hand(arms, RATE, "big", "small", interval=5)
    assert crossing.uncertainty.low < crossing.value < crossing.uncertainty.high


def test_many_races_are_looked_at_now_and_then(tmp_path):
    """Of the best of ten, whose races are sorted anew at each moment."""
    rng = np.random.default_rng(0)
    times = [[k + x for x in rng.random(1500) / 10] for k in (25.0, 24.0)]
    slow_start = [None if i < 600 else x for i, x in enumerate(times[1])]
    runs = [
        run_of(tmp_path, "a", times[0], minutes=150), run_of(tmp_path, "b", slow_start, minutes=150)
    ]  # fmt: skip
    crossing = only(compared(*runs), "crossover", BEST)
    assert crossing.runs == ("b", "a") and crossing.value == pytest.approx(61.0, abs=0.3)
    assert crossing.uncertainty.low <= crossing.value <= crossing.uncertainty.high < 63.5
