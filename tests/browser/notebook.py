"""A notebook in JupyterLab, as a person has it: looked at, clicked, and moved by keyboard."""

import base64
import io
import re
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from tmnet.analysis.findings.finding import HEADINGS
from tmnet.figures.multiples import NARROWEST, WIDEST
from tmnet.widgets.explorer.picture import BESIDE, PAGE_INCH

PATIENCE = 60.0  # s, until a page shows what it should
INSIDE = ("data", "blob", "about")

WATCH_KERNEL = """async () => {
    const panel = jupyterapp.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    const kernel = panel.sessionContext.session.kernel;
    await kernel.info;
    window.kernelStates = [];
    kernel.statusChanged.connect((_, state) => window.kernelStates.push(state));
    window.kernelId = kernel.id;
}"""
RUN_ALL = "() => jupyterapp.commands.execute('notebook:run-all-cells')"
HIDE_FILES = "() => jupyterapp.commands.execute('application:toggle-left-area')"
RUN_ONE = """async source => {
    const notebook = jupyterapp.shell.currentWidget.content;
    const cells = notebook.widgets;
    notebook.activeCellIndex = cells.findIndex(cell => cell.model.sharedModel.source == source);
    await jupyterapp.commands.execute("notebook:run-cell");
    await notebook.scrollToCell(notebook.activeCell, "start");
}"""
SHOW_WIDGETS = """async () => {
    const notebook = jupyterapp.shell.currentWidget.content;
    const i = notebook.widgets.findIndex(cell => cell.node.querySelector(".jupyter-widgets"));
    if (i < 0) return;
    notebook.activeCellIndex = i;
    await notebook.scrollToCell(notebook.widgets[i], "start");
}"""
CELLS = """() => jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type == "code")
    .map(cell => ({
        source: cell.model.sharedModel.source,
        count: cell.model.executionCount,
        outputs: cell.model.outputs.toJSON(),
    }))"""
KERNEL = """() => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    return {
        same: kernel.id == window.kernelId, status: kernel.status, states: window.kernelStates,
    };
}"""
RESTART = "() => jupyterapp.shell.currentWidget.sessionContext.restartKernel()"
SHUT_DOWN = "() => jupyterapp.shell.currentWidget.sessionContext.shutdown()"
SHUT_DOWN_ALL = "() => jupyterapp.serviceManager.sessions.shutdownAll()"
BOTTOM = """() => Math.ceil(Math.max(...[...document.querySelectorAll(".jp-Notebook .jp-Cell")]
    .map(cell => cell.getBoundingClientRect().bottom)))"""
BYTES = """async image => {
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
}"""
DRAWN = """figures => figures.map(figure => [
    figure.querySelector("img").naturalWidth / window.devicePixelRatio, figure.clientWidth,
])"""
CONTRAST = """text => {
    const channels = colour => colour.match(/[0-9.]+/g).map(Number);
    const luminance = rgb => {
        const [r, g, b] = rgb.slice(0, 3).map(x => x / 255)
            .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let behind = text;
    while (channels(getComputedStyle(behind).backgroundColor)[3] === 0) {
        behind = behind.parentElement;
    }
    const both = [getComputedStyle(text).color, getComputedStyle(behind).backgroundColor]
        .map(colour => luminance(channels(colour))).sort((a, b) => b - a);
    return (both[0] + 0.05) / (both[1] + 0.05);
}"""
CONTROLS = "input, select, textarea, button, .noUi-handle"
NAMES = """controls => [...document.querySelectorAll(".widget-inline-hbox, .jupyter-button")]
    .filter(box => !box.closest(".widget-play"))  // signs, with a title
    .filter(box => box.querySelector(controls) || box.matches(controls))
    .map(box => [
        box.innerText.trim() || box.querySelector("[placeholder]")?.placeholder,
        box.title || box.querySelector("input[type=checkbox], [title]")?.title,
    ])"""
