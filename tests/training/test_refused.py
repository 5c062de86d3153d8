"""Trainings that are refused, each in one sentence."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import tmnet

from ..checks import refused
from .trainings import (
    CARTPOLE,
    Trainings,
    files_in,
)


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
        ({}, {"frames": 60, "scale": "huge"}, ["scale is 'huge'", "'laptop'"]),
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
    refused(lambda: trainings.train("run", values, frames=40), "run_2", "already")
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
