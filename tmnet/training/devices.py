"""On what a training computes: its device, the arithmetic there, and where the memory is kept."""

from __future__ import annotations

import torch

from tmnet.experiments.config import Experiment
from tmnet.training.memory import TransitionMemory
from tmnet.training.world import World


def precision_of(precision: str, device: torch.device) -> torch.dtype:
    """What "float32", "bfloat16" or "auto" means on a device."""
    if precision == "auto":
        precision = "bfloat16" if device.type == "cuda" else "float32"
    return getattr(torch, precision)


def memory_device(experiment: Experiment, world: World, device: torch.device) -> torch.device:
    """Where the memory is kept: beside the network, where there is room for it."""
    if device.type != "cuda":
        return device
    most = max(capacity for _, capacity, _ in experiment.memory.schedule)
    needed = TransitionMemory.bytes_of(world.num_envs, world.image_shape, world.n_floats, most)
    free, _ = torch.cuda.mem_get_info(device)
    return device if 2 * needed < free else torch.device("cpu")
