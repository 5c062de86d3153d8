"""When one run overtakes another."""

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tmnet

from ...synthetic import CUTOFF, race
from .told import BEST, RATE, crossed, logged, numbers, of, raced, run_of


def of_two(tmp_path, one, other, records=raced, name=BEST, **options):
    """The crossover that is found of two runs: (leader, first, for good), or None."""
    runs = [run_of(tmp_path, "a", records(one)), run_of(tmp_path, "b", records(other))]
    found = of(tmnet.compare(runs, interval=1, **options).findings(), "crossover", name)
    assert len(found) < 2
    for some in found:
        told = [some.moment, *([] if some.value == some.moment else [some.value])]
        assert numbers(some.sentence)[0::3][: len(told)] == [pytest.approx(x) for x in told]
        assert "for good" in some.sentence
        assert ("first at" in some.sentence) == (some.value < some.moment)
    return (found[0].runs, found[0].value, found[0].moment) if found else None


def test_one_run_overtakes_another(tmp_path):
    assert of_two(tmp_path, [30, 30, 24, 24, 24], [26] * 5) == (("a", "b"), 3, 3)


def test_the_higher_rate_is_ahead(tmp_path):
    """1 of 1, 2, 3 … against 0, 0, 1, 2 …: a third both at minute 3."""
    found = of_two(tmp_path, [None] * 2 + [25] * 6, [25] + [None] * 7, name=RATE)
    assert found == (("a", "b"), 4, 4)


def test_what_is_reached_together_is_a_tie_and_not_ahead(tmp_path):
    """Level at minutes 2 and 3; ahead at 4."""
    assert of_two(tmp_path, [30, 26, 28, 24, 28], [26] * 5) == (("a", "b"), 4, 4)


def test_who_was_only_level_was_not_overtaken(tmp_path):
    assert of_two(tmp_path, [26, 26, 24, 24], [26] * 4) is None


def test_who_leads_throughout_overtakes_nobody(tmp_path):
    assert of_two(tmp_path, [25] * 6, [30, 29, 28, 27, 26, 26]) is None


def test_who_has_not_finished_is_behind(tmp_path):
    """b has a time from minute 2 on; a has none until minute 5, and then a better one."""
    found = of_two(tmp_path, [None] * 4 + [24] * 3, [None, 30, 30, 30, 30, 30, 30])
    assert found == (("a", "b"), 5, 5)


def test_who_never_finishes_is_not_overtaken(tmp_path):
    assert of_two(tmp_path, [None, 24, 24], [None] * 3) is None


def test_noise_crosses_back_and_forth(tmp_path):
    """First ahead at 3, for good at 7; a tie at 6 changes nothing."""
    one, other = [9, 9, 4, 9, 9, 5, 4, 5, 4], [5, 5, 5, 5, 5, 5, 5, 6, 5]
    assert of_two(tmp_path, one, other, logged, "loss") == (("a", "b"), 3, 7)


def test_a_lead_at_the_start_is_not_the_first_overtaking(tmp_path):
    one, other = [4, 9, 9, 4, 9, 4, 4], [5] * 7
    assert of_two(tmp_path, one, other, logged, "loss") == (("a", "b"), 4, 6)


def test_where_a_scalar_is_missing_nobody_is_ahead(tmp_path):
    """NaN at minute 3, where the other would have been ahead."""
    one, other = [9, 4, math.nan, 4, 4], [5, 5, 1, 5, 5]
    assert of_two(tmp_path, one, other, logged, "loss") == (("a", "b"), 2, 2)


def test_a_crossover_within_a_window(tmp_path):
    """Behind the window's start it had been overtaken before: nothing is said of that."""
    one, other = [30, 24] + [24] * 18, [26] * 20
    assert of_two(tmp_path, one, other, window=(5, 20)) is None
    later = [30] * 9 + [24] * 11
    (tmp_path / "later").mkdir()
    assert of_two(tmp_path / "later", later, other, window=(5, 20)) == (("a", "b"), 10, 10)


def test_who_was_ahead_where_the_window_starts_can_be_overtaken(tmp_path):
    def sparse(times):
        return [(60 * k, 1000 * k, race(x)) for k, x in zip((1, 10, 20), times)]

    found = of_two(tmp_path, [30, 24, 24], [26, 26, 26], sparse, window=(5, 20))
    assert found == (("a", "b"), 10, 10)


@pytest.mark.parametrize("name", [BEST, "loss"])
@settings(max_examples=30)
@given(data=st.data())
def test_crossovers_of_random_runs(name, data):
    """With ties and gaps; both runs last equally long."""
    length = data.draw(st.integers(2, 14))
    # not every minute has an event, but the last has
    values = st.sampled_from([23.0, 24.0, 25.0, 26.0, 27.0, math.nan, None])
    series = [data.draw(st.lists(values, min_size=length, max_size=length)) for _ in range(2)]
    with tempfile.TemporaryDirectory() as directory:
        runs = []
        for run, some in zip("ab", series):
            records = [(60 * length, 1000 * length, {"own": 1.0})]
            for k, x in enumerate(some, start=1):
                if x is None:
                    continue
                values = {"loss": x}
                if name == BEST:
                    values = race(CUTOFF, False) if math.isnan(x) else race(x)
                records.insert(-1, (60 * k, 1000 * k, values))
            runs.append(run_of(Path(directory), run, records))
    if not all(any(x is not None for x in some) for some in series):
        return
    found = tmnet.compare(runs, interval=1, metrics=[name]).findings()

    def value(some, t):
        so_far = [x for x in some[:t] if x is not None]
        if name == BEST:
            return min((x for x in so_far if not math.isnan(x)), default=math.inf)
        return so_far[-1] if so_far else math.nan

    ends = [value(some, length) for some in series]
    expected = None
    if np.isfinite(ends).all() and ends[0] != ends[1]:
        leader = int(ends[1] < ends[0])
        one, other = series[leader], series[1 - leader]
        times = crossed(lambda t: value(one, t), lambda t: value(other, t), range(1, length + 1))
        expected = times and (("ab"[leader], "ba"[leader]), *times)
    told = [(some.runs, some.value, some.moment) for some in of(found, "crossover")]
    assert told == ([expected] if expected else [])
