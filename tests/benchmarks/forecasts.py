"""How often what is said of crossings, of going longer, of budgets, sizes and knobs is so.

Run with ``python tests/benchmarks/forecasts.py [--repetitions 1000] [--smoke]``; one thread, an
hour. It prints the table of `coverage`: what is asked, what tmnet does, and what a textbook has,
which is a bootstrap of seeds.

The truth of a crossing is that of trailing curves without chance, of policies as they drove or of
what these wobble around, or of the mean of all seeds; that of going longer is how such a curve goes
on. Both intervals hold it in more than 95 %: that of a crossing since arms are further apart at the
next grid point, and intervals of few independent races are wide; that of going longer since it
grows by what the first half of the curve missed.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

from dataclasses import replace
from functools import cache

import coverage
import numpy as np
from coverage import DRAWS, PERCENTILES, UNTIL, WIDE, best_of, of_seeds
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import expit, logit
from simulation import LOST, Driven, Training, autoregressive, draw

import tmnet
from tmnet.analysis.findings.claims import tested
from tmnet.analysis.findings.contrasts import contrast, questions
from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.outlook import POINTS
from tmnet.analysis.findings.overtaking import crossover
from tmnet.analysis.statistics import trend
from tmnet.analysis.statistics.effects import effects
from tmnet.analysis.statistics.frontier import cost_slope, frontier

AT_LEAST = 0.93, None  # asked of intervals that may be too wide
POPULATION = 100  # seeds that stand for all that an arm might have had


def by_us(made):
    """A row of tmnet alone: made(rng) -> whether it is so."""
    return lambda rng: [made(rng), None, None]


# --- crossings ------------------------------------------------------------------------------------


def overtaken(trainings, number, statistic, rng):
    """That the second of two trainings overtakes the first, as it is found, None where it is not;
    and the races of both. Of single runs, or of so many seeds each."""
    runs, driven = {}, {}
    for name, training in zip("ab", trainings):
        seeds = training.seeds(number, rng) if number else [training]
        drawn = [draw(of, f"{name}{i}", rng) for i, of in enumerate(seeds)]
        runs[name], driven[name] = ([*x] for x in zip(*drawn))
    comparison = tmnet.compare(runs if number else [run for (run,) in runs.values()])
    evidence = Evidence(comparison, {}, primary=[f"A01/eval/late_{statistic}"])
    asked = questions(evidence)
    answers = [contrast(*pair) for pair in zip(asked, tested(asked, [], [])[0])]
    found = [x for x in crossover(evidence, answers) if x.runs[0].startswith("b")]
    return found[0] if found else None, [of["eval"] for (of, *_) in driven.values()]


def true_curve(driven, statistic, window, around):
    """Over the trailing windows of all minutes, (minutes,)."""
    minute, ends = driven.minute, np.arange(1, UNTIL + 1)
    behind = ((minute > end - window) & (minute <= end) for end in ends)
    return np.array([driven.true(statistic, which, around) for which in behind])


@cache
def curve_around(training, seeds, statistic, window):
    """What the policies of a training wobble around, or those of all its seeds on average."""
    rng = np.random.default_rng(0)
    every = training.seeds(POPULATION, rng) if seeds else [training]
    driven = [Driven(replace(of, races=600), "eval", rng) for of in every]
    return np.mean([true_curve(of, statistic, window, True) for of in driven], axis=0)


def crossing(one, other, statistic):
    """When the other curve crossed the one for the last time; NaN if it never did."""
    lead = other - one if statistic == "rate" else one - other
    behind = np.flatnonzero(lead[:-1] < 0)
    if not len(behind):
        return np.nan
    last = behind[-1]
    return last + 1 + lead[last] / (lead[last] - lead[last + 1])


def crossing_holds(trainings, number=0, statistic="rate", as_driven=False):
    """Where overtaking is told."""

    def made(rng):
        found = None
        while found is None:
            found, driven = overtaken(trainings, number, statistic, rng)
        if as_driven:
            curves = [true_curve(of, statistic, found.window, False) for of in driven]
        else:
            of = bool(number), statistic, round(found.window)
            curves = [curve_around(training, *of) for training in trainings]
        low, high = found.uncertainty
        return low <= crossing(*curves, statistic) <= high

    return by_us(made)


def crossing_told(trainings, number=0, statistic="rate"):
    return by_us(lambda rng: overtaken(trainings, number, statistic, rng)[0] is not None)


def two(other, **true):
    """Two trainings, of which the other differs in this."""
    one = Training(**{"rate": 0.5, "learns_at": 20.0, **true})
    return one, replace(one, **other)


LATER = {"rate": 0.97, "learns_at": 60.0, "learning": 15.0}
AT_ONCE = {"rate": 0.97, "learns_at": 70.0}
SLOWLY = {"rate": 0.85, "learns_at": 50.0, "learning": 20.0}
FASTER = {"floor": 24.0, "learns_at": 60.0, "learning": 15.0}
NEVER_BEHIND = {"rate": 0.97}

# --- going longer ---------------------------------------------------------------------------------


def power_law(limit, a, b):
    return lambda t: limit - a * t**-b


def approach(length):
    return lambda t: 0.9 - 0.8 * np.exp(-t / length)


def sigmoid(middle, width):
    return lambda t: 0.9 * expit((t - middle) / width)


RISING = {  # finish rates; the end of the run is at 1
    "0.9 - 0.3 t^-0.5": power_law(0.9, 0.3, 0.5),
    "0.95 - 0.1 t^-0.5": power_law(0.95, 0.1, 0.5),
    "1 - 0.4 t^-0.3": power_law(1.0, 0.4, 0.3),
    "a plateau of 80 %": lambda t: 0.8 + 0 * t,
}
OTHERWISE = {
    "a line from 10 to 70 %": lambda t: 0.1 + 0.6 * t,
    "a line from 50 to 70 %": lambda t: 0.5 + 0.2 * t,
    "a line from 80 to 60 %": lambda t: 0.8 - 0.2 * t,
    "an S-curve, over at a half": sigmoid(0.25, 0.05),
    "an S-curve, over at the end": sigmoid(0.5, 0.1),
    "an S-curve, half of it at the end": sigmoid(0.9, 0.1),
    "an exponential approach, over": approach(0.1),
    "an exponential approach, not over": approach(0.5),
}


def rates(curve, t, wobble):
    """Of a curve at t (races,), as the policy wobbles (…, races) around it: (…, races)."""
    return expit(logit(np.clip(curve(np.maximum(t, 1e-6)), 1e-9, 1 - 1e-9)) + wobble)


def forecast(curve, races, wobble, rng):
    """What longer training brings, as it is told of some races; None where it is not."""
    wobbles = autoregressive(rng, races, wobble) if wobble else np.zeros(races)
    finished = rng.random(races) < rates(curve, (np.arange(races) + 0.5) / races, wobbles)
    ends = np.arange(1, POINTS + 1) / POINTS
    return trend.longer(ends, finished.reshape(POINTS, -1).mean(axis=1), "higher", 0.0, 1.0)


def true_gain(curve, wobble):
    nodes, weight = hermegauss(15) if wobble else (np.zeros(1), np.ones(1))
    before = (np.arange(200) + 0.5) / 200 / POINTS  # as long as the trailing window
    last, later = (
        (rates(curve, end - before, nodes[:, None]).mean(axis=1) @ weight) / weight.sum()
        for end in (1.0, trend.MORE)
    )
    return later - last


def forecast_holds(curve, races, wobble):
    """Where it is told."""
    truth = true_gain(curve, wobble)

    def made(rng):
        found = None
        while found is None:
            found = forecast(curve, races, wobble, rng)
        return found.interval.holds(truth)

    return by_us(made)


def forecast_of_times_holds(races):
    """Where it is told, of the best of ten of races that all finish."""
    curve = power_law(24.5, -0.5, 0.5)
    ends = np.arange(1, POINTS + 1) / POINTS
    before = (np.arange(200) + 0.5) / 200 / POINTS
    truth = (curve(trend.MORE - before) - curve(1 - before)).mean()

    def made(rng):
        found = None
        while found is None:
            times = curve((np.arange(races) + 0.5) / races) + LOST * rng.exponential(size=races)
            points = [best_of(of_point) for of_point in times.reshape(POINTS, -1)]
            found = trend.longer(ends, points, "lower")
        return found.interval.holds(truth)

    return by_us(made)


def forecast_told(curve, races, wobble, wrongly=False):
    """Whether it is told; or told, and not so."""
    truth = true_gain(curve, wobble)

    def made(rng):
        found = forecast(curve, races, wobble, rng)
        return found is not None and not (wrongly and found.interval.holds(truth))

    return by_us(made)


# --- sizes, budgets, knobs ------------------------------------------------------------------------


def slope_holds(sizes, number, truth=0.7, scatter=0.3, budget=np.inf):
    """Of the cost of a level by size, each of some seeds; where all stay within the budget."""
    parameters = np.repeat(2.0 ** np.arange(sizes), number)

    def made(rng):
        costs = np.exp(rng.normal(truth * np.log(parameters), scatter))
        while costs.max() > budget:
            costs = np.exp(rng.normal(truth * np.log(parameters), scatter))
        low, high = cost_slope(parameters, costs).interval
        numbers = rng.integers(len(costs), size=(DRAWS, len(costs)))
        x, y = (np.log(z)[numbers] for z in (parameters, costs))
        x, y = (z - z.mean(axis=1, keepdims=True) for z in (x, y))
        there = x.any(axis=1)  # not one size alone
        slopes = (x * y).sum(axis=1)[there] / (x**2).sum(axis=1)[there]
        peer = np.percentile(slopes, PERCENTILES)
        return low <= truth <= high, peer[0] <= truth <= peer[1]

    return of_seeds(made)


def likely_best(number, arms=2):
    """Whether one of some arms that are alike is the best with 97.5 %."""

    def made(rng):
        values = rng.normal(size=(arms, number))
        found = frontier(dict(enumerate(values[..., None])), "higher").probability
        numbers = rng.integers(number, size=(DRAWS, arms, number))
        drawn = np.take_along_axis(values[None], numbers, axis=2).mean(axis=2)
        share = np.bincount(drawn.argmax(axis=1), minlength=arms) / DRAWS
        return max(x[0] for x in found.values()) >= 0.975, share.max() >= 0.975

    return of_seeds(made)


def is_the_best(number, apart=1.0):
    """Whether that of two arms is the better which is said to be with 90 % or more; arms differ by
    so many standard deviations, more or less."""

    def best(rng, ours):
        while True:
            gap = rng.normal(0, apart)
            one, other = rng.normal(gap, size=number), rng.normal(size=number)
            if ours:
                found = frontier({"one": one[:, None], "other": other[:, None]}, "higher")
                share = found.probability["one"][0]
            else:
                numbers = rng.integers(number, size=(2, DRAWS, number))
                share = (one[numbers[0]].mean(axis=1) > other[numbers[1]].mean(axis=1)).mean()
            if not 0.1 < share < 0.9:
                return (share > 0.5) == (gap > 0)

    return of_seeds(lambda rng: (best(rng, True), best(rng, False)))


def effect_holds(knobs, number, half=False, single=False, wider=1.0):
    """Of the first knob, which does 1.0; of the others each half as much as the one before. Where
    it is high, seeds scatter so many times as much."""
    signs = np.array([
        row for row in np.ndindex(*(2,) * knobs) if not half or sum(row) % 2 == 0
    ])  # fmt: skip
    if single:
        signs = np.vstack([np.zeros(knobs, int), np.eye(knobs, dtype=int)])
    means = signs @ 0.5 ** np.arange(knobs)
    scatter = np.where(signs[:, :1] == 1, wider, 1.0)
    plus, minus = (signs[:, 0] == 1), signs[:, 0] == 0
    if single:
        minus = np.arange(len(signs)) == 0

    def made(rng):
        values = means[:, None] + scatter * rng.normal(size=(len(means), number))
        arms = [({f"k{i}": level for i, level in enumerate(row)}, seeds_of)
                for row, seeds_of in zip(signs.tolist(), values)]  # fmt: skip
        low, high = effects(arms).effects[0].interval
        drawn = rng.integers(number, size=(DRAWS, *values.shape))
        drawn = np.take_along_axis(values[None], drawn, axis=2).mean(axis=2)
        peer = np.percentile(
            drawn[:, plus].mean(axis=1) - drawn[:, minus].mean(axis=1), PERCENTILES
        )
        return low <= 1.0 <= high, peer[0] <= 1.0 <= peer[1]

    return of_seeds(made)


CROSSINGS = {
    "races independent": (two(LATER), 0),
    "each keeps 0.9": (two(LATER, wobble=0.9), 0),
    "the other learns at once": (two(AT_ONCE), 0),
    "the other learns at once, 140 races": (two(AT_ONCE, races=140), 0),
    "the other gets little better, and slowly": (two(SLOWLY), 0),
    **{f"{n} + {n} seeds": (two(LATER), n) for n in (3, 5, 10)},
    "5 + 5 seeds, the other learns at once": (two(AT_ONCE), 5),
    "best of ten": (two(FASTER, rate=0.999), 0, "best_of_10"),
}
DRIVEN = {
    "600 races": (600, 0.0),
    "600 races, each keeps 0.9": (600, 0.9),
    "2,400 races": (2400, 0),
}
ROWS = {
    **{
        f"95 % of a crossing: {words}": (crossing_holds(*of), AT_LEAST)
        for words, of in CROSSINGS.items()
    },
    "95 % of a crossing: each keeps 0.9, as driven": (
        crossing_holds(two(LATER, wobble=0.9), as_driven=True), AT_LEAST,
    ),
    **{
        f"overtaking is told: {words}": (crossing_told(*of), None)
        for words, of in CROSSINGS.items()
    },
    **{
        f"overtaking is told of who was never behind: {words}": (
            crossing_told(two(NEVER_BEHIND, **of), n), (None, 0.05),
        )
        for words, of, n in (
            ("races independent", {}, 0), ("each keeps 0.9", {"wobble": 0.9}, 0),
            ("5 + 5 seeds", {}, 5),
        )
    },
    **{
        f"95 % of what longer brings: {shape}, {words}": (forecast_holds(curve, *of), AT_LEAST)
        for shape, curve in RISING.items() for words, of in DRIVEN.items()
    },
    **{
        f"95 % of what longer brings: best of ten, 24.5 + 0.5 t^-0.5 s, {races:,} races": (
            forecast_of_times_holds(races), AT_LEAST,
        )
        for races in (600, 2400)
    },
    **{
        f"longer is told: {shape}, {words}": (forecast_told(curve, *of), None)
        for shape, curve in RISING.items() for words, of in DRIVEN.items()
    },
    **{
        f"longer is told: {shape}, 600 races": (forecast_told(curve, 600, 0.0), None)
        for shape, curve in OTHERWISE.items()
    },
    **{
        f"longer is told wrongly: {shape}, {words}": (
            forecast_told(curve, *of, wrongly=True), (None, 0.05),
        )
        for shape, curve in OTHERWISE.items() for words, of in DRIVEN.items()
    },
    **{
        f"95 % of the power by which costs grow, {sizes} sizes with {n}": (
            slope_holds(sizes, n), WIDE,
        )
        for sizes, n in ((4, 1), (4, 3), (6, 1))
    },
    "95 % of the power by which costs grow, 4 sizes with 3, a budget that half of them keep": (
        slope_holds(4, 3, budget=6.1), None,
    ),
    **{
        f"{arms} equal arms of {n} seeds, one best with 97.5 %": (
            likely_best(n, arms), (None, 0.05),
        )
        for arms, n in ((2, 3), (2, 5), (2, 10), (4, 3), (4, 5))
    },
    **{
        f"best with 90 % or more, of {n} + {n} seeds: is the better": (is_the_best(n), (0.9, None))
        for n in (3, 5, 10)
    },
    "95 % of an effect, full factorial of 2 knobs with 3 seeds": (effect_holds(2, 3), WIDE),
    "95 % of an effect, full factorial of 3 knobs with 2 seeds": (effect_holds(3, 2), WIDE),
    "95 % of an effect, half factorial of 4 knobs with 2 seeds": (
        effect_holds(4, 2, half=True), WIDE,
    ),
    "95 % of an effect, small plus one of 4 knobs with 3 seeds": (
        effect_holds(4, 3, single=True), WIDE,
    ),
    "95 % of an effect, full factorial of 2 knobs with 3 seeds, of threefold scatter": (
        effect_holds(2, 3, wider=3.0), None,
    ),
    "95 % of an effect, small plus one of 4 knobs with 3 seeds, of threefold scatter": (
        effect_holds(4, 3, single=True, wider=3.0), None,
    ),
}  # fmt: skip


def main(argv=None) -> None:
    coverage.main(argv, __doc__, ROWS)


if __name__ == "__main__":
    main()
