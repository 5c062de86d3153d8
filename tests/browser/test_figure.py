"""The explorer's figure answers the mouse and the keys: each gesture, against what the API has."""

import re
from pathlib import Path

import numpy as np
import pytest

import tmnet
from tmnet.analysis.metrics import Metric
from tmnet.widgets.explorer import live_figure

from .notebook import shows
from .test_explorer import FIRST, LOGDIR, METRICS, RUNS, compared

FIGURE, VALUES, SPOKEN = ".tmnet-figure", ".tmnet-values", ".tmnet-spoken"
LAYER = Path(live_figure.__file__).with_suffix(".js")
NOTEBOOK = f"import tmnet\nexplorer = tmnet.explore({str(LOGDIR)!r})\nexplorer"
COUNT_MESSAGES = """() => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    window.messages = [];
    kernel.anyMessage.connect((_, {direction, msg}) => {
        if (direction === "send") window.messages.push(msg.header.msg_type);
    });
}"""
ASK = """async code => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({code, store_history: false});
    let text = "";
    future.onIOPub = msg => { if (msg.header.msg_type === "stream") text += msg.content.text; };
    await future.done;
    return text;
}"""


class Figure:
    """The explorer's picture in its notebook."""

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page

    def view(self) -> dict:
        return eval(self.page.evaluate(ASK, "print(explorer.view)"))

    def scene(self) -> dict:
        text = self.page.evaluate(ASK, "print(explorer.display.image.scene)")
        return eval(text)

    def point(self, metric: str, across: float, up: float) -> tuple[float, float]:
        """Where in the page a share of an axes is."""
        (panel,) = [x for x in self.scene()["panels"] if x["metric"] == metric]
        left, top, right, bottom = panel["place"]
        box = self.page.locator(f"{FIGURE} img").bounding_box()
        x, y = left + across * (right - left), bottom - up * (bottom - top)
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def hover(self, metric: str, across: float, up: float = 0.5) -> None:
        self.page.mouse.move(*self.point(metric, across, up))

    def drag(self, metric: str, first: tuple[float, float], last: tuple[float, float]) -> None:
        ends = [self.point(metric, *end) for end in (first, last)]
        self.page.mouse.move(*ends[0])
        self.page.mouse.down()
        self.page.mouse.move(*ends[1], steps=4)
        self.page.mouse.up()

    def values(self) -> tuple[str, dict[str, str]]:
        """What is told at the mouse: of what and when, and each run's value."""
        box = self.page.locator(VALUES)
        names = box.locator(".tmnet-rows span").all_inner_texts()
        return box.locator("b").inner_text(), dict(zip(names[::2], names[1::2]))

    def expect(self, check) -> dict:
        """The view, once something is true of it, and drawn."""

        def checked():
            view = self.view()
            assert check(view), {name: view[name] for name in ("window", "at", "panels")}
            for panel in self.scene()["panels"]:
                assert panel["choices"] == view["panels"].get(panel["metric"], {})
            return view

        return self.notebook.until(checked)


@pytest.fixture
def figure(make_notebook, open_notebook):
    make_notebook("figure", NOTEBOOK)
    notebook = open_notebook("figure")
    notebook.until_it_rests()
    figure = Figure(notebook)
    yield figure
    notebook.run_again("explorer")


def test_values_at_the_mouse_without_the_kernel(figure):
    comparison = compared(FIRST)
    figure.page.evaluate(COUNT_MESSAGES)
    texts = {}
    for metric in METRICS:
        for share in (0.21, 0.5, 0.93):
            figure.hover(metric, share)
            figure.page.locator(VALUES).wait_for()
            figure.page.wait_for_timeout(50)
            texts[metric, share] = figure.values()
    # the test's own questions are the only ones
    assert {*figure.page.evaluate("() => window.messages")} <= {"execute_request"}
    lo, hi = comparison.window
    for (metric, share), (head, told) in texts.items():
        at = comparison.grid[np.abs(comparison.grid - (lo + share * (hi - lo))).argmin()]
        assert f", {comparison.axis.show(at)} min" in head and list(told) == RUNS
        row, counts = comparison.at(at).loc[metric], comparison.races_behind(at)
        scale = comparison.metric(metric).scale
        for run, text in told.items():
            assert shows(text, row[run] * scale), (metric, at, run, text)
            if metric.endswith("late_rate"):
                assert f"({counts.at[metric, run]:,.0f} races)" in text or text == "–"
    figure.notebook.screenshot("figure_hover")


