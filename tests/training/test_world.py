"""What is trained on: Gymnasium's environments, and the stretches of maps."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

import tmnet
from tmnet.racing import RaceVectorEnv, Track, load_track, replay
from tmnet.training.world import open_world, race_normalisers

from ..checks import refused
from .trainings import CARTPOLE, RACES, Trainings

CPU = torch.device("cpu")
HEIGHT, WIDTH = 36, 40


class Stairs(gymnasium.Env):
    """It shows number of the episode and step, and is over after `episode` + 3 steps.

    Even episodes terminate then, odd ones are truncated; every third both. The reward tells the
    action and the step: 10 * action + step.
    """

    episode = 0

    def __init__(self, observation_space, action_space=None, make=None):
        self.observation_space = observation_space
        self.action_space = action_space or spaces.Discrete(5)
        self.make = make or (lambda picture, numbers: numbers)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode, self.moment = self.episode + 1, 0
        return self.seen(), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.moment += 1
        over = self.moment == self.episode + 3
        terminated = over and (self.episode % 2 == 0 or self.episode % 3 == 0)
        truncated = over and (self.episode % 2 == 1 or self.episode % 3 == 0)
        return self.seen(), float(10 * action + self.moment), terminated, truncated, {}

    def seen(self):
        numbers = np.array([self.episode, self.moment], np.float32)
        return self.make(picture(self.episode, self.moment), numbers)


def picture(episode, moment):
    """(H, W, 3) uint8, which tells both."""
    plane = np.add.outer(np.arange(HEIGHT) * 3, np.arange(WIDTH) * 2) + 7 * episode + 11 * moment
    return np.stack([plane % 256, (2 * plane) % 251, (5 * plane) % 241], axis=-1).astype(np.uint8)


def brightness(picture):
    """(H, W) in floating point."""
    return picture @ np.array([0.299, 0.587, 0.114])


NUMBERS = spaces.Box(-np.inf, np.inf, (2,), np.float32)


def image_space(*shape):
    return spaces.Box(0, 255, shape, np.uint8)


def grey(picture):
    return picture[..., 1]


KINDS = {
    "floats": (NUMBERS, None),
    "floats in a table": (
        spaces.Box(-np.inf, np.inf, (1, 2), np.float64), lambda picture, x: x[None].astype(float)
    ),
    "plane": (image_space(HEIGHT, WIDTH), lambda picture, x: grey(picture)),
    "plane of one": (image_space(1, HEIGHT, WIDTH), lambda picture, x: grey(picture)[None]),
    "channel": (image_space(HEIGHT, WIDTH, 1), lambda picture, x: grey(picture)[..., None]),
    "colour": (image_space(HEIGHT, WIDTH, 3), lambda picture, x: picture),
    "four channels": (
        image_space(HEIGHT, WIDTH, 4), lambda picture, x: np.dstack([picture, picture[..., :1]])
    ),
    "both": (
        spaces.Dict({"camera": image_space(HEIGHT, WIDTH, 3), "speed": NUMBERS}),
        lambda picture, x: {"camera": picture, "speed": x},
    ),
    "both, the other way": (
        spaces.Dict({"a": NUMBERS, "z": image_space(HEIGHT, WIDTH)}),
        lambda picture, x: {"a": x, "z": grey(picture)},
    ),
    "bytes": (image_space(2), lambda picture, x: x.astype(np.uint8)),
}  # fmt: skip


def register(name, space, make=None, actions=None):
    """The id of an environment with these spaces."""
    id_ = f"tests/{name}-v0"
    if id_ not in gymnasium.registry:
        arguments = {"observation_space": space, "action_space": actions, "make": make}
        gymnasium.register(id_, entry_point=Stairs, kwargs=arguments, max_episode_steps=100)
    return id_


def of_kind(kind):
    return register(kind.replace(" ", "-").replace(",", ""), *KINDS[kind])


def experiment(env, **values):
    changed = CARTPOLE | {"env": env} | values
    return tmnet.load_experiment("gym").with_values(changed)


def expected(kind, episode, moment):
    """Image (H, W) in floating point and floats, as they should be seen."""
    seen = picture(episode, moment)
    numbers = [episode, moment]
    image = {
        "plane": seen[..., 1], "plane of one": seen[..., 1], "channel": seen[..., 1],
        "colour": brightness(seen), "four channels": seen[..., [0, 1, 2, 0]].mean(axis=-1),
        "both": brightness(seen), "both, the other way": seen[..., 1],
    }.get(kind)  # fmt: skip
    return image, numbers if "floats" in kind or "both" in kind or kind == "bytes" else None


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_seen(kind):
    """Step by step, over the ends of episodes; the step after an end is no step."""
    world = open_world(experiment(of_kind(kind), **{"performance.num_envs": 2}), CPU, 3)
    image, floats = expected(kind, 1, 0)
    assert world.image_shape == (None if image is None else (1, HEIGHT, WIDTH))
    assert world.n_floats == (0 if floats is None else 2)
    assert (world.n_actions, world.num_envs, world.longest_race) == (5, 2, 0)
    assert world.normalisers == (None, None)
    seen = world.reset()
    episode, moment = 1, 0
    for k in range(25):
        check_seen(kind, seen, episode, moment)
        was_over = moment == episode + 3
        actions = torch.tensor([k % 5, (k + 2) % 5])
        seen, reward, terminated, truncated, _ = world.step(actions)
        episode, moment = (episode + 1, 0) if was_over else (episode, moment + 1)
        over = moment == episode + 3
        both = over and episode % 3 == 0
        assert terminated.tolist() == [over and (both or episode % 2 == 0)] * 2
        assert truncated.tolist() == [over and not both and episode % 2 == 1] * 2
        assert reward.dtype == torch.float32 and terminated.dtype == torch.bool
        assert reward.tolist() == [0, 0] if was_over else (10 * actions + moment).tolist()
    assert episode > 3
    assert world.state_dict() is None
    world.close()


def check_seen(kind, seen, episode, moment):
    image, floats = expected(kind, episode, moment)
    if image is None:
        assert seen[0] is None
    else:
        assert seen[0].shape == (2, 1, HEIGHT, WIDTH) and seen[0].dtype == torch.uint8
        assert np.abs(seen[0].numpy() - image).max() < 1.7  # rounded
        if image.dtype == np.uint8:
            assert (seen[0].numpy() == image).all()
    if floats is None:
        assert seen[1] is None
    else:
        assert seen[1].dtype == torch.float32 and seen[1].tolist() == [floats] * 2


@pytest.mark.parametrize("kind", ["both", "plane", "floats"])
def test_a_training(tmp_path, kind):
    """The memory holds each frame once, with what was done there, and how episodes ended."""
    trainings = Trainings(tmp_path, "gym", CARTPOLE)
    values = {"env": of_kind(kind), "memory.test_share": 0.0}
    trainings.train(values=values, frames=200)
    memory = trainings.state()["replay"]
    image, floats = expected(kind, 1, 0)
    assert ("image" in memory) == (image is not None)
    assert ("floats" in memory) == (floats is not None)
    episode, moment, lengths, returns, sums = 1, 0, [], [], torch.zeros(4)
    for row in range(len(memory["action"])):
        image, floats = expected(kind, episode, moment)
        if floats:
            assert memory["floats"][row].tolist() == [floats] * 4
        if image is not None:
            assert np.abs(memory["image"][row].numpy() - image).max() < 1.7
        starting, moment = moment == episode + 3, moment + 1
        if starting:
            end, reward = 3, torch.zeros(4)
            episode, moment = episode + 1, 0
        else:
            over, both = moment == episode + 3, episode % 3 == 0
            end = (1 if both or episode % 2 == 0 else 2) if over else 0
            reward = 10.0 * memory["action"][row] + moment
            sums = sums + reward
            if over:
                lengths += [moment] * 4
                returns += sums.tolist()
                sums = torch.zeros(4)
        assert memory["end"][row].tolist() == [end] * 4
        assert torch.equal(memory["reward"][row], reward)
    assert episode > 5
    logged = trainings.scalars()
    for name, values in (("length", lengths), ("return", returns)):
        found = logged[logged["tag"].str.contains(f"_{name}_")]["value"]
        assert sorted(found) == pytest.approx(sorted(values))


def test_actions_that_do_not_start_at_0(tmp_path):
    """They are numbered from 0 on for the network."""
    env = register("from-1", NUMBERS, None, spaces.Discrete(3, start=1))
    world = open_world(experiment(env, **{"performance.num_envs": 3}), CPU, 0)
    world.reset()
    reward = world.step(torch.tensor([0, 1, 2]))[1]
    assert world.n_actions == 3 and reward.tolist() == [11, 21, 31]
    world.close()
    trainings = Trainings(tmp_path, "gym", CARTPOLE)
    values = {"env": env, "exploration.epsilon_schedule": [[0, 1.0]]}
    trainings.train(values=values, frames=100)
    assert set(trainings.state()["replay"]["action"].view(-1).tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    "knob, value", [("n_actions", 14), ("float_input_dim", 9), ("n_actions", 1)]
)
def test_what_an_environment_does_not_have_is_refused(knob, value):
    wanted = experiment("CartPole-v1", **{f"neural_network.{knob}": value})
    world = open_world(wanted, CPU, 0)
    words = (f"neural_network.{knob} is {value}; ", "2 actions, 4 floats", "no image")
    refused(lambda: world.fitted(wanted.neural_network), *words)
    fits = wanted.with_values({"neural_network.n_actions": 2, "neural_network.float_input_dim": 4})
    assert world.fitted(fits.neural_network).n_actions == 2


def test_cartpole():
    """As Gymnasium's own, seeded as Gymnasium seeds a batch."""
    world = open_world(experiment("CartPole-v1"), CPU, 12)
    envs = [gymnasium.make("CartPole-v1") for _ in range(4)]
    seen = np.stack([env.reset(seed=12 + i)[0] for i, env in enumerate(envs)])
    assert torch.equal(world.reset()[1], torch.from_numpy(seen))
    assert (world.n_actions, world.n_floats, world.maps) == (2, 4, ("CartPole-v1",))
    for k in range(8):
        actions = [(k + i) % 2 for i in range(4)]
        own = [env.step(action) for env, action in zip(envs, actions)]
        (image, floats), reward, *_ = world.step(torch.tensor(actions))
        assert image is None and torch.equal(
            floats, torch.from_numpy(np.stack([x[0] for x in own]))
        )
        assert reward.tolist() == [1] * 4
    world.close()


