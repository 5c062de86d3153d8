"""The training loop: exploring, the same again, held out, other environments, divergence."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats

import tmnet
from tmnet.errors import TrainingWarning
from tmnet.training.learner import Learner
from tmnet.training.loop import TrainingLoop
from tmnet.training.memory import TransitionMemory

from ..checks import refused
from .trainings import (
    CARTPOLE,
    CYCLE,
    N_STEPS,
    STRETCH,
    LearnerSpy,
    Spy,
    Trainings,
    differences,
    races_again,
    same_log,
    scripted,
)

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


def test_threads(trainings, monkeypatch):
    """As many as asked for, while it trains; a run may go on with others, and says so."""
    seen, learn = [], Learner.learn

    def spied_learn(*arguments):
        seen.append(torch.get_num_threads())
        return learn(*arguments)

    monkeypatch.setattr(Learner, "learn", spied_learn)
    before = torch.get_num_threads()
    trainings.train(values={"performance.threads": before + 1}, frames=300)
    assert set(seen) == {before + 1} and torch.get_num_threads() == before
    seen.clear()
    with pytest.warns(TrainingWarning, match=rf"threads {before + 2} \(before: {before + 1}\)"):
        trainings.train(values={"performance.threads": before + 2}, frames=500, resume=True)
    assert set(seen) == {before + 2} and torch.get_num_threads() == before
    refused(lambda: trainings.train(values={"stretch_m": 70.0}, frames=900, resume=True), "stretch")
    assert torch.get_num_threads() == before
    trainings.train("other", frames=300)
    assert seen[-1] == before


# --- pauses -------------------------------------------------------------------------------------


def test_what_a_pause_leaves_is_made_up(trainings, monkeypatch):
    """While the memory fills up to a larger size; but for its first filling."""
    fresh, learned = [], []
    add, learn = TransitionMemory.add, TrainingLoop.learn

    def spied_add(memory, *arguments):
        fresh.append(add(memory, *arguments))
        return fresh[-1]

    def spied_learn(loop):
        learned.append((loop.frames, len(loop.memory)))
        learn(loop)

    monkeypatch.setattr(TransitionMemory, "add", spied_add)
    monkeypatch.setattr(TrainingLoop, "learn", spied_learn)
    values = {
        "memory.schedule": [[0, 400, 100], [480, 1000, 800]],
        "memory.uses_per_transition": 1.5,
        "memory.test_share": 0.0,
    }
    trainings.train(values=values, frames=1600)
    before = [count for count in np.cumsum(fresh) if count < 100]
    due = 1.5 * (sum(fresh) - before[-1])
    assert len(learned) == due // 16
    assert all(size >= (800 if frames >= 480 else 100) for frames, size in learned)
    gaps = np.diff([frames for frames, _ in learned])
    assert gaps.max() > 300 and sorted(gaps)[-2] < 40
    assert trainings.state()["counters"]["due"] == due % 16


def test_what_is_due_in_the_end_is_learned(trainings):
    """A budget of frames is over once what they brought has been learned."""
    values = {"memory.schedule": [[0, 400, 100], [200, 1000, 500]],
              "memory.uses_per_transition": 4.0, "memory.test_share": 0.0}  # fmt: skip
    trainings.train(values=values, frames=560)
    state = trainings.state()
    assert 560 <= state["frames"] < 568 and len(state["replay"]["action"]) < 100
    assert state["counters"]["due"] < 16 and state["counters"]["used"] > 1500


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
