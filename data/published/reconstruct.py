"""Rebuild event files of four published runs from the figures printed about them.

The recordings themselves were never published. This script makes up event files that agree
with every figure in ``reference.csv``, so that reading, aligning and comparing runs can be
shown, and tested, on numbers that can be looked up. ``invented.csv`` holds further points of
the same curves, which nobody published; they only give the curves a shape. Run it as

    python data/published/reconstruct.py

Everywhere below, `rng` is a ``numpy.random.Generator``, `minutes` are an ascending array of
minutes since the start of the run, and the points of a curve are a Series: values, indexed by
the minute at which they hold.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.interpolate import PchipInterpolator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import text

HERE = Path(__file__).resolve().parent
HOST = "reconstruction"
ABOUT = (
    "These events were reconstructed from figures published about this run; "
    "they are not a recording of it."
)
STARTUP = 0.5  # minutes from the start of the process to the first frame
CUTOFF = 300.0  # s, logged as the time of a race that did not finish
EVAL_RACES = 1.2  # per minute
EXPLO_RACES = 8.0  # per minute, all maps together; thinned, to keep the files small
GRID = 5.0  # minutes between two records of the scalars that belong to no race
BEFORE_GRID = 0.01  # minutes by which such a record precedes its grid point
FRAMES_PER_BATCH = 16  # 512 transitions a batch, each of them used 32 times
NEXT_DIRECTORY = [6e6, 15e6, 30e6]  # frames at which _2, _3 and _4 begin
SCHEDULES = {
    "lr": [[0, 1e-3], [3_000_000, 5e-5], [12_000_000, 5e-5], [15_000_000, 1e-5]],
    "epsilon": [[0, 1.0], [50_000, 1.0], [300_000, 0.1], [3_000_000, 0.03]],
    "gamma": [[0, 0.999], [1_500_000, 0.999], [2_500_000, 1.0]],
}
NETWORKS = {"small": (64, 128, 8, 32), "big": (128, 256, 16, 64)}  # pixels, embedding, n, k


@dataclass(frozen=True)
class Run:
    """What tells one run from another, apart from its curves."""

    name: str
    seed: int
    pid: int
    start: int  # unix seconds
    network: str
    frames_per_minute: float
    maps: tuple[str, ...] = ("A01",)
    initial_checkpoint: str | None = None  # the name of an earlier run


RUNS = [
    Run("A01_as20_big_long", 1, 4101, 1_767_600_000, "big", 30_000),
    Run("A01_as20_long", 2, 4202, 1_767_700_000, "small", 41_000),
    Run("uni_20", 3, 4303, 1_767_800_000, "small", 41_000, ("Hock", "A01")),
    Run("uni_20_long", 4, 4404, 1_767_900_000, "small", 41_000, ("Hock", "A01"), "uni_20"),
]


def read_points():
    """Read the published and the invented points, as Series by run and metric."""
    tables = [pd.read_csv(HERE / name) for name in ("reference.csv", "invented.csv")]
    points = pd.concat(tables).sort_values("at")
    return {
        run: {
            metric: pd.Series(rows["value"].to_numpy(float), rows["at"].to_numpy(float))
            for metric, rows in of_run.groupby("metric")
        }
        for run, of_run in points.groupby("run")
    }


def choose_finishers(rng, minutes, first, rate):
    """Choose which races finish, so that the cumulative finish rates come out.

    Parameters
    ----------
    first : float
        The first of `minutes` whose race finishes.
    rate : Series
        Cumulative finish rates; the last one is not before the last race.

    Returns
    -------
    ndarray of bool
    """
    races = np.searchsorted(minutes, rate.index, side="right")
    finished_at = PchipInterpolator(
        np.append(first, rate.index), np.append(1, np.round(rate * races))
    )
    edges = np.union1d(np.arange(0, rate.index[-1], GRID), rate.index)
    edges = np.append(first, edges[edges > first])
    counts = np.round(finished_at(edges)).astype(int)
    finished = minutes == first
    # Drawn block by block: chance decides the order within a few minutes, never the rate.
    for low, high, count in zip(edges[:-1], edges[1:], np.diff(counts), strict=True):
        block = np.flatnonzero((minutes > low) & (minutes <= high))
        finished[rng.choice(block, count, replace=False)] = True
    return finished


def draw_times(rng, minutes, best, mean):
    """Draw the times of finished races, so that cumulative bests and means come out.

    No race is faster than a curve through the bests, and one race before each of these points
    is as fast as the point says. What the others lose on that curve is scaled to the means.

    Parameters
    ----------
    best : Series
        Cumulative best times in s; the first one is the time of the first race.
    mean : Series
        Cumulative means in s; the last one is not before the last race.

    Returns
    -------
    ndarray
        Times in s, multiples of 0.01 s.
    """
    records, knots = [0], {minutes[0]: best.iloc[0]}
    for before, at in zip(best.index[:-1], best.index[1:], strict=True):
        inside = np.flatnonzero((minutes > before) & (minutes <= at))
        record = inside[int(len(inside) * rng.uniform(0.5, 1))]
        records.append(record)
        knots |= {minutes[record]: best[at], at: best[at]}
    floor = PchipInterpolator(list(knots), list(knots.values()))
    # Whole hundredths from here on: sums are exact. The tiny number undoes float noise.
    cents = np.ceil(100 * floor(minutes.clip(max=best.index[-1])) - 1e-6).astype(int)

    # A driver who starts far from its best also scatters, for some twenty minutes.
    novice = 0.1 * (best.iloc[0] - best.iloc[-1]) * np.exp((minutes[0] - minutes) / 20)
    loss = rng.gamma(0.8, 0.25 + novice)
    loss[records] = 0
    begin = 0
    for end, value in zip(np.searchsorted(minutes, mean.index, "right"), mean, strict=True):
        part = slice(begin, end)
        missing = round(100 * value * end) - cents[:end].sum()
        cents[part] += np.floor(missing * loss[part] / loss[part].sum()).astype(int)
        # What rounding left over is too little to be seen on the slowest race.
        cents[begin + loss[part].argmax()] += round(100 * value * end) - cents[:end].sum()
        begin = end
    return cents / 100


def draw_races(rng, points, prefix, per_minute, length):
    """Draw the races of one map and kind, in `length` minutes.

    Returns
    -------
    DataFrame
        minute, time (s), finished.
    """
    first = points[f"{prefix}/first_finish"].iloc[0]
    rate = points[f"{prefix}/finish_rate"]
    count = int(rate.index[-1] * per_minute)  # up to a point behind the end, cut off below
    minutes = (np.arange(count) + rng.uniform(0.1, 0.9, count)) / per_minute
    minutes = minutes[minutes > STARTUP]
    minutes[np.abs(minutes - first).argmin()] = first
    finished = choose_finishers(rng, minutes, first, rate)
    times = np.full(len(minutes), CUTOFF)
    times[finished] = draw_times(
        rng, minutes[finished], points[f"{prefix}/best"], points[f"{prefix}/mean"]
    )
    races = pd.DataFrame({"minute": minutes, "time": times, "finished": finished})
    return races[races["minute"] <= length]


def draw_curve(rng, minutes, points, noise):
    """Draw a curve with relative noise, exact at the last of `minutes` before each point."""
    # Between logarithms: a loss falls by a share of itself, and fast at first.
    curve = PchipInterpolator(np.log1p(points.index), np.log(points.abs()))
    inside = np.log1p(minutes.clip(points.index[0], points.index[-1]))
    values = np.exp(curve(inside) + noise * rng.normal(size=len(minutes)))
    within = points[(points.index >= minutes[0]) & (points.index <= minutes[-1] + GRID)]
    values[np.searchsorted(minutes, within.index, side="right") - 1] = within.abs()
    return np.sign(points.iloc[0]) * values


def schedule(name, frames):
    """Interpolate a schedule exponentially between its points."""
    at, values = np.transpose(SCHEDULES[name])
    return np.exp(np.interp(frames, at, np.log(values)))


def config_of(run):
    """Put together, as a nested dict, what is known of a run's configuration."""
    pixels, embedding, n, k = NETWORKS[run.network]
    config = {
        "experiment": run.name,
        "neural_network": {
            "w_downsized": pixels,
            "h_downsized": pixels,
            "iqn_embedding_dimension": embedding,
            "iqn_n": n,
            "iqn_k": k,
            "float_hidden_dim": 256,
            "dense_hidden_dimension": 1024,
        },
        "training": {
            "batch_size": 512,
            "optimiser": "RAdam",
            **{f"{name}_schedule": points for name, points in SCHEDULES.items()},
        },
        "maps": list(run.maps),
        "map_cycle": [
            *({"map": name, "kind": "explo", "races": 64} for name in run.maps),
            {"map": "A01", "kind": "eval", "races": 1},
        ],
        "performance": {"running_speed": 512, "gpu_collectors_count": 4},
    }
    if run.initial_checkpoint:
        config["initial_checkpoint"] = run.initial_checkpoint
    return config


