"""What a comparison is said to show: of the published runs, and of runs made for one statement."""

import itertools
import math
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tmnet
from tmnet.analysis.findings.finding import HEADINGS, Finding
from tmnet.analysis.statistics import Interval
from tmnet.experiments.config import NetworkConfig
from tmnet.files import data_path
from tmnet.networks.costs import costs

from ..synthetic import CUTOFF, load, race, write_file
from .test_statistics import by_wilson, of_blocks, widened

BIG, SMALL, UNI, UNI_LONG = PUBLISHED = [
    "A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"
]  # fmt: skip
BEST, RATE, MEAN = "A01/eval/best", "A01/eval/finish_rate", "A01/eval/mean"
BATCHES = "cumul_number_batches_done"


# --- helpers ------------------------------------------------------------------------------------


def run_of(logdir, name, records, config="", **options):
    write_file(logdir / name, records, texts={"config": config} if config else (), **options)
    return load(logdir, name)


def raced(times, pace=1000, start=0, **options):
    """An eval race at the end of each minute; None is one that does not finish."""
    return [
        (60 * k, start + pace * k, race(*((CUTOFF, False) if x is None else (x,)), **options))
        for k, x in enumerate(times, start=1)
    ]


def logged(values, tag="loss", pace=1000):
    """A scalar at the end of each minute."""
    return [(60 * k, pace * k, {tag: x}) for k, x in enumerate(values, start=1)]


def of(found, kind, name=None, run=None):
    """Findings of a kind; of a metric; first about a run."""
    return [
        some for some in found
        if some.kind == kind and name in (None, some.metric) and run in (None, some.runs[0])
    ]  # fmt: skip


def only(found, kind, name=None, run=None):
    (some,) = of(found, kind, name, run)
    return some


def numbers(text):
    """All numbers in a text that are not part of a name."""
    found = re.findall(r"(?<![\w.,])[-−+]?\d[\d,]*(?:\.\d+)?(?:e[-+]\d+)?", text)
    return [float(x.replace(",", "").replace("−", "-")) for x in found]


def shown(*values):
    """Values as they may be rounded: to the second decimal, or the second digit."""
    return [pytest.approx(value, abs=max(0.00501, abs(value) * 1e-9)) for value in values]


def newcombe(one, other):
    """Of how much higher a rate is, each (finished, races)."""
    (a, b), (c, d) = by_wilson(*one), by_wilson(*other)
    p, q = one[0] / one[1], other[0] / other[1]
    return p - q - math.hypot(p - a, d - q), p - q + math.hypot(b - p, q - c)


def eval_races(run, until=math.inf, since=-math.inf, at="minutes", map_="A01"):
    races = run.races
    wanted = (races["map"] == map_) & (races["kind"] == "eval")
    return races[wanted & (races[at] <= until) & (races[at] > since)]


def best_by_pandas(run, until, at="minutes"):
    races = eval_races(run, until, at=at)
    return races.loc[races["finished"], "time_s"].min()


def rate_by_pandas(run, until, since=-math.inf):
    """(finished, races)"""
    races = eval_races(run, until, since)
    return int(races["finished"].sum()), len(races)


def best_of(times, n):
    """The best that n of them are expected to bring, by the order of all."""
    slowest, size = np.sort(times)[::-1], len(times)
    return slowest @ np.diff((np.arange(1, size + 1) / size) ** n, prepend=0)


def crossed(one, other, moments):
    """(first, for good) that one is ahead of the other, which was ahead: moment after moment.

    `one` and `other` map a moment to what is better the lower it is; NaN is not comparable.
    """
    first = good = None
    was_behind = False
    for t in moments:
        a, b = one(t), other(t)
        if b < a:
            was_behind, good = True, None
        elif a < b and was_behind:
            first = t if first is None else first
            good = t if good is None else good
    return None if good is None else (first, good)


# --- the published runs -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published():
    return [load(Path(data_path("published", "runs")), name) for name in PUBLISHED]


@pytest.fixture(scope="module")
def all_four(published):
    """Over the common window of 120 min."""
    return tmnet.compare(published).findings(thresholds={BEST: 24.6, RATE: 0.5})


@pytest.fixture(scope="module")
def long_two(published):
    """The two long runs of one map, over their 495 min."""
    return tmnet.compare(published[:2]).findings(after=120)


def test_the_published_leader(published, all_four):
    some = only(all_four, "leader", BEST)
    best = {run.name: best_by_pandas(run, 120) for run in published}
    assert some.runs == tuple(sorted(best, key=best.get)) == (BIG, SMALL, UNI_LONG, UNI)
    assert [f"{best[name]:.2f}" for name in some.runs] == ["24.49", "24.59", "24.61", "24.72"]
    assert (some.moment, some.of_runs[BIG]) == (120, "24.49 s")
    assert f"{BIG} leads with 24.49 s" in some.sentence
    assert some.details["lead"] == f"{best[SMALL] - best[BIG]:.2f} s"
    # by the best of a twentieth of the fewest races, since more races bring better times
    times = [eval_races(run, 120) for run in published[:2]]
    times = [races.loc[races["finished"], "time_s"].to_numpy() for races in times]
    few = min(map(len, times)) // 20
    assert some.value == pytest.approx(best_of(times[1], few) - best_of(times[0], few), abs=1e-5)
    expected = [120, best[BIG], best[SMALL] - best[BIG], best[SMALL], best[UNI_LONG], best[UNI]]
    expected += [few, some.value, 95, *some.uncertainty]
    assert numbers(some.sentence) == shown(*expected)


def test_the_published_first_finishes(published, all_four):
    for run, minutes in zip(published[:2], (16.2, 8.3)):
        races = eval_races(run)
        some = only(all_four, "first_finish", "A01/eval/first_finish", run.name)
        assert some.value == some.moment == races.loc[races["finished"], "minutes"].min()
        assert f"{some.value:.1f}" == f"{minutes}"
        step = races.loc[races["finished"], "step"].iloc[0]
        assert numbers(some.sentence) == [minutes, step]
        assert some.details == {"at": f"{minutes} min", "that is": f"step {step:,}"}


@pytest.mark.parametrize("name, was, now", [(BIG, "64", "79"), (SMALL, "56", "71")])
def test_the_published_rates_after_120_minutes(published, long_two, name, was, now):
    run = published[PUBLISHED.index(name)]
    some = only(long_two, "after", RATE, name)
    rates = [np.divide(*rate_by_pandas(run, t)) for t in (120, 495)]
    assert [f"{rate:.0%}" for rate in rates] == [f"{was}%", f"{now}%"]
    assert [f"{x:.0f}" for x in numbers(some.sentence)[0:3:2]] == [was, now]
    assert some.value == pytest.approx(rates[1] - rates[0])
    assert (some.moment, some.uncertainty) == (495, None)


@pytest.mark.parametrize("name, gain", [(BIG, 0.06), (SMALL, 0.08)])
def test_the_published_gains_after_120_minutes(published, long_two, name, gain):
    run = published[PUBLISHED.index(name)]
    some = only(long_two, "after", BEST, name)
    was, now = (best_by_pandas(run, t) for t in (120, 495))
    assert some.value == pytest.approx(was - now) == pytest.approx(gain, abs=0.005)
    assert numbers(some.sentence)[:5] == shown(was, 120, now, 495, gain)
    assert f"better by {gain:.2f} s, {gain / 6.25:.2g} s an hour" in some.sentence


def test_the_published_loss_is_not_compared_but_per_quantile(published, all_four, long_two):
    for found in (all_four, long_two):
        assert not of(found, "leader", "loss") and not of(found, "crossover", "loss")
    some = only(all_four, "caution", "loss")
    last = {}
    for run, n in zip(published, (16, 8, 8, 8)):
        scalars = run.scalars[(run.scalars["tag"] == "loss") & (run.scalars["minutes"] <= 120)]
        last[run.name] = (scalars["value"].iloc[-1], n)
    told = {name: f"{loss / n:.2f} ({loss:.2f} / {n})" for name, (loss, n) in last.items()}
    assert told[BIG] == "6.45 (103.21 / 16)" and told[SMALL] == "8.72 (69.74 / 8)"
    assert some.of_runs == told
    assert all(f"{name} {text}" in some.sentence for name, text in told.items())
    assert some.value == pytest.approx(103.21 / 16, abs=0.01)


