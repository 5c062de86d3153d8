"""What runs cost: minutes, frames, updates, arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.on_axis import own_batches


def cost(evidence: Evidence) -> Iterator[Finding]:
    for name, run in evidence.runs.items():
        end = evidence.end_of(run)
        spent = evidence.spent(run, end)
        if spent is None:  # it begins behind the window
            continue
        details = {"minutes": f"{spent.minutes:,.1f}", "frames": f"{spent.steps:,.0f}"}
        if (updates := own_batches(run, evidence.axis.is_time)) is not None:
            details["updates"] = f"{updates[evidence.row(run, end)]:,.0f}"
        if np.isfinite(spent.pflop):
            details["PFLOP"] = f"{spent.pflop:,.4g}"
        parts = ", ".join(
            f"{text} {'min' if what == 'minutes' else what}" for what, text in details.items()
        )
        yield Finding(
            "cost", (name,), None, end, spent.pflop if np.isfinite(spent.pflop) else None, None,
            f"{name} takes {parts} up to {evidence.say_at(end)}.", axis=evidence.axis.by,
            details=details | {"up to": evidence.say_at(end)},
        )  # fmt: skip
