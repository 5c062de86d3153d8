"""Where a comparison may mislead, the heaviest first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.words import counted, how_many, listed, name_of, races_of
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics.races import FEWEST as FEWEST_RACES
from tmnet.analysis.statistics.seeds import FEWEST as FEWEST_SEEDS
from tmnet.logs.config import positive, section
from tmnet.logs.run import Run

FEW_SEEDS = 5
FEW_RACES = 50  # of these a rate of 45 % is told from one of 97 %, but not 80 from 93 %


def cautions(evidence: Evidence) -> Iterator[Finding]:
    for kind in (
        _few_seeds, _copies, _nothing_to_compare, _lacking, _losses_of_different_n, _different_maps,
        _other_starts, _early_ends, _few_races, _without_values,
    ):  # fmt: skip
        yield from kind(evidence)


def _caution(
    evidence: Evidence, reason: str, runs: tuple[str, ...], value: float | None, sentence: str,
    metric: Metric | None = None, of_runs: dict[str, str] | None = None,
) -> Finding:  # fmt: skip
    return Finding(
        "caution", runs, metric.name if metric else None, evidence.end, value, None, sentence,
        axis=evidence.axis.by, of_runs=of_runs or {}, reason=reason,
    )  # fmt: skip


def _few_seeds(evidence: Evidence) -> Iterator[Finding]:
    if not evidence.are_arms:
        if len(evidence.runs) > 1:
            yield _caution(
                evidence, "seeds", tuple(evidence.runs), 1.0,
                "One seed each: another seed of the same experiment may differ by more than these "
                "runs do. What is said holds in these runs, not of their experiments.",
            )  # fmt: skip
        return
    few = {arm: len(evidence.counted(arm)) for arm in evidence.subjects}
    few = {arm: n for arm, n in few.items() if n < FEW_SEEDS}
    if few:
        alike: dict[int, list[str]] = {}
        for arm, n in few.items():
            alike.setdefault(n, []).append(arm)
        told = listed([
            f"{listed(arms)} {'has' if len(arms) == 1 else 'each have'} {how_many(n, 'seed')}"
            for n, arms in alike.items()
        ])  # fmt: skip
        then = (
            f"of fewer than {FEWEST_SEEDS} nothing is claimed"
            if min(few.values()) < FEWEST_SEEDS
            else "of so few only large differences can be told"
        )
        yield _caution(
            evidence, "seeds", tuple(few), float(min(few.values())), f"{told}: {then}.",
            of_runs={arm: how_many(n, "seed") for arm, n in few.items()},
        )  # fmt: skip


def _copies(evidence: Evidence) -> Iterator[Finding]:
    copies = evidence.copies
    if copies:
        told = listed([f"{name} is a copy of {original}" for name, original in copies.items()])
        yield _caution(
            evidence, "copies", tuple(copies), float(len(copies)),
            f"{told}, to the last digit: a copy is no seed of its own, and in no contrast.",
            of_runs={name: f"of {original}" for name, original in copies.items()},
        )  # fmt: skip


def _nothing_to_compare(evidence: Evidence) -> Iterator[Finding]:
    others = [arm for arm in evidence.subjects if arm != evidence.baseline]
    if not others:
        return
    if not evidence.primary:
        because = "a single run's other scalars have no interval"
        advice = ""
        if evidence.are_arms:
            because = "no primary metric is declared"
            advice = " Declare one of their scalars as primary."
        yield _caution(
            evidence, "primary", tuple(evidence.subjects), None,
            f"These runs have no races, and {because}: nothing is claimed of them.{advice}",
        )  # fmt: skip
    elif not evidence.contrasted:
        why = dict.fromkeys(f"{name}: {why}" for name, why in evidence.left_out.items())
        yield _caution(
            evidence, "contrasts", tuple(evidence.subjects), None,
            f"Nothing is compared with {evidence.baseline} ({'; '.join(why)}).",
        )  # fmt: skip


def _lacking(evidence: Evidence) -> Iterator[Finding]:
    """Who cannot be compared by primary metrics."""
    lacking: dict[tuple[str, ...], list[Metric]] = {}
    for metric in evidence.primary if evidence.contrasted else ():
        arms = tuple(
            arm
            for arm in (evidence.baseline, *evidence.contrasted)
            if not any(evidence.has(metric, run) for run in evidence.counted(arm))
        )
        if arms:
            lacking.setdefault(arms, []).append(metric)
    for arms, metrics in lacking.items():
        has, is_ = ("has", "is") if len(arms) == 1 else ("have", "are")
        yield _caution(
            evidence, "lacking", arms, None,
            f"{listed(arms)} {has} no {listed([name_of(metric) for metric in metrics], 'or')}, and "
            f"{is_} in no contrast of {'it' if len(metrics) == 1 else 'these'}.", metrics[0],
        )  # fmt: skip


def _losses_of_different_n(evidence: Evidence) -> Iterator[Finding]:
    metric = next((x for x in evidence.comparison.metrics if x.name == "loss"), None)
    if metric is None or not evidence.comparison.misleads(metric):
        return
    told = []
    for name, run in evidence.runs.items():
        n = positive(section(run.config, "neural_network").get("iqn_n"))
        value = evidence.value_at_end(metric, run)
        if n and np.isfinite(value):
            end = evidence.end_of(run)
            when = (
                f" at {evidence.say_at(end)}"
                if evidence.comparison.ended(run, evidence.end)
                else ""
            )
            told.append((name, value / n, f"{value / n:.2f} ({value:.2f} / {n}){when}"))
    if told:
        yield _caution(
            evidence, "loss", tuple(name for name, *_ in told), min(x for _, x, _ in told),
            "The loss grows with the number of quantiles, which differs: compare the loss per "
            f"quantile. At {evidence.say_at(evidence.end)} it is: "
            f"{', '.join(f'{name} {text}' for name, _, text in told)}.",
            metric, {name: text for name, _, text in told},
        )  # fmt: skip


def _different_maps(evidence: Evidence) -> Iterator[Finding]:
    cycles: dict[str, list[str]] = {}
    for name, run in evidence.runs.items():
        if cycle := _cycle(run):  # or it logged none
            cycles.setdefault(cycle, []).append(name)
    if len(cycles) > 1:
        told = "; ".join(f"{listed(names)}: {cycle}" for cycle, names in cycles.items())
        yield _caution(
            evidence, "maps", tuple(name for names in cycles.values() for name in names), None,
            "The runs drive other maps, so that one of several has less training on each: "
            f"{told}.",
        )  # fmt: skip


def _other_starts(evidence: Evidence) -> Iterator[Finding]:
    for name, run in evidence.runs.items():
        if run.source:
            start = run.first_step
            out = ", and it is in no contrast" if name in evidence.left_out else ""
            yield _caution(
                evidence, "start", (name,), float(start),
                f"{name} starts from {run.source}, at step {start:,}: what came before "
                f"{_not_counted(evidence)}{out}.", of_runs={name: f"step {start:,}"},
            )  # fmt: skip


def _not_counted(evidence: Evidence) -> str:
    """Where what a run owes to another's checkpoint is not."""
    if evidence.axis.by == "step":
        return "is in its steps, but not in its minutes"
    counts = {"time": "minutes", "relative_step": "steps", "flops": "arithmetic"}
    return f"is not in its {counts.get(evidence.axis.by, evidence.axis.by)}"


