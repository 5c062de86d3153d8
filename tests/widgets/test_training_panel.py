"""The training panel: what its buttons do to a training, and what it shows of it."""

import io

import pytest
from PIL import Image

import tmnet
from tmnet.racing.player import RacePlayer
from tmnet.widgets.explorer.explorer import Explorer

from ..checks import wait_for
from ..synthetic import race, write_file

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
    panel.compare.click()  # while it trains
    assert panel.explorer.view["runs"] == ["A01_as20_long"] and panel.explorer.view["follow"]
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


def test_a_budget_of_updates(panel):
    assert [name for name, _ in panel.unit.options] == ["min", "frames", "updates", "PFLOP"]
    panel.unit.value, panel.budget.value = "updates", 2.5
    panel.start.click()
    wait_for(lambda: panel.message.value and not panel.is_running)
    assert "updates is 2.5; it must be a whole number" in panel.message.value
    panel.budget.value = 3
    panel.start.click()
    assert panel.unit.disabled and panel.budget.disabled
    wait_for(lambda: enabled(panel) == {"start", "resume"})
    run = tmnet.load_run("A01_as20_long", panel.logdir)
    assert run.scalars.query("tag == 'cumul_number_batches_done'")["value"].max() == 3
    assert run.config["updates"] == 3 and run.config["minutes"] is None


@pytest.mark.parametrize(
    "changes, said",
    [
        ("training: {batch_sise: 3}", "training.batch_size"),
        ("training: {batch_size: 0}", "at least 1"),
        ("just a text", "fields"),
        ("a: [", "YAML"),
        ("neural_network: {n_actions: 14}", "has 12 actions"),
        ("neural_network: {float_input_dim: 3}", "has 184 floats"),
    ],
)
def test_wrong_changes_are_answered_in_words(panel, changes, said):
    panel.changes.value = changes
    assert said in panel.message.value
    panel.start.click()
    assert said in panel.message.value and not panel.is_running


@pytest.mark.parametrize("name", ["a/b", "", "..", "x y"])
def test_a_run_name_that_is_no_folder_is_answered_in_words(panel, name):
    panel.name.value = name
    assert "names a folder" in panel.message.value
    panel.start.click()
    assert "names a folder" in panel.message.value and not panel.is_running
    panel.name.value = "fine"
    assert panel.message.value == "" and panel.chosen().name == "fine"


def test_what_is_told_is_of_the_run_that_is_named(panel):
    """A training that does not start, and then another run."""
    (panel.logdir / "taken").mkdir(parents=True)
    (panel.logdir / "taken" / "file").touch()
    panel.name.value = "taken"
    panel.start.click()
    wait_for(lambda: panel.message.value)
    wait_for(lambda: enabled(panel) == {"start", "resume"})
    assert "already" in panel.message.value and "starting" not in panel.line.value
    assert "taken</b>: not started" in panel.line.value
    panel.name.value = "other"
    assert "Nothing is being trained." in panel.line.value


def test_the_run_is_compared_even_among_many(panel, tmp_path):
    for i in range(8):
        start, name = 1e4 * i, f"run_{i}"
        races = [(start + 60 * k, k, race(20.0)) for k in range(1, 9)]
        write_file(panel.logdir / name, races, start=start, pid=i + 1)
    write_file(panel.logdir / "aborted", [(1e5 + 1, 0, race(20.0))], start=1e5, pid=99)
    panel.name.value = "run_1"
    panel.compare.click()
    assert "The explorer is below" in panel.message.value
    # beside it those that were trained last, without one that was aborted at once
    assert panel.explorer.view["runs"] == ["run_1", *(f"run_{i}" for i in range(3, 8))]


def test_nothing_to_show_yet(panel):
    panel.show_race.click()
    assert "No eval race" in panel.message.value
    panel.compare.click()
    assert panel.message.value and not panel.comparison.children
    assert "Nothing is being trained" in panel.line.value


def test_what_the_network_lab_says_can_be_pasted(panel):
    panel.changes.value = tmnet.networks.NetworkConfig.big().to_yaml()
    assert panel.chosen().neural_network == tmnet.networks.NetworkConfig.big()
    panel.changes.value = ""
    assert panel.chosen() == tmnet.load_experiment("A01_as20_long").scaled("laptop")
    panel.experiment.value = "gym"
    assert panel.chosen() == tmnet.load_experiment("gym") and panel.scale.disabled
