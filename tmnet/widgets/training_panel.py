"""The training panel: start, pause and resume a training in a notebook, and watch it."""

from __future__ import annotations

import threading
from pathlib import Path

import ipywidgets as widgets

from tmnet.arguments import a_path
from tmnet.errors import TmnetError
from tmnet.experiments.config import Experiment
from tmnet.experiments.load import experiment_names, load_experiment
from tmnet.files import CHECKPOINTS, LOGDIR
from tmnet.logs.find import load_run
from tmnet.racing.player import RacePlayer
from tmnet.racing.replay import replay
from tmnet.racing.track import load_track
from tmnet.safe_text import for_html, lines_for_html
from tmnet.training.background import BackgroundTraining
from tmnet.training.checkpoint import Checkpoints
from tmnet.widgets.callbacks import Callbacks
from tmnet.widgets.explorer.explorer import Explorer
from tmnet.widgets.parts import FULL, LABEL, dropdown, error_html, heading, label_tooltips
from tmnet.widgets.training_figure import TrainingFigure
from tmnet.yaml_text import dotted, from_yaml, to_yaml

STATUS_EVERY, FIGURE_EVERY = 0.5, 4.0  # s
FULL_SIZE = "full size"


def training_panel(
    logdir: str | Path = LOGDIR, checkpoints: str | Path = CHECKPOINTS
) -> TrainingPanel:
    """Train in a notebook: choose an experiment, turn its knobs, watch it, compare it.

    The training runs in a process of its own; it is saved and ends when the notebook's kernel
    does.

    Parameters
    ----------
    logdir, checkpoints : str or Path
        Where runs and their checkpoints are kept.

    Returns
    -------
    TrainingPanel
        A widget.
    """
    return TrainingPanel(logdir, checkpoints)


