"""The axis on which runs are compared: training time, steps, arithmetic, or a logged counter."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

from tmnet.analysis.metrics import Metric
from tmnet.analysis.on_axis import BATCHES, RunOnAxis
from tmnet.arguments import a_text, of_kind, one_of
from tmnet.logs.run import Run

CLOCKS = ("active", "wall")
_UNITS = {
    "time": "min",
    "step": "steps",
    "relative_step": "steps",
    "flops": "PFLOP",
    BATCHES: "batches",
}
_LABELS: dict[str, str] = {
    "step": "steps (frames played)",
    "relative_step": "steps since the run's first",
    "flops": "arithmetic of the network (PFLOP)",
}
_SMALL = {"time": 0.1, "flops": 1.0}  # what is less is said with three digits
_INTERVALS = {"time": 5.0, "step": 50_000.0, "relative_step": 50_000.0}

# A run on an axis is prepared once, and lives as long as the run.
_prepared: weakref.WeakKeyDictionary[Run, dict[Axis, RunOnAxis]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Axis:
    """What runs are compared at equal amounts of.

    Parameters
    ----------
    by : str
        "time" (minutes), "step" (frames played), "relative_step" (since the run's own first
        step), "flops" (PFLOP that the network took), or the tag of a counter that runs logged.
    clock : {"active", "wall"}
        Of "time": minutes that processes of the run were running, or minutes since its first
        record.

    Raises
    ------
    TmnetError
        If the clock is unknown.

    Examples
    --------
    >>> Axis("step").unit, Axis("time").show(12.5), Axis("flops").default_interval
    ('steps', '12.5', None)
    """

    by: str = "time"
    clock: str = "active"

    def __post_init__(self):
        a_text("by", self.by)
        one_of("clock", self.clock, CLOCKS)

    @property
    def is_time(self) -> bool:
        """Whether it is training time."""
        return self.by == "time"

    @property
    def is_steps(self) -> bool:
        """Whether it counts frames, from whichever first one on."""
        return self.by in ("step", "relative_step")

    @property
    def unit(self) -> str:
        """ "min", "steps", "PFLOP", or the name of the counter."""
        return _UNITS.get(self.by, self.by)

    @property
    def label(self) -> str:
        """What it shows, with its unit."""
        if self.is_time:
            clock = "active" if self.clock == "active" else "wall clock"
            return f"{clock} training time (min)"
        return _LABELS.get(self.by) or Metric.named(self.by).label

    @property
    def default_interval(self) -> float | None:
        """Between grid points; None where it depends on how far the runs go."""
        return _INTERVALS.get(self.by)

    def show(self, at: float) -> str:
        """A position as text, without the unit."""
        if 0 < abs(at) < _SMALL.get(self.by, 0.0):  # or short runs would end at 0
            return f"{at:.3g}"
        if self.by in _SMALL:
            return f"{at:,.2f}".rstrip("0").rstrip(".")
        return f"{at:,.0f}"

    def say(self, at: float) -> str:
        """A moment in prose: "12 min", "42.4 min", "1,250,000 steps"."""
        if self.is_time and not 0 < abs(at) < _SMALL["time"]:
            return f"{at:,.1f} min".replace(".0 ", " ")
        return f"{self.show(at)} {self.unit}"

    def say_length(self, length: float) -> str:
        """A length in prose, of counts with three digits: "42.4 min", "1,720,000 steps"."""
        return self.say(length if self.by in _SMALL else float(f"{length:.3g}"))

    def pace(self, length: float) -> tuple[float, str]:
        """A length in the unit in which gains are given, and the name of one of these."""
        if self.is_time:
            return length / 60, "an hour"
        if self.is_steps:
            return length / 1e6, "a million steps"
        return length, f"a {self.unit}"

    def of(self, run: Run) -> RunOnAxis:
        """The events of a run by their positions on the axis.

        Raises
        ------
        TmnetError
            If the run did not log what the axis is made of.
        """
        of_kind("run", run, Run)
        kept = _prepared.setdefault(run, {})
        key = self if self.is_time else Axis(self.by)  # the clock is only that of time
        if key not in kept:
            kept[key] = RunOnAxis(run, key)
        return kept[key]
