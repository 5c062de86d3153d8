"""Many runs in the explorer: listed by a part of their names, and compared as arms."""

import re
from statistics import fmean, stdev

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import tmnet
from tmnet.widgets.explorer.controls import EACH
from tmnet.widgets.explorer.groups import arms_of

from ..synthetic import race, write_file

TIMES = {
    "big_1": 24.0,
    "big_2": 25.0,
    "big_3": 28.0,
    "small_1": 26.0,
    "small_2": 27.0,
    "uni_20": 30.0,
}


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    """An eval race every minute, always in the same time, for 20 minutes."""
    logdir = tmp_path_factory.mktemp("seeds")
    for name, time in TIMES.items():
        write_file(logdir / name, [(60 * k, 100 * k, race(time)) for k in range(1, 21)])
    return logdir


@pytest.fixture
def explorer(logdir):
    return tmnet.explore(logdir, metrics=["A01/eval/best"])


@pytest.fixture
def arms(explorer):
    explorer.controls.group.value = "name"
    return explorer


def listed(explorer):
    return [row.box.description for row in explorer.controls.runs.children]


def moments(explorer):
    """What is in the rows of the table of the moment."""
    _, *rows = re.findall("<tr>(.*?)</tr>", explorer.display.moment_table.value)
    return [
        [
            " ".join(re.sub("<[^>]*>", " ", cell).split())
            for cell in re.findall("<td>(.*?)</td>", row)
        ]
        for row in rows
    ]


def moment(explorer):
    """What is in the table of the moment, by run or arm."""
    heads, row = re.findall("<tr>(.*?)</tr>", explorer.display.moment_table.value)
    return tuple(
        [
            re.sub("<[^>]*>", " ", cell).strip()
            for cell in re.findall(f"<{tag}>(.*?)</{tag}>", cells)
        ]
        for tag, cells in (("td", row), ("th", heads))
    )


@pytest.mark.parametrize(
    "pattern, names",
    [
        ("big", ["big_1", "big_2", "big_3"]),
        (" BIG ", ["big_1", "big_2", "big_3"]),
        ("*_2", ["big_2", "small_2"]),
        ("_2", ["big_2", "small_2", "uni_20"]),
        ("[1]", []),
        ("", list(TIMES)),
    ],
)
def test_runs_are_listed_by_a_part_of_their_names(explorer, pattern, names):
    explorer.controls.listed.value = pattern
    assert listed(explorer) == names
    assert explorer.view["runs"] == list(TIMES)  # what is shown stays


def test_all_and_none_are_of_those_that_are_listed(explorer):
    controls = explorer.controls
    controls.listed.value = "big"
    controls.none.click()
    assert explorer.view["runs"] == ["small_1", "small_2", "uni_20"]
    assert [run.name for run in explorer.comparison.runs] == explorer.view["runs"]
    controls.listed.value = ""
    controls.none.click()
    assert explorer.view["runs"] == [] and "at least one run" in explorer.display.message.value
    controls.listed.value = "*_2"
    controls.every.click()
    assert explorer.view["runs"] == ["big_2", "small_2"] and not explorer.display.message.value


@pytest.mark.parametrize(
    "names, arms",
    [
        (["big_1", "small_1", "big-2"], {"big": ["big_1", "big-2"], "small_1": ["small_1"]}),
        (["x_seed3", "x_s4", "x.5", "x6"], {"x": ["x_seed3", "x_s4", "x.5", "x6"]}),
        (["uni_20", "uni_20_long"], {"uni_20": ["uni_20"], "uni_20_long": ["uni_20_long"]}),
        (["7", "8"], {"7": ["7"], "8": ["8"]}),
        (["a/seed_0", "a/seed_1", "b/0"], {"a": ["a/seed_0", "a/seed_1"], "b/0": ["b/0"]}),
        (["seed_0", "seed_1"], {"seed": ["seed_0", "seed_1"]}),
        (["a_1", "a_1_1", "a_1_2"], {"a_1": ["a_1", "a_1_1", "a_1_2"]}),
        (["a", "a_1"], {"a": ["a", "a_1"]}),
        (
            ["e__ppo__1__1700000000", "e__ppo__2__1700000100", "e__dqn__1__1700000200"],
            {
                "e__ppo": ["e__ppo__1__1700000000", "e__ppo__2__1700000100"],
                "e__dqn__1__1700000200": ["e__dqn__1__1700000200"],
            },
        ),
    ],
)
def test_seeds_of_one_arm_differ_in_a_last_number(names, arms):
    assert arms_of(names) == arms


def test_arms_are_drawn_in_the_middle_of_their_seeds(arms):
    lines = arms._picture.multiples.lines
    for arm, middle in {"big": 25, "small": 26.5, "uni_20": 30}.items():  # of few the median
        y = lines["A01/eval/best", arm].get_ydata()
        assert len(y) == 20
        np.testing.assert_allclose(y, middle)


def test_the_table_of_arms(arms):
    values, columns = moment(arms)
    columns = [" ".join(name.split()) for name in columns]
    assert columns == ["", "big 3 seeds, baseline", "small 2 seeds", "uni_20 1 seed"]
    times = [time for name, time in TIMES.items() if name.startswith("big")]
    half = 4.302653 * stdev(times) / 3**0.5  # Student's t of two degrees of freedom
    span = f"{fmean(times) - half:.2f} to {fmean(times) + half:.2f}"
    assert [" ".join(value.split()) for value in values] == [
        f"25.00 * median; 95 % CI of the mean {span}", "26.50 median", "30.00"
    ]  # fmt: skip


