"""Reports: a study's question, what its runs show, and how surely, as a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tmnet.analysis.alignment import fitting_interval
from tmnet.analysis.axis import Axis
from tmnet.analysis.findings import answer
from tmnet.analysis.findings.finding import HEADINGS, Finding
from tmnet.analysis.findings.words import name_of
from tmnet.analysis.metrics import Metric, minus
from tmnet.comparison import Comparison, compare, compare_by
from tmnet.export import export_profile
from tmnet.files import (
    FIGURE_FORMATS,
    TABLE_FORMATS,
    check_formats,
    check_output,
    fitted,
    make_directory,
    write_output,
)
from tmnet.logs.find import describe_in_words, load_run
from tmnet.logs.run import Run
from tmnet.progress import progress_bar
from tmnet.report.page import (
    Block,
    Bullets,
    Code,
    Heading,
    Picture,
    Table,
    Text,
    Words,
    write_page,
)
from tmnet.report.study import Study
from tmnet.safe_text import visible
from tmnet.tables import document, metric_table, readable, title

KEY_METRICS = ("best", "finish_rate", "mean")  # of eval races: what the key findings speak of
SHOWN_FIGURES = ("png", "jpg", "svg")  # that a page can show
PROMPTS = {  # for the author's own words, and what belongs there
    "overview": "(Your words: why these runs, and what was expected.)",
    "key findings": "(Your words: what matters most.)",
    "going on": "(Your words: whether it was worth it.)",
    "hardware": "(Your words: machine, versions, game, and what else matters.)",
    "conclusions": "(Your words: the answer to the question.)",
    "recommendations": "(Your words: what to do next.)",
}


def report(
    study: Study,
    *,
    logdir: str | Path,
    directory: str | Path,
    name: str = "report",
    styles: Iterable[str] = ("html",),
    formats: Iterable[str] = ("png",),
    commands: Sequence[str] = (),
    words: Mapping[str, str] | None = None,
    cache: bool = True,
    width: str = "page",
) -> list[Path]:
    """Write a study up.

    Parameters
    ----------
    study : Study
    logdir : str or Path
        Where its runs are.
    directory : str or Path
        For the page, its figures and its tables; is made if need be.
    name : str
        Of the page's file.
    styles : iterable of {"md", "rst", "html"}
    formats : iterable of str
        Of figures and tables, as for `export`; the page shows the first that it can.
    commands : sequence of str
        That make it again, for its last section.
    words : dict, optional
        The author's words, by the key of their place; of others, what is in a page that is there
        already stays.
    cache : bool
        As for `load_run`.
    width : {"page", "column"}
        Of the figures.

    Returns
    -------
    list of Path
        Pages first.

    Raises
    ------
    TmnetError
        If the study does not fit the runs, or a file cannot be written.
    """
    formats = check_formats(formats)
    if not set(formats) & set(SHOWN_FIGURES):
        formats = ["png", *formats]
    directory = Path(directory)
    pages = [directory / f"{name}.{style}" for style in styles]
    for path in pages:
        check_output(path)  # before anything is computed
    with progress_bar(total=6, desc="Writing", unit="step") as bar:
        loaded = {name: load_run(name, logdir, cache=cache) for name in study.names()}
        make_directory(directory)
        bar.update()
        writer = _Writer(study, loaded, directory, formats, width)
        bar.update()
        blocks = writer.page(commands, bar.update)
        for path in pages:
            write_page(path, blocks, words)
        if "tex" in formats:
            path = directory / f"{fitted(f'{study.prefix}_findings')}.tex"
            tables = [(block.title, block.frame) for block in blocks if isinstance(block, Table)]
            text = document(tables, "tex") + "\n"
            write_output(path, lambda file: file.write(text.encode()))
            writer.written.append(path)
        bar.update()
    return pages + writer.written


class _Writer:
    """Makes the sections of a page."""

    def __init__(
        self, study: Study, runs: dict[str, Run], directory: Path, formats: Sequence[str],
        width: str,
    ):  # fmt: skip
        self.width = width
        self.study, self.runs, self.directory, self.formats = study, runs, directory, formats
        self.order, self.written = list(study.arms or runs), []
        seeds = {arm: [runs[name] for name in names] for arm, names in study.arms.items()}
        every = list(runs.values())
        axes = {
            by: {"interval": fitting_interval(every, Axis(by)) if given is None else given}
            for by, given in (("time", study.interval), ("step", study.step_interval))
        }
        self.compared, self.left_out = compare_by(seeds or every, axes)
        self.main = next(iter(self.compared.values()))  # by time, unless no run has any
        self.closer = None
        if study.closer:
            closer = [runs[name] for name in study.closer]
            self.closer = compare(closer, by=self.main.axis.by, interval=self.main.interval)
        thresholds = study.thresholds or None
        baseline = study.baseline if not study.arms else None
        self.found = self.main.findings(thresholds, baseline=baseline)
        later = self.closer or self.main
        known = {run.name for run in later.runs}
        self.later = later.findings(
            thresholds, study.after, baseline=baseline if baseline in known else None
        )

    def page(self, commands: Sequence[str], step) -> list[Block]:
        blocks = [*self._overview(), *self._key_findings(), *self._profiles(), *self._going_on()]
        blocks += self._runs()
        step()
        for comparison in self.compared.values():
            heading = "by training time" if comparison.axis.is_time else "by step"
            found = self.found if comparison is self.main else []
            blocks += self._details(comparison, heading, found)
            step()
        lines = "\n".join(map(visible, commands))
        again = [Heading(2, "Making this page again"), Code(lines)] if commands else []
        return [*blocks, *self._cost(), *self._configuration(), *self._hardware(),
                *self._conclusions(), *self._recommendations(), *again]  # fmt: skip

    def _overview(self) -> list[Block]:
        runs = [
            f"{name}: {run.duration:,.1f} min active, {run.steps:,} steps, {len(run.races):,} "
            f"races ({', '.join(run.pieces)})"
            for name, run in self.runs.items()
        ]
        return [
            Heading(1, self.study.title),
            *([Text(self.study.question)] if self.study.question else []),
            Bullets(tuple(runs)),
            Text(
                f"Unless said otherwise, they are compared at {self._at_end(self.main)}, the "
                "last grid point that all reach."
            ),
            _words("overview"),
        ]

    def _key_findings(self) -> list[Block]:
        key = [finding for finding in self.found if self._is_key(finding)]
        cautions = [finding for finding in self.found if finding.kind == "caution"]
        at = self._at_end(self.main)
        return [
            Heading(2, "Key findings"),
            *_told(key, _KEY),
            Table(f"Values at {at}", self._final_values()),
            *([Heading(3, HEADINGS["caution"])] if cautions else []),
            *_told(cautions, ("caution",)),
            _words("key findings"),
        ]

    def _profiles(self) -> list[Block]:
        """Of arms: which share of the seeds is how good at the end."""
        metrics = self.main.metrics if self.main.arms else ()
        shown = [metric for metric in metrics if _is_of_eval(metric.name)]
        if not shown:
            return []
        at, blocks = self._at_end(self.main), [Heading(2, "Performance profiles")]
        kinds = [kind for kind in self.formats if kind in FIGURE_FORMATS]
        for metric in shown:
            files = export_profile(
                self.main, metric.name, self.directory, prefix=self.study.prefix, kinds=kinds,
                order=self.order, width=self.width,
            )  # fmt: skip
            self.written += files
            blocks.append(
                Picture(
                    self._shown(files)[0],
                    f"Share of the seeds of each arm whose {name_of(metric)} at {at} is better, "
                    "with 95 % of it; a seed without a value is worse than any.",
                    f"Share of seeds by {name_of(metric)}: {', '.join(self.order)}",
                )
            )
        return blocks

    def _shown(self, files: Sequence[Path]) -> list[Path]:
        """Those of the figures that the page shows."""
        kind = next(kind for kind in self.formats if kind in SHOWN_FIGURES)
        return [path for path in files if path.suffix == f".{kind}"]

    def _is_key(self, finding: Finding) -> bool:
        return finding.kind in _KEY

    def _at_end(self, comparison: Comparison) -> str:
        return f"{comparison.axis.show(comparison.grid[-1])} {comparison.axis.unit}"

    def _final_values(self) -> pd.DataFrame:
        """A row a metric, a column a run; behind the values the difference to the baseline."""
        shown, at = self.main, self.main.at(self.main.grid[-1])
        rows = {}
        for metric in shown.metrics:
            row = []
            for name in at.columns:
                text, base = shown.show(metric, at.at[metric.name, name]), self.study.baseline
                if base and name != base:
                    gap = at.at[metric.name, name] - at.at[metric.name, base]
                    if np.isfinite(gap):
                        sign = "+" if gap > 0 else "−" if gap < 0 else "±"
                        text += f" ({sign}{shown.show(metric, abs(gap))})"
                row.append(minus(text))
            rows[title(shown, metric)] = row
        table = pd.DataFrame.from_dict(rows, orient="index", columns=list(at.columns))
        return table.rename_axis("metric")

    def _going_on(self) -> list[Block]:
        kinds: tuple[str, ...] = ("after", "plateau")
        findings = [finding for finding in self.later if finding.kind in kinds]
        if self.closer:  # which has ends and leaders of its own
            kinds = ("contrast", "crossover", *kinds)
            findings += [x for x in self.later if x.kind in ("contrast", "crossover")]
        if not findings:
            return []
        shown = self.closer or self.main
        names, window = ", ".join(run.name for run in shown.runs), f"over {self._at_end(shown)}"
        return [
            Heading(2, "Going on"),
            Text(f"{visible(names)}, {window}."),
            *_told(findings, kinds, window),
            _words("going on"),
        ]

    def _runs(self) -> list[Block]:
        runs = list(self.runs.values())
        told = describe_in_words(runs)
        heads = ["pieces", "processes", "active min", "wall min", "steps", "races", "maps"]
        table = pd.DataFrame({head: told[head] for head in heads}, [run.name for run in runs])
        table = table.rename_axis("run").rename(columns={"pieces": "log directories"})
        notes = [*dict.fromkeys(note for run in runs for note in run.notes), *self.left_out]
        return [
            Heading(2, "Runs"),
            Table("Runs", table),
            *([Bullets(tuple(notes))] if notes else []),
        ]

    def _details(
        self, comparison: Comparison, heading: str, found: Sequence[Finding]
    ) -> list[Block]:
        """A figure, a table, and what there is to say, for every metric."""
        drawn = comparison.only([metric.name for metric in comparison.metrics if metric.drawn])
        figures = [kind for kind in self.formats if kind in FIGURE_FORMATS]
        files = drawn.export(
            self.directory, self.study.prefix, figures, order=self.order, width=self.width
        )
        tables = [kind for kind in self.formats if kind in TABLE_FORMATS]
        self.written += files + comparison.export(self.directory, self.study.prefix, tables)
        pictures = self._shown(files)
        marks = (
            "The inter-quartile mean of an arm's seeds, and 95 % of it."
            if comparison.arms
            else "* marks the best of a row; a mean comes with the standard deviation, a rate with "
            "the number of races behind it."
        )
        blocks: list[Block] = [
            Heading(2, heading[0].upper() + heading[1:]),
            Text(
                f"Every {comparison.axis.show(comparison.interval)} {comparison.axis.unit} up to "
                f"{self._at_end(comparison)}. {marks}"
            ),
            *([Bullets(tuple(comparison.notes))] if comparison.notes else []),
        ]
        for metric, path in zip(drawn.metrics, pictures, strict=True):
            name = name_of(metric)
            said = [x for x in found if x.metric == metric.name and x.kind == "caution"]
            runs = ", ".join(self.order)
            blocks += [
                Heading(3, f"{name}, {heading}"),
                *([Bullets(tuple(x.sentence for x in said))] if said else []),
                Picture(
                    path,
                    f"{title(comparison, metric)}, by {comparison.axis.label}.",
                    f"{name} by {comparison.axis.label}: {runs}",
                ),
                Table(
                    f"{title(comparison, metric)}, {heading}",
                    metric_table(comparison, metric).map(minus),
                    folded=True,
                ),
            ]
        return blocks

    def _cost(self) -> list[Block]:
        findings = [finding for finding in self.found if finding.kind == "cost"]
        return [Heading(2, "Cost"), *_told(findings, ("cost",))] if findings else []

    def _configuration(self) -> list[Block]:
        table = self.main.config_diff()
        heading = Heading(2, "Configuration changes")
        if not len(table):
            logged = any(run.config for run in self.runs.values())
            told = "do not differ" if logged else "were not logged"
            return [heading, Text(f"The configurations of these runs {told}.")]
        return [heading, *_settings("Where the configurations differ", table)]

    def _hardware(self) -> list[Block]:
        logged = {name: run.about for name, run in self.runs.items() if run.about}
        if not logged:
            return [
                Heading(2, "Hardware and software"),
                Text("The logs do not tell."),
                _words("hardware"),
            ]
        table = pd.DataFrame(logged, dtype=object).rename_axis("what")
        return [
            Heading(2, "Hardware and software"),
            *_settings("As the runs logged it", table),
            _words("hardware"),
        ]

    def _conclusions(self) -> list[Block]:
        told = answer(self.found) + (answer(self.later) if self.closer else [])
        return [Heading(2, "Conclusions"), Bullets(tuple(told)), _words("conclusions")]

    def _recommendations(self) -> list[Block]:
        return [Heading(2, "Recommendations"), _words("recommendations")]


_KEY = ("contrast", "crossover", "first_finish", "threshold")


def _is_of_eval(name: str, statistics: Sequence[str] = KEY_METRICS) -> bool:
    races = Metric.named(name).races
    return (
        races is not None
        and races.kind == "eval"
        and races.statistic in statistics
        and not races.robust
    )


def _told(
    findings: Sequence[Finding], kinds: Iterable[str], what: str = "the numbers"
) -> list[Block]:
    """Findings in sentences, and as tables, a kind after the other."""
    blocks: list[Block] = []
    for kind in kinds:
        of_kind = [finding for finding in findings if finding.kind == kind]
        if not of_kind:
            continue
        blocks += [Bullets(tuple(finding.sentence for finding in of_kind)), *_tables(of_kind, what)]
    return blocks


def _tables(findings: Sequence[Finding], what: str = "the numbers") -> list[Block]:
    """The numbers of findings, a table a kind."""
    findings = [finding for finding in findings if finding.of_runs or finding.details]
    return [
        Table(
            f"{HEADINGS[kind].rstrip('?')}: {what}",
            _numbers([finding for finding in findings if finding.kind == kind]),
            folded=True,
        )
        for kind in dict.fromkeys(finding.kind for finding in findings)
    ]


def _numbers(findings: Sequence[Finding]) -> pd.DataFrame:
    """A row a finding, a column a run or a detail."""
    runs = dict.fromkeys(name for finding in findings for name in finding.of_runs)
    details = dict.fromkeys(name for finding in findings for name in finding.details)
    about = [
        name_of(Metric.named(finding.metric)) if finding.metric else "" for finding in findings
    ]
    rows = [
        [
            finding.runs[0] if finding.of_runs else ", ".join(finding.runs),
            *(finding.of_runs.get(name, "") for name in runs),
            *(finding.details.get(name, "") for name in details),
        ]
        for finding in findings
    ]
    return pd.DataFrame(rows, pd.Index(about, name="metric"), ["runs", *runs, *details])


def _words(key: str) -> Words:
    return Words(key, PROMPTS[key])


def _settings(title: str, table: pd.DataFrame) -> list[Block]:
    """What the runs logged, as a table."""
    table, more = readable(table)
    return [Table(title, table.map(_plain)), *([Text(more)] if more else [])]


def _plain(value: Any) -> str:
    """A setting as text."""
    if value is None or value != value:
        return "–"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(x)}" for name, x in value.items())
    if isinstance(value, list):
        return "; ".join(map(_plain, value))
    return str(value)
