"""What the environments refuse, and in which words."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tmnet.racing import RaceEnv, RaceVectorEnv

from ..checks import refused
from .driving import equal, placed, vector


@pytest.mark.parametrize("tracks", ["Nordschleife", ["A01", "Nordschleife"], ("a01",)])
def test_unknown_track(tracks):
    for make in (vector, RaceEnv) if isinstance(tracks, str) else (vector,):
        name = tracks if isinstance(tracks, str) else tracks[-1]
        refused(lambda make=make: make(tracks), name, "A01", "Hock")


def test_no_track():
    refused(lambda: vector([]), "A01", "Hock")


@pytest.mark.parametrize("count", [0, -1, 1.0, "3", True, None, 10**9])
def test_wrong_number_of_races(count):
    refused(lambda: vector(["A01"], count), "num_envs", count)


@pytest.mark.parametrize(
    "size",
    [
        (0, 64), (64, 0), (15, 64), (64, 1025), (-64, 64), (64,), (64, 64, 1), (), "64x64", 64,
        (64.0, 64), (64, "64"), (True, 64), {64, 65}, 0, (65, 16),
    ],
)  # fmt: skip
def test_wrong_image_size(size):
    refused(lambda: vector(["A01"], image_size=size), "image_size")
    refused(lambda: RaceEnv(image_size=size), "image_size")


@pytest.mark.parametrize("size", [(16, 1024), [17, 16], (np.int64(20), 16)])
def test_image_sizes_at_the_limits(size):
    seen, _ = vector(["A01"], image_size=size).reset()
    assert seen["image"].shape == (1, 1, *size)


@pytest.mark.parametrize(
    "actions, words",
    [
        ([0, 1, 12], [12, 11]),
        ([0, -1, 3], [-1, 11]),
        ([-7, 40, 3], [-7]),
        ([0, 1], ["(2,)", 3]),
        ([0, 1, 2, 3], ["(4,)", 3]),
        ([[0, 1, 2]], ["(1, 3)", 3]),
        (5, ["()", 3]),
        ([0.0, 1.0, 2.0], ["float", "integers"]),
        ([0.5, 1, 2], ["float", "integers"]),
        ([True, False, True], ["bool", "integers"]),
        ([1j, 0, 0], ["complex", "integers"]),
    ],
)
def test_wrong_actions(actions, words):
    """And the races are where they were."""
    env = RaceVectorEnv(num_envs=3, image_size=None)
    before = env.cars
    for given_ in (np.array(actions), torch.tensor(actions)):
        refused(lambda given_=given_: env.step(given_), *words)
    assert equal(before, env.cars)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64])
def test_actions_of_any_integers(dtype):
    env, other = (RaceVectorEnv(num_envs=3, image_size=None) for _ in range(2))
    env.step(np.array([0, 4, 11], dtype))
    other.step(torch.tensor([0, 4, 11]))
    assert equal(env.cars, other.cars)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.uint64, bool, np.float32, complex])
def test_actions_of_other_types(dtype):
    env = RaceVectorEnv(num_envs=3, image_size=None)
    refused(lambda: env.step(np.array([0, 1, 1]).astype(dtype)), np.dtype(dtype), "3 integers")


@pytest.mark.parametrize(
    "action, words",
    [
        (12, [12, "0 .. 11"]),
        (-1, [-1, "0 .. 11"]),
        (np.int64(99), [99, "0 .. 11"]),
        (1.0, ["float", "an integer"]),
        (True, ["bool", "an integer"]),
        (np.array([1]), ["ndarray", "an integer"]),
        (torch.tensor([1, 2]), ["Tensor", "an integer"]),
        ("1", ["str", "an integer"]),
        (None, ["NoneType", "an integer"]),
    ],
)
def test_wrong_action_of_a_single_race(action, words):
    """In the words of one race; and it is where it was."""
    env = RaceEnv(image_size=None)
    env.reset()
    before = env.races.cars
    refused(lambda: env.step(action), "action", *words)
    assert equal(before, env.races.cars)


@pytest.mark.parametrize("action", [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)])
def test_action_of_a_single_race(action):
    env = RaceEnv(image_size=None)
    env.step(action)
    assert env.races.cars.history[16:, 0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "device",
    ["nowhere", "cuda:99", "gpu", "", "meta", torch.device("meta"), "hpu", "privateuseone", "fpga"],
)
def test_wrong_device(device):
    """Unknown, not here, or unable to run the simulator."""
    refused(lambda: vector(["A01"], device=device), repr(device))


@pytest.mark.parametrize("mask", [[True], [True] * 4, [[True] * 3], True])
def test_wrong_reset_mask(mask):
    env = RaceVectorEnv(num_envs=3, image_size=None)
    refused(lambda: env.reset(options={"reset_mask": mask}), "reset_mask", "(3,)")


@pytest.mark.parametrize("mask", ["x", {0, 1}, [True, [False], True], ["a", "b", "c"]])
def test_reset_mask_of_another_type(mask):
    env = RaceVectorEnv(num_envs=3, image_size=None)
    words = "reset_mask", type(mask).__name__, "3 booleans"
    refused(lambda: env.reset(options={"reset_mask": mask}), *words)


@pytest.mark.parametrize(
    "tracks, words",
    [
        (torch.tensor([0, 2, 1]), [2, "0 .. 1"]),
        (torch.tensor([0, -1, 1]), [-1, "0 .. 1"]),
        (torch.tensor([0, 1]), ["(2,)", "3 integers"]),
        (torch.tensor([0.0, 1, 1]), ["float32", "3 integers"]),
        ("A01", ["str", "3 integers"]),
    ],
)
def test_wrong_next_track(tracks, words):
    """Said when a race would begin; it begins in the next step, once this is put right."""
    env = RaceVectorEnv(num_envs=3, image_size=None)
    right, before = env.next_track, env.cars
    env.next_track = tracks
    refused(env.reset, "next track", *words)
    refused(lambda: env.reset(options={"reset_mask": [True] * 3}), "next track", *words)
    assert equal(before, env.cars)
    env.cars = replace(env.cars, idle=torch.tensor([39, 0, 0]), furthest=env.cars.zone + 500)
    _, _, _, truncated, _ = env.step(np.array([3, 0, 0]))
    assert truncated.tolist() == [True, False, False]
    before = env.cars
    refused(lambda: env.step(np.array([3, 0, 0])), "next track", *words)
    assert equal(before, env.cars)
    env.next_track = right
    _, reward, *_, info = env.step(np.array([3, 0, 0]))
    assert reward[0] == 0 and info["time_s"].tolist() == pytest.approx([0, 0.1, 0.1])


@pytest.mark.parametrize(
    "name, race, value",
    [
        ("track", 1, 2),
        ("track", 0, -1),
        ("next_track", 2, 2),
        ("gear", 1, 5),
        ("gear", 1, -1),
        ("zone", 0, -1),
        ("zone", 1, 10**9),
        ("zone", 0, "beyond"),
        ("furthest", 2, -5),
        ("furthest", 1, 0),
    ],
)
def test_state_out_of_range(name, race, value):
    """Nothing of such a state is taken over."""
    env = RaceVectorEnv(num_envs=3, image_size=None)
    state, before = env.state_dict(), env.state_dict()
    state["steer"] += 0.5
    # the zones of the other track are none of this race's
    state[name][race] = env.simulator.ends[1, 0] + 1 if value == "beyond" else value
    words = name, f"race {race}", state[name][race].item(), "out of its range"
    refused(lambda: env.load_state_dict(state), *words)
    assert all(torch.equal(each, before[key]) for key, each in env.state_dict().items())


@pytest.mark.parametrize("name", ["velocity", "time", "ground"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_state_that_is_not_finite(name, value):
    env = RaceVectorEnv(num_envs=3, image_size=None)
    state = env.state_dict()
    state[name] = state[name].contiguous()
    state[name].view(-1)[1] = value
    refused(lambda: env.load_state_dict(state), name, "not finite")


def test_state_of_arrays():
    env = RaceVectorEnv(num_envs=3, image_size=None)
    state = {name: value.numpy() for name, value in env.state_dict().items()}
    refused(lambda: env.load_state_dict(state), "3 races")


def test_wrong_render_mode():
    refused(lambda: RaceEnv(render_mode="human"), "render_mode", "human", "rgb_array")


@pytest.mark.parametrize(
    "make",
    [
        lambda: vector(None),
        lambda: vector(3),
        lambda: vector([None]),
        lambda: vector(["A01"], device=1.5),
        lambda: vector(["A01"]).step(None),
        lambda: vector(["A01"]).step("abc"),
        lambda: vector(["A01"]).load_state_dict(None),
    ],
    ids=["no tracks", "number", "no track", "float device", "no action", "text", "state"],
)
def test_wrong_types(make):
    """What no one would pass on purpose."""
    refused(make)


def test_all_actions_are_told_apart():
    """One batch of the twelve, after two actions: twelve observations."""
    env = RaceVectorEnv(["A01"], num_envs=12, image_size=None)
    env.cars = placed(env.simulator, np.full(12, 60), speed=40.0)
    env.step(np.arange(12))
    seen, *_ = env.step(np.arange(12))
    assert len(seen["floats"][:, 53:59].unique(dim=0)) == 12
    assert env.cars.history[16:].T.tolist() == [list(each) for each in to_actions()]


def to_actions():
    """(accelerate, brake, left, right), as IQN.md, section 5."""
    return [(*p, *s) for p in [(1, 0), (0, 0), (0, 1), (1, 1)] for s in [(0, 0), (1, 0), (0, 1)]]
