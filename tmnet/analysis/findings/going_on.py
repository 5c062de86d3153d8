"""Whether going on was worth it: gains after a moment, plateaus, and rates before and since."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tmnet.analysis.findings.evidence import OF_95, Evidence, name_of
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import ConfidenceInterval
from tmnet.analysis.statistics.draws import rate_difference
from tmnet.logs.run import Run

AFTER = ("best", "finish_rate", "mean")  # of eval races, and the loss: what is followed
SLOW = {"best": 0.05, "mean": 0.1, "finish_rate": 0.02}  # an hour, or a million steps: a plateau
SHORTEST_PLATEAU = 0.2  # of the window, where that is less than an hour, or a million steps


def after(evidence: Evidence) -> Iterator[Finding]:
    for name, run, end in _going_on(evidence):
        for metric in _followed(evidence, run):
            start, last = (evidence.value_at(metric, run, at) for at in (evidence.moment, end))
            if not np.isfinite([start, last]).all():
                continue
            gain = last - start if metric.better == "higher" else start - last
            amount, unit = evidence.axis.pace(end - evidence.moment)
            details = {
                "from": f"{evidence.say(metric, start)} at {evidence.say_at(evidence.moment)}",
                "to": f"{evidence.say(metric, last)} at {evidence.say_at(end)}",
            }
            change = "no change"
            if evidence.say(metric, start) != evidence.say(metric, last):
                change = (
                    f"{'better' if gain > 0 else 'worse'} by {evidence.say_gap(metric, abs(gain))}"
                )
                change += f", {evidence.say_gap(metric, abs(gain) / amount, True)} {unit}"
            details["change"] = change
            yield Finding(
                "after", (name,), metric.name, end, gain, None,
                f"{name}, {name_of(metric)}: {details['from']}, {details['to']}: {change}.",
                details=details,
            )  # fmt: skip


def plateau(evidence: Evidence) -> Iterator[Finding]:
    if not (
        evidence.axis.is_time or evidence.axis.is_steps
    ):  # what is slow is said an hour, or a step
        return
    lo, hi = evidence.comparison.window
    for name, run in evidence.runs.items():
        grid = evidence.comparison.grid[~evidence.comparison.ended(run, evidence.comparison.grid)]
        unit, pace = evidence.axis.pace(1.0)
        # gains are taken over an hour, or over less where the window is short
        length = min(1 / unit, SHORTEST_PLATEAU * (hi - lo))
        for metric in _followed(evidence, run):
            slow = SLOW.get(metric.races.statistic) if metric.races else None
            if slow is None or not len(grid) or grid[-1] < lo + length:
                continue
            ends = np.unique([lo + length, *grid[grid >= lo + length]])
            was, now = (
                evidence.comparison.values_at(run, metric, x) for x in (ends - length, ends)
            )
            gain = now - was if metric.better == "higher" else was - now
            # what is not yet there gains, too
            fast = np.flatnonzero(~(gain <= slow * unit * length + 1e-12))
            first = fast[-1] + 1 if len(fast) else 0
            if first == len(ends):
                continue
            since = float(ends[first] - length)
            limit = f"{evidence.say_gap(metric, slow, True)} {pace}"
            yield Finding(
                "plateau", (name,), metric.name, since, slow, None,
                f"{name}, {name_of(metric)}: since {evidence.say_at(since)} better by less than "
                f"{limit}.",
                details={"since": evidence.say_at(since), "better by less than": limit},
            )  # fmt: skip


def verdict(evidence: Evidence) -> Iterator[Finding]:
    for name, run, end in _going_on(evidence):
        for map_, kind in evidence.raced("finish_rate", kinds=("eval",)):
            metric = Metric.named(f"{map_}/{kind}/finish_rate")
            counts = [
                (int(races.finished.sum()), len(races.at))
                for races in (
                    evidence.races_between(metric, run, evidence.moment),
                    evidence.races_between(metric, run, end, since=evidence.moment),
                )
            ]
            (_, n_before), (_, n_after) = counts
            if not (n_before and n_after):
                continue
            before, after = (finished / races for finished, races in counts)
            noise = rate_difference(counts[1], counts[0])
            details = {
                "until then": evidence.say(metric, before),
                "since then": evidence.say(metric, after),
                "races since": f"{n_after:,}",
                OF_95: evidence.say_span(metric, noise),
            }
            best = Metric.named(f"{map_}/{kind}/best")
            was, now = (evidence.value_at(best, run, at) for at in (evidence.moment, end))
            if was > now and evidence.say_gap(best, was - now) != "0.00 s":
                details["best time better by"] = evidence.say_gap(best, was - now)
            yield Finding(
                "verdict", (name,), metric.name, end, after - before, noise,
                _judge(evidence, name, f"{map_} {kind}", noise, details), details=details,
            )  # fmt: skip


def _judge(
    evidence: Evidence, name: str, driven: str, noise: ConfidenceInterval, details: dict[str, str]
) -> str:
    gain = details.get("best time better by")
    gain = gain and f"the best time is better by {gain}"
    rates = (
        f"{details['since then']} of the {details['races since']} {driven} races since then "
        f"finished, "
        f"{details['until then']} of those before (95 %: {details[OF_95]})"
    )
    going_on = f"Going on after {evidence.say_at(evidence.moment)}"
    if noise.low > 0:
        return f"{going_on} was worth it for {name}: {rates}{f'; {gain}' if gain else ''}."
    if noise.high < 0:
        return f"{going_on} made {name} less reliable: {rates}{f'; {gain}' if gain else ''}."
    if gain:
        return f"{going_on} made {name} faster, not more reliable: {gain}; {rates}."
    return f"{going_on} brought {name} nothing that stands out from the noise: {rates}."


def _going_on(evidence: Evidence) -> Iterator[tuple[str, Run, float]]:
    """Runs that went on after the moment, and until when."""
    for name, run in evidence.runs.items():
        if (end := evidence.end_of(run)) > evidence.moment:
            yield name, run, end


def _followed(evidence: Evidence, run: Run) -> list[Metric]:
    """What is followed over time."""
    names = [f"{map_}/{kind}/{statistic}" for statistic in AFTER
             for map_, kind in evidence.raced(statistic, kinds=("eval",))]  # fmt: skip
    names += ["loss"] * ("loss" in evidence.metrics)
    return [metric for metric in map(Metric.named, names) if evidence.has(metric, run)]
