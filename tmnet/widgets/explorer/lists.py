"""The lists of runs, metrics and other scalars, from which a reader chooses."""

from __future__ import annotations

import fnmatch
import glob
from collections.abc import Collection, Sequence

import ipywidgets as widgets

from tmnet.analysis.metrics import STATISTICS, Metric
from tmnet.logs.run import Run
from tmnet.safe_text import for_html
from tmnet.widgets.parts import checkbox

WRITTEN_WITHIN = 360.0  # s from a run's last record; a race takes 300 s at most
FIRST_RUNS = 6  # shown at first, of many
# Each that is listed takes some widgets, of which a page has to build its own.
MOST_RUNS = 100
MOST_METRICS = 150
MOST_TAGS = 40  # of the other scalars
MOST_FIRST = 4  # metrics that are shown at first
ABORTED = 0.01  # of the longest run: what is shorter is not shown at first
FIRST_METRICS = ("late_rate", "late_best_of_10", "best")  # of eval races, or else of explo races
FIRST_TAGS = ("loss",)
# Those of the late window come first: they say how good an agent is.
LISTED = sorted(
    STATISTICS, key=lambda name: ("late", "anytime", "given").index(STATISTICS[name].span)
)


class RunRow(widgets.VBox):
    """A run in the list: its colour, a checkbox, and what it is."""

    def __init__(self, name: str):
        self.box = checkbox(name, f"Show {name}")
        self.swatch = widgets.HTML(layout={"width": "38px"})
        self.swatch.add_class("tmnet-swatch")
        self.details = widgets.HTML()
        head = widgets.HBox(
            [self.swatch, self.box], layout={"height": "26px", "overflow": "hidden"}
        )
        super().__init__([head, self.details], layout={"flex": "0 0 auto"})


