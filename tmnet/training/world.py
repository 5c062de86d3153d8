"""What is trained on: environments in a batch, and what they show as tensors."""

from __future__ import annotations

import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from tmnet.errors import TmnetError
from tmnet.experiments.config import Experiment, NetworkConfig
from tmnet.racing.environment import LONGEST, RaceVectorEnv
from tmnet.racing.simulator import ACTION
from tmnet.racing.track import BEFORE, SPACING, Track, load_track

_GREY = np.array([77, 150, 29])  # of 256: how bright red, green and blue are
# How a car may be beside the line, m, and how far off it may point, per m ahead: left, up, along.
# Without the latter, what a car that has spun sees is a hundred deviations away; learning fails.
_ROOM, _TURN = np.array([5.0, 1.0, 5.0]), np.array([0.25, 0.1, 0.25])


Seen = tuple[Tensor | None, Tensor | None]  # image (N, 1, H, W) uint8, and floats (N, F)


class EndedRace(NamedTuple):
    """A race, or an episode, that has ended.

    Attributes
    ----------
    env : int
    map : str
    kind : str
        "explo" or "eval".
    actions : int
    q, reward : float
        Sums over its actions: what the network thought of all that it might do, in the mean, and
        what came of what it did.
    terminated : bool
        Or it was truncated.
    info : dict of str to float
        What `World.step` told besides.
    """

    env: int
    map: str
    kind: str
    actions: int
    q: float
    reward: float
    terminated: bool
    info: dict[str, float]


class Outcome(NamedTuple):
    """What counts of a race: its score, the higher the better, and what is logged of it."""

    finished: bool
    score: float
    logged: dict[str, float]


