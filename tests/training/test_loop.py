"""The training loop against races that are driven again, and books that are kept by hand."""

from __future__ import annotations

import contextlib
import math
from collections import Counter, defaultdict
from dataclasses import fields, replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from scipy import stats

import tmnet
from tmnet.experiments.config import Experiment
from tmnet.training.learner import Learner
from tmnet.training.recorder import Recorder

from .trainings import (
    CARTPOLE,
    CUTOFF,
    CYCLE,
    FRAMES,
    STRETCH,
    Spy,
    StopAfter,
    Trainings,
    differences,
    one_sentence,
    races_again,
    read,
    refused,
    same_log,
    scripted,
)

N_STEPS = 3


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def trainings(tmp_path):
    return Trainings(tmp_path)


class LearnerSpy:
    """What the learner was given, and what it said."""

    def __init__(self, monkeypatch):
        self.loss, self.norm, self.lr, self.sizes, self.tests = [], [], [], [], []
        learn, test = Learner.learn, Learner.test

        def spied_learn(learner, batch, lr, generator):
            learned = learn(learner, batch, lr, generator)
            self.loss.append(learned.loss.item())
            self.norm.append(learned.grad_norm.item())
            self.lr.append(lr)
            self.sizes.append(len(batch.action))
            return learned

        def spied_test(learner, batch, generator):
            loss = test(learner, batch, generator)
            self.tests.append((learner.batches, len(batch.action), loss.item()))
            return loss

        monkeypatch.setattr(Learner, "learn", spied_learn)
        monkeypatch.setattr(Learner, "test", spied_test)


# --- one training of races, in all its details --------------------------------------------------

BUDGET, BATCH, START, USES, UPDATE, QUANTILES = 2100, 16, 150, 1.3, 40, 4
GAMMA = [[0, 0.9], [800, 0.9], [1800, 0.99]]
EPSILON = [[0, 0.4], [1000, 0.1]]
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
            f"RL/single_zone_reached_trained_{map_}": race["zone"],
        }
        if kind == "eval":
            rows = range(race["first_row"], race["row"] + 1)
            q = [mixed.spy.q[row][race["env"]].max().item() for row in rows]
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
    """(moment, value) of each time that a tag was logged."""
    rows = mixed.scalars[mixed.scalars["tag"] == tag]
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


def exponential(points, at):
    return math.exp(np.interp(at, [x for x, _ in points], [math.log(y) for _, y in points]))


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
    for map_ in ("A01", "Hock"):
        evals = [
            r for r in mixed.races if (r["map"], r["kind"]) == (map_, "eval") and r["finished"]
        ]
        best = {
            k: 1000 * min(race["time_s"] for race in evals if race["row"] <= k)
            for k in range(len(mixed.frames)) if any(race["row"] <= k for race in evals)
        }  # fmt: skip
        found = at_logs(mixed, f"alltime_min_ms_{map_}")
        assert len(found) > 3
        assert [value for _, value in found] == pytest.approx([best[k] for k, _ in found])
        assert len(found) == sum(k in best for k, _ in at_logs(mixed, "Buffer/size"))


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


# --- exploring ----------------------------------------------------------------------------------


def of_kind(races, kind):
    """(moments, environments) of what was done in races of a kind."""
    pairs = [
        (row, race["env"]) for race in races if race["kind"] == kind
        for row in range(race["first_row"], race["row"] + 1)
    ]  # fmt: skip
    return tuple(np.array(pairs).T)