def test_the_published_crossover(published, all_four, long_two):
    """Of big over small in A01 eval best, race by race; the page has it later."""
    moments = sorted({t for run in published[:2] for t in eval_races(run)["minutes"]})
    best = {}
    for run in published[:2]:
        races = eval_races(run)
        finished = races[races["finished"]].set_index("minutes")["time_s"].cummin()
        best[run.name] = finished.reindex(moments, method="ffill").fillna(math.inf)
    for found, end in ((all_four, 120), (long_two, 495)):
        expected = crossed(best[BIG].get, best[SMALL].get, [t for t in moments if t <= end])
        (some,) = (x for x in of(found, "crossover", BEST, BIG) if x.runs[1] == SMALL)
        assert (some.value, some.moment) == expected
        assert 60 < some.moment < 85  # "by 85-120 minutes", says the page
        assert numbers(some.sentence) == [
            pytest.approx(some.moment, abs=0.0501),
            *shown(best[BIG][some.moment], best[SMALL][some.moment]),
        ]


def test_the_verdict_on_going_on(published, long_two):
    for run in published[:2]:
        some = only(long_two, "verdict", RATE, run.name)
        before, since = rate_by_pandas(run, 120), rate_by_pandas(run, 495, 120)
        assert some.value == pytest.approx(since[0] / since[1] - before[0] / before[1])
        assert some.uncertainty == pytest.approx(newcombe(since, before), abs=1e-9)
        gain = best_by_pandas(run, 120) - best_by_pandas(run, 495)
        assert some.sentence.startswith("Going on after 120 min was worth it for " + run.name)
        shares = 100 * since[0] / since[1], since[1], 100 * before[0] / before[1]
        span = [100 * x for x in some.uncertainty]
        told = [120, *shares, 95, *span, gain]
        assert numbers(some.sentence) == [pytest.approx(x, abs=0.0501) for x in told]


def test_the_published_thresholds(published, all_four):
    for run in published:
        races = eval_races(run, 120)
        best = races["time_s"].where(races["finished"]).cummin().ffill()
        rate = races["finished"].expanding().mean()
        for name, good in ((BEST, best <= 24.6), (RATE, rate >= 0.5)):
            some = only(all_four, "threshold", name, run.name)
            bad = races["minutes"][~good].max()
            later = races[races["minutes"] > bad]
            if len(later):
                expected = later["minutes"].iloc[0]
                assert some.value == some.moment == expected
                level = {BEST: 24.6, RATE: 50}[name]
                step = later["step"].iloc[0]
                told = [level, pytest.approx(expected, abs=0.0501), step]
                assert numbers(some.sentence) == told
            else:
                assert some.value is None and some.moment is None
                assert f"{run.name} does not reach it within 120 min" in some.sentence
    reached = {run for run in PUBLISHED if only(all_four, "threshold", BEST, run).value}
    assert reached == {BIG, SMALL}


def test_the_leaders_of_the_published_runs(published, all_four):
    """Every sentence agrees with its values, and they with the comparison."""
    comparison = tmnet.compare(published)
    at, metrics = comparison.at(120), {some.name: some for some in comparison.metrics}
    leaders = of(all_four, "leader")
    assert len({some.metric for some in leaders}) == len(leaders) > 12
    for some in leaders:
        row, known = at.loc[some.metric], metrics[some.metric]
        ranked = row.dropna().sort_values(ascending=known.better == "lower")
        assert list(some.runs) == ranked.index.tolist()
        lead = abs(ranked.iloc[0] - ranked.iloc[1])
        told = [ranked.iloc[0], lead, *ranked.iloc[1:]]
        if some.metric.endswith("best"):
            assert ("by the best of" in some.sentence) == (some.uncertainty is not None)
            if some.uncertainty:
                few = int(re.search(r"by the best of (\d+) ", some.sentence)[1])
                told += [few / known.scale, abs(some.value)]
        else:
            assert some.value == pytest.approx(lead)
        told += some.uncertainty or ()
        told = [pytest.approx(x * known.scale, abs=0.0501 if known.unit == "%" else 0.00501)
                for x in told]  # fmt: skip
        if some.uncertainty:
            told.insert(len(told) - 2, 95)
            beyond = "beyond" if some.stands_out else "within"
            assert f"{beyond} the noise" in some.sentence
        assert numbers(some.sentence) == [120, *told]


def test_what_is_said_of_later_agrees_with_its_value(long_two):
    for some in of(long_two, "after"):
        scale = 100 if some.metric == RATE else 1
        was, t0, now, t1, gain, pace = numbers(some.sentence)
        sign = 1 if some.metric == RATE else -1
        close = 0.1001 if scale == 100 else 0.01001  # two rounded numbers
        assert gain == pytest.approx(sign * (now - was), abs=close)
        assert gain == pytest.approx(some.value * scale, abs=close / 2)
        assert pace == pytest.approx(some.value * scale / ((t1 - t0) / 60), rel=0.05)
        assert "better by" in some.sentence and (t0, t1) == (120, 495)


def test_the_noise_of_the_published_rates_and_means(published, long_two):
    """Of rates by Newcombe's formula; of means by blocks that are drawn here."""
    rate = only(long_two, "leader", RATE)
    counts = [rate_by_pandas(run, 495) for run in published[:2]]
    assert rate.uncertainty == pytest.approx(newcombe(*counts), abs=1e-9) and rate.stands_out
    rng = np.random.default_rng(0)
    for name in (MEAN, "A01/eval/mean_all"):
        drawn = []
        for run in published[:2]:
            races = eval_races(run, 495)
            times = races["time_s"] if name != MEAN else races.loc[races["finished"], "time_s"]
            blocks = np.array_split(times.to_numpy(), round(math.sqrt(len(times))))
            k = len(blocks)
            means = [
                np.concatenate([blocks[i] for i in rng.integers(k, size=k)]).mean()
                for _ in range(1500)
            ]
            drawn.append(of_blocks(times.mean(), k, means))
        low, high = widened(drawn[1], drawn[0])
        some = only(long_two, "leader", name)
        assert some.uncertainty == pytest.approx((low, high), abs=0.1 * (high - low))
        assert some.stands_out == (low > 0)


def test_the_cautions_about_the_published_runs(published, all_four):
    of_maps = only([x for x in of(all_four, "caution") if "other maps" in x.sentence], "caution")
    assert set(of_maps.runs) == set(PUBLISHED)
    assert re.search(rf"{SMALL} A01; {UNI} (A01 \+ Hock|Hock \+ A01);", of_maps.sentence)
    starts = [x for x in of(all_four, "caution") if "starts from" in x.sentence]
    assert [x.runs for x in starts] == [(UNI_LONG,)]
    first = published[3].scalars["step"][published[3].scalars["step"] > 0].min()
    assert numbers(starts[0].sentence) == [first] and starts[0].value == first
    assert f"the checkpoint of {UNI}" in starts[0].sentence
    assert sum("One seed each" in x.sentence for x in of(all_four, "caution")) == 1


def test_the_published_early_failures(published):
    comparison = tmnet.compare(published, window=(0, 120))
    found = comparison.findings()
    told = {x.runs[0]: x for x in of(found, "caution", RATE) if "early failures" in x.sentence}
    for run in published:
        early, late = rate_by_pandas(run, 90), rate_by_pandas(run, 120, 90)
        assert (run.name in told) == (newcombe(late, early)[0] > 0)
        if run.name in told:
            some = told[run.name]
            finished, races = rate_by_pandas(run, 120)
            told_numbers = [100 * finished / races, late[1], 30, 100 * late[0] / late[1]]
            assert numbers(some.sentence) == [pytest.approx(x, abs=0.0501) for x in told_numbers]
            assert some.value == pytest.approx(late[0] / late[1])
            assert some.uncertainty == pytest.approx(by_wilson(*late), abs=1e-9)
    assert 0 < len(told) < 4


