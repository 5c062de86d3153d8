"""Experiments changed by `with_values`, and scaled down to smaller machines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tmnet.experiments.config import (
    Deal,
    Experiment,
    NetworkConfig,
    Training,
)  # fmt: skip
from tmnet.experiments.load import load_experiment  # fmt: skip
from tmnet.yaml_text import from_yaml, to_yaml  # fmt: skip

from ..checks import refused
from .making import BIG, PUBLISHED, M, made

# --- with_values --------------------------------------------------------------------------------


def test_with_values():
    experiment = made(minutes=5, neural_network={"iqn_k": 64})
    values = {
        "neural_network.iqn_n": 16,
        "training.lr_schedule": [[0, 1e-3], [10, 1e-4]],
        "training.self_loss_ratio": None,
        "minutes": None,
        "name": "y",
        "map_cycle": [{"map": "Hock", "kind": "eval", "races": 3}],
    }
    before = experiment.to_dict()
    changed = experiment.with_values(values)
    assert experiment.to_dict() == before
    expected = replace(
        experiment,
        name="y",
        minutes=None,
        map_cycle=(Deal("Hock", "eval", 3),),
        neural_network=replace(NetworkConfig(), iqn_k=64, iqn_n=16),
        training=Training(lr_schedule=((0, 1e-3), (10, 1e-4)), self_loss_ratio=None),
    )
    assert changed == expected
    assert experiment.with_values({}) == experiment


def test_values_that_fit_only_together():
    """They are set at once."""
    changed = made().with_values(
        {"env": "CartPole-v1", "map_cycle": [{"races": 3}], "training.mini_race_actions": 0,
         "training.potential_shaping": False}
    )  # fmt: skip
    assert not changed.is_race
    refused(lambda: made().with_values({"env": "CartPole-v1"}), "CartPole-v1")


@pytest.mark.parametrize(
    "name, near",
    [
        ("neural_network.iqn_m", "neural_network.iqn_n"),
        ("training.batchsize", "training.batch_size"),
        ("memry.test_share", "memory.test_share"),
        ("minuts", "minutes"),
        ("training.qqqqqqqqqqqqq", "training.kappa"),
        ("qqqqqqqqqqqq", "neural_network"),
        ("neural_network", "neural_network.iqn_n"),
        ("training.lr_schedule.0", "training.lr_schedule"),
        ("map_cycle.races", "map_cycle"),
        ("", "training"),
        (".", "training"),
        ("a.b.c", ""),
        ("name.first", "name"),
    ],
)
def test_values_of_no_field(name, near):
    refused(lambda: made().with_values({name: 5}), "There is no field", repr(name), near)


def test_values_that_are_not_allowed():
    refused(lambda: made().with_values({"training.kappa": 0}), "training.kappa is 0", "at least")
    refused(lambda: made().with_values({"minutes": "long"}), "minutes is 'long'", "number")


# --- scaled down --------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["laptop", "pocket"])
def test_scale_keeps_how_networks_differ(scale):
    """In every knob, big is as many times small as it was."""
    big, small = (load_experiment(name) for name in ("A01_as20_big_long", "A01_as20_long"))
    cut = [experiment.scaled(scale) for experiment in (big, small)]
    for knob, value in BIG.items():
        ratios = [
            getattr(one.neural_network, knob) / getattr(other.neural_network, knob)
            for one, other in ((big, small), cut)
            if not isinstance(value, bool)
        ]
        assert len(set(ratios)) <= 1, knob
    for full, less in zip((big, small), cut):
        assert less.scale == scale and less.map_cycle[0].map == "A01"
        images = ["w_downsized", "h_downsized"] * (scale == "laptop")
        for knob in ("iqn_embedding_dimension", "iqn_n", "iqn_k", *images):
            assert getattr(less.neural_network, knob) < getattr(full.neural_network, knob)
        assert less.neural_network.use_image_head == (scale == "laptop")
        assert (less.neural_network.float_input_dim, less.neural_network.n_actions) == (184, 12)
        assert less.stretch_m < 2000 and less.training.batch_size < 512


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize(("scale", "gammas"), [("laptop", 1 / 5), ("pocket", 1 / 50)])
def test_scaled(name, scale, gammas):
    full = load_experiment(name)
    before = full.to_dict()
    less = full.scaled(scale)
    assert full.to_dict() == before
    assert 0 < less.minutes < full.minutes
    assert (less.name, less.initial_checkpoint) == (full.name, full.initial_checkpoint)
    # gamma's schedule is not stretched by the speed, so that it is cut by itself
    cut = less.training.gamma_schedule
    assert [gamma for _, gamma in cut] == [0.999, 0.999, 1]
    assert [at for at, _ in cut] == pytest.approx([0, 1.5 * M * gammas, 2.5 * M * gammas])
    assert less.training.global_schedule_speed < 1
    assert less.training.lr_schedule == full.training.lr_schedule
    assert Experiment.from_dict(from_yaml(to_yaml(less.to_dict()))) == less


@pytest.mark.parametrize(("scale", "least", "most"), [("laptop", 15, 25), ("pocket", 3, 5)])
def test_scaled_minutes(scale, least, most):
    """The longest training is the longest still."""
    minutes = {name: load_experiment(name).scaled(scale).minutes for name in PUBLISHED}
    assert all(least <= value <= most for value in minutes.values())
    assert minutes["A01_as20_big_long"] == most
    assert minutes["uni_20"] <= minutes["A01_as20_long"] <= minutes["uni_20_long"]
    assert made().scaled(scale).minutes is None


def test_pocket():
    """As the README has it."""
    big = load_experiment("A01_as20_big_long").scaled("pocket")
    net, training = big.neural_network, big.training
    assert (net.iqn_embedding_dimension, net.iqn_n, net.iqn_k) == (64, 8, 16)
    assert (net.float_hidden_dim, net.dense_hidden_dimension) == (64, 256)
    assert (training.batch_size, training.target_update_every) == (128, 256)
    assert training.mini_race_actions == 40
    assert big.memory.uses_per_transition == 4
    assert (big.stretch_m, big.performance.num_envs, big.performance.threads) == (200, 32, 1)
    assert big.memory.schedule == ((0, 50_000, 1_000),)
    assert [deal.races for deal in big.map_cycle] == [8, 1]


@pytest.mark.parametrize("scale", ["laptop", "pocket"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_scaled_cycle(name, scale):
    """The same maps and kinds, with fewer races that explore between two that do not."""
    full = load_experiment(name)
    cycle, less = full.map_cycle, full.scaled(scale).map_cycle
    assert [(deal.map, deal.kind) for deal in less] == [(deal.map, deal.kind) for deal in cycle]
    for before, after in zip(cycle, less):
        assert 1 <= after.races <= before.races
        assert before.kind == "eval" or after.races < before.races


def test_scales_that_there_are_not():
    experiment = load_experiment("uni_20")
    refused(lambda: experiment.scaled("desktop"), "'desktop'", "laptop")
    refused(lambda: experiment.scaled("laptop").scaled("laptop"), "uni_20", "'laptop'", "already")
    refused(lambda: load_experiment("gym").scaled("laptop"), "gym", "CartPole-v1")


@pytest.mark.parametrize("minutes", [5, 10.5])
def test_few_minutes_scaled(minutes):
    assert made(minutes=minutes).scaled("laptop").minutes <= minutes


def test_odd_halves_scaled():
    """Halves of 6 are odd; there it takes the next even number."""
    assert made(neural_network={"iqn_n": 6}).scaled("laptop").neural_network.iqn_n == 4


def test_whole_speed_scaled():
    experiment = made(training={"global_schedule_speed": 1})
    assert experiment.scaled("laptop") == made().scaled("laptop")


def test_whole_uses_scaled():
    experiment = made(memory={"uses_per_transition": 1})
    assert experiment.scaled("laptop").memory.uses_per_transition == 0.25
