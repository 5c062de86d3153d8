"""How the list of runs and the explorer bear many runs, and many tags.

Run with ``python tests/benchmarks/many.py [--smoke]``; process time, of what was read before the
better of two. A thousand short runs, and a run with 5,000 tags of 20 values each; and a tenth of
both, so that it shows what takes more than ten times as long. Cold is without tmnet's cache. The
peer reads all with tbparse, and groups it, or draws it, with pandas.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}

import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from measuring import best_of, options, print_table

RUNS, TAGS, VALUES = 1_000, 5_000, 20
NAME = "events.out.tfevents.1750000000.host.1.0"


def write_runs(logdir: Path, runs: int) -> None:
    """Write runs of 300 to 1,500 scalars, in groups of ten."""
    from synthetic import race_events, scalar_events, write_log

    for i in range(runs):
        races = 100 + 37 * i % 400
        events = [*race_events(races, 30, i), *islice(scalar_events(races, 8, i), races)]
        log = logdir / f"study_{i // 10}" / f"seed_{i % 10}" / NAME
        write_log(log, sorted(events, key=lambda event: event[0]))


def write_tags(logdir: Path, tags: int) -> None:
    """Write a run with so many tags."""
    from synthetic import write_log

    layers = [f"layer_{i // 50}/weight_{i % 50}" for i in range(tags)]
    events = ((1.75e9 + 60 * k, 100 * k, tag, k / 7) for k in range(VALUES) for tag in layers)
    write_log(logdir / "wide" / NAME, events)


def list_by_pandas(logdir: Path) -> None:
    """A table of what `tmnet list` tells."""
    from tbparse import SummaryReader

    frame = SummaryReader(str(logdir), extra_columns={"dir_name", "wall_time"}).scalars
    frame["race"] = frame["tag"].str.contains("race_finished")
    runs = frame.groupby("dir_name")
    minutes = (runs["wall_time"].max() - runs["wall_time"].min()) / 60
    assert len(minutes) == len(runs["step"].max()) == len(runs["race"].sum())


def draw_by_pandas(logdir: Path) -> None:
    """As many axes as the explorer shows."""
    from scale import by_tbparse

    by_tbparse(logdir, 1)


def list_by_tmnet(logdir: Path) -> None:
    from tmnet.cli.common import runs_table
    from tmnet.logs.find import load_runs

    assert runs_table(load_runs(logdir))


def explore(logdir: Path) -> None:
    import tmnet

    runs = tmnet.load_runs(logdir)  # here, or a second explorer would share the first one's
    assert tmnet.explore(runs).picture.startswith(b"\x89PNG")


COLD = ", cold"
OF_RUNS = {
    "tbparse and pandas: a table of the runs": list_by_pandas,
    f"tmnet list{COLD}": list_by_tmnet,
    "tmnet list, from the cache": list_by_tmnet,
    "the explorer's first picture, from the cache": explore,
}
OF_TAGS = {
    "tbparse and pandas: a picture of six": draw_by_pandas,
    f"the explorer's first picture{COLD}": explore,
    "the explorer's first picture, from the cache": explore,
}


def rows(contestants: dict[str, Callable[[Path], None]], logdirs: list[Path]):
    """Each contestant, its seconds for a tenth and for all, and its speed."""
    for i, (name, call) in enumerate(contestants.items()):
        repeats = 1 if i == 0 or name.endswith(COLD) else 2
        seconds = [
            best_of(repeats, lambda logdir=logdir, call=call: call(logdir), time.process_time)[0]
            for logdir in logdirs
        ]
        if i == 0:
            peer = seconds[-1]
        yield name, *(f"{x:.2f}" for x in seconds), f"{peer / seconds[-1]:.1f}"


def main(argv=None) -> None:
    arguments = options(__doc__).parse_args(argv)
    runs, tags = (20, 120) if arguments.smoke else (RUNS, TAGS)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TMNET_CACHE_DIR"] = str(Path(directory) / "cache")
        for what, write, number, contestants in (
            ("runs", write_runs, runs, OF_RUNS), ("tags", write_tags, tags, OF_TAGS),
        ):  # fmt: skip
            logdirs = []
            for size in (number // 10, number):
                logdirs.append(Path(directory) / f"{size}_{what}")
                write(logdirs[-1], size)
            sizes = [f"s, {size:,} {what}" for size in (number // 10, number)]
            head = [f"many {what}", *sizes, "times the plain way's speed"]
            print_table(head, rows(contestants, logdirs))
            print()


if __name__ == "__main__":
    main()
