"""Small logs, each the smallest member of a kind, whose numbers are known."""

import numpy as np
import pytest

import tmnet

from ..synthetic import load, race
from .small_logs import name, ramp, write

DAY = 86400


def surviving(run):
    """The scalars that count along the steps."""
    return run.scalars[run.survives(run.scalars)]


def counted(run):
    """How many of them, by tag."""
    return surviving(run)["tag"].value_counts().to_dict()


def writers(run):
    return [[*writer] for writer in run.processes[["host", "pid"]].to_numpy()]


# --- what was written later -----------------------------------------------------------------------


def test_hyperparameters_at_the_end(tmp_path):
    """A file without pid, with one event at step 0, written after the training."""
    write(tmp_path / "exp" / name(pid=None), ramp())
    summary = tmp_path / "exp" / "1700000099.9" / name(99, pid=None)
    write(summary, [(99, 0, {"hparam/final": 1.0})])
    run = load(tmp_path, "exp")
    assert counted(run) == {"reward": 101, "hparam/final": 1}
    assert (run.first_step, run.steps, len(run.restarts), run.notes) == (0, 1000, 0, [])


def test_an_evaluation_a_day_later(tmp_path):
    """A script of its own pid logs steps 0 to 9 into the folder of a training."""
    write(tmp_path / "exp" / name(), ramp())
    rows = [(DAY + i, i, {"eval/return": 1.0}) for i in range(10)]
    write(tmp_path / "exp" / name(DAY, pid="9"), rows)
    run = load(tmp_path, "exp")
    assert counted(run) == {"reward": 101, "eval/return": 10}
    assert (run.steps, len(run.restarts)) == (1000, 0)
    assert run.duration == pytest.approx(1 + 9 / 60)


# --- folders --------------------------------------------------------------------------------------


def test_two_writers_below_one_run(tmp_path):
    """One tag in two folders, as of add_scalars, is two series."""
    write(tmp_path / "exp" / name(), ramp())
    for key, plus in (("train", 0.0), ("val", 5000.0)):
        write(tmp_path / "exp" / f"loss_{key}" / name(), ramp(tag="loss", plus=plus))
    run = load(tmp_path, "exp")
    assert counted(run) == {"reward": 101, "loss_train/loss": 101, "loss_val/loss": 101}
    for by, at in (("step", 500), ("time", 0.5)):
        table = tmnet.compare([run], by=by).at(at)["exp"]
        assert table["loss_train/loss"] == 500 and table["loss_val/loss"] == 5500
        assert "loss" not in table


def test_folders_of_trainings(tmp_path):
    """Four trainings in a folder without event files of its own: runs by their paths."""
    for k in range(4):
        seed = tmp_path / "study" / f"seed_{k}"
        write(seed / name(k, pid=str(50 + k)), ramp(k, plus=10_000 * k))
    runs = tmnet.load_runs(tmp_path, cache=False)
    assert [run.name for run in runs] == [f"study/seed_{k}" for k in range(4)]
    at_end = tmnet.compare(runs, by="step").at(1000).loc["reward"]
    assert at_end.to_dict() == {run.name: 1000 + 10_000 * k for k, run in enumerate(runs)}
    with pytest.raises(tmnet.TmnetError, match="group of runs"):
        load(tmp_path, "study")


# --- processes ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::tmnet.LogWarning")
def test_three_trainings_in_one_folder(tmp_path):
    """Each from step 0: the last is the run by step, and by time a note counts them."""
    for k, last in enumerate((10_000, 3000, 8000)):
        times = {s: 20.0 if (k, s) == (0, 9000) else 40.0 + k for s in range(0, last + 1, 500)}
        rows = [(7200 * k + s / 10, s, race(time)) for s, time in times.items()]
        write(tmp_path / "exp" / name(7200 * k, pid=str(100 + k)), rows)
    run = load(tmp_path, "exp")
    assert run.steps == 8000
    assert tmnet.compare([run], by="step").at(8000).at["A01/eval/best", "exp"] == 42
    assert tmnet.compare([run]).at(run.duration).at["A01/eval/best", "exp"] == 20
    assert any("3 trainings" in note and "step" in note for note in run.notes)


