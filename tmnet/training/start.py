"""Starting a training, or going on with one: what is checked before the loop begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tmnet.arguments import a_flag, a_path, a_whole_number, wrong
from tmnet.devices import best_device, usable_device
from tmnet.errors import TmnetError
from tmnet.experiments.config import Experiment
from tmnet.experiments.fields import differences
from tmnet.experiments.load import load_experiment
from tmnet.files import CHECKPOINTS, LOGDIR, check_folder
from tmnet.training.checkpoint import Checkpoints, load_checkpoint
from tmnet.training.loop import TrainingLoop
from tmnet.training.progress import ProgressLine, Status
from tmnet.training.stopping import Stop, stopping


def train(
    experiment: str | Path | Experiment,
    *,
    seed: int | None = None,
    minutes: float | None = None,
    frames: int | None = None,
    device: str | torch.device | None = None,
    values: Mapping[str, Any] | None = None,
    scale: str | None = None,
    resume: bool = False,
    logdir: str | Path = LOGDIR,
    run_name: str | None = None,
    checkpoints: str | Path = CHECKPOINTS,
    stop: Stop | None = None,
    progress: bool | Callable[[Status], None] = True,
) -> Path:
    """Train an agent.

    Parameters
    ----------
    experiment : str, Path or Experiment
        Name or file of an experiment, or one that `load_experiment` returned.
    seed : int, optional
        Of everything that is drawn; 0 by default, and when going on that of the run.
    minutes, frames : optional
        When to end, in place of what the experiment says: minutes of the run's processes, frames
        that it played.
    device : str or torch.device, optional
        A CUDA or Apple GPU where there is one, or the CPU.
    values : mapping, optional
        Other values for fields of the experiment: `{"neural_network.iqn_n": 16}`.
    scale : str, optional
        "laptop": cut down for two cores.
    resume : bool
        Go on with the run from its last checkpoint, as if it had never been interrupted: on the
        simulator, where the checkpoint holds the memory, bit for bit (on the CPU).
    logdir, checkpoints : str or Path
        Event files go to `<logdir>/<run>`, checkpoints to `<checkpoints>/<run>`.
    run_name : str, optional
        By default the experiment's.
    stop : threading.Event, optional
        Once it is set, the run is saved and ends. So it is by Ctrl-C.
    progress : bool or callable
        Show a progress line; or what to call with each `Status`.

    Returns
    -------
    Path
        `<logdir>/<run>`.

    Raises
    ------
    TmnetError
        If the experiment or an argument is wrong, if there is such a run already, or none to go on
        with, or if a checkpoint cannot be written.
    """
    logdir, checkpoints = a_path("logdir", logdir), a_path("checkpoints", checkpoints)
    seed = _checked(seed, resume, stop, progress)
    device = usable_device(best_device() if device is None else device)
    experiment = _changed(experiment, values, scale, run_name, minutes, frames)
    run_name, kept = experiment.name, Checkpoints(checkpoints / experiment.name)
    for folder in (logdir / run_name, kept.directory):
        check_folder(folder)  # before there is a log
    state = _state_to_resume(kept, experiment, seed) if resume else None
    if state is None:
        _refuse_existing(logdir, experiment, kept)
    seed = state["seed"] if state else (seed or 0)
    training = TrainingLoop(experiment, seed, device, logdir, kept)
    try:
        if state:
            training.load_state_dict(state)
        elif experiment.initial_checkpoint:
            _start_from(_find_checkpoint(experiment.initial_checkpoint, checkpoints), training)
        if training.is_over():
            raise TmnetError(f"The run {run_name!r} has used up its budget; give it more.")
        with ProgressLine(run_name, progress) as shown, stopping(stop) as stopped:
            training.run(stopped, shown)
    finally:
        training.close()
    return logdir / run_name


# --- before it starts -----------------------------------------------------------------------------


def _checked(
    seed: int | None, resume: bool, stop: Stop | None, progress: bool | Callable
) -> int | None:
    """The seed; TmnetError where one of these is wrong."""
    a_flag("resume", resume)
    if stop is not None and not callable(getattr(stop, "is_set", None)):
        raise wrong("stop", stop, "a threading.Event")
    if not callable(progress):
        a_flag("progress", progress)
    return None if seed is None else a_whole_number("seed", seed, least=0, most=2**63 - 1)


def _changed(
    experiment: str | Path | Experiment,
    values: Mapping[str, Any] | None,
    scale: str | None,
    run_name: str | None,
    minutes: float | None,
    frames: int | None,
) -> Experiment:
    """The experiment as it was asked for, with a budget."""
    if not isinstance(experiment, Experiment):
        experiment = load_experiment(a_path("experiment", experiment))
    if scale is not None:
        experiment = experiment.scaled(scale)
    if values is not None:
        experiment = experiment.with_values(values)
    if run_name is not None:
        experiment = replace(experiment, name=run_name)
    if minutes is not None or frames is not None:
        experiment = replace(experiment, minutes=minutes, frames=frames)
    if not (experiment.minutes or experiment.frames):
        budget = "0" if (experiment.minutes, experiment.frames) != (None, None) else "not given"
        raise TmnetError(f"The budget is {budget}; give minutes or frames above 0.")
    return experiment


def _refuse_existing(logdir: Path, experiment: Experiment, kept: Checkpoints) -> None:
    name = experiment.name
    logs = [logdir / f"{name}{suffix}" for _, suffix in experiment.recording.suffix_schedule]
    for place in (*logs, kept.directory):
        if place.is_file() or (place.is_dir() and any(place.iterdir())):
            raise TmnetError(
                f"There is a run {name!r} already (in {place}); resume it, or give the new one "
                "another name."
            )


def _state_to_resume(kept: Checkpoints, experiment: Experiment, seed: int | None) -> dict[str, Any]:
    if not kept.files():
        raise TmnetError(
            f"There is nothing to resume: no checkpoint of {experiment.name!r} in "
            f"{kept.directory.parent}."
        )
    state = kept.load()
    before = Experiment.from_dict(state["experiment"])
    free = {"minutes", "frames", "description"}
    if different := differences(before, experiment, free):
        raise TmnetError(
            f"The run {experiment.name!r} was started with another configuration: {different} "
            "differs; resume it with the same, or start a new run from its checkpoint "
            "(initial_checkpoint)."
        )
    if seed not in (None, state["seed"]):
        raise TmnetError(f"The run {experiment.name!r} was started with seed {state['seed']}.")
    return state


def _find_checkpoint(name: str, directory: Path) -> Path:
    """The checkpoint that is meant by a file, or by the name of a run."""
    if Path(name).is_file():
        return Path(name)
    files = Checkpoints(directory / name).files()
    if not files:
        raise TmnetError(
            f"initial_checkpoint is {name!r}; there is no such file, and no checkpoint of such a "
            f"run in {directory}: train {name} first."
        )
    return files[-1]


def _start_from(path: Path, training: TrainingLoop) -> None:
    """Take what a checkpoint of another run has learned, if the networks are alike."""
    state = load_checkpoint(path)
    if "learner" not in state:
        raise TmnetError(
            f"{path} holds the networks of one race only; a training can start from the "
            "checkpoints whose names are numbers."
        )
    theirs = Experiment.from_dict(state["experiment"]).neural_network
    if different := differences(theirs, training.experiment.neural_network):
        raise TmnetError(
            f"{path} holds another network than this experiment's: {different} differs."
        )
    try:
        training.start_from(state)
    except RuntimeError:  # tensors of other shapes
        raise TmnetError(
            f"{path} holds a network for another environment, with other inputs or actions."
        ) from None
