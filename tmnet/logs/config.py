"""What a training logged as text: its configuration, and what it ran on.

Any tool may have written it, and anything may stand in it. What comes out are plain values: dicts,
lists, texts, numbers, dates; no more of them than the texts are long, and no deeper in each other
than `MOST_LEVELS`. Which fields there are, and what is in them, nobody promises: see `section`.
"""

from __future__ import annotations

import functools
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tmnet.arguments import finite
from tmnet.errors import TmnetError
from tmnet.logs.cache import EventFile
from tmnet.logs.records import FRAME, HEADER
from tmnet.yaml_text import MOST_LEVELS, c_loader, check_extent

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

# Texts under other tags (summaries, samples) are not configuration.
_IS_CONFIG = re.compile(r"config|hyper|hparam|param|args", re.IGNORECASE)
_IS_ABOUT = re.compile(r"^about(/|$)")
_HALF = re.compile(r"\\(?=u[dD][89a-fA-F])")  # of a surrogate pair, or one of its two
MOST_BYTES = 1_000_000  # of all these texts of a run
MOST_DIGITS = 300  # of a whole number: what has more is a text


class Told(NamedTuple):
    """What a run logged as text.

    Attributes
    ----------
    config : dict
        Its configuration, nested; {} if none was logged.
    about : dict
        Its machine and versions, under the tag ``about``; {} if nothing was.
    notes : list of str
        What was left out, and why.
    """

    config: dict
    about: dict[str, Any]
    notes: list[str]


def read_texts(files: Sequence[EventFile]) -> Told:
    """What a run logged as text; what was logged last counts.

    Hyperparameters (``add_hparams``), and texts under a tag that says so (``config`` …): YAML or
    JSON, in a code fence or not, or a Markdown table of two columns.
    """
    told = Told({}, {}, [])
    for text in _texts(files, told.notes):
        if text.tag is None:
            told.config.update(_hyperparameters(text.content))
            continue
        words, values = text.content.decode("utf-8", "replace"), {}
        try:
            values = _parse_text(words)
        except TmnetError as error:
            told.notes.append(f"The text {text.tag} in {text.path} is left out: {error}.")
        if _IS_CONFIG.search(text.tag):
            told.config.update(values)
        if _IS_ABOUT.search(text.tag):
            values = {str(name): value for name, value in values.items()}
            told.about.update(values or {text.tag: words.strip()})
    return told


