"""`tmnet train`: what it does, what it says, and what it refuses."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

import tmnet
from tmnet.experiments.config import BUDGETS

from ..checks import PATIENCE, one_sentence
from .trainings import CARTPOLE, RACES, Trainings, differences, in_yaml, without_times

LINE = re.compile(
    r"(?P<done>\d+)% .*? (?P<run>\S+): (?P<frames>[\d,]+) frames · (?P<rate>[\d,]+)/s · "
    r"(?P<updates>[\d,.]+) updates/s · acting \d+%, learning \d+%.* · \d+:\d\d:\d\d left"
)


def start(*arguments, cwd):
    """The command in a process, and a terminal's group, of its own."""
    library = {"PYTHONPATH": str(Path(tmnet.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-m", "tmnet", *arguments], cwd=cwd, env=os.environ | library, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def interrupted(process):
    """Press Ctrl-C once it has said how it goes; what it printed, and all that it said."""
    said = b""
    while not LINE.search(said.decode(errors="ignore")):
        more = os.read(process.stderr.fileno(), 1 << 16)
        assert more, said
        said += more
    os.killpg(process.pid, signal.SIGINT)
    out, rest = process.communicate(timeout=PATIENCE)
    return out, said.decode() + rest


def settings(values):
    return ["--set", *(f"{field}={in_yaml(value)}" for field, value in values.items())]


# --- what it does -------------------------------------------------------------------------------


def test_cartpole(tmp_path):
    """With nothing but the experiment, the environment and a budget: it writes into its folder."""
    process = start(
        "train", "gym", "--env", "CartPole-v1", "--frames", "1500", "--seed", "3",
        *settings(CARTPOLE), cwd=tmp_path,
    )  # fmt: skip
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert {path.name for path in tmp_path.iterdir()} == {"tensorboard", "checkpoints"}
    trainings = Trainings(tmp_path)
    trainings.logs, trainings.checkpoints = tmp_path / "tensorboard", tmp_path / "checkpoints"
    state = trainings.state("gym")
    assert 1500 <= state["frames"] < 1504 and state["seed"] == 3
    assert state["experiment"]["env"] == "CartPole-v1"
    folder = Path("tensorboard")
    assert out == f"Log: {folder / 'gym'}   (tmnet compare gym --logdir {folder})\n"
    lines = [LINE.search(line) for line in err.replace("\n", "\r").split("\r") if line.strip()]
    lines = [line for line in lines if line]
    assert lines and all(line["run"] == "gym" for line in lines)
    for line in lines:
        frames = int(line["frames"].replace(",", ""))
        assert int(line["done"]) == pytest.approx(100 * frames / 1500, abs=1)
        assert int(line["rate"].replace(",", "")) > 0
    assert "CartPole-v1/explo best" in lines[-1][0]
    assert "Traceback" not in err and "Warning" not in err


def test_races_and_ctrl_c(tmp_path, command):
    """Ctrl-C saves, and ends as if nothing had happened; --resume goes on, and so to the end."""
    trainings = Trainings(tmp_path)
    process = start(*trainings.command("run", "--frames", "1000000", "--seed", "7"), cwd=tmp_path)
    log = trainings.logs / "run"
    out, err = interrupted(process)
    assert process.returncode == 0, err
    assert out == f"Log: {log}   (tmnet compare run --logdir {trainings.logs})\n"
    assert "Traceback" not in err and LINE.search(err)
    before = trainings.state()
    assert 0 < before["frames"] < 1_000_000 and int(trainings.files()[-1].stem) == before["frames"]
    frames = str(before["frames"] + 500)
    status, out, err = command(*trainings.command("run", "--resume", "--frames", frames))
    assert (status, out[:4]) == (0, "Log:"), err
    trainings.train("whole", frames=int(frames), seed=7)
    whole, parts = (without_times(trainings.state(name)) for name in ("whole", "run"))
    for name in ("learner", "replay", "world", "acting", "frames", "races"):
        assert str(whole[name]) == str(parts[name]), name
    status, out, err = command("compare", "run", "whole", "--logdir", trainings.logs)
    assert status == 0 and "run" in out and "A01" in out


def test_ctrl_c_with_collectors(tmp_path):
    trainings = Trainings(tmp_path, "gym", CARTPOLE | {"performance.collectors": 2})
    process = start(*trainings.command("run", "--frames", "1000000"), cwd=tmp_path)
    out, err = interrupted(process)
    assert (process.returncode, out[:4]) == (0, "Log:"), err
    assert trainings.state()["frames"] > 0


@pytest.fixture
def main_thread():
    """Where signals are caught; elsewhere they would end the tests."""
    if threading.current_thread() is not threading.main_thread() or (
        "PYTEST_XDIST_WORKER" in os.environ
    ):
        pytest.skip("the tests do not run in the main thread")


def test_asked_to_terminate(trainings, main_thread):
    """As machines do that are shut down: it is saved."""
    seen = []

    def terminate(status):
        seen.append(status.frames)
        os.kill(os.getpid(), signal.SIGTERM)

    handler = signal.getsignal(signal.SIGTERM)
    trainings.train(frames=10**6, progress=terminate)
    assert signal.getsignal(signal.SIGTERM) == handler
    assert trainings.state()["frames"] == seen[0] == 8


def test_a_second_ctrl_c(trainings, main_thread):
    """It ends at once; what was saved is there."""

    def interrupt(status):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trainings.train(frames=10**6, progress=interrupt)
    assert trainings.state()["frames"] == 0


def test_settings(trainings, command):
    """From all of `--set`; numbers, lists, texts, nothing; on top of the experiment's file."""
    file = trainings.root / "mine.yaml"
    file.write_text("base: uni_20\ndescription: my own\nmemory: {uses_per_transition: 3}\n")
    trainings.base, trainings.values = file, RACES | {"memory.uses_per_transition": 2}
    more = ["--set", "training.adam_epsilon=1e-5", "training.self_loss_ratio=null",
            "--frames", 40, "--set", "recording.save_replay=no", "description=short"]  # fmt: skip
    status, out, err = command(*trainings.command("own", *more))
    assert status == 0, err
    config = tmnet.load_run("own", trainings.logs, cache=False).config
    assert config["name"] == "own" and config["description"] == "short"
    assert config["training"]["adam_epsilon"] == 1e-5
    assert config["training"]["self_loss_ratio"] is None
    assert config["memory"]["uses_per_transition"] == 2.0
    assert config["recording"]["save_replay"] == "no" and config["frames"] == 40
    assert config["map_cycle"] == RACES["map_cycle"] and config["minutes"] is None
    # the default name is that of the file
    arguments = trainings.command("mine", *more)
    del arguments[arguments.index("--run-name") :][:2]
    status, out, err = command(*arguments)
    assert status == 0 and "mine" in out


def test_laptop(trainings, command):
    """Its values count unless others are asked for."""
    values = {name: value for name, value in RACES.items() if name != "stretch_m"}
    trainings.values = values
    status, _, err = command(*trainings.command("small", "--scale", "laptop", "--frames", 24))
    assert status == 0, err
    config = tmnet.load_run("small", trainings.logs, cache=False).config
    assert config["scale"] == "laptop" and config["stretch_m"] == 600
    assert config["neural_network"]["float_hidden_dim"] == 16


# --- what it refuses ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "required: EXPERIMENT"),
        (["uni_21"], "no experiment 'uni_21'; .*uni_20"),
        (["none.yaml"], "none.yaml: it cannot be read"),
        (["folder.yaml"], "folder.yaml: it cannot be read"),
        (["list.yaml"], "list.yaml: it holds no fields"),
        (["broken.yaml"], "broken.yaml: this is not YAML"),
        (["field.yaml"], "field.yaml: There is no field 'framse'; there is frames"),
        (["loop.yaml"], "its base is 'loop'"),
        (["uni_20", "--seed", "abc"], "--seed: invalid int value: 'abc'"),
        (["uni_20", "--frames", "1.5"], "--frames: invalid int value"),
        (["uni_20", "--frames", "0"], "budget is 0"),
        (["uni_20", "--frames", "-3"], "frames is -3; it must be at least 0"),
        (["uni_20", "--updates", "1.5"], "--updates: invalid int value"),
        (["uni_20", "--updates", "0"], "budget is 0"),
        (["uni_20", "--pflop", "nan"], "pflop is nan; it must be a number"),
        (["uni_20", "--pflop", "1", "--updates", "9"], "not allowed with"),
        (["uni_20", "--minutes", "0"], "budget is 0"),
        (["uni_20", "--minutes", "-1"], "minutes is -1.0; it must be at least 0"),
        (["uni_20", "--minutes", "nan"], "minutes is nan; it must be a number"),
        (["uni_20", "--minutes", "inf"], "minutes is inf; it must be a number"),
        (["uni_20", "--minutes", "1", "--frames", "9"], "not allowed with"),
        (["uni_20", "--device", "abacus"], "device 'abacus' cannot be used here"),
        (["uni_20", "--device", "cuda:99"], "device 'cuda:99' cannot be used here"),
        (["uni_20", "--scale", "huge"], "invalid choice: 'huge'"),
        (["gym", "--scale", "laptop"], "Only races can be scaled"),
        (["uni_20", "--run-name", "a/b"], "name is 'a/b'"),
        (["uni_20", "--run-name", ""], "name is ''"),
        (["uni_20", "--run-name", ".."], "name is '..'"),
        (["uni_20", "--env", "CartPole-v1"], "map_cycle names maps, which CartPole-v1 does not"),
        (["gym", "--env", "NoSuchGame-v3"], "environment 'NoSuchGame-v3' cannot be made"),
        (["gym", "--env", "Pendulum-v1"], "only Discrete actions are learned"),
        (["gym", "--env", "Blackjack-v1"], "Blackjack-v1 shows Tuple"),
        (["gym", "--env", "tmnet/Race-v0"], "an entry without a map"),
        (["uni_20", "--resume"], "nothing to resume: no checkpoint of 'uni_20' in checkpoints"),
        (["uni_20", "--logdir", "file"], "file"),
        (["uni_20", "--checkpoints", "file"], "file"),
        (["uni_20", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["uni_20", "A01"], "unrecognized arguments: A01"),
        (["uni_20", "--res"], "unrecognized arguments: --res"),
        (["uni_20", "--set"], "--set: expected at least one argument"),
        (["uni_20", "--set", "frames"], "'frames' is not FIELD=VALUE"),
        (["uni_20", "--set", "frames=["], "--set"),
        (["uni_20", "--set", "memory.schedule=[[0, 100, 200]]"], "memory.schedule takes 200"),
        (
            ["uni_20", "--set", "neural_network.iqm_n=4"],
            "'neural_network.iqm_n'; there is neural_network.iqn_n",
        ),
        (
            ["uni_20", "--set", "training.batchsize=4"],
            "'training.batchsize'; there is training.batch_size",
        ),
        (["uni_20", "--set", "trainig.kappa=1"], "there is training.kappa"),
        (["uni_20", "--set", "training=4"], "no field 'training'"),
        (["uni_20", "--set", "training.kappa.x=4"], "no field 'training.kappa.x'"),
        (["uni_20", "--set", "=4"], "no field ''"),
        (["uni_20", "--set", "neural_network.iqn_n=3"], "iqn_n is 3; it must be even"),
        (["uni_20", "--set", "neural_network.w_downsized=33"], "w_downsized is 33"),
        (["uni_20", "--set", "training.batch_size=0"], "batch_size is 0; it must be at least 1"),
        (["uni_20", "--set", "training.batch_size=1e3"], "batch_size is 1000.0; .* whole number"),
        (["uni_20", "--set", "training.kappa=much"], "kappa is 'much'; it must be a number"),
        (["uni_20", "--set", "training.double_dqn=2"], "double_dqn is 2; it must be true or false"),
        (["uni_20", "--set", "training.lr_schedule=5"], "lr_schedule is 5; .* list of points"),
        (["uni_20", "--set", "training.lr_schedule=[[5, 1.0]]"], "must begin with 0"),
        (["uni_20", "--set", "memory.schedule=[[0, 10]]"], "[frames, capacity, start of learning]"),
        (["uni_20", "--set", "memory.test_share=1"], "test_share is 1; it must be at most 0.9"),
        (["uni_20", "--set", "recording.save_replay=maybe"], "'auto' or 'yes' or 'no'"),
        (["uni_20", "--set", "map_cycle=[]"], "map_cycle is empty"),
        (["uni_20", "--set", "map_cycle=[1]"], "map_cycle is 1; it takes fields of its own"),
        (
            ["uni_20", "--set", "map_cycle=[{map: Nowhere}]"],
            "no track 'Nowhere': choose A01 or Hock",
        ),
        (["uni_20", "--set", "map_cycle=[{map: line.npy}]"], "centre line line"),
        (["uni_20", "--set", "map_cycle=[{map: A01, race: 1}]"], "'map_cycle.race'; .*races"),
        (["uni_20", "--set", "stretch_m=5"], "stretch_m is 5; it must be at least 50"),
        (["uni_20", "--set", "initial_checkpoint=uni_2"], "initial_checkpoint is 'uni_2'"),
        (["uni_20", "--set", "initial_checkpoint=file"], "file is damaged, or no checkpoint"),
        (["uni_20_long"], "train uni_20 first"),
    ],
    ids=str,
)
def test_refused(command, tmp_path, monkeypatch, arguments, message):
    """Status 2, one sentence, and no file is written."""
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "list.yaml").write_text("- 1")
    (tmp_path / "broken.yaml").write_text("frames: [1,\nmap: }")
    (tmp_path / "field.yaml").write_text("framse: 10")
    (tmp_path / "loop.yaml").write_text("base: loop")
    np.save(tmp_path / "line.npy", np.ones((50, 3)))
    monkeypatch.chdir(tmp_path)
    before = {path for path in tmp_path.rglob("*") if not path.is_dir()}
    budgets = {f"--{name}" for name in BUDGETS}
    budget = [] if budgets & set(arguments) else ["--frames", 16]
    small = ["performance.num_envs=2", "neural_network.float_hidden_dim=4"]
    small = ["--set", *small] if arguments and arguments[0] in ("uni_20", "gym") else []
    status, out, err = command("train", *arguments, *budget, *small)
    lines = [line for line in err.splitlines() if not re.match(r" +0% +\S+$|$", line)]
    assert (status, out) == (2, ""), err
    assert len(lines) == 1 and lines[0].startswith("tmnet: "), err
    one_sentence(lines[0].removeprefix("tmnet: "))
    pattern = message if ".*" in message else re.escape(message)
    assert re.search(pattern, lines[0])
    assert {path for path in tmp_path.rglob("*") if not path.is_dir()} == before


def test_a_negative_seed(command, trainings):
    status, _, err = command(*trainings.command("run", "--frames", 16, "--seed", "-1"))
    assert status == 2 and "seed" in err


def test_a_start_that_failed_can_be_tried_again(command, trainings):
    """For example when the folder for checkpoints could not be made."""
    (trainings.root / "file").write_text("")
    wrong = trainings.command("run", "--frames", 16)
    wrong[wrong.index("--checkpoints") + 1] = str(trainings.root / "file")
    status, _, err = command(*wrong)
    assert status == 2 and "file" in err
    status, _, err = command(*trainings.command("run", "--frames", 16))
    assert status == 0, err


def test_a_field_without_its_section(command):
    status, _, err = command("train", "uni_20", "--frames", 16, "--set", "iqn_n=4")
    assert status == 2 and "neural_network.iqn_n" in err


def test_a_gpu_that_is_not_there(command, trainings):
    """Not even its kind is known here; it takes a sentence to say so."""
    if torch.backends.mps.is_available():
        pytest.skip("it is there")
    status, _, err = command(*trainings.command("run", "--frames", 16, "--device", "mps"))
    assert status == 2 and "device 'mps' cannot be used here" in err
    assert len(err) < 300


def test_refused_in_a_process(tmp_path):
    """The same status and line from outside."""
    process = start("train", "uni_20", "--frames", "0", cwd=tmp_path)
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("tmnet: ")
    one_sentence(err.strip().removeprefix("tmnet: "), "budget is 0")


@pytest.mark.parametrize("budget", [("updates", "7"), ("pflop", "1e-8")], ids=str)
def test_other_budgets(trainings, command, budget):
    """The log is that of `tmnet.train` with the same."""
    name, most = budget
    assert command(*trainings.command("run", f"--{name}", most))[0] == 0
    trainings.train("other", **{name: float(most) if name == "pflop" else int(most)})
    one, other = (trainings.state(run) for run in ("run", "other"))
    assert not differences(one["learner"], other["learner"]) and one["frames"] == other["frames"]


def test_what_is_in_the_way(trainings, command):
    """A run of this name; a budget that is used up."""
    assert command(*trainings.command("run", "--frames", 24))[0] == 0
    for more, message in (
        (["--frames", 24], "already"),
        (["--frames", 24, "--resume"], "used up its budget"),
        (["--frames", 99, "--resume", "--seed", "5"], "was started with seed 0"),
        (["--frames", 99, "--resume", "--set", "training.kappa=1.0"], "training.kappa differs"),
    ):
        arguments = trainings.command("run")
        arguments += more  # later settings count
        status, out, err = command(*arguments)
        assert (status, out) == (2, "") and message in err and err.count("\n") == 1