def test_collectors():
    """Environments in processes of their own show the same; there are as many."""
    worlds = [
        open_world(experiment("CartPole-v1", **{"performance.num_envs": 2 + 5 * bool(workers),
                                           "performance.collectors": workers}), CPU, 4)
        for workers in (0, 2)
    ]  # fmt: skip
    assert [world.num_envs for world in worlds] == [2, 2]
    assert isinstance(worlds[1].env, gymnasium.vector.AsyncVectorEnv)
    one, other = (world.reset() for world in worlds)
    ends = 0
    for _ in range(40):
        assert torch.equal(one[1], other[1])
        results = [world.step(torch.tensor([0, 1])) for world in worlds]
        (one, *came, _), (other, *others, _) = results
        assert all(torch.equal(x, y) for x, y in zip(came, others))
        ends += int(came[1].sum())
    assert ends > 3
    for world in worlds:
        world.close()


def test_a_training_with_collectors(tmp_path):
    trainings = Trainings(tmp_path, "gym", CARTPOLE)
    trainings.train(values={"performance.collectors": 2}, frames=150)
    trainings.train("same", values={"performance.num_envs": 2}, frames=150)
    one, other = (trainings.state(name) for name in ("run", "same"))
    assert torch.equal(one["replay"]["floats"], other["replay"]["floats"])
    logged = tmnet.load_run("run", trainings.logs, cache=False).config
    assert logged["performance"]["num_envs"] == 2  # as many as there were, not 4


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "space, actions, words",
    [
        (NUMBERS, spaces.Box(-1, 1, (2,)), ["takes Box", "only Discrete"]),
        (NUMBERS, spaces.MultiDiscrete([2, 2]), ["takes MultiDiscrete", "only Discrete"]),
        (spaces.Discrete(4), None, ["shows Discrete(4)"]),
        (spaces.Tuple([NUMBERS]), None, ["shows Tuple"]),
        (spaces.Dict({"a": NUMBERS, "b": NUMBERS}), None, ["shows Dict", "an image and floats"]),
        (spaces.Dict({"a": NUMBERS, "b": spaces.Discrete(2)}), None, ["shows Dict"]),
        (
            spaces.Dict({"a": image_space(HEIGHT, WIDTH), "b": image_space(HEIGHT, WIDTH)}),
            None,
            ["shows Dict"],
        ),
    ],
    ids=str,
)  # fmt: skip
def test_other_spaces(request, space, actions, words):
    env = register(f"refused-{abs(hash(request.node.name))}", space, None, actions)
    refused(lambda: open_world(experiment(env), CPU, 0), env, *words)


