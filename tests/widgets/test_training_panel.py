"""The training panel: what its buttons do to a training, and what it shows of it."""

import io

import pytest
from PIL import Image

import tmnet
from tmnet.racing.player import RacePlayer
from tmnet.widgets.explorer.explorer import Explorer

from ..checks import wait_for

TINY = """
neural_network: {use_image_head: false, float_hidden_dim: 16, dense_hidden_dimension: 16, iqn_k: 2}
training: {batch_size: 16}
memory:
  schedule: [[0, 2000, 300]]
  uses_per_transition: 1.0
performance: {num_envs: 4}
map_cycle: [{map: A01, kind: eval, races: 1}, {map: A01, kind: explo, races: 1}]
"""


@pytest.fixture
def panel(tmp_path):
    panel = tmnet.training_panel(tmp_path / "log", tmp_path / "checkpoints")
    panel.changes.value = TINY
    yield panel
    if panel.is_running:
        panel.training.stop()
        panel.training.join(60)


def enabled(panel):
    names = ("start", "pause", "resume", "stop")
    return {name for name in names if not getattr(panel, name).disabled}


def test_a_training_from_start_to_comparison(panel):
    assert enabled(panel) == {"start", "resume"}
    panel.start.click()
    assert enabled(panel) == {"pause", "stop"} and panel.changes.disabled
    wait_for(lambda: panel.training.status and panel.training.status.frames > 500)
    panel.pause.click()
    wait_for(lambda: enabled(panel) == {"resume", "stop"})
    assert "paused" in panel.line.value and not panel.message.value
    run = tmnet.load_run("A01_as20_long", panel.logdir)
    played = run.steps
    assert played > 0 and run.config["performance"]["num_envs"] == 4

    panel.resume.click()
    wait_for(lambda: panel.training.status and panel.training.status.frames > played + 500)
    panel.stop.click()
    wait_for(lambda: enabled(panel) == {"start", "resume"})
    assert "saved" in panel.line.value and not panel.message.value and not panel.changes.disabled
    run = tmnet.load_run("A01_as20_long", panel.logdir)
    assert len(run.processes) == 2 and run.steps > played

    picture = Image.open(io.BytesIO(panel.curves.value))
    assert picture.size[0] > 1000 and len(picture.getcolors(1 << 16)) > 20
    panel.compare.click()
    assert isinstance(panel.comparison.children[0], Explorer)
    assert panel.explorer.view["runs"] == ["A01_as20_long"]
    explorer = panel.explorer
    explorer.controls.by.value = "step"
    panel.compare.click()
    assert panel.explorer is explorer and explorer.view["by"] == "step"
    panel.show_race.click()
    (player,) = panel.race.children
    assert isinstance(player, RacePlayer) and player.race.path.progress_m.max() < 601

    panel.start.click()  # there is such a run
    wait_for(lambda: not panel.is_running)
    wait_for(lambda: panel.message.value)
    assert "already" in panel.message.value and "resume" in panel.message.value


@pytest.mark.parametrize(
    "changes, said",
    [
        ("training: {batch_sise: 3}", "training.batch_size"),
        ("training: {batch_size: 0}", "at least 1"),
        ("just a text", "fields"),
        ("a: [", "YAML"),
    ],
)
def test_wrong_changes_are_answered_in_words(panel, changes, said):
    panel.changes.value = changes
    assert said in panel.message.value
    panel.start.click()
    assert said in panel.message.value and not panel.is_running


def test_nothing_to_show_yet(panel):
    panel.show_race.click()
    assert "No eval race" in panel.message.value
    panel.compare.click()
    assert panel.message.value and not panel.comparison.children


def test_what_the_network_lab_says_can_be_pasted(panel):
    panel.changes.value = tmnet.networks.NetworkConfig.big().to_yaml()
    assert panel.chosen().neural_network == tmnet.networks.NetworkConfig.big()
    panel.changes.value = ""
    assert panel.chosen() == tmnet.load_experiment("A01_as20_long").scaled("laptop")
    panel.experiment.value = "gym"
    assert panel.chosen() == tmnet.load_experiment("gym") and panel.scale.disabled
