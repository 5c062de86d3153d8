"""Training agents: the loop, and its parts."""

import os

# Before torch is loaded: threads that wait must not spin. Where another process takes a core,
# spinning made an update thirty times slower; a training often runs beside other work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from tmnet.training.loop import train  # noqa: E402
from tmnet.training.progress import Status  # noqa: E402

__all__ = ["Status", "train"]
