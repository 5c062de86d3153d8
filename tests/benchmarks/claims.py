"""How often findings claim what is not so, and what is; and whether their intervals hold the truth.

Run with ``python tests/benchmarks/claims.py [--repetitions 1000] [--processes 2] [--situations
TEXT …] [--smoke]``; about two minutes for a hundred repetitions. Whole trainings are drawn, of
which the truth is known, and what `findings` says of them is counted: everything that stands out
is a claim.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from multiprocessing import get_context
from typing import NamedTuple
from zlib import crc32

import numpy as np
from measuring import judged, options, print_table
from scipy.special import expit, logit
from scipy.stats import trim_mean
from simulation import NEVER, SCATTER, Driven, Training, draw

import tmnet
from tmnet.analysis.axis import Axis
from tmnet.analysis.metrics import Metric
from tmnet.progress import progress_bar

GOING_ON = ("after", "plateau", "longer")  # kinds of findings
JUDGED = ("late", "contrast", "after")  # of which intervals are
LOOKS = range(5, 121, 5)  # minutes at which somebody looks who cannot wait
BETWEEN, AT_LEAST = (0.93, 0.97), (0.93, None)  # asked of 95 % intervals
LEARNING = {"learns_at": 60.0, "learning": 15.0}  # all the way through the window

Trainings = dict[str, Training] | dict[str, list[Training]]  # runs, or arms with their seeds


class Situation(NamedTuple):
    """What is drawn, and which share of repetitions may have, or should have, a claim.

    Attributes
    ----------
    trainings : callable
        (generator) -> what is true of runs, or of the seeds of arms; the first is the baseline.
    claim : str
        Which claims count: "any"; "contrast" for all but those of going on, "going on" for these
        alone; or a contrast of one statistic.
    most, least : float or None
        The share that is asked, of which there is one at most.
    by : str
    after, primary : float or None, list of str or None
        As `findings` has them.
    looks : sequence of float or None
        Ends of the windows that are looked at, in place of the one at the end.
    truths : sequence of str
        Of what intervals are to hold the truth, too: of the races "as driven", of what these wobble
        "around", of all "seeds" that an arm might have had.
    """

    trainings: Callable[[np.random.Generator], Trainings]
    claim: str = "any"
    most: float | None = None
    least: float | None = None
    by: str = "time"
    after: float | None = None
    primary: Sequence[str] | None = None
    looks: Sequence[float] | None = None
    truths: Sequence[str] = ()

    def counts(self, kind: str, statistic: str) -> bool:
        """Whether a claim of this kind counts."""
        match self.claim:
            case "any":
                return True
            case "contrast":
                return kind not in GOING_ON
            case "going on":
                return kind in GOING_ON
        return kind == "contrast" and statistic == self.claim


def pair(other=None, **true) -> Callable[[np.random.Generator], Trainings]:
    """Two runs, of which the other differs in this."""
    one = Training(**true)
    return lambda rng: {"a": one, "b": replace(one, **(other or {}))}


def arms(number: int, other=None, failing=0, **true) -> Callable[[np.random.Generator], Trainings]:
    """Two arms of so many seeds, of which the other differs in this, and some never finish."""
    one = Training(**{"learns_at": 10.0, "races": 600, **true})

    def drawn(rng: np.random.Generator) -> Trainings:
        seeds = [*one.seeds(number, rng), *replace(one, **(other or {})).seeds(number, rng)]
        for i in rng.choice(2 * number, failing, replace=False):
            seeds[i] = replace(seeds[i], rate=NEVER)
        return {"a": seeds[:number], "b": seeds[number:]}

    return drawn


def one_run(**true) -> Callable[[np.random.Generator], Trainings]:
    return lambda rng: {"a": Training(**true)}


FROZEN = {"learns_at": 20.0, "frozen_at": 40.0}  # of which after 40 nothing is to be gained
SLOW_TO_START = {"learns_at": 70.0}
FASTER = {"floor": Training().floor - 2 * SCATTER[1]}  # by two standard deviations of seeds
MORE_RELIABLE = {"rate": float(expit(logit(Training().rate) + 2 * SCATTER[0]))}
WOBBLES = {"independent": 0.0, "wobble 0.9": 0.9, "wobble 0.97": 0.97}
MOST = {"independent": 0.05, "wobble 0.9": 0.1, "wobble 0.97": None}
TRUTHS = {"independent": ["as driven"], "wobble 0.9": ["as driven", "around"], "wobble 0.97": []}

SITUATIONS = {
    f"two equal runs, {races} races, {name}": Situation(
        pair(races=races, wobble=wobble), most=MOST[name], truths=TRUTHS[name]
    )
    for races in (140, 600)
    for name, wobble in WOBBLES.items()
}
SITUATIONS |= {
    f"two equal runs that learn, 600 races, {name}": Situation(
        pair(wobble=wobble, **LEARNING), "contrast", most=MOST[name], truths=TRUTHS[name]
    )
    for name, wobble in WOBBLES.items()
}
SITUATIONS |= {
    "four equal runs": Situation(lambda rng: dict.fromkeys("abcd", Training()), most=0.05),
    "two equal runs at unequal paces, by step": Situation(
        pair({"pace": 4000.0}), most=0.05, by="step"
    ),
    "two equal runs at unequal paces, by relative step": Situation(
        pair({"pace": 4000.0}), most=0.05, by="relative_step"
    ),
    "two equal runs at unequal paces, by FLOPs": Situation(
        pair({"pace": 4000.0}), most=0.05, by="flops"
    ),
    "one starts to learn later, and ends equal": Situation(
        pair(SLOW_TO_START, learns_at=20.0), "contrast", most=0.05
    ),
    "one starts from a checkpoint, and is better": Situation(
        pair({"first_step": 500_000, "rate": 0.95, "floor": 23.5}, learns_at=20.0),
        "contrast", most=0.05,
    ),
    "3 + 3 equal seeds": Situation(arms(3), most=0.05, truths=["seeds"]),
    "5 + 5 equal seeds": Situation(arms(5), most=0.05, truths=["seeds"]),
    "5 + 5 equal seeds, wobble 0.9": Situation(arms(5, wobble=0.9), most=0.05, truths=["seeds"]),
    "5 + 5 equal seeds, one of which never finishes": Situation(arms(5, failing=1), most=0.05),
    "5 + 5 equal seeds, by step": Situation(arms(5), most=0.05, by="step"),
    "frozen at 40 min, 600 races, after 60": Situation(one_run(**FROZEN), "going on", most=0.05),
    "frozen at 40 min, 600 races, after 40": Situation(
        one_run(**FROZEN), "going on", most=0.05, after=40.0
    ),
    "frozen at 40 min, 140 races, after 60": Situation(
        one_run(races=140, **FROZEN), "going on", most=0.05
    ),
    "as good from the start, 600 races, after 60": Situation(
        one_run(), "going on", most=0.05, truths=["as driven"]
    ),
    "as good from the start, wobble 0.9, after 60": Situation(
        one_run(wobble=0.9), "going on", most=0.1, truths=["as driven", "around"]
    ),
    "two equal runs, looked at every 5 min": Situation(pair(), "contrast", looks=LOOKS),
    "two equal runs, wobble 0.9, looked at every 5 min": Situation(
        pair(wobble=0.9), "contrast", looks=LOOKS
    ),
    "97 against 45 %, 140 races, wobble 0.5": Situation(
        pair({"rate": 0.45}, rate=0.97, races=140, wobble=0.5), "late_rate", least=0.8
    ),
    "97 against 45 %, 140 races, wobble 0.9": Situation(
        pair({"rate": 0.45}, rate=0.97, races=140, wobble=0.9), "late_rate"
    ),
    "93 against 80 %, 140 races": Situation(
        pair({"rate": 0.8}, rate=0.93, races=140), "late_rate"
    ),
    "93 against 80 %, 600 races": Situation(pair({"rate": 0.8}, rate=0.93), "late_rate"),
    "0.3 s faster, 140 races": Situation(
        pair({"floor": 24.2}, races=140), "late_best_of_10"
    ),
    "0.3 s faster, 600 races": Situation(pair({"floor": 24.2}), "late_best_of_10"),
    "5 + 5 seeds, faster by 2 SD": Situation(arms(5, FASTER), "late_best_of_10"),
    "5 + 5 seeds, faster by 2 SD, the one primary metric": Situation(
        arms(5, FASTER), "late_best_of_10", least=0.7, primary=["A01/eval/late_best_of_10"]
    ),
    "5 + 5 seeds, faster and more reliable by 2 SD": Situation(
        arms(5, FASTER | MORE_RELIABLE), "contrast", least=0.7
    ),
    "gains while it learns at 70 min, after 40": Situation(
        one_run(learns_at=70.0), "going on", after=40.0
    ),
}  # fmt: skip


# --- one repetition -------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What one repetition came to.

    Attributes
    ----------
    claims : list of (str, str)
        Kind and statistic of what stands out, of that which counts.
    held : list of ((str, str, str), int)
        Kind, statistic and which truth of an interval; and whether it lies below that (-1), holds
        it (0), or lies above (1).
    """

    claims: list[tuple[str, str]]
    held: list[tuple[tuple[str, str, str], int]]


