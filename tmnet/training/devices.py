"""On what a training computes: its device, the arithmetic there, and where the memory is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from tmnet.experiments.config import Experiment, Performance
from tmnet.training.memory import TransitionMemory


def precision_of(precision: str, device: torch.device) -> torch.dtype:
    """What "float32", "bfloat16" or "auto" means on a device."""
    if precision == "auto":
        precision = "bfloat16" if device.type == "cuda" else "float32"
    return getattr(torch, precision)


@contextmanager
def threads_of(settings: Performance) -> Iterator[None]:
    """Compute with as many threads as are asked for meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def arithmetic(device: torch.device) -> dict[str, Any]:
    """What rounding depends on besides the numbers."""
    return {
        "device": device.type,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
    }


def differs(before: Mapping[str, Any], device: torch.device) -> str:
    """In what a device's arithmetic is not that of before, in words; "" where it is."""
    now = arithmetic(device)
    return ", ".join(
        f"{name} {now[name]} (before: {value})"
        for name, value in before.items()
        if now.get(name, value) != value
    )


def restore(generator: torch.Generator, state: Tensor) -> None:
    """Set a generator to a state; on a device of another kind, to a seed that is drawn from it."""
    if generator.get_state().shape == state.shape:
        generator.set_state(state)
    else:
        drawn = hashlib.sha256(state.numpy().tobytes()).digest()
        generator.manual_seed(int.from_bytes(drawn[:8], "little") >> 1)


def memory_device(
    experiment: Experiment,
    num_envs: int,
    image_shape: tuple[int, int, int] | None,
    n_floats: int,
    device: torch.device,
) -> torch.device:
    """Where the memory is kept: beside the network, where there is room for it."""
    if device.type != "cuda":
        return device
    most = max(capacity for _, capacity, _ in experiment.memory.schedule)
    needed = TransitionMemory.bytes_of(num_envs, image_shape, n_floats, most)
    free, _ = torch.cuda.mem_get_info(device)
    return device if 2 * needed < free else torch.device("cpu")