def test_images_that_are_too_small(tmp_path):
    env = register("tiny", image_space(20, 20), lambda picture, x: picture[:20, :20, 0])
    trainings = Trainings(tmp_path, "gym", CARTPOLE)
    refused(lambda: trainings.train(values={"env": env}, frames=20), "34 pixels")


class Broken(gymnasium.Env):
    def __init__(self):
        raise ImportError("No module named 'game'.\nInstall it.")


def test_environments_that_cannot_be_made():
    gymnasium.register("tests/Broken-v0", entry_point=Broken)
    for env, words in (
        ("NoSuch-v0", ["'NoSuch-v0' cannot be made"]),
        ("tests/Broken-v0", ["cannot be made", "No module named 'game'"]),
    ):
        with pytest.raises(tmnet.TmnetError) as caught:
            open_world(experiment(env), CPU, 0)
        said = str(caught.value)
        assert "\n" not in said and all(word in said for word in words)


# --- races --------------------------------------------------------------------------------------

BEFORE, AFTER = 20, 1000


def track_of(name="A01"):
    return load_track(name)


@settings(max_examples=15)
@given(st.sampled_from(["A01", "Hock"]), st.floats(50, 2000))
def test_the_first_metres(name, metres):
    """The same up to the finish, and straight on behind it."""
    track = load_track(name)
    part = track.first(metres)
    finish = BEFORE + round(metres / 0.5)
    assert part.length == pytest.approx(metres, abs=0.25) and part.length % 0.5 == 0
    assert len(part.zones) == len(part.frames) == finish + 1 + AFTER
    assert (part.zones[: finish + 1] == track.zones[: finish + 1]).all()
    assert np.allclose(part.frames[:finish], track.frames[:finish], atol=1e-12)
    assert part.name == track.name
    beyond = np.diff(part.zones[finish:], axis=0)
    assert np.allclose(np.linalg.norm(beyond, axis=1), 0.5)
    assert np.allclose(beyond, beyond[0]) and np.allclose(part.frames[-500:], part.frames[-1])
    along = track.zones[finish + 1] - track.zones[finish - 1]
    assert beyond[0] @ along / np.linalg.norm(along) > 0.4999
    left, up, forward = np.moveaxis(part.frames, 1, 0)
    for one, other in ((left, up), (up, forward), (forward, left)):
        assert np.abs((one * other).sum(axis=1)).max() < 1e-9


