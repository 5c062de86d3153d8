"""Explorers of logs that another process writes, beside each other, and after a restart."""

import shutil
import subprocess
import sys

import pytest

from .notebook import shows

WRITER = """
import sys
from torch.utils.tensorboard import SummaryWriter
for line in sys.stdin:
    first, last, logdir = line.rstrip().split(" ", 2)
    with SummaryWriter(logdir) as writer:
        for minute in range(int(first), int(last)):
            wall = 1.7e9 + 60 * minute
            writer.add_scalar("loss", 100 - minute, 100 * minute, wall)
            writer.add_scalar("Race/eval_race_time_trained_A01", 60 - minute, 100 * minute, wall)
            writer.add_scalar("Race/eval_race_finished_trained_A01", 1, 100 * minute, wall)
    print("written", flush=True)
"""
EAGER = """import tmnet
from tmnet.widgets.explorer import following
following.FOLLOW_EVERY = 0.5"""
ONE = 'tmnet.explore("logs_live", runs=["b"], metrics=["loss"], interval=1)'
OTHER = 'tmnet.explore("logs_live", runs=["a"], metrics=["A01/eval/best"], interval=2)'


@pytest.fixture(scope="module")
def write():
    """Writes minutes of a run, in another process."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", WRITER]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:

        def write(logdir, first, last):
            print(first, last, logdir, file=process.stdin, flush=True)
            assert process.stdout.readline() == "written\n"

        yield write
        process.stdin.close()


@pytest.fixture
def logs(lab_root, write):
    """A log directory of two runs of 10 minutes."""
    logdir = lab_root / "notebooks" / "logs_live"
    shutil.rmtree(logdir, ignore_errors=True)
    for name in "ab":
        write(logdir / name, 0, 11)
    return logdir


@pytest.fixture
def notebook(logs, make_notebook, open_notebook):
    """A new explorer of them."""
    make_notebook("following", EAGER, ONE)
    notebook = open_notebook("following")
    notebook.run_again(ONE)
    notebook.until_it_rests()
    return notebook


def follow(notebook):
    loss_is(notebook, "b", 90)
    notebook.button("Follow").press("Enter")
    notebook.until(lambda: says(notebook, "Read at"))


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
    make_notebook("two", EAGER, ONE, OTHER)
    notebook = open_notebook("two")
    notebook.until_it_rests()
    one, other = notebook.picture(0), notebook.picture(1)
    notebook.press("Interval (min)", "ArrowRight", 2)

    def moved():
        assert (notebook.picture(0) != one).any()

    notebook.until(moved)
    assert (notebook.picture(1) == other).all()


def test_following_another_process(notebook, logs, write):
    place, before = notebook.place_of_picture(), notebook.picture()
    follow(notebook)
    write(logs / "b", 11, 21)
    notebook.until(lambda: loss_is(notebook, "b", 80))
    assert (notebook.picture() != before).any() and notebook.place_of_picture() == place
    write(logs / "c", 0, 5)
    notebook.until(lambda: says(notebook, "new: c"))
    assert "c" not in notebook.rows(".tmnet-moment")[0]
    assert not notebook.check_box("c").is_checked()
    notebook.screenshot("following")


def test_a_run_that_begins_again_and_one_that_is_deleted(notebook, logs, write):
    follow(notebook)
    shutil.rmtree(logs / "b")
    write(logs / "b", 0, 4)  # restarted in place: shorter than it was
    notebook.until(lambda: loss_is(notebook, "b", 97))
    shutil.rmtree(logs / "b")
    notebook.until(lambda: says(notebook, "gone: b"))
    moved = logs.rename(logs.with_name("elsewhere"))
    notebook.until(lambda: says_alert(notebook, "logs_live"))
    moved.rename(logs)
    notebook.until(lambda: says_alert(notebook, "Choose at least one run"))  # b was the only one


def says_alert(notebook, text):
    (alert,) = notebook.alerts()
    assert text in alert


def test_a_saved_view_in_a_new_kernel(notebook, lab_root):
    notebook.type("Saved view", "coarse")
    notebook.press("Interval (min)", "ArrowRight", 4)
    notebook.tab("Code").click()
    notebook.wait_for_text(".widget-html pre", "interval=3.0")  # the kernel has it as well
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
