"""The IQN network: its definition, its loss, and what each of its knobs costs.

What needs torch is loaded when it is first used: what a network costs is told without.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from tmnet.experiments.config import NetworkConfig

# Not when first used: each has the name of its module, which would be found here in its place.
from tmnet.networks.anatomy import Anatomy, anatomy
from tmnet.networks.costs import costs

if TYPE_CHECKING:
    from tmnet.networks.iqn import IQN, draw_taus
    from tmnet.networks.loss import quantile_huber_loss, target_quantiles, transition_losses

# Before torch is loaded: how long its threads spin when they wait. By default it is milliseconds:
# where another process takes a core, an update becomes ten times slower; without any, an update
# of a small network takes twice as long on a machine that does nothing else.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

_HOMES = {
    "IQN": "tmnet.networks.iqn",
    "draw_taus": "tmnet.networks.iqn",
    "quantile_huber_loss": "tmnet.networks.loss",
    "target_quantiles": "tmnet.networks.loss",
    "transition_losses": "tmnet.networks.loss",
}

__all__ = [
    "IQN",
    "Anatomy",
    "NetworkConfig",
    "anatomy",
    "costs",
    "draw_taus",
    "quantile_huber_loss",
    "target_quantiles",
    "transition_losses",
]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
