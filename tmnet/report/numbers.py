"""Tables of what is found: all numbers that a page's sentences are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import repeat

import numpy as np
import pandas as pd

from tmnet.analysis.axis import Axis
from tmnet.analysis.findings.claims import OWN_AXIS, say_p
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.findings.levels import UNITS
from tmnet.analysis.findings.words import OF_95, name_of, say_gap, say_span
from tmnet.analysis.metrics import Metric, minus
from tmnet.analysis.statistics.effects import Effects
from tmnet.report.blocks import Table
from tmnet.report.compared import Compared
from tmnet.report.statements import Checked
from tmnet.tables import show_interval

NONE = "–"
OF_SEEDS = ("pairs won", "could be seen", "seeds needed")  # what is known of the test of two
_AT = {"minutes": "min"}  # how the head of a column has it


def frame(rows: Iterable[Sequence[str]], head: Sequence[str]) -> pd.DataFrame:
    """Rows, of which the first cell is the name, and the heads of all columns."""
    rows = list(rows)
    index = pd.Index([row[0] for row in rows], name=head[0], dtype=object)
    cells = np.array([list(row[1:]) for row in rows], object).reshape(len(rows), len(head) - 1)
    return pd.DataFrame(cells, index, head[1:])


def of_details(findings: Sequence[Finding]) -> pd.DataFrame:
    """A row a finding, a column a detail; or, where few have the same details, a row a detail."""
    names = list(dict.fromkeys(name for finding in findings for name in finding.details))
    what = [
        name_of(Metric.named(x.metric)) if x.metric and x.kind == "frontier"
        else f"{', '.join(x.runs)}{f': {name_of(Metric.named(x.metric))}' if x.metric else ''}"
        for x in findings
    ]  # fmt: skip
    if sum(len(x.details) for x in findings) < 0.7 * len(names) * len(findings):
        rows = [[of, *pair] for of, x in zip(what, findings) for pair in x.details.items()]
        return frame(_once(rows, 1), ["", "", ""])
    rows = [[of, *(x.details.get(name, NONE) for name in names)] for of, x in zip(what, findings)]
    return frame(rows, ["", *names])


# --- the first screen -----------------------------------------------------------------------------


def summary(shown: Compared, subjects: Sequence[str], heading: str) -> Table:
    """How good each is at the end, its record, when it first finished, and what it took."""
    evidence, of = shown.evidence, shown.evidence.main_races
    late = {(x.runs[0], x.metric): x for x in shown.of("late")}
    all_along = {x.runs[0]: x for x in shown.of("anytime")}
    head = ["arm" if evidence.are_arms else "run"]
    for metric in evidence.primary:
        head += [f"{short(shown, metric)} (95 % CI)", "n"]
    head += [f"first finish, {shown.main.axis.unit}", "record, s (races)"] if of else []
    if all_along:
        head.append("anytime rate, %")
    head += ["min", "frames", "PFLOP"]
    if shown.of("contrast"):
        head.append(f"against {evidence.baseline}")
    rows = []
    for name in subjects:
        row = [name]
        for metric in evidence.primary:
            row += _late(shown, late.get((name, metric.name)))
        if of:
            row += [_first(shown, name, of._replace(statistic="first_finish").name)]
            row += [_record(shown, name)]
        if all_along:
            row.append(_late(shown, all_along.get(name))[0])
        row += _spent(shown, name)
        row += [_verdict(shown, name)] if shown.of("contrast") else []
        rows.append(row)
    return Table(heading, frame(rows, head))


def short(shown: Compared, metric: Metric) -> str:
    """A metric with its unit, and without its races where all primary ones are of the same."""
    races = {x.races and x.races[:2] for x in shown.evidence.primary}
    label = name_of(metric)
    if races == {metric.races and metric.races[:2]}:
        label = metric.label.rpartition(": ")[2]
    unit = shown.main.unit_of(metric)
    return f"{label}, {unit}" if unit else label


def _late(shown: Compared, finding: Finding | None) -> list[str]:
    """A value with its interval, and the races or seeds behind it."""
    if finding is None:
        return [NONE, NONE]
    metric = Metric.named(finding.metric or "")
    n = f"{next(iter(finding.n.values())):,}" if finding.n else NONE
    if finding.value is None:
        return [_bare(next(iter(finding.of_runs.values())), metric.unit), n]
    text = minus(shown.main.show(metric, finding.value))
    if finding.uncertainty is not None:
        text += f" ({minus(show_interval(shown.main, metric, finding.uncertainty))})"
    return [text, n]


def _first(shown: Compared, name: str, metric: str) -> str:
    """When it first finished; of an arm, by when half of its seeds had."""
    for finding in shown.of("first_finish"):
        if finding.runs == (name,) and finding.metric == metric:
            if finding.value is not None:
                return shown.main.show(Metric.named(metric), finding.value)
            return finding.details.get("seeds that get there", "not yet")
    return NONE


def _record(shown: Compared, name: str) -> str:
    """The best race since the start, of how many; of an arm, that of any of its seeds."""
    evidence, of = shown.evidence, shown.evidence.main_races
    assert of is not None  # or there is no such column
    best, races = (Metric.named(of._replace(statistic=x).name) for x in ("best", "races"))
    runs = [run for run in evidence.subjects[name] if evidence.has(races, run)]
    if not runs:
        return NONE
    records = [x for run in runs if np.isfinite(x := evidence.value_at_end(best, run))]
    count = sum(evidence.value_at_end(races, run) for run in runs)
    return f"{best.show(min(records, default=np.nan))} ({count:,.0f})"


def _spent(shown: Compared, name: str) -> list[str]:
    """Minutes, frames and PFLOP; of an arm, the mean of its seeds."""
    evidence = shown.evidence
    spent = [evidence.spent(run, evidence.end_of(run)) for run in evidence.subjects[name]]
    known = np.array([x for x in spent if x is not None])
    if not len(known):
        return [NONE, NONE, NONE]
    minutes, frames, pflop = known.mean(0)
    return [f"{minutes:,.1f}", f"{frames:,.0f}", f"{pflop:,.4g}" if np.isfinite(pflop) else NONE]


def _verdict(shown: Compared, name: str) -> str:
    """What is claimed of it at the end."""
    evidence = shown.evidence
    if name == evidence.baseline:
        return "baseline"
    asked = [x for x in shown.of("contrast") if x.runs[0] == name]
    own = [x for x in asked if x.axis == evidence.axis.by]
    if not own:
        return "not compared"
    claims = [
        f"{x.reason} by {Metric.named(x.metric or '').label.rpartition(': ')[2]}"
        for x in own if x.stands_out
    ]  # fmt: skip
    return ", ".join(claims) or "not resolved"


# --- the sections ---------------------------------------------------------------------------------


def contrasts(shown: Compared, found: Sequence[Finding], what: str = "Against") -> Table:
    """Questions, each with its answer."""
    base, rows = shown.evidence.baseline, []
    for x in _by_metric(shown, found):
        metric, axis = Metric.named(x.metric or ""), Axis(x.axis)
        # of arms with the statistic behind, which the table above tells
        own = [_bare(text, metric.unit).partition(" (")[0] for text in x.of_runs.values()]
        over = NONE if x.window is None else axis.say_length(x.window)
        rows.append(
            [x.details["at"], over, short(shown, metric), x.runs[0], *own,
             *_difference(x, "difference"), _n(x), _p(x.p), _p(x.adjusted), _resolved(x)]
        )  # fmt: skip
    head = [
        "at", "last", "metric", "", "value", base, "difference", "95 % CI", "n", "p", "Holm",
        "resolved",
    ]  # fmt: skip
    many = sum(x.p is not None for x in shown.of("contrast", "after"))
    axis = shown.main.axis
    weight = f"{100 * OWN_AXIS:.0f} % by {'time' if axis.is_time else axis.by}"
    holm = f"; Holm's correction over {many} questions, weighted ({weight})"
    return Table(f"{what} {base}{holm if many > 1 else ''}", frame(_once(rows, 3), head))


def _by_metric(shown: Compared, found: Sequence[Finding]) -> list[Finding]:
    """Contrasts by their axis, and then by their metric."""
    order = [metric.name for metric in shown.evidence.primary]
    axes = list(dict.fromkeys(x.axis for x in found))
    return sorted(found, key=lambda x: (axes.index(x.axis), order.index(x.metric or "")))


def planning(shown: Compared, found: Sequence[Finding]) -> Table | None:
    """What the seeds of arms could have shown; None of single runs."""
    names = [name for name in OF_SEEDS if any(name in x.details for x in found)]
    rows = [
        [x.details["at"], short(shown, Metric.named(x.metric or "")), x.runs[0],
         *(x.details.get(name, NONE) for name in names)]
        for x in _by_metric(shown, found)
    ]  # fmt: skip
    if not names:
        return None
    return Table(
        "What these seeds could have shown, and how many would show a difference like this",
        frame(_once(rows, 2), ["at", "metric", "", *names]),
    )


def _once(rows: Iterable[Sequence[str]], columns: int) -> list[list[str]]:
    """Rows whose first cells stand only where they, or those before them, change."""
    shown, before = [], [None] * columns
    for row in rows:
        first = ["" if list(row[: i + 1]) == before[: i + 1] else row[i] for i in range(columns)]
        before = list(row[:columns])
        shown.append([*first, *row[columns:]])
    return shown


def _resolved(finding: Finding) -> str:
    """What is claimed, or else what there is to know of why nothing is."""
    if finding.p is None:
        return finding.details.get("why", "no").partition("; ")[0]
    return finding.reason if finding.stands_out else "no"


def _difference(finding: Finding, name: str) -> list[str]:
    gap = finding.details.get(name, NONE).split(" ")[0]
    return [gap, finding.details.get(OF_95, NONE)]


def _n(finding: Finding) -> str:
    return ", ".join(f"{n:,}" for n in finding.n.values())


def _p(p: float | None) -> str:
    return NONE if p is None else say_p(p).removeprefix("= ")


def levels(shown: Compared) -> Table | None:
    """What each took to its first finish and to levels, and how many times what the baseline took;
    None if there are no races."""
    own, times = {}, {}
    for x in shown.of("first_finish", "threshold"):
        details = dict(x.details)
        level = details.pop("level", "")
        what = f"{name_of(Metric.named(x.metric or ''))}{level and f' of {level}'}"
        if x.reason:  # against the baseline
            times.setdefault((what, x.runs[0]), {}).update(
                {f"× {part}" if part.startswith(UNITS) else part: _bare(text, shown.main.axis.unit)
                 for part, text in details.items() if text}
            )  # fmt: skip
        else:
            own[what, x.runs[0]] = {
                _AT.get(part, part): text if "not" in text else _bare(text, "steps", "PFLOP", "min")
                for part, text in details.items()
            }
    if not own:
        return None
    rows = {key: cells | times.get(key, {}) for key, cells in own.items()}
    head = list(dict.fromkeys(part for cells in rows.values() for part in cells))
    ratios = (
        f"; ×: times what {shown.evidence.baseline} took" if any("×" in x for x in head) else ""
    )
    reached = "; levels: held to the end" if shown.of("threshold") else ""
    return Table(
        f"Up to {shown.end}{reached}{ratios}",
        frame(
            _once(([*key, *map(cells.get, head, repeat(""))] for key, cells in rows.items()), 1),
            ["", "", *(shown.main.axis.unit if part == "at" else part for part in head)],
        ),
    )


def _bare(text: str, *units: str) -> str:
    """A number without its unit, which stands above it."""
    return (
        re.sub(rf" (?:{'|'.join(map(re.escape, units))})(?!\w)", "", text) if all(units) else text
    )


def going_on(shown: Compared) -> Table:
    """What going on brought each, from when on nothing more, and what longer would bring."""
    since = {(x.runs[0], x.metric): x.details for x in shown.of("plateau")}
    longer = {(x.runs[0], x.metric): x.details for x in shown.of("longer")}
    rows, found = [], shown.of("after")
    for x in found:
        key, metric = (x.runs[0], x.metric), Metric.named(x.metric or "")
        flat, more = since.get(key), longer.get(key)
        rows.append(
            [x.runs[0], short(shown, metric),
             *(_bare(x.details[part], metric.unit) for part in ("from", "to")),
             *_difference(x, "better by"), ", ".join(re.findall(r"[\d,]*\d", x.details["n"])),
             _p(x.p), _p(x.adjusted), x.details["verdict"],
             f"{flat['since']} (under {flat['slower than']})" if flat else NONE,
             f"{more['expected'].split(' ')[0]} ({more[OF_95]})" if more else NONE]
        )  # fmt: skip
    at = shown.evidence.say_at(shown.evidence.moment)
    window = shown.main.axis.say_length(found[0].window or 0.0)
    head = ["", "metric", at, shown.end, "better by", "95 % CI", "n", "p", "Holm", "worth it",
            "no more gain from", "half as much again"]  # fmt: skip
    if not longer:
        rows, head = [row[:-1] for row in rows], head[:-1]
    return Table(f"After {at}, by the last {window} of each", frame(_once(rows, 1), head))


def effects(shown: Compared, metric: Metric, found: Effects) -> Table:
    """What each knob does, with its interval, and what the design cannot tell from it."""
    rows = []
    for effect in found.effects:
        low, high = (
            [str(x) for x in found.levels[effect.knobs[0]]]
            if len(effect.knobs) == 1
            else [NONE, NONE]
        )
        span = NONE
        if effect.interval is not None:
            span = say_span(shown.evidence, metric, effect.interval)
        aliases = ", ".join(" × ".join(names) for names in effect.aliases)
        rows.append(
            [" × ".join(effect.knobs), low, high, say_gap(shown.evidence, metric, effect.value),
             span, _p(effect.p), aliases or NONE]
        )  # fmt: skip
    head = ["", "from", "to", "effect", "95 % CI", "p", "not told from"]
    return Table(
        f"{name_of(metric)}: a {found.design} of n = {found.n} seeds; exploratory",
        frame(rows, head),
    )


def cost(shown: Compared) -> Table:
    """What each run took."""
    found = shown.of("cost")
    ended = any(x.details["up to"] != shown.end for x in found)
    same = [] if ended else ["up to", *(["minutes"] if shown.main.axis.is_time else [])]
    names = dict.fromkeys(name for x in found for name in x.details if name not in same)
    rows = [[x.runs[0], *(x.details.get(name, NONE) for name in names)] for x in found]
    return Table(f"Taken up to {shown.end}", frame(rows, ["run", *names]))


# --- what was said before -------------------------------------------------------------------------


def beyond(checked: Sequence[Checked]) -> Table:
    """Claims that the runs do not hold."""
    rows = [
        [x.statement.said, x.statement.metric.rpartition("/")[0].replace("/", " "), _when(x),
         x.short] for x in checked
    ]  # fmt: skip
    head = ["said", "", "at", "late (95 % CI)"]
    return Table("Claims that these runs do not hold", frame(rows, head))


def statements(checked: Sequence[Checked]) -> Table:
    """All that was said, what the runs have, and whether they hold it."""
    holds = {True: "holds", False: "not resolved", None: ""}
    rows = [
        [
            x.statement.said, _when(x), x.found,
            "" if not x.statement.values else "yes" if x.right else "no",
            holds[x.holds], x.evidence,
        ]
        for x in checked
    ]  # fmt: skip
    head = ["said", "at", "the runs have", "as said", "claim", "by"]
    return Table("What was said", frame(rows, head))


def _when(checked: Checked) -> str:
    """The moments that a statement is of, at the last of which a claim is judged."""
    at = ", ".join(f"{moment:,.10g}" for moment in checked.statement.at)
    return f"{at} min" if at else ""
