"""What is chosen in the explorer."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any

from matplotlib.colors import is_color_like, to_hex

from tmnet.analysis.available import all_metric_names
from tmnet.analysis.axis import CLOCKS
from tmnet.analysis.metrics import RULES, Metric
from tmnet.analysis.on_axis import BATCHES
from tmnet.arguments import a_flag, a_number, a_pair, a_text, some_names, wrong
from tmnet.comparison import Comparison, compare
from tmnet.drawing import Order, run_colours, run_dashes
from tmnet.errors import TmnetError
from tmnet.logs.run import Run
from tmnet.report.study import Study
from tmnet.widgets.explorer.groups import BY_NAME, grouped
from tmnet.widgets.explorer.lists import aborted

TITLE = "Which run was worth it?"  # of a page, until somebody gives it another
CHOICES = ("log", "full", "difference", "pin")  # of an axes
AXIS_NAMES = {"relative time": "time", "step": "step", "relative step": "relative_step"}
FLOPS = {"arithmetic (PFLOP)": "flops"}


@dataclass(frozen=True, kw_only=True)
class View:
    """What is chosen in the explorer.

    Attributes
    ----------
    runs : list of str
    group : str or None
        How runs are compared as seeds of arms, as `groups.grouped` has it; None: each by itself.
    order : list of str
        Runs that come first, in lists, tables and legends.
    marks : dict
        How runs (or arms) are called and listed, by their names: a dict each, in which `name`, a
        short one, `colour` and `note` are texts, and `pinned`, to the top of the list, and `hidden`
        may be True.
    baseline : str or None
        A run with which the others are compared; of arms that of which it is a seed.
    by, clock, window, metrics, trailing, rule, smoothing
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
    group: str | None = None
    order: list[str] = field(default_factory=list)
    marks: dict[str, dict[str, Any]] = field(default_factory=dict)
    baseline: str | None = None
    by: str
    clock: str
    window: tuple[float, float] | None = None
    interval: float
    step_interval: float
    metrics: list[str]
    trailing: float | str | None = None
    rule: str
    smoothing: float | None = None
    at: float | None = None
    panels: dict[str, dict[str, Any]] = field(default_factory=dict)
    follow: bool = False

    def changed(self, entries: Mapping[str, Any]) -> View:
        """The view that entries of another one make of this; TmnetError if it has no such entry."""
        entries = dict(entries)
        if "arms" in entries:  # of a view that was saved when there were no other groups
            arms = a_flag("The view's arms", entries.pop("arms"))
            entries.setdefault("group", BY_NAME if arms else None)
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

    def check(self, runs: Sequence[Run], metrics: Collection[str] = ()) -> None:
        """TmnetError if it asks for what these runs do not have; of metrics for none but `metrics`
        that they lack: where they have one, others may come back with other runs."""
        names = [run.name for run in runs]
        for name in self.runs:
            if name not in names:
                raise TmnetError(f"There is no run {name} here; there are: {', '.join(names)}.")
        known = {*all_metric_names(runs)}
        for name in metrics if not known & {*self.metrics} else ():
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

    def of_here(self, runs: Sequence[Run]) -> tuple[View, list[str]]:
        """It without the runs that there are no more, if any of it are left, and a sentence on
        these."""
        here = {run.name for run in runs}
        gone = [name for name in self.runs if name not in here]
        if not gone or len(gone) == len(self.runs):
            return self, []
        left = [name for name in self.runs if name in here]
        baseline = self.baseline if self.baseline in here else None
        said = f"The view has runs that are not here: {', '.join(gone)}."
        return dataclasses.replace(self, runs=left, baseline=baseline), [said]

    def called(self, name: str | None) -> str | None:
        """What a run, or an arm, is called."""
        return self.marks.get(name, {}).get("name") or name

    def groups(self, runs: Sequence[Run]) -> dict[str, list[Run]]:
        """What is compared, by what it is called: each of the chosen runs, or arms of these."""
        chosen = {run.name: run for run in runs if run.name in self.runs}
        if not chosen:
            raise TmnetError("Choose at least one run.")
        found: dict[str, list[Run]] = {}
        for name, names in grouped(runs, self.group).items():
            if seeds := [chosen[seed] for seed in names if seed in chosen]:
                if self.called(name) in found:
                    raise TmnetError(
                        f"Two would be called {self.called(name)}: give one of them another name."
                    )
                found[self.called(name)] = seeds
        return found

    def subjects(self, runs: Sequence[Run]) -> list[Run] | dict[str, list[Run]]:
        """What `compare` is to compare."""
        if self.group is None:
            return [run.called(name) for name, (run,) in self.groups(runs).items()]
        return {
            name: [run.called(self.called(run.name)) for run in seeds]
            for name, seeds in self.groups(runs).items()
        }

    def study(self, made: Comparison, colours: Mapping[str, str]) -> Study:
        """What a page is to be about, that says what was made of this view; as `code`."""
        there = {run.name for run in made.runs}
        runs = [name for name in self.runs if self.called(name) in there]
        full = {self.called(name): name for name in runs}
        marked = {self.called(name): name for name in self.marks}
        arms = {
            marked.get(arm, arm): [full[seed] for seed in seeds] for arm, seeds in made.arms.items()
        }
        named = list(arms) or runs
        of = {seed: arm for arm, seeds in arms.items() for seed in seeds}
        baseline, usual = of.get(self.baseline, self.baseline), run_colours(named)
        by_time, by_step = made.axis.is_time, made.axis.by == "step"
        window = None if self.window is None else list(made.window)
        return Study(
            title=TITLE,
            question="",
            runs=[] if arms else runs,
            arms=arms,
            baseline=baseline if baseline in named else None,
            names={
                name: self.called(name) for name in dict.fromkeys([*named, *runs])
                if self.called(name) != name
            },
            colours={
                name: colours[self.called(name)] for name in named
                if colours[self.called(name)] != usual[name]
            },
            metrics=[metric.name for metric in made.metrics],
            window=window if by_time else None,
            step_window=window if by_step else None,
            interval=made.interval if by_time else None,
            step_interval=made.interval if by_step else None,
        )  # fmt: skip

    def colours(self, found: Sequence[Run], listed: Sequence[Run]) -> dict[str, str]:
        """Colours of all that may be compared, by what it is called, in the order of lists.

        Parameters
        ----------
        found : sequence of Run
            In the order in which they were found, which gives those that nobody chose.
        listed : sequence of Run
            In the order of lists.
        """
        usual, colours = run_colours([*grouped(found, self.group)]), {}
        for name, seeds in grouped(listed, self.group).items():
            # one that is not chosen may be called like one that is, as in another log directory
            if self.called(name) not in colours or {*seeds} & {*self.runs}:
                own = self.marks.get(name, {}).get("colour")
                colours[self.called(name)] = own or usual[name]
        return colours

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
        if self.rule == "ema":
            arguments["smoothing"] = self.smoothing
        return arguments, [f"None of the runs that are chosen has {lacking}."] * bool(lacking)

    def code(self, made: Comparison, colours: Mapping[str, str], scales: Mapping[str, Any]) -> str:
        """Python that computes what was made of this view.

        Parameters
        ----------
        made : Comparison
            Of the `subjects` and the `arguments`.
        colours : mapping of str to str
            Of all there is to draw, as `colours` has them.
        scales : mapping
            Of metrics, as `plot_grid` takes them.
        """
        names = list(made.arms) or [run.name for run in made.runs]
        as_usual = _looks(names, names) == _looks(names, colours)
        plotted = [] if as_usual else [f"order={_drawn(names, colours)}"]
        plotted += [f"scales={scales}"] if scales else []
        full = {self.called(name): name for name in self.runs}
        calls = {run.name: f"{_load_call(run, full[run.name])}," for run in made.runs}
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


