"""What is written: into pipes and through links, and refused in words before the work begins."""

import errno
import os
import stat
import subprocess
import sys
import threading

import pandas as pd
import pytest

import tmnet
from tmnet.files import check_folder, check_output, make_directory, write_output, write_whole

from .checks import refused

NO_ROOM = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
needs_full = pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="there is no /dev/full here"
)


def say(text):
    """What writes a text."""
    return lambda file: file.write(text.encode())


@pytest.fixture
def link(tmp_path):
    """Function that makes a link in the folder, where links can be made."""

    def link(name, target):
        try:
            (tmp_path / name).symlink_to(target)
        except OSError:  # on Windows it takes a right of its own
            pytest.skip("links cannot be made here")
        return tmp_path / name

    return link


@pytest.fixture
def pipe(tmp_path):
    """A named pipe, and a function that returns what came out of it."""
    path, came = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: came.append(path.read_bytes()), daemon=True)
    reader.start()

    def read():
        reader.join(60)
        return came[0].decode()

    return path, read


@pytest.fixture
def full(monkeypatch):
    """A disk that takes no new file."""

    def no_room(path, mode="r", *more, **options):
        if "x" in mode:
            raise NO_ROOM
        return open(path, mode, *more, **options)

    monkeypatch.setattr("tmnet.files.open", no_room, raising=False)


# --- where it goes --------------------------------------------------------------------------------


@needs_pipes
def test_a_pipe_is_written_into(pipe):
    path, read = pipe
    check_output(path)  # without waiting for who reads it
    write_output(path, say("all of it"))
    assert read() == "all of it" and stat.S_ISFIFO(path.stat().st_mode)
    assert [other.name for other in path.parent.iterdir()] == ["pipe"]


@needs_pipes
def test_all_values_through_a_pipe(command, three_runs, pipe, tmp_path):
    path, read = pipe
    status, _, err = command("compare", "long", "--logdir", three_runs, "--csv", path)
    assert (status, err) == (0, "")
    command("compare", "long", "--logdir", three_runs, "--csv", tmp_path / "file.csv")
    assert read() == (tmp_path / "file.csv").read_text() != ""


@needs_pipes
def test_nothing_half_written_into_a_pipe(pipe):
    path, read = pipe

    def fail(file):
        file.write(b"half")
        raise NO_ROOM

    refused(lambda: write_output(path, fail), path, "No space left")
    write_output(path, say("whole"))
    assert read() == "whole"


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(link, tmp_path, there):
    """And what it leads to is written, in whichever folder that is."""
    target = tmp_path / "other" / "target.txt"
    target.parent.mkdir()
    if there:
        target.write_text("before")
    path = link("link.txt", target)
    check_output(path)
    write_output(path, say("after"))
    assert path.is_symlink() and path.resolve() == target.resolve()
    assert target.read_text() == "after"
    assert [file.name for file in target.parent.iterdir()] == ["target.txt"]


def test_an_endless_link(link, tmp_path):
    path = link("a", tmp_path / "b")
    link("b", tmp_path / "a")
    for write in (check_output, lambda path: write_output(path, say("x"))):
        refused(lambda write=write: write(path), path, "cannot be written")
    assert path.is_symlink()


@pytest.mark.parametrize("name", ["a" * 251 + ".csv", "ü" * 100 + ".csv", "." + "b" * 200])
def test_every_name_that_a_file_may_have(tmp_path, name):
    check_output(tmp_path / name)
    write_output(tmp_path / name, say("x"))
    assert [path.name for path in tmp_path.iterdir()] == [name]


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [check_output, lambda path: write_output(path, say("x"))])
@pytest.mark.parametrize("name", ["folder", "", "c" * 300, "no\0name"])
def test_what_is_no_file(tmp_path, call, name):
    (tmp_path / "folder").mkdir()
    refused(lambda: call(tmp_path / name), tmp_path, "cannot be written (")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("call", [check_output, lambda path: write_output(path, say("x"))])
def test_a_file_that_is_read_only(tmp_path, monkeypatch, call):
    """Though another one could be renamed to its name; root may write all of them."""
    path = tmp_path / "kept.csv"
    path.write_text("kept")
    monkeypatch.setattr(os, "access", lambda *_: False)
    refused(lambda: call(path), path, "cannot be written (Permission denied)")
    assert path.read_text() == "kept"


def test_a_full_disk(tmp_path, full):
    path = tmp_path / "x.csv"
    refused(lambda: check_output(path), tmp_path, "cannot be written into (No space left on")
    refused(lambda: write_output(path, say("x")), path, "cannot be written (No space left on")
    refused(lambda: check_folder(tmp_path / "a" / "b"), "cannot be made (No space left on device)")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up(tmp_path, monkeypatch):
    """What was there before stays."""
    path = tmp_path / "x.csv"
    path.write_text("before")

    def no_room(number):
        raise NO_ROOM

    monkeypatch.setattr(os, "fsync", no_room)
    refused(lambda: write_output(path, say("after")), path, "No space left on device")
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, say("after"))
    assert path.read_text() == "before" and [path] == list(tmp_path.iterdir())


