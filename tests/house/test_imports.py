"""Imports point one way, as the contracts in pyproject.toml say, those in functions included."""

import ast
import graphlib
import os
import re
import shutil
import subprocess
import sys

import pytest

from . import FILES, ROOT

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


def past_the_contracts(files):
    """What the contracts cannot see: imports by a text, relative ones, and what `tmnet` itself
    loads when it is asked for it."""
    found = []
    for file in files:
        is_lazy = file.parts[-2:] in (("tmnet", "__init__.py"), ("networks", "__init__.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            asked = set()
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
                asked = {name for name in names if name in ("tmnet", "importlib") and not is_lazy}
            elif isinstance(node, ast.ImportFrom) and node.level:
                asked = {"." * node.level}
            elif isinstance(node, ast.ImportFrom) and node.module == "tmnet":
                asked = {alias.name for alias in node.names} - {"__version__"}
            elif isinstance(node, ast.ImportFrom) and node.module == "importlib":
                asked = {alias.name for alias in node.names} - {"metadata"}
            elif isinstance(node, ast.Name):
                asked = {node.id} & {"__import__"}
            found += [f"{file.name}: {name}" for name in asked]
    return found


def test_nothing_is_imported_past_the_contracts():
    assert past_the_contracts(FILES) == []


@pytest.mark.parametrize(
    "line",
    [
        "from . import compare", "from .. import explore", "from .events import Events",
        "import tmnet", "from tmnet import compare", "import importlib",
        "from importlib import import_module", "x = __import__('tmnet.figures')",
    ],
)  # fmt: skip
def test_what_is_past_the_contracts_is_seen(copied, add, line):
    add("tmnet/tables.py", f"def later():\n    {line}")
    assert len(past_the_contracts([copied / "tmnet" / "tables.py"])) == 1


def imports(root):
    """The modules that each module of the package in a folder imports, in functions, too; a room
    is the module of its `__init__`. What type checkers alone import does not count."""
    files = {
        ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file
        for file in (root / "tmnet").rglob("*.py")
    }

    def asked(node):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from inside & files.keys() or {node.module}
        for child in ast.iter_child_nodes(node):
            yield from asked(child)

    return {
        name: set(asked(ast.parse(file.read_text(encoding="utf-8")))) & files.keys()
        for name, file in files.items()
    }


def test_no_circle_goes_through_a_room():
    """The contracts compare what stands side by side in a room; not the room, which is its
    `__init__`, with what is in it."""
    assert tuple(graphlib.TopologicalSorter(imports(ROOT)).static_order())


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("analysis/findings/finding.py", "from tmnet.analysis.findings import findings"),
        ("training/memory.py", "from tmnet.training import train"),
        ("experiments/fields.py", "import tmnet.experiments"),
        ("logs/dialects.py", "from tmnet.logs import run"),
    ],
)
def test_a_circle_through_a_room_is_seen(copied, add, file, line):
    add(f"tmnet/{file}", f"def later():\n    {line}")
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(imports(copied)).prepare()
