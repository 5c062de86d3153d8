"""A scripted driver: steers at a point ahead, and slows down for what it sees of the bends."""

from __future__ import annotations

import torch
from torch import Tensor

from tmnet.arguments import of_kind
from tmnet.errors import TmnetError
from tmnet.racing.observation import FLOATS, POINTS

_GRIP = 65.0  # m/s2 that it counts on in a bend
_BRAKING = 20.0  # m/s2 that it counts on before one
_LOOK, _LOOK_TIME = 8.0, 0.4  # m, and s: the point it steers at
_STEER = 0.025  # rad off that point, from which it steers


def drive(floats: Tensor) -> Tensor:
    """The action for each observation.

    It sees nothing but the floats: the 40 points of the centre line ahead, and the velocity.

    Parameters
    ----------
    floats : torch.Tensor
        (N, 184)

    Returns
    -------
    torch.Tensor
        (N,) int64 actions.
    """
    if of_kind("floats", floats, Tensor).shape[1:] != (FLOATS,):
        raise TmnetError(f"floats has the shape {tuple(floats.shape)}, not (N, {FLOATS}).")
    points = floats[:, POINTS].view(-1, 40, 3)
    left, forward = points[:, :, 0], points[:, :, 2]  # (N, 40) m
    speed = floats[:, 58]
    # towards the line at some distance ahead, allowing for how fast the car turns already
    reach = _LOOK + _LOOK_TIME * speed
    spot = (reach / 10).clamp(0, 38)
    index = spot.long()[:, None]
    share = spot - index[:, 0]
    x = torch.lerp(left.gather(1, index)[:, 0], left.gather(1, index + 1)[:, 0], share)
    z = torch.lerp(forward.gather(1, index)[:, 0], forward.gather(1, index + 1)[:, 0], share)
    angle = torch.atan2(x, z) - 0.12 * floats[:, 54]
    # how fast each bend ahead may be taken, and from here, with the brakes
    step = points[:, 1:] - points[:, :-1]  # (N, 39, 3)
    turn = torch.atan2(step[:, :, 0], step[:, :, 2]).diff(dim=1)
    turn = torch.remainder(turn + torch.pi, 2 * torch.pi) - torch.pi  # (N, 38)
    bend = turn.unfold(1, 3, 1).sum(2).abs() / 30.0  # 1/m over 30 m
    ahead = torch.arange(bend.shape[1], device=floats.device) * 10.0
    allowed = (_GRIP / bend.clamp_min(1e-4) + 2 * _BRAKING * ahead).sqrt().amin(1)
    steer = torch.where(angle > _STEER, 1, torch.where(angle < -_STEER, 2, 0))
    pedal = torch.where(speed > allowed * 1.05, 6, torch.where(speed > allowed, 3, 0))
    return pedal + steer
