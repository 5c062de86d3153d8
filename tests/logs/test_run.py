"""`load_run` and `list_runs`: pieces, processes, the two clocks, restarts, races, configuration."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.tensorboard.summary import hparams

import tmnet

from ..synthetic import CUTOFF, T0, load, race, write_file
from .conftest import scalar, values_event, write_events

STARTUP = 7  # s from the version record of a process to the first event


def train(directory, first, last, start=0, pid=1, every=100, seconds=10, **options):
    """Write a process that logs its loss every `every` steps; return the second of its end."""
    steps = range(first, last + 1, every)
    records = [
        (start + STARTUP + seconds * i, step, {"loss": step}) for i, step in enumerate(steps)
    ]
    write_file(directory, records, start, pid=pid, **options)
    return records[-1][0]


# --- pieces -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first, start, joined",
    [
        (10_100, 5000, True),  # carries on
        (10_000, 5000, True),
        (9_000, 5000, True),  # from a checkpoint a little earlier
        (10_900, 5000, True),  # logging began some way after the restart
        (100, 5000, False),  # from scratch
        (5_000, 5000, False),
        (30_000, 5000, False),  # from the checkpoint of some other run
        (10_100, -5000, False),  # before X
    ],
)
def test_a_piece_is_joined_only_if_it_carries_on(tmp_path, first, start, joined):
    train(tmp_path / "X", 100, 10_000)
    train(tmp_path / "X_2", first, first + 2000, start, pid=2)
    run = load(tmp_path, "X")
    assert run.pieces == (["X", "X_2"] if joined else ["X"])
    assert len(run.scalars) == 100 + 21 * joined
    listed = tmnet.list_runs(tmp_path, cache=False).set_index("run")["pieces"].to_dict()
    assert listed == ({"X": ["X", "X_2"]} if joined else {"X": ["X"], "X_2": ["X_2"]})


def test_pieces_go_on_until_one_does_not(tmp_path):
    """X_3 from scratch ends the run, and X_4 is not asked, whatever its steps."""
    for i, first in enumerate([100, 1100, 100, 2100]):
        train(tmp_path / f"X{f'_{i + 1}' * (i > 0)}", first, first + 900, 1000 * i, pid=i)
    assert load(tmp_path, "X").pieces == ["X", "X_2"]


def test_ten_pieces_in_the_order_of_their_numbers(tmp_path):
    names = ["X", *(f"X_{i}" for i in range(2, 12))]
    for i, name in enumerate(names):
        train(tmp_path / name, 1000 * i + 100, 1000 * i + 1000, 1000 * i, pid=i)
    assert load(tmp_path, "X").pieces == names
    assert tmnet.list_runs(tmp_path, cache=False)["pieces"].tolist() == [names]


def test_a_gap_in_the_numbers_ends_a_run(tmp_path):
    train(tmp_path / "X", 100, 1000)
    train(tmp_path / "X_3", 1100, 2000, start=1000, pid=2)
    assert load(tmp_path, "X").pieces == ["X"]
    assert tmnet.list_runs(tmp_path, cache=False)["run"].tolist() == ["X", "X_3"]


@pytest.mark.parametrize(
    "pieces, steps",
    [(["X"], 1000), (["X", "X_2"], 700), (["X_2"], 700), (["X", "Y"], 2000), ("Y", 2000)],
)
def test_named_pieces_replace_the_guess(tmp_path, pieces, steps):
    train(tmp_path / "X", 100, 1000)
    train(tmp_path / "X_2", 100, 700, start=1000, pid=2)
    train(tmp_path / "Y", 1100, 2000, start=2000, pid=3)
    run = load(tmp_path, "X", pieces=pieces)
    assert run.name == "X" and run.steps == steps
    assert run.pieces == ([pieces] if isinstance(pieces, str) else pieces)


def test_nested_directories_and_several_files(tmp_path):
    train(tmp_path / "X", 100, 1000)
    train(tmp_path / "X" / "a" / "b", 1100, 1500, start=200, number=1)
    train(tmp_path / "X" / "a", 1600, 2000, start=400, pid=2)
    run = load(tmp_path, "X")
    assert run.scalars["step"].tolist() == [*range(100, 2001, 100)]
    assert run.scalars["value"].tolist() == [*range(100, 2001, 100)]
    assert run.scalars["wall_time"].is_monotonic_increasing
    assert run.scalars["process"].tolist() == [0] * 15 + [1] * 5
    assert run.processes[["host", "pid"]].to_numpy().tolist() == [["host", "1"], ["host", "2"]]


# --- clocks -------------------------------------------------------------------------------------


def test_two_clocks_by_hand(tmp_path):
    """20 min of one process in two files, an hour and more of nothing, 10 min of another."""
    write_file(tmp_path / "X", [(60, 1, {"a": 1}), (300, 2, {"a": 2})])
    write_file(tmp_path / "X", [(900, 3, {"a": 3}), (1200, 4, {"a": 4})], start=600, number=1)
    write_file(tmp_path / "X", [(5060, 5, {"a": 5}), (5600, 6, {"a": 6})], start=5000, pid=2)
    run = load(tmp_path, "X")
    assert run.scalars["minutes"].tolist() == [1, 5, 15, 20, 21, 30]
    assert (run.duration, run.wall_duration) == (30, 5600 / 60)
    by = {
        clock: tmnet.compare([run], metrics=["a"], clock=clock, interval=1, window=(0, 100))
        for clock in ("active", "wall")
    }
    for clock, minute in (("active", [1, 5, 15, 20, 21, 30]), ("wall", [1, 5, 15, 20, 85, 94])):
        table = by[clock].table("a")["X"]
        for number, at in enumerate(minute[:-1], start=1):
            assert table[at] == number and table.get(at - 1) != number, (clock, at)
    assert by["wall"].table("a")["X"].loc[84.0] == 4  # wall time runs on through the pause
    assert by["active"].ends == {"X": 30} and by["wall"].ends == {"X": 5600 / 60}


@pytest.mark.parametrize(
    "lives, minutes",
    [
        ([(0, 600), (300, 900)], 15),  # they overlap
        ([(0, 1200), (300, 600)], 20),  # one during the other
        ([(0, 600), (0, 600)], 10),
        ([(0, 600), (600, 1200)], 20),  # at once
        ([(0, 1200), (300, 600), (900, 1500), (3000, 3300)], 30),
    ],
)
def test_overlapping_processes_count_once(tmp_path, lives, minutes):
    for pid, (start, end) in enumerate(lives):
        write_file(tmp_path / "X", [(end, 10 * pid, {"a": 1})], start, pid=pid)
    run = load(tmp_path, "X")
    assert len(run.processes) == len(lives)
    assert run.duration == minutes
    assert run.wall_duration == max(end for _, end in lives) / 60


lives = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),  # host
        st.integers(1, 2),  # pid
        st.integers(0, 500),  # start
        st.lists(st.integers(0, 60), min_size=1, max_size=5),  # seconds between events
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(lives=lives)
def test_active_clock_counts_the_seconds_of_any_process(lives):
    """Second by second: the clock goes on in those in which some process was there."""
    alive, walls, spans = set(), [], {}
    with tempfile.TemporaryDirectory() as directory:
        for number, (host, pid, start, gaps) in enumerate(lives):
            seconds = [int(second) for second in start + np.cumsum(gaps)]
            records = [(second, second, {"a": second}) for second in seconds]
            write_file(Path(directory) / "X", records, start, host, pid, number)
            first, last = spans.get((host, pid), (start, start))
            spans[host, pid] = min(first, start), max(last, seconds[-1])
            walls += seconds
        run = load(directory, "X")
    for first, last in spans.values():
        alive |= set(range(first, last))
    walls.sort()
    assert (run.scalars["wall_time"] - T0).tolist() == walls
    expected = [sum(second < wall for second in alive) / 60 for wall in walls]
    np.testing.assert_allclose(run.scalars["minutes"], expected, rtol=0, atol=1e-9)
    assert run.duration == pytest.approx(len(alive) / 60, abs=1e-9)
    started = min(first for first, _ in spans.values())
    assert run.wall_duration == pytest.approx((walls[-1] - started) / 60, abs=1e-9)
    assert len(run.processes) == len(spans)


def test_a_file_without_a_usual_name_is_a_process_of_its_own(tmp_path):
    for number in range(2):
        events = [values_event(step, scalar("a", 1), wall=T0 + 600 * number + step)
                  for step in (0, 60)]  # fmt: skip
        write_events(tmp_path / "X" / f"some.tfevents.{number}", events)
    run = load(tmp_path, "X")
    assert len(run.processes) == 2 and run.duration == 2


def test_start_up_counts_from_a_file_that_holds_only_text(tmp_path):
    """A process that writes its configuration into a file of its own, before anything else."""
    write_file(tmp_path / "X", [], texts={"config": "lr: 1"})
    write_file(tmp_path / "X", [(660, 1, {"a": 1}), (900, 2, {"a": 1})], start=600, number=1)
    run = load(tmp_path, "X")
    assert run.scalars["minutes"].tolist() == [11, 15]
    assert run.wall_duration == 15


# --- restarts -----------------------------------------------------------------------------------


@pytest.fixture
def restarted(tmp_path):
    """A run to step 1000, then from its checkpoint at 700 on to 1500: an eval race every 100.

    Races before the restart take 2 s for every 100 steps less than 100 s, those after it 90 s.
    """
    records = [(60 * i, 100 * i, race(100 - 2 * i)) for i in range(1, 11)]
    write_file(tmp_path / "X", records)
    records = [(1000 + 60 * i, 700 + 100 * i, race(90.0)) for i in range(9)]
    write_file(tmp_path / "X", records, start=950, pid=2)
    return load(tmp_path, "X")


def test_along_time_everything_counts(restarted):
    end = tmnet.compare([restarted]).at(restarted.duration)["X"]
    assert end["A01/eval/races"] == 19
    assert end["A01/eval/best"] == 80.0  # at step 1000, which did not survive
    assert len(restarted.races) == 19 and restarted.steps == 1500


@pytest.mark.parametrize("by, first", [("step", 0), ("relative_step", 100)])
def test_along_steps_the_surviving_history_counts(restarted, by, first):
    """700, where both processes were, is there twice; 800 to 1000 only as played again."""
    table = tmnet.compare([restarted], by=by, interval=100, metrics=["A01/eval/races"])
    table = table.table("A01/eval/races")["X"]
    assert table.to_dict() == {
        step - first: (step // 100 if step < 700 else step // 100 + 1)
        for step in range(first + 100, 1501, 100)
    }
    best = tmnet.compare([restarted], by=by, interval=100).at(1500 - first)["X"]
    assert best["A01/eval/best"] == 86.0  # at step 700


def test_a_second_restart_further_back(restarted, tmp_path):
    """From 300 on once more: nothing above it survives, of neither process before."""
    records = [(3000 + 60 * i, 300 + 100 * i, race(95.0)) for i in range(4)]
    write_file(tmp_path / "X", records, start=2950, pid=3)
    run = load(tmp_path, "X")
    table = tmnet.compare([run], by="step", interval=100, metrics=["A01/eval/races"])
    assert table.table("A01/eval/races")["X"].to_dict() == {
        100: 1, 200: 2, 300: 4, 400: 5, 500: 6, 600: 7
    }  # fmt: skip
    assert tmnet.compare([run]).at(run.duration).at["A01/eval/races", "X"] == 23


def test_hyperparameters_at_step_0_are_no_restart(restarted, tmp_path):
    """add_hparams logs its metric at step 0, whenever it is called."""
    write_file(tmp_path / "X" / "sub", [(960, 0, {"hparam/metric": 1})], 955, pid=2, number=1)
    run = load(tmp_path, "X")
    assert tmnet.compare([run], by="step").at(1500).at["A01/eval/races", "X"] == 16


# --- races --------------------------------------------------------------------------------------

RACE_COLUMNS = ["map", "kind", "status", "step", "minutes", "time_s", "finished", "process"]


def races_of(tmp_path, records, *more):
    """Rows of the races in a run of one file, or of a file for each list of records."""
    for pid, some in enumerate([records, *more]):
        write_file(tmp_path / "X", some, pid=pid)
    return load(tmp_path, "X").races[RACE_COLUMNS].to_numpy().tolist()


@pytest.mark.parametrize("dialect", ["rulka", "linesight"])
def test_both_dialects_log_the_same_races(tmp_path, dialect):
    records = [
        (60, 100, race(40.5, dialect=dialect)),
        (120, 300, race(CUTOFF, False, "map_5", "explo", dialect=dialect)),
        (180, 400, race(33.25, True, "map_5", "eval", "blind", dialect=dialect)),
    ]
    assert races_of(tmp_path, records) == [
        ["A01", "eval", "trained", 100, 1.0, 40.5, True, 0],
        ["map_5", "explo", "trained", 300, 2.0, 300.0, False, 0],
        ["map_5", "eval", "blind", 400, 3.0, 33.25, True, 0],
    ]


@pytest.mark.parametrize(
    "left, right",
    [
        ("eval_race_time_trained_A", "explo_race_finished_trained_A"),
        ("eval_race_time_trained_A", "eval_race_finished_blind_A"),
        ("eval_race_time_trained_A", "eval_race_finished_trained_B"),
        ("eval_race_time_trained_A", "eval_race_time_robust_trained_A"),
        ("eval_race_finished_trained_A", "eval_race_time_robust_trained_A"),
        ("eval_race_time_trained_A", "loss"),
    ],
)
def test_a_race_needs_a_time_and_a_finish_of_one_kind(tmp_path, left, right):
    assert races_of(tmp_path, [(60, 1, {left: 30, right: 1})]) == []


def test_a_time_without_its_finish_is_no_race(tmp_path):
    """Nor is a finish without a time; the races around them stay whole."""
    time, finished = race(1.0)
    records = [
        (60, 100, race(40.0)),
        (120, 200, {time: 300.0}),
        (180, 300, {finished: 1.0}),
        (240, 400, race(30.0)),
    ]
    races = races_of(tmp_path, records, [(120, 200, {finished: 1.0})])  # of another process
    assert [(row[3], row[5]) for row in races] == [(100, 40.0), (400, 30.0)]


@settings(max_examples=40, deadline=None)
@given(
    races=st.lists(
        st.tuples(st.sampled_from([1, 2, 3]), st.integers(80, 1200), st.booleans()), min_size=1
    ),
    apart=st.booleans(),
)
def test_races_at_equal_steps_are_joined_in_their_order(races, apart):
    """Whether the events of a race follow each other, or all times come before all finishes."""
    races = sorted(races, key=lambda some: some[0])
    logged = [
        (60 + i, step, race(quarters / 4, finished))
        for i, (step, quarters, finished) in enumerate(races)
    ]
    if apart:
        logged = [
            (second + 1000 * i, step, {tag: values[tag]})
            for i, tag in enumerate(race(1.0))
            for second, step, values in logged
        ]
    with tempfile.TemporaryDirectory() as directory:
        write_file(Path(directory) / "X", logged)
        got = load(directory, "X").races
    expected = [(step, quarters / 4, finished) for step, quarters, finished in races]
    assert list(got[["step", "time_s", "finished"]].itertuples(index=False, name=None)) == expected


def test_finishes_known_by_their_time_alone(tmp_path):
    """Of logs without `race_finished` but with `race_time_finished`."""
    tag = "eval_race_time{}_trained_A01"
    records = [
        (60, 1, {tag.format(""): 300.0}),
        (120, 2, {tag.format(""): 40.0, tag.format("_finished"): 40.0}),
        (180, 3, {tag.format(""): 300.0}),
    ]
    races = races_of(tmp_path, records)
    assert [(row[5], row[6]) for row in races] == [(300.0, False), (40.0, True), (300.0, False)]


@pytest.mark.parametrize("what, column", [("_finished", "finished"), ("_robust", "robust")])
def test_a_report_belongs_to_the_race_of_its_time(tmp_path, what, column):
    """Two races at one step, of which only the second was reported."""
    tag = "eval_race_time{}_trained_A01"
    first = race(CUTOFF, False, dialect="linesight") if what == "_robust" else {}
    second = race(40.0, True, dialect="linesight") if what == "_robust" else {}
    records = [
        (60, 7, first or {tag.format(""): CUTOFF}),
        (61, 7, (second or {tag.format(""): 40.0}) | {tag.format(what): 40.0}),
    ]
    write_file(tmp_path / "X", records)
    assert load(tmp_path, "X").races[column].tolist() == [False, True]


def test_robust_races(tmp_path):
    records = [
        (60, 1, race(40.0)),
        (120, 2, race(30.0, robust=True)),
        (180, 3, race(CUTOFF, False)),
        (240, 4, race(20.0)),
    ]
    write_file(tmp_path / "X", records)
    run = load(tmp_path, "X")
    assert run.races["robust"].tolist() == [False, True, False, False]
    end = tmnet.compare([run]).at(4)["X"]
    assert (end["A01/eval/best"], end["A01/eval/robust_best"]) == (20.0, 30.0)
    assert (end["A01/eval/races"], end["A01/eval/robust_races"]) == (4, 1)


def test_columns_and_their_types(tmp_path):
    write_file(tmp_path / "X", [(60, 1, race(40.0)), (120, 2, {"loss": float("nan")})])
    run = load(tmp_path, "X")
    types = run.scalars.dtypes.astype(str).to_dict()
    process = types.pop("process")
    assert process.startswith("int")
    assert types == {
        "tag": "category",
        "step": "int64",
        "wall_time": "float64",
        "value": "float64",
        "minutes": "float64",
    }
    assert run.races["finished"].dtype == bool and run.races["time_s"].dtype == float
    assert np.isnan(run.scalars["value"].iloc[-1])


def test_tags_of_known_trainers_have_common_names_and_others_their_own(tmp_path):
    names = {
        "Training/loss": "loss",
        "RL/avg_Q_trained_A01": "avg_q/A01",
        "avg_Q_trained_map_5": "avg_q/map_5",
        "Performance/learner_percentage_training": "training_share",
        "learner_percentage_waiting_for_workers": "waiting_share",
        "Race/eval_race_time_trained_A01": "Race/eval_race_time_trained_A01",
        "rollout/ep_rew_mean": "rollout/ep_rew_mean",
        "charts/episodic_return": "charts/episodic_return",
        "My loss, 50 %": "My loss, 50 %",
        "Training/losses": "Training/losses",
    }
    write_file(tmp_path / "X", [(60, 1, {tag: i for i, tag in enumerate(names)})])
    run = load(tmp_path, "X")
    assert len(run.tags) == len(names) and set(run.tags) == set(names.values())
    assert dict(zip(run.scalars["tag"], run.scalars["value"])) == {
        name: i for i, name in enumerate(names.values())
    }
    for tag, name in names.items():  # either name finds it
        for asked in (tag, name):
            got = tmnet.compare([run], metrics=[asked]).at(1)
            assert got.index.tolist() == [name]
            assert got.iat[0, 0] == list(names).index(tag)


# --- configuration ------------------------------------------------------------------------------

TABLE = "|param|value|\n|-|-|\n|lr|0.5|\n|maps|[A01, Hock]|\n|name|big|"
YAML = "lr: 0.5\nmaps: [A01, Hock]\nname: big\n"
JSON = '{"lr": 0.5, "maps": ["A01", "Hock"], "name": "big"}'
CONFIG = {"lr": 0.5, "maps": ["A01", "Hock"], "name": "big"}


@pytest.fixture
def config_of(tmp_path):
    """Function that returns the configuration of a run with these texts."""

    def config(texts):
        write_file(tmp_path / "X", [(60, 1, {"a": 1})], texts=texts)
        return load(tmp_path, "X").config

    return config


@pytest.mark.parametrize(
    "words", [YAML, f"```yaml\n{YAML}```", f"```\n{YAML}```", JSON, TABLE], ids=repr
)
@pytest.mark.parametrize("tag", ["config", "hyperparameters", "Run/args"])
def test_configuration_from_text(config_of, tag, words):
    assert config_of({tag: words}) == CONFIG


def test_nested_configuration(config_of):
    assert config_of({"config": "net:\n  size: 3\nx: 1"}) == {"net": {"size": 3}, "x": 1}


@pytest.mark.parametrize("words", ["about", "- a\n- list", "no: [end", "some words", ""])
def test_no_configuration(config_of, words):
    """In texts that hold no mapping, and in those that are about something else."""
    assert config_of({"about": YAML, "config": words}) == {}


@pytest.mark.parametrize(
    "words, config",
    [
        ('{"lr": 1e-05}', {"lr": 1e-5}),
        ('{\n\t"lr": 0.5\n}', {"lr": 0.5}),
        ("|param|value|\n|-|-|\n|lr|1e-05|\n|name|x|", {"lr": 1e-5, "name": "x"}),
        ("|param|value|\n|-|-|\n|lr|0.5|\n|name|@home|", {"lr": 0.5, "name": "@home"}),
    ],
    ids=repr,
)
def test_configuration_that_is_no_yaml(config_of, words, config):
    """YAML takes 1e-05 for text, and neither tabs nor an @ at the start."""
    assert config_of({"config": words}) == config


def test_the_later_configuration_counts(tmp_path):
    """A later process logs it again; entries that it leaves out stay."""
    write_file(tmp_path / "X", [(60, 1, {"a": 1})], texts={"config": "lr: 1\nold: 2"})
    later = {"config": "lr: 3\nnew: 4"}
    write_file(tmp_path / "X", [(960, 2, {"a": 1})], start=900, pid=2, texts=later)
    assert load(tmp_path, "X").config == {"lr": 3, "old": 2, "new": 4}


def test_configuration_from_hyperparameters(tmp_path):
    """As torch's ``add_hparams`` writes them."""
    logged = hparams({"lr": 0.5, "optimiser": "RAdam", "double": True}, {"metric": 1})
    events = [values_event(0, wall=T0)]
    events += [values_event(0, *summary.value, wall=T0) for summary in logged]
    events.append(values_event(9, scalar("a", 1), wall=T0 + 60))
    write_events(tmp_path / "X" / f"events.out.tfevents.{T0}.host.1.0", events)
    assert load(tmp_path, "X").config == {"lr": 0.5, "optimiser": "RAdam", "double": True}


