"""The races as Gymnasium environments: Gymnasium's own checks, spaces, resets and tracks."""

import warnings
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.racing import RaceEnv, RaceVectorEnv, load_track

from .driving import assert_inside, before_finish, equal, placed, straight, vector

# --- Gymnasium's own checks, and the spaces -----------------------------------------------------


@pytest.mark.parametrize("track", ["A01", "Hock"])
@pytest.mark.parametrize("image_size", [None, (64, 64), (30, 50)])
def test_check_env(track, image_size):
    """Any warning of it is an error."""
    env = gymnasium.make(
        "tmnet/Race-v0", track=track, image_size=image_size, render_mode="rgb_array"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    env.close()


def test_made_with_wrappers():
    """`gymnasium.make` as it is: order is enforced, spaces are checked."""
    env = gymnasium.make("tmnet/Race-v0", track="A01", image_size=(20, 30))
    seen, info = env.reset(seed=1)
    assert seen["image"].shape == (1, 20, 30) and set(info) == {"time_s", "progress_m", "track"}
    for action in (0, np.int64(4), 11):
        seen, reward, terminated, truncated, info = env.step(action)
        assert type(reward) is float and terminated is truncated is False
        assert seen in env.observation_space
    assert info["time_s"] == pytest.approx(0.15) and 0 < info["progress_m"] < 0.5
    assert env.unwrapped.metadata["render_fps"] == 20
    env.close()


def test_single_is_a_batch_of_one():
    env, races = RaceEnv("Hock", (20, 20)), RaceVectorEnv("Hock", 1, (20, 20))
    random = np.random.default_rng(0)
    (seen, info), (others, infos) = env.reset(), races.reset()
    for _ in range(60):
        assert all(np.array_equal(seen[name], others[name][0]) for name in seen)
        for name, value in info.items():
            assert value == round(infos[name].item(), 3)
        action = int(random.integers(0, 12))
        seen, reward, terminated, truncated, info = env.step(action)
        others, *values, infos = races.step(torch.tensor([action]))
        assert [reward, terminated, truncated] == [value.item() for value in values]
    assert env.render() is None


def test_spaces():
    env = RaceVectorEnv(["A01"], num_envs=5, image_size=(24, 48))
    assert env.single_action_space == gymnasium.spaces.Discrete(12)
    assert env.action_space == gymnasium.spaces.MultiDiscrete([12] * 5)
    assert set(env.single_observation_space) == {"floats", "image"}
    assert env.single_observation_space["floats"].shape == (184,)
    assert env.single_observation_space["image"] == gymnasium.spaces.Box(
        0, 255, (1, 24, 48), np.uint8
    )
    assert env.observation_space["image"].shape == (5, 1, 24, 48)
    assert env.metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.NEXT_STEP
    assert set(vector(["A01"]).single_observation_space) == {"floats"}


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), rate=st.sampled_from([1, 4, 20]))
def test_random_races_are_inside_the_space(seed, rate):
    """From the start, and from far along the road at any speed."""
    random = np.random.default_rng(seed)
    env = RaceVectorEnv(num_envs=32, image_size=(16, 16))
    length = np.array([len(track.zones) for track in env.tracks])[np.arange(32) % 2]
    zone = np.where(np.arange(32) < 16, 20, 20 + random.random(32) * (length - 1030))
    env.cars = placed(
        env.simulator,
        zone.astype(int),
        left=random.uniform(-9, 9, 32) * (zone > 20),
        speed=random.uniform(0, 110, 32) * (zone > 20),
        yaw=random.uniform(-0.2, 0.2, 32),
        track=np.arange(32) % 2,
    )
    for step in range(90):
        if step % rate == 0:
            action = random.integers(0, 12, 32)
        seen, *_ = env.step(action)
        assert_inside(env, seen)


def test_fast_backwards_is_inside_the_space():
    env = vector([straight(500)])
    env.cars = placed(env.simulator, 500, speed=-110.0)
    seen, *_ = env.step(np.array([3]))
    assert_inside(env, seen)


