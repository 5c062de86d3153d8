"""The page of a study in a browser: what a reader sees first, and how much of it there is."""

import pytest

from tmnet.files import data_path, example_runs
from tmnet.report.report import report
from tmnet.report.study import load_study

from .conftest import SCREENSHOTS

STUDIES = {"network_size_published": "published", "network_size_big_long": "recorded"}
FIRST = ("h1", "p", ".answer", ".caution", "figure img", "figcaption")


@pytest.fixture(scope="module", params=STUDIES)
def page(request, browser, tmp_path_factory):
    """The page in a window of 1280 x 800."""
    directory = tmp_path_factory.mktemp("page")
    logdir = example_runs() if request.param.endswith("long") else data_path("published", "runs")
    (path, *_) = report(load_study(request.param), logdir=logdir, directory=directory)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(path.as_uri())
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"page_{STUDIES[request.param]}.png")
    yield page
    context.close()


@pytest.mark.parametrize("what", FIRST)
def test_the_first_screen_shows_it_without_scrolling(page, what):
    for box in [element.bounding_box() for element in page.query_selector_all(what)][:3]:
        if what in ("p", "figure img", "figcaption"):  # others of these are below
            box = page.query_selector(what).bounding_box()
        assert box["height"] > 10 and box["width"] > 300
        assert box["y"] >= 0 and box["y"] + box["height"] <= 800


def test_what_is_seen_has_at_most_1500_words(page):
    assert 500 < len(page.inner_text("body").split()) <= 1500


def test_no_table_is_wider_than_the_page(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    wide = """[...document.querySelectorAll('.wide > table')].filter(
        table => table.checkVisibility() && table.offsetWidth > table.parentNode.offsetWidth
    ).map(table => `${table.caption.innerText}: ${table.offsetWidth}`)"""
    assert page.evaluate(wide) == []


def test_links_lead_to_sections_and_folds_open(page):
    page.click("nav a:has-text('Everything else')")
    page.wait_for_function(
        "document.querySelector('#everything-else').getBoundingClientRect().y < 790"
    )
    fold = page.query_selector("details:has(> summary:text-is('Every metric by training time'))")
    fold.query_selector("summary").click()
    assert fold.query_selector("img").bounding_box()["width"] > 300


def test_it_can_be_printed(page):
    assert page.pdf(format="A4").startswith(b"%PDF")