def test_findings_come_in_the_order_of_their_kinds(all_four):
    assert list(HEADINGS) == [
        "leader", "first_finish", "threshold", "crossover", "after", "plateau", "verdict", "cost",
        "caution",
    ]  # fmt: skip
    assert [kind for kind, _ in itertools.groupby(some.kind for some in all_four)] == list(HEADINGS)
    assert all(some.sentence.endswith(".") and "nan" not in some.sentence for some in all_four)
    assert all("\n" not in some.sentence for some in all_four)


def test_the_cost_of_the_published_runs(published, long_two):
    """Frames, updates and arithmetic of 495 minutes: by the events at or before."""
    for run, network in zip(published, (NetworkConfig.big(), NetworkConfig.small())):
        scalars = run.scalars[run.scalars["minutes"] <= 495]
        frames = scalars["step"].iloc[-1] - scalars["step"].min()
        updates = scalars.loc[scalars["tag"] == BATCHES, "value"].iloc[-1]
        total = costs(network, 512)
        spent = (updates * total["flops_per_batch"] + frames * total["flops_per_decision"]) / 1e15
        (some,) = (x for x in of(long_two, "cost", run=run.name) if x.metric is None)
        assert some.value == pytest.approx(spent, rel=0.01)
        told = numbers(some.sentence)
        assert told[0] == pytest.approx(frames, rel=1e-3) and told[3] == 495
        assert told[1:3] == [pytest.approx(updates, abs=0.5), pytest.approx(some.value, rel=1e-3)]


def test_updates_are_a_runs_own_as_its_frames_are(published, all_four):
    run = published[3]
    counter = run.scalars[(run.scalars["tag"] == BATCHES) & (run.scalars["minutes"] <= 120)]
    own = counter["value"].iloc[-1] - counter["value"].iloc[0]
    (some,) = (x for x in of(all_four, "cost", run=UNI_LONG) if x.metric is None)
    assert numbers(some.details["updates"]) == [pytest.approx(own, rel=0.05)]


def test_the_published_runs_by_step(published):
    """Big against small, at equally many steps."""
    runs = published[:2]
    comparison = tmnet.compare(runs, by="step")
    end = comparison.grid[-1]
    found = comparison.findings(thresholds={BEST: 24.6})
    leader = only(found, "leader", BEST)
    best = {run.name: best_by_pandas(run, end, "step") for run in runs}
    assert leader.runs == tuple(sorted(best, key=best.get)) and leader.moment == end
    assert numbers(leader.sentence)[:2] == [end, *shown(min(best.values()))]
    assert f"{end:,.0f} steps" in leader.sentence
    for run in runs:
        races = eval_races(run, end, at="step")
        finished = races[races["finished"]]
        first = only(found, "first_finish", "A01/eval/first_finish", run.name)
        reached = only(found, "threshold", BEST, run.name)
        for some, row in (
            (first, finished.iloc[0]), (reached, finished[finished["time_s"] <= 24.6].iloc[0])
        ):  # fmt: skip
            assert some.value == row["step"]
            told = numbers(some.sentence)[-2:]
            assert told == [row["step"], pytest.approx(row["minutes"], abs=0.0501)]


def test_the_published_runs_by_step_though_one_starts_behind_the_window(published):
    found = tmnet.compare(published, by="step").findings()
    assert {name for some in of(found, "leader", BEST) for name in some.runs} == set(PUBLISHED[:3])


# --- who leads ----------------------------------------------------------------------------------


def test_the_lower_time_and_the_higher_rate_lead(tmp_path):
    """The lead is above 0, and its interval beside it, whichever direction is better."""
    rng = np.random.default_rng(0)
    fast = [x if k % 2 else None for k, x in enumerate(rng.integers(200, 240, 100) / 8)]
    slow = [x if k % 10 else None for k, x in enumerate(rng.integers(320, 360, 100) / 8)]
    runs = [run_of(tmp_path, "fast", raced(fast)), run_of(tmp_path, "slow", raced(slow))]
    for order in (runs, runs[::-1]):
        found = tmnet.compare(order).findings()
        for name, leader in ((BEST, "fast"), (MEAN, "fast"), (RATE, "slow")):
            some = only(found, "leader", name)
            assert some.runs[0] == leader and some.stands_out
            assert 0 < some.uncertainty.low < some.value < some.uncertainty.high
        rate = only(found, "leader", RATE)
        assert rate.value == pytest.approx(0.9 - 0.5)
        assert rate.uncertainty == pytest.approx(newcombe((90, 100), (50, 100)))
        assert numbers(rate.sentence)[1:4] == [90, 40, 50]
    mean = np.mean([x for x in slow if x]) - np.mean([x for x in fast if x])
    assert only(found, "leader", MEAN).value == pytest.approx(mean)


def test_a_lead_within_the_noise(tmp_path):
    rng = np.random.default_rng(3)
    both = [run_of(tmp_path, name, raced(rng.integers(200, 400, 40) / 8)) for name in "ab"]
    some = only(tmnet.compare(both).findings(), "leader", MEAN)
    assert not some.stands_out and "within the noise" in some.sentence
    assert some.uncertainty.low < 0 < some.value < some.uncertainty.high


@pytest.mark.parametrize("times", [[24.5, 24.0, None] * 40, [None] * 50], ids=["racing", "never"])
def test_of_identical_runs_none_is_ahead(tmp_path, times):
    records = [(*moment, values | {"loss": 50 - k}) for k, (*moment, values)
               in enumerate(raced(times), start=1)]  # fmt: skip
    runs = [run_of(tmp_path, name, records) for name in "ab"]
    for by in ("time", "step"):
        found = tmnet.compare(runs, by=by).findings()
        assert {"leader", "crossover"}.isdisjoint(some.kind for some in found)
        assert not [x for x in found if re.search(r"\b(leads?|ahead|overtakes)\b", x.sentence)]
        assert of(found, "first_finish") and of(found, "caution")


def test_what_is_shown_as_equal_is_not_a_lead(tmp_path):
    """Best times of 24.501 and 24.502 s are both 24.50 s."""
    runs = [
        run_of(tmp_path, "a", raced([24.501] * 40)),
        run_of(tmp_path, "b", raced([24.502] * 40)),
    ]
    assert not of(tmnet.compare(runs).findings(), "leader")


def test_a_run_without_a_value_is_not_behind(tmp_path):
    runs = [run_of(tmp_path, "a", raced([24.5] * 40)), run_of(tmp_path, "b", raced([None] * 40))]
    found = tmnet.compare(runs).findings()
    assert {some.metric for some in of(found, "leader")} == {RATE, "A01/eval/mean_all"}
    assert only(found, "first_finish", run="b").value is None
    assert "b finishes none of 40 races" in only(found, "first_finish", run="b").sentence
    assert not of(found, "crossover", BEST)


def test_one_run_alone_leads_nobody(tmp_path):
    found = tmnet.compare(run_of(tmp_path, "a", raced([None, 25.0] * 40))).findings()
    assert {"leader", "crossover"}.isdisjoint(some.kind for some in found)
    assert not [x for x in found if "One seed" in x.sentence]
    assert only(found, "first_finish").value == 2


def test_logs_without_races_or_direction(tmp_path):
    runs = [run_of(tmp_path, name, logged(range(i, i + 40), "charts/episodic_return"))
            for i, name in enumerate("ab")]  # fmt: skip
    found = tmnet.compare(runs).findings()
    assert {some.kind for some in found} == {"cost", "caution"}


def test_few_races_give_no_noise(tmp_path):
    runs = [
        run_of(tmp_path, "a", raced([24.5, None, None])),
        run_of(tmp_path, "b", raced([25.0] * 3)),
    ]
    found = tmnet.compare(runs, interval=1).findings()
    for name in (BEST, MEAN):
        some = only(found, "leader", name)
        assert some.uncertainty is None and some.stands_out is None
        assert "noise" not in some.sentence