def test_observations_are_copies():
    """What was seen does not change later, and can be trained on."""
    env = RaceVectorEnv(["A01"], num_envs=2, image_size=(16, 16))
    first, _ = env.reset()
    copies = {name: value.clone() for name, value in first.items()}
    second, reward, *_ = env.step(np.array([0, 1]))
    env.step(np.array([0, 1]))
    assert all(torch.equal(first[name], copies[name]) for name in first)
    assert not any(value.is_inference() for value in [*first.values(), *second.values()])
    weight = torch.ones(184, requires_grad=True)
    (second["floats"] @ weight).sum().backward()
    first["floats"].zero_()
    assert reward.dtype == torch.float32


# --- resets and tracks --------------------------------------------------------------------------


def test_next_track():
    """It takes effect with the next race of each environment, and stays until it is changed."""
    env = RaceVectorEnv(["A01", "Hock", straight(100)], num_envs=4, image_size=(16, 16))
    assert env.reset()[1]["track"].tolist() == [0, 1, 2, 0]
    env.next_track[:] = torch.tensor([2, 2, 1, 0])
    _, *_, info = env.step(np.zeros(4, int))
    assert info["track"].tolist() == [0, 1, 2, 0]
    env.cars = replace(env.cars, idle=torch.tensor([39, 0, 39, 0]), furthest=env.cars.zone + 500)
    _, _, _, truncated, info = env.step(np.full(4, 3))
    assert truncated.tolist() == [True, False, True, False]
    assert info["track"].tolist() == [0, 1, 2, 0]
    seen, *_, info = env.step(np.full(4, 3))
    assert info["track"].tolist() == [2, 1, 1, 0]
    hock, _ = RaceVectorEnv(["Hock"], num_envs=1, image_size=(16, 16)).reset()
    assert all(torch.equal(seen[name][2], hock[name][0]) for name in seen)
    assert env.reset()[1]["track"].tolist() == [2, 2, 1, 0]
    env.next_track = torch.tensor([1, 1, 1, 1])
    assert env.reset()[1]["track"].tolist() == [1, 1, 1, 1]


def test_tracks_are_dealt_in_turn():
    env = RaceVectorEnv(["Hock", "A01", "Hock"], num_envs=5, image_size=None)
    assert env.next_track.tolist() == env.reset()[1]["track"].tolist() == [0, 1, 2, 0, 1]
    lengths = env.simulator.length[env.cars.track].tolist()
    expected = [load_track(name).length for name in ("Hock", "A01", "Hock", "Hock", "A01")]
    assert lengths == pytest.approx(expected)


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_reset_mask(kind):
    """Only those begin anew; the others go on as if nothing had happened."""
    env = RaceVectorEnv(num_envs=4, image_size=(16, 16))
    start, _ = env.reset()
    for action in range(12):
        seen, *_, info = env.step(np.full(4, action))
    going = env.cars.map(torch.clone)
    mask = [True, False, True, False]
    after, new = env.reset(options={"reset_mask": kind(mask)})
    for name in after:
        assert torch.equal(after[name][[1, 3]], seen[name][[1, 3]])
        assert torch.equal(after[name][[0, 2]], start[name][[0, 2]])
    assert new["time_s"].tolist() == pytest.approx([0, 0.6, 0, 0.6])
    assert torch.equal(new["progress_m"][[1, 3]], info["progress_m"][[1, 3]])
    assert equal(env.cars.map(lambda x: x[..., 1::2]), going.map(lambda x: x[..., 1::2]))


def test_reset_mask_after_the_end():
    """A race that was begun by hand is not begun again by the next step; another still is."""
    env = vector([straight(100)], 2)
    before_finish(env, [1.0, 1.0], speed=40.0)
    _, _, terminated, *_ = env.step(np.array([3, 3]))
    assert terminated.all()
    env.reset(options={"reset_mask": np.array([True, False])})
    _, reward, *_, info = env.step(np.array([0, 0]))
    assert info["time_s"].tolist() == pytest.approx([0.05, 0])
    assert reward[0] < 0 and reward[1] == 0 and env.cars.actions.tolist() == [1, 0]


def test_reset_after_the_end():
    env = vector([straight(100)], 1)
    before_finish(env, 1.0, speed=40.0)
    env.step(np.array([3]))
    env.reset()
    *_, info = env.step(np.array([0]))
    assert info["time_s"].item() == pytest.approx(0.05)


def test_render():
    env = RaceVectorEnv(num_envs=2, image_size=None)
    pictures = env.render()
    assert len(pictures) == 2 and not np.array_equal(*pictures)
    assert all(each.shape == (480, 640, 3) and each.dtype == np.uint8 for each in pictures)
