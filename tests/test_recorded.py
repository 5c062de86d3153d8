"""The recorded runs in `data/runs`: what they are of, and that they learned to drive."""

import numpy as np
import pytest

import tmnet
from tmnet.files import data_path

NAMES = ("A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long")
STRETCH = 600.0  # m of each map
SCRIPTED = 11.315  # s of the scripted driver on that of A01, when there were no turbo pads yet


@pytest.fixture(scope="module")
def runs():
    return {name: tmnet.load_run(name, data_path("runs")) for name in NAMES}


def late_evals(run, minutes=5.0):
    """Eval races on A01 of the last minutes."""
    races = run.races
    wanted = (races["map"] == "A01") & (races["kind"] == "eval")
    return races[wanted & (races["minutes"] > run.duration - minutes)]


@pytest.mark.parametrize("name", NAMES)
def test_it_learned_to_drive(runs, name):
    """At the end half of its eval races finish; single-map runs beat the scripted driver."""
    late = late_evals(runs[name])
    assert len(late) >= 10 and late["finished"].mean() >= 0.5
    best = late.loc[late["finished"], "time_s"].min()
    assert best < SCRIPTED * (1.0 if name.startswith("A01") else 1.02)


def test_the_long_run_continues_the_other(runs):
    """uni_20_long starts from the last checkpoint of uni_20: at its step, with its counters."""
    before, after = runs["uni_20"], runs["uni_20_long"]
    assert after.config["initial_checkpoint"] == "uni_20"
    assert after.scalars["step"].min() == before.steps
    for tag in ("cumul_number_batches_done", "cumul_number_memories_generated"):
        values = [run.scalars.loc[run.scalars["tag"] == tag, "value"] for run in (before, after)]
        assert values[0].max() <= values[1].min() < 1.2 * values[0].max()
    assert after.scalars["wall_time"].min() > before.scalars["wall_time"].max()
    evals = after.races[after.races["kind"] == "eval"]
    assert evals["finished"].head(10).mean() > 0.3  # from scratch nothing finishes for minutes


def test_the_networks_differ_and_nothing_else(runs):
    """Between the two runs on A01; the maps and the start in the others."""
    big, small = (runs[name] for name in NAMES[:2])
    different = set(tmnet.compare([big, small]).config_diff().index)
    assert different == {
        "name", "description", "minutes", "neural_network.w_downsized",
        "neural_network.h_downsized", "neural_network.iqn_embedding_dimension",
        "neural_network.iqn_n", "neural_network.iqn_k",
    }  # fmt: skip
    others = tmnet.compare([runs["uni_20"], runs["uni_20_long"]]).config_diff()
    assert set(others.index) == {"name", "description", "minutes", "initial_checkpoint"}
    for run in runs.values():
        assert run.config["scale"] == "laptop" and run.config["stretch_m"] == STRETCH
        assert run.about["seed"] == 0 and run.about["torch"] and run.about["processor"]


def test_they_fill_several_directories(runs):
    """Which are joined without being told."""
    for name, run in runs.items():
        numbers = [f"_{k}" for k in range(2, len(run.pieces) + 1)]
        assert run.pieces == [name, *(name + number for number in numbers)]
        assert len(run.pieces) >= 2


def test_they_are_small():
    size = sum(path.stat().st_size for path in data_path("runs").rglob("*") if path.is_file())
    assert size < 20e6
    assert {path.name for path in data_path("runs").iterdir() if path.is_file()} == {"README.md"}


def test_losses_are_finite(runs):
    for run in runs.values():
        loss = run.scalars.loc[run.scalars["tag"] == "loss", "value"]
        assert len(loss) > 10 and np.isfinite(loss).all()
