"""The sections of a page: what is said, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tmnet.analysis.findings.answer import answer, standing
from tmnet.analysis.findings.finding import HEADINGS, Finding
from tmnet.analysis.findings.words import how_many, name_of
from tmnet.analysis.metrics import minus
from tmnet.comparison import Comparison
from tmnet.errors import TmnetError
from tmnet.logs.find import describe_in_words
from tmnet.logs.run import Run
from tmnet.report import numbers
from tmnet.report.blocks import (
    Answer,
    Block,
    Bullets,
    Caution,
    Code,
    Contents,
    Fold,
    Heading,
    Simple,
    Table,
    Text,
    Words,
)
from tmnet.report.compared import Compared
from tmnet.report.pictures import Pictures
from tmnet.report.statements import check
from tmnet.report.study import Study
from tmnet.safe_text import visible
from tmnet.tables import metric_table, readable, title

PROMPTS = {  # places for the author's own words, and what belongs there
    "overview": "Why these runs, and what was expected.",
    "key findings": "What matters most.",
    "going on": "Whether it was worth it.",
    "hardware": "Machine, versions, game, and what else matters.",
    "conclusions": "The answer to the question.",
    "recommendations": "What to do next.",
}
MOST_ROWS = 8  # of the table on the first screen, and of others of all runs
MANY_ROWS = 24  # of a table with several rows for each
MOST_SETTINGS, LONGEST_SETTING = 12, 40  # that are not folded, and letters of one


def sections(
    study: Study,
    runs: Mapping[str, Run],
    main: Compared,
    closer: Compared | None,
    pictures: Pictures,
    commands: Sequence[str],
    step: Callable[[], Any],
) -> list[Block]:
    """All of a page.

    Parameters
    ----------
    study : Study
    runs : mapping of str to Run
        By their short names.
    main, closer : Compared
        All of them, and those that are looked at over a window of their own.
    pictures : Pictures
    commands : sequence of str
        That make the page again.
    step : callable
        Called at each step of the work.
    """
    blocks = [*_first_screen(study, main, closer, pictures), Words("overview"), Contents()]
    blocks += [*_cautions(main), *_contrasts(main, closer), Words("key findings")]
    blocks += [*_levels(main, pictures), *_going_on(main, closer)]
    step()
    if closer:
        blocks += _closer(main, closer, pictures)
    blocks += [
        Words("going on"),
        *_said_before(study, runs),
        *_ablation(main, pictures),
        *_cost(main),
    ]
    blocks += [*_configuration(main.main, runs), *_runs(runs, main), Words("hardware")]
    blocks += [Words("conclusions", "Conclusions"), Words("recommendations", "Recommendations")]
    step()
    blocks += _everything(main, closer, pictures, step)
    if commands:
        lines = "\n".join(map(visible, commands))
        blocks += [Heading(2, "Made by"), Code(lines)]
    return blocks


# --- the first screen -----------------------------------------------------------------------------


def _first_screen(
    study: Study, main: Compared, closer: Compared | None, pictures: Pictures
) -> list[Block]:
    blocks: list[Block] = [Heading(1, study.title)]
    if study.question:
        blocks.append(Text(study.question))
    blocks.append(Answer(tuple(answered(main, closer))))
    blocks += [Caution(text) for text in unsaid(main, _heavy(main))[:1]]
    if picture := pictures.panels(main):
        blocks.append(picture)
    shown, heading = _most(main), f"At {main.end}"
    if len(shown) == len(main.subjects):
        return [*blocks, numbers.summary(main, shown, _told_of(main, heading))]
    part = f"{heading}, {len(shown)} of {len(main.subjects)}"
    every = numbers.summary(main, main.subjects, _told_of(main, f"{heading}, all"))
    return [
        *blocks, numbers.summary(main, shown, _told_of(main, part)),
        Fold(f"All {len(main.subjects)}", (every,)),
    ]  # fmt: skip


def answered(main: Compared, closer: Compared | None) -> list[str]:
    """The answer, in one to three sentences."""
    return answer(main.found, closer.found if closer else ())


def unsaid(main: Compared, found: Sequence[Finding], closer: Compared | None = None) -> list[str]:
    """Sentences of findings that are not in the answer."""
    said = answered(main, closer)
    return [x.sentence for x in found if x.sentence not in said]


def _told_of(shown: Compared, heading: str) -> str:
    """What the columns of a summary are of."""
    metric = next(iter(shown.evidence.primary), None)
    if metric is None or metric.races is None:
        return heading
    told = [f"{heading}: {metric.races.map} {metric.races.kind} races"]
    if late := next((x for x in shown.evidence.primary if x.span == "late"), None):
        told.append(f"late: {shown.main.counted(late)}")
    if shown.evidence.are_arms:
        told.append("inter-quartile means of seeds, or medians of fewer than 4")
    return "; ".join(told)


def _most(main: Compared) -> list[str]:
    """Those on the first screen: the baseline, and the first of the others."""
    base = main.evidence.baseline
    others = [name for name in main.subjects if name != base][: MOST_ROWS - 1]
    return [name for name in main.subjects if name == base or name in others]


def _cautions(main: Compared) -> list[Block]:
    """All but the first screen's, and those of what is folded."""
    found = _heavy(main)
    others = unsaid(main, found)[1:]
    if not others:
        return []
    blocks: list[Block] = [Heading(2, HEADINGS["caution"]), Bullets(tuple(others))]
    return [*blocks, *_numbers_of(found)]


