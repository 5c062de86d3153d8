"""Explorers of logs that another process writes, beside each other, and after a restart."""

import shutil
import subprocess
import sys

import pytest

from .notebook import shows

pytestmark = pytest.mark.xdist_group("following")
WRITER = """
import sys, time
from torch.utils.tensorboard import SummaryWriter
first, last = map(int, sys.argv[2:])
with SummaryWriter(sys.argv[1]) as writer:
    for minute in range(first, last):
        wall = 1.7e9 + 60 * minute
        writer.add_scalar("loss", 100 - minute, 100 * minute, wall)
        writer.add_scalar("Race/eval_race_time_trained_A01", 60 - minute, 100 * minute, wall)
        writer.add_scalar("Race/eval_race_finished_trained_A01", 1, 100 * minute, wall)
"""
ONE = """import tmnet
tmnet.explore("logs_live", runs=["b"], metrics=["loss"], interval=1)"""
OTHER = 'tmnet.explore("logs_live", runs=["a"], metrics=["A01/eval/best"], interval=2)'


def write(logdir, first, last):
    """Minutes of a run, by a process of its own."""
    command = [sys.executable, "-c", WRITER, str(logdir), str(first), str(last)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def logs(lab_root):
    logdir = lab_root / "notebooks" / "logs_live"
    for name in "ab":
        write(logdir / name, 0, 11)
    return logdir


@pytest.fixture
def notebook(logs, lab_root, make_notebook, open_notebook):
    if not (logs / "b").exists():
        write(logs / "b", 0, 11)
    if not (lab_root / "notebooks" / "following.ipynb").exists():
        make_notebook("following", ONE)
    return open_notebook("following")


def loss_of(notebook, run):
    head, row = notebook.rows(".tmnet-moment")
    runs = [text.partition("\n")[0] for text in head]
    assert run in runs
    return row[runs.index(run)]


def loss_is(notebook, run, value):
    assert shows(loss_of(notebook, run), value)


def says(notebook, text):
    assert text in notebook.page.locator(".jp-Notebook").inner_text()


def test_two_explorers_do_not_disturb_each_other(logs, make_notebook, open_notebook):
    make_notebook("two", ONE, OTHER)
    notebook = open_notebook("two")
    one, other = notebook.picture(0), notebook.picture(1)
    notebook.press("Interval (min)", "ArrowRight", 2)

    def moved():
        assert (notebook.picture(0) != one).any()

    notebook.until(moved)
    assert (notebook.picture(1) == other).all()


def test_following_another_process(notebook, logs):
    place, before = notebook.place_of_picture(), notebook.picture()
    loss_is(notebook, "b", 90)
    notebook.button("Follow").press("Enter")
    notebook.until(lambda: says(notebook, "Read at"))
    write(logs / "b", 11, 21)
    notebook.until(lambda: loss_is(notebook, "b", 80))
    assert (notebook.picture() != before).any() and notebook.place_of_picture() == place
    write(logs / "c", 0, 5)
    notebook.until(lambda: says(notebook, "new: c"))
    assert "c" not in notebook.rows(".tmnet-moment")[0]
    assert not notebook.check_box("c").is_checked()
    notebook.screenshot("following")


def test_a_run_that_begins_again_and_one_that_is_deleted(notebook, logs):
    notebook.until(lambda: says(notebook, "Read at"))
    shutil.rmtree(logs / "b")
    write(logs / "b", 0, 4)  # restarted in place: shorter than it was
    notebook.until(lambda: loss_is(notebook, "b", 97))
    shutil.rmtree(logs / "b")
    notebook.until(lambda: says(notebook, "gone: b"))
    moved = logs.rename(logs.with_name("elsewhere"))
    notebook.until(lambda: says_alert(notebook, "logs_live"))
    moved.rename(logs)
    notebook.until(lambda: says_alert(notebook, None))


def says_alert(notebook, text):
    alerts = notebook.alerts()
    assert (not alerts) if text is None else any(text in alert for alert in alerts)


def test_a_saved_view_in_a_new_kernel(logs, lab_root, make_notebook, open_notebook):
    if not (logs / "b").exists():
        write(logs / "b", 0, 11)
    make_notebook("saved", ONE)
    notebook = open_notebook("saved")
    notebook.type("Saved view", "coarse")
    notebook.press("Interval (min)", "ArrowRight", 4)
    notebook.until(lambda: interval_is(notebook, 3.0))
    notebook.button("Save").click()
    notebook.until(lambda: written(lab_root / "notebooks" / "tmnet_views.json"))
    picture = notebook.picture()
    notebook.restart()
    notebook.until(lambda: interval_is(notebook, 1.0))
    notebook.type("Saved view", "coarse")
    notebook.button("Show").click()
    notebook.until(lambda: interval_is(notebook, 3.0))

    def same():
        assert (notebook.picture() == picture).all()

    notebook.until(same)


def interval_is(notebook, value):
    assert float(notebook.readout("Interval (min)")) == value


def written(path):
    assert path.exists()
