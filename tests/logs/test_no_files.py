"""`tmnet.read_scalars` of what is no event file, and of files that are not what they seem."""

import contextlib
import os
import socket
import tracemalloc

import pytest

import tmnet
from tmnet.files import open_regular
from tmnet.logs.scalars import Reader, reading

from .event_files import (
    MIXED,
    VERSION,
    assert_same_rows,
    event_bytes,
    parse,
    read,
    scalar,
    text,
    values_event,
    write_bytes,
    write_events,
)
from .read_slowly import checksum

ROW = values_event(1, scalar("a", 1))


@pytest.fixture
def small_blocks(monkeypatch):
    """Files are read in many blocks."""
    monkeypatch.setattr("tmnet.logs.events.BLOCK_BYTES", 300)


def named_pipe(path):
    """A pipe that nobody writes into: to open it for reading waits for that."""
    os.mkfifo(path)


def link_to_pipe(path):
    """A link to such a pipe."""
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def unix_socket(path):
    """A socket."""
    here = os.getcwd()
    os.chdir(path.parent)  # the path of a socket may be no longer than 100 bytes
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.bind(path.name)
    finally:
        os.chdir(here)


def endless_device(path):
    """A device that never ends."""
    path.symlink_to("/dev/zero")


def circle(path):
    """A link that leads to itself."""
    path.symlink_to(path.name)


KINDS = {
    named_pipe: "named pipe", link_to_pipe: "named pipe", unix_socket: "socket",
    endless_device: "device", circle: "symbolic links",
}  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="Windows has none of these in its folders")
@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("cache", [False, True])
def test_no_files_among_others(log, make, cache):
    """What is no file is named, and what it is; nothing waits for it, and the others are read."""
    write_bytes(log, MIXED)
    other = log.with_name("events.out.tfevents.1800000000.host.1.0")
    make(other)
    for path in (log.parent, other):
        frame, (message,) = read(path, cache=cache)
        assert_same_rows(frame, parse(MIXED if path != other else b"").frame)
        assert str(other) in message
        assert KINDS[make] in message


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in its folders")
def test_a_file_that_becomes_a_pipe(log, monkeypatch):
    """Even right before it is opened."""
    write_bytes(log, MIXED)
    stat = os.stat

    def stat_first(path):
        result = stat(path)
        log.unlink()
        os.mkfifo(log)
        return result

    monkeypatch.setattr("os.stat", stat_first)
    with pytest.raises(OSError, match="named pipe"):
        open_regular(log)


def test_folders_with_the_name_of_a_file(log):
    """They are folders."""
    inside = write_bytes(log.with_name("events.out.tfevents.2.host") / "x.tfevents", MIXED)
    log.mkdir()
    frame, messages = read(log.parent)
    assert_same_rows(frame, parse(MIXED).frame)
    assert not messages
    assert_same_rows(read(inside.parent)[0], parse(MIXED).frame)
    with pytest.raises(tmnet.TmnetError, match="no event files"):
        tmnet.read_scalars(log)


# --- folders --------------------------------------------------------------------------------------


@pytest.fixture
def link():
    """Function that makes a link to a folder; skips the test where that cannot be."""

    def make(path, target):
        try:
            path.symlink_to(target, target_is_directory=True)
        except OSError:
            pytest.skip("links cannot be made here")

    return make


def rows_of(folder):
    """How many scalars are read, and the notes."""
    frame, messages = read(folder)
    return len(frame), messages


def test_links_to_folders(tmp_path, link):
    """What a link leads to is read once, wherever it lies; a folder above the link is not."""
    write_events(tmp_path / "top" / "run" / "tfevents.1", [ROW])
    write_events(tmp_path / "other" / "deep" / "tfevents.2", [ROW, ROW])
    write_events(tmp_path / "tfevents.3", [ROW] * 10)
    top = tmp_path / "top"
    link(top / "a link", tmp_path / "other")
    assert rows_of(top) == (3, [])
    link(top / "b link", tmp_path / "other" / "deep")
    rows, (message,) = rows_of(top)
    assert rows == 3
    assert "b link" in message
    link(top / "run" / "loop", "..")
    link(tmp_path / "other" / "back", tmp_path)
    rows, messages = rows_of(top)
    assert rows == 3
    assert len(messages) == 2  # where the loop leads to, there is no file
    assert rows_of(top / "run")[0] == 1
    assert rows_of(top / "a link")[0] == 2


