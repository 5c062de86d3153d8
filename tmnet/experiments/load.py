"""Experiments from YAML files, and into them: those that come with tmnet, and the user's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from tmnet.arguments import a_flag, a_path, of_kind
from tmnet.errors import TmnetError
from tmnet.experiments.config import NAME, Experiment
from tmnet.experiments.fields import changed
from tmnet.files import EXPERIMENTS, data_path, file_name, make_directory, write_output
from tmnet.yaml_text import file_of, names_in, read_fields, to_yaml


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
        layers = [fields, *(fields for _, fields in _bases(path, fields))]
        merged = reduce(_merged, reversed(layers))
        return Experiment.from_dict({"name": path.stem} | merged)
    except TmnetError as error:
        raise TmnetError(f"{path}: {error}") from None


def experiment_names() -> tuple[str, ...]:
    """Names of the experiments that come with tmnet."""
    return names_in("experiments")


def own_experiments(folder: str | Path = EXPERIMENTS) -> list[Path]:
    """The files of the user's own experiments, by name."""
    return sorted(a_path("folder", folder).glob("*.yaml"))


def save_experiment(
    experiment: Experiment,
    base: str | Path,
    folder: str | Path = EXPERIMENTS,
    *,
    overwrite: bool = False,
) -> Path:
    """Write an experiment into a file of its name: a base, and what differs from that.

    Parameters
    ----------
    experiment : Experiment
    base : str or Path
        An experiment that comes with tmnet, or a file in the same folder.
    folder : str or Path
    overwrite : bool
        Replace a file that is there.

    Returns
    -------
    Path
        `load_experiment` reads from it what was written.

    Raises
    ------
    TmnetError
        If the name is that of no file, of an experiment that comes with tmnet, or of a file that is
        there; or it cannot be written.
    """
    of_kind("experiment", experiment, Experiment)
    a_flag("overwrite", overwrite)
    path = a_path("folder", folder) / f"{experiment.name}.yaml"
    if file_name(experiment.name) != experiment.name:
        raise TmnetError(f"{experiment.name!r} is no file name on every system; try another.")
    if experiment.name in experiment_names():
        raise TmnetError(f"{experiment.name} comes with tmnet; give this experiment another name.")
    if path.exists() and not overwrite:
        raise TmnetError(f"There is {path} already; replace it, or give another name.")
    below, of_base = load_experiment(base), file_of(base, "experiment", "experiments")
    try:
        layers = _bases(path, {"base": of_base.stem})
    except TmnetError as error:  # it builds on what would be replaced
        raise TmnetError(f"{path} cannot be written: {error}") from None
    if not layers[0][0].samefile(of_base):
        raise TmnetError(f"The base {base} must lie beside {path}, or come with tmnet.")
    fields = {"base": of_base.stem} | changed(experiment.to_dict(), below.to_dict())
    if not any("name" in of_layer for _, of_layer in layers):
        del fields["name"]  # it is that of the file
    make_directory(path.parent)
    write_output(path, lambda file: file.write(to_yaml(fields).encode()))
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_fields(path, "an experiment")
    except OSError as error:
        raise TmnetError(f"{path}: it cannot be read ({error.strerror or error}).") from None


def _bases(path: Path, fields: dict[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    """File and fields of what a file with these fields builds on: its base, the base of that …"""
    found, before = [], [path]
    while "base" in fields:
        name = str(fields.pop("base"))
        base = before[-1].parent / f"{name}.yaml"
        if not base.is_file() and name in experiment_names():
            base = data_path("experiments", f"{name}.yaml")
        if not re.fullmatch(NAME, name) or not base.is_file() or base in before:
            raise TmnetError(
                f"its base is {name!r}; it must be another experiment, beside it or of tmnet."
            )
        fields = _read(base)
        found.append((base, fields))
        before.append(base)
    return found


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested dicts, the upper one's entries first."""
    merged = dict(below)
    for name, value in above.items():
        both = isinstance(value, Mapping) and isinstance(below.get(name), dict)
        merged[name] = _merged(below[name], value) if both else value
    return merged
