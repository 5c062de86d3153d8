"""YAML files of experiments and studies: what is said where one cannot be read."""

from __future__ import annotations

import pytest

from tmnet.errors import TmnetError
from tmnet.experiments.load import experiment_names, load_experiment
from tmnet.report.study import load_study

LOADED = pytest.mark.parametrize("load", [load_experiment, load_study])


def said(load, name) -> str:
    with pytest.raises(TmnetError) as caught:
        load(name)
    return str(caught.value)


@LOADED
def test_no_text(load, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"title: \xff")
    assert said(load, path) == f"{path}: it is not a text in UTF-8."


@LOADED
def test_no_file(load, tmp_path):
    path = tmp_path / "x.yaml"
    colon = ": it" if load is load_experiment else ""
    assert said(load, path).startswith(f"{path}{colon} cannot be read (")


@LOADED
def test_no_fields(load, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("- a", encoding="utf-8")
    what = "an experiment" if load is load_experiment else "a study"
    assert said(load, path) == f"{path}: it holds no fields; {what} is `name: value` lines."


@LOADED
def test_no_such_name(load):
    """Those of a similar name are listed, or all."""
    what = "experiment" if load is load_experiment else "study"
    sentence = said(load, "nothing")
    assert sentence.startswith(f"There is no {what} 'nothing'; there are ")
    assert sentence.endswith("; or give the path of a .yaml file.")


def test_a_similar_name():
    assert ", ".join(experiment_names()) in said(load_experiment, "nothing")
    assert "; there are uni_20, uni_20_long; " in said(load_experiment, "uni_2")


@pytest.mark.parametrize("text", ["- a", "a: [", "\0"])
def test_a_base_that_is_wrong_is_named(tmp_path, text):
    """With both files: that which was asked for, and that which must be mended."""
    base, path = tmp_path / "base.yaml", tmp_path / "x.yaml"
    base.write_text(text, encoding="utf-8")
    path.write_text("base: base", encoding="utf-8")
    assert said(load_experiment, path).startswith(f"{path}: {base}: ")