# --- listing and errors -------------------------------------------------------------------------


def test_list_runs(three_runs, restarted, tmp_path):
    table = tmnet.list_runs(three_runs, cache=False).set_index("run")
    assert table.to_dict("index") == {
        name: {
            "pieces": [name],
            "processes": 1,
            "minutes": float(minutes),
            "wall_minutes": float(minutes),
            "steps": steps,
            "races": races,
            "maps": ["A01"],
        }
        for name, minutes, steps, races in [
            ("long", 60, 60_000, 120),
            ("never", 45, 45_000, 45),
            ("short", 30, 60_000, 30),
        ]
    }
    row = tmnet.list_runs(tmp_path, cache=False).iloc[0]
    assert row[["processes", "steps", "races"]].tolist() == [2, 1500, 19]
    assert row["minutes"] == pytest.approx((600 + 1480 - 950) / 60)
    assert row["wall_minutes"] == 1480 / 60


def test_directories_without_scalars_are_not_listed(tmp_path):
    train(tmp_path / "X", 100, 1000)
    write_file(tmp_path / "Y", [], texts={"about": "nothing yet"})
    (tmp_path / "Z").mkdir()
    (tmp_path / "notes.txt").write_text("events")
    assert tmnet.list_runs(tmp_path, cache=False)["run"].tolist() == ["X"]