def repetition(name: str, number: int) -> Outcome:
    """Draw a situation once, and judge what is found."""
    situation = SITUATIONS[name]
    rng = np.random.default_rng([crc32(name.encode()), number])
    driven: dict[str, dict[str, Driven]] = {}

    def drawn(training: Training, run: str):
        made, driven[run] = draw(training, run, rng)
        return made

    runs: dict | list = {}
    for label, true in situation.trainings(rng).items():
        if isinstance(true, Training):
            runs = [*runs, drawn(true, label)]
        else:
            runs[label] = [drawn(seed, f"{label}{i}") for i, seed in enumerate(true)]
    claims, held = [], []
    for end in situation.looks or [None]:
        window = None if end is None else (0.0, float(end))
        comparison = tmnet.compare(runs, by=situation.by, window=window)
        # to reach a level is no claim: {}
        for finding in comparison.findings({}, situation.after, primary=situation.primary):
            statistic = (finding.metric or "").rpartition("/")[2]
            if finding.stands_out and situation.counts(finding.kind, statistic):
                claims.append((finding.kind, statistic))
            judged_here = finding.uncertainty and finding.axis == situation.by
            for of in situation.truths if judged_here else ():
                truth = true_value(finding, comparison, situation.after, driven, of)
                if truth is not None:
                    low, high = finding.uncertainty
                    off = int(low > truth) - int(high < truth)
                    held.append(((finding.kind, statistic, of), off))
    return Outcome(claims, held)


