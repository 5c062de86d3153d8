"""What a comparison cannot show, as it is said."""

import pytest

import tmnet

from ..formulas import by_wilson
from .told import RATE, cautions, logged, numbers, of, only, raced, run_of


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
