"""Logs of a study, and pages of it."""

import pytest

import tmnet
from tmnet.report.report import report
from tmnet.report.study import load_study

from ..synthetic import CUTOFF, race, write_file
from .pages import LOGDIR, RUNS, SHORT, STYLES, study, text_of
from .reading import read


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Folder with the report of the published study, `page`, in all formats."""
    directory = tmp_path_factory.mktemp("published")
    files = report(
        load_study("network_size_published"), logdir=LOGDIR, directory=directory, name="page",
        styles=STYLES,
        formats=("jpg", "tex", "csv"), commands=["tmnet report network_size_published"],
    )  # fmt: skip
    assert {*files} == {*directory.iterdir()} and len(files) == len({*files})
    return directory


@pytest.fixture(scope="module")
def pages(published):
    """What parsers find in the pages, by format; in Markdown with the appendix."""
    html = read("html", text_of(published / "page.html"))
    page, appendix = (
        read("md", text_of(published / f"page{part}.md")) for part in ("", "_appendix")
    )
    return {"html": html, "md": page + appendix, "page": page, "appendix": appendix}


@pytest.fixture(scope="module")
def runs():
    return {short: tmnet.load_run(name, LOGDIR) for short, name in zip(SHORT, RUNS)}


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    """Log directory of small runs of 30 minutes, which log once a minute.

    ============  ========================================================================
    big0, big1    one eval race of A01 a minute: from minute 5 or 6 on, 50 - k/2 or 50 - k/3 s
    small2, 3     the same from minute 7 or 8 on, 50 - k/4 or 50 - k/5 s
    only, only_b  a loss of 128 - k or 128 - k/2, and nothing else
    ============  ========================================================================
    """
    logdir = tmp_path_factory.mktemp("small")
    for i, name in enumerate(["big0", "big1", "small2", "small3"]):
        records = [
            (60 * k, 1000 * k, race(50 - k / (2 + i)) if k > 4 + i else race(CUTOFF, False))
            for k in range(1, 31)
        ]
        write_file(logdir / name, [(1, 10, {"own/start": 1}), *records], pid=i + 1)
    for i, name in enumerate(["only", "only_b"], start=1):
        records = [(60 * k, 1000 * k, {"loss": 128 - k / i}) for k in range(1, 31)]
        write_file(logdir / name, [(1, 10, {"loss": 128}), *records], pid=10 + i)
    return logdir


@pytest.fixture(scope="module")
def arms(logdir, tmp_path_factory):
    """Folder with the report of a study with arms, `arms`."""
    directory = tmp_path_factory.mktemp("arms")
    arms = {"big": ["big0", "big1"], "small": ["small2", "small3"]}
    thresholds = {"A01/eval/best": 43.0, "A01/eval/finish_rate": 0.5}
    some = study(
        arms=arms, thresholds=thresholds, step_interval=5000, prefix="arms", baseline="big",
        names={"big": "big net"},
    )  # fmt: skip
    report(
        some,
        logdir=logdir,
        directory=directory,
        name="arms",
        styles=["md"],
        formats=["svg"],
        cache=False,
    )
    return directory
