"""The write-up: choose runs and levels, read the findings, write the words, make the page."""

from __future__ import annotations

import html
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.metrics import Metric
from tmnet.arguments import a_path
from tmnet.comparison import Comparison
from tmnet.errors import TmnetError
from tmnet.figures import WIDTHS
from tmnet.files import FIGURE_FORMATS, TABLE_FORMATS, write_output
from tmnet.logs.find import load_runs
from tmnet.logs.run import Run
from tmnet.report.compared import aligned, subjects_of
from tmnet.report.page import PAGE_FORMATS
from tmnet.report.report import report, study_runs
from tmnet.report.sections import PROMPTS
from tmnet.report.study import Study
from tmnet.safe_text import for_html, for_label, lines_for_html
from tmnet.tables import with_unit
from tmnet.widgets.callbacks import Callbacks
from tmnet.widgets.findings import answer_html, findings_html
from tmnet.widgets.parts import (
    FULL,
    LABEL,
    ProgressOutput,
    dropdown,
    heading,
    label_tooltips,
    options_of,
    set_options,
    whole_steps,
    without_echo,
)
from tmnet.yaml_text import to_yaml

TITLE = "Which run was worth it?"
PRIMARY = ("late_rate", "late_best_of_10", "late_mean_all", "anytime_rate")  # of each map's races


def write_up(logdir: str | Path, study: Study | None = None) -> WriteUp:
    """Write a comparison up, in a notebook.

    Parameters
    ----------
    logdir : str or Path
        Where the runs are.
    study : Study, optional
        What is chosen at first, as `load_study` returns it or the explorer makes it; by default all
        runs.

    Returns
    -------
    WriteUp
        A widget. Its `study` is what is chosen, `words` what the author wrote, `files` what was
        written last.

    Raises
    ------
    TmnetError
        If there are no runs.
    """
    return WriteUp(logdir, study)


