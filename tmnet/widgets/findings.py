"""What findings say in the explorer: the answer, claims and numbers under headings, and, while a
training is followed, numbers alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tmnet.analysis.axis import Axis
from tmnet.analysis.findings import answer
from tmnet.analysis.findings.finding import HEADINGS, Finding
from tmnet.analysis.findings.levels import UNITS
from tmnet.analysis.findings.words import OF_95, name_of
from tmnet.analysis.metrics import Metric
from tmnet.comparison import Comparison
from tmnet.safe_text import for_html

OPEN = ("caution", "contrast", "crossover", "after", "threshold")  # the others are folded
# What is no more than numbers, whenever one looks. All else is what tests make of them.
NUMBERS = ("caution", "late", "anytime", "first_finish", "threshold", "cost")
MOST_LINES = 3  # above the figure
FOLLOWED = (
    "While Follow is pressed, numbers are shown and nothing is claimed: who looks again and again "
    "at trainings that run sees a difference sooner or later, even where there is none (every 5 "
    "minutes of 120: in 28 % of comparisons in place of 5 %)."
)
STYLE = (
    "<style>.tmnet-findings h4 {margin: 10px 0 2px} .tmnet-findings ul {margin: 0} "
    ".tmnet-findings li, .tmnet-findings p {line-height: 1.35} .tmnet-findings p {margin: 2px 0} "
    ".tmnet-findings summary {font-weight: bold; margin: 8px 0 2px; cursor: pointer} "
    ".tmnet-claim {background: #0072b2; color: #fff; border-radius: 3px; padding: 0 5px; "
    "font-size: 85%; font-weight: bold} .tmnet-brief {font-size: 12px}</style>"
)
CLAIM = "<span class='tmnet-claim'>claim</span> "


def answer_html(findings: Sequence[Finding], is_followed: bool = False) -> str:
    """What they come to; of trainings that run why there is no answer."""
    told = [f"<b>{for_html(sentence)}</b>" for sentence in answer(findings)]
    if is_followed:
        told = [for_html(FOLLOWED)]
    return _styled("".join(f"<p class='tmnet-answer'>{sentence}</p>" for sentence in told))


def brief_html(findings: Sequence[Finding], is_followed: bool = False) -> str:
    """The answer in a line for each that is compared with the baseline, and the heaviest caution;
    of trainings that run differences without verdicts."""
    contrasts = [finding for finding in findings if finding.kind == "contrast"]
    own: dict[str, list[Finding]] = {}
    for finding in contrasts:
        if finding.axis == contrasts[0].axis:
            own.setdefault(finding.runs[0], []).append(finding)
    if 0 < len(own) <= MOST_LINES:
        told = [_line(of, findings, is_followed) for of in own.values()]
    else:
        told = [for_html(x) for x in answer(findings)[: 0 if is_followed else MOST_LINES]]
    cautions = [for_html(x.sentence) for x in findings if x.kind == "caution"]
    told += [f"<small>{x}</small>" for x in cautions[:1] if x not in told]
    return _styled(f"<div class='tmnet-brief'>{''.join(f'<p>{line}</p>' for line in told)}</div>")


def _line(contrasts: Sequence[Finding], findings: Sequence[Finding], is_followed: bool) -> str:
    """ "big − small at 22 min, last 2.2 min, A01 eval: not resolved: late finish rate +2.9 points
    (−4 to +10); first finish after 2.3 × the minutes, 0.7 × the steps"."""
    first = contrasts[0]
    subject, base = first.runs
    of = {Metric.named(x.metric or "").label.rpartition(": ")[0] for x in contrasts}
    where = [f"{subject} − {base} at {first.details['at']}"]
    if first.window is not None:
        where.append(f"last {Axis(first.axis).say_length(first.window)}")
    where += of if len(of) == 1 and of != {""} else []
    claims, open_ = [], []
    for finding in contrasts:
        name = Metric.named(finding.metric or "").label
        name = name.rpartition(": ")[2] if len(of) == 1 else name.replace(": ", " ")
        gap, why = (finding.details.get(x, "") for x in ("difference", "why"))
        sure = f"{OF_95} {finding.details[OF_95]}" if OF_95 in finding.details else why
        told = for_html(f"{name} {gap} ({sure})" if gap else f"{name} ({sure})")
        if finding.stands_out and not is_followed:
            claims.append(f"{CLAIM}{finding.reason}: {told}")
        else:
            open_.append(told)
    parts = claims + (["" if is_followed else "not resolved: "] if open_ else [])
    if open_:
        parts[-1] += ", ".join(open_)
    for finding in findings:
        if (finding.kind, finding.reason, finding.runs) == ("first_finish", "ratio", first.runs):
            times = [f"{finding.details[x]} × the {x}" for x in UNITS if x in finding.details]
            each = "" if max(finding.n.values()) > 1 else " (one run each)"
            parts.append(for_html(f"first finish after {', '.join(times)}{each}"))
            break
    return f"<b>{for_html(', '.join(where))}</b>: {'; '.join(parts)}"


def findings_html(
    findings: Sequence[Finding], kinds: Sequence[str] = tuple(HEADINGS), headed: bool = True
) -> str:
    """Findings of some kinds as lists, claims marked; under their headings, which fold all but
    those in `OPEN`."""
    parts = []
    for kind in kinds:
        items = [
            f"<li>{CLAIM if finding.stands_out else ''}{for_html(finding.sentence)}</li>"
            for finding in findings if finding.kind == kind
        ]  # fmt: skip
        heading, list_ = for_html(HEADINGS[kind]), f"<ul>{''.join(items)}</ul>"
        if headed and kind not in OPEN:
            summary = f"<summary>{heading} ({len(items)})</summary>"
            list_ = f"<details>{summary}{list_}</details>"
        elif headed:
            list_ = f"<h4>{heading}</h4>{list_}"
        parts += [list_] if items else []
    return _styled("".join(parts))


def _styled(html: str) -> str:
    return f"{STYLE}<div class='tmnet-findings'>{html}</div>"


def without_claims(
    findings: Sequence[Finding], comparison: Comparison, at: float
) -> Iterator[Finding]:
    """Findings as numbers with their intervals; and no verdicts, nor what rests on some.

    `at` is the moment after which going on is told of.
    """
    for finding in findings:
        if finding.kind in NUMBERS:
            yield finding
        elif finding.kind in ("contrast", "after"):
            yield replace(finding, sentence=_numbers(finding, comparison, at), stands_out=None)


def _numbers(finding: Finding, comparison: Comparison, at: float) -> str:
    """ "A01 eval late finish rate at 60 min, x against y: 45.0 % against 60.0 %, −15.0 points (95 %
    CI −40.2 to +10.2); last 12 min, 50 races each." """
    details, what = finding.details, name_of(Metric.named(finding.metric or ""))
    if finding.kind == "contrast":
        subject, base = finding.runs
        values = f"{finding.of_runs[subject]} against {finding.of_runs[base]}"
        where, gap = f"at {details['at']}, {subject} against {base}", details.get("difference")
    else:
        (subject,), gap = finding.runs, f"better by {details['better by']}"
        values = f"{details['from']} to {details['to']}"
        where = f"of {subject} after {comparison.axis.say(at)}"
    shown = [values]
    if gap:
        shown.append(f"{gap} (95 % CI {details[OF_95]})" if OF_95 in details else gap)
    behind = [details["n"]]
    if finding.window is not None:
        behind.insert(0, f"last {Axis(finding.axis).say_length(finding.window)}")
    return f"{what} {where}: {', '.join(shown)}; {', '.join(behind)}."
