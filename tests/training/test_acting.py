"""Who acts: eval races are driven by one network each, which is the one that is kept."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.experiments.config import Training
from tmnet.networks import IQN, NetworkConfig
from tmnet.racing import RaceVectorEnv, load_track
from tmnet.training.acting import Actor
from tmnet.training.learner import Learner

from ..networks.nets import TINY, generator, network, states
from .trainings import STRETCH, Spy, StopAfter

BLIND = replace(TINY, use_image_head=False)
CPU = torch.device("cpu")


def in_the_middle(batch, n, device="cpu", generator=None):
    """Quantiles that no chance draws."""
    return ((torch.arange(n, device=device) + 0.5) / n).expand(batch, n)


def again(weights, config, track) -> tuple[list[int], float]:
    """Actions and time of the race that a network drives."""
    net = IQN(config)
    net.load_state_dict(weights)
    env = RaceVectorEnv([track], 1, None)
    (seen, _), actions, over = env.reset(), [], False
    while not over:
        action = net.mean_q(None, seen["floats"]).argmax(dim=1)
        actions.append(int(action))
        seen, _, terminated, truncated, info = env.step(action)
        over = bool(terminated | truncated)
    return actions, round(info["time_s"].item(), 3) if terminated else np.inf


def test_the_best_network_drives_its_race_again(trainings, monkeypatch):
    """Action for action, though the network has learned much while it drove."""
    monkeypatch.setattr("tmnet.networks.iqn.draw_taus", in_the_middle)
    road = trainings.root / "road.npy"
    np.save(road, np.arange(400)[:, None] * [0.0, 0, 0.5])
    values = {
        "map_cycle": [{"map": str(road), "kind": kind, "races": 2} for kind in ("explo", "eval")],
        "memory.schedule": [[0, 2000, 50]],
        "memory.uses_per_transition": 8.0,
        "training.lr_schedule": [[0, 3e-3]],
        "exploration.epsilon_schedule": [[0, 0.5]],
    }
    trainings.train(values=values, frames=1600)
    folder = trainings.checkpoints / "run"
    best = torch.load(folder / "best_road.pt", weights_only=True)
    config = NetworkConfig(**best["experiment"]["neural_network"])
    track = load_track(road).first(STRETCH)
    actions, time_s = again(best["online"], config, track)
    assert time_s == best["time_s"] and len(set(actions)) > 3
    # which is no matter of course: its weights of later drive another race
    latest, _ = again(trainings.state()["learner"]["online"], config, track)
    assert latest != actions


class Drawn:
    """An actor whose online network changes at every moment, and what it should say."""

    def __init__(self, num_envs: int, seed: int):
        self.actor = Actor(network(BLIND, seed), num_envs)
        self.random = np.random.default_rng(seed)
        self.evaluates = torch.from_numpy(self.random.random(num_envs) < 0.5)
        self.driving = {}  # of each eval race: the weights that have driven it so far
        self.num_envs = num_envs

    def learn(self):
        with torch.no_grad():
            for x in self.actor.online.parameters():
                x.add_(0.1 * torch.from_numpy(self.random.normal(size=x.shape)).float())

    def act(self, moment: int):
        """Check what each environment is told, and end some races."""
        (_, floats), random = states(BLIND, self.num_envs, moment), generator(moment)
        q = self.actor.q(None, floats, self.evaluates, random)
        drivers = [self.actor.driver(env) for env in range(self.num_envs)]
        online = self.actor.online
        kept = list({id(x): x for x in drivers if x is not online}.values())
        assert len(kept) <= 2
        for env, driver in enumerate(drivers):
            assert self.evaluates[env] or driver is online
            with torch.no_grad():
                own = driver.mean_q(None, floats[env : env + 1])[0]
            torch.testing.assert_close(q[env], own, rtol=1e-4, atol=1e-4)
            if self.evaluates[env]:
                now = torch.cat([x.flatten() for x in driver.parameters()]).clone()
                assert torch.equal(self.driving.setdefault(env, now), now)
        ended = np.flatnonzero(self.random.random(self.num_envs) < 0.2).tolist()
        for env in ended:
            self.driving.pop(env, None)
            self.evaluates[env] = bool(self.random.random() < 0.5)
        if ended:
            self.actor.begin(ended)
        return q


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), num_envs=st.integers(1, 6), at=st.integers(0, 30))
def test_one_network_drives_a_race(seed, num_envs, at):
    """However many there are; also after a state has gone through a file."""
    with MonkeyTaus():
        one = Drawn(num_envs, seed)
        for moment in range(at):
            one.act(moment)
            one.learn()
        other = Drawn(num_envs, seed)
        file = io.BytesIO()
        state = {"actor": one.actor.state_dict(), "online": one.actor.online.state_dict()}
        torch.save(state, file)
        file.seek(0)
        state = torch.load(file, weights_only=True)
        other.actor.online.load_state_dict(state["online"])
        other.actor.load_state_dict(state["actor"], CPU)
        other.random.bit_generator.state = one.random.bit_generator.state
        other.evaluates, other.driving = one.evaluates.clone(), dict(one.driving)
        for moment in range(at, at + 12):
            assert torch.equal(one.act(moment), other.act(moment))
            one.learn()
            other.learn()


class MonkeyTaus:
    """Quantiles without chance, for as long as it is entered."""

    def __enter__(self):
        import tmnet.networks.iqn as module

        self.module, self.before = module, module.draw_taus
        module.draw_taus = in_the_middle

    def __exit__(self, *_):
        self.module.draw_taus = self.before


def test_the_newest_where_all_are_driving():
    """With two kept, a third race joins the second; one gets its own once another's is over."""
    net = network(BLIND)
    actor, evaluates = Actor(net, 4), torch.zeros(4, dtype=torch.bool)

    def begin(env, is_eval=True):
        evaluates[env] = is_eval
        actor.begin([env])
        with torch.no_grad():
            net.V_head[2].bias += 1
        actor.q(None, states(BLIND, 4)[1], evaluates, generator(0))
        return [actor.driver(i).V_head[2].bias.item() - first for i in range(4)]

    first = net.V_head[2].bias.item()
    actor.q(None, states(BLIND, 4)[1], evaluates, generator(0))
    assert np.allclose(begin(0), [1, 1, 1, 1])
    assert np.allclose(begin(1), [1, 2, 2, 2])
    assert np.allclose(begin(2), [1, 2, 2, 3])
    assert np.allclose(begin(0, False), [4, 2, 2, 4])
    assert np.allclose(begin(3), [5, 2, 2, 5])
    assert np.allclose(begin(0), [5, 2, 2, 5])  # joins the newest
    assert np.allclose(begin(1), [5, 7, 2, 5][:1] + [5, 2, 5])


