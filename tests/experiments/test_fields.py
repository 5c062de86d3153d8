"""Every field of an experiment: what is refused, and in which words."""

from __future__ import annotations

import math
import re
import types
import typing
from typing import Literal

import pytest

from tmnet.errors import TmnetError
from tmnet.experiments.config import (
    Deal,
    Experiment,
    NetworkConfig,
    Training,
)  # fmt: skip
from tmnet.experiments.fields import Schedule  # fmt: skip
from tmnet.experiments.load import load_experiment  # fmt: skip
from tmnet.yaml_text import from_yaml  # fmt: skip

from ..checks import refused
from .making import SECTIONS, fields, get, made


def nested(field: str, value) -> dict:
    """{"a": {"b": value}} of "a.b"."""
    *section, last = field.split(".")
    return {section[0]: {last: value}} if section else {last: value}


# --- every field --------------------------------------------------------------------------------

WRONG = {
    int: [1.5, 2.0, "3", True, [1], {"a": 1}, math.nan],
    float: ["3", True, math.nan, math.inf, -math.inf, [1.0], {"a": 1}],
    bool: [0, 1, "true", None, [True]],
    str: [3, 1.5, True, ["a"], {"a": 1}],
    Literal: ["nonsense", 1, 0.5, ["auto"], None, {"a": 1}],
    Schedule: [5, "x", None, [], {}, True, [0, 1], [[]], [[0]], ["ab"], [[0, 1, 2, 3]], [None],
             [[None, None]], {0: 1}],
}  # fmt: skip
OPTIONAL = {"stretch_m", "initial_checkpoint", "minutes", "frames", "updates", "pflop", "scale"}
OPTIONAL |= {"training.self_loss_ratio", "performance.threads"}


def kind_of(hint):
    if isinstance(hint, types.UnionType):  # X | None
        return typing.get_args(hint)[0]
    return Literal if typing.get_origin(hint) is Literal else hint


FIELDS = list(fields())


def test_all_fields_are_known():
    names = [name for name, _ in FIELDS]
    assert {"name", "training.kappa", "recording.save_replay", "minutes"} <= set(names)
    assert {name for name, hint in FIELDS if isinstance(hint, types.UnionType)} == OPTIONAL


@pytest.mark.parametrize("name, hint", FIELDS, ids=str)
def test_wrong_types(name, hint):
    """The field, its value, and what is allowed: in an experiment, and in its section alone."""
    section, _, last = name.rpartition(".")
    cls = SECTIONS.get(section, Experiment)
    for value in WRONG[kind_of(hint)]:
        shown = f"{name} is " if isinstance(value, list) else f"{name} is {value!r}"
        refused(lambda: made(**nested(name, value)), shown, "; ", "it must be ")  # noqa: B023
        own = {last: value} if section else {"name": "x", last: value}
        refused(lambda: cls(**own), f"{last} is {value!r}; ", "it must be ")  # noqa: B023


@pytest.mark.parametrize("name, hint", FIELDS, ids=str)
def test_none(name, hint):
    """It is allowed where a field says so, and nowhere else."""
    values = nested(name, None)
    if isinstance(hint, types.UnionType):
        assert get(made(**values), name) is None
    else:
        refused(lambda: made(**values), f"{name} is None; it must be ")


@pytest.mark.parametrize("name", [name for name, hint in FIELDS if kind_of(hint) in (int, float)])
@pytest.mark.parametrize("value", [-1, -(10**9)])
def test_negative_numbers(name, value):
    refused(lambda: made(**nested(name, value)), f"{name} is {value}; it must be at least ")


@pytest.mark.parametrize("name", [name for name, hint in FIELDS if kind_of(hint) is float])
def test_whole_numbers_are_numbers(name):
    value = {"stretch_m": 60, "memory.test_share": 0, "memory.importance_exponent": 1,
             "training.adam_beta1": 0, "training.adam_beta2": 0}.get(name, 1)  # fmt: skip
    assert get(made(**nested(name, value)), name) == value


