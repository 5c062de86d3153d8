"""Sections: dataclasses that check their fields when they are made; experiments are, and studies.

Pydantic's dataclasses would take more lines, since their errors would have to be made into our
sentences, and 0.1 s of every command. They would also make floats of whole numbers, which changes
what files of experiments and checkpoints hold.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import types
import typing
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal, TypeVar

from tmnet.arguments import FORMS, finite, shown
from tmnet.errors import TmnetError

Schedule = tuple[tuple[Any, ...], ...]  # points of frames played, and the values from there on
Built = TypeVar("Built", bound="Section")


def knob(default: Any, least: float | None = None, most: float | None = None, **more: Any) -> Any:
    """A field, and what is allowed in it.

    `least` .. `most`; only `even` numbers, for the reason given; `points` of a schedule; what else
    `holds` of a value, as a function. `form` is what the field must be, in words. The default of a
    field that is empty at first is `list` or `dict`.
    """
    made: dict[str, Any] = (
        {"default_factory": default} if isinstance(default, type) else {"default": default}
    )
    return dataclasses.field(**made, metadata={"least": least, "most": most, **more})


def schedule(columns: list[tuple], *points: tuple) -> Any:
    """A schedule: points of frames played and values, of which name, type, and range are given."""
    return knob(points, points=columns)


@dataclass(frozen=True)
class Section:
    """Fields that are checked when they are set.

    Raises
    ------
    TmnetError
        With the field, its value, and what is allowed.
    """

    # What is said of names; a study says it in words of its own.
    unknown: ClassVar = "There is no field {}"
    meant: ClassVar = "; there is {near}."
    missing: ClassVar = "The experiment has no {}."

    def __post_init__(self):
        for name, (kind, allowed) in _fields(type(self)).items():
            given = getattr(self, name)
            value = _held(given, kind)
            if right := _right(value, kind, allowed):
                raise TmnetError(f"{name} is {shown(given)}; {right}.")
            object.__setattr__(self, name, value)

    @classmethod
    def no_field(cls, name: str, names: Collection[str], where: str = "") -> TmnetError:
        """The error about a name that is none of these: it tells the nearest, or all."""
        error = cls.unknown.format(repr(where + name))
        near = [x for x in names if x.endswith(f".{name}")]  # without its section
        if near := near or difflib.get_close_matches(name, names, 3, 0.5):
            near = [where + x for x in near]
            return TmnetError(error + cls.meant.format(nearest=near[0], near=", ".join(near)))
        inside = [x for x in names if x.startswith(f"{name.rpartition('.')[0]}.")]
        there = inside or dict.fromkeys(x.partition(".")[0] for x in names)  # all sections
        return TmnetError(f"{error}; there is {', '.join(where + x for x in there)}.")


def _fields(cls: type[Section]) -> dict[str, tuple[Any, Mapping[str, Any]]]:
    """Kind of each field of a section, and what else is allowed in it."""
    hints = typing.get_type_hints(cls)
    return {field.name: (hints[field.name], field.metadata) for field in dataclasses.fields(cls)}


def _held(value: Any, kind: Any) -> Any:
    """A value as its field holds it, where another one means the same: Python's numbers for
    NumPy's, the list or the tuple that is meant, and the text of a path."""
    if hasattr(value, "ndim") and hasattr(value, "tolist"):
        value = value.tolist()
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (list, tuple) and isinstance(value, (list, tuple)):
        return origin(_held(x, inner[0]) for x in value)
    if origin is dict and isinstance(value, dict):
        return {name: _held(x, inner[1]) for name, x in value.items()}
    return os.fspath(value) if isinstance(value, os.PathLike) and _first(kind) is str else value


# --- checks ---------------------------------------------------------------------------------------


