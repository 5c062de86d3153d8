"""Which runs are seeds of one arm: by their names, or by a setting that they share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tmnet.logs.run import Run
from tmnet.yaml_text import dotted

BY_NAME = "name"
MOST_SETTINGS = 100  # that are offered
LONGEST = 200  # letters of a value that names an arm


def arms_of(names: Sequence[str]) -> dict[str, list[str]]:
    """Runs by arm: big_1 and big-2, big_seed_3 and big/seed_4, are seeds of big.

    Who has no other seed is an arm by its full name: uni_20 is no seed 20 of uni. CleanRL puts the
    time behind the seed: env__ppo__1__1700000000.
    """
    arm = {}
    for name in names:
        timeless = re.sub(r"(__\d+)__\d{10}$", r"\1", name)
        arm[name] = (
            re.sub(r"[-_./ ]*(seed|s)?[-_. ]*\d+$", "", timeless, flags=re.IGNORECASE)
            or re.sub(r"[-_. ]*\d+$", "", timeless)
            or name
        )
    seeds = Counter(arm.values())
    arms: dict[str, list[str]] = {}
    for name in names:
        arms.setdefault(arm[name] if seeds[arm[name]] > 1 else name, []).append(name)
    return arms


def grouped(runs: Sequence[Run], by: str | None) -> dict[str, list[str]]:
    """Names of runs by what is compared of them.

    Parameters
    ----------
    runs : sequence of Run
    by : str or None
        None: each run by itself; "name": as `arms_of`; or a setting, such as
        "neural_network.w_downsized", of which each value is an arm; who did not log it is one by
        itself.
    """
    if by is None:
        return {run.name: [run.name] for run in runs}
    if by == BY_NAME:
        return arms_of([run.name for run in runs])
    short, arms = by.rpartition(".")[2], {}
    for run in runs:
        config = dotted(run.config)
        arm = f"{short} = {_text(config[by])}" if by in config else run.name
        arms.setdefault(arm, []).append(run.name)
    return arms


def shared_settings(runs: Sequence[Run]) -> list[str]:
    """Settings in which runs differ, and which some of them share: those that make groups."""
    configs = [dotted(run.config) for run in runs]
    counts: dict[str, Counter[str]] = {}
    for config in configs:
        for name, value in config.items():
            counts.setdefault(name, Counter())[_text(value)] += 1
    found = [
        name for name, count in counts.items()
        if 1 < len(count) < sum(count.values()) and max(map(len, count)) <= LONGEST
    ]  # fmt: skip
    return found[:MOST_SETTINGS]


def _text(value: object) -> str:
    """In full: values that begin alike are two."""
    return " ".join(str(value).split())
