"""How soon the explorer shows its first picture of many runs, and the memory that takes.

Run with ``python tests/benchmarks/scale.py [EVENTS]``; each line is a fresh process, and its time
begins when tmnet has been imported. Thirty runs of 300 scalars with EVENTS events each, half of
them of races. Cold is without tmnet's cache.
"""

import os
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

RUNS, TAGS, EVENTS = 30, 300, 20_000
SCRIPT = """
import resource, sys, time
import tmnet, tmnet.widgets.explorer.explorer
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, start = peak(), time.perf_counter()
explorer = tmnet.explore(sys.argv[1])
assert explorer.picture.startswith(b"\\x89PNG") and len(explorer.runs) == int(sys.argv[2])
print(time.perf_counter() - start, before, peak())
"""


def first_picture(logdir: Path) -> tuple[float, float, float]:
    """Seconds, and the peak memory before and after, MB."""
    command = [sys.executable, "-c", SCRIPT, str(logdir), str(RUNS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, before, after = map(float, done.stdout.split())
    return seconds, before, after


def main(events: int) -> None:
    from synthetic import race_events, scalar_events, write_log

    with tempfile.TemporaryDirectory() as directory:
        os.environ["TMNET_CACHE_DIR"] = str(Path(directory) / "cache")
        logdir, size = Path(directory) / "runs", 0
        for i in range(RUNS):
            races = islice(race_events(events, 600, i), events // 2)
            others = scalar_events(events - events // 2, TAGS - 6, i)
            log = logdir / f"run_{i}" / "events.out.tfevents.1750000000.host.1.0"
            write_log(log, sorted([*races, *others], key=lambda event: event[0]))
            size += log.stat().st_size
        print(f"{RUNS} runs, {TAGS} scalars, {events:,} events a run: {size / 1e6:,.0f} MB")
        print("| first picture | s | peak memory, MB |\n|---|---|---|")
        for name in ("cold", "warm"):
            seconds, before, after = first_picture(logdir)
            print(f"| {name} | {seconds:.2f} | {after:,.0f} ({before:,.0f} after the import) |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