def test_unknown_run_names_the_nearest(three_runs):
    with pytest.raises(tmnet.TmnetError, match=r"no run shrt .*Nearest: short") as error:
        load(three_runs, "shrt")
    assert "never" not in str(error.value)
    with pytest.raises(tmnet.TmnetError, match="There are: long, never, short"):
        load(three_runs, "zzz")
    with pytest.raises(tmnet.TmnetError, match="no run lng"):
        load(three_runs, "long", pieces=["long", "lng"])


@pytest.mark.parametrize("make", [True, False])
def test_log_directory_without_runs(tmp_path, make):
    logdir = tmp_path / "logs"
    if make:
        (logdir / "empty").mkdir(parents=True)
    for function in (tmnet.list_runs, lambda logdir: load(logdir, "X")):
        with pytest.raises(tmnet.TmnetError, match="logs"):
            function(logdir)


def test_run_without_scalars(tmp_path):
    write_file(tmp_path / "X", [], texts={"config": "lr: 1"})
    with pytest.raises(tmnet.TmnetError, match="X holds no scalars"):
        load(tmp_path, "X")
    with pytest.raises(tmnet.TmnetError, match="holds a scalar"):
        tmnet.list_runs(tmp_path, cache=False)


@pytest.mark.filterwarnings("always::tmnet.LogWarning")
def test_what_cannot_be_read_is_noted(tmp_path, recwarn):
    train(tmp_path / "X", 100, 1000)
    path = tmp_path / "X" / f"events.out.tfevents.{T0 + 500}.host.1.1"
    path.write_bytes(b"nonsense that is longer than a header")
    run = load(tmp_path, "X")
    assert len(run.scalars) == 10
    assert [str(warning.message) for warning in recwarn] == run.notes
    assert len(run.notes) == 1 and path.name in run.notes[0]


