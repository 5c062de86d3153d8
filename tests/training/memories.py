"""Races that are driven at random into a memory, and kept as lists."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from tmnet.experiments.config import Memory, Training
from tmnet.training.memory import (
    RUNNING,
    STARTING,
    TERMINATED,
    TRUNCATED,
    TransitionMemory,
)

from ..networks.nets import generator

FLOATS = 66  # 62 to 64 are the point of the centre line that the potential looks at
LOST = "lost"  # how a race ends that was interrupted
CPU = torch.device("cpu")


def new_replay(num_envs=2, image=None, n_steps=3, capacity=10_000, mini=0, shaping=False,
               n_floats=FLOATS, **more) -> TransitionMemory:  # fmt: skip
    training = Training(n_steps=n_steps, mini_race_actions=mini, potential_shaping=shaping)
    options = {"test_share": 0.0, "importance_exponent": 0.0, "schedule": ((0, 10, 1),)} | more
    memory = Memory(**options)
    return TransitionMemory(num_envs, image, n_floats, capacity, training, memory, CPU)


@dataclass
class Step:
    row: int
    action: int
    greedy: bool
    reward: float
    gamma: float


@dataclass
class Race:
    """Frames 0, 1, …; step k leads from frame k to frame k + 1."""

    frames: list = field(default_factory=list)  # (image, floats)
    steps: list[Step] = field(default_factory=list)
    end: int | str = RUNNING


class Drivers:
    """Drives random races in several environments, and keeps them as lists.

    Floats are random but for 1 and 2: environment and row, by which a frame is recognised.
    """

    def __init__(
        self, replay: TransitionMemory, seed: int, image=None, greedy=0.6, mean_length=9, gamma=None
    ):
        self.replay, self.image, self.greedy, self.gamma = replay, image, greedy, gamma
        self.mean_length = mean_length
        self.random = np.random.default_rng(seed)
        self.generator = generator(seed)
        self.races = [[Race()] for _ in range(replay.num_envs)]
        self.rows = self.fresh = 0

    def drive(self, rows: int) -> None:
        for _ in range(rows):
            self._add()

    def _add(self) -> None:
        random, count = self.random, self.replay.num_envs
        floats = random.normal(size=(count, FLOATS)).astype(np.float32)
        floats[:, 62:65] *= random.choice([0.5, 5, 20], size=(count, 1))  # 0 .. 60 m
        floats[:, 1], floats[:, 2] = np.arange(count), self.rows
        image = None
        if self.image:
            image = torch.from_numpy(
                random.integers(256, size=(count, *self.image), dtype=np.uint8)
            )
        action = random.integers(12, size=count)
        greedy = random.random(count) < self.greedy
        reward = random.normal(size=count).astype(np.float32)
        gamma = self.gamma or float(random.uniform(0.5, 1))
        end = np.zeros(count, dtype=int)
        for env, races in enumerate(self.races):
            race = races[-1]
            race.frames.append((None if image is None else image[env].numpy(), floats[env]))
            if race.end in (TERMINATED, TRUNCATED):  # this is the frame after its end
                end[env] = STARTING
                races.append(Race())
                continue
            step = Step(self.rows, action[env], greedy[env], float(reward[env]), gamma)
            race.steps.append(step)
            if random.random() < 1 / self.mean_length:
                race.end = end[env] = random.choice([TERMINATED, TRUNCATED])
        as_tensor = torch.from_numpy
        self.fresh += self.replay.add(
            image, as_tensor(floats.copy()), as_tensor(action), as_tensor(greedy),
            as_tensor(reward), as_tensor(end).to(torch.uint8), gamma, self.generator,
        )  # fmt: skip
        self.rows += 1

    def interrupt(self) -> None:
        """Go on with other races."""
        self.replay.interrupt()
        for races in self.races:
            if races[-1].end == RUNNING:
                races[-1].end = LOST
            races.append(Race())

    def all_steps(self) -> dict[tuple[int, int], tuple[Race, int]]:
        """Where in which race an environment was in a row."""
        return {
            (env, step.row): (race, k)
            for env, races in enumerate(self.races)
            for race in races
            for k, step in enumerate(race.steps)
        }


@dataclass
class Walked:
    n: int
    reward: float
    discount: float
    next_frame: tuple


def potential(frame) -> float:
    x, y, z = frame[1][62:65].astype(float)
    return -0.1 * min(max((x * x + y * y + z * z) ** 0.5, 2), 25)


def walk(race: Race, k: int, t: int | None, n_steps: int, mini: int, shaping: bool) -> Walked:
    """What comes of step k at moment t, one step after the other; IndexError if not known yet."""
    gamma, worth, discount, n = race.steps[k].gamma, 0.0, 1.0, 0
    terminal = False
    while True:
        if not mini or t + n < mini:
            worth += discount * race.steps[k + n].reward
            discount *= gamma
        n += 1
        if k + n == len(race.steps) and race.end in (TERMINATED, TRUNCATED):
            terminal = race.end == TERMINATED
            break
        if n == n_steps or not race.steps[k + n].greedy:
            break
    if terminal or (mini and t + n >= mini):
        discount = 0.0
    after = race.frames[k + n]
    if shaping:
        worth += (discount * potential(after) if discount else 0) - potential(race.frames[k])
    return Walked(n, worth, discount, after)


def knows(race: Race, k: int, n_steps: int) -> bool:
    """Whether a transition can be told by now."""
    try:
        walk(race, k, 0, n_steps, 0, False)
    except IndexError:
        return False
    return True


def keys_of(batch) -> list[tuple[int, int]]:
    """Environment and row of each transition."""
    return [tuple(x) for x in batch.floats[:, 1:3].int().tolist()]