def _heavy(shown: Compared) -> list[Finding]:
    """Cautions of what is compared, and of no other metric."""
    primary = {metric.name for metric in shown.evidence.primary}
    return [x for x in shown.of("caution") if x.metric is None or x.metric in primary]


def _numbers_of(cautions: Sequence[Finding]) -> list[Block]:
    known = [x for x in cautions if x.of_runs]
    names = list(dict.fromkeys(name for x in known for name in x.of_runs))
    rows = [[x.reason, *(x.of_runs.get(name, "") for name in names)] for x in known]
    if not rows:
        return []
    return [Fold("In numbers", (Table("By run", numbers.frame(rows, ["", *names])),))]


# --- what is found --------------------------------------------------------------------------------


def _contrasts(main: Compared, closer: Compared | None) -> list[Block]:
    if not main.of("contrast"):
        return []
    said = answered(main, closer)
    rest = [Text(text) for text in standing(main.found) if text not in said]
    return [
        Heading(2, HEADINGS["contrast"]), *rest, *_answers(main), *_told(main.of("crossover"))
    ]  # fmt: skip


def _answers(shown: Compared) -> list[Block]:
    """All questions; of very many, those that are resolved first."""
    found = shown.of("contrast")
    every = [numbers.contrasts(shown, found)]
    every += [table] if (table := numbers.planning(shown, found)) else []
    if len(found) <= MANY_ROWS:
        return [*every]
    claims = [x for x in found if x.stands_out]
    resolved = [numbers.contrasts(shown, claims, "Resolved, against")] if claims else []
    return [*resolved, Fold(f"All {len(found)} contrasts", tuple(every))]


def _told(found: Sequence[Finding]) -> list[Simple]:
    """Findings in sentences, and their numbers."""
    if not found:
        return []
    table = Table(HEADINGS[found[0].kind].rstrip("?"), numbers.of_details(found))
    return [Bullets(tuple(x.sentence for x in found)), table]


def _levels(main: Compared, pictures: Pictures) -> list[Block]:
    table = numbers.levels(main)
    if table is None:
        return []
    blocks: list[Block] = [
        Heading(2, "How fast they got there"),
        _folded_if_long(table, "First finishes and levels", MANY_ROWS),
    ]
    if main.evidence.are_arms:
        firsts = dict.fromkeys(x.metric for x in main.of("first_finish"))
        known = {metric.name: metric for metric in main.main.metrics}
        blocks += [pictures.survival(main, known[name]) for name in firsts if name in known]
    return blocks


def _going_on(main: Compared, closer: Compared | None) -> list[Block]:
    """Of those that are looked at closer it is told where they are."""
    if closer or not main.of("after"):
        return []
    table = _folded_if_long(numbers.going_on(main), "What going on brought each", MANY_ROWS)
    return [Heading(2, "Going on"), table]


def _closer(main: Compared, closer: Compared, pictures: Pictures) -> list[Block]:
    """Those that are looked at closer, over a window of their own."""
    names = " and ".join(closer.subjects)
    said = answered(main, closer)
    blocks: list[Block] = [
        Heading(2, f"{names} alone, up to {closer.end}"),
        Answer(tuple(text for text in answer(closer.found) if text not in said)),
    ]
    # single runs need other cautions than arms do
    told = set() if main.evidence.are_arms else {x.reason for x in main.of("caution")}
    cautions = [
        x for x in _heavy(closer) if x.reason not in told and x.sentence not in answer(closer.found)
    ]
    if cautions:
        blocks += [Bullets(tuple(x.sentence for x in cautions)), *_numbers_of(cautions)]
    if picture := pictures.panels(closer, "_closer"):
        blocks.append(picture)
    heading = _told_of(closer, f"At {closer.end}")
    blocks.append(numbers.summary(closer, closer.subjects, heading))
    blocks += _answers(closer) if closer.of("contrast") else []
    blocks += [numbers.going_on(closer)] if closer.of("after") else []
    return [*blocks, *_told(closer.of("crossover"))]


