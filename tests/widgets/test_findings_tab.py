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


def test_it_is_filled_when_it_is_opened():
    explorer = tmnet.explore(LOGDIR)
    assert explorer.display.findings.value == ""
    found = told(open_tab(explorer))
    assert list(found) == [
        "Who leads", LEVEL, "Overtaking", "Plateaus", "Cost", "Where the comparison may mislead",
    ]  # fmt: skip
    assert found["Who leads"][0].startswith(
        "A01 eval best time at 120 min: A01_as20_big_long leads with 24.49 s"
    )
    assert all(text and text.endswith(".") for some in found.values() for text in some)


def test_it_tells_what_came_after_the_moment(explorer):
    assert "What came after" not in told(explorer)  # the moment is the end
    for moment in (30, 60, 115):
        explorer.show_at(moment)
        after = told(explorer)["What came after"]
        for run in RUNS:
            was, now = best_until(run, moment), best_until(run, 120)
            (text,) = [x for x in after if x.startswith(f"{run}, A01 eval best time: ")]
            assert f"{was:.2f} s at {moment} min, {now:.2f} s at 120 min" in text
            change = "no change" if f"{was:.2f}" == f"{now:.2f}" else f"better by {was - now:.2f} s"
            assert change in text
        verdicts = told(explorer)["Was it worth going on?"]
        assert all(f"after {moment} min" in text for text in verdicts) and len(verdicts) == 4


def test_the_slider_and_the_player_move_it_too(explorer):
    explorer.display.moment.value = 5
    assert any(" at 30 min, " in text for text in told(explorer)["What came after"])
    open_tab(explorer, "This moment")
    before = explorer.display.findings.value
    explorer.display.moment.value = 11
    assert explorer.display.findings.value == before  # nobody looks at it
    open_tab(explorer)
    assert any(" at 60 min, " in text for text in told(explorer)["What came after"])


def test_it_follows_the_window_the_runs_and_the_metrics(explorer):
    move_window(explorer, 0, 60)
    assert told(explorer)["Who leads"][0].startswith(
        "A01 eval best time at 60 min: uni_20_long leads with "
        f"{min(best_until(run, 60) for run in RUNS):.2f} s"
    )
    explorer._run_rows["A01_as20_big_long"].box.value = False
    text = " ".join(text for some in told(explorer).values() for text in some)
    assert "A01_as20_long" in text and "A01_as20_big_long" not in text
    assert "First finishes" not in told(explorer)
    explorer._metric_boxes["A01/eval/first_finish"].value = True
    assert told(explorer)["First finishes"][0].startswith("A01 eval: A01_as20_long first finishes")


@pytest.mark.parametrize("runs", [RUNS[:3], RUNS], ids=len)
def test_it_follows_the_axis(runs):
    """With a run, too, that begins where another ends."""
    explorer = open_tab(
        tmnet.explore(LOGDIR, runs=runs, by="step", metrics=METRICS, step_interval=500_000)
    )
    best = {run: eval_races(run, 4_500_000, "step") for run in runs}
    best = {run: x.loc[x["finished"], "time_s"].min() for run, x in best.items()}
    leader = min((run for run in runs if best[run] == best[run]), key=best.get)
    assert told(explorer)["Who leads"][0].startswith(
        f"A01 eval best time at 4,500,000 steps: {leader} leads with {best[leader]:.2f} s"
    )
    explorer.controls.by.value = "time"
    assert "at 120 min" in told(explorer)["Who leads"][0]


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


def test_at_first_it_is_a_best_time_that_every_run_reaches(explorer):
    display = explorer.display
    assert display.threshold_metric.value == "A01/eval/best"
    slowest = max(best_until(run, 120) for run in RUNS)
    assert display.threshold.value == pytest.approx(np.ceil(100 * slowest - 1e-6) / 100)
    for run, text in zip(RUNS, told(explorer)[LEVEL], strict=True):
        minute = reached(run, slowest + 1e-9)
        assert text.startswith(f"A01 eval best time of {slowest:.2f} s: {run} reaches it at ")
        assert f" {minute:,.1f} min (step".replace(".0 ", " ") in text


def test_another_level_of_the_best_time(explorer):
    for level in (24.5, 24.6, 25.0, 30.0):
        explorer.display.threshold.value = level
        for run, text in zip(RUNS, told(explorer)[LEVEL], strict=True):
            minute = reached(run, level)
            assert text.startswith(f"A01 eval best time of {level:.2f} s: {run} ")
            if minute is None:
                assert text.endswith("does not reach it within 120 min.")
            else:
                assert f"reaches it at {minute:,.1f} min (step".replace(".0 ", " ") in text


def test_a_level_of_the_finish_rate(explorer):
    """In per cent; reached when it is there for good."""
    display = explorer.display
    display.threshold_metric.value = "A01/eval/finish_rate"
    slider = display.threshold
    assert (slider.min, slider.max, slider.value, slider.description) == (0, 100, 50, "Level (%)")
    slider.value = 70
    for run, text in zip(RUNS, told(explorer)[LEVEL], strict=True):
        races = eval_races(run)
        rate = 100 * races["finished"].cumsum() / np.arange(1, len(races) + 1)
        bad = np.flatnonzero(rate.to_numpy() < 70)
        assert text.startswith(f"A01 eval finish rate of 70.0 %: {run} ")
        if bad[-1] == len(races) - 1:
            assert text.endswith("does not reach it within 120 min.")
        else:
            minute = races["minutes"].iloc[bad[-1] + 1]
            assert f"reaches it at {minute:,.1f} min (step".replace(".0 ", " ") in text


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


