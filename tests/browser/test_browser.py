"""The explorer in a real browser: its sliders move its picture."""

import io

import numpy as np
from PIL import Image

import tmnet
from tmnet.files import data_path

SLIDER = '.widget-inline-hbox:has(> label:text-is("{}")) .noUi-handle'


def press(page, slider, key, times):
    page.locator(SLIDER.format(slider)).first.focus()
    for _ in range(times):
        page.keyboard.press(key)


def wait_for_new_picture(page, old):
    page.wait_for_function("old => document.querySelector('.widget-image').src != old", arg=old)
    return page.locator(".widget-image").first.get_attribute("src")


def wait_for_text(page, selector, text):
    page.locator(selector).filter(has_text=text).first.wait_for()


def test_sliders_move_the_picture(open_notebook):
    page = open_notebook("1_compare_runs.ipynb")
    picture = page.locator(".widget-image").first
    picture.wait_for()
    # the moment's table, at the end of the window
    best = tmnet.compare(tmnet.load_runs(data_path("runs")), interval=0.5).table("A01/eval/best")
    wait_for_text(page, ".widget-html", f"{best['uni_20'].iloc[-1]:.2f}")
    box = picture.bounding_box()
    assert box["width"] > 700 and box["height"] > 400
    pixels = np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("RGB"), int)
    colourful = (pixels.max(axis=2) - pixels.min(axis=2) > 60).mean()
    assert colourful > 0.003  # lines were drawn

    src = picture.get_attribute("src")
    press(page, "Moment", "ArrowLeft", 12)
    wait_for_text(page, ".widget-html", f"{best.index[-13]:g} min")
    src = wait_for_new_picture(page, src)

    press(page, "Interval (min)", "ArrowRight", 10)
    src = wait_for_new_picture(page, src)
    wait_for_text(page, ".widget-readout", "5.5")

    page.locator(".lm-TabBar-tab").filter(has_text="Configuration").first.click()
    wait_for_text(page, ".widget-html", "neural_network.iqn_n")
    page.locator(".lm-TabBar-tab").filter(has_text="Findings").first.click()
    wait_for_text(page, ".widget-html", "Who leads")
    assert not page.locator("text=failed").count()


def test_the_network_lab_follows_its_sliders(open_notebook):
    page = open_notebook("2_network_size.ipynb")
    picture = page.locator(".widget-image").first
    picture.wait_for()
    wait_for_text(page, ".widget-html", "1,051,805")
    src = picture.get_attribute("src")
    press(page, "Embedding (cosines)", "ArrowRight", 8)  # from 128 in steps of 16
    wait_for_text(page, ".widget-html", "1,150,109")
    wait_for_new_picture(page, src)
    page.locator(".lm-TabBar-tab").filter(has_text="YAML").first.click()
    wait_for_text(page, ".widget-html", "iqn_embedding_dimension: 256")


CHANGES = """neural_network: {use_image_head: false, float_hidden_dim: 16}
training: {batch_size: 16}
memory: {schedule: [[0, 2000, 300]], uses_per_transition: 1.0}
performance: {num_envs: 4}
map_cycle: [{map: A01, kind: eval, races: 1}]"""


def test_a_training_in_the_panel(open_notebook):
    page = open_notebook("3_train.ipynb")

    def click(name):
        page.locator(f'.jupyter-button:has-text("{name}")').first.click()

    def wait_for_enabled(name):
        page.locator(f'.jupyter-button:not([disabled]):has-text("{name}")').first.wait_for()

    changes = page.locator(".widget-textarea:has(> label:text-is('Changes')) textarea").first
    changes.fill(CHANGES)
    changes.blur()
    wait_for_text(page, ".widget-html", "batch_size: 16")
    click("Start")
    picture = page.locator(".widget-image").first
    page.wait_for_function("() => document.querySelector('.widget-image').naturalWidth > 1000")
    wait_for_text(page, ".widget-html", "updates/s")
    wait_for_text(page, ".widget-html", "A01/eval")
    wait_for_new_picture(page, picture.get_attribute("src"))  # it grows
    click("Pause")
    wait_for_text(page, ".widget-html", "paused")
    wait_for_enabled("Resume")
    click("Resume")
    wait_for_enabled("Pause")
    wait_for_text(page, ".widget-html", "updates/s")
    click("Stop")
    wait_for_text(page, ".widget-html", "ended and saved")
    page.locator(".lm-TabBar-tab").filter(has_text="Latest eval race").first.click()
    click("Show latest eval race")
    wait_for_text(page, ".widget-html", "km/h")
    click("Compare")
    wait_for_text(page, ".widget-html", "A01: average Q")
    assert not page.locator("text=failed").count()


def test_a_page_is_written(open_notebook):
    page = open_notebook("4_write_up.ipynb")
    wait_for_text(page, ".widget-html", "Who leads")
    page.locator(".lm-TabBar-tab").filter(has_text="Your words").first.click()
    words = page.locator(".widget-textarea textarea[placeholder*='answer to the question']").first
    words.fill("It pays off after a while.")
    words.blur()
    page.locator('.jupyter-button:has-text("Make the page")').first.click()
    frame = page.frame_locator("iframe[title='The page']")
    frame.locator("text=It pays off after a while.").wait_for(timeout=120_000)
    assert frame.locator("h2", has_text="Recommendations").count() == 1
    assert frame.locator("figure img").count() > 10
    assert not page.locator("text=failed").count()
