"""From the network lab to a training: an estimate, an experiment file, a training panel."""

import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tmnet
from tmnet.networks import NetworkConfig, costs
from tmnet.widgets import network_training
from tmnet.widgets.network_training import say_pace


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmnet.network_lab()


@pytest.mark.parametrize("scale", ["laptop", "full size"])
def test_train_this_opens_a_panel_with_the_same_values(lab, scale):
    """As the big experiment, which comes with tmnet, at the same scale."""
    lab.big.click()
    lab.training.choice.scale.value = scale
    lab.training.train.click()
    assert "Start trains it" in lab.training.message.value
    (panel,) = lab.training.panel.children
    chosen, big = panel.chosen(), tmnet.load_experiment("A01_as20_big_long")
    big = big.scaled("laptop") if scale == "laptop" else big
    assert chosen.neural_network == big.neural_network and chosen.name == "my_network"
    assert panel.scale.value == scale and panel.name.value == "my_network"
    lab.small.click()
    lab.training.name.value = "again"
    lab.training.train.click()
    assert lab.training.panel.children == (panel,)  # it is filled again
    assert panel.changes.value == "" and panel.name.value == "again"
    assert panel.chosen().neural_network == (
        tmnet.load_experiment("A01_as20_long").scaled("laptop").neural_network
        if scale == "laptop" else NetworkConfig.small()
    )  # fmt: skip


def test_a_panel_that_trains_is_left_alone(lab):
    lab.training.train.click()
    (panel,) = lab.training.panel.children
    panel.paused, panel._trained = True, "other"
    lab.big.click()
    lab.training.train.click()
    assert "The training of other goes on" in lab.training.message.value
    assert panel.changes.value == ""


@pytest.mark.parametrize("scale", ["laptop", "full size"])
def test_it_is_saved_as_an_experiment(lab, tmp_path, scale):
    lab.sliders["dense_hidden_dimension"].value = 512
    training = lab.training
    training.choice.scale.value = scale
    training.save.click()
    path = tmp_path / "experiments" / "my_network.yaml"
    assert str(path.relative_to(tmp_path)) in training.message.value
    expected = replace(
        tmnet.load_experiment("A01_as20_long"), name="my_network",
        neural_network=NetworkConfig(dense_hidden_dimension=512),
        description="As A01_as20_long, with another network.",
    )  # fmt: skip
    expected = expected.scaled("laptop") if scale == "laptop" else expected
    assert tmnet.load_experiment(path) == expected
    # it is listed at once, and trained as it was saved
    assert "my_network (yours)" in dict(training.choice.experiment.options)
    panel = tmnet.training_panel()
    panel.experiment.value = dict(panel.experiment.options)["my_network (yours)"]
    assert panel.chosen() == (expected if scale == "laptop" else expected.scaled("laptop"))
    assert panel.scale.disabled == (scale == "laptop")

    before = path.read_bytes()
    lab.big.click()
    training.save.click()
    assert "already" in training.message.value and path.read_bytes() == before
    training.replace.value = True
    training.save.click()
    assert "Saved" in training.message.value and path.read_bytes() != before
    assert not training.replace.value


@pytest.mark.parametrize(
    "name, said", [("a/b", "names a folder"), ("", "names a folder"), ("uni_20", "comes with")]
)
def test_names_that_cannot_be(lab, tmp_path, name, said):
    lab.training.name.value = name
    lab.training.save.click()
    assert said in lab.training.message.value and not [*tmp_path.iterdir()]


def test_the_estimate(lab, monkeypatch):
    tried = []

    def pace(experiment, seconds, progress):
        tried.append(experiment)
        return 1234.0 if progress(0.5) else np.nan

    monkeypatch.setattr(network_training, "pace", pace)
    lab.big.click()
    lab.training.estimate.start.click()
    lab.training.estimate.join(60)
    assert "About 1,200 frames/s on this machine" in lab.training.told.value
    assert tried[0].neural_network == (
        tmnet.load_experiment("A01_as20_big_long").scaled("laptop").neural_network
    )
    lab.small.click()  # another network: what was told does not hold
    assert lab.training.told.value == ""