def test_a_name_completed_by_the_shell_is_the_same_run(tmp_path):
    train(tmp_path / "X", 100, 1000)
    train(tmp_path / "X_2", 1100, 2000, start=1000, pid=2)
    assert load(tmp_path, "X/").pieces == ["X", "X_2"]


# --- a recorded training ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_run(real_log):
    with pytest.warns(tmnet.LogWarning, match="25688.1 holds no scalars"):
        return load(real_log.parent, real_log.name)


@pytest.fixture(scope="module")
def by_pandas(real_log):
    """The same scalars by TensorBoard, file by file: process, active and wall minutes beside."""
    import warnings

    from tbparse import SummaryReader
    from tensorboard.backend.event_processing.event_file_loader import (
        LegacyEventFileLoader,
    )

    frames, active, first = [], 0.0, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for process, path in enumerate(sorted(real_log.iterdir())[:2]):
            walls = [event.wall_time for event in LegacyEventFileLoader(str(path)).Load()]
            first = walls[0] if first is None else first
            frame = SummaryReader(str(path), extra_columns={"wall_time"}).scalars
            frame = frame.assign(
                process=process,
                minutes=active + (frame["wall_time"] - walls[0]) / 60,
                wall=(frame["wall_time"] - first) / 60,
            )
            frames.append(frame)
            active += (walls[-1] - walls[0]) / 60
    return pd.concat(frames)


