"""`tmnet.compare`: grids, windows, frames and tables of several runs, and what it refuses."""

import gc
import re
import weakref
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tmnet
from tmnet.analysis.axis import Axis
from tmnet.analysis.grid import fitting_interval
from tmnet.errors import TmnetError
from tmnet.experiments.config import NetworkConfig
from tmnet.networks.costs import costs

from ..synthetic import CUTOFF, load, race, write_file
from . import brute

NAMES = ["long", "short", "never"]


@pytest.fixture(scope="module")
def runs(three_runs):
    return [load(three_runs, name) for name in NAMES]


def run_of(tmp_path, name, records, **options):
    write_file(tmp_path / name, records, **options)
    return load(tmp_path, name)


# --- grid and window ----------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    interval=st.sampled_from(["0.1", "0.3", "0.25", "1", "2.5", "5", "7", "100"]),
    bounds=st.tuples(st.integers(0, 1200), st.integers(0, 1200)),
)
def test_the_grid_is_the_multiples_of_the_interval_in_the_window(runs, interval, bounds):
    lo, hi = (Fraction(bound, 20) for bound in sorted(bounds))
    comparison = tmnet.compare(
        runs, interval=float(interval), window=(float(lo), float(hi)), metrics=["loss"]
    )
    every = Fraction(interval)
    multiples = [k * every for k in range(1, int(hi / every) + 1) if k * every >= lo]
    expected = [float(at) for at in multiples or [hi]]
    assert comparison.grid.tolist() == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert comparison.window == (float(lo), float(hi))


@pytest.mark.parametrize(
    "options, hi, first",
    [
        ({}, 30, 5),
        ({"clock": "wall"}, 30, 5),
        ({"interval": 7}, 30, 7),
        ({"by": "step"}, 45_000, 45_000),  # no whole interval of 50,000 in it
        ({"by": "step", "interval": 5000}, 45_000, 5000),
        # Each run's own first step is that of its first minute.
        ({"by": "relative_step", "interval": 1000}, 44_000, 1000),
        ({"by": "training_share"}, 30 / 64, 0.005),
    ],
    ids=str,
)
def test_the_default_window_ends_with_the_shortest_run(runs, options, hi, first):
    comparison = tmnet.compare(runs, **options)
    assert comparison.window == (0, hi)
    assert comparison.grid[0] == pytest.approx(first)
    # The last grid point is the last multiple of the interval; no other is between it and the end.
    assert hi - comparison.interval < comparison.grid[-1] <= hi + 1e-9


def test_a_window_beyond_the_end_of_a_run(runs):
    comparison = tmnet.compare(runs, interval=5, window=(20, 80), metrics=["training_share"])
    table = comparison.table("training_share")
    assert table.index.tolist() == [*range(20, 81, 5)]
    for name, end in (("long", 60), ("short", 30), ("never", 45)):
        expected = [t / 64 if t <= end else np.nan for t in table.index]
        np.testing.assert_array_equal(table[name], expected)
    assert comparison.ends == {"long": 60, "short": 30, "never": 45}
    assert comparison.at(80).isna().all(axis=None)


@pytest.mark.parametrize(
    "options, unit, label",
    [
        ({}, "min", "active training time (min)"),
        ({"clock": "wall"}, "min", "wall clock training time (min)"),
        ({"by": "step"}, "steps", "steps (frames played)"),
        ({"by": "relative_step"}, "steps", "steps since the run's first"),
        ({"by": "training_share"}, "training_share", "share of time spent training"),
    ],
    ids=str,
)
def test_the_axis_says_its_unit(runs, options, unit, label):
    comparison = tmnet.compare(runs, **options)
    assert (comparison.axis.unit, comparison.axis.label) == (unit, label)
    assert comparison.table("loss").index.name == unit


# --- values -------------------------------------------------------------------------------------