def test_epsilon(trainings, monkeypatch):
    """1: explo races are random, and eval races greedy; next to 0: all are greedy."""
    spy = Spy(monkeypatch)
    values = {"exploration.epsilon_schedule": [[0, 1], [960, 1], [961, 1e-12]],
              "exploration.boltzmann_noise": 0.0}  # fmt: skip
    trainings.train(values=values, frames=1800)
    races, frames, _ = races_again(spy.actions, CYCLE)
    actions = torch.stack(spy.actions).numpy()
    greedy = torch.stack(spy.q).argmax(dim=2).numpy()
    evals, explos = of_kind(races, "eval"), of_kind(races, "explo")
    assert len(evals[0]) > 300 and (actions[evals] == greedy[evals]).all()
    before = np.array([0, *frames[:-1]])
    random, after = (tuple(x[mask] for x in explos)
                     for mask in (before[explos[0]] < 960, before[explos[0]] > 960))  # fmt: skip
    counts = np.bincount(actions[random], minlength=12)
    assert counts.sum() > 400 and stats.chisquare(counts).pvalue > 1e-3
    same = (actions[random] == greedy[random]).sum()
    assert stats.binomtest(int(same), counts.sum(), 1 / 12).pvalue > 1e-3
    assert len(after[0]) > 200 and (actions[after] == greedy[after]).all()


@pytest.mark.parametrize("noise, random", [(0.0, 0.2), (1e6, 0.7)])
def test_epsilon_boltzmann(trainings, monkeypatch, noise, random):
    """The best action after noise: the greedy one if there is none, any if there is much."""
    spy = Spy(monkeypatch)
    values = {
        "exploration.epsilon_schedule": [[0, 0.2]],
        "exploration.epsilon_boltzmann_schedule": [[0, 0.5]],
        "exploration.boltzmann_noise": noise,
        "map_cycle": [{"map": "A01", "kind": "explo", "races": 1}],
        "performance.num_envs": 16,
    }
    trainings.train(values=values, frames=900)
    others = torch.stack(spy.actions) != torch.stack(spy.q).argmax(dim=2)
    count = stats.binomtest(int(others.sum()), others.numel(), random * 11 / 12)
    assert count.pvalue > 1e-3


# --- the same again -----------------------------------------------------------------------------


def test_seeds(trainings):
    """All that is drawn depends on the seed alone."""
    logs = {}
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        torch.manual_seed(len(logs))
        np.random.seed(len(logs))  # noqa: NPY002 - the one that must not matter
        trainings.train(name, frames=500, seed=seed)
        logs[name] = same_log(trainings.scalars(name)), trainings.state(name)["learner"]
    assert logs["one"][0] == logs["same"][0] and not differences(logs["one"][1], logs["same"][1])
    assert logs["one"][0] != logs["other"][0]
    assert len(differences(logs["one"][1]["online"], logs["other"][1]["online"])) > 8


def test_the_seed_is_0_by_default(trainings):
    for name, more in (("one", {}), ("same", {"seed": 0})):
        trainings.train(name, frames=60, **more)
    assert not differences(*(trainings.state(name)["learner"] for name in ("one", "same")))
    assert trainings.state("one")["seed"] == 0


# --- held out -----------------------------------------------------------------------------------


def test_held_out(trainings, monkeypatch):
    """What is held out counts for no memory; every twentieth batch it is tested on."""
    spy = LearnerSpy(monkeypatch)
    values = {"memory.test_share": 0.3, "memory.schedule": [[0, 2000, 50]],
              "memory.uses_per_transition": 3.0}  # fmt: skip
    trainings.train(values=values, frames=900)
    memory = trainings.state()["replay"]
    complete = slice(0, memory["written"] - N_STEPS)
    learned = (memory["usable"] & ~memory["held_out"])[complete].sum().item()
    held_out = (memory["usable"] & memory["held_out"])[complete].sum().item()
    assert 0 < held_out < learned
    last = {tag: max(trainings.values_of(f"cumul_number_{tag}").items())[1]
            for tag in ("memories_generated", "single_memories_used", "batches_done")}  # fmt: skip
    assert last["memories_generated"] == learned
    assert last["batches_done"] == len(spy.loss) and len(spy.tests) == len(spy.loss) // 20 > 3
    assert all(batches % 20 == 0 and size == 16 for batches, size, _ in spy.tests)
    done = [0, *trainings.values_of("cumul_number_batches_done").values()]
    means = [
        np.mean(some) for low, high in pairwise(done)
        if (some := [loss for batches, _, loss in spy.tests if low < batches <= high])
    ]  # fmt: skip
    found = trainings.values_of("Training/loss_test")
    assert list(found.values()) == pytest.approx(means, rel=1e-5)


