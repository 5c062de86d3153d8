"""The loss of IQN: how far predicted quantiles are from those of a target.

Source: Dabney et al. 2018, equations 2 and 3; Double DQN of van Hasselt et al. 2016.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tmnet.networks.iqn import IQN

KAPPA = 0.005


def quantile_huber_loss(
    prediction: Tensor, target: Tensor, tau: Tensor, kappa: float = KAPPA
) -> Tensor:
    """Loss of each transition.

    Parameters
    ----------
    prediction : Tensor (B, n)
        Predicted quantiles.
    target : Tensor (B, m)
        Quantiles, or samples, of the target.
    tau : Tensor (B, n)
        Which quantiles the predicted ones are.
    kappa : float
        Where the Huber loss turns from a square to a line.

    Returns
    -------
    Tensor (B,)
        The mean over targets of the sum over predictions: it grows with n. Divided by n, losses
        of different n can be compared.
    """
    delta = target[:, :, None] - prediction[:, None, :]  # (B, m, n)
    size = delta.abs()
    huber = torch.where(size <= kappa, 0.5 * delta**2, kappa * (size - 0.5 * kappa)) / kappa
    weight = (tau[:, None, :] - (delta < 0).to(tau.dtype)).abs()  # (B, m, n)
    return (weight * huber).mean(dim=1).sum(dim=1)


@torch.no_grad()
def target_quantiles(
    online: IQN,
    target: IQN,
    image: Tensor | None,
    floats: Tensor | None,
    reward: Tensor,
    discount: Tensor,
    double: bool = True,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Quantiles of what a transition turns out to be worth: reward and discounted future.

    Parameters
    ----------
    online, target : IQN
        With `double` the online network chooses the next action, and the target network says
        what it is worth; otherwise the best action for each quantile counts.
    image, floats : Tensor or None
        The next states.
    reward, discount : Tensor (B,)
        Discount is 0 where there is no next state.
    double : bool
    generator : torch.Generator, optional
        To draw the quantiles with.

    Returns
    -------
    Tensor (B, n), Tensor (B, n)
        float32: the quantiles, and which they are.
    """
    n = online.config.iqn_n
    future, tau = target(image, floats, n, generator)  # (B, n, A)
    if double:
        action = online.greedy_action(image, floats, n, generator)  # (B,)
        future = future[torch.arange(len(action), device=action.device), :, action]  # (B, n)
    else:
        future = future.max(dim=2).values  # (B, n)
    return reward.float()[:, None] + discount.float()[:, None] * future.float(), tau


def transition_losses(
    online: IQN,
    image: Tensor | None,
    floats: Tensor | None,
    action: Tensor,
    target: Tensor,
    kappa: float = KAPPA,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Loss of each transition against target quantiles (B, m): (B,) float32, to be summed."""
    quantiles, tau = online(image, floats, online.config.iqn_n, generator)  # (B, n, A), (B, n)
    prediction = quantiles[torch.arange(len(action), device=action.device), :, action]  # (B, n)
    return quantile_huber_loss(prediction.float(), target, tau, kappa)
