"""The explorer while trainings write: what it reads, draws and says."""

import shutil
import threading
import time
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest

import tmnet
from tmnet.drawing import styled
from tmnet.widgets.callbacks import Callbacks
from tmnet.widgets.explorer import following as following_module

from ..checks import PATIENCE, wait_for
from ..synthetic import T0, race, write_file
from .hands import move_window

LOSS, BEST = "loss", "A01/eval/best"


def records(minutes, offset=0.0):
    return [(60 * k, 100 * k, race(60.0 - k - offset) | {"loss": 90.0 - k - offset})
            for k in range(1, minutes + 1)]  # fmt: skip


class Writer:
    """A training of 30 minutes, of which a part has been written."""

    def __init__(self, logdir, name, minutes, **options):
        write_file(logdir / name, records(30), **options)
        (self.path,) = (logdir / name).glob("*tfevents*")
        self.whole = self.path.read_bytes()
        write_file(logdir / f"{name}-part", records(minutes), **options)
        (part,) = (logdir / f"{name}-part").glob("*tfevents*")
        self.path.write_bytes(part.read_bytes())
        shutil.rmtree(part.parent)

    def finish(self, but=0):
        """Append the rest, as trainings do: a file that is written anew is empty for a moment."""
        held = self.path.read_bytes()
        assert self.whole.startswith(held)
        with open(self.path, "ab") as file:
            file.write(self.whole[len(held) : len(self.whole) - but])


@pytest.fixture
def logdir(tmp_path, monkeypatch):
    monkeypatch.setattr(following_module, "FOLLOW_EVERY", 0.02)
    write_file(tmp_path / "done", records(30, 0.5), pid=7)
    return tmp_path


@pytest.fixture
def writer(logdir):
    return Writer(logdir, "live", 10)


@pytest.fixture
def following(logdir, writer):
    explorer = tmnet.explore(logdir, metrics=[BEST, LOSS], interval=1, follow=True)
    yield explorer
    explorer.close()


def three_rounds(explorer):
    """Until it had three occasions to look, whether it did or not."""
    enough = explorer._watching.enough
    rounds, wait = [], enough.wait
    enough.wait = lambda seconds: (rounds.append(seconds), wait(seconds))[1]
    wait_for(lambda: len(rounds) > 3)


def line(explorer, run, name=LOSS):
    x, y = explorer._picture.multiples.lines[name, run].get_data()
    return x[~np.isnan(y)], y[~np.isnan(y)]


def test_curves_grow_and_nothing_else_changes(following, writer, logdir):
    view = following.view
    assert line(following, "live")[0].tolist() == list(range(1, 11))
    writer.finish(but=5)  # of its last record, the last loss, the end is missing
    wait_for(lambda: len(line(following, "live")[0]) == 30)
    assert line(following, "live")[1][-2:].tolist() == [61, 61]
    # the common window ends with the shorter run, and so did the moment
    wait_for(lambda: following.view == view | {"at": 30.0})
    expected = tmnet.compare(tmnet.load_runs(logdir, cache=False), interval=1).table(LOSS)
    for run in ("done", "live"):
        np.testing.assert_array_equal(line(following, run)[1], expected[run])
    writer.finish()
    wait_for(lambda: line(following, "live")[1][-1:].tolist() == [60])  # empty while it is drawn
    assert "Read at" in following.controls.fresh.value


def test_a_chosen_window_and_moment_stay(following, writer):
    move_window(following, 2, 8)
    window = following.view["window"]
    assert window == pytest.approx((2, 8), abs=0.05)
    following.show_at(5)
    picture = following.display.image.value
    writer.finish()
    wait_for(lambda: following.runs[1].steps == 3000)
    wait_for(lambda: "30.0 min" in following._runs.rows["live"].details.value)
    assert following.view["window"] == window and following.at == 5
    assert following.display.image.value == picture  # of what lies in the window nothing is new


def test_a_new_run_is_listed_and_keeps_its_hands_off_the_view(following, logdir):
    view, colours = following.view, following._picture.multiples.order
    write_file(logdir / "a_new_one", records(3), pid=9)  # in order, it would be the first
    wait_for(lambda: len(following.runs) == 3)
    assert following._runs.names == ["done", "live", "a_new_one"] and [*colours] == ["done", "live"]
    wait_for(lambda: "new: a_new_one" in following.controls.fresh.value)
    assert following.view == view
    following._runs.rows["a_new_one"].box.value = True
    assert following.view["runs"] == ["done", "live", "a_new_one"]
    assert following.comparison.window[1] == 3


def test_a_run_that_goes(following, logdir):
    shutil.rmtree(logdir / "live")
    wait_for(lambda: following.view["runs"] == ["done"])
    wait_for(lambda: "gone: live" in following.controls.fresh.value)
    wait_for(lambda: following.comparison.window[1] == 30)