def test_values_hide_nothing_that_is_pointed_at(figure):
    """Within the figure, and beside the line at the mouse."""
    whole = figure.page.locator(f"{FIGURE} img").bounding_box()
    for metric in METRICS:
        for share in (0.0, 0.3, 0.45, 0.6, 0.8, 1.0):
            x, y = figure.point(metric, share, 0.9)
            figure.page.mouse.move(x, y)
            figure.page.locator(VALUES).wait_for()
            figure.page.wait_for_timeout(40)
            box = figure.page.locator(VALUES).bounding_box()
            right, bottom = box["x"] + box["width"], box["y"] + box["height"]
            assert whole["x"] <= box["x"] and right <= whole["x"] + whole["width"] + 0.5
            assert whole["y"] <= box["y"] and bottom <= whole["y"] + whole["height"]
            assert right < x or x < box["x"], (metric, share)


def test_a_click_sets_the_moment_and_a_drag_the_window(figure):
    comparison = compared(FIRST)
    lo, hi = comparison.window
    figure.page.mouse.click(*figure.point("loss", 0.4, 0.5))
    at = comparison.grid[np.abs(comparison.grid - (lo + 0.4 * (hi - lo))).argmin()]
    figure.expect(lambda view: view["at"] == at)
    figure.drag("A01/eval/best", (0.25, 0.5), (0.75, 0.6))
    view = figure.expect(lambda view: view["window"] is not None)
    assert view["window"] == pytest.approx((0.25 * hi, 0.75 * hi), abs=0.02 * hi)
    figure.page.mouse.dblclick(*figure.point("A01/eval/best", 0.5, 0.5))
    # Neither of the two clicks has chosen another moment.
    figure.expect(lambda view: view["window"] is None and abs(view["at"] - at) < 0.02 * hi)


def test_what_sliders_are_told_chooses_nothing(figure):
    """A page tells values of sliders back, and fits them into limits: perhaps after somebody has
    chosen something else."""
    figure.page.mouse.click(*figure.point("loss", 0.7, 0.5))
    at = figure.expect(lambda view: 10 < view["at"] < 11)["at"]
    for _ in range(3):
        figure.drag("A01/eval/best", (0.5, 0.5), (0.98, 0.6))
        figure.page.mouse.dblclick(*figure.point("A01/eval/best", 0.5, 0.5))
        figure.page.wait_for_timeout(200)
    figure.page.wait_for_timeout(2000)
    figure.expect(lambda view: (view["window"], view["at"]) == (None, at))
    figure.drag("A01/eval/best", (0.5, 0.5), (0.98, 0.6))
    figure.page.wait_for_timeout(2000)
    figure.expect(lambda view: view["window"] and view["at"] == pytest.approx(at, abs=0.3))


def test_values_are_zoomed_by_dragging_and_by_the_wheel(figure):
    def limits():
        return next(x for x in figure.scene()["panels"] if x["metric"] == "loss")["y"]

    bottom, top = limits()
    figure.drag("loss", (0.5, 0.2), (0.52, 0.6))
    figure.expect(lambda view: "zoom" in view["panels"].get("loss", {}))
    low, high = limits()
    wanted = [bottom + share * (top - bottom) for share in (0.2, 0.6)]
    assert [low, high] == pytest.approx(wanted, abs=0.02 * (top - bottom))
    figure.hover("loss", 0.5, 0.5)
    figure.page.keyboard.down("Shift")
    figure.page.mouse.wheel(0, -300)
    figure.page.keyboard.up("Shift")
    figure.expect(lambda view: view["panels"]["loss"]["zoom"][1] < high - 0.01)
    assert np.mean(limits()) == pytest.approx((low + high) / 2, abs=0.05 * (high - low))
    figure.page.mouse.dblclick(*figure.point("loss", 0.5, 0.5))
    figure.expect(lambda view: "zoom" not in view["panels"]["loss"])
    assert limits() == pytest.approx([bottom, top])