def test_the_three_runs(runs):
    """Against the formulas that they were written by."""
    comparison = tmnet.compare(runs, interval=1, window=(0, 60))
    best, rate = (comparison.table(f"A01/eval/{name}") for name in ("best", "finish_rate"))
    loss, q = comparison.table("loss"), comparison.table("avg_q/A01")
    for t in range(1, 61):
        assert best.at[t, "long"] == 60 - t / 4 if t >= 10 else np.isnan(best.at[t, "long"])
        assert rate.at[t, "long"] == max(0, t - 9) / t
        assert (loss.at[t, "long"], q.at[t, "long"]) == (128 - t, -t)
        if t <= 30:
            odd = t - (t % 2 == 0)
            expected = 50 - odd / 2 if odd >= 5 else np.nan
            np.testing.assert_equal(best.at[t, "short"], expected)
            assert loss.at[t, "short"] == 64 - t
        else:
            assert np.isnan([best.at[t, "short"], loss.at[t, "short"], q.at[t, "short"]]).all()
        assert rate.at[t, "never"] == 0 if t <= 45 else np.isnan(rate.at[t, "never"])
    assert best["never"].isna().all() and loss["never"].isna().all() and q["never"].isna().all()
    first = comparison.at(30).loc["A01/eval/first_finish"]
    np.testing.assert_array_equal(first[NAMES], [10, 5, np.nan])
    explo = comparison.at(60).loc["A01/explo/best"]
    np.testing.assert_array_equal(explo[NAMES], [40, np.nan, np.nan])


@settings(max_examples=10)
@given(
    histories=st.lists(brute.histories(), min_size=1, max_size=3),
    axis=st.sampled_from(brute.AXES),
    points=st.integers(1, 12),
)
def test_frame_table_and_at_agree(histories, axis, points):
    """With each other, and with a value computed of the events of each run."""
    runs = {f"r{i}": history.load(f"r{i}") for i, history in enumerate(histories)}
    pairs = {name: brute.placed(history, **axis) for name, history in zip(runs, histories)}
    hi = max(map(brute.end, pairs.values()))
    comparison = tmnet.compare(list(runs.values()), interval=hi / points, window=(0, hi), **axis)
    frame, names = comparison.frame, [some.name for some in comparison.metrics]
    assert frame.columns.tolist() == ["run", "metric", "at", "value"]
    assert len(frame) == len(runs) * len(names) * len(comparison.grid)
    plain = frame.astype({"run": str, "metric": str})
    for name in names:
        wide = plain[plain["metric"] == name].pivot(index="at", columns="run", values="value")
        table = comparison.table(name)
        assert table.columns.tolist() == list(runs)
        pd.testing.assert_frame_equal(wide, table, check_names=False, check_column_type=False)
        for run in runs:
            t = table.index[-1]
            assert comparison.at(t).at[name, run] == pytest.approx(
                table.at[t, run], rel=1e-9, abs=1e-4, nan_ok=True
            )
            if "/eval/" in name or "/explo/" in name:
                expected = brute.races_value(pairs[run], name, t)
            else:
                expected = brute.scalar_value(pairs[run], name, t, "last", hi / points)
            assert table.at[t, run] == pytest.approx(expected, rel=1e-9, abs=1e-4, nan_ok=True)


def test_at_is_exact_off_the_grid(runs):
    comparison = tmnet.compare(runs, interval=20)
    assert comparison.at(17.99).at["loss", "long"] == 128 - 17
    assert comparison.at(18).at["loss", "long"] == 128 - 18
    assert comparison.at(0.5).at["A01/eval/races", "long"] == 0
    assert np.isnan(comparison.at(0.5).at["A01/eval/best", "long"])
    assert comparison.at(60).at["A01/eval/best", "long"] == 45  # behind the window


def test_only_some_metrics(runs):
    comparison = tmnet.compare(runs)
    part = comparison.only(["loss", "A01/eval/best"])
    assert [some.name for some in part.metrics] == ["loss", "A01/eval/best"]
    for name in ("loss", "A01/eval/best"):
        pd.testing.assert_frame_equal(part.table(name), comparison.table(name))
        assert part.at(7).loc[name].equals(comparison.at(7).loc[name])
    assert len(part.frame) == 3 * 2 * len(comparison.grid)
    has = re.escape("again(metrics=['avg_q/A01']) has it")
    with pytest.raises(tmnet.TmnetError, match=f"no metric avg_q/A01 in this comparison; {has}"):
        part.table("avg_q/A01")


def test_races_behind_a_value(runs):
    behind = tmnet.compare(runs).races_behind(20)
    assert behind.at["A01/eval/finish_rate", "long"] == 20
    assert behind.at["A01/explo/best", "long"] == 20
    assert "loss" not in behind.index
    trailing = tmnet.compare(runs, trailing=4.5).races_behind(20)
    assert trailing.at["A01/eval/best", "short"] == 5


