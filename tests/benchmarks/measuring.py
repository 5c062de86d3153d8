"""What the benchmarks share: their options, how they measure, and their tables."""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any


def options(doc: str) -> argparse.ArgumentParser:
    """Options that every benchmark has."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument(
        "--smoke", action="store_true", help="tiny sizes: shows that it runs, and measures nothing"
    )
    return parser


def network_options(doc: str) -> argparse.ArgumentParser:
    """Options of the benchmarks of networks, too."""
    parser = options(doc)
    from tmnet.experiments.scales import SCALES

    parser.add_argument("--big", action="store_true", help="the big network, not the small")
    parser.add_argument("--scale", choices=[*SCALES], help="as it is at this scale")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    return parser


def chosen_network(arguments: argparse.Namespace):
    """(its experiment, its configuration, the size of a batch, its name)."""
    from tmnet.experiments.load import load_experiment
    from tmnet.networks import NetworkConfig

    experiment = load_experiment("A01_as20_big_long" if arguments.big else "A01_as20_long")
    if arguments.smoke:
        sizes = {"iqn_embedding_dimension": 8, "iqn_n": 4, "dense_hidden_dimension": 32}
        tiny = NetworkConfig(w_downsized=34, h_downsized=34, float_hidden_dim=16, **sizes)
        return experiment, tiny, 8, "tiny"
    size = "big" if arguments.big else "small"
    if arguments.scale:
        experiment, size = experiment.scaled(arguments.scale), f"{arguments.scale}'s {size}"
    return experiment, experiment.neural_network, experiment.training.batch_size, size


def pin(threads: int) -> str:
    """Keep the process on so many CPUs, where the system can; says what was done."""
    if not hasattr(os, "sched_setaffinity"):
        return f"threads: {threads}, not pinned"
    cpus = sorted(os.sched_getaffinity(0))[:threads]
    os.sched_setaffinity(0, cpus)
    return f"threads: {threads}, on CPU {', '.join(map(str, cpus))}"


def best_of(repeats: int, call: Callable, clock: Callable[[], float] = time.perf_counter):
    """(least time of some calls in s, what the last one returned)."""
    times = []
    for _ in range(repeats):
        start = clock()
        result = call()
        times.append(clock() - start)
    return min(times), result


def in_turns(
    calls: Mapping[str, Callable], repeats: int, wait: Callable[[], Any] = lambda: None
) -> dict[str, list[float]]:
    """Seconds of each call of each contestant; a first one of each, to warm up, is left out.

    `wait` returns when the device has done its work.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(repeats + 1):
        for name, call in calls.items():
            wait()
            start = time.perf_counter()
            call()
            wait()
            if repeat:
                times[name].append(time.perf_counter() - start)
    return times


def alone(file: str, *arguments: object) -> list[float]:
    """The numbers that a Python file prints in a process of its own."""
    command = [sys.executable, file, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [float(number) for number in done.stdout.split()]


def peak_mb() -> float:
    """Peak memory of this process so far; NaN on Windows, which does not tell."""
    try:
        import resource
    except ImportError:
        return math.nan
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def judged(count: int, of: int, least: float | None, most: float | None) -> list[str]:
    """What share is asked, what is measured, of how many, and whether that holds: "no" only where
    all 95 % of the measured one lie on the wrong side."""
    from scipy.stats import binomtest

    low, high = binomtest(count, of).proportion_ci(0.95, "wilson")
    bounds = (("at least", least), ("at most", most))
    asked = " and ".join(f"{word} {x * 100:g} %" for word, x in bounds if x is not None)
    wrong = (most is not None and low > most) or (least is not None and high < least)
    within = (least or 0) <= count / of <= (1 if most is None else most)
    holds = "" if not asked else "**no**" if wrong else "yes" if within else "maybe"
    shown = f"{count / of:.1%} ({low:.1%} to {high:.1%})"
    return [asked or "–", shown, f"{of:,}", holds]


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table in Markdown, each row as soon as it is there."""
    print(f"| {' | '.join(head)} |")
    print("|---" * len(head) + "|")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)
