"""The 184 numbers an agent gets beside the image."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tmnet.arguments import of_kind
from tmnet.errors import TmnetError
from tmnet.racing.simulator import GEAR_UP, KMH, SLIDING, Cars, Simulator

FLOATS = 184  # in all
POINTS = slice(62, 182)  # 40 centre-line points x (left, up, forward)
_EVERY = 20  # zones between them
_FAR = 700.0  # m
_MOST_RPM = 11000.0

_RANGES = [  # how many floats, and what they stay within
    (1, 0, 180),
    (28, 0, 1),
    (4, 0, 0.2),
    (1, 0, 1),
    (1, 0, 4),
    (1, 0, _MOST_RPM),
    (1, 0, 6000),
    (16, 0, 1),
    (3, -100, 100),
    (3, -400, 400),
    (3, -1.01, 1.01),
    (120, -500, 500),
    (1, 0, _FAR),
    (1, 0, 1),
]
LOW, HIGH = (
    np.concatenate([np.full(row[0], row[side], np.float32) for row in _RANGES]) for side in (1, 2)
)


class Observer:
    """Describes cars to an agent; one for each simulator.

    | floats | what | in this world |
    |---|---|---|
    | 0 | moment in the mini-race | 0: the learner fills it in |
    | 1-20 | the last 5 actions x (accelerate, brake, left, right), oldest first | |
    | 21-24 | per wheel: slides | the car moves sideways at over 0.5 m/s, on the ground |
    | 25-28 | per wheel: touches the ground | |
    | 29-32 | per wheel: damper | 0.02 per g of load, at most 0.2 |
    | 33-36 | has just shifted, gear, rpm, number of gear changes | gears 0 .. 4 |
    | 37-52 | per wheel: asphalt, grass, dirt, turbo | |
    | 53-55 | angular velocity, rad/s | around left, up, forward |
    | 56-58 | velocity, m/s | to the left, up, forward |
    | 59-61 | the world's up | in the car's frame |
    | 62-181 | 40 points of the centre line, every 10 m from the car's zone on, m | in its frame |
    | 182 | m to the finish, at most 700 | |
    | 183 | free-wheeling | without throttle, or in the air |
    """

    def __init__(self, simulator: Simulator):
        self.simulator = simulator
        device = simulator.device
        self._ahead = torch.arange(40, device=device)[:, None] * _EVERY
        # tensors, because an operation with a Python number takes twice as long
        self._zero, self._one, self._sliding = torch.tensor([0.0, 1.0, SLIDING], device=device)
        self._per_load, self._most_damper = torch.tensor([0.02, 0.2], device=device)
        self._most_rpm, self._far = torch.tensor([_MOST_RPM, _FAR], device=device)
        self._order = torch.tensor(_order(), device=device)
        top = torch.tensor([*GEAR_UP, 520.0], device=device) * KMH
        self._rpm = 10000 / top  # per m/s, by gear

    def floats(self, cars: Cars) -> Tensor:
        """The floats of N cars, (N, 184) float32."""
        slides = (cars.speed[:1].abs() - self._sliding).gt_(self._zero) * cars.contact
        damper = (cars.load * self._per_load).clamp_(self._zero, self._most_damper) * cars.contact
        rpm = cars.speed[2].abs().mul_(self._rpm.index_select(0, cars.gear))
        rest = self.simulator.length.index_select(0, cars.track) - cars.passed
        driven = cars.history[16] * cars.contact.amax(0)
        single = (
            torch.zeros_like(rpm),
            cars.shifted,
            cars.gear.float(),
            rpm.clamp_max_(self._most_rpm),
            cars.shifts,
            rest.clamp_(self._zero, self._far),
            self._one - driven,
        )
        rows = (
            torch.stack(single),
            cars.history,
            slides,
            cars.contact,
            damper,
            cars.ground.flatten(0, 1),
            cars.turning,
            cars.speed,
            cars.axes[:, 1].contiguous(),  # otherwise `cat` takes three times as long
            self._points(cars),
        )
        return torch.cat(rows).index_select(0, self._order).T.contiguous()

    def _points(self, cars: Cars) -> Tensor:
        """(40 x 3, N) m in the cars' frames."""
        count = len(cars.zone)
        zones = (cars.zone + self._ahead).view(-1)  # (40 x N,)
        points = self.simulator.points.index_select(1, zones).view(3, 40, count)
        points = points.sub_(cars.position.unsqueeze(1)).transpose(0, 1)
        return (points.unsqueeze(1) * cars.axes).sum(2).view(120, count)


def _order() -> list[int]:
    """Where each of the 184 floats lies in the rows that `Observer.floats` puts together."""
    nothing, shifted, _, _, shifts, rest, free, *others = range(192)
    history_and_wheels, ground, others = others[:32], others[32:56], others[56:]
    _, _, turbo, asphalt, grass, dirt = np.reshape(ground, (6, 4))
    surfaces = np.stack([asphalt, grass, dirt, turbo]).T.flatten()
    gears = range(shifted, shifts + 1)
    return [nothing, *history_and_wheels, *gears, *surfaces, *others, rest, free]


def potential(floats: Tensor) -> Tensor:
    """The potential that shapes the reward: -0.1 per metre from the current zone.

    Parameters
    ----------
    floats : torch.Tensor
        (..., 184)

    Returns
    -------
    torch.Tensor
        (...): -2.5 (25 m or more away) .. -0.2 (2 m or less).
    """
    if of_kind("floats", floats, Tensor).ndim == 0 or floats.shape[-1] < POINTS.start + 3:
        raise TmnetError(f"floats has the shape {tuple(floats.shape)}, not (..., {FLOATS}).")
    first = floats[..., POINTS][..., :3]
    return -0.1 * torch.linalg.vector_norm(first, dim=-1).clamp(2.0, 25.0)
