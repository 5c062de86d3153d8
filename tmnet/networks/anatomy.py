"""What a network is made of, and what it costs: parameters, arithmetic, memory, time.

Everything but the times is computed from the configuration alone. Arithmetic is that of matrix
products and convolutions, a multiply-add being 2 FLOPs; the rest is a per mille of it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from tmnet.experiments.config import NetworkConfig
from tmnet.networks.iqn import CONVOLUTIONS, IQN, feature_width, image_sizes
from tmnet.networks.loss import target_quantiles, transition_losses

BYTES = 4  # of a float32


@dataclass(frozen=True)
class Layer:
    """One layer: (B, inputs) -> (B, output), once a state or once a state and quantile."""

    part: str
    name: str
    output: tuple[int, ...]  # of one state, or of one quantile of it
    weights: int
    biases: int
    macs: int  # multiply-adds, once
    per_quantile: bool = False
    first: bool = False  # nothing before it is trained, so no gradient goes further back

    @property
    def parameters(self) -> int:
        return self.weights + self.biases

    def shape(self, n: int) -> tuple[int, ...]:
        """Of the output for one state with n quantiles."""
        return (n, *self.output) if self.per_quantile else self.output

    def macs_of(self, n: int) -> int:
        """Multiply-adds for one state with n quantiles."""
        return self.macs * (n if self.per_quantile else 1)

    def passes_back(self) -> int:
        """Products of the size of the forward pass that the backward pass takes."""
        return 1 if self.first else 2


@dataclass(frozen=True)
class Anatomy:
    """What `anatomy` returns.

    Attributes
    ----------
    config : NetworkConfig
    layers : DataFrame
        A row a layer: part, layer, output (shape for one state), parameters, macs (multiply-adds
        of the forward pass of one state in training, with `iqn_n` quantiles).
    totals : Series
        parameters; flops_per_decision (`iqn_k` quantiles, one state); flops_per_batch (target
        pass, choice of the next action, prediction, backward pass); activation_bytes (kept for
        the backward pass of a batch, float32); state_bytes (in replay: image as uint8, floats as
        float32); and, if measured, ms_per_decision and ms_per_batch.
    """

    config: NetworkConfig
    layers: pd.DataFrame
    totals: pd.Series

    def by_part(self) -> pd.DataFrame:
        """Parameters and multiply-adds of the five parts of the network."""
        return self.layers.groupby("part", sort=False)[["parameters", "macs"]].sum()


def anatomy(
    config: NetworkConfig,
    batch: int = 512,
    device: str | torch.device | None = None,
    measure: bool = False,
    progress: Callable[[float], bool] | None = None,
) -> Anatomy:
    """Take a network apart.

    Parameters
    ----------
    config : NetworkConfig
    batch : int
        Transitions in a training batch.
    device : str or torch.device, optional
        Where to measure; by default a CUDA or Apple GPU where there is one, or the CPU.
    measure : bool
        Also measure a decision and a training batch.
    progress : callable, optional
        Called with the share of the measurement that is done; it stops where that returns False,
        and what has been measured by then counts.

    Returns
    -------
    Anatomy
    """
    rows = [
        (layer.part, layer.name, layer.shape(config.iqn_n), layer.parameters,
         layer.macs_of(config.iqn_n))
        for layer in _layers(config)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["part", "layer", "output", "parameters", "macs"])
    totals = costs(config, batch)
    if measure:
        totals |= _measure(config, batch, torch.device(device or best_device()), progress)
    return Anatomy(config, table, pd.Series(totals))


def costs(config: NetworkConfig, batch: int = 512) -> dict[str, int]:
    """The totals of `anatomy` that are computed, quickly enough to be swept over knobs."""
    layers, n = _layers(config), config.iqn_n
    pixels = config.h_downsized * config.w_downsized if config.use_image_head else 0
    return {
        "parameters": sum(layer.parameters for layer in layers),
        "flops_per_decision": _choice_flops(layers, config.iqn_k),
        "flops_per_batch": batch * _transition_flops(layers, n),
        "activation_bytes": _activation_bytes(config, n, batch),
        "state_bytes": pixels + BYTES * config.float_input_dim,
    }


def _layers(config: NetworkConfig) -> list[Layer]:
    """All layers with parameters, in the order of the data."""
    layers = []
    if config.use_image_head:
        for i, (convolution, size) in enumerate(zip(CONVOLUTIONS, image_sizes(config))):
            inputs, outputs, kernel, _ = convolution
            weights = inputs * outputs * kernel**2
            area = size[1] * size[2]
            layers.append(
                Layer("image head", f"convolution {i + 1}", size, weights, outputs,
                      weights * area, first=i == 0)
            )  # fmt: skip

    def linear(part: str, name: str, inputs: int, outputs: int, **more) -> None:
        weights = inputs * outputs
        layers.append(Layer(part, name, (outputs,), weights, outputs, weights, **more))

    def norm(part: str, name: str, size: int, **more) -> None:
        if config.layer_norm:
            layers.append(Layer(part, name, (size,), size, size, 0, **more))

    if config.float_input_dim:
        hidden = config.float_hidden_dim
        linear("float head", "linear 1", config.float_input_dim, hidden, first=True)
        norm("float head", "norm 1", hidden)
        linear("float head", "linear 2", hidden, hidden)
        norm("float head", "norm 2", hidden)
    width, half = feature_width(config), config.dense_hidden_dimension // 2
    embedding = config.iqn_embedding_dimension
    norm("quantile embedding", "norm of the state", width)
    linear("quantile embedding", "linear", embedding, width, per_quantile=True, first=True)
    for part, outputs in (("advantage head", config.n_actions), ("value head", 1)):
        linear(part, "linear 1", width, half, per_quantile=True)
        norm(part, "norm", half, per_quantile=True)
        linear(part, "linear 2", half, outputs, per_quantile=True)
    return layers


def _forward_flops(layers: list[Layer], n: int) -> int:
    """FLOPs of all quantiles of all actions of one state."""
    return sum(2 * layer.macs_of(n) for layer in layers)


def _choice_flops(layers: list[Layer], n: int) -> int:
    """FLOPs of choosing an action: no value head, and the last layer once for all quantiles."""
    flops = 0
    for layer in layers:
        if layer.part != "value head":
            last = (layer.part, layer.name) == ("advantage head", "linear 2")
            flops += 2 * layer.macs_of(1 if last else n)
    return flops


def _transition_flops(layers: list[Layer], n: int) -> int:
    """FLOPs of learning from one transition."""
    backward = sum(2 * layer.macs_of(n) * layer.passes_back() for layer in layers)
    return 2 * _forward_flops(layers, n) + _choice_flops(layers, n) + backward


def _activation_bytes(config: NetworkConfig, n: int, batch: int) -> int:
    """Bytes that the backward pass of a batch needs, float32.

    Of each state the inputs, what each activation returns (it works in place), the quantiles'
    cosines and their product with the features; and once a batch the first layers of both heads
    as one matrix.
    """
    width, values = feature_width(config), 0
    if config.use_image_head:
        values += config.h_downsized * config.w_downsized
        values += sum(map(math.prod, image_sizes(config)))
    if config.float_input_dim:
        values += config.float_input_dim + 2 * config.float_hidden_dim
    if config.use_image_head:
        values += width  # flattened, and beside the floats
    values += n * (config.iqn_embedding_dimension + 2 * width + config.dense_hidden_dimension)
    if config.layer_norm:  # what goes into each norm, a mean and a deviation; and the state's
        values += width + 2
        values += n * (config.dense_hidden_dimension + 4)
        values += 2 * (config.float_hidden_dim + 2) if config.float_input_dim else 0
    heads = config.dense_hidden_dimension * (width + 1)
    return BYTES * (batch * values + heads)


# --- measuring ----------------------------------------------------------------------------------


def best_device() -> str:
    """A CUDA or Apple GPU where there is one, or the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _measure(config, batch: int, device: torch.device, progress) -> dict[str, float]:
    """Median milliseconds of a decision and of a training batch."""
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
