"""tmnet: compare trainings of agents that drive TrackMania, and their networks.

The public names are loaded when they are first used, so that importing tmnet takes no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from tmnet.errors import LogWarning, TmnetError

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tmnet.comparison import Comparison, compare
    from tmnet.experiments.config import Experiment
    from tmnet.experiments.load import load_experiment
    from tmnet.files import example_runs
    from tmnet.logs.find import list_runs, load_run, load_runs
    from tmnet.logs.run import Run
    from tmnet.logs.scalars import read_scalars
    from tmnet.training import train
    from tmnet.widgets.explorer.explorer import explore
    from tmnet.widgets.network_lab import network_lab
    from tmnet.widgets.training_panel import training_panel
    from tmnet.widgets.write_up import write_up

_HOMES = {
    "Comparison": "tmnet.comparison",
    "Experiment": "tmnet.experiments.config",
    "Run": "tmnet.logs.run",
    "compare": "tmnet.comparison",
    "example_runs": "tmnet.files",
    "explore": "tmnet.widgets.explorer.explorer",
    "find_logdirs": "tmnet.logs.find",
    "list_runs": "tmnet.logs.find",
    "load_experiment": "tmnet.experiments.load",
    "load_run": "tmnet.logs.find",
    "load_runs": "tmnet.logs.find",
    "network_lab": "tmnet.widgets.network_lab",
    "read_scalars": "tmnet.logs.scalars",
    "train": "tmnet.training",
    "training_panel": "tmnet.widgets.training_panel",
    "write_up": "tmnet.widgets.write_up",
}

_PARTS = ("networks", "racing", "training")

__all__ = [
    "Comparison",
    "Experiment",
    "LogWarning",
    "Run",
    "TmnetError",
    "compare",
    "example_runs",
    "explore",
    "find_logdirs",
    "list_runs",
    "load_experiment",
    "load_run",
    "load_runs",
    "network_lab",
    "networks",
    "racing",
    "read_scalars",
    "train",
    "training",
    "training_panel",
    "write_up",
]


def __getattr__(name: str):
    if name in _PARTS:
        return importlib.import_module(f"tmnet.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'tmnet' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_PARTS})