# --- budgets of minutes, with a clock of our own ------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves on by 0.1 s whenever the loop looks at it; the times of saving."""
    import time

    from tmnet.training.checkpoint import Checkpoints

    now, saved = [0.0], []

    def perf_counter():
        now[0] += 0.1
        return now[0]

    save = Checkpoints.save

    def spied_save(*args):
        saved.append(now[0])
        return save(*args)

    fake = SimpleNamespace(perf_counter=perf_counter, time=time.time, monotonic=time.monotonic)
    monkeypatch.setattr("tmnet.training.loop.time", fake)
    monkeypatch.setattr(Checkpoints, "save", spied_save)
    return SimpleNamespace(now=now, saved=saved)


def test_minutes(trainings, clock):
    """They end it; they are logged, and saved, as often as asked."""
    values = {"recording.checkpoint_minutes": 0.5}
    trainings.train(values=values, minutes=2)
    assert 120 <= clock.now[0] < 125
    hours = list(trainings.values_of("cumul_training_hours").values())
    assert 18 <= len(hours) <= 21 and hours[-1] == pytest.approx(2 / 60, rel=0.02)
    gaps = np.diff([0, *hours[:-1]]) * 60
    assert gaps.min() >= 0.0999 and gaps.max() < 0.13
    assert clock.saved[0] < 2 and len(clock.saved) in (5, 6)
    assert all(30 <= gap < 34 for gap in np.diff([0, *clock.saved[1:4]]))


def test_log_minutes(trainings, clock):
    trainings.train(values={"recording.log_minutes": 0.02}, minutes=0.5)
    gaps = 60 * np.diff([0, *trainings.values_of("cumul_training_hours").values()])
    assert len(gaps) > 12 and gaps[:-1].min() >= 0.0199 and gaps.max() < 0.05


def test_minutes_go_on(trainings, clock):
    """Those of the processes; not those in between."""
    trainings.train(minutes=1, stop=StopAfter(40))
    before = clock.now[0]
    assert before < 40
    clock.now[0] += 5000
    trainings.train(minutes=1, resume=True)
    assert 59 < clock.now[0] - 5000 < 64
    hours = list(trainings.values_of("cumul_training_hours").values())
    assert hours == sorted(hours) and hours[-1] == pytest.approx(1 / 60, rel=0.05)


def shares(trainings):
    """Shares of time that were logged: (activities, logs)."""
    names = ["learner_percentage_training", "percentage_sampling", "percentage_logging",
             "learner_percentage_testing", "learner_percentage_waiting_for_workers"]  # fmt: skip
    return np.array([[*trainings.values_of(f"Performance/{name}").values()] for name in names])


def test_shares_of_time(trainings, clock):
    """What took twice as many looks at the clock took twice the time."""
    trainings.train(values={"memory.test_share": 0.3}, frames=900)
    found = shares(trainings)
    assert (found >= 0).all()
    training, sampling, logging, testing, acting = found[:, 5:].sum(axis=1)
    assert training == pytest.approx(sampling) and training > 10 * testing > 0
    assert acting > training and logging > 0


def test_shares_of_time_are_of_the_whole(trainings, clock, monkeypatch):
    """Also where it takes long to write a log."""
    write = Recorder.write

    def slow(recorder, values, *args):
        clock.now[0] += 30.0 * ("Buffer/size" in values)
        write(recorder, values, *args)

    monkeypatch.setattr(Recorder, "write", slow)
    trainings.train(frames=300)
    assert (shares(trainings).sum(axis=0) <= 1.0001).all()


# --- other environments -------------------------------------------------------------------------


