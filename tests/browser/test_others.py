"""The start page, the network lab, the training panel and the write-up, as a person uses them."""

from dataclasses import replace

from tmnet.networks import NetworkConfig, anatomy

from .notebook import Watch, assert_it_has_run

CHANGES = """neural_network: {use_image_head: false, float_hidden_dim: 16}
training: {batch_size: 16}
memory: {schedule: [[0, 2000, 300]], uses_per_transition: 1.0}
performance: {num_envs: 4}
map_cycle: [{map: A01, kind: eval, races: 1}]"""


def test_the_start_page(open_notebook):
    assert_it_has_run(open_notebook("0_start"), "0_start")


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
    notebook.button("Big").click()
    big = anatomy(NetworkConfig.big()).totals["parameters"]
    notebook.wait_for_text(".widget-html", f"{big:,.0f}")
    assert not notebook.alerts()


def _differs(picture, before):
    assert picture.shape != before.shape or (picture != before).any()


def test_a_training(open_notebook):
    """Start, a curve that grows, pause, resume, stop, its race, and compare."""
    notebook = open_notebook("3_train")
    assert_it_has_run(notebook, "3_train")
    page = notebook.page

    def wait_for_enabled(name):
        page.locator(f'.jupyter-button:not([disabled]):has-text("{name}")').first.wait_for()

    notebook.field("Changes").fill(CHANGES)
    notebook.field("Changes").blur()
    notebook.wait_for_text(".widget-html", "batch_size: 16")
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
