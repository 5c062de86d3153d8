"""`load_run` and `list_runs`: which directories are one run, and what a list says of them."""

import contextlib
import subprocess
import sys

import pytest

import tmnet

from ..synthetic import T0, load, race, write_file

STARTUP = 7  # s from the version record of a process to the first event


def train(directory, first, last, start=0, pid=1, every=100, seconds=10, **options):
    """Write a process that logs its loss every `every` steps; return the second of its end."""
    steps = range(first, last + 1, every)
    records = [
        (start + STARTUP + seconds * i, step, {"loss": step}) for i, step in enumerate(steps)
    ]
    write_file(directory, records, start, pid=pid, **options)
    return records[-1][0]


# --- pieces ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first, start, joined",
    [
        (10_100, 5000, True),  # carries on
        (10_000, 5000, True),
        (9_000, 5000, True),  # from a checkpoint a little earlier
        (10_900, 5000, True),  # logging began some way after the restart
        (100, 5000, False),  # from scratch
        (5_000, 5000, False),
        (30_000, 5000, False),  # from the checkpoint of some other run
        (10_100, -5000, False),  # before X
    ],
)
def test_a_piece_is_joined_only_if_it_carries_on(tmp_path, first, start, joined):
    train(tmp_path / "X", 100, 10_000)
    train(tmp_path / "X_2", first, first + 2000, start, pid=2)
    with contextlib.nullcontext() if joined else pytest.warns(tmnet.LogWarning, match="not joined"):
        run = load(tmp_path, "X")
    assert run.pieces == (["X", "X_2"] if joined else ["X"])
    assert len(run.scalars) == 100 + 21 * joined
    listed = tmnet.list_runs(tmp_path, cache=False).set_index("run")["pieces"].to_dict()
    assert listed == ({"X": ["X", "X_2"]} if joined else {"X": ["X"], "X_2": ["X_2"]})


def test_pieces_go_on_until_one_does_not(tmp_path):
    """X_3 from scratch ends the run, and X_4 is not asked, whatever its steps."""
    for i, first in enumerate([100, 1100, 100, 2100]):
        train(tmp_path / f"X{f'_{i + 1}' * (i > 0)}", first, first + 900, 1000 * i, pid=i)
    with pytest.warns(
        tmnet.LogWarning, match=r"X_3 is not joined to X: its steps begin at 100, and"
    ):
        assert load(tmp_path, "X").pieces == ["X", "X_2"]


def test_ten_pieces_in_the_order_of_their_numbers(tmp_path):
    names = ["X", *(f"X_{i}" for i in range(2, 12))]
    for i, name in enumerate(names):
        train(tmp_path / name, 1000 * i + 100, 1000 * i + 1000, 1000 * i, pid=i)
    assert load(tmp_path, "X").pieces == names
    assert tmnet.list_runs(tmp_path, cache=False)["pieces"].tolist() == [names]


def test_a_gap_in_the_numbers_is_noted(tmp_path):
    train(tmp_path / "X", 100, 1000)
    train(tmp_path / "X_3", 1100, 2000, start=1000, pid=2)
    with pytest.warns(tmnet.LogWarning, match="X_2 is missing between X and X_3"):
        assert load(tmp_path, "X").pieces == ["X", "X_3"]
    assert tmnet.list_runs(tmp_path, cache=False)["run"].tolist() == ["X"]


@pytest.mark.parametrize(
    "pieces, steps",
    [(["X"], 1000), (["X", "X_2"], 700), (["X_2"], 700), (["X", "Y"], 2000), ("Y", 2000)],
)
def test_named_pieces_replace_the_guess(tmp_path, pieces, steps):
    train(tmp_path / "X", 100, 1000)
    train(tmp_path / "X_2", 100, 700, start=1000, pid=2)
    train(tmp_path / "Y", 1100, 2000, start=2000, pid=3)
    anew = pieces == ["X", "X_2"]
    with pytest.warns(tmnet.LogWarning, match="began") if anew else contextlib.nullcontext():
        run = load(tmp_path, "X", pieces=pieces)
    assert run.name == "X" and run.steps == steps
    assert run.pieces == ([pieces] if isinstance(pieces, str) else pieces)


@pytest.mark.parametrize("pieces", [["X", "X"], ["X", "./X"], ["X", "Y", "X/"]])
def test_a_piece_is_joined_once(tmp_path, pieces):
    train(tmp_path / "X", 100, 1000)
    train(tmp_path / "Y", 1100, 2000, start=2000, pid=3)
    with pytest.raises(tmnet.TmnetError, match="must be different folders"):
        load(tmp_path, "X", pieces=pieces)


@pytest.mark.parametrize("copy", ["{} - Copy", "{} (1)", "{}.bak", "Copy of {}"])
@pytest.mark.parametrize("part", [1.0, 0.6])
def test_a_copy_of_an_event_file_is_left_out(tmp_path, copy, part):
    """Also one of a time when the file was shorter."""
    write_file(tmp_path / "X", [(60 * i, i, race(50.0)) for i in range(1, 11)])
    (file,) = (tmp_path / "X").iterdir()
    data = file.read_bytes()
    copied = file.with_name(copy.format(file.name))
    copied.write_bytes(data[: int(part * len(data))])
    with pytest.warns(tmnet.LogWarning, match="is a copy of .*; it is left out"):
        run = load(tmp_path, "X")
    assert (len(run.races), run.number_of_processes) == (10, 1)
    assert len(tmnet.read_scalars(tmp_path / "X", cache=False)) > 20  # every one of every file
    copied.write_bytes(file.read_bytes()[:-20])
    write_file(tmp_path / "X", [(60 * i, i, race(50.0)) for i in range(1, 11)], pid=2, start=1)
    with pytest.warns(tmnet.LogWarning, match="is a copy of"):
        assert load(tmp_path, "X").number_of_processes == 2  # the other one began later


