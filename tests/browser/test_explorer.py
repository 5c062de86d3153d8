"""The explorer: what each of its controls does, against the same comparison made here."""

import ast
import functools
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import tmnet
from tmnet.analysis.findings import answer
from tmnet.figures import Multiples
from tmnet.files import data_path
from tmnet.widgets.findings import OPEN

from .notebook import CONTROLS, assert_it_has_run, sentences, shows

LOGDIR = data_path("runs")
RUNS = ["A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"]
METRICS = ["A01/eval/late_rate", "A01/eval/late_best_of_10", "A01/eval/best", "loss"]
FIRST = {"runs": RUNS, "metrics": METRICS, "interval": 0.5}
MOMENT, TABLE = ".tmnet-moment", ".widget-html table:not(.tmnet-moment)"

EXECUTE = """async code => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    await kernel.requestExecute({code}).done;
}"""
INTERRUPT = "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()"
SLOW_ONCE = """
import time
import tmnet.widgets.explorer.explorer as module
def slow(*args, compare_by=module.compare_by, **options):
    module.compare_by = compare_by
    time.sleep(60)
module.compare_by = slow
"""

load_run = functools.cache(tmnet.load_run)


def compared(view):
    """What the public API computes for a view."""
    view = dict(view)
    return tmnet.compare([load_run(name, LOGDIR) for name in view.pop("runs")], **view)


def run_code(text):
    """What Python in a page computes, here: its names, and its last value."""
    *lines, last = ast.parse(text).body
    names = {}
    exec(compile(ast.Module(lines, []), "code", "exec"), names)
    return names, eval(compile(ast.Expression(last.value), "code", "eval"), names)


# Where something is drawn over the picture, as shares of its width, at a share of its height.
MARKED = """(canvas, up) => {
    const {width, height} = canvas, paper = canvas.getContext("2d");
    const {data} = paper.getImageData(0, Math.round(up * height), width, 1);
    return [...Array(width).keys()].filter(x => data[4 * x + 3] > 40).map(x => (x + 0.5) / width);
}"""


class Explorer:
    """The explorer in its notebook, and what is expected in it."""

    def __init__(self, notebook):
        self.notebook, self.view, self.at, self.baseline = notebook, dict(FIRST), None, RUNS[0]

    def expect(self, at=None, baseline=None, **view):
        """Picture, table and code are, soon, what the API computes for the view that changed so."""
        self.view |= view
        self.baseline = baseline or self.baseline
        comparison = compared(self.view)
        at = comparison.grid[-1] if at is None else at
        multiples = Multiples(comparison, RUNS)
        multiples.room = self.notebook.room()
        multiples.update(comparison)
        picture = np.asarray(Image.open(io.BytesIO(multiples.figure.png())), int)
        self.notebook.tab("This moment").click()
        self.notebook.until(lambda: self._shows(comparison, at, picture))
        self.notebook.until(lambda: self._points_at(at, multiples))
        self.notebook.until(lambda: self._codes(comparison, at))
        return comparison

    def _shows(self, comparison, at, picture):
        moment = f"{comparison.axis.show(at)} {comparison.axis.unit}"
        assert not self.notebook.alerts()
        assert self.notebook.page.locator(f'.widget-html b:text-is("{moment}")').count()
        np.testing.assert_array_equal(self.notebook.picture(), picture)
        values = comparison.at(at)
        head, *rows = self.notebook.rows(MOMENT)
        runs = list(values.columns)
        assert [text.splitlines()[0] for text in head[1:]] == runs
        assert [text.splitlines()[0] for text in head if "baseline" in text] == [
            run for run in runs if run == self.baseline
        ]
        assert len(rows) == len(values)
        for some, (name, row), cells in zip(comparison.metrics, values.iterrows(), rows):
            assert some.label in cells[0]
            for run, text in zip(comparison.runs, cells[1:]):
                if comparison.ended(run, at):
                    assert text.startswith("ended")
                else:
                    assert shows(text, row[run.name] * some.scale), (name, run.name, text)
            best = {"lower": row.min, "higher": row.max}.get(some.better, lambda: np.nan)()
            for text in cells[1:]:
                assert "*" not in text or shows(text, best * some.scale)

    def _points_at(self, at, multiples):
        """In each axes there is one line, at the moment."""
        self.notebook.page.mouse.move(0, 0)
        drawn = self.notebook.page.locator(".tmnet-frame canvas")
        shown = [ax for ax in multiples.axes.values() if ax.get_visible()]
        for left, bottom, right, top in (ax.get_position().extents for ax in shown):
            marked = drawn.evaluate(MARKED, 1 - (bottom + top) / 2)
            low, high = shown[0].get_xlim()
            expected = left + (at - low) / (high - low) * (right - left)
            (line,) = {round(x - expected, 2) for x in marked if left - 0.01 < x < right + 0.01}
            assert line == 0

    def _codes(self, comparison, at):
        """The code, which may come later than the picture, computes what is shown."""
        names, last = run_code(self.code())
        pd.testing.assert_frame_equal(names["comparison"].frame, comparison.frame)
        pd.testing.assert_frame_equal(last, comparison.at(at))

    def code(self):
        self.notebook.tab("Code").click()
        return self.notebook.page.locator(".widget-html pre").filter(visible=True).inner_text()

    def window(self, low, high):
        """The window that the code names, once it is about this one and stays."""

        def check():
            window = run_code(self.code())[0]["comparison"].window
            assert window == pytest.approx((low, high), abs=0.5)
            self.notebook.page.wait_for_timeout(700)
            assert run_code(self.code())[0]["comparison"].window == window
            return window

        return self.notebook.until(check)


