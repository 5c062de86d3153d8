"""Finding log directories."""

import os
from pathlib import Path

import pytest

import tmnet
from tmnet.errors import TmnetError

from ..synthetic import write_file


def make(path, written):
    write_file(path, [(60, 1, {"loss": 1.0})])
    for file in path.glob("*tfevents*"):
        os.utime(file, (written, written))


def test_the_newest_is_the_first(tmp_path):
    make(tmp_path / "old" / "a", 100)
    make(tmp_path / "old" / "b", 500)
    make(tmp_path / "x" / "y" / "new" / "c", 900)
    make(tmp_path / "x" / "d", 300)
    found = tmnet.find_logdirs(tmp_path)
    assert found == [tmp_path / "x" / "y" / "new", tmp_path / "old", tmp_path / "x"]
    for logdir in found:
        assert len(tmnet.list_runs(logdir)) > 0


def test_what_is_hidden_or_deep_is_not_looked_into(tmp_path):
    make(tmp_path / ".cache" / "a", 1)
    make(tmp_path / "1" / "2" / "3" / "4" / "a", 1)
    make(tmp_path / "1" / "2" / "3" / "a", 1)
    assert tmnet.find_logdirs(tmp_path) == [tmp_path / "1" / "2" / "3"]
    for folder, depth in ((tmp_path / "1", 3), (tmp_path, 4)):
        assert len(tmnet.find_logdirs(folder, depth=depth)) == 2


def test_a_run_with_folders_of_its_own_is_one_run(tmp_path):
    make(tmp_path / "logs" / "a" / "train", 1)
    make(tmp_path / "logs" / "a", 2)
    assert tmnet.find_logdirs(tmp_path) == [tmp_path / "logs"]


def test_a_folder_that_holds_runs_itself(tmp_path, monkeypatch):
    make(tmp_path / "a", 1)
    monkeypatch.chdir(tmp_path)
    (found,) = tmnet.find_logdirs()
    assert tmnet.list_runs(found)["run"].tolist() == ["a"]


@pytest.mark.parametrize("given", [".", "a", "a/", "./a", "b/../a", "a/../a/."])
def test_a_run_itself_from_where_one_is(tmp_path, monkeypatch, given):
    make(tmp_path / "a" / "train", 1)
    make(tmp_path / "a", 1)
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "a" if given == "." else tmp_path)
    (run,) = tmnet.load_runs(given, cache=False)
    assert (run.name, run.logdir, run.pieces) == ("a", tmp_path, ["a"])
    assert run.tags == ["loss", "train/loss"]


def test_the_default_is_the_folder_tensorboard_where_there_are_runs_in_it(tmp_path, monkeypatch):
    examples = tmnet.example_runs()
    make(tmp_path / "logs" / "a", 1)
    assert tmnet.default_logdir(tmp_path) == examples
    (tmp_path / "tensorboard").mkdir()
    assert tmnet.default_logdir(tmp_path) == examples
    make(tmp_path / "tensorboard" / "study" / "a", 1)
    assert tmnet.default_logdir(str(tmp_path)) == tmp_path / "tensorboard"
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert tmnet.default_logdir() == examples
    assert tmnet.default_logdir("..") == Path("..", "tensorboard")
    Path("tensorboard").touch()
    assert tmnet.default_logdir() == examples


def test_nothing_to_find(tmp_path):
    assert tmnet.find_logdirs(tmp_path) == []
    with pytest.raises(TmnetError, match="no folder"):
        tmnet.find_logdirs(tmp_path / "missing")
    with pytest.raises(TmnetError, match="no folder"):
        tmnet.default_logdir(tmp_path / "missing")


def test_runs_of_several_log_directories_are_described_together(tmp_path):
    make(tmp_path / "x" / "a", 1)
    make(tmp_path / "y" / "b", 1)
    runs = [run for logdir in ("x", "y") for run in tmnet.load_runs(tmp_path / logdir, cache=False)]
    assert tmnet.list_runs(runs)["run"].tolist() == ["a", "b"]
