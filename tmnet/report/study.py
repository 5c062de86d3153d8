"""What a report is about: a question, its runs or arms, and the levels that matter."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from matplotlib.colors import is_color_like

from tmnet.arguments import finite
from tmnet.drawing import run_colours
from tmnet.errors import TmnetError
from tmnet.experiments.fields import Section, build, knob
from tmnet.files import check_prefix
from tmnet.report.statements import Statement
from tmnet.yaml_text import file_of, read_fields

SPAN = "two numbers, from and to"


def _is_span(span: list[float] | None) -> bool:
    return span is None or (len(span) == 2 and all(map(finite, span)) and span[0] <= span[1])


@dataclass(frozen=True)
class Study(Section):
    """What a report is about.

    Attributes
    ----------
    title, question : str
    runs : list of str
        Names of runs; in place of them `arms` may name arms, each with a list of runs.
    arms : dict of str to list of str
    baseline : str or None
        The run, or the arm, with which the others are compared; by default the first.
    primary : list of str
        The metrics by which they are, declared before anybody looks; by default those of
        `tmnet.analysis.findings.findings`.
    names : dict of str to str
        Short names of runs, or of arms, for the page, its figures and its tables.
    colours : dict of str to str
        Of runs, or of arms; others have those of their place.
    metrics : list of str
        What is shown first, behind what the answer is about.
    window, step_window : list of float, or None
        From where to where they are compared, in minutes and in steps; by default to where the
        shortest run ends.
    closer : list of str
        Runs that are looked at over the whole of their own common window, too.
    after : float or None
        A moment of that window, in minutes, after which going on is judged.
    thresholds : dict of str to float
        Values of metrics whose reaching is timed.
    statements : list of Statement
        What was said of the runs before, to be checked.
    interval, step_interval : float or None
        Of the two grids; by default as `fitting_interval` has them.
    prefix : str
        What names of figures begin with.
    """

    title: str
    question: str
    runs: list[str] = knob(list, form="a list of names")
    arms: dict[str, list[str]] = knob(
        dict, form="names of arms, each with a list of runs", holds=lambda arms: all(arms.values())
    )
    baseline: str | None = knob(None, form="the name of a run or of an arm")
    primary: list[str] = knob(list, form="a list of names of metrics")
    names: dict[str, str] = knob(
        dict,
        form="names of runs or arms, each with a short one",
        holds=lambda names: all(map(str.strip, names.values())),
    )
    colours: dict[str, str] = knob(
        dict,
        form="names of runs or arms, each with a colour, such as '#0173b2'",
        holds=lambda colours: all(map(is_color_like, colours.values())),
    )
    metrics: list[str] = knob(list, form="a list of names of metrics")
    window: list[float] | None = knob(None, form=SPAN, holds=_is_span)
    step_window: list[float] | None = knob(None, form=SPAN, holds=_is_span)
    closer: list[str] = knob(list, form="a list of names")
    after: float | None = None
    thresholds: dict[str, float] = knob(
        dict,
        form="names of metrics, each with a value",
        holds=lambda levels: all(map(finite, levels.values())),
    )
    statements: tuple[Statement, ...] = knob((), form="a list of statements")
    interval: float | None = None
    step_interval: float | None = None
    prefix: str = "comparison"

    unknown: ClassVar = "A study has no field {}"
    meant: ClassVar = ": did you mean {nearest}?"
    missing: ClassVar = "A study needs a {}."

    def __post_init__(self):
        super().__post_init__()
        check_prefix(self.prefix)
        if bool(self.runs) == bool(self.arms):
            raise TmnetError("A study needs either runs or arms.")
        runs = self.run_names()
        self._check_known("closer", self.closer, runs, "runs")
        compared = ("arms", list(self.arms)) if self.arms else ("runs", runs)
        if self.baseline is not None:
            self._check_known("baseline", [self.baseline], compared[1], compared[0])
        for statement in self.statements:
            self._check_known(f"The statement {statement.said!r}", statement.runs, runs, "runs")
        for field in ("names", "colours"):
            self._check_known(field, getattr(self, field), [*self.arms, *runs], "runs and arms")
        for group in (list(self.arms), runs):
            short = [self.short(name) for name in group]
            if twice := [
                name for name in short if short.count(name) > 1 and name in self.names.values()
            ]:
                raise TmnetError(
                    f"names calls two of {', '.join(group)} {twice[0]!r}; each needs its own."
                )

    @staticmethod
    def _check_known(field: str, named: Iterable[str], known: Sequence[str], what: str) -> None:
        for name in named:
            if name not in known:
                raise TmnetError(
                    f"{field} has {name!r}, which is none of its {what}: {', '.join(known)}."
                )

    def run_names(self) -> list[str]:
        """Of all its runs."""
        return list(self.runs) or [name for runs in self.arms.values() for name in runs]

    def short(self, name: str) -> str:
        """What a run, or an arm, is called on the page."""
        return self.names.get(name, name)

    @property
    def order(self) -> dict[str, str]:
        """Colours of all that it compares, by what they are called."""
        names = [*self.arms, *(self.runs or self.closer)]
        usual = run_colours(names)
        return {self.short(name): self.colours.get(name, usual[name]) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Its fields as plain values, without those that are as by default."""
        usual = Study(title="", question="", runs=["x"])
        return {
            name: value for name, value in dataclasses.asdict(self).items()
            if name in ("title", "question") or value != getattr(usual, name)
        }  # fmt: skip

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Study:
        """A study of plain values; TmnetError where one is wrong."""
        return build(Study, data)


def load_study(name: str | Path) -> Study:
    """A study that comes with tmnet (`data/studies`), or a YAML file.

    Raises
    ------
    TmnetError
        If there is no such study, or a field in it is wrong.
    """
    path = file_of(name, "study", "studies")
    try:
        fields = read_fields(path, "a study")
    except OSError as error:
        raise TmnetError(f"{path} cannot be read ({error.strerror or error}).") from None
    try:
        return Study.from_dict(fields)
    except TmnetError as error:
        raise TmnetError(f"{path}: {error}") from None
