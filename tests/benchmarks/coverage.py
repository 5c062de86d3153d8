"""How often the 95 % intervals hold the truth, where the truth is known.

Run with ``python tests/benchmarks/coverage.py [--repetitions 1000] [--smoke]``; one thread, some
minutes. It prints a table. Between 92 and 98 % are asked. The peer is what a textbook has for the
same data: Wald's interval of rates, Student's t and Welch's of means, and the percentiles of a
bootstrap of seeds or single races.

Times are 24 s and what is lost on the way, which has an exponential distribution with a mean of
3 s; so the best of n is expected at 24 + 3/n s. Correlated ones are made of a Gaussian
autoregressive process, which keeps a share of the race before.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import time

import numpy as np
from measuring import options, print_table
from scipy import stats
from scipy.signal import lfilter

from tmnet.analysis.statistics import draws, seeds

FASTEST, LOST = 24.0, 3.0  # s
ASKED = (0.92, 0.98)
DRAWS = 500  # of the textbook's bootstrap
PERCENTILES = (2.5, 97.5)


# --- what a textbook has --------------------------------------------------------------------------


def normal(value, variance):
    half = stats.norm.ppf(0.975) * np.sqrt(variance)
    return value - half, value + half


def wald(*counts):
    """Of a rate, or of the difference of two, each (finished, races)."""
    rates = [finished / races for finished, races in counts]
    variance = sum(p * (1 - p) / races for p, (_, races) in zip(rates, counts))
    return normal(rates[0] - sum(rates[1:]), variance)


def welch(one, other):
    return stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)


def student(times):
    return stats.ttest_1samp(times, 0).confidence_interval(0.95)


def bootstrap(rng, statistic, *samples):
    """Of a statistic of samples whose rows are drawn again: statistic(samples (draws, n, …))."""
    drawn = [sample[rng.integers(len(sample), size=(DRAWS, len(sample)))] for sample in samples]
    return np.percentile(statistic(*drawn), PERCENTILES)


def best_of(n, times):
    """The best that n races drawn from some are expected to bring: (draws, races) -> (draws,)."""
    behind = np.linspace(1, 0, times.shape[1] + 1) ** n  # chance that all n are slower
    return np.sort(times, axis=1) @ -np.diff(behind)


def trimmed_mean(scores):
    return stats.trim_mean(scores.reshape(len(scores), -1), 0.25, axis=1)


def ahead(one, other):
    return (one[:, :, None] > other[:, None, :]).mean(axis=(1, 2))


# --- the rows of the table: functions of a generator that give both intervals, and the truth ------


def times(rng, length, share=0.0):
    """Times of races; each keeps a share of the one before."""
    noise = rng.normal(size=length + 200) * np.sqrt(1 - share**2)
    scores = lfilter([1.0], [1.0, -share], noise)[200:]
    return FASTEST - LOST * np.log(stats.norm.sf(scores))


def mean(length, share=0.0):
    def made(rng):
        driven = times(rng, length, share)
        return draws.interval(draws.Times(driven), draws.Times.mean), student(driven)

    return made, FASTEST + LOST


def best(n, length, share=0.0):
    def made(rng):
        driven = times(rng, length, share)
        ours = draws.interval(draws.Times(driven), lambda some, drawn: some.best_of(n, drawn))
        return ours, bootstrap(rng, lambda drawn: best_of(n, drawn), driven)

    return made, FASTEST + LOST / n


def best_difference(n, lengths, share=0.0):
    def made(rng):
        one, other = (times(rng, length, share) for length in lengths)
        ours = draws.difference(
            draws.Times(one), draws.Times(other), lambda some, drawn: some.best_of(n, drawn)
        )
        return ours, bootstrap(rng, lambda a, b: best_of(n, a) - best_of(n, b), one, other)

    return made, 0.0


def mean_difference(lengths, share=0.0):
    def made(rng):
        one, other = (times(rng, length, share) for length in lengths)
        ours = draws.difference(draws.Times(one), draws.Times(other), draws.Times.mean)
        return ours, welch(one, other)

    return made, 0.0


def rate(races, p):
    def made(rng):
        finished = int(rng.binomial(races, p))
        return seeds.rate_interval(finished, races), wald((finished, races))

    return made, p


def rate_difference(one, other):
    def made(rng):
        counts = [(int(rng.binomial(races, p)), races) for races, p in (one, other)]
        return draws.rate_difference(*counts), wald(*counts)

    return made, one[1] - other[1]


def iqm(shape, skewed=False):
    """Normal scores have the inter-quartile mean 0; of skewed ones it is integrated."""
    truth = 0.0
    if skewed:
        truth = 2 * stats.gamma(2).expect(lambda x: x, *stats.gamma(2).ppf([0.25, 0.75]))

    def made(rng):
        scores = rng.gamma(2, size=shape) if skewed else rng.normal(size=shape)
        return seeds.iqm_interval(scores), bootstrap(rng, trimmed_mean, scores)

    return made, truth


def iqm_difference(one, other):
    def made(rng):
        scores = rng.normal(1, size=one), rng.normal(0, size=other)
        peer = bootstrap(rng, lambda a, b: trimmed_mean(a) - trimmed_mean(b), *scores)
        return seeds.iqm_difference(*scores), peer

    return made, 1.0


def improvement(one, other, gap=0.7):
    def made(rng):
        scores = rng.normal(gap, size=one), rng.normal(size=other)
        return seeds.probability_interval(*scores), bootstrap(rng, ahead, *scores)

    return made, stats.norm.cdf(gap / np.sqrt(2))


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


def row(number: int, name: str, repetitions: int):
    """How often a row's intervals hold the truth."""
    made, truth = ROWS[name]
    start, found = time.perf_counter(), []
    for repetition in range(repetitions):
        (low, high), (lowest, highest) = made(np.random.default_rng([number, repetition]))
        found.append((low <= truth <= high, high < truth, low > truth, lowest <= truth <= highest))
    held, below, above, peer = np.mean(found, axis=0)
    asked = "yes" if ASKED[0] <= held <= ASKED[1] else "**no**"
    ms = 1000 * (time.perf_counter() - start) / repetitions
    return name, f"{held:.1%}", asked, f"{below:.1%}", f"{above:.1%}", f"{peer:.1%}", f"{ms:.1f}"


def main(argv=None) -> None:
    parser = options(__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    arguments = parser.parse_args(argv)
    repetitions = 2 if arguments.smoke else arguments.repetitions
    held = f"holds the truth, of {repetitions:,}"
    head = ["95 % interval of", held, "asked", "lies below it", "lies above it"]
    rows = (row(number, name, repetitions) for number, name in enumerate(ROWS))
    print_table([*head, "the textbook's holds it", "ms of both"], rows)


if __name__ == "__main__":
    main()
