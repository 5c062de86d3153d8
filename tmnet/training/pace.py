"""How fast a machine would train: a short trial of acting and learning."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from tmnet.arguments import a_function, a_number, of_kind
from tmnet.devices import best_device, usable_device
from tmnet.errors import TmnetError
from tmnet.experiments.config import Experiment
from tmnet.networks.costs import costs, pflop
from tmnet.training.checkpoint import Checkpoints
from tmnet.training.devices import threads_of
from tmnet.training.loop import TrainingLoop


def pace(
    experiment: Experiment,
    seconds: float = 5.0,
    *,
    device: str | torch.device | None = None,
    progress: Callable[[float], bool] | None = None,
) -> float:
    """Measure how many frames per second a training would play on this machine.

    It acts and learns in turn, as a training does once its memory is large enough to learn from,
    and counts a frame with as many batches as the experiment learns for one. Nothing of it is
    kept.

    Parameters
    ----------
    experiment : Experiment
    seconds : float
        How long to try; a little longer, where an action and a batch take that long.
    device : str or torch.device, optional
        A CUDA or Apple GPU where there is one, or the CPU.
    progress : callable, optional
        Called with the share of the trial that is done; it ends where that returns False.

    Returns
    -------
    float
        NaN where it ended before there was anything to tell.

    Raises
    ------
    TmnetError
        If the experiment cannot be trained.
    """
    of_kind("experiment", experiment, Experiment)
    if a_number("seconds", seconds) <= 0:
        raise TmnetError(f"seconds is {seconds:g}; it must be above 0.")
    if progress is not None:
        a_function("progress", progress)
    device = usable_device(best_device() if device is None else device)
    memory = experiment.memory  # from which it learns at once: how much is in it takes no time
    memory = replace(memory, schedule=tuple((at, most, 1) for at, most, _ in memory.schedule))
    trial = replace(experiment, memory=memory, initial_checkpoint=None)
    with TemporaryDirectory() as folder, threads_of(experiment.performance):
        loop = TrainingLoop(trial, 0, device, Path(folder), Checkpoints(Path(folder)))
        try:
            return 1 / _seconds_per_frame(loop, seconds, progress)
        finally:
            loop.close()


def frames_taken(experiment: Experiment) -> dict[str, float]:
    """About how many frames each budget of an experiment takes, but that of minutes.

    That of arithmetic is known of races only: other environments show what their network is once
    they are made.
    """
    memory, budget = experiment.memory, experiment.budget
    begin, batches = memory.schedule[0][2] / (1 - memory.test_share), _batches_per_frame(experiment)
    frames = {name: most for name, most in budget.items() if name == "frames"}
    if "updates" in budget and batches:
        frames["updates"] = begin + budget["updates"] / batches
    if "pflop" in budget and experiment.is_race:
        total = costs(experiment.neural_network, experiment.training.batch_size)
        acting, learning = pflop(total, 0.0, 1.0), pflop(total, batches, 0.0)
        all_acting = budget["pflop"] / acting
        later = (budget["pflop"] + begin * learning) / (acting + learning)
        frames["pflop"] = min(all_acting, later)  # as long as it only acts, the former is less
    return frames


def _batches_per_frame(experiment: Experiment) -> float:
    memory = experiment.memory
    return memory.uses_per_transition * (1 - memory.test_share) / experiment.training.batch_size


def _seconds_per_frame(
    loop: TrainingLoop, seconds: float, progress: Callable[[float], bool] | None
) -> float:
    """What acting takes for a frame, and learning for the batches that one brings."""
    begin, frames, batches, acting, learning = time.perf_counter(), 0, 0, 0.0, 0.0
    stopped = False

    def took(do: Callable[[], None]) -> float:
        nonlocal stopped
        start = time.perf_counter()
        do()
        now = time.perf_counter()
        share = min((now - begin) / seconds, 1.0)
        stopped = stopped or (progress is not None and progress(share) is False)
        return now - start

    def goes_on() -> bool:
        return not stopped and time.perf_counter() - begin < seconds

    while not len(loop.memory) and not stopped:
        took(loop.play)  # not counted: the first few make room, and load what they need
    if not stopped:
        took(loop.learn)
    while not stopped and (goes_on() or not frames):
        before = loop.frames
        acting += took(loop.play)
        frames += loop.frames - before
        while loop.is_due() and goes_on():
            learning += took(loop.learn)
            batches += 1
    if not batches and not stopped:  # it is seldom due, or takes long
        learning, batches = took(loop.learn), 1
    if not (frames and batches):
        return math.nan
    return acting / frames + _batches_per_frame(loop.experiment) * learning / batches