ROWS = "table => [...table.rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))"


class Watch:
    """What went wrong in a page, and where it sent requests."""

    def __init__(self, page):
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("console", self._console)
        page.on("crash", lambda _: self.errors.append("the page crashed"))
        page.context.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))

    def _console(self, message) -> None:
        if message.type == "error":
            self.errors.append(f"console: {message.text} ({message.location})")

    @property
    def outside(self) -> list[str]:
        """Requests to anything but this machine."""
        parts = {url: urlsplit(url) for url in self.requests}
        return [
            url
            for url, part in parts.items()
            if part.scheme not in INSIDE and part.hostname != "127.0.0.1"
        ]


class Notebook:
    """See above. Controls are named by their labels."""

    def __init__(self, page, url: str, screenshots):
        self.page, self.watch, self._screenshots = page, Watch(page), screenshots
        page.set_default_timeout(2000 * PATIENCE)
        page.goto(url)
        page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context")
        page.evaluate(WATCH_KERNEL)
        page.evaluate(HIDE_FILES)
        page.evaluate(RUN_ALL)
        self.until(self._has_run, 4 * PATIENCE)
        self.show_widgets()

    # --- the notebook -----------------------------------------------------------------------------

    def cells(self) -> list[dict]:
        """The code cells: source, count, outputs."""
        return self.page.evaluate(CELLS)

    def kernel(self) -> dict:
        """Whether it is still the same, its status, and all it has had."""
        return self.page.evaluate(KERNEL)

    def _has_run(self) -> None:
        assert all(cell["count"] for cell in self.cells())
        assert self.kernel()["status"] == "idle"

    def show_widgets(self) -> None:
        """Scroll to the first ones: what is far outside the window is not in the page."""
        self.page.evaluate(SHOW_WIDGETS)

    def run_again(self, part: str) -> None:
        """Run the cell again that has something in its source: its widget is a new one then."""
        (before,) = [cell for cell in self.cells() if part in cell["source"]]
        old = [handle for handle in self.page.locator(".widget-image").element_handles()]
        self.page.evaluate(RUN_ONE, before["source"])

        def ran():
            (cell,) = [cell for cell in self.cells() if cell["source"] == before["source"]]
            assert cell["count"] > before["count"] and self.kernel()["status"] == "idle"
            assert not any(handle.evaluate("x => x.isConnected") for handle in old)

        self.until(ran, 2 * PATIENCE)

    def restart(self) -> None:
        """A new kernel, in which all cells run again."""
        self.page.evaluate(RESTART)
        self.page.evaluate(WATCH_KERNEL)
        self.page.evaluate(RUN_ALL)
        self.until(self._has_run, 4 * PATIENCE)
        self.show_widgets()

    def shut_down(self) -> None:
        self.page.evaluate(SHUT_DOWN)
        self.page.context.close()

    def screenshot(self, name: str, whole: bool = False) -> None:
        """Of the window, or of the whole notebook, as a file to be looked at."""
        size = self.page.viewport_size
        if whole:
            self.page.set_viewport_size({**size, "height": 15_000})  # all is laid out, then
            self.until(self._all_laid_out)
            height = self.page.evaluate(BOTTOM) + 60
            self.page.set_viewport_size({**size, "height": height})
        self.page.screenshot(path=self._screenshots / f"{name}.png", animations="disabled")
        self.page.set_viewport_size(size)

    def _all_laid_out(self) -> None:
        before = self.page.evaluate(BOTTOM)
        self.page.evaluate("() => new Promise(done => setTimeout(done, 300))")
        assert self.page.evaluate(BOTTOM) == before

    def until(self, check, patience: float = PATIENCE):
        """Ask again until nothing is wrong with it; returns what the check does."""
        for _ in range(round(20 * patience)):
            try:
                return check()
            except AssertionError:
                self.page.wait_for_timeout(50)
        return check()

    # --- controls ---------------------------------------------------------------------------------

    def box(self, label: str):
        """The widget with a label."""
        text = label.replace('"', '\\"')
        label = f'label:is(:text-is("{text}"), :has(:text-is("{text}")))'
        return self.page.locator(f".widget-inline-hbox:has(> {label})").first

    def field(self, label: str):
        return self.box(label).locator("input, select, textarea").first

    def handle(self, label: str, number: int = 0):
        return self.box(label).locator(".noUi-handle").nth(number)

    def readout(self, label: str) -> str:
        return self.box(label).locator(".widget-readout").inner_text()

    def press(self, label: str, key: str, times: int = 1, number: int = 0) -> None:
        """Keys on a slider's handle."""
        self.handle(label, number).focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def drag(self, label: str, share: float, number: int = 0) -> None:
        """Drag a slider's handle with the mouse to a share of its track."""
        handle = self.handle(label, number)
        handle.scroll_into_view_if_needed()
        box, track = handle.bounding_box(), self.box(label).locator(".noUi-base").bounding_box()
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + box["width"] / 2, y)
        self.page.mouse.down()
        self.page.mouse.move(track["x"] + share * track["width"], y, steps=5)
        self.page.mouse.up()

    def type(self, label: str, text: str) -> None:
        """Text into a field, by keyboard; Enter ends it."""
        self.field(label).focus()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def keys(self, label: str, *keys: str) -> None:
        """Keys on a field: a drop-down, a number."""
        self.field(label).focus()
        for key in keys:
            self.page.keyboard.press(key)

    def choose(self, label: str, option: str | list[str]) -> None:
        """An option of a drop-down, as the mouse does it."""
        self.field(label).select_option(label=option)

    def button(self, name: str):
        return self.page.locator(f'.jupyter-button:has-text("{name}")').first

    def check_box(self, name: str):
        """A check box by its label."""
        text = f'label:has(span:text-is("{name}"))'
        return self.page.locator(f'{text} input[type="checkbox"]').first

    def tick(self, name: str) -> None:
        """Change a check box by keyboard, once it can be seen and stays."""
        box = self.check_box(name)
        before = box.is_checked()

        def ticked():
            assert box.is_visible()
            box.press("Space")
            assert box.is_checked() != before

        self.until(ticked)

    def tab(self, name: str):
        return self.page.locator(".lm-TabBar-tab[role=tab]:has(.lm-TabBar-tabLabel)").filter(
            has=self.page.locator(f'.lm-TabBar-tabLabel:text-is("{name}")')
        ).last  # fmt: skip

    def reload(self) -> None:
        """Load the page again; the kernel goes on."""
        self.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
        self.page.reload()
        self.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context")
        self.page.evaluate(WATCH_KERNEL)
        self.until(self._widget_is_there)
        self.show_widgets()

    def _widget_is_there(self) -> None:
        assert self.page.locator(".widget-image").count()

    def names(self) -> list[tuple[str, str]]:
        """Name and tooltip of each control near what is shown."""
        return self.page.evaluate(NAMES, CONTROLS)

    def contrast(self, selector: str) -> float:
        """Contrast of a text with what is behind it, as WCAG defines it."""
        return self.page.locator(selector).filter(visible=True).first.evaluate(CONTRAST)

    # --- what is shown ----------------------------------------------------------------------------

    def picture(self, number: int = 0) -> np.ndarray:
        """Pixels of a figure, (height, width, 3)."""
        image = self.page.locator(".widget-image").nth(number)
        data = base64.b64decode(image.evaluate(BYTES))
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)

    def place_of_picture(self) -> tuple[float, ...]:
        """Left, top, width and height, from where its widget begins."""
        image = self.page.locator(".tmnet-live .widget-image").first.bounding_box()
        around = self.page.locator(".tmnet-live").first.bounding_box()
        return image["x"] - around["x"], image["y"] - around["y"], image["width"], image["height"]

    def until_it_rests(self) -> None:
        """Until each explorer's figure is drawn for its room, and the answers above are there."""

        def rests():
            drawn = self.page.locator(".tmnet-figure").evaluate_all(DRAWN)
            assert drawn and all(_fits(*widths) for widths in drawn)
            assert self.page.locator(".tmnet-brief").count() == len(drawn)

        self.until(rests)

    def room(self) -> tuple[float, float]:
        """Inches across and up that the explorer's figure is given, of 100 pixels of the page."""
        wide = self.page.locator(".tmnet-figure").first.evaluate("x => x.clientWidth")
        high = self.page.evaluate("() => window.innerHeight")
        return wide / PAGE_INCH, (high - BESIDE) / PAGE_INCH

    def rows(self, selector: str) -> list[list[str]]:
        """Texts of a table that can be seen, a list a row."""
        tables = self.page.locator(selector).filter(visible=True)
        assert tables.count()
        return tables.first.evaluate(ROWS)

    def wait_for_text(self, selector: str, text: str) -> None:
        self.page.locator(selector).filter(has_text=text).first.wait_for()

    def told(self) -> list[str]:
        """Sentences of the findings that are not folded."""
        told = self.page.locator(".tmnet-findings li").filter(visible=True).all_inner_texts()
        return [text.removeprefix("claim ") for text in told]

    def alerts(self) -> list[str]:
        return self.page.locator("[role=alert]").filter(visible=True).all_inner_texts()