def test_a_lead_that_the_interval_denies_is_not_beyond_the_noise(tmp_path):
    lucky = [(6 * k, 100 * k, race(24.0 if k == 400 else 30.0)) for k in range(1, 1001)]
    runs = [
        run_of(tmp_path, "lucky", lucky),
        run_of(tmp_path, "steady", raced([24.5, 24.625] * 50)),
    ]
    some = only(tmnet.compare(runs).findings(), "leader", BEST)
    assert some.runs == ("lucky", "steady")
    assert some.uncertainty is None or some.uncertainty.high > 0 or "beyond" not in some.sentence


def test_the_noise_of_a_scalar_is_its_scatter(tmp_path):
    """Around a line through its last ten values; what lies before does not count."""
    rng = np.random.default_rng(2)
    values = {}
    for name, ahead in (("a", 0.0), ("b", 3.0)):
        values[name] = [900.0] * 20 + list(50 + ahead - np.arange(20) / 4
                                           + rng.integers(-16, 17, 20) / 64)  # fmt: skip
    runs = [run_of(tmp_path, name, logged(some)) for name, some in values.items()]
    some = only(tmnet.compare(runs).findings(), "leader", "loss")
    variance = 0.0
    for last in (np.array(x[-10:]) for x in values.values()):
        x = np.stack([np.ones(10), np.arange(10)], axis=1)
        rest = last - x @ np.linalg.lstsq(x, last, rcond=None)[0]
        variance += rest @ rest / 8
    lead, half = values["b"][-1] - values["a"][-1], 1.96 * math.sqrt(variance)
    assert some.runs == ("a", "b") and some.value == pytest.approx(lead)
    assert some.uncertainty == pytest.approx((lead - half, lead + half))


def test_the_noise_of_a_best_time_is_that_of_equally_few_races(tmp_path):
    """Both by the best of 4, for 90 races: drawn here in blocks, and then by their order."""
    rng = np.random.default_rng(4)
    times = {"a": rng.integers(192, 256, 200) / 8, "b": rng.integers(200, 280, 90) / 8}
    both = [run_of(tmp_path, f"{name}s", [*raced(x), (12_060, 300_000, {"own": 1})])
            for name, x in times.items()]  # fmt: skip
    found = tmnet.compare(both, interval=1, window=(0, 201)).findings()
    some = only(found, "leader", BEST)
    drawn = []
    for values in times.values():
        blocks = np.array_split(values, round(math.sqrt(len(values))))
        k = len(blocks)
        best = [
            best_of(np.concatenate([blocks[i] for i in rng.integers(k, size=k)]), 4)
            for _ in range(3000)
        ]
        drawn.append(of_blocks(best_of(values, 4), k, best))
    low, high = widened(drawn[1], drawn[0])
    assert some.runs == ("as", "bs") and "by the best of 4 races each" in some.sentence
    assert some.value == pytest.approx(best_of(times["b"], 4) - best_of(times["a"], 4))
    assert some.uncertainty == pytest.approx((low, high), abs=0.08 * (high - low))


def test_a_lucky_race_is_no_lead_that_stands_out(tmp_path):
    """One race of 200 in 20 s, all others slower than those of the other run.

    By the best of some races, which most of such do not have, it is far behind.
    """
    lucky = [30.0 + k % 7 / 8 for k in range(200)]
    lucky[150] = 20.0
    runs = [
        run_of(tmp_path, "lucky", raced(lucky)),
        run_of(tmp_path, "steady", raced([24 + k % 5 / 8 for k in range(200)])),
    ]
    some = only(tmnet.compare(runs).findings(), "leader", BEST)
    assert some.runs == ("lucky", "steady") and some.details["lead"] == "4.00 s"
    assert some.value < 0 and not some.stands_out
    assert f"it is {-some.value:.2f} s behind, within the noise" in some.sentence


def test_a_run_that_has_ended_is_not_ranked(tmp_path):
    runs = [
        run_of(tmp_path, "a", raced([26.0] * 60)), run_of(tmp_path, "b", raced([27.0] * 60)),
        run_of(tmp_path, "ended", raced([24.0] * 30)),
    ]  # fmt: skip
    found = tmnet.compare(runs, window=(0, 60)).findings()
    assert only(found, "leader", BEST).runs == ("a", "b")
    assert only(found, "threshold", BEST, "ended").value == 1
    assert {x.runs[0]: numbers(x.sentence)[-1] for x in of(found, "cost")} == {
        "a": 60, "b": 60, "ended": 30
    }  # fmt: skip


def test_robust_races_are_compared_among_themselves(tmp_path):
    """Every second race of a was robust, and slower."""
    rng = np.random.default_rng(5)
    records = {}
    for name, robust in (("a", 28), ("b", 26)):
        records[name] = [
            (60 * k, 1000 * k, race(robust + x / 8, robust=True) if k % 2 else race(20.0))
            for k, x in enumerate(rng.integers(0, 8, 60), start=1)
        ]
    runs = [run_of(tmp_path, name, some) for name, some in records.items()]
    some = only(tmnet.compare(runs).findings(), "leader", "A01/eval/robust_mean")
    assert some.runs == ("b", "a") and some.value == pytest.approx(2, abs=0.5)
    assert 1 < some.uncertainty.low < some.value < some.uncertainty.high < 3


def test_a_finding_stands_out_where_its_interval_leaves_out_0():
    spans = [None, Interval(-1, 1), Interval(0.5, 1), Interval(-2, -1), Interval(0, 1)]
    for kind, below in (("leader", False), ("verdict", True)):  # a lead is above 0, or is none
        found = [Finding(kind, ("a",), None, None, 0.7, some, "").stands_out for some in spans]
        assert found == [None, False, True, below, False]


def test_the_same_seed_says_the_same(published):
    comparison = tmnet.compare(published[:2], metrics=[MEAN, RATE])
    first, again, other = (comparison.findings(seed=seed) for seed in (0, 0, 1))
    assert first == again == comparison.findings()
    assert only(first, "leader", MEAN).uncertainty != only(other, "leader", MEAN).uncertainty
    assert only(first, "leader", RATE) == only(other, "leader", RATE)  # nothing is drawn for it


# --- reaching a level ---------------------------------------------------------------------------


def test_a_level_that_is_reached_lost_and_never_reached(tmp_path):
    good, bad = [25.0], [None]
    runs = [
        run_of(tmp_path, "kept", raced(bad * 4 + good * 16)),  # 4 of 8 at minute 8
        run_of(tmp_path, "lost", raced(good * 3 + bad * 6 + good * 11)),  # 3/3 … 3/9, 6 of 12
        run_of(tmp_path, "gone", raced(good * 9 + bad * 11)),  # 9 of 20 in the end
        run_of(tmp_path, "never", raced(bad * 20)),
    ]
    found = tmnet.compare(runs, interval=1).findings(thresholds={RATE: 0.5, BEST: 25})
    at = {name: only(found, "threshold", RATE, name).value for name in
          ("kept", "lost", "gone", "never")}  # fmt: skip
    assert at == {"kept": 8, "lost": 12, "gone": None, "never": None}
    told = {x.runs[0]: x.sentence for x in of(found, "threshold", RATE)}
    assert numbers(told["kept"]) == [50, 8, 8000] and numbers(told["lost"]) == [50, 12, 12_000]
    for name in ("gone", "never"):
        assert "does not reach it within 20 min" in told[name]
    best = {x.runs[0]: x.value for x in of(found, "threshold", BEST)}
    assert best == {"kept": 5, "lost": 1, "gone": 1, "never": None}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([None, 24.0, 25.0, 26.0]), min_size=2, max_size=25),
    st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]),
    st.sampled_from([24.0, 25.0, 25.5]),
)
def test_since_when_a_level_holds(times, rate, best):
    """Race by race, backwards from the end: until one lies beyond the level."""
    with tempfile.TemporaryDirectory() as directory:
        run = run_of(Path(directory), "a", raced(times))
    found = tmnet.compare(run, interval=1).findings(thresholds={RATE: rate, BEST: best})
    rates, bests = [], []
    for k in range(1, len(times) + 1):
        finished = [x for x in times[:k] if x is not None]
        rates.append(len(finished) / k >= rate)
        bests.append(min(finished, default=math.inf) <= best)
    for name, good in ((RATE, rates), (BEST, bests)):
        expected = None
        for k in range(len(times), 0, -1):
            if not good[k - 1]:
                break
            expected = k
        assert only(found, "threshold", name).value == expected


