"""Choosing an experiment, tmnet's or the user's own, and its scale."""

from __future__ import annotations

from pathlib import Path

import ipywidgets as widgets

from tmnet.experiments.config import Experiment
from tmnet.experiments.load import experiment_names, load_experiment, own_experiments
from tmnet.experiments.scales import ABOUT, SCALES
from tmnet.safe_text import for_html
from tmnet.widgets.parts import dropdown, options_of, set_options

FULL_SIZE = "full size"


class ExperimentChoice(widgets.VBox):
    """What to train, and at which scale.

    Parameters
    ----------
    name, tooltip : str
        Of the list of experiments.
    folder : Path
        Of the user's own.

    Attributes
    ----------
    experiment : Dropdown
        Its value is what `load_experiment` takes: a name, or the path of a file.
    scale : Dropdown
    """

    def __init__(self, name: str, tooltip: str, folder: Path):
        self._folder = folder
        self.experiment = dropdown(name, experiment_names(), tooltip)
        self.experiment.value = "A01_as20_long"
        self.list_experiments()
        self.about = widgets.HTML()
        self.scale = dropdown("Scale", [*SCALES, FULL_SIZE], ABOUT)
        super().__init__([self.experiment, self.about, self.scale])
        self._is_locked, self._can_be_scaled = False, True

    def list_experiments(self) -> None:
        """List those that come with tmnet, and the user's own."""
        own = [(f"{path.stem} (yours)", str(path)) for path in own_experiments(self._folder)]
        set_options(self.experiment, options_of([*zip(*2 * [experiment_names()]), *own]))

    def chosen(self, whole: bool = False) -> Experiment:
        """The experiment with its scale; the `whole` one without."""
        experiment = load_experiment(self.experiment.value)
        is_scaled = self.scale.value != FULL_SIZE and can_be_scaled(experiment)
        return experiment.scaled(self.scale.value) if is_scaled and not whole else experiment

    def describe(self) -> Experiment:
        """Say what it is, and whether it can be scaled."""
        experiment = load_experiment(self.experiment.value)
        scaled = f"Scaled already: {experiment.scale}. " if experiment.scale else ""
        self.about.value = f"<small>{scaled}{for_html(experiment.description)}</small>"
        self._can_be_scaled = can_be_scaled(experiment)
        self.lock(self._is_locked)
        return experiment

    def lock(self, is_locked: bool) -> None:
        """Let nothing be changed, or again."""
        self._is_locked = self.experiment.disabled = is_locked
        self.scale.disabled = is_locked or not self._can_be_scaled


def can_be_scaled(experiment: Experiment) -> bool:
    """Whether it has not been, and could be."""
    return experiment.is_race and not experiment.scale
