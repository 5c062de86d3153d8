"""What a write-up is about: a question, its runs or arms, and the levels that matter."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from tmnet.errors import TmnetError
from tmnet.yaml_text import file_of, read_fields


@dataclass(frozen=True)
class Study:
    """What a write-up is about.

    Attributes
    ----------
    title, question : str
    runs : list of str
        Names of runs; in place of them `arms` may name arms, each with a list of runs.
    arms : dict of str to list of str
    baseline : str or None
        The run to which the others' values are compared.
    closer : list of str
        Runs that are looked at over the whole of their own common window, too.
    after : float or None
        A moment of that window, in minutes, after which going on is judged.
    thresholds : dict of str to float
        Values of metrics whose reaching is timed.
    interval, step_interval : float or None
        Of the two grids; by default as `fitting_interval` has them.
    prefix : str
        What names of figures begin with.
    """

    title: str
    question: str
    runs: list[str] = field(default_factory=list)
    arms: dict[str, list[str]] = field(default_factory=dict)
    baseline: str | None = None
    closer: list[str] = field(default_factory=list)
    after: float | None = None
    thresholds: dict[str, float] = field(default_factory=dict)
    interval: float | None = None
    step_interval: float | None = None
    prefix: str = "comparison"

    def names(self) -> list[str]:
        """Of all its runs."""
        return list(self.runs) or [name for some in self.arms.values() for name in some]

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Study:
        """A study of plain values; TmnetError where one is wrong."""
        known = {some.name: some for some in fields(Study)}
        for name, value in data.items():
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"it can have {', '.join(known)}."
                raise TmnetError(f"A study has no field {name!r}: {hint}")
            if problem := _wrong(name, value):
                raise TmnetError(f"{name} is {value!r}; it must be {problem}.")
        for name, some in known.items():
            if some.default is MISSING and some.default_factory is MISSING and name not in data:
                raise TmnetError(f"A study needs a {name}.")
        study = Study(**data)
        if bool(study.runs) == bool(study.arms):
            raise TmnetError("A study needs either runs or arms.")
        names = study.names()
        for what, some in (("closer", study.closer), ("baseline", [study.baseline])):
            for name in some:
                if name is not None and name not in names:
                    raise TmnetError(
                        f"{what} has {name!r}, which is none of its runs: {', '.join(names)}."
                    )
        return study


def _wrong(name: str, value: Any) -> str:
    """What a field of a study must be, if it is not."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    texts = isinstance(value, list) and all(isinstance(x, str) for x in value)
    if name in ("title", "question", "prefix") and not isinstance(value, str):
        return "a text"
    if name == "baseline" and not isinstance(value, (str, type(None))):
        return "the name of a run"
    if name in ("runs", "closer") and not texts:
        return "a list of names"
    if name in ("after", "interval", "step_interval") and value is not None and not number:
        return "a number"
    if name == "arms" and not (
        isinstance(value, dict)
        and all(isinstance(x, list) and x and all(isinstance(y, str) for y in [arm, *x])
                for arm, x in value.items())
    ):  # fmt: skip
        return "names of arms, each with a list of runs"
    if name == "thresholds" and not (
        isinstance(value, dict)
        and all(isinstance(x, str) for x in value)
        and all(type(x) in (int, float) and np.isfinite(x) for x in value.values())
    ):
        return "names of metrics, each with a value"
    return ""


def load_study(name: str | Path) -> Study:
    """A study that comes with tmnet (`data/studies`), or a YAML file.

    Raises
    ------
    TmnetError
        If there is no such study, or a field in it is wrong.
    """
    path = file_of(name, "study", "studies")
    fields = read_fields(path, "a study")
    try:
        return Study.from_dict(fields)
    except TmnetError as error:
        raise TmnetError(f"{path}: {error}") from None