class TrainingPanel(widgets.VBox):
    """See `training_panel`."""

    def __init__(self, logdir: str | Path, checkpoints: str | Path):
        self.logdir = a_path("logdir", logdir)
        self.checkpoints = a_path("checkpoints", checkpoints)
        super().__init__(layout={"width": "100%"})
        self.training: BackgroundTraining | None = None
        self.paused = False
        self.explorer: Explorer | None = None
        self._figure = TrainingFigure()
        self._make_controls()
        self._make_display()
        self._callbacks = Callbacks(self.message)
        self._arrange()
        label_tooltips(self)
        self._observe()
        self._choose()
        self._set_buttons()

    # --- widgets ----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.experiment = dropdown("Experiment", experiment_names(), "What to train")
        self.experiment.value = "A01_as20_long"
        self.scale = dropdown(
            "Scale", ["laptop", FULL_SIZE], "laptop: cut down for two cores and 15 to 25 minutes"
        )
        self.about = widgets.HTML()
        self.name = widgets.Text(
            description="Run name", tooltip="Of the log directory", style=LABEL, layout=FULL
        )
        self.seed = widgets.BoundedIntText(
            0, min=0, max=2**31, description="Seed", tooltip="Of everything that is drawn",
            style=LABEL, layout={"width": "220px"},
        )  # fmt: skip
        self.minutes = widgets.BoundedFloatText(
            20.0, min=0.0, max=1e6, description="Budget (min)",
            tooltip="How long to train; 0: what the experiment says",
            style=LABEL, layout={"width": "220px"},
        )  # fmt: skip
        self.changes = widgets.Textarea(
            description="Changes",
            placeholder="training: {batch_size: 256}\nor what the network lab shows under YAML",
            tooltip="Fields with other values than the experiment's, as YAML",
            rows=6,
            style=LABEL,
            layout=FULL,
        )
        self.configuration = widgets.HTML(layout={"max_height": "300px", "overflow": "auto"})
        make = widgets.Button
        self.start = make(description="Start", icon="play", button_style="primary",
                          tooltip="Start a new run")  # fmt: skip
        self.pause = make(description="Pause", icon="pause", tooltip="Save, and free the machine")
        self.stop = make(description="Stop", icon="stop", tooltip="Save and end")
        self.resume = make(description="Resume", icon="step-forward",
                           tooltip="Go on with this run from its last checkpoint")  # fmt: skip

    def _make_display(self) -> None:
        self.message = widgets.HTML()
        self.progress = widgets.FloatProgress(
            min=0, max=1, tooltip="How much of the budget is spent", layout=FULL
        )
        self.line = widgets.HTML("<small>Nothing is being trained.</small>")
        # Hidden until there are some: a picture of nothing is drawn as broken.
        self.curves = widgets.Image(format="png", layout={"max_width": "100%", "display": "none"})
        self.show_race = widgets.Button(
            description="Show latest eval race", icon="car", layout={"width": "200px"},
            tooltip="What the agent did in its latest eval race",
        )  # fmt: skip
        self.race = widgets.VBox()
        self.compare = widgets.Button(
            description="Compare", icon="line-chart", layout={"width": "200px"},
            tooltip="Open the explorer on all runs of this log directory",
        )  # fmt: skip
        self.comparison = widgets.VBox()

    def _arrange(self) -> None:
        row = {"flex_flow": "row wrap"}
        controls = widgets.VBox(
            [
                heading("Experiment"), self.experiment, self.about, self.scale,
                heading("Run"), self.name, self.seed, self.minutes, self.changes,
                widgets.HBox([self.start, self.pause], layout=row),
                widgets.HBox([self.resume, self.stop], layout=row),
                heading("Configuration"), self.configuration,
            ],
            layout={"flex": "0 0 400px", "width": "400px", "padding": "0 10px 0 0"},
        )  # fmt: skip
        tabs = widgets.Tab(
            [self.curves, widgets.VBox([self.show_race, self.race])],
            titles=("Curves", "Latest eval race"),
            selected_index=0,
        )
        display = widgets.VBox(
            [self.message, self.progress, self.line, tabs, self.compare],
            layout={"flex": "1 1 0", "min_width": "600px", "overflow": "hidden"},
        )
        self.children = [widgets.HBox([controls, display]), self.comparison]

    def _observe(self) -> None:
        call = self._callbacks
        for control in (self.experiment, self.scale):
            control.observe(call(self._choose), "value")
        self.changes.observe(call(self._show_configuration), "value")
        self.start.on_click(call(self._start))
        self.resume.on_click(call(lambda: self._start(resume=True)))
        self.pause.on_click(call(lambda: self._end(paused=True)))
        self.stop.on_click(call(lambda: self._end(paused=False)))
        self.show_race.on_click(call(self._show_race))
        self.compare.on_click(call(self._open_explorer))

    # --- choosing ---------------------------------------------------------------------------------

    def chosen(self) -> Experiment:
        """The experiment with its scale and changes.

        Raises
        ------
        TmnetError
            If the changes are wrong.
        """
        experiment = load_experiment(self.experiment.value)
        if self.scale.value != FULL_SIZE and experiment.is_race:
            experiment = experiment.scaled(self.scale.value)
        changes = from_yaml(self.changes.value) or {}
        if not isinstance(changes, dict):
            raise TmnetError("The changes are no fields; write `field: value` lines.")
        return experiment.with_values(dotted(changes))

    def _choose(self) -> None:
        experiment = load_experiment(self.experiment.value)
        self.about.value = f"<small>{for_html(experiment.description)}</small>"
        self.name.value = experiment.name
        self.scale.disabled = not experiment.is_race
        self._show_configuration()

    def _show_configuration(self) -> None:
        text = lines_for_html(to_yaml(self.chosen().to_dict()))
        self.configuration.value = (
            f"<pre style='font-size:85%;line-height:1.25;white-space:pre'>{text}</pre>"
        )

    # --- training ---------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        return self.training is not None and self.training.running

    def _start(self, resume: bool = False) -> None:
        if self.is_running:
            raise TmnetError("A training is running; stop it first.")
        self.training = BackgroundTraining(
            experiment=self.chosen(),
            seed=self.seed.value,
            minutes=self.minutes.value or None,
            run_name=self.name.value,
            resume=resume,
            logdir=self.logdir,
            checkpoints=self.checkpoints,
        )
        self.paused = False
        self.line.value = "<small>Starting …</small>"
        self._set_buttons()
        threading.Thread(target=self._watch, args=(self.training,), daemon=True).start()

    def _end(self, paused: bool) -> None:
        self.paused = paused
        if self.is_running:
            self.training.stop()
            self.line.value = "<small>Saving …</small>"
        self._set_buttons()

    def _watch(self, training: BackgroundTraining) -> None:
        """Show how it goes, until it has ended."""
        passed = 0.0
        while training.running:
            training.join(STATUS_EVERY)
            passed += STATUS_EVERY
            if training.status is not None:
                self.progress.value = training.status.done
                self.line.value = f"<small>{for_html(str(training.status))}</small>"
            if passed >= FIGURE_EVERY:
                passed = 0.0
                self._callbacks(self._draw)(None)
        self._callbacks(self._draw)(None)
        if training.error:
            self.message.value = error_html(training.error)
        elif self.paused:
            self.line.value += "<small> · paused; Resume goes on</small>"
        else:
            self.line.value += "<small> · ended and saved</small>"
        self._set_buttons()

    def _draw(self) -> None:
        if (self.logdir / self.name.value).is_dir():
            try:
                run = load_run(self.name.value, self.logdir)
            except TmnetError:  # nothing in it yet
                return
            self.curves.value = self._figure.png(run)
            self.curves.layout.display = None

    def _set_buttons(self) -> None:
        running = self.is_running
        self.start.disabled = running or self.paused
        self.resume.disabled = running
        self.pause.disabled, self.stop.disabled = not running, not (running or self.paused)
        chosen = (self.experiment, self.name, self.seed, self.changes, self.minutes)
        for control in chosen:
            control.disabled = running or self.paused
        self.scale.disabled = (
            running or self.paused or not load_experiment(self.experiment.value).is_race
        )

    # --- looking ----------------------------------------------------------------------------------

    def _show_race(self) -> None:
        latest = Checkpoints(self.checkpoints / self.name.value).latest_race()
        if latest is None:
            raise TmnetError(f"No eval race of {self.name.value} has ended yet.")
        map_, actions = latest
        experiment = self.chosen()
        path = next(deal.map for deal in experiment.map_cycle if Path(deal.map).stem == map_)
        track = load_track(path)
        if experiment.stretch_m is not None:
            track = track.first(experiment.stretch_m)
        self.race.children = [RacePlayer(replay(track, actions.tolist()))]

    def _open_explorer(self) -> None:
        if self.explorer is None:
            self.explorer = Explorer(self.logdir)
            self.comparison.children = [self.explorer]
        else:  # what is chosen there stays
            self.explorer.controls.logdir.value = str(self.logdir)
            self.explorer.reload()
