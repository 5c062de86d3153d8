"""Nothing is computed in float64, which Apple's GPUs do not have."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tmnet.racing import RaceVectorEnv

from .trainings import CARTPOLE, RACES, StopAfter, Trainings


def check(function, result):
    for value in tree_leaves(result):
        if isinstance(value, torch.Tensor) and value.dtype in (torch.float64, torch.complex128):
            raise AssertionError(f"{function} makes float64")
    return result


class _InPython(TorchFunctionMode):
    """What is called; also what becomes of NumPy's arrays."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        return check(function, function(*args, **(kwargs or {})))


class _InTorch(TorchDispatchMode):
    """What is computed, also in between, and backwards."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function is torch.ops.aten.lift_fresh.default:  # NumPy's array, before it is converted
            return result
        return check(function, result)


@pytest.fixture
def refuse_float64():
    with _InPython(), _InTorch():
        yield


class Precise(gymnasium.Env):
    """All that it tells is float64."""

    observation_space = gymnasium.spaces.Box(-1, 1, (3,), np.float64)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 9
        return self.np_random.uniform(-1, 1, 3), {}

    def step(self, action):
        self.left -= 1
        return self.np_random.uniform(-1, 1, 3), np.float64(action), self.left == 0, False, {}


if "tests/Precise-v0" not in gymnasium.registry:
    gymnasium.register("tests/Precise-v0", entry_point=Precise)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.ones(2).double(),
        lambda: torch.ones(2).cumsum(0, dtype=torch.float64),
        lambda: torch.as_tensor(np.ones(2)),
        lambda: torch.from_numpy(np.ones(2)),
        lambda: torch.tensor(np.ones(2)),
        lambda: torch.zeros(2, dtype=torch.float64),
    ],
)
def test_it_would_be_seen(make, refuse_float64):
    with pytest.raises(AssertionError, match="float64"):
        make()


@pytest.mark.parametrize(
    "base, values",
    [
        ("uni_20", RACES | {"memory.priority_exponent": 0.6, "memory.test_share": 0.3}),
        (
            "uni_20",
            RACES | {"neural_network.use_image_head": True, "training.precision": "bfloat16"},
        ),
        ("gym", CARTPOLE | {"env": "tests/Precise-v0"}),
    ],
    ids=["priorities", "images", "gym"],
)
def test_a_training(tmp_path, base, values, refuse_float64):
    trainings = Trainings(tmp_path, base, values)
    trainings.train(frames=480, stop=StopAfter(45))
    trainings.train(frames=480, resume=True)
    assert trainings.state()["learner"]["batches"] > 10


def test_races(refuse_float64):
    env = RaceVectorEnv(num_envs=2)
    env.reset()
    for action in ([0, 4], np.array([3, 11], np.int8)):
        env.step(torch.as_tensor(action))
    env.load_state_dict(env.state_dict())
    env.render()
