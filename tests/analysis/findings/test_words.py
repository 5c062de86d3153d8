"""What sentences say: only claims lean, and every number is kept."""

import re

import pytest

import tmnet
from tmnet.analysis.axis import Axis
from tmnet.analysis.findings import answer

from ...synthetic import load, race, write_file
from .random_studies import random_study
from .told import BEST, RATE, compared, drawn, of, only, run_of

LEANS = re.compile(
    r"is better than|is worse than|overtakes|was worth it|made it worse|leads|ahead|wins|beats"
)
NUMBER = re.compile(r"\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
CONSTANTS = {"95"}  # of intervals


def numbers(text):
    return {x.rstrip(",.") for x in NUMBER.findall(text)}


def check_words(findings, comparison):
    """Nothing is said twice, and the answer leans only where a claim does."""
    sentences = [x.sentence for x in findings]
    assert len(findings) == len({(x.axis, x.sentence) for x in findings})
    own = [x for x in findings if x.kind == "contrast" and x.axis == comparison.axis.by]
    claims = {(x.metric, frozenset(x.runs)) for x in own if x.stands_out}
    for x in findings:
        check_sentence(x)
        if x.kind == "crossover":
            assert (x.metric, frozenset(x.runs)) in claims
        if x.kind != "caution":
            check_numbers(x, comparison)
    assert 1 <= len(answer(findings)) <= 3
    for sentence in answer(findings):
        if LEANS.search(sentence) and not sentence.startswith("Whether "):
            assert sentence in sentences


def check_sentence(x):
    """Only claims lean; what is missing is said in words; intervals hold their values."""
    assert bool(LEANS.search(x.sentence)) == (x.stands_out is True), x.sentence
    assert not re.search(r"\bnan\b|\binf\b|– |None", x.sentence), x.sentence
    assert x.sentence.endswith(".") and ".." not in x.sentence, x.sentence
    if "was worth it" in x.sentence:
        assert x.kind == "after" and x.value > 0 and x.uncertainty.low > 0
    if x.kind == "contrast" and x.stands_out:
        assert x.adjusted <= 0.05 and (x.uncertainty is None or not x.uncertainty.holds(0.0))
    # of a mean beside a median, or a forecast
    free = x.kind in ("late", "anytime", "longer") or x.reason == "ratio"
    if x.uncertainty is not None and x.value is not None and not free:
        low, high = x.uncertainty
        assert low - 1e-9 <= x.value <= high + 1e-9, x.sentence


def check_numbers(x, comparison):
    """Those of a sentence are among what is kept with it."""
    axis = comparison.axis if x.axis == comparison.axis.by else Axis(x.axis)
    kept = [*x.runs, *x.details, *x.details.values(), *x.of_runs.values(), x.metric or ""]
    kept += [(x.metric or "").replace("/", " "), *map(str, x.n.values())]
    kept += [axis.say(x.moment)] if x.moment is not None else []
    kept += [axis.say_length(x.window)] if x.window is not None else []
    assert numbers(x.sentence) <= numbers(" ; ".join(kept)) | CONSTANTS, (x.sentence, kept)


@pytest.mark.parametrize("seed", range(100, 106))
def test_words_of_random_runs(seed, tmp_path):
    comparison, _, baseline = random_study(seed, tmp_path)
    check_words(comparison.findings(baseline=baseline), comparison)


def logged(logdir, name, records):
    write_file(logdir / name, records)
    return load(logdir, name)


def test_behind_a_scalar_are_no_races(tmp_path):
    runs = [
        logged(tmp_path, name, [(60 * k, 1000 * k, {"loss": i + 1 / k}) for k in range(1, 61)])
        for i, name in enumerate("ab")
    ]
    contrast = only(tmnet.compare(runs).findings(primary=["loss"]), "contrast", "loss")
    assert contrast.n == {} and "race" not in contrast.sentence
    arms = {run.name: [run] for run in runs}
    late = tmnet.compare(arms, trailing="late").findings(primary=["loss"])
    assert only(late, "contrast", "loss").window is None and not of(late, "after")


def test_races_that_are_all_alike_are_not_too_few(tmp_path):
    """A best of ten of constant times has no scatter; and its races are those that finish."""
    runs = [run_of(tmp_path, name, [None, *[24.0 + i] * 3] * 50) for i, name in enumerate("ab")]
    contrast = only(compared(*runs), "contrast", BEST)
    assert contrast.p is None and contrast.stands_out is False
    assert contrast.sentence.endswith("38 finished races each, races too alike to tell.")


def test_a_time_that_falls_has_a_minus(tmp_path):
    """A gain is positive; what is said of a time is how it changed."""
    run = run_of(tmp_path, "run", drawn(0, 1, 100, floor=26.0) + drawn(1, 1, 100))
    gain = only(tmnet.compare([run]).findings(), "after", BEST)
    assert gain.value == pytest.approx(2, abs=0.1) and gain.uncertainty.low > 1
    assert gain.stands_out and "was worth it" in gain.sentence
    low, high = (-float(f"{x:.2f}") for x in gain.uncertainty)
    change = f"change −{gain.value:.2f} s (95 % CI −{-high:.2f} to −{-low:.2f})"
    assert change in gain.sentence and gain.details["better by"] == f"+{gain.value:.2f} s"


def test_one_pair_of_seeds_says_nothing_of_chance(tmp_path):
    arms = {
        name: [run_of(tmp_path, name, drawn(i, 0.3 + i / 2, 200))]
        for i, name in ((0, "a"), (1, "b"))
    }
    contrast = only(tmnet.compare(arms).findings(), "contrast", RATE)
    assert contrast.sentence.endswith("too few to tell; higher in 1 of 1 pair of seeds.")


def test_rates_of_seeds_stay_rates(tmp_path):
    """Student's interval of three rates near 100 % would go beyond."""
    rates = [[1] * 9 + [0], [1] * 10, [1] * 10]
    arms = {"arm": [
        run_of(tmp_path, f"arm{i}", [24.0 if x else None for x in of_ten * 20])
        for i, of_ten in enumerate(rates)
    ]}  # fmt: skip
    found = only(tmnet.compare(arms).findings(), "late", RATE)
    assert found.uncertainty.high == 1 and "to 100.0 %" in found.sentence
    band = tmnet.compare(arms, trailing=50).arm_table("A01/eval/finish_rate")
    assert (band["high"].dropna() <= 1).all()


def test_a_short_run_does_not_end_at_nothing(tmp_path):
    run = run_of(tmp_path, "run", drawn(0, 0.8, 100), minutes=0.05)
    sentence = only(tmnet.compare([run]).findings(), "late", RATE).sentence
    assert "at 0.05 min" in sentence and "last 0.025 min, 50 races" in sentence.replace(";", ",")


def test_one_event_is_no_start_from_a_checkpoint(tmp_path):
    found = compared(*(run_of(tmp_path, name, [24.0]) for name in "ab"))
    assert not [x for x in found if x.reason == "start"] and of(found, "contrast")


def test_who_has_no_such_races_is_said(tmp_path):
    """Two runs on different maps are not compared, and the answer says why."""
    runs = [
        logged(tmp_path, name, [(60 * k, 1000 * k, race(24.0, map_=map_)) for k in range(1, 61)])
        for name, map_ in (("a", "A01"), ("b", "B02"))
    ]
    assert answer(tmnet.compare(runs).findings()) == [
        "b has no A01 eval late finish rate or A01 eval late best of 10 races, and is in no "
        "contrast of these.",
    ]


def test_the_first_map_is_one_that_the_baseline_raced(tmp_path):
    """Of the maps in the order of the runs; the first run is the baseline, if none is chosen."""
    maps = {"a": ("A01",), "b": ("B02", "C03"), "c": ("C03", "B02")}
    runs = [
        logged(tmp_path, name, [
            (60 * k, 1000 * k, {x: y for map_ in raced for x, y in race(24.0, map_=map_).items()})
            for k in range(1, 61)
        ])
        for name, raced in maps.items()
    ]  # fmt: skip
    comparison = tmnet.compare(runs)
    for baseline, map_ in ((None, "A01"), ("a", "A01"), ("b", "B02"), ("c", "B02")):
        found = comparison.findings(baseline=baseline)
        primary = {x.metric for x in found if x.kind in ("contrast", "late")}
        assert primary == {f"{map_}/eval/{x}" for x in ("late_rate", "late_best_of_10")}
    contrast = only(comparison.findings(baseline="b"), "contrast", "B02/eval/late_rate")
    assert contrast.runs == ("c", "b")


def test_a_run_without_maps_drives_no_other_maps(tmp_path):
    raced = logged(tmp_path, "raced", [(60 * k, 1000 * k, race(24.0)) for k in range(1, 61)])
    other = logged(tmp_path, "other", [(60 * k, 1000 * k, {"loss": 1.0}) for k in range(1, 61)])
    assert not [x for x in compared(raced, other) if x.reason == "maps"]
    rows = [(60 * k, 1000 * k, race(24.0, map_="B02")) for k in range(1, 61)]
    (told,) = [
        x for x in compared(raced, other, logged(tmp_path, "far", rows)) if x.reason == "maps"
    ]
    assert told.runs == ("raced", "far") and told.sentence.endswith("raced: A01; far: B02.")


def test_few_races_are_those_of_late_metrics(tmp_path):
    """And what few races can tell is said in rates of rates alone."""
    runs = [run_of(tmp_path, name, drawn(i, 0.9, 40)) for i, name in enumerate("ab")]
    for metric, then in [
        (RATE, "rates must be some 50 points apart to be told apart."),
        (BEST, "of so few only large differences can be told."), ("A01/eval/best", ""),
    ]:  # fmt: skip
        found = tmnet.compare(runs).findings(primary=[metric])
        told = [x.sentence for x in found if x.reason == "races"]
        assert [x.endswith(then) for x in told] == [True] * bool(then)


def test_a_metric_that_only_a_run_that_is_left_out_has(tmp_path):
    """It is asked on no axis; the others are asked all the same."""
    times = drawn(0, 0.8, 100)
    short = logged(tmp_path, "short", [(60, 1000, {"loss": 1.0}), (120, 2000, {"loss": 2.0})])
    runs = [run_of(tmp_path, "a", times), run_of(tmp_path, "b", times), short]
    found = tmnet.compare(runs, window=(0, 100)).findings(primary=["loss", RATE])
    assert {(x.metric, x.axis) for x in of(found, "contrast")} == {(RATE, "time")}
    assert only(found, "contrast", RATE, axis="step").stands_out is False


def test_who_is_better_is_told_by_the_mean_that_is_told(tmp_path):
    """By ranks the subject is ahead in most pairs, by its mean it is behind."""

    def seeds(name, rates):
        return [
            run_of(tmp_path, f"{name}{i}", [24.0 if k % 50 < n else None for k in range(200)])
            for i, n in enumerate(rates)
        ]  # fmt: skip

    arms = {"base": seeds("base", [40] * 5), "skewed": seeds("skewed", [41, 41, 41, 0, 0])}
    contrast = only(tmnet.compare(arms).findings(), "contrast", RATE)
    assert contrast.value < 0 and "higher in 15 of 25 pairs of seeds" in contrast.sentence
    assert contrast.stands_out is False


def test_plateaus_on_a_fine_grid(tmp_path):
    """Each moment is compared with each later one: of thousands some are enough."""
    run = run_of(tmp_path, "run", drawn(0, 0.8, 400))
    fine = tmnet.compare([run], interval=0.1, metrics=[RATE]).findings(primary=[RATE])
    coarse = tmnet.compare([run], interval=2, metrics=[RATE]).findings(primary=[RATE])
    assert only(fine, "plateau").moment == pytest.approx(only(coarse, "plateau").moment, abs=4)


def test_a_plateau_says_its_own_window(tmp_path):
    run = run_of(tmp_path, "run", drawn(0, 0.8, 400))
    found = tmnet.compare([run], trailing=100).findings(primary=["A01/eval/finish_rate"])
    plateau = only(found, "plateau")
    assert plateau.window == 100 and "(last 100 min of each)" in plateau.sentence


def test_what_may_be_much_is_not_called_no_gain(tmp_path):
    """An interval that holds no gain is no sign of one only where the gain itself is small."""
    half = [24.0 if k % 2 else None for k in range(60)]
    wavy = [24.0 if k // 10 % 2 or k % 5 == 0 else None for k in range(60)]
    runs = [run_of(tmp_path, "more", half + wavy), run_of(tmp_path, "same", half + half)]
    more, same = of(tmnet.compare(runs).findings(after=60), "after", RATE)
    assert more.p > 0.05 and more.value > 0.1 and same.value == 0.0
    assert "more: not resolved: " in more.sentence
    assert "same: no measurable gain: " in same.sentence


def test_no_number_of_the_answer_is_bare(tmp_path):
    """Beside it stands an interval, or why there is none."""
    runs = [run_of(tmp_path, name, drawn(seed, 0.5, 60)) for seed, name in enumerate("xy")]
    for primary in (None, ["A01/eval/best", "A01/eval/anytime_rate"]):
        (told, *_) = answer(tmnet.compare(runs).findings(primary=primary))
        assert len(re.findall(r"\d (?:points|s) \(", told)) == 2, told
    assert "(one run each, so there is no interval)" in told


def test_the_answer_ends_with_what_it_took_to_the_first_finish(tmp_path):
    """Of one in all units that are logged; of several in minutes, of the first three."""
    runs = [
        run_of(tmp_path, name, [None] * n + [24.0] * 50, pace=pace)
        for name, n, pace in zip("abcde", (9, 19, 29, 39, 49), (1000, 2000, 1000, 1000, 1000))
    ]
    two = compared(*runs[:2])
    told = answer(two)
    assert len(told) <= 3
    assert told[-1] == (  # steps since the first that was logged
        "A01 eval first finish: b takes 2.00 times the minutes and 4.22 times the steps of a (one "
        "run each)."
    )
    found = compared(*runs)
    assert answer(found)[-1] == (
        "A01 eval first finish, in times the minutes of a: b 2.00, c 3.00 and d 4.00 (one run "
        "each)."
    )
    # of those that are looked at closer, where these are two
    assert answer(found, two)[-1] == told[-1] and len(answer(found, two)) <= 3
