"""Findings of random runs, against plain loops."""

import math
import statistics
from collections import Counter

import numpy as np
import pytest

from . import by_hand
from .by_hand import BEST, RATE
from .random_studies import random_study


def equal(found, expected):
    """Numbers, None, or pairs of them."""
    if expected is None or found is None:
        return found is expected
    return np.allclose(found, expected, rtol=1e-6, atol=1e-9)


def check(what, found, **expected):
    for name, wanted in expected.items():
        had = getattr(found, name)
        assert equal(had, wanted), (what, name, had, wanted)


def metric_of(name):
    return f"A01/eval/{name}"


def compare_all(findings, hand, after):
    """Every number of findings that is not drawn at random; `after` is what moment is judged."""
    kept = {}
    for x in findings:
        kept.setdefault((x.kind, x.runs, x.metric, x.axis), []).append(x)

    def take(kind, runs, name, axis=None, against=""):
        of = kept.get((kind, runs, name and metric_of(name), axis or hand.by), [])
        of = [x for x in of if not against or x.reason == against]
        assert len(of) < 2, (kind, runs, name)
        return of[0] if of else None

    assert {n for x in findings if x.reason == "ends" for n in x.runs} == {
        run.name for run in hand.runs if hand.ended(run)
    }
    assert {n for x in findings if x.reason == "start" for n in x.runs} == {
        run.name for run in hand.runs if run.source()
    }
    if not any(run.driven for run in hand.runs):
        return
    questions(hand, take, after, findings)
    values(hand, take)
    times(hand, take)


def questions(hand, take, after, findings):
    """Contrasts on all axes, gains, and Holm's correction over them; overtaking."""
    groups = [("own", hand), *(("other", x) for x in hand.elsewhere())]
    expected = [
        (group, there, key, numbers)
        for group, there in groups for key, numbers in there.contrasts().items()
    ]  # fmt: skip
    gains = hand.gains(after)
    asked = [(group, (there.by, key), numbers[3]) for group, there, key, numbers in expected]
    asked += [("gain", ("gain", key), numbers[3]) for key, numbers in gains.items()]
    asked = [x for x in asked if x[2] is not None]
    of_group = Counter(group for group, *_ in asked)
    adjusted = by_hand.holm(
        [(key, p, by_hand.WEIGHTS[group] / of_group[group]) for group, key, p in asked]
    )
    assert sum(x.kind == "contrast" for x in findings) == len(expected)
    assert sum(x.kind == "after" for x in findings) == len(gains)
    for _, there, (arm, name), (gap, span, n, p, ahead) in expected:
        found = take("contrast", (arm, there.baseline), name, there.by)
        by_holm = adjusted.get((there.by, (arm, name)))
        claim = by_holm is not None and by_holm <= 0.05
        check(
            (there.by, arm, name), found, value=gap, uncertainty=span, p=p, adjusted=by_holm,
            moment=there.last, window=there.late,
        )  # fmt: skip
        assert found.stands_out is claim
        assert tuple(found.n.values()) == n
        assert found.reason == (("better" if ahead else "worse") if claim else "")
        pair = (arm, there.baseline) if ahead else (there.baseline, arm)
        crossing = take("crossover", pair, name, there.by)
        told = hand.overtakes(name, *pair) if claim and there is hand else None
        assert (crossing is None) == (told is None)
        if crossing is not None:
            at, span = told
            check((arm, name), crossing, value=at, moment=at, uncertainty=span)
    for (arm, name), (gap, span, n, p, end, w) in gains.items():
        by_holm = adjusted.get(("gain", (arm, name)))
        found = take("after", (arm,), name)
        check(
            ("gain", arm, name), found, value=gap, uncertainty=span, p=p, adjusted=by_holm,
            moment=end, window=w,
        )  # fmt: skip
        assert found.n == {arm: n}
        assert found.stands_out is (None if p is None else by_holm <= 0.05)


