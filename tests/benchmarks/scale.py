"""How soon many runs are seen, and what is to be said of them, and the memory that takes.

Run with ``python tests/benchmarks/scale.py [EVENTS] [--smoke]``; each line is a fresh process, and
its time begins when what it needs has been imported. First the explorer's first picture: thirty
runs of 300 scalars with EVENTS events each, half of them of races. Cold is without tmnet's cache.
The peer is a notebook's first cell without tmnet: tbparse reads all runs, and pandas draws as many
axes. Then the findings of 40 runs of 20,000 races, as runs and as arms of five seeds: less than
30 s are asked.
"""

import argparse
import os
import tempfile
import time
from itertools import islice
from pathlib import Path

from measuring import alone, options, peak_mb, print_table

RUNS, TAGS, EVENTS = 30, 300, 20_000
JUDGED, RACES, SEEDS, ASKED = 40, 20_000, 5, 30.0  # runs, races of each, seeds of an arm; s


def write_runs(logdir: Path, runs: int, events: int) -> int:
    """Write the logs; return their bytes."""
    from synthetic import race_events, scalar_events, write_log

    size = 0
    for i in range(runs):
        races = islice(race_events(events, 600, i), events // 2)
        others = scalar_events(events - events // 2, TAGS - 6, i)
        log = logdir / f"run_{i}" / "events.out.tfevents.1750000000.host.1.0"
        write_log(log, sorted([*races, *others], key=lambda event: event[0]))
        size += log.stat().st_size
    return size


def by_tmnet(logdir: Path, runs: int) -> tuple[float, float, float]:
    """Seconds until the picture is there, and the peak memory before and after, MB."""
    from tmnet import explore

    before, start = peak_mb(), time.perf_counter()
    explorer = explore(logdir)
    assert explorer.picture.startswith(b"\x89PNG") and len(explorer.runs) == runs
    return time.perf_counter() - start, before, peak_mb()


def by_tbparse(logdir: Path, runs: int) -> tuple[float, float, float]:
    """As `by_tmnet`, the plain way."""
    import io

    from matplotlib.figure import Figure
    from tbparse import SummaryReader

    before, start = peak_mb(), time.perf_counter()
    frame = SummaryReader(str(logdir), extra_columns={"dir_name", "wall_time"}).scalars
    assert frame["dir_name"].nunique() == runs
    shown = frame[frame["dir_name"].isin(sorted(frame["dir_name"].unique())[:6])]
    figure = Figure((12, 8))
    for ax, tag in zip(figure.subplots(2, 3).flat, sorted(frame["tag"].unique())):
        for name, run in shown[shown["tag"] == tag].groupby("dir_name"):
            ax.plot(run["wall_time"], run["value"].cummin(), label=name)
        ax.set_title(tag)
    figure.savefig(io.BytesIO(), format="png")
    return time.perf_counter() - start, before, peak_mb()


CONTESTANTS = {"tbparse and pandas": by_tbparse, "tmnet, cold": by_tmnet, "tmnet, warm": by_tmnet}


def rows(logdir: Path, runs: int):
    """Each contestant, its seconds, its speed and its memory."""
    for name in CONTESTANTS:
        seconds, before, after = alone(__file__, "--one", name, logdir, runs)
        if name.startswith("tbparse"):
            peer = seconds
        yield (
            name,
            f"{seconds:.2f}",
            f"{peer / seconds:.1f}",
            f"{after:,.0f} ({before:,.0f} after the import)",
        )


def findings(runs: int, races: int, seeds: int) -> tuple[float, float]:
    """Seconds until it is said what runs show that are in memory, and the peak memory, MB."""
    import numpy as np
    from simulation import EXPLO, Training, draw

    import tmnet

    rng = np.random.default_rng(0)
    one = Training(races=races // (1 + EXPLO[0]), minutes=600, learns_at=200, wobble=0.9)
    drawn = [draw(true, f"run_{i}", rng)[0] for i, true in enumerate(one.seeds(runs, rng))]
    arms = {f"arm_{i}": drawn[i : i + seeds] for i in range(0, runs, seeds)}
    start = time.perf_counter()
    assert tmnet.compare(arms if seeds > 1 else drawn).findings()
    return time.perf_counter() - start, peak_mb()


def rows_of_findings(runs: int, races: int):
    for seeds in (1, SEEDS):
        seconds, peak = alone(__file__, "--findings", runs, races, seeds)
        arms = f" in arms of {seeds}" if seeds > 1 else ""
        holds = "yes" if seconds < ASKED else "**no**"
        yield f"{runs} runs{arms}", f"{seconds:.1f}", f"less than {ASKED:g}", holds, f"{peak:,.0f}"


def main(argv=None) -> None:
    parser = options(__doc__)
    parser.add_argument("events", nargs="?", type=int, default=EVENTS)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--findings", nargs=3, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.one:
        name, logdir, runs = arguments.one
        print(*CONTESTANTS[name](Path(logdir), int(runs)))
        return
    if arguments.findings:
        print(*findings(*arguments.findings))
        return
    runs, events = (3, 500) if arguments.smoke else (RUNS, arguments.events)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TMNET_CACHE_DIR"] = str(Path(directory) / "cache")
        logdir = Path(directory) / "runs"
        size = write_runs(logdir, runs, events)
        print(f"{runs} runs, {TAGS} scalars, {events:,} events a run: {size / 1e6:,.0f} MB")
        head = ["first picture", "s", "times the plain way's speed", "memory at its peak, MB"]
        print_table(head, rows(logdir, runs))
    runs, races = (6, 300) if arguments.smoke else (JUDGED, RACES)
    print()
    head = [f"findings, {races:,} races a run", "s", "asked, s", "holds", "memory at its peak, MB"]
    print_table(head, rows_of_findings(runs, races))


if __name__ == "__main__":
    main()
