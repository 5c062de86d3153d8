"""The configuration that a training logged: hyperparameters, or a text."""

from __future__ import annotations

import functools
import json
import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tmnet.logs.cache import EventFile
from tmnet.logs.records import FRAME, HEADER

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

# Texts under other tags (summaries, samples) are not configuration.
_IS_CONFIG = re.compile(r"config|hyper|hparam|param|args", re.IGNORECASE)
_IS_ABOUT = re.compile(r"^about(/|$)")


def read_config(files: Sequence[EventFile]) -> dict:
    """Configuration of a run as a nested dict; what was logged last counts. {} if none was.

    Hyperparameters (``add_hparams``), and texts under a tag that says so (``config`` …): YAML or
    JSON, in a code fence or not, or a Markdown table of two columns.
    """
    config: dict = {}
    for file in files:
        records = _records(file)
        config |= _hyperparameters(records)
        for tag, text in _texts(records):
            if _IS_CONFIG.search(tag):
                config |= _parse_text(text)
    return config


def read_about(files: Sequence[EventFile]) -> dict:
    """What a run logged under the tag ``about``: its machine and versions. {} if nothing."""
    about: dict = {}
    for file in files:
        for tag, text in _texts(_records(file)):
            if _IS_ABOUT.search(tag):
                about |= _parse_text(text) or {tag: text.strip()}
    return about


def _records(file: EventFile) -> list[tuple[bytes, Event]]:
    """The records with text or hyperparameters, whose places are known: their bytes, and parsed."""
    if not file.events.texts:
        return []
    from tensorboard.compat.proto.event_pb2 import Event

    records = []
    with open(file.path, "rb") as whole:
        for offset, size in file.events.texts:
            whole.seek(offset)
            record = whole.read(size)
            records.append((record, Event.FromString(record[HEADER : size - FRAME + HEADER])))
    return records


def _plugin(value) -> str:
    return value.metadata.plugin_data.plugin_name


def _texts(records: list[tuple[bytes, Event]]) -> Iterator[tuple[str, str]]:
    """Yield (tag, text) by step, and as written; a list or table of texts is left out."""
    for _, event in sorted(records, key=lambda record: record[1].step):
        for value in event.summary.value:
            if _plugin(value) == "text" and len(value.tensor.string_val) == 1:
                # torch and tensorboardX end the tag so.
                tag = value.tag.removesuffix("/text_summary")
                yield tag, value.tensor.string_val[0].decode("utf-8", "replace")


def _hyperparameters(records: list[tuple[bytes, Event]]) -> dict:
    """What ``add_hparams`` logged into one file.

    By tbparse, which reads files: the records are put into a small one of their own.
    """
    logged = [
        record
        for record, event in records
        if any(_plugin(value) == "hparams" for value in event.summary.value)
    ]
    if not logged:
        return {}
    from tbparse import SummaryReader

    with tempfile.TemporaryDirectory() as directory:
        aside = Path(directory) / "events.out.tfevents.hparams"
        aside.write_bytes(b"".join(logged))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tbparse uses what pandas is about to drop
            table = SummaryReader(str(aside), event_types={"hparams"}).hparams
    return dict(zip(table["tag"], table["value"])) if len(table) else {}


def _parse_text(text: str) -> dict:
    """The mapping that a text holds; {} if it holds none."""
    if fenced := re.search(r"```\w*\n(.*?)```", text, re.DOTALL):
        text = fenced[1]
    lines = [line.strip().strip("|") for line in text.split("\n") if line.strip()]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    if len(rows) > 2 and all(len(row) == 2 for row in rows):
        return {name: _parse_value(value) for name, value in rows[2:]}
    config = _parse_value(text)
    return config if isinstance(config, dict) else {}


def _parse_value(text: str) -> object:
    """JSON or YAML (which would take 1e-05 for text); the text itself if it is neither."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it is built
    for parse in (json.loads, functools.partial(yaml.load, Loader=loader)):
        try:
            return parse(text)
        except (ValueError, yaml.YAMLError):
            pass
    return text
