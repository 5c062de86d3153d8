"""The start page, the network lab, the training panel and the write-up, as a person uses them."""

import shutil
from dataclasses import replace

import pytest
from jupyterlab.labapp import LabApp

from tmnet.cli import main
from tmnet.networks import NetworkConfig, anatomy
from tmnet.yaml_text import from_yaml

from .notebook import SHUT_DOWN_ALL, Watch, assert_it_has_run

BUTTONS = {
    "Compare runs": "1_compare_runs",
    "Network size": "2_network_size",
    "Train": "3_train",
    "Write up": "4_write_up",
}
CHANGES = """neural_network: {use_image_head: false, float_hidden_dim: 16}
training: {batch_size: 16}
memory: {schedule: [[0, 2000, 300]], uses_per_transition: 1.0}
performance: {num_envs: 4}
map_cycle: [{map: A01, kind: eval, races: 1}]"""

OUTSIDE = """() => {
    const edge = document.querySelector(".jp-OutputArea-output").getBoundingClientRect().right;
    const names = ".widget-button, .widget-image, .widget-html, .widget-text, .widget-dropdown, "
        + ".widget-slider, .widget-textarea, .widget-tab, .widget-checkbox";
    return [...document.querySelectorAll(names)]
        .filter(x => x.offsetParent && x.getBoundingClientRect().right > edge + 1)
        .map(x => `${x.className} ${x.innerText.slice(0, 40)}`);
}"""


@pytest.fixture
def own_logdir(lab_root):
    """Where the notebooks train, and which they read by default: it goes after the test."""
    yield
    shutil.rmtree(lab_root / "tensorboard")


def test_the_start_page(open_notebook):
    assert_it_has_run(open_notebook("0_start"), "0_start")


def test_the_start_page_is_there_without_running_a_cell(lab_root, lab_url, browser, monkeypatch):
    """As `tmnet lab` makes it: on the first screen of a laptop the runs, a figure, buttons."""
    monkeypatch.setattr(LabApp, "launch_instance", lambda arguments: None)
    monkeypatch.setattr("tmnet.cli.lab.PATIENCE", 600)
    (lab_root / "own").mkdir()
    assert main(["lab", str(lab_root / "own")]) == 0
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    watch = Watch(page)
    page.goto(lab_url.format("../own/notebooks/0_start.ipynb"))
    figure = page.locator(".jp-Notebook .jp-RenderedImage img")
    figure.evaluate("figure => figure.decode()")
    assert figure.evaluate("figure => figure.naturalWidth") > 1000
    shown = [
        figure,
        page.get_by_role("rowheader", name="uni_20_long"),
        page.locator("text=runs: 4,"),
    ]
    for box in (one.bounding_box() for one in shown):
        assert box["y"] > 0 and box["y"] + box["height"] < 800 and box["x"] + box["width"] < 1280
    for name, notebook in BUTTONS.items():
        page.get_by_role("link", name=name, exact=True).click()
        page.locator(".lm-mod-current", has_text=f"{notebook}.ipynb").wait_for()
        page.locator(".lm-TabBar-tab", has_text="0_start.ipynb").click()
    assert not watch.errors and not watch.outside
    page.evaluate(SHUT_DOWN_ALL)
    page.context.close()


def test_the_network_lab_follows_its_sliders(open_notebook):
    notebook = open_notebook("2_network_size")
    assert_it_has_run(notebook, "2_network_size")
    small = NetworkConfig.small()
    knobs = {
        "Embedding (cosines)": ("iqn_embedding_dimension", 16),
        "Heads (width)": ("dense_hidden_dimension", 64),
        "Float layers (width)": ("float_hidden_dim", 16),
    }
    values = {}
    for label, (name, step) in knobs.items():
        before = notebook.picture()
        notebook.press(label, "ArrowRight", 2)
        values[name] = getattr(small, name) + 2 * step
        parameters = anatomy(replace(small, **values)).totals["parameters"]
        notebook.wait_for_text(".widget-html", f"{parameters:,.0f}")
        notebook.until(lambda before=before: _differs(notebook.picture(), before))
    notebook.tab("YAML").click()
    for name, value in values.items():
        notebook.wait_for_text(".widget-html", f"{name}: {value}")
    page = notebook.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook.button("Copy").click()
    page.locator('button:text-is("Copied")').wait_for()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert NetworkConfig(**from_yaml(copied)["neural_network"]) == replace(small, **values)
    notebook.button("Big").click()
    big = anatomy(NetworkConfig.big()).totals["parameters"]
    notebook.wait_for_text(".widget-html", f"{big:,.0f}")
    notebook.tab("What size bought").click()
    notebook.wait_for_text(".widget-html", "uni_20_long starts from the checkpoint of uni_20.")
    shown = page.locator(".widget-image").filter(visible=True)
    page.wait_for_function("x => x.naturalWidth > 900", arg=shown.nth(1).element_handle())
    notebook.button("Train this").click()
    notebook.wait_for_text(".widget-html", "in the training panel below")
    assert notebook.page.locator(".widget-textarea textarea").first.input_value() == (
        "neural_network: {w_downsized: 68, h_downsized: 68, iqn_embedding_dimension: 64, iqn_n: 8, "
        "iqn_k: 16}\n"
    )
    for width in (900, 1280):
        page.set_viewport_size({"width": width, "height": 1250})
        notebook.until(lambda: _nothing_sticks_out(page))
        notebook.screenshot(f"network_lab_{width}", whole=True)
    page.set_viewport_size({"width": 1680, "height": 1250})
    assert not notebook.alerts()


