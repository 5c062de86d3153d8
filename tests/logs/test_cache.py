"""`tmnet.read_scalars` of files that grow or change, with the cache and without."""

import io
import json
import multiprocessing
import os
import random
import sys
import threading
from multiprocessing.pool import ThreadPool
from pathlib import Path

import google_crc32c
import numpy as np
import pytest

import tmnet

from .event_files import (
    MIXED,
    VERSION,
    assert_reads_like_protobuf,
    assert_reads_up_to_damage,
    assert_reads_whole_records,
    assert_same_rows,
    double_scalar,
    event_bytes,
    flipped,
    forbid_opening,
    mixed_events,
    parse,
    read,
    scalar,
    values_event,
    write_bytes,
    write_events,
)


def rewrite(path, data):
    """Replace a file; its modification time changes however coarse the file system's clock is."""
    before = path.stat().st_mtime
    path.write_bytes(data)
    os.utime(path, (before + 10, before + 10))


def test_cache_lies_where_it_should(log, cache_dir):
    """The cache is in $TMNET_CACHE_DIR and nowhere near the log; cache=False writes none."""
    write_bytes(log, MIXED)
    read(log, cache=False)
    read(log.parent, cache=False)
    assert not cache_dir.exists() or not list(cache_dir.iterdir())
    read(log)
    assert list(cache_dir.iterdir())
    assert list(log.parent.iterdir()) == [log]


def test_cache_is_used(log, monkeypatch):
    """A file that has not changed is not opened again, unless the cache is not wanted."""
    read(write_bytes(log, MIXED))
    forbid_opening(log, monkeypatch)
    frame, messages = read(log)
    assert_same_rows(frame, parse(MIXED).frame)
    assert not messages
    frame, messages = read(log, cache=False)
    assert len(frame) == 0
    assert len(messages) == 1


@pytest.mark.parametrize("cache", [False, True])
def test_growing_file(log, block_bytes, cache):
    """A file is read rightly at every size that it had, also when a record was half written."""
    whole = parse(MIXED)
    for attempt in range(15):
        path = write_bytes(log.parent / str(attempt) / log.name, b"")
        sizes = random.Random(attempt).sample(range(len(MIXED)), k=4)
        for size in [0, *sorted(sizes), len(MIXED)]:
            with open(path, "ab") as file:
                file.write(MIXED[path.stat().st_size : size])
            for _ in range(2):
                assert_reads_whole_records(path, size, whole, cache=cache)
        assert len(tmnet.read_scalars(path, cache=cache)) == len(whole.frame)


@pytest.mark.parametrize("kept", [0, 0.5, 1])
@pytest.mark.parametrize("size", ["shorter", "as long", "longer"])
def test_replaced_file(log, kept, size):
    """A file with other content is read anew, whatever its size and where it starts to differ."""
    events = [VERSION, *(values_event(i, scalar("loss", i)) for i in range(400))]
    old = event_bytes(events)
    n = {"shorter": 300, "as long": 401, "longer": 600}[size]
    same = min(round(kept * 400), n - 1)
    new = event_bytes(events[:same] + [values_event(i, scalar("lost", -i)) for i in range(same, n)])
    read(write_bytes(log, old))
    rewrite(log, new)
    frame, messages = read(log)
    assert_same_rows(frame, parse(new).frame)
    assert not messages


def test_one_value_replaced(log):
    """A file of the same size in which one value in the middle is another is read anew."""
    events = [VERSION, *(values_event(i, scalar("loss", i)) for i in range(400))]
    read(write_events(log, events))
    events[200] = values_event(199, scalar("loss", -1))
    rewrite(log, event_bytes(events))
    assert tmnet.read_scalars(log)["value"][199] == -1


def test_repaired_file(log):
    """A damaged file that was copied again is read anew, and its warning is gone."""
    whole = parse(MIXED)
    place = len(MIXED) // 2
    write_bytes(log, flipped(MIXED, place, 1))
    assert_reads_up_to_damage(log, place, whole)
    rewrite(log, MIXED)
    assert_reads_whole_records(log, len(MIXED), whole)


def test_damaged_file_that_grows(log):
    """What is written behind a damaged record is not read, and counts as not read."""
    whole = parse(MIXED)
    place, size = len(MIXED) // 3, len(MIXED) // 2
    write_bytes(log, flipped(MIXED, place, 1)[:size])
    assert_reads_up_to_damage(log, place, whole)
    with open(log, "ab") as file:
        file.write(MIXED[size:])
    assert_reads_up_to_damage(log, place, whole)


def test_files_of_one_name_and_size_and_time(tmp_path):
    """Two files are two files, though only their directories and their content differ."""
    for i in range(3):
        path = tmp_path / str(i) / "events.out.tfevents.1.host"
        write_events(path, [VERSION, values_event(1, scalar("loss", i))])
        os.utime(path, (1.7e9, 1.7e9))
        assert read(path)[0]["value"].tolist() == [i]


def random_bytes(data):
    """Random bytes, as many as there were."""
    return random.Random(0).randbytes(len(data))


