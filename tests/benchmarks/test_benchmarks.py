"""Every benchmark runs, at tiny sizes; what it measures then means nothing."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TABLES = {  # what the heads of a benchmark's tables say
    "best_time": "best found (s)",
    "claims": "measured (95 % CI)",
    "comparing": "times pandas' speed",
    "coverage": "the formula, plainly",
    "forecasts": "the formula, plainly",
    "kills": "times",
    "learning": "CPU s per 1,000 frames",
    "many": "times the plain way's speed",
    "racing": "times CarRacing's",
    "reading": "times tbparse's speed",
    "scale": "times the plain way's speed",
    "training": "times the textbook's speed",
    "training_step": "times the textbook's speed",
}
PEER = "Gymnasium CarRacing-v3"
SHARED = {"__init__", "measuring", "simulation", "synthetic", "textbook", "test_benchmarks"}
RUN_ALL = """
import importlib, sys, traceback
for name in sys.argv[1:]:
    print("#", name, flush=True)
    try:
        importlib.import_module(name).main(["--smoke"])
    except Exception:
        traceback.print_exc(file=sys.stdout)
"""


def in_folder(*arguments):
    """What Python prints in the folder of the benchmarks."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def printed():
    """What each benchmark prints; in one process, since torch takes its time to load."""
    text = in_folder("-c", RUN_ALL, *TABLES)
    return {part.split(maxsplit=1)[0]: part for part in text.split("# ") if part}


def test_none_is_forgotten():
    assert {path.stem for path in HERE.glob("*.py")} - SHARED == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_runs(printed, name):
    assert "Traceback" not in printed[name]
    heads = [line for line in printed[name].splitlines() if TABLES[name] in line]
    assert heads and heads[0].startswith("| ")


def test_by_itself():
    """As the README says it, from anywhere."""
    assert "| tbparse |" in in_folder(HERE / "reading.py", "--smoke")


def test_peers_that_may_be_missing(printed):
    measured, missing = f"| {PEER} |", f'{PEER} is not measured: it needs Box2D (pip install -e ".'
    expected = measured if importlib.util.find_spec("Box2D") else missing
    assert expected in printed["racing"]
    missing = 'QR-DQN is not measured: it needs sb3-contrib (pip install -e ".'
    assert (missing in printed["learning"]) == (importlib.util.find_spec("sb3_contrib") is None)
