"""The explorer's tab of findings: the answer, claims and numbers, by the baseline and a level."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import tmnet
from tmnet.analysis.findings import HEADINGS, answer
from tmnet.analysis.metrics import STATISTICS
from tmnet.comparison import Comparison
from tmnet.errors import TmnetError
from tmnet.files import data_path

from ..synthetic import CUTOFF, race, write_file
from .hands import move_window

LOGDIR = data_path("published", "runs")
RUNS = ["A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"]
METRICS = ["A01/eval/late_rate", "A01/eval/late_best_of_10", "A01/eval/best"]
OPEN = [
    "Where the comparison may mislead", "Against the baseline", "Overtaking",
    "What going on brought",
]  # fmt: skip


class Told(HTMLParser):
    """What a page of findings tells: paragraphs, items of lists by the headings above them, which
    of these are folded, and which items are claims."""

    def __init__(self, page):
        super().__init__()
        self.answer, self.found, self.folded, self.claims = [], {}, [], []
        self._open, self._heading = [], ""
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag, attrs):
        assert tag in {"style", "div", "p", "b", "h4", "ul", "li", "details", "summary", "span"}
        self._open.append(tag)
        if tag == "li":
            self.found.setdefault(self._heading, []).append("")
        elif tag == "p":
            self.answer.append("")
        elif tag in ("h4", "summary"):
            self._heading = ""
        elif tag == "span":
            assert dict(attrs) == {"class": "tmnet-claim"}

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        items = self.found.get(self._heading, [])
        if tag == "summary":
            self.folded.append(self._heading)
        elif tag == "li" and items[-1].startswith("claim "):
            items[-1] = items[-1].removeprefix("claim ")
            self.claims.append(items[-1])

    def handle_data(self, data):
        if "p" in self._open:
            self.answer[-1] += data
        elif {"h4", "summary"} & {*self._open}:
            self._heading += data
        elif "li" in self._open:
            self.found[self._heading][-1] += data


def told(explorer):
    """All that the tab tells, but of the level."""
    display = explorer.display
    assert display.message.value == ""
    return Told(display.findings.value + display.folded.value)


def levels(explorer):
    """What it tells of the level."""
    return Told(explorer.display.reached.value).found.get("", [])


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


# --- the answer, claims and numbers ---------------------------------------------------------------


def test_it_is_filled_when_it_is_opened():
    explorer = tmnet.explore(LOGDIR)
    assert explorer.display.findings.value == ""
    page = told(open_tab(explorer))
    found = explorer.comparison.findings(explorer.display.levels, baseline=RUNS[0])
    assert page.answer == answer(found)
    kinds = [kind for kind in HEADINGS if kind != "threshold"]
    wanted = {HEADINGS[kind]: [x.sentence for x in found if x.kind == kind] for kind in kinds}
    bare = {re.sub(r" \(\d+\)$", "", heading): items for heading, items in page.found.items()}
    assert bare == {heading: items for heading, items in wanted.items() if items}
    assert levels(explorer) == [x.sentence for x in found if x.kind == "threshold"]


def test_what_is_long_is_folded_and_counted(explorer):
    page = told(explorer)
    assert [heading for heading in page.found if heading not in page.folded] == OPEN
    assert {"First finishes (6)", "How good they are at the end (8)", "Cost (4)"} < {*page.folded}
    assert len(page.found["First finishes (6)"]) == 6


def test_claims_are_marked_and_nothing_else_is(explorer):
    found = explorer.comparison.findings(baseline=RUNS[0])
    claims = [finding.sentence for finding in found if finding.stands_out]
    page = told(explorer)
    assert claims and page.claims == claims
    assert "not resolved" in page.found["Against the baseline"][0] not in claims
    assert "<b>" in explorer.display.findings.value  # the answer


@pytest.mark.parametrize("baseline", RUNS[1:])
def test_the_baseline_is_that_of_the_explorer(explorer, baseline):
    explorer.controls.baseline.value = baseline
    contrasts = told(explorer).found["Against the baseline"]
    others = [run for run in RUNS[:3] if run != baseline]  # the fourth goes on from the third
    pairs = rf"({'|'.join(RUNS)}) (?:against|is \w+ than) ({'|'.join(RUNS)})\b"
    assert {re.search(pairs, text).groups() for text in contrasts} == {
        (run, baseline) for run in others
    }
    found = explorer.comparison.findings({}, baseline=baseline)
    assert contrasts == [x.sentence for x in found if x.kind == "contrast"]


def test_what_somebody_unfolded_stays_so(explorer):
    """It is not set anew where the moment or the level moves."""
    display = explorer.display
    folded, findings = display.folded.value, display.findings.value
    display.threshold.value = 60
    assert display.folded.value == folded and display.findings.value == findings
    explorer.show_at(90)
    assert display.folded.value == folded and display.findings.value != findings


# --- the moment -----------------------------------------------------------------------------------


def test_it_tells_what_going_on_after_the_moment_brought(explorer):
    brought = told(explorer).found["What going on brought"]
    assert all(text.startswith("Going on after 60 min, ") for text in brought)  # half of the window
    for moment in (30, 90):
        explorer.show_at(moment)
        brought = told(explorer).found["What going on brought"]
        assert all(text.startswith(f"Going on after {moment} min, ") for text in brought)
        for run in RUNS:
            late = min(explorer.comparison.late, moment, 120 - moment)
            before, last = (
                races[races["minutes"] > at - late]
                for at, races in ((at, eval_races(run, at)) for at in (moment, 120))
            )
            (text,) = [x for x in brought if f"min, {run}: " in x and "finish rate" in x]
            rates = [100 * races["finished"].mean() for races in (before, last)]
            assert f"{rates[0]:.1f} % at {moment} min, {rates[1]:.1f} % at 120 min" in text
            counts = f"{len(before)} and {len(last)} races"
            assert (f"{len(last)} races each" if len(before) == len(last) else counts) in text


def test_claims_do_not_depend_on_the_moment(explorer):
    """Or one could look for a moment that makes a claim of a difference."""
    page = told(explorer)
    for moment in (25, 60, 110):
        explorer.show_at(moment)
        again = told(explorer)
        assert again.answer == page.answer
        for heading in {*page.found} - {"What going on brought"}:
            assert again.found[heading] == page.found[heading]


def test_the_slider_and_the_player_move_it_too(explorer):
    explorer.display.moment.value = 5
    assert "Going on after 30 min" in told(explorer).found["What going on brought"][0]
    open_tab(explorer, "This moment")
    before = explorer.display.findings.value
    explorer.display.moment.value = 11
    assert explorer.display.findings.value == before  # nobody looks at it
    open_tab(explorer)
    assert "Going on after 60 min" in told(explorer).found["What going on brought"][0]


def test_it_follows_the_window_and_the_runs(explorer):
    move_window(explorer, 0, 60)
    own = [text for text in told(explorer).found["Against the baseline"] if " min" in text]
    assert own and all(" at 60 min" in text for text in own)
    explorer._runs.rows["A01_as20_big_long"].box.value = False
    page = told(explorer)
    text = " ".join([*page.answer, *(text for some in page.found.values() for text in some)])
    assert "A01_as20_big_long" not in text
    assert "uni_20 against A01_as20_long" in text  # the first that is left is the baseline


@pytest.mark.parametrize("runs", [RUNS[:3], RUNS], ids=len)
def test_it_follows_the_axis(runs):
    """With a run, too, that begins where another ends."""
    explorer = open_tab(
        tmnet.explore(LOGDIR, runs=runs, by="step", metrics=METRICS, step_interval=500_000)
    )
    assert " at 4,500,000 steps" in told(explorer).found["Against the baseline"][0]
    explorer.controls.by.value = "time"
    assert " at 120 min" in told(explorer).found["Against the baseline"][0]


# --- following ------------------------------------------------------------------------------------


def test_while_following_nothing_is_claimed(explorer):
    """Numbers with their intervals, and a sentence that says why."""
    before = told(explorer)
    assert before.claims
    explorer.controls.follow.value = True
    page = told(explorer)
    explorer.controls.follow.value = False
    (why,) = page.answer
    assert why.startswith("While Follow is pressed, ") and why.count(".") == 1
    assert not page.claims and "Overtaking" not in page.found
    assert not any(heading.startswith("Plateaus") for heading in page.found)
    text = " ".join(text for some in page.found.values() for text in some)
    verdicts = ["better than", "worse than", "resolved", "overtakes", "worth", "measurable"]
    assert not [verdict for verdict in [*verdicts, "p =", "p <", "Holm"] if verdict in text]
    found = explorer.comparison.findings({}, baseline=RUNS[0])
    for kind in ("contrast", "after"):
        asked = [finding for finding in found if finding.kind == kind]
        for finding, told_now in zip(asked, page.found[HEADINGS[kind]], strict=True):
            details = finding.details
            numbers = [details[x] for x in ("from", "to", "95 % CI", "n") if x in details]
            numbers += [*finding.of_runs.values(), *finding.runs]
            assert all(number in told_now for number in numbers)
            assert "; last " in told_now
    assert told(explorer).answer == before.answer  # released, it says what it said


# --- the level ----------------------------------------------------------------------------------


def reached(run, level):
    """When the best eval time of a run first was at most a level: a minute, or None."""
    races = eval_races(run)
    good = races[races["finished"] & (races["time_s"] <= level)]
    return None if good.empty else pytest.approx(good["minutes"].iloc[0], abs=0.051)


def moments_told(explorer):
    """By run the minute in which it gets to the level, or None; ratios are left out."""
    found = {}
    for text in levels(explorer):
        if match := re.fullmatch(r".*: (\S+) (at|not within) ([\d,.]+) min.*", text):
            found[match[1]] = None if match[2] == "not within" else float(match[3])
    return found


def choose_level_of(explorer, name):
    explorer.display.threshold_metric.value = name
    return explorer.display.threshold


def test_at_first_it_is_a_finish_rate_of_half_of_the_races(explorer):
    slider = explorer.display.threshold
    assert explorer.display.threshold_metric.value == "A01/eval/late_rate"
    assert (slider.min, slider.max, slider.value, slider.description) == (0, 100, 50, "Level (%)")
    assert all(x.startswith("A01 eval late finish rate of 50.0 %: ") for x in levels(explorer))
    assert set(moments_told(explorer)) == {*RUNS}
    ratios = [text for text in levels(explorer) if " takes " in text]
    assert [f"of {RUNS[0]} (one run each)" in text for text in ratios] == [True, True]


def test_a_level_of_the_best_time(explorer):
    slowest = max(best_until(run, 120) for run in RUNS)
    slider = choose_level_of(explorer, "A01/eval/best")
    assert slider.value == pytest.approx(np.ceil(100 * slowest - 1e-6) / 100)  # all get there
    for level in (slider.value, 24.5, 24.6, 25.0, 30.0):
        slider.value = level
        assert levels(explorer)[0].startswith(f"A01 eval best time of {level:.2f} s: ")
        assert moments_told(explorer) == {run: reached(run, level + 1e-5) for run in RUNS}


def test_a_level_of_a_finish_rate_is_there_for_good(explorer):
    explorer._metrics.boxes["A01/eval/finish_rate"].value = True
    choose_level_of(explorer, "A01/eval/finish_rate").value = 70
    expected = {}
    for run in RUNS:
        races = eval_races(run)
        rate = 100 * races["finished"].cumsum() / np.arange(1, len(races) + 1)
        last_bad = np.flatnonzero(rate.to_numpy() < 70)[-1]
        minutes = [*races["minutes"], None][last_bad + 1]
        expected[run] = minutes and pytest.approx(minutes, abs=0.051)
    assert moments_told(explorer) == expected


def test_levels_are_of_metrics_with_better_and_worse():
    """Of the chosen ones; those of eval races first; no counts, no moments, no losses, and
    nothing that is no performance."""
    shown = [name for name in tmnet.explore(LOGDIR)._metrics.boxes]
    explorer = tmnet.explore(LOGDIR, runs=RUNS[2:], metrics=shown, interval=60)
    titles = {name: title for title, name in explorer.display.threshold_metric.options.items()}
    groups = [name.rpartition("/")[0] for name in titles]
    assert list(dict.fromkeys(groups))[:3] == ["A01/eval", "A01/explo", "Hock/explo"]
    ranked = {name for name in STATISTICS if name not in ("races", "first_finish")}
    assert {name.rpartition("/")[2] for name in titles if name.startswith("A01/eval")} == ranked
    assert not {"avg_q/A01", "training_share", "loss"} & {*titles}
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
    metrics = ["A01/eval/best", "A01/eval/late_rate", "A01/explo/mean_all",
               "A01/eval/late_best_of_10", "Hock/explo/best"]  # fmt: skip
    explorer = open_tab(tmnet.explore(LOGDIR, metrics=metrics, interval=10))
    display = explorer.display
    at_end = explorer.comparison.at(120)
    assert set(display.threshold_metric.options.values()) == {*metrics}
    for title, name in display.threshold_metric.options.items():
        slider = choose_level_of(explorer, name)
        values = explorer.comparison.table(name).to_numpy()
        percent = "(%)" in title
        values = values[np.isfinite(values)] * (100 if percent else 1)
        assert slider.min <= values.min() + slider.step and slider.max >= values.max()
        assert slider.min <= slider.value <= slider.max and not slider.disabled
        unit = "%" if percent else "s" if "(s)" in title else ""
        assert slider.description == (f"Level ({unit})" if unit else "Level")
        found = moments_told(explorer)
        assert set(found) == {*at_end.columns[at_end.loc[name].notna()]}
        if percent:
            assert slider.value == 50
        else:
            assert None not in found.values(), name


def test_a_level_stays_while_the_rest_changes(explorer):
    slider = choose_level_of(explorer, "A01/eval/best")
    slider.value = 24.6
    explorer.controls.interval.value = 10
    explorer._runs.rows["uni_20"].box.value = False
    assert slider.value == 24.6
    assert all(" of 24.60 s: " in text for text in levels(explorer))
    move_window(explorer, 0, 20)  # nobody is that fast by then
    assert slider.min <= slider.value <= slider.max
    values = explorer.comparison.table("A01/eval/best").to_numpy()
    assert slider.min == pytest.approx(np.nanmin(values))


def test_a_level_of_another_metric_where_its_own_is_gone(explorer):
    explorer._metrics.boxes["A01/eval/late_rate"].value = False
    assert explorer.display.threshold_metric.value == "A01/eval/late_best_of_10"
    assert explorer.display.threshold.description == "Level (s)"
    assert all(text.startswith("A01 eval late best of 10") for text in levels(explorer))


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


def test_a_loss_alone_has_no_level_and_no_answer(tmp_path):
    explorer = open_tab(tmnet.explore(write_losses(tmp_path, ["only", "only_b"])))
    display = explorer.display
    assert display.threshold_metric.value is None and not display.threshold_metric.options
    assert display.threshold.disabled and not levels(explorer)
    (why,) = told(explorer).answer
    assert why.startswith("These runs have no races")
    explorer.show_at(10)
    assert told(explorer).answer == [why]


def test_a_level_comes_and_goes_with_its_metrics():
    explorer = open_tab(tmnet.explore(LOGDIR, metrics=["loss", "A01/eval/best"]))
    boxes, slider = explorer._metrics.boxes, explorer.display.threshold
    assert not slider.disabled
    boxes["A01/eval/best"].value = False
    assert explorer.view["metrics"] == ["loss"] and slider.disabled
    assert not levels(explorer)
    boxes["A01/explo/best"].value = True
    assert not slider.disabled and explorer.display.threshold_metric.value == "A01/explo/best"
    assert None not in moments_told(explorer).values()


def test_many_runs(tmp_path):
    explorer = open_tab(tmnet.explore(write_racers(tmp_path, 12), metrics=["A01/eval/best"]))
    assert set(moments_told(explorer)) == {f"x{i}" for i in range(6)}
    for row in explorer._runs.rows.values():
        row.box.value = True
    assert set(moments_told(explorer)) == {f"x{i}" for i in range(12)}
    text = " ".join(told(explorer).found["Against the baseline"])
    assert all(f"x{i} " in text for i in range(1, 12))


def test_a_single_run(tmp_path):
    page = told(open_tab(tmnet.explore(write_racers(tmp_path, 1), metrics=["A01/eval/best"])))
    assert page.answer == ["There is nothing to compare."]
    assert "Against the baseline" not in page.found and "Overtaking" not in page.found
    (first,) = page.found["First finishes (1)"]
    assert first.startswith("A01 eval first finish: x0 at 4 min")


def test_runs_that_never_finished(tmp_path):
    for i in range(2):
        records = [(60 * k, 1000 * k, race(CUTOFF, False)) for k in range(1, 31)]
        write_file(tmp_path / f"x{i}", records, pid=i)
    explorer = open_tab(tmnet.explore(tmp_path, metrics=["A01/eval/best"]))
    assert explorer.display.threshold_metric.value == "A01/eval/best"
    assert moments_told(explorer) == {"x0": None, "x1": None}
    page = told(explorer)
    assert not page.claims and "not resolved" in page.answer[0]
    assert "not within 30 min" in page.found["First finishes (2)"][0]


def test_names_of_runs_are_not_markup(tmp_path):
    names = ["<i>x&lt;", "y_ & z"]
    for i, name in enumerate(names):
        records = [(60 * k, 1000 * k, race(60 - k)) for k in range(1, 31)]
        write_file(tmp_path / name, records, pid=i)
    page = told(open_tab(tmnet.explore(tmp_path)))
    assert f"{names[1]} against {names[0]}" in page.found["Against the baseline"][0]


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
        explorer.display.threshold.value = 55
        assert shown in explorer.display.message.value
        assert 'role="alert"' in explorer.display.message.value
    explorer.display.threshold.value = 60
    assert explorer.display.message.value == ""
    assert all(" of 60.0 %: " in text for text in levels(explorer))


def test_what_is_missing_is_said_and_the_tab_stays(tmp_path):
    explorer = open_tab(tmnet.explore(write_racers(tmp_path, 2)))
    explorer._runs.rows["x1"].box.value = False
    before = explorer.display.findings.value
    explorer._runs.rows["x0"].box.value = False
    assert "Choose at least one run." in explorer.display.message.value
    assert explorer.display.findings.value == before != ""
    explorer._runs.rows["x1"].box.value = True
    text = " ".join(text for some in told(explorer).found.values() for text in some)
    assert "x1" in text and "x0" not in text


# --- intervals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "minutes, interval", [(300, 5), (100, 5), (99, 2), (40, 2), (39, 1), (20, 1), (19, 0.5),
                          (10, 0.5), (9, 0.25), (6, 0.25)]
)  # fmt: skip
def test_intervals_of_time_suit_the_shortest_run(tmp_path, minutes, interval):
    """Twenty grid points or more, of 5, 2, 1 or 0.5 minutes; or of 0.25 ones."""
    for name, end in (("a", minutes), ("b", 500)):
        records = [(60 * k, 1000 * k, {"loss": k}) for k in (0, end / 2, end)]
        write_file(tmp_path / name, [(s, int(x), v) for s, x, v in records], pid=end)
    explorer = tmnet.explore(tmp_path)
    assert explorer.controls.interval.value == interval == explorer.comparison.interval
    assert len(explorer.comparison.grid) == int(minutes / interval)


@pytest.mark.parametrize(
    "steps, interval",
    [(5_000_000, 50_000), (1_000_000, 50_000), (999_999, 20_000), (400_000, 20_000),
     (399_999, 10_000), (200_000, 10_000), (30_000, 2_500), (600, 10)],
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


@pytest.mark.parametrize("minutes", [7.5, 0.7, 45])
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
    assert numbers == sorted(numbers) and len({*numbers}) == len(numbers) > 20
