"""What is found of the published runs, computed again with pandas."""

import itertools
import math
import re

import numpy as np
import pytest

import tmnet
from tmnet.analysis.findings.finding import HEADINGS
from tmnet.experiments.config import NetworkConfig
from tmnet.networks.costs import costs

from ..formulas import by_wilson, of_blocks, widened
from .told import (
    BATCHES,
    BEST,
    BIG,
    MEAN,
    PUBLISHED,
    RATE,
    SMALL,
    UNI,
    UNI_LONG,
    best_of,
    crossed,
    newcombe,
    numbers,
    of,
    only,
    shown,
)


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
        assert (some.value, some.moment) == pytest.approx(expected)
        assert 60 < some.moment < 85  # "by 85-120 minutes", says the page
        assert numbers(some.sentence) == [
            pytest.approx(some.moment, abs=0.0501),
            *shown(*(best[name].asof(some.moment + 1e-6) for name in (BIG, SMALL))),
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
                assert some.value == some.moment == pytest.approx(expected)
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
