"""What the tests of training share: short trainings of tiny networks, and what came of them."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tbparse import SummaryReader
from torch.nn import functional

import tmnet
from tmnet.errors import LogWarning
from tmnet.logs.dialects import common_name
from tmnet.racing import RaceVectorEnv, load_track
from tmnet.racing.driver import drive
from tmnet.training.acting import Actor
from tmnet.training.learner import Learner

CUTOFF = 300.0  # s, the time of a race that did not finish
STRETCH = 60.0  # m of each map
FRAMES = "cumul_number_frames_played"
N_STEPS = 3
EPSILON = [[0, 0.4], [1000, 0.1]]
PROCESS = (
    f"Performance/.*|cumul_training_hours|{FRAMES}"  # tags that processes make a difference to
)
CLOCK = "Performance/.*|cumul_training_hours"  # tags of what a clock told

TINY = {
    "neural_network.float_hidden_dim": 16,
    "neural_network.dense_hidden_dimension": 16,
    "neural_network.iqn_n": 2,
    "neural_network.iqn_k": 2,
    "neural_network.iqn_embedding_dimension": 4,
    "neural_network.w_downsized": 34,
    "neural_network.h_downsized": 34,
    "training.batch_size": 16,
    "training.target_update_every": 48,
    "memory.schedule": [[0, 1000, 100]],
    "memory.uses_per_transition": 1.0,
    "performance.num_envs": 8,
}
CYCLE = [
    {"map": "Hock", "kind": "explo", "races": 3},
    {"map": "A01", "kind": "explo", "races": 2},
    {"map": "Hock", "kind": "eval", "races": 1},
    {"map": "A01", "kind": "eval", "races": 2},
]
RACES = TINY | {
    "neural_network.use_image_head": False,
    "stretch_m": STRETCH,
    "map_cycle": CYCLE,
    "exploration.epsilon_schedule": [[0, 0.1]],
}
CARTPOLE = TINY | {
    "performance.num_envs": 4,
    "training.n_steps": 3,
    "exploration.epsilon_schedule": [[0, 0.5]],
    "map_cycle": [{"kind": "explo", "races": 3}, {"kind": "eval", "races": 1}],
}


class Trainings:
    """Trainings that log and keep checkpoints below one folder.

    Parameters
    ----------
    root : Path
    base : str
        The experiment that they change.
    values : dict
        What they change.
    """

    def __init__(self, root: Path, base: str = "uni_20", values: dict[str, Any] = RACES):
        self.root, self.base, self.values = root, base, values
        self.logs, self.checkpoints = root / "logs", root / "checkpoints"

    def arguments(self, name: str = "run", values: dict | None = None, **more) -> dict[str, Any]:
        """Arguments for `tmnet.train`."""
        return {
            "experiment": self.base,
            "values": self.values | (values or {}),
            "run_name": name,
            "logdir": self.logs,
            "checkpoints": self.checkpoints,
            "device": "cpu",
            "progress": False,
        } | more

    def train(self, name: str = "run", values: dict | None = None, **more) -> Path:
        return tmnet.train(**self.arguments(name, values, **more))

    def command(self, name: str = "run", *more, values: dict | None = None) -> list[str]:
        """Arguments for `tmnet train` in place of these."""
        changed = self.values | (values or {})
        texts = [f"{field}={in_yaml(value)}" for field, value in changed.items()]
        places = ["--logdir", self.logs, "--checkpoints", self.checkpoints]
        some = ["train", self.base, "--run-name", name, "--device", "cpu", *places, *more]
        return [*map(str, some), "--set", *texts]

    def pieces(self, name: str = "run") -> list[Path]:
        """The run's log directories, in order."""
        number = re.compile(re.escape(name) + r"(?:_(\d+))?")
        found = {number.fullmatch(path.name): path for path in self.logs.iterdir()}
        return [found[m] for m in sorted(filter(None, found), key=lambda m: int(m[1] or 1))]

    def scalars(self, name: str = "run") -> pd.DataFrame:
        """All scalars: step, tag, value, wall_time, piece; by wall time."""
        parts = [read(path).assign(piece=path.name) for path in self.pieces(name)]
        return pd.concat(parts).sort_values("wall_time", kind="stable", ignore_index=True)

    def values_of(self, tag: str, name: str = "run") -> dict[int, float]:
        """Values of a tag by step."""
        scalars = self.scalars(name)
        rows = scalars[scalars["tag"] == tag]
        return dict(zip(rows["step"], rows["value"]))

    def files(self, name: str = "run") -> list[Path]:
        """Checkpoints, oldest first."""
        found = (self.checkpoints / name).glob("*.pt")
        return sorted(path for path in found if path.stem.isdecimal())

    def state(self, name: str = "run", number: int = -1) -> dict[str, Any]:
        """What is in the last checkpoint."""
        return torch.load(self.files(name)[number], weights_only=True)


