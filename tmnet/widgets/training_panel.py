"""The training panel: start, pause and resume a training in a notebook, and watch it."""

from __future__ import annotations

import threading
from dataclasses import replace as replaced
from pathlib import Path

import ipywidgets as widgets

from tmnet.arguments import a_path
from tmnet.errors import TmnetError
from tmnet.experiments.config import BUDGETS, Experiment
from tmnet.files import CHECKPOINTS, EXPERIMENTS, LOGDIR
from tmnet.logs.find import load_run, load_runs
from tmnet.logs.run import Run
from tmnet.racing.player import RacePlayer
from tmnet.racing.replay import replay
from tmnet.racing.track import load_track
from tmnet.safe_text import for_html, lines_for_html
from tmnet.training.background import BackgroundTraining
from tmnet.training.checkpoint import Checkpoints
from tmnet.widgets.callbacks import Callbacks
from tmnet.widgets.experiment_choice import ExperimentChoice
from tmnet.widgets.explorer.explorer import Explorer
from tmnet.widgets.explorer.lists import FIRST_RUNS, aborted
from tmnet.widgets.parts import (
    FULL,
    LABEL,
    CopyButton,
    beside,
    error_html,
    heading,
    label_tooltips,
)
from tmnet.widgets.training_figure import TrainingFigure
from tmnet.yaml_text import dotted, from_yaml, to_yaml

STATUS_EVERY, FIGURE_EVERY = 0.5, 4.0  # s
NOTHING = "<small>Nothing is being trained.</small>"
CURVES, _, CONFIGURATION = range(3)  # tabs


