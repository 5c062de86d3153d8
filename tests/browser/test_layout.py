"""The explorer in pages of many widths: nothing is cut off, nothing is too small to be read."""

import base64

import pytest

from .conftest import SCREENSHOTS
from .test_explorer import LOGDIR
from .test_figure import ASK

NOTEBOOK = f"import tmnet\nexplorer = tmnet.explore({str(LOGDIR)!r})\nexplorer"
WINDOWS = {  # wide, high, and pixels of the screen to one of the page
    "900": (900, 800, 1), "1280": (1280, 800, 1), "1600": (1600, 1000, 1),
    "2560": (2560, 1300, 1), "1280_zoomed": (1280 / 1.5, 800 / 1.5, 1.5),
    "1920_zoomed": (1920 / 1.5, 1200 / 1.5, 1.5),
}  # fmt: skip
SMALLEST = 10  # pixels of a page, of letters
TABS = ["This moment", "Whole grid", "Findings", "Configuration", "Code", "Export"]
THEME = """async theme => {
    await jupyterapp.commands.execute("apputils:change-theme", {theme: `JupyterLab ${theme}`});
}"""
# What is wrong in the page, a sentence each.
FAULTS = """smallest => {
    const live = document.querySelector(".tmnet-live"), found = new Set();
    const say = element => {
        const text = element.innerText || element.placeholder || element.getAttribute("class");
        return `${element.tagName.toLowerCase()} "${String(text).slice(0, 50)}"`;
    };
    const isSeen = element => {
        const {width, height} = element.getBoundingClientRect();
        return width > 1 && height > 1 && element.checkVisibility({visibilityProperty: true});
    };
    const paper = document.createElement("canvas").getContext("2d");
    const lengthOf = (text, element) => {
        paper.font = getComputedStyle(element).font;
        return paper.measureText(text).width;
    };
    const outer = live.closest(".jp-OutputArea-output").getBoundingClientRect();
    // A table, or code, that is wider than the page scrolls in a box of its own.
    const isOfTable = element => element.closest("table, pre") || (
        element.closest(".widget-html-content") && element.querySelector("table, pre"));
    for (const element of live.querySelectorAll("*")) {
        if (!isSeen(element) || element.closest(".tmnet-spoken, .tmnet-values")) continue;
        const box = element.getBoundingClientRect(), style = getComputedStyle(element);
        if (!isOfTable(element) && (box.left < outer.left - 1 || box.right > outer.right + 1))
            found.add(`outside of the output: ${say(element)}`);
        let around = element.parentElement;
        while (around !== live && getComputedStyle(around).overflowX === "visible")
            around = around.parentElement;
        const clip = around.getBoundingClientRect();
        const isOut = box.left < clip.left - 1 || box.right > clip.right + 1;
        if (isOut && !isOfTable(element) && style.position !== "absolute")
            found.add(`cut off: ${say(element)}`);
        const sizes = `${element.scrollWidth} in ${element.clientWidth}`;
        if (element.scrollWidth > element.clientWidth + 1 && /auto|scroll/.test(style.overflowX)
                && !isOfTable(element))
            found.add(`scrolls sideways: ${say(element)} ${sizes}`);
        const texts = [...element.childNodes].filter(node => node.nodeType === 3);
        if (texts.some(node => node.data.trim()) && parseFloat(style.fontSize) < smallest)
            found.add(`too small: ${say(element)} ${style.fontSize}`);
        if (element.matches("label, button, .widget-readout, .lm-TabBar-tabLabel")
                && element.scrollWidth > element.clientWidth + 1 && style.overflowX !== "visible")
            found.add(`text cut: ${say(element)} ${sizes}`);
        const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
        const room = element.clientWidth - padding;
        if (element.matches("input") && lengthOf(element.placeholder, element) > room + 1)
            found.add(`placeholder cut: ${say(element)} in ${room}`);
        if (element.matches("select:not([multiple])")) {
            const text = element.selectedOptions[0]?.text ?? "";
            if (lengthOf(text, element) > room + 1) found.add(`option cut: "${text}" in ${room}`);
        }
    }
    const panels = document.querySelectorAll(".jp-WindowedPanel-outer");
    for (const page of [document.scrollingElement, ...panels])
        if (page.scrollWidth > page.clientWidth + 1) found.add("the page scrolls sideways");
    return [...found];
}"""
PLACES = """() => {
    const of = selector => document.querySelector(selector).getBoundingClientRect();
    const page = of(".jp-Notebook");
    return [of(".tmnet-brief").top - page.top, of(".tmnet-figure img").bottom - page.bottom];
}"""
LETTERS = """
from matplotlib.text import Text
texts = explorer._picture.multiples.figure.findobj(Text)
sizes = [text.get_size() for text in texts if text.get_visible() and text.get_text()]
print(min(sizes), explorer.display.image.scene["size"][0])
"""


