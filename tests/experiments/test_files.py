"""Files of experiments: their names, their bases, and what is wrong with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tmnet.experiments.config import (
    Deal,
    Experiment,
    Memory,
    Training,
)  # fmt: skip
from tmnet.experiments.load import load_experiment  # fmt: skip

from ..checks import refused


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


@pytest.mark.parametrize("base", ["../b", "c/b"])
def test_base_in_another_folder(folder, base):
    path = folder(a=f"base: {base}") / "a.yaml"
    refused(lambda: load_experiment(path), base, "beside it")