@pytest.fixture
def explorer(open_notebook):
    """A new explorer, as the notebook makes it."""
    notebook = open_notebook("1_compare_runs")
    notebook.run_again("tmnet.explore(")
    notebook.until(lambda: notebook.rows(MOMENT))
    notebook.until_it_rests()
    return Explorer(notebook)


def test_the_notebook(open_notebook):
    assert_it_has_run(open_notebook("1_compare_runs"), "1_compare_runs")


# --- the axis -------------------------------------------------------------------------------------


def test_the_interval(explorer):
    notebook = explorer.notebook
    explorer.expect()
    notebook.press("Interval (min)", "ArrowRight", 3)
    explorer.expect(interval=1.0)
    notebook.drag("Interval (min)", 0.8)
    interval = float(notebook.readout("Interval (min)"))
    assert 3 < interval < 10
    explorer.expect(interval=interval)


def test_axes_and_clocks(explorer):
    notebook = explorer.notebook
    notebook.choose("Axis", "step")
    explorer.expect(by="step", interval=20_000)
    notebook.press("Interval (steps)", "ArrowRight", 2)
    explorer.expect(interval=30_000)
    notebook.drag("Interval (steps)", 0.6)
    explorer.expect(interval=int(notebook.readout("Interval (steps)").replace(",", "")))
    notebook.choose("Axis", "relative step")
    explorer.expect(by="relative_step")
    notebook.choose("Axis", "relative time")
    notebook.choose("Clock", "wall clock")
    explorer.expect(by="time", interval=0.5, clock="wall")


def test_the_window(explorer):
    notebook = explorer.notebook
    longest = max(load_run(name, LOGDIR).duration for name in RUNS)
    notebook.press("Window (min)", "End", number=1)
    explorer.expect(window=explorer.window(0, longest))
    notebook.press("Window (min)", "ArrowRight", 40)
    explorer.expect(window=explorer.window(0.08 * longest, longest))
    notebook.drag("Window (min)", 0.4, number=1)
    explorer.expect(window=explorer.window(0.08 * longest, 0.4 * longest))
    notebook.button("Common window").press("Enter")
    explorer.expect(window=None)


# --- runs and metrics -----------------------------------------------------------------------------


def test_runs(explorer):
    notebook = explorer.notebook
    notebook.choose("Baseline", "uni_20")
    explorer.expect(baseline="uni_20")
    notebook.tick("uni_20_long")
    explorer.expect(runs=RUNS[:3])
    # at once: while it is typed, what is listed is now that, now nothing, of which None shows none
    notebook.field("List").fill("A01*long")
    notebook.until(lambda: _hidden(notebook.check_box("uni_20")))
    notebook.until(lambda: _visible(notebook.check_box("A01_as20_long")))
    notebook.button("None").click()
    explorer.expect(runs=RUNS[2:3])
    notebook.button("All").press("Enter")
    explorer.expect(runs=RUNS[:3])


def _hidden(locator):
    assert not locator.is_visible()


def _visible(locator):
    assert locator.is_visible()


def test_metrics(explorer):
    notebook = explorer.notebook
    notebook.tick("A01 eval: late finish rate")
    notebook.check_box("Hock explo: best time").click()
    notebook.tick("A01 explo: anytime finish rate")
    chosen = [
        "A01/eval/late_best_of_10", "A01/eval/best", "A01/explo/anytime_rate", "Hock/explo/best",
        "loss",
    ]  # fmt: skip
    explorer.expect(metrics=chosen)
    notebook.type("Other scalars", "batches_done")
    notebook.tick("training batches")
    explorer.expect(metrics=[*chosen, "cumul_number_batches_done"])
    notebook.choose("Scalars", "lowest so far")
    comparison = explorer.expect(rule="min")
    notebook.choose("Trailing", f"late window ({comparison.axis.say_length(comparison.late)})")
    explorer.expect(trailing="late")
    notebook.choose("Trailing", "the last …")
    notebook.until(lambda: _visible(notebook.field("Trailing (min)")))
    notebook.type("Trailing (min)", "3")
    explorer.expect(trailing=3.0)
    notebook.choose("Trailing", "all since the start")
    explorer.expect(trailing=None)