def write_run(run, log, frames):
    """Write the event files of a run, one directory after the other as frames are played.

    Parameters
    ----------
    log : list of (float, str, float)
        Minute, tag and value; records of one minute keep their order.
    frames : callable
        Frames played by a minute.
    """
    log = sorted(log, key=lambda record: record[0])
    minutes = np.array([minute for minute, _, _ in log])
    steps = frames(minutes).astype(int)
    directories = np.searchsorted(NEXT_DIRECTORY, steps, side="right")
    config = f"```yaml\n{yaml.safe_dump(config_of(run), sort_keys=False)}```"
    for number, directory in enumerate(np.unique(directories)):
        chosen = np.flatnonzero(directories == directory)
        begin = minutes[chosen[0]] if number else 0.0
        wall = run.start + 60 * begin
        path = HERE / "runs" / (f"{run.name}_{directory + 1}" if directory else run.name)
        path.mkdir(parents=True)
        name = f"events.out.tfevents.{int(wall)}.{HOST}.{run.pid}.{number}"
        events = [Event(wall_time=wall, file_version="brain.Event:2")]
        texts = {"about": ABOUT} if number else {"config": config, "about": ABOUT}
        for tag, content in texts.items():
            step = int(frames(begin))
            events.append(Event(wall_time=wall, step=step, summary=text(tag, content)))
        for index in chosen:
            minute, tag, value = log[index]
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            wall = run.start + 60 * minute
            events.append(Event(wall_time=wall, step=steps[index], summary=summary))
        with open(path / name, "wb") as file:
            writer = RecordWriter(file)
            for event in events:
                writer.write(event.SerializeToString())


