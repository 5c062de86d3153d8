"""Findings along other axes and in ranges, and what is refused."""

import math

import pytest

import tmnet

from ...synthetic import load, write_file
from .told import BEST, MEAN, RATE, numbers, of, only, raced, run_of

# --- other axes and ranges ----------------------------------------------------------------------


def test_only_the_last_races_count_where_they_are_asked_for(tmp_path):
    """a was fast early, b is fast now."""
    runs = [
        run_of(tmp_path, "a", raced([24.0] * 20 + [28.0] * 40)),
        run_of(tmp_path, "b", raced([30.0] * 30 + [26.0] * 30)),
    ]
    assert only(tmnet.compare(runs).findings(), "leader", BEST).runs == ("a", "b")
    found = tmnet.compare(runs, trailing=10).findings(after=15)
    some = only(found, "leader", BEST)
    assert some.runs == ("b", "a") and some.value == 2
    assert some.uncertainty is None  # of 10 races the best of none can be told
    mean = only(found, "leader", MEAN)
    assert mean.uncertainty == pytest.approx((2, 2))  # neither varied in the last 10 minutes
    after = only(found, "after", BEST, "a")
    assert after.value == -4 and "worse by 4.00 s" in after.sentence


def test_by_step(tmp_path):
    """b plays twice the steps a minute: at equally many steps it has had half of the races."""
    runs = [
        run_of(tmp_path, "a", raced([None] * 5 + [25.0] * 55)),
        run_of(tmp_path, "b", raced([None] * 5 + [26.0] * 35 + [24.0] * 20, pace=2000)),
    ]
    assert only(tmnet.compare(runs).findings(), "leader", BEST).runs == ("b", "a")
    found = tmnet.compare(runs, by="step", interval=5000).findings(thresholds={BEST: 26})
    leader = only(found, "leader", BEST)
    assert (leader.runs, leader.value, leader.moment) == (("a", "b"), 1, 60_000)
    assert numbers(leader.sentence)[:4] == [60_000, 25, 1, 26]
    for kind in ("first_finish", "threshold"):
        at = {x.runs[0]: x for x in of(found, kind) if x.metric != RATE}
        assert {name: x.value for name, x in at.items()} == {"a": 6000, "b": 12_000}
        assert "at 6,000 steps (6.0 min)" in at["a"].sentence
        assert "at 12,000 steps (6.0 min)" in at["b"].sentence
    after = only(found, "after", RATE, "a")
    was, now = 25 / 30, 55 / 60
    assert after.value == pytest.approx(now - was)
    told = [100 * was, 30_000, 100 * now, 60_000, 100 * (now - was), 100 * (now - was) / 0.03]
    assert numbers(after.sentence)[:4] == [pytest.approx(x, abs=0.0501) for x in told[:4]]
    assert numbers(after.sentence)[4:] == [pytest.approx(x, rel=0.05) for x in told[4:]]
    assert "a million steps" in after.sentence


def test_by_relative_step(tmp_path):
    runs = [
        run_of(tmp_path, "a", raced([None] * 5 + [25.0] * 55, start=700_000)),
        run_of(tmp_path, "b", raced([None] * 9 + [25.0] * 51)),
    ]
    found = tmnet.compare(runs, by="relative_step", interval=1000).findings()
    at = {x.runs[0]: x.value for x in of(found, "first_finish")}
    assert at == {"a": 5000, "b": 9000}  # since the first event, which comes after a minute


def test_by_wall_time(tmp_path):
    """An hour stood still between minutes 10 and 11."""
    records = raced([None] * 20 + [25.0] * 20)
    write_file(tmp_path / "a", records[:10])
    later = [(second + 3600, step, values) for second, step, values in records[10:]]
    write_file(tmp_path / "a", later, start=4200, pid=2)
    run = load(tmp_path, "a")
    for clock, minutes in (("active", 21), ("wall", 81)):
        found = tmnet.compare(run, clock=clock).findings()
        assert only(found, "first_finish").value == minutes


# --- what is refused ----------------------------------------------------------------------------


@pytest.fixture
def simple(tmp_path):
    return tmnet.compare(run_of(tmp_path, "a", raced([None, 25.0] * 20)))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"thresholds": {"A01/eval/bst": 25}}, r"no metric A01/eval/bst\. Nearest: A01/eval/best"),
        ({"thresholds": {"Hock/eval/best": 25}}, "no metric Hock/eval/best"),
        ({"thresholds": {"A01/eval/races": 25}}, "A01/eval/races .* cannot be a threshold"),
        ({"thresholds": {"A01/eval/first_finish": 5}}, "cannot be a threshold"),
        ({"after": -1}, "moment -1 is outside of the window of 0 to 40 min"),
        ({"after": 40.5}, "moment 40.5 is outside"),
        ({"after": math.nan}, "after is nan; it must be a number"),
        ({"after": math.inf}, "after is inf; it must be a number"),
        ({"after": "x"}, "after is 'x'; it must be a number"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(simple, options, message):
    with pytest.raises(tmnet.TmnetError, match=message) as caught:
        simple.findings(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["fast", None, math.nan, math.inf], ids=str)
def test_a_threshold_that_is_not_a_number_is_refused(simple, value):
    with pytest.raises(tmnet.TmnetError):
        simple.findings(thresholds={BEST: value})


def test_no_thresholds_at_all(simple):
    assert not of(simple.findings(thresholds={}), "threshold")
    assert of(simple.findings(), "threshold")


def test_a_window_before_the_first_event(tmp_path):
    run = run_of(tmp_path, "a", raced([25.0] * 20))
    found = tmnet.compare(run, window=(0, 0.5)).findings()
    assert not of(found, "leader") and not of(found, "threshold", BEST)
