"""Which metrics runs have, and which of them are asked for."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from tmnet.analysis.metrics import (
    BY_DEFAULT,
    KEY_SCALARS,
    OF_ROBUST,
    RACE_KINDS,
    ROBUST,
    STATISTICS,
    Metric,
)
from tmnet.arguments import some_names
from tmnet.errors import TmnetError
from tmnet.logs.run import Run


def metric_names(
    runs: Sequence[Run], all_scalars: bool = False, statistics: Sequence[str] = BY_DEFAULT
) -> list[str]:
    """Names of the metrics that the runs have: of races, key scalars, and maybe all others.

    Where there are no races, as in logs of other tools, all are taken: what such a tool counts as
    its result has any name.
    """
    names = []
    for map_ in dict.fromkeys(map_ for run in runs for map_ in run.maps):
        for kind in RACE_KINDS:
            robust = [run.raced[map_, kind] for run in runs if (map_, kind) in run.raced]
            of = [*statistics] * bool(robust)
            of += [ROBUST + statistic for statistic in OF_ROBUST] * any(robust)
            names += [f"{map_}/{kind}/{statistic}" for statistic in of]
    tags = dict.fromkeys(tag for run in runs for tag in run.tags)
    key = [tag for wanted in KEY_SCALARS for tag in tags if tag.partition("/")[0] == wanted]
    every = [*names, *key, *(tags if all_scalars or not names else ())]
    return list(dict.fromkeys(every))  # a scalar may be called like a metric of races, too


def all_metric_names(runs: Sequence[Run]) -> list[str]:
    """Names of all that can be asked for, whether it is shown by default or not."""
    return metric_names(runs, all_scalars=True, statistics=tuple(STATISTICS))


def chosen_metrics(runs: Sequence[Run], wanted: Sequence[str] | None) -> tuple[Metric, ...]:
    """Metrics by their names, or those that are shown by default; TmnetError for one that none of
    the runs has."""
    known = all_metric_names(runs)
    if wanted is None:
        wanted = metric_names(runs)
    wanted = some_names("metrics", wanted)
    tags = {tag for run in runs for tag in run.tags}
    chosen = [Metric.named(name, logged=tags) for name in wanted]
    for name, metric in zip(wanted, chosen):
        if metric.name not in known:
            raise TmnetError(unknown_metric(name, known))
    return tuple({metric.name: metric for metric in chosen}.values())


def unknown_metric(name: str, known: Sequence[str]) -> str:
    """That there is no such metric, and which are near."""
    near = difflib.get_close_matches(name, known, n=5, cutoff=0.3)
    hint = f"Nearest: {', '.join(near)}." if near else f"There are: {', '.join(known[:20])} …"
    return f"There is no metric {name or '(without a name)'}. {hint}"
