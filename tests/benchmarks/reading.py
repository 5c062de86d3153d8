"""How fast event files are read, against tbparse in the same run.

Run with ``python tests/benchmarks/reading.py``; one thread, process time, the best of three.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}

import subprocess
import sys
import tempfile
import time
from pathlib import Path

MILLION = 1_000_000


def best_of(repeats: int, call) -> float:
    """Least process time of some calls, s."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def peak_mb(path: Path) -> float:
    """Peak memory of a process that reads a log without the cache, MB."""
    script = (
        "import sys, tmnet, resource\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "frame = tmnet.read_scalars(sys.argv[1], cache=False)\n"
        "print(len(frame), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    rows, peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(rows) == 5 * MILLION
    return float(peak)


def main() -> None:
    import pyarrow
    from synthetic import scalar_events, write_log
    from tbparse import SummaryReader

    import tmnet

    pyarrow.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["TMNET_CACHE_DIR"] = str(Path(directory) / "cache")
        log = Path(directory) / "one" / "events.out.tfevents.1750000000.host.1.0"
        write_log(log, scalar_events(MILLION))

        def tbparse():
            frame = SummaryReader(str(log), extra_columns={"wall_time"}).scalars
            assert len(frame) == MILLION

        def cold():
            assert len(tmnet.read_scalars(log, cache=False)) == MILLION

        def cached():
            assert len(tmnet.read_scalars(log)) == MILLION

        cached()
        peer = best_of(1, tbparse)
        rows = [("tbparse", peer), ("tmnet, cold", best_of(3, cold)),
                ("tmnet, from the cache", best_of(3, cached))]  # fmt: skip
        print("| reading 1M scalars (66 MB) | s | times tbparse's speed |\n|---|---|---|")
        for name, seconds in rows:
            print(f"| {name} | {seconds:.3f} | {peer / seconds:.0f} |")
        large = Path(directory) / "five" / "events.out.tfevents.1750000000.host.1.0"
        write_log(large, scalar_events(5 * MILLION))
        print(f"\nPeak memory for 5M scalars ({large.stat().st_size / 1e6:.0f} MB): "
              f"{peak_mb(large):.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
