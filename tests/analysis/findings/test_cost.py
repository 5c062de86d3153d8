"""What was paid for a result, in arithmetic."""

import pytest

import tmnet
from tmnet.experiments.config import NetworkConfig
from tmnet.networks.costs import costs

from ...synthetic import load, race, write_file
from .told import BATCHES, BEST, NETWORK, numbers, of, only, run_of, trained

SMALLER = "neural_network: {iqn_n: 8, iqn_k: 32}\ntraining: {batch_size: 256}\n"
A_BATCH, A_FRAME = (costs(NetworkConfig(iqn_n=16, iqn_k=64), 256)[f"flops_per_{what}"] / 1e15
                    for what in ("batch", "decision"))  # fmt: skip


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
