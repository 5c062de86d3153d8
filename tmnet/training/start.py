"""Starting a training, or going on with one: what is checked before the loop begins."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from tmnet.arguments import a_flag, a_path, a_whole_number, python_number, wrong
from tmnet.devices import best_device, usable_device
from tmnet.errors import TmnetError, TrainingWarning
from tmnet.experiments.config import BUDGETS, Experiment
from tmnet.experiments.fields import differences
from tmnet.experiments.load import load_experiment
from tmnet.files import CHECKPOINTS, LOGDIR
from tmnet.training.checkpoint import Checkpoints, load_checkpoint
from tmnet.training.devices import differs, threads_of
from tmnet.training.holding import LOCK, held
from tmnet.training.loop import TrainingLoop
from tmnet.training.progress import ProgressLine, Status
from tmnet.training.stopping import Stop, stopping


def train(
    experiment: str | Path | Experiment,
    *,
    seed: int | None = None,
    minutes: float | None = None,
    frames: int | None = None,
    updates: int | None = None,
    pflop: float | None = None,
    device: str | torch.device | None = None,
    values: Mapping[str, Any] | None = None,
    scale: str | None = None,
    resume: bool | Literal["auto"] = False,
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
    minutes, frames, updates, pflop : optional
        When to end, in place of what the experiment says: minutes of its processes, frames,
        updates, or PFLOP of the network. The first that is used up ends it.
    device : str or torch.device, optional
        A CUDA or Apple GPU where there is one, or the CPU.
    values : mapping, optional
        Other values for fields of the experiment: `{"neural_network.iqn_n": 16}`.
    scale : str, optional
        "laptop": cut down for two cores; "pocket": for many at once, without images.
    resume : bool or "auto"
        Go on from the run's last checkpoint as if nothing had happened: bit for bit on the CPU, on
        the simulator with its memory. "auto": start it where there is none, leave it if it is done.
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

    Warns
    -----
    TrainingWarning
        If it goes on from an older checkpoint, elsewhere, anew, or not at all.

    Raises
    ------
    TmnetError
        If an argument is wrong; if there is such a run already, or none to go on with; if another
        process trains it; if there is no room in memory, or on the disk.
    """
    logdir, checkpoints = a_path("logdir", logdir), a_path("checkpoints", checkpoints)
    seed = _checked(seed, resume, stop, progress)
    device = usable_device(best_device() if device is None else device)
    budget = {"minutes": minutes, "frames": frames, "updates": updates, "pflop": pflop}
    experiment = _changed(experiment, values, scale, run_name, budget)
    run_name, kept = experiment.name, Checkpoints(checkpoints / experiment.name)
    with held(run_name, [kept.directory, logdir / run_name]), threads_of(experiment.performance):
        state = _state_to_resume(kept, experiment, seed, resume) if resume else None
        over = state is None and _starts_over(logdir, experiment, kept, resume == "auto")
        seed = state["seed"] if state else (seed or 0)
        with closing(TrainingLoop(experiment, seed, device, logdir, kept)) as training:
            if state:
                _go_on_from(state, training)
            else:
                _start(training, checkpoints, over)
            _run(training, resume == "auto", stop, progress)
    return logdir / run_name


# --- before it starts -----------------------------------------------------------------------------


def _checked(
    seed: int | None, resume: Any, stop: Stop | None, progress: bool | Callable
) -> int | None:
    """The seed; TmnetError where one of these is wrong."""
    automatic = isinstance(resume, str) and resume == "auto"
    if not (automatic or isinstance(python_number(resume), bool)):
        raise wrong("resume", resume, "true, false or 'auto'")
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
    budget: Mapping[str, Any],
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
    if any(most is not None for most in budget.values()):
        experiment = replace(experiment, **budget)
    if not experiment.budget:
        given = any(getattr(experiment, name) is not None for name in BUDGETS)
        raise TmnetError(
            f"The budget is {'0' if given else 'not given'}; give minutes, frames, updates or "
            "pflop above 0."
        )
    if [*experiment.budget] == ["updates"] and not experiment.memory.uses_per_transition:
        raise TmnetError(
            "memory.uses_per_transition is 0, so nothing is learned, and a budget of updates would "
            "never be used up; give minutes, frames or pflop."
        )
    return experiment