@pytest.mark.parametrize("metres", [5000.0, 2500.0])
def test_more_than_there_is(metres):
    """All of it then."""
    track = track_of()
    assert track.length < metres and track.first(metres) is track


def test_the_race_is_over_there():
    """Up to the finish it is the same race; the time at it lies between two moments of it."""
    track = track_of()
    whole, part = replay(track).path, replay(track.first(150.0))
    assert part.finished and not (whole["progress_m"] < 150).all()
    k = int((whole["progress_m"] >= 150).argmax())
    assert whole["time_s"][k - 1] < part.time_s <= whole["time_s"][k] + 1e-6
    last, before = whole["progress_m"][k], whole["progress_m"][k - 1]
    share = (150 - before) / (last - before)
    assert part.time_s == pytest.approx(whole["time_s"][k - 1] + 0.05 * share, abs=3e-3)
    assert len(part.path) == k + 1 and part.path["progress_m"].iloc[-1] == 150
    seen = [column for column in part.path if column not in ("time_s", "progress_m")]
    assert part.path[seen][: k - 30].equals(whole[seen][: k - 30])


def races(**values):
    return tmnet.load_experiment("uni_20").with_values(RACES | values)


def test_the_world_of_races():
    """Maps once each in the order of the cycle; of a size, with images if the network has them."""
    world = open_world(races(), CPU, 0)
    assert world.maps == ("Hock", "A01") and world.longest_race == 6000
    assert (world.num_envs, world.n_actions, world.n_floats) == (8, 12, 184)
    assert world.image_shape is None
    assert [track.length for track in world.env.tracks] == [60, 60]
    whole = open_world(races(stretch_m=None, **{
        "neural_network.use_image_head": True, "neural_network.w_downsized": 50,
        "neural_network.h_downsized": 40,
    }), CPU, 0)  # fmt: skip
    assert whole.image_shape == (1, 40, 50) and whole.env.tracks[1].length > 2000
    seen = whole.reset()
    assert seen[0].shape == (8, 1, 40, 50) and seen[0].dtype == torch.uint8
    assert seen[1].shape == (8, 184)


def test_maps_that_are_dealt():
    """The number of the map holds for the next race of that environment, and only there."""
    world = open_world(races(), CPU, 0)
    world.deal([0, 2, 5], [1, 0, 1])
    world.deal([1, 3, 4, 6, 7], [0] * 5)
    world.deal([], [])
    world.reset()
    assert world.env.cars.track.tolist() == [1, 0, 0, 0, 0, 1, 0, 0]


