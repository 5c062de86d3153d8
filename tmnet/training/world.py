"""What is trained on: environments in a batch, and what they show as tensors."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from tmnet.errors import TmnetError
from tmnet.experiments.config import Experiment
from tmnet.racing.environment import RaceVectorEnv
from tmnet.racing.track import BEFORE, SPACING, Track, load_track

_GREY = np.array([77, 150, 29])  # of 256: how bright red, green and blue are
# How a car may be beside the line, m, and how far off it may point, per m ahead: left, up, along.
# Without the latter, what a car that has spun sees is a hundred deviations away; learning fails.
_ROOM, _TURN = np.array([5.0, 1.0, 5.0]), np.array([0.25, 0.1, 0.25])


class World:
    """The environments of an experiment.

    Their state after the end of a race is that of its end for one more step, whose action counts
    for nothing (Gymnasium calls that NEXT_STEP).

    Parameters
    ----------
    experiment : Experiment
    device : torch.device
        Of what is observed.
    seed : int

    Attributes
    ----------
    maps : tuple of str
        Of an environment that has no maps, its id.
    num_envs, n_actions, n_floats : int
    image_shape : (1, H, W) or None
    normalisers : (Tensor (F,), Tensor (F,)) or (None, None)
        Mean and standard deviation of the floats, where they are known beforehand.

    Raises
    ------
    TmnetError
        If there is no such environment or map, or it is not one that can be trained on.
    """

    def __init__(self, experiment: Experiment, device: torch.device, seed: int):
        self.device, self.seed = device, seed
        self.is_race = experiment.is_race
        self.normalisers: tuple[Tensor | None, Tensor | None] = (None, None)
        if self.is_race:
            self._open_races(experiment)
        else:
            self._open_gymnasium(experiment)

    def _open_races(self, experiment: Experiment) -> None:
        network = experiment.neural_network
        names = tuple(dict.fromkeys(deal.map for deal in experiment.map_cycle))
        tracks = [_stretch(load_track(name), experiment.stretch_m) for name in names]
        size = (network.h_downsized, network.w_downsized) if network.use_image_head else None
        num_envs = experiment.performance.num_envs
        self.env = RaceVectorEnv(tracks, num_envs, size, self.device, self.seed)
        self.maps = tuple(track.name for track in tracks)
        if len(set(self.maps)) < len(self.maps):
            raise TmnetError(f"Two maps have the same name: {', '.join(names)}.")
        self.num_envs, self.n_actions = num_envs, int(self.env.single_action_space.n)
        self.image_shape = (1, *size) if size else None
        self.n_floats = 184
        self.normalisers = race_normalisers(tracks)

    def _open_gymnasium(self, experiment: Experiment) -> None:
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
        self._has_image = bool(image)
        self.image_shape = (1, *_plane(image[0].shape)) if image else None
        self.n_floats = int(np.prod(floats[0].shape)) if floats else 0

    def deal(self, envs: list[int], maps: list[int]) -> None:
        """On which maps (numbers) these environments drive their next races."""
        if self.is_race and envs:
            self.env.next_track[torch.tensor(envs, device=self.device)] = torch.tensor(
                maps, device=self.device
            )

    def reset(self) -> tuple[Tensor | None, Tensor | None]:
        """Image (N, 1, H, W) uint8 and floats (N, F) at the start of all races."""
        return self._seen(self.env.reset(seed=self.seed)[0])

    def step(
        self, actions: Tensor
    ) -> tuple[tuple[Tensor | None, Tensor | None], Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """What is seen then, the reward, what has terminated, and been truncated: (N,) each."""
        if self.is_race:
            seen, *came, info = self.env.step(actions)
        else:
            seen, *came, info = self.env.step(actions.cpu().numpy() + self._first_action)
            came = [torch.as_tensor(x).to(self.device) for x in came]
        reward, terminated, truncated = came
        return self._seen(seen), reward.float(), terminated, truncated & ~terminated, info

    def _seen(self, seen: Any) -> tuple[Tensor | None, Tensor | None]:
        if self.is_race:
            return seen.get("image"), seen["floats"]
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

    def state_dict(self) -> dict[str, Tensor] | None:
        """The state of the races; None where environments cannot tell theirs."""
        return self.env.state_dict() if self.is_race else None

    def load_state_dict(self, state: dict[str, Tensor]) -> tuple[Tensor | None, Tensor | None]:
        """Go on from a state; returns what is seen there."""
        self.env.load_state_dict(state)
        return self._seen(self.env.observe())

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
    points = []
    for track in tracks:
        zones = np.arange(BEFORE, BEFORE + round(track.length / SPACING))
        ahead = track.zones[zones[:, None] + 20 * np.arange(40)] - track.zones[zones, None]
        points.append(np.einsum("zpx,zax->zpa", ahead, track.frames[zones]))  # in their frames
    points = np.concatenate(points)  # (zones, 40, 3)
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
    return shape[1:] if len(shape) == 3 and shape[0] == 1 else shape[:2]


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
