"""Experiments: what is refused, what files hold, and the published ones, written out by hand."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
import types
import typing
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tmnet.errors import TmnetError
from tmnet.experiments.config import (
    Deal,
    Experiment,
    Exploration,
    Memory,
    NetworkConfig,
    Performance,
    Recording,
    Training,
)  # fmt: skip
from tmnet.experiments.fields import Schedule  # fmt: skip
from tmnet.experiments.load import experiment_names, load_experiment  # fmt: skip
from tmnet.yaml_text import from_yaml, to_yaml  # fmt: skip

from .networks.nets import refused

SECTIONS = {
    "neural_network": NetworkConfig, "training": Training, "exploration": Exploration,
    "memory": Memory, "performance": Performance, "recording": Recording,
}  # fmt: skip
M = 1_000_000


def made(**fields) -> Experiment:
    return Experiment.from_dict({"name": "x", **fields})


def nested(field: str, value) -> dict:
    """{"a": {"b": value}} of "a.b"."""
    *section, last = field.split(".")
    return {section[0]: {last: value}} if section else {last: value}


def get(experiment: Experiment, field: str):
    value = experiment
    for part in field.split("."):
        value = getattr(value, part)
    return value


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
OPTIONAL = {"stretch_m", "initial_checkpoint", "minutes", "frames", "scale"}
OPTIONAL |= {"training.self_loss_ratio"}


def fields():
    """Name (with that of its section), and type, of every field but map_cycle and the sections."""
    classes = {"": Experiment} | {f"{name}.": cls for name, cls in SECTIONS.items()}
    for where, cls in classes.items():
        hints = typing.get_type_hints(cls)
        for field in dataclasses.fields(cls):
            kind = hints[field.name]
            if where or field.name not in (*SECTIONS, "map_cycle"):
                yield where + field.name, kind


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
    ("neural_network.float_input_dim", 0, -1),
    ("neural_network.n_actions", 1, 0),
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
    ("recording.log_minutes", 0.01, 0.0),
    ("recording.checkpoint_minutes", 0.01, 0.0),
    ("stretch_m", 50.0, 1.0),
    ("minutes", 0.5, -0.5),
    ("frames", 1, -1),
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


# --- YAML ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, value",
    [
        ("1e-4", 1e-4), ("1E5", 1e5), ("+2e3", 2e3), ("-3e-2", -3e-2), ("1.5e3", 1500.0),
        ("1.e2", 100.0), ("1_000e1", 1e4), ("50_000", 50_000), ("0.5", 0.5), ("7", 7),
        ("1e", "1e"), ("e5", "e5"), ("1e-4x", "1e-4x"), ("'1e-4'", "1e-4"), ("1e4.5", "1e4.5"),
        ("[1e-4, 2]", [1e-4, 2]), ("true", True), ("null", None), ("0x1e5", 0x1E5),
    ],
)  # fmt: skip
def test_numbers_in_yaml(text, value):
    found = from_yaml(f"a: {text}")["a"]
    assert found == value and type(found) is type(value)


def test_numbers_in_other_yaml():
    """What PyYAML takes elsewhere has not been changed."""
    import yaml

    from_yaml("a: 1")
    assert yaml.safe_load("1e-4") == "1e-4"


@pytest.mark.parametrize(
    "text, line", [("a: 1\nb: [1, 2\nc: 3", 3), ("a: 1\n\tb: 2", 2), ("a: b: c", 1), ("a: 'b", 1)]
)
def test_no_yaml(tmp_path, text, line):
    refused(lambda: from_yaml(text), "not YAML", f"line {line}")
    path = tmp_path / "x.yaml"
    path.write_text(text)
    refused(lambda: load_experiment(path), path, "not YAML", f"line {line}")


def test_code_is_not_run(tmp_path):
    made_ = tmp_path / "made"
    refused(lambda: from_yaml(f"a: !!python/object/apply:os.mkdir ['{made_}']"), "not YAML")
    assert not made_.exists()


@st.composite
def points(draw, *values):
    frames = [0, *sorted(draw(st.sets(st.integers(1, 10**9), max_size=3)))]
    return tuple((at, *(draw(value) for value in values)) for at in frames)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SUFFIX = st.from_regex(r"[\w.-]{0,9}", fullmatch=True)
WHOLE = st.integers(1, 10**6)
SHARE = st.floats(1e-6, 1)
POSITIVE = st.floats(1e-3, 1e6)
EVEN = WHOLE.map(lambda x: 2 * x)
DEALS = st.builds(Deal, map=st.sampled_from(["A01", "Hock", "a b.npy", "1"]) | TEXT.filter(bool),
                  kind=st.sampled_from(["explo", "eval"]), races=WHOLE)  # fmt: skip
EXPERIMENTS = st.builds(
    Experiment,
    name=st.from_regex(r"[A-Za-z_][\w.-]{0,8}", fullmatch=True),
    description=TEXT,
    map_cycle=st.lists(DEALS, min_size=1, max_size=3).map(tuple),
    stretch_m=st.none() | st.floats(50, 1e4),
    initial_checkpoint=st.none() | TEXT,
    minutes=st.none() | POSITIVE,
    frames=st.none() | WHOLE,
    scale=st.none() | TEXT,
    neural_network=st.builds(
        NetworkConfig, w_downsized=st.integers(34, 999), h_downsized=st.integers(34, 999),
        iqn_embedding_dimension=WHOLE, iqn_n=EVEN, iqn_k=EVEN, float_hidden_dim=WHOLE,
        dense_hidden_dimension=EVEN, use_image_head=st.booleans(), float_input_dim=WHOLE,
        n_actions=WHOLE, global_average_pooling=st.booleans(), layer_norm=st.booleans(),
    ),
    training=st.builds(
        Training, batch_size=WHOLE, lr_schedule=points(POSITIVE), gamma_schedule=points(SHARE),
        global_schedule_speed=POSITIVE, n_steps=st.integers(1, 100), double_dqn=st.booleans(),
        kappa=POSITIVE, self_loss_ratio=st.none() | st.floats(1, 1e9), adam_epsilon=SHARE,
        mini_race_actions=WHOLE, potential_shaping=st.booleans(),
        precision=st.sampled_from(["auto", "float32", "bfloat16"]),
    ),
    exploration=st.builds(
        Exploration, epsilon_schedule=points(SHARE), epsilon_boltzmann_schedule=points(SHARE),
    ),
    memory=st.builds(
        Memory, schedule=points(st.just(10**7), WHOLE), test_share=st.floats(0, 0.9),
        uses_per_transition=POSITIVE,
    ),
    performance=st.builds(Performance, num_envs=WHOLE, collectors=st.integers(0, 1000)),
    recording=st.builds(
        Recording, suffix_schedule=points(SUFFIX),
        save_replay=st.sampled_from(["auto", "yes", "no"]),
    ),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(EXPERIMENTS)
def test_round_trip(experiment):
    text = to_yaml(experiment.to_dict())
    assert Experiment.from_dict(from_yaml(text)) == experiment
    assert Experiment.from_dict(experiment.to_dict()) == experiment


@settings(max_examples=100, deadline=None)
@given(TEXT)
@example("yes")
@example("null")
@example("12")
@example("0x10")
@example("1_000")
@example("2024-02-30")
@example("2024-01-01")
@example("1:30")
@example(" x ")
@example("# x")
@example("a: b")
@example("a\n\n  b\n")
@example("\x85\u2028\ufeff\x07")
@example("~")
@example("=")
@example("<<")
def test_texts_in_yaml(text):
    assert from_yaml(to_yaml({"a": text})) == {"a": text}


@settings(max_examples=100, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(1e-4)
@example(1e16)
@example(1e-12)
@example(5e-324)
def test_numbers_survive_yaml(number):
    assert from_yaml(to_yaml({"a": number, "b": [number]})) == {"a": number, "b": [number]}


def test_section_of_a_network():
    text = replace(NetworkConfig.big(), layer_norm=True).to_yaml()
    assert from_yaml(text)["neural_network"]["iqn_n"] == 16
    assert made(**from_yaml(text)).neural_network == replace(NetworkConfig.big(), layer_norm=True)


# --- files --------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """Writes files: folder(a="text of a.yaml")."""

    def write(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_file(folder):
    path = folder(mine="""
