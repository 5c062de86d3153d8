"""The write-up: what is chosen in it is on the page."""

import pytest

import tmnet
from tmnet.files import example_runs

RUNS = ("A01_as20_long", "uni_20")


@pytest.fixture(scope="module")
def writing(tmp_path_factory):
    widget = tmnet.write_up(example_runs())
    widget.runs.value = RUNS
    widget.folder.value = str(tmp_path_factory.mktemp("write_up"))
    return widget


def test_at_first_it_compares_as_findings_do_by_themselves(writing):
    assert not writing.message.value
    assert writing.baseline.value == RUNS[0] and tuple(writing.baseline.options) == RUNS
    assert writing.primary.value == ("A01/eval/late_rate", "A01/eval/late_best_of_10")
    assert "uni_20 against A01_as20_long" in writing.findings.value
    assert "<p class='tmnet-answer'>" in writing.findings.value.partition("<h4>")[0]


def test_baseline_and_primary_metrics_are_chosen(writing):
    writing.baseline.value = "uni_20"
    writing.primary.value = ["A01/explo/late_rate"]
    assert not writing.message.value
    assert "A01_as20_long against uni_20" in writing.findings.value
    assert "A01 eval late best of 10 races at" not in writing.findings.value
    study = writing.study
    assert (study.baseline, study.primary) == ("uni_20", ["A01/explo/late_rate"])


def test_the_page_is_the_same_as_the_commands(writing, tmp_path):
    """And has the author's words, which are Markdown."""
    from tmnet.report.report import report

    writing.baseline.value = "uni_20"
    writing.primary.value = ["A01/explo/late_rate"]
    writing.prose["conclusions"].value = "It is **so**."
    writing.make.click()
    assert not writing.message.value
    text = writing.files[0].read_text(encoding="utf-8")
    assert "<p>It is <strong>so</strong>.</p>" in text and "against uni_20" in text
    (path, *_) = report(
        writing.study, logdir=example_runs(), directory=tmp_path,
        words={"conclusions": "It is **so**."},
    )  # fmt: skip
    assert path.read_text(encoding="utf-8") == text


def test_other_runs_have_other_baselines(writing):
    writing.runs.value = ("A01_as20_big_long",)
    assert writing.baseline.value == "A01_as20_big_long" and not writing.message.value
    writing.runs.value = RUNS