def test_a_container_that_was_restarted(tmp_path):
    """Host and pid are the same a day later."""
    write(tmp_path / "exp" / name(host="trainer-0", pid="1"), ramp())
    again = ramp(DAY, first=500, plus=1e6)
    write(tmp_path / "exp" / name(DAY, host="trainer-0", pid="1"), again)
    run = load(tmp_path, "exp")
    assert writers(run) == [["trainer-0", "1"]] * 2
    assert len(run.restarts) == 1 and run.steps == 1000
    assert run.duration == pytest.approx(1.5)
    values = surviving(run)["value"]
    assert ((values < 1e6).sum(), (values >= 1e6).sum()) == (50, 51)


def test_resumed_in_one_kernel(tmp_path):
    """The same pid an hour later, with a writer that says from where it goes on."""
    write(tmp_path / "exp" / name(), ramp())
    again = ramp(3660, first=600, plus=1e6)
    write(tmp_path / "exp" / name(3660, count=1), again, purge=600)
    run = load(tmp_path, "exp")
    values = surviving(run)["value"]
    assert ((values < 1e6).sum(), (values >= 1e6).sum()) == (60, 41)
    assert run.duration == pytest.approx(1.4)
    assert len(run.processes) == 2


@pytest.mark.filterwarnings("ignore::tmnet.LogWarning")
@pytest.mark.parametrize("again, left", [(101, 101), (80, 80), (10, 10)])
def test_steps_of_two_kinds(tmp_path, again, left):
    """The loss counts updates, the reward 100 times as many frames: each goes on by its own."""

    def part(start, first):
        return [
            (start + i + frames / 2, i * (100 if frames else 1), {tag: float(i)})
            for i in range(first, 101 if first == 0 else first + 60)
            for frames, tag in enumerate(("loss", "reward"))
        ]

    write(tmp_path / "exp" / name(), part(0, 0))
    write(tmp_path / "exp" / name(1000, pid="8"), part(1000, again))
    frame = surviving(load(tmp_path, "exp"))
    assert frame[frame["process"] == 0]["tag"].value_counts().to_dict() == {
        "loss": left, "reward": left
    }  # fmt: skip
    assert (frame["process"] == 1).sum() == 120


def test_a_session_behind_the_end_is_no_restart(tmp_path):
    """A writer that says that it goes on where nothing was logged yet takes nothing back."""
    write(tmp_path / "exp" / name(), ramp())
    rows = ramp(1000, first=1010, last=2000)
    write(tmp_path / "exp" / name(1000, count=1), rows, purge=1010)
    run = load(tmp_path, "exp")
    assert counted(run) == {"reward": 201}
    assert (len(run.processes), len(run.restarts)) == (2, 0)


@pytest.mark.parametrize("pid", ["4242", "7", "255"])
@pytest.mark.parametrize("host", ["192.168.1.20", "10.0.0.5", "node-1.lan", "a.7.12"])
def test_a_host_with_dots(tmp_path, host, pid):
    """Two processes an hour apart; a short pid behind an address is no part of it."""
    other = str(int(pid) + 1)
    write(tmp_path / "exp" / name(host=host, pid=pid), ramp())
    rows = ramp(3660, first=1000, last=2000)
    write(tmp_path / "exp" / name(3660, host=host, pid=other), rows)
    run = load(tmp_path, "exp")
    assert writers(run) == [[host, pid], [host, other]]
    assert run.duration == pytest.approx(2.0)


@pytest.mark.parametrize(
    "every, pause, processes", [(0.6, 59, 1), (0.6, 62, 2), (300, 290, 1), (300, 310, 2)]
)
def test_a_pause_between_two_files(tmp_path, every, pause, processes):
    """Of one process, if it is no longer than a minute, or than it was silent before."""
    rows = ramp(every=every)
    end = rows[-1][0]
    write(tmp_path / "exp" / name(), rows)
    more = ramp(end + pause, first=1000, last=2000, every=every)
    write(tmp_path / "exp" / name(end + pause, count=1), more)
    run = load(tmp_path, "exp")
    assert len(run.processes) == processes
    assert run.duration == pytest.approx((2 * end + pause * (processes == 1)) / 60)