def test_a_date_behind_a_name_is_no_reason_to_count_up_to_it(tmp_path):
    train(tmp_path / "X", 100, 1000)
    for number, last in (("20261126", 2000), ("9" * 60, 3000)):
        train(tmp_path / f"X_{number}", last - 900, last, start=last, pid=last)
    (run,) = tmnet.load_runs(tmp_path, cache=False)
    assert len(run.pieces) == 3 and all(len(note) < 300 for note in run.notes)
    assert run.notes[0] == "X_2 to X_20261125 are missing between X and X_20261126."


def test_nested_directories_and_several_files(tmp_path):
    train(tmp_path / "X", 100, 1000)
    train(tmp_path / "X" / "a" / "b", 1100, 1500, start=200, number=1)
    train(tmp_path / "X" / "a", 1600, 2000, start=400, pid=2)
    run = load(tmp_path, "X")
    assert run.scalars["step"].tolist() == [*range(100, 2001, 100)]
    assert run.scalars["value"].tolist() == [*range(100, 2001, 100)]
    assert run.scalars["wall_time"].is_monotonic_increasing
    # 150 s lie between the first two, and at most 10 s between their events
    assert run.scalars["process"].tolist() == [0] * 10 + [1] * 5 + [2] * 5
    assert run.processes["pid"].tolist() == ["1", "1", "2"]
    assert run.duration == pytest.approx((97 + 47 + 47) / 60)


# --- listing and errors ---------------------------------------------------------------------------


def test_list_runs(three_runs, restarted, tmp_path):
    table = tmnet.list_runs(three_runs, cache=False).set_index("run")
    assert table.to_dict("index") == {
        name: {
            "pieces": [name],
            "processes": 1,
            "minutes": float(minutes),
            "wall_minutes": float(minutes),
            "steps": steps,
            "races": races,
            "maps": ["A01"],
        }
        for name, minutes, steps, races in [
            ("long", 60, 60_000, 120),
            ("never", 45, 45_000, 45),
            ("short", 30, 60_000, 30),
        ]
    }
    row = tmnet.list_runs(tmp_path, cache=False).iloc[0]
    assert row[["processes", "steps", "races"]].tolist() == [2, 1500, 19]
    assert row["minutes"] == pytest.approx((600 + 1480 - 950) / 60)
    assert row["wall_minutes"] == 1480 / 60


def test_directories_without_scalars_are_not_listed(tmp_path):
    train(tmp_path / "X", 100, 1000)
    write_file(tmp_path / "Y", [], texts={"about": "nothing yet"})
    (tmp_path / "Z").mkdir()
    (tmp_path / "notes.txt").write_text("events")
    assert tmnet.list_runs(tmp_path, cache=False)["run"].tolist() == ["X"]


def test_unknown_run_names_the_nearest(three_runs):
    with pytest.raises(tmnet.TmnetError, match=r"no run shrt .*Nearest: short") as error:
        load(three_runs, "shrt")
    assert "never" not in str(error.value)
    with pytest.raises(tmnet.TmnetError, match="There are: long, never, short"):
        load(three_runs, "zzz")
    with pytest.raises(tmnet.TmnetError, match="Nearest: short"):
        load(three_runs, str(three_runs / "short"))  # as a shell completes it
    with pytest.raises(tmnet.TmnetError, match="no run lng"):
        load(three_runs, "long", pieces=["long", "lng"])


@pytest.mark.parametrize("make", [True, False])
def test_log_directory_without_runs(tmp_path, make):
    logdir = tmp_path / "logs"
    if make:
        (logdir / "empty").mkdir(parents=True)
    for function in (tmnet.list_runs, lambda logdir: load(logdir, "X")):
        with pytest.raises(tmnet.TmnetError, match="logs"):
            function(logdir)


def test_run_without_scalars(tmp_path):
    write_file(tmp_path / "X", [], texts={"config": "lr: 1"})
    with pytest.raises(tmnet.TmnetError, match="X holds no scalars"):
        load(tmp_path, "X")
    with pytest.raises(tmnet.TmnetError, match="holds a scalar"):
        tmnet.list_runs(tmp_path, cache=False)


@pytest.mark.filterwarnings("always::tmnet.LogWarning")
def test_what_cannot_be_read_is_noted(tmp_path, recwarn):
    train(tmp_path / "X", 100, 1000)
    path = tmp_path / "X" / f"events.out.tfevents.{T0 + 500}.host.1.1"
    path.write_bytes(b"nonsense that is longer than a header")
    run = load(tmp_path, "X")
    assert len(run.scalars) == 10
    assert [str(warning.message) for warning in recwarn] == run.notes
    assert len(run.notes) == 1 and path.name in run.notes[0]


def test_a_name_completed_by_the_shell_is_the_same_run(tmp_path):
    train(tmp_path / "X", 100, 1000)
    train(tmp_path / "X_2", 1100, 2000, start=1000, pid=2)
    assert load(tmp_path, "X/").pieces == ["X", "X_2"]


def test_a_list_needs_no_frames(tmp_path):
    """Those take longer to load pandas for than all the rest."""
    train(tmp_path / "X", 100, 1000)
    write_file(tmp_path / "Y", [(60, 1, race(40.0)), (120, 2, race(30.0))])
    tmnet.load_runs(tmp_path)  # into the cache
    script = (
        "import sys; from tmnet.cli import main\n"
        "print(main(['list', '--logdir', sys.argv[1]]), 'pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True
    )
    *_, x, y, end = done.stdout.splitlines()
    assert x.split()[:1] + y.split()[:1] == ["X", "Y"] and end == "0 False"