@pytest.fixture(scope="module")
def races_by_pandas(by_pandas):
    """A function of the kind: the races of the recorded training, by a merge."""

    def of_kind(kind):
        sides = []
        for what in ("time", "finished"):
            side = by_pandas[by_pandas["tag"] == f"{kind}_race_{what}_trained_hock"]
            nth = side.groupby(["process", "step"]).cumcount()
            sides.append(side.assign(nth=nth).set_index(["process", "step", "nth"]))
        races = sides[0].join(sides[1]["value"].rename("finished"), how="inner").reset_index()
        return races.assign(finished=races["finished"] == 1)

    return of_kind


def test_recorded_training(real_run, by_pandas):
    assert f"{real_run.duration:.1f} {real_run.wall_duration:.1f}" == "368.8 2736.2"
    assert by_pandas["minutes"].max() == pytest.approx(real_run.duration, abs=1e-6)
    assert by_pandas["wall"].max() == pytest.approx(real_run.wall_duration, abs=1e-6)
    assert len(real_run.scalars) == len(by_pandas) == 58_553
    assert len(real_run.tags) == by_pandas["tag"].nunique() == 172
    assert real_run.scalars["value"].isna().sum() == by_pandas["value"].isna().sum() == 6
    keys = ["process", "step", "wall_time", "value"]
    got, expected = (frame[keys].sort_values(keys) for frame in (real_run.scalars, by_pandas))
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_allclose(
        np.sort(real_run.scalars["minutes"]), np.sort(by_pandas["minutes"]), rtol=0, atol=1e-6
    )
    last, again = (by_pandas.loc[by_pandas["process"] == i, "step"] for i in (0, 1))
    assert (again.min(), last.max()) == (372_788, 377_027)
    assert real_run.processes["last_step"][0] == 377_027
    assert real_run.processes["first_step"][1] == 372_788


