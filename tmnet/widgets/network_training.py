"""The network lab's way to a training: how fast it would be here, an experiment file, a panel."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import ipywidgets as widgets

from tmnet.errors import TmnetError
from tmnet.experiments.config import BUDGETS, Experiment, NetworkConfig
from tmnet.experiments.fields import changed
from tmnet.experiments.load import save_experiment
from tmnet.files import CHECKPOINTS, EXPERIMENTS
from tmnet.safe_text import for_html
from tmnet.training.pace import frames_taken, pace
from tmnet.widgets.callbacks import Callbacks
from tmnet.widgets.experiment_choice import ExperimentChoice
from tmnet.widgets.job import Job, Progress
from tmnet.widgets.parts import FULL, LABEL
from tmnet.widgets.training_panel import TrainingPanel
from tmnet.yaml_text import to_yaml

SECONDS = 5.0  # of a trial


class NetworkTraining(widgets.VBox):
    """An experiment with the network of the lab in place of its own.

    Parameters
    ----------
    network : callable
        Returns the network.
    logdir : Path
        Of what is trained; checkpoints and experiments lie beside it.
    callbacks : Callbacks

    Attributes
    ----------
    panel : Box
        Where a training panel opens.
    """

    def __init__(self, network: Callable[[], NetworkConfig], logdir: Path, callbacks: Callbacks):
        self._network, self._logdir, self._folder = network, logdir, logdir.parent / EXPERIMENTS
        what = "What to train, with this network in it"
        self.choice = ExperimentChoice("Experiment", what, self._folder)
        self.name = widgets.Text(
            "my_network", description="Name", tooltip="Of the experiment, and of its run",
            style=LABEL, layout=FULL,
        )  # fmt: skip
        self.estimate = Job(
            "Estimate", "clock-o", f"Try for {SECONDS:g} s how fast this would train here",
            self._try, callbacks,
        )  # fmt: skip
        self.train = widgets.Button(
            description="Train this", icon="play", tooltip="Open a training panel with this network"
        )
        self.save = widgets.Button(
            description="Save as experiment", icon="save", layout={"width": "180px"},
            tooltip=f"Write {EXPERIMENTS}/NAME.yaml: the experiment, and what differs from it",
        )  # fmt: skip
        self.replace = widgets.Checkbox(
            False, description="Replace an older file", indent=False, layout={"width": "auto"},
            tooltip="Save also where there is an experiment of this name",
        )  # fmt: skip
        self.told, self.message = widgets.HTML(), widgets.HTML()
        self.panel = widgets.VBox()
        buttons = widgets.HBox([self.train, self.save], layout={"flex_flow": "row wrap"})
        super().__init__([
            self.choice, self.name, self.estimate, self.told, buttons, self.replace, self.message,
        ])  # fmt: skip
        for control in (self.choice.experiment, self.choice.scale):
            control.observe(callbacks(self._choose, self.message), "value")
        self.train.on_click(callbacks(self._train, self.message))
        self.save.on_click(callbacks(self._save, self.message))
        self._choose()

    def experiment(self) -> Experiment:
        """The experiment with this network, scaled.

        Raises
        ------
        TmnetError
            If it cannot have this network, or this name.
        """
        own = replace(self.choice.chosen(whole=True), neural_network=self._network())
        own = replace(own, name=self.name.value.strip())
        scale = self.choice.chosen().scale
        return own if own.scale == scale or scale is None else own.scaled(scale)

    def forget_estimate(self) -> None:
        """What was measured was another network."""
        self.told.value = ""

    def _choose(self) -> None:
        self.choice.describe()
        self.forget_estimate()

    # --- how fast it would be ---------------------------------------------------------------------

    def _try(self) -> Callable[[Progress], None]:
        experiment = self.experiment()
        self.told.value = "<small>Acting and learning for a few seconds …</small>"

        def measure(progress: Progress) -> None:
            try:
                rate = pace(experiment, SECONDS, progress=progress)
            except TmnetError:
                self.told.value = ""
                raise
            told = say_pace(experiment, rate)
            self.told.value = f"<div style='line-height:1.3'>{for_html(told)}</div>"

        return measure

    # --- where it goes ----------------------------------------------------------------------------

    def _train(self) -> None:
        experiment = self.experiment()
        if not self.panel.children:
            self.panel.children = [TrainingPanel(self._logdir, self._logdir.parent / CHECKPOINTS)]
        (panel,) = self.panel.children
        values = changed(
            {"neural_network": experiment.to_dict()["neural_network"]},
            self.choice.chosen().to_dict(),
        )
        choice = (self.choice.experiment.value, self.choice.scale.value)
        panel.fill(*choice, experiment.name, to_yaml(values) if values else "")
        self.message.value = "<small>It is in the training panel below: Start trains it.</small>"

    def _save(self) -> None:
        base = self.choice.experiment.value
        below, experiment = self.choice.chosen(), self.experiment()
        if experiment.neural_network != below.neural_network:
            text = f"As {below.name}, with another network."
            experiment = replace(experiment, description=text)
        path = save_experiment(experiment, base, self._folder, overwrite=self.replace.value)
        self.replace.value = False  # what was asked for once is not asked for again
        for choice in [self.choice, *(panel.choice for panel in self.panel.children)]:
            choice.list_experiments()
        self.message.value = f"<small>Saved: {for_html(str(path))}</small>"


def say_pace(experiment: Experiment, frames_per_second: float) -> str:
    """How long an experiment's budget would take, or how far it would get with it."""
    if math.isnan(frames_per_second):
        return "Stopped before there was anything to tell."
    rate = f"About {float(f'{frames_per_second:.2g}'):,.10g} frames/s on this machine"
    parts = []
    if experiment.minutes:
        frames = float(f"{60 * frames_per_second * experiment.minutes:.2g}")
        parts.append(f"its {experiment.minutes:,.3g} min are about {frames:,.0f} frames")
    for name, frames in frames_taken(experiment).items():
        minutes = float(f"{frames / frames_per_second / 60:.2g}")
        most = f"{experiment.budget[name]:,.10g} {BUDGETS[name]}"
        parts.append(f"its {most} take about {minutes:,.10g} min")
    return f"{rate}: {', and '.join(parts)}." if parts else f"{rate}."
