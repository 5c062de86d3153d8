"""A recorded training, as tbparse, TensorBoard and pandas find it."""

import numpy as np
import pandas as pd
import pytest

import tmnet

from ..synthetic import load
from .event_files import (
    assert_same_rows,
    parse,
    read,
    rows_by_tag,
    tbparse_rows,
)


def test_scalars_of_the_recorded_training(real_log):
    """The recorded training has the rows that tbparse and protobuf find in it."""
    for _ in range(2):  # without and with a cache
        frame, messages = read(real_log)
        assert (len(frame), frame["tag"].nunique(), frame["value"].isna().sum()) == (58_553, 172, 6)
        assert len(messages) == 1  # the third file has only its version record
    rows = frame.itertuples(index=False, name=None)
    assert rows_by_tag(rows) == rows_by_tag(tbparse_rows(real_log))
    for path in sorted(real_log.iterdir()):
        assert_same_rows(read(path)[0], parse(path.read_bytes()).frame, path.name)


@pytest.fixture(scope="module")
def real_run(real_log):
    with pytest.warns(tmnet.LogWarning, match="25688.1 holds no scalars"):
        return load(real_log.parent, real_log.name)


@pytest.fixture(scope="module")
def by_pandas(real_log):
    """The same scalars by TensorBoard, file by file: process, active and wall minutes beside."""
    import warnings

    from tbparse import SummaryReader
    from tensorboard.backend.event_processing.event_file_loader import (
        LegacyEventFileLoader,
    )

    frames, active, first = [], 0.0, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for process, path in enumerate(sorted(real_log.iterdir())[:2]):
            walls = [event.wall_time for event in LegacyEventFileLoader(str(path)).Load()]
            first = walls[0] if first is None else first
            frame = SummaryReader(str(path), extra_columns={"wall_time"}).scalars
            frame = frame.assign(
                process=process,
                minutes=active + (frame["wall_time"] - walls[0]) / 60,
                wall=(frame["wall_time"] - first) / 60,
            )
            frames.append(frame)
            active += (walls[-1] - walls[0]) / 60
    return pd.concat(frames)


@pytest.fixture(scope="module")
def races_by_pandas(by_pandas):
    """A function of the kind: the races of the recorded training, by a merge."""

    def of_kind(kind):
        sides = []
        for what in ("time", "finished"):
            side = by_pandas[by_pandas["tag"] == f"{kind}_race_{what}_trained_hock"]
            nth = side.groupby(["process", "step"]).cumcount()
            sides.append(side.assign(nth=nth).set_index(["process", "step", "nth"]))
        races = sides[0].join(sides[1]["value"].rename("finished"), how="inner").reset_index()
        return races.assign(finished=races["finished"] == 1)

    return of_kind


def test_recorded_training(real_run, by_pandas):
    assert f"{real_run.duration:.1f} {real_run.wall_duration:.1f}" == "368.8 2736.2"
    assert by_pandas["minutes"].max() == pytest.approx(real_run.duration, abs=1e-6)
    assert by_pandas["wall"].max() == pytest.approx(real_run.wall_duration, abs=1e-6)
    assert len(real_run.scalars) == len(by_pandas) == 58_553
    assert len(real_run.tags) == by_pandas["tag"].nunique() == 172
    assert real_run.scalars["value"].isna().sum() == by_pandas["value"].isna().sum() == 6
    keys = ["process", "step", "wall_time", "value"]
    got, expected = (frame[keys].sort_values(keys) for frame in (real_run.scalars, by_pandas))
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_allclose(
        np.sort(real_run.scalars["minutes"]), np.sort(by_pandas["minutes"]), rtol=0, atol=1e-6
    )
    last, again = (by_pandas.loc[by_pandas["process"] == i, "step"] for i in (0, 1))
    assert (again.min(), last.max()) == (372_788, 377_027)
    assert real_run.processes["last_step"][0] == 377_027
    assert real_run.processes["first_step"][1] == 372_788


@pytest.mark.parametrize(
    "kind, races, finished, best, first",
    [("eval", 561, 89, "56.04", "101.12"), ("explo", 2250, 335, "58.63", "97.90")],
)
def test_races_of_the_recorded_training(
    real_run, races_by_pandas, kind, races, finished, best, first
):
    expected = races_by_pandas(kind).sort_values("wall_time")
    got = real_run.races[real_run.races["kind"] == kind]
    assert len(got) == len(expected) == races
    assert got["finished"].sum() == expected["finished"].sum() == finished
    for name, other in (("step", "step"), ("time_s", "value"), ("finished", "finished")):
        assert got[name].tolist() == expected[other].tolist(), name
    done = expected[expected["finished"]]
    end = tmnet.compare([real_run]).at(real_run.duration).iloc[:, 0]
    for text_, ours, theirs in (
        (best, end[f"hock/{kind}/best"], done["value"].min()),
        (first, end[f"hock/{kind}/first_finish"], done["minutes"].min()),
    ):
        assert f"{ours:.2f}" == f"{theirs:.2f}" == text_


