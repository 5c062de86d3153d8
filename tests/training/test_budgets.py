"""Budgets of updates and of arithmetic: counted where they are taken, over stops and crashes."""

from __future__ import annotations

import math
from contextlib import contextmanager

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.optim.radam import radam
from torch.utils.flop_counter import FlopCounterMode

import tmnet
from tmnet.networks import IQN, costs
from tmnet.training.checkpoint import Checkpoints
from tmnet.training.learner import Learner

from ..checks import refused
from ..networks.nets import states
from .trainings import (
    RACES,
    Crash,
    CrashAfter,
    StopAfter,
    Trainings,
    differences,
    files_in,
)

STATE = ("learner", "replay", "world", "counters", "races", "records", "frames", "acting",
         "sampling", "learning", "first_batch")  # fmt: skip
MANY = {"memory.uses_per_transition": 9.0}  # 4.5 updates an action


@contextmanager
def counted_steps():
    """How many steps optimisers have taken meanwhile, in a list."""
    count = [0]

    def counted(*args, **options):
        radam(*args, **options)
        count[0] += 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tmnet.training.learner.radam", counted)
        yield count


def flops(call, *args):
    """What a call returns, and the FLOPs of it that PyTorch counts."""
    with FlopCounterMode(display=False) as counter:
        result = call(*args)
    return result, counter.get_total_flops()


def flops_of_batches(monkeypatch):
    """FLOPs of the batches that are learned, in a list that grows."""
    found, learn = [], Learner.learn

    def counted(*args):
        learned, count = flops(learn, *args)
        found.append(count)
        return learned

    monkeypatch.setattr(Learner, "learn", counted)
    return found


def loaded(trainings, name="run"):
    return tmnet.load_run(name, trainings.logs, cache=False)


def explorer_end(trainings, name="run"):
    """Where a run ends on the axis of arithmetic."""
    return tmnet.compare(loaded(trainings, name), by="flops").ends[name]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training of 61 updates that was never interrupted, and the steps of its optimiser."""
    trainings = Trainings(tmp_path_factory.mktemp("whole"))
    with counted_steps() as steps:
        trainings.train("whole", MANY, updates=61, seed=3)
    return trainings, steps[0]


def test_updates_are_exact(whole):
    """Also where several are due after an action, of which the last are not made."""
    trainings, steps = whole
    state, run = trainings.state("whole"), loaded(trainings, "whole")
    assert steps == state["learner"]["batches"] == 61
    assert state["counters"]["due"] >= RACES["training.batch_size"]
    logged = run.scalars[run.scalars["tag"] == "cumul_number_batches_done"]["value"]
    assert logged.iloc[0] == 0 and logged.iloc[-1] == 61 and 12 < len(logged) <= 22
    assert (run.config["updates"], run.config["frames"]) == (61, None)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_updates_of_a_run_that_was_interrupted(whole, tmp_path_factory, data):
    """By smaller budgets, a crash and a stop: it is as one that never was."""
    trainings, done = Trainings(tmp_path_factory.mktemp("parts")), 0
    for updates in sorted(data.draw(st.sets(st.integers(1, 40), min_size=1, max_size=2))):
        with counted_steps() as steps:
            trainings.train(values=MANY, updates=updates, seed=3, resume=done > 0)
        assert trainings.state()["learner"]["batches"] == done + steps[0] == updates
        done = updates
    for stop in (CrashAfter, StopAfter):
        try:
            looks = data.draw(st.integers(1, 4))
            trainings.train(values=MANY, updates=61, resume="auto", stop=stop(looks))
        except Crash:  # what it had done since is lost
            assert trainings.state()["learner"]["batches"] == done
    trainings.train(values=MANY, updates=61, resume="auto")
    one, other = trainings.state(), whole[0].state("whole")
    assert not [name for name in STATE if differences(one[name], other[name])]
    assert explorer_end(trainings) == explorer_end(whole[0], "whole")
    again = {"values": MANY, "updates": 61, "resume": True}
    refused(lambda: trainings.train(**again), "has used up its budget")


@pytest.mark.parametrize("share", [0.9, 3])  # before it learns, and while it does
@pytest.mark.parametrize("images", [False, True])
def test_arithmetic_is_that_which_was_done(trainings, monkeypatch, share, images):
    """As PyTorch counts it; it ends with what reaches it, there on the explorer's axis."""
    values = {"neural_network.use_image_head": images, "memory.schedule": [[0, 1000, 800]]}
    shape = tmnet.load_experiment("uni_20").with_values(RACES | values).neural_network
    _, decision = flops(IQN(shape).greedy_action, *states(shape, 1))
    batches, budget = flops_of_batches(monkeypatch), share * 800 * decision / 1e15
    trainings.train(values=values, pflop=budget, stop=StopAfter(70))
    trainings.train(values=values, pflop=budget, resume=True)
    assert (len(batches) > 10) == (share > 1)
    end = (sum(batches) + trainings.state()["frames"] * decision) / 1e15
    assert explorer_end(trainings) == end >= budget
    last = max([RACES["performance.num_envs"] * decision, *batches])
    assert end - last / 1e15 < budget
    assert loaded(trainings).config["pflop"] == budget