def _starts_over(logdir: Path, experiment: Experiment, kept: Checkpoints, may: bool) -> bool:
    """Whether there is something of this run already, which has no checkpoint.

    Raises
    ------
    TmnetError
        If there is, and it may not start over that; or if it may be of another run.
    """
    name = experiment.name
    suffixes = dict.fromkeys(suffix for _, suffix in experiment.recording.suffix_schedule)
    own, *others = (logdir / f"{name}{suffix}" for suffix in suffixes)
    found = [place for place in (own, *others, kept.directory) if _is_used(place)]
    if not found:
        return False
    # of a later directory only the run's own beginning tells whose it is
    strange = [place for place in others if place in found and _is_used(kept.beside(place.name))]
    if not may or strange or (own not in found and {*others} & {*found}):
        raise TmnetError(
            f"There is a run {name!r} already (in {(strange or found)[0]}); resume it, or give the "
            "new one another name."
        )
    if bests := kept.bests():
        raise TmnetError(
            f"{kept.directory} has {bests[0].name}, but no checkpoint to go on from; move it away "
            "to train the run anew."
        )
    if own in found:
        _warn(f"{name!r} has no checkpoint: it starts anew, in place of what it had logged.")
    return True


def _is_used(place: Path) -> bool:
    """Whether a run may be there: anything but a lock that a process has left."""
    return place.is_file() or (
        place.is_dir() and any(path.name != LOCK for path in place.iterdir())
    )


def _state_to_resume(
    kept: Checkpoints, experiment: Experiment, seed: int | None, resume: bool | Literal["auto"]
) -> dict[str, Any] | None:
    if not kept.files():
        if resume == "auto":
            return None
        raise TmnetError(
            f"There is nothing to resume: no checkpoint of {experiment.name!r} in "
            f"{kept.directory.parent}; resuming with 'auto' would start it."
        )
    state = kept.load()
    before = Experiment.from_dict(state["experiment"])
    threads = experiment.performance.threads  # which may be others
    before = replace(before, performance=replace(before.performance, threads=threads))
    free = {*BUDGETS, "description"}
    if different := differences(before, experiment, free):
        raise TmnetError(
            f"The run {experiment.name!r} was started with another configuration: {different} "
            "differs; resume it with the same, or start a new run from its checkpoint "
            "(initial_checkpoint)."
        )
    if seed not in (None, state["seed"]):
        raise TmnetError(f"The run {experiment.name!r} was started with seed {state['seed']}.")
    return state


def _go_on_from(state: dict[str, Any], training: TrainingLoop) -> None:
    """Take up the state of a run, unless it is done."""
    training.load_state_dict(state)
    if math.isnan(training.first_batch) and training.experiment.budget.keys() - {
        "minutes",
        "frames",
    }:
        raise TmnetError(
            f"The run {training.experiment.name!r} is of an earlier tmnet and started from another "
            "run's checkpoint: which updates are its own is not known; give minutes or frames."
        )
    if training.is_over():
        return
    if different := differs(state.get("machine", {}), training.device):
        _warn(
            f"{training.experiment.name!r} goes on with {different}: what is computed is rounded "
            "otherwise from here."
        )
    training.checkpoints.set_damaged_aside(training.frames)


def _warn(note: str) -> None:
    warnings.warn(note, TrainingWarning, stacklevel=3)


def _start(training: TrainingLoop, checkpoints: Path, over: bool) -> None:
    """Begin a run, perhaps over what is there of it."""
    if training.experiment.initial_checkpoint:
        _start_from(training.experiment.initial_checkpoint, checkpoints, training)
    if over:
        training.recorder.replaces_from = 0


def _run(
    training: TrainingLoop, may_be_done: bool, stop: Stop | None, progress: bool | Callable
) -> None:
    """Train, unless it is done."""
    run = training.experiment.name
    if not training.is_over():
        with ProgressLine(run, progress) as shown, stopping(stop) as stopped:
            training.run(stopped, shown)
    elif may_be_done:
        _warn(f"The run {run!r} is done: it has used up its budget.")
    else:
        raise TmnetError(f"The run {run!r} has used up its budget; give it more.")


def _start_from(name: str, directory: Path, training: TrainingLoop) -> None:
    """Take what a checkpoint of another run has learned, if the networks are alike.

    What is meant is a file, or the last checkpoint of a run.
    """
    path, kept = Path(name), Checkpoints(directory / name)
    if not path.is_file() and not kept.files():
        raise TmnetError(
            f"initial_checkpoint is {name!r}; there is no such file, and no checkpoint of such a "
            f"run in {directory}: train {name} first."
        )
    if path.is_file():
        state = load_checkpoint(path)
    else:
        path, state = kept.directory, kept.load()
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