def run_details(run: Run, note: str = "", is_aborted: bool = False) -> str:
    """HTML: how long a run is, whether it is being written, where it starts from, and a note."""
    facts = {
        f"{run.duration:,.1f} min": "active: without downtime",
        f"{run.steps:,} steps": "",
        f"{run.number_of_races:,} races": "",
        f"{len(run.pieces)} piece{'s' * (len(run.pieces) > 1)}": ", ".join(run.pieces),
    }
    whole = "style='white-space:nowrap'"  # lines break between them
    told = " · ".join(
        f"<span {whole} title='{for_html(more)}'>{fact}</span>" for fact, more in facts.items()
    )
    writing = "<b>● being written</b> · " if run.age < WRITTEN_WITHIN else ""
    marks = [f"from {run.source}, at step {run.first_step:,}"] * bool(run.source)
    marks += ["aborted"] * is_aborted + [note] * bool(note)
    more = "".join(f"<br><em>{for_html(mark)}</em>" for mark in marks)
    return (
        f"<div style='font-size:85%;line-height:1.3;margin-left:40px'>{writing}{told}{more}</div>"
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
    if not matching:
        return [], f"{len(names):,} runs, and none has {wanted} in its name"
    which = f"{len(names):,} runs" + f"; {len(matching):,} match" * bool(wanted)
    return listed, f"{which}, {more:,} of them not listed: type part of a name" * bool(more)


def aborted(runs: Sequence[Run]) -> list[str]:
    """Names of runs that are a hundredth as long as the longest, or shorter, by time and by step:
    one that was logged at one instant has its steps."""
    lengths = {run.name: (run.duration, run.steps) for run in runs}
    longest = [max(each, default=0) for each in zip(*lengths.values())]
    return [
        name for name, own in lengths.items()
        if any(longest) and all(x < ABORTED * most for x, most in zip(own, longest) if most)
    ]  # fmt: skip


def first_runs(runs: Sequence[Run]) -> tuple[list[str], list[str]]:
    """Runs to show before anybody has chosen, and why these."""
    short = aborted(runs)
    lasting = [run.name for run in runs if run.name not in short]
    if len(lasting) <= FIRST_RUNS:
        why = f"Not shown, as they ended within a hundredth of the longest: {', '.join(short)}."
        return lasting, [why] * bool(short)
    many = f"The first {FIRST_RUNS} of {len(runs):,} runs are shown"
    return lasting[:FIRST_RUNS], [f"{many}; choose others in the list of runs."]


def first_metrics(names: Sequence[str]) -> list[str]:
    """What to show before anybody has chosen: the main metrics, or without races a few scalars."""
    of_races = [name for name in names if name.rpartition("/")[2] in FIRST_METRICS]
    if not of_races:
        return [*names[:MOST_FIRST]]
    evals = [name for name in of_races if name.split("/")[-2] == "eval"]
    main = sorted(evals or of_races, key=lambda x: FIRST_METRICS.index(x.rpartition("/")[2]))
    main += [name for name in names if name.partition("/")[0] in FIRST_TAGS]
    return main[:MOST_FIRST]


def metric_rows(
    boxes: dict[str, widgets.Checkbox], logged: Collection[str]
) -> list[widgets.Widget]:
    """What metrics' checkboxes stand in: of races a row a statistic and a column a map and kind, of
    scalars one after the other."""
    table: dict[str, dict[str, widgets.Checkbox]] = {}
    scalars = []
    for name, box in boxes.items():
        metric = Metric.named(name, logged)
        races = metric.races
        if races:
            statistic = metric.label.partition(": ")[2]  # behind the map and the kind
            table.setdefault(statistic, {})[f"{races.map} {races.kind}"] = box
        else:
            scalars.append(box)
    rows: list[widgets.Widget] = [_grid(table)] if table else []
    if scalars:
        title = widgets.HTML("<b>training</b>")
        rows.append(widgets.VBox([title, widgets.HBox(scalars, layout={"flex_flow": "row wrap"})]))
    return rows


def _grid(table: dict[str, dict[str, widgets.Checkbox]]) -> widgets.GridBox:
    """Checkboxes in rows and columns. Their own labels are for who cannot see which they are in."""
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    style = widgets.HTML(
        "<style>.tmnet-metrics .widget-label-basic {position: relative} "
        ".tmnet-metrics .widget-label-basic span {position: absolute; width: 1px; height: 1px; "
        "overflow: hidden; clip-path: inset(50%)} "
        ".tmnet-metrics .widget-checkbox {margin: 0; height: 22px; justify-self: center} "
        ".tmnet-metrics .widget-html, .tmnet-metrics .widget-html-content {margin: 0; "
        "height: auto; min-height: 0; line-height: 1.2}</style>"
    )
    heads = [
        widgets.HTML(f"<div style='text-align:center'><b>{for_html(text)}</b></div>")
        for text in columns
    ]
    empty = widgets.HTML()  # may stand in many places
    cells: list[widgets.Widget] = [style, *heads]
    for statistic, row in table.items():
        cells += [widgets.HTML(for_html(statistic)), *(row.get(c, empty) for c in columns)]
    wide = f"minmax(124px, 1fr) repeat({len(columns)}, minmax(44px, 64px))"
    grid = widgets.GridBox(
        cells,
        layout={
            "grid_template_columns": wide,
            "align_items": "center", "overflow": "auto",
        },
    )  # fmt: skip
    grid.add_class("tmnet-metrics")
    return grid


def metric_box(name: str, logged: Collection[str], grouped: bool) -> widgets.Checkbox:
    """A checkbox for a metric."""
    metric = Metric.named(name, logged)
    if metric.races:  # those that stand in no table are found by their names
        return checkbox(metric.label if grouped else name, metric.label)
    return checkbox(metric.label, name)


def other_tags(tags: Sequence[str], wanted: str, chosen: set[str]) -> tuple[list[str], str]:
    """Scalars that are chosen or have `wanted` in their names, and how many there are, in words."""
    matching = [tag for tag in tags if wanted and wanted.lower() in tag.lower()]
    listed = dict.fromkeys([tag for tag in tags if tag in chosen] + matching[:MOST_TAGS])
    more = len(matching) - MOST_TAGS
    text = f"{len(tags):,} other scalars" + (f"; {len(matching):,} match" if wanted else "")
    return [*listed], text + (f", {more:,} of them not listed" if more > 0 else "")
