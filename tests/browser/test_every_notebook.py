"""Every notebook runs in JupyterLab as it is, and nothing goes wrong in its page."""

from pathlib import Path

import pytest

from .notebook import Watch

NOTEBOOKS = sorted(path.stem for path in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_in_the_browser(open_notebook, name):
    """What went wrong in the page, the console or the kernel, `open_notebook` says."""
    notebook = open_notebook(name)
    cells = notebook.cells()
    assert cells and all(cell["count"] for cell in cells)
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert not notebook.alerts()
    kernel = notebook.kernel()
    assert kernel["same"] and kernel["status"] == "idle"
    assert notebook.watch.requests
    names = notebook.names()
    assert len(names) >= (name != "0_start") * 12
    assert not [pair for pair in names if not all(pair)]
    for picture in notebook.page.locator(".jp-OutputArea-output img").filter(visible=True).all():
        picture.evaluate("picture => picture.decode()")
    assert not notebook.page.locator("text=model not found").count()
    notebook.screenshot(name, whole=True)


def test_what_must_not_be_would_be_seen(browser):
    """Errors in the page and in the console, and requests to elsewhere."""
    page = browser.new_page()
    watch = Watch(page)
    page.goto("data:text/html,<p>")
    assert not watch.errors and not watch.outside
    page.evaluate("() => { console.error('so it says'); setTimeout(() => nothing.there, 0); }")
    page.evaluate("() => fetch('http://example.com/a').catch(() => 0)")
    page.evaluate("() => { new WebSocket('ws://example.org/b'); }")
    page.wait_for_timeout(200)
    page.close()
    said = "\n".join(watch.errors)
    assert "console: so it says" in said and "nothing is not defined" in said
    assert {*watch.outside} == {"http://example.com/a", "ws://example.org/b"}
