"""The answer to a comparison's question, in one to three sentences."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.words import OF_95, how_many, listed, name_of
from tmnet.analysis.metrics import Metric
from tmnet.arguments import several

MOST_SENTENCES = 3
FORM = "findings, as those of a comparison are"


def answer(findings: Sequence[Finding], closer: Sequence[Finding] = ()) -> list[str]:
    """What its claims, or their absence, come to; and what it took to the first finish.

    Parameters
    ----------
    findings : sequence of Finding
        Of one comparison, as `findings` returns them.
    closer : sequence of Finding
        Of some of its runs over a window of their own, of which a claim is told, or how they stand.

    Returns
    -------
    list of str
        One to three sentences.

    Examples
    --------
    >>> import tmnet
    >>> runs = tmnet.load_runs(tmnet.example_runs())[:2]
    >>> tmnet.answer(tmnet.compare(runs).findings())[-1].partition(", ")[0]
    'A01 eval first finish: A01_as20_long takes 0.441 times the minutes'
    """
    findings = several("findings", findings, Finding, FORM)
    closer = several("closer", closer, Finding, FORM)
    told = standing(findings)
    more = [x.sentence for x in closer if x.kind == "contrast" and x.stands_out][:1]
    if not more and any(x.kind == "contrast" for x in closer):
        more = standing(closer)[:1]
    of_one = _first_finishes(closer) or _first_finishes(findings)
    if len(of_one) == 1:
        more.append(of_one[0].sentence)
    elif of_one and len(told) + len(more) < MOST_SENTENCES:
        more.append(_times_of_all(of_one))
    sure = {x.sentence for x in findings}
    while len(told) + len(more) > MOST_SENTENCES:  # claims are kept longest
        told.remove(next((x for x in reversed(told) if x not in sure), told[-1]))
    return [*told, *more]


def standing(findings: Sequence[Finding]) -> list[str]:
    """How the others stand against the baseline, in one to three sentences."""
    contrasts = [finding for finding in findings if finding.kind == "contrast"]
    if not contrasts:
        cautions = [x for x in findings if x.reason in ("contrasts", "primary", "lacking")]
        return [x.sentence for x in cautions[:3]] or ["There is nothing to compare."]
    own = contrasts[0].axis
    claims = [finding for finding in contrasts if finding.stands_out]
    told = [claim.sentence for claim in claims if claim.axis == own][:2]
    open_: dict[str, list[Finding]] = {}
    for finding in contrasts:
        if not finding.stands_out and finding.axis == own:
            open_.setdefault(finding.runs[0], []).append(finding)
    sure = {claim.runs[0] for claim in claims if claim.axis == own}
    if len(open_) > 3 - len(told) and len(open_.keys() - sure) > 1:
        told.append(_none_of(open_, open_.keys() - sure))
    else:
        told += [_not_resolved(of, subject in sure) for subject, of in open_.items()]
        told = told[:3]
    if len(told) < 3 and (elsewhere := [x for x in contrasts if x.axis != own]):
        told.append(_elsewhere(elsewhere, is_first=not open_))
    return told


def _not_resolved(open_: Sequence[Finding], other_is: bool) -> str:
    subject, base = open_[0].runs
    gaps = listed([f"{name_of(Metric.named(x.metric or ''))} {say_difference(x)}" for x in open_])
    at = open_[0].details["at"]
    if other_is:
        return f"Not resolved at {at}, {subject} against {base}: {gaps}."
    return f"Whether {subject} is better than {base} at {at} is not resolved: {gaps}."


def _none_of(open_: Mapping[str, Sequence[Finding]], subjects: Collection[str]) -> str:
    """Of more than have a sentence each."""
    first = next(iter(open_.values()))
    metrics = dict.fromkeys(name_of(Metric.named(x.metric or "")) for x in first)
    return (
        f"None of {len(subjects)} others is told from {first[0].runs[1]} at "
        f"{first[0].details['at']} by {listed(list(metrics), 'or')}."
    )


def _first_finishes(findings: Sequence[Finding]) -> list[Finding]:
    """How many times what the baseline took each took, on the map of the first contrast."""
    of = next((x.metric or "" for x in findings if x.kind == "contrast"), "")
    return [
        x for x in findings
        if (x.kind, x.reason, x.metric) == (
            "first_finish", "ratio", f"{of.rpartition('/')[0]}/first_finish"
        )
    ]  # fmt: skip


def _times_of_all(ratios: Sequence[Finding]) -> str:
    """Of the first three, in one sentence."""
    first = [x for x in ratios if "minutes" in x.details][:3]
    counts = sorted(n for x in first for n in x.n.values())
    seeds = f"{counts[0]} to {how_many(counts[-1], 'seed')} each"
    if counts[0] == counts[-1]:
        seeds = "one run each" if counts[0] == 1 else f"{how_many(counts[0], 'seed')} each"
    times = listed([f"{x.runs[0]} {x.details['minutes']}" for x in first])
    what = name_of(Metric.named(first[0].metric or ""))
    return f"{what}, in times the minutes of {first[0].runs[1]}: {times} ({seeds})."


def say_difference(finding: Finding) -> str:
    """ "+7.9 points (95 % CI −3.4 to +19.0)", or why there is none."""
    gap = finding.details.get("difference")
    if gap is None:
        return f"({finding.details.get('why', 'no value')})"
    span = finding.details.get(OF_95)
    if span is None:
        why = finding.details.get("why", "").partition("; ")[0]
        return f"{gap} ({why})" if why else gap
    if finding.uncertainty is not None and not finding.uncertainty.holds(0.0):
        return f"{gap} ({OF_95} {span}; {finding.details['p']})"
    return f"{gap} ({OF_95} {span})"


def _elsewhere(contrasts: Sequence[Finding], is_first: bool) -> str:
    """Of the other axes; whether it is the first of which nothing is resolved."""
    claims = [finding for finding in contrasts if finding.stands_out]
    if claims:
        return claims[0].sentence
    at = listed(list(dict.fromkeys(finding.details["at"] for finding in contrasts)), "or")
    return f"{'Nothing is' if is_first else 'Nor is anything'} resolved at {at}."