def section(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A part of a configuration, such as ``training``; {} where it has none, or something else."""
    part = config.get(name)
    return part if isinstance(part, dict) else {}


def positive(value: object) -> float | None:
    """A number of a configuration that should be more than 0; None where it is anything else."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return value if value > 0 and finite(value) else None


# --- records --------------------------------------------------------------------------------------


class _Text(NamedTuple):
    """What one record holds; hyperparameters have no tag."""

    path: Path
    tag: str | None
    content: bytes


def _texts(files: Sequence[EventFile], notes: list[str]) -> list[_Text]:
    """Texts and hyperparameters: of each file the latter first, then texts by step, and as written.

    Of more than anybody reads the last count. A list or table of texts is left out.
    """
    kept: deque[tuple[tuple[int, bool, int], _Text]] = deque()
    size = dropped = 0
    for number, file in enumerate(files):
        for event in _events(file, notes):
            for value in event.summary.value:
                if (text := _text(file.path, value)) is None:
                    continue
                kept.append(((number, text.tag is not None, event.step), text))
                size += len(text.content)
                while size > MOST_BYTES:
                    size -= len(kept.popleft()[1].content)
                    dropped += 1
    if dropped:
        notes.append(
            f"Of {dropped + len(kept)} texts with configuration in {files[0].path.parent} the "
            f"first {dropped} are left out: together they have more than {MOST_BYTES:,} bytes."
        )
    return [text for _, text in sorted(kept, key=lambda pair: pair[0])]


def _events(file: EventFile, notes: list[str]) -> Iterator[Event]:
    """The records with text or hyperparameters, whose places are known."""
    if not file.events.texts:
        return
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    try:
        with open(file.path, "rb") as whole:
            for offset, size in file.events.texts:
                whole.seek(offset + HEADER)
                yield Event.FromString(whole.read(size - FRAME))
    except (OSError, DecodeError) as error:  # it was deleted since, or written anew
        reason = getattr(error, "strerror", None) or "it has changed"
        notes.append(f"The configuration in {file.path} cannot be read ({reason}).")


def _text(path: Path, value) -> _Text | None:
    plugin = value.metadata.plugin_data
    if plugin.plugin_name == "hparams":
        return _Text(path, None, plugin.content)
    tag = value.tag.removesuffix("/text_summary")  # torch and tensorboardX end the tag so
    is_text = plugin.plugin_name == "text" and len(value.tensor.string_val) == 1
    if not is_text or not (_IS_CONFIG.search(tag) or _IS_ABOUT.search(tag)):
        return None
    return _Text(path, tag, value.tensor.string_val[0])


def _hyperparameters(content: bytes) -> dict:
    """What ``add_hparams`` logged, as its plugin has it."""
    from google.protobuf.message import DecodeError
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    try:
        logged = HParamsPluginData.FromString(content).session_start_info.hparams
    except DecodeError:
        return {}
    kinds = {name: held.WhichOneof("kind") for name, held in logged.items()}
    simple = ("number_value", "string_value", "bool_value")
    return {name: getattr(logged[name], kind) for name, kind in kinds.items() if kind in simple}


# --- texts ----------------------------------------------------------------------------------------


def _parse_text(text: str) -> dict:
    """The mapping that a text holds; {} if it holds none, TmnetError if nobody can hold it."""
    import yaml

    if fenced := re.search(r"```\w*\n(.*?)```", text, re.DOTALL):
        text = fenced[1]
    lines = [line.strip().strip("|") for line in text.split("\n") if line.strip()]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    if len(rows) > 2 and all(len(row) == 2 for row in rows):
        return {name: _parse_value(value) for name, value in rows[2:]}
    try:
        config = _parse(text)
    except yaml.constructor.ConstructorError as error:
        raise TmnetError(f"{error.problem} (line {error.problem_mark.line + 1})") from None
    except TmnetError:
        raise
    except (ValueError, yaml.YAMLError):
        return {}
    return config if isinstance(config, dict) else {}


def _parse_value(text: str) -> object:
    """What a text holds; the text itself if that is neither JSON nor YAML."""
    import yaml

    try:
        return _parse(text)
    except TmnetError:
        raise
    except (ValueError, yaml.YAMLError):
        return text


def _parse(text: str) -> object:
    """JSON, or YAML, which would take 1e-05 for text."""
    import yaml

    too_deep = TmnetError(f"it is nested more than {MOST_LEVELS} levels deep")
    try:
        value = json.loads(text, parse_int=_whole)
    except RecursionError:
        raise too_deep from None
    except ValueError:
        text = _HALF.sub(r"\\\\", text)  # which YAML has not; as `_whole_texts`
        check_extent(text)
        return yaml.load(text, _loader())
    if _levels(value) > MOST_LEVELS:
        raise too_deep
    return _whole_texts(value) if _HALF.search(text) else value


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= MOST_DIGITS else digits


def _whole_texts(value: Any) -> Any:
    """A value in which halves of surrogate pairs, which JSON may have, are written as there."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_whole_texts(name): _whole_texts(x) for name, x in value.items()}
    return [_whole_texts(x) for x in value] if isinstance(value, list) else value


def _levels(value: object) -> int:
    """How deep lists and dicts are in each other."""
    level, deep = [value], 0
    while level := [x for x in level if isinstance(x, (dict, list))]:
        level = [y for x in level for y in (x.values() if isinstance(x, dict) else x)]
        deep += 1
    return deep


@functools.cache
def _loader() -> type:
    """PyYAML's safe one, but for values that it refuses: a text in place of a number or a date that
    is none, and what is in it in place of an object of a tool's own."""
    import yaml

    class Loader(c_loader()):  # type: ignore[misc]
        pass

    def plain(loader, node):
        if isinstance(node, yaml.ScalarNode):
            return node.value
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_mapping(node, deep=True)

    def scalar(construct):
        def constructed(loader, node):
            if len(node.value) > MOST_DIGITS:
                return node.value
            try:
                return construct(loader, node)
            except (ValueError, OverflowError):
                return node.value

        return constructed

    for kind in ("int", "float", "timestamp"):
        tag = f"tag:yaml.org,2002:{kind}"
        Loader.add_constructor(tag, scalar(yaml.SafeLoader.yaml_constructors[tag]))
    for kind in ("set", "omap", "pairs", "binary"):
        Loader.add_constructor(f"tag:yaml.org,2002:{kind}", plain)
    Loader.add_constructor(None, plain)
    return Loader
