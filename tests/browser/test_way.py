"""The way from the start page to a written page: few clicks, and nothing to copy and paste."""

import ast
import shutil

from jupyterlab.labapp import LabApp

from tmnet.cli import main
from tmnet.files import example_runs
from tmnet.yaml_text import from_yaml

from ..synthetic import race, write_file
from .notebook import CELLS, RUN_ONE, SHUT_DOWN_ALL, Watch

MOST_CLICKS = 8
# At the document: a click that Playwright tries again, as its aim moved, does not get there.
COUNT = """window.clicks = 0;
document.addEventListener("pointerdown", event => { window.clicks += event.isTrusted; }, true);"""
READY = """async () => {
    const panel = jupyterapp.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
}"""
VIEW = "explorer.view"


def test_from_the_start_page_to_a_written_page(lab_root, lab_url, browser, monkeypatch):
    """Which of two is worth it, big or small? Others are unticked, and both get short names; typing
    is not counted."""
    monkeypatch.setattr(LabApp, "launch_instance", lambda arguments: None)
    monkeypatch.setattr("tmnet.cli.lab.PATIENCE", 600)
    own = lab_root / "way"
    shutil.copytree(example_runs(), own / "tensorboard")
    write_file(own / "tensorboard" / "aborted", [(4, 100, race(300.0, False))])
    assert main(["lab", str(own)]) == 0
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(60_000)
    page.add_init_script(COUNT)
    watch = Watch(page)
    page.goto(lab_url.format("../way/notebooks/0_start.ipynb"))

    page.get_by_role("link", name="Compare runs", exact=True).click()
    page.locator(".lm-mod-current", has_text="1_compare_runs.ipynb").wait_for()
    page.evaluate(READY)
    for _ in range(2):
        _shown(page, '[data-command="notebook:run-cell-and-select-next"]').click()
    for name in ("uni_20", "uni_20_long"):
        _shown(page, f'label:has(span:text-is("{name}")) input').click()
    page.locator(".tmnet-brief", has_text="at 22 min").wait_for()
    _shown(page, "button:has-text('Names, colours, notes')").click()
    for short in ("big", "small"):
        field = _shown(page, ".widget-text:has(label:has-text('Short name')) input")
        field.focus()
        page.keyboard.type(short + "\n")
        page.locator(f'label:has(span:text-is("{short}"))').wait_for()
        _shown(page, ".widget-dropdown:has(label:has-text('Run')) select").focus()
        page.keyboard.press("ArrowDown")
        page.wait_for_function("field => !field.value", arg=field.element_handle())
    _shown(page, ".widget-dropdown:has-text('Baseline') select").focus()
    page.keyboard.press("ArrowDown")
    page.locator(".tmnet-brief", has_text="big − small").wait_for()
    _shown(page, ".tmnet-figure").focus()
    for key in (*["ArrowLeft"] * 8, "]"):
        page.keyboard.press(key)
    page.locator(".tmnet-brief", has_text="at 18 min").wait_for()
    button = _shown(page, "button:has-text('Write this up')")
    button.click()
    _shown(page, "button:has-text('Make the page')").click()
    written = page.frame_locator("iframe[title='The page']")
    written.locator("h1").wait_for()
    assert 4 < page.evaluate("() => window.clicks") <= MOST_CLICKS

    assert written.locator("text=big").count() and written.locator("figure img").count()
    page.evaluate(RUN_ONE, VIEW)
    page.wait_for_function(f"() => ({CELLS})().find(cell => cell.source == '{VIEW}').count")
    (cell,) = [cell for cell in page.evaluate(CELLS) if cell["source"] == VIEW]
    view = ast.literal_eval(cell["outputs"][0]["data"]["text/plain"])
    report = own / "notebooks" / "report"
    study = from_yaml((report / "report.yaml").read_text(encoding="utf-8"))
    assert (report / "report.html").stat().st_size > 100_000
    assert study["runs"] == view["runs"] == ["A01_as20_big_long", "A01_as20_long"]
    assert study["names"] == {"A01_as20_big_long": "big", "A01_as20_long": "small"}
    assert study["baseline"] == view["baseline"] == "A01_as20_long"
    assert study["window"] == list(view["window"]) and study["window"][1] == 18
    assert {*study["metrics"]} == {*view["metrics"]}
    assert not watch.errors and not watch.outside
    page.evaluate(SHUT_DOWN_ALL)
    page.context.close()


def _shown(page, selector):
    return page.locator(selector).filter(visible=True).first
