"""What a network costs: parameters, arithmetic, memory, computed from its configuration alone.

Arithmetic is that of matrix products and convolutions, a multiply-add being 2 FLOPs; the rest is
a per mille of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tmnet.arguments import a_whole_number, of_kind
from tmnet.experiments.config import NetworkConfig

Count = TypeVar("Count", float, np.ndarray)

BYTES = 4  # of a float32
CONVOLUTIONS = ((1, 16, 4, 2), (16, 32, 4, 2), (32, 64, 3, 2), (64, 32, 3, 1))  # in, out, k, stride


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


def costs(config: NetworkConfig, batch: int = 512) -> dict[str, int]:
    """The totals of `anatomy` that are computed, quickly enough to be swept over knobs."""
    of_kind("config", config, NetworkConfig)
    batch = a_whole_number("batch", batch, least=1)
    layers, n = layers_of(config), config.iqn_n
    pixels = config.h_downsized * config.w_downsized if config.use_image_head else 0
    return {
        "parameters": sum(layer.parameters for layer in layers),
        "flops_per_decision": _choice_flops(layers, config.iqn_k),
        "flops_per_batch": batch * _transition_flops(layers, n),
        "activation_bytes": _activation_bytes(config, n, batch),
        "state_bytes": pixels + BYTES * config.float_input_dim,
    }


def pflop(total: Mapping[str, int], batches: Count, decisions: Count) -> Count:
    """PFLOP of so many training batches and decisions, of which `total` has the `costs`."""
    flops = batches * total["flops_per_batch"] + decisions * total["flops_per_decision"]
    return flops / 1e15


def layers_of(config: NetworkConfig) -> list[Layer]:
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


def image_sizes(config: NetworkConfig) -> list[tuple[int, int, int]]:
    """Channels, height and width behind each convolution."""
    height, width, sizes = config.h_downsized, config.w_downsized, []
    for _, channels, kernel, stride in CONVOLUTIONS:
        height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
        sizes.append((channels, height, width))
    return sizes


def feature_width(config: NetworkConfig) -> int:
    """D: width of the features of a state."""
    width = config.float_hidden_dim if config.float_input_dim else 0
    if config.use_image_head:
        maps = image_sizes(config)[-1]
        width += maps[0] if config.global_average_pooling else math.prod(maps)
    return width
