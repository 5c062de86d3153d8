"""What came after a moment, and plateaus."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tmnet

from ...synthetic import race
from .told import (
    BEST,
    NETWORK,
    RATE,
    logged,
    newcombe,
    numbers,
    of,
    only,
    raced,
    run_of,
    shown,
    trained,
)

# --- what came after ----------------------------------------------------------------------------


def test_gains_and_losses_after_a_moment(tmp_path):
    """Over half an hour; a loss that grows is worse; what stays is no change."""
    records = [
        (60 * k, 1000 * k, race(30 - k / 16 if k <= 40 else 27.5) | {"loss": 10 + k})
        for k in range(1, 61)
    ]
    found = tmnet.compare(run_of(tmp_path, "a", records)).findings(after=30)
    best, loss = only(found, "after", BEST), only(found, "after", "loss")
    assert best.value == 28.125 - 27.5 and (best.moment, best.runs) == (60, ("a",))
    assert numbers(best.sentence) == shown(28.125, 30, 27.5, 60, 0.625, 1.25)[:5] + [
        pytest.approx(1.25, abs=0.051)
    ]
    assert loss.value == -30 and "worse by 30.00, 60 an hour" in loss.sentence
    rate = only(found, "after", RATE)
    assert rate.value == 0 and rate.sentence.endswith(": no change.")


def test_the_moment_is_half_of_the_window_if_none_is_given(tmp_path):
    run = run_of(tmp_path, "a", raced([30 - k / 8 for k in range(60)]))
    some = only(tmnet.compare(run).findings(), "after", BEST)
    assert numbers(some.sentence)[1:4:2] == [30, 60]


def test_nothing_came_after_the_end(tmp_path):
    runs = [
        run_of(tmp_path, "long", raced([25.0] * 60)),
        run_of(tmp_path, "short", raced([25.0] * 30)),
    ]
    found = tmnet.compare(runs, window=(0, 60)).findings(after=30)
    assert {x.runs for x in of(found, "after") + of(found, "verdict")} == {("long",)}
    found = tmnet.compare(runs, window=(0, 60)).findings(after=60)
    assert not of(found, "after") + of(found, "verdict")


@pytest.mark.parametrize(
    "times, begins",
    [
        ([None, 25] * 15 + [25] * 29 + [24], "Going on after 30 min was worth it for a: "),
        ([25] * 30 + [25, None] * 15, "Going on after 30 min made a less reliable: "),
        ([25] * 59 + [24], "Going on after 30 min made a faster, not more reliable: "),
        ([25] * 60, "Going on after 30 min brought a nothing that stands out from the noise: "),
    ],
    ids=["worth it", "less reliable", "faster", "nothing"],
)
def test_verdicts(tmp_path, times, begins):
    some = only(tmnet.compare(run_of(tmp_path, "a", raced(times))).findings(after=30), "verdict")
    assert some.sentence.startswith(begins)
    counts = [(sum(x is not None for x in half), 30) for half in (times[30:], times[:30])]
    assert some.value == pytest.approx((counts[0][0] - counts[1][0]) / 30)
    assert some.uncertainty == pytest.approx(newcombe(*counts))
    assert ("better by 1.00 s" in some.sentence) == (times[-1] == 24)


def test_a_best_time_that_gets_worse_is_not_better(tmp_path):
    run = run_of(tmp_path, "a", raced([24.0] * 20 + [25.0] * 40))
    some = only(tmnet.compare(run, trailing=10).findings(after=15), "verdict")
    assert "faster" not in some.sentence and "better by" not in some.sentence


def test_a_large_gain_an_hour_is_written_out(tmp_path):
    run = run_of(tmp_path, "a", logged([2000 - 15 * k for k in range(60)]))
    assert "900 an hour" in only(tmnet.compare(run).findings(), "after", "loss").sentence


# --- plateaus -----------------------------------------------------------------------------------


def plateau(tmp_path, time_at, minutes, name=BEST, **options):
    """The plateau that is found of a run with a race a minute, or None."""
    run = run_of(tmp_path, "a", raced([time_at(k) for k in range(1, minutes + 1)]))
    found = of(tmnet.compare(run, **options).findings(), "plateau", name)
    assert len(found) < 2
    return found[0] if found else None


def test_a_curve_that_falls_and_then_stays(tmp_path):
    """By a second an hour until minute 120. It is seen an hour later at most."""
    some = plateau(tmp_path, lambda k: 30 - min(k, 120) / 60, 300)
    assert 115 <= some.moment <= 180 and some.value == 0.05
    assert numbers(some.sentence) == [some.moment, 0.05]
    assert some.details["since"] == f"{some.moment:.0f} min"


def test_a_curve_that_slows_down(tmp_path):
    """By 0.5 s an hour, and from minute 100 on by 0.03."""
    some = plateau(tmp_path, lambda k: 30 - min(k, 100) / 120 - max(k - 100, 0) / 2000, 400)
    assert 95 <= some.moment <= 160
    assert plateau(tmp_path, lambda k: 30 - k / 600, 400) is None  # 0.1 s an hour, to the end


def test_a_curve_that_stays_for_less_than_an_hour_is_no_plateau(tmp_path):
    assert plateau(tmp_path, lambda k: 30 - min(k, 250) / 60, 300) is None


def test_a_curve_that_stays_and_then_falls_again_is_no_plateau(tmp_path):
    assert plateau(tmp_path, lambda k: 30 - min(k, 60) / 60 - (k > 280), 300) is None


def test_before_the_first_finish_there_is_no_plateau(tmp_path):
    """From then on there is."""
    assert plateau(tmp_path, lambda k: None, 300) is None
    some = plateau(tmp_path, lambda k: 25.0 if k > 100 else None, 300)
    assert 100 <= some.moment <= 160


def test_a_plateau_of_a_short_run(tmp_path):
    """Of one hour: over a fifth of it, a fifth of the gain is asked."""
    some = plateau(tmp_path, lambda k: 30 - min(k, 30) / 60, 60, interval=1)
    assert 29 <= some.moment <= 42 and some.value == 0.05
    assert plateau(tmp_path, lambda k: 30 - k / 600, 60, interval=1) is None


def test_a_plateau_of_a_rate(tmp_path):
    """All races finish from minute 60 to 200, then every other one: first up, then down."""
    rate = plateau(tmp_path, lambda k: 25.0 if 60 < k <= 200 or k % 2 else None, 400, name=RATE)
    assert 140 <= rate.moment <= 205 and rate.value == 0.02
    assert numbers(rate.sentence) == [rate.moment, 2]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 8)), min_size=3, max_size=10))
def test_every_hour_behind_a_plateaus_start_is_slow(pieces):
    """Of a curve of random slopes, as of no hour that begins before; else the last one is not."""
    slopes = [slope / 64 / 8 for minutes, slope in pieces for _ in range(5 * minutes)]
    times = list(40 - np.cumsum(slopes))
    if len(times) < 300:
        times += [times[-1]] * (300 - len(times))
    with tempfile.TemporaryDirectory() as directory:
        run = run_of(Path(directory), "a", raced(times))
    found = of(tmnet.compare(run).findings(), "plateau", BEST)
    end = len(times) // 5 * 5
    gains = {t: times[t - 1] - times[t + 59] for t in range(5, end - 59, 5)}  # of the hour from t
    fast = [0, *(t for t, gain in gains.items() if gain > 0.05 + 1e-6)]  # no time yet at 0
    if fast[-1] == max(gains):
        assert not found
    else:
        assert [some.moment for some in found] == [fast[-1] + 5]


def test_a_plateau_as_long_as_the_window(tmp_path):
    """It was there before the window begins."""
    some = plateau(tmp_path, lambda k: 25.0, 300, window=(60, 300))
    assert some.moment == 60


@pytest.mark.parametrize("by", ["played", "flops"])
def test_along_other_counters_no_plateau_is_told(tmp_path, by):
    """What is slow is known for an hour and for a million steps."""
    raced = trained([30.0] * 9 + [25.0] * 200)
    records = [(*at, values | {"played": 3 * k}) for k, (*at, values) in enumerate(raced, start=1)]
    run = run_of(tmp_path, "a", records, NETWORK)
    assert of(tmnet.compare(run, interval=1).findings(), "plateau")
    assert not of(tmnet.compare(run, by=by).findings(), "plateau")
