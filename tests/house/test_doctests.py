"""The examples of the docstrings do what they say."""

import doctest
import importlib

import pytest

from . import FILES, ROOT

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for file in FILES
    if ">>>" in file.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", MODULES)
def test_examples(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # whatever an example writes
    found = doctest.testmod(importlib.import_module(module), optionflags=OPTIONS)
    assert found.attempted and not found.failed


def test_there_are_examples():
    assert MODULES
