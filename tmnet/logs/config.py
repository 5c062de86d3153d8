"""The configuration that a training logged: hyperparameters, or a text."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

from tmnet.logs.scalars import EventFile

# Texts under other tags (summaries, samples) are not configuration.
_IS_CONFIG = re.compile(r"config|hyper|hparam|param|args", re.IGNORECASE)


def read_config(files: Sequence[EventFile]) -> dict:
    """Configuration of a run as a nested dict; what was logged last counts. {} if none was.

    Hyperparameters (``add_hparams``), and texts under a tag that says so (``config`` …): YAML or
    JSON, in a code fence or not, or a Markdown table of two columns.
    """
    config = {}
    for file in files:
        if file.events.texts:
            config |= _read_texts(file)
    return config


def _read_texts(file: EventFile) -> dict:
    """Configuration in one event file.

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
    config = dict(zip(hparams["tag"], hparams["value"])) if len(hparams) else {}
    for row in texts.sort_values("step", kind="stable").itertuples() if len(texts) else ():
        if _IS_CONFIG.search(row.tag):
            config |= _parse_text(row.value)
    return config


def _parse_text(text: str) -> dict:
    """The mapping that a text holds; {} if it holds none."""
    import yaml

    if fenced := re.search(r"```\w*\n(.*?)```", text, re.DOTALL):
        text = fenced[1]
    cells = [
        [cell.strip() for cell in row.strip().strip("|").split("|")] for row in text.split("\n")
    ]
    table = [row for row in cells if len(row) == 2]
    try:
        if len(table) == len([row for row in cells if row != [""]]) > 2:
            return {key: yaml.safe_load(value) for key, value in table[2:]}
        config = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return config if isinstance(config, dict) else {}