def _said_before(study: Study, runs: Mapping[str, Run]) -> list[Block]:
    """What was said of the runs, and where that is more than they hold."""
    if not study.statements:
        return []
    called = {name: runs[study.short(name)] for name in study.run_names()}
    checked = check(study.statements, called)
    beyond = [x for x in checked if x.holds is False]
    numbered = [x for x in checked if x.statement.values]
    asked = [x for x in checked if x.holds is not None]
    right = sum(x.right for x in numbered)
    told = (
        f"Of {how_many(len(numbered), 'statement')} with numbers {right} have them right; of "
        f"{how_many(len(asked), 'claim')} that can be tested {len(asked) - len(beyond)} hold."
    )
    every = [numbers.beyond(beyond)] * bool(beyond) + [numbers.statements(checked)]
    what = f"All {how_many(len(checked), 'statement')}" if len(checked) > 1 else "The statement"
    return [Heading(2, "What was said before"), Text(told), Fold(what, tuple(every))]


def _ablation(main: Compared, pictures: Pictures) -> list[Block]:
    """What each knob does, where the configurations of arms form a design."""
    blocks: list[Block] = []
    without: list[Block] = []
    for metric in main.evidence.primary if main.evidence.are_arms else ():
        try:
            found = main.main.effects(metric.name)
        except TmnetError as error:  # they form none, or not all seeds have a value
            without.append(Text(f"None on {name_of(metric)}: {error}"))
            continue
        unit, rows = metric.scale, []
        for effect in found.effects:
            low, high = effect.interval or (np.nan, np.nan)
            rows.append((" × ".join(effect.knobs), effect.value * unit, low * unit, high * unit))
        blocks += [numbers.effects(main, metric, found), pictures.effects(main, metric, rows)]
    return [Heading(2, "What each knob does"), *blocks, *without] if blocks else []


def _cost(main: Compared) -> list[Block]:
    if not main.of("cost"):
        return []
    table = _folded_if_long(numbers.cost(main), "Cost of each run")
    return [Heading(2, HEADINGS["cost"]), table, *_told(main.of("frontier"))]


def _folded_if_long(table: Table, what: str, most: int = MOST_ROWS) -> Table | Fold:
    return Fold(what, (table,)) if len(table.frame) > most else table


# --- the runs -------------------------------------------------------------------------------------


def _configuration(comparison: Comparison, runs: Mapping[str, Run]) -> list[Block]:
    table = _of_arms(comparison.config_diff(), comparison)
    heading = Heading(2, "Configuration changes")
    if not len(table):
        logged = any(run.config for run in runs.values())
        told = "do not differ" if logged else "were not logged"
        return [heading, Text(f"The configurations of these runs {told}.")]
    is_short = table.map(lambda value: len(_plain(value)) <= LONGEST_SETTING).all(axis=1)
    is_short &= np.arange(len(table)) < MOST_SETTINGS
    blocks: list[Block] = [heading]
    if is_short.any():
        blocks += _settings("Where the configurations differ", table[is_short])
    if not is_short.all():
        rest = _settings("Where they differ, too", table[~is_short])
        blocks.append(Fold("Other settings that differ", tuple(rest)))
    return blocks


def _of_arms(table: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """Settings by arm, where there are arms; of seeds that differ it is told that they do."""
    if not comparison.arms:
        return table

    def together(row: pd.Series, seeds: Sequence[str]) -> Any:
        first = row[seeds[0]]
        return first if all(repr(row[name]) == repr(first) for name in seeds) else "differs by seed"

    columns = {
        arm: [together(row, list(seeds)) for _, row in table.iterrows()]
        for arm, seeds in comparison.arms.items()
    }
    return pd.DataFrame(columns, table.index, dtype=object)


def _runs(runs: Mapping[str, Run], main: Compared) -> list[Block]:
    told = describe_in_words(list(runs.values()))
    heads = ["pieces", "active min", "steps", "races", "maps"]
    if told["wall min"] != told["active min"]:
        heads[1:1] = ["processes", "wall min"]
    table = pd.DataFrame({head: told[head] for head in heads}, list(runs), dtype=object)
    table = table.rename_axis("run").rename(columns={"pieces": "log directories"})
    notes = [*dict.fromkeys(note for run in runs.values() for note in run.notes), *main.left_out]
    logged = {name: run.about for name, run in runs.items() if run.about}
    about = pd.DataFrame(logged, dtype=object).rename_axis("what")
    return [
        Heading(2, "Runs and machines"),
        _folded_if_long(Table("Runs", table), "All runs"),
        *([Bullets(tuple(notes))] if notes else []),
        Fold("Machines and software, as logged", tuple(_settings("As logged", about)))
        if logged
        else Text("The logs do not tell on which machines they ran."),
    ]


def _settings(heading: str, table: pd.DataFrame) -> list[Simple]:
    """What the runs logged, as a table."""
    table, more = readable(table)
    return [Table(heading, table.map(_plain)), *([Text(more)] if more else [])]


def _plain(value: Any) -> str:
    """A setting as text."""
    if value is None or value != value:
        return numbers.NONE
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(x)}" for name, x in value.items())
    if isinstance(value, list):
        return "; ".join(map(_plain, value))
    if isinstance(value, float):
        return f"{value:.10g}" if value % 1 else str(value)  # 22.0588… minutes have no end
    return str(value)


