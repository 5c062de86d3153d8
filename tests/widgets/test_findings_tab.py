"""The explorer's tab of findings: what it tells of a moment and a level, and what it says then."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import tmnet
from tmnet.comparison import Comparison
from tmnet.errors import TmnetError
from tmnet.files import data_path

from ..synthetic import CUTOFF, race, write_file
from .hands import move_window

LOGDIR = data_path("published", "runs")
RUNS = ["A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"]
METRICS = ["A01/eval/best", "A01/eval/finish_rate", "loss"]
LEVEL = "Reaching a level"


class Lists(HTMLParser):
    """Items of lists, by the headings above them."""

    def __init__(self, page):
        super().__init__()
        self.found, self._open = {}, None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        assert tag in ("style", "div", "h4", "ul", "li"), tag
        self._open = tag
        if tag == "li":
            self.found[self.heading].append("")
        elif tag == "h4":
            self.heading = ""

    def handle_endtag(self, tag):
        if tag == "h4":
            self.found[self.heading] = []
        self._open = None

    def handle_data(self, data):
        if self._open == "h4":
            self.heading += data
        elif self._open == "li":
            self.found[self.heading][-1] += data


def told(explorer):
    """Sentences of the tab, by the headings above them."""
    assert explorer.display.message.value == ""
    return Lists(explorer.display.findings.value).found


def open_tab(explorer, name="Findings"):
    tabs = explorer.display.tabs
    tabs.selected_index = tabs.titles.index(name)
    return explorer


@pytest.fixture
def explorer():
    return open_tab(tmnet.explore(LOGDIR, metrics=METRICS))


def eval_races(run, until=120, by="minutes"):
    races = tmnet.load_run(run, LOGDIR).races
    return races[(races["map"] == "A01") & (races["kind"] == "eval") & (races[by] <= until)]


def best_until(run, minute):
    races = eval_races(run, minute)
    return races.loc[races["finished"], "time_s"].min()


# --- the moment ---------------------------------------------------------------------------------


# --- the level ----------------------------------------------------------------------------------


def reached(run, level):
    """When the best eval time of a run first was at most a level: a minute, or None."""
    races = eval_races(run)
    good = races[races["finished"] & (races["time_s"] <= level)]
    return None if good.empty else good["minutes"].iloc[0]


def levels_told(explorer):
    return dict(
        re.fullmatch(r".*: (\S+) (reaches it at|does not reach it within) (.*)\.", text).group(1, 2)
        for text in told(explorer)[LEVEL]
    )


def test_levels_are_of_metrics_with_better_and_worse():
    """Of the chosen ones; those of eval races first; no counts, no moments, no losses."""
    shown = [name for name in tmnet.explore(LOGDIR)._metric_boxes]
    explorer = tmnet.explore(LOGDIR, runs=RUNS[2:], metrics=shown, interval=60)
    titles = {name: title for title, name in explorer.display.threshold_metric.options.items()}
    names = list(titles)
    both = ("best", "mean", "std", "mean_all", "finish_rate")
    expected = [f"A01/eval/{x}" for x in both]
    expected += [f"{map_}/explo/{x}" for map_ in ("A01", "Hock") for x in both]
    assert names[:15] == expected
    assert {"avg_q/A01", "training_share"} <= {*names[15:]}
    assert not [x for x in names if x.endswith(("races", "first_finish")) or x == "loss"]
    assert titles["A01/eval/best"] == "A01 eval: best time (s)"


def test_levels_of_eval_races_come_first(tmp_path):
    """Whatever map was raced on first; and the first is the one to start with."""
    records = [
        (60 * k, 1000 * k, race(50 - k, kind="explo") | race(60 - k, map_="Hock"))
        for k in range(1, 31)
    ]
    write_file(tmp_path / "x", records)
    metrics = ["A01/explo/best", "Hock/eval/best"]
    explorer = tmnet.explore(tmp_path, metrics=metrics)
    assert [some.name for some in explorer.comparison.metrics] == metrics
    assert list(explorer.display.threshold_metric.options.values()) == metrics[::-1]
    assert explorer.display.threshold_metric.value == "Hock/eval/best"


def test_a_level_stays_while_the_rest_changes(explorer):
    slider = explorer.display.threshold
    slider.value = 24.6
    explorer.controls.interval.value = 10
    explorer._run_rows["uni_20"].box.value = False
    assert slider.value == 24.6
    assert all(" of 24.60 s: " in text for text in told(explorer)[LEVEL])
    move_window(explorer, 0, 20)  # nobody is that fast by then
    assert slider.min <= slider.value <= slider.max
    values = explorer.comparison.table("A01/eval/best").to_numpy()
    assert slider.min == pytest.approx(np.nanmin(values))


def test_a_level_of_another_metric_where_its_own_is_gone(explorer):
    explorer.display.threshold_metric.value = "A01/eval/finish_rate"
    explorer._metric_boxes["A01/eval/finish_rate"].value = False
    assert explorer.display.threshold_metric.value == "A01/eval/best"
    assert explorer.display.threshold.description == "Level (s)"
    assert all(text.startswith("A01 eval best time of 24.72 s") for text in told(explorer)[LEVEL])


# --- other runs ---------------------------------------------------------------------------------


def write_losses(logdir, names, minutes=30, pace=1000):
    for i, name in enumerate(names, start=1):
        records = [(60 * k, pace * k, {"loss": 128 - k / i}) for k in range(1, minutes + 1)]
        write_file(logdir / name, [(1, 10, {"loss": 128}), *records], pid=i)
    return logdir


def write_racers(logdir, count, minutes=30):
    """Runs x0, x1 … with an eval race a minute, of 60 - k/(i + 1) s in the run i."""
    for i in range(count):
        records = [
            (60 * k, 1000 * k, race(60 - k / (i + 1)) if k > 3 else race(CUTOFF, False))
            for k in range(1, minutes + 1)
        ]
        write_file(logdir / f"x{i}", [(1, 10, {"own/start": 1}), *records], pid=i + 1)
    return logdir


@pytest.mark.parametrize(
    "error, shown",
    [
        (TmnetError("The level <3> makes no sense."), "The level &lt;3&gt; makes no sense."),
        (ZeroDivisionError("by & by"), "That failed (ZeroDivisionError: by &amp; by); please"),
    ],
    ids=["of the user", "of ours"],
)
def test_errors_are_said_in_the_page(explorer, monkeypatch, error, shown):
    def fail(*_, **__):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Comparison, "findings", fail)
        explorer.display.threshold.value = 25.5
        assert shown in explorer.display.message.value
        assert 'role="alert"' in explorer.display.message.value
    explorer.display.threshold.value = 24.6
    assert explorer.display.message.value == ""
    assert all(" of 24.60 s: " in text for text in told(explorer)[LEVEL])


def test_what_is_missing_is_said_and_the_tab_stays(tmp_path):
    explorer = open_tab(tmnet.explore(write_losses(tmp_path, ["only", "only_b"])))
    explorer._run_rows["only_b"].box.value = False
    before = explorer.display.findings.value
    explorer._run_rows["only"].box.value = False
    assert "Choose at least one run." in explorer.display.message.value
    assert explorer.display.findings.value == before != ""
    explorer._run_rows["only_b"].box.value = True
    text = " ".join(text for some in told(explorer).values() for text in some)
    assert "only_b" in text and "only " not in text


# --- intervals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "minutes, interval", [(300, 5), (100, 5), (99, 2), (40, 2), (39, 1), (20, 1), (19, 0.5),
                          (10, 0.5), (3, 0.5)]
)  # fmt: skip
def test_intervals_of_time_suit_the_shortest_run(tmp_path, minutes, interval):
    """Twenty grid points or more, of 5, 2, 1 or 0.5 minutes."""
    for name, end in (("a", minutes), ("b", 500)):
        records = [(60 * k, 1000 * k, {"loss": k}) for k in (0, end / 2, end)]
        write_file(tmp_path / name, [(s, int(x), v) for s, x, v in records], pid=end)
    explorer = tmnet.explore(tmp_path)
    assert explorer.controls.interval.value == interval == explorer.comparison.interval
    assert len(explorer.comparison.grid) == int(minutes / interval)


@pytest.mark.parametrize(
    "steps, interval",
    [(5_000_000, 50_000), (1_000_000, 50_000), (999_999, 20_000), (400_000, 20_000),
     (399_999, 10_000), (200_000, 10_000), (30_000, 10_000)],
)  # fmt: skip
def test_intervals_of_steps_suit_the_shortest_run(tmp_path, steps, interval):
    for name, end in (("a", steps), ("b", 9_000_000)):
        records = [(60 * k, end * k // 10, {"loss": k}) for k in range(11)]
        write_file(tmp_path / name, records, pid=end)
    explorer = tmnet.explore(tmp_path)
    assert explorer.controls.step_interval.value == interval
    explorer.controls.by.value = "step"
    assert explorer.comparison.interval == interval
    assert len(explorer.comparison.grid) == steps // interval


@pytest.mark.parametrize("minutes", [7.5, 0.7, 90])
def test_intervals_that_are_asked_for_stay(tmp_path, minutes):
    """Those, too, that are not among the slider's; then each of its others is still there."""
    logdir = write_losses(tmp_path, ["a", "b"])
    explorer = tmnet.explore(logdir, interval=minutes, step_interval=5000)
    sliders = explorer.controls.interval, explorer.controls.step_interval
    assert [slider.value for slider in sliders] == [minutes, 5000]
    assert [slider.label for slider in sliders] == [f"{minutes}", "5,000"]
    explorer.controls.reload.click()
    assert explorer.view["interval"] == minutes and explorer.display.message.value == ""
    numbers = [number for _, number in sliders[0].options]
    assert numbers == sorted(numbers) and len(numbers) == 120
