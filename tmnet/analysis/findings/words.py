"""How the numbers of findings are said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.metrics import Metric, minus
from tmnet.analysis.statistics import ConfidenceInterval

OF_95 = "95 % CI"  # among the details of findings


def name_of(metric: Metric) -> str:
    """A metric in a sentence."""
    return metric.label.replace(": ", " ")


def say(evidence: Evidence, metric: Metric, value: float) -> str:
    """A value, with its unit."""
    if not np.isfinite(value):
        return "none"
    shown = minus(evidence.comparison.show(metric, value))
    return f"{shown} {evidence.comparison.unit_of(metric)}".rstrip()


def say_within(evidence: Evidence, metric: Metric, span: ConfidenceInterval) -> str:
    """95 % of a value; one end may be infinite, of seeds that never got there."""
    if np.isposinf(span.high):
        return f"{say(evidence, metric, span.low)} or more"
    if np.isneginf(span.low):
        return f"{say(evidence, metric, span.high)} or less"
    low = minus(evidence.comparison.show(metric, span.low))
    return f"{low} to {say(evidence, metric, span.high)}"


def say_gap(evidence: Evidence, metric: Metric, gap: float, signed: bool = True) -> str:
    """A difference of values, with its sign."""
    unit = "points" if metric.unit == "%" else evidence.comparison.unit_of(metric)
    return f"{_signed(evidence, metric, gap, signed)} {unit}".rstrip()


def say_span(evidence: Evidence, metric: Metric, span: ConfidenceInterval) -> str:
    """95 % of a difference of values, without its unit."""
    low, high = (_signed(evidence, metric, x) for x in span)
    return f"{low} to {high}"


def _signed(evidence: Evidence, metric: Metric, gap: float, signed: bool = True) -> str:
    shown = evidence.comparison.show(metric, abs(gap))
    if metric.digits is None and metric.unit != "axis":
        shown = f"{abs(gap) * metric.scale:,.3g}"
    if not signed:
        return shown
    zero = not float(shown.replace(",", "")) if np.isfinite(gap) else False
    return shown if zero else f"{'−' if gap < 0 else '+'}{shown}"


def counted(evidence: Evidence, metric: Metric) -> str:
    """Of when a metric is: "last 12 min", or nothing."""
    return evidence.comparison.counted(metric)


def how_many(n: int, what: str) -> str:
    """ "1 race", "2 races"."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def races_of(metric: Metric) -> str:
    """What it is made of: all races, or, where it is made of their times, those that finished."""
    of_all = metric.races is None or metric.races.statistic.endswith(("rate", "mean_all"))
    return "race" if of_all else "finished race"


def of_both(counts: Sequence[int], what: str) -> str:
    """ "51 races each", or "51 and 49 races"."""
    if len(set(counts)) == 1:
        return f"{how_many(counts[0], what)} each"
    return f"{' and '.join(f'{n:,}' for n in counts)} {what}s"


def in_brackets(parts: Sequence[str]) -> str:
    """ " (a; b)", or nothing."""
    return f" ({'; '.join(parts)})" if parts else ""


def listed(names: Sequence[str], last: str = "and") -> str:
    """ "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"
