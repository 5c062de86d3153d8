"""The write-up: what is chosen in it is on the page."""

import pytest

import tmnet
from tmnet.files import example_runs
from tmnet.report.study import Study

from ..synthetic import race, write_file

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
    from tmnet.report.study import load_study

    writing.baseline.value = "uni_20"
    writing.primary.value = ["A01/explo/late_rate"]
    writing.prose["conclusions"].value = "It is **so**."
    writing.make.click()
    assert not writing.message.value
    text = writing.files[0].read_text(encoding="utf-8")
    assert "<p>It is <strong>so</strong>.</p>" in text and "against uni_20" in text
    again = writing.files[0].with_suffix(".yaml")
    command = f"tmnet report {again} --logdir {example_runs()}"
    assert command in text
    (path, *_) = report(
        load_study(again), logdir=example_runs(), directory=tmp_path, commands=[command],
        words={"conclusions": "It is **so**."},
    )  # fmt: skip
    assert path.read_text(encoding="utf-8") == text


def test_other_runs_have_other_baselines(writing):
    writing.runs.value = ("A01_as20_big_long",)
    assert writing.baseline.value == "A01_as20_big_long" and not writing.message.value
    writing.runs.value = RUNS


# --- from the explorer ----------------------------------------------------------------------------


def written_up(explorer):
    """What the button opens."""
    explorer.display.write_up.click()
    assert not explorer.display.message.value
    assert explorer.display.tabs.titles[explorer.display.tabs.selected_index] == "Write-up"
    return explorer.display.page.children[0]


def test_what_is_shown_in_the_explorer_is_written_up(tmp_path):
    names = ["A01_as20_long", "uni_20", "uni_20_long"]
    explorer = tmnet.explore(
        example_runs(), runs=names, baseline="uni_20", window=(3.0, 12.0), interval=0.25,
        metrics=["A01/eval/late_mean", "loss"],
        marks={"A01_as20_long": {"name": "small"}, "uni_20": {"colour": "#882255"}},
    )  # fmt: skip
    writing = written_up(explorer)
    study = writing.study
    assert (study.runs, study.baseline) == (names, "uni_20")
    assert (study.window, study.step_window, study.interval) == ([3.0, 12.0], None, 0.25)
    assert study.metrics == ["A01/eval/late_mean", "loss"]
    assert study.names == {"A01_as20_long": "small"}
    # colours are those of the explorer, in which there are four runs
    assert study.order == {"small": "#de8f05", "uni_20": "#882255", "uni_20_long": "#d55e00"}
    assert writing.comparison.window == (3.0, 12.0)
    assert "small against uni_20" in writing.findings.value
    assert "from 3 to 12 min; first A01 eval: late mean time" in writing.taken.value
    writing.folder.value = str(tmp_path)
    writing.prose["conclusions"].value = "So it is."
    writing.make.click()
    assert not writing.message.value
    page = writing.files[0].read_text(encoding="utf-8")
    assert "small" in page and "So it is." in page and "12 min" in page
    again = written_up(explorer)  # another one keeps the words
    assert again is not writing and again.words == {"conclusions": "So it is."}
    assert again.folder.value == str(tmp_path)


def test_a_window_that_begins_late_is_written_up():
    explorer = tmnet.explore(example_runs(), window=(9.0, 12.0))
    explorer.controls.logdir.value = "nowhere"  # the runs stay, and where they are
    assert "no log directory nowhere" in explorer.display.message.value
    writing = written_up(explorer)
    assert not writing.message.value and writing.after.value == pytest.approx(10.5)
    assert writing.logdir == example_runs()


def test_arms_and_steps_are_written_up(tmp_path):
    for name, time in (("big_1", 24.0), ("big_2", 25.0), ("small_1", 26.0), ("small_2", 27.0)):
        records = [(60 * k, 1000 * k, race(time)) for k in range(1, 61)]
        write_file(tmp_path / name, records)
    explorer = tmnet.explore(
        tmp_path, group="name", by="step", window=(0.0, 50_000.0), baseline="small_2",
        metrics=["A01/eval/best"], marks={"big": {"name": "large"}, "big_2": {"name": "second"}},
    )  # fmt: skip
    writing = written_up(explorer)
    study = writing.study
    assert study.arms == {"big": ["big_1", "big_2"], "small": ["small_1", "small_2"]}
    assert (study.baseline, study.step_window) == ("small", [0.0, 50_000.0])
    assert study.names == {"big": "large", "big_2": "second"} and not study.runs
    assert writing.comparison.arms == {"large": ("big_1", "second"),
                                       "small": ("small_1", "small_2")}  # fmt: skip
    assert dict(writing.baseline.options) == {"large": "big", "small": "small"}
    writing.folder.value = str(tmp_path / "page")
    writing.make.click()
    assert not writing.message.value and len(writing.files) > 2


def test_a_study_begins_a_write_up():
    from tmnet.report.study import load_study

    study = load_study("network_size_big_long")
    writing = tmnet.write_up(example_runs(), study)
    assert list(writing.runs.value) == study.run_names()
    assert writing.study.names == study.names and writing.title.value == study.title
    with pytest.raises(tmnet.TmnetError, match=r"There is no run x in .*; there are: A01"):
        tmnet.write_up(example_runs(), Study(title="", question="", runs=["x"]))