# --- clocks ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::tmnet.LogWarning")
def test_one_instant(tmp_path):
    write(tmp_path / "exp" / name(), ramp(every=0.0))
    run = load(tmp_path, "exp")
    assert counted(run) == {"reward": 101} and run.steps == 1000
    assert len(run.notes) == 1 and "no time axis" in run.notes[0]


@pytest.mark.filterwarnings("ignore::tmnet.LogWarning")
def test_a_clock_that_was_set_back(tmp_path):
    """By an hour, in the middle of a process."""
    rows = [(t - 3600 * (s > 500), s, values) for t, s, values in ramp()]
    write(tmp_path / "exp" / name(), rows)
    run = load(tmp_path, "exp")
    assert run.duration == pytest.approx(1.0, abs=0.02)
    assert run.scalars["value"].tolist() == [*range(0, 1001, 10)]  # in the order they happened
    assert len(run.notes) == 1 and "60.0 min" in run.notes[0]


@pytest.mark.filterwarnings("ignore::tmnet.LogWarning")
def test_a_clock_set_back_in_the_second_process(tmp_path):
    """By ten minutes: the process before it does not come to lie in it."""
    write(tmp_path / "exp" / name(), ramp())
    rows = [(t - 600 * (s > 1000), s, values) for t, s, values in ramp(400, first=800, last=1800)]
    write(tmp_path / "exp" / name(400, pid="8"), rows)
    run = load(tmp_path, "exp")
    assert run.duration == pytest.approx(2.0, abs=0.02)
    assert run.scalars["process"].tolist() == [0] * 101 + [1] * 101
    assert counted(run) == {"reward": 80 + 101}


@pytest.mark.filterwarnings("ignore::tmnet.LogWarning")
def test_a_clock_set_back_within_the_last_step(tmp_path):
    """Behind the last of two tags there is no step more."""
    rows = [
        (60 * step - late, step, {tag: 1.0})
        for step in range(6)
        for tag, late in (("a", 0), ("b", 90 * (step == 5)))
    ]
    write(tmp_path / "exp" / name(), rows)
    run = load(tmp_path, "exp")
    assert counted(run) == {"a": 6, "b": 6} and 3 < run.duration <= 5


@pytest.mark.filterwarnings("ignore::tmnet.LogWarning")
def test_a_clock_that_slept(tmp_path):
    """A day in the middle of a process that logs more than once a second."""
    rows = [(t + DAY * (s > 500), s, values) for t, s, values in ramp()]
    write(tmp_path / "exp" / name(), rows)
    run = load(tmp_path, "exp")
    assert run.duration == pytest.approx(1.0, abs=0.02)
    assert len(run.notes) == 1 and "1,440.0 min" in run.notes[0]


# --- pieces ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::tmnet.LogWarning")
def test_pieces_in_the_order_given(tmp_path):
    """exp_2 goes on from exp, by a clock that is 40 min behind."""
    write(tmp_path / "exp" / name(3600), ramp(3600))
    rows = ramp(1200, first=1000, last=2000)
    write(tmp_path / "exp_2" / name(1200, pid="8"), rows)
    run = load(tmp_path, "exp", pieces=["exp", "exp_2"])
    assert run.steps == 2000 and counted(run) == {"reward": 202}
    assert run.duration == pytest.approx(2.0)
    alone = load(tmp_path, "exp")
    assert alone.pieces == ["exp"]
    (note,) = alone.notes
    assert "exp_2 is not joined" in note and "started before" in note
    assert "pieces=['exp', 'exp_2']" in note


@pytest.mark.filterwarnings("ignore::tmnet.LogWarning")
def test_a_gap_in_the_pieces(tmp_path):
    write(tmp_path / "exp" / name(), ramp())
    write(tmp_path / "exp_3" / name(200, pid="8"), ramp(200, first=1000, last=2000))
    run = load(tmp_path, "exp")
    assert run.pieces == ["exp", "exp_3"] and run.steps == 2000
    assert run.notes == ["exp_2 is missing between exp and exp_3."]


