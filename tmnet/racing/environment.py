"""The simulator as Gymnasium environments: a batch of races, and a single one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from operator import index
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from tmnet.arguments import a_flag, a_mapping, a_whole_number, one_of, several, shown, wrong
from tmnet.devices import usable_device
from tmnet.errors import TmnetError
from tmnet.racing.camera import Camera
from tmnet.racing.observation import HIGH, LOW, Observer
from tmnet.racing.picture import race_picture
from tmnet.racing.simulator import ACTION, ACTIONS, GEAR_UP, Cars, Simulator
from tmnet.racing.track import Track, load_track, own_tracks

PER_MS, PER_METRE = -0.0012, 0.01  # reward
LONGEST = 300.0  # s of a race
PATIENCE = 2.0  # s without a new furthest zone
_LONGEST, _PATIENT = round(LONGEST / ACTION), round(PATIENCE / ACTION)  # actions
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


class RaceVectorEnv(VectorEnv):
    """Races on the embedded simulator, all in one batch of tensors.

    Observations, rewards, ends and infos are tensors on `device`, or NumPy arrays. The real game
    knows no chance, and neither does this: a race depends on its actions only, not on the seed nor
    on its neighbours.

    Parameters
    ----------
    tracks : sequence of str, path or Track
        Names of tmnet's own tracks, or `.npy` centre lines. Environment i starts on track
        i modulo their number; `next_track` chooses others.
    num_envs : int
    image_size : (height, width) or None
        px, from 16x16 to 1024x1024, at most 4 times as high as wide; None leaves the image
        out.
    device : str or torch.device
    seed : int
        Of the sampling of the action space.
    as_numpy : bool
        Give NumPy arrays, which Gymnasium's wrappers take.

    Attributes
    ----------
    next_track : torch.Tensor
        (num_envs,) int64: the number of the track on which each environment's next race is
        driven. Write into it at any time.
    cars : tmnet.racing.Cars
        The state of all races.

    Notes
    -----
    - Autoreset mode: `NEXT_STEP`. The step after the end of a race ignores its action, starts
      the next race, and gives reward 0.
    - A race terminates at the finish. It is truncated after 300 s, and after 2 s without getting
      further than ever before.
    - Reward: -0.0012 per ms and +0.01 per m of progress along the centre line; in the last step
      up to the finish only. (`tmnet.racing.potential` gives the potential for shaping it.)
    - infos: `time_s` since the start, exact at the finish, to the ms; `progress_m` along the
      centre line; `track`, its number.

    Raises
    ------
    TmnetError
        For an unknown track, a centre line that is none, a size or number that is not allowed.
    """

    metadata: ClassVar = {
        "autoreset_mode": AutoresetMode.NEXT_STEP,
        "render_modes": ["rgb_array"],
        "render_fps": round(1 / ACTION),
    }

    def __init__(
        self,
        tracks: Sequence[str | Path | Track] = ("A01", "Hock"),
        num_envs: int = 64,
        image_size: tuple[int, int] | None = (64, 64),
        device: str | torch.device = "cpu",
        seed: int = 0,
        as_numpy: bool = False,
    ):
        if isinstance(tracks, (str, Path, Track)):
            tracks = [tracks]
        form = f"a list of tracks: {', '.join(own_tracks())}, or paths of .npy centre lines"
        self.tracks = tuple(load_track(track) for track in several("tracks", tracks, object, form))
        if not self.tracks:
            raise wrong("tracks", tracks, form)
        self.num_envs = a_whole_number("num_envs", num_envs, least=1, most=10**6)
        self.image_size = None if image_size is None else _size(image_size)
        self.device = usable_device(device)
        seed = a_whole_number("seed", seed, least=0)
        self.as_numpy = a_flag("as_numpy", as_numpy)
        self.render_mode = "rgb_array"

        self.simulator = Simulator(self.tracks, self.device)
        self._observer = Observer(self.simulator)
        self._camera = self.image_size and Camera(self.simulator, *self.image_size)
        parts = {"floats": spaces.Box(LOW, HIGH, dtype=np.float32)}
        if self.image_size:
            parts["image"] = spaces.Box(0, 255, (1, *self.image_size), np.uint8)
        self.single_observation_space = spaces.Dict(parts)
        self.single_action_space = spaces.Discrete(len(ACTIONS))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.action_space.seed(seed)

        numbers = torch.arange(self.num_envs, device=self.device)
        self.next_track = numbers % len(self.tracks)
        # tensors, because an operation with a Python number takes twice as long
        self._per_ms, self._per_metre, self._ms = torch.tensor(
            [PER_MS, PER_METRE, 1000.0], device=self.device
        )
        self._patient, self._longest = torch.tensor([_PATIENT, _LONGEST], device=self.device)
        self._every = torch.ones(self.num_envs, dtype=torch.bool, device=self.device)
        self._begin(self._every, self.next_track)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start all races anew, or those in `options["reset_mask"]` (num_envs,) bool."""
        if seed is not None:
            self.action_space.seed(a_whole_number("seed", seed, least=0))
        mask = ({} if options is None else a_mapping("options", options)).get("reset_mask")
        mask = self._every if mask is None else self._checked_mask(mask)
        self._begin(mask, self._next())
        with torch.inference_mode():
            results = self._observation(), self._info()
        return self._given(*results)

    def step(
        self, actions: Tensor | np.ndarray
    ) -> tuple[dict[str, Any], Any, Any, Any, dict[str, Any]]:
        """Drive for 50 ms; `actions` (num_envs,) integers, 0 .. 11."""
        actions = self._checked(actions, "action", len(ACTIONS))
        with torch.inference_mode():  # a fifth faster
            results = self._moved(actions)
        return self._given(*results)

    def _moved(self, actions: Tensor) -> tuple:
        """What `step` gives, but for the masks of the infos, as tensors of inference mode."""
        over = self._over
        following = self._next() if over.any() else None
        self.cars, outcome = self.simulator.act(self.cars, actions)
        terminated = outcome.finished
        truncated = (self.cars.idle >= self._patient) | (self.cars.actions >= self._longest)
        truncated = truncated > terminated
        reward = (outcome.elapsed * self._per_ms).add_(outcome.progress * self._per_metre)
        self._time = self._time + outcome.elapsed
        self._over = terminated | truncated
        if following is not None:
            terminated, truncated = terminated > over, truncated > over
            reward.masked_fill_(over, 0.0)
            self._begin(over, following)
        return self._observation(), reward, terminated, truncated, self._info()

    def _given(self, seen: dict[str, Tensor], *results) -> tuple:
        """Copies, because what is made in inference mode cannot be trained on."""
        *values, info = results
        every = self._copied(self._every) if self.as_numpy else self._every
        masks = {f"_{key}": every for key in info}
        seen, info = (
            {key: self._copied(each) for key, each in part.items()} for part in (seen, info)
        )
        return seen, *map(self._copied, values), info | masks

    def _copied(self, value: Tensor) -> Tensor | np.ndarray:
        return value.clone().cpu().numpy() if self.as_numpy else value.clone()

    def _begin(self, mask: Tensor, tracks: Tensor) -> None:
        """Put the races of `mask` at the start of `tracks` (num_envs,)."""
        standing = self.simulator.standing(tracks.clone())
        if mask is self._every:
            self.cars = standing
            self._time = torch.zeros(self.num_envs, device=self.device)
            self._over = torch.zeros_like(self._every)
        else:
            self.cars = self.cars.where(mask, standing)
            self._time = self._time.masked_fill(mask, 0.0)
            self._over = self._over & ~mask

    def _next(self) -> Tensor:
        return self._checked(self.next_track, "next track", len(self.tracks))

    def _checked(self, numbers: Tensor | np.ndarray, name: str, choices: int) -> Tensor:
        """(num_envs,) int64, each within 0 .. choices - 1."""
        try:
            given = torch.as_tensor(numbers, device=self.device)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise TmnetError(
                f"The {name}s are a {type(numbers).__name__}; they should be "
                f"{self.num_envs} integers."
            ) from None
        if given.shape != (self.num_envs,) or given.dtype not in _INTEGERS:
            raise TmnetError(
                f"The {name}s have shape {tuple(given.shape)} of {given.dtype}; "
                f"they should be {self.num_envs} integers (int64, or uint8 .. int32)."
            )
        low, high = (value.item() for value in given.aminmax())
        if low < 0 or high >= choices:
            raise _no_such(name, low if low < 0 else high, choices)
        return given.long()

    def _checked_mask(self, mask: Any) -> Tensor:
        try:
            given = torch.as_tensor(mask, device=self.device)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise TmnetError(
                f"reset_mask is a {type(mask).__name__}; it takes {self.num_envs} booleans."
            ) from None
        if given.shape != (self.num_envs,) or given.dtype not in (torch.bool, *_INTEGERS):
            raise TmnetError(
                f"reset_mask has shape {tuple(given.shape)} of {given.dtype}; it takes "
                f"({self.num_envs},) of booleans."
            )
        return given.bool()

    def observe(self) -> dict[str, Tensor]:
        """What is seen in all races now."""
        with torch.inference_mode():
            seen = self._observation()
        return {name: self._copied(value) for name, value in seen.items()}

    def _observation(self) -> dict[str, Tensor]:
        seen = {"floats": self._observer.floats(self.cars)}
        if self._camera:
            seen["image"] = self._camera.pictures(self.cars)
        return seen

    def _info(self) -> dict[str, Tensor]:
        length = self.simulator.length.index_select(0, self.cars.track)
        return {
            "time_s": self._time.round().div_(self._ms),
            "progress_m": torch.minimum(self.cars.passed, length),
            "track": self.cars.track,
        }

    def render(self) -> tuple[np.ndarray, ...]:
        """A picture (480, 640, 3) uint8 of every race, in colour."""
        return tuple(race_picture(self.simulator, self.cars, self._time))

    def state_dict(self) -> dict[str, Tensor]:
        """All that the races depend on, as tensors; `load_state_dict` goes on from there."""
        cars = {field.name: getattr(self.cars, field.name).clone() for field in fields(Cars)}
        return cars | {
            "time": self._time.clone(),
            "over": self._over.clone(),
            "next_track": self.next_track.clone(),
            "lengths": self.simulator.length.clone(),
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a `state_dict` of an environment with the same tracks and number of races.

        Raises
        ------
        TmnetError
            If the state is of another environment, or cannot be that of a race.
        """
        own = self.state_dict()
        fits = isinstance(state, dict) and state.keys() == own.keys()
        fits = fits and all(
            isinstance(value, Tensor) and value.shape == own[name].shape
            for name, value in state.items()
        )
        if not fits or not torch.equal(state["lengths"].to(own["lengths"]), own["lengths"]):
            names = ", ".join(track.name for track in self.tracks)
            raise TmnetError(
                f"This is not the state of an environment with {self.num_envs} races on {names}."
            )
        state = {name: value.to(own[name]).clone() for name, value in state.items()}
        last = len(self.tracks) - 1
        for name, high in (("track", last), ("next_track", last), ("gear", len(GEAR_UP))):
            _within(name, state[name], 0, high)
        for name in ("zone", "furthest"):
            _within(name, state[name], *self.simulator.ends[:, state["track"]])
        for name, value in state.items():
            if not value.isfinite().all():
                raise TmnetError(f"This state has numbers in {name!r} that are not finite.")
        self._time, self._over = state.pop("time"), state.pop("over")
        self.next_track = state.pop("next_track")
        del state["lengths"]
        self.cars = Cars(**state)


class RaceEnv(gymnasium.Env):
    """One race at a time, with NumPy arrays: `gymnasium.make("tmnet/Race-v0", track="A01")`.

    Observations, rewards, ends and infos are those of `RaceVectorEnv`.

    Parameters
    ----------
    track : str, path or Track
    image_size : (height, width) or None
    render_mode : None or "rgb_array"
        `render` then gives the view in colour, (480, 640, 3) uint8, with speed and time.

    Raises
    ------
    TmnetError
        As `RaceVectorEnv`.
    """

    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": round(1 / ACTION)}

    def __init__(
        self,
        track: str | Path | Track = "A01",
        image_size: tuple[int, int] | None = (64, 64),
        render_mode: str | None = None,
    ):
        if render_mode is not None:
            one_of("render_mode", render_mode, ["rgb_array"])
        self.render_mode = render_mode
        self.races = RaceVectorEnv([track], num_envs=1, image_size=image_size)
        self.observation_space = self.races.single_observation_space
        self.action_space = self.races.single_action_space
        self._actions = torch.arange(len(ACTIONS))[:, None]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=None if seed is None else a_whole_number("seed", seed, least=0))
        if options is not None:
            a_mapping("options", options)
        seen, info = self.races.reset()
        return self._first(seen), self._numbers(info)

    def step(self, action: int):
        number = self._checked(action)
        with torch.inference_mode():
            seen, reward, terminated, truncated, info = self.races._moved(self._actions[number])
            numbers = self._numbers(info)
            return self._first(seen), reward.item(), terminated.item(), truncated.item(), numbers

    def render(self) -> np.ndarray | None:
        return self.races.render()[0] if self.render_mode else None

    @staticmethod
    def _checked(action: int) -> int:
        try:
            number = index(None if isinstance(action, bool) else action)
        except TypeError:
            raise TmnetError(
                f"The action is a {type(action).__name__}; it should be an integer, "
                f"0 .. {len(ACTIONS) - 1}."
            ) from None
        if not 0 <= number < len(ACTIONS):
            raise _no_such("action", number, len(ACTIONS))
        return number

    @staticmethod
    def _first(seen: dict[str, Tensor]) -> dict[str, np.ndarray]:
        return {name: value.numpy()[0] for name, value in seen.items()}

    @staticmethod
    def _numbers(info: dict[str, Tensor]) -> dict[str, float]:
        # the milliseconds that float32 stands for
        return {name: round(value.item(), 3) for name, value in info.items() if name[0] != "_"}


def make_races(
    num_envs: int = 1,
    track: str | Path | Track | Sequence[str | Path | Track] = "A01",
    render_mode: str | None = "rgb_array",
    as_numpy: bool = True,
    **options: Any,
) -> RaceVectorEnv:
    """Races in a batch, as `gymnasium.make_vec("tmnet/Race-v0", num_envs=64)` makes them.

    Parameters
    ----------
    num_envs, as_numpy, **options
        Of `RaceVectorEnv`; NumPy arrays by default, as Gymnasium's other environments give.
    track : str, path, Track or several
        As `gymnasium.make` takes it.
    render_mode : None or "rgb_array"

    Raises
    ------
    TmnetError
        As `RaceVectorEnv`.
    """
    if render_mode is not None:
        one_of("render_mode", render_mode, ["rgb_array"])
    races = RaceVectorEnv(track, num_envs, as_numpy=as_numpy, **options)
    races.render_mode = render_mode
    return races


def _no_such(name: str, number: int, choices: int) -> TmnetError:
    return TmnetError(f"There is no {name} {shown(number)}: they are 0 .. {choices - 1}.")


def _within(name: str, values: Tensor, low: Tensor | int, high: Tensor | int) -> None:
    outside = (values < low) | (values > high)
    if outside.any():
        race = outside.nonzero()[0].item()
        raise TmnetError(
            f"This state has {values[race]} as the {name!r} of race {race}, "
            f"which is out of its range."
        )


def _size(sides: Any) -> tuple[int, int]:
    """Height and width of a picture."""
    form = "(height, width) or None"
    given = several("image_size", sides, object, form)
    if len(given) != 2:
        raise wrong("image_size", sides, form)
    height, width = (a_whole_number("image_size", side, least=16, most=1024) for side in given)
    if height > 4 * width:  # it would see what is above and below the car
        raise TmnetError(
            f"image_size is {height}x{width}; it takes at most 4 times as high as wide."
        )
    return height, width
