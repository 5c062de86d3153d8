"""A race as plain data: where the car went, how fast, and with what on the pedals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from tmnet.arguments import a_whole_number
from tmnet.racing.picture import race_picture
from tmnet.racing.simulator import Cars, Simulator
from tmnet.racing.track import Track

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Race:
    """A race, action by action.

    Attributes
    ----------
    track : Track
    finished : bool
        False: it was cut off, or the actions ended.
    time_s : float
        Its time.
    path : pandas.DataFrame
        A row at the start and after every action: time_s, progress_m (along the centre line),
        x, y (altitude), z in m, offset_m (to the left of the centre line), speed_kmh, accelerate,
        brake, left, right (0 or 1, in the action that ended there), gear (1 .. 5), sliding and
        airborne (bool).
    """

    track: Track
    finished: bool
    time_s: float
    path: pd.DataFrame
    _simulator: Simulator
    _moments: Cars  # as many "races" as rows

    def __repr__(self) -> str:
        end = "finished" if self.finished else f"got {self.path.progress_m.iloc[-1]:.0f} m"
        return f"<{type(self).__name__} of {self.track.name}: {end} in {self.time_s:.3f} s>"

    def picture(self, row: int) -> np.ndarray:
        """What the driver saw at a row of `path`, (480, 640, 3) uint8."""
        row = a_whole_number("row", row, least=0, most=len(self.path) - 1)
        cars = self._moments.map(lambda field: field[..., row : row + 1])
        time_ms = torch.tensor([self.path.time_s.iloc[row] * 1000])
        return race_picture(self._simulator, cars, time_ms)[0]
