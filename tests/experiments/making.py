"""Experiments made of fields, and their sections."""

from __future__ import annotations

import dataclasses
import typing

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

SECTIONS = {
    "neural_network": NetworkConfig, "training": Training, "exploration": Exploration,
    "memory": Memory, "performance": Performance, "recording": Recording,
}  # fmt: skip
M = 1_000_000


def made(**fields) -> Experiment:
    return Experiment.from_dict({"name": "x", **fields})


def get(experiment: Experiment, field: str):
    value = experiment
    for part in field.split("."):
        value = getattr(value, part)
    return value


def fields():
    """Name (with that of its section), and type, of every field but map_cycle and the sections."""
    classes = {"": Experiment} | {f"{name}.": cls for name, cls in SECTIONS.items()}
    for where, cls in classes.items():
        hints = typing.get_type_hints(cls)
        for field in dataclasses.fields(cls):
            kind = hints[field.name]
            if where or field.name not in (*SECTIONS, "map_cycle"):
                yield where + field.name, kind


@st.composite
def points(draw, *values):
    frames = [0, *sorted(draw(st.sets(st.integers(1, 10**9), max_size=3)))]
    return tuple((at, *(draw(value) for value in values)) for at in frames)


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
A01 = (Deal("A01", "explo", 64), Deal("A01", "eval", 1))
BOTH = (Deal("Hock", "explo", 64), Deal("A01", "explo", 64), Deal("A01", "eval", 1))
PUBLISHED = {
    "A01_as20_big_long": (BIG, A01, 561, None),
    "A01_as20_long": (SMALL, A01, 495, None),
    "uni_20": (SMALL, BOTH, 120, None),
    "uni_20_long": (SMALL, BOTH, 824, "uni_20"),
}