def test_cartpole(tmp_path):
    """Its return is its length; all its frames are in episodes that ended, or go on."""
    trainings = Trainings(tmp_path, "gym", CARTPOLE)
    trainings.train(frames=1500)
    scalars, state = trainings.scalars(), trainings.state()
    pairs = scalars[scalars["tag"].str.startswith("Episode/")]
    found = [
        dict(zip(rows["tag"].str.removeprefix("Episode/"), rows["value"])) | {"step": step}
        for (_, step), rows in pairs.groupby(["wall_time", "step"])
    ]
    kinds = []
    for episode in found:
        step = episode.pop("step")
        (kind, length), (other, value) = sorted(
            (tag.partition("_")[0], value) for tag, value in episode.items()
        )
        assert set(episode) == {f"{kind}_{x}_CartPole-v1" for x in ("length", "return")}
        assert kind == other and length == value and 8 <= length <= 500 and length <= step
        kinds.append(kind)
    assert 0.1 < kinds.count("eval") / len(kinds) < 0.4
    over = sum(row["value"] for _, row in pairs.iterrows() if "length" in row["tag"])
    assert over + state["sums"][1].sum().item() == state["frames"]
    assert not any(tag.startswith(("Race/", "alltime")) for tag in scalars["tag"].unique())
    evals = scalars["tag"] == "RL/avg_Q_trained_CartPole-v1"
    assert evals.sum() == kinds.count("eval")
    returns = scalars[scalars["tag"] == "Episode/eval_return_CartPole-v1"]["value"]
    assert state["records"] == {"CartPole-v1": returns.max()}
    assert tmnet.load_run("run", trainings.logs, cache=False).steps == state["frames"]


# --- going on from another run ------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A run that another one starts from."""
    trainings = Trainings(tmp_path_factory.mktemp("first"))
    with pytest.MonkeyPatch.context() as patch:
        scripted(patch)
        trainings.train("first", values={"exploration.epsilon_schedule": EPSILON}, frames=800)
    return trainings


def test_initial_checkpoint(first, monkeypatch):
    """Frames, schedules and records go on; the memory is filled anew."""
    spy = LearnerSpy(monkeypatch)
    before = first.state("first")
    values = {
        "initial_checkpoint": "first",
        "exploration.epsilon_schedule": EPSILON,
        "memory.schedule": [[0, 1000, 20], [600, 1000, 300]],
        "recording.suffix_schedule": [[0, ""], [300, "_2"]],
    }
    first.train("second", values=values, frames=500, seed=8)
    start, after = first.state("second", 0), first.state("second")
    for name in ("online", "target", "optimiser", "self_loss", "clamped_self_loss", "batches"):
        assert not differences(start["learner"][name], before["learner"][name]), name
    assert start["frames"] == start["first_frame"] == after["first_frame"] == before["frames"]
    own = after["frames"] - before["frames"]
    assert 500 <= own < 508
    assert before["records"] and start["records"] == before["records"]

    scalars = first.scalars("second")
    assert scalars["step"].min() == before["frames"] and scalars["step"].max() == after["frames"]
    pieces = scalars.groupby("piece")["step"]
    assert set(scalars["piece"]) == {"second", "second_2"}
    assert pieces.max()["second"] < before["frames"] + 300 <= pieces.min()["second_2"]
    for step, value in first.values_of("RL/epsilon", "second").items():
        assert value == pytest.approx(exponential(EPSILON, step), rel=1e-5)
    for map_, score in before["records"].items():
        best = first.values_of(f"alltime_min_ms_{map_}", "second")
        assert min(best) < before["frames"] + 60
        assert best[min(best)] == pytest.approx(-1000 * score)

    # learning begins when the memory is as full as it should be at this frame
    sizes = first.values_of("Buffer/size", "second")
    done = first.values_of("cumul_number_batches_done", "second")
    old = before["learner"]["batches"]
    assert all((done[step] > old) == (size >= 300) for step, size in sizes.items())
    assert sizes[min(sizes)] < 60 and max(done.values()) == old + len(spy.loss)
    made = first.values_of("cumul_number_memories_generated", "second")
    assert min(made.values()) >= before["counters"]["memories"]
    run = tmnet.load_run("second", first.logs, cache=False)
    assert run.processes["first_step"].tolist() == [before["frames"]]


def test_initial_checkpoint_of_a_file(first):
    """The file of a checkpoint as well as the name of its run."""
    file = first.files("first")[-1]
    first.train("by_file", values={"initial_checkpoint": str(file)}, frames=60)
    start = first.state("by_file", 0)
    assert not differences(start["learner"], first.state("first")["learner"])


