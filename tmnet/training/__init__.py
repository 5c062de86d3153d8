"""Training agents: the loop, and its parts."""

import os

# Before torch is loaded: how long its threads spin when they wait. By default it is milliseconds:
# where another process takes a core, an update becomes ten times slower; without any, an update
# of a small network takes twice as long on a machine that does nothing else.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

from tmnet.training.progress import Status
from tmnet.training.start import train

__all__ = ["Status", "train"]