def test_the_default_metrics(runs):
    names = [some.name for some in tmnet.compare(runs).metrics]
    races = [f"A01/{kind}/{name}" for kind in ("eval", "explo") for name in brute.STATISTICS]
    assert set(names) == {*races, "loss", "avg_q/A01", "training_share"}
    assert len(names) == len(set(names))
    assert "A01/explo/best" not in [some.name for some in tmnet.compare(runs[1]).metrics]


def test_logs_of_other_tools_are_compared_without_set_up(tmp_path):
    tags = {"charts/episodic_return": 1.0, "losses/value_loss": 2.0}
    run = run_of(tmp_path, "ppo", [(60 * k, k, tags) for k in range(1, 20)])
    comparison = tmnet.compare([run])
    assert {some.name for some in comparison.metrics} == set(tags)
    assert comparison.at(5)["ppo"].to_dict() == tags


def test_configuration_differences(tmp_path):
    texts = [
        "network: {size: 3, deep: {er: [1, 2]}}\nbatch: 512\nname: a",
        "network: {size: 4, deep: {er: [1, 3]}}\nbatch: 512\nname: a\nmore: true",
        "",
    ]
    runs = []
    for i, words in enumerate(texts):
        write_file(tmp_path / f"r{i}", [(60, 1, {"a": 1})], texts={"config": words})
        runs.append(load(tmp_path, f"r{i}"))
    assert tmnet.compare(runs[:2]).config_diff().to_dict("index") == {
        "network.size": {"r0": 3, "r1": 4},
        "network.deep.er": {"r0": [1, 2], "r1": [1, 3]},
        "more": {"r0": None, "r1": True},
    }
    assert set(tmnet.compare([runs[0], runs[2]]).config_diff().index) == {
        "network.size", "network.deep.er", "batch", "name"
    }  # fmt: skip
    assert tmnet.compare(runs[0]).config_diff().empty


# --- edges --------------------------------------------------------------------------------------


def test_one_grid_point(runs):
    comparison = tmnet.compare(runs, interval=30)
    assert comparison.grid.tolist() == [30]
    assert comparison.table("loss").loc[30, ["long", "short"]].tolist() == [98, 34]
    assert len(comparison.frame) == 3 * len(comparison.metrics)


@pytest.mark.parametrize("rule", ["last", "min", "max", "mean", "ema"])
def test_an_interval_longer_than_the_run(runs, rule):
    """One grid point, the end of the common window."""
    comparison = tmnet.compare(runs, interval=1000, metrics=["loss", "avg_q/A01"], rule=rule)
    assert comparison.grid.tolist() == [30]
    values = [-k for k in range(1, 31)]
    weights = [0.5 ** ((30 - k) / 1000) for k in range(1, 31)]
    expected = {
        "last": -30,
        "min": -30,
        "max": -1,
        "mean": np.mean(values),
        "ema": np.average(values, weights=weights),
    }[rule]
    assert comparison.at(30).at["avg_q/A01", "long"] == pytest.approx(expected)
    assert comparison.table("avg_q/A01").at[30, "short"] == pytest.approx(expected)
    assert np.isnan(comparison.table("loss").at[30, "never"])


@pytest.mark.parametrize("smoothing, half_life", [(3.0, 3.0), (None, 5.0), (1e-3, 1e-3)])
def test_a_moving_average_of_a_chosen_half_life(runs, smoothing, half_life):
    options = {"interval": 5, "metrics": ["avg_q/A01"], "rule": "ema", "smoothing": smoothing}
    comparison = tmnet.compare(runs, **options)
    at = np.arange(1, 31)
    for end, value in comparison.table("avg_q/A01")["long"].items():
        weights = 0.5 ** ((end - at[at <= end]) / half_life)
        assert value == pytest.approx(np.average(-at[at <= end], weights=weights))
    assert comparison.again(interval=10).smoothing == smoothing
    assert comparison.again(rule="last").smoothing is comparison.again(by="step").smoothing is None


def test_a_half_life_of_what_is_no_moving_average(runs):
    with pytest.raises(TmnetError, match="smoothing is that of rule='ema', and rule is 'last'"):
        tmnet.compare(runs, smoothing=3.0)