BOUNDS = [  # field, the least or most that is allowed, and what is beyond
    ("neural_network.w_downsized", 34, 33),
    ("neural_network.h_downsized", 34, 33),
    ("neural_network.iqn_embedding_dimension", 1, 0),
    ("neural_network.iqn_n", 2, 0),
    ("neural_network.iqn_n", 2, 3),
    ("neural_network.iqn_k", 2, 0),
    ("neural_network.iqn_k", 2, 1),
    ("neural_network.float_hidden_dim", 1, 0),
    ("neural_network.dense_hidden_dimension", 2, 0),
    ("neural_network.dense_hidden_dimension", 1024, 1023),
    ("training.batch_size", 1, 0),
    ("training.global_schedule_speed", 0.01, 0.0),
    ("training.n_steps", 1, 0),
    ("training.kappa", 1e-6, 0.0),
    ("training.self_loss_ratio", 1.0, 0.99),
    ("training.adam_beta1", 0.0, -0.001),
    ("training.adam_beta1", 0.999, 1.0),
    ("training.adam_beta2", 0.0, -0.001),
    ("training.adam_beta2", 0.9999, 1.0),
    ("training.adam_epsilon", 0.0, -1e-9),
    ("training.clip_grad_norm", 1e-6, 0.0),
    ("training.clip_grad_value", 1e-6, 0.0),
    ("training.weight_decay", 0.0, -0.001),
    ("training.target_update_every", 1, 0),
    ("training.target_update_share", 1.0, 1.001),
    ("training.target_update_share", 0.001, 0.0),
    ("training.mini_race_actions", 0, -1),
    ("exploration.boltzmann_noise", 0.0, -0.001),
    ("memory.uses_per_transition", 0.0, -0.5),
    ("memory.test_share", 0.0, -0.01),
    ("memory.test_share", 0.25, 1.0),
    ("memory.priority_exponent", 0.0, -0.01),
    ("memory.importance_exponent", 0.0, -0.01),
    ("memory.importance_exponent", 1.0, 1.01),
    ("performance.num_envs", 1, 0),
    ("performance.collectors", 0, -1),
    ("performance.threads", 1, 0),
    ("recording.log_minutes", 0.01, 0.0),
    ("recording.checkpoint_minutes", 0.01, 0.0),
    ("stretch_m", 50.0, 1.0),
    ("minutes", 0.5, -0.5),
    ("frames", 1, -1),
    ("updates", 1, -1),
    ("pflop", 0.5, -0.5),
]


@pytest.mark.parametrize("name, inside, outside", BOUNDS)
def test_bounds(name, inside, outside):
    assert get(made(**nested(name, inside)), name) == inside
    with pytest.raises(TmnetError) as caught:
        made(**nested(name, outside))
    said = str(caught.value)
    last = name.rpartition(".")[2]
    assert f"{last} is {outside!r}; " in said
    assert re.search(r"at least [\d.e-]+\b|at most [\d.e-]+\b|even", said)


@pytest.mark.parametrize("name, least", [("float_input_dim", 0), ("n_actions", 1)])
def test_bounds_of_what_environments_have(name, least):
    assert getattr(NetworkConfig(**{name: least}), name) == least
    refused(lambda: NetworkConfig(**{name: least - 1}), f"{name} is {least - 1}; ", "at least")


@pytest.mark.parametrize("name, there", [("float_input_dim", 184), ("n_actions", 12)])
def test_the_simulator_has_its_own_inputs_and_actions(name, there):
    """What a training would not heed is refused, for whoever asks: a file, `--set`, a notebook."""
    for value in (there - 1, there + 2):
        words = (f"neural_network.{name} is {value}; ", f"has {there} ")
        refused(lambda value=value: made(**nested(f"neural_network.{name}", value)), *words)
    assert made(**nested(f"neural_network.{name}", there)) == made()


