"""Each run, or arm, against the baseline: the only place from which a claim about two can come."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tmnet.analysis.findings.claims import Tested
from tmnet.analysis.findings.evidence import Evidence, bounded
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.words import (
    OF_95,
    counted,
    how_many,
    name_of,
    of_both,
    races_of,
    say,
    say_gap,
    say_span,
)
from tmnet.analysis.metrics import Metric
from tmnet.analysis.statistics import ConfidenceInterval
from tmnet.analysis.statistics.planning import (
    detectable,
    most_likely_sd,
    pooled_sd,
    seeds_needed,
)
from tmnet.analysis.statistics.seeds import FEWEST, alike, difference, improvement, summary


@dataclass(frozen=True)
class Question:
    """One primary metric of one subject against the baseline, at one moment of one axis.

    Attributes
    ----------
    evidence : Evidence
    metric : Metric
    subject : str
    value : float
        How much higher it is than the baseline; NaN where that is not to be said.
    interval : ConfidenceInterval or None
    p : float or None
        None where there is too little to tell.
    shown : tuple of str
        The values of both.
    n : tuple of int or None
        Races, or seeds, behind them; None of scalars of single runs, behind which there are none.
    better : bool
        Whether the subject is ahead of the baseline, if anyone is.
    why : str
        Why there is no p, or what else there is to know of the test.
    planned : str
        What these seeds could have shown, and how many more are needed.
    more : dict of str to str
        The numbers of that, for a table.
    """

    evidence: Evidence
    metric: Metric
    subject: str
    value: float
    interval: ConfidenceInterval | None
    p: float | None
    shown: tuple[str, str]
    n: tuple[int, int] | None
    better: bool
    why: str = ""
    planned: str = ""
    more: dict[str, str] = field(default_factory=dict)


def questions(evidence: Evidence) -> list[Question]:
    """All that a comparison asks, on its own axis."""
    ask = _of_arms if evidence.are_arms else _of_runs
    asked = (
        ask(evidence, metric, subject)
        for subject in evidence.contrasted
        for metric in evidence.primary
    )
    return [question for question in asked if question]


def _of_runs(evidence: Evidence, metric: Metric, subject: str) -> Question | None:
    both = [evidence.runs[name] for name in (subject, evidence.baseline)]
    values = [evidence.value_at(metric, run, evidence.end) for run in both]
    if not all(evidence.has(metric, run) for run in both):
        return None
    shown = (say(evidence, metric, values[0]), say(evidence, metric, values[1]))
    gap = values[0] - values[1]
    better = gap > 0 if metric.better == "higher" else gap < 0
    at = np.array([evidence.end])
    one, other = (evidence.comparison.estimates(run, metric, at) for run in both)
    n = None if one is None or other is None else (int(one.n[0]), int(other.n[0]))
    if one is None or other is None or evidence.comparison.trailing_of(metric) is None:
        return Question(
            evidence, metric, subject, gap, None, None, shown, n, better,
            "one run each, so there is no interval",
        )  # fmt: skip
    (found,) = one.above(other)
    if not found.told:
        few = bool((one.too_few | other.too_few)[0])
        why = "too few races to tell" if few else "races too alike to tell"
        return Question(evidence, metric, subject, gap, None, None, shown, n, better, why)
    return Question(evidence, metric, subject, gap, found.interval, found.p, shown, n, better)


def _of_arms(evidence: Evidence, metric: Metric, subject: str) -> Question | None:
    arms = [evidence.counted(arm) for arm in (subject, evidence.baseline)]
    if not all(any(evidence.has(metric, run) for run in arm) for arm in arms):
        return None
    one, other = (
        np.array([evidence.value_at(metric, run, evidence.end) for run in arm]) for arm in arms
    )
    better = metric.better or "higher"
    found, ahead = difference(one, other, better, evidence.seed), improvement(one, other, better)
    shown = (say_summary(evidence, metric, one), say_summary(evidence, metric, other))
    chance, often = "", round(1 / ahead.p)
    if ahead.won in (0, ahead.pairs) and not ahead.equal and often > 1:
        chance = f" (by chance that happens once in {often} such studies)"
    # not "better", which only claims are
    told = f"{better} in {ahead.won} of {how_many(ahead.pairs, 'pair')} of seeds{chance}"
    rare = f" (chance: 1 in {often})" if chance else ""
    more = {"pairs won": f"{ahead.won} of {ahead.pairs}{rare}"}
    if found.p is None:
        told = f"fewer than {FEWEST} seeds, too few to tell; {told}"
    elif found.interval is None:
        same = np.isfinite(found.value)
        why = "the seeds of each are all alike" if same else "not all seeds have a value"
        told = f"by ranks, as {why}; {told}"
    planned, could = _planned(evidence, metric, one, other, found.value)
    interval = found.interval and bounded(metric, found.interval)
    sign = 1 if better == "higher" else -1  # ranks, where there is no difference of means
    is_better = sign * found.value > 0 if np.isfinite(found.value) else ahead.value > 0.5
    return Question(
        evidence, metric, subject, found.value, interval, found.p, shown,
        (len(one), len(other)), is_better, told, planned, more | could,
    )  # fmt: skip


def _planned(
    evidence: Evidence, metric: Metric, one: np.ndarray, other: np.ndarray, gap: float
) -> tuple[str, dict[str, str]]:
    """What these seeds could have shown, and how many it would take to see a difference as large as
    the one found, in words and for a table; nothing where their scatter is not known."""
    if not np.isfinite([*one, *other]).all() or min(len(one), len(other)) < FEWEST:
        return "", {}
    sd, freedom = pooled_sd([one, other])
    least, most = metric.limits
    effect = detectable(len(one), len(other), sd)
    if (alike(one) and alike(other)) or effect > most - least:
        return "", {}
    seen = say_gap(evidence, metric, effect, signed=False)
    told, shown = f"a difference of {seen} could have been seen", {"could be seen": seen}
    likely = most_likely_sd(sd, freedom)
    if abs(gap) > likely / 20:  # or it would take thousands
        needed = seeds_needed(abs(gap), likely)
        told += f", and for one as large as this {needed:,} seeds an arm are needed"
        shown["seeds needed"] = f"{needed:,}"
    return told, shown


def say_summary(evidence: Evidence, metric: Metric, values: np.ndarray) -> str:
    """The seeds of an arm in one number, or how many of them have one."""
    found = summary(values, metric.better or "higher", evidence.seed)
    if not np.isfinite(found.value):
        return f"{found.n_finite} of {how_many(found.n, 'seed')} with a value"
    of = f" ({found.statistic})" if found.n > 1 else ""
    return f"{say(evidence, metric, found.value)}{of}"


def contrast(question: Question, tested: Tested) -> Finding:
    """The answer to one of the questions."""
    evidence, metric = question.evidence, question.metric
    subject, base = question.subject, evidence.baseline
    what = "seed" if evidence.are_arms else races_of(metric)
    against = f"{question.shown[0]} against {question.shown[1]}"
    counts = of_both(question.n, what) if question.n else ""
    means = " between the means" if evidence.are_arms and max(question.n or ()) > 1 else ""
    shown = []
    details = {"at": evidence.say_at(evidence.end)}
    if np.isfinite(question.value):
        shown = [f"{say_gap(evidence, metric, question.value)}{means}"]
        details["difference"] = shown[0]  # of means, where the values are those of IQMs or medians
    if question.interval is not None:
        span = say_span(evidence, metric, question.interval)
        shown = [f"{shown[0]} (95 % CI {span})"]
        details[OF_95] = span
    details |= {"n": counts} if counts else {}
    behind = [part for part in (counted(evidence, metric), counts) if part]
    if tested.words:
        details["p"] = tested.words
        behind.append(tested.words)
    if question.why:
        behind.append(question.why)
        details["why"] = question.why
    if question.planned and not tested.is_claim:
        behind.append(question.planned)
        details["planning"] = question.planned
    details |= question.more
    where = f"{name_of(metric)} at {evidence.say_at(evidence.end)}"
    tail = f"{', '.join([against, *shown])}; {', '.join(behind)}"
    if tested.is_claim:
        verb = "is better than" if question.better else "is worse than"
        these = "" if evidence.are_arms else ", in these runs"
        sentence = f"{where}: {subject} {verb} {base}{these}: {tail}."
    else:
        sentence = f"{where}, {subject} against {base}: not resolved: {tail}."
    return Finding(
        "contrast", (subject, base), metric.name, evidence.end,
        question.value if np.isfinite(question.value) else None, question.interval, sentence,
        stands_out=tested.is_claim, axis=evidence.axis.by,
        window=evidence.comparison.trailing_of(metric),
        n=dict(zip((subject, base), question.n or ())), p=question.p, adjusted=tested.adjusted,
        of_runs=dict(zip((subject, base), question.shown)), details=details,
        reason=("better" if question.better else "worse") if tested.is_claim else "",
    )  # fmt: skip
