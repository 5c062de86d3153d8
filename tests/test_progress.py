"""Progress bars: they count what there is to do."""

import io
import time

import pytest

from tmnet import load_run, load_runs
from tmnet.progress import progress_bar

from .synthetic import write_file


@pytest.fixture
def logs(tmp_path):
    """Log directory with three runs, of which `a_2` does not continue `a`."""
    for name in ("a", "a_2", "b"):
        write_file(tmp_path / "logs" / name, [(10 * k, k, {"loss": 1 / k}) for k in range(1, 60)])
    return tmp_path / "logs"


def test_every_byte_of_the_logs_is_counted_once(logs, monkeypatch):
    bars = []

    def made(**options):
        bars.append(progress_bar(**options))
        return bars[-1]

    monkeypatch.setattr("tmnet.logs.scalars.progress_bar", made)
    (path,) = (logs / "b").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    runs = load_runs(logs)
    assert [run.name for run in runs] == ["a", "a_2", "b"]
    path.write_bytes(whole)
    load_runs(logs, before=runs)
    load_runs(logs)
    load_run("b", logs, cache=False)
    full = 3 * len(whole)
    assert [bar.total for bar in bars] == [full - len(whole) // 2, full, full, len(whole)]
    assert bars[0].total - 100 < bars[0].n < bars[0].total  # without the record that is cut
    assert [bar.n for bar in bars[1:]] == [bar.total for bar in bars[1:]]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream, shown", [(Terminal(), True), (io.StringIO(), False)])
def test_a_bar_is_for_those_who_watch(monkeypatch, stream, shown):
    """However slow the machine is, a file or a pipe gets none; either way it counts."""
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar(total=3, desc="Counting") as bar:
        bar._time = lambda: time.time() + 3600
        bar.update(3)
        assert bar.n == 3
    assert ("Counting: 100%" in stream.getvalue()) == shown
