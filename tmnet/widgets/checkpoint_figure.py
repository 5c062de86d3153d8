"""A checkpoint at a glance: its weights by layer, and the quantiles of one state."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
import torch

from tmnet.drawing import AggFigure, styled
from tmnet.networks.iqn import IQN
from tmnet.networks.timing import random_states

MOST_WEIGHTS = 5_000  # drawn of each layer
QUANTILES = 49


def checkpoint_png(network: IQN, seed: int) -> bytes:
    """Weights by layer, and the quantiles of each action in a random state."""
    generator = torch.Generator().manual_seed(seed)
    weights = {
        name.removesuffix(".weight"): _sample(tensor.detach().flatten(), generator)
        for name, tensor in network.named_parameters()
        if name.endswith("weight")
    }
    tidy = pd.DataFrame(
        [(name, value) for name, values in weights.items() for value in values.tolist()],
        columns=["layer", "weight"],
    )
    tau = torch.linspace(0.02, 0.98, QUANTILES)[None]  # (1, n)
    with torch.no_grad():
        quantiles, _ = network(*random_states(network.config, 1, "cpu", generator), tau)
    with styled():
        figure = AggFigure((11.2, 4.2), dpi=100, layout="tight")
        boxes, curves = figure.subplots(1, 2)
        sns.boxenplot(tidy, x="weight", y="layer", ax=boxes, color="0.6", flier_kws={"s": 2})
        boxes.set(ylabel="", title="weights by layer")
        palette = sns.color_palette("colorblind")
        for action, curve in enumerate(quantiles[0].T.tolist()):
            style = ("-", "--")[action // len(palette) % 2]
            colour = palette[action % len(palette)]
            curves.plot(tau[0], curve, style, color=colour, lw=1.3, label=action)
        curves.set(xlabel="quantile tau", ylabel="return", title=f"quantiles, random state {seed}")
        curves.legend(title="action", ncols=2, fontsize=7)
        sns.despine(figure)
        return figure.png()


def _sample(values: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """At most `MOST_WEIGHTS` of the values, at random."""
    if len(values) <= MOST_WEIGHTS:
        return values
    return values[torch.randint(len(values), (MOST_WEIGHTS,), generator=generator)]
