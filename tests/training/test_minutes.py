"""Budgets of minutes, and shares of time, with a clock of our own."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from tmnet.training.recorder import Recorder

from .trainings import (
    StopAfter,
)


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
    monkeypatch.setattr("tmnet.training.interval.time", fake)
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
