"""What every test can rely on: no cache but the tests' own, and runs whose contents are known."""

import pytest

from .synthetic import write_three_runs


@pytest.fixture(scope="session", autouse=True)
def surroundings(tmp_path_factory):
    """A cache directory that is not the user's, and no backend that the shell chose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMNET_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("MPLBACKEND", raising=False)
        yield


@pytest.fixture(scope="session")
def three_runs(tmp_path_factory):
    """Log directory of the runs `long`, `short` and `never`: see `synthetic.write_three_runs`."""
    return write_three_runs(tmp_path_factory.mktemp("three"))
