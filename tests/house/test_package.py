"""What an installation has: every file of the package, its types, its version, its data."""

import ast
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

import tmnet

from . import FILES, ROOT, name_of

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
FILES_OF_THE_BUILD = ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE")
PARTS = ("tmnet", "data", "notebooks", *FILES_OF_THE_BUILD)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel that is built from a copy of what git keeps."""
    copy, built = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, copy)
    subprocess.run(
        [sys.executable, "-c", BUILD, str(built)], cwd=copy, check=True, capture_output=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )  # fmt: skip
    (file,) = built.glob("*.whl")
    with zipfile.ZipFile(file) as opened:
        yield opened


def test_the_version_is_that_of_the_wheel(wheel):
    assert f"tmnet-{tmnet.__version__}-" in wheel.filename


def test_a_wheel_has_every_file(wheel):
    shipped = {name for name in wheel.namelist() if ".dist-info/" not in name}
    code = {name_of(file) for file in FILES}
    kept = [file for file in (ROOT / "data").rglob("*.*") if file.suffix != ".py"]  # made by those
    kept += [*(ROOT / "notebooks").glob("[0-9]_*.ipynb")]
    data = {f"tmnet/{name_of(file)}" for file in kept if file.is_file()}
    pages = {
        name_of(file) for kind in ("js", "css") for file in (ROOT / "tmnet").rglob(f"*.{kind}")
    }
    assert shipped == code | {"tmnet/py.typed"} | data | pages


def test_every_folder_is_a_package():
    """Without an `__init__.py` a folder would be left out of a wheel."""
    assert [name_of(f.parent) for f in FILES if not (f.parent / "__init__.py").exists()] == []


def test_the_lists_of_public_names_agree():
    """Those that are loaded when they are used, that type checkers read, and that `help` shows."""
    tree = ast.parse((ROOT / "tmnet" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    checked = {alias.name: node.module for node in block.body for alias in node.names}
    assert tmnet._HOMES.keys() == checked.keys()
    assert {*tmnet.__all__} == {*tmnet._HOMES, *tmnet._PARTS, "LogWarning", "TmnetError"}
    assert all(getattr(tmnet, name) is not None for name in tmnet.__all__)


def test_files_have_names_that_every_system_takes():
    """Windows drops dots and spaces at the end, and knows no such folder then."""
    found = [
        name_of(path)
        for part in PARTS
        for path in [ROOT / part, *(ROOT / part).rglob("*"), *(ROOT / "tests").rglob("*")]
        if path.name.endswith((".", " ")) or set(path.name) & set('<>:"|?*\\')
    ]
    assert found == []
