"""Races of a run: the join of the scalars that report one; and the names of tags."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tmnet

from ..synthetic import CUTOFF, load, race, write_file

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


@settings(max_examples=40)
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
