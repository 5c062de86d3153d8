"""The embedded racing simulator, as Gymnasium environments.

Importing this registers `tmnet/Race-v0` with Gymnasium.
"""

import gymnasium

from tmnet.racing.driver import drive
from tmnet.racing.environment import RaceEnv, RaceVectorEnv
from tmnet.racing.observation import potential
from tmnet.racing.race import Race
from tmnet.racing.replay import Replay, replay
from tmnet.racing.simulator import ACTIONS, Cars, Simulator
from tmnet.racing.track import Track, load_track

__all__ = [
    "ACTIONS",
    "Cars",
    "Race",
    "RaceEnv",
    "RaceVectorEnv",
    "Replay",
    "Simulator",
    "Track",
    "drive",
    "load_track",
    "potential",
    "replay",
]

gymnasium.register(
    "tmnet/Race-v0",
    entry_point="tmnet.racing.environment:RaceEnv",
    vector_entry_point="tmnet.racing.environment:make_races",
)
