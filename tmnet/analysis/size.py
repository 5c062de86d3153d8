"""What the size of a network bought: how good each run got, how soon, and at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from tmnet.analysis.alignment import Alignment, having_axis
from tmnet.analysis.axis import Axis
from tmnet.analysis.findings.evidence import PRIMARY, Evidence
from tmnet.analysis.findings.late import of_late_races
from tmnet.analysis.grid import fitting_interval
from tmnet.analysis.metrics import Metric
from tmnet.analysis.on_axis import network_of
from tmnet.errors import TmnetError
from tmnet.experiments.config import NetworkConfig
from tmnet.logs.config import positive, section
from tmnet.logs.run import Run
from tmnet.networks.costs import costs

SIZES = {
    "parameters": "parameters",
    "flops_per_decision": "arithmetic of a decision (FLOPs)",
    "flops_per_batch": "arithmetic of a training batch (FLOPs)",
}
FIRST = "first_finish"
ABORTED = 0.01  # of the longest run: what is shorter tells nothing, and would end the window


class Bought(NamedTuple):
    """What `bought` returns.

    Attributes
    ----------
    table : DataFrame
        A row a run: what its network is in `SIZES`; late_rate and late_best_of_10 with low and high
        (95 %), first_finish (minutes) and pflop, up to the end of the window. NaN where there is
        none.
    metrics : list of Metric
        Of the first three.
    order : list of str
        All runs, in the order that gives them their colours elsewhere.
    at : str
        The moment up to which, in words.
    notes : list of str
        Which runs are left out, and why, and which went on from another's checkpoint.
    """

    table: pd.DataFrame
    metrics: list[Metric]
    order: list[str]
    at: str
    notes: list[str]


def bought(runs: Sequence[Run]) -> Bought:
    """What the networks of runs are, and what became of them: at equal time, where the shortest
    run ends.

    Raises
    ------
    TmnetError
        If no run logged the configuration of its network, or there are no races.
    """
    longest = max((run.duration for run in runs), default=0.0)
    kept = [run for run in runs if run.duration >= ABORTED * longest]
    notes = [
        f"{run.name} was aborted after {run.duration:.2g} min: it is left out."
        for run in runs if run not in kept
    ]  # fmt: skip
    kept, missing = having_axis(kept, Axis("time"))
    networks, notes = dict[str, NetworkConfig](), notes + missing
    for run in kept:
        try:
            networks[run.name] = network_of(run)
        except TmnetError as error:
            notes.append(str(error))
    kept = [run for run in kept if run.name in networks]
    if not kept:
        raise TmnetError("No run has logged the configuration of its network yet.")
    axis = Axis("time")
    comparison = Alignment.of(kept, axis, interval=fitting_interval(kept, axis))
    of = comparison.main_races
    if of is None:
        raise TmnetError("There are no races yet whose finishes could be counted.")
    evidence = Evidence(comparison, {})
    metrics = [Metric.named(of._replace(statistic=name).name) for name in (*PRIMARY, FIRST)]
    rows = {}
    for run in kept:
        rows[run.name] = _sizes(run, networks[run.name]) | _results(evidence, run, metrics)
        if run.source:
            notes.append(f"{run.name} starts from {run.source}.")
    table = pd.DataFrame.from_dict(rows, orient="index")
    order = [run.name for run in runs]
    return Bought(table, metrics, order, evidence.say_at(evidence.end), notes)


def _sizes(run: Run, network: NetworkConfig) -> dict[str, float]:
    batch_size = positive(section(run.config, "training").get("batch_size"))
    total = costs(network, int(batch_size or 1))
    sizes: dict[str, float] = {name: total[name] for name in SIZES}
    return sizes if batch_size else sizes | {"flops_per_batch": np.nan}


def _results(evidence: Evidence, run: Run, metrics: list[Metric]) -> dict[str, float]:
    end, found = evidence.end_of(run), dict[str, float]()
    for metric in metrics:
        assert metric.races
        name = metric.races.statistic
        found[name] = evidence.value_at_end(metric, run)
        if name in PRIMARY:
            interval, _ = of_late_races(evidence, metric, run, end)
            found[f"{name}_low"], found[f"{name}_high"] = interval or (np.nan, np.nan)
    spent = evidence.spent(run, end)
    return found | {"pflop": np.nan if spent is None else spent.pflop}