def test_a_checkpoint_that_does_not_tell(trainings, monkeypatch):
    """Of the version before: it goes on, and keeps what is known in whole."""
    trainings.train(frames=600, stop=StopAfter(45))
    path = trainings.files()[-1]
    state = torch.load(path, weights_only=True)
    assert state["sums"][1].max() > 3
    for name in ("actor", "driven", "has_begun", "fastest"):
        del state[name]
    torch.save(state | {"format": 1}, path)
    spy = Spy(monkeypatch)
    trainings.train(frames=1500, resume=True)
    assert len(spy.actions) > 60
    for file in (trainings.checkpoints / "run").glob("eval_*.npy"):
        actions = np.load(file)
        # it is in what this process has done, from start to end
        done = torch.stack(spy.actions).T.tolist()
        assert any(
            row[i : i + len(actions)] == actions.tolist()
            for row in done
            for i in range(len(row) - len(actions) + 1)
        )


def test_learning_does_not_reach_what_is_kept():
    """Its parameters take no gradient, and are not those of the learner."""
    learner = Learner(network(BLIND), Training())
    actor = Actor(learner.online, 2)
    actor.q(None, states(BLIND, 2)[1], torch.ones(2, dtype=torch.bool), generator(0))
    kept = {id(x) for x in actor.driver(0).parameters()}
    assert not kept & {id(x) for x in learner.parameters}
    assert not any(x.requires_grad for x in actor.driver(0).parameters())
