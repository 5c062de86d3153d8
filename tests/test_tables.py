"""Tables as text: values, marks and words in their cells."""

import numpy as np
import pytest

import tmnet
from tmnet.analysis.metrics import Metric
from tmnet.tables import (
    best_of,
    document,
    first_finishes,
    metric_table,
    render,
    tables,
    title,
)

from .synthetic import load, race, write_file

NAN, INF = float("nan"), float("inf")
NAMES = ["long", "short", "never"]


@pytest.fixture(scope="module")
def runs(three_runs):
    return [load(three_runs, name) for name in NAMES]


@pytest.fixture(scope="module")
def whole(runs):
    """The three runs, to the end of the longest."""
    return tmnet.compare(runs, interval=10, window=(0, 60))


def cells(comparison, name, **options):
    """A table as a list of rows, with its index."""
    table = metric_table(comparison, Metric.named(name), **options)
    return [[at, *row] for at, row in zip(table.index, table.to_numpy().tolist())]


def test_the_best_of_a_row_is_marked_and_ends_are_named(whole):
    assert cells(whole, "A01/eval/best") == [
        ["10", "57.50 ", "45.50*", "– "],
        ["20", "55.00 ", "40.50*", "– "],
        ["30", "52.50 ", "35.50*", "– "],
        ["40", "50.00 ", "ended ", "– "],
        ["50", "47.50 ", "ended ", "ended "],
        ["60", "45.00 ", "ended ", "ended "],
    ]


def test_higher_is_better_for_rates_which_come_with_their_races(whole):
    assert cells(whole, "A01/eval/finish_rate")[:3] == [
        ["10", "10.0 (10) ", "30.0 (10)*", "0.0 (10) "],
        ["20", "55.0 (20)*", "40.0 (20) ", "0.0 (20) "],
        ["30", "70.0 (30)*", "43.3 (30) ", "0.0 (30) "],
    ]


def test_a_mean_comes_with_its_deviation(whole):
    times = {"long": [60 - k / 4 for k in range(10, 31)], "short": [50 - k / 2 for k in (5, 7, 9)]}
    times["short"] += [50 - k / 2 for k in range(11, 30, 2)]
    expected = {name: f"{np.mean(some):.2f} ± {np.std(some):.2f}" for name, some in times.items()}
    row = cells(whole, "A01/eval/mean")[2]
    assert row == ["30", expected["long"] + " ", expected["short"] + "*", "– "]


def test_without_races_a_rate_stands_alone(runs):
    comparison = tmnet.compare(runs, interval=10, metrics=["A01/eval/finish_rate"])
    assert cells(comparison, "A01/eval/finish_rate")[0] == ["10", "10.0 ", "30.0*", "0.0 "]


def test_nothing_is_best_without_a_direction_or_an_opponent(whole):
    for name in ("A01/eval/races", "A01/explo/best"):
        assert not any("*" in cell for row in cells(whole, name) for cell in row)


def test_no_loss_is_best_of_networks_with_different_numbers_of_quantiles():
    runs = [tmnet.load_run(name, tmnet.example_runs()) for name in ("A01_as20_big_long", "uni_20")]
    values = np.array([2.0, 1.0])
    assert runs[0].config["neural_network"]["iqn_n"] != runs[1].config["neural_network"]["iqn_n"]
    for name, best in (("loss", [0, 0]), ("A01/eval/best", [0, 1])):
        found = best_of(tmnet.compare(runs), Metric.named(name), values)
        assert found.astype(int).tolist() == best


@pytest.mark.parametrize(
    "name, values, best",
    [
        ("loss", [3, 1, 2], [0, 1, 0]),
        ("avg_q/A01", [3, 1, 2], [0, 0, 0]),
        ("loss", [1, 1, 2], [1, 1, 0]),  # both
        ("loss", [1, 1, 1], [0, 0, 0]),  # nobody is ahead
        ("loss", [1, 1, NAN], [0, 0, 0]),
        ("loss", [1, NAN, 2], [1, 0, 0]),
        ("loss", [1, NAN, NAN], [0, 0, 0]),
        ("loss", [-INF, 1, 2], [0, 1, 0]),
        ("loss", [1], [0]),
        ("A01/eval/best", [24.491, 24.494, 25], [1, 1, 0]),  # equal as shown
        ("A01/eval/best", [24.491, 24.496], [1, 0]),
        ("A01/eval/finish_rate", [0.5001, 0.5004, 0.1], [1, 1, 0]),
        ("A01/eval/races", [1, 2, 3], [0, 0, 0]),
        ("charts/SPS", [1, 2, 3], [0, 0, 0]),
    ],
)
def test_the_best_of(whole, name, values, best):
    got = best_of(whole, Metric.named(name), np.array(values, float))
    assert got.astype(int).tolist() == best


def test_moments_in_steps_are_told_apart_as_they_are_shown(runs):
    """Above a million, where other numbers are shown with three digits."""
    by_step = tmnet.compare(runs, by="step", interval=1000)
    got = best_of(
        by_step, Metric.named("A01/eval/first_finish"), np.array([1_234_999.0, 1_234_567.0])
    )
    assert got.tolist() == [False, True]


