"""How often the 95 % intervals hold the truth, where the truth is known.

Run with ``python tests/benchmarks/coverage.py [--repetitions 1000]``; one thread, some minutes. It
prints a table. Between 92 and 98 % are asked.

Times are 24 s and what is lost on the way, which has an exponential distribution with a mean of
3 s; so the best of n is expected at 24 + 3/n s. Correlated ones are made of a Gaussian
autoregressive process, which keeps a share of the race before.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import argparse
import time

import numpy as np
from scipy import stats
from scipy.signal import lfilter

from tmnet.analysis import statistics as tested

FASTEST, LOST = 24.0, 3.0  # s
ASKED = (0.92, 0.98)


def times(rng, length, share=0.0):
    """Times of races; each keeps a share of the one before."""
    noise = rng.normal(size=length + 200) * np.sqrt(1 - share**2)
    normal = lfilter([1.0], [1.0, -share], noise)[200:]
    return tested.Times(FASTEST - LOST * np.log(stats.norm.sf(normal)))


def mean(length, share=0.0):
    def made(rng):
        return tested.interval(times(rng, length, share), tested.Times.mean)

    return made, FASTEST + LOST


def best(n, length, share=0.0):
    def made(rng):
        some = times(rng, length, share)
        return tested.interval(some, lambda some, drawn: some.best_of(n, drawn))

    return made, FASTEST + LOST / n


def best_difference(n, lengths, share=0.0):
    def made(rng):
        one, other = (times(rng, length, share) for length in lengths)
        return tested.difference(one, other, lambda some, drawn: some.best_of(n, drawn))

    return made, 0.0


def mean_difference(lengths, share=0.0):
    def made(rng):
        one, other = (times(rng, length, share) for length in lengths)
        return tested.difference(one, other, tested.Times.mean)

    return made, 0.0


def rate(races, p):
    return lambda rng: tested.rate_interval(int(rng.binomial(races, p)), races), p


def rate_difference(one, other):
    def made(rng):
        some = [(int(rng.binomial(races, p)), races) for races, p in (one, other)]
        return tested.rate_difference(*some)

    return made, one[1] - other[1]


def iqm(shape, skewed=False):
    """Normal scores have the inter-quartile mean 0; of skewed ones it is integrated."""
    if not skewed:
        return lambda rng: tested.iqm_interval(rng.normal(size=shape)), 0.0
    truth = 2 * stats.gamma(2).expect(lambda x: x, *stats.gamma(2).ppf([0.25, 0.75]))
    return lambda rng: tested.iqm_interval(rng.gamma(2, size=shape)), truth


def iqm_difference(one, other):
    def made(rng):
        return tested.iqm_difference(rng.normal(1, size=one), rng.normal(0, size=other))

    return made, 1.0


def improvement(one, other, ahead=0.7):
    def made(rng):
        return tested.probability_interval(rng.normal(ahead, size=one), rng.normal(size=other))

    return made, stats.norm.cdf(ahead / np.sqrt(2))


ROWS = {
    "finish rate 64 % of 140 races": rate(140, 0.64),
    "finish rate 90 % of 30 races": rate(30, 0.9),
    "difference of rates, 79 % of 590 and 71 % of 590": rate_difference((590, 0.79), (590, 0.71)),
    "difference of rates, 90 % of 40 and 60 % of 30": rate_difference((40, 0.9), (30, 0.6)),
    "mean of 200 independent times": mean(200),
    "mean of 200 times, each keeps 0.3 of the one before": mean(200, 0.3),
    "mean of 200 times, each keeps 0.6": mean(200, 0.6),
    "mean of 1000 times, each keeps 0.6": mean(1000, 0.6),
    "mean of 1000 times, each keeps 0.9": mean(1000, 0.9),
    "difference of means of 200 and 100 times, each keeps 0.3": mean_difference((200, 100), 0.3),
    "difference of means of 30 and 30 independent times": mean_difference((30, 30)),
    "best of 10, of 200 independent times": best(10, 200),
    "best of 10, of 200 times, each keeps 0.6": best(10, 200, 0.6),
    "best of 50, of 1000 times, each keeps 0.6": best(50, 1000, 0.6),
    "difference of best of 2, of 40 and 40 independent": best_difference(2, (40, 40)),
    "difference of best of 5, of 100 and 400 independent": best_difference(5, (100, 400)),
    "IQM of 20 seeds": iqm(20),
    "IQM of 20 seeds, skewed": iqm(20, skewed=True),
    "IQM of 10 seeds x 5 tasks": iqm((10, 5)),
    "IQM of 10 seeds": iqm(10),
    "IQM of 5 seeds": iqm(5),
    "IQM of 3 seeds": iqm(3),
    "IQM of 2 seeds, skewed": iqm(2, skewed=True),
    "difference of IQM, 20 and 20 seeds": iqm_difference(20, 20),
    "difference of IQM, 10 and 3 seeds": iqm_difference(10, 3),
    "difference of IQM, 5 and 5 seeds": iqm_difference(5, 5),
    "difference of IQM, 2 and 2 seeds": iqm_difference(2, 2),
    "probability of improvement, 20 and 20 seeds": improvement(20, 20),
    "probability of improvement, 10 and 10 seeds": improvement(10, 10),
    "probability of improvement, 5 and 5 seeds": improvement(5, 5),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=1000)
    repetitions = parser.parse_args().repetitions
    head = f"holds the truth, of {repetitions:,} | asked | lies below it | lies above it"
    print(f"| 95 % interval of | {head} | ms |\n|---|---|---|---|---|---|")
    for number, (name, (made, truth)) in enumerate(ROWS.items()):
        start, found = time.perf_counter(), []
        for repetition in range(repetitions):
            low, high = made(np.random.default_rng([number, repetition]))
            found.append((low <= truth <= high, high < truth, low > truth))
        held, below, above = np.mean(found, axis=0)
        asked = "yes" if ASKED[0] <= held <= ASKED[1] else "**no**"
        ms = 1000 * (time.perf_counter() - start) / repetitions
        print(f"| {name} | {held:.1%} | {asked} | {below:.1%} | {above:.1%} | {ms:.1f} |",
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
