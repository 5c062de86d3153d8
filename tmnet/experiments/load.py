"""Experiments from YAML files: those that come with tmnet, and the user's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tmnet.errors import TmnetError
from tmnet.experiments.config import NAME, Experiment
from tmnet.files import data_path
from tmnet.yaml_text import file_of, names_in, read_fields


def load_experiment(name: str | Path) -> Experiment:
    """Load an experiment.

    Parameters
    ----------
    name : str or Path
        One that comes with tmnet (`data/experiments`), or a YAML file. A `base` in it names another
        one whose fields count where the file has none.

    Raises
    ------
    TmnetError
        If there is no such experiment, or a field in it is wrong.
    """
    path = file_of(name, "experiment", "experiments")
    fields = _read(path)
    try:
        return Experiment.from_dict({"name": path.stem} | _on_base(fields, (path,)))
    except TmnetError as error:
        raise TmnetError(f"{path}: {error}") from None


def experiment_names() -> tuple[str, ...]:
    """Names of the experiments that come with tmnet."""
    return names_in("experiments")


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_fields(path, "an experiment")
    except OSError as error:
        raise TmnetError(f"{path}: it cannot be read ({error.strerror or error}).") from None


def _on_base(fields: dict[str, Any], files: tuple[Path, ...]) -> dict[str, Any]:
    """The fields of the first file on top of those of its base; it is itself the others' base."""
    if "base" not in fields:
        return fields
    base = str(fields.pop("base"))
    path = files[0].parent / f"{base}.yaml"
    if not path.is_file() and base in experiment_names():
        path = data_path("experiments", f"{base}.yaml")
    if not re.fullmatch(NAME, base) or not path.is_file() or path in files:
        raise TmnetError(
            f"its base is {base!r}; it must be another experiment, beside it or of tmnet."
        )
    return _merged(_on_base(_read(path), (path, *files)), fields)


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested dicts, the upper one's entries first."""
    merged = dict(below)
    for name, value in above.items():
        both = isinstance(value, Mapping) and isinstance(below.get(name), dict)
        merged[name] = _merged(below[name], value) if both else value
    return merged
