"""How fast runs are compared, against the same by pandas in the same run.

Run with ``python tests/benchmarks/comparing.py``; one thread, the best of three. Four runs of
50,000 races and 500 minutes, every metric, 99 grid points by time and 399 by step.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}

import tempfile
import time
from pathlib import Path

RACES, MINUTES = 50_000, 500


def best_of(repeats, call):
    """(least time of some calls in s, what the last one returned)."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return min(times), result


def by_pandas(runs, grid) -> dict:
    """Mean, best and rate of one kind of race at each grid point, the plain way."""
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


def main() -> None:
    import numpy as np
    import pyarrow
    from synthetic import race_events, write_log

    import tmnet
    from tmnet.analysis.alignment import metric_names

    pyarrow.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TMNET_CACHE_DIR"] = str(Path(directory) / "cache")
        logdir = Path(directory) / "logs"
        names = ["a", "b", "c", "d"]
        for seed, name in enumerate(names):
            file = f"events.out.tfevents.1750000000.host.{seed}.0"
            write_log(logdir / name / file, race_events(RACES, MINUTES, seed))

        def load():
            runs = [tmnet.load_run(name, logdir) for name in names]
            assert all(len(run.races) == RACES for run in runs)
            return runs

        load()  # fills the cache
        loading, runs = best_of(3, load)

        def compare(runs):
            metrics = metric_names(runs)
            by_time = tmnet.compare(runs, interval=5, window=(0, 499), metrics=metrics)
            end = min(run.steps for run in runs)
            by_step = tmnet.compare(
                runs, by="step", interval=end // 400, window=(0, end // 400 * 399.5),
                metrics=metrics,
            )  # fmt: skip
            assert (len(by_time.grid), len(by_step.grid)) == (99, 399)
            return by_time.frame, by_step.frame

        fresh = [load() for _ in range(3)]  # what is prepared for an axis is kept with a run
        aligning, _ = best_of(3, lambda: compare(fresh.pop()))
        peer, values = best_of(1, lambda: by_pandas(runs, np.arange(5, 500, 5)))
        comparison = tmnet.compare(runs, interval=5, metrics=["A01/eval/mean"], window=(0, 499))
        expected = [values["a", t][1] for t in comparison.grid]
        np.testing.assert_allclose(comparison.table("A01/eval/mean")["a"], expected)
        print("| comparing 4 runs x 50,000 races | s |\n|---|---|")
        print(f"| loading from the cache, joining the races | {loading:.3f} |")
        print(f"| every metric at 99 times and 399 steps | {aligning:.3f} |")
        print(f"| pandas, the plain way: one kind of race, 99 times | {peer:.2f} |")

        explorer = tmnet.explore(runs)
        computing, drawing = [], []
        multiples = explorer._multiples
        draw, png = multiples.update, multiples.png

        def timed(call):
            def wrapped(*args):
                start = time.perf_counter()
                try:
                    return call(*args)
                finally:
                    drawing.append(time.perf_counter() - start)

            return wrapped

        multiples.update, multiples.png = timed(draw), timed(png)
        for minutes in (6, 7, 8, 9, 10, 4):
            drawing.clear()
            start = time.perf_counter()
            explorer.controls.interval.value = minutes
            whole = time.perf_counter() - start
            computing.append(whole - sum(drawing))
        print(f"| a move of the interval slider: computing | {min(computing):.3f} |")
        print(f"| … and drawing {len(multiples.metrics)} axes | {sum(drawing):.3f} |")


if __name__ == "__main__":
    main()
