"""What each knob does, of arms whose configurations form a design."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.available import chosen_metrics
from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.statistics.effects import Effects
from tmnet.analysis.statistics.effects import effects as effects_of
from tmnet.errors import TmnetError
from tmnet.yaml_text import dotted


def effects(comparison: Alignment, name: str | None = None) -> Effects:
    """What each knob does to a metric at the end of the window.

    Parameters
    ----------
    comparison : Alignment
        Of arms. Knobs are the settings that the runs logged in which the arms differ, and of which
        the seeds of one arm have one value.
    name : str, optional
        A metric; by default the late finish rate of eval races on the first map.

    Returns
    -------
    tmnet.analysis.statistics.effects.Effects
        Its `design`, the `levels` of the knobs, and an effect of each knob, in the metric's unit
        (a rate 0..1), with 95 % of it and what the design cannot tell from it.

    Raises
    ------
    TmnetError
        If there are no arms, their configurations form no design (a full or half factorial, or
        changes of one knob at a time), or a seed has no value.
    """
    if not comparison.arms:
        raise TmnetError("Effects are of arms: compare a mapping of arms to their seeds.")
    evidence = Evidence(comparison)
    if name is None:
        if not evidence.primary:
            raise TmnetError("There are no races: say of which metric the effects are to be.")
        metric = evidence.primary[0]
    else:
        (metric,) = chosen_metrics(comparison.runs, [name])
    arms = {arm: evidence.counted(arm) for arm in evidence.subjects}
    arms = {arm: runs for arm, runs in arms.items() if runs}
    at = np.array([evidence.end])
    values = {
        arm: [float(comparison.values_at(run, metric, at)[0]) for run in runs]
        for arm, runs in arms.items()
    }
    knobs = _knobs({arm: [dotted(run.config) for run in runs] for arm, runs in arms.items()})
    return effects_of([(knobs[arm], values[arm]) for arm in arms])


def _knobs(configs: Mapping[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The settings of each arm in which its seeds agree and the arms differ.

    Settings that always change together, as the width and height of an image, are one knob, whose
    levels are those of the first.
    """
    names = dict.fromkeys(name for of in configs.values() for config in of for name in config)
    knobs: dict[tuple[int, ...], list[str]] = {}
    for name in names:
        values = [repr(config.get(name)) for of in configs.values() for config in of]
        arms = [{repr(config.get(name)) for config in of} for of in configs.values()]
        if len(set(values)) > 1 and all(len(levels) == 1 for levels in arms):
            pattern = tuple(map(values.index, values))
            knobs.setdefault(pattern, []).append(name)
    return {
        arm: {" and ".join(map(_short, together)): of[0].get(together[0])
              for together in knobs.values()}
        for arm, of in configs.items()
    }  # fmt: skip


def _short(name: str) -> str:
    return name.rpartition(".")[2]
