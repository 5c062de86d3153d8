"""Where a comparison may mislead."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tmnet.analysis.findings.evidence import Evidence, name_of
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import ConfidenceInterval
from tmnet.analysis.statistics.draws import rate_difference
from tmnet.analysis.statistics.seeds import rate_interval
from tmnet.logs.config import positive, section
from tmnet.logs.run import Run

FEW_RACES = 30
LATE_START = 0.01  # of all steps: a run that begins behind them went on from a checkpoint
LATE = 0.25  # of the window: the races of late


def cautions(evidence: Evidence) -> Iterator[Finding]:
    """Of single runs."""
    yield from cautions_of_any(evidence)
    if len(evidence.runs) > 1:
        yield caution(
            evidence, "seeds", tuple(evidence.runs), None, None,
            "One seed each: another seed of the same experiment may differ as much as these "
            "runs do. Intervals are of the races of these runs, not of their experiments.",
        )  # fmt: skip


def cautions_of_any(evidence: Evidence) -> Iterator[Finding]:
    """Of single runs, and of the seeds of arms."""
    yield from _losses_of_different_n(evidence)
    yield from _different_maps(evidence)
    yield from _other_starts(evidence)
    yield from _few_races(evidence)
    yield from _early_failures(evidence)


def caution(
    evidence: Evidence, reason: str, runs: tuple[str, ...], metric: Metric | None,
    value: float | None, sentence: str, uncertainty: ConfidenceInterval | None = None,
    of_runs: dict[str, str] | None = None,
) -> Finding:  # fmt: skip
    """A finding that qualifies others, at the end of the window."""
    return Finding(
        "caution", runs, metric.name if metric else None, evidence.end, value, uncertainty,
        sentence, of_runs or {}, reason=reason,
    )  # fmt: skip


def _losses_of_different_n(evidence: Evidence) -> Iterator[Finding]:
    metric = evidence.metrics.get("loss")
    if metric is None or not evidence.misleads(metric):
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
    told.sort(key=lambda x: x[1])
    if told:
        yield caution(
            evidence, "loss", tuple(name for name, *_ in told), metric, told[0][1],
            "The loss grows with the number of quantiles, which differs: compare the loss per "
            f"quantile. At {evidence.say_at(evidence.end)} it is: "
            f"{', '.join(f'{name} {text}' for name, _, text in told)}.",
            of_runs={name: text for name, _, text in told},
        )  # fmt: skip


def _different_maps(evidence: Evidence) -> Iterator[Finding]:
    cycles = {name: _cycle(run) for name, run in evidence.runs.items()}
    if len(set(cycles.values())) > 1:
        told = "; ".join(f"{name} {cycle}" for name, cycle in cycles.items())
        yield caution(
            evidence, "maps", tuple(cycles), None, None,
            "The runs drive other maps, so that one of several has fewer races on each: "
            f"{told}.",
        )  # fmt: skip


def _other_starts(evidence: Evidence) -> Iterator[Finding]:
    for name, run in evidence.runs.items():
        start = run.first_step
        other = run.config.get("initial_checkpoint")
        other = other if isinstance(other, str) else None
        if other or (start > LATE_START * run.steps and start > 3 * _played_until_first(run)):
            source = f"the checkpoint of {other}" if other else "a checkpoint"
            yield caution(
                evidence, "start", (name,), None, float(start),
                f"{name} starts from {source}, at step {start:,}: what came before "
                f"{_not_counted(evidence)}.", of_runs={name: f"step {start:,}"},
            )  # fmt: skip


def _not_counted(evidence: Evidence) -> str:
    """Where what a run owes to another's checkpoint is not."""
    if evidence.axis.by == "step":
        return "is in its steps, but not in its minutes"
    counts = {"time": "minutes", "relative_step": "steps", "flops": "arithmetic"}
    return f"is not in its {counts.get(evidence.axis.by, evidence.axis.by)}"


def _few_races(evidence: Evidence) -> Iterator[Finding]:
    for map_, kind in evidence.raced("finish_rate"):
        metric = Metric.named(f"{map_}/{kind}/finish_rate")
        for name, run in evidence.runs.items():
            races = evidence.races(metric, run, evidence.end_of(run))
            if 0 < (count := len(races.at)) < FEW_RACES:
                noise = rate_interval(int(races.finished.sum()), count)
                within = evidence.say_within(metric, noise)
                yield caution(
                    evidence, "races", (name,), metric, float(count),
                    f"{name}: only {count} {map_} {kind} races stand behind its rates and "
                    f"times; its finish rate lies within {within} (95 %).",
                    noise, {name: f"{count} races; {within}"},
                )  # fmt: skip


def _early_failures(evidence: Evidence) -> Iterator[Finding]:
    """Rates of all races so far, where those of late are another matter."""
    if evidence.comparison.trailing is not None:
        return
    lo, hi = evidence.comparison.window
    for map_, kind in evidence.raced("finish_rate", kinds=("eval",)):
        metric = Metric.named(f"{map_}/{kind}/finish_rate")
        for name, run in evidence.runs.items():
            end = evidence.end_of(run)
            since = end - LATE * (hi - lo)
            early, late = (
                (int(races.finished.sum()), len(races.at))
                for races in (
                    evidence.races_between(metric, run, since),
                    evidence.races_between(metric, run, end, since),
                )
            )
            if not (early[1] and late[1]) or rate_difference(late, early).low <= 0:
                continue
            rate, total = late[0] / late[1], evidence.value_at(metric, run, end)
            of_all, of_late = evidence.say(metric, total), evidence.say(metric, rate)
            last = evidence.say_at(end - since)
            yield caution(
                evidence, "failures", (name,), metric, rate,
                f"{name}, {name_of(metric)}: {of_all} of all races so far carries the early "
                f"failures; of the {late[1]:,} races of the last {last} it is {of_late}.",
                rate_interval(*late),
                {name: f"{of_all}; {of_late} of the {late[1]:,} races of the last {last}"},
            )  # fmt: skip


def _played_until_first(run: Run) -> float:
    """Steps that a run would have played by its first event, had it begun at none."""
    minutes, steps = (run.scalars[name].to_numpy() for name in ("minutes", "step"))
    length = minutes[-1] - minutes[0]
    return minutes[0] * (steps.max() - steps.min()) / length if length > 0 else 0.0


def _cycle(run: Run) -> str:
    """The maps that a run drives, as its configuration or its races say."""
    deals = run.config.get("map_cycle")
    maps = [
        deal["map"]
        for deal in (deals if isinstance(deals, list) else ())
        if isinstance(deal, dict) and isinstance(deal.get("map"), str)
    ]
    return " + ".join(dict.fromkeys(maps or run.maps))
