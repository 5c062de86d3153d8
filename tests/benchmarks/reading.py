"""How fast event files are read, against tbparse in the same run.

Run with ``python tests/benchmarks/reading.py [--smoke]``; one thread, process time, the best of
three.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}

import argparse
import tempfile
import time
from pathlib import Path

from measuring import alone, best_of, options, peak_mb, print_table

EVENTS, LARGE = 1_000_000, 5_000_000


def rows(log: Path, events: int):
    """Each reader, its seconds, and its speed."""
    from tbparse import SummaryReader

    import tmnet

    readers = {
        "tbparse": lambda: SummaryReader(str(log), extra_columns={"wall_time"}).scalars,
        "tmnet, cold": lambda: tmnet.read_scalars(log, cache=False),
        "tmnet, from the cache": lambda: tmnet.read_scalars(log),
    }
    tmnet.read_scalars(log)  # fills the cache
    for name, read in readers.items():
        seconds, frame = best_of(1 if name == "tbparse" else 3, read, time.process_time)
        assert len(frame) == events
        if name == "tbparse":
            peer = seconds
        yield name, f"{seconds:.3f}", f"{peer / seconds:.0f}"


def main(argv=None) -> None:
    parser = options(__doc__)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)

    import pyarrow

    import tmnet

    if arguments.one:
        print(len(tmnet.read_scalars(arguments.one, cache=False)), peak_mb())
        return
    from synthetic import scalar_events, write_log

    pyarrow.set_cpu_count(1)
    events, large = (2_000, 5_000) if arguments.smoke else (EVENTS, LARGE)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TMNET_CACHE_DIR"] = str(Path(directory) / "cache")
        log = Path(directory) / "one" / "events.out.tfevents.1750000000.host.1.0"
        write_log(log, scalar_events(events))
        what = f"reading {events:,} scalars ({log.stat().st_size / 1e6:.0f} MB)"
        print_table([what, "s", "times tbparse's speed"], rows(log, events))
        log = Path(directory) / "five" / log.name
        write_log(log, scalar_events(large))
        count, peak = alone(__file__, "--one", log)
        assert count == large
        size = log.stat().st_size / 1e6
        print(f"\nPeak memory for {large:,} scalars ({size:.0f} MB): {peak:.0f} MB")


if __name__ == "__main__":
    main()