def _nothing_sticks_out(page):
    """Of what can be seen of widgets, in the notebook's own width."""
    outside = page.evaluate(OUTSIDE)
    assert not outside, outside


def _differs(picture, before):
    assert picture.shape != before.shape or (picture != before).any()


def test_a_training(open_notebook, own_logdir):
    """Start, a curve that grows, pause, resume, stop, its race, and compare."""
    notebook = open_notebook("3_train")
    assert_it_has_run(notebook, "3_train")
    page = notebook.page

    def wait_for_enabled(name):
        page.locator(f'.jupyter-button:not([disabled]):has-text("{name}")').first.wait_for()

    notebook.field("Changes").fill(CHANGES)
    notebook.field("Changes").blur()
    notebook.wait_for_text(".widget-html", "batch_size: 16")  # among the configuration
    notebook.button("Start").press("Enter")
    page.wait_for_function("() => document.querySelector('.widget-image').naturalWidth > 1000")
    notebook.wait_for_text(".widget-html", "updates/s")
    notebook.wait_for_text(".widget-html", "A01/eval")
    before = notebook.picture()
    notebook.until(lambda: _differs(notebook.picture(), before), 60)
    notebook.screenshot("training")
    notebook.button("Pause").click()
    notebook.wait_for_text(".widget-html", "paused")
    wait_for_enabled("Resume")
    notebook.button("Resume").click()
    wait_for_enabled("Pause")
    notebook.wait_for_text(".widget-html", "updates/s")
    notebook.button("Stop").click()
    notebook.wait_for_text(".widget-html", "ended and saved")
    notebook.tab("Latest eval race").click()
    notebook.button("Show latest eval race").click()
    notebook.wait_for_text(".widget-html", "km/h")
    for width in (900, 1280):
        page.set_viewport_size({"width": width, "height": 1250})
        notebook.until(lambda: _nothing_sticks_out(page))
        notebook.screenshot(f"training_{width}", whole=True)
    page.set_viewport_size({"width": 1680, "height": 1250})
    notebook.button("Compare").click()
    notebook.wait_for_text(".widget-html", "A01 eval: late finish rate")
    assert not notebook.alerts()


def test_a_page_is_written(open_notebook, tmp_path):
    notebook = open_notebook("4_write_up")
    assert_it_has_run(notebook, "4_write_up")
    page = notebook.page
    notebook.wait_for_text(".widget-html", "Against the baseline")
    before = notebook.told()
    notebook.press("A01 eval: finish rate (%)", "ArrowRight", 20)

    def others():
        told = notebook.told()
        assert told != before and any("52.0 %" in sentence for sentence in told)

    notebook.until(others)
    notebook.tab("Your words").click()
    words = page.locator(".widget-textarea textarea[placeholder*='answer to the question']").first
    words.fill("It pays off after a while.")
    words.blur()
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    notebook.type("Folder", str(in_the_way))
    notebook.button("Make the page").click()
    notebook.wait_for_text("[role=alert]", "cannot be made (File exists); choose another")
    notebook.type("Folder", "report")
    notebook.button("Make the page").click()
    frame = page.frame_locator("iframe[title='The page']")
    frame.locator("text=It pays off after a while.").wait_for(timeout=120_000)
    assert frame.locator("h2", has_text="Conclusions").count() == 1
    assert frame.locator("figure img").count() > 10
    notebook.screenshot("page")
    assert not notebook.alerts()


def test_what_must_not_be_would_be_seen(browser):
    """Errors in the page and in the console, and requests to elsewhere."""
    page = browser.new_page()
    watch = Watch(page)
    page.goto("data:text/html,<p>")
    assert not watch.errors and not watch.outside
    page.evaluate("() => { console.error('so it says'); setTimeout(() => nothing.there, 0); }")
    page.evaluate("() => fetch('http://example.com/a').catch(() => 0)")
    page.evaluate("() => { new WebSocket('ws://example.org/b'); }")
    expected = {"http://example.com/a", "ws://example.org/b"}
    for _ in range(1200):
        if len(watch.errors) >= 2 and {*watch.outside} >= expected:
            break
        page.wait_for_timeout(50)
    page.close()
    said = "\n".join(watch.errors)
    assert "console: so it says" in said and "nothing is not defined" in said
    assert {*watch.outside} == expected
