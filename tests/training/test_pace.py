"""How fast a training would be: what the trial counts, and that it ends when it should."""

from __future__ import annotations

import math

import pytest

import tmnet
from tmnet.training import pace as module
from tmnet.training.loop import TrainingLoop
from tmnet.training.pace import pace

from ..checks import refused
from .trainings import CARTPOLE, RACES, files_in

PLAY, BATCH = 2.0, 3.0  # s


class Clock:
    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """One on which an action takes 2 s and a batch 3 s, but for the first ones."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)

    def slow(name, seconds):
        do, calls = getattr(TrainingLoop, name), 0

        def taking(loop):
            nonlocal calls
            calls += 1
            do(loop)
            clock.now += seconds if calls > (4 if name == "play" else 1) else 0.1

        monkeypatch.setattr(TrainingLoop, name, taking)

    slow("play", PLAY)
    slow("learn", BATCH)
    return clock


@pytest.mark.parametrize("uses", [0.5, 1.0, 16.0])
def test_frames_per_second(clock, uses):
    """As many batches count for a frame as the experiment learns for one, whatever was tried."""
    values = RACES | {"memory.uses_per_transition": uses, "memory.test_share": 0.25}
    experiment = tmnet.load_experiment("uni_20").with_values(values)
    batches = uses * 0.75 / 16  # of 16 transitions
    expected = 1 / (PLAY / 8 + batches * BATCH)  # 8 environments
    assert pace(experiment, 60.0, device="cpu") == pytest.approx(expected)
    assert clock.now > 60


def test_other_environments_and_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = tmnet.load_experiment("gym").with_values(CARTPOLE)
    told = []
    assert pace(experiment, 0.1, progress=lambda share: told.append(share)) > 0
    assert told == sorted(told) and told[0] > 0 and told[-1] <= 1
    assert not files_in(tmp_path)


def test_it_can_be_stopped_at_once():
    experiment = tmnet.load_experiment("uni_20").with_values(RACES)
    assert math.isnan(pace(experiment, 1e6, progress=lambda share: False))
    looks = iter(range(40))
    assert pace(experiment, 1e6, progress=lambda share: next(looks) < 30) > 0


def test_what_makes_no_sense_is_refused():
    experiment = tmnet.load_experiment("uni_20").with_values(RACES)
    refused(lambda: pace(experiment, 0), "seconds is 0", "above 0")
    refused(lambda: pace("uni_20"), "experiment")
    refused(lambda: pace(experiment.with_values({"map_cycle": [{"map": "A02"}]})), "A02")