def test_seeds_that_never_finished_rank_worst_and_are_said(tmp_path):
    """Of five the inter-quartile mean leaves one out at either end, and of four one, too."""
    finishing = {
        "four": [24, 25, 26, None],
        "five": [24, 25, 26, 27, None],
        "few": [24, None, None],
    }
    for arm, times in finishing.items():
        for i, time in enumerate(times):
            records = [(60 * k, 100 * k, race(time or 300, bool(time))) for k in range(1, 21)]
            write_file(tmp_path / f"{arm}_{i}", records)
    runs = [path.name for path in tmp_path.iterdir()]
    view = {"runs": runs, "arms": True, "metrics": ["A01/eval/best", "A01/eval/late_rate"]}
    explorer = tmnet.explore(tmp_path, **view)
    rate, best = (dict(zip(explorer.comparison.arms, cells)) for cells in moments(explorer))
    assert best["four"].startswith("25.50 (3 of 4 seeds have one)")
    assert best["five"].startswith("26.00 (4 of 5 seeds have one)")
    assert 24 <= float(re.search(r"IQM; 95 % CI ([\d.]+) to ∞$", best["five"])[1]) < 26
    assert best["few"] == "1 of 3 seeds have one"
    assert rate["few"] == "0.0 median; 95 % CI of the mean 0.0 to 100.0"
    assert rate["four"] == "100.0 * IQM; 95 % CI of the mean 0.0 to 100.0"
    display = explorer.display
    display.tabs.selected_index = display.tabs.titles.index("Whole grid")
    display.grid_metric.value = "A01/eval/best"
    assert (
        "1 of 3 seeds" in display.grid_table.value and "five (IQM of 5)" in display.grid_table.value
    )


def test_the_baseline_is_an_arm(arms):
    controls = arms.controls
    assert dict(controls.baseline.options) == {
        "big": "big_1", "small": "small_1", "uni_20": "uni_20"
    }  # fmt: skip
    controls.baseline.value = "small_1"
    assert "small 2 seeds, baseline" in " ".join(moment(arms)[1][2].split())
    arms.display.tabs.selected_index = arms.display.tabs.titles.index("Findings")
    assert "big against small" in arms.display.findings.value
    controls.group.value = EACH
    assert controls.baseline.value == "small_1" and "small_2" in dict(controls.baseline.options)
    controls.baseline.value = "small_2"
    controls.group.value = "name"
    assert arms.view["baseline"] == "small_2"  # stays, as one of the seeds of small
    assert "big against small" in arms.display.findings.value


def test_who_is_not_shown_is_no_seed_of_its_arm(arms):
    arms.controls.listed.value = "big_3"
    arms.controls.none.click()
    values, columns = moment(arms)
    assert "2 seeds" in columns[1] and values[0].startswith("24.50")
    assert arms.view["group"] == "name"
    assert arms.view["runs"] == [name for name in TIMES if name != "big_3"]


def test_each_run_is_a_choice_like_any_other(explorer):
    """A dropdown whose index is None shows none of its options."""
    group = explorer.controls.group
    assert group.index == 0 and explorer.view["group"] is None
    group.index = 1
    group.index = 0  # as a page sets it
    assert group.index == 0 and explorer.view["group"] is None


def test_runs_have_the_colour_of_their_arm(explorer):
    def colours():
        return [
            re.search("#[0-9a-f]{6}", row.swatch.value).group()
            for row in explorer.controls.runs.children
        ]

    alone = colours()
    assert len(set(alone)) == len(TIMES)
    explorer.controls.group.value = "name"
    big, small, uni = ({*colours()[a:b]} for a, b in ((0, 3), (3, 5), (5, 6)))
    assert [len(x) for x in (big, small, uni)] == [1, 1, 1] and len(big | small | uni) == 3
    line = explorer._picture.multiples.lines["A01/eval/best", "small"]
    assert {to_hex(line.get_color())} == small
    explorer.controls.group.value = EACH
    assert colours() == alone


def test_the_code_computes_arms(arms):
    *lines, at = arms.code.splitlines()
    names = {}
    exec("\n".join(lines), names)
    comparison = names["comparison"]
    assert {arm: list(seeds) for arm, seeds in comparison.arms.items()} == {
        "big": ["big_1", "big_2", "big_3"], "small": ["small_1", "small_2"], "uni_20": ["uni_20"]
    }  # fmt: skip
    pd.testing.assert_frame_equal(eval(at, names), arms.comparison.at(arms.at))


def test_a_view_remembers_arms(arms, logdir):
    other = tmnet.explore(logdir, **arms.view)
    assert other.view == arms.view and list(other.comparison.arms) == ["big", "small", "uni_20"]


def test_findings_and_files_are_of_arms(arms, tmp_path):
    display = arms.display
    display.tabs.selected_index = display.tabs.titles.index("Findings")
    assert "big" in display.findings.value and "big_1" not in display.findings.value
    display.folder.value, display.formats.value = str(tmp_path), ("csv", "png")
    display.export.click()
    assert not arms.display.message.value
    (table,) = tmp_path.glob("*.csv")
    assert {*TIMES} == {*pd.read_csv(table)["run"]}
    assert len([*tmp_path.glob("*.png")]) > 0


def test_one_arm_of_one_seed(explorer):
    controls = explorer.controls
    controls.none.click()
    controls.listed.value = "big_2"
    controls.every.click()
    controls.group.value = "name"
    assert not explorer.display.message.value
    assert [*explorer.comparison.arms] == ["big"]
