"""The batch of races among Gymnasium's own things: `make_vec`, and wrappers, which take NumPy."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.wrappers import vector as wrappers

from tmnet.racing import RaceVectorEnv

from ..checks import refused
from .driving import straight

FULL = 0  # the action: straight on, with throttle


def parts_of(result):
    """All arrays of what `step` or `reset` gives, by name."""
    seen, *values, info = result
    return {f"seen {k}": v for k, v in seen.items()} | dict(enumerate(values)) | info


def test_numpy_on_request():
    """The same numbers, of the kinds that the spaces name, and none of them the environment's."""
    options = {"num_envs": 3, "image_size": (16, 16)}
    tensors = RaceVectorEnv([straight(30), straight(60)], **options)
    arrays = RaceVectorEnv([straight(30), straight(60)], **options, as_numpy=True)
    kinds = {0: np.float32, 1: np.bool_, 2: np.bool_}
    pairs = [(arrays.reset(), tensors.reset())]
    for k in range(90):
        actions = np.array([FULL, FULL, 3 + k % 2])
        pairs.append((arrays.step(actions), tensors.step(torch.as_tensor(actions))))
        one, other = map(parts_of, pairs[-1])
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert type(value) is np.ndarray and np.array_equal(value, other[name].numpy())
            assert value.dtype == kinds.get(name, value.dtype)
        for value in one.values():
            value[...] = 0  # which changes nothing
        assert arrays.observe()["floats"].any() and type(arrays.observe()["image"]) is np.ndarray
    assert sum(parts_of(one)[1].sum() for one, _ in pairs[1:]) == 0  # zeroed above
    assert sum(parts_of(other)[1].sum() for _, other in pairs[1:]) > 2
    seen = arrays.reset()[0]
    assert seen in arrays.observation_space


def test_made_by_make_vec():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make_vec("tmnet/Race-v0", num_envs=3, track="Hock", image_size=None)
    assert type(env.unwrapped) is RaceVectorEnv and env.num_envs == 3
    assert [track.name for track in env.tracks] == ["Hock"]
    assert env.spec.id == "tmnet/Race-v0" and env.metadata["render_fps"] == 20
    seen, _ = env.reset(seed=1)
    assert seen in env.observation_space
    again = gymnasium.make_vec(env.spec)
    assert again.num_envs == 3 and not again.image_size
    tensors = gymnasium.make_vec("tmnet/Race-v0", as_numpy=False, track=["A01", "Hock"])
    assert isinstance(tensors.reset()[0]["image"], torch.Tensor) and len(tensors.tracks) == 2


def test_it_is_as_one_race_at_a_time():
    """What Gymnasium's own batch of single races gives."""
    ours, others = (
        gymnasium.make_vec("tmnet/Race-v0", 2, mode, track=straight(20), image_size=None)
        for mode in (None, "sync")
    )
    assert type(others.unwrapped) is gymnasium.vector.SyncVectorEnv
    results = [(ours.reset(), others.reset())]
    for k in range(200):
        actions = np.array([FULL, 1 + k % 2])
        results.append((ours.step(actions), others.step(actions)))
    ends = 0
    for k, (one, other) in enumerate(results):
        assert np.array_equal(one[0]["floats"], other[0]["floats"])
        for value, theirs in zip(one[1:-1], other[1:-1]):
            np.testing.assert_allclose(value, theirs, rtol=1e-6)
        np.testing.assert_allclose(one[-1]["time_s"], other[-1]["time_s"], atol=6e-4)
        ends += k and one[2].sum()
    assert ends > 3


def test_record_episode_statistics():
    """Returns and lengths of races, against sums by hand."""
    env = wrappers.RecordEpisodeStatistics(
        gymnasium.make_vec("tmnet/Race-v0", num_envs=3, track=straight(20), image_size=None)
    )
    env.reset()
    sums, lengths, over = np.zeros(3), np.zeros(3, int), np.zeros(3, bool)
    found = 0
    for k in range(150):
        actions = np.array([FULL, FULL if k % 3 else 4, 4])
        _, reward, terminated, truncated, info = env.step(actions)
        sums, lengths = np.where(over, 0, sums + reward), np.where(over, 0, lengths + 1)
        over = terminated | truncated
        assert ("episode" in info) == over.any()
        for i in np.flatnonzero(over):
            assert info["_episode"][i] and info["episode"]["l"][i] == lengths[i]
            assert info["episode"]["r"][i] == pytest.approx(sums[i], rel=1e-4)
            found += 1
    assert found > 6 and len(env.length_queue) == found


@pytest.mark.parametrize(
    "wrap",
    [
        lambda env: wrappers.NormalizeReward(env),
        lambda env: wrappers.TransformReward(env, lambda reward: 2 * reward),
        lambda env: wrappers.DictInfoToList(env),
        lambda env: wrappers.FilterObservation(env, ["floats"]),
        lambda env: wrappers.TransformObservation(
            env,
            lambda seen: seen["floats"],
            observation_space=env.observation_space["floats"],
            single_observation_space=env.single_observation_space["floats"],
        ),
    ],
    ids=["rewards normalised", "rewards changed", "infos", "filtered", "floats alone"],
)
def test_other_wrappers(wrap):
    env = wrap(gymnasium.make_vec("tmnet/Race-v0", num_envs=2, track=straight(20)))
    env.reset()
    actions = np.array([FULL, FULL])
    for _ in range(60):
        seen, *_ = env.step(actions)
    assert seen in env.observation_space


@pytest.mark.parametrize(
    "options, words",
    [({"as_numpy": 3}, ["as_numpy", 3]), ({"render_mode": "human"}, ["render_mode", "human"]),
     ({"track": "A02"}, ["A02"])],
)  # fmt: skip
def test_refused(options, words):
    refused(lambda: gymnasium.make_vec("tmnet/Race-v0", **options), *words)
