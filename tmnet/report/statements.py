"""What was said of runs before, such as on an earlier page: are its numbers right, and do the runs
hold what it claims?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.going_on import plateau_of
from tmnet.analysis.findings.levels import say_spent
from tmnet.analysis.findings.words import listed, of_both, races_of, say, say_gap, say_span
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import CONFIDENCE, holm
from tmnet.arguments import finite
from tmnet.comparison import Comparison, compare
from tmnet.errors import TmnetError
from tmnet.experiments.fields import Section, knob
from tmnet.logs.run import Run

# What stands for how good an agent is at a moment, in place of what counts since the start.
LATE = {
    "best": "late_best_of_10",
    "best_of_10": "late_best_of_10",
    "mean": "late_mean",
    "mean_all": "late_mean_all",
    "finish_rate": "late_rate",
}
LATE |= {late: late for late in LATE.values()}


@dataclass(frozen=True)
class Statement(Section):
    """A sentence, and what it says of which runs.

    Attributes
    ----------
    said : str
        In the words of the page, or shorter.
    metric : str
    runs : list of str
    at : list of float
        Minutes; none for a first finish.
    values : list of str
        As they were written, of each run at each moment: of the first run all moments, and so on.
    claim : str
        What the sentence makes of them: that the first run is "higher" or "lower" than the second
        at the last moment, that it went on to "gain" from the first moment to the last, that it
        reaches its "plateau" before the second does; "" of numbers alone.
    """

    said: str
    metric: str
    runs: list[str] = knob(list, form="a list of names")
    at: list[float] = knob(list, form="a list of minutes")
    values: list[str] = knob(list, form="a list of numbers in quotes")
    claim: Literal["", "higher", "lower", "gain", "plateau"] = ""

    unknown: ClassVar = "A statement has no field {}"
    meant: ClassVar = ": did you mean {nearest}?"
    missing: ClassVar = "A statement needs a {}."

    def __post_init__(self):
        super().__post_init__()
        if not self.runs:
            raise TmnetError(f"{self.said!r} is of no run; it needs one.")
        rising = all(a < b for a, b in pairwise([0.0, *self.at]))  # NaN rises nowhere
        if not (rising and all(map(finite, self.at))):
            raise TmnetError(
                f"{self.said!r} is at {self.at}; it must be minutes above 0, one after the other."
            )
        places = len(self.runs) * max(1, len(self.at))
        if self.values and len(self.values) != places:
            raise TmnetError(
                f"{self.said!r} has {len(self.values)} values; of {len(self.runs)} runs at "
                f"{len(self.at)} moments it must have {places}."
            )
        if not all(map(_is_number, self.values)):
            raise TmnetError(f"{self.said!r} has a value that is no number.")
        pair = self.claim in ("higher", "lower", "plateau")
        if (pair and len(self.runs) != 2) or (self.claim == "gain" and len(self.at) < 2):
            needs = "two runs" if pair else "two moments"
            raise TmnetError(f"{self.said!r} claims {self.claim}, for which it needs {needs}.")


def _is_number(written: str) -> bool:
    try:
        return finite(float(written))
    except ValueError:
        return False


@dataclass(frozen=True)
class Checked:
    """A statement, and what the runs say to it.

    Attributes
    ----------
    statement : Statement
    right : bool
        Whether all of its numbers are what the runs have, to the last digit that was written.
    found : str
        These numbers.
    holds : bool or None
        Whether its claim holds, by a test at 5 % after Holm's correction for all claims; None
        where it makes none, or one that these runs cannot be asked.
    evidence : str
        The numbers that speak for or against it.
    short : str
        The first of them: a difference with 95 % of it and the window that it is of, two moments.
    p : float or None
    """

    statement: Statement
    right: bool
    found: str
    holds: bool | None
    evidence: str
    short: str = ""
    p: float | None = None


def check(statements: Sequence[Statement], runs: Mapping[str, Run]) -> list[Checked]:
    """Check statements, whose names of runs are those of the mapping.

    TmnetError where one is of a run or a metric that is not there.
    """
    checked = [_check(statement, runs) for statement in statements]
    asked = [one for one in checked if one.p is not None]
    claims = {
        id(one): adjusted <= 1 - CONFIDENCE
        for one, adjusted in zip(asked, holm([one.p or 0.0 for one in asked]))
    }
    return [
        replace(one, holds=one.holds and claims[id(one)]) if one.p is not None else one
        for one in checked
    ]


def _check(statement: Statement, runs: Mapping[str, Run]) -> Checked:
    if missing := [name for name in statement.runs if name not in runs]:
        raise TmnetError(f"{statement.said!r} is of {missing[0]}, which is none of the runs.")
    own = [runs[name] for name in statement.runs]
    end = max(statement.at, default=min(run.duration for run in own))
    comparison = compare(own, metrics=[statement.metric], window=(0.0, end), interval=end)
    right, found = _numbers(statement, comparison)
    judged = _Judged(None, "", "", None)
    if statement.claim == "plateau":
        judged = _plateaus(comparison)
    elif statement.claim:
        judged = _claim(statement, comparison)
    return Checked(statement, right, found, *judged)


def _numbers(statement: Statement, comparison: Comparison) -> tuple[bool, str]:
    metric = comparison.metrics[0]
    at = np.array(statement.at or [comparison.window[1]])
    values = [
        np.nan if comparison.ended(run, moment) else float(x)
        for run in comparison.runs
        for moment, x in zip(at, comparison.values_at(run, metric, at))
    ]
    evidence = Evidence(comparison)
    written = statement.values or [""] * len(values)
    right = all(_is(value * metric.scale, text) for value, text in zip(values, written) if text)
    return right, ", ".join(say(evidence, metric, value) for value in values)


def _is(value: float, written: str) -> bool:
    """Whether a number is what was written, to its last digit."""
    digits = len(written.partition(".")[2])
    return abs(value - float(written)) <= 0.5 * 10.0**-digits + 1e-6


class _Judged(NamedTuple):
    """What `Checked` tells of a claim."""

    holds: bool | None
    evidence: str
    short: str
    p: float | None


def _claim(statement: Statement, comparison: Comparison) -> _Judged:
    """Of how good the agents are late, and of the metric itself where it is told how sure it is."""
    metric = comparison.metrics[0]
    if not metric.races or metric.races.statistic not in LATE:
        return _bare(comparison)
    late = Metric.named(metric.races._replace(statistic=LATE[metric.races.statistic]).name)
    evidence = Evidence(comparison)
    at = statement.at or [evidence.end]
    (one, *others), (since, end) = comparison.runs, (at[0], at[-1])
    if ended := [run.name for run in comparison.runs if comparison.ended(run, end)]:
        return _Judged(None, f"{listed(ended)} ended before {evidence.say_at(end)}", "", None)
    if statement.claim == "gain":
        window = min(comparison.late, end - since, since)
        estimates = comparison.estimates(one, late, np.array([end, since]), window)
        parts = None if estimates is None else (estimates.take([0]), estimates.take([1]))
    else:
        window, moment = comparison.late, np.array([end])
        pair = [comparison.estimates(run, late, moment) for run in (one, others[0])]
        parts = None if pair[0] is None or pair[1] is None else (pair[0], pair[1])
    if parts is None:
        return _Judged(None, "", "", None)
    (gap,) = parts[0].above(parts[1])
    shown = [say(evidence, late, float(part.value[0])) for part in parts]
    if statement.claim == "gain":
        shown.reverse()
    short = say_gap(evidence, late, gap.value) if np.isfinite(gap.value) else ""
    if gap.told:
        short += f" ({say_span(evidence, late, gap.interval)})"
    counts = of_both([int(part.n[0]) for part in parts], races_of(late))
    up = late.better == "higher" if statement.claim == "gain" else statement.claim == "higher"
    towards = gap.value > 0 if up else gap.value < 0
    words = " to " if statement.claim == "gain" else " against "
    few = any(part.too_few[0] for part in parts)
    why = "" if gap.told else f"{'too few races' if few else 'races too alike'} to tell"
    short = ", ".join(filter(None, [short, f"last {evidence.axis.say_length(window)}"]))
    told = ", ".join(filter(None, [
        f"{late.label.rpartition(': ')[2]} {words.join(shown)}", short, counts, why,
    ]))  # fmt: skip
    if statement.claim != "gain":
        told = _since_the_start(evidence, metric) + told
    if not gap.told:
        return _Judged(None, told, short, None)
    return _Judged(bool(towards), told, short, gap.p)


def _since_the_start(evidence: Evidence, metric: Metric) -> str:
    """How much higher the one is by the metric itself, where it is told how sure that is."""
    end = np.array([evidence.end])
    one, other = (
        evidence.comparison.estimates(run, metric, end) for run in evidence.comparison.runs
    )
    if one is None or other is None or metric.span != "given":
        return ""
    (gap,) = one.above(other)
    if not gap.told:
        return ""
    span = say_span(evidence, metric, gap.interval)
    return f"since the start {say_gap(evidence, metric, gap.value)} ({span}); "


def _bare(comparison: Comparison) -> _Judged:
    """Of scalars and moments, of which single runs have no interval."""
    evidence, metric = Evidence(comparison), comparison.metrics[0]
    if evidence.comparison.misleads(metric):
        why = "the loss grows with the number of quantiles, which differs"
        return _Judged(None, why, "", None)
    values = [evidence.value_at_end(metric, run) for run in comparison.runs]
    if metric.unit == "axis" and len(values) == 2 and np.isfinite(values).all():
        spent = [say_spent(evidence, run, value) for run, value in zip(comparison.runs, values)]
        told = " against ".join(listed(list(x.values())) for x in spent)
        ratio = f"{values[0] / values[1]:.3g} times the minutes"
        return _Judged(None, f"one run each, {ratio}; {told}", ratio, None)
    return _Judged(None, "one run each, so there is no interval", "", None)


def _plateaus(comparison: Comparison) -> _Judged:
    metric = comparison.metrics[0]
    if not metric.races or metric.races.statistic not in LATE:
        return _bare(comparison)
    late = Metric.named(metric.races._replace(statistic=LATE[metric.races.statistic]).name)
    there = comparison.again(metrics=[late.name], interval=5.0)
    evidence = Evidence(there)
    since = [plateau_of(evidence, run, late) for run in there.runs]
    told = " against ".join(
        "no plateau" if at is None else f"plateau from {evidence.say_at(at)}" for at in since
    )
    one, other = since
    if one is None and other is None:
        return _Judged(None, f"{late.label.rpartition(': ')[2]}: neither has one", "", None)
    first = one is not None and (other is None or one < other)
    return _Judged(bool(first), f"{late.label.rpartition(': ')[2]}: {told}", told, None)