def read(path: Path, kind: str = "scalars") -> pd.DataFrame:
    """What tbparse finds in the event files of a directory: scalars, or text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about how it uses pandas
        return getattr(SummaryReader(str(path), extra_columns={"wall_time"}), kind)


def in_yaml(value: Any) -> str:
    """As YAML in one line."""
    import yaml

    return yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()


class StopAfter:
    """Says so after so many looks: trainings look once an action."""

    def __init__(self, looks: int):
        self.left = looks

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


class Crash(Exception):
    """What no training expects."""


class CrashAfter(StopAfter):
    """Ends the training as nothing should, after so many looks."""

    def is_set(self) -> bool:
        if super().is_set():
            raise Crash
        return False


def scripted(monkeypatch: pytest.MonkeyPatch, idle: int = 0) -> None:
    """Greedy actions are those of the scripted driver, so that races finish.

    Before, it coasts for so many moments: races are cut off.
    """
    own_q, looks = Actor.q, 0

    def scripted_q(actor, image, floats, *args):
        nonlocal looks
        looks += 1
        q = own_q(actor, image, floats, *args)
        if floats.shape[1] != 184:  # no race
            return q
        action = drive(floats) if looks > idle else torch.full((len(floats),), 3)
        return functional.one_hot(action, 12) + 0.1 * q.clamp(-1, 1)

    monkeypatch.setattr(Actor, "q", scripted_q)


class Spy:
    """Writes down what a training does in its races.

    Attributes
    ----------
    q : list of Tensor (N, A)
        What the networks said, by action.
    weights : list of float
        The sum of the online network's weights then.
    actions : list of Tensor (N,)
        What was done.
    ended : list of Tensor (N,) bool
        Which races ended then.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.q: list[torch.Tensor] = []
        self.weights: list[float] = []
        self.actions: list[torch.Tensor] = []
        self.ended: list[torch.Tensor] = []
        q, step = Actor.q, RaceVectorEnv.step

        def spied_q(actor, *args):
            found = q(actor, *args)
            self.q.append(found.clone())
            self.weights.append(sum(x.double().sum().item() for x in actor.online.parameters()))
            return found

        def spied_step(env, actions):
            self.actions.append(actions.clone())
            result = step(env, actions)
            self.ended.append(result[2] | result[3])
            return result

        monkeypatch.setattr(Actor, "q", spied_q)
        monkeypatch.setattr(RaceVectorEnv, "step", spied_step)