def test_each_metric_starts_at_a_level_that_the_runs_reach():
    """Or at 50 %; within a range that holds all values, in its unit."""
    metrics = ["A01/eval/best", "A01/eval/finish_rate", "training_share", "A01/explo/mean_all",
               "A01/eval/std", "avg_q/A01", "Hock/explo/best"]  # fmt: skip
    explorer = open_tab(tmnet.explore(LOGDIR, metrics=metrics, interval=10))
    display = explorer.display
    at_end = explorer.comparison.at(120)
    assert set(display.threshold_metric.options.values()) == {*metrics}
    for title, name in display.threshold_metric.options.items():
        display.threshold_metric.value = name
        slider = display.threshold
        values = explorer.comparison.table(name).to_numpy()
        percent = "(%)" in title
        values = values[np.isfinite(values)] * (100 if percent else 1)
        assert slider.min <= values.min() + slider.step and slider.max >= values.max()
        assert slider.min <= slider.value <= slider.max and not slider.disabled
        unit = "%" if percent else "s" if "(s)" in title else ""
        assert slider.description == (f"Level ({unit})" if unit else "Level")
        found = levels_told(explorer)
        having = at_end.columns[at_end.loc[name].notna()]
        assert set(found) == {*having}
        if percent:
            assert slider.value == 50
        else:
            assert set(found.values()) == {"reaches it at"}, name


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


def test_a_loss_alone_has_no_level(tmp_path):
    explorer = open_tab(tmnet.explore(write_losses(tmp_path, ["only", "only_b"])))
    display = explorer.display
    assert display.threshold_metric.value is None and not display.threshold_metric.options
    assert display.threshold.disabled
    found = told(explorer)
    assert found["Who leads"][0].startswith("loss at 30 min: only leads with 98.00")
    assert LEVEL not in found
    explorer.show_at(10)
    assert any("118.00 at 10 min" in text for text in told(explorer)["What came after"])


def test_a_level_comes_and_goes_with_its_metrics():
    explorer = open_tab(tmnet.explore(LOGDIR, metrics=["loss", "A01/eval/best"]))
    boxes, slider = explorer._metric_boxes, explorer.display.threshold
    assert not slider.disabled
    boxes["A01/eval/best"].value = False
    assert explorer.view["metrics"] == ["loss"] and slider.disabled
    assert LEVEL not in told(explorer)
    boxes["A01/explo/best"].value = True
    assert not slider.disabled and explorer.display.threshold_metric.value == "A01/explo/best"
    assert {*levels_told(explorer).values()} == {"reaches it at"}


def test_many_runs(tmp_path):
    explorer = open_tab(tmnet.explore(write_racers(tmp_path, 12), metrics=METRICS[:1]))
    reached = {f"x{i}": "reaches it at" for i in range(6)}
    assert levels_told(explorer) == reached
    for row in explorer._run_rows.values():
        row.box.value = True
    assert {run: told for run, told in levels_told(explorer).items() if run in reached} == reached
    found = told(explorer)
    assert len(found[LEVEL]) == 12
    assert set(levels_told(explorer)) == {f"x{i}" for i in range(12)}
    assert found["Who leads"][0].startswith("A01 eval best time at 30 min: x0 leads with 30.00 s")
    assert all(f"x{i} (" in found["Who leads"][0] for i in range(1, 12))


def test_a_single_run(tmp_path):
    view = {"metrics": ["A01/eval/best", "A01/eval/first_finish"]}
    found = told(open_tab(tmnet.explore(write_racers(tmp_path, 1), **view)))
    assert "Who leads" not in found and "Overtaking" not in found
    assert found["First finishes"] == ["A01 eval: x0 first finishes at 4 min (step 4,000)."]


def test_a_run_that_never_finished_has_no_level(tmp_path):
    for i in range(2):
        records = [(60 * k, 1000 * k, race(CUTOFF, False)) for k in range(1, 31)]
        write_file(tmp_path / f"x{i}", records, pid=i)
    explorer = open_tab(tmnet.explore(tmp_path, metrics=["A01/eval/best", "A01/eval/first_finish"]))
    found = told(explorer)
    assert explorer.display.threshold_metric.value == "A01/eval/best"
    assert "x0 finishes none of 30 races." in " ".join(found["First finishes"])
    assert not any(" reaches it" in text for text in found[LEVEL])


def test_names_of_runs_are_not_markup(tmp_path):
    names = ["<i>x&lt;", "y_ & z"]
    explorer = open_tab(tmnet.explore(write_losses(tmp_path, names)))
    (text,) = told(explorer)["Who leads"]
    assert text.startswith(
        f"loss at 30 min: {names[0]} leads with 98.00, 15.00 ahead of {names[1]}"
    )


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