def test_seeds_of_arms(explorer):
    notebook = explorer.notebook
    notebook.choose("Compare", "arms of seeds, by a last number")
    notebook.until(lambda: _has(notebook.rows(MOMENT)[0], "1 seed"))
    arms = notebook.until(lambda: _grouped(explorer, {*RUNS}))
    assert {arm: list(runs) for arm, runs in arms.items()} == {name: [name] for name in RUNS}
    notebook.choose("Compare", "arms of one neural_network.iqn_n")
    notebook.until(lambda: _grouped(explorer, {"iqn_n = 4", "iqn_n = 8"}))
    notebook.choose("Compare", "each run")
    explorer.expect()


def test_a_run_gets_a_short_name_and_a_colour(explorer):
    notebook = explorer.notebook
    notebook.button("Names, colours, notes").press("Enter")
    notebook.choose("Run", RUNS[1])
    notebook.type("Short name", "small")
    notebook.choose("Colour", "black")
    names, _ = notebook.until(lambda: _called(explorer, "small"))
    assert [run.name for run in names["comparison"].runs] == [RUNS[0], "small", *RUNS[2:]]
    notebook.tab("This moment").click()
    notebook.until(lambda: _has(notebook.rows(MOMENT)[0], "small"))
    notebook.button("Pin").press("Enter")
    notebook.until(lambda: _has(notebook.rows(MOMENT)[0][1:2], "small"))
    notebook.screenshot("run_editor")


def _grouped(explorer, arms):
    made = run_code(explorer.code())[0]["comparison"].arms
    assert {*made} == arms
    return made


def _called(explorer, name):
    code = explorer.code()
    assert f".called({name!r})" in code and "'#000000'" in code
    return run_code(code)


def _has(cells, text):
    assert any(text in cell for cell in cells)


# --- the moment -----------------------------------------------------------------------------------


def test_moments(explorer):
    notebook, grid = explorer.notebook, compared(FIRST).grid
    explorer.expect()  # drawn for the room that it has
    place = notebook.place_of_picture()
    notebook.press("Moment", "ArrowLeft", 12)
    explorer.expect(at=grid[-13])
    notebook.press("Moment", "Home")
    explorer.expect(at=grid[0])
    notebook.drag("Moment", 0.5)
    explorer.expect(at=grid[round(0.5 * (len(grid) - 1))])
    assert notebook.place_of_picture() == place  # nothing jumps
    notebook.press("Moment", "End")
    notebook.press("Moment", "ArrowLeft", 2)
    explorer.expect(at=grid[-3])
    notebook.page.locator(".widget-play button").first.click()
    explorer.expect()  # it plays to the end


def test_a_page_that_is_loaded_again_shows_the_same(open_notebook):
    notebook, grid = open_notebook("1_compare_runs"), compared(FIRST).grid
    notebook.restart()  # Lab gives up on kernels that have thousands of widgets and little time
    explorer = Explorer(notebook)
    notebook.press("Moment", "ArrowLeft", 5)
    explorer.expect(at=grid[-6])
    notebook.reload()
    explorer.expect(at=grid[-6])


# --- tabs -----------------------------------------------------------------------------------------


def test_the_whole_grid(explorer):
    notebook, comparison = explorer.notebook, compared(FIRST)
    notebook.tab("Whole grid").click()
    notebook.choose("Metric", "A01 eval: late finish rate (%)")

    def check():
        head, *rows = notebook.rows(TABLE)
        table = 100 * comparison.table("A01/eval/late_rate")
        assert head[1:] == list(table.columns) and len(rows) == len(table)
        for (at, values), row in zip(table.iterrows(), rows):
            assert row[0] == comparison.axis.show(at)
            assert all(shows(text, value) for text, value in zip(row[1:], values))

    notebook.until(check)