def test_going_on_from_a_state():
    """What is seen there is seen again, and what comes is the same."""
    world, other = open_world(races(), CPU, 0), open_world(races(), CPU, 1)
    world.deal(list(range(8)), [0, 1] * 4)
    seen = world.reset()
    for k in range(60):
        if k == 45:
            state = world.state_dict()
            again = other.load_state_dict(state)
            assert again[0] is None and torch.equal(again[1], seen[1])
        seen, reward, terminated, truncated, info = world.step(torch.arange(8))
        if k >= 45:
            same = other.step(torch.arange(8))
            assert torch.equal(same[0][1], seen[1]) and torch.equal(same[1], reward)
            assert torch.equal(same[2], terminated) and torch.equal(same[3], truncated)
            assert all(torch.equal(same[4][name], value) for name, value in info.items())


# --- what normalises the floats -----------------------------------------------------------------


def by_hand(tracks):
    """Mean and deviation of each of the 120 numbers, from all zones of all tracks."""
    points = []
    for track in tracks:
        for zone in range(BEFORE, BEFORE + round(track.length / 0.5)):
            left, up, forward = track.frames[zone]
            row = []
            for k in range(40):
                away = track.zones[zone + 20 * k] - track.zones[zone]
                row += [away @ left, away @ up, away @ forward]
            points.append(row)
    points = np.array(points)
    mean = points.sum(axis=0) / len(points)
    spread = ((points - mean) ** 2).sum(axis=0) / len(points)
    metres = 10 * np.arange(40)
    room = np.stack([5 + metres / 4, 1 + metres / 10, 5 + metres / 4], axis=1).ravel()
    return mean, np.sqrt(spread + room**2)


FIXED = [  # first, mean, deviation: of the specification
    (0, [70], [70]),
    (1, [0.8, 0.2, 0.3, 0.3] * 5, [0.5] * 20),
    (21, [0.1] * 4, [0.5] * 4),
    (25, [0.9] * 4, [0.5] * 4),
    (29, [0.02] * 4, [0.5] * 4),
    (33, [0.3, 2.5, 7000, 0.1], [1, 2, 3000, 10]),
    (37, [0.5] * 16, [0.5] * 16),
    (53, [0, 0, 0], [0.5, 1, 0.5]),
    (56, [0, 0, 55], [5, 5, 20]),
    (59, [0, 1, 0], [0.5] * 3),
    (182, [700, 0], [350, 1]),
]


def test_race_normalisers():
    tracks = [track_of().first(300), track_of("Hock").first(200)]
    mean, std = race_normalisers(tracks)
    assert mean.dtype == std.dtype == torch.float32 and mean.shape == std.shape == (184,)
    own_mean, own_std = by_hand(tracks)
    assert mean[62:182].numpy() == pytest.approx(own_mean, rel=1e-5, abs=1e-5)
    assert std[62:182].numpy() == pytest.approx(own_std, rel=1e-5)
    known = set(range(62, 182))
    for first, means, stds in FIXED:
        assert mean[first : first + len(means)].tolist() == pytest.approx(means), first
        assert std[first : first + len(stds)].tolist() == pytest.approx(stds), first
        known |= set(range(first, first + len(means)))
    assert known == set(range(184))


def test_they_are_those_of_the_maps_in_the_cycle(tmp_path):
    """In the network, and so in its checkpoints."""
    trainings = Trainings(tmp_path)
    cycle = [{"map": "Hock", "kind": "explo", "races": 1}]
    trainings.train(values={"stretch_m": 90.0, "map_cycle": cycle}, frames=16)
    mean, std = by_hand([track_of("Hock").first(90)])
    learner = trainings.state()["learner"]
    for network in ("online", "target"):
        assert learner[network]["float_mean"][62:182].numpy() == pytest.approx(mean, abs=1e-4)
        assert learner[network]["float_std"][62:182].numpy() == pytest.approx(std, abs=1e-4)


def test_a_centre_line_of_ones_own(tmp_path):
    """A path in the map cycle; its name is the file's."""
    path = tmp_path / "my_road.npy"
    np.save(path, np.arange(300)[:, None] * [0.1, 0, 0.49])
    world = open_world(races(map_cycle=[{"map": str(path)}], stretch_m=100.0), CPU, 0)
    assert world.maps == ("my_road",) and world.env.tracks[0].length == 100
    trainings = Trainings(tmp_path)
    trainings.train(values={"map_cycle": [{"map": str(path)}]}, frames=400)
    tags = set(trainings.scalars()["tag"])
    assert "Race/explo_race_time_trained_my_road" in tags
    assert isinstance(Track.from_npy(path), Track) and isinstance(world.env, RaceVectorEnv)
