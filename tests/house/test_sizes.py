"""A file can be read at one sitting, a function fits on a screen, and a name keeps to its file."""

import ast
from functools import cache

import pytest

from . import FILES, TESTS, name_of

MOST_OF_TESTS = 600  # lines of a file


@cache
def tree(file):
    return ast.parse(file.read_text(encoding="utf-8"))


def lines(file):
    return len(file.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(("files", "most"), [(TESTS, MOST_OF_TESTS)])
def test_files_are_short(files, most):
    assert {name_of(file): lines(file) for file in files if lines(file) > most} == {}


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


def test_private_names_stay_in_their_file():
    """Neither `from tmnet.x import _y`, nor `x._y` of a module x."""
    found = []
    for file in FILES:
        imported = set()
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tmnet"):
                imported |= {alias.asname or alias.name for alias in node.names}
        used = {
            node.attr
            for node in ast.walk(tree(file))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in imported
        }
        found += [f"{name_of(file)}: {name}" for name in imported | used if is_private(name)]
    assert found == []
