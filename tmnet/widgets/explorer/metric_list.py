"""The metrics from which a reader chooses: checkboxes that come and go with the runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import ipywidgets as widgets

from tmnet.analysis.available import all_metric_names, metric_names
from tmnet.logs.run import Run
from tmnet.widgets.explorer.controls import Controls
from tmnet.widgets.explorer.lists import (
    LISTED,
    MOST_METRICS,
    first_metrics,
    metric_box,
    metric_rows,
    other_tags,
)


class MetricList:
    """See above.

    Parameters
    ----------
    controls : Controls
        In which they are listed.
    react : callable
        Called when one is checked, or no longer.

    Attributes
    ----------
    boxes : dict of str to Checkbox
        Of what is listed or chosen.
    """

    def __init__(self, controls: Controls, react: Callable[[object], None]):
        self._controls, self._react = controls, react
        self.boxes: dict[str, widgets.Checkbox] = {}
        # One that is no longer listed is kept: a click on it may be on its way.
        self._made: dict[tuple[str, bool], widgets.Checkbox] = {}
        self._logged: set[str] = set()
        self._tags: list[str] = []  # the other scalars
        self._away: list[str] = []  # chosen, and in none of the runs that there are now

    @property
    def chosen(self) -> list[str]:
        """Names of metrics; those that no run has now, and that may come back, last."""
        return [name for name, box in self.boxes.items() if box.value] + self._away

    def choose(self, names: Collection[str]) -> None:
        """Check these, and no others."""
        for name, box in self.boxes.items():
            box.value = name in names
        there = {*self.boxes, *self._tags}
        self._away = [name for name in names if name not in there]
        self.list_others(names)

    def fill(self, runs: Sequence[Run], shown: Sequence[Run]) -> None:
        """List what runs have; what was chosen stays so, or else what those that are shown have
        is."""
        names, every = metric_names(runs, statistics=LISTED), all_metric_names(runs)
        # Others may have none of what all of them have.
        first = first_metrics(metric_names(shown or runs, statistics=LISTED))
        if len(names) > MOST_METRICS:
            names = first
        chosen = self.chosen
        self._away = [name for name in chosen if name not in every]
        if len(self._away) == len(chosen):
            chosen = first
        self._logged = {tag for run in runs for tag in run.tags}
        self.boxes = {name: self._box(name, name in chosen, True) for name in names}
        rows = metric_rows(self.boxes, self._logged)
        none = widgets.HTML("<small>These runs logged no races and no scalars.</small>")
        self._controls.metrics.children = rows or [none]
        self._tags = [name for name in every if name not in self.boxes]
        self.list_others(chosen)

    def list_others(self, chosen: Collection[str]) -> None:
        """List the other scalars that match the filter, or are chosen."""
        listed, text = other_tags(self._tags, self._controls.filter.value, {*chosen})
        boxes = {tag: self._box(tag, tag in chosen, False) for tag in listed}
        for tag in {*self._tags} & {*self.boxes}:
            del self.boxes[tag]
        self.boxes |= boxes
        label = widgets.HTML(f"<small>{text}</small>")
        self._controls.others.children = [label, *boxes.values()]

    def _box(self, name: str, chosen: bool, grouped: bool) -> widgets.Checkbox:
        """The checkbox of a metric, a new one if there was none."""
        if (name, grouped) not in self._made:
            box = self._made[name, grouped] = metric_box(name, self._logged, grouped)
            box.observe(self._react, "value")
        self._made[name, grouped].value = chosen
        return self._made[name, grouped]