def true_value(finding, comparison, after, driven, of: str) -> float | None:
    """What the value of a finding of late races estimates; None for others."""
    metric = Metric.named(finding.metric or "")
    races = metric.races
    if finding.kind not in JUDGED or not races or not races.statistic.startswith("late_"):
        return None
    statistic = races.statistic.removeprefix("late_")
    if of == "seeds":
        if finding.kind == "late":
            return of_all_seeds(statistic, len(comparison.arms[finding.runs[0]]))
        return 0.0 if finding.kind == "contrast" else None  # all seeds are of one kind
    runs = {run.name: run for run in comparison.runs}
    axis = Axis(finding.axis)

    def late(name: str, end: float) -> float:
        at = axis.of(runs[name]).races(races).at
        last = (at > end - finding.window) & (at <= end)
        return driven[name][races.kind].true(statistic, last, around=of == "around")

    value = late(finding.runs[0], finding.moment)
    if finding.kind == "contrast":
        return value - late(finding.runs[1], finding.moment)
    if finding.kind == "after":  # positive is better
        before = late(finding.runs[0], comparison.middle if after is None else after)
        return value - before if metric.better == "higher" else before - value
    return value


@cache
def of_all_seeds(statistic: str, number: int) -> float:
    """The middle of all seeds that an arm of so many might have had: from 5 on their IQM."""
    rng = np.random.default_rng(0)
    every = Training(races=60).seeds(2000, rng)
    late = [Driven(seed, "eval", rng).true(statistic, np.ones(60, bool)) for seed in every]
    return float(np.mean(late) if number < 5 else trim_mean(late, 0.25))


# --- the table ------------------------------------------------------------------------------------


def told(name: str, outcomes: Sequence[Outcome]) -> Iterator[list[str]]:
    """Rows of a situation: its claims, then its intervals."""
    situation, n = SITUATIONS[name], len(outcomes)
    count = sum(bool(outcome.claims) for outcome in outcomes)
    kinds = Counter(claim for outcome in outcomes for claim in set(outcome.claims))
    which = [f"{kind} {statistic} {k / n:.1%}" for (kind, statistic), k in kinds.most_common(4)]
    what = f"claims: {situation.claim}"
    yield [name, what, *judged(count, n, situation.least, situation.most), ", ".join(which)]
    held: dict[tuple[str, str, str], list[int]] = {}
    for outcome in outcomes:
        for interval, where in outcome.held:
            held.setdefault(interval, []).append(where)
    for (kind, statistic, of), where in held.items():
        below, within, above = (where.count(x) for x in (-1, 0, 1))
        off = f"below the truth {below / len(where):.1%}, above {above / len(where):.1%}"
        measured = judged(within, len(where), *(AT_LEAST if of == "as driven" else BETWEEN))
        yield [name, f"95 % of {kind} {statistic}, {of}", *measured, off]


def rows(names: Sequence[str], repetitions: int, processes: int) -> Iterator[list[str]]:
    with contextlib.ExitStack() as stack:
        spread = map
        if processes > 1:
            pool = ProcessPoolExecutor(processes, get_context("spawn"))
            spread = partial(stack.enter_context(pool).map, chunksize=5)
        for name in names:
            # each look is as long as a repetition
            number = -(-repetitions // 10) if SITUATIONS[name].looks else repetitions
            outcomes = spread(partial(repetition, name), range(number))
            yield from told(name, list(progress_bar(outcomes, desc=name, total=number)))


def main(argv=None) -> None:
    parser = options(__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--situations", nargs="+", default=[""], help="parts of their names")
    arguments = parser.parse_args(argv)
    names = [name for name in SITUATIONS if any(part in name for part in arguments.situations)]
    head = ["situation", "share with", "asked", "measured (95 % CI)", "of", "holds", "which"]
    repetitions = 1 if arguments.smoke else arguments.repetitions
    print_table(head, rows(names, repetitions, arguments.processes))


if __name__ == "__main__":
    main()