def _early_ends(evidence: Evidence) -> Iterator[Finding]:
    ended = {
        name: evidence.say_at(evidence.comparison.ends[name])
        for name, run in evidence.runs.items() if evidence.comparison.ended(run, evidence.end)
    }  # fmt: skip
    if ended:
        told = listed([f"{name} at {end}" for name, end in ended.items()])
        yield _caution(
            evidence, "ends", tuple(ended), float(len(ended)),
            f"Not all runs reach {evidence.say_at(evidence.end)} ({told} ended before), and those "
            "are in no contrast.", of_runs=ended,
        )  # fmt: skip


def _few_races(evidence: Evidence) -> Iterator[Finding]:
    """In the late window of single runs."""
    metric = next((x for x in evidence.primary if x.span == "late"), None)
    if metric is None or evidence.are_arms:
        return
    counts = {}
    for name, run in evidence.runs.items():
        if evidence.has(metric, run):
            at = np.array([evidence.end_of(run)])
            races, first, behind = evidence.comparison.races_that_count(run, metric, at)
            of_all = races_of(metric) == "race"
            count = behind - first if of_all else races.finishes(first, behind)
            if (n := int(count[0])) < FEW_RACES:
                counts[name] = n
    if counts:
        what = races_of(metric)
        told = ", ".join(f"{name} {n}" for name, n in counts.items())
        then = (
            f"of fewer than {FEWEST_RACES} nothing is told"
            if min(counts.values()) < FEWEST_RACES
            else "of so few, rates must be some 50 points apart to be told apart"
            if metric.unit == "%"
            else "of so few only large differences can be told"
        )
        yield _caution(
            evidence, "races", tuple(counts), float(min(counts.values())),
            f"Few {what}s stand behind {name_of(metric)} ({counted(evidence, metric)}): {told}; "
            f"{then}.", metric, {name: how_many(n, what) for name, n in counts.items()},
        )  # fmt: skip


def _without_values(evidence: Evidence) -> Iterator[Finding]:
    """Seeds of arms that have no value of a primary metric, and rank worst."""
    if not evidence.are_arms:
        return
    for metric in evidence.primary:
        lacking = {}
        for arm in evidence.subjects:
            values = [evidence.value_at(metric, run, evidence.end) for run in evidence.counted(arm)]
            if count := int((~np.isfinite(values)).sum()):
                lacking[arm] = f"{count} of {len(values)}"
        if lacking:
            told = ", ".join(f"{arm} {text}" for arm, text in lacking.items())
            yield _caution(
                evidence, "values", tuple(lacking), None,
                f"Seeds without a value of {name_of(metric)} rank as the worst: {told}.",
                metric, lacking,
            )  # fmt: skip


def _cycle(run: Run) -> str:
    """The maps that a run drives, as its configuration or its races say."""
    deals = run.config.get("map_cycle")
    maps = [
        deal["map"]
        for deal in (deals if isinstance(deals, list) else ())
        if isinstance(deal, dict) and isinstance(deal.get("map"), str)
    ]
    return " + ".join(dict.fromkeys(maps or run.maps))
