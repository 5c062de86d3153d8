"""The learner: the online network, the target network, and how a batch changes them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.radam import radam

from tmnet.experiments.config import Training
from tmnet.networks.iqn import IQN
from tmnet.networks.loss import quantile_huber_loss, target_quantiles, transition_losses
from tmnet.training.flat import FlatParameters
from tmnet.training.memory import Batch

_SLOW = 0.99  # share that slow averages keep of what they were
_START = 0.01  # where they start
_AVERAGES = ("exp_avg", "exp_avg_sq")  # that RAdam keeps of gradients and of their squares


class Learned(NamedTuple):
    """What came of a batch: loss (the sum over it), gradient norm before clipping, and what each
    transition adds to the loss when nothing is weighted, (B,)."""

    loss: Tensor
    grad_norm: Tensor
    losses: Tensor


class Learner:
    """Learns from batches.

    Parameters
    ----------
    network : IQN
        The online network; the target network starts as its copy.
    settings : Training
    precision : torch.dtype
        float32; or bfloat16, for all but weights, last layers, losses and targets.
    """

    def __init__(self, network: IQN, settings: Training, precision: torch.dtype = torch.float32):
        self.online, self.settings, self.precision = network, settings, precision
        self.target = copy.deepcopy(network).requires_grad_(False)
        self.device = network.float_mean.device
        self.parameters = list(network.parameters())
        self._online, self._target = FlatParameters(self.online), FlatParameters(self.target)
        self._whole, self._gradient = self._online.whole, self._online.gather_gradients()  # (P,)
        self._averages = {name: torch.zeros_like(self._whole) for name in _AVERAGES}
        self._steps = torch.zeros(())
        # of the target's loss against itself: as it is, and as it is divided by
        self.self_loss = torch.full((), _START, device=self.device)
        self.clamped_self_loss = torch.full((), _START, device=self.device)
        self.batches = self.target_updates = 0
        self._since_update = 0  # transitions

    def learn(self, batch: Batch, lr: float, generator: torch.Generator) -> Learned:
        """Take a step down the gradient of the batch's loss."""
        settings = self.settings
        losses, weights = self._losses(batch, generator, moves_averages=True)
        loss = (losses * weights).sum()
        self._gradient.zero_()
        loss.backward()
        with torch.no_grad():
            norm = self._step(lr)
        self.batches += 1
        self._since_update += len(batch.action)
        while self._since_update >= settings.target_update_every:
            self._since_update -= settings.target_update_every
            self._update_target()
        return Learned(loss.detach(), norm, losses.detach())

    def _step(self, lr: float) -> Tensor:
        """Change the parameters by their gradient; return its norm."""
        settings, gradient = self.settings, self._gradient
        norm = torch.linalg.vector_norm(gradient)
        gradient *= (settings.clip_grad_norm / (norm + 1e-6)).clamp_max(1)
        gradient.clamp_(-settings.clip_grad_value, settings.clip_grad_value)
        # Not the class: to make one loads torch's compiler, which takes 2 s.
        radam(
            [self._whole], [gradient], *([average] for average in self._averages.values()),
            [self._steps], foreach=False, lr=lr, beta1=settings.adam_beta1,
            beta2=settings.adam_beta2, eps=settings.adam_epsilon, weight_decay=0.0,
        )  # fmt: skip
        self._whole *= 1 - settings.weight_decay * lr
        return norm

    @torch.no_grad()
    def test(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of a batch, which changes nothing."""
        losses, weights = self._losses(batch, generator, moves_averages=False)
        return (losses * weights).sum()

    def _losses(
        self, batch: Batch, generator: torch.Generator, moves_averages: bool
    ) -> tuple[Tensor, Tensor]:
        """Losses of the transitions, and their weights: (B,) each."""
        settings = self.settings
        enabled = self.precision != torch.float32
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled):
            with _tensor_cores(self.device, enabled):
                target, tau = target_quantiles(
                    self.online, self.target, batch.next_image, batch.next_floats,
                    batch.reward, batch.discount, settings.double_dqn, generator,
                )  # fmt: skip
            losses = transition_losses(
                self.online, batch.image, batch.floats, batch.action, target,
                settings.kappa, generator,
            )  # fmt: skip
        weights = torch.ones_like(losses) if batch.weight is None else batch.weight
        if settings.self_loss_ratio is not None:
            own = quantile_huber_loss(target, target, tau, settings.kappa).sqrt()  # (B,)
            weights = weights * self._self_loss_weights(own, moves_averages)
        return losses, weights

    def _self_loss_weights(self, own: Tensor, moves_averages: bool) -> Tensor:
        """Less weight for transitions whose target is uncertain by itself: (B,)."""
        average = self.self_loss
        if moves_averages:
            average = self.self_loss = torch.lerp(own.mean(), average, _SLOW)
        clamped = own.maximum(average / self.settings.self_loss_ratio)
        average = self.clamped_self_loss
        if moves_averages:
            average = self.clamped_self_loss = torch.lerp(clamped.mean(), average, _SLOW)
        return average / clamped

    @torch.no_grad()
    def _update_target(self) -> None:
        self._target.whole.lerp_(self._whole, self.settings.target_update_share)
        self.target_updates += 1

    def state_dict(self) -> dict[str, Any]:
        """All that learning depends on."""
        return {
            "online": self.online.state_dict(),
            "target": self.target.state_dict(),
            "optimiser": self._optimiser_state(),
            "self_loss": self.self_loss,
            "clamped_self_loss": self.clamped_self_loss,
            "batches": self.batches,
            "target_updates": self.target_updates,
            "since_update": self._since_update,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self.online.load_state_dict(state["online"])
        self.target.load_state_dict(state["target"])
        self._load_optimiser_state(state["optimiser"])
        self.self_loss = state["self_loss"].to(self.device)
        self.clamped_self_loss = state["clamped_self_loss"].to(self.device)
        self.batches, self.target_updates = state["batches"], state["target_updates"]
        self._since_update = state["since_update"]

    def _optimiser_state(self) -> dict[str, Any]:
        """As torch's RAdam of the single parameters has it."""
        averages = zip(*map(self._online.parts, self._averages.values()))
        return {
            "state": {
                i: {"step": self._steps, **dict(zip(_AVERAGES, of_one))}
                for i, of_one in enumerate(averages)
            }
        }

    def _load_optimiser_state(self, state: dict[str, Any]) -> None:
        singles = state["state"]  # none before the first batch
        self._steps = singles[0]["step"].cpu().clone() if singles else torch.zeros(())
        for name, average in self._averages.items():
            average.zero_()
            for i, part in enumerate(self._online.parts(average) if singles else ()):
                part.copy_(singles[i][name])


@contextmanager
def _tensor_cores(device: torch.device, enabled: bool) -> Iterator[None]:
    """Products of float32 on a CUDA GPU's tensor cores meanwhile, from factors of 11 bits: faster
    than whole ones, and exact enough for targets, which bfloat16 is not."""
    if not (enabled and device.type == "cuda"):
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
