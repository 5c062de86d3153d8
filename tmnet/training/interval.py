"""What happens between two logs, and what is logged of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

ACTIVITIES = ("acting", "sampling", "learning", "testing", "logging")
MARKS = {"q1": 25, "median": 50, "q3": 75, "d9": 90, "d98": 98, "max": 100}  # of gradient norms


class Clock:
    """For how long the processes of a run have been running."""

    def __init__(self):
        self._started = time.perf_counter()
        self.before = 0.0  # s, of earlier processes

    @property
    def seconds(self) -> float:
        return self.before + time.perf_counter() - self._started


class LogInterval:
    """What happens between two logs.

    Parameters
    ----------
    clock : Clock
    frames : int
        Played when it begins.

    Attributes
    ----------
    start : dict
        Seconds and frames of the run when it began.
    losses, norms, test_losses : list of Tensor ()
        Of batches.
    seconds : dict
        What its activities took.
    """

    def __init__(self, clock: Clock, frames: int):
        self._clock = clock
        self.start = {"seconds": clock.seconds, "frames": frames}
        self.losses: list[Tensor] = []
        self.norms: list[Tensor] = []
        self.test_losses: list[Tensor] = []
        self.seconds = dict.fromkeys(ACTIVITIES, 0.0)

    @property
    def passed(self) -> float:
        """Seconds since it began."""
        return self._clock.seconds - self.start["seconds"]

    @contextmanager
    def timed(self, activity: str, taken_from: str | None = None) -> Iterator[None]:
        """Count the time of an activity; of what is done within another one, only once."""
        start = self._clock.seconds
        try:
            yield
        finally:
            passed = self._clock.seconds - start
            self.seconds[activity] += passed
            if taken_from:
                self.seconds[taken_from] -= passed

    def performance(self, frames: int, batch_size: int) -> dict[str, float]:
        """Shares of time, and how much was done in it, when so many frames have been played."""
        passed, seconds = self.passed, self.seconds
        return {
            "Performance/learner_percentage_training": seconds["learning"] / passed,
            "Performance/learner_percentage_testing": seconds["testing"] / passed,
            "Performance/learner_percentage_waiting_for_workers": seconds["acting"] / passed,
            "Performance/percentage_sampling": seconds["sampling"] / passed,
            "Performance/percentage_logging": seconds["logging"] / passed,
            "Performance/transitions_learned_per_second": len(self.losses) * batch_size / passed,
            "Performance/frames_per_second": (frames - self.start["frames"]) / passed,
        }

    def learning(self, quantiles: int) -> dict[str, float]:
        """Losses, of which each is a sum over so many quantiles, and gradient norms."""
        values = {}
        if self.losses:
            loss = torch.stack(self.losses).mean().item()
            values["Training/loss"] = loss
            values["Training/loss_per_quantile"] = loss / quantiles
            norms = torch.stack(self.norms).float().cpu().numpy()
            for name, value in zip(MARKS, np.percentile(norms, list(MARKS.values()))):
                values[f"Gradients/norm_{name}"] = float(value)
        if self.test_losses:
            values["Training/loss_test"] = torch.stack(self.test_losses).mean().item()
        return values

    def state_dict(self) -> dict[str, Any]:
        return {
            "losses": _stacked(self.losses),
            "norms": _stacked(self.norms),
            "test_losses": _stacked(self.test_losses),
            "seconds": self.seconds,
            "start": self.start,
        }

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Go on with an interval from a `state_dict`."""
        self.losses, self.norms, self.test_losses = (
            list(state[name].to(device)) for name in ("losses", "norms", "test_losses")
        )
        self.seconds, self.start = state["seconds"], state["start"]


def _stacked(values: list[Tensor]) -> Tensor:
    return torch.stack(values) if values else torch.zeros(0)
