"""What every test can rely on: no cache but the tests' own, and runs whose contents are known."""

import importlib.abc
import os
import sys

import pytest
from hypothesis import HealthCheck, settings

from tmnet.cli import main

from .synthetic import write_three_runs

# The tests share the cores among themselves; torch reads it when it is loaded, here as in the
# processes that tests start.
os.environ["OMP_NUM_THREADS"] = "1"

# How fast the machine is, is nothing that a test says.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Each file goes to one process; all of the browser's to the same, for one JupyterLab."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            inside = nodeid.startswith("tests/browser/")
            return "tests/browser" if inside else super()._split_scope(nodeid)

    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def surroundings(tmp_path_factory):
    """A cache directory that is not the user's, no backend that the shell chose, and no width."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMNET_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("COLUMNS", raising=False)  # which workers are given; a pipe has no width
        patch.delenv("MPLBACKEND", raising=False)
        yield


class NoTorch(importlib.abc.MetaPathFinder):
    """Makes importing torch fail. (SciPy cannot bear a None in its place among the modules.)"""

    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is missing here")


@pytest.fixture(autouse=True)
def torch_that_is_missing(request, monkeypatch):
    """Logs are read and judged without torch: in the tests of that, importing it fails.

    Those that need torch to write logs with are marked `torch_writes`.
    """
    room = request.path.relative_to(request.config.rootpath / "tests").parts[0]
    if room in ("logs", "analysis") and not request.node.get_closest_marker("torch_writes"):
        monkeypatch.delitem(sys.modules, "torch", raising=False)
        monkeypatch.setattr(sys, "meta_path", [NoTorch(), *sys.meta_path])


@pytest.fixture(scope="session")
def three_runs(tmp_path_factory):
    """Log directory of the runs `long`, `short` and `never`: see `synthetic.write_three_runs`."""
    return write_three_runs(tmp_path_factory.mktemp("three"))


@pytest.fixture
def command(capfd):
    """Function that runs the command in this process; returns (status, stdout, stderr)."""

    def run(*arguments):
        capfd.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as error:  # by argparse
            status = error.code
        return status, *capfd.readouterr()

    return run