minutes: 2.5
frames: 10_000
training:
  kappa: 1e-4
  lr_schedule: [[0, 1e-3], [1e5, 1e-4]]
map_cycle:
  - {map: Hock, kind: eval, races: 2}
""") / "mine.yaml"  # fmt: skip
    experiment = load_experiment(str(path))
    assert experiment == load_experiment(path)
    assert experiment == Experiment(
        "mine",
        minutes=2.5,
        frames=10_000,
        training=Training(kappa=1e-4, lr_schedule=((0, 1e-3), (1e5, 1e-4))),
        map_cycle=(Deal("Hock", "eval", 2),),
    )


def test_name_in_a_file(folder):
    assert load_experiment(folder(a="name: other") / "a.yaml").name == "other"
    path = folder() / "b.YML"
    path.write_text("minutes: 3", encoding="utf-8-sig")
    assert (load_experiment(path).name, load_experiment(path).minutes) == ("b", 3)


def test_bases(folder):
    """The nearest file counts; sections are merged, lists are not."""
    where = folder(
        low="minutes: 1\nframes: 7\ntraining: {kappa: 0.1, n_steps: 2, batch_size: 4}\n"
        "map_cycle: [{map: A01, races: 3}, {map: A01, races: 4}]\nname: low_name",
        middle="base: low\nminutes: 2\ntraining: {n_steps: 5}\nmemory: {test_share: 0.2}",
        top="base: middle\ntraining: {batch_size: 8}\nmap_cycle: [{map: Hock}]\nframes: null",
    )
    experiment = load_experiment(where / "top.yaml")
    assert experiment == Experiment(
        "low_name",
        minutes=2,
        frames=None,
        training=Training(kappa=0.1, n_steps=5, batch_size=8),
        memory=Memory(test_share=0.2),
        map_cycle=(Deal("Hock", "explo", 64),),
    )
    assert load_experiment(where / "middle.yaml").training.batch_size == 4


def test_base_that_comes_with_tmnet(folder):
    where = folder(mine="base: A01_as20_big_long\nminutes: 3")
    published = load_experiment("A01_as20_big_long")
    assert load_experiment(where / "mine.yaml") == replace(published, name="mine", minutes=3)
    folder(A01_as20_big_long="frames: 5")  # what lies beside it counts first
    assert load_experiment(where / "mine.yaml") == Experiment("mine", frames=5, minutes=3)


@pytest.mark.parametrize(
    "files",
    [
        {"a": "base: a"},
        {"a": "base: b", "b": "base: a"},
        {"a": "base: b", "b": "base: c", "c": "base: a"},
        {"a": "base: b", "b": "base: c", "c": "base: b"},
        {"a": "base: nowhere"},
        {"a": "base: 5"},
        {"a": "base: null"},
        {"a": "base: [b]", "b": "minutes: 1"},
        {"a": "base: b.yaml", "b": "minutes: 1"},
    ],
)
def test_bases_that_lead_nowhere(folder, files):
    path = folder(**files) / "a.yaml"
    refused(lambda: load_experiment(path), path, "its base is", "another experiment")


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", ["no fields"]), (b"# nothing\n", ["no fields"]), (b"- a\n- b", ["no fields"]),
        (b"just a text", ["no fields"]), (b"5", ["no fields"]),
        (b"description: \xff\xfe", ["UTF-8"]), (b"training: 5", ["training is 5"]),
        (b"minuts: 5", ["'minuts'", "minutes"]), (b"minutes: 5\n---\nminutes: 6", ["not YAML"]),
        (b"training: {kappa: -1}", ["training.kappa is -1", "at least"]),
        (b"base: gym\ntraining: {kappa: -1}", ["training.kappa is -1", "at least"]),
        (b"training: {kappa: 1e-400}", ["training.kappa is 0.0"]),
    ],
)  # fmt: skip
def test_wrong_files(tmp_path, content, words):
    path = tmp_path / "wrong.yaml"
    path.write_bytes(content)
    refused(lambda: load_experiment(path), path, *words)


def test_files_that_cannot_be_read(tmp_path):
    refused(lambda: load_experiment(tmp_path / "no.yaml"), "no.yaml", "cannot be read")
    (tmp_path / "folder.yaml").mkdir()
    refused(lambda: load_experiment(tmp_path / "folder.yaml"), "folder.yaml", "cannot be read")


# --- the published experiments ------------------------------------------------------------------

NETWORK = {
    "float_hidden_dim": 256, "dense_hidden_dimension": 1024, "use_image_head": True,
    "float_input_dim": 184, "n_actions": 12, "global_average_pooling": False, "layer_norm": False,
}  # fmt: skip
SMALL = NETWORK | {
    "w_downsized": 64, "h_downsized": 64, "iqn_embedding_dimension": 128, "iqn_n": 8, "iqn_k": 32,
}  # fmt: skip
BIG = NETWORK | {
    "w_downsized": 128, "h_downsized": 128, "iqn_embedding_dimension": 256, "iqn_n": 16,
    "iqn_k": 64,
}  # fmt: skip
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
A01 = (Deal("A01", "explo", 64), Deal("A01", "eval", 1))
BOTH = (Deal("Hock", "explo", 64), Deal("A01", "explo", 64), Deal("A01", "eval", 1))
PUBLISHED = {
    "A01_as20_big_long": (BIG, A01, 561, None),
    "A01_as20_long": (SMALL, A01, 495, None),
    "uni_20": (SMALL, BOTH, 120, None),
    "uni_20_long": (SMALL, BOTH, 824, "uni_20"),
}


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


# --- scaled down --------------------------------------------------------------------------------


def test_scale_keeps_how_networks_differ():
    """In every knob, big is as many times small as it was."""
    big, small = (load_experiment(name) for name in ("A01_as20_big_long", "A01_as20_long"))
    cut = [experiment.scaled("laptop") for experiment in (big, small)]
    for knob, value in BIG.items():
        ratios = [
            getattr(one.neural_network, knob) / getattr(other.neural_network, knob)
            for one, other in ((big, small), cut)
            if not isinstance(value, bool)
        ]
        assert len(set(ratios)) <= 1, knob
    for full, less in zip((big, small), cut):
        assert less.scale == "laptop" and less.map_cycle[0].map == "A01"
        for knob in ("w_downsized", "h_downsized", "iqn_embedding_dimension", "iqn_n", "iqn_k"):
            assert getattr(less.neural_network, knob) < getattr(full.neural_network, knob)
        assert less.neural_network.use_image_head
        assert (less.neural_network.float_input_dim, less.neural_network.n_actions) == (184, 12)
        assert less.stretch_m < 2000 and less.training.batch_size < 512


@pytest.mark.parametrize("name", PUBLISHED)
def test_scaled(name):
    full = load_experiment(name)
    before = full.to_dict()
    less = full.scaled("laptop")
    assert full.to_dict() == before
    assert 0 < less.minutes < full.minutes
    assert (less.name, less.initial_checkpoint) == (full.name, full.initial_checkpoint)
    # gamma's schedule is not stretched by the speed, so that it is cut by itself
    speed = less.training.global_schedule_speed
    cut = less.training.gamma_schedule
    assert [gamma for _, gamma in cut] == [0.999, 0.999, 1]
    assert [at for at, _ in cut] == pytest.approx([0, 1.5 * M * speed, 2.5 * M * speed])
    assert less.training.lr_schedule == full.training.lr_schedule
    assert Experiment.from_dict(from_yaml(to_yaml(less.to_dict()))) == less


def test_scaled_minutes():
    """15 to 25, the longest training being the longest still."""
    minutes = {name: load_experiment(name).scaled("laptop").minutes for name in PUBLISHED}
    assert all(15 <= value <= 25 for value in minutes.values())
    assert minutes["A01_as20_big_long"] == 25
    assert minutes["uni_20"] <= minutes["A01_as20_long"] <= minutes["uni_20_long"]
    assert made().scaled("laptop").minutes is None


@pytest.mark.parametrize("name", PUBLISHED)
def test_scaled_cycle(name):
    """The same maps and kinds, with fewer races that explore between two that do not."""
    full = load_experiment(name)
    cycle, less = full.map_cycle, full.scaled("laptop").map_cycle
    assert [(deal.map, deal.kind) for deal in less] == [(deal.map, deal.kind) for deal in cycle]
    for before, after in zip(cycle, less):
        assert 1 <= after.races <= before.races
        assert before.kind == "eval" or after.races < before.races


def test_scales_that_there_are_not():
    experiment = load_experiment("uni_20")
    refused(lambda: experiment.scaled("desktop"), "'desktop'", "laptop")
    refused(lambda: experiment.scaled("laptop").scaled("laptop"), "uni_20", "'laptop'", "already")
    refused(lambda: load_experiment("gym").scaled("laptop"), "gym", "CartPole-v1")


# --- what once went wrong ------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["1e5", "2E-3", "1.5e3"])
def test_texts_like_numbers(text):
    assert from_yaml(to_yaml({"name": text})) == {"name": text}


@pytest.mark.parametrize("word", ["yes", "no"])
def test_words_of_save_replay(word):
    assert made(**from_yaml(f"recording: {{save_replay: {word}}}")).recording.save_replay == word


@pytest.mark.parametrize("minutes", [5, 10.5])
def test_few_minutes_scaled(minutes):
    assert made(minutes=minutes).scaled("laptop").minutes <= minutes


def test_odd_halves_scaled():
    try:
        made(neural_network={"iqn_n": 6}).scaled("laptop")
    except TmnetError as error:
        assert "laptop" in str(error)


def test_whole_speed_scaled():
    experiment = made(training={"global_schedule_speed": 1})
    assert experiment.scaled("laptop") == made().scaled("laptop")


def test_whole_uses_scaled():
    experiment = made(memory={"uses_per_transition": 1})
    assert experiment.scaled("laptop").memory.uses_per_transition == 0.25


@pytest.mark.parametrize("base", ["../b", "c/b"])
def test_base_in_another_folder(folder, base):
    path = folder(a=f"base: {base}") / "a.yaml"
    try:
        load_experiment(path)
    except TmnetError as error:
        assert base in str(error)


def test_date_that_is_none():
    with contextlib.suppress(TmnetError):
        from_yaml("description: 2024-02-30")


def test_control_character():
    refused(lambda: from_yaml("a: \x00"), "not YAML")


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
