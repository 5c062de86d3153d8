"""Reading runs again while they are written: as if read anew, but only what is new is read."""

import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tmnet
from tmnet.errors import TmnetError
from tmnet.logs import scalars as scalars_module

from ..synthetic import race, write_file


def loaded(logdir, before=(), **options):
    return {run.name: run for run in tmnet.load_runs(logdir, before=list(before), **options)}


def again(logdir, runs, **options):
    return loaded(logdir, runs.values(), **options)


def assert_as_if_read_anew(runs, logdir):
    fresh = loaded(logdir, cache=False)
    assert list(runs) == list(fresh)
    for name, run in runs.items():
        pd.testing.assert_frame_equal(run.scalars, fresh[name].scalars)
        pd.testing.assert_frame_equal(run.processes, fresh[name].processes)
        pd.testing.assert_frame_equal(run.races, fresh[name].races)
        assert (run.pieces, run.notes, run.config) == (
            fresh[name].pieces, fresh[name].notes, fresh[name].config
        )  # fmt: skip


def records(first, last):
    return [(10 * k, 100 * k, race(25.0 + k) | {"loss": 50.0 - k}) for k in range(first, last)]


def event_file(logdir, name):
    (path,) = (logdir / name).glob("*tfevents*")
    return path


@pytest.fixture
def growing(tmp_path):
    """A folder with the runs `a` and `b`, and the whole bytes of `a`, which grows to them."""
    write_file(tmp_path / "logs" / "a", records(1, 60), texts={"config": "x: 1"})
    write_file(tmp_path / "logs" / "b", records(1, 20), pid=2)
    path = event_file(tmp_path / "logs", "a")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return tmp_path / "logs", path, whole


@pytest.fixture
def bytes_read(monkeypatch):
    """How many bytes of each file were decoded, by the file's folder."""
    counts = {}

    def read_events(file, size, before=None, progress=lambda _: None):
        folder = Path(file.name).parent.name

        def count(size):
            counts[folder] = counts.get(folder, 0) + size
            progress(size)

        counts.setdefault(folder, 0)
        return original(file, size, before, count)

    original = scalars_module.read_events
    monkeypatch.setattr(scalars_module, "read_events", read_events)
    return counts


def test_what_has_not_changed_is_the_same_run(growing, bytes_read):
    logdir, _, _ = growing
    runs = loaded(logdir, cache=False)
    bytes_read.clear()
    assert again(logdir, runs, cache=False) == runs  # the very objects, of which none was read
    assert not bytes_read


@pytest.mark.parametrize("cache", [True, False])
def test_only_what_is_new_is_read(growing, bytes_read, cache):
    logdir, path, whole = growing
    runs = loaded(logdir, cache=cache)
    half = path.stat().st_size
    bytes_read.clear()
    path.write_bytes(whole)
    later = again(logdir, runs, cache=cache)
    assert later["b"] is runs["b"] and later["a"] is not runs["a"]
    # and the record that was half there
    assert (
        bytes_read.keys() == {"a"} and len(whole) - half <= bytes_read["a"] < len(whole) / 2 + 200
    )
    assert_as_if_read_anew(later, logdir)


@settings(max_examples=15)
@given(st.lists(st.integers(0, 100), min_size=1, max_size=6))
def test_a_file_may_grow_anyhow(cuts):
    """By any number of bytes: a record that is half there is read when it is whole."""
    with tempfile.TemporaryDirectory() as directory:
        logdir = Path(directory)
        write_file(logdir / "a", records(1, 9))
        write_file(logdir / "b", records(1, 3), pid=2)
        path = event_file(logdir, "a")
        whole, runs = path.read_bytes(), {}
        for cut in sorted(cuts):
            path.write_bytes(whole[: len(whole) * cut // 100])
            runs = again(logdir, runs, cache=False)
            assert_as_if_read_anew(runs, logdir)


def test_runs_and_pieces_appear_and_go(growing):
    logdir, path, whole = growing
    runs = loaded(logdir)
    path.write_bytes(whole)
    write_file(logdir / "c", records(1, 9), pid=3)
    write_file(logdir / "a_2", records(60, 80), start=600, pid=4)
    later = again(logdir, runs)
    assert list(later) == ["a", "b", "c"] and later["a"].pieces == ["a", "a_2"]
    assert_as_if_read_anew(later, logdir)
    shutil.rmtree(logdir / "b")
    last = again(logdir, later)
    assert list(last) == ["a", "c"] and last["a"] is later["a"]
    shutil.rmtree(logdir / "a_2")
    assert again(logdir, last)["a"].pieces == ["a"]


def test_a_training_that_began_anew_in_its_place(growing):
    """Its file is shorter, or another one of the same name and greater length."""
    logdir, path, _ = growing
    runs = loaded(logdir)
    for length in (8, 90):
        path.unlink()
        write_file(path.parent, [(7 * k, 10 * k, {"loss": k}) for k in range(1, length)], pid=9)
        event_file(logdir, "a").rename(path)
        runs = again(logdir, runs)
        assert runs["a"].steps == 10 * (length - 1)
        assert_as_if_read_anew(runs, logdir)


def test_a_file_that_was_only_touched_is_not_another(growing):
    logdir, path, _ = growing
    runs = loaded(logdir, cache=False)
    os.utime(path, (1, 1))
    later = again(logdir, runs, cache=False)
    assert_as_if_read_anew(later, logdir)


def test_runs_of_another_folder_are_not_taken_for_these(growing, tmp_path):
    logdir, _, _ = growing
    shutil.copytree(logdir, tmp_path / "other")
    runs, others = loaded(logdir), loaded(tmp_path / "other")
    assert not {*again(logdir, others).values()} & {*others.values()}
    assert again(logdir, runs | {"x": others["a"]}) == runs


def test_a_folder_that_goes_is_an_error_in_words(growing):
    logdir, _, _ = growing
    runs = loaded(logdir)
    shutil.rmtree(logdir)
    with pytest.raises(TmnetError, match="There is no log directory"):
        again(logdir, runs)


def test_a_folder_that_goes_while_it_is_read(growing, monkeypatch):
    logdir, path, _ = growing

    def gone(*_):
        raise FileNotFoundError(2, "No such file", str(path))

    monkeypatch.setattr("tmnet.logs.find._load_piece", gone)
    with pytest.raises(TmnetError, match=r"was deleted while .* was read"):
        loaded(logdir)


def test_the_cache_follows_a_file_that_grows_slowly(growing, bytes_read):
    """Though little is new each time: at the end most of it is in the cache."""
    logdir, path, whole = growing
    path.write_bytes(whole[: len(whole) // 10])
    runs = loaded(logdir)
    for part in range(11, 101):
        path.write_bytes(whole[: len(whole) * part // 100])
        runs = again(logdir, runs)
    bytes_read.clear()
    loaded(logdir)  # as another process would
    assert bytes_read["a"] < len(whole) / 8