def test_long_tables_are_thinned_but_keep_their_last_row(runs):
    comparison = tmnet.compare(runs, interval=1)
    rows = cells(comparison, "loss", most_rows=8)
    assert [row[0] for row in rows] == ["2", "6", "10", "14", "18", "22", "26", "30"]
    assert [row[1].strip(" *") for row in rows] == [f"{128 - int(row[0])}.00" for row in rows]
    assert len(cells(comparison, "loss", most_rows=30)) == 30


def test_first_finishes(whole):
    table = first_finishes(whole)
    assert table.loc["A01 eval"].tolist() == ["10.0 ", "5.0*", "– "]
    assert table.loc["A01 explo"].tolist() == ["1.0 ", "– ", "– "]
    assert first_finishes(whole.only(["loss"])) is None


def test_first_finishes_by_step(runs):
    table = first_finishes(tmnet.compare(runs, by="step", interval=5000, window=(0, 60_000)))
    assert [cell.strip(" *") for cell in table.loc["A01 eval"]] == ["10,000", "10,000", "–"]


def test_steps_and_minutes_as_text(runs):
    by_step = tmnet.compare(runs, by="step", interval=22_500, metrics=["loss"])
    assert [row[0] for row in cells(by_step, "loss")] == ["22,500", "45,000"]
    by_time = tmnet.compare(runs, interval=7.25, metrics=["loss"])
    assert [row[0] for row in cells(by_time, "loss")] == ["7.25", "14.5", "21.75", "29"]


@pytest.mark.parametrize(
    "options, name, shown",
    [
        ({}, "A01/eval/best", "A01 eval: best time (s), since the start"),
        ({}, "A01/explo/finish_rate", "A01 explo: finish rate (%), since the start"),
        ({}, "A01/eval/late_rate", "A01 eval: late finish rate (%), last 15 min"),
        (
            {"trailing": "late"},
            "A01/eval/mean_all",
            "A01 eval: mean time, cut-off races included (s), last 15 min",
        ),
        (
            {},
            "A01/eval/anytime_rate",
            "A01 eval: anytime finish rate (%), mean of trailing 15 min",
        ),
        ({}, "A01/eval/first_finish", "A01 eval: first finish (min)"),
        ({"by": "step"}, "A01/eval/first_finish", "A01 eval: first finish (steps)"),
        ({}, "loss", "loss"),
        ({"rule": "ema"}, "loss", "loss, moving average, half-life 5 min"),
        ({"rule": "min"}, "loss", "loss, lowest so far"),
        ({"rule": "mean", "by": "step"}, "loss", "loss, mean of 50,000 steps"),
        ({"rule": "ema"}, "A01/eval/best", "A01 eval: best time (s), since the start"),
        ({"trailing": 20}, "loss", "loss"),
        ({"trailing": 20}, "A01/eval/best", "A01 eval: best time (s), last 20 min"),
    ],
    ids=str,
)
def test_a_title_says_what_and_in_which_unit(runs, options, name, shown):
    assert title(tmnet.compare(runs, **options), Metric.named(name)) == shown


def test_all_tables_of_a_comparison(whole):
    """What stands beside something else has no table of its own."""
    titles = [title for title, _ in tables(whole)]
    assert titles[0] == "first finish (min)"
    assert len(titles) == len(set(titles)) == 12
    assert not any("std" in title or title.endswith(": races") for title in titles)
    alone = tables(whole.only(["A01/eval/std", "A01/eval/races"]))
    assert [title for title, _ in alone] == [
        "A01 eval: std of finished times (s), since the start", "A01 eval: races, since the start"
    ]  # fmt: skip


@pytest.mark.parametrize("style", ["text", "md", "tex"])
def test_a_document_holds_every_cell(whole, style):
    parts = tables(whole)
    shown = document(parts, style)
    for name, table in parts:
        assert name.replace("%", r"\%" if style == "tex" else "%") in shown
        for run in NAMES:
            assert run in shown
        for cell in table.to_numpy().ravel():
            assert cell.strip().replace("%", r"\%") in shown


def test_columns_of_digits_are_aligned(whole):
    """Whether a cell ends in a mark or not."""
    table = metric_table(whole, Metric.named("A01/eval/finish_rate"))
    lines = render(table, "text").splitlines()[2:5]
    assert len({tuple(i for i, letter in enumerate(line) if letter == ".") for line in lines}) == 1
    assert len({line.count("*") for line in lines}) == 1


def test_a_run_name_is_not_read_as_markup(tmp_path):
    """Pipes, underscores and angle brackets in names."""
    for i, name in enumerate(["a_b", "c<d>"]):
        write_file(tmp_path / name, [(60, 1, race(40.0 + i)), (300, 2, race(40.0))], pid=i)
    comparison = tmnet.compare([load(tmp_path, name) for name in ("a_b", "c<d>")])
    parts = tables(comparison)
    page = render(parts[0][1], "html")
    assert "c&lt;d&gt;" in page and "c<d>" not in page
    assert r"a\_b" in document(parts, "tex")
