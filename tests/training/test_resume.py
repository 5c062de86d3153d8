"""Trainings that are interrupted, killed, resumed: against one that never was."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import tmnet

from ..checks import refused
from .trainings import (
    CARTPOLE,
    FRAMES,
    RACES,
    Crash,
    CrashAfter,
    Spy,
    StopAfter,
    Trainings,
    differences,
    same_log,
    scripted,
    surviving,
    without_times,
)

VARIANTS = {
    "blind": {"memory.test_share": 0.2, "recording.suffix_schedule": [[0, ""], [400, "_2"]]},
    "images": {"neural_network.use_image_head": True, "performance.num_envs": 12},
    "priorities": {"memory.priority_exponent": 0.6},
    "a pause": {
        "memory.schedule": [[0, 200, 100], [300, 700, 450]],
        "memory.uses_per_transition": 2.0,
    },
    "memory resized": {"memory.schedule": [[0, 200, 100], [400, 600, 150], [650, 150, 100]]},
}
BUDGET = 800


@pytest.fixture(autouse=True, scope="module")
def driver():
    with pytest.MonkeyPatch.context() as patch:
        scripted(patch)
        yield


# --- bit for bit --------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=VARIANTS)
def whole(request, tmp_path_factory):
    """A training that was never interrupted; and after which moments races had just ended."""
    trainings = Trainings(tmp_path_factory.mktemp("whole"), values=RACES | VARIANTS[request.param])
    with pytest.MonkeyPatch.context() as patch:
        spy = Spy(patch)
        trainings.train("whole", frames=BUDGET, seed=2)
    ended = [k + 1 for k, ended in enumerate(spy.ended) if ended.any()]
    assert len(ended) >= 4 and trainings.state("whole")["records"]
    return trainings, len(spy.ended), ended


@settings(
    max_examples=2, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_bit_for_bit(whole, data):
    """Weights, optimiser, memory, races and log; wherever it was interrupted."""
    trainings, moments, ended = whole
    # while some races have ended and the others go on, at once, twice in one place, and anywhere
    some = st.lists(st.integers(1, moments - 1), min_size=2, max_size=4)
    stops = {data.draw(st.sampled_from(ended[:-1])), *data.draw(some)}
    for name in ("logs", "checkpoints"):
        for path in (trainings.root / name).glob("parts*"):
            shutil.rmtree(path)
    at = 0
    for stop in [*sorted(stops), max(stops), moments]:
        more = {"stop": StopAfter(stop - at)} if stop < moments else {}
        trainings.train("parts", frames=BUDGET, seed=2 if at == 0 else None, resume=at > 0, **more)
        at = stop
    one, other = (without_times(trainings.state(name)) for name in ("whole", "parts"))
    one["experiment"]["name"] = "parts"
    assert not differences(one, other)
    logs = [trainings.scalars(name) for name in ("whole", "parts")]
    assert same_log(logs[0]) == same_log(logs[1])
    played = [sorted(log[log["tag"] == FRAMES]["step"]) for log in logs]
    assert played[1] == played[0]
    for name in ("best_Hock.pt", "best_A01.pt", "eval_Hock.npy", "eval_A01.npy"):
        paths = [trainings.checkpoints / run / name for run in ("whole", "parts")]
        assert [path.exists() for path in paths] in ([True] * 2, [False] * 2)
        if name.endswith("npy"):
            assert np.load(paths[0]).tolist() == np.load(paths[1]).tolist()
        elif paths[0].exists():
            bests = [torch.load(path, weights_only=True) for path in paths]
            bests[0]["experiment"]["name"] = "parts"
            assert not differences(*bests)


# --- what is allowed, and what is not -----------------------------------------------------------


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A training of 300 frames; and one of 600."""
    trainings = Trainings(tmp_path_factory.mktemp("stopped"))
    trainings.train("run", frames=300, seed=4)
    trainings.train("longer", frames=600, seed=4)
    return trainings


def copied(stopped, tmp_path):
    shutil.copytree(stopped.root, tmp_path / "copy")
    return Trainings(tmp_path / "copy")


