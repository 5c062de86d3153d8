"""How long a network takes to decide and to learn, on a device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import torch

from tmnet.devices import best_device, usable_device
from tmnet.experiments.config import NetworkConfig
from tmnet.networks.iqn import IQN
from tmnet.networks.loss import target_quantiles, transition_losses


def milliseconds(
    config: NetworkConfig,
    batch: int,
    device: torch.device | str | None = None,
    progress: Callable[[float], bool] | None = None,
) -> dict[str, float]:
    """Median milliseconds of a decision and of a training batch, as `anatomy` measures them."""
    device = usable_device(best_device() if device is None else device)
    online, target = IQN(config).to(device), IQN(config).to(device)
    optimiser = torch.optim.RAdam(online.parameters(), lr=1e-4)
    states = [random_states(config, size, device) for size in (1, batch)]
    next_states = random_states(config, batch, device)
    action = torch.randint(config.n_actions, (batch,), device=device)
    reward, discount = torch.randn(batch, device=device), torch.ones(batch, device=device)

    @torch.no_grad()
    def decide() -> None:
        online.greedy_action(*states[0])

    def learn() -> None:
        goal, _ = target_quantiles(online, target, *next_states, reward, discount)
        loss = transition_losses(online, *states[1], action, goal).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    times = {"ms_per_decision": (decide, 30, 0.1), "ms_per_batch": (learn, 5, 0.9)}
    measured, done, going_on = dict.fromkeys(times, math.nan), 0.0, True
    for name, (call, repeats, share) in times.items():
        samples = []
        for i in range(repeats + 1):
            if not going_on:
                return measured
            wait_for(device)
            start = time.perf_counter()
            call()
            wait_for(device)
            if i:  # the first warms up
                samples.append(1000 * (time.perf_counter() - start))
                measured[name] = float(np.median(samples))
            done += share / (repeats + 1)
            going_on = progress is None or progress(min(done, 1.0)) is not False
    return measured


def random_states(
    config: NetworkConfig,
    batch: int,
    device: torch.device | str = "cpu",
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Random inputs of a network: image (B, 1, H, W) uint8 and floats (B, F), or None."""
    options = {"device": device, "generator": generator}
    shape = (batch, 1, config.h_downsized, config.w_downsized)
    image = torch.randint(256, shape, dtype=torch.uint8, **options)
    floats = torch.randn(batch, config.float_input_dim, **options)
    return image if config.use_image_head else None, floats if config.float_input_dim else None


def wait_for(device: torch.device) -> None:
    """Until all that a GPU was asked to do is done."""
    if device.type in ("cuda", "mps"):
        getattr(torch, device.type).synchronize()
