"""How often tests of races and seeds are right, and 95 % intervals hold the truth that is known.

Run with ``python tests/benchmarks/coverage.py [--repetitions 1000] [--smoke]``; one thread, some
minutes. It prints a table of what is asked, of what tmnet does, and of two peers: the same formulas
written down plainly, race by race; and what a textbook has, which takes races for independent
(Newcombe's and Wilson's intervals of rates, Student's and Welch's of means, a bootstrap of single
races or seeds).

Races are those of `simulation`: finishes with a probability around which the policy wobbles, by 1
on the logit; times with a floor and an exponential loss of 0.5 s.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import time
from itertools import pairwise
from math import comb

import numpy as np
from measuring import judged, options, print_table
from scipy import stats
from simulation import Driven, Training

from tmnet.analysis.metrics import Races
from tmnet.analysis.statistics import seeds, survival
from tmnet.analysis.statistics.races import estimates

BEST_OF = 10
DRAWS = 500  # of the textbook's bootstrap
PERCENTILES = (2.5, 97.5)
WIDE = 0.93, 0.97  # asked of intervals


# --- the same formulas, plainly -------------------------------------------------------------------


def blocks_of(values, number):
    ends = [len(values) * k // number for k in range(number + 1)]
    return [values[a:b] for a, b in pairwise(ends)]


def best_of(times):
    """What ten races drawn without replacement are expected to bring."""
    n, fastest = len(times), sorted(times)
    return sum(x * comb(n - i, BEST_OF - 1) for i, x in enumerate(fastest, 1)) / comb(n, BEST_OF)


def plainly(statistic, driven):
    """(value, variance, degrees of freedom) of a statistic; None where races are too few."""
    values = driven.finished if statistic == "rate" else driven.time_s[driven.finished]
    n = len(values)
    number = max(4, round(n**0.4))
    of_block = np.mean
    if statistic == "best_of_10":
        number, of_block = min(number, n // BEST_OF), best_of
    if n < BEST_OF or number < (3 if statistic == "best_of_10" else 2):
        return None
    found = [of_block(block) for block in blocks_of(values, number)]
    variance = sum((b - a) ** 2 for a, b in pairwise(found)) / (2 * number * (number - 1))
    if statistic == "rate":
        p = (sum(values) + 2) / (n + 4)
        variance = max(variance, p * (1 - p) / (n + 4))
    elif statistic == "mean":
        variance = max(variance, np.var(values, ddof=1) / n)
    else:  # half of the jackknife's
        without = [best_of(np.delete(values, i)) for i in range(n)]
        variance = max(variance, (n - 1) * np.var(without) / 2)
    return of_block(values), variance, 2 * (number - 1) / 3


def plain_p(statistic, one, other):
    both = plainly(statistic, one), plainly(statistic, other)
    if None in both:
        return 1.0
    (a, v, f), (b, w, g) = both
    freedom = (v + w) ** 2 / (v**2 / f + w**2 / g)
    return 2 * stats.t.sf(abs(a - b) / np.sqrt(v + w), freedom)


def plain_interval(statistic, driven):
    value, variance, freedom = plainly(statistic, driven)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance)
    return value - half, value + half


# --- what a textbook has --------------------------------------------------------------------------


def told_by_textbook(statistic, level, one, other):
    """Whether two runs are told apart at a level."""
    if statistic == "rate":
        (p, a, b), (q, c, d) = (wilson(x.finished, level) for x in (one, other))
        return abs(p - q) > (np.hypot(p - a, d - q) if p > q else np.hypot(b - p, q - c))
    times = one.time_s[one.finished], other.time_s[other.finished]
    if statistic == "mean":
        return stats.ttest_ind(*times, equal_var=False).pvalue < level
    if min(map(len, times)) < BEST_OF:
        return False
    rng = np.random.default_rng(0)
    above = np.mean(best_of_draws(rng, times[0]) > best_of_draws(rng, times[1]))
    return 2 * min(above, 1 - above) < level


def wilson(finished, level=0.05):
    """(rate, low, high)."""
    p, n, z = finished.mean(), len(finished), stats.norm.isf(level / 2)
    middle, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return p, *((middle + sign * half) / (1 + z**2 / n) for sign in (-1, 1))


def textbook_interval(statistic, driven):
    if statistic == "rate":
        return wilson(driven.finished)[1:]
    times = driven.time_s[driven.finished]
    if statistic == "mean":
        return stats.ttest_1samp(times, 0).confidence_interval(0.95)
    return np.percentile(best_of_draws(np.random.default_rng(0), times), PERCENTILES)


def best_of_draws(rng, times):
    """The best of ten of times that are drawn again, with replacement: (draws,)."""
    drawn = times[rng.integers(len(times), size=(DRAWS, len(times)))]
    behind = np.linspace(1, 0, len(times) + 1) ** BEST_OF  # chance that all of ten are slower
    return np.sort(drawn, axis=1) @ -np.diff(behind)


def bootstrap(rng, statistic, *samples):
    """Of a statistic of samples whose rows are drawn again: statistic(samples (draws, n, …))."""
    drawn = [sample[rng.integers(len(sample), size=(DRAWS, len(sample)))] for sample in samples]
    return np.percentile(statistic(*drawn), PERCENTILES)


# --- the rows of the table: functions of a generator that say of each contestant whether it did ---


def estimated(statistic, driven):
    """By tmnet."""
    races = Races(driven.minute, driven.time_s, driven.finished)
    return estimates(f"late_{statistic}", races, np.array([0]), np.array([len(races.at)]))


def tells(statistic, level, other=None, **true):
    """Whether two runs, of which the other differs in this, are told apart at a level."""

    def made(rng):
        one, second = (Driven(Training(**x), "eval", rng) for x in (true, true | (other or {})))
        (ours,) = estimated(statistic, one).above(estimated(statistic, second))
        textbook = told_by_textbook(statistic, level, one, second)
        return ours.p < level, plain_p(statistic, one, second) < level, textbook

    return made


def holds(statistic, around, **true):
    """Whether an interval of one run, where it has one, holds the truth; see `Driven.true`."""

    def made(rng):
        driven = Driven(Training(**true), "eval", rng)
        while plainly(statistic, driven) is None:  # too few races finished
            driven = Driven(Training(**true), "eval", rng)
        truth = driven.true(statistic, np.ones(len(driven.minute), bool), around)
        (low,), (high,) = estimated(statistic, driven).interval()
        others = plain_interval(statistic, driven), textbook_interval(statistic, driven)
        return [a <= truth <= b for a, b in ((low, high), *others)]

    return made


def of_seeds(made):
    """A row whose contestants are tmnet and the textbook alone: made(rng) -> two answers."""

    def both(rng):
        ours, textbook = made(rng)
        return [ours, None, textbook]

    return both


def summarised(number, skewed=False):
    """Whether the interval of an arm's middle holds the truth: of 3 and 4 seeds the mean's."""
    truth = 0.0
    if skewed:
        of = stats.gamma(2)
        truth = 2 * of.expect(lambda x: x, *of.ppf([0.25, 0.75])) if number > 4 else 2.0

    def made(rng):
        scores = rng.gamma(2, size=number) if skewed else rng.normal(size=number)
        low, high = seeds.summary(scores, "higher").interval
        lowest, highest = bootstrap(rng, lambda drawn: stats.trim_mean(drawn, 0.25, axis=1), scores)
        return low <= truth <= high, lowest <= truth <= highest

    return of_seeds(made)


def difference_holds(number, gap=1.0, scatter=1.0):
    def made(rng):
        one, other = rng.normal(gap, scatter, size=number), rng.normal(size=number)
        low, high = seeds.difference(one, other, "higher").interval
        lowest, highest = bootstrap(rng, lambda a, b: (a - b).mean(axis=1), one, other)
        return low <= gap <= high, lowest <= gap <= highest

    return of_seeds(made)


def seeds_told(number, gap=0.0, failing=0.0):
    """Whether two arms are told apart, whose seeds fail with a chance; the textbook leaves these
    out, as many papers do."""

    def made(rng):
        one, other = rng.normal(gap, size=number), rng.normal(size=number)
        for arm in (one, other):
            arm[rng.random(number) < failing] = np.nan
        p = stats.ttest_ind(one, other, equal_var=False, nan_policy="omit").pvalue
        return seeds.difference(one, other, "higher").p < 0.05, p < 0.05

    return of_seeds(made)


def improvement_holds(number, gap):
    truth = stats.norm.cdf(gap / np.sqrt(2))

    def ahead(one, other):
        return (one[:, :, None] > other[:, None, :]).mean(axis=(1, 2))

    def made(rng):
        one, other = rng.normal(gap, size=number), rng.normal(size=number)
        low, high = seeds.improvement(one, other, "higher").interval
        lowest, highest = bootstrap(rng, ahead, one, other)
        return low <= truth <= high, lowest <= truth <= highest

    return of_seeds(made)


UNTIL, MEAN_MINUTES = 120.0, 60.0  # times of an exponential distribution, watched so long


def arrivals(rng, number, times=1.0):
    at = rng.exponential(MEAN_MINUTES * times, size=number)
    return np.minimum(at, UNTIL), at <= UNTIL


def time_difference_holds(number, times=1.5):
    def restricted(mean):
        return mean * -np.expm1(-UNTIL / mean)

    truth = restricted(MEAN_MINUTES * times) - restricted(MEAN_MINUTES)

    def made(rng):
        one, other = arrivals(rng, number, times), arrivals(rng, number)
        low, high = survival.time_difference(one, other, UNTIL).interval
        peer = bootstrap(rng, lambda a, b: (a - b).mean(axis=1), one[0], other[0])
        return low <= truth <= high, peer[0] <= truth <= peer[1]

    return of_seeds(made)


def times_told(number):
    def made(rng):
        one, other = arrivals(rng, number), arrivals(rng, number)
        found = stats.logrank(*(stats.CensoredData(t[d], right=t[~d]) for t, d in (one, other)))
        return survival.log_rank_p(one, other) < 0.05, found.pvalue < 0.05

    return of_seeds(made)


def ratio_holds(number, truth=1.5):
    def made(rng):
        one, other = (rng.lognormal(np.log(x), 0.4, size=number) for x in (truth, 1.0))
        low, high = survival.ratio(one, other).interval
        peer = bootstrap(rng, lambda a, b: a.mean(axis=1) / b.mean(axis=1), one, other)
        return low <= truth <= high, peer[0] <= truth <= peer[1]

    return of_seeds(made)


def ratio_of_some_holds(number, failing, truth=1.5):
    """Where a seed never gets there with a chance, as long as no more than a quarter do not: then
    of inter-quartile means, of which the textbook leaves these seeds out."""

    def drawn(rng, mean):
        while True:
            times = rng.lognormal(np.log(mean), 0.4, size=number)
            times[rng.random(number) < failing] = np.inf
            if np.isinf(times).mean() <= 0.25:
                return times

    def made(rng):
        one, other = drawn(rng, truth), drawn(rng, 1.0)
        while np.isfinite([one, other]).all():  # which other rows are about
            one, other = drawn(rng, truth), drawn(rng, 1.0)
        low, high = survival.ratio(one, other).interval
        there = (arm[np.isfinite(arm)] for arm in (one, other))
        peer = bootstrap(rng, lambda a, b: a.mean(axis=1) / b.mean(axis=1), *there)
        return low <= truth <= high, peer[0] <= truth <= peer[1]

    return of_seeds(made)


LEARNS = {"learns_at": 60.0, "learning": 15.0}
WOBBLES = {  # and how often equal runs may be told apart, by late races and by all
    "independent": (0.0, (None, 0.025), (None, 0.05)),
    "wobble 0.9": (0.9, (None, 0.05), (None, 0.1)),
    "wobble 0.97": (0.97, None, None),
}


def of_races(words, wobble, late, whole):
    """Rows of races that wobble so: name, made, and the shares between which it should be."""
    of = {"wobble": wobble}
    for n in (50, 60):
        made = tells("rate", 0.025, races=n, **of)
        yield f"equal rates, {n} races, {words}: p < 0.025", made, late
    for n in (140, 600):
        made = tells("rate", 0.05, races=n, **of)
        yield f"equal rates, {n} races, {words}: p < 0.05", made, whole
    made = tells("rate", 0.05, races=600, **of, **LEARNS)
    yield f"equal rates while learning, 600 races, {words}: p < 0.05", made, whole
    made = tells("rate", 0.025, {"rate": 0.45}, rate=0.97, races=50, **of)
    told = None if wobble > 0.9 else (0.8, None)
    yield f"97 against 45 %, 50 races, {words}: p < 0.025", made, told
    for n in (50, 150):
        made = tells("rate", 0.025, {"rate": 0.8}, rate=0.93, races=n, **of)
        yield f"93 against 80 %, {n} races, {words}: p < 0.025", made, None
    finished = {"rate": 1.0 - 1e-9} | of
    for n in (40, 120):
        made = tells("best_of_10", 0.025, races=n, **finished)
        yield f"equal best of ten, {n} races, {words}: p < 0.025", made, late
        made = tells("best_of_10", 0.025, {"floor": 24.2}, races=n, **finished)
        yield f"best of ten 0.3 s apart, {n} races, {words}: p < 0.025", made, (0.7, None)
    made = tells("best_of_10", 0.025, {"races": 250}, races=30, **finished)
    yield f"equal best of ten, 30 and 250 races, {words}: p < 0.025", made, late
    made = tells("best_of_10", 0.025, races=120, **of, **LEARNS)
    yield f"equal best of ten while learning, 120 races, {words}: p < 0.025", made, late
    made = tells("mean", 0.025, {"floor": 24.2}, races=120, **finished)
    yield f"mean 0.3 s apart, 120 races, {words}: p < 0.025", made, None
    for statistic in ("rate", "mean", "best_of_10"):
        for n in (60, 200):
            interval = f"95 % of {statistic} of {n} races, {words}"
            yield f"{interval}, as driven", holds(statistic, False, races=n, **of), (0.93, None)
            if wobble:
                made = holds(statistic, True, races=n, **of)
                asked = WIDE if wobble == 0.9 else None
                yield f"{interval}, what it wobbles around", made, asked


ROWS = {name: row for words, of in WOBBLES.items() for name, *row in of_races(words, *of)}
ROWS |= {
    **{f"95 % of the mean of {n} seeds": (summarised(n), WIDE) for n in (3, 4)},
    **{f"95 % of the IQM of {n} seeds": (summarised(n), WIDE) for n in (5, 10, 20)},
    **{f"95 % of the IQM of {n} seeds, skewed": (summarised(n, True), WIDE) for n in (5, 10)},
    **{
        f"95 % of the difference of {n} + {n} seeds": (difference_holds(n), WIDE)
        for n in (3, 5, 10)
    },
    "95 % of the difference of 5 + 5 seeds, of threefold scatter": (
        difference_holds(5, scatter=3.0), WIDE,
    ),
    **{f"equal arms, {n} + {n} seeds: p < 0.05": (seeds_told(n), (None, 0.05)) for n in (3, 5, 10)},
    "equal arms, 5 + 5 seeds of which a fifth fails: p < 0.05": (
        seeds_told(5, failing=0.2), (None, 0.05),
    ),
    "arms 2 SD apart, 5 + 5 seeds: p < 0.05": (seeds_told(5, 2.0), (0.7, None)),
    "arms 2 SD apart, 5 + 5 seeds of which a fifth fails: p < 0.05": (
        seeds_told(5, 2.0, 0.2), None,
    ),
    **{
        f"95 % of the probability of improvement, {n} + {n} seeds, {gap:g} SD": (
            improvement_holds(n, gap), (0.93, None),
        )
        for n in (3, 5, 10) for gap in (0, 1)
    },
    **{
        f"95 % of the difference of restricted mean times, {n} + {n} seeds": (
            time_difference_holds(n), WIDE,
        )
        for n in (5, 10)
    },
    "equal times to a level, 5 + 5 seeds: p < 0.05": (times_told(5), (None, 0.05)),
    **{f"95 % of the ratio of times, {n} + {n} seeds": (ratio_holds(n), WIDE) for n in (3, 5, 10)},
    **{
        f"95 % of the ratio of times, {n} + {n} seeds of which a tenth fails": (
            ratio_of_some_holds(n, 0.1), (0.93, None),
        )
        for n in (5, 10)
    },
}  # fmt: skip


def row(number, name, made, asked, repetitions):
    """How often tmnet says so, whether that is as asked, and how often the peers do."""
    start = time.perf_counter()
    found = [made(np.random.default_rng([number, i])) for i in range(repetitions)]
    ms = 1000 * (time.perf_counter() - start) / repetitions
    ours, *peers = zip(*found)
    shown = ["–" if peer[0] is None else f"{np.mean(peer):.1%}" for peer in peers]
    return name, *judged(sum(ours), repetitions, *(asked or (None, None))), *shown, f"{ms:.1f}"


def main(argv=None, doc=__doc__, of=ROWS) -> None:
    parser = options(doc)
    parser.add_argument("--repetitions", type=int, default=1000)
    arguments = parser.parse_args(argv)
    repetitions = 2 if arguments.smoke else arguments.repetitions
    head = ["of", "asked", "tmnet (95 % CI)", "of", "holds", "the formula, plainly"]
    rows = (row(number, name, *of[name], repetitions) for number, name in enumerate(of))
    print_table([*head, "the textbook", "ms"], rows)


if __name__ == "__main__":
    main()