def test_the_levels_that_are_taken_if_none_are_given(tmp_path):
    """The best time that every run gets to that finishes at all, and half of all races."""
    runs = [
        run_of(tmp_path, "a", raced([None, 26.0, 25.0, 24.0] * 3)),
        run_of(tmp_path, "b", raced([25.5] * 7 + [25.0] + [25.5] * 4)),
        run_of(tmp_path, "never", raced([None] * 12)),
    ]
    found = tmnet.compare(runs, interval=1).findings()
    best = {x.runs[0]: x.value for x in of(found, "threshold", BEST)}
    assert best == {"a": 3, "b": 8, "never": None}
    assert all("A01 eval best time of 25.00 s" in x.sentence for x in of(found, "threshold", BEST))
    rate = {x.runs[0]: x.value for x in of(found, "threshold", RATE)}
    assert rate == {"a": 2, "b": 1, "never": None}
    assert all("finish rate of 50.0 %" in x.sentence for x in of(found, "threshold", RATE))


@pytest.mark.parametrize("level", [24.6, 24.59])
def test_a_time_equal_to_the_level_reaches_it(tmp_path, level):
    assert float(np.float32(level)) > level
    run = run_of(tmp_path, "a", raced([40.0] * 5 + [level] * 5))
    assert only(tmnet.compare(run).findings(thresholds={BEST: level}), "threshold").value == 6


# --- overtaking ---------------------------------------------------------------------------------


def of_two(tmp_path, one, other, records=raced, name=BEST, **options):
    """The crossover that is found of two runs: (leader, first, for good), or None."""
    runs = [run_of(tmp_path, "a", records(one)), run_of(tmp_path, "b", records(other))]
    found = of(tmnet.compare(runs, interval=1, **options).findings(), "crossover", name)
    assert len(found) < 2
    for some in found:
        told = [some.moment, *([] if some.value == some.moment else [some.value])]
        assert numbers(some.sentence)[0::3][: len(told)] == [pytest.approx(x) for x in told]
        assert "for good" in some.sentence
        assert ("first at" in some.sentence) == (some.value < some.moment)
    return (found[0].runs, found[0].value, found[0].moment) if found else None


def test_one_run_overtakes_another(tmp_path):
    assert of_two(tmp_path, [30, 30, 24, 24, 24], [26] * 5) == (("a", "b"), 3, 3)


def test_the_higher_rate_is_ahead(tmp_path):
    """1 of 1, 2, 3 … against 0, 0, 1, 2 …: a third both at minute 3."""
    found = of_two(tmp_path, [None] * 2 + [25] * 6, [25] + [None] * 7, name=RATE)
    assert found == (("a", "b"), 4, 4)


def test_what_is_reached_together_is_a_tie_and_not_ahead(tmp_path):
    """Level at minutes 2 and 3; ahead at 4."""
    assert of_two(tmp_path, [30, 26, 28, 24, 28], [26] * 5) == (("a", "b"), 4, 4)


def test_who_was_only_level_was_not_overtaken(tmp_path):
    assert of_two(tmp_path, [26, 26, 24, 24], [26] * 4) is None


def test_who_leads_throughout_overtakes_nobody(tmp_path):
    assert of_two(tmp_path, [25] * 6, [30, 29, 28, 27, 26, 26]) is None


def test_who_has_not_finished_is_behind(tmp_path):
    """b has a time from minute 2 on; a has none until minute 5, and then a better one."""
    found = of_two(tmp_path, [None] * 4 + [24] * 3, [None, 30, 30, 30, 30, 30, 30])
    assert found == (("a", "b"), 5, 5)


def test_who_never_finishes_is_not_overtaken(tmp_path):
    assert of_two(tmp_path, [None, 24, 24], [None] * 3) is None


def test_noise_crosses_back_and_forth(tmp_path):
    """First ahead at 3, for good at 7; a tie at 6 changes nothing."""
    one, other = [9, 9, 4, 9, 9, 5, 4, 5, 4], [5, 5, 5, 5, 5, 5, 5, 6, 5]
    assert of_two(tmp_path, one, other, logged, "loss") == (("a", "b"), 3, 7)


def test_a_lead_at_the_start_is_not_the_first_overtaking(tmp_path):
    one, other = [4, 9, 9, 4, 9, 4, 4], [5] * 7
    assert of_two(tmp_path, one, other, logged, "loss") == (("a", "b"), 4, 6)


def test_where_a_scalar_is_missing_nobody_is_ahead(tmp_path):
    """NaN at minute 3, where the other would have been ahead."""
    one, other = [9, 4, math.nan, 4, 4], [5, 5, 1, 5, 5]
    assert of_two(tmp_path, one, other, logged, "loss") == (("a", "b"), 2, 2)


def test_a_crossover_within_a_window(tmp_path):
    """Behind the window's start it had been overtaken before: nothing is said of that."""
    one, other = [30, 24] + [24] * 18, [26] * 20
    assert of_two(tmp_path, one, other, window=(5, 20)) is None
    later = [30] * 9 + [24] * 11
    (tmp_path / "later").mkdir()
    assert of_two(tmp_path / "later", later, other, window=(5, 20)) == (("a", "b"), 10, 10)


def test_who_was_ahead_where_the_window_starts_can_be_overtaken(tmp_path):
    def sparse(times):
        return [(60 * k, 1000 * k, race(x)) for k, x in zip((1, 10, 20), times)]

    found = of_two(tmp_path, [30, 24, 24], [26, 26, 26], sparse, window=(5, 20))
    assert found == (("a", "b"), 10, 10)


@pytest.mark.parametrize("name", [BEST, "loss"])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_crossovers_of_random_runs(name, data):
    """With ties and gaps; both runs last equally long."""
    length = data.draw(st.integers(2, 14))
    # not every minute has an event, but the last has
    values = st.sampled_from([23.0, 24.0, 25.0, 26.0, 27.0, math.nan, None])
    series = [data.draw(st.lists(values, min_size=length, max_size=length)) for _ in range(2)]
    with tempfile.TemporaryDirectory() as directory:
        runs = []
        for run, some in zip("ab", series):
            records = [(60 * length, 1000 * length, {"own": 1.0})]
            for k, x in enumerate(some, start=1):
                if x is None:
                    continue
                values = {"loss": x}
                if name == BEST:
                    values = race(CUTOFF, False) if math.isnan(x) else race(x)
                records.insert(-1, (60 * k, 1000 * k, values))
            runs.append(run_of(Path(directory), run, records))
    if not all(any(x is not None for x in some) for some in series):
        return
    found = tmnet.compare(runs, interval=1, metrics=[name]).findings()

    def value(some, t):
        so_far = [x for x in some[:t] if x is not None]
        if name == BEST:
            return min((x for x in so_far if not math.isnan(x)), default=math.inf)
        return so_far[-1] if so_far else math.nan

    ends = [value(some, length) for some in series]
    expected = None
    if np.isfinite(ends).all() and ends[0] != ends[1]:
        leader = int(ends[1] < ends[0])
        one, other = series[leader], series[1 - leader]
        times = crossed(lambda t: value(one, t), lambda t: value(other, t), range(1, length + 1))
        expected = times and (("ab"[leader], "ba"[leader]), *times)
    told = [(some.runs, some.value, some.moment) for some in of(found, "crossover")]
    assert told == ([expected] if expected else [])


# --- what came after ----------------------------------------------------------------------------


