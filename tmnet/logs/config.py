"""The configuration that a training logged: hyperparameters, or a text."""

from __future__ import annotations

import json
import re
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

from tmnet.logs.cache import EventFile

# Texts under other tags (summaries, samples) are not configuration.
_IS_CONFIG = re.compile(r"config|hyper|hparam|param|args", re.IGNORECASE)
_IS_ABOUT = re.compile(r"^about(/|$)")


def read_config(files: Sequence[EventFile]) -> dict:
    """Configuration of a run as a nested dict; what was logged last counts. {} if none was.

    Hyperparameters (``add_hparams``), and texts under a tag that says so (``config`` …): YAML or
    JSON, in a code fence or not, or a Markdown table of two columns.
    """
    return _read(files, _IS_CONFIG, hyperparameters=True)


def read_about(files: Sequence[EventFile]) -> dict:
    """What a run logged under the tag ``about``: its machine and versions. {} if nothing."""
    return _read(files, _IS_ABOUT, hyperparameters=False)


def _read(files: Sequence[EventFile], wanted: re.Pattern, hyperparameters: bool) -> dict:
    found = {}
    for file in files:
        if file.events.texts:
            found |= _read_texts(file, wanted, hyperparameters)
    return found


def _read_texts(file: EventFile, wanted: re.Pattern, hyperparameters: bool) -> dict:
    """Mappings in one event file: hyperparameters, and texts under the wanted tags.

    tbparse reads whole files, and slowly; so the records with text, whose places are known, are
    put into a small file of their own.
    """
    from tbparse import SummaryReader

    with tempfile.TemporaryDirectory() as directory:
        aside = Path(directory) / "events.out.tfevents.texts"
        with open(file.path, "rb") as whole, open(aside, "wb") as part:
            for offset, size in file.events.texts:
                whole.seek(offset)
                part.write(whole.read(size))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tbparse uses what pandas is about to drop
            reader = SummaryReader(str(aside))
            hparams, texts = reader.hparams, reader.text
    config = {}
    if hyperparameters and len(hparams):
        config = dict(zip(hparams["tag"], hparams["value"]))
    for row in texts.sort_values("step", kind="stable").itertuples() if len(texts) else ():
        if wanted.search(row.tag):
            told = _parse_text(row.value)
            config |= told or ({} if hyperparameters else {row.tag: row.value.strip()})
    return config


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

    for parse in (json.loads, yaml.safe_load):
        try:
            return parse(text)
        except (ValueError, yaml.YAMLError):
            pass
    return text