def races_again(actions: Iterable[torch.Tensor], cycle: list[dict], stretch: float = STRETCH):
    """Drive races once more, and keep the books.

    Parameters
    ----------
    actions : Tensor (N,) of each moment
    cycle : list of dict
        Map, kind and number of races.

    Returns
    -------
    races : list of dict
        In the order in which they end: env, row and first_row (of the moments), step (frames
        played until then), map, kind, finished, time_s, zone, actions.
    frames : list of int
        Played until the end of each moment.
    driven : list of list of bool
        Whether each environment's action counted.
    """
    deals = [(deal["map"], deal["kind"]) for deal in cycle for _ in range(deal["races"])]
    maps = list(dict.fromkeys(map_ for map_, _ in deals))
    actions = torch.stack(list(actions))
    count = actions.shape[1]
    env = RaceVectorEnv([load_track(m).first(stretch) for m in maps], count, None)
    dealt = 0

    def deal(i):
        nonlocal dealt
        current[i] = deals[dealt % len(deals)]
        env.next_track[i] = maps.index(current[i][0])
        dealt += 1

    current: list = [None] * count
    for i in range(count):
        deal(i)
    env.reset()
    waits, first = [False] * count, [0] * count
    races, frames, driven, played = [], [], [], 0
    for row, chosen in enumerate(actions):
        _, _, finished, cut, info = env.step(chosen)
        driven.append([not w for w in waits])
        played += waits.count(False)
        frames.append(played)
        for i in range(count):
            if waits[i]:
                waits[i], first[i] = False, row + 1
            elif finished[i] or cut[i]:
                waits[i] = True
                time_s = round(info["time_s"][i].item(), 3)
                races.append({
                    "env": i, "row": row, "first_row": first[i], "step": played,
                    "map": current[i][0], "kind": current[i][1], "finished": bool(finished[i]),
                    "time_s": time_s if finished[i] else CUTOFF,
                    "zone": math.floor(info["progress_m"][i] / 0.5),
                    "actions": actions[first[i] : row + 1, i].tolist(),
                })  # fmt: skip
                deal(i)
    return races, frames, driven


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Where two states are not the same, to the last bit."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        same = one.dtype == other.dtype and one.shape == other.shape
        same = same and torch.equal(one.nan_to_num(7.5), other.nan_to_num(7.5))
        return [] if same else [where]
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            return [f"{where}: {one.keys() ^ other.keys()}"]
        return [x for key in one for x in differences(one[key], other[key], f"{where}.{key}")]
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        if len(one) != len(other):
            return [f"{where}: {len(one)} and {len(other)}"]
        pairs = enumerate(zip(one, other))
        return [x for i, pair in pairs for x in differences(*pair, f"{where}[{i}]")]
    return [] if one == other else [f"{where}: {one} and {other}"]


def without_times(state: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint's state but for what a clock told."""
    interval = {name: x for name, x in state["interval"].items() if name != "seconds"}
    interval["start"] = interval["start"]["frames"]
    return {name: x for name, x in state.items() if name != "seconds"} | {"interval": interval}


def same_log(scalars: pd.DataFrame) -> list[tuple]:
    """What the log of the same training holds again: (step, tag, value), sorted."""
    rows = scalars[~scalars["tag"].str.fullmatch(PROCESS)]
    return sorted(rows[["step", "tag", "value"]].itertuples(index=False, name=None))


def surviving(trainings, name):
    """All that the log of a run holds along the steps, but what a clock told; sorted."""
    # of files that a process had only begun, or whose last record is cut
    with warnings.catch_warnings(action="ignore", category=LogWarning):
        run = tmnet.load_run(name, trainings.logs, cache=False)
    clock = {tag for tag in trainings.scalars(name)["tag"] if re.fullmatch(CLOCK, tag)}
    rows = run.scalars[run.survives(run.scalars)]
    rows = rows[~rows["tag"].isin({*map(common_name, clock)})]
    return sorted(rows[["step", "tag", "value"]].itertuples(index=False, name=None))


def bomb(marker: Path):
    """An object that writes a file when it is unpickled."""

    class Bomb:
        def __reduce__(self):
            return Path.touch, (marker,)

    return Bomb()


def bytes_of(save) -> bytes:
    """What a function writes into a file."""
    file = io.BytesIO()
    save(file)
    return file.getvalue()


class LearnerSpy:
    """What the learner was given, and what it said."""

    def __init__(self, monkeypatch):
        self.loss, self.norm, self.lr, self.sizes, self.tests = [], [], [], [], []
        learn, test = Learner.learn, Learner.test

        def spied_learn(learner, batch, lr, generator):
            learned = learn(learner, batch, lr, generator)
            self.loss.append(learned.loss.item())
            self.norm.append(learned.grad_norm.item())
            self.lr.append(lr)
            self.sizes.append(len(batch.action))
            return learned

        def spied_test(learner, batch, generator):
            loss = test(learner, batch, generator)
            self.tests.append((learner.batches, len(batch.action), loss.item()))
            return loss

        monkeypatch.setattr(Learner, "learn", spied_learn)
        monkeypatch.setattr(Learner, "test", spied_test)


def exponential(points, at):
    return math.exp(np.interp(at, [x for x, _ in points], [math.log(y) for _, y in points]))


def files_in(folder):
    return [path for path in folder.rglob("*") if not path.is_dir()]
