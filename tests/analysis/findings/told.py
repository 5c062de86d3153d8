"""Runs that are made for one statement, and what is found of them."""

import math
import re

import numpy as np
import pytest

from ...synthetic import CUTOFF, load, race, write_file
from ..formulas import by_wilson

BIG, SMALL, UNI, UNI_LONG = PUBLISHED = [
    "A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"
]  # fmt: skip
BEST, RATE, MEAN = "A01/eval/best", "A01/eval/finish_rate", "A01/eval/mean"
BATCHES = "cumul_number_batches_done"


def run_of(logdir, name, records, config="", **options):
    write_file(logdir / name, records, texts={"config": config} if config else (), **options)
    return load(logdir, name)


def raced(times, pace=1000, start=0, **options):
    """An eval race at the end of each minute; None is one that does not finish."""
    return [
        (60 * k, start + pace * k, race(*((CUTOFF, False) if x is None else (x,)), **options))
        for k, x in enumerate(times, start=1)
    ]


def logged(values, tag="loss", pace=1000):
    """A scalar at the end of each minute."""
    return [(60 * k, pace * k, {tag: x}) for k, x in enumerate(values, start=1)]


def of(found, kind, name=None, run=None):
    """Findings of a kind; of a metric; first about a run."""
    return [
        some for some in found
        if some.kind == kind and name in (None, some.metric) and run in (None, some.runs[0])
    ]  # fmt: skip


def only(found, kind, name=None, run=None):
    (some,) = of(found, kind, name, run)
    return some


def numbers(text):
    """All numbers in a text that are not part of a name."""
    found = re.findall(r"(?<![\w.,])[-−+]?\d[\d,]*(?:\.\d+)?(?:e[-+]\d+)?", text)
    return [float(x.replace(",", "").replace("−", "-")) for x in found]


def shown(*values):
    """Values as they may be rounded: to the second decimal, or the second digit."""
    return [pytest.approx(value, abs=max(0.00501, abs(value) * 1e-9)) for value in values]


def newcombe(one, other):
    """Of how much higher a rate is, each (finished, races)."""
    (a, b), (c, d) = by_wilson(*one), by_wilson(*other)
    p, q = one[0] / one[1], other[0] / other[1]
    return p - q - math.hypot(p - a, d - q), p - q + math.hypot(b - p, q - c)


def best_of(times, n):
    """The best that n of them are expected to bring, by the order of all."""
    slowest, size = np.sort(times)[::-1], len(times)
    return slowest @ np.diff((np.arange(1, size + 1) / size) ** n, prepend=0)


def crossed(one, other, moments):
    """(first, for good) that one is ahead of the other, which was ahead: moment after moment.

    `one` and `other` map a moment to what is better the lower it is; NaN is not comparable.
    """
    first = good = None
    was_behind = False
    for t in moments:
        a, b = one(t), other(t)
        if b < a:
            was_behind, good = True, None
        elif a < b and was_behind:
            first = t if first is None else first
            good = t if good is None else good
    return None if good is None else (first, good)


NETWORK = "neural_network: {iqn_n: 16, iqn_k: 64}\ntraining: {batch_size: 256}\n"


def trained(times, batches=2000, frames=3000):
    """A race a minute, and the counter of batches in every other minute."""
    records = []
    for k, x in enumerate(times, start=1):
        values = race(CUTOFF, False) if x is None else race(x)
        values |= {BATCHES: batches * k} if k % 2 == 0 else {}
        records.append((60 * k, frames * k, values))
    return records


def cautions(found, words):
    return [some for some in of(found, "caution") if words in some.sentence]