def test_a_larger_budget(stopped, tmp_path):
    """It goes on as a run that had it from the start."""
    trainings = copied(stopped, tmp_path)
    trainings.train("run", frames=600, resume=True, seed=4)
    states = trainings.state("run"), trainings.state("longer")
    for name in ("learner", "replay", "world", "counters", "races", "records", "frames", "acting"):
        assert not differences(states[0][name], states[1][name]), name


def test_a_budget_of_another_kind(stopped, tmp_path):
    trainings = copied(stopped, tmp_path)
    trainings.train("run", minutes=60, resume=True, stop=StopAfter(3))
    assert 300 < trainings.state("run")["frames"] < 330


@pytest.mark.parametrize("more", [{"frames": 300}, {"frames": 80}, {"minutes": 1e-7}], ids=str)
def test_a_budget_that_is_used_up(stopped, more):
    refused(lambda: stopped.train("run", resume=True, **more), "'run' has used up its budget")


@pytest.mark.parametrize(
    "values, named",
    [
        ({"training.batch_size": 8}, "training.batch_size"),
        ({"neural_network.iqn_n": 4}, "neural_network.iqn_n"),
        ({"performance.num_envs": 4}, "performance.num_envs"),
        ({"memory.uses_per_transition": 2.0}, "memory.uses_per_transition"),
        ({"stretch_m": 70.0}, "stretch_m"),
        ({"map_cycle": [{"map": "A01"}]}, "map_cycle"),
        ({"exploration.epsilon_schedule": [[0, 0.2]]}, "exploration.epsilon_schedule"),
        ({"recording.save_replay": "no"}, "recording.save_replay"),
        ({"env": "CartPole-v1"}, "env"),
    ],
    ids=str,
)
def test_another_configuration(stopped, values, named):
    """The field that differs is named."""
    if "env" in values:
        values = values | {"map_cycle": [{"kind": "explo"}], "training.mini_race_actions": 0,
                           "training.potential_shaping": False}  # fmt: skip
    before = stopped.files()
    refused(lambda: stopped.train("run", values, frames=900, resume=True), named, "differs")
    assert stopped.files() == before


def test_two_fields_that_differ(stopped):
    values = {"training.kappa": 0.01, "stretch_m": 70.0}
    refused(
        lambda: stopped.train("run", values, frames=900, resume=True), "stretch_m", "training.kappa"
    )


def test_another_seed(stopped):
    refused(lambda: stopped.train("run", frames=900, resume=True, seed=5), "seed 4")


# --- where the memory is not kept ---------------------------------------------------------------


def learned_by_size(trainings):
    """(memory size, batches done) of every log but where the run begins, in order."""
    scalars = trainings.scalars().query("step > 0")
    tags = ("Buffer/size", "cumul_number_batches_done")
    return list(zip(*(scalars[scalars["tag"] == tag]["value"] for tag in tags)))


def test_a_memory_that_is_not_saved(trainings):
    """It is filled anew before learning goes on; all else continues."""
    values = {"recording.save_replay": "no", "memory.schedule": [[0, 1000, 150]]}
    trainings.train(values=values, frames=1200, stop=StopAfter(60))
    before = trainings.state()
    assert before["replay"] is None and before["learner"]["batches"] > 5
    assert trainings.files()[-1].stat().st_size < 200_000
    trainings.train(values=values, frames=1200, resume=True)
    after = trainings.state()
    assert 1200 <= after["frames"] < 1208 and after["races"].keys() >= before["races"].keys()
    assert all(after["races"][name][0] >= races[0] for name, races in before["races"].items())
    logs = learned_by_size(trainings)
    second = next(i for i, (one, other) in enumerate(pairwise(logs)) if other[0] < one[0]) + 1
    done = before["learner"]["batches"]
    assert logs[second][0] < 150
    assert all((batches > done) == (size >= 150) for size, batches in logs[second:])
    assert after["learner"]["batches"] > done + 10
    assert after["counters"]["due"] < 16  # what the pause left has been made up


def test_races_begin_anew_where_the_memory_is_not_saved(trainings, monkeypatch):
    """Those that were under way are not counted; those that end are whole races."""
    values = {"recording.save_replay": "no"}
    trainings.train(values=values, frames=1200, stop=StopAfter(20))
    spy = Spy(monkeypatch)
    trainings.train(values=values, frames=1200, resume=True)
    row = next(k for k, ended in enumerate(spy.ended) if ended.any())
    assert row > 30  # no race is shorter
    scalars = trainings.scalars()
    times = scalars[scalars["tag"].str.contains("race_time")]
    assert times["step"].min() >= 8 * 20 + 8 * row
    evals = [path for path in (trainings.checkpoints / "run").glob("eval_*.npy")]
    for path in evals:
        assert len(np.load(path)) > 30