class WriteUp(widgets.HBox):
    """See `write_up`."""

    def __init__(
        self, logdir: str | Path, study: Study | None = None, runs: Sequence[Run] | None = None
    ):
        self.logdir = a_path("logdir", logdir)
        runs = load_runs(logdir) if runs is None else runs
        self.loaded: dict[str, Run] = {run.name: run for run in runs}
        names = list(self.loaded)
        self._begun = Study(title=TITLE, question="", runs=names) if study is None else study
        if missing := [name for name in self._begun.run_names() if name not in self.loaded]:
            raise TmnetError(
                f"There is no run {missing[0]} in {self.logdir}; there are: {', '.join(names)}."
            )
        self.comparison: Comparison | None = None
        self.files: list[Path] = []
        self._levels: dict[str, widgets.FloatSlider] = {}
        self._make_controls()
        self.message, self.progress = widgets.HTML(), ProgressOutput()
        self._callbacks = Callbacks(self.message)
        # Where there is no room for both side by side, what is shown comes first.
        wrapped = {"flex_flow": "row wrap-reverse", "align_items": "flex-end"}
        super().__init__(layout={"width": "100%", **wrapped})
        self._arrange()
        label_tooltips(self)
        self._observe()
        self._choose()

    def _make_controls(self) -> None:
        names, begun = list(self.loaded), self._begun
        self.runs = widgets.SelectMultiple(
            options=options_of(zip(names, names)), value=begun.run_names(),
            rows=min(8, len(names) + 1),
            description="Runs", tooltip="What the page compares", style=LABEL, layout=FULL,
        )  # fmt: skip
        self.taken = widgets.HTML()
        self.baseline = dropdown("Baseline", (), "With which the other runs are compared")
        self.primary = widgets.SelectMultiple(
            rows=5, description="Compared by", style=LABEL, layout=FULL,
            tooltip="The primary metrics: of no other anything is claimed",
        )  # fmt: skip
        self.after = widgets.FloatSlider(
            description="After (min)", min=0.0, max=1.0, continuous_update=False, style=LABEL,
            tooltip="Findings judge what came after this moment", layout=FULL,
        )  # fmt: skip
        self.levels = widgets.VBox()
        self.title = widgets.Text(
            begun.title, description="Title", continuous_update=False, style=LABEL,
            tooltip="What the page is called", layout=FULL,
        )  # fmt: skip
        self.question = widgets.Textarea(
            begun.question, description="Question", placeholder="What was to be found out?", rows=3,
            tooltip="Stands at the top of the page", style=LABEL, layout=FULL,
        )  # fmt: skip
        self.prose = {
            key: widgets.Textarea(
                "", placeholder=prompt, rows=6, layout={"width": "98%"},
                tooltip=f"Your words under {key}, in Markdown",
            )
            for key, prompt in PROMPTS.items()
        }  # fmt: skip
        self.folder = widgets.Text(
            "report", description="Folder", tooltip="Where the page is written", style=LABEL,
            layout=FULL, continuous_update=False,
        )  # fmt: skip
        self.prefix = widgets.Text(
            begun.prefix, description="Prefix", tooltip="What names of figures begin with",
            style=LABEL, layout=FULL, continuous_update=False,
        )  # fmt: skip
        self.styles = widgets.SelectMultiple(
            options=PAGE_FORMATS, value=["html"], rows=3, description="Page", style=LABEL,
            tooltip="md: Markdown, rst: reStructuredText, html: one file",
        )  # fmt: skip
        self.formats = widgets.SelectMultiple(
            options=[*FIGURE_FORMATS, *TABLE_FORMATS], value=["png"], rows=7, style=LABEL,
            description="Figures", tooltip="Of figures, and of tables (csv, md, tex)",
        )  # fmt: skip
        self.width = dropdown("Figure width", list(WIDTHS), "That of a page's text, or of a column")
        self.make = widgets.Button(
            description="Make the page", icon="file-text", button_style="primary",
            tooltip="Write the page, its figures and its tables, and show it",
        )  # fmt: skip
        self.findings, self.written, self.page = widgets.HTML(), widgets.HTML(), widgets.HTML()

    def _arrange(self) -> None:
        controls = widgets.VBox(
            [
                heading("Runs"), self.runs, self.taken, self.baseline, self.primary,
                heading("Levels and moment"), self.levels, self.after,
                heading("Page"), self.title, self.question, self.folder, self.prefix,
                self.styles, self.formats, self.width,
            ],
            layout={"flex": "1 1 320px", "min_width": "0", "padding": "0 10px 0 0"},
        )  # fmt: skip
        prose = widgets.VBox(
            [box for key, area in self.prose.items() for box in (heading(key.capitalize()), area)]
        )
        self.tabs = widgets.Tab(
            [self.findings, prose, widgets.VBox([self.written, self.page])],
            titles=("Findings", "Your words", "The page"),
            selected_index=0,
        )
        display = widgets.VBox(
            [self.make, self.message, self.progress, self.tabs],
            layout={"flex": "999 1 420px", "min_width": "0", "overflow": "hidden"},
        )
        self.children = [controls, display]

    def _observe(self) -> None:
        self.runs.observe(self._callbacks(self._choose), "value")
        for chosen in (self.baseline, self.primary, self.after):
            chosen.observe(self._callbacks(self._refresh), "value")
        self.make.on_click(self._callbacks(self._make))

    # --- what is chosen ---------------------------------------------------------------------------

    @property
    def study(self) -> Study:
        """What is chosen."""
        return replace(
            self._chosen,
            title=self.title.value,
            question=self.question.value,
            baseline=self.baseline.value,
            primary=list(self.primary.value),
            after=self.after.value,
            thresholds=self.thresholds,
            prefix=self.prefix.value or "comparison",
        )

    @property
    def _chosen(self) -> Study:
        """The runs that are chosen, or their arms, and what was taken over about them."""
        begun, runs = self._begun, list(self.runs.value)
        arms = {
            arm: chosen for arm, seeds in begun.arms.items()
            if (chosen := [name for name in seeds if name in runs])
        }  # fmt: skip
        others = [name for name in runs if name not in begun.run_names()]
        arms |= {name: [name] for name in others} if begun.arms else {}
        known = {*arms, *runs}
        names, colours = (
            {name: x for name, x in of.items() if name in known}
            for of in (begun.names, begun.colours)
        )
        return replace(
            begun, runs=[] if begun.arms else runs, arms=arms, names=names, colours=colours,
            baseline=None, closer=[name for name in begun.closer if name in runs], statements=(),
        )  # fmt: skip

    @property
    def thresholds(self) -> dict[str, float]:
        """The levels whose reaching is timed."""
        return {
            name: slider.value / Metric.named(name).scale for name, slider in self._levels.items()
        }

    @property
    def words(self) -> dict[str, str]:
        """What the author wrote, by its place."""
        return {key: area.value for key, area in self.prose.items() if area.value.strip()}

    def take_words(self, other: WriteUp) -> None:
        """Have what an author wrote in another one, and where to."""
        for mine, given in (
            (self.title, other.title), (self.question, other.question),
            (self.folder, other.folder), *zip(self.prose.values(), other.prose.values()),
        ):  # fmt: skip
            mine.value = given.value

    def _choose(self) -> None:
        """Take other runs."""
        if not self.runs.value:
            raise TmnetError("Choose at least one run.")
        study = self._chosen
        compared, _ = aligned(study, subjects_of(study, study_runs(study, self.loaded)))
        is_first, self.comparison = self.comparison is None, next(iter(compared.values()))
        self.taken.value = _lines(f"<small>{for_html(_taken(study))}</small>")
        names = list(study.arms) or study.runs
        with self._callbacks.off():
            set_options(self.baseline, options_of((study.short(name), name) for name in names))
            if self._begun.baseline in names and is_first:
                self.baseline.value = self._begun.baseline
            self._set_primary()
            self._set_levels()
            low, high = self.comparison.window
            with without_echo(self.after):
                self.after.max = max(high, self.after.min)  # never crossed
                self.after.min, self.after.max = low, high
                self.after.step = round((high - low) / 100, 2) or 0.01
                # half of the window, to a step
                self.after.value = min(low + 50 * self.after.step, high)
        self._refresh()

    def _set_primary(self) -> None:
        """Metrics that have a better and a worse; those that findings take by themselves chosen."""
        raced = dict.fromkeys(pair for run in self.comparison.runs for pair in run.raced)
        names = [f"{map_}/{kind}/{name}" for map_, kind in raced for name in PRIMARY]
        names += [x.name for x in self.comparison.metrics if x.better and not x.races]
        before = set(self.primary.value)
        self.primary.options = options_of((Metric.named(name).label, name) for name in names)
        own = [metric.name for metric in Evidence(self.comparison).primary]
        self.primary.value = [name for name in names if name in (before or own)]

    def _set_levels(self) -> None:
        """A slider for the level of each best time and finish rate of eval races."""
        last = self.comparison.at(self.comparison.grid[-1])
        levels = {}
        for metric in self.comparison.metrics:
            if not metric.races or metric.races[1:] not in (
                ("eval", "best", False),
                ("eval", "finish_rate", False),
            ):
                continue
            values = self.comparison.table(metric.name).to_numpy() * metric.scale
            values = values[np.isfinite(values)]
            ends = last.loc[metric.name].dropna() * metric.scale
            if not len(values) or not len(ends):
                continue
            step = 10.0**-metric.digits
            low, high = 0.0, 100.0
            if metric.unit != "%":
                low, high = whole_steps(values.min(), values.max(), step)
            # of times at first what every run reaches, as it is shown
            at_first = 50.0 if metric.unit == "%" else np.ceil(ends.max() / step - 1e-9) * step
            levels[metric.name] = widgets.FloatSlider(
                at_first, min=low, max=max(high, at_first), step=step,
                description=for_label(with_unit(self.comparison, metric)),
                readout_format=f".{metric.digits}f",
                continuous_update=False, style={"description_width": "180px"}, layout=FULL,
                tooltip="Findings say when each run reaches this for good",
            )  # fmt: skip
            levels[metric.name].observe(self._callbacks(self._refresh), "value")
        self._levels, self.levels.children = levels, list(levels.values())

    def _refresh(self) -> None:
        found = self.comparison.findings(
            self.thresholds, self.after.value, baseline=self._chosen.short(self.baseline.value),
            primary=list(self.primary.value) or None,
        )  # fmt: skip
        self.findings.value = answer_html(found) + findings_html(found)

    # --- the page ---------------------------------------------------------------------------------

    def _make(self) -> None:
        styles = list(self.styles.value) or ["html"]
        with self.progress:
            study, directory = self.study, Path(self.folder.value or ".")
            again = directory / "report.yaml"
            command = ["tmnet", "report", str(again), "--logdir", str(self.logdir)]
            self.files = report(
                study, logdir=self.logdir, directory=directory, name="report", styles=styles,
                formats=self.formats.value or ["png"], words=self.words, width=self.width.value,
                loaded=self.loaded, commands=[shlex.join(command)],
            )  # fmt: skip
            text = to_yaml(study.to_dict())
            write_output(again, lambda file: file.write(text.encode()))
        folder = for_html(str(self.files[0].parent.resolve()))
        names = ", ".join(for_html(path.name) for path in self.files[: len(styles)])
        others = len(self.files) - len(styles)
        self.written.value = _lines(
            f"{names}, and {others} figures and tables in <code>{folder}</code>; "
            f"<code>tmnet report {for_html(str(again))}</code> makes it again"
        )
        text = self.files[0].read_text(encoding="utf-8")
        if self.files[0].suffix == ".html":
            # in a frame of its own, so that its style is not the notebook's
            self.page.value = (
                f'<iframe srcdoc="{html.escape(text)}" title="The page" sandbox '
                'style="width:100%;height:720px;border:1px solid #bbb"></iframe>'
            )
        else:
            self.page.value = f"<pre style='white-space:pre-wrap'>{lines_for_html(text)}</pre>"
        self.tabs.selected_index = 2


def _lines(text: str) -> str:
    """HTML of several lines, which ipywidgets puts far apart."""
    return f"<div style='line-height:1.3'>{text}</div>"


def _taken(study: Study) -> str:
    """What of a study no control shows, in words."""
    parts = []
    if study.arms:
        arms = (f"{study.short(arm)} ({len(seeds)})" for arm, seeds in study.arms.items())
        parts.append(f"arms {', '.join(arms)}")
    for window, unit in ((study.window, "min"), (study.step_window, "steps")):
        if window:
            parts.append(f"from {window[0]:,g} to {window[1]:,g} {unit}")
    if study.metrics:
        labels = (Metric.named(name).label for name in study.metrics)
        parts.append(f"first {', '.join(labels)}")
    return "Compared are " * bool(parts) + "; ".join(parts)