# --- everything else ------------------------------------------------------------------------------


def _everything(
    main: Compared, closer: Compared | None, pictures: Pictures, step: Callable[[], Any]
) -> list[Block]:
    blocks: list[Block] = [
        Heading(2, "Everything else"),
        Text("Exploratory: no claim rests on these."),
    ]
    blocks.append(Fold(f"All values at {main.end}", (_values(main),)))
    light = [x for x in main.of("caution") if x not in _heavy(main)]
    if light:
        rows = [[x.reason, name, text] for x in light for name, text in x.of_runs.items()]
        table = Table("What else may mislead, by run", numbers.frame(rows, ["", "", ""]))
        told = Bullets(tuple(x.sentence for x in light))
        blocks.append(Fold("What else may mislead", (told, table)))
    said: list[str] = []
    for comparison in main.by.values():
        heading = "by training time" if comparison.axis.is_time else "by step"
        details = _details(comparison, heading, pictures, said)
        blocks.append(Fold(f"Every metric {heading}", tuple(details)))
        step()
    if closer and (table := numbers.levels(closer)):
        blocks.append(Fold(f"How fast they got there, up to {closer.end}", (table,)))
    if closer and main.of("after"):
        blocks.append(Fold(f"Going on, up to {main.end}", (numbers.going_on(main),)))
    if main.main.arms:
        profiles = [pictures.profile(main, x) for x in main.evidence.primary]
        blocks += [Fold("Performance profiles", tuple(profiles))] if profiles else []
    return blocks


def _values(main: Compared) -> Table:
    """A row a metric, a column a run; behind the values the difference to the baseline."""
    shown, at = main.main, main.main.at(main.main.grid[-1])
    base = None if main.evidence.are_arms else main.evidence.baseline
    rows = []
    for metric in shown.metrics:
        row = [title(shown, metric)]
        for name in at.columns:
            text = shown.show(metric, at.at[metric.name, name])
            if base and name != base:
                gap = at.at[metric.name, name] - at.at[metric.name, base]
                if np.isfinite(gap):
                    sign = "+" if gap > 0 else "−" if gap < 0 else "±"
                    text += f" ({sign}{shown.show(metric, abs(gap))})"
            row.append(minus(text))
        rows.append(row)
    told = f", and the difference to {base}" if base and len(at.columns) > 1 else ""
    return Table(f"Values at {main.end}{told}", numbers.frame(rows, ["metric", *at.columns]))


def _details(
    comparison: Comparison, heading: str, pictures: Pictures, said: list[str]
) -> list[Simple]:
    """A figure and a table for every metric; and notes that were not said before."""
    marks = (
        "Cells are the inter-quartile mean of an arm's seeds (or their median), and 95 % of it."
        if comparison.arms
        else "Of a row * marks the best; a mean comes with the standard deviation, a rate with the "
        "number of races behind it."
    )
    end = f"{comparison.axis.show(comparison.grid[-1])} {comparison.axis.unit}"
    every = f"Every {comparison.axis.show(comparison.interval)} {comparison.axis.unit} up to {end}."
    blocks: list[Simple] = [Text(every if said else f"{every} {marks}")]
    said.append(marks)
    notes = [note for note in comparison.notes if note not in said]
    said += notes
    blocks += [Bullets(tuple(notes))] if notes else []
    for metric, picture in pictures.every(comparison).items():
        table = metric_table(comparison, metric).map(minus)
        what = f"{title(comparison, metric)}, {heading}"
        blocks += [
            Heading(3, f"{metric.label.replace(': ', ' ')}, {heading}"),
            picture,
            Table(what, table, folded=True),
        ]
    return blocks
