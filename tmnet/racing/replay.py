"""A race again: driven once more by its actions, and shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tmnet.arguments import a_path, a_whole_number, several
from tmnet.errors import TmnetError
from tmnet.racing.driver import drive
from tmnet.racing.environment import RaceVectorEnv
from tmnet.racing.race import Race
from tmnet.racing.simulator import SLIDING, Cars, Simulator
from tmnet.racing.track import Track

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from tmnet.racing.player import RacePlayer


class Replay(Race):
    """A race seen again: as a figure, an animation, and a player in notebooks.

    What it holds is described at `tmnet.racing.Race`.
    """

    def plot(self) -> Figure:
        """Plan view coloured by speed; speed, inputs and altitude over distance."""
        from tmnet.racing.figure import plot

        return plot(self)

    def save(self, path: str | Path, fps: int = 10) -> Path:
        """Write an animation: the view, the plan and the speed; shows its progress.

        Parameters
        ----------
        path : str or Path
            Ends in .gif, or in .mp4 where ffmpeg is installed.
        fps : int
            Pictures per second: 20 or a divisor of it.

        Raises
        ------
        TmnetError
            If it cannot be written like this.
        """
        from tmnet.racing.figure import animate

        return animate(self, a_path("path", path), fps)

    def play(self) -> RacePlayer:
        """A player for notebooks."""
        from tmnet.racing.player import RacePlayer

        return RacePlayer(self)


def replay(
    track: str | Path | Track = "A01",
    actions: Sequence[int] | Callable[[Tensor], Tensor] = drive,
) -> Replay:
    """Drive a race, and keep all of it.

    The simulator knows no chance: the actions of a race are all that is needed to see it again.

    Parameters
    ----------
    track : str, path or Track
    actions : sequence of int, or callable
        The race's actions, or who chooses them: floats (1, 184) -> action (1,).

    Returns
    -------
    Replay

    Raises
    ------
    TmnetError
        For an unknown track, or no action, or one that does not exist.
    """
    env = RaceVectorEnv([track], num_envs=1, image_size=None)
    seen, _ = env.reset()
    chosen = actions if callable(actions) else None
    planned = None if chosen else iter(_planned(actions))
    moments, times = [env.cars], [0.0]
    over = terminated = torch.zeros(1, dtype=torch.bool)
    with torch.inference_mode():
        while not over:
            if chosen:
                action = chosen(seen["floats"])
            elif (following := next(planned, None)) is not None:
                action = np.array([following])
            else:
                break
            seen, _, terminated, truncated, info = env.step(action)
            over = terminated | truncated
            moments.append(env.cars)
            times.append(info["time_s"].item())
    if len(moments) == 1:
        raise TmnetError("There is no action to replay.")
    cars = Cars(*(torch.cat([getattr(m, f.name) for m in moments], -1) for f in fields(Cars)))
    path = _path(env.simulator, cars, times)
    return Replay(env.tracks[0], terminated.item(), times[-1], path, env.simulator, cars)


def _planned(actions: Sequence[int]) -> list[int]:
    form = "the actions of a race, whole numbers, or a function that chooses them"
    return [a_whole_number("An action", x) for x in several("actions", actions, object, form)]


def _path(simulator: Simulator, cars: Cars, times: list[float]) -> pd.DataFrame:
    import pandas as pd  # not above: who trains needs none

    x, y, z = cars.position.numpy()
    progress = torch.minimum(cars.passed, simulator.length[0])
    inputs = cars.history[16:].numpy().astype(int)
    inputs[:, 0] = 0  # nothing was pressed before the start
    airborne = cars.contact.amax(0) == 0
    return pd.DataFrame(
        {
            "time_s": times,
            "progress_m": progress.numpy(),
            "x": x,
            "y": y,
            "z": z,
            "offset_m": cars.place[0].numpy(),
            "speed_kmh": cars.speed[2].numpy() * 3.6,
            **dict(zip(("accelerate", "brake", "left", "right"), inputs)),
            "gear": cars.gear.numpy() + 1,
            "sliding": ((cars.speed[0].abs() > SLIDING) & ~airborne).numpy(),
            "airborne": airborne.numpy(),
        }
    )
