"""Trainings that go on from the network of another run."""

from __future__ import annotations

import pytest

import tmnet

from ..checks import refused
from .trainings import (
    CARTPOLE,
    EPSILON,
    LearnerSpy,
    Trainings,
    differences,
    exponential,
    files_in,
    scripted,
)


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
    assert before["fastest"].keys() >= before["records"].keys()
    for map_, score in before["fastest"].items():
        best = first.values_of(f"alltime_min_ms_{map_}", "second")
        assert min(best) < before["frames"] + 60
        assert best[min(best)] == pytest.approx(-1000 * score)

    # learning begins when the memory is as full as it should be at this frame
    sizes = first.values_of("Buffer/size", "second")
    done = first.values_of("cumul_number_batches_done", "second")
    old = before["learner"]["batches"]
    assert all((done[step] > old) == (size >= 300) for step, size in sizes.items())
    assert sizes[min(sizes)] < 60 and max(done.values()) == old + len(spy.loss)
    assert done[before["frames"]] == old
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
    """It is refused: it keeps less than a checkpoint."""
    best = first.checkpoints / "first" / "best_A01.pt"
    assert best.is_file()
    values = {"initial_checkpoint": str(best)}
    refused(lambda: first.train("from_best", values=values, frames=60), "best_A01.pt")


def test_initial_checkpoint_of_another_environment(tmp_path):
    """Whose observations have another length; the configured network is the same."""
    trainings = Trainings(tmp_path, "gym", CARTPOLE)
    trainings.train("cart", frames=60)
    values = {"env": "Acrobot-v1", "initial_checkpoint": "cart"}
    refused(lambda: trainings.train("acrobot", values=values, frames=60), "network")