@pytest.mark.parametrize(
    "kind, races, finished, best, first",
    [("eval", 561, 89, "56.04", "101.12"), ("explo", 2250, 335, "58.63", "97.90")],
)
def test_races_of_the_recorded_training(
    real_run, races_by_pandas, kind, races, finished, best, first
):
    expected = races_by_pandas(kind).sort_values("wall_time")
    got = real_run.races[real_run.races["kind"] == kind]
    assert len(got) == len(expected) == races
    assert got["finished"].sum() == expected["finished"].sum() == finished
    for name, other in (("step", "step"), ("time_s", "value"), ("finished", "finished")):
        assert got[name].tolist() == expected[other].tolist(), name
    done = expected[expected["finished"]]
    end = tmnet.compare([real_run]).at(real_run.duration).iloc[:, 0]
    for text_, ours, theirs in (
        (best, end[f"hock/{kind}/best"], done["value"].min()),
        (first, end[f"hock/{kind}/first_finish"], done["minutes"].min()),
    ):
        assert f"{ours:.2f}" == f"{theirs:.2f}" == text_


@pytest.mark.parametrize(
    "options, value",
    [({"clock": "wall"}, "2468.6"), ({"by": "step"}, "427269.0")],
    ids=["wall", "step"],
)
def test_first_finish_of_the_recorded_training(real_run, races_by_pandas, options, value):
    races = races_by_pandas("eval")
    column = "step" if options.get("by") else "wall"
    assert f"{races.loc[races['finished'], column].min():.1f}" == value
    cmp = tmnet.compare([real_run], metrics=["hock/eval/first_finish"], **options)
    assert f"{cmp.at(cmp.window[1]).iat[0, 0]:.1f}" == value