def test_by_keyboard(figure):
    comparison = compared(FIRST)
    figure.page.locator(FIGURE).focus()
    figure.page.keyboard.press("Home")
    for _ in range(3):
        figure.page.keyboard.press("ArrowRight")
    figure.page.keyboard.press("ArrowDown")
    at, metric = comparison.grid[3], METRICS[1]
    spoken = figure.page.locator(SPOKEN).inner_text()
    assert spoken.startswith("A01 eval: late best of 10 races") and f"{at:g} min" in spoken
    said = dict(re.findall(r"[.;] (\w+): ([^;]+?)(?=;|\.$)", spoken))
    row = comparison.at(at).loc[metric]
    assert list(said) == RUNS and all(shows(said[run], row[run]) for run in RUNS)
    figure.page.keyboard.press("Enter")
    figure.expect(lambda view: view["at"] == at)
    figure.page.keyboard.press("[")
    figure.expect(lambda view: view["window"] and view["window"][0] == at)
    figure.page.keyboard.press("0")
    figure.expect(lambda view: view["window"] is None)
    figure.page.keyboard.press("+")
    figure.expect(lambda view: "zoom" in view["panels"].get(metric, {}))
    figure.page.keyboard.press("0")
    figure.expect(lambda view: "zoom" not in view["panels"][metric])
    figure.page.keyboard.press("m")
    figure.page.keyboard.press("ArrowDown")
    figure.page.keyboard.press("Enter")
    figure.expect(lambda view: view["panels"][metric].get("full"))


def test_the_menu_of_an_axes(figure):
    def choose(metric, item):
        names = [panel["metric"] for panel in figure.scene()["panels"]]
        figure.page.locator(".tmnet-dots").nth(names.index(metric)).click()
        figure.page.locator(f'.tmnet-menu button:has-text("{item}")').click()

    choose("loss", "Log scale")
    figure.expect(lambda view: view["panels"].get("loss") == {"log": True})
    panel = next(x for x in figure.scene()["panels"] if x["metric"] == "loss")
    assert panel["log"] and panel["y"][0] > 0
    choose("A01/eval/late_rate", f"Difference to {RUNS[0]}")
    figure.expect(lambda view: view["panels"].get("A01/eval/late_rate") == {"difference": True})
    figure.hover("A01/eval/late_rate", 0.9)
    figure.page.locator(VALUES).wait_for()
    comparison = compared(FIRST)
    row = comparison.at(float(figure.values()[0].rpartition(", ")[2].split()[0]))
    row = row.loc["A01/eval/late_rate"]
    for run, text in figure.values()[1].items():
        assert shows(text.replace("±", ""), 100 * (row[run] - row[RUNS[0]])), (run, text)
    figure.notebook.screenshot("figure_menu")
    choose("A01/eval/best", "Pin to the top")
    figure.expect(lambda view: view["panels"].get("A01/eval/best") == {"pin": True})
    figure.notebook.until(lambda: first_is(figure, "A01/eval/best"))
    choose("loss", "Hide")
    figure.expect(lambda view: "loss" not in view["metrics"])
    again = tmnet.explore(LOGDIR, **figure.view())
    assert again.view == figure.view()


def test_values_are_shown_as_python_shows_them(browser):
    """Halves, thousands, what is tiny and what is huge; `Metric.show` is the other way."""
    rng = np.random.default_rng(0)
    values = [0.0, -0.0, 0.5, 2.5, 31.25, 0.125, 0.1, 0.0999, 1e6, 999_999.999, 1e-4, 9.995e-5]
    values += [*np.round(rng.normal(0, 100, 300), 2), *10.0 ** rng.uniform(-9, 12, 300)]
    cases = [(float(x), digits) for x in values for digits in (None, 0, 1, 2)]
    source = LAYER.read_text(encoding="utf-8")
    page = browser.new_page()
    try:
        shown = page.evaluate(
            """async ([source, cases]) => {
                const module = await import(`data:text/javascript;base64,${btoa(source)}`);
                return cases.map(([value, digits]) => module.show(value, digits, false));
            }""",
            [source.encode("ascii", "backslashreplace").decode(), cases],
        )
    finally:
        page.close()
    metrics = {digits: Metric("x", "x", digits=digits) for digits in (None, 0, 1, 2)}
    for (value, digits), text in zip(cases, shown):
        assert text == metrics[digits].show(value).replace("-0", "0", value == 0), (value, digits)


def first_is(figure, metric):
    assert figure.scene()["panels"][0]["metric"] == metric
