"""The figures of a page: written beside it, each with what it says of its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tmnet.analysis.findings.words import name_of
from tmnet.analysis.metrics import Metric
from tmnet.comparison import Comparison
from tmnet.drawing import Order
from tmnet.export import export_figure, export_panels, export_profile, export_survival
from tmnet.figures import plot_effects
from tmnet.figures.panel import MANY
from tmnet.files import FIGURE_FORMATS, file_name, fitted, write_output
from tmnet.report.blocks import Picture
from tmnet.report.compared import Compared
from tmnet.safe_text import emphasised, for_markdown
from tmnet.tables import title, with_unit

SHOWN = ("png", "jpg", "svg")  # that a page can show


class Pictures:
    """Writes the figures of a page, and remembers what they show.

    Parameters
    ----------
    directory : Path
    prefix : str
    formats : sequence of str
        Of all files; at least one of them a page can show.
    width : {"page", "column"}
    order : sequence of str or mapping of str to str
        Names of runs, or arms, in the order that gives them their colours, or each with its own.

    Attributes
    ----------
    written : list of Path
    captions : dict of str to str
        What stands below a figure in print, by the name of its file without the ending.
    """

    def __init__(
        self, directory: Path, prefix: str, formats: Sequence[str], width: str,
        order: Order,
    ):  # fmt: skip
        self.directory, self.prefix, self.order = directory, prefix, order
        self.formats = [kind for kind in formats if kind in FIGURE_FORMATS]
        self.width = width
        self.written: list[Path] = []
        self.captions: dict[str, str] = {}

    @property
    def _looks(self) -> dict:
        return {"kinds": self.formats, "order": self.order, "width": self.width}

    def panels(self, shown: Compared, prefix: str = "") -> Picture | None:
        """The metric that matters most, by each axis; None if there is none."""
        if shown.metric is None:
            return None
        name = shown.metric.name
        parts = [x for x in shown.by.values() if name in {metric.name for metric in x.metrics}]
        files = export_panels(
            parts, name, self.directory, prefix=self.prefix + prefix, **self._looks
        )
        axes = [
            f"by {'time' if part.axis.is_time else part.axis.by} up to "
            f"{part.axis.say(part.grid[-1])}" for part in parts
        ]  # fmt: skip
        of = f", of {' and '.join(shown.subjects)}" if prefix else ""
        caption = f"{with_unit(parts[0], shown.metric)} {' and '.join(axes)}{of}"
        caption += f"; {bands}." if (bands := self._bands(parts[0], shown.metric)) else "."
        return self._picture(files, caption, shown.metric, parts, self.width == "page")

    def every(self, comparison: Comparison) -> dict[Metric, Picture]:
        """Each metric that is drawn."""
        drawn = comparison.only([metric.name for metric in comparison.metrics if metric.drawn])
        files = drawn.export(
            self.directory, self.prefix, self.formats, order=self.order, width=self.width
        )
        each = len(self.formats)
        return {
            metric: self._picture(
                files[each * i : each * (i + 1)],
                f"{title(comparison, metric)}, by {comparison.axis.label}.",
                metric, [comparison],
            )
            for i, metric in enumerate(drawn.metrics)
        }  # fmt: skip

    def profile(self, shown: Compared, metric: Metric) -> Picture:
        """Which share of each arm's seeds is how good at the end."""
        files = export_profile(
            shown.main, metric.name, self.directory, prefix=self.prefix, **self._looks
        )
        caption = (
            f"Share of each arm's seeds whose {title(shown.main, metric)} is better at "
            f"{shown.end}, with 95 % of it; a seed without a value is worse than any."
        )
        return self._picture(files, caption, metric, [shown.main])

    def survival(self, shown: Compared, metric: Metric) -> Picture:
        """When each arm's seeds get somewhere."""
        files = export_survival(
            shown.main, metric.name, self.directory, prefix=self.prefix, **self._looks
        )
        caption = (
            f"Seeds of each arm that have no {name_of(metric)} yet (Kaplan–Meier, 95 % CI); below, "
            "how many are left."
        )
        return self._picture(files, caption, metric, [shown.main])

    def effects(self, shown: Compared, metric: Metric, rows: Sequence[tuple]) -> Picture:
        """What each knob does: (name, effect, low, high) as shown."""
        unit = "points" if metric.unit == "%" else shown.main.unit_of(metric)
        label = f"effect on the {metric.label.rpartition(': ')[2]} ({unit})"
        figure = plot_effects(rows, label, width=self.width)
        name = file_name(f"{metric.name.replace('/', '_')}_effects")
        files = export_figure(figure, self.directory, name, prefix=self.prefix, kinds=self.formats)
        caption = f"{title(shown.main, metric)}: effects of knobs at {shown.end}, 95 % CI."
        alt = f"Effects on {name_of(metric)}: {', '.join(name for name, *_ in rows)}"
        return replace(self._picture(files, caption, metric, [shown.main]), alt=alt)

    def _picture(
        self, files: Sequence[Path], caption: str, metric: Metric, parts: Sequence[Comparison],
        wide: bool = False,
    ) -> Picture:  # fmt: skip
        self.written += files
        kind = next(kind for kind in self.formats if kind in SHOWN)
        path = next(path for path in files if path.suffix == f".{kind}")
        self.captions[path.stem] = " ".join([caption, *self._more(parts, metric, caption)])
        comparison = parts[0]
        what = f"{name_of(metric)} by {comparison.axis.label}"
        there = {*comparison.arms, *(run.name for part in parts for run in part.runs)}
        shown = ", ".join(name for name in self.order if name in there)
        return Picture(path, caption, f"{what}: {shown}", wide)

    def _bands(self, comparison: Comparison, metric: Metric) -> str:
        """What the bands round the lines are."""
        if comparison.arms:
            return (
                "thick: an arm's seeds in one number (inter-quartile mean, or median of fewer than "
                "4), with its 95 % CI; thin: each seed"
            )
        banded = np.isfinite(comparison.bands(metric.name)).any()
        return "bands: 95 % CI of each run" if banded and len(comparison.runs) < MANY else ""

    def _more(self, parts: Sequence[Comparison], metric: Metric, caption: str) -> list[str]:
        """What print needs to know of a figure: of when it is, how many stand behind each line, and
        what the bands are."""
        comparison, told = parts[0], []
        counted = ", ".join(filter(None, (part.counted(metric) for part in parts)))
        if counted and counted not in caption:
            told.append(f"Races of the {counted}.")
        if comparison.arms:
            seeds = ", ".join(f"{arm} {len(runs)}" for arm, runs in comparison.arms.items())
            told.append(f"Seeds: n = {seeds}.")
        elif metric.races:
            end = comparison.grid[-1]
            races = comparison.again(metrics=[metric.name]).races_behind(end).loc[metric.name]
            ns = ", ".join(f"{name} {n:,.0f}" for name, n in races.items() if np.isfinite(n))
            told.append(f"One run each; n = {ns} races at {comparison.axis.say(end)}.")
        else:
            told.append("One run each.")
        bands = self._bands(comparison, metric)
        return (
            [*told, f"{bands[0].upper()}{bands[1:]}."] if bands and "95 %" not in caption else told
        )

    def write_captions(self) -> None:
        """The captions of all, for print."""
        path = self.directory / f"{fitted(f'{self.prefix}_captions')}.md"
        lines = [
            f"{emphasised(name, '**')}: {for_markdown(text)}"
            for name, text in self.captions.items()
        ]
        write_output(path, lambda file: file.write(("\n\n".join(lines) + "\n").encode()))
        self.written.append(path)