def test_what_is_drawn_can_be_looked_at_when_its_runs_are_gone(following, logdir):
    following.controls.every.click()
    following._runs.rows["done"].box.value = False
    shutil.rmtree(logdir / "live")
    wait_for(lambda: "at least one run" in following.display.message.value)
    before = following.display.moment_table.value
    following.display.moment.value = 0
    assert following.display.moment_table.value != before
    assert "at least one run" in following.display.message.value
    following._runs.rows["done"].box.value = True
    assert not following.display.message.value


def number_of_looks():
    looking = following_module.Following
    return sum(isinstance(thread, looking) for thread in threading.enumerate())


def test_a_folder_that_goes_and_comes_back(following, logdir, tmp_path_factory):
    """It is said in words, once, and when the folder is there again it goes on."""
    aside, said = tmp_path_factory.mktemp("aside") / "logs", []
    following.display.message.observe(lambda change: said.append(change["new"]), "value")
    logdir.rename(aside)
    wait_for(lambda: "There is no log directory" in following.display.message.value)
    looks = number_of_looks()
    three_rounds(following)
    assert len(said) == 1 and looks == number_of_looks()
    aside.rename(logdir)
    wait_for(lambda: following.display.message.value == "")
    assert following.view["runs"] == ["done", "live"]


def test_a_training_that_began_anew_in_its_place(following, writer):
    writer.path.unlink()
    write_file(writer.path.parent, [(60 * k, 5 * k, {"loss": 7.0}) for k in range(1, 5)], pid=5)
    wait_for(lambda: len(line(following, "live")[0]) == 4)
    assert set(line(following, "live")[1]) == {7.0} and following.comparison.window[1] == 4


def test_it_ends_when_the_button_is_released(following, writer):
    following.controls.follow.value = False
    following._watching.join(PATIENCE)
    assert not following._watching.is_alive() and following.controls.fresh.value == ""
    writer.finish()
    assert following.runs[1].steps == 1000 and not following.view["follow"]
    following.reload()
    assert following.runs[1].steps == 3000


def test_it_ends_with_the_explorer(following):
    following.close()
    following._watching.join(PATIENCE)
    assert not following._watching.is_alive()


def test_pressed_twice_it_follows_once(following):
    first = following._watching
    following.controls.follow.value = False
    following.controls.follow.value = True
    first.join(PATIENCE)
    assert not first.is_alive() and following._watching.is_alive()


def test_which_runs_are_being_written(logdir, monkeypatch):
    now = 5000
    monkeypatch.setattr("tmnet.logs.run.time", SimpleNamespace(time=lambda: T0 + now))
    write_file(logdir / "live", [(now - 90, 1, {"loss": 1}), (now - 30, 2, {"loss": 1})], now - 99)
    write_file(logdir / "over", [(now - 900, 1, {"loss": 1}), (now - 400, 2, {"loss": 1})], pid=3)
    explorer = tmnet.explore(logdir)
    marked = {
        name for name, row in explorer._runs.rows.items() if "being written" in row.details.value
    }
    assert marked == {"live"}
    (live,) = (run for run in explorer.runs if run.name == "live")
    assert live.age == 30


# --- several threads ----------------------------------------------------------------------------


def test_what_a_person_does_while_another_thread_sets_controls_is_not_lost():
    import ipywidgets as widgets

    callbacks, done = Callbacks(widgets.HTML()), []
    setting, moved = threading.Event(), threading.Event()

    def set_controls():
        with callbacks.off():
            callbacks(lambda: done.append("by the thread that sets"))(None)
            setting.set()
            moved.wait(PATIENCE)

    thread = threading.Thread(target=callbacks(set_controls), args=(None,))
    thread.start()
    setting.wait(PATIENCE)
    person = threading.Thread(target=callbacks(lambda: done.append("by a person")), args=(None,))
    person.start()
    moved.set()
    thread.join(PATIENCE)
    person.join(PATIENCE)
    assert done == ["by a person"]


def test_an_interrupt_is_said_in_words():
    import ipywidgets as widgets

    message = widgets.HTML()

    def interrupted():
        raise KeyboardInterrupt

    Callbacks(message)(interrupted)(None)
    assert "Interrupted" in message.value


def test_threads_that_draw_leave_matplotlib_as_it_was():
    before, seen = dict(matplotlib.rcParams), []

    def draw(wait):
        with styled():
            time.sleep(wait)
            seen.append(matplotlib.rcParams["axes.titlesize"])

    threads = [threading.Thread(target=draw, args=(wait,)) for wait in (0.05, 0.01, 0.03)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert set(seen) == {10} and dict(matplotlib.rcParams) == before


def test_nobody_looks_nobody_reads(following, logdir):
    """A cell that is run again leaves its old explorer behind: that one ends to read."""
    following._view_count = 1
    write_file(logdir / "one", records(3), pid=8)
    wait_for(lambda: "new: one" in following.controls.fresh.value)
    following._view_count = 0
    write_file(logdir / "two", records(3), pid=9)
    three_rounds(following)
    assert "two" not in following._runs.names
    following._view_count = 1
    wait_for(lambda: "two" in following._runs.names)
