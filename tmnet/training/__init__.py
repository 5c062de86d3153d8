"""Training agents: the loop, and its parts."""

import tmnet.networks  # noqa: F401 - it sets how torch's threads wait, before torch is loaded
from tmnet.training.progress import Status
from tmnet.training.start import train

__all__ = ["Status", "train"]