class Window:
    """A notebook in a window that may have any size; Playwright's own has no zoom."""

    def __init__(self, notebook, screenshots):
        self.notebook, self._screenshots = notebook, screenshots
        self._devtools = notebook.page.context.new_cdp_session(notebook.page)

    def resize(self, wide, high, ratio=1):
        size = {"width": round(wide), "height": round(high)}
        more = {"deviceScaleFactor": ratio, "mobile": False}
        self._devtools.send("Emulation.setDeviceMetricsOverride", size | more)
        self.notebook.page.wait_for_timeout(300)
        self.notebook.show_widgets()
        self.notebook.page.locator(".tmnet-figure canvas").first.hover()
        self.notebook.until_it_rests()
        self.notebook.page.mouse.move(1, 1)

    def screenshot(self, name):
        picture = self._devtools.send("Page.captureScreenshot", {"format": "png"})["data"]
        (self._screenshots / f"layout_{name}.png").write_bytes(base64.b64decode(picture))


@pytest.fixture(scope="module")
def sized():
    """Windows of the notebook that is open."""
    return {}


@pytest.fixture
def window(make_notebook, open_notebook, sized):
    if not sized:
        make_notebook("layout", NOTEBOOK)
    notebook = open_notebook("layout")
    if notebook not in sized:
        notebook.page.evaluate("() => jupyterapp.commands.execute('filebrowser:activate')")
        sized[notebook] = Window(notebook, SCREENSHOTS)
    return sized[notebook]


def smallest_letters(notebook):
    """Of the figure, in pixels of the page."""
    points, wide = map(float, notebook.page.evaluate(ASK, LETTERS).split())
    image = notebook.page.locator(".tmnet-figure img").first
    return points * 100 / 72 * image.evaluate("image => image.clientWidth") / wide


@pytest.mark.parametrize("name", WINDOWS)
def test_nothing_is_cut_off(window, name):
    window.resize(*WINDOWS[name])
    notebook = window.notebook
    found = {}
    for tab in TABS:
        notebook.tab(tab).click()
        notebook.page.wait_for_timeout(100)
        found[tab] = notebook.page.evaluate(FAULTS, SMALLEST)
    assert not any(found.values()), found
    assert smallest_letters(notebook) >= SMALLEST
    notebook.tab("This moment").click()
    notebook.show_widgets()
    window.screenshot(name)
    top, bottom = notebook.page.evaluate(PLACES)
    assert top >= 0
    if WINDOWS[name][0] >= 1280:  # on the first screen
        assert bottom <= 0
    notebook.page.locator(".tmnet-section").last.scroll_into_view_if_needed()
    window.screenshot(f"{name}_controls")


def test_the_dark_theme(window):
    window.resize(1280, 800)
    notebook = window.notebook
    notebook.page.evaluate(THEME, "Dark")
    try:
        notebook.page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
        assert not notebook.page.evaluate(FAULTS, SMALLEST)
        for seen in (".tmnet-brief", ".tmnet-brief small", ".lm-TabBar-tabLabel", ".tmnet-section"):
            assert notebook.contrast(f".tmnet-live {seen}") >= 4.5, seen
        window.screenshot("dark")
    finally:
        notebook.page.evaluate(THEME, "Light")