def _fits(drawn: float, room: float) -> bool:
    """Whether a picture has columns that fill a room, as wide as axes may be.

    A page fits one that was drawn before it said its width, so that only its own pixels tell.
    """
    columns = range(1, 8)
    wide = [n * PAGE_INCH * min(max(room / PAGE_INCH / n, NARROWEST), WIDEST) for n in columns]
    return round(drawn) in {int(x + 0.01) for x in wide}


def assert_it_has_run(notebook: Notebook, name: str) -> None:
    """As it is, from its first cell to its last; what went wrong in the page, `open_notebook` says.

    Each test that is the first to open a notebook that comes with tmnet asks this first.
    """
    cells = notebook.cells()
    assert cells and all(cell["count"] for cell in cells)
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert not notebook.alerts()
    notebook.until(lambda: _is_idle(notebook))  # it draws for the page's width, too
    assert notebook.watch.requests
    names = notebook.names()
    assert len(names) >= (name != "0_start") * 12
    assert not [pair for pair in names if not all(pair)]
    for picture in notebook.page.locator(".jp-OutputArea-output img").filter(visible=True).all():
        picture.evaluate("picture => picture.decode()")
    assert not notebook.page.locator("text=model not found").count()
    notebook.screenshot(name, whole=True)
    notebook.show_widgets()  # again: the window was as high as the notebook


def _is_idle(notebook: Notebook) -> None:
    kernel = notebook.kernel()
    assert kernel["same"] and kernel["status"] == "idle"


def sentences(findings, kinds=tuple(HEADINGS)) -> list[str]:
    """As the page lists findings: by kind."""
    return [some.sentence for kind in kinds for some in findings if some.kind == kind]


def number(text: str) -> float:
    """The number that a cell begins with; NaN for a dash."""
    if text.startswith("–"):
        return np.nan
    found = re.match(r"[-+−]?[\d,.e+]+", text)[0]
    return float(found.replace(",", "").replace("−", "-"))


def shows(text: str, value: float) -> bool:
    """Whether a text is a value, rounded to the digits that it has."""
    if not np.isfinite(value) or text.startswith("–"):
        return text.startswith("–") and not np.isfinite(value)
    text = text.split()[0]
    if "e" in text:
        return abs(number(text) - value) <= 0.0051 * abs(value)
    digits = re.match(r"[-+−]?[\d,]+\.?(\d*)", text)[1]
    return abs(number(text) - value) <= 0.5 * 10.0 ** -len(digits) * (1 + 1e-6)
