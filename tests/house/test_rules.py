"""What the tools find, with the settings in pyproject.toml: nothing."""

import subprocess
import sys

import pytest

from . import ROOT


@pytest.mark.parametrize("arguments", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]])
def test_nothing_is_found(arguments):
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
