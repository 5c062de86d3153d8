"""What size bought: the numbers of single runs, as findings tell them, and who is left out."""

from __future__ import annotations

import numpy as np
import pytest

import tmnet
from tmnet.analysis.size import bought

from ..checks import refused
from ..synthetic import load, race, write_file

COUNT = "cumul_number_batches_done"
TINY = "neural_network: {use_image_head: false, float_input_dim: 2, float_hidden_dim: 4}\n"


def network_parameters(float_input, hidden, width=1024, embedding=128, actions=12):
    """Of a network without an image, from its layers."""
    half = width // 2
    floats = float_input * hidden + hidden + hidden * hidden + hidden
    heads = sum(hidden * half + half + half * out + out for out in (actions, 1))
    return floats + heads + embedding * hidden + hidden


def written(folder, name, minutes, texts=TINY, finishes=lambda k: k > 2, pid=1):
    """A run with an eval race every six seconds."""
    config = f"{texts}training: {{batch_size: 8}}\n" if texts else ""
    records = [
        (6 * k, 60 * k, race(20 + k / 8, finishes(k)) | {COUNT: 10.0 * k})
        for k in range(1, 10 * minutes + 1)
    ]
    write_file(folder / name, records, pid=pid, texts={"config": config} if config else {})
    return load(folder, name)


def test_the_numbers_are_those_of_the_findings():
    runs = tmnet.load_runs(tmnet.example_runs())
    found = bought(runs)
    table = found.table
    comparison = tmnet.compare(runs, interval=0.5)
    told = comparison.findings()
    assert found.at == comparison.axis.say(comparison.grid[-1])
    assert list(table.index) == [run.name for run in runs]
    for metric in ("late_rate", "late_best_of_10"):
        of = {x.runs[0]: x for x in told if x.kind == "late" and x.metric == f"A01/eval/{metric}"}
        for name, row in table.iterrows():
            value, interval = of[name].value, of[name].uncertainty
            assert row[metric] == (pytest.approx(value) if value is not None else np.nan)
            ends = (row[f"{metric}_low"], row[f"{metric}_high"])
            assert ends == pytest.approx(interval or (np.nan, np.nan), nan_ok=True)
    first = {x.runs[0]: x.value for x in told if x.kind == "first_finish" and len(x.runs) == 1
             and x.metric.startswith("A01")}  # fmt: skip
    assert table["first_finish"].to_dict() == pytest.approx(first)
    cost = {x.runs[0]: x.value for x in told if x.kind == "cost"}
    assert table["pflop"].to_dict() == pytest.approx(cost)
    assert found.notes == ["uni_20_long starts from the checkpoint of uni_20."]


def test_sizes_follow_from_the_logged_network(tmp_path):
    run = written(tmp_path, "run", 4)
    wide = "neural_network: {use_image_head: false, float_input_dim: 2, float_hidden_dim: 8}\n"
    runs = [run, written(tmp_path, "wide", 4, wide, pid=2)]
    table = bought(runs).table
    assert table["parameters"].tolist() == [network_parameters(2, 4), network_parameters(2, 8)]
    assert (table.loc["wide"] > table.loc["run"])[["flops_per_decision", "flops_per_batch"]].all()
    assert table["first_finish"].tolist() == pytest.approx([0.3, 0.3])
    assert table["late_rate"].tolist() == [1, 1]


def test_who_is_left_out_is_said(tmp_path):
    whole = written(tmp_path, "whole", 200)
    aborted = written(tmp_path, "aborted", 1, pid=2)
    bare = written(tmp_path, "bare", 200, texts="", pid=3)
    other = written(tmp_path, "other", 200, "neural_network: {iqn_n: 3}\n", pid=4)
    never = written(tmp_path, "never", 200, finishes=lambda k: False, pid=5)
    found = bought([whole, aborted, bare, other, never])
    assert list(found.table.index) == ["whole", "never"] and found.at == "200 min"
    assert found.order == ["whole", "aborted", "bare", "other", "never"]
    said = dict(zip(("aborted", "bare", "other"), found.notes))
    assert all(name in note for name, note in said.items()) and len(found.notes) == 3
    assert "after 1 min" in said["aborted"] and "no configuration" in said["bare"]
    assert np.isnan(found.table.loc["never", ["first_finish", "late_best_of_10"]]).all()
    assert found.table.loc["never", "late_rate"] == 0
    refused(lambda: bought([bare, other]), "No run has logged the configuration")


def test_there_is_nothing_to_tell(tmp_path):
    refused(lambda: bought([]), "No run")
    config = f"{TINY}training: {{batch_size: 8}}\n"
    write_file(
        tmp_path / "x", [(60 * k, k, {COUNT: k}) for k in range(9)], texts={"config": config}
    )
    refused(lambda: bought([load(tmp_path, "x")]), "no races yet")