@pytest.mark.parametrize(
    "name, points, words",
    [
        ("training.lr_schedule", [[0, 0]], ["learning rate", "at least"]),
        ("training.lr_schedule", [[0, -1e-3]], ["learning rate", "at least"]),
        ("training.lr_schedule", [[0, "high"]], ["learning rate", "number"]),
        ("training.lr_schedule", [[0, 1e-3, 5]], ["[frames, learning rate]", "(0, 0.001, 5)"]),
        ("training.lr_schedule", [[1, 1e-3]], ["begin with 0"]),
        ("training.lr_schedule", [[0, 1e-3], [0, 1e-4]], ["rise"]),
        ("training.lr_schedule", [[0, 1e-3], [9, 1e-4], [8, 1e-5]], ["rise"]),
        ("training.lr_schedule", [[-1, 1e-3], [0, 1e-4]], ["frames", "at least 0"]),
        ("training.lr_schedule", [["0", 1e-3]], ["frames", "number"]),
        ("training.lr_schedule", [[0, math.nan]], ["learning rate", "number"]),
        ("training.lr_schedule", [[0, 1e-3], [math.inf, 1]], ["frames", "number"]),
        ("training.gamma_schedule", [[0, 1.001]], ["gamma", "at most 1"]),
        ("training.gamma_schedule", [[0, -0.1]], ["gamma", "at least 0"]),
        ("training.gamma_schedule", [[0, True]], ["gamma", "number"]),
        ("exploration.epsilon_schedule", [[0, 1], [5, 0]], ["epsilon", "at least"]),
        ("exploration.epsilon_schedule", [[0, 1.5]], ["epsilon", "at most 1"]),
        ("exploration.epsilon_boltzmann_schedule", [[0, 2]], ["epsilon_boltzmann", "at most 1"]),
        ("memory.schedule", [[0, 500]], ["[frames, capacity, start of learning]"]),
        ("memory.schedule", [[0, 500.5, 100]], ["capacity", "whole number"]),
        ("memory.schedule", [[0, 0, 100]], ["capacity", "at least 1"]),
        ("memory.schedule", [[0, 500, 0]], ["start of learning", "at least 1"]),
        ("recording.suffix_schedule", [[0, 2]], ["suffix", "text"]),
        ("recording.suffix_schedule", [[0, ""], [5, None]], ["suffix", "text"]),
    ],
)
def test_wrong_points(name, points, words):
    refused(lambda: made(**nested(name, points)), f"{name} is ", *words)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a b", "a/b", "a\\b", "a\n", "C:", "~", "a*", "../up"]
)
def test_names_of_no_folder(name):
    with pytest.raises(TmnetError, match="letters, digits") as caught:
        Experiment(name)
    assert f"name is {name!r}" in str(caught.value)


@pytest.mark.parametrize("name", ["A01_as20_big_long", "x.y", "7", "Übung-2", ".hidden", "a..b"])
def test_names(name):
    assert Experiment(name).name == name


def test_no_name():
    refused(lambda: Experiment.from_dict({}), "no name")
    refused(lambda: Experiment.from_dict({"minutes": 5}), "no name")


# --- fields that go together --------------------------------------------------------------------


def test_no_input():
    values = {"use_image_head": False, "float_input_dim": 0}
    refused(lambda: made(neural_network=values), "neural_network.", "no input", "use_image_head")


@pytest.mark.parametrize(
    "cycle, words",
    [
        ([], ["map_cycle", "at least one"]),
        (5, ["map_cycle is 5", "list of entries with map, kind and races"]),
        (None, ["map_cycle is None", "list of entries"]),
        ({"map": "A01"}, ["map_cycle is {'map': 'A01'}", "list of entries"]),
        ([5], ["map_cycle is 5", "fields of its own"]),
        ([{"map": "A01", "races": 0}], ["map_cycle.races is 0", "at least 1"]),
        ([{"map": "A01", "races": 1.5}], ["map_cycle.races is 1.5", "whole number"]),
        ([{"map": 5}], ["map_cycle.map is 5", "text"]),
        ([{"map": "A01", "kind": "test"}], ["map_cycle.kind is 'test'", "'explo' or 'eval'"]),
        ([{"map": "A01"}, {"kind": "eval"}], ["without a map", "simulator"]),
        ([{"mop": "A01"}], ["'map_cycle.mop'", "map_cycle.map"]),
    ],
)
def test_wrong_map_cycle(cycle, words):
    refused(lambda: made(map_cycle=cycle), *words)


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("value", [5, None, "x", [], [{}], True])
def test_section_that_is_none(section, value):
    refused(lambda: made(**{section: value}), f"{section} is {value!r}", "fields of its own")