@pytest.mark.parametrize(
    "values, words",
    [
        ({"initial_checkpoint": "frist"}, ["frist", "no such file"]),
        ({"initial_checkpoint": "first", "neural_network.iqn_n": 4}, ["iqn_n differs"]),
        (
            {"initial_checkpoint": "first", "neural_network.use_image_head": True},
            ["use_image_head differs"],
        ),
    ],
    ids=str,
)
def test_initial_checkpoints_that_do_not_fit(first, values, words):
    refused(lambda: first.train("third", values=values, frames=60), *words)
    assert not files_in(first.logs / "third") and not files_in(first.checkpoints / "third")


def test_the_best_as_initial_checkpoint(first):
    """It starts from there, or says in a sentence that it cannot."""
    best = first.checkpoints / "first" / "best_A01.pt"
    assert best.is_file()
    try:
        first.train("from_best", values={"initial_checkpoint": str(best)}, frames=60)
    except tmnet.TmnetError as error:
        one_sentence(str(error), "best_A01.pt")


def test_initial_checkpoint_of_another_environment(tmp_path):
    """Whose observations have another length; the configured network is the same."""
    trainings = Trainings(tmp_path, "gym", CARTPOLE)
    trainings.train("cart", frames=60)
    values = {"env": "Acrobot-v1", "initial_checkpoint": "cart"}
    refused(lambda: trainings.train("acrobot", values=values, frames=60), "network")


def files_in(folder):
    return [path for path in folder.rglob("*") if not path.is_dir()]


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{"frames": 0}, {"minutes": 0}, {"frames": 0, "minutes": 0.0}])
def test_a_budget_of_zero(trainings, more):
    refused(lambda: trainings.train(**more), "budget is 0")
    assert not files_in(trainings.root)


def test_no_budget(trainings):
    experiment = replace(tmnet.load_experiment("uni_20"), minutes=None)
    refused(lambda: trainings.train(experiment=experiment), "not given")


@pytest.mark.parametrize(
    "values, more, words",
    [
        ({}, {"frames": -5}, ["frames is -5"]),
        ({}, {"minutes": math.nan}, ["minutes is nan"]),
        ({"map_cycle": [{"map": "A02"}]}, {"frames": 60}, ["A02", "A01 or Hock"]),
        ({"map_cycle": [{"map": "no/way.npy"}]}, {"frames": 60}, ["no/way.npy"]),
        ({}, {"frames": 60, "device": "cuda:77"}, ["cuda:77", "cannot be used here"]),
        ({}, {"frames": 60, "device": "abacus"}, ["abacus", "cannot be used here"]),
        ({}, {"frames": 60, "scale": "huge"}, ["no scale 'huge'", "laptop"]),
        ({"neural_network.iqm_n": 4}, {"frames": 60}, ["iqm_n", "neural_network.iqn_n"]),
        ({}, {"frames": 60, "name": "a/b"}, ["a/b"]),
        ({}, {"frames": 60, "experiment": "uni_21"}, ["uni_21", "uni_20"]),
        ({}, {"frames": 60, "resume": True}, ["nothing to resume", "'run'"]),
    ],
    ids=str,
)
def test_wrong_arguments(trainings, values, more, words):
    """One sentence; and nothing has been written."""
    refused(lambda: trainings.train(**{"values": values} | more), *words)
    assert not files_in(trainings.root)


@pytest.mark.parametrize("seed", [-1, 1.5])
def test_a_wrong_seed(trainings, seed):
    refused(lambda: trainings.train(frames=60, seed=seed), "seed")


def test_a_device_without_numbers(tmp_path):
    trainings = Trainings(tmp_path, "gym", CARTPOLE)
    refused(lambda: trainings.train(frames=60, device="meta"), "meta")


def test_two_maps_of_the_same_name(trainings, tmp_path):
    paths = []
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        paths.append(str(tmp_path / folder / "road.npy"))
        np.save(paths[-1], np.arange(300)[:, None] * [0.0, 0, 0.5])
    values = {"map_cycle": [{"map": path} for path in paths]}
    refused(lambda: trainings.train(values=values, frames=60), "same name")


