"""What is chosen in the explorer, and the arms that runs' names tell of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tmnet.logs.run import Run


def arms_of(names: Sequence[str]) -> dict[str, list[str]]:
    """Runs by arm: big_1 and big-2, or big_seed_3 and big_s4, are seeds of big.

    Who has no other seed is an arm by its full name: uni_20 is no seed 20 of uni.
    """
    arm = {
        name: re.sub(r"[-_. ]*(seed|s)?[-_. ]*\d+$", "", name, flags=re.IGNORECASE) or name
        for name in names
    }
    seeds = Counter(arm.values())
    arms: dict[str, list[str]] = {}
    for name in names:
        arms.setdefault(arm[name] if seeds[arm[name]] > 1 else name, []).append(name)
    return arms


def load_call(run: Run) -> str:
    """Python that loads a run, with its pieces where leaving them out might mean others."""
    arguments = [repr(run.name), repr(str(run.logdir))]
    if run.pieces != [run.name] or (run.logdir / f"{run.name}_2").exists():
        arguments.append(f"pieces={run.pieces}")
    return f"tmnet.load_run({', '.join(arguments)})"