GYM = {"env": "CartPole-v1", "map_cycle": [{"kind": "explo", "races": 5}]}
NO_RACE = {"mini_race_actions": 0, "potential_shaping": False}


def test_gymnasium():
    experiment = made(**GYM, training=NO_RACE)
    assert not experiment.is_race and made().is_race
    assert experiment.map_cycle == (Deal(None, "explo", 5),)
    refused(lambda: made(**GYM | {"map_cycle": [{"map": "A01"}]}, training=NO_RACE),
            "map_cycle", "CartPole-v1", "gym")  # fmt: skip
    refused(lambda: made(env="CartPole-v1", training=NO_RACE), "map_cycle", "CartPole-v1")
    for name, value, shown in (("mini_race_actions", 140, 140), ("potential_shaping", True, True)):
        refused(lambda: made(**GYM, training=NO_RACE | {name: value}),  # noqa: B023
                f"training.{name} is {shown}", "CartPole-v1", "0 or false")  # fmt: skip


# --- names that there are not -------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields, wrong, near",
    [
        ({"minuts": 5}, "'minuts'", "minutes"),
        ({"neural_networks": {}}, "'neural_networks'", "neural_network"),
        ({"training": {"batchsize": 5}}, "'training.batchsize'", "training.batch_size"),
        (
            {"training": {"gama_schedule": []}},
            "'training.gama_schedule'",
            "training.gamma_schedule",
        ),
        ({"neural_network": {"iqn_m": 8}}, "'neural_network.iqn_m'", "neural_network.iqn_n"),
        ({"memory": {"test_shares": 0}}, "'memory.test_shares'", "memory.test_share"),
        ({"memory": {5: 0}}, "'memory.5'", "memory.schedule"),
        ({"lr_schedule": []}, "'lr_schedule'", ""),
        ({"training": {"qqqq": 0}}, "'training.qqqq'", "training.n_steps"),
        ({None: 5}, "'None'", "name"),
    ],
)
def test_unknown_names(fields, wrong, near):
    refused(lambda: made(**{}) and Experiment.from_dict({"name": "x"} | fields),
            "There is no field", wrong, near)  # fmt: skip


def test_unknown_experiment():
    refused(lambda: load_experiment("A01_as20_lon"), "'A01_as20_lon'", "A01_as20_long", ".yaml")
    refused(lambda: load_experiment(""), "''", ".yaml")
    refused(lambda: load_experiment("qqqq"), "uni_20", "A01_as20_long")
    refused(lambda: load_experiment("../experiments/uni_20"), "There is no experiment")


@pytest.mark.parametrize("word", ["yes", "no"])
def test_words_of_save_replay(word):
    assert made(**from_yaml(f"recording: {{save_replay: {word}}}")).recording.save_replay == word


def test_huge_number():
    refused(lambda: made(minutes=10**400), "minutes")


def test_start_of_learning_beyond_capacity():
    refused(lambda: made(memory={"schedule": [[0, 1000, 5000]]}), "memory.schedule")


@pytest.mark.parametrize("section", SECTIONS)
def test_section_that_is_none_given_directly(section):
    refused(lambda: Experiment("x", **{section: 5}), f"{section} is 5")


def test_map_cycle_of_something_else():
    refused(lambda: Experiment("x", map_cycle=(Training(),)), "map_cycle")


def test_map_cycle_that_is_a_text():
    refused(lambda: made(map_cycle="A01"), "map_cycle is 'A01'")


def test_experiment_that_is_none():
    with pytest.raises(TmnetError) as caught:
        Experiment.from_dict([])
    assert not str(caught.value).startswith(" ")


@pytest.mark.parametrize("suffix", ["/x", "../x", "a b", ":"])
def test_suffix_that_names_no_folder(suffix):
    values = {"recording.suffix_schedule": [[0, suffix]]}
    refused(lambda: load_experiment("uni_20").with_values(values), "suffix_schedule", suffix)
