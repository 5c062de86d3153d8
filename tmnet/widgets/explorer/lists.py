"""The lists of runs, metrics and other scalars, from which a reader chooses."""

from __future__ import annotations

import fnmatch
import glob
from collections.abc import Collection, Sequence

import ipywidgets as widgets

from tmnet.analysis.metrics import Metric
from tmnet.logs.run import Run
from tmnet.safe_text import for_html
from tmnet.widgets.parts import checkbox

WRITTEN_WITHIN = 360.0  # s from a run's last record; a race takes 300 s at most
FIRST_RUNS = 6  # shown at first, of many
# Each that is listed takes some widgets, of which a page has to build its own.
MOST_RUNS = 100
MOST_METRICS = 100
MOST_TAGS = 40  # of the other scalars
MOST_FIRST = 30  # metrics that are shown at first
FIRST_METRICS = ("eval/best", "eval/finish_rate", "eval/mean", "explo/best", "explo/finish_rate")
FIRST_TAGS = ("loss", "avg_q")


class RunRow(widgets.VBox):
    """A run in the list: its colour, a checkbox, and what it is."""

    def __init__(self, name: str):
        self.box = checkbox(name, f"Show {name}")
        self.swatch = widgets.HTML(layout={"width": "38px"})
        self.details = widgets.HTML()
        head = widgets.HBox(
            [self.swatch, self.box], layout={"height": "26px", "overflow": "hidden"}
        )
        super().__init__([head, self.details], layout={"flex": "0 0 auto"})


def run_details(run: Run) -> str:
    """HTML: how long a run is, and whether it is being written."""
    pieces = f"{len(run.pieces)} piece{'s' * (len(run.pieces) > 1)}"
    writing = "<b>● being written</b> · " if run.age < WRITTEN_WITHIN else ""
    return (
        f"<div style='font-size:85%;line-height:1.3;margin-left:40px'>{writing}"
        f"{run.duration:,.1f} min active · {run.steps:,} steps · {run.number_of_races:,} races · "
        f"<span title='{for_html(', '.join(run.pieces))}'>{pieces}</span></div>"
    )


def listed_runs(
    names: Sequence[str], wanted: str, chosen: Collection[str]
) -> tuple[list[str], str]:
    """Runs with `wanted` in their names, of many the first ones and those that are chosen; and in
    words how many are not listed, if any."""
    pattern = wanted if "*" in wanted else f"*{glob.escape(wanted)}*"
    matching = [name for name in names if fnmatch.fnmatch(name.lower(), pattern.lower())]
    few = {*matching[:MOST_RUNS], *chosen}
    listed = [name for name in matching if name in few]
    more = len(matching) - len(listed)
    which = f"{len(names):,} runs" + f"; {len(matching):,} match" * bool(wanted)
    return listed, f"{which}, {more:,} of them not listed: type part of a name" * bool(more)


def first_metrics(names: Sequence[str]) -> list[str]:
    """What to show before anybody has chosen: the main metrics, or without races a few scalars."""
    main = [name for name in names if name.partition("/")[2] in FIRST_METRICS]
    if not main:
        return [*names[:6]]
    main += [name for name in names if name.partition("/")[0] in FIRST_TAGS]
    return main[:MOST_FIRST]


def metric_rows(
    boxes: dict[str, widgets.Checkbox], logged: Collection[str]
) -> list[widgets.Widget]:
    """The rows that metrics' checkboxes stand in: one for each map and kind."""
    groups: dict[str, list[widgets.Checkbox]] = {}
    for name, box in boxes.items():
        metric = Metric.named(name, logged)
        group = " ".join(metric.races[:2]) if metric.races else "training"
        groups.setdefault(group, []).append(box)
    return [
        widgets.VBox([
            widgets.HTML(f"<b>{for_html(group)}</b>"),
            widgets.HBox(members, layout={"flex_flow": "row wrap"}),
        ])
        for group, members in groups.items()
    ]  # fmt: skip


def metric_box(name: str, logged: Collection[str], grouped: bool) -> widgets.Checkbox:
    """A checkbox for a metric; that of races may stand beneath their map and kind."""
    metric = Metric.named(name, logged)
    short = name.rpartition("/")[2].replace("_", " ") if metric.races and grouped else name
    return checkbox(short, metric.label)


def other_tags(tags: Sequence[str], wanted: str, chosen: set[str]) -> tuple[list[str], str]:
    """Scalars that are chosen or have `wanted` in their names, and how many there are, in words."""
    matching = [tag for tag in tags if wanted and wanted.lower() in tag.lower()]
    listed = dict.fromkeys([tag for tag in tags if tag in chosen] + matching[:MOST_TAGS])
    more = len(matching) - MOST_TAGS
    text = f"{len(tags):,} other scalars" + (f"; {len(matching):,} match" if wanted else "")
    return [*listed], text + (f", {more:,} of them not listed" if more > 0 else "")
