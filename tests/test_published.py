"""The reconstructed runs in `data/published` against every figure that was published of them."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tmnet

from .synthetic import load

PUBLISHED = Path(__file__).parents[1] / "data" / "published"
RUNS = ["A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"]
with open(PUBLISHED / "reference.csv", newline="") as _file:
    FIGURES = list(csv.DictReader(_file))


@pytest.fixture(scope="module")
def comparison():
    return tmnet.compare([load(PUBLISHED / "runs", name) for name in RUNS])


def test_every_run_has_figures():
    assert {figure["run"] for figure in FIGURES} == set(RUNS)
    assert {figure["axis"] for figure in FIGURES} == {"time"}
    assert len(FIGURES) > 80


@pytest.mark.parametrize(
    "figure", FIGURES, ids=lambda figure: "-".join([*figure.values()][:4]).replace("/", "_")
)
def test_published_figure(comparison, figure):
    """To the digit that was printed."""
    run = comparison.runs[RUNS.index(figure["run"])]
    if figure["metric"] == "duration":
        value = run.duration
    elif figure["metric"] == "directories":
        value = len(run.pieces)
    else:
        value = comparison.at(float(figure["at"])).at[figure["metric"], figure["run"]]
    digits = int(figure["digits"])
    assert f"{value:.{digits}f}" == f"{float(figure['value']):.{digits}f}"


def test_the_common_window_is_that_of_the_page(comparison):
    """Checkpoints at 5, 10 … 120 minutes."""
    assert comparison.grid.tolist() == [*range(5, 121, 5)]


def test_the_pieces_of_the_runs(comparison):
    for run, number in zip(comparison.runs, [3, 3, 1, 4]):
        assert run.pieces == [run.name, *(f"{run.name}_{i}" for i in range(2, number + 1))]
        assert len(run.processes) == 1 and run.duration == run.wall_duration


def test_the_networks_differ_as_published(comparison):
    table = comparison.config_diff().loc[lambda rows: rows.index.str.startswith("neural")]
    assert {name.partition(".")[2]: row.tolist() for name, row in table.iterrows()} == {
        "w_downsized": [128, 64, 64, 64],
        "h_downsized": [128, 64, 64, 64],
        "iqn_embedding_dimension": [256, 128, 128, 128],
        "iqn_n": [16, 8, 8, 8],
        "iqn_k": [64, 32, 32, 32],
    }


def test_the_runs_can_be_made_again(tmp_path):
    """By the script, in another folder: the same directories, the same scalars."""
    for name in ("reconstruct.py", "reference.csv", "invented.csv"):
        shutil.copy(PUBLISHED / name, tmp_path)
    subprocess.run([sys.executable, tmp_path / "reconstruct.py"], check=True)
    made, stored = (sorted(p.name for p in (root / "runs").iterdir())
                    for root in (tmp_path, PUBLISHED))  # fmt: skip
    assert made == stored and len(made) == 11
    for name in made:
        ours, theirs = (
            tmnet.read_scalars(root / "runs" / name, cache=False) for root in (tmp_path, PUBLISHED)
        )
        assert ours["tag"].tolist() == theirs["tag"].tolist()
        assert ours["step"].tolist() == theirs["step"].tolist()
        np.testing.assert_allclose(ours["wall_time"], theirs["wall_time"], rtol=0, atol=1e-5)
        np.testing.assert_allclose(ours["value"], theirs["value"], rtol=1e-6)
