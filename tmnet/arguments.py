"""What arguments must be: checked where they come in, and refused in one sentence.

What means the same is taken: NumPy's numbers for Python's, any sequence for a list, a path for a
text that names one. A check costs less than a microsecond, and none is made in a loop.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable, Collection, Mapping
from numbers import Integral, Number, Real
from pathlib import Path, PurePath
from typing import Any, TypeVar

from tmnet.errors import TmnetError

T = TypeVar("T")

FORMS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_PLAIN = (Number, str, bytes, PurePath, list, tuple, dict, set, frozenset, type(None))


def wrong(name: str, value: Any, form: str) -> TmnetError:
    """The error about an argument that is not what it must be."""
    return TmnetError(f"{name} is {shown(value)}; it must be {form}.")


def shown(value: Any) -> str:
    """A value in a sentence: as Python writes it, shortened, or what kind of thing it is."""
    kind = type(value).__name__
    if isinstance(value, _PLAIN):
        try:
            return " ".join(_short.repr(value).split())
        except Exception:  # a number of thousands of digits, or what is in a list can fail
            pass
    return f"a{'n' * (kind[:1].lower() in 'aeiou')} {kind}"


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 120


def python_number(value: Any) -> Any:
    """A number of NumPy's, or of torch's, as Python's; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def finite(number: Any) -> bool:
    """Whether a number is one to reckon with: nan and infinity are not, nor is a whole 10**400."""
    return abs(number) < 1e300


# --- numbers --------------------------------------------------------------------------------------


def a_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
) -> float:
    """A finite number, as a float: greater than `above`, from `least` on, up to `most`."""
    return float(_number(name, value, Real, FORMS[float], above, least, most))


def a_whole_number(
    name: str, value: Any, *, least: int | None = None, most: int | None = None
) -> int:
    """A whole number, from `least` on, up to `most`."""
    return int(_number(name, value, Integral, FORMS[int], None, least, most))


def a_pair(name: str, value: Any) -> tuple[float, float]:
    """Two numbers."""
    form = "two numbers, from and to"
    ends = several(name, value, object, form)
    if len(ends) != 2:
        raise wrong(name, value, form)
    return a_number(f"an end of {name}", ends[0]), a_number(f"an end of {name}", ends[1])


def _number(name, value, kind, form, above, least, most):
    given = python_number(value)
    right = isinstance(given, kind) and not isinstance(given, bool) and finite(given)
    if (
        not right
        or (above is not None and given <= above)
        or (least is not None and given < least)
        or (most is not None and given > most)
    ):
        if above is not None:
            form += f" greater than {above:g}"
        if least is not None:
            form += f" from {least:,g} {'on' if most is None else 'to'}"
        if most is not None:
            form += f"{' up to' * (least is None)} {most:,g}"
        raise wrong(name, value, form)
    return given


# --- texts and others -----------------------------------------------------------------------------


def a_flag(name: str, value: Any) -> bool:
    """True or false."""
    given = python_number(value)
    if not isinstance(given, bool):
        raise wrong(name, value, FORMS[bool])
    return given


def a_text(name: str, value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise wrong(name, value, FORMS[str])
    return value


def one_of(name: str, value: Any, options: Collection[str]) -> str:
    """One of some texts."""
    if not isinstance(value, str) or value not in options:
        raise wrong(name, value, " or ".join(map(repr, options)))
    return value


def a_path(name: str, value: Any) -> Path:
    """A path, or a text that names one."""
    if not isinstance(value, (str, os.PathLike)):
        raise wrong(name, value, "a path")
    return Path(value)


def of_kind(name: str, value: Any, kind: type[T], form: str = "") -> T:
    """An object of a kind."""
    if not isinstance(value, kind):
        raise wrong(name, value, form or f"a {kind.__name__}")
    return value


def a_function(name: str, value: Any) -> Callable:
    """Something to be called."""
    if not callable(value):
        raise wrong(name, value, "a function")
    return value


# --- several --------------------------------------------------------------------------------------


def several(name: str, value: Any, kind: type[T], form: str) -> list[T]:
    """Several objects of a kind, in an order: any sequence of them, but no text."""
    try:
        is_none = isinstance(value, (str, bytes, Mapping, set, frozenset))
        items = None if is_none or getattr(value, "ndim", 1) != 1 else list(value)
    except TypeError:
        items = None
    if items is None:
        raise wrong(name, value, form)
    for item in items:
        if not isinstance(item, kind):
            raise TmnetError(f"{name} has {shown(item)} in it; it must be {form}.")
    return items


def some_names(name: str, value: Any) -> list[str]:
    """Several texts; one alone means itself."""
    return [value] if isinstance(value, str) else several(name, value, str, "a list of names")


def a_mapping(name: str, value: Any, form: str = "a dict") -> dict[str, Any]:
    """A mapping from texts."""
    if not isinstance(value, Mapping):
        raise wrong(name, value, form)
    for key in value:
        if not isinstance(key, str):
            raise TmnetError(f"{name} has the key {shown(key)}; its keys must be texts.")
    return dict(value)