def first_half(data):
    """Return the first half, as an interrupted copy leaves it."""
    return data[: len(data) // 2]


def nothing(data):
    """No bytes at all."""
    return b""


def twice(data):
    """The file, and the same again."""
    return data * 2


def pickled(data):
    """What NumPy makes of objects: to load it may run whatever code it holds."""
    out = io.BytesIO()
    np.savez(out, value=np.array([Exploding()], object))
    return out.getvalue()


class Exploding:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (1,)


def zip_bomb(data):
    """A hundred megabytes of zeros, compressed to a thousandth of that."""
    out = io.BytesIO()
    np.savez_compressed(out, value=np.zeros(100 * 2**17))
    return out.getvalue()


@pytest.mark.parametrize("damage", [nothing, random_bytes, first_half, twice, pickled, zip_bomb])
def test_damaged_cache_is_ignored(log, cache_dir, damage):
    """Whatever became of the cache files, the rows are those of the event file."""
    whole = parse(MIXED)
    half = int(whole.starts[20])
    read(write_bytes(log, MIXED[:half]))
    files = [path for path in cache_dir.rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(damage(path.read_bytes()))
    assert_reads_whole_records(log, half, whole)
    log.write_bytes(MIXED)
    assert_reads_whole_records(log, len(MIXED), whole)


def test_a_cache_that_is_no_file(log, cache_dir):
    """A named pipe or a folder in its place is not opened; one as large as can be is not read."""
    read(write_bytes(log, MIXED))
    (file,) = cache_dir.iterdir()
    makers = [Path.mkdir, lambda path: os.truncate(write_bytes(path, b""), 2**40)]
    for make in makers + [os.mkfifo] * hasattr(os, "mkfifo"):
        file.unlink()
        make(file)
        assert_same_rows(read(log)[0], parse(MIXED).frame)
        if file.is_dir():
            file.rmdir()
            file.touch()


def damages(data, number, seed=0):
    """Copies of a file, each damaged in one way: bits, bytes, cuts, insertions and repetitions."""
    rng = random.Random(seed)
    for _ in range(number):
        place, size = rng.randrange(len(data)), rng.choice([1, 2, 4, 8, 500])
        before, there, behind = data[:place], data[place : place + size], data[place + size :]
        yield rng.choice(
            [
                flipped(data, place, 1 << rng.randrange(8)),
                flipped(data, place, rng.randrange(1, 256)),
                before,
                before + behind,
                before + rng.randbytes(size) + there + behind,
                before + there * 2 + behind,
                before + bytes(len(there)) + behind,
            ]
        )


def test_a_cache_with_any_damage(log, cache_dir):
    """Wherever a cache file is damaged, the rows are those of the event file."""
    whole = parse(MIXED)
    read(write_bytes(log, MIXED))
    (file,) = cache_dir.iterdir()
    for data in damages(file.read_bytes(), 100):
        file.write_bytes(data)
        assert_same_rows(read(log)[0], whole.frame)


def rewritten(data, change):
    """A cache file that says something else, with the checksum that belongs to it."""
    begin = 8 + int.from_bytes(data[4:8], "little")
    about = json.loads(data[8:begin])
    columns = change(about)
    text = json.dumps(about).encode()
    rest = len(text).to_bytes(4, "little") + text
    rest += columns if isinstance(columns, bytes) else data[begin:]
    return google_crc32c.value(rest).to_bytes(4, "little") + rest


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about.update(rows=2**60), lambda about: about.update(rows=-1),
        lambda about: about.update(rows=1), lambda about: about.update(rows=1.5),
        lambda about: about.update(size="x"), lambda about: about.update(sample=None),
        lambda about: about.pop("mtime_ns"), lambda about: about.pop("events"),
        lambda about: about["kinds"].update(value="O"),
        lambda about: about["kinds"].update(value="<f8,<f8"),
        lambda about: about["kinds"].update(step="<u1"),
        lambda about: about["kinds"].pop("step"), lambda about: about["kinds"].update(more="<u1"),
        lambda about: about["events"].update(end="x"), lambda about: about["events"].pop("end"),
        lambda about: about["events"].update(tags=["a"]),
        lambda about: about["events"].update(tags=[7] * 42),
        lambda about: about["events"].update(texts=[["0", 2**60]]),
        lambda about: about["events"].update(sessions=[1, 2]),
        lambda about: about["events"].update(left_out=3),
        lambda about: b"", lambda about: b"\xff" * 1_000,
    ],
)  # fmt: skip
def test_a_cache_that_says_what_cannot_be(log, cache_dir, change):
    """Whatever a cache file says that does not fit together is not believed."""
    read(write_bytes(log, MIXED))
    (file,) = cache_dir.iterdir()
    assert rewritten(file.read_bytes(), lambda about: None) == file.read_bytes()
    file.write_bytes(rewritten(file.read_bytes(), change))
    assert_reads_whole_records(log, len(MIXED), parse(MIXED))