def test_gains_and_losses_after_a_moment(tmp_path):
    """Over half an hour; a loss that grows is worse; what stays is no change."""
    records = [
        (60 * k, 1000 * k, race(30 - k / 16 if k <= 40 else 27.5) | {"loss": 10 + k})
        for k in range(1, 61)
    ]
    found = tmnet.compare(run_of(tmp_path, "a", records)).findings(after=30)
    best, loss = only(found, "after", BEST), only(found, "after", "loss")
    assert best.value == 28.125 - 27.5 and (best.moment, best.runs) == (60, ("a",))
    assert numbers(best.sentence) == shown(28.125, 30, 27.5, 60, 0.625, 1.25)[:5] + [
        pytest.approx(1.25, abs=0.051)
    ]
    assert loss.value == -30 and "worse by 30.00, 60 an hour" in loss.sentence
    rate = only(found, "after", RATE)
    assert rate.value == 0 and rate.sentence.endswith(": no change.")


def test_the_moment_is_half_of_the_window_if_none_is_given(tmp_path):
    run = run_of(tmp_path, "a", raced([30 - k / 8 for k in range(60)]))
    some = only(tmnet.compare(run).findings(), "after", BEST)
    assert numbers(some.sentence)[1:4:2] == [30, 60]


def test_nothing_came_after_the_end(tmp_path):
    runs = [
        run_of(tmp_path, "long", raced([25.0] * 60)),
        run_of(tmp_path, "short", raced([25.0] * 30)),
    ]
    found = tmnet.compare(runs, window=(0, 60)).findings(after=30)
    assert {x.runs for x in of(found, "after") + of(found, "verdict")} == {("long",)}
    found = tmnet.compare(runs, window=(0, 60)).findings(after=60)
    assert not of(found, "after") + of(found, "verdict")


@pytest.mark.parametrize(
    "times, begins",
    [
        ([None, 25] * 15 + [25] * 29 + [24], "Going on after 30 min was worth it for a: "),
        ([25] * 30 + [25, None] * 15, "Going on after 30 min made a less reliable: "),
        ([25] * 59 + [24], "Going on after 30 min made a faster, not more reliable: "),
        ([25] * 60, "Going on after 30 min brought a nothing that stands out from the noise: "),
    ],
    ids=["worth it", "less reliable", "faster", "nothing"],
)
def test_verdicts(tmp_path, times, begins):
    some = only(tmnet.compare(run_of(tmp_path, "a", raced(times))).findings(after=30), "verdict")
    assert some.sentence.startswith(begins)
    counts = [(sum(x is not None for x in half), 30) for half in (times[30:], times[:30])]
    assert some.value == pytest.approx((counts[0][0] - counts[1][0]) / 30)
    assert some.uncertainty == pytest.approx(newcombe(*counts))
    assert ("better by 1.00 s" in some.sentence) == (times[-1] == 24)


def test_a_best_time_that_gets_worse_is_not_better(tmp_path):
    run = run_of(tmp_path, "a", raced([24.0] * 20 + [25.0] * 40))
    some = only(tmnet.compare(run, trailing=10).findings(after=15), "verdict")
    assert "faster" not in some.sentence and "better by" not in some.sentence


def test_a_large_gain_an_hour_is_written_out(tmp_path):
    run = run_of(tmp_path, "a", logged([2000 - 15 * k for k in range(60)]))
    assert "900 an hour" in only(tmnet.compare(run).findings(), "after", "loss").sentence


# --- plateaus -----------------------------------------------------------------------------------


def plateau(tmp_path, time_at, minutes, name=BEST, **options):
    """The plateau that is found of a run with a race a minute, or None."""
    run = run_of(tmp_path, "a", raced([time_at(k) for k in range(1, minutes + 1)]))
    found = of(tmnet.compare(run, **options).findings(), "plateau", name)
    assert len(found) < 2
    return found[0] if found else None


def test_a_curve_that_falls_and_then_stays(tmp_path):
    """By a second an hour until minute 120. It is seen an hour later at most."""
    some = plateau(tmp_path, lambda k: 30 - min(k, 120) / 60, 300)
    assert 115 <= some.moment <= 180 and some.value == 0.05
    assert numbers(some.sentence) == [some.moment, 0.05]
    assert some.details["since"] == f"{some.moment:.0f} min"


def test_a_curve_that_slows_down(tmp_path):
    """By 0.5 s an hour, and from minute 100 on by 0.03."""
    some = plateau(tmp_path, lambda k: 30 - min(k, 100) / 120 - max(k - 100, 0) / 2000, 400)
    assert 95 <= some.moment <= 160
    assert plateau(tmp_path, lambda k: 30 - k / 600, 400) is None  # 0.1 s an hour, to the end


def test_a_curve_that_stays_for_less_than_an_hour_is_no_plateau(tmp_path):
    assert plateau(tmp_path, lambda k: 30 - min(k, 250) / 60, 300) is None


def test_a_curve_that_stays_and_then_falls_again_is_no_plateau(tmp_path):
    assert plateau(tmp_path, lambda k: 30 - min(k, 60) / 60 - (k > 280), 300) is None


def test_before_the_first_finish_there_is_no_plateau(tmp_path):
    """From then on there is."""
    assert plateau(tmp_path, lambda k: None, 300) is None
    some = plateau(tmp_path, lambda k: 25.0 if k > 100 else None, 300)
    assert 100 <= some.moment <= 160


def test_a_plateau_of_a_short_run(tmp_path):
    """Of one hour: over a fifth of it, a fifth of the gain is asked."""
    some = plateau(tmp_path, lambda k: 30 - min(k, 30) / 60, 60, interval=1)
    assert 29 <= some.moment <= 42 and some.value == 0.05
    assert plateau(tmp_path, lambda k: 30 - k / 600, 60, interval=1) is None


def test_a_plateau_of_a_rate(tmp_path):
    """All races finish from minute 60 to 200, then every other one: first up, then down."""
    rate = plateau(tmp_path, lambda k: 25.0 if 60 < k <= 200 or k % 2 else None, 400, name=RATE)
    assert 140 <= rate.moment <= 205 and rate.value == 0.02
    assert numbers(rate.sentence) == [rate.moment, 2]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 8)), min_size=3, max_size=10))
def test_every_hour_behind_a_plateaus_start_is_slow(pieces):
    """Of a curve of random slopes, as of no hour that begins before; else the last one is not."""
    slopes = [slope / 64 / 8 for minutes, slope in pieces for _ in range(5 * minutes)]
    times = list(40 - np.cumsum(slopes))
    if len(times) < 300:
        times += [times[-1]] * (300 - len(times))
    with tempfile.TemporaryDirectory() as directory:
        run = run_of(Path(directory), "a", raced(times))
    found = of(tmnet.compare(run).findings(), "plateau", BEST)
    end = len(times) // 5 * 5
    gains = {t: times[t - 1] - times[t + 59] for t in range(5, end - 59, 5)}  # of the hour from t
    fast = [0, *(t for t, gain in gains.items() if gain > 0.05 + 1e-6)]  # no time yet at 0
    if fast[-1] == max(gains):
        assert not found
    else:
        assert [some.moment for some in found] == [fast[-1] + 5]


def test_a_plateau_as_long_as_the_window(tmp_path):
    """It was there before the window begins."""
    some = plateau(tmp_path, lambda k: 25.0, 300, window=(60, 300))
    assert some.moment == 60


@pytest.mark.parametrize("by", ["played", "flops"])
def test_along_other_counters_no_plateau_is_told(tmp_path, by):
    """What is slow is known for an hour and for a million steps."""
    raced = trained([30.0] * 9 + [25.0] * 200)
    records = [(*at, values | {"played": 3 * k}) for k, (*at, values) in enumerate(raced, start=1)]
    run = run_of(tmp_path, "a", records, NETWORK)
    assert of(tmnet.compare(run, interval=1).findings(), "plateau")
    assert not of(tmnet.compare(run, by=by).findings(), "plateau")


# --- cost ---------------------------------------------------------------------------------------

