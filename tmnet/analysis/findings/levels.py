"""When runs first finished, and when they reached a level."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tmnet.analysis.findings.evidence import Evidence, name_of
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.metrics import Metric


def first_finish(evidence: Evidence) -> Iterator[Finding]:
    for map_, kind in evidence.raced("first_finish"):
        metric = Metric.named(f"{map_}/{kind}/first_finish")
        for name, run in evidence.runs.items():
            at = evidence.value_at_end(metric, run)
            what = f"{map_} {kind}: {name}"
            if np.isfinite(at):
                told, details = evidence.say_both_clocks(run, at)
                told = f"{what} first finishes {told}."
                yield Finding(
                    "first_finish", (name,), metric.name, at, at, None, told, details=details
                )
            elif count := len(evidence.races(metric, run, evidence.end).at):
                details = {"at": "never", "races": f"{count:,}"}
                told = f"{what} finishes none of {count:,} races."
                yield Finding(
                    "first_finish", (name,), metric.name, None, None, None, told, details=details
                )


def threshold(evidence: Evidence) -> Iterator[Finding]:
    for metric, wanted in evidence.thresholds.items():
        level = f"{name_of(metric)} of {evidence.say(metric, wanted)}"
        for name, run in evidence.runs.items():
            at = evidence.reached(metric, wanted, run)
            if at is None:
                if not evidence.has(metric, run):
                    continue
                details = {"at": f"not within {evidence.say_at(evidence.end_of(run))}"}
                told = f"does not reach it within {evidence.say_at(evidence.end_of(run))}"
            else:
                told, details = evidence.say_both_clocks(run, at)
                told = f"reaches it {told}"
            yield Finding(
                "threshold", (name,), metric.name, at, at, None, f"{level}: {name} {told}.",
                details={"level": evidence.say(metric, wanted)} | details,
            )  # fmt: skip
