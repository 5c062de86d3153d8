"""What to train for a budget, what size costs, and whether longer would pay: none of it a claim."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.words import OF_95, name_of, say, say_gap, say_span
from tmnet.analysis.on_axis import network_of
from tmnet.analysis.statistics import trend
from tmnet.analysis.statistics.frontier import cost_slope
from tmnet.analysis.statistics.frontier import frontier as frontier_of
from tmnet.analysis.statistics.seeds import FEWEST
from tmnet.errors import TmnetError
from tmnet.logs.run import Run
from tmnet.networks.costs import costs

POINTS = 24  # of a curve that is to be continued, each of races of its own
BUDGETS = 10


def longer(evidence: Evidence) -> Iterator[Finding]:
    """What half as much training again is expected to bring single runs, where that can be told."""
    for name, run in evidence.runs.items() if not evidence.are_arms else ():
        end = evidence.end_of(run)
        ends = end * np.arange(1, POINTS + 1) / POINTS
        for metric in evidence.primary:
            if evidence.comparison.trailing_of(metric) is None or metric.span == "anytime":
                continue
            values = evidence.comparison.values_at(run, metric, ends, end / POINTS)
            limits = (0.0, 1.0) if metric.unit == "%" else (-np.inf, np.inf)
            better = metric.better or "higher"
            found = trend.longer(ends, values, better, *limits, seed=evidence.seed)
            if found is None:
                continue
            gain = say_gap(evidence, metric, found.gain)
            span = say_span(evidence, metric, found.interval)
            until = evidence.say_at(found.at)
            yield Finding(
                "longer", (name,), metric.name, found.at, found.gain, found.interval,
                f"{name}, {name_of(metric)}: half as much training again, to {until}, is expected "
                f"to bring {gain} (95 % CI {span}), if it goes on as it has.",
                axis=evidence.axis.by, details={"until": until, "expected": gain, OF_95: span},
            )  # fmt: skip


def frontier(evidence: Evidence) -> Iterator[Finding]:
    """Which arm is best at which budget, of arms with seeds enough."""
    arms = {arm: evidence.counted(arm) for arm in (evidence.baseline, *evidence.contrasted)}
    if not evidence.are_arms or len(arms) < 2 or min(map(len, arms.values())) < FEWEST:
        return
    grid = evidence.comparison.grid
    budgets = grid[np.unique(np.linspace(0, len(grid) - 1, BUDGETS).round().astype(int))]
    for metric in evidence.primary:
        values = {
            arm: np.array([evidence.comparison.values_at(run, metric, budgets) for run in runs])
            for arm, runs in arms.items()
        }
        found = frontier_of(values, metric.better or "higher", evidence.seed)
        told, details = [], {}
        stretches = groupby(range(len(budgets)), key=lambda i: found.best[i])
        for best, places in ((best, list(x)) for best, x in stretches):
            if best is None:
                continue
            likely = found.probability[best][places]
            shares = dict.fromkeys(f"{100 * x:.0f} %" for x in (likely.min(), likely.max()))
            share = " to ".join(shares)
            since = evidence.say_at(budgets[places[0]])
            until = evidence.say_at(budgets[places[-1]])
            when = f"at {since}" if len(places) == 1 else f"from {since} to {until}"
            told.append(f"{best} {when} (probability {share})")
            details[when] = f"{best}, {share}"
        if told:
            yield Finding(
                "frontier", tuple(arms), metric.name, evidence.end, None, None,
                f"{'Highest' if metric.better == 'higher' else 'Lowest'} {name_of(metric)} by the "
                f"middle of the seeds: {', '.join(told)}.",
                axis=evidence.axis.by, n={arm: len(runs) for arm, runs in arms.items()},
                details=details,
            )  # fmt: skip


def cost_of_size(evidence: Evidence) -> Iterator[Finding]:
    """How what a level costs grows with the number of parameters, of four sizes or more."""
    sizes = {name: size for name, run in evidence.runs.items() if (size := _parameters(run))}
    runs = [run for run in evidence.runs.values() if run.name not in evidence.left_out]
    if any(run.name not in sizes for run in runs):
        return
    for metric, level in evidence.thresholds.items():
        spent = []
        for run in runs:
            at = evidence.reached(metric, level, run)
            taken = None if at is None else evidence.spent(run, at)
            spent.append(np.inf if taken is None else taken.pflop)
        found = cost_slope([sizes[run.name] for run in runs], spent)
        if found is None:
            continue
        span = f"{found.interval.low:.2f} to {found.interval.high:.2f}".replace("-", "−")
        slope = f"{found.exponent:.2f}".replace("-", "−")
        what = f"{name_of(metric)} of {say(evidence, metric, level)}"
        yield Finding(
            "frontier", tuple(run.name for run in runs), metric.name, evidence.end,
            found.exponent, found.interval,
            f"{what}: its PFLOP grow with the number of parameters to the power of {slope} "
            f"(95 % CI {span}).",
            axis=evidence.axis.by, n={run.name: 1 for run in runs}, reason="size",
            details={"level": say(evidence, metric, level), "power": slope, OF_95: span},
        )  # fmt: skip


def _parameters(run: Run) -> int | None:
    """Of the network that a run logged; None where it logged none of ours."""
    try:
        return costs(network_of(run))["parameters"]
    except TmnetError:
        return None
