"""Processes of a run on its two clocks, and what survives of a process that was restarted."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tmnet

from ..synthetic import T0, load, race, write_file
from .event_files import scalar, values_event, write_events

# --- clocks ---------------------------------------------------------------------------------------


def test_two_clocks_by_hand(tmp_path):
    """20 min of one process in two files, an hour and more of nothing, 10 min of another.

    What lies between its two files is no longer than what lies between two events of the first.
    """
    write_file(tmp_path / "X", [(60, 1, {"a": 1}), (300, 2, {"a": 2})])
    write_file(tmp_path / "X", [(900, 3, {"a": 3}), (1200, 4, {"a": 4})], start=540, number=1)
    write_file(tmp_path / "X", [(5060, 5, {"a": 5}), (5600, 6, {"a": 6})], start=5000, pid=2)
    run = load(tmp_path, "X")
    assert run.scalars["minutes"].tolist() == [1, 5, 15, 20, 21, 30]
    assert (run.duration, run.wall_duration) == (30, 5600 / 60)
    by = {
        clock: tmnet.compare([run], metrics=["a"], clock=clock, interval=1, window=(0, 100))
        for clock in ("active", "wall")
    }
    for clock, minute in (("active", [1, 5, 15, 20, 21, 30]), ("wall", [1, 5, 15, 20, 85, 94])):
        table = by[clock].table("a")["X"]
        for number, at in enumerate(minute[:-1], start=1):
            assert table[at] == number and table.get(at - 1) != number, (clock, at)
    assert by["wall"].table("a")["X"].loc[84.0] == 4  # wall time runs on through the pause
    assert by["active"].ends == {"X": 30} and by["wall"].ends == {"X": pytest.approx(5600 / 60)}


@pytest.mark.parametrize(
    "lives, minutes",
    [
        ([(0, 600), (300, 900)], 15),  # they overlap
        ([(0, 1200), (300, 600)], 20),  # one during the other
        ([(0, 600), (0, 600)], 10),
        ([(0, 600), (600, 1200)], 20),  # at once
        ([(0, 1200), (300, 600), (900, 1500), (3000, 3300)], 30),
    ],
)
def test_overlapping_processes_count_once(tmp_path, lives, minutes):
    for pid, (start, end) in enumerate(lives):
        write_file(tmp_path / "X", [(end, 10 * pid, {"a": 1})], start, pid=pid)
    run = load(tmp_path, "X")
    assert len(run.processes) == len(lives)
    assert run.duration == minutes
    assert run.wall_duration == max(end for _, end in lives) / 60


lives = st.lists(
    st.tuples(
        st.integers(0, 500),  # start
        st.lists(st.integers(0, 60), min_size=1, max_size=5),  # seconds between events
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60)
@given(lives=lives)
def test_active_clock_counts_the_seconds_of_any_process(lives):
    """Second by second: the clock goes on in those in which some process was there."""
    alive, walls, spans = set(), [], []
    with tempfile.TemporaryDirectory() as directory:
        for pid, (start, gaps) in enumerate(lives):
            seconds = [int(second) for second in start + np.cumsum(gaps)]
            records = [(second, second, {"a": pid}) for second in seconds]
            write_file(Path(directory) / "X", records, start, pid=pid)
            spans.append((start, seconds[-1]))
            walls += seconds
        with warnings.catch_warnings():  # of what was logged at one time
            warnings.simplefilter("ignore", tmnet.LogWarning)
            run = load(directory, "X")
    for first, last in spans:
        alive |= set(range(first, last))
    walls.sort()
    assert (run.scalars["wall_time"] - T0).tolist() == walls
    expected = [sum(second < wall for second in alive) / 60 for wall in walls]
    np.testing.assert_allclose(run.scalars["minutes"], expected, rtol=0, atol=1e-9)
    assert run.duration == pytest.approx(len(alive) / 60, abs=1e-9)
    started = min(first for first, _ in spans)
    assert run.wall_duration == pytest.approx((walls[-1] - started) / 60, abs=1e-9)
    assert len(run.processes) == len(spans)


def test_a_race_that_is_written_late_sets_no_clock_back(tmp_path):
    """A minute late, as another process may report it; its tags are more than one scalar."""
    records = [(10 * i, i, {"loss": 1.0}) for i in range(1, 100)]
    for i in (30, 60, 90):
        records.insert(i, (10 * i - 60, i, race(40.0, robust=True) | {"a": 1.0, "b": 2.0}))
    write_file(tmp_path / "X", records)
    run = load(tmp_path, "X")
    assert run.notes == []
    assert run.duration == run.wall_duration == pytest.approx(990 / 60)
    assert run.races["minutes"].tolist() == pytest.approx([4, 9, 14])


@pytest.mark.parametrize("back", [60, 290])
def test_start_up_counts_where_the_clock_is_set_back_later(tmp_path, back):
    """5 min of start-up, 10 min of events; from the middle on the clock is behind."""
    records = [(300 + 10 * i - back * (i > 30), i, {"a": i}) for i in range(61)]
    write_file(tmp_path / "X", records)
    with pytest.warns(tmnet.LogWarning, match="was set back"):
        run = load(tmp_path, "X")
    # of 10 s at which it was set back nothing is known
    assert run.duration == run.wall_duration == pytest.approx((300 + 600 - 10) / 60)
    assert run.scalars["minutes"].iloc[0] == 5


def test_a_clock_that_is_set_back_all_the_time(tmp_path):
    """As where two logs were put together block by block: it takes no longer than others do."""
    i = np.arange(50_000)
    walls = T0 + i - 20.0 * (i // 5)  # 5 s on, 20 s back
    events = [values_event(k, scalar("a", k), wall=wall) for k, wall in zip(i.tolist(), walls)]
    write_events(tmp_path / "X" / "events.out.tfevents.1.host.1.0", events)
    with pytest.warns(tmnet.LogWarning, match="was set back"):
        run = load(tmp_path, "X")
    assert run.duration == pytest.approx((49_999 - 9_999) / 60)  # 4 s of each 5 are known
    assert run.scalars["value"].tolist() == i.tolist()


@pytest.mark.parametrize("none", [np.nan, np.inf, -np.inf, 1e300, -1e300, 1.7e12])
@pytest.mark.parametrize("which", [[0], [10], [49], [3, 4, 5], range(50)])
def test_what_has_no_time_is_as_old_as_what_was_before(tmp_path, none, which):
    walls = [T0 + 10.0 * i for i in range(50)]
    for i in which:
        walls[i] = none
    write_events(
        tmp_path / "X" / "events.out.tfevents.1.host.1.0",
        [values_event(i, scalar("a", i), wall=wall) for i, wall in enumerate(walls)],
    )
    (run,) = tmnet.load_runs(tmp_path, cache=False)
    assert f"{len(which)} of 50 scalars without a time" in run.notes[0]
    np.testing.assert_array_equal(run.scalars["wall_time"], walls)  # as logged
    known = [wall - T0 for wall in walls if wall < 1e10 and wall > 0]
    begin = known[0] if known else 0
    expected, last = [], begin
    for i in range(50):
        last = last if i in which else 10 * i
        expected.append((last - begin) / 60)
    assert run.scalars["minutes"].tolist() == pytest.approx(expected)
    assert run.duration == run.wall_duration == pytest.approx(expected[-1])
    assert tmnet.compare([run], by="step", interval=1).table("a")["X"].tolist() == [*range(1, 50)]


def test_a_file_without_a_usual_name_is_a_process_of_its_own(tmp_path):
    for number in range(2):
        events = [values_event(step, scalar("a", 1), wall=T0 + 600 * number + step)
                  for step in (0, 60)]  # fmt: skip
        write_events(tmp_path / "X" / f"some.tfevents.{number}", events)
    run = load(tmp_path, "X")
    assert len(run.processes) == 2 and run.duration == 2


def test_start_up_counts_from_a_file_that_holds_only_text(tmp_path):
    """A process that writes its configuration into a file of its own, a minute before others."""
    write_file(tmp_path / "X", [], texts={"config": "lr: 1"})
    write_file(tmp_path / "X", [(120, 1, {"a": 1}), (900, 2, {"a": 1})], start=60, number=1)
    run = load(tmp_path, "X")
    assert run.scalars["minutes"].tolist() == [2, 15]
    assert run.wall_duration == 15 and len(run.processes) == 1


# --- restarts -------------------------------------------------------------------------------------


def test_along_time_everything_counts(restarted):
    end = tmnet.compare([restarted]).at(restarted.duration)["X"]
    assert end["A01/eval/races"] == 19
    assert end["A01/eval/best"] == 80.0  # at step 1000, which did not survive
    assert len(restarted.races) == 19 and restarted.steps == 1500


@pytest.mark.parametrize("by, first", [("step", 0), ("relative_step", 100)])
def test_along_steps_the_surviving_history_counts(restarted, by, first):
    """700, where both processes were, counts once, as 800 to 1000 do: as they were played again."""
    table = tmnet.compare([restarted], by=by, interval=100, metrics=["A01/eval/races"])
    table = table.table("A01/eval/races")["X"]
    assert table.to_dict() == {step - first: step // 100 for step in range(first + 100, 1501, 100)}
    best = tmnet.compare([restarted], by=by, interval=100).at(1500 - first)["X"]
    assert best["A01/eval/best"] == 88.0  # at step 600


def test_a_second_restart_further_back(restarted, tmp_path):
    """From 300 on once more: nothing above it survives, of neither process before."""
    records = [(3000 + 60 * i, 300 + 100 * i, race(95.0)) for i in range(4)]
    write_file(tmp_path / "X", records, start=2950, pid=3)
    run = load(tmp_path, "X")
    table = tmnet.compare([run], by="step", interval=100, metrics=["A01/eval/races"])
    assert table.table("A01/eval/races")["X"].to_dict() == {
        100: 1, 200: 2, 300: 3, 400: 4, 500: 5, 600: 6
    }  # fmt: skip
    assert tmnet.compare([run]).at(run.duration).at["A01/eval/races", "X"] == 23


def test_hyperparameters_at_step_0_are_no_restart(restarted, tmp_path):
    """add_hparams logs its metric at step 0, whenever it is called."""
    write_file(tmp_path / "X" / "sub", [(960, 0, {"hparam/metric": 1})], 955, pid=2, number=1)
    run = load(tmp_path, "X")
    assert tmnet.compare([run], by="step").at(1500).at["A01/eval/races", "X"] == 15
