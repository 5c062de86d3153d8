"""The experiments that come with tmnet, written out by hand."""

from __future__ import annotations

import dataclasses

import pytest

from tmnet.experiments.config import (
    Experiment,
    NetworkConfig,
)  # fmt: skip
from tmnet.experiments.load import experiment_names, load_experiment  # fmt: skip
from tmnet.yaml_text import from_yaml, to_yaml  # fmt: skip

from .making import BIG, PUBLISHED, SMALL, M, get

COMMON = {
    "env": "tmnet/Race-v0", "stretch_m": None, "frames": None, "scale": None,
    "training.batch_size": 512,
    "training.lr_schedule": ((0, 1e-3), (3 * M, 5e-5), (12 * M, 5e-5), (15 * M, 1e-5)),
    "training.gamma_schedule": ((0, 0.999), (1.5 * M, 0.999), (2.5 * M, 1)),
    "training.global_schedule_speed": 1,
    "training.n_steps": 3,
    "training.double_dqn": True,
    "training.kappa": 0.005,
    "training.self_loss_ratio": 4,
    "training.adam_beta1": 0.9, "training.adam_beta2": 0.999, "training.adam_epsilon": 1e-4,
    "training.clip_grad_norm": 30, "training.clip_grad_value": 1000,
    "training.weight_decay": 0.1,
    "training.target_update_every": 2048, "training.target_update_share": 0.02,
    "training.mini_race_actions": 140,
    "training.potential_shaping": True,
    "exploration.epsilon_schedule": ((0, 1), (50_000, 1), (300_000, 0.1), (3 * M, 0.03)),
    "exploration.epsilon_boltzmann_schedule": ((0, 0.15), (3 * M, 0.03)),
    "exploration.boltzmann_noise": 0.01,
    "memory.schedule": ((0, 50_000, 20_000), (5 * M, 100_000, 75_000), (7 * M, 200_000, 150_000)),
    "memory.uses_per_transition": 32,
    "memory.test_share": 0.05,
    "memory.priority_exponent": 0,
    "recording.suffix_schedule": (
        (0, ""), (6 * M, "_2"), (15 * M, "_3"), (30 * M, "_4"), (45 * M, "_5"), (80 * M, "_6"),
        (150 * M, "_7"),
    ),
    "recording.checkpoint_minutes": 5,
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_experiments(name):
    experiment = load_experiment(name)
    network, cycle, minutes, start = PUBLISHED[name]
    assert experiment.name == name and experiment.description and experiment.is_race
    assert experiment.minutes == minutes and experiment.initial_checkpoint == start
    assert dataclasses.asdict(experiment.neural_network) == network
    assert experiment.map_cycle == cycle
    for field, value in COMMON.items():
        assert get(experiment, field) == value, field


def test_defaults_are_the_published_ones():
    for field, value in COMMON.items():
        assert get(Experiment("x"), field) == value, field
    assert dataclasses.asdict(NetworkConfig.small()) == SMALL
    assert dataclasses.asdict(NetworkConfig.big()) == BIG


def test_all_that_come_with_tmnet():
    names = experiment_names()
    assert {*PUBLISHED, "gym"} <= set(names) and list(names) == sorted(names)
    for name in names:
        experiment = load_experiment(name)
        assert experiment.name == name and experiment.description
        assert Experiment.from_dict(from_yaml(to_yaml(experiment.to_dict()))) == experiment