def training_panel(
    logdir: str | Path = LOGDIR, checkpoints: str | Path = CHECKPOINTS
) -> TrainingPanel:
    """Train in a notebook: choose an experiment, turn its knobs, watch it, compare it.

    The training runs in a process of its own; it is saved and ends when the notebook's kernel
    does.

    Parameters
    ----------
    logdir, checkpoints : str or Path
        Where runs and their checkpoints are kept. The user's own experiments, which are listed with
        those of tmnet, lie in `experiments` beside the log directory.

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
        self._trained = ""  # the run that is shown
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
        self.choice = ExperimentChoice(
            "Experiment", "What to train", self.logdir.parent / EXPERIMENTS
        )
        self.experiment, self.scale = self.choice.experiment, self.choice.scale
        self.name = widgets.Text(
            description="Run name", tooltip="Of the log directory", style=LABEL, layout=FULL
        )
        self.seed = widgets.BoundedIntText(
            0, min=0, max=2**31, description="Seed", tooltip="Of everything that is drawn",
            style=LABEL, layout={"width": "220px"},
        )  # fmt: skip
        self.budget = widgets.BoundedFloatText(
            20.0, min=0.0, max=1e12, description="Budget",
            tooltip="When to end; 0: where the experiment says",
            style=LABEL, layout={"width": "220px"},
        )  # fmt: skip
        self.unit = widgets.Dropdown(
            options=[(unit, name) for name, unit in BUDGETS.items()],
            tooltip="Of the budget", layout={"width": "100px"},
        )  # fmt: skip
        self.changes = widgets.Textarea(
            description="Changes",
            placeholder="training: {batch_size: 256}\nor what the network lab shows as YAML",
            tooltip="Fields with other values than the experiment's, as YAML",
            rows=6,
            style=LABEL,
            layout=FULL,
        )
        self.configuration = widgets.HTML()
        self.copy = CopyButton(tooltip="Copy the configuration")
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
        self.line = widgets.HTML(NOTHING)
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
                heading("Experiment"), self.choice,
                heading("Run"), self.name, self.seed,
                widgets.HBox([self.budget, self.unit], layout=row), self.changes,
                widgets.HBox([self.start, self.pause], layout=row),
                widgets.HBox([self.resume, self.stop], layout=row),
                self.compare,
            ],
        )  # fmt: skip
        self.tabs = widgets.Tab(
            [
                self.curves,
                widgets.VBox([self.show_race, self.race]),
                widgets.VBox([self.copy, self.configuration]),
            ],
            titles=("Curves", "Latest eval race", "Configuration"),
            selected_index=CONFIGURATION,  # there are no curves before there is a run
        )
        display = widgets.VBox([self.message, self.progress, self.line, self.tabs])
        self.children = [beside(controls, display), self.comparison]

    def _observe(self) -> None:
        call = self._callbacks
        for control in (self.experiment, self.scale):
            control.observe(call(self._choose), "value")
        self.changes.observe(call(self._show_configuration), "value")
        self.name.observe(call(self._name), "value")
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
        changes = from_yaml(self.changes.value) or {}
        if not isinstance(changes, dict):
            raise TmnetError("The changes are no fields; write `field: value` lines.")
        experiment = self.choice.chosen().with_values(dotted(changes))
        return replaced(experiment, name=self.name.value.strip())

    def fill(self, experiment: str, scale: str, name: str, changes: str) -> None:
        """Choose what to train.

        Raises
        ------
        TmnetError
            If something is being trained, or paused.
        """
        if self.is_running or self.paused:
            raise TmnetError(f"The training of {self._trained} goes on; stop it first.")
        with self._callbacks.off():
            self.choice.list_experiments()
            self.experiment.value, self.scale.value = experiment, scale
            self.name.value, self.changes.value = name, changes
            budget = list(self.chosen().budget.items())
            unit, most = budget[0] if len(budget) == 1 else ("minutes", 0.0)  # 0: all of them
            self.unit.value = unit
            self.budget.value = round(most, 1) if unit == "minutes" else most
        self.choice.describe()
        self.message.value = ""
        self._name()

    def _choose(self) -> None:
        experiment = self.choice.describe()
        with self._callbacks.off():
            self.name.value = experiment.name
        self._name()

    def _name(self) -> None:
        """What is shown of another run goes."""
        if self.name.value != self._trained:
            self._clear()
        self._show_configuration()

    def _clear(self) -> None:
        self.line.value, self.progress.value = NOTHING, 0.0
        self.curves.layout.display = "none"
        self.race.children = []

    def _show_configuration(self) -> None:
        text = to_yaml(self.chosen().to_dict())
        self.copy.value = text
        self.configuration.value = (
            "<pre style='font-size:85%;line-height:1.25;white-space:pre-wrap;word-break:normal'>"
            f"{lines_for_html(text)}</pre>"
        )

    # --- training ---------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        return self.training is not None and self.training.running

    def _start(self, resume: bool = False) -> None:
        if self.is_running:
            raise TmnetError("A training is running; stop it first.")
        experiment = self.chosen()
        if not resume or experiment.name != self._trained:
            self._clear()
        self.training, self._trained = (
            BackgroundTraining(
                experiment=experiment,
                seed=self.seed.value,
                **self._own_budget(),
                resume=resume,
                logdir=self.logdir,
                checkpoints=self.checkpoints,
            ),
            experiment.name,
        )
        self.paused = False
        self._say("starting …")
        self.tabs.selected_index = CURVES
        self._set_buttons()
        threading.Thread(target=self._watch, args=(self.training,), daemon=True).start()

    def _own_budget(self) -> dict[str, float]:
        """What is asked for in place of the experiment's budget, if anything."""
        most = self.budget.value
        return {self.unit.value: int(most) if most.is_integer() else most} if most else {}

    def _end(self, paused: bool) -> None:
        self.paused = paused
        if self.is_running:
            self.training.stop()
            self._say("saving …")
        else:
            self._say("ended and saved")
        self._set_buttons()

    def _say(self, state: str = "") -> None:
        """How the training goes: what it told last, and what it does now."""
        status = self.training.status
        parts = [state, *(for_html(text) for text in (str(status or ""), *self.training.notes))]
        told = f"<b>{for_html(self._trained)}</b>: {' · '.join(filter(None, parts))}"
        self.line.value = f"<div style='font-size:85%;line-height:1.3'>{told}</div>"

    def _watch(self, training: BackgroundTraining) -> None:
        """Show how it goes, until it has ended."""
        passed = 0.0
        while training.running:
            training.join(STATUS_EVERY)
            passed += STATUS_EVERY
            if training.status is not None:
                self.progress.value = training.status.done
                self._say("" if training.running and not training.is_stopping else "saving …")
            if passed >= FIGURE_EVERY:
                passed = 0.0
                self._callbacks(self._draw)(None)
        self._callbacks(self._draw)(None)
        if training.error:
            self.paused = False
            self.message.value = error_html(training.error)
            self._say("ended by an error" if training.status else "not started")
        else:
            self._say("paused; Resume goes on" if self.paused else "ended and saved")
        self._set_buttons()

    def _draw(self) -> None:
        if (self.logdir / self._trained).is_dir():
            try:
                run = load_run(self._trained, self.logdir)
            except TmnetError:  # nothing in it yet
                return
            self.curves.value = self._figure.png(run)
            self.curves.layout.display = None

    def _set_buttons(self) -> None:
        running = self.is_running
        self.start.disabled = running or self.paused
        self.resume.disabled = running
        self.pause.disabled, self.stop.disabled = not running, not (running or self.paused)
        is_locked = running or self.paused
        for control in (self.name, self.seed, self.changes, self.budget, self.unit):
            control.disabled = is_locked
        self.choice.lock(is_locked)

    # --- looking ----------------------------------------------------------------------------------

    def _show_race(self) -> None:
        experiment = self.chosen()
        maps = [Path(deal.map or "").stem for deal in experiment.map_cycle]
        latest = Checkpoints(self.checkpoints / experiment.name).latest_race(maps)
        if latest is None:
            raise TmnetError(f"No eval race of {experiment.name} has ended yet.")
        map_, actions = latest
        path = next((x.map for x in experiment.map_cycle if Path(x.map or "").stem == map_), map_)
        track = load_track(path)
        if experiment.stretch_m is not None:
            track = track.first(experiment.stretch_m)
        self.race.children = [RacePlayer(replay(track, actions.tolist()))]

    def _open_explorer(self) -> None:
        if self.explorer is None:
            runs = load_runs(self.logdir)
            view = {"runs": [run.name for run in self._compared(runs)]}
            self.explorer = Explorer(runs, **view, follow=self.is_running)
            self.comparison.children = [self.explorer]
            self.message.value = "<small>The explorer is below.</small>"  # perhaps out of sight
        else:  # what is chosen there stays
            self.explorer.controls.logdir.value = str(self.logdir)
            self.explorer.reload()

    def _compared(self, runs: list[Run]) -> list[Run]:
        """Of many runs this one, and those that were trained last beside it; none was aborted."""
        short = {*aborted(runs), self.name.value}
        others = sorted((run for run in runs if run.name not in short), key=lambda x: x.age)
        kept = {run.name for run in others[: FIRST_RUNS - 1]} | {self.name.value}
        return [run for run in runs if run.name in kept]
