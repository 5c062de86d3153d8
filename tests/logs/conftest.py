"""What the tests of reading logs share."""

from pathlib import Path

import pytest

from ..synthetic import load, race, write_file

REAL_LOGS = Path(__file__).parents[2].parent / "shared" / "real_logs"
REAL_LOG = REAL_LOGS / "training_1"


@pytest.fixture(autouse=True)
def cache_dir(tmp_path, monkeypatch):
    """Directory of the cache: every test has its own, and none touches the user's."""
    path = tmp_path / "cache"
    monkeypatch.setenv("TMNET_CACHE_DIR", str(path))
    return path


@pytest.fixture
def log(tmp_path):
    """Path of an event file that does not exist yet."""
    return tmp_path / "run" / "events.out.tfevents.1700000000.host.42.0"


@pytest.fixture(scope="session")
def real_log():
    """Directory of a recorded training."""
    if not REAL_LOG.is_dir():
        pytest.skip("the recorded training ../shared/real_logs/training_1 is not here")
    return REAL_LOG


@pytest.fixture
def real_logs_of_others():
    """Directory of logs that other people's trainers wrote."""
    path = REAL_LOGS / "others"
    if not path.is_dir():
        pytest.skip("the logs of others ../shared/real_logs/others are not here")
    return path


@pytest.fixture(params=[None, 300, 4096], ids=lambda size: f"block={size or 'default'}")
def block_bytes(request, monkeypatch):
    """Size of the blocks that a file is read in; 300 bytes split records and hold few."""
    if request.param:
        monkeypatch.setattr("tmnet.logs.events.BLOCK_BYTES", request.param)


@pytest.fixture
def restarted(tmp_path):
    """A run to step 1000, then from its checkpoint at 700 on to 1500: an eval race every 100.

    Races before the restart take 2 s for every 100 steps less than 100 s, those after it 90 s.
    """
    records = [(60 * i, 100 * i, race(100 - 2 * i)) for i in range(1, 11)]
    write_file(tmp_path / "X", records)
    records = [(1000 + 60 * i, 700 + 100 * i, race(90.0)) for i in range(9)]
    write_file(tmp_path / "X", records, start=950, pid=2)
    return load(tmp_path, "X")
