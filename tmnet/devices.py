"""On what tensors are computed with."""

from __future__ import annotations

import torch

from tmnet.arguments import shown
from tmnet.errors import TmnetError


def best_device() -> str:
    """A CUDA or Apple GPU where there is one, or the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def usable_device(device: str | torch.device) -> torch.device:
    """The device of a name.

    Raises
    ------
    TmnetError
        If nothing can be computed there.
    """
    if not isinstance(device, (str, torch.device)):
        raise TmnetError(f"The device is {shown(device)}; it must be a name, such as 'cpu'.")
    try:
        one = torch.ones(1, device=device)
        one.item()  # which only a device with numbers can tell
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0].rstrip(".")
        raise TmnetError(f"The device {device!r} cannot be used here ({reason}).") from None
    return one.device
