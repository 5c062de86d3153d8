"""What checks the fields of experiments and of studies alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest

from tmnet.errors import TmnetError
from tmnet.experiments.config import Experiment
from tmnet.experiments.fields import Section, build, knob
from tmnet.report.study import Study


@dataclass(frozen=True)
class Part(Section):
    """A section with fields of every kind."""

    whole: int
    number: float | None = None
    word: Literal["a", "b"] = "a"
    texts: list[str] = knob(list)
    table: dict[str, list[float]] = knob(dict, form="names with numbers")
    pairs: tuple[tuple[int, ...], ...] = ()
    few: list[int] = knob(list, form="up to two numbers", holds=lambda few: len(few) < 3)


def said(call) -> str:
    with pytest.raises(TmnetError) as caught:
        call()
    return str(caught.value)


def test_values_that_fit():
    values = {"whole": 3, "number": 2, "word": "b", "texts": ["x"], "table": {"x": [1, 2.5]}}
    part = build(Part, values | {"pairs": [[1, 2], [3]], "few": [1, 2]})
    assert part == Part(3, 2, "b", ["x"], {"x": [1, 2.5]}, ((1, 2), (3,)), [1, 2])
    assert type(part.number) is int  # it is kept as it was given


def test_what_means_the_same_is_held_as_its_field_says():
    part = Part(np.int64(3), np.float64(0.5), texts=("x",), pairs=[[1], np.array([2, 3])])
    assert part == Part(3, 0.5, texts=["x"], pairs=((1,), (2, 3)))
    assert type(part.whole) is int and type(part.texts) is list and part.pairs[1] == (2, 3)


def test_lists_are_made_anew():
    assert Part(1).texts == [] and Part(1).texts is not Part(1).texts


@pytest.mark.parametrize(
    "field, value, right",
    [
        ("whole", 2.0, "a whole number"), ("whole", True, "a whole number"),
        ("whole", None, "a whole number"), ("number", "5", "a number"),
        ("number", True, "a number"), ("word", "c", "'a' or 'b'"),
        ("word", [], "'a' or 'b'"), ("texts", "x", "a list"),
        ("texts", [1], "a list"), ("texts", ("x", 1), "a list"),
        ("table", {"x": 1}, "names with numbers"), ("table", {1: [1]}, "names with numbers"),
        ("table", {"x": [True]}, "names with numbers"), ("table", ["x"], "names with numbers"),
        ("few", [1, 2, 3], "up to two numbers"), ("few", 1, "up to two numbers"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit(field, value, right):
    """They are shown as they were given."""
    sentence = f"{field} is {value!r}; it must be {right}."
    assert said(lambda: build(Part, {"whole": 1} | {field: value})) == sentence
    assert said(lambda: Part(**{"whole": 1} | {field: value})) == sentence


@pytest.mark.parametrize("value", [[1], ["a"], [[0, 0]]])
def test_lists_are_shown_as_lists(value):
    assert said(lambda: Experiment.from_dict({"name": value})).startswith(f"name is {value!r}; ")


@pytest.mark.parametrize("cls, what", [(Experiment, "experiment"), (Study, "study")])
def test_what_is_no_mapping(cls, what):
    assert said(lambda: cls.from_dict([])) == f"The {what} is []; it takes fields of its own."


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"runs": []}, "A study needs either runs or arms."),
        ({"runs": "a"}, "runs is 'a'; it must be a list of names."),
        ({"runs": ["a"], "baseline": "b"}, "baseline has 'b', which is none of its runs: a."),
        ({"runs": ["a"], "after": "1"}, "after is '1'; it must be a number."),
        ({"runs": ["a"], "thresholds": {"loss": math.inf}},
         "thresholds is {'loss': inf}; it must be names of metrics, each with a value."),
    ],
)  # fmt: skip
def test_a_study_is_checked_when_it_is_made(fields, sentence):
    assert said(lambda: Study("T", "Why?", **fields)) == sentence


def test_the_words_for_a_name_that_there_is_not():
    assert said(lambda: Study.from_dict({"titel": "T"})) == (
        "A study has no field 'titel': did you mean title?"
    )
    assert said(lambda: Experiment.from_dict({"name": "x", "training": {"kapa": 1}})) == (
        "There is no field 'training.kapa'; there is training.kappa."
    )
    assert said(lambda: Experiment("x").with_values({"kappa": 1})) == (
        "There is no field 'kappa'; there is training.kappa."
    )
    assert "there is title, question, runs" in said(lambda: Study.from_dict({"zzz": 1}))
