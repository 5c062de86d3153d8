"""Runs that are made for one statement, and what is found of them."""

import numpy as np

import tmnet

from ...synthetic import CUTOFF, load, race, write_file

BIG, SMALL, UNI, UNI_LONG = PUBLISHED = [
    "A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"
]  # fmt: skip
RATE, BEST = "A01/eval/late_rate", "A01/eval/late_best_of_10"


def run_of(logdir, name, times, start=0, pace=1000, config="", minutes=None):
    """A run with an eval race at the end of each minute, or evenly in so many minutes; None is one
    that does not finish."""
    every = 1.0 if minutes is None else minutes / len(times)
    begin = 10_000 * (sum(name.encode()) + len(name))  # no two begin at once, or they were copies
    records = []
    for k, x in enumerate(times, start=1):
        values = race(CUTOFF, False) if x is None else race(x)
        records.append((begin + 60 * every * k, start + round(pace * every * k), values))
    texts = {"config": config} if config else ()
    write_file(logdir / name, records, begin, texts=texts)
    return load(logdir, name)


def drawn(seed, rate, races, floor=24.0):
    """Times of independent races that finish at a rate."""
    rng = np.random.default_rng(seed)
    times = np.round(floor + rng.exponential(0.5, races), 2)
    return [time if rng.random() < rate else None for time in times]


def of(found, kind, metric=None, run=None, axis="time"):
    """Findings of a kind; of a metric; first about a run."""
    return [
        finding for finding in found
        if finding.kind == kind and metric in (None, finding.metric) and finding.axis == axis
        and run in (None, finding.runs[0])
    ]  # fmt: skip


def only(found, kind, metric=None, run=None, axis="time"):
    (finding,) = of(found, kind, metric, run, axis)
    return finding


def compared(*runs, **options):
    return tmnet.compare(runs, **options).findings()
