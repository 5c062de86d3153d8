"""The loss of IQN: how far predicted quantiles are from those of a target.

Source: Dabney et al. 2018, equations 2 and 3; Double DQN of van Hasselt et al. 2016.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tmnet.arguments import a_number, of_kind
from tmnet.errors import TmnetError
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
    tensors = {"prediction": prediction, "target": target, "tau": tau}
    shapes = [of_kind(name, value, Tensor).shape for name, value in tensors.items()]
    fit = len(shapes[0]) == len(shapes[1]) == 2 and shapes[0] == shapes[2]
    if not fit or shapes[0][0] != shapes[1][0]:
        told = ", ".join(str(tuple(shape)) for shape in shapes)
        raise TmnetError(
            f"prediction, target and tau have the shapes {told}, not (B, n), (B, m), (B, n)."
        )
    kappa = a_number("kappa", kappa, above=0)
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
    for name, network in (("online", online), ("target", target)):
        of_kind(name, network, nn.Module, "a network")
    n = online.config.iqn_n
    # In float32 throughout: in bfloat16 the hidden layers alone would bring an error that is no
    # smaller than half of what the loss tells apart.
    with torch.autocast(next(target.parameters()).device.type, enabled=False):
        future, tau = target(image, floats, n, generator)  # (B, n, A)
    _check("reward", reward, len(future))
    _check("discount", discount, len(future))
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
    of_kind("online", online, nn.Module, "a network")
    quantiles, tau = online(image, floats, online.config.iqn_n, generator)  # (B, n, A), (B, n)
    _check("action", action, len(quantiles))
    prediction = quantiles[torch.arange(len(action), device=action.device), :, action]  # (B, n)
    return quantile_huber_loss(prediction.float(), target, tau, kappa)


def _check(name: str, value: Tensor, states: int) -> None:
    if of_kind(name, value, Tensor).shape != (states,):
        raise TmnetError(f"{name} has the shape {tuple(value.shape)}, not ({states},).")
