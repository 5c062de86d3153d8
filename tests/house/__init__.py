"""Tests of how the project is built: its rules, its imports, its sizes, what is shipped."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "tmnet").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def name_of(file: Path) -> str:
    """A file as messages show it: `tmnet/logs/run.py`."""
    return file.relative_to(ROOT).as_posix()