NETWORK = "neural_network: {iqn_n: 16, iqn_k: 64}\ntraining: {batch_size: 256}\n"
SMALLER = "neural_network: {iqn_n: 8, iqn_k: 32}\ntraining: {batch_size: 256}\n"
A_BATCH, A_FRAME = (costs(NetworkConfig(iqn_n=16, iqn_k=64), 256)[f"flops_per_{what}"] / 1e15
                    for what in ("batch", "decision"))  # fmt: skip


def trained(times, batches=2000, frames=3000):
    """A race a minute, and the counter of batches in every other minute."""
    records = []
    for k, x in enumerate(times, start=1):
        values = race(CUTOFF, False) if x is None else race(x)
        values |= {BATCHES: batches * k} if k % 2 == 0 else {}
        records.append((60 * k, frames * k, values))
    return records


def test_cost_by_hand(tmp_path):
    """Frames count from the first step that was logged, batches from the start."""
    run = run_of(tmp_path, "a", trained([25.0 if k > 6 else 30.0 for k in range(40)]), NETWORK)
    found = tmnet.compare(run).findings(thresholds={BEST: 26})
    whole, level = of(found, "cost")
    spent = {k: 2000 * k * A_BATCH + 3000 * (k - 1) * A_FRAME for k in (8, 40)}
    assert whole.value == pytest.approx(spent[40]) and whole.metric is None
    told = [117_000, 80_000, pytest.approx(spent[40], rel=1e-3), 40]
    assert numbers(whole.sentence) == told
    assert (level.metric, level.moment) == (BEST, 8)
    assert level.value == pytest.approx(spent[8])
    assert numbers(level.sentence) == [26, pytest.approx(spent[8], rel=5e-3)]


def test_who_leads_at_equal_arithmetic(tmp_path):
    """The dear network leads after 40 minutes; when it had cost as little, it was behind."""
    dear = [30.0] * 30 + [24.0] * 10
    runs = [
        run_of(tmp_path, "dear", trained(dear), NETWORK),
        run_of(tmp_path, "cheap", trained([26.0] * 40), SMALLER),
    ]
    found = tmnet.compare(runs).findings()
    assert only(found, "leader", BEST).runs == ("dear", "cheap")
    small = costs(NetworkConfig(iqn_n=8, iqn_k=32), 256)
    equal = (80_000 * small["flops_per_batch"] + 117_000 * small["flops_per_decision"]) / 1e15
    minutes = max(k for k in range(41) if 2000 * k * A_BATCH + 3000 * (k - 1) * A_FRAME <= equal)
    assert minutes < 30  # or the test would say nothing
    (some,) = (x for x in of(found, "cost", BEST) if len(x.runs) > 1)
    assert some.runs == ("cheap", "dear") and some.value == 4
    assert some.moment == pytest.approx(equal)
    assert numbers(some.sentence) == [pytest.approx(equal, rel=1e-3), 26, 30]


def test_without_a_network_only_frames_and_updates_are_told(tmp_path):
    run = run_of(tmp_path, "a", trained([25.0] * 20))
    (some,) = of(tmnet.compare(run).findings(), "cost")
    assert some.value is None and numbers(some.sentence) == [57_000, 40_000, 20]


@pytest.fixture
def restarted(tmp_path):
    """After 20 minutes it goes back to what it had been after 10."""
    first = trained([25.0] * 20)
    again = [(1300 + 60 * k, 3000 * (k + 10), race(25.0) | {BATCHES: 2000 * (k + 10)})
             for k in range(1, 31)]  # fmt: skip
    write_file(tmp_path / "a", first, texts={"config": NETWORK})
    write_file(tmp_path / "a", again, start=1300, pid=2)
    run = load(tmp_path, "a")
    assert len(run.restarts) == 1
    return run


def test_the_cost_of_what_a_restart_took_back(restarted):
    """The window ends while steps are played that the second process plays again."""
    found = tmnet.compare(restarted, window=(0, 20)).findings()
    assert of(found, "cost") and not [x for x in found if "nan" in x.sentence]
    assert all(x.value > 0 for x in of(found, "cost"))


def test_what_a_restart_took_back_was_paid_for(restarted):
    found = tmnet.compare(restarted, window=(0, 20)).findings()
    (some,) = (x for x in of(found, "cost") if x.metric is None)
    frames, updates, pflop, minutes = numbers(some.sentence)
    assert (frames, updates, minutes) == (57_000, 40_000, 20)
    spent = 40_000 * A_BATCH + 57_000 * A_FRAME
    assert some.value == pytest.approx(spent) and pflop == pytest.approx(spent, rel=1e-3)


def test_all_that_was_paid_for_until_the_end(restarted):
    """From frame 3,000 to 60,000, and from 33,000 to 120,000; batches from 0 to 40,000, and from
    22,000, as many as there had been at that frame, to 80,000. Along steps only the second."""
    frames, updates = 57_000 + 87_000, 40_000 + 58_000
    found = tmnet.compare(restarted).findings(thresholds={BEST: 25})
    whole, level = of(found, "cost")
    assert numbers(whole.sentence)[:2] == [frames, updates]
    assert whole.value == pytest.approx(updates * A_BATCH + frames * A_FRAME)
    assert level.value == pytest.approx(2000 * A_BATCH)  # until the first race
    by_step = tmnet.compare(restarted, by="step", interval=1000)
    (own, _) = of(by_step.findings(thresholds={BEST: 25}), "cost")
    assert numbers(own.sentence)[:2] == [117_000, 80_000]
    assert own.value == pytest.approx(80_000 * A_BATCH + 117_000 * A_FRAME)
    end = tmnet.compare(restarted, by="flops").window[1]
    assert end == pytest.approx(own.value)


# --- cautions -----------------------------------------------------------------------------------


def cautions(found, words):
    return [some for some in of(found, "caution") if words in some.sentence]


def test_few_races(tmp_path):
    """29 are few, 30 are not."""
    runs = [
        run_of(tmp_path, "few", raced([25.0] * 20 + [None] * 9 + [])),
        run_of(tmp_path, "many", raced([25.0] * 20 + [None] * 10)),
    ]
    (some,) = cautions(tmnet.compare(runs, interval=1, window=(0, 30)).findings(), "only")
    assert (some.runs, some.metric, some.value) == (("few",), RATE, 29)
    assert some.uncertainty == pytest.approx(by_wilson(20, 29), abs=1e-9)
    told = [29, *(100 * x for x in by_wilson(20, 29)), 95]
    assert numbers(some.sentence) == [pytest.approx(x, abs=0.0501) for x in told]


def test_early_failures(tmp_path):
    """Rates that were low and are not any more; not those that always were, or that fell."""
    runs = [
        run_of(tmp_path, "better", raced([None] * 40 + [25.0] * 60)),
        run_of(tmp_path, "steady", raced([None, 25.0] * 50)),
        run_of(tmp_path, "worse", raced([25.0] * 60 + [None] * 40)),
    ]
    (some,) = cautions(tmnet.compare(runs).findings(), "early failures")
    assert some.runs == ("better",) and some.value == 1
    assert numbers(some.sentence) == [60, 25, 25, 100]
    for trailing in (20, 70):  # then there is no rate of all races
        assert not cautions(tmnet.compare(runs, trailing=trailing).findings(), "early failures")


def test_other_maps(tmp_path):
    configs = ["map_cycle: [{map: A01}]", "map_cycle: [{map: A01}, {map: Hock}]"]
    runs = [run_of(tmp_path, name, raced([25.0] * 40), config)
            for name, config in zip("abc", [configs[0], configs[1], configs[0]])]  # fmt: skip
    (some,) = cautions(tmnet.compare(runs).findings(), "other maps")
    assert some.runs == ("a", "b", "c") and "a A01; b A01 + Hock; c A01." in some.sentence
    assert not cautions(tmnet.compare(runs[::2]).findings(), "other maps")
    hock = run_of(tmp_path, "hock", raced([25.0] * 40, map_="Hock"))  # not logged, but driven
    (some,) = cautions(tmnet.compare([runs[0], hock]).findings(), "other maps")
    assert "a A01; hock Hock." in some.sentence


