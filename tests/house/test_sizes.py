"""A file can be read at one sitting, a function fits on a screen, and a name keeps to its file."""

import ast
from functools import cache

import pytest

from . import FILES, TESTS, name_of

MOST = 500  # lines of a file of tmnet
MOST_OF_TESTS = 600
MOST_OF_A_FUNCTION = 80
EMPTY_NAMES = {"some"}  # say nothing: a metric is `metric`, a run `run`
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(file):
    return ast.parse(file.read_text(encoding="utf-8"))


def lines(file):
    return len(file.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(("files", "most"), [(FILES, MOST), (TESTS, MOST_OF_TESTS)])
def test_files_are_short(files, most):
    assert {name_of(file): lines(file) for file in files if lines(file) > most} == {}


def test_functions_are_short():
    long = {
        f"{name_of(file)}:{node.name}": size
        for file in FILES
        for node in ast.walk(tree(file))
        if isinstance(node, Function)
        and (size := node.end_lineno - node.lineno + 1) > MOST_OF_A_FUNCTION
    }
    assert long == {}


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


def test_names_say_something():
    found = {
        f"{name_of(file)}:{node.lineno}"
        for file in FILES
        for node in ast.walk(tree(file))
        if EMPTY_NAMES & {getattr(node, "id", None), getattr(node, "arg", None)}
    }
    assert found == set(), f"names that say nothing: {EMPTY_NAMES}"