def test_links_that_lead_nowhere(tmp_path, link):
    """In circles, or to what is gone: they hold no files."""
    write_events(tmp_path / "tfevents.1", [ROW])
    link(tmp_path / "one", tmp_path / "two")
    link(tmp_path / "two", tmp_path / "one")
    link(tmp_path / "three", tmp_path / "gone")
    assert rows_of(tmp_path) == (1, [])
    for name in ("one", "three"):
        rows, (message,) = rows_of(tmp_path / name)
        assert rows == 0
        assert "cannot be read" in message


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    """It is named; the others are read."""
    write_events(tmp_path / "a" / "tfevents.1", [ROW])
    secret = write_events(tmp_path / "b" / "tfevents.1", [ROW]).parent
    scandir = os.scandir

    def guarded(path):
        if os.fspath(path) == str(secret):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", guarded)
    rows, (message,) = rows_of(tmp_path)
    assert rows == 1
    assert message == f"{secret} cannot be read (Permission denied); it is left out."
    with pytest.raises(tmnet.TmnetError, match="Permission denied"):
        read(secret)


# --- large records --------------------------------------------------------------------------------


def length(size):
    """The head of a record that is so long, with its checksum."""
    head = size.to_bytes(8, "little")
    return head + checksum(head)


@contextlib.contextmanager
def little_memory(megabytes):
    """Assert that no more is taken at any time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [2**27, 2**40, 2**63, 2**64 - 1])
@pytest.mark.parametrize("there", [0, 1000])
def test_a_length_that_is_larger_than_the_file(log, size, there):
    """The record is not whole, which is told, and takes no memory; what comes before is read."""
    data = event_bytes([VERSION, ROW, ROW])
    write_bytes(log, data + length(size) + bytes(there))
    with little_memory(10):
        frame, (message,) = read(log)
    assert_same_rows(frame, parse(data).frame)
    assert f"{size + 16:,}" in message
    assert f"{12 + there} bytes" in message
    assert "damage" not in message


def sparse(path, data, gap, behind):
    """Write a file that holds a record of zeros, of which the file system stores nothing."""
    write_bytes(path, data + length(gap))
    try:
        with open(path, "r+b") as file:
            file.seek(len(data) + 12 + gap + 4)
            file.write(behind)
    except OSError:
        pytest.skip("this file system has no files of that size")


@pytest.mark.parametrize("gap", [2**27, 2**40])
def test_a_sparse_record(log, gap):
    """A record larger than any event is passed over; what comes before and behind it is read."""
    if os.name == "nt":
        pytest.skip("Windows stores the zeros")
    before, behind = event_bytes([VERSION, ROW, ROW]), event_bytes([ROW])
    sparse(log, before, gap, behind)
    with little_memory(40):
        for cache in (False, True, True):
            frame, (message,) = read(log, cache=cache)
            assert_same_rows(frame, parse(before + behind).frame)
            assert "more than 64 MiB (1)" in message


def test_a_large_record_that_is_not_whole_yet(log, small_blocks, monkeypatch):
    """One that is being written is told, and passed over when it is whole."""
    monkeypatch.setattr("tmnet.logs.events.LARGEST", 1000)
    data = event_bytes([ROW, values_event(2, text("t", b"x" * 2000)), ROW])
    whole = len(event_bytes([ROW]))
    for cache in (False, True):
        write_bytes(log, data[: whole + 1500])
        assert "1500 bytes" in read(log, cache=cache)[1][0]
        write_bytes(log, data)
        frame, (message,) = read(log, cache=cache)
        assert_same_rows(frame, parse(event_bytes([ROW, ROW])).frame)
        assert message.startswith("Left out")


def test_large_records_over_many_blocks(log, small_blocks, monkeypatch):
    """Those that are too large are left out wherever a block ends; longer blocks hold others."""
    monkeypatch.setattr("tmnet.logs.events.LARGEST", 5000)
    sizes = [10, 290, 310, 4090, 4100, 4950, 5100, 20_000, 4500, 6000, 6000, 20]
    events = [values_event(i, text("t", b"x" * size)) for i, size in enumerate(sizes)]
    large = sum(len(event_bytes([event])) > 5000 for event in events)
    write_events(log, [event for pair in zip(events, [ROW] * 12, strict=True) for event in pair])
    frame, (message,) = read(log)
    assert len(frame) == 12
    assert message.endswith(f"({large}).")
    with reading([log], cache=False) as reader:
        assert len(reader.read_file(log).events.texts) == 12 - large


def test_long_tags(log):
    """A scalar with a tag too long for any name is left out; the others of its record are not."""
    events = [
        values_event(1, scalar("a", 1), scalar("x" * 200_000, 2), scalar("b", 3)),
        values_event(2, scalar("y" * 200_000, 2)),
        values_event(3, scalar("z" * 90_000, 4)),
    ]
    frame, (message,) = read(write_events(log, events))
    assert frame["value"].tolist() == [1, 3, 4]
    assert "100,000 characters (2)" in message


# --- files that change ----------------------------------------------------------------------------


def read_while(path, change, cache=False):
    """Read a file that changes after its first block was read; return the files and notes."""
    left = [change]
    reader = Reader(cache, {}, lambda _: left.pop()() if left else None)
    return reader.read([path])


@pytest.mark.parametrize("cache", [False, True])
def test_a_file_that_shrinks_while_it_is_read(log, small_blocks, cache):
    """It is left out, or read as far as it goes; the next time it is read as it is then."""
    write_bytes(log, MIXED)
    size = int(parse(MIXED).starts[3])
    files, notes = read_while(log, lambda: os.truncate(log, size), cache)
    assert len(files) + len(notes) == 1
    assert all("shorter" in note for note in notes)
    assert_same_rows(read(log, cache=cache)[0], parse(MIXED[:size]).frame)


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be removed from Windows")
def test_a_file_that_vanishes_while_it_is_read(log, small_blocks, cache):
    """What was opened is read; then it cannot be read any more."""
    write_bytes(log, MIXED)
    (file,), notes = read_while(log, log.unlink, cache)
    assert len(file.events.code) == len(parse(MIXED).frame)
    assert not notes
    with reading([log], cache) as reader:
        files, (note,) = reader.read([log])
    assert not files
    assert "cannot be read" in note


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be replaced on Windows")
def test_a_file_that_is_replaced_while_it_is_read(log, small_blocks, cache):
    """What was opened is read to its end; the next time, the other one is."""
    write_bytes(log, MIXED)
    new = event_bytes([VERSION, *[ROW] * 500])
    other = write_bytes(log.with_name("new"), new)
    (file,), _ = read_while(log, lambda: other.replace(log), cache)
    assert len(file.events.code) == len(parse(MIXED).frame)
    assert_same_rows(read(log, cache=cache)[0], parse(new).frame)


def test_a_file_that_never_stops_growing(log, small_blocks):
    """It is read as far as it went when it was opened."""
    data = event_bytes([ROW] * 100)
    write_bytes(log, data)

    def grow(_):
        with open(log, "ab") as file:
            file.write(data)

    files, notes = Reader(False, {}, grow).read([log])
    assert len(files[0].events.code) == 100
    assert not notes


@pytest.mark.skipif(
    os.name == "nt" or getattr(os, "geteuid", lambda: 1)() == 0,
    reason="it takes a user whose rights can be taken away",
)
def test_rights(log):
    """A file without the right to read it is named; so is a folder, and what lies in it."""
    write_bytes(log, MIXED)
    secret = write_bytes(log.with_name("x.tfevents"), MIXED)
    folder = write_bytes(log.parent / "folder" / "x.tfevents", MIXED).parent
    secret.chmod(0)
    folder.chmod(0)
    try:
        frame, messages = read(log.parent)
        assert_same_rows(frame, parse(MIXED).frame)
        assert sorted("Permission denied" in message for message in messages) == [True, True]
        assert "Permission denied" in read(folder / "x.tfevents")[1][0]
    finally:
        folder.chmod(0o700)
