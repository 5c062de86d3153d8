"""The line that tells how a training goes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from tmnet.progress import progress_bar

EVERY = 0.5  # s


@dataclass(frozen=True)
class Status:
    """How a training goes.

    Attributes
    ----------
    done : float
        Share of the budget, 0 .. 1.
    minutes_left : float
        Infinite while there is nothing to tell it by.
    frames : int
    frames_per_second, updates_per_second : float
        Since the last log.
    acting, learning : float
        Shares of the time.
    races : dict of str to (int, int, float)
        Races, finishes, and the best score (minus the time in s, or the return), by map and kind.
    is_race : bool
        Whether scores are times.
    """

    done: float
    minutes_left: float
    frames: int
    frames_per_second: float
    updates_per_second: float
    acting: float
    learning: float
    races: dict[str, tuple[float, float, float]]
    is_race: bool

    def __str__(self) -> str:
        parts = [
            f"{self.frames:,} frames",
            f"{self.frames_per_second:,.0f}/s",
            f"{self.updates_per_second:.1f} updates/s",
            f"acting {self.acting:.0%}, learning {self.learning:.0%}",
            *(self._race(name) for name in sorted(self.races)),
            *([self._left()] if math.isfinite(self.minutes_left) else []),
        ]
        return " · ".join(parts)

    def _left(self) -> str:
        left = round(60 * self.minutes_left)
        hours, minutes, seconds = left // 3600, left // 60 % 60, left % 60
        return f"{hours}:{minutes:02}:{seconds:02} left"

    def _race(self, name: str) -> str:
        races, finishes, best = self.races[name]
        if not self.is_race:
            return f"{name} best {best:.4g} of {races:.0f}"
        text = f"{finishes / races:.0%} of {races:.0f} finish"
        return f"{name} {-best:.2f} s, {text}" if finishes else f"{name} {text}"


class ProgressLine:
    """Shows a `Status` now and then: as a line, or to whoever is called with it."""

    def __init__(self, run: str, show: bool | Callable[[Status], None]):
        self._run, self._call = run, show if callable(show) else None
        self._bar = None
        if show and self._call is None:
            self._bar = progress_bar(
                total=1.0,
                desc=run,
                dynamic_ncols=True,
                bar_format="{percentage:3.0f}% {bar:10} {desc}",
                mininterval=0.0,
                delay=0,
                leave=True,
            )
        self._last = 0.0

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, status: Callable[[], Status], at_once: bool = False) -> None:
        """Show how it goes, if it has not just been shown; `at_once` brings the line up to date."""
        if at_once and self._bar is None:
            return
        now = time.monotonic()
        if now - self._last < EVERY and not at_once:
            return
        self._last = now
        if self._call is not None:
            self._call(status())
        elif self._bar is not None:
            current = status()
            self._bar.n = current.done
            try:
                self._bar.set_description_str(f"{self._run}: {current}")
            except OSError:  # the terminal is gone; the training has yet to be saved
                self._bar = None
