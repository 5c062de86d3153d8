"""Levels that are reached, lost, and never reached."""

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tmnet

from .told import BEST, RATE, numbers, of, only, raced, run_of


def test_a_level_that_is_reached_lost_and_never_reached(tmp_path):
    good, bad = [25.0], [None]
    runs = [
        run_of(tmp_path, "kept", raced(bad * 4 + good * 16)),  # 4 of 8 at minute 8
        run_of(tmp_path, "lost", raced(good * 3 + bad * 6 + good * 11)),  # 3/3 … 3/9, 6 of 12
        run_of(tmp_path, "gone", raced(good * 9 + bad * 11)),  # 9 of 20 in the end
        run_of(tmp_path, "never", raced(bad * 20)),
    ]
    found = tmnet.compare(runs, interval=1).findings(thresholds={RATE: 0.5, BEST: 25})
    at = {name: only(found, "threshold", RATE, name).value for name in
          ("kept", "lost", "gone", "never")}  # fmt: skip
    assert at == {"kept": 8, "lost": 12, "gone": None, "never": None}
    told = {x.runs[0]: x.sentence for x in of(found, "threshold", RATE)}
    assert numbers(told["kept"]) == [50, 8, 8000] and numbers(told["lost"]) == [50, 12, 12_000]
    for name in ("gone", "never"):
        assert "does not reach it within 20 min" in told[name]
    best = {x.runs[0]: x.value for x in of(found, "threshold", BEST)}
    assert best == {"kept": 5, "lost": 1, "gone": 1, "never": None}


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([None, 24.0, 25.0, 26.0]), min_size=2, max_size=25),
    st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]),
    st.sampled_from([24.0, 25.0, 25.5]),
)
def test_since_when_a_level_holds(times, rate, best):
    """Race by race, backwards from the end: until one lies beyond the level."""
    with tempfile.TemporaryDirectory() as directory:
        run = run_of(Path(directory), "a", raced(times))
    found = tmnet.compare(run, interval=1).findings(thresholds={RATE: rate, BEST: best})
    rates, bests = [], []
    for k in range(1, len(times) + 1):
        finished = [x for x in times[:k] if x is not None]
        rates.append(len(finished) / k >= rate)
        bests.append(min(finished, default=math.inf) <= best)
    for name, good in ((RATE, rates), (BEST, bests)):
        expected = None
        for k in range(len(times), 0, -1):
            if not good[k - 1]:
                break
            expected = k
        assert only(found, "threshold", name).value == expected


def test_the_levels_that_are_taken_if_none_are_given(tmp_path):
    """The best time that every run gets to that finishes at all, and half of all races."""
    runs = [
        run_of(tmp_path, "a", raced([None, 26.0, 25.0, 24.0] * 3)),
        run_of(tmp_path, "b", raced([25.5] * 7 + [25.0] + [25.5] * 4)),
        run_of(tmp_path, "never", raced([None] * 12)),
    ]
    found = tmnet.compare(runs, interval=1).findings()
    best = {x.runs[0]: x.value for x in of(found, "threshold", BEST)}
    assert best == {"a": 3, "b": 8, "never": None}
    assert all("A01 eval best time of 25.00 s" in x.sentence for x in of(found, "threshold", BEST))
    rate = {x.runs[0]: x.value for x in of(found, "threshold", RATE)}
    assert rate == {"a": 2, "b": 1, "never": None}
    assert all("finish rate of 50.0 %" in x.sentence for x in of(found, "threshold", RATE))


@pytest.mark.parametrize("level", [24.6, 24.59])
def test_a_time_equal_to_the_level_reaches_it(tmp_path, level):
    assert float(np.float32(level)) > level
    run = run_of(tmp_path, "a", raced([40.0] * 5 + [level] * 5))
    assert only(tmnet.compare(run).findings(thresholds={BEST: level}), "threshold").value == 6