@pytest.mark.parametrize("place", ["logs", "checkpoints"])
def test_an_existing_run(trainings, place):
    """Only what is empty may be there already."""
    folder = getattr(trainings, place) / "run"
    folder.mkdir(parents=True)
    trainings.train(frames=8)
    said = refused(lambda: trainings.train(frames=8), "'run' already", "another name")
    assert str(trainings.root) in said
    trainings.train("other", frames=8)
    (getattr(trainings, place) / "third").mkdir()
    (getattr(trainings, place) / "third" / "something").write_text("")
    refused(lambda: trainings.train("third", frames=8), "'third' already", place)


def test_an_existing_run_where_this_one_goes_on(trainings):
    """Two runs would be in one directory."""
    trainings.train("run_2", frames=40)
    before = len(trainings.scalars("run_2"))
    values = {"recording.suffix_schedule": [[0, ""], [20, "_2"]]}
    with contextlib.suppress(tmnet.TmnetError):
        trainings.train("run", values, frames=40)
    assert len(trainings.scalars("run_2")) == before


@pytest.mark.parametrize("place", ["logs", "checkpoints"])
def test_a_file_in_place_of_a_run(trainings, place):
    getattr(trainings, place).mkdir()
    (getattr(trainings, place) / "run").write_text("not a folder")
    refused(lambda: trainings.train(frames=8), place)


@pytest.mark.parametrize("place", ["logdir", "checkpoints"])
def test_places_that_cannot_be_written(trainings, place):
    (trainings.root / "file").write_text("not a folder")
    refused(lambda: trainings.train(frames=8, **{place: trainings.root / "file"}), "file")


# --- divergence ---------------------------------------------------------------------------------


def diverge(monkeypatch, batches):
    """From this batch on weights are no numbers."""
    learn = Learner.learn

    def spoiled(learner, *args):
        learned = learn(learner, *args)
        if learner.batches >= batches:
            with torch.no_grad():
                learner.parameters[3].view(-1)[0] = math.nan
        return learned

    monkeypatch.setattr(Learner, "learn", spoiled)


def test_a_training_that_diverges(trainings, monkeypatch):
    """It says so, and what was good is kept."""
    trainings.train(frames=300)
    good, states = trainings.files(), trainings.state()
    diverge(monkeypatch, 30)
    more = {"frames": 1200, "resume": True}
    with pytest.raises(tmnet.TmnetError, match=r"diverged.* not finite .* checkpoint is kept"):
        trainings.train(**more)
    assert trainings.files() == good and not differences(trainings.state(), states)


def test_the_best_network_is_a_good_one(trainings, monkeypatch):
    """On a straight road not even a network that has diverged can fail to finish."""
    road = trainings.root / "road.npy"
    np.save(road, np.arange(400)[:, None] * [0.0, 0, 0.5])
    values = {
        "map_cycle": [{"map": str(road), "kind": kind, "races": 3} for kind in ("eval", "explo")],
        "memory.schedule": [[0, 1000, 50]],
    }
    diverge(monkeypatch, 5)
    with pytest.raises(tmnet.TmnetError, match="diverged"):
        trainings.train(values=values, frames=1000)
    for best in (trainings.checkpoints / "run").glob("best_*.pt"):
        weights = torch.load(best, weights_only=True)["online"]
        assert all(torch.isfinite(x).all() for x in weights.values())


def test_stretch_is_the_first_metres(trainings, monkeypatch):
    """Another stretch is another race."""
    scripted(monkeypatch)
    times = {}
    for metres in (STRETCH, 80.0):
        name = f"run_{metres:.0f}m"
        values = {"stretch_m": metres, "map_cycle": [{"map": "A01", "kind": "eval", "races": 1}],
                  "performance.num_envs": 2}  # fmt: skip
        trainings.train(name, values, frames=160)
        (times[metres],) = set(
            trainings.values_of("Race/eval_race_time_trained_A01", name).values()
        )
    track = tmnet.racing.load_track("A01")
    for metres, time_s in times.items():
        assert time_s == pytest.approx(tmnet.racing.replay(track.first(metres)).time_s, abs=2e-3)
    assert times[STRETCH] < times[80.0]
