"""What was said of runs before, such as on an earlier page: are its numbers right, and do the runs
hold what it claims?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.going_on import plateau_of
from tmnet.analysis.findings.levels import say_spent
from tmnet.analysis.findings.words import listed, of_both, say, say_gap, say_span
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import CONFIDENCE, holm
from tmnet.comparison import Comparison, compare
from tmnet.errors import TmnetError
from tmnet.experiments.fields import Section, knob
from tmnet.logs.run import Run

# What stands for how good an agent is at a moment, in place of what counts since the start.
LATE = {
    "best": "late_best_of_10",
    "mean": "late_mean",
    "mean_all": "late_mean_all",
    "finish_rate": "late_rate",
}


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
        places = len(self.runs) * max(1, len(self.at))
        if self.values and len(self.values) != places:
            raise TmnetError(
                f"{self.said!r} has {len(self.values)} values; of {len(self.runs)} runs at "
                f"{len(self.at)} moments it must have {places}."
            )
        try:
            list(map(float, self.values))
        except ValueError:
            raise TmnetError(f"{self.said!r} has a value that is no number.") from None
        pair = self.claim in ("higher", "lower", "plateau")
        if (pair and len(self.runs) != 2) or (self.claim == "gain" and len(self.at) < 2):
            needs = "two runs" if pair else "two moments"
            raise TmnetError(f"{self.said!r} claims {self.claim}, for which it needs {needs}.")


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
        The first of them: a difference with 95 % of it, two moments.
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
    values = [x for run in comparison.runs for x in comparison.values_at(run, metric, at)]
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
    (one, *others), (since, end) = comparison.runs, (statement.at[0], statement.at[-1])
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
    short = say_gap(evidence, late, gap.value)
    if gap.told:
        short += f" ({say_span(evidence, late, gap.interval)})"
    counts = of_both([int(part.n[0]) for part in parts], "race")
    up = late.better == "higher" if statement.claim == "gain" else statement.claim == "higher"
    towards = gap.value > 0 if up else gap.value < 0
    words = " to " if statement.claim == "gain" else " against "
    told = (
        f"{late.label.rpartition(': ')[2]} {words.join(shown)}, {short}, last "
        f"{evidence.say_at(window)}, {counts}"
    )
    if statement.claim != "gain":
        told = _since_the_start(evidence, metric) + told
    return _Judged(bool(towards), told, short, gap.p if gap.told else 1.0)


def _since_the_start(evidence: Evidence, metric: Metric) -> str:
    """How much higher the one is by the metric itself, where it is told how sure that is."""
    end = np.array([evidence.end])
    one, other = (
        evidence.comparison.estimates(run, metric, end) for run in evidence.comparison.runs
    )
    if one is None or other is None:
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
    if metric.unit == "axis":
        spent = [say_spent(evidence, run, value) for run, value in zip(comparison.runs, values)]
        told = " against ".join(listed(list(x.values())) for x in spent)
        ratio = f"{values[0] / values[1]:.3g} times the minutes"
        return _Judged(None, f"one run each, {ratio}; {told}", ratio, None)
    return _Judged(None, "one run each, of which this has no interval", "", None)


def _plateaus(comparison: Comparison) -> _Judged:
    metric = comparison.metrics[0]
    assert metric.races is not None  # or _numbers would have no such statistic
    late = Metric.named(metric.races._replace(statistic=LATE[metric.races.statistic]).name)
    there = comparison.again(metrics=[late.name], interval=5.0)
    evidence = Evidence(there)
    since = [plateau_of(evidence, run, late) for run in there.runs]
    told = " against ".join("none" if at is None else evidence.say_at(at) for at in since)
    one, other = since
    if one is None and other is None:
        return _Judged(None, f"{late.label.rpartition(': ')[2]}: neither has one", "", None)
    first = one is not None and (other is None or one < other)
    return _Judged(bool(first), f"{late.label.rpartition(': ')[2]}: since {told}", told, None)
