"""Whether a training has room in the memory of the machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil
import torch

from tmnet.errors import TmnetError
from tmnet.experiments.config import Experiment, NetworkConfig
from tmnet.networks.costs import BYTES, costs
from tmnet.training.devices import memory_device
from tmnet.training.memory import TransitionMemory

# of the parameters: online, target, gradients, two averages of these, and two that drive eval races
_COPIES = 7
# what a container may take, which is less than the machine has
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def check_room(
    experiment: Experiment, config: NetworkConfig, num_envs: int, device: torch.device
) -> None:
    """Refuse settings that this machine's memory cannot hold, before any of it is taken.

    Parameters
    ----------
    experiment : Experiment
    config : NetworkConfig
        Its network, as the environments make it.
    num_envs : int
    device : torch.device

    Raises
    ------
    TmnetError
        With how much they need, and what for.
    """
    shape = (1, config.h_downsized, config.w_downsized) if config.use_image_head else None
    floats, batch = config.float_input_dim, experiment.training.batch_size
    most = max(capacity for _, capacity, _ in experiment.memory.schedule)
    rows = -(-most // num_envs) + experiment.training.n_steps
    remembered = TransitionMemory.bytes_of(num_envs, shape, floats, rows * num_envs)
    needed = {}
    if memory_device(experiment, num_envs, shape, floats, device).type != "cuda":
        needed["memory.schedule and performance.num_envs"] = remembered
    if device.type != "cuda":
        cost = costs(config, batch)
        needed["neural_network"] = _COPIES * BYTES * cost["parameters"]
        needed["training.batch_size"] = 2 * batch * cost["state_bytes"] + cost["activation_bytes"]
    total, room = sum(needed.values()), available()
    if total > room:
        most_of_it = max(needed, key=lambda name: needed[name])
        raise TmnetError(
            f"These settings need {total / 1e9:,.1f} GB of memory, {needed[most_of_it] / 1e9:,.1f} "
            f"of them for {most_of_it}; there are {room / 1e9:,.1f} GB here."
        )


def available() -> int:
    """Bytes of memory that there are for a process, used or not."""
    room = psutil.virtual_memory().total
    for limit in _LIMITS:
        with suppress(OSError, ValueError):  # there is none ("max")
            room = min(room, int(Path(limit).read_text()))
    return room