def test_an_environment_that_cannot_be_saved(tmp_path):
    """CartPole keeps its memory and begins new episodes; none is joined to one before."""
    trainings = Trainings(tmp_path, "gym", CARTPOLE)
    trainings.train(frames=900, stop=StopAfter(70))
    before = trainings.state()
    assert before["world"] is None and before["replay"]["written"] == 70
    trainings.train(frames=900, resume=True)
    after = trainings.state()
    assert 900 <= after["frames"] < 904
    memory, steps = after["replay"], len(before["replay"]["action"])
    assert torch.equal(memory["floats"][:70], before["replay"]["floats"])
    # the last rows lead on to a frame that is gone; new episodes start near 0
    assert not memory["usable"][67:70].any()
    assert memory["usable"][:67].sum() == before["replay"]["usable"][:67].sum() and steps == 70
    assert (memory["floats"][70].abs() <= 0.05).all() and memory["usable"][70].all()
    assert not (memory["floats"][70] == memory["floats"][0]).any()  # which have been played
    assert after["learner"]["batches"] > before["learner"]["batches"] > 0
    scalars = trainings.scalars()
    second = scalars[scalars["step"] > before["frames"]]
    lengths = second[second["tag"].str.contains("length")]
    own = after["frames"] - before["frames"]
    assert lengths["value"].sum() + after["sums"][1].sum() == own
    assert (lengths["value"] <= lengths["step"] - before["frames"]).all()


def test_the_cycle_goes_on_where_races_begin_anew(trainings):
    """Or else what comes late in it would never be driven by who is interrupted often."""
    values = {
        "recording.save_replay": "no",
        "map_cycle": [{"map": "A01", "races": 30}, {"map": "Hock", "kind": "eval", "races": 30}],
    }
    for k in range(5):
        trainings.train(values=values, frames=5000, resume=k > 0, stop=StopAfter(100))
        state = trainings.state()
        assert state["position"] >= state["races"].get("A01/explo", [0])[0]
    assert state["races"]["Hock/eval"][0] > 0
    assert state["frames"] < 5000 and state["races"]["A01/explo"][0] > 20


# --- played twice -------------------------------------------------------------------------------


def as_process(trainings, name, number):
    """Name the event files of this process as if another one had written them."""
    for path in trainings.logs.glob(f"{name}*/*"):
        new = re.sub(rf"\.{os.getpid()}\.(\d+)$", rf".{number}.\1", path.name)
        path.rename(path.with_name(new))


def crash(trainings, name, moments, **more):
    """Play, and end without a checkpoint; all that was logged is in the log."""
    with pytest.raises(Crash):
        trainings.train(name, frames=BUDGET, stop=CrashAfter(moments), **more)


METRICS = [
    f"{map_}/{kind}/{what}" for map_ in ("A01", "Hock") for kind in ("eval", "explo")
    for what in ("races", "best", "mean", "mean_all", "finish_rate", "first_finish")
]  # fmt: skip


def equal_by_step(trainings):
    """Along the steps, the run `parts` is the run `whole`; by time, it is more."""
    runs = [tmnet.load_run(name, trainings.logs, cache=False) for name in ("whole", "parts")]
    rows = []
    for run in runs:
        races = run.races[run.survives(run.races)]
        races = races.astype({"map": str, "kind": str})[
            ["step", "map", "kind", "time_s", "finished"]
        ]
        rows.append(sorted(races.itertuples(index=False, name=None)))
    assert rows[0] == rows[1]
    assert surviving(trainings, "whole") == surviving(trainings, "parts")
    assert len(runs[1].races) > len(runs[0].races)  # some were driven twice
    frame = tmnet.compare(runs, by="step", interval=20, metrics=[*METRICS, "loss"]).frame
    one, other = (frame[frame["run"] == run.name].drop(columns="run") for run in runs)
    assert len(one) > 500
    assert one.reset_index(drop=True).equals(other.reset_index(drop=True))


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """`whole`; and `parts`, up to where it crashed some races after its checkpoint.

    Also after which moments races had ended; the checkpoint is from before the first of these.
    """
    trainings = Trainings(tmp_path_factory.mktemp("played"))
    with pytest.MonkeyPatch.context() as patch:
        spy = Spy(patch)
        trainings.train("whole", frames=BUDGET)
    ended = [k + 1 for k, ended in enumerate(spy.ended) if ended.any()]
    as_process(trainings, "whole", 1)
    trainings.train("parts", frames=BUDGET, stop=StopAfter(ended[0] - 1))
    as_process(trainings, "parts", 2)
    crash(trainings, "parts", ended[3] - ended[0] + 2, resume=True)
    as_process(trainings, "parts", 3)
    return trainings, ended


