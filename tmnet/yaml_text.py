"""YAML as the project reads and writes it: safe, and with 1e-4 as a number."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tmnet.arguments import a_path
from tmnet.errors import TmnetError
from tmnet.files import data_path

MOST_LEVELS = 100  # of lists and mappings in each other
LONGEST = 300  # letters of the sections in a dotted name
MORE_VALUES = 1000  # that aliases may add to those that a text could hold without them


def to_yaml(data: Mapping[str, Any]) -> str:
    """A nested dict as YAML, in its own order."""
    import yaml

    _, dumper = _dialect()
    return yaml.dump(dict(data), Dumper=dumper, sort_keys=False, default_flow_style=None, width=100)


def from_yaml(text: str) -> Any:
    """What a YAML text holds; unlike for PyYAML, 1e-4 is a number, and yes and dates are texts.

    Raises
    ------
    TmnetError
        If it is not YAML, or too much of it: see `check_extent`.
    """
    import yaml

    loader, _ = _dialect()
    try:
        check_extent(text)
        return yaml.load(text, loader)
    except TmnetError as error:
        raise TmnetError(f"this YAML is too much: {error}.") from None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split()).rstrip(".")
        raise TmnetError(f"this is not YAML{where}: {problem}.") from None


def check_extent(text: str) -> None:
    """Look at a YAML text before anything is made of it: aliases may make little text a lot.

    Raises
    ------
    TmnetError
        If it is nested too deep, contains itself, or stands for more than its length could hold.
    yaml.YAMLError, ValueError
        If it is no YAML.
    """
    import yaml

    most = len(text) + MORE_VALUES
    count = 0  # of values, aliases counted as what they stand for
    sizes: dict[str | None, int] = {}  # of what has a name for aliases
    open_: list[tuple[str | None, int]] = []
    for event in yaml.parse(text, c_loader()):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.CollectionEndEvent):
            name, before = open_.pop()
            sizes[name] = count - before
        elif isinstance(event, yaml.AliasEvent):
            if any(event.anchor == name for name, _ in open_):
                raise TmnetError(f"what is called {event.anchor} contains itself (line {line})")
            count += sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.NodeEvent):
            sizes[event.anchor], count = 1, count + 1
            if isinstance(event, yaml.CollectionStartEvent):
                open_.append((event.anchor, count - 1))
        if len(open_) > MOST_LEVELS:
            raise TmnetError(f"it is nested more than {MOST_LEVELS} levels deep (line {line})")
        if count > most:
            raise TmnetError(f"its aliases stand for more than {most:,} values (line {line})")


def c_loader() -> type:
    """PyYAML's safe loader, ten times as fast where it is built with libyaml."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_fields(path: Path, what: str) -> dict[str, Any]:
    """The fields of `what` from a YAML file, such as "a study".

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    TmnetError
        With the path, if it holds no fields.
    """
    try:
        data = from_yaml(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise TmnetError(f"it holds no fields; {what} is `name: value` lines.")
    except UnicodeDecodeError:
        raise TmnetError(f"{path}: it is not a text in UTF-8.") from None
    except TmnetError as error:
        raise TmnetError(f"{path}: {error}") from None
    return data


def file_of(name: str | Path, what: str, folder: str) -> Path:
    """The YAML file that a name means: a path, or one of tmnet's own in a folder of its data.

    Raises
    ------
    TmnetError
        If there is no such name.
    """
    path = a_path("name", name)
    if path.suffix.lower() in (".yaml", ".yml"):
        return path
    if str(name) not in (known := names_in(folder)):
        near = sorted(difflib.get_close_matches(str(name), known, 3, 0.5)) or known
        there = f"there {'is' if len(near) == 1 else 'are'} {', '.join(near)}"
        raise TmnetError(
            f"There is no {what} {str(name)!r}; {there}; or give the path of a .yaml file."
        )
    return data_path(folder, f"{name}.yaml")


@cache
def names_in(folder: str) -> tuple[str, ...]:
    """Names of tmnet's own YAML files in a folder of its data."""
    return tuple(sorted(path.stem for path in data_path(folder).glob("*.yaml")))


@cache
def _dialect() -> tuple[type, type]:
    """Safe classes to read and write YAML with."""
    import yaml

    number = re.compile(r"[-+]?(\d[\d_]*)(\.[\d_]*)?[eE][-+]?\d+\Z")
    truth = re.compile(r"(true|True|TRUE|false|False|FALSE)\Z")
    left_out = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")

    class Loader(yaml.SafeLoader):
        pass

    class Dumper(yaml.SafeDumper):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in forms if tag not in left_out]
        for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", truth, list("tTfF"))
    for dialect in (Loader, Dumper):
        dialect.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+0123456789"))
    return Loader, Dumper


def dotted(config: dict, prefix: str = "") -> dict[str, object]:
    """A nested dict with dotted names, of which only so much is kept as anybody reads."""
    flat: dict[str, object] = {}
    prefix = prefix[-LONGEST:]
    for name, value in config.items():
        if isinstance(value, dict):
            flat |= dotted(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
