"""How soon the explorer's picture follows keys and mouse, in JupyterLab in a real browser.

Run with ``pytest tests/browser/latency.py -n 0 -s``. Four runs of 50,000 races and four axes; 40
moves each, from the key press, or from where the mouse lets go, until the new picture is painted. A
follow refresh counts from when it begins to read. Of hovering it is the page's own work from the
move until its frame is drawn; no message may go to the kernel. A moment is no new picture: it is
there once its table is.
"""

import numpy as np
import pytest

from ..benchmarks.synthetic import race_events, write_log
from .test_figure import COUNT_MESSAGES, VALUES, Figure

MOVES = 40
CELL = """import pathlib, time, tmnet
explorer = tmnet.explore({logdir!r}, metrics={metrics!r}, window=(0, 620))
look = explorer._look
def timed_look():
    pathlib.Path("look_began").write_text(str(time.time()))
    look()
explorer._look = timed_look
explorer"""
METRICS = ["A01/eval/late_rate", "A01/eval/late_best_of_10", "A01/eval/best", "loss"]
# Until there is another picture, or another table of the moment.
WATCH = """what => {
    const image = document.querySelector(".widget-image");
    let pressed = NaN;
    for (const kind of ["keydown", "pointerup"])
        window.addEventListener(kind, event => { pressed = event.timeStamp; },
            {capture: true, once: true});
    window.painted = new Promise((done, fail) => {
        setTimeout(() => fail("no new picture"), 20_000);
        const observer = new MutationObserver(async () => {
            observer.disconnect();
            await image.decode();
            requestAnimationFrame(at => done([performance.now() - pressed, Date.now() / 1000]));
        });
        const table = document.querySelector(".tmnet-moment").closest(".widget-html-content");
        if (what === "moment") observer.observe(table, {childList: true});
        else observer.observe(image, {attributes: true, attributeFilter: ["src"]});
    });
}"""

HOVER = """() => {
    window.hovered = [];
    let began, work, frame;
    window.addEventListener("pointermove", () => {
        began = performance.now();
        requestAnimationFrame(() => { frame = performance.now(); });
    }, {capture: true});
    window.addEventListener("pointermove", () => {
        work = performance.now() - began;
        requestAnimationFrame(() => window.hovered.push(work + performance.now() - frame));
    });
}"""


@pytest.fixture
def logdir(lab_root):
    for i in range(4):
        log = lab_root / "logs" / f"run_{i}" / "events.out.tfevents.1750000000.host.1.0"
        write_log(log, race_events(50_000, 500, i))
    return lab_root / "logs"


def moves(notebook, focus, keys, what="picture"):
    """Milliseconds of each key press."""
    taken = []
    for key in keys:
        focus()
        notebook.page.evaluate(WATCH, what)
        notebook.page.keyboard.press(key)
        taken.append(notebook.page.evaluate("() => window.painted")[0])
        notebook.page.wait_for_timeout(100)
    return taken


def hovers(figure):
    """Milliseconds of the page's work, move by move."""
    ends = [figure.point("loss", share, 0.5) for share in (0.02, 0.98)]
    figure.page.mouse.move(*ends[0])
    figure.page.wait_for_timeout(300)
    figure.page.evaluate(COUNT_MESSAGES)
    figure.page.evaluate(HOVER)
    for share in np.linspace(0, 1, MOVES):
        x, y = np.add(ends[0], share * np.subtract(ends[1], ends[0]))
        figure.page.mouse.move(float(x), float(y))
        figure.page.wait_for_timeout(50)
    assert figure.page.locator(VALUES).is_visible()
    assert not figure.page.evaluate("() => window.messages")
    return figure.page.evaluate("() => window.hovered")


def clicks(figure):
    """Milliseconds from a click to the moment that it chose, the last in the middle."""
    taken, shares = [], np.linspace(0.02, 0.78, MOVES)  # behind that all runs have ended
    for share in [*np.random.default_rng(0).permutation(shares), 0.4]:
        place = figure.point("loss", share, 0.5)
        figure.page.mouse.move(*place)
        figure.page.evaluate(WATCH, "moment")
        figure.page.mouse.click(*place)
        taken.append(figure.page.evaluate("() => window.painted")[0])
        figure.page.wait_for_timeout(500)  # or two would be a double click
    return taken


def drags(figure):
    """Milliseconds from where a drag ends to the window that it chose; each is taken back."""
    taken = []
    for k in range(MOVES // 2):
        begin, end = (figure.point("loss", share, 0.5) for share in (0.1 + 0.01 * k, 0.9))
        figure.page.mouse.move(*begin)
        figure.page.mouse.down()
        figure.page.mouse.move(*end, steps=4)
        figure.page.evaluate(WATCH, "picture")
        figure.page.mouse.up()
        taken.append(figure.page.evaluate("() => window.painted")[0])
        figure.page.wait_for_timeout(500)
        figure.page.mouse.dblclick(*begin)
        figure.page.wait_for_timeout(1000)
    return taken


def refreshes(notebook, logdir, began):
    """Milliseconds of refreshes with 1,000 new events each; the picture may not move."""
    notebook.button("Follow").click()
    image = notebook.page.locator(".widget-image").first
    place, taken = image.bounding_box(), []
    (log,), new = (logdir / "run_3").iterdir(), logdir.parent / "new"
    for k in range(MOVES // 2):
        walls = 1.75e9 + 60 * (500 + 5 * k) + 0.3 * np.arange(1000)  # one grid point more
        steps = 22_000_000 + 1000 * k + np.arange(1000)
        write_log(new, [(wall, step, "Training/loss", 0.1) for wall, step in zip(walls, steps)])
        records = new.read_bytes()
        version = 16 + int.from_bytes(records[:8], "little")  # bytes of the first record
        notebook.page.evaluate(WATCH, "picture")
        with open(log, "ab") as file:
            file.write(records[version:])
        painted = notebook.page.evaluate("() => window.painted")[1]
        taken.append(1000 * (painted - float(began.read_text())))
        assert image.bounding_box() == place
    return taken


def test_latency(lab_root, logdir, make_notebook, open_notebook):
    make_notebook("latency", CELL.format(logdir=str(logdir), metrics=METRICS))
    notebook = open_notebook("latency")
    page = notebook.page
    page.locator(".widget-image").first.wait_for()
    right, left = ["ArrowRight"] * (MOVES // 2), ["ArrowLeft"] * (MOVES // 2)

    def slider(label, number=0):
        return lambda: notebook.handle(label, number).focus()

    began = lab_root / "notebooks" / "look_began"
    metric = notebook.check_box("A01 explo: best time").focus
    notebook.until_it_rests()
    figure = Figure(notebook)
    measured = {
        "hover": lambda: hovers(figure),
        "click": lambda: clicks(figure),
        "moment": lambda: moves(notebook, slider("Moment"), left + right, "moment"),
        "window": lambda: moves(notebook, slider("Window (min)"), right + left),
        "interval": lambda: moves(
            notebook, slider("Interval (min)"), ["ArrowRight", "ArrowLeft"] * (MOVES // 2)
        ),
        "metric": lambda: moves(notebook, metric, ["Space"] * MOVES),
        "follow, 1,000 new events": lambda: refreshes(notebook, logdir, began),
        "drag": lambda: drags(figure),  # the last, as it leaves the common window
    }
    print("\n| move | median, ms | 95th percentile, ms |\n|---|---|---|")
    for name, measure in measured.items():
        taken = measure()
        print(f"| {name} | {np.median(taken):.3g} | {np.quantile(taken, 0.95):.3g} |")
