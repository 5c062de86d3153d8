"""What is chosen in the explorer, and the arms that runs' names tell of."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any

from tmnet.analysis.available import all_metric_names
from tmnet.analysis.axis import CLOCKS
from tmnet.analysis.metrics import RULES, Metric
from tmnet.arguments import a_flag, a_number, a_pair, a_text, some_names, wrong
from tmnet.comparison import Comparison, compare
from tmnet.errors import TmnetError
from tmnet.logs.run import Run

CHOICES = ("log", "full", "difference", "pin")  # of an axes
AXIS_NAMES = {"relative time": "time", "step": "step", "relative step": "relative_step"}


@dataclass(frozen=True, kw_only=True)
class View:
    """What is chosen in the explorer.

    Attributes
    ----------
    runs : list of str
    arms : bool
        Whether runs that differ in a last number are compared as seeds of one arm.
    baseline : str or None
        A run with which the others are compared; of arms that of which it is a seed.
    by, clock, window, metrics, trailing, rule
        As for `compare`; of a window that is None the end is where the shortest run ends.
    interval, step_interval : float
        Between grid points, in minutes, and on all other axes.
    at : float or None
        The moment that is looked at.
    panels : dict
        How the axes of metrics differ from what is usual, by their names: a dict each, in which
        `log`, `full`, `difference` and `pin` may be True, and `zoom` be a span of values.
    follow : bool
        Whether what runs log is read again and again.
    """

    # Fields with defaults begin anew where another view is silent about them: see `changed`.
    runs: list[str]
    arms: bool = False
    baseline: str | None = None
    by: str
    clock: str
    window: tuple[float, float] | None = None
    interval: float
    step_interval: float
    metrics: list[str]
    trailing: float | str | None = None
    rule: str
    at: float | None = None
    panels: dict[str, dict[str, Any]] = field(default_factory=dict)
    follow: bool = False

    def changed(self, entries: Mapping[str, Any]) -> View:
        """The view that entries of another one make of this; TmnetError if it has no such entry."""
        known = [field.name for field in dataclasses.fields(self)]
        for name in entries:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"it can have {', '.join(known)}."
                raise TmnetError(f"A view has no entry {name}: {hint}")
        stay = [
            field.name for field in dataclasses.fields(self)
            if field.default is MISSING and field.default_factory is MISSING
        ]  # fmt: skip
        given = {
            name: _FORMS[name](f"The view's {name}", value)
            for name, value in entries.items()
            if value is not None
        }
        return View(**{name: getattr(self, name) for name in stay} | given)

    def check(self, runs: Sequence[Run]) -> None:
        """TmnetError if it asks for something that these runs do not have."""
        names = [run.name for run in runs]
        for name in self.runs:
            if name not in names:
                raise TmnetError(f"There is no run {name} here; there are: {', '.join(names)}.")
        for name in sorted({*self.metrics} - {*all_metric_names(runs)}):
            if not Metric.named(name).races:  # which other runs may have
                compare(runs, metrics=[name])  # says which are near
        offered: dict[str, Sequence[str]] = {
            "baseline": [*(self.runs or names), None],
            "by": list(axes(runs).values()),
            "clock": CLOCKS,
            "rule": list(RULES),
        }
        for name, values in offered.items():
            if getattr(self, name) not in values:
                form = " or ".join(map(repr, values))
                raise wrong(f"The view's {name}", getattr(self, name), form)

    def subjects(self, runs: Sequence[Run]) -> list[Run] | dict[str, list[Run]]:
        """What `compare` is to compare: the chosen ones of all runs, or the arms they are of."""
        chosen = {run.name: run for run in runs if run.name in self.runs}
        if not chosen:
            raise TmnetError("Choose at least one run.")
        if not self.arms:
            return list(chosen.values())
        arms = {
            arm: [chosen[name] for name in names if name in chosen]
            for arm, names in arms_of([run.name for run in runs]).items()
        }
        return {arm: seeds for arm, seeds in arms.items() if seeds}

    def arguments(self, runs: Sequence[Run]) -> tuple[dict[str, Any], list[str]]:
        """How `compare` is to compare runs, and a sentence on metrics that none of them has."""
        if not self.metrics:
            raise TmnetError("Choose at least one metric.")
        known = {*all_metric_names(runs)}
        metrics = [name for name in self.metrics if name in known]
        metrics.sort(key=lambda name: not self.panels.get(name, {}).get("pin"))
        lacking = ", ".join(name for name in self.metrics if name not in known)
        if not metrics:
            raise TmnetError(f"None of the runs that are chosen has {lacking}: choose others.")
        arguments = {
            "by": self.by,
            "interval": float(self.interval if self.by == "time" else self.step_interval),
            "window": self.window,
            "metrics": metrics,
            "clock": self.clock,
            "trailing": self.trailing,
            "rule": self.rule,
        }
        return arguments, [f"None of the runs that are chosen has {lacking}."] * bool(lacking)

    def code(self, made: Comparison, order: Sequence[str], scales: Mapping[str, Any]) -> str:
        """Python that computes what was made of this view.

        Parameters
        ----------
        made : Comparison
            Of the `subjects` and the `arguments`.
        order : sequence of str
            What there is to draw, in the order that gives colours.
        scales : mapping
            Of metrics, as `plot_grid` takes them.
        """
        names = list(made.arms) or [run.name for run in made.runs]
        plotted = [f"order={list(order)}"] if list(order[: len(names)]) != names else []
        plotted += [f"scales={scales}"] if scales else []
        calls = {run.name: f"{_load_call(run)}," for run in made.runs}
        if made.arms:
            what, brackets, items = "arms", "{}", []
            for arm, seeds in made.arms.items():
                items += [f"    {arm!r}: [", *(f"        {calls[run]}" for run in seeds), "    ],"]
        else:
            what, brackets, items = "runs", "[]", [f"    {call}" for call in calls.values()]
        # of a common window, which another run would change, what it is; and what no run had is out
        metrics = [metric.name for metric in made.metrics]
        arguments = self.arguments(made.runs)[0] | {"window": made.window, "metrics": metrics}
        return "\n".join([
            "import tmnet",
            "",
            f"{what} = {brackets[0]}",
            *items,
            brackets[1],
            "comparison = tmnet.compare(",
            f"    {what},",
            *(f"    {name}={value!r}," for name, value in arguments.items()),
            ")",
            f"comparison.plot_grid({', '.join(plotted)})",
            f"comparison.at({self.at!r})",
        ])  # fmt: skip


def _length(what: str, value: Any) -> float:
    return a_number(what, value, above=0)


def _trailing(what: str, value: Any) -> float | str | None:
    if isinstance(value, str) and value != "late":
        raise wrong(what, value, "a number from 0 on, or 'late'")
    return "late" if isinstance(value, str) else a_number(what, value, least=0) or None


def _panels(what: str, value: Any) -> dict[str, dict[str, Any]]:
    form = f"a dict of dicts, which may have {', '.join(CHOICES)} and zoom"
    if not isinstance(value, Mapping) or not all(isinstance(x, Mapping) for x in value.values()):
        raise wrong(what, value, form)
    panels = {}
    for metric, chosen in value.items():
        if not {*chosen} <= {*CHOICES, "zoom"}:
            raise wrong(what, value, form)
        of = f"{what} of {metric}"
        panels[a_text(what, metric)] = {
            name: a_pair(of, given) if name == "zoom" else a_flag(of, given)
            for name, given in chosen.items()
        }
    return panels


# What makes of a view's entry, which may come from a file or a person, what the field holds.
_FORMS: dict[str, Callable[[str, Any], Any]] = {
    "runs": some_names,
    "arms": a_flag,
    "baseline": a_text,
    "by": a_text,
    "clock": a_text,
    "window": a_pair,
    "interval": _length,
    "step_interval": _length,
    "metrics": lambda what, value: [Metric.named(name).name for name in some_names(what, value)],
    "trailing": _trailing,
    "rule": a_text,
    "at": a_number,
    "panels": _panels,
    "follow": a_flag,
}


def axes(runs: Sequence[Run]) -> dict[str, str]:
    """What runs can be compared at equal amounts of, by its name: the counters they share, too."""
    counters = [
        tag
        for tag in runs[0].tags
        if tag.startswith("cumul_") and all(tag in run.tags for run in runs)
    ]
    return AXIS_NAMES | {tag: tag for tag in counters}


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


def _load_call(run: Run) -> str:
    """Python that loads a run, with its pieces where leaving them out might mean others."""
    arguments = [repr(run.name), repr(str(run.logdir))]
    if run.pieces != [run.name] or os.path.isdir(run.logdir / f"{run.name}_2"):
        arguments.append(f"pieces={run.pieces}")
    return f"tmnet.load_run({', '.join(arguments)})"
