"""What a network is made of, and what it costs: parameters, arithmetic, memory, time.

Everything but the times is computed from the configuration alone. Arithmetic is that of matrix
products and convolutions, a multiply-add being 2 FLOPs; the rest is a per mille of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmnet.arguments import a_flag, a_function
from tmnet.experiments.config import NetworkConfig
from tmnet.networks.costs import costs, layers_of

if TYPE_CHECKING:
    import pandas as pd
    import torch


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
        the backward pass of a batch, float32); state_bytes (in memory: image as uint8, floats as
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
    totals: dict[str, float] = {**costs(config, batch)}
    if progress is not None:
        a_function("progress", progress)
    import pandas as pd  # not above: who trains needs none

    rows = [
        (layer.part, layer.name, layer.shape(config.iqn_n), layer.parameters,
         layer.macs_of(config.iqn_n))
        for layer in layers_of(config)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["part", "layer", "output", "parameters", "macs"])
    if a_flag("measure", measure):
        from tmnet.networks.timing import milliseconds  # needs torch

        totals |= milliseconds(config, batch, device, progress)
    return Anatomy(config, table, pd.Series(totals))
