"""One training of races in all its details, against races driven again and books kept by hand."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import fields
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

import tmnet
from tmnet.experiments.config import Experiment

from .trainings import (
    CUTOFF,
    CYCLE,
    EPSILON,
    FRAMES,
    N_STEPS,
    LearnerSpy,
    Spy,
    Trainings,
    exponential,
    races_again,
    read,
    scripted,
)

BUDGET, BATCH, START, USES, UPDATE, QUANTILES = 2100, 16, 150, 1.3, 40, 4
GAMMA = [[0, 0.9], [800, 0.9], [1800, 0.99]]
LR = [[0, 1e-3], [1500, 1e-4]]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A training in three directories whose races are cut off at first, and then finish."""
    trainings = Trainings(tmp_path_factory.mktemp("mixed"))
    values = {
        "performance.num_envs": 6,
        "neural_network.iqn_n": QUANTILES,
        "training.batch_size": BATCH,
        "training.target_update_every": UPDATE,
        "training.gamma_schedule": GAMMA,
        "training.lr_schedule": LR,
        "exploration.epsilon_schedule": EPSILON,
        "memory.schedule": [[0, 1200, START], [1700, 600, START]],
        "memory.uses_per_transition": USES,
        "memory.test_share": 0.0,
        "recording.suffix_schedule": [[0, ""], [700, "_2"], [1500, "_3"]],
    }
    statuses = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tmnet.training.progress.EVERY", 0.0)
        scripted(patch, idle=130)
        spy, learner = Spy(patch), LearnerSpy(patch)
        path = trainings.train(values=values, frames=BUDGET, seed=5, progress=statuses.append)
    races, frames, driven = races_again(spy.actions, CYCLE)
    return SimpleNamespace(
        trainings=trainings, path=path, values=trainings.values | values, spy=spy,
        learner=learner, races=races, frames=frames, driven=np.array(driven), statuses=statuses,
        scalars=trainings.scalars(), books=books(frames, np.array(driven)), state=trainings.state(),
    )  # fmt: skip