@pytest.mark.filterwarnings("ignore::tmnet.LogWarning")
def test_a_piece_that_is_passed_over_is_not_missing(tmp_path):
    """exp_2 is there, with one step: too few to tell what it goes on from."""
    write(tmp_path / "exp" / name(), ramp())
    write(tmp_path / "exp_2" / name(100, pid="8"), ramp(100, first=1000, last=1000))
    write(tmp_path / "exp_3" / name(200, pid="9"), ramp(200, first=1000, last=2000))
    run = load(tmp_path, "exp")
    assert run.pieces == ["exp", "exp_3"]
    (note,) = run.notes
    assert "exp_2 is not joined" in note


@pytest.mark.filterwarnings("ignore::tmnet.LogWarning")
def test_two_trainings_from_one_checkpoint(tmp_path):
    """Both begin at a million: the second begins where the first began, not where it got to."""
    for number, piece in enumerate(("exp", "exp_2")):
        rows = ramp(100 * number, first=1_000_000, last=1_001_000)
        write(tmp_path / piece / name(100 * number, pid=str(number)), rows)
    assert load(tmp_path, "exp").pieces == ["exp"]


def test_one_value_each(tmp_path):
    """Three folders with one value, all at the same step: three runs."""
    for k, folder in enumerate(("sweep", "sweep_2", "sweep_3")):
        rows = [(1000 * k + 500, 100_000, {"eval/x": 1.0 * k})]
        write(tmp_path / folder / name(1000 * k, pid=str(k)), rows, start=1000 * k)
    runs = tmnet.load_runs(tmp_path, cache=False)
    assert [run.pieces for run in runs] == [["sweep"], ["sweep_2"], ["sweep_3"]]
    assert [run.scalars["value"].tolist() for run in runs] == [[0.0], [1.0], [2.0]]


# --- tags -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["walker/eval/mean", "a/b/eval/best", "x/explo/races"])
def test_names_like_metrics(tmp_path, tag):
    """A scalar that is called as a metric of races would be."""
    rows = [(60 * i, i, {tag: float(i)}) for i in range(1, 21)]
    write(tmp_path / "exp" / name(), rows)
    run = load(tmp_path, "exp")
    assert counted(run) == {tag: 20}
    for options in ({"by": "step", "interval": 1}, {"interval": 1}):
        table = tmnet.compare([run], metrics=[tag], **options).table(tag)["exp"]
        assert set(table.dropna()) >= {float(i) for i in range(2, 21)}


def test_two_names_for_one_thing(tmp_path):
    rows = [(i, i, {"loss": 1.0, "Training/loss": 1000.0}) for i in range(1, 21)]
    write(tmp_path / "exp" / name(), rows)
    run = load(tmp_path, "exp")
    assert counted(run) == {"loss": 20, "Training/loss": 20}
    at_end = tmnet.compare([run], by="step", metrics=["loss", "Training/loss"]).at(20)["exp"]
    assert (at_end["loss"], at_end["Training/loss"]) == (1, 1000)


# --- axes -----------------------------------------------------------------------------------------


def test_steps_without_use(tmp_path, command):
    """All are -1: the tables by time are printed, and a note that there are none by step."""
    rows = [(60 * i, -1, {"reward": float(i)}) for i in range(30)]
    write(tmp_path / "exp" / name(), rows)
    status, out, err = command("compare", "exp", "--logdir", tmp_path, "--interval", 10)
    assert status == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["10", "10.00"] in lines and ["20", "20.00"] in lines
    assert "Run exp has no steps to compare by" in out and not err


def test_an_interval_that_divides(tmp_path):
    """Whatever part of a run's duration the interval is, nothing is missing at its end."""
    rows = [(0.373 * i, i, {"reward": float(i)}) for i in range(301)]
    write(tmp_path / "exp" / name(), rows)
    run = load(tmp_path, "exp")
    for k in range(2, 41):
        table = tmnet.compare([run], interval=run.duration / k, metrics=["reward"])
        values = table.table("reward")["exp"]
        assert len(values) in (k, k + 1) and np.isfinite(values.iloc[-1]), k
        assert values.iloc[-1] == 300, k