def _right(value: Any, kind: Any, allowed: Mapping[str, Any]) -> str:
    """What a value must be, if it is not."""
    if columns := allowed.get("points"):
        return _right_points(value, columns)
    holds = allowed.get("holds")
    if not _fits(value, kind) or (holds and not holds(value)):
        return f"it must be {allowed.get('form') or _form(kind)}"
    if not isinstance(value, (int, float)):
        return ""
    least, most, even = (allowed.get(name) for name in ("least", "most", "even"))
    # A number without limits may be infinite or nan: who uses it knows better what it should be.
    if least is not None and not finite(value):
        return f"it must be {FORMS[float]}" if isinstance(value, float) else "it is too large"
    if least is not None and value < least:
        return f"it must be at least {least:g}"
    if most is not None and value > most:
        return f"it must be at most {most:g}"
    return f"it must be even, since {even}" if even and value % 2 else ""


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a kind, and all that it holds."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin is types.UnionType:
        return any(_fits(value, one) for one in inner)
    if origin in (list, tuple):
        return isinstance(value, origin) and all(_fits(x, inner[0]) for x in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            _fits(x, one) for item in value.items() for x, one in zip(item, inner)
        )
    if isinstance(value, bool):  # which Python takes for whole numbers
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _form(kind: Any) -> str:
    """A kind in words."""
    if typing.get_origin(kind) is Literal:
        return " or ".join(map(repr, typing.get_args(kind)))
    kind = _first(kind)
    return FORMS.get(kind) or f"a {kind.__name__}"


def _first(kind: Any) -> Any:
    """The X of X | None, and of itself."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is types.UnionType else kind


def _right_points(points: Any, columns: list[tuple]) -> str:
    """What points of a schedule must be: frames, from 0 on and ascending, and other columns."""
    columns = [("frames", float, 0), *columns]
    form = f"it must be a list of points [{', '.join(name for name, *_ in columns)}]"
    if not isinstance(points, tuple) or not points:
        return form
    for point in points:
        if not isinstance(point, tuple) or len(point) != len(columns):
            return f"{form}; one is {shown(point)}"
        for value, (name, kind, *limits) in zip(point, columns):
            if right := _right(value, kind, dict(zip(("least", "most"), limits))):
                return f"{name} in the point {shown(point)} is wrong: {right}"
    frames = [point[0] for point in points]
    if frames[0] != 0 or any(later <= earlier for earlier, later in pairwise(frames)):
        return "the frames of its points must begin with 0, and rise"
    return ""


# --- from plain values ----------------------------------------------------------------------------


def build(cls: type[Built], data: Any, where: str = "") -> Built:
    """A section from a dict, with the sections in it; `where` is what its names begin with."""
    if not isinstance(data, Mapping):
        what = where.rstrip(".") or f"The {cls.__name__.lower()}"
        raise TmnetError(f"{what} is {shown(data)}; it takes fields of its own.")
    fields = _fields(cls)
    for name in data:
        if name not in fields:
            raise cls.no_field(name if isinstance(name, str) else shown(name), fields, where)
    values = {
        name: _built(value, fields[name][0], f"{where}{name}.") for name, value in data.items()
    }
    for field in dataclasses.fields(cls):
        if field.name not in data and field.default is field.default_factory is MISSING:
            raise TmnetError(cls.missing.format(field.name))
    try:
        return cls(**values)
    except TmnetError as error:
        raise TmnetError(f"{where}{error}") from None


def _built(value: Any, kind: Any, where: str) -> Any:
    """A value with sections in place of the dicts that tell them."""
    if isinstance(kind, type) and issubclass(kind, Section):
        return build(kind, value, where)
    if typing.get_origin(kind) is tuple and isinstance(value, (list, tuple)):
        return [_built(x, typing.get_args(kind)[0], where) for x in value]
    return value


# --- back, and compared ---------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Tuples as lists: YAML knows no others."""
    if isinstance(value, dict):
        return {name: plain(x) for name, x in value.items()}
    return [plain(x) for x in value] if isinstance(value, (list, tuple)) else value


def differences(one: Section, other: Section, free: Collection[str] = ()) -> str:
    """Names of the fields in which two sections differ."""
    names = []
    for name in _fields(type(one)):
        a, b = getattr(one, name), getattr(other, name)
        if name in free or a == b:
            continue
        inner = isinstance(a, Section)
        names += [f"{name}.{differences(a, b)}" if inner else name]
    return ", ".join(names)


def changed(one: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a nested dict that are others in a base, nested as they are."""
    found = {}
    for name, value in one.items():
        if isinstance(value, Mapping) and isinstance(base.get(name), Mapping):
            if inner := changed(value, base[name]):
                found[name] = inner
        elif name not in base or value != base[name]:
            found[name] = value
    return found