def test_findings(explorer):
    notebook, comparison = explorer.notebook, compared(FIRST)
    notebook.tab("Findings").click()

    def told(level, *kinds, baseline=RUNS[0]):
        found = comparison.findings({"A01/eval/late_rate": level}, baseline=baseline)
        assert notebook.told() == sentences(found, [*OPEN, *kinds])
        assert notebook.page.locator(".tmnet-answer").all_inner_texts() == answer(found)

    assert float(notebook.readout("Level (%)")) == 50
    notebook.until(lambda: told(0.5))
    notebook.press("Level (%)", "ArrowRight", 10)
    level = float(notebook.readout("Level (%)")) / 100
    assert level > 0.5
    notebook.until(lambda: told(level))
    notebook.page.locator("summary:has-text('First finishes')").click()
    notebook.until(lambda: told(level, "first_finish"))
    notebook.press("Level (%)", "ArrowLeft", 10)  # what was unfolded stays so
    notebook.until(lambda: told(0.5, "first_finish"))
    notebook.choose("Baseline", "uni_20")
    notebook.until(lambda: told(0.5, baseline="uni_20"))
    for finding in comparison.findings(baseline="uni_20"):
        if finding.stands_out:
            item = notebook.page.locator(f".tmnet-findings li:has-text({finding.sentence!r})")
            assert item.locator(".tmnet-claim").inner_text() == "claim"


def test_the_configuration(explorer):
    notebook, different = explorer.notebook, compared(FIRST).config_diff()
    notebook.tab("Configuration").click()
    head, *rows = notebook.until(lambda: notebook.rows(TABLE))
    assert head[1:] == RUNS and [row[0] for row in rows] == list(different.index)


def test_files(explorer, tmp_path):
    notebook, comparison = explorer.notebook, compared(FIRST)
    notebook.tab("Export").click()
    notebook.type("Folder", str(tmp_path / "new"))
    notebook.type("Prefix", "four")
    notebook.choose("Formats", ["png", "csv"])
    notebook.choose("Figure width", "column")
    notebook.type("Resolution (dpi)", "100")
    notebook.button("Export").press("Enter")
    notebook.until(lambda: _has([notebook.page.inner_text(".jp-Notebook")], "5 files in"))
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert len(names) == 5 and {"four_A01_best.png", "four_loss.png", "four_table.csv"} < names
    table = pd.read_csv(tmp_path / "new" / "four_table.csv")
    pd.testing.assert_frame_equal(table, comparison.frame.astype(table.dtypes), rtol=1e-12)
    with Image.open(tmp_path / "new" / "four_loss.png") as picture:
        assert picture.width == 340


# --- words, keys, colours -------------------------------------------------------------------------


def test_errors_are_said_where_one_looks(explorer):
    notebook = explorer.notebook
    notebook.type("Log directory", "no/such/folder")
    notebook.until(lambda: _has(notebook.alerts(), "There is no log directory no/such/folder"))
    notebook.type("Log directory", str(LOGDIR))
    explorer.expect()
    notebook.type("List", "")
    notebook.button("None").click()
    notebook.until(lambda: _has(notebook.alerts(), "Choose at least one run"))
    notebook.button("All").click()
    explorer.expect()
    notebook.tab("Export").click()
    notebook.type("Folder", __file__)
    notebook.button("Export").click()
    notebook.until(lambda: _has(notebook.alerts(), "cannot be made (File exists); choose another"))
    assert "Traceback" not in notebook.page.inner_text(".jp-Notebook")


def test_an_interrupt_while_it_draws_leaves_it_usable(explorer):
    notebook = explorer.notebook
    notebook.page.evaluate(EXECUTE, SLOW_ONCE)
    notebook.press("Interval (min)", "ArrowRight")

    def busy():
        assert notebook.kernel()["status"] == "busy"

    notebook.until(busy)
    notebook.page.wait_for_timeout(500)
    busy()
    notebook.page.evaluate(INTERRUPT)
    said = "Interrupted; move any control to go on."
    notebook.until(lambda: _has(notebook.alerts(), said))
    notebook.press("Interval (min)", "ArrowRight")
    explorer.expect(interval=float(notebook.readout("Interval (min)")))


def test_tab_reaches_every_control(explorer):
    page = explorer.notebook.page
    wanted = page.evaluate(
        """controls => [...document.querySelectorAll(".tmnet-live")].at(-1)
            .querySelectorAll(controls).length""",
        CONTROLS,
    )
    unreachable = page.evaluate(
        """controls => [...[...document.querySelectorAll(".tmnet-live")].at(-1)
            .querySelectorAll(controls)].filter(control => control.tabIndex < 0)
            .map(control => control.outerHTML.slice(0, 200))""",
        CONTROLS,
    )
    assert wanted > 40 and not unreachable


def test_the_dark_theme_can_be_read(explorer):
    notebook = explorer.notebook
    theme = "name => jupyterapp.commands.execute('apputils:change-theme', {theme: name})"
    notebook.page.evaluate(theme, "JupyterLab Dark")
    try:
        notebook.page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
        for selector in (MOMENT + " td", ".widget-label", ".widget-html b", ".widget-readout"):
            assert notebook.contrast(selector) >= 4.5, selector
        notebook.screenshot("1_compare_runs_dark")
    finally:
        notebook.page.evaluate(theme, "JupyterLab Light")