def reconstruct(run, points, frames_before, records_before):
    """Reconstruct one run.

    Parameters
    ----------
    frames_before : int
        Frames played by the run whose checkpoint this one starts from.
    records_before : dict of str to float
        The best times (s) of that run, by map.

    Returns
    -------
    int, dict of str to float
        The same after this run.
    """
    rng = np.random.default_rng(run.seed)
    length = points["duration"].iloc[0] + 0.3  # so that its last full minute is inside it
    knots = np.append(0, np.arange(STARTUP, length + GRID, GRID))
    pace = run.frames_per_minute * GRID * rng.normal(1, 0.03, len(knots) - 2)
    played = frames_before + np.concatenate([[0, 0], pace.cumsum()])

    def frames(minute):
        return np.interp(minute, knots, played)

    log, finished = [], {name: [] for name in run.maps}
    kinds = [("A01", "eval", EVAL_RACES)]
    kinds += [(name, "explo", EXPLO_RACES / len(run.maps)) for name in run.maps]
    for name, kind, per_minute in kinds:
        races = draw_races(rng, points, f"{name}/{kind}", per_minute, length)
        finished[name].append(races[races["finished"]])
        for column in ("time", "finished"):
            tag = f"Race/{kind}_race_{column}_trained_{name}"
            log += [(minute, tag, value) for minute, value in zip(races["minute"], races[column])]
        if kind == "eval":
            tag, minutes = f"RL/avg_Q_trained_{name}", races["minute"].to_numpy()
            q_values = draw_curve(rng, minutes, points[f"avg_q/{name}"], 0.05)
            log += [(minute, tag, value) for minute, value in zip(minutes, q_values)]

    minutes = np.arange(GRID, length, GRID) - BEFORE_GRID
    now = frames(minutes)
    share = draw_curve(rng, minutes, points["training_share"], 0.004)
    scalars = {
        "Training/loss": draw_curve(rng, minutes, points["loss"], 0.012),
        "Training/learning_rate": schedule("lr", now),
        "RL/epsilon": schedule("epsilon", now),
        "Performance/learner_percentage_training": share,
        "cumul_number_frames_played": now.astype(int),
        "cumul_number_batches_done": now // FRAMES_PER_BATCH,
    }
    records = {}
    for name in run.maps:
        races = pd.concat(finished[name]).sort_values("minute")
        so_far = np.append(records_before.get(name, np.inf), races["time"])
        so_far = np.minimum.accumulate(so_far)
        scalars[f"alltime_min_ms_{name}"] = 1000 * so_far[races["minute"].searchsorted(minutes)]
        records[name] = so_far[-1]
    for tag, values in scalars.items():
        # No best time is logged before the first finish.
        log += [(minutes[i], tag, values[i]) for i in np.flatnonzero(np.isfinite(values))]

    write_run(run, log, frames)
    return int(frames(length)), records


def main():
    """Write all runs anew."""
    shutil.rmtree(HERE / "runs", ignore_errors=True)
    points, ends = read_points(), {None: (0, {})}
    for run in RUNS:
        ends[run.name] = reconstruct(run, points[run.name], *ends[run.initial_checkpoint])


if __name__ == "__main__":
    main()
