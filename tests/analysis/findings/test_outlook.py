"""Forecasts: what would longer bring, what is best for a budget, what size costs."""

import numpy as np
import pytest

import tmnet
from tmnet.experiments.config import NetworkConfig
from tmnet.networks.costs import costs

from ...synthetic import CUTOFF, load, race, write_file
from .told import BEST, RATE, of, only, run_of


def learning(seed, limit, half, races=1200):
    """Finishes of a run whose rate is c - a / sqrt(t), with 0 at the start."""
    rng, at = np.random.default_rng(seed), np.arange(1, races + 1) / races
    rate = np.clip(limit - half / np.sqrt(at), 0, 1)
    return [24.0 + k % 5 / 10 if x else None for k, x in enumerate(rng.random(races) < rate)]


def test_a_curve_that_has_foretold_itself_is_continued(tmp_path):
    run = run_of(tmp_path, "run", learning(1, 0.95, 0.3), minutes=600)
    found = only(tmnet.compare([run], interval=20).findings(), "longer", RATE)
    expected = 0.3 - 0.3 / np.sqrt(1.5)
    assert found.moment == 900 and found.stands_out is None
    assert found.uncertainty.low <= expected <= found.uncertainty.high
    assert found.value == pytest.approx(expected, abs=0.05)
    assert "half as much training again, to 900 min, is expected to bring +" in found.sentence


def test_of_a_late_start_nothing_is_foretold(tmp_path):
    times = [None] * 700 + [24.0 + k % 5 / 10 for k in range(500)]
    run = run_of(tmp_path, "run", times, minutes=600)
    assert not of(tmnet.compare([run], interval=20).findings(), "longer", RATE)


def seeds(tmp_path, name, begins, rate, size=64):
    """Seeds that finish none of their races until a minute, and then so many of ten."""
    config = f"neural_network: {{w_downsized: {size}, h_downsized: {size}}}\n"
    return [
        run_of(
            tmp_path, f"{name}{i}",
            [24.0 + k % 7 / 10 if k >= begins + i and k * 7 % 10 < rate else None
             for k in range(200)],
            config=config,
        )
        for i in range(4)
    ]  # fmt: skip


def test_the_frontier_names_who_is_best_for_a_budget(tmp_path):
    arms = {"early": seeds(tmp_path, "early", 20, 5), "late": seeds(tmp_path, "late", 100, 9)}
    found = tmnet.compare(arms).findings()
    frontier = only(found, "frontier", RATE)
    assert frontier.stands_out is None and frontier.n == {"early": 4, "late": 4}
    first, *_, last = frontier.details.items()
    assert first[1].startswith("early") and last[1] == "late, 100 %"
    assert last[0].endswith("to 200 min")
    single = tmnet.compare({"early": arms["early"][:2], "late": arms["late"]})
    assert not of(single.findings(), "frontier", BEST)


def sized(tmp_path, size, begins):
    """A run that finishes from a minute on, with a network of so wide an image, and its updates."""
    config = (
        f"neural_network: {{w_downsized: {size}, h_downsized: {size}}}\n"
        "training: {batch_size: 512}\n"
    )
    records = []
    for k in range(1, 201):
        values = race(24.0) if k > begins else race(CUTOFF, False)
        records.append((60 * k, 1000 * k, values | {"cumul_number_batches_done": 100.0 * k}))
    write_file(tmp_path / f"size{size}", records, texts={"config": config})
    return load(tmp_path, f"size{size}")


def test_what_a_level_costs_grows_with_size(tmp_path):
    begins = {48: 20, 64: 30, 96: 45, 128: 50}
    runs = [sized(tmp_path, *pair) for pair in begins.items()]
    found = tmnet.compare(runs, window=(0, 200)).findings(thresholds={"A01/eval/finish_rate": 0.5})
    (slope,) = [x for x in found if x.reason == "size"]
    spent = [
        float(x.details["PFLOP"].split()[0]) for x in of(found, "threshold") if len(x.runs) == 1
    ]
    sizes = [
        costs(NetworkConfig(w_downsized=size, h_downsized=size))["parameters"] for size in begins
    ]
    expected = np.polyfit(np.log(sizes), np.log(spent), 1)[0]
    assert slope.value == pytest.approx(expected, abs=0.02)
    assert slope.uncertainty.low < expected < slope.uncertainty.high
    three = tmnet.compare(runs[:3]).findings()
    assert not [x for x in three if x.reason == "size"]
