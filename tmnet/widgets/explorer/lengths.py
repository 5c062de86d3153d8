"""Lengths of the axis (interval, trailing, half-life) that fit what is shown."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence

from tmnet.analysis.alignment import having_axis
from tmnet.analysis.axis import Axis
from tmnet.analysis.grid import MOST_POINTS, fitting_interval, hundredth
from tmnet.logs.run import Run
from tmnet.widgets.explorer.controls import Controls
from tmnet.widgets.explorer.view import View

FITTED_TO = ("by", "clock", "runs", "window")  # of a view
FEWEST_POINTS = 10  # of a grid whose interval nobody chose


class Lengths:
    """See above.

    Parameters
    ----------
    controls : Controls
        Which hold them. To be called while they are not listened to.
    """

    def __init__(self, controls: Controls):
        self._controls = controls
        self._fitted: View | None = None
        self._units: dict[str, str] = {}  # of the intervals, that of time and the other

    def begin_anew(self) -> None:
        """Forget what was fitted, as other runs have nothing to do with it."""
        self._fitted = None

    def fit(self, view: View, runs: Sequence[Run], given: Collection[str] = ()) -> None:
        """Let lengths be such as the axis has, where it is another, or other runs are shown; but
        those that are given, as entries of a view, stay as they are."""
        was, self._fitted = self._fitted, view
        same = bool(was and not given) and all(
            getattr(was, x) == getattr(view, x) for x in FITTED_TO
        )
        if was is None and view.by == "time":  # the other interval is one of steps at first
            by_step = dataclasses.replace(view, by="step", window=None, trailing=None)
            self._fit(by_step, runs, given, is_other=True)
        is_other = was is None or Axis(was.by).unit != Axis(view.by).unit
        self._fit(view, runs, given, is_other, same)

    def _fit(
        self, view: View, runs: Sequence[Run], given: Collection[str], is_other: bool,
        same: bool = False,
    ) -> None:  # fmt: skip
        axis = Axis(view.by, view.clock)
        runs, _ = having_axis(runs, axis)
        if not runs:
            return
        ends = [axis.of(run).end for run in runs]
        length = view.window[1] - view.window[0] if view.window else min(ends)
        fitting = hundredth(length)
        if axis.is_time or axis.is_steps:
            usual = fitting_interval(runs, axis)
            fitting = usual if length / MOST_POINTS < usual < length / FEWEST_POINTS else fitting
        # that of time stays while another axis is looked at; the other one is that of several
        name = "interval" if axis.is_time else "step_interval"
        is_known = self._units.get(name) == axis.unit
        self._units[name] = axis.unit
        # What somebody has chosen stays, until runs that grow have too many grid points with it.
        most = math.inf if same else length / 2
        fits = is_known and length / MOST_POINTS <= getattr(view, name) <= most
        half_life, trailing = self._controls.smoothing.value, view.trailing
        is_long = isinstance(trailing, float) and trailing > length
        self._controls.fit(
            view.by,
            ends,
            None if fits or name in given else fitting,
            fitting if "smoothing" not in given and (is_other or half_life > length) else None,
            "trailing" not in given and (is_other or is_long),
        )
