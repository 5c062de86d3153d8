"""tmnet: compare trainings of agents that drive TrackMania, and their networks.

A tour, on the runs that come with tmnet:

>>> import tmnet
>>> logdir = tmnet.example_runs()                 # or a folder of your own, with a folder a run
>>> tmnet.list_runs(logdir)[["run", "steps", "races"]]
                 run    steps  races
0  A01_as20_big_long   418605   2131
1      A01_as20_long  1184513   4991
2             uni_20   643269   3323
3        uni_20_long  1834850   4771

Runs of different lengths are compared at equal training time; `Comparison.again` makes the same
comparison at equal steps, or otherwise changed:

>>> runs = [tmnet.load_run(name, logdir) for name in ("A01_as20_big_long", "A01_as20_long")]
>>> comparison = tmnet.compare(runs, interval=5, metrics=["A01/eval/best"])
>>> comparison.table("A01/eval/best").round(2)
      A01_as20_big_long  A01_as20_long
min
5.0                 NaN          15.06
10.0              13.23          11.45
15.0              11.40          11.31
20.0              11.36          11.28
>>> comparison.again(by="step", interval=200_000).at(400_000).round(2)
               A01_as20_big_long  A01_as20_long
metric
A01/eval/best              11.32          11.67

What it shows is said in sentences, each with the numbers that it is made of, of which `answer`
makes one to three:

>>> [finding.kind for finding in comparison.findings() if finding.stands_out is False][0]
'contrast'

``comparison.plot("A01/eval/best")`` draws it, ``comparison.export("figures", "big")`` writes it to
files, and in a notebook ``tmnet.explore(logdir)`` has sliders for all of this. `network_lab` shows
what each knob of the network costs; `train`, and in a notebook `training_panel`, train agents on
`tmnet.racing`; `write_up` makes a page. The command `tmnet` does the same without a notebook.

The public names are loaded when they are first used, so that importing tmnet takes no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from tmnet.errors import LogWarning, TmnetError

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tmnet.analysis.findings import answer
    from tmnet.analysis.statistics.planning import seeds_needed
    from tmnet.comparison import Comparison, compare
    from tmnet.experiments.config import Experiment
    from tmnet.experiments.load import load_experiment
    from tmnet.files import example_runs
    from tmnet.logs.find import default_logdir, find_logdirs, list_runs, load_run, load_runs
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
    "answer": "tmnet.analysis.findings",
    "compare": "tmnet.comparison",
    "default_logdir": "tmnet.logs.find",
    "example_runs": "tmnet.files",
    "explore": "tmnet.widgets.explorer.explorer",
    "find_logdirs": "tmnet.logs.find",
    "list_runs": "tmnet.logs.find",
    "load_experiment": "tmnet.experiments.load",
    "load_run": "tmnet.logs.find",
    "load_runs": "tmnet.logs.find",
    "network_lab": "tmnet.widgets.network_lab",
    "read_scalars": "tmnet.logs.scalars",
    "seeds_needed": "tmnet.analysis.statistics.planning",
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
    "answer",
    "compare",
    "default_logdir",
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
    "seeds_needed",
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