def values(hand, take):
    """Late and anytime values, plateaus, costs."""
    for arm, runs in hand.arms.items():
        counted = hand.counted(arm)
        for name in (RATE, BEST):
            found = take("late", (arm,), name)
            if not any(run.driven for run in runs):
                assert found is None
            elif hand.are_arms:
                each = [hand.at(name, run, hand.last) for run in counted]
                check((arm, name), found, value=by_hand.middle(name, each), moment=hand.last)
                assert found.n == {arm: len(counted)}
            else:
                told = hand.told(name, runs[0], hand.end(runs[0]))
                check(
                    (arm, name), found, value=None if math.isnan(told[0]) else told[0],
                    uncertainty=by_hand.interval(name, told), moment=hand.end(runs[0]),
                )  # fmt: skip
                assert found.n == {arm: told[3]}
            if not hand.are_arms and hand.by != "flops":
                since = hand.plateau(name, runs[0])
                plateau = take("plateau", (arm,), name)
                assert (plateau is None) == (since is None)
                if plateau is not None:
                    check((arm, name), plateau, moment=since)
        found = take("anytime", (arm,), "anytime_rate")
        if found is not None:
            of = counted if hand.are_arms else runs
            each = [hand.anytime(run, hand.last if hand.are_arms else hand.end(run)) for run in of]
            expected = by_hand.middle(RATE, each) if hand.are_arms else each[0]
            check(arm, found, value=None if expected is None or expected != expected else expected)


def times(hand, take):
    """First finishes, levels held, and how many times the baseline's time that took."""
    for kind, name, level in (
        ("first_finish", "first_finish", None),
        ("threshold", RATE, hand.level(RATE)),
        ("threshold", BEST, hand.level(BEST)),
    ):
        if kind == "threshold" and level is None:
            continue
        at = {
            run.name: hand.first_finish(run) if level is None else hand.reached(name, level, run)
            for run in hand.runs
        }
        for arm, runs in hand.arms.items():
            found = take(kind, (arm,), name)
            if hand.are_arms:
                runs = hand.watched(arm)
                if found is None:
                    assert not any(run.driven for run in runs)
                    continue
                reached = [at[run.name] is not None for run in runs]
                each = [hand.end(run) if at[run.name] is None else at[run.name] for run in runs]
                until = hand.last if all(reached) else min(hand.last, max(each))
                half, mean = by_hand.kaplan_meier(each, reached, until)
                check((kind, arm), found, value=half)
                shown = next(v for k, v in found.details.items() if k.startswith("mean, up to"))
                assert float(shown.split()[0].replace(",", "")) == pytest.approx(
                    mean, rel=6e-3, abs=0.51 if hand.by.endswith("step") else 0.051
                )
                assert found.details["seeds that get there"].split()[0] == str(sum(reached))
            elif runs[0].driven:
                check((kind, arm), found, value=at[arm], moment=at[arm])
        for arm in hand.contrasted:
            pair = (arm, hand.baseline)
            ratios(hand, take(kind, pair, name, against="ratio"), arm, at)
            difference_of_means(hand, take(kind, pair, name, against="difference"), arm, at)


def ratios(hand, found, arm, at):
    """How many times what the baseline took."""
    spent = [
        [
            (math.inf,) * 3 if at[run.name] is None else run.spent(hand.by, at[run.name])
            for run in hand.counted(each)
        ]
        for each in (arm, hand.baseline)
    ]
    expected = [by_hand.ratio(*pair) for pair in zip(*(zip(*x) for x in spent))]
    first = next((x for x in expected if x is not None), None)
    assert (found is None) == (first is None), (arm, expected)
    if found is None:
        return
    check(arm, found, value=first)
    for unit, x in zip(("minutes", "steps", "PFLOP"), expected):
        shown = found.details.get(unit)
        assert (shown is None) == (x is None)
        if x is not None:
            assert float(shown.replace(",", "")) == pytest.approx(x, rel=6e-3)


def difference_of_means(hand, found, arm, at):
    """How much longer the seeds of an arm take, of which the end counts where they never do."""
    seeds = [hand.counted(each) for each in (arm, hand.baseline)]
    times = [[at[run.name] for run in runs] for runs in seeds]
    known = all(any(run.driven for run in runs) for runs in seeds)
    told = hand.are_arms and known and any(x is not None for x in times[0] + times[1])
    assert (found is not None) == told
    if told:
        one, other = ([hand.last if x is None else x for x in arm] for arm in times)
        check(arm, found, value=statistics.fmean(one) - statistics.fmean(other), moment=hand.last)
        assert tuple(found.n.values()) == (len(one), len(other))
        assert min(map(len, times)) >= 3 or (found.uncertainty, found.p) == (None, None)


@pytest.mark.parametrize("seed", range(12))
def test_findings_of_random_runs(seed, tmp_path):
    comparison, hand, baseline = random_study(seed, tmp_path)
    compare_all(comparison.findings(baseline=baseline), hand, comparison.middle)
