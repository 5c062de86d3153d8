"""What runs cost: frames, updates, arithmetic; and who leads at equal arithmetic."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tmnet.analysis.axis import Axis
from tmnet.analysis.findings.evidence import Evidence, name_of, ranked, say_behind
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.on_axis import arithmetic, own_batches, own_frames
from tmnet.errors import TmnetError


def cost(evidence: Evidence) -> Iterator[Finding]:
    paid = evidence.axis.is_time  # in its minutes it played what a restart took back
    spent = _arithmetic(evidence, paid)
    for name, run in evidence.runs.items():
        end = evidence.end_of(run)
        if (row := evidence.row(run, end)) is None:  # it begins behind the window
            continue
        details = {"frames": f"{own_frames(run, paid)[row]:,.0f}"}
        if (updates := own_batches(run, paid)) is not None:
            details["updates"] = f"{updates[row]:,.0f}"
        if spent:
            details["PFLOP"] = f"{spent[name][row]:,.4g}"
        parts = ", ".join(f"{text} {what}" for what, text in details.items())
        yield Finding(
            "cost", (name,), None, end, float(spent[name][row]) if spent else None, None,
            f"{name} takes {parts} in {evidence.say_at(end)}.",
            details=details | {"in": evidence.say_at(end)},
        )  # fmt: skip
    if not spent:
        return
    for metric, wanted in evidence.thresholds.items():
        for name, run in evidence.runs.items():
            if (at := evidence.reached(metric, wanted, run)) is not None:
                taken = float(spent[name][evidence.row(run, at)])
                yield Finding(
                    "cost", (name,), metric.name, at, taken, None,
                    f"{name_of(metric)} of {evidence.say(metric, wanted)}: {name} takes "
                    f"{taken:,.3g} PFLOP.",
                    details={
                        "level": evidence.say(metric, wanted), "PFLOP": f"{taken:,.3g}"
                    },
                )  # fmt: skip
    if len(evidence.runs) > 1:
        yield from _at_equal_arithmetic(evidence)


def _arithmetic(evidence: Evidence, paid: bool) -> dict[str, np.ndarray] | None:
    """What the runs had taken by every event, where all logged what it follows from."""
    try:
        return {name: arithmetic(run, paid) for name, run in evidence.runs.items()}
    except TmnetError:
        return None


def _at_equal_arithmetic(evidence: Evidence) -> Iterator[Finding]:
    """Who leads where the run that took least arithmetic ends."""
    ends = []
    for run in evidence.runs.values():
        if (row := evidence.row(run, evidence.end_of(run))) is None:
            return
        ends.append(Axis("flops").of(run).position(row))
    equal = min(ends)
    names = [
        f"{map_}/eval/{statistic}"
        for statistic in ("best", "finish_rate")
        for map_, _ in evidence.raced(statistic, kinds=("eval",))
    ]
    if not (names and equal > 0):
        return
    other = evidence.comparison.again(by="flops", window=(0.0, equal), metrics=names)
    for metric in other.metrics:
        if order := ranked(other, metric, equal):
            shown = {name: evidence.say(metric, value) for name, value in order}
            first = order[0][0]
            yield Finding(
                "cost", tuple(shown), metric.name, equal, abs(order[0][1] - order[1][1]), None,
                f"{name_of(metric)} at equal arithmetic, {equal:,.4g} PFLOP: {first} leads with "
                f"{shown[first]}, ahead of {say_behind(shown)}.",
                shown, {"PFLOP": f"{equal:,.4g}"},
            )  # fmt: skip
