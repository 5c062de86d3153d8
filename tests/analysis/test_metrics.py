"""Metrics against a count of the events themselves, on random runs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tmnet
from tmnet.analysis.metrics import Metric

from ..synthetic import CUTOFF, load, race, write_file
from . import brute

PLACES = ["A01/eval", "A01/explo", "Hock/explo"]
RULES = ["last", "min", "max", "mean", "ema"]
# In units of an axis; binary fractions, so that sums of them are exact.
INTERVALS = {"time": [0.5, 1, 4], "step": [16, 100], "relative_step": [16, 100], "played": [64]}


def names_of(history):
    """Every metric of the races in a run."""
    races = [some for moment in history.moments for some in moment.races]
    places = dict.fromkeys(f"{some.map}/{some.kind}" for some in races)
    robust = dict.fromkeys(f"{some.map}/{some.kind}" for some in races if some.robust)
    return [f"{place}/{name}" for place in places for name in brute.STATISTICS] + [
        f"{place}/robust_{name}" for place in robust for name in brute.ROBUST
    ]


@pytest.mark.parametrize("axis", brute.AXES, ids=lambda axis: "-".join(axis.values()))
@settings(max_examples=25)
@given(history=brute.histories().filter(names_of), data=st.data())
def test_races(axis, history, data):
    interval = data.draw(st.sampled_from(INTERVALS[axis["by"]]), "interval")
    trailing = data.draw(st.sampled_from([None, interval, 3.5 * interval]), "trailing")
    names, pairs = names_of(history), brute.placed(history, **axis)
    reach = math.ceil(brute.end(pairs) / interval) * interval
    run = history.load("X")
    comparison = tmnet.compare(
        [run],
        interval=interval,
        window=(0, reach + interval),
        metrics=names,
        trailing=trailing,
        **axis,
    )
    assert [some.name for some in comparison.metrics] == names
    for name in names:
        got = comparison.table(name)["X"]
        wanted = [brute.races_value(pairs, name, t, trailing) for t in got.index]
        # A deviation is a root: where it is 0, rounding of squares shows.
        atol = 1e-4 if name.endswith("std") else 1e-9
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=atol, err_msg=name)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=25)
@given(history=brute.histories(), axis=st.sampled_from(brute.AXES), data=st.data())
def test_scalars(rule, history, axis, data):
    interval = data.draw(st.sampled_from(INTERVALS[axis["by"]]), "interval")
    tags = sorted({tag for moment in history.moments for tag in moment.scalars})
    pairs = brute.placed(history, **axis)
    reach = math.ceil(brute.end(pairs) / interval) * interval
    comparison = tmnet.compare(
        [history.load("X")],
        interval=interval,
        window=(0, reach + interval),
        metrics=tags,
        rule=rule,
        **axis,
    )
    for tag in tags:
        got = comparison.table(tag)["X"]
        wanted = [brute.scalar_value(pairs, tag, t, rule, interval) for t in got.index]
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6, err_msg=tag)


@settings(max_examples=25)
@given(history=brute.histories(), axis=st.sampled_from(brute.AXES), t=st.floats(0, 4000))
def test_any_moment_is_a_grid_point_of_its_own(history, axis, t):
    interval = INTERVALS[axis["by"]][0]
    comparison = tmnet.compare([history.load("X")], interval=interval, **axis)
    pairs = brute.placed(history, **axis)
    for at in (t / 60 if axis["by"] == "time" else t, brute.end(pairs)):
        got = comparison.at(at)["X"]
        assert got.index.tolist() == [some.name for some in comparison.metrics]
        for name, value in got.items():
            if name in ("loss", "own/tag", "played"):
                wanted = brute.scalar_value(pairs, name, at, "last", interval)
            else:
                wanted = brute.races_value(pairs, name, at)
            np.testing.assert_allclose(value, wanted, rtol=1e-9, atol=1e-4, err_msg=name)


# --- by hand ------------------------------------------------------------------------------------


@pytest.fixture
def four_races(tmp_path):
    """One run: 300 s (cut off) at minute 1, 50 s at 2, 40 s at 4, 300 s at 6; loss beside."""
    times = {1: CUTOFF, 2: 50.0, 4: 40.0, 6: CUTOFF}
    losses = {1: 8.0, 2: float("inf"), 4: 2.0, 6: float("nan")}
    records = [
        (60 * k, 10 * k, race(time_s, time_s < CUTOFF) | {"loss": losses[k]})
        for k, time_s in times.items()
    ]
    write_file(tmp_path / "X", records)
    return load(tmp_path, "X")


@pytest.mark.parametrize(
    "statistic, values",
    [  # at minutes 1 to 6
        ("best", [None, 50, 50, 40, 40, 40]),
        ("mean", [None, 50, 50, 45, 45, 45]),
        ("std", [None, 0, 0, 5, 5, 5]),
        ("mean_all", [300, 175, 175, 130, 130, 172.5]),
        ("finish_rate", [0, 1 / 2, 1 / 2, 2 / 3, 2 / 3, 1 / 2]),
        ("first_finish", [None, 2, 2, 2, 2, 2]),
        ("races", [1, 2, 2, 3, 3, 4]),
    ],
)
def test_races_by_hand(four_races, statistic, values):
    name = f"A01/eval/{statistic}"
    table = tmnet.compare([four_races], interval=1, metrics=[name]).table(name)["X"]
    assert table.index.tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(table, np.array(values, float), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(
    "statistic, values",
    [
        ("best", [None, 50, 50, 40, 40, None]),
        ("mean_all", [300, 175, 50, 40, 40, 300]),
        ("finish_rate", [0, 1 / 2, 1, 1, 1, 0]),
        ("first_finish", [None, 2, 2, 2, 2, 2]),
        ("races", [1, 2, 1, 1, 1, 1]),
    ],
)
def test_trailing_races_by_hand(four_races, statistic, values):
    """Of the last two minutes: a race just two minutes ago does not count any more."""
    name = f"A01/eval/{statistic}"
    comparison = tmnet.compare([four_races], interval=1, metrics=[name], trailing=2)
    np.testing.assert_allclose(
        comparison.table(name)["X"], np.array(values, float), rtol=1e-12, atol=1e-9
    )


@pytest.mark.parametrize(
    "rule, values",
    [  # of 8, inf, 2 and NaN at minutes 1, 2, 4 and 6
        ("last", [8, np.inf, np.inf, 2, 2, np.nan]),
        ("min", [8, 8, 8, 2, 2, 2]),
        ("max", [8, 8, 8, 8, 8, 8]),
        ("mean", [8, np.nan, np.nan, 2, np.nan, np.nan]),
        # 2 weighs 1, and 8, three intervals before it, an eighth
        ("ema", [8, 8, 8, 3 / 1.125, 3 / 1.125, 3 / 1.125]),
    ],
)
def test_scalars_by_hand(four_races, rule, values):
    comparison = tmnet.compare([four_races], interval=1, metrics=["loss"], rule=rule)
    np.testing.assert_allclose(comparison.table("loss")["X"], values, rtol=1e-9)


def test_a_counter_between_its_events(tmp_path):
    """It runs evenly with time between two events, and stands still before and after them."""
    records = [(60, 1, race(50.0)), (120, 2, {"count": 100}), (240, 3, race(40.0))]
    records += [(360, 4, {"count": 300}), (420, 5, race(30.0))]
    write_file(tmp_path / "X", records)
    name = "A01/eval/races"
    run = load(tmp_path, "X")
    table = tmnet.compare([run], by="count", interval=50, metrics=[name]).table(name)["X"]
    assert table.to_dict() == {50: 0, 100: 1, 150: 1, 200: 2, 250: 2, 300: 3}


@pytest.mark.parametrize("options", [{"trailing": 0.1}, {"rule": "mean"}], ids=str)
def test_an_event_counts_in_one_interval_only(tmp_path, options):
    """Events every 0.1 minutes, on grid points: each counts in its own interval."""
    records = [(6 * k, k, race(40.0) | {"loss": k}) for k in range(1, 31)]
    write_file(tmp_path / "X", records)
    name = "A01/eval/races" if "trailing" in options else "loss"
    comparison = tmnet.compare([load(tmp_path, "X")], interval=0.1, metrics=[name], **options)
    got = comparison.table(name)["X"].tolist()
    assert got == ([1] * 30 if "trailing" in options else [*range(1, 31)])


def test_a_deviation_of_equal_times_is_zero_beside_long_ones(tmp_path):
    """Sums of squares must not lose what is left of them in a short range."""
    records = [(60 * k, k, race(299.0 if k <= 50 else 20.0625)) for k in range(1, 101)]
    write_file(tmp_path / "X", records)
    name = "A01/eval/std"
    comparison = tmnet.compare([load(tmp_path, "X")], trailing=20, metrics=[name], interval=25)
    np.testing.assert_allclose(comparison.table(name)["X"], 0, atol=1e-4)


@pytest.mark.parametrize(
    "name, better, unit",
    [
        ("A01/eval/best", "lower", "s"),
        ("A01/explo/mean", "lower", "s"),
        ("A01/eval/std", "lower", "s"),
        ("A01/eval/mean_all", "lower", "s"),
        ("A01/eval/finish_rate", "higher", "%"),
        ("A01/eval/first_finish", "lower", "axis"),
        ("A01/eval/races", None, ""),
        ("A01/eval/robust_best", "lower", "s"),
        ("group/A01/eval/best", "lower", "s"),
        ("loss", "lower", ""),
        ("avg_q/A01", None, ""),
        ("training_share", None, "%"),
        ("rollout/ep_rew_mean", "higher", ""),
        ("charts/episodic_return", "higher", ""),
        ("Eval/AverageReturns", "higher", ""),
        ("rollout/success_rate", "higher", ""),
        ("rollout/ep_len_mean", None, ""),
        ("losses/reward_loss", None, ""),
        ("return_std", None, ""),
        ("A01/eval/nonsense", None, ""),
        ("A01/other/best", None, ""),
    ],
)
def test_direction_and_unit(name, better, unit):
    some = Metric.named(name)
    assert (some.name, some.better, some.unit) == (name, better, unit)


@pytest.mark.parametrize(
    "name, value, shown",
    [
        ("A01/eval/best", 24.494, "24.49"),
        ("A01/eval/finish_rate", 0.6449, "64.5"),
        ("A01/eval/races", 1234.0, "1,234"),
        ("training_share", 0.5, "50.0"),
        ("loss", 103.214, "103.21"),
        ("loss", 0.0001234, "0.000123"),
        ("loss", 0.0, "0.00"),
        ("loss", float("nan"), "–"),
        ("loss", float("inf"), "–"),
    ],
)
def test_a_value_as_text(name, value, shown):
    assert Metric.named(name).show(value) == shown
