"""Experiments from YAML files: those that come with tmnet, and the user's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tmnet.errors import TmnetError
from tmnet.experiments.config import NAME, Experiment
from tmnet.experiments.fields import nearest
from tmnet.files import data_path
from tmnet.yaml_text import from_yaml


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
    path = Path(name)
    if path.suffix.lower() in (".yaml", ".yml"):
        return _from_file(path)
    if str(name) not in experiment_names():
        raise TmnetError(
            f"There is no experiment {str(name)!r}{nearest(str(name), experiment_names())}; or "
            "give the path of a .yaml file."
        )
    return _from_file(data_path("experiments", f"{name}.yaml"))


@cache
def experiment_names() -> tuple[str, ...]:
    """Names of the experiments that come with tmnet."""
    return tuple(sorted(path.stem for path in data_path("experiments").glob("*.yaml")))


# --- reading ------------------------------------------------------------------------------------


def _from_file(path: Path) -> Experiment:
    try:
        return Experiment.from_dict({"name": path.stem} | _layers(path, ()))
    except TmnetError as error:
        raise TmnetError(f"{path}: {error}") from None


def _layers(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The fields of a file on top of those of its base."""
    try:
        data = from_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TmnetError(f"it cannot be read ({error.strerror or error}).") from None
    except UnicodeDecodeError:
        raise TmnetError("it is not a text in UTF-8.") from None
    if not isinstance(data, dict):
        raise TmnetError("it holds no fields; an experiment is `name: value` lines.")
    if "base" not in data:
        return data
    base = str(data.pop("base"))
    beside = path.parent / f"{base}.yaml"
    if not beside.is_file() and base in experiment_names():
        beside = data_path("experiments", f"{base}.yaml")
    if not re.fullmatch(NAME, base) or not beside.is_file() or beside in (path, *above):
        raise TmnetError(
            f"its base is {base!r}; it must be another experiment, beside it or of tmnet."
        )
    return _merged(_layers(beside, (path, *above)), data)


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested dicts, the upper one's entries first."""
    merged = dict(below)
    for name, value in above.items():
        both = isinstance(value, Mapping) and isinstance(below.get(name), dict)
        merged[name] = _merged(below[name], value) if both else value
    return merged
