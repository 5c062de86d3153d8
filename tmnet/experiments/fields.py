"""Sections of a configuration: dataclasses that check their fields when they are made."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any, Literal

from tmnet.errors import TmnetError

Schedule = tuple[tuple[float | str, ...], ...]


def knob(default: Any, least: float | None = None, most: float | None = None, **more: Any) -> Any:
    """A field, and what is allowed in it: `least` .. `most`, `even`, or `points` of a schedule."""
    return dataclasses.field(default=default, metadata={"least": least, "most": most, **more})


def schedule(columns: list[tuple], *points: tuple) -> Any:
    """A schedule: points of frames played and values, of which name, type, and range are given."""
    return knob(points, points=columns)


class Section:
    """A part of an experiment that checks its fields when it is made.

    Raises
    ------
    TmnetError
        With the field, its value, and what is allowed.
    """

    def __post_init__(self):
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            try:
                _check(value, hints[field.name], field.metadata)
            except TmnetError as error:
                raise TmnetError(f"{field.name} is {value!r}; {error}") from None


def _check(value: Any, kind: Any, allowed: Mapping[str, Any]) -> None:
    """TmnetError with what is allowed, if the value is not."""
    if columns := allowed.get("points"):
        return _check_points(value, columns)
    origin, choices = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:  # X | None
        if value is None:
            return None
        kind, origin = choices[0], None
    if origin is Literal:
        if value not in choices:
            raise TmnetError(f"it must be {' or '.join(map(repr, choices))}.")
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int and not (number and isinstance(value, int)):
        raise TmnetError("it must be a whole number.")
    if kind is float and not (number and abs(value) < 1e300):
        raise TmnetError("it must be a number.")
    if kind is bool and not isinstance(value, bool):
        raise TmnetError("it must be true or false.")
    if kind is str and not isinstance(value, str):
        raise TmnetError("it must be a text.")
    if origin is tuple and not (
        isinstance(value, tuple) and all(isinstance(x, choices[0]) for x in value)
    ):
        raise TmnetError("it must be a list of entries with map, kind and races.")
    if isinstance(kind, type) and issubclass(kind, Section) and not isinstance(value, kind):
        raise TmnetError(f"it must be a {kind.__name__}.")
    least, most = allowed.get("least"), allowed.get("most")
    if least is not None and value < least:
        raise TmnetError(f"it must be at least {least:g}.")
    if most is not None and value > most:
        raise TmnetError(f"it must be at most {most:g}.")
    if allowed.get("even") and value % 2:
        raise TmnetError(f"it must be even, since {allowed['even']}.")
    return None


def _check_points(points: Any, columns: tuple) -> None:
    """Points of a schedule: frames, from 0 on and ascending, and a value for each column."""
    names = ["frames", *(name for name, *_ in columns)]
    form = f"it must be a list of points [{', '.join(names)}]"
    if not isinstance(points, tuple) or not points:
        raise TmnetError(f"{form}.")
    for point in points:
        if not isinstance(point, tuple) or len(point) != len(names):
            raise TmnetError(f"{form}; one is {point!r}.")
        for value, (name, kind, *allowed) in zip(point, (("frames", float, 0, None), *columns)):
            try:
                _check(value, kind, dict(zip(("least", "most"), allowed)))
            except TmnetError as error:
                raise TmnetError(f"{name} in the point {point!r} is wrong: {error}") from None
    frames = [point[0] for point in points]
    if frames[0] != 0 or any(later <= earlier for earlier, later in pairwise(frames)):
        raise TmnetError("the frames of its points must begin with 0, and rise.")


def build(cls: type, data: Any, where: str) -> Any:
    """An instance of a section from a dict, with those in it."""
    if not isinstance(data, Mapping):
        what = where.rstrip(".") or "The experiment"
        raise TmnetError(f"{what} is {data!r}; it takes fields of its own.")
    hints = typing.get_type_hints(cls)
    for name in data:
        if name not in hints:
            raise TmnetError(
                f"There is no field {where + str(name)!r}{nearest(str(name), hints, where)}."
            )
    values = {}
    for name, value in data.items():
        kind = hints[name]
        if isinstance(kind, type) and issubclass(kind, Section):
            value = build(kind, value, f"{where}{name}.")
        elif (entry := _entry_of(kind)) and isinstance(value, (list, tuple)):
            value = tuple(build(entry, x, f"{where}{name}.") for x in value)
        elif isinstance(value, list):
            value = tuple(tuple(x) if isinstance(x, list) else x for x in value)
        values[name] = value
    try:
        return cls(**values)
    except TmnetError as error:
        raise TmnetError(f"{where}{error}") from None
    except TypeError:  # without the one field that has no default
        raise TmnetError("The experiment has no name.") from None


def _entry_of(kind: Any) -> type[Section] | None:
    """The section of which a field holds a list."""
    first = typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else None
    return first if isinstance(first, type) and issubclass(first, Section) else None


def nearest(name: str, names: Sequence[str] | Mapping[str, Any], where: str = "") -> str:
    near = [some for some in names if some.endswith(f".{name}")]  # without its section
    near = near or difflib.get_close_matches(name, list(names), 3, 0.5)
    if not near:  # those of its section, or all sections
        inside = [some for some in names if some.startswith(name.rpartition(".")[0] + ".")]
        near = inside or list(dict.fromkeys(some.partition(".")[0] for some in names))
    return f"; there is {', '.join(where + some for some in near)}"


def dotted_names(data: Mapping[str, Any], where: str = "") -> list[str]:
    """Names of all fields of a nested dict."""
    names = []
    for name, value in data.items():
        names += (
            dotted_names(value, f"{where}{name}.") if isinstance(value, dict) else [where + name]
        )
    return names


def plain(value: Any) -> Any:
    """Tuples as lists: YAML knows no others."""
    if isinstance(value, dict):
        return {name: plain(x) for name, x in value.items()}
    return [plain(x) for x in value] if isinstance(value, (list, tuple)) else value


def differences(one: Any, other: Any, free: set[str] = frozenset()) -> str:
    """Names of the fields in which two sections differ."""
    names = []
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name in free or a == b:
            continue
        inner = hasattr(a, "__dataclass_fields__")
        names += [f"{field.name}.{differences(a, b)}" if inner else field.name]
    return ", ".join(names)