def test_steps_that_were_played_twice(played, tmp_path):
    """They are left out of the history along the steps."""
    trainings = copied(played[0], tmp_path)
    trainings.train("parts", frames=BUDGET, resume=True)
    as_process(trainings, "parts", 4)
    equal_by_step(trainings)


def test_steps_that_were_played_twice_by_a_process_that_ended_soon(played, tmp_path):
    """Before it logged more than some races."""
    trainings, ended = copied(played[0], tmp_path), played[1]
    soon = StopAfter(ended[1] - ended[0] + 1)
    trainings.train("parts", frames=BUDGET, resume=True, stop=soon)
    as_process(trainings, "parts", 4)
    trainings.train("parts", frames=BUDGET, resume=True)
    as_process(trainings, "parts", 5)
    equal_by_step(trainings)


def test_checkpoints_after_a_crash(played):
    """What crashed has left the one from before."""
    trainings, ended = played
    assert trainings.state("parts")["frames"] == 8 * (ended[0] - 1)


# --- kill -9 ------------------------------------------------------------------------------------

KILLS, SEED = 12, 3
KILLER = Path(__file__).with_name("killer.py")


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A run that was killed many times, and one that was not; what was found after each kill."""
    if not hasattr(os, "fork"):
        pytest.skip("processes cannot be forked here")
    trainings = Trainings(tmp_path_factory.mktemp("killed"))
    values = {"recording.checkpoint_minutes": 1e-6, "training.batch_size": 32}
    arguments = trainings.arguments("killed", values, frames=600, seed=6)
    arguments |= {name: str(arguments[name]) for name in ("logdir", "checkpoints")}
    script = [str(KILLER), *map(json.dumps, (arguments, KILLS, SEED, ["flip", "copy"]))]
    done = subprocess.run(
        [sys.executable, *script],
        capture_output=True, text=True, timeout=600,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return trainings, json.loads(done.stdout.splitlines()[-1])


def test_killed_at_any_moment(killed):
    """There is a checkpoint that can be loaded, and the run goes on from it; or it starts anew."""
    _, found = killed
    *kills, last = found
    assert len(kills) == KILLS and last["status"] == 0
    assert all(kill["status"] == 9 for kill in kills)
    frames = [look["frames"] for look in found]
    assert frames[0] is frames[1] is None and len(set(frames)) > 4 and 600 <= frames[-1] < 608
    for before, after in pairwise(found[1:]):
        assert before["flipped"] or (before["frames"] or 0) <= (after["frames"] or 0)
    assert any(look["flipped"] for look in kills)
    assert all(look["checkpoints"] <= 3 for look in found) and last["checkpoints"] == 2


def test_killed_and_never_interrupted_are_the_same(killed):
    trainings, _ = killed
    one, other = (without_times(trainings.state(name)) for name in ("killed", "unharmed"))
    other["experiment"]["name"] = "killed"
    assert not differences(one, other)
    logs = [same_log(trainings.scalars(name)) for name in ("killed", "unharmed")]
    # nothing is lost, nothing is different; what was played twice is there twice, and survives once
    assert set(logs[0]) == set(logs[1]) and len(logs[1]) < len(logs[0])
    assert surviving(trainings, "killed") == surviving(trainings, "unharmed")


def test_killed_while_a_checkpoint_is_written(killed):
    """What it had written so far is there until the next checkpoint is whole, and then gone."""
    _, found = killed
    assert any(look["aside"] for look in found) and found[-1]["aside"] == 0
