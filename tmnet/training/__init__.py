"""Training agents: the loop, and its parts."""

from tmnet.training.loop import train
from tmnet.training.progress import Status

__all__ = ["Status", "train"]