def _marks(what: str, value: Any) -> dict[str, dict[str, Any]]:
    known = {"name": a_text, "colour": _colour, "note": a_text, "pinned": a_flag, "hidden": a_flag}
    return _dict_of_dicts(what, value, known)


def _colour(what: str, value: Any) -> str:
    if not is_color_like(value):
        raise wrong(what, value, "a colour, such as '#0173b2'")
    return to_hex(value)


def _length(what: str, value: Any) -> float:
    return a_number(what, value, above=0)


def _trailing(what: str, value: Any) -> float | str | None:
    if isinstance(value, str) and value != "late":
        raise wrong(what, value, "a number from 0 on, or 'late'")
    return "late" if isinstance(value, str) else a_number(what, value, least=0) or None


def _panels(what: str, value: Any) -> dict[str, dict[str, Any]]:
    return _dict_of_dicts(what, value, {"zoom": a_pair} | dict.fromkeys(CHOICES, a_flag))


def _dict_of_dicts(
    what: str, value: Any, known: Mapping[str, Callable[[str, Any], Any]]
) -> dict[str, dict[str, Any]]:
    form = f"a dict of dicts, which may have {', '.join(known)}"
    if not isinstance(value, Mapping):
        raise wrong(what, value, form)
    entries = {}
    for name, given in value.items():
        if not isinstance(given, Mapping) or not {*given} <= {*known}:
            raise wrong(what, value, form)
        entries[a_text(what, name)] = {
            key: known[key](f"{what} of {name}", entry) for key, entry in given.items()
        }
    return entries


