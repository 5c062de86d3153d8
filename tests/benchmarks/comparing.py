"""How fast runs are compared, against the same by pandas in the same run.

Run with ``python tests/benchmarks/comparing.py [--smoke]``; one thread, the best of three. Four
runs of 50,000 races and 500 minutes: the metrics of eval races at 99 grid points by time, as pandas
has them; every metric at those and at 399 by step; and a move of the explorer's interval slider,
with its drawing apart.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}

import functools
import tempfile
import time
from pathlib import Path

from measuring import best_of, options, print_table

RACES, MINUTES = 50_000, 500
STATISTICS = ("best", "mean", "std", "mean_all", "finish_rate", "races")
METRICS = [f"A01/eval/{statistic}" for statistic in STATISTICS]


def by_pandas(runs, grid) -> dict:
    """The `STATISTICS` at each grid point, the plain way."""
    values = {}
    for run in runs:
        races = run.races[run.races["kind"] == "eval"]
        for t in grid:
            so_far = races[races["minutes"] <= t]
            finished = so_far.loc[so_far["finished"], "time_s"]
            values[run.name, t] = (
                finished.min(), finished.mean(), finished.std(ddof=0),
                so_far["time_s"].mean(), so_far["finished"].mean(), len(so_far),
            )  # fmt: skip
    return values


def by_tmnet(runs, minutes, metrics=METRICS):
    """The comparison by time that `by_pandas` makes."""
    import tmnet

    comparison = tmnet.compare(runs, interval=5, window=(0, minutes - 1), metrics=metrics)
    assert comparison.values.shape[2] == minutes // 5 - 1
    return comparison


def by_step(runs):
    """Every metric at 399 steps."""
    import tmnet
    from tmnet.analysis.available import metric_names

    interval = min(run.steps for run in runs) // 400
    comparison = tmnet.compare(
        runs, by="step", interval=interval, window=(0, interval * 399.5),
        metrics=metric_names(runs),
    )  # fmt: skip
    assert comparison.values.shape[2] == 399
    return comparison


def write_runs(logdir: Path, races: int, minutes: float) -> list[str]:
    """Write four runs; return their names."""
    from synthetic import race_events, write_log

    names = ["a", "b", "c", "d"]
    for seed, name in enumerate(names):
        file = f"events.out.tfevents.1750000000.host.{seed}.0"
        write_log(logdir / name / file, race_events(races, minutes, seed))
    return names


def slider_moves(runs, repeats: int) -> tuple[float, float, int]:
    """Of a move of the interval slider: seconds of all but drawing, of drawing; and the axes."""
    import tmnet
    from tmnet.drawing import AggFigure
    from tmnet.figures import Multiples

    drawing, computing = [], []

    def timed(call):
        @functools.wraps(call)
        def wrapped(*arguments):
            start = time.perf_counter()
            try:
                return call(*arguments)
            finally:
                drawing[-1] += time.perf_counter() - start

        return wrapped

    Multiples.update, AggFigure.png = timed(Multiples.update), timed(AggFigure.png)
    drawing.append(0.0)
    explorer = tmnet.explore(runs)
    intervals = [number for _, number in explorer.controls.interval.options if number > 1]
    for minutes in intervals[:repeats]:
        drawing.append(0.0)
        start = time.perf_counter()
        explorer.controls.interval.value = minutes
        computing.append(time.perf_counter() - start - drawing[-1])
        assert explorer.comparison.interval == minutes
    return min(computing), min(drawing[1:]), len(explorer.comparison.metrics)


def rows(logdir: Path, names, minutes: int, repeats: int):
    """What is done, its seconds, and its speed in units of pandas'."""
    import numpy as np

    import tmnet
    from tmnet.analysis.available import metric_names

    def load():
        return [tmnet.load_run(name, logdir) for name in names]

    load()  # fills the cache
    loading, runs = best_of(repeats, load)
    yield "loading from the cache, joining the races", f"{loading:.3f}", ""
    grid = np.arange(5, minutes, 5)
    peer, values = best_of(1, lambda: by_pandas(runs, grid))
    yield f"pandas: {len(METRICS)} metrics at {len(grid)} times", f"{peer:.3f}", "1"
    fresh = [load() for _ in range(2 * repeats)]  # what is prepared for an axis is kept with a run
    same, comparison = best_of(repeats, lambda: by_tmnet(fresh.pop(), minutes))
    expected = np.array([[values[name, t] for t in comparison.grid] for name in names])
    np.testing.assert_allclose(comparison.values, expected.transpose(0, 2, 1))
    yield "tmnet: the same", f"{same:.3f}", f"{peer / same:.0f}"

    def everything():
        loaded = fresh.pop()
        return by_tmnet(loaded, minutes, metric_names(loaded)).frame, by_step(loaded).frame

    aligning, _ = best_of(repeats, everything)
    yield f"tmnet: every metric at {len(grid)} times and 399 steps", f"{aligning:.3f}", ""
    computing, drawing, axes = slider_moves(runs, 2 * repeats)
    yield "a move of the interval slider: all but drawing", f"{computing:.3f}", ""
    yield f"… and drawing {axes} axes", f"{drawing:.3f}", ""


def main(argv=None) -> None:
    arguments = options(__doc__).parse_args(argv)

    import pyarrow

    pyarrow.set_cpu_count(1)
    races, minutes, repeats = (1_000, 50, 1) if arguments.smoke else (RACES, MINUTES, 3)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TMNET_CACHE_DIR"] = str(Path(directory) / "cache")
        logdir = Path(directory) / "logs"
        names = write_runs(logdir, races, minutes)
        head = [f"comparing 4 runs of {races:,} races", "s", "times pandas' speed"]
        print_table(head, rows(logdir, names, minutes, repeats))


if __name__ == "__main__":
    main()
