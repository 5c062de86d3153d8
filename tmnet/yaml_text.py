"""YAML as the project reads and writes it: safe, and with 1e-4 as a number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from tmnet.errors import TmnetError


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
        If it is not YAML.
    """
    import yaml

    loader, _ = _dialect()
    try:
        return yaml.load(text, loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split()).rstrip(".")
        raise TmnetError(f"this is not YAML{where}: {problem}.") from None


@cache
def _dialect() -> tuple[type, type]:
    """Safe classes to read and write YAML with."""
    import yaml

    number = re.compile(r"[-+]?(\d[\d_]*)(\.[\d_]*)?[eE][-+]?\d+\Z")
    truth = re.compile(r"(true|True|TRUE|false|False|FALSE)\Z")
    left_out = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: ClassVar = {
            first: [(tag, form) for tag, form in forms if tag not in left_out]
            for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    class Dumper(yaml.SafeDumper):
        pass

    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", truth, list("tTfF"))
    for some in (Loader, Dumper):
        some.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+0123456789"))
    return Loader, Dumper


def dotted(config: dict, prefix: str = "") -> dict[str, object]:
    """A nested dict with dotted names."""
    flat = {}
    for name, value in config.items():
        if isinstance(value, dict):
            flat |= dotted(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
