"""Runs without time, or without steps, beside one that has both: what nobody asked for stops
nothing, and a note says who is left out of it."""

import re

import pytest

import tmnet

from .synthetic import race, write_file

WITHOUT = {
    "instant": ("time", "one and the same time"),
    "stepless": ("step", "none is above -1"),
}


@pytest.fixture
def logdir(tmp_path):
    """`both` drives for ten minutes; `instant` wrote all at once, `stepless` always at step -1."""
    write_file(tmp_path / "both", [(60 * k, 100 * k, race(40.0 - k)) for k in range(1, 11)])
    write_file(tmp_path / "instant", [(0, 100 * k, race(30.0 - k)) for k in range(1, 11)], pid=2)
    write_file(tmp_path / "stepless", [(60 * k, -1, race(20.0 - k)) for k in range(1, 11)], pid=3)
    return tmp_path


@pytest.fixture
def runs(logdir):
    return {run.name: run for run in tmnet.load_runs(logdir)}


@pytest.mark.parametrize("name", WITHOUT)
def test_the_command(command, logdir, name):
    axis, why = WITHOUT[name]
    left = {"time": "STEP", "step": "RELATIVE TIME"}[axis]
    both, alone = (
        command("compare", *names, "--logdir", logdir, "--interval", 1, "--step-interval", 100)
        for names in (["both", name], [name])
    )
    for status, out, _ in (both, alone):
        assert status == 0
        assert re.search(rf"Note: Run {name} has no .*{why}", out)
    assert all(f"BY {axis}" in both[1] for axis in ("STEP", "RELATIVE TIME"))
    assert re.findall(r"^BY [A-Z ]+[A-Z]", alone[1], re.MULTILINE) == [f"BY {left}"]


def test_no_axis_at_all(command, tmp_path):
    write_file(tmp_path / "one", [(0, 0, {"loss": 1})])
    status, out, err = command("compare", "one", "--logdir", tmp_path)
    assert status == 2 and not out and "has no time axis" in err and "has no steps" in err


@pytest.mark.parametrize("name", WITHOUT)
def test_a_report(command, logdir, tmp_path, name):
    """Has the parts that can be, and says under "Runs and machines" why others are not there."""
    axis, why = WITHOUT[name]
    heads = {"time": "Every metric by training time", "step": "Every metric by step"}
    for names in (["both", name], [name]):
        made = tmp_path / "-".join(names)
        arguments = ("--runs", *names, "--logdir", logdir, "--output-dir", made, "--format", "md")
        assert command("report", *arguments)[0] == 0
        text = (made / f"{'_'.join(names)}.md").read_text(encoding="utf-8")
        assert [x for x in heads if heads[x] in text] == [
            x for x in heads if x != axis or "both" in names
        ]
        assert re.search(why, text.partition("## Runs and machines")[2].partition("\n## ")[0])


@pytest.mark.parametrize("name", WITHOUT)
def test_the_explorer(runs, name):
    axis, why = WITHOUT[name]
    explorer = tmnet.explore([runs["both"], runs[name]], by=axis)
    assert [run.name for run in explorer.comparison.runs] == ["both"]
    assert re.search(why, explorer.display.notes.value)
    assert [*explorer.controls.baseline.options] == ["both"]
    assert re.findall(r"load_run\('(\w+)'", explorer.code) == ["both"]
    explorer.controls.by.value = {"time": "step", "step": "time"}[axis]
    assert [run.name for run in explorer.comparison.runs] == ["both", name]
    alone = tmnet.explore(runs[name])
    assert alone.comparison.axis.by != axis and not alone.display.message.value


@pytest.mark.parametrize("name", WITHOUT)
def test_a_write_up(logdir, name):
    widget = tmnet.write_up(logdir)
    widget.runs.value = (name,)
    assert widget.comparison.axis.by != WITHOUT[name][0] and not widget.message.value