@pytest.mark.parametrize(
    "options, value",
    [({"clock": "wall"}, "2468.6"), ({"by": "step"}, "427269.0")],
    ids=["wall", "step"],
)
def test_first_finish_of_the_recorded_training(real_run, races_by_pandas, options, value):
    races = races_by_pandas("eval")
    column = "step" if options.get("by") else "wall"
    assert f"{races.loc[races['finished'], column].min():.1f}" == value
    cmp = tmnet.compare([real_run], metrics=["hock/eval/first_finish"], **options)
    assert f"{cmp.at(cmp.window[1]).iat[0, 0]:.1f}" == value


@pytest.mark.parametrize(
    "minute, printed",
    [
        (240, {"races": "424", "finish_rate": "0.0495", "best": "61.06"}),
        (
            300,
            {
                "races": "491",
                "finish_rate": "0.110",
                "best": "57.65",
                "mean": "63.49",
                "mean_all": "273.99",
            },
        ),
    ],
)
def test_moments_of_the_recorded_training(real_run, races_by_pandas, minute, printed):
    races = races_by_pandas("eval")
    races = races[races["minutes"] <= minute]
    times = races.loc[races["finished"], "value"]
    expected = {
        "races": len(races),
        "finish_rate": len(times) / len(races),
        "best": times.min(),
        "mean": times.mean(),
        "mean_all": races["value"].mean(),
    }
    got = tmnet.compare([real_run]).at(minute).iloc[:, 0]
    for name, shown in printed.items():
        digits = len(shown.partition(".")[2])
        assert f"{expected[name]:.{digits}f}" == shown
        assert f"{got[f'hock/eval/{name}']:.{digits}f}" == shown
        assert got[f"hock/eval/{name}"] == pytest.approx(expected[name], rel=1e-9)


def test_steps_played_twice_in_the_recorded_training(real_run, races_by_pandas):
    """Along the steps, races of the first process beyond 372,788 do not count."""
    races = pd.concat([races_by_pandas(kind) for kind in ("eval", "explo")])
    lost = (races["process"] == 0) & (races["step"] > 372_788)
    assert lost.any()
    cmp = tmnet.compare([real_run], by="step")
    end = cmp.at(cmp.window[1]).iloc[:, 0]
    assert end["hock/eval/races"] + end["hock/explo/races"] == (~lost).sum()


def test_the_step_of_the_restart_counts_once(real_log, real_run):
    """What is left of each tag is what plain loops leave; and nothing of both at one step."""
    frame = real_run.scalars
    left = frame[real_run.survives(frame)]
    first = left[left["process"] == 1].groupby("tag", observed=True)["step"].min()
    last = left[left["process"] == 0].groupby("tag", observed=True)["step"].max()
    both = pd.concat([first, last], axis=1, keys=["first", "last"]).dropna()
    assert len(both) > 100 and (both["last"] < both["first"]).all()
    assert (last < 372_788).reindex(both.index).all()


# --- other people's -------------------------------------------------------------------------------


def test_a_process_of_nine_files(real_logs_of_others):
    """Several attempts in one process: their counts and steps rise, and it never pauses long."""
    run = load(real_logs_of_others / "sb3_logs", "PPO_first_turn_continuous_0")
    assert len(run.processes) == 1 and len(run.restarts) == 0
    assert (len(run.scalars), run.steps) == (443, 83_968)
    assert run.survives(run.scalars).all()
    assert run.duration == pytest.approx(56.75, abs=0.005)
    assert run.notes == []


def test_files_that_do_not_name_their_process(real_logs_of_others):
    """Four folders, of which one holds no scalar: that is said."""
    folder = real_logs_of_others / "no_pid"
    runs = tmnet.load_runs(folder, cache=False)
    names = {path.name for path in folder.iterdir()}
    assert len(names) == 4 and len(runs) == 3
    (left_out,) = names - {run.name for run in runs}
    assert runs.notes == [f"{left_out} holds no scalars; it is left out."]
    for run in runs:
        (path,) = (folder / run.name).iterdir()
        assert len(run.scalars) == len(parse(path.read_bytes()).frame)
        assert run.survives(run.scalars).all() and len(run.processes) == 1
