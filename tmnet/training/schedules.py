"""Values that change with the frames played: points, and how it goes on between them.

After the last point a value stays as it is.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Any

import numpy as np

from tmnet.experiments.config import Experiment
from tmnet.experiments.fields import Schedule


def linear(points: Schedule, frames: float) -> float:
    """The value on straight lines between the points."""
    return float(np.interp(frames, *zip(*points)))


def exponential(points: Schedule, frames: float) -> float:
    """The value when its logarithm is on straight lines between the points."""
    return math.exp(linear(tuple((at, math.log(value)) for at, value in points), frames))


def staircase(points: Schedule, frames: float) -> tuple[Any, ...]:
    """The values of the last point that has been reached."""
    return points[bisect_right([at for at, *_ in points], frames) - 1][1:]


class Schedules:
    """All schedules of an experiment, by the frames played.

    `training.global_schedule_speed` stretches them, except gamma's.
    """

    def __init__(self, experiment: Experiment):
        training, exploration = experiment.training, experiment.exploration
        speed = training.global_schedule_speed

        def stretched(points: Schedule) -> Schedule:
            return tuple((at * speed, *values) for at, *values in points)

        self._lr = stretched(training.lr_schedule)
        self._gamma = training.gamma_schedule
        self._epsilon = stretched(exploration.epsilon_schedule)
        self._epsilon_boltzmann = stretched(exploration.epsilon_boltzmann_schedule)
        self._memory = stretched(experiment.memory.schedule)
        self._suffix = stretched(experiment.recording.suffix_schedule)

    def lr(self, frames: float) -> float:
        return exponential(self._lr, frames)

    def gamma(self, frames: float) -> float:
        return linear(self._gamma, frames)

    def epsilon(self, frames: float) -> float:
        return exponential(self._epsilon, frames)

    def epsilon_boltzmann(self, frames: float) -> float:
        return exponential(self._epsilon_boltzmann, frames)

    def memory(self, frames: float) -> tuple[int, int]:
        """Capacity, and how many transitions learning takes."""
        return staircase(self._memory, frames)

    def suffix(self, frames: float) -> str:
        """Of the log directory."""
        return staircase(self._suffix, frames)[0]