def test_a_cache_that_is_nested_deeply(log, cache_dir):
    """What the reader of JSON gives up on is not believed, either."""
    read(write_bytes(log, MIXED))
    (file,) = cache_dir.iterdir()
    text = b"[" * 10_000
    rest = len(text).to_bytes(4, "little") + text
    file.write_bytes(google_crc32c.value(rest).to_bytes(4, "little") + rest)
    assert_reads_whole_records(log, len(MIXED), parse(MIXED))


def test_cache_that_cannot_be_written(log, cache_dir):
    """Reading works where the cache directory cannot be made."""
    cache_dir.write_text("a file, where the directory should be")
    assert_reads_like_protobuf(write_bytes(log, MIXED))


@pytest.mark.parametrize("error", [RuntimeError, KeyError, OSError])
def test_no_home(log, monkeypatch, error):
    """A user without a home has no cache."""

    def no_home(*arguments):
        raise error("Could not determine home directory.")

    monkeypatch.delenv("TMNET_CACHE_DIR")
    monkeypatch.setattr("platformdirs.user_cache_dir", no_home)
    assert_reads_like_protobuf(write_bytes(log, MIXED))


@pytest.mark.skipif(os.name != "posix", reason="HOME and XDG_CACHE_HOME are of POSIX systems")
@pytest.mark.parametrize("home", ["~", "relative", "a file"])
def test_home_that_is_none(log, monkeypatch, tmp_path, home):
    """A home that is no folder of its own takes no cache, and none is left where one stands."""
    monkeypatch.delenv("TMNET_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (tmp_path / "a file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / home) if home == "a file" else home)
    monkeypatch.chdir(tmp_path)
    assert_reads_like_protobuf(write_bytes(log, MIXED))
    assert {*tmp_path.iterdir()} == {tmp_path / "a file", log.parent}


@pytest.mark.skipif(os.name == "nt", reason="Windows tells when a file was created instead")
def test_time_of_status_change(log):
    """A file of the same size and time of modification that was written to since is read anew."""
    old = values_event(1, scalar("loss", 1))
    read(write_events(log, [old]))
    before = log.stat()
    while log.stat().st_ctime_ns == before.st_ctime_ns:
        write_events(log, [values_event(1, scalar("loss", 2))])
        os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (log.stat().st_size, log.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert read(log)[0]["value"].tolist() == [2]


@pytest.mark.parametrize("pool", [ThreadPool, multiprocessing.get_context("spawn").Pool])
def test_readers_at_once(log, pool):
    """Several readers of one growing file, sharing its cache, all get its rows."""
    data = event_bytes(mixed_events(400))
    whole = parse(data)
    write_bytes(log, b"")
    with pool(4) as workers:
        for record in range(50, 401, 50):
            end = int(whole.starts[record])
            with open(log, "ab") as file:
                file.write(data[log.stat().st_size : end])
            for frame in workers.map(tmnet.read_scalars, [log] * 8, chunksize=1):
                assert_same_rows(frame, whole.frame[: whole.rows_before[record]], record)


def read_in_threads(paths):
    """Read every file in four threads that start at once and take turns as often as can be."""
    sys.setswitchinterval(1e-6)
    start = threading.Barrier(4)

    def read_together(path):
        start.wait()
        return tmnet.read_scalars(path, cache=False)

    with ThreadPool(4) as workers:
        return [workers.map(read_together, [path] * 4, chunksize=1) for path in paths]


def test_first_readers_at_once(log):
    """Threads that meet longer and longer records for the first time in a process agree."""
    paths = []
    for size in range(50, 800, 50):
        events = [values_event(i, scalar("x" * size, i)) for i in range(1, 5)]
        paths.append(write_events(log.parent / str(size) / log.name, events))
    with multiprocessing.get_context("spawn").Pool(1) as process:
        for path, frames in zip(paths, process.apply(read_in_threads, [paths]), strict=True):
            expected = parse(path.read_bytes()).frame
            for frame in frames:
                assert_same_rows(frame, expected, path)


def test_cache_of_another_format_is_replaced(log, cache_dir):
    """What an older tmnet left of the same file goes when there is a newer one."""
    cache_dir.mkdir()
    other = cache_dir / "other.v1.parquet"
    read(write_bytes(log, MIXED))
    (stored,) = cache_dir.iterdir()
    stem = stored.name.partition(".")[0]
    stored.unlink()
    for path in (other, *(cache_dir / f"{stem}{x}" for x in (".v1.parquet", ".v3.npz"))):
        path.write_bytes(b"older")
    assert_reads_like_protobuf(log)
    assert {*cache_dir.iterdir()} == {stored, other}


@pytest.mark.parametrize("steps", [[0, 255], [0, 65_535], [-1, 2**31 - 1], [2**31, -(2**63)]])
@pytest.mark.parametrize("value", [np.nan, -0.0, 0.1, 1e-45, 5e-324, -np.inf, 1e300])
def test_numbers_come_back_to_the_bit(log, steps, value):
    """The cache holds each column in the smallest type that can; the frames are the same."""
    events = [values_event(step, double_scalar("a", value), scalar("b", 0.1)) for step in steps]
    assert_reads_like_protobuf(write_events(log, events))
