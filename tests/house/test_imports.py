"""Imports point one way, as the contracts in pyproject.toml say, those in functions included."""

import ast
import os
import re
import shutil
import subprocess
import sys

import pytest

from . import FILES, ROOT, name_of

LINT = "from importlinter.cli import lint_imports as lint; raise SystemExit(lint(no_cache=True))"
ONE_WAY = "Imports point one way: down this list"
NO_CIRCLES = "No circles within a room either, nor among those that share a line"
NO_TORCH = "What shows runs never loads torch"
IN_A_FUNCTION = "def later():\n    import {}"


def kept(root):
    """Whether each contract is kept by the package in a folder: by the contract's name."""
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LINT], cwd=root, env=environment, capture_output=True,
        encoding="utf-8",
    )  # fmt: skip
    verdicts = re.findall(r"(?m)^(.+) (KEPT|BROKEN)$", done.stdout)
    found = {name: verdict == "KEPT" for name, verdict in verdicts}
    assert set(found) == {ONE_WAY, NO_CIRCLES, NO_TORCH}, done.stdout + done.stderr
    assert (done.returncode == 0) == all(found.values())
    return found, done.stdout


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the package and its contracts, to break."""
    root = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "tmnet", root / "tmnet", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


@pytest.fixture
def add(copied):
    """Add lines to a file of the copy, for one test."""
    before = {}

    def add(name, lines):
        file = copied / name
        before.setdefault(file, file.read_text(encoding="utf-8"))
        file.write_text(f"{before[file]}\n\n{lines}\n", encoding="utf-8")

    yield add
    for file, text in before.items():
        file.write_text(text, encoding="utf-8")


def test_the_contracts_are_kept():
    found, printed = kept(ROOT)
    assert all(found.values()), printed


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("tmnet/logs/run.py", "import tmnet.figures", {ONE_WAY, NO_CIRCLES}),
        ("tmnet/tables.py", IN_A_FUNCTION.format("tmnet.comparison"), {ONE_WAY, NO_CIRCLES}),
        ("tmnet/experiments/load.py", IN_A_FUNCTION.format("tmnet.logs.run"), {ONE_WAY}),
        ("tmnet/training/loop.py", "import tmnet.analysis.metrics", {ONE_WAY}),
        ("tmnet/racing/track.py", "import tmnet.analysis.metrics", {ONE_WAY}),
        ("tmnet/logs/dialects.py", IN_A_FUNCTION.format("tmnet.logs.run"), {NO_CIRCLES}),
        ("tmnet/errors.py", IN_A_FUNCTION.format("tmnet.files"), {NO_CIRCLES}),
        ("tmnet/analysis/metrics.py", IN_A_FUNCTION.format("torch"), {NO_TORCH}),
    ],
)  # fmt: skip
def test_a_break_is_seen(copied, add, file, line, broken):
    add(file, line)
    found, printed = kept(copied)
    assert {name for name, whole in found.items() if not whole} == broken, printed


def test_what_type_checkers_alone_import_does_not_count(copied, add):
    add(
        "tmnet/logs/run.py",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import tmnet.figures",
    )
    found, printed = kept(copied)
    assert all(found.values()), printed


def test_nothing_is_imported_past_the_contracts():
    """They see no import by a text, nor what `tmnet` itself loads when it is asked for it."""
    found = []
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                asked = {alias.name for alias in node.names} & {"tmnet"}
            elif isinstance(node, ast.ImportFrom) and node.module == "tmnet":
                asked = {alias.name for alias in node.names} - {"__version__"}
            elif isinstance(node, ast.Attribute) and file.name != "__init__.py":
                asked = {node.attr} & {"import_module"}
            else:
                continue
            found += [f"{name_of(file)}: {name}" for name in asked]
    assert found == []