def test_a_window_without_data(tmp_path):
    """Races come late; before them there is nothing, and nothing is made up."""
    records = [(60 * k, k, race(40.0) | {"loss": 1}) for k in range(50, 60)]
    run = run_of(tmp_path, "late", [*((60 * k, k, {"own": 1}) for k in range(50)), *records])
    comparison = tmnet.compare([run], interval=5, window=(0, 40))
    table = {some.name: comparison.table(some.name)["late"] for some in comparison.metrics}
    assert (table.pop("A01/eval/races") == 0).all()
    assert all(column.isna().all() for column in table.values()) and len(table) == 7
    trailing = tmnet.compare([run], interval=5, window=(0, 40), trailing=3)
    assert trailing.table("A01/eval/finish_rate")["late"].isna().all()


def test_a_run_of_a_single_record(tmp_path):
    with pytest.warns(tmnet.LogWarning, match="one and the same time"):
        run = run_of(tmp_path, "one", [(0, 7, race(40.0) | {"loss": 2})])
    with pytest.raises(tmnet.TmnetError, match=r"no time axis: .* Compare it by step"):
        tmnet.compare([run])
    comparison = tmnet.compare([run], by="step", interval=7)
    assert comparison.grid.tolist() == [7] and comparison.window == (0, 7)
    values = comparison.at(7)["one"]
    assert (values["loss"], values["A01/eval/best"], values["A01/eval/races"]) == (2, 40, 1)


def test_a_run_that_nobody_has_any_more_is_freed(tmp_path):
    """At once: following would otherwise gather runs until Python looks for circles."""
    for name in "ab":
        write_file(tmp_path / name, [(60 * k, k, race(20.0) | {"loss": 1.0}) for k in range(9)])
    runs = tmnet.load_runs(tmp_path)
    comparison = tmnet.compare(runs, interval=1)
    comparison.findings()
    left = [weakref.ref(run) for run in runs]
    gc.disable()
    try:
        del comparison, runs
        assert [run() for run in left] == [None, None]
    finally:
        gc.enable()


def test_a_metric_that_one_run_has(runs):
    comparison = tmnet.compare(runs, interval=10, metrics=["own/counter", "A01/explo/mean"])
    table = comparison.table("own/counter")
    assert table["short"].tolist() == [30, 60, 90]
    assert table[["long", "never"]].isna().all(axis=None)
    assert comparison.table("A01/explo/mean")["long"].tolist() == [40, 40, 40]
    assert comparison.table("A01/explo/mean")[["short", "never"]].isna().all(axis=None)


def test_races_that_never_finish(tmp_path):
    run = run_of(tmp_path, "X", [(60 * k, k, race(CUTOFF, False)) for k in range(1, 11)])
    end = tmnet.compare([run]).at(10)["X"]
    assert (end["A01/eval/races"], end["A01/eval/finish_rate"]) == (10, 0)
    assert end["A01/eval/mean_all"] == 300
    for name in ("best", "mean", "std", "first_finish"):
        assert np.isnan(end[f"A01/eval/{name}"])