class World(ABC):
    """Environments in a batch: races on the simulator, or others of Gymnasium.

    Their state after the end of a race is that of its end for one more step, whose action counts
    for nothing (Gymnasium calls that NEXT_STEP).

    Attributes
    ----------
    maps : tuple of str
        Of an environment that has no maps, its id.
    num_envs, n_actions, n_floats : int
    image_shape : (1, H, W) or None
    normalisers : (Tensor (F,), Tensor (F,)) or (None, None)
        Mean and standard deviation of the floats, where they are known beforehand.
    longest_race : int
        Most actions of a race, where its actions are all it takes to see it again; or else 0.
    """

    maps: tuple[str, ...]
    num_envs: int
    n_actions: int
    n_floats: int
    image_shape: tuple[int, int, int] | None
    normalisers: tuple[Tensor | None, Tensor | None] = (None, None)
    longest_race = 0

    def fitted(self, config: NetworkConfig) -> NetworkConfig:
        """The network with the inputs and outputs that the environments have.

        Raises
        ------
        TmnetError
            If others were asked for: a value that is neither the default nor the environments'.
        """
        knobs: dict[str, Any] = {
            "n_actions": self.n_actions,
            "float_input_dim": self.n_floats,
            "use_image_head": self.image_shape is not None,
        }
        default = NetworkConfig()
        for name, there in knobs.items():
            if (asked := getattr(config, name)) not in (there, getattr(default, name)):
                raise TmnetError(
                    f"neural_network.{name} is {asked}; the environment {self.maps[0]} has "
                    f"{self.n_actions} actions, {self.n_floats} floats in a state and "
                    f"{'an' if self.image_shape else 'no'} image: leave it out."
                )
        if self.image_shape:
            _, knobs["h_downsized"], knobs["w_downsized"] = self.image_shape
        return replace(config, **knobs)

    @abstractmethod
    def deal(self, envs: list[int], maps: list[int]) -> None:
        """On which maps (numbers) these environments drive their next races."""

    @abstractmethod
    def reset(self, moment: int = 0) -> Seen:
        """What is seen at the start of all races; where there is chance, others at each moment."""

    @abstractmethod
    def step(self, actions: Tensor) -> tuple[Seen, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """What is seen then, the reward, what has terminated, and been truncated: (N,) each; and
        what an outcome takes besides."""

    @abstractmethod
    def outcome(self, race: EndedRace) -> Outcome:
        """What counts of a race that has ended."""

    @abstractmethod
    def named_score(self, score: float) -> dict[str, float]:
        """A score as people read it, by what it is called."""

    @abstractmethod
    def logged_records(self, records: dict[str, float]) -> dict[str, float]:
        """What is logged of the best scores of all races, by map."""

    @abstractmethod
    def state_dict(self) -> dict[str, Tensor] | None:
        """The state of the races; None where environments cannot tell theirs."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Tensor]) -> Seen:
        """Go on from a state; returns what is seen there."""

    @abstractmethod
    def close(self) -> None: ...


def open_world(experiment: Experiment, device: torch.device, seed: int) -> World:
    """The environments of an experiment; what they show is on `device`.

    Raises
    ------
    TmnetError
        If there is no such environment or map, or it is not one that can be trained on.
    """
    kind = RaceWorld if experiment.is_race else GymnasiumWorld
    return kind(experiment, device, seed)


class RaceWorld(World):
    """Races on the simulator; a score is minus the time."""

    longest_race = round(LONGEST / ACTION)

    def __init__(self, experiment: Experiment, device: torch.device, seed: int):
        self.device, self.seed = device, seed
        network = experiment.neural_network
        names = tuple(dict.fromkeys(deal.map for deal in experiment.map_cycle))
        tracks = [_stretch(load_track(name), experiment.stretch_m) for name in names]
        size = (network.h_downsized, network.w_downsized) if network.use_image_head else None
        self.num_envs = experiment.performance.num_envs
        self.env = RaceVectorEnv(tracks, self.num_envs, size, device, seed)
        self.maps = tuple(track.name for track in tracks)
        if len(set(self.maps)) < len(self.maps):
            raise TmnetError(f"Two maps have the same name: {', '.join(names)}.")
        self.n_actions, self.n_floats = int(self.env.single_action_space.n), 184
        self.image_shape = (1, *size) if size else None
        self.normalisers = race_normalisers(tracks)

    def deal(self, envs: list[int], maps: list[int]) -> None:
        if envs:
            self.env.next_track[torch.tensor(envs, device=self.device)] = torch.tensor(
                maps, device=self.device
            )

    def reset(self, moment: int = 0) -> Seen:
        return self._seen(self.env.reset(seed=self.seed)[0])

    def step(self, actions: Tensor) -> tuple[Seen, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        seen, reward, terminated, truncated, info = self.env.step(actions)
        told = {name: info[name] for name in ("time_s", "progress_m")}
        return self._seen(seen), reward, terminated, truncated, told

    def _seen(self, seen: dict[str, Tensor]) -> Seen:
        return seen.get("image"), seen["floats"]

    def outcome(self, race: EndedRace) -> Outcome:
        time_s = round(race.info["time_s"], 3) if race.terminated else LONGEST
        zone = race.info["progress_m"] // SPACING + BEFORE  # as the originals count: from before
        logged = {
            f"Race/{race.kind}_race_time_trained_{race.map}": time_s,
            f"Race/{race.kind}_race_finished_trained_{race.map}": float(race.terminated),
            f"RL/single_zone_reached_trained_{race.map}": zone,
        }
        return Outcome(race.terminated, -time_s, logged)

    def named_score(self, score: float) -> dict[str, float]:
        return {"time_s": -score}

    def logged_records(self, records: dict[str, float]) -> dict[str, float]:
        return {f"alltime_min_ms_{map_}": -1000 * score for map_, score in records.items()}

    def state_dict(self) -> dict[str, Tensor]:
        return self.env.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> Seen:
        self.env.load_state_dict(state)
        return self._seen(self.env.observe())

    def close(self) -> None:
        self.env.close()


class GymnasiumWorld(World):
    """Other environments, which have no maps, and cannot tell their state; a score is a return."""

    def __init__(self, experiment: Experiment, device: torch.device, seed: int):
        self.device, self.seed = device, seed
        workers = experiment.performance.collectors
        self.num_envs = workers or experiment.performance.num_envs
        mode = "async" if workers else "sync"
        with _in_one_sentence(experiment.env), _ignoring_interrupts():
            self.env = gymnasium.make_vec(experiment.env, self.num_envs, vectorization_mode=mode)
        self.maps = (experiment.env.rpartition("/")[2],)
        actions, seen = self.env.single_action_space, self.env.single_observation_space
        if not isinstance(actions, spaces.Discrete):
            raise TmnetError(
                f"{experiment.env} takes {actions}; only Discrete actions are learned."
            )
        self.n_actions, self._first_action = int(actions.n), int(actions.start)
        parts = seen.spaces if isinstance(seen, spaces.Dict) else {"": seen}
        image = [space for space in parts.values() if _is_image(space)]
        floats = [space for space in parts.values() if not _is_image(space)]
        known = all(isinstance(space, spaces.Box) for space in parts.values())
        if not known or len(image) > 1 or len(floats) > 1:
            raise TmnetError(
                f"{experiment.env} shows {seen}; it takes a Box, or a Dict of an image and floats."
            )
        self.image_shape = (1, *_plane(image[0].shape)) if image else None
        self.n_floats = int(np.prod(floats[0].shape)) if floats else 0

    def deal(self, envs: list[int], maps: list[int]) -> None:
        """There is but one."""

    def reset(self, moment: int = 0) -> Seen:
        seed = self.seed
        if moment:  # the first episodes have been played
            seed = int(np.random.SeedSequence([seed, moment]).generate_state(1)[0])
        return self._seen(self.env.reset(seed=seed)[0])

    def step(self, actions: Tensor) -> tuple[Seen, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        seen, reward, *ends, _ = self.env.step(actions.cpu().numpy() + self._first_action)
        came = (np.asarray(reward, np.float32), *ends)  # not every device has float64
        reward, terminated, truncated = (torch.as_tensor(x).to(self.device) for x in came)
        return self._seen(seen), reward, terminated, truncated & ~terminated, {}

    def _seen(self, seen: Any) -> Seen:
        parts = seen if isinstance(seen, dict) else {"": seen}
        spaces_ = self.env.single_observation_space
        image = floats = None
        for name, value in parts.items():
            space = spaces_[name] if isinstance(spaces_, spaces.Dict) else spaces_
            if _is_image(space):
                image = torch.from_numpy(_grey(value)).to(self.device)
            else:
                flat = np.asarray(value, np.float32).reshape(self.num_envs, -1)
                floats = torch.from_numpy(flat).to(self.device)
        return image, floats

    def outcome(self, race: EndedRace) -> Outcome:
        logged = {
            f"Episode/{race.kind}_return_{race.map}": race.reward,
            f"Episode/{race.kind}_length_{race.map}": race.actions,
        }
        return Outcome(True, race.reward, logged)

    def named_score(self, score: float) -> dict[str, float]:
        return {"return": score}

    def logged_records(self, records: dict[str, float]) -> dict[str, float]:
        return {}

    def state_dict(self) -> None:
        return None

    def load_state_dict(self, state: dict[str, Tensor]) -> Seen:
        raise NotImplementedError("There is no state of these environments.")

    def close(self) -> None:
        self.env.close()


def race_normalisers(tracks: list[Track]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation by which the floats of races are normalised: (184,) each.

    Of the points ahead they are those along the tracks' own centre lines, beside which a car has
    some room, and from whose direction it may turn; the others are the same for all tracks.
    """
    mean, std = np.zeros(184), np.ones(184)

    def put(first: int, means: list[float], stds: list[float]) -> None:
        mean[first : first + len(means)], std[first : first + len(stds)] = means, stds

    put(0, [70], [70])
    put(1, [0.8, 0.2, 0.3, 0.3] * 5, [0.5] * 20)
    put(21, [0.1] * 4 + [0.9] * 4 + [0.02] * 4, [0.5] * 12)
    put(33, [0.3, 2.5, 7000, 0.1], [1, 2, 3000, 10])
    put(37, [0.5] * 16, [0.5] * 16)
    put(53, [0, 0, 0, 0, 0, 55, 0, 1, 0], [0.5, 1, 0.5, 5, 5, 20, 0.5, 0.5, 0.5])
    put(182, [700, 0], [350, 1])
    of_tracks = []
    for track in tracks:
        zones = np.arange(BEFORE, BEFORE + round(track.length / SPACING))
        ahead = track.zones[zones[:, None] + 20 * np.arange(40)] - track.zones[zones, None]
        of_tracks.append(np.einsum("zpx,zax->zpa", ahead, track.frames[zones]))  # in their frames
    points = np.concatenate(of_tracks)  # (zones, 40, 3)
    mean[62:182] = points.mean(0).ravel()
    room = _ROOM + _TURN * 10 * np.arange(40)[:, None]
    std[62:182] = np.sqrt(points.var(0) + room**2).ravel()
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(std, dtype=torch.float32)


def _stretch(track: Track, metres: float | None) -> Track:
    return track if metres is None else track.first(metres)


def _is_image(space: spaces.Space) -> bool:
    return isinstance(space, spaces.Box) and space.dtype == np.uint8 and len(space.shape) in (2, 3)


def _plane(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of an image (H, W), (H, W, C) or (1, H, W)."""
    height, width = shape[1:] if len(shape) == 3 and shape[0] == 1 else shape[:2]
    return height, width


def _grey(images: np.ndarray) -> np.ndarray:
    """(N, 1, H, W) uint8 of (N, H, W), (N, 1, H, W), or (N, H, W, C)."""
    if images.ndim == 4 and images.shape[-1] == 3:
        images = (images @ _GREY) // 256
    elif images.ndim == 4 and images.shape[1] != 1:
        images = images.mean(axis=-1)
    plane = images[:, 0] if images.ndim == 4 else images
    return np.ascontiguousarray(plane[:, None], dtype=np.uint8)


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Processes that start meanwhile go on ignoring Ctrl-C: who asked for them ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _in_one_sentence(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of Gymnasium, or of anything that an environment needs
        reason = " ".join(str(error).split()).rstrip(".")
        raise TmnetError(f"The environment {name!r} cannot be made ({reason}).") from None