def test_a_folder_where_a_file_is(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("file", "file/more"):
        for call in (check_folder, make_directory):
            refused(lambda call=call, name=name: call(tmp_path / name), tmp_path / name, "made (")
    refused(lambda: make_directory("no\0name"), "cannot be made (")


def test_a_check_leaves_nothing(tmp_path):
    check_folder(tmp_path / "a" / "b")
    check_output(tmp_path / "a" / "x.csv")
    assert not list(tmp_path.iterdir())


# --- known before the work begins -----------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "long", "--csv", "x.csv"],
        ["compare", "long", "--json", "new/x.json"],
        ["compare", "long", "--plot", "--output-dir", "new"],
        ["report", "--runs", "long", "--output-dir", "new"],
        ["demo"],
    ],
    ids=lambda arguments: " ".join(arguments[:4:3]),
)
def test_a_command_reads_nothing_for_nothing(command, tmp_path, monkeypatch, full, arguments):
    monkeypatch.setattr("tmnet.report.report.load_run", None)  # which takes it from here:
    monkeypatch.setattr("tmnet.logs.find.load_run", None)
    monkeypatch.chdir(tmp_path)
    if arguments[0] == "demo":
        monkeypatch.setattr("tmnet.comparison.compare", None)
    else:
        arguments = [*arguments, "--logdir", "."]
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("tmnet: ") and err.count("\n") == 1 and "No space left" in err
    assert not list(tmp_path.iterdir())


def test_an_export_draws_nothing_for_nothing(three_runs, tmp_path, monkeypatch, full):
    comparison = tmnet.compare(tmnet.load_runs(three_runs), metrics=["loss"])
    monkeypatch.setattr("tmnet.export.plot_grid", None)
    refused(lambda: comparison.export(tmp_path / "new", "x"), "new", "No space left")
    assert not list(tmp_path.iterdir())


def test_a_replay_draws_nothing_for_nothing(tmp_path, monkeypatch, full):
    replay = tmnet.racing.replay(actions=[0])
    monkeypatch.setattr("tmnet.racing.figure.AggFigure", None)
    refused(lambda: replay.save(tmp_path / "new" / "x.gif"), "new", "No space left")
    assert not list(tmp_path.iterdir())


def test_a_training_plays_nothing_for_nothing(tmp_path, monkeypatch, full):
    monkeypatch.setattr("tmnet.training.start.TrainingLoop", None)
    places = {"logdir": tmp_path / "logs", "checkpoints": tmp_path / "kept"}
    refused(lambda: tmnet.train("A01_as20_long", frames=10, **places), "kept", "No space left")
    assert not list(tmp_path.iterdir())


# --- what is printed ------------------------------------------------------------------------------


def shell(line, logdir, unbuffered=""):
    """A line for the shell, in which $T is the command; returns its status and what it said."""
    environment = os.environ | {
        "T": f"{sys.executable} -m tmnet", "LOGS": str(logdir), "PYTHONUNBUFFERED": unbuffered,
    }  # fmt: skip
    done = subprocess.run(
        ["/bin/sh", "-c", line], env=environment, capture_output=True, encoding="utf-8"
    )
    return done.returncode, done.stdout, done.stderr


needs_shell = pytest.mark.skipif(not os.path.exists("/bin/sh"), reason="redirects as sh has them")


@needs_shell
@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written(three_runs, unbuffered):
    status, _, err = shell('$T list --logdir "$LOGS" > /dev/full', three_runs, unbuffered)
    assert (status, err) == (2, "tmnet: standard output: No space left on device.\n")


@needs_shell
def test_output_that_nobody_reads_to_its_end(three_runs):
    """As from `head`: it has seen enough, and nothing went wrong."""
    line = '{ $T compare long --logdir "$LOGS"; echo "status $?" >&2; } | true'
    assert shell(line, three_runs, "1")[2] == "status 0\n"


@needs_shell
@pytest.mark.parametrize("command", ["list", "compare long --csv kept.csv", "--help"])
def test_a_closed_output(three_runs, tmp_path, command):
    """Files would be opened under its number."""
    line = f'cd {tmp_path}; $T {command} --logdir "$LOGS" >&-'
    status, out, err = shell(line, three_runs)
    assert (status, out) == (2, "") and err.count("\n") == 1 and "standard output is closed" in err
    assert not list(tmp_path.iterdir())


@needs_shell
def test_a_closed_output_of_errors(three_runs):
    """What is wrong is not told among the results."""
    status, out, _ = shell('$T list --logdir "$LOGS" 2>&-', three_runs)
    assert status == 0 and "60,000" in out
    assert shell('$T compare lng --logdir "$LOGS" 2>&-', three_runs)[:2] == (2, "")


@needs_shell
@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="standard output has no name here")
def test_values_among_what_is_printed(three_runs, tmp_path):
    """Into a pipe, and into a file, which the tables stay in."""
    line = '$T compare long --metrics loss --logdir "$LOGS" --csv /dev/stdout'
    status, out, err = shell(line, three_runs)
    assert (status, err) == (0, "")
    tables, head, values = out.partition("run,axis,metric,at,value\n")
    assert head and "BY STEP" in tables
    rows = pd.DataFrame([row.split(",") for row in values.split("\n\n")[0].splitlines()])
    assert set(rows[0]) == {"long"} and set(rows[1]) == {"time", "step"}
    assert shell(f"{line} > {tmp_path / 'all.txt'}", three_runs)[0] == 0
    assert (tmp_path / "all.txt").read_text() == out


def test_a_log_directory_without_rights(command, tmp_path, monkeypatch):
    def denied(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path))

    monkeypatch.setattr("tmnet.logs.find.load_runs", denied)
    status, out, err = command("list", "--logdir", tmp_path)
    assert (status, out, err) == (2, "", f"tmnet: {tmp_path}: Permission denied.\n")
