"""What was said of runs before, checked: numbers by pandas, claims by formulas."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from tmnet.errors import TmnetError
from tmnet.experiments.fields import build
from tmnet.files import example_runs
from tmnet.report.statements import Statement, check
from tmnet.report.study import load_study

from ..analysis.findings.told import drawn, run_of
from ..synthetic import load


def checked(there, **fields):
    (one,) = check([build(Statement, {"said": "so", **fields})], {run.name: run for run in there})
    return one


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    logdir = tmp_path_factory.mktemp("logs")
    rates = {"good": 0.97, "bad": 0.45, "fair": 0.9}
    return [
        run_of(logdir, name, drawn(i, rate, 300)) for i, (name, rate) in enumerate(rates.items())
    ]


def test_numbers_are_right_to_the_last_digit_that_was_written(runs):
    good, bad, _ = runs
    metric, at = "A01/eval/finish_rate", [100, 300]
    values = [
        100 * run.races.query("minutes <= @t")["finished"].mean() for run in (good, bad) for t in at
    ]
    fields = {"metric": metric, "runs": ["good", "bad"], "at": at}
    for digits in (0, 1, 3):
        shown = [f"{value:.{digits}f}" for value in values]
        assert checked(runs, **fields, values=shown).right
    shown[2] = f"{values[2] + 0.0011:.3f}"
    wrong = checked(runs, **fields, values=shown)
    assert not wrong.right and wrong.found == ", ".join(f"{value:.1f} %" for value in values)
    assert wrong.holds is None and wrong.evidence == ""


def test_a_claim_of_two_holds_where_late_races_tell_them_apart(runs):
    fields = {"metric": "A01/eval/finish_rate", "at": [300]}
    holds = checked(runs, runs=["good", "bad"], claim="higher", **fields)
    assert holds.holds is True and holds.p < 0.05
    assert "last 50 min, 50 races each" in holds.evidence
    assert checked(runs, runs=["good", "bad"], claim="lower", **fields).holds is False
    close = checked(runs, runs=["good", "fair"], claim="higher", **fields)
    assert close.holds is False and close.p > 0.05


def test_a_gain_is_of_two_late_windows(runs):
    fields = {"metric": "A01/eval/finish_rate", "runs": ["good"], "at": [100, 300]}
    gain = checked(runs, claim="gain", **fields)
    finished = runs[0].races["finished"].to_numpy()
    before, last = (100 * finished[i - 50 : i].mean() for i in (100, 300))
    assert f"late finish rate {before:.1f} % to {last:.1f} %, " in gain.evidence
    assert gain.holds is False


def test_several_claims_are_tested_together(runs):
    """By Holm: two that are each surer than 5 %, but not than 2.5 %, are none."""
    by_name = {run.name: run for run in runs}
    one = build(Statement, {
        "said": "so", "metric": "A01/eval/mean", "runs": ["good", "bad"], "at": [300],
        "claim": "lower",
    })  # fmt: skip
    times = [np.array([x for x in drawn(i, r, 300)[-50:] if x]) for i, r in ((0, 0.97), (1, 0.45))]
    means = [float(x.mean()) for x in times]
    (alone,) = check([one], by_name)
    assert f"{means[0]:.2f} s against {means[1]:.2f} s" in alone.evidence
    for count in (1, 2, 20):
        found = check([one] * count, by_name)
        assert {x.holds for x in found} == {means[0] < means[1] and alone.p * count <= 0.05}


def test_what_has_no_interval_is_said(runs):
    first = checked(
        runs,
        metric="A01/eval/first_finish",
        runs=["bad", "good"],
        claim="higher",
        values=["2", "1"],
    )
    times = [run.races.query("finished")["minutes"].min() for run in (runs[1], runs[0])]
    assert first.right is all(math.isclose(x, y) for x, y in zip(times, (2, 1)))
    assert first.holds is None
    assert f"one run each, {times[0] / times[1]:.3g} times the minutes" in first.evidence


def test_a_plateau_comes_sooner_or_later(tmp_path):
    steady = run_of(tmp_path, "steady", drawn(0, 0.9, 300))
    rising = run_of(tmp_path, "rising", [None if k % 300 < 250 else 24.0 for k in range(300)])
    fields = {"metric": "A01/eval/finish_rate", "at": [300], "claim": "plateau"}
    sooner = checked([steady, rising], runs=["steady", "rising"], **fields)
    later = checked([steady, rising], runs=["rising", "steady"], **fields)
    assert (sooner.holds, later.holds) == (True, False)
    assert sooner.evidence.startswith("late finish rate: plateau from ")
    assert sooner.evidence.endswith(" against no plateau")


@pytest.mark.parametrize(
    "fields, told",
    [
        ({"runs": ["x"]}, "is of x, which is none of the runs"),
        ({"metric": "A01/eval/bst"}, "There is no metric A01/eval/bst"),
        ({"values": ["1", "2"]}, "has 2 values; of 1 runs at 1 moments it must have 1"),
        ({"values": ["much"]}, "has a value that is no number"),
        ({"claim": "higher"}, "claims higher, for which it needs two runs"),
        ({"claim": "gain"}, "claims gain, for which it needs two moments"),
        ({"claim": "best"}, "claim is 'best'; it must be '' or 'higher'"),
    ],
)
def test_what_makes_no_sense_is_refused(runs, fields, told):
    good = {"metric": "A01/eval/best", "runs": ["good"], "at": [300]}
    with pytest.raises(TmnetError, match=told):
        checked(runs, **good | fields)


def test_t_of_the_claim_is_that_of_books(runs):
    found = checked(
        runs, metric="A01/eval/finish_rate", runs=["good", "bad"], at=[300], claim="higher"
    )
    parts = []
    for run in runs[:2]:
        finished = run.races["finished"].to_numpy(float)[-50:]
        blocks = [finished[10 * j : 10 * (j + 1)].mean() for j in range(5)]
        middle = (finished.sum() + 2) / 54
        scatter = sum((y - x) ** 2 for x, y in itertools.pairwise(blocks)) / 40
        parts.append((finished.mean(), max(scatter, middle * (1 - middle) / 54)))
    (p, v), (q, w) = parts
    freedom = (v + w) ** 2 / (v**2 + w**2) * 8 / 3
    assert found.p == pytest.approx(2 * stats.t.sf((p - q) / math.sqrt(v + w), freedom))


def test_the_page_that_was_published_has_its_numbers_right_and_claims_too_much():
    """Moments, runs and numbers are those of `data/published/reference.csv` or its text; what is
    claimed of them is more than one run each can hold."""
    study = load_study("network_size_published")
    runs = {name: load(example_runs("published"), name) for name in study.runs}
    found = check(study.statements, runs)
    assert len(found) == 25 and all(x.right for x in found)
    said = {x.statement.said: x for x in found}
    for x in found:  # by pandas
        races = x.statement.metric.split("/")
        if len(races) < 3 or not x.statement.values or races[2] == "first_finish":
            continue
        values = []
        for name in x.statement.runs:
            rows = runs[name].races.query("map == @races[0] and kind == @races[1]")
            for t in x.statement.at:
                until = rows[rows["minutes"] <= t]
                finished = until.loc[until["finished"], "time_s"]
                values.append({
                    "best": finished.min(), "mean": finished.mean(),
                    "finish_rate": 100 * until["finished"].mean(),
                }[races[2]])  # fmt: skip
        for value, text in zip(values, x.statement.values, strict=True):
            assert f"{value:.{len(text.partition('.')[2])}f}" == text
    rates = said["big finishes more often than small at 120 min"]
    assert rates.holds is False and "since the start +7.9 points (" in rates.evidence
    later = said["big's finish rate improves strongly after 120 min"]
    assert later.holds is False and later.short.startswith("−3.4 points (−")
    for metric in ("finish rate", "best time"):
        sooner = said[f"small plateaus earlier, and big surpasses it: {metric}"]
        assert sooner.holds is False  # it is big that reaches its plateau first
    assert sum(x.holds is False for x in found) == 12 and sum(x.holds is True for x in found) == 2


@pytest.mark.parametrize(
    "fields, told",
    [
        ({"runs": []}, "'so' is of no run"),
        ({"at": [-5]}, "is at \\[-5\\]; it must be minutes above 0"),
        ({"at": [0]}, "it must be minutes above 0"),
        ({"at": [math.nan]}, "it must be minutes above 0"),
        ({"at": [200, 100]}, "one after the other"),
        ({"at": [100, 100], "claim": "gain"}, "one after the other"),
        ({"values": ["nan"]}, "has a value that is no number"),
        ({"values": ["1e999"]}, "has a value that is no number"),
    ],
)
def test_moments_and_values_are_numbers_that_can_be(runs, fields, told):
    good = {"metric": "A01/eval/best", "runs": ["good"], "at": [300]}
    with pytest.raises(TmnetError, match=told):
        checked(runs, **good | fields)


def test_claims_of_whatever_metric_are_answered(runs):
    """Of late metrics as of those that they stand for; of those that have no interval that."""
    pair = {"runs": ["good", "bad"], "claim": "higher"}
    rate = checked(runs, metric="A01/eval/finish_rate", at=[300], **pair)
    late = checked(runs, metric="A01/eval/late_rate", at=[300], **pair)
    assert (late.holds, late.p) == (True, rate.p) and "since the start" not in late.evidence
    assert checked(runs, metric="A01/eval/finish_rate", **pair).p == rate.p  # at the end
    for metric, more in [
        ("std", {"claim": "plateau", "at": [300]}), ("std", {"at": [300]}),
        ("first_finish", {"runs": ["good"], "at": [100, 200], "claim": "gain"}),
    ]:  # fmt: skip
        found = checked(runs, metric=f"A01/eval/{metric}", **pair | more)
        assert found.holds is None and "no interval" in found.evidence


def test_a_claim_of_too_few_races_cannot_be_tested(runs, tmp_path):
    few = checked(runs, metric="A01/eval/finish_rate", runs=["good"], at=[3, 100], claim="gain")
    assert few.holds is None and few.p is None and few.evidence.endswith("too few races to tell")
    short = run_of(tmp_path, "short", drawn(9, 0.2, 250))
    fields = {"metric": "A01/eval/finish_rate", "at": [300], "runs": ["good", "short"]}
    ended = checked([runs[0], short], claim="higher", values=["97.0", "20.0"], **fields)
    assert ended.found.endswith(", none") and not ended.right
    assert ended.holds is None and ended.evidence == "short ended before 300 min"
