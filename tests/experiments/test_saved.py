"""Experiments that are written into files: read again they are the same, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.experiments import NetworkConfig, experiment_names, load_experiment, save_experiment
from tmnet.experiments.load import own_experiments

from ..checks import refused

BIG = replace(
    load_experiment("A01_as20_long"), name="mine", neural_network=NetworkConfig.big()
)  # fmt: skip


def test_the_file_is_a_base_and_what_differs(tmp_path):
    """As the big experiment, which comes with tmnet, is written."""
    path = save_experiment(BIG, "A01_as20_long", tmp_path / "experiments")
    assert path == tmp_path / "experiments" / "mine.yaml" and own_experiments(path.parent) == [path]
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == {
        "base": "A01_as20_long",
        "neural_network": {
            "w_downsized": 128, "h_downsized": 128, "iqn_embedding_dimension": 256, "iqn_n": 16,
            "iqn_k": 64,
        },
    }  # fmt: skip
    assert load_experiment(path) == BIG


@settings(max_examples=15)
@given(
    base=st.sampled_from(experiment_names()),
    is_scaled=st.booleans(),
    values=st.fixed_dictionaries(
        {},
        optional={
            "neural_network.iqn_n": st.integers(1, 40).map(lambda x: 2 * x),
            "training.batch_size": st.integers(1, 999),
            "training.self_loss_ratio": st.none() | st.floats(1, 9),
            "exploration.boltzmann_noise": st.floats(0, 1),
            "minutes": st.none() | st.floats(0.1, 1e4),
            "description": st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
        },
    ),
)
def test_what_is_read_is_what_was_written(tmp_path_factory, base, is_scaled, values):
    experiment = load_experiment(base).with_values(values | {"name": "mine"})
    if is_scaled and experiment.is_race:
        experiment = experiment.scaled("laptop")
    assert load_experiment(save_experiment(experiment, base, tmp_path_factory.mktemp("own"))) == (
        experiment
    )


def test_own_experiments_build_on_each_other(tmp_path):
    first = save_experiment(BIG, "A01_as20_long", tmp_path)
    wide = replace(BIG, name="wide", neural_network=replace(BIG.neural_network, iqn_k=8))
    second = save_experiment(wide, first, tmp_path)
    assert yaml.safe_load(second.read_text()) == {"base": "mine", "neural_network": {"iqn_k": 8}}
    assert load_experiment(second) == wide
    refused(lambda: save_experiment(wide, second, tmp_path, overwrite=True), second, "base")
    refused(lambda: save_experiment(BIG, second, tmp_path, overwrite=True), first, "its base")
    elsewhere = replace(wide, name="there")
    refused(lambda: save_experiment(elsewhere, first, tmp_path / "other"), "its base is 'mine'")
    (tmp_path / "named.yaml").write_text("base: A01_as20_long\nname: other")
    path = save_experiment(replace(BIG, name="x"), tmp_path / "named.yaml", tmp_path)
    assert load_experiment(path).name == "x"


def test_nothing_is_overwritten_unasked(tmp_path):
    path = save_experiment(BIG, "A01_as20_long", tmp_path)
    before = path.read_bytes()
    changed = replace(BIG, minutes=3)
    refused(lambda: save_experiment(changed, "A01_as20_long", tmp_path), path, "already")
    assert path.read_bytes() == before
    save_experiment(changed, "A01_as20_long", tmp_path, overwrite=True)
    assert load_experiment(path).minutes == 3


@pytest.mark.parametrize("name", ["con", "NUL.a", ".hidden", "-x", "a."])
def test_names_that_are_no_files(tmp_path, name):
    refused(lambda: save_experiment(replace(BIG, name=name), "A01_as20_long", tmp_path), name)
    assert not [*tmp_path.iterdir()]


def test_names_of_tmnet_and_folders_that_cannot_be(tmp_path):
    taken = replace(BIG, name="uni_20")
    refused(lambda: save_experiment(taken, "A01_as20_long", tmp_path), "uni_20 comes with tmnet")
    (tmp_path / "file").touch()
    refused(lambda: save_experiment(BIG, "A01_as20_long", tmp_path / "file"), "file", "choose")
    refused(lambda: save_experiment(BIG, "A02", tmp_path), "A02")
