"""Experiments as YAML: numbers, texts, and a way there and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

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
from tmnet.experiments.load import load_experiment  # fmt: skip
from tmnet.yaml_text import from_yaml, to_yaml  # fmt: skip

from ..checks import refused
from .making import made, points


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
        dense_hidden_dimension=EVEN, use_image_head=st.booleans(),
        global_average_pooling=st.booleans(), layer_norm=st.booleans(),
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
    performance=st.builds(Performance, num_envs=WHOLE, collectors=st.integers(0, 1000),
                              threads=st.none() | st.integers(1, 64)),
    recording=st.builds(
        Recording, suffix_schedule=points(SUFFIX),
        save_replay=st.sampled_from(["auto", "yes", "no"]),
    ),
)  # fmt: skip


@settings(max_examples=40)
@given(EXPERIMENTS)
def test_round_trip(experiment):
    text = to_yaml(experiment.to_dict())
    assert Experiment.from_dict(from_yaml(text)) == experiment
    assert Experiment.from_dict(experiment.to_dict()) == experiment


@settings(max_examples=100)
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


@settings(max_examples=100)
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


@pytest.mark.parametrize("text", ["1e5", "2E-3", "1.5e3"])
def test_texts_like_numbers(text):
    assert from_yaml(to_yaml({"name": text})) == {"name": text}


def test_date_that_is_none():
    """It is a text, as dates that there are."""
    for date in ("2024-02-30", "2024-02-28"):
        assert from_yaml(f"description: {date}") == {"description": date}


def test_control_character():
    refused(lambda: from_yaml("a: \x00"), "not YAML")