def test_a_run_alone_need_not_be_in_a_list(runs):
    assert [run.name for run in tmnet.compare(runs[0]).runs] == ["long"]


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, message",
    [
        ({"interval": 0}, "interval is 0; it must be a number greater than 0"),
        ({"interval": -5}, "interval is -5"),
        ({"interval": float("nan")}, "interval is nan"),
        ({"interval": float("inf")}, "interval is inf"),
        ({"interval": 1e-6}, "longer interval"),
        ({"interval": 1e-320, "window": (10, 20)}, "longer interval"),
        ({"trailing": 0}, "trailing is 0"),
        ({"trailing": "lat"}, "trailing is 'lat'; it must be a number greater than 0, or 'late'"),
        ({"window": (50, 20)}, "window ends before it starts: 50 to 20"),
        ({"window": (0, float("nan"))}, "window"),
        ({"window": (0, float("inf"))}, "window"),
        ({"clock": "sundial"}, "clock is 'sundial'; it must be 'active' or 'wall'"),
        (
            {"rule": "median"},
            "rule is 'median'; it must be 'last' or 'min' or 'max' or 'mean' or 'ema'",
        ),
        ({"by": "steps"}, "The axis steps is not a counter"),
        ({"by": "own/counter"}, "own/counter is not a counter that run long logged"),
        ({"by": "loss"}, "it cannot be an axis"),
        ({"metrics": ["los"]}, r"no metric los\. Nearest: loss"),
        ({"metrics": ["A01/eval/bst"]}, r"no metric A01/eval/bst\. Nearest: A01/eval/best"),
        ({"metrics": ["A02/eval/best"]}, "Nearest: A01/eval/best"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(runs, options, message):
    with pytest.raises(tmnet.TmnetError, match=message):
        tmnet.compare(runs, **options)


def test_an_average_over_next_to_nothing(runs):
    """Is the last value; and no moment is too late for pandas."""
    options = {"metrics": ["loss"], "window": (30, 30), "interval": 1e-300}
    ema, last = (tmnet.compare(runs, rule=rule, **options).frame for rule in ("ema", "last"))
    pd.testing.assert_frame_equal(ema, last)


def test_which_runs_are_refused(runs):
    with pytest.raises(tmnet.TmnetError, match="at least one run"):
        tmnet.compare([])
    with pytest.raises(tmnet.TmnetError, match="Run long is given twice"):
        tmnet.compare([runs[0], runs[1], runs[0]])


@pytest.mark.parametrize("ask", ["table", "plot"])
def test_a_metric_that_is_not_there(runs, ask):
    comparison = tmnet.compare(runs, metrics=["loss", "training_share"])
    with pytest.raises(tmnet.TmnetError, match=r"training_shar\. Nearest: training_share"):
        getattr(comparison, ask)("training_shar")


# --- arithmetic as the axis ---------------------------------------------------------------------

NETWORK = "neural_network: {iqn_n: 16, image: none}\ntraining: {batch_size: 256}\n"


def of_batches(logged, frames=3000, minutes=10, start=0, **others):
    """A race of 30 - k s in minute k, and a counter of batches in the minutes that are given."""
    return [
        (60 * k, start + frames * k,
         race(30.0 - k) | others
         | ({"cumul_number_batches_done": logged[k]} if k in logged else {}))
        for k in range(1, minutes + 1)
    ]  # fmt: skip


def spent(batches, frames):
    """PFLOP of the network of `NETWORK`."""
    total = costs(NetworkConfig(iqn_n=16), 256)
    return (batches * total["flops_per_batch"] + frames * total["flops_per_decision"]) / 1e15


@pytest.mark.parametrize(
    "logged, done",
    [
        # in every minute; and where there is none, evenly between
        ({k: 2000 * k for k in range(1, 11)}, [2000 * k for k in range(1, 11)]),
        ({2: 1000, 4: 5000, 10: 6200}, [500, 1000, 3000, 5000, 5200, 5400, 5600, 5800, 6000, 6200]),
        # before the first as after it; behind the last it stands still
        ({3: 3000, 5: 5000}, [1000, 2000, 3000, 4000, 5000] + [5000] * 5),
        # from a checkpoint of 99,000 batches: 500 a minute, and 99,000 at minute 0
        ({2: 100_000, 4: 101_000, 10: 104_000}, [500 * k for k in range(1, 11)]),
    ],
    ids=["each minute", "evenly between", "outside", "from a checkpoint"],
)
def test_arithmetic_by_hand(tmp_path, logged, done):
    """Batches since the run's start, and frames since its first, as the race of each minute."""
    run = run_of(tmp_path, "a", of_batches(logged, start=50_000), texts={"config": NETWORK})
    at = [spent(batches, 3000 * k) for k, batches in enumerate(done)]
    comparison = tmnet.compare(run, by="flops", interval=at[-1] / 1000, window=(0, at[-1]))
    assert comparison.ends["a"] == pytest.approx(at[-1], rel=1e-12)
    assert (comparison.axis.unit, comparison.axis.label[:10]) == ("PFLOP", "arithmetic")
    for k, position in enumerate(at, start=1):
        before, behind = (comparison.at(position * x)["a"] for x in (1 - 1e-9, 1 + 1e-9))
        if position:
            assert before["A01/eval/races"] == k - 1
        if k < len(at):
            assert (behind["A01/eval/races"], behind["A01/eval/best"]) == (k, 30 - k)
    first = comparison.at(at[-1])["a"]["A01/eval/first_finish"]
    assert first == pytest.approx(at[0], rel=1e-12)


def test_arithmetic_of_a_run_that_told_where_it_began(tmp_path):
    """Its first count is that of where it came from, however fast it learned at first."""
    begin = (0, 50_000, {"cumul_number_batches_done": 99_000})
    records = of_batches({1: 99_900, 10: 100_000}, start=50_000)
    run = run_of(tmp_path, "a", [begin, *records], texts={"config": NETWORK})
    comparison = tmnet.compare(run, by="flops", interval=spent(1000, 30_000))
    assert comparison.ends["a"] == spent(1000, 30_000)


@pytest.mark.parametrize(
    "config, logged",
    [
        ("", {1: 10, 9: 90}),
        ("neural_network: {iqn_n: 8}", {1: 10, 9: 90}),
        ("training: {batch_size: 8}", {1: 10, 9: 90}),
        (NETWORK, {}),
        (NETWORK, {5: 10}),
    ],
    ids=["no configuration", "no batch", "no network", "no counter", "one event"],
)
def test_arithmetic_that_nothing_is_known_of(tmp_path, config, logged):
    texts = {"config": config} if config else {}
    run = run_of(tmp_path, "a", of_batches(logged), texts=texts)
    with pytest.raises(tmnet.TmnetError, match="Run a did not log what its arithmetic") as caught:
        tmnet.compare(run, by="flops")
    assert "\n" not in str(caught.value)


@settings(max_examples=25)
@given(history=brute.histories(), axis=st.sampled_from(brute.AXES), part=st.floats(0, 1))
def test_the_last_event_before_a_position(history, axis, part):
    """`row_at` and `position` undo each other, where the run has events at all."""
    run = history.load("a")
    there = Axis(axis["by"], axis.get("clock", "active")).of(run)
    known = [at for at, _ in brute.placed(history, **axis)]
    at = known[0] + part * (known[-1] - known[0])
    expected = max(x for x in known if x <= at)
    assert there.position(there.row_at(at)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "minutes, steps, expected",
    [
        (100, 1_000_000, (5, 50_000)), (99, 999_999, (2, 20_000)), (30, 300_000, (1, 10_000)),
        (14.6, 643_000, (0.5, 20_000)), (3, 30_000, (0.25, 2500)),
    ],
)  # fmt: skip
def test_intervals_that_fit_short_runs(tmp_path, minutes, steps, expected):
    """Twenty grid points at least, of the shortest run; of very short ones fewer."""
    write_file(tmp_path / "short", [(1, 1, {"loss": 1}), (60 * minutes, steps, {"loss": 1})])
    write_file(tmp_path / "long", [(1, 1, {"loss": 1}), (60_000, 10**9, {"loss": 1})], pid=2)
    runs = [load(tmp_path, name) for name in ("long", "short")]
    assert tuple(fitting_interval(runs, Axis(by)) for by in ("time", "step")) == expected


@pytest.mark.parametrize("last", [10**9, 10**12, 2**62, 2**63 - 1])
def test_runs_too_long_for_the_default_interval(tmp_path, last):
    """Such as one whose steps are nanoseconds: it is no reason to compare nothing."""
    run = run_of(tmp_path, "X", [(60, 1, {"loss": 2.0}), (1200, last, {"loss": 1.0})])
    for by in ("step", "relative_step"):
        comparison = tmnet.compare([run], by=by)
        assert 50 <= len(comparison.grid) <= 20_000
        table = comparison.table("loss")["X"]
        assert table.iloc[0] == 2.0 and table.index[-1] <= last
    assert len(tmnet.compare([run], by="step", interval=fitting_interval([run], Axis("step"))).grid)


def test_steps_that_reach_from_end_to_end(tmp_path):
    """Their differences are more than 64 bits hold."""
    steps = [-(2**63), 0, 2**62]
    run = run_of(tmp_path, "X", [(60 * i, step, {"loss": i}) for i, step in enumerate(steps)])
    assert tmnet.compare([run], by="relative_step").ends["X"] == pytest.approx(2**63 + 2**62)


def test_a_run_that_has_just_begun_has_nothing_to_compare(tmp_path):
    run = run_of(tmp_path, "X", [(0, 0, {"loss": 1.0})])
    for by in ("time", "step", "relative_step"):
        with pytest.raises(tmnet.TmnetError, match="nothing to compare yet"):
            tmnet.compare([run], by=by)