def test_a_start_from_anothers_checkpoint(tmp_path):
    times, low = [25.0] * 200, {"pace": 1000}
    runs = [
        run_of(tmp_path, "fresh", raced(times, **low)),
        run_of(tmp_path, "later", raced(times, start=500_000, **low)),
        run_of(tmp_path, "named", raced(times, **low), "initial_checkpoint: runs/x.pt"),
    ]
    found = cautions(tmnet.compare(runs).findings(), "starts from")
    assert [(some.runs, some.value) for some in found] == [
        (("later",), 501_000),
        (("named",), 1000),
    ]
    assert "later starts from a checkpoint, at step 501,000" in found[0].sentence
    assert "the checkpoint of runs/x.pt" in found[1].sentence


def test_a_short_run_from_scratch_does_not_start_from_a_checkpoint(tmp_path):
    """It says something once a minute, for 20 minutes, from the first on."""
    run = run_of(tmp_path, "short", raced([25.0] * 20))
    assert not cautions(tmnet.compare(run).findings(), "starts from")


def test_losses_of_different_quantiles(tmp_path):
    runs = [
        run_of(tmp_path, name, logged([40.0 + i] * 20), f"neural_network: {{iqn_n: {n}}}")
        for i, (name, n) in enumerate([("a", 8), ("b", 16), ("c", 8)])
    ]
    found = tmnet.compare(runs).findings()
    (some,) = cautions(found, "per quantile")
    assert some.runs == ("b", "a", "c") and some.value == 41 / 16
    told = [20, 2.56, 41, 16, 5, 40, 8, 5.25, 42, 8]
    assert numbers(some.sentence) == [pytest.approx(x, abs=0.00501) for x in told]
    assert not of(found, "leader", "loss") and not of(found, "crossover", "loss")
    same = tmnet.compare(runs[::2]).findings()
    assert not cautions(same, "per quantile") and only(same, "leader", "loss").runs == ("a", "c")


def test_a_run_that_begins_behind_the_window(tmp_path):
    """Along steps; by time it has values."""
    runs = [
        run_of(tmp_path, "first", raced([25.0] * 20)),
        run_of(tmp_path, "later", raced([24.0] * 20, start=50_000)),
    ]
    assert tmnet.compare(runs).notes == []
    (note,) = tmnet.compare(runs, by="step", interval=1000).notes
    assert note.startswith("later begins behind the window, at 51,000 steps")


def test_one_seed_each(tmp_path):
    runs = [run_of(tmp_path, name, raced([25.0] * 40)) for name in "ab"]
    (some,) = cautions(tmnet.compare(runs).findings(), "One seed each")
    assert some.runs == ("a", "b")


# --- other axes and ranges ----------------------------------------------------------------------


def test_only_the_last_races_count_where_they_are_asked_for(tmp_path):
    """a was fast early, b is fast now."""
    runs = [
        run_of(tmp_path, "a", raced([24.0] * 20 + [28.0] * 40)),
        run_of(tmp_path, "b", raced([30.0] * 30 + [26.0] * 30)),
    ]
    assert only(tmnet.compare(runs).findings(), "leader", BEST).runs == ("a", "b")
    found = tmnet.compare(runs, trailing=10).findings(after=15)
    some = only(found, "leader", BEST)
    assert some.runs == ("b", "a") and some.value == 2
    assert some.uncertainty is None  # of 10 races the best of none can be told
    mean = only(found, "leader", MEAN)
    assert mean.uncertainty == pytest.approx((2, 2))  # neither varied in the last 10 minutes
    after = only(found, "after", BEST, "a")
    assert after.value == -4 and "worse by 4.00 s" in after.sentence


def test_by_step(tmp_path):
    """b plays twice the steps a minute: at equally many steps it has had half of the races."""
    runs = [
        run_of(tmp_path, "a", raced([None] * 5 + [25.0] * 55)),
        run_of(tmp_path, "b", raced([None] * 5 + [26.0] * 35 + [24.0] * 20, pace=2000)),
    ]
    assert only(tmnet.compare(runs).findings(), "leader", BEST).runs == ("b", "a")
    found = tmnet.compare(runs, by="step", interval=5000).findings(thresholds={BEST: 26})
    leader = only(found, "leader", BEST)
    assert (leader.runs, leader.value, leader.moment) == (("a", "b"), 1, 60_000)
    assert numbers(leader.sentence)[:4] == [60_000, 25, 1, 26]
    for kind in ("first_finish", "threshold"):
        at = {x.runs[0]: x for x in of(found, kind) if x.metric != RATE}
        assert {name: x.value for name, x in at.items()} == {"a": 6000, "b": 12_000}
        assert "at 6,000 steps (6.0 min)" in at["a"].sentence
        assert "at 12,000 steps (6.0 min)" in at["b"].sentence
    after = only(found, "after", RATE, "a")
    was, now = 25 / 30, 55 / 60
    assert after.value == pytest.approx(now - was)
    told = [100 * was, 30_000, 100 * now, 60_000, 100 * (now - was), 100 * (now - was) / 0.03]
    assert numbers(after.sentence)[:4] == [pytest.approx(x, abs=0.0501) for x in told[:4]]
    assert numbers(after.sentence)[4:] == [pytest.approx(x, rel=0.05) for x in told[4:]]
    assert "a million steps" in after.sentence


def test_by_relative_step(tmp_path):
    runs = [
        run_of(tmp_path, "a", raced([None] * 5 + [25.0] * 55, start=700_000)),
        run_of(tmp_path, "b", raced([None] * 9 + [25.0] * 51)),
    ]
    found = tmnet.compare(runs, by="relative_step", interval=1000).findings()
    at = {x.runs[0]: x.value for x in of(found, "first_finish")}
    assert at == {"a": 5000, "b": 9000}  # since the first event, which comes after a minute


def test_by_wall_time(tmp_path):
    """An hour stood still between minutes 10 and 11."""
    records = raced([None] * 20 + [25.0] * 20)
    write_file(tmp_path / "a", records[:10])
    later = [(second + 3600, step, values) for second, step, values in records[10:]]
    write_file(tmp_path / "a", later, start=4200, pid=2)
    run = load(tmp_path, "a")
    for clock, minutes in (("active", 21), ("wall", 81)):
        found = tmnet.compare(run, clock=clock).findings()
        assert only(found, "first_finish").value == minutes


# --- what is refused ----------------------------------------------------------------------------


@pytest.fixture
def simple(tmp_path):
    return tmnet.compare(run_of(tmp_path, "a", raced([None, 25.0] * 20)))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"thresholds": {"A01/eval/bst": 25}}, r"no metric A01/eval/bst\. Nearest: A01/eval/best"),
        ({"thresholds": {"Hock/eval/best": 25}}, "no metric Hock/eval/best"),
        ({"thresholds": {"A01/eval/races": 25}}, "A01/eval/races .* cannot be a threshold"),
        ({"thresholds": {"A01/eval/first_finish": 5}}, "cannot be a threshold"),
        ({"after": -1}, "moment -1 is outside of the window of 0 to 40 min"),
        ({"after": 40.5}, "moment 40.5 is outside"),
        ({"after": math.nan}, "moment nan is outside"),
        ({"after": math.inf}, "moment inf is outside"),
        ({"after": "x"}, "moment 'x' is not a number of min"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(simple, options, message):
    with pytest.raises(tmnet.TmnetError, match=message) as caught:
        simple.findings(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["fast", None, math.nan, math.inf], ids=str)
def test_a_threshold_that_is_not_a_number_is_refused(simple, value):
    with pytest.raises(tmnet.TmnetError):
        simple.findings(thresholds={BEST: value})


def test_no_thresholds_at_all(simple):
    assert not of(simple.findings(thresholds={}), "threshold")
    assert of(simple.findings(), "threshold")


def test_a_window_before_the_first_event(tmp_path):
    run = run_of(tmp_path, "a", raced([25.0] * 20))
    found = tmnet.compare(run, window=(0, 0.5)).findings()
    assert not of(found, "leader") and not of(found, "threshold", BEST)
