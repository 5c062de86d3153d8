"""The IQN network: its definition, its loss, and what each of its knobs costs."""

from tmnet.experiments.config import NetworkConfig
from tmnet.networks.anatomy import Anatomy, anatomy
from tmnet.networks.costs import costs
from tmnet.networks.iqn import IQN, draw_taus
from tmnet.networks.loss import quantile_huber_loss, target_quantiles, transition_losses

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