# What makes of a view's entry, which may come from a file or a person, what the field holds.
_FORMS: dict[str, Callable[[str, Any], Any]] = {
    "runs": some_names,
    "group": a_text,
    "order": some_names,
    "marks": _marks,
    "baseline": a_text,
    "by": a_text,
    "clock": a_text,
    "window": a_pair,
    "interval": _length,
    "step_interval": _length,
    "metrics": lambda what, value: [Metric.named(name).name for name in some_names(what, value)],
    "trailing": _trailing,
    "rule": a_text,
    "smoothing": _length,
    "at": a_number,
    "panels": _panels,
    "follow": a_flag,
}


def axes(runs: Sequence[Run]) -> dict[str, str]:
    """What runs can be compared at equal amounts of, by its name: the counters they share, too, and
    the arithmetic that follows from one of them. An aborted run may have had no time to log any."""
    short = {*aborted(runs)}
    runs = [run for run in runs if run.name not in short]
    counters = [
        tag
        for tag in runs[0].tags
        if tag.startswith("cumul_") and all(tag in run.tags for run in runs)
    ]
    networks = all("neural_network" in run.config for run in runs[:1])
    arithmetic = FLOPS if BATCHES in counters and networks else {}
    return AXIS_NAMES | arithmetic | {Metric.named(tag).label: tag for tag in counters}


def _looks(names: Sequence[str], order: Order) -> list[tuple]:
    colours, dashes = run_colours(order), run_dashes(order)
    return [(colours[name], dashes[name]) for name in names]


def _drawn(names: Sequence[str], colours: Mapping[str, str]) -> dict[str, str]:
    """Those colours without which the named ones would look otherwise."""
    own = {name: colours[name] for name in names}
    return own if _looks(names, own) == _looks(names, colours) else dict(colours)


def _load_call(run: Run, name: str) -> str:
    """Python that loads a run of a name, with its pieces where leaving them out might mean others;
    and calls it as it is called."""
    arguments = [repr(name), repr(str(run.logdir))]
    if run.pieces != [name] or os.path.isdir(run.logdir / f"{name}_2"):
        arguments.append(f"pieces={run.pieces}")
    call = f"tmnet.load_run({', '.join(arguments)})"
    return call if run.name == name else f"{call}.called({run.name!r})"