@pytest.mark.parametrize(
    "changes, shown",
    [("", (22.1, "minutes")), ("{minutes: null, updates: 9}", (9.0, "updates")),
     ("{minutes: null, pflop: 0.25}", (0.25, "pflop")), ("{updates: 9}", (0.0, "minutes"))],
)  # fmt: skip
def test_the_panel_is_filled_with_the_budget(lab, changes, shown):
    """In its unit; of several the experiment's own are left."""
    lab.training.train.click()
    (panel,) = lab.training.panel.children
    panel.fill("A01_as20_long", "laptop", "run", changes)
    assert (panel.budget.value, panel.unit.value) == shown


def test_how_a_pace_is_said():
    experiment = replace(tmnet.load_experiment("uni_20"), minutes=20.0, frames=None)
    assert say_pace(experiment, 1000.0).endswith("its 20 min are about 1,200,000 frames.")
    by_frames = replace(experiment, minutes=None, frames=90_000)
    assert say_pace(by_frames, 1000.0).endswith("its 90,000 frames take about 1.5 min.")
    assert "Stopped" in say_pace(experiment, np.nan)
    by_others = replace(experiment, minutes=None, updates=250_000, pflop=0.25)
    told = say_pace(by_others, 1000.0)
    # 20,000 transitions of 0.95 of the frames; then 32 uses of these, in batches of 512
    assert "its 250,000 updates take about 71 min" in told  # 21,053 + 4,210,526 frames
    cost = costs(experiment.neural_network, 512)
    a_frame = cost["flops_per_decision"] + 0.95 / 16 * cost["flops_per_batch"]
    first = 20_000 / 0.95
    minutes = (first + (0.25e15 - first * cost["flops_per_decision"]) / a_frame) / 60_000
    assert told.endswith(f", and its 0.25 PFLOP take about {minutes:.2g} min.")
    acting = replace(by_others, updates=None, pflop=1e4 * cost["flops_per_decision"] / 1e15)
    assert "PFLOP take about 0.17 min" in say_pace(acting, 1000.0)


# --- what size bought -----------------------------------------------------------------------------


def test_nothing_is_read_before_the_tab_is_opened(lab):
    runs = lab.runs
    assert runs.bought is None and runs.image.value == b""
    lab.tabs.selected_index = 4
    runs.reading.join(60)
    assert runs.message.value == "" and "uni_20_long starts from" in runs.notes.value
    assert "There are no runs in tensorboard yet: these come with tmnet." in runs.notes.value
    size = Image.open(io.BytesIO(runs.image.value)).size
    assert size[0] > 900
    drawn = bytes(runs.image.value)
    runs.size.value = "flops_per_batch"
    assert bytes(runs.image.value) != drawn


def test_the_users_own_runs_come_first(tmp_path, monkeypatch, three_runs):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(three_runs, tmp_path / "tensorboard")  # of other networks
    lab = tmnet.network_lab()
    assert lab.runs.logdir.value == "tensorboard"
    lab.tabs.selected_index = 4
    lab.runs.reading.join(60)
    said = "Nothing to show: No run has logged the configuration of its network"
    assert said in lab.runs.message.value
    lab.runs.logdir.value = str(tmp_path / "nowhere")
    lab.runs.reading.join(60)
    assert "Nothing to show: " in lab.runs.message.value and "nowhere" in lab.runs.message.value
    assert lab.runs.image.layout.display == "none"
    lab = tmnet.network_lab(logdir=tmnet.example_runs())  # into which nothing is trained
    lab.training.train.click()
    (panel,) = lab.training.panel.children
    assert panel.logdir == Path("tensorboard") and panel.checkpoints == Path("checkpoints")
    assert tmnet.network_lab(logdir=three_runs).runs.logdir.value == str(three_runs)