def books(frames, driven):
    """By moment: transitions made and remembered, those used, batches, target updates."""
    rows, memories, due, used = [], 0, 0.0, 0
    for k in range(len(frames)):
        fresh = int(driven[k - N_STEPS].sum()) if k >= N_STEPS else 0
        memories += fresh
        if memories >= START:
            due += USES * fresh
        batches = math.floor(due / BATCH + 1e-9)
        used += batches * BATCH
        due -= batches * BATCH
        rows.append({"memories": memories, "used": used, "due": due, "updates": used // UPDATE})
    return rows


def test_what_happened_is_worth_testing(mixed):
    ends = Counter((race["map"], race["kind"], race["finished"]) for race in mixed.races)
    assert all(
        ends[map_, kind, finished] > 0
        for map_ in ("A01", "Hock") for kind in ("eval", "explo") for finished in (True, False)
    )  # fmt: skip
    ended_at_once = Counter(race["row"] for race in mixed.races)
    assert max(ended_at_once.values()) > 1


def logged_races(scalars):
    """What the log says of each race, in order: tags and values by (wall time, step)."""
    of_races = scalars[scalars["tag"].str.contains("race|zone_reached|avg_Q")]
    return [
        (step, dict(zip(rows["tag"], rows["value"])))
        for (_, step), rows in of_races.groupby(["wall_time", "step"])
    ]


def test_races_in_the_log(mixed):
    """Tag by tag: the races of the map cycle, dealt in order, and driven again."""
    expected = []
    for race in mixed.races:
        map_, kind = race["map"], race["kind"]
        values = {
            f"Race/{kind}_race_time_trained_{map_}": race["time_s"],
            f"Race/{kind}_race_finished_trained_{map_}": float(race["finished"]),
            f"RL/single_zone_reached_trained_{map_}": 20 + race["zone"],  # before the start
        }
        if kind == "eval":
            rows = range(race["first_row"], race["row"] + 1)
            q = [mixed.spy.q[row][race["env"]].mean().item() for row in rows]
            values[f"RL/avg_Q_trained_{map_}"] = sum(q) / len(q)
        expected.append((race["step"], values))
    found = logged_races(mixed.scalars)
    assert [(step, set(values)) for step, values in found] == [
        (step, set(values)) for step, values in expected
    ]
    for (_, one), (_, other) in zip(found, expected):
        assert one == pytest.approx(other, rel=1e-5)


def test_times_are_those_of_the_log_format(mixed):
    """Cut off is 300 s; finished to the millisecond."""
    scalars = mixed.scalars
    times = scalars[scalars["tag"].str.contains("race_time")]["value"]
    assert set(times[times >= 60]) == {CUTOFF}
    assert np.allclose(times, times.round(3), atol=2e-5)


def test_frames_are_actions_driven(mixed):
    assert mixed.frames[-1] >= BUDGET > mixed.frames[-2]
    assert mixed.frames[-1] == mixed.driven.sum() < 6 * len(mixed.frames)
    assert mixed.state["frames"] == mixed.frames[-1] == mixed.scalars["step"].max()
    assert int(mixed.trainings.files()[-1].stem) == mixed.frames[-1]
    assert len(mixed.spy.q) == len(mixed.frames)  # it stops then


def test_intervals(mixed):
    """Twenty of a frames budget: as soon as a twentieth has been played; and the end."""
    expected, begun = [], 0
    for played in mixed.frames[:-1]:
        if played >= begun + BUDGET / 20:
            expected.append(played)
            begun = played
    expected.append(mixed.frames[-1])
    assert 18 <= len(expected) <= 20
    for tag in (
        "Buffer/size",
        "RL/epsilon",
        "cumul_training_hours",
        "Performance/frames_per_second",
    ):
        found = mixed.scalars[mixed.scalars["tag"] == tag]
        assert found["step"].tolist() == expected
    assert list(mixed.trainings.values_of(FRAMES).items()) == [(x, x) for x in [0, *expected]]


def at_logs(mixed, tag):
    """(moment, value) of each time that a tag was logged, but where the run begins."""
    rows = mixed.scalars[(mixed.scalars["tag"] == tag) & (mixed.scalars["step"] > 0)]
    moments = {played: k for k, played in enumerate(mixed.frames)}
    return [(moments[step], value) for step, value in zip(rows["step"], rows["value"])]


def test_counters(mixed):
    for tag, of_book in {
        "cumul_number_memories_generated": lambda book: book["memories"],
        "cumul_number_single_memories_used": lambda book: book["used"],
        "cumul_number_single_memories_should_have_been_used": lambda b: b["used"] + b["due"],
        "cumul_number_batches_done": lambda book: book["used"] / BATCH,
        "cumul_number_target_network_updates": lambda book: book["updates"],
    }.items():
        found = at_logs(mixed, tag)
        assert len(found) >= 18
        assert [value for _, value in found] == pytest.approx(
            [of_book(mixed.books[k]) for k, _ in found], rel=1e-6
        ), tag


def test_learning_budget(mixed):
    """Each transition is used so often on average, once there are enough; in whole batches."""
    first = next(k for k, book in enumerate(mixed.books) if book["memories"] >= START)
    new = mixed.books[-1]["memories"] - mixed.books[first - 1]["memories"]
    batches = len(mixed.learner.loss)
    assert batches == mixed.books[-1]["used"] / BATCH == math.floor(USES * new / BATCH)
    assert set(mixed.learner.sizes) == {BATCH}
    learner = mixed.state["learner"]
    assert learner["batches"] == batches and learner["target_updates"] == batches * BATCH // UPDATE


def test_memory_size(mixed):
    envs = 6
    for k, size in at_logs(mixed, "Buffer/size"):
        capacity = 1200 if mixed.frames[k] < 1700 else 600
        made = mixed.books[k]["memories"]
        if made <= capacity - envs:
            assert size == made
        else:
            assert capacity - 30 <= size <= capacity + envs  # without what lies between races


def test_memory_holds_what_was_done(mixed):
    """Each row of the memory, against the actions and the races driven again."""
    memory, rows = mixed.state["replay"], mixed.state["replay"]["rows"]
    last = len(mixed.frames)
    assert memory["written"] == last > rows
    ends = {(race["row"], race["env"]): 1 if race["finished"] else 2 for race in mixed.races}
    before = [0, *mixed.frames]
    for row in range(last - rows, last):
        at = row % rows
        greedy = mixed.spy.q[row].argmax(dim=1)
        assert torch.equal(memory["action"][at].long(), mixed.spy.actions[row])
        assert torch.equal(memory["greedy"][at], mixed.spy.actions[row] == greedy)
        expected = [ends.get((row, env), 0) if mixed.driven[row, env] else 3 for env in range(6)]
        assert memory["end"][at].tolist() == expected
        gamma = np.interp(before[row], *zip(*GAMMA))
        assert memory["gamma"][at].item() == pytest.approx(gamma, rel=1e-6)


def test_losses_of_the_intervals(mixed):
    batches = [0] + [round(value) for _, value in at_logs(mixed, "cumul_number_batches_done")]
    spans = [slice(*pair) for pair in pairwise(batches) if pair[0] < pair[1]]
    values = mixed.scalars.groupby("tag")["value"].apply(list)
    means = [np.mean(mixed.learner.loss[span]) for span in spans]
    assert len(means) >= 15
    assert values["Training/loss"] == pytest.approx(means, rel=1e-5)
    assert values["Training/loss_per_quantile"] == pytest.approx(
        [mean / QUANTILES for mean in means], rel=1e-5
    )
    marks = {"q1": 0.25, "median": 0.5, "q3": 0.75, "d9": 0.9, "d98": 0.98, "max": 1}
    for name, mark in marks.items():
        expected = [np.quantile(mixed.learner.norm[span], mark) for span in spans]
        assert values[f"Gradients/norm_{name}"] == pytest.approx(expected, rel=1e-5)
    assert "Training/loss_test" not in values  # nothing is held out


def test_schedules_in_force(mixed):
    for tag, points in {"RL/epsilon": EPSILON, "Training/learning_rate": LR}.items():
        for k, value in at_logs(mixed, tag):
            assert value == pytest.approx(exponential(points, mixed.frames[k]), rel=1e-5)
    for k, value in at_logs(mixed, "RL/gamma"):
        assert value == pytest.approx(np.interp(mixed.frames[k], *zip(*GAMMA)), rel=1e-6)
    befores = [{"used": 0}, *mixed.books]
    learned_at = [
        played for played, book, before in zip(mixed.frames, mixed.books, befores)
        for _ in range((book["used"] - before["used"]) // BATCH)
    ]  # fmt: skip
    expected = [exponential(LR, played) for played in learned_at]
    assert mixed.learner.lr == pytest.approx(expected, rel=1e-9)


def test_best_times(mixed):
    """Of all races so far, explo and cut-off ones too; those count as 300 s."""
    for map_ in ("A01", "Hock"):
        races = [race for race in mixed.races if race["map"] == map_]
        best = {
            k: 1000 * min(race["time_s"] for race in races if race["row"] <= k)
            for k in range(len(mixed.frames)) if any(race["row"] <= k for race in races)
        }  # fmt: skip
        found = at_logs(mixed, f"alltime_min_ms_{map_}")
        assert len(found) > 3
        assert [value for _, value in found] == pytest.approx([best[k] for k, _ in found])
        assert len(found) == sum(k in best for k, _ in at_logs(mixed, "Buffer/size"))
    assert any(race["time_s"] == 300 for race in mixed.races)


def test_directories_by_frames(mixed):
    """Of the race or log that goes into them, too; and the library joins them by itself."""
    pieces = mixed.scalars.groupby("piece")["step"]
    assert [path.name for path in mixed.trainings.pieces()] == ["run", "run_2", "run_3"]
    assert mixed.path == mixed.trainings.logs / "run"
    low, high = pieces.min(), pieces.max()
    assert high["run"] < 700 <= low["run_2"] <= high["run_2"] < 1500 <= low["run_3"]
    run = tmnet.load_run("run", mixed.trainings.logs, cache=False)
    assert run.pieces == ["run", "run_2", "run_3"]
    assert len(run.scalars) == len(mixed.scalars) and run.steps == mixed.frames[-1]


def test_the_library_reads_the_races(mixed):
    run = tmnet.load_run("run", mixed.trainings.logs, cache=False)
    columns = ["map", "kind", "step", "time_s", "finished"]
    found = run.races[columns].astype({"map": str, "kind": str, "time_s": float})
    expected = [tuple(race[name] for name in columns) for race in mixed.races]
    found["time_s"] = found["time_s"].round(3)
    assert list(found.itertuples(index=False, name=None)) == expected
    assert set(run.races["status"]) == {"trained"}
    for by in ("time", "step"):
        comparison = tmnet.compare([run], by=by, interval=500 if by == "step" else 1e-3)
        names = {metric.name for metric in comparison.metrics}
        assert {f"{m}/{k}/best" for m in ("A01", "Hock") for k in ("eval", "explo")} <= names
        assert {"loss", "avg_q/A01", "training_share"} <= names
    last = comparison.frame.groupby("metric").last()["value"]
    evals = [race for race in mixed.races if (race["map"], race["kind"]) == ("A01", "eval")]
    evals = [race for race in evals if race["step"] <= 2000]
    times = [race["time_s"] for race in evals if race["finished"]]
    assert last["A01/eval/best"] == pytest.approx(min(times))
    assert last["A01/eval/finish_rate"] == pytest.approx(len(times) / len(evals))


def test_texts_in_every_directory(mixed):
    """The whole configuration, and of the machine what matters."""
    for path in mixed.trainings.pieces():
        text = read(path, "text")
        texts = {tag.removesuffix("/text_summary"): x for tag, x in zip(text["tag"], text["value"])}
        assert set(texts) == {"config", "about"}
        config, about = (
            yaml.safe_load(texts[name].removeprefix("```yaml\n").removesuffix("```"))
            for name in ("config", "about")
        )
        assert set(config) == {field.name for field in fields(Experiment)}
        expected = mixed.values | {"name": "run", "frames": BUDGET, "minutes": None}
        for name, value in expected.items():
            section, _, field = name.rpartition(".")
            assert (config[section] if section else config)[field] == value, name
        assert about["seed"] == 5 and about["device"] == "cpu"
        assert about["torch"] == torch.__version__ and about["threads"] == 1
        assert about["precision"] == "float32"
    assert tmnet.load_run("run", mixed.trainings.logs, cache=False).config == config


def test_status(mixed):
    """One a moment, where all are asked for."""
    assert len(mixed.statuses) == len(mixed.frames)
    for k in (0, 100, 200, len(mixed.frames) - 1):
        status = mixed.statuses[k]
        assert status.frames == mixed.frames[k] and status.is_race
        assert status.done == pytest.approx(min(1, mixed.frames[k] / BUDGET))
        assert status.frames_per_second > 0 and status.minutes_left >= 0
        expected = defaultdict(lambda: [0, 0, -math.inf])
        for race in mixed.races:
            if race["row"] <= k:
                count = expected[f"{race['map']}/{race['kind']}"]
                count[0] += 1
                if race["finished"]:
                    count[1:] = [count[1] + 1, max(count[2], -race["time_s"])]
        assert status.races.keys() == expected.keys()
        for name, values in expected.items():
            assert status.races[name] == pytest.approx(tuple(values))
    words = str(mixed.statuses[-1])
    assert f"{mixed.frames[-1]:,} frames" in words and "0:00:00 left" in words
    evals = [r for r in mixed.races if (r["map"], r["kind"]) == ("A01", "eval")]
    finishes = [race["time_s"] for race in evals if race["finished"]]
    share = f"{len(finishes) / len(evals):.0%} of {len(evals)} finish"
    assert f"A01/eval {min(finishes):.2f} s, {share}" in words