@pytest.mark.parametrize(
    "minute, printed",
    [
        (240, {"races": "424", "finish_rate": "0.0495", "best": "61.06"}),
        (
            300,
            {
                "races": "491",
                "finish_rate": "0.110",
                "best": "57.65",
                "mean": "63.49",
                "mean_all": "273.99",
            },
        ),
    ],
)
def test_moments_of_the_recorded_training(real_run, races_by_pandas, minute, printed):
    races = races_by_pandas("eval")
    races = races[races["minutes"] <= minute]
    times = races.loc[races["finished"], "value"]
    expected = {
        "races": len(races),
        "finish_rate": len(times) / len(races),
        "best": times.min(),
        "mean": times.mean(),
        "mean_all": races["value"].mean(),
    }
    got = tmnet.compare([real_run]).at(minute).iloc[:, 0]
    for name, shown in printed.items():
        digits = len(shown.partition(".")[2])
        assert f"{expected[name]:.{digits}f}" == shown
        assert f"{got[f'hock/eval/{name}']:.{digits}f}" == shown
        assert got[f"hock/eval/{name}"] == pytest.approx(expected[name], rel=1e-9)


def test_steps_played_twice_in_the_recorded_training(real_run, races_by_pandas):
    """Along the steps, races of the first process beyond 372,788 do not count."""
    races = pd.concat([races_by_pandas(kind) for kind in ("eval", "explo")])
    lost = (races["process"] == 0) & (races["step"] > 372_788)
    assert lost.any()
    cmp = tmnet.compare([real_run], by="step")
    end = cmp.at(cmp.window[1]).iloc[:, 0]
    assert end["hock/eval/races"] + end["hock/explo/races"] == (~lost).sum()
