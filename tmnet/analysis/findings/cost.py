"""What runs, and the seeds of arms on average, cost: minutes, frames, updates, arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.words import how_many, listed
from tmnet.analysis.on_axis import own_batches
from tmnet.logs.run import Run


def cost(evidence: Evidence) -> Iterator[Finding]:
    for subject, runs in evidence.subjects.items():
        taken = [x for run in runs if (x := _taken(evidence, run)) is not None]
        if not taken:  # they begin behind the window
            continue
        minutes, frames, updates, pflop = np.mean(taken, axis=0)
        details = {"minutes": f"{minutes:,.1f}", "frames": f"{frames:,.0f}"}
        if np.isfinite(updates):
            details["updates"] = f"{updates:,.0f}"
        if np.isfinite(pflop):
            details["PFLOP"] = f"{pflop:,.4g}"
        own = {"time": "minutes", "flops": "PFLOP"}.get(evidence.axis.by)  # said with the moment
        parts = listed([
            f"{text} {'min' if what == 'minutes' else what}"
            for what, text in details.items() if what != own
        ])  # fmt: skip
        at = evidence.end if evidence.are_arms else evidence.end_of(runs[0])
        average = f" (mean of {how_many(len(taken), 'seed')})" if evidence.are_arms else ""
        yield Finding(
            "cost", (subject,), None, at, float(pflop) if np.isfinite(pflop) else None,
            None, f"{subject} takes {parts} up to {evidence.say_at(at)}{average}.",
            axis=evidence.axis.by,
            n={subject: len(taken)}, details=details | {"up to": evidence.say_at(at)},
        )  # fmt: skip


def _taken(evidence: Evidence, run: Run) -> tuple[float, float, float, float] | None:
    end = evidence.end_of(run)
    spent = evidence.spent(run, end)
    if spent is None:
        return None
    updates = own_batches(run, evidence.axis.is_time)
    done = np.nan if updates is None else float(updates[evidence.row(run, end)])
    return spent.minutes, spent.steps, done, spent.pflop
