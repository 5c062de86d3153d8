"""Comparing runs does without torch: where it is missing, and where nothing asks for it."""

import subprocess
import sys

import pytest

from . import ROOT

MISSING = "import sys; from tests.conftest import NoTorch; sys.meta_path.insert(0, NoTorch())"
SHOW = f"""
import tmnet
from tmnet.cli import main

runs = {str(ROOT / "data" / "runs")!r}
assert not main(["list", "--logdir", runs])
four = ["A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"]
assert not main(["compare", *four, "--logdir", runs, "--plot", "--metrics", "A01/eval/best"])
assert not main(["report", "network_size_big_long", "--logdir", runs, "--format", "md"])
loaded = tmnet.load_runs(runs)
assert [x.value for x in tmnet.compare(loaded).findings() if x.kind == "cost"][0] > 0  # PFLOP
assert tmnet.compare(loaded, by="flops").axis.unit == "PFLOP"
assert tmnet.explore(runs).picture[1:4] == b"PNG"
"""
TABLES = f"""
import sys
from tmnet.cli import main

four = ["A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"]
assert not main(["compare", *four, "--logdir", {str(ROOT / "data" / "runs")!r}])
print("loaded:", *[x for x in ("torch", "matplotlib", "tbparse") if x in sys.modules])
"""


def python(code, folder):
    """What a new process that runs it prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_missing(tmp_path):
    """List, compare, figures, report, findings with costs, the explorer."""
    python(MISSING + SHOW, tmp_path)


def test_an_answer_and_tables_load_none_of_it(tmp_path):
    """Of the four recorded runs; nor do they load figures, or tbparse. (The answer needs SciPy.)"""
    assert python(TABLES, tmp_path).splitlines()[-1] == "loaded:"


WATCH = """
import importlib.abc
import os
import sys


class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torch":
            print(os.environ.get("GOMP_SPINCOUNT"))


sys.meta_path.insert(0, Watch())
import tmnet
"""


@pytest.mark.parametrize("name", ["train", "network_lab", "networks.IQN"])
def test_how_its_threads_wait_is_said_before_it_is_loaded(name, tmp_path, monkeypatch):
    """Later it would not be heard: where others take a core, updates were ten times slower."""
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    assert python(f"{WATCH}tmnet.{name}", tmp_path).split() == ["3000"]