def test_networks_are_given_equal_arithmetic(trainings):
    """They end at one place of the axis, with fewer updates of the wider one."""
    wide = {"neural_network.float_hidden_dim": 64}
    for name, values in {"narrow": {}, "wide": wide}.items():
        trainings.train(name, values, pflop=1e-7)
    ends = [explorer_end(trainings, name) for name in ("narrow", "wide")]
    assert ends == pytest.approx([1e-7, 1e-7], rel=0.03) and min(ends) >= 1e-7
    updates = [trainings.state(name)["learner"]["batches"] for name in ("narrow", "wide")]
    assert updates[0] > 1.5 * updates[1]


def test_only_its_own_counts(trainings):
    """Not what led to the checkpoint that a run starts from; also once it has gone on."""
    trainings.train("first", updates=30)
    values = {"initial_checkpoint": "first"}
    with counted_steps() as steps:
        trainings.train("second", values, updates=20)
        trainings.train("second", values, updates=25, resume=True)
    before, state = trainings.state("first"), trainings.state("second")
    assert steps[0] == 25 and state["learner"]["batches"] == 55
    frames = state["frames"] - before["frames"]
    shape = tmnet.load_experiment("uni_20").with_values(RACES).neural_network
    cost = costs(shape, RACES["training.batch_size"])
    expected = 25 * cost["flops_per_batch"] + frames * cost["flops_per_decision"]
    assert explorer_end(trainings, "second") == expected / 1e15
    pflop = expected / 1e15
    refused(lambda: trainings.train("second", values, pflop=pflop, resume=True), "used up")
    trainings.train("second", values, pflop=math.nextafter(pflop, 1), resume=True)
    assert explorer_end(trainings, "second") > pflop


def test_a_run_of_an_earlier_version(trainings):
    """Its checkpoint tells no first batch: of one from scratch it is 0, of others unknown."""

    def forget(name):
        path = trainings.files(name)[-1]
        state = torch.load(path, weights_only=True)
        del state["first_batch"]
        Checkpoints(path.parent).save(state, state["frames"])

    trainings.train("first", updates=30)
    forget("first")
    trainings.train("first", updates=40, resume=True)
    assert trainings.state("first")["learner"]["batches"] == 40
    values = {"initial_checkpoint": "first"}
    trainings.train("second", values, updates=10)
    forget("second")
    more = {"values": values, "resume": True}
    for _ in range(2):  # nor is it once the run has gone on
        frames = trainings.state("second")["frames"] - trainings.state("first")["frames"]
        trainings.train("second", frames=frames + 50, **more)
        refused(lambda: trainings.train("second", updates=99, **more), "earlier")
        refused(lambda: trainings.train("second", pflop=1.0, **more), "earlier")


@pytest.mark.parametrize("others", [{"frames": 120}, {"pflop": 1e-9}], ids=str)
def test_the_first_that_is_used_up_ends_it(trainings, others):
    trainings.train(updates=10**6, **others)
    assert trainings.state()["frames"] < 200
    trainings.train("other", updates=3, frames=10**6)
    assert trainings.state("other")["learner"]["batches"] == 3


@pytest.mark.parametrize(
    "values, more, words",
    [
        ({}, {"updates": 0}, ["budget is 0"]),
        ({}, {"pflop": 0.0}, ["budget is 0"]),
        ({}, {"updates": -1}, ["updates is -1", "at least 0"]),
        ({}, {"updates": 2.5}, ["updates is 2.5", "whole number"]),
        ({}, {"pflop": -0.5}, ["pflop is -0.5", "at least 0"]),
        ({}, {"pflop": math.inf}, ["pflop is inf", "number"]),
        ({}, {"pflop": "many"}, ["pflop is 'many'", "number"]),
        (
            {"memory.uses_per_transition": 0.0},
            {"updates": 5},
            ["uses_per_transition is 0", "never"],
        ),
    ],
    ids=str,
)
def test_wrong_budgets(trainings, values, more, words):
    """One sentence; and nothing has been written."""
    refused(lambda: trainings.train(values=values, **more), *words)
    assert not files_in(trainings.root)


def test_without_learning_other_budgets_end_it(trainings):
    values = {"memory.uses_per_transition": 0.0}
    trainings.train(values=values, updates=5, frames=80)
    assert trainings.state()["frames"] == 80


@pytest.mark.parametrize("budget", [{"updates": 150}, {"pflop": 1e-7}], ids=str)
def test_what_is_left_is_told(trainings, monkeypatch, budget):
    """By the pace since the last log, once there has been an update."""
    monkeypatch.setattr("tmnet.training.progress.EVERY", 0.0)
    statuses = []
    trainings.train(progress=statuses.append, **budget)
    shape = tmnet.load_experiment("uni_20").with_values(RACES).neural_network
    cost = costs(shape, RACES["training.batch_size"])
    ((name, most),) = budget.items()
    for status in statuses:
        learning = cost["flops_per_batch"] * status.updates_per_second
        acting = cost["flops_per_decision"] * status.frames_per_second
        paces = {"updates": status.updates_per_second, "pflop": (learning + acting) / 1e15}
        known = status.updates_per_second > 0
        left = (1 - status.done) * most / paces[name] / 60 if known else math.inf
        assert status.minutes_left == pytest.approx(max(left, 0.0), rel=1e-3, abs=1e-12)
        assert ("left" in str(status)) == known
    done = [status.done for status in statuses]
    assert done == sorted(done) and done[-1] == 1 and done[0] < 0.1
    assert any(status.minutes_left < math.inf for status in statuses)
