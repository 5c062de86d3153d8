"""The training loop: play, learn, record, keep."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tmnet.errors import TmnetError
from tmnet.experiments.config import Experiment
from tmnet.networks.costs import costs, pflop
from tmnet.networks.iqn import IQN
from tmnet.networks.timing import wait_for
from tmnet.training.acting import Actor
from tmnet.training.checkpoint import Checkpoints
from tmnet.training.devices import arithmetic, memory_device, precision_of, restore
from tmnet.training.interval import Clock, LogInterval
from tmnet.training.learner import Learner
from tmnet.training.memory import RUNNING, STARTING, TERMINATED, TRUNCATED, TransitionMemory
from tmnet.training.progress import ProgressLine, Status
from tmnet.training.races import RaceDealer
from tmnet.training.recorder import Recorder, about
from tmnet.training.room import check_room
from tmnet.training.schedules import Schedules
from tmnet.training.stopping import Stop
from tmnet.training.world import EndedRace, open_world

MOST_SAVED = 2e9  # bytes of memory that checkpoints hold unless asked
_TEST_EVERY = 20  # batches
_LOGS = 20  # at least, in a training


class TrainingLoop:
    """The state of a training, and what is done with it."""

    def __init__(
        self,
        experiment: Experiment,
        seed: int,
        device: torch.device,
        logdir: Path,
        checkpoints: Checkpoints,
    ):
        self.clock = Clock()
        self.experiment, self.seed, self.device = experiment, seed, device
        self.checkpoints, self.schedules = checkpoints, Schedules(experiment)
        seeds = np.random.SeedSequence(seed).generate_state(5, np.uint64) >> np.uint64(1)
        if experiment.is_race:  # others show what there is to remember once they are made
            check_room(
                experiment, experiment.neural_network, experiment.performance.num_envs, device
            )
        self.world = world = open_world(experiment, device, int(seeds[0] >> np.uint64(31)))
        config, settings = world.fitted(experiment.neural_network), experiment.training
        check_room(experiment, config, world.num_envs, device)
        network = IQN(config, *world.normalisers, torch.Generator().manual_seed(int(seeds[1])))
        self.learner = Learner(
            network.to(device), settings, precision_of(settings.precision, device)
        )
        capacity, _ = self.schedules.memory(0)
        shape = (world.num_envs, world.image_shape, world.n_floats)
        self.memory = TransitionMemory(
            *shape, capacity, settings, experiment.memory,
            memory_device(experiment, *shape, device),
        )  # fmt: skip
        places = {"acting": device, "learning": device, "sampling": self.memory.device}
        self.generators = {
            name: torch.Generator(place).manual_seed(int(own))
            for (name, place), own in zip(places.items(), seeds[2:])
        }
        # as the environments make it
        performance = replace(experiment.performance, num_envs=world.num_envs)
        trained = replace(experiment, neural_network=config, performance=performance)
        precision = {"precision": str(self.learner.precision).partition(".")[2]}
        self.recorder = Recorder(logdir, experiment.name, trained, about(device, seed) | precision)
        self.frames = self.first_frame = 0
        self.first_batch: float = 0
        self.costs = costs(config, settings.batch_size)
        self.counters = {"memories": 0, "used": 0, "due": 0.0}
        self.has_begun = False  # to learn; from then on what is new is due, also in a pause
        self.races = RaceDealer(experiment, world, device)
        self.actor = Actor(self.learner.online, world.num_envs)
        self.seen = world.reset()
        self.interval = LogInterval(self.clock, self.frames)

    # --- the algorithm ----------------------------------------------------------------------------

    def run(self, stop: Stop, progress: ProgressLine) -> None:
        """Train until the budget is used up, or it is to stop."""
        every = 60 * self.experiment.recording.checkpoint_minutes
        due = self.clock.seconds + every
        if not self.checkpoints.files():
            self._write(self._counted())
            self.save()
        # the process begins here, also for who looks at its log before there is more in it
        self.recorder.open(self.schedules.suffix(self.own_frames), self.frames)
        while not self.is_over() and not stop.is_set():
            if not self.is_due():
                self.play()
            self._learn()
            progress.show(self.status)
            if self._log_is_due():
                self._log()
            if self.clock.seconds >= due:
                self.save()
                due = self.clock.seconds + every
        progress.show(self.status, at_once=True)
        if self.is_over():
            self._log()
        self.save()

    def play(self) -> None:
        """One action in all environments; learning from what came of it is due then."""
        with self.interval.timed("acting"):
            fresh = self._act()
        self.counters["memories"] += fresh
        capacity, start = self.schedules.memory(self.frames)
        self.memory.resize(capacity)
        self.has_begun = self.has_begun or len(self.memory) >= start
        if self.has_begun:
            self.counters["due"] += self.experiment.memory.uses_per_transition * fresh

    @torch.no_grad()
    def _act(self) -> int:
        """Returns how many new transitions can be learned from."""
        (image, floats), starting = self.seen, self.races.starting
        q = self.actor.q(image, floats, self.races.evaluates, self.generators["acting"])  # (N, A)
        greedy = q.argmax(dim=1)
        action = self._explore(q, greedy)
        self.seen, reward, terminated, truncated, info = self.world.step(action)
        end = torch.full_like(action, RUNNING)
        end[terminated] = TERMINATED
        end[truncated] = TRUNCATED
        end[starting] = STARTING
        gamma = self.schedules.gamma(self.frames)
        fresh = self.memory.add(
            image, floats, action, action == greedy, reward, end, gamma, self.generators["sampling"]
        )
        self.frames += self.world.num_envs - len(starting)
        if ended := self.races.step(action, q.mean(dim=1), reward, terminated, truncated, info):
            self.actor.begin(self.races.starting)
            with self.interval.timed("logging", taken_from="acting"):
                for race in ended:
                    self._record(race)
        return fresh

    def _explore(self, q: Tensor, greedy: Tensor) -> Tensor:
        """Actions (N,): those of eval races greedy, others as the schedules say."""
        count = len(greedy)
        options: dict[str, Any] = {"generator": self.generators["acting"], "device": self.device}
        epsilon = self.schedules.epsilon(self.frames)
        either = epsilon + self.schedules.epsilon_boltzmann(self.frames)
        noise = torch.randn(q.shape, **options) * self.experiment.exploration.boltzmann_noise
        drawn = torch.rand(count, **options)
        anything = torch.randint(q.shape[1], (count,), **options)
        action = torch.where(drawn < either, (q + noise).argmax(dim=1), greedy)
        action = torch.where(drawn < epsilon, anything, action)
        return torch.where(self.races.evaluates, greedy, action)

    def _learn(self) -> None:
        """Use transitions as often as new ones allow; after a pause not all that is due at once."""
        memory, settings = self.experiment.memory, self.experiment.training
        an_action = self.world.num_envs * memory.uses_per_transition / settings.batch_size
        for _ in range(1 + math.ceil(2 * an_action)):
            if self.is_due() and not self.is_over():
                self.learn()

    def is_due(self) -> bool:
        """Whether a batch is to be learned before more is played."""
        _, start = self.schedules.memory(self.frames)
        enough = self.counters["due"] >= self.experiment.training.batch_size
        return enough and len(self.memory) >= start

    def learn(self) -> None:
        """Learn a batch, and test with another now and then."""
        settings, size = self.experiment.memory, self.experiment.training.batch_size
        memory, learner, interval = self.memory, self.learner, self.interval
        sampling, learning = self.generators["sampling"], self.generators["learning"]
        self.counters["due"] -= size
        self.counters["used"] += size
        with interval.timed("sampling"):
            batch = memory.sample(size, sampling).to(self.device)
        with interval.timed("learning"):
            learned = learner.learn(batch, self.schedules.lr(self.frames), learning)
            if settings.priority_exponent:
                memory.set_priorities(batch.index, learned.losses)
            wait_for(self.device)
        interval.losses.append(learned.loss)
        interval.norms.append(learned.grad_norm)
        if learner.batches % _TEST_EVERY == 0 and memory.held_out_count():
            with interval.timed("testing"):
                batch = memory.sample(size, sampling, held_out=True).to(self.device)
                interval.test_losses.append(learner.test(batch, learning))
                wait_for(self.device)

    # --- the budget -------------------------------------------------------------------------------

    @property
    def own_frames(self) -> int:
        """Frames that this run has played, not counting those of the checkpoint it started from."""
        return self.frames - self.first_frame

    def spent(self) -> dict[str, float]:
        """Of each budget, what this run has taken; minutes are those of its processes."""
        batches = self.learner.batches - self.first_batch
        return self._taken(self.clock.seconds, self.own_frames, batches)

    def _spent_since_log(self) -> dict[str, float]:
        interval = self.interval
        frames = self.frames - interval.start["frames"]
        return self._taken(interval.passed, frames, len(interval.losses))

    def _taken(self, seconds: float, frames: int, batches: float) -> dict[str, float]:
        # of floats, so that it is rounded as on the axis of arithmetic that a log is read by
        arithmetic = pflop(self.costs, float(batches), float(frames))
        return {"minutes": seconds / 60, "frames": frames, "updates": batches, "pflop": arithmetic}

    def is_over(self) -> bool:
        """Whether a budget is used up; what is due of the last frames is learned before."""
        spent, budget = self.spent(), self.experiment.budget
        over = {name for name, most in budget.items() if spent[name] >= most}
        return bool(over - {"frames"}) or ("frames" in over and not self.is_due())

    def status(self) -> Status:
        """What a progress line shows."""
        interval, spent, since = self.interval, self.spent(), self._spent_since_log()
        passed = max(60 * since["minutes"], 1e-9)
        shares, left = [0.0], math.inf
        for name, most in self.experiment.budget.items():
            shares.append(spent[name] / most)
            # acting alone does not tell how fast the arithmetic of learning will be
            if since["updates" if name == "pflop" else name]:
                needed = (most - spent[name]) / since[name]
                left = min(left, needed * since["minutes"])
        return Status(
            done=min(max(shares), 1.0),
            minutes_left=max(left, 0.0),
            frames=self.frames,
            frames_per_second=since["frames"] / passed,
            updates_per_second=since["updates"] / passed,
            acting=interval.seconds["acting"] / passed,
            learning=(interval.seconds["learning"] + interval.seconds["sampling"]) / passed,
            races={
                name: (races, finishes, best)
                for name, (races, finishes, best) in self.races.counts.items()
            },
            is_race=self.experiment.is_race,
        )

    # --- recording --------------------------------------------------------------------------------

    def _write(self, values: dict[str, float]) -> None:
        self.recorder.write(values, self.frames, self.schedules.suffix(self.own_frames))

    def _record(self, race: EndedRace) -> None:
        """Write what came of a race, and keep what it takes to see the best and latest again."""
        outcome, is_eval = self.world.outcome(race), race.kind == "eval"
        of_q = {f"RL/avg_Q_trained_{race.map}": race.q / race.actions} if is_eval else {}
        self._write(outcome.logged | of_q)
        self.races.count(race, outcome)
        if self.races.is_record(race, outcome) and self._is_finite():
            self.races.records[race.map] = outcome.score
            self.checkpoints.save_best(race.map, self._best(race, outcome.score))
        if is_eval and (actions := self.races.actions_of(race)) is not None:
            self.checkpoints.save_race(race.map, actions.cpu().numpy())

    def _counted(self) -> dict[str, float]:
        """What tells how far it is, also where it begins."""
        return {
            "cumul_number_frames_played": self.frames,
            "cumul_number_batches_done": self.learner.batches,
        }

    def _log_is_due(self) -> bool:
        since, budget = self._spent_since_log(), self.experiment.budget
        due = since["minutes"] >= self.experiment.recording.log_minutes or any(
            since[name] >= most / _LOGS for name, most in budget.items()
        )
        return due and not self.is_over()  # at the end there is a log

    def _log(self) -> None:
        """Write what there is to say of the interval, and begin another."""
        frames, counters = self.frames, self.counters
        schedules, learner = self.schedules, self.learner
        values = {
            "Training/learning_rate": schedules.lr(frames),
            "RL/gamma": schedules.gamma(frames),
            "RL/epsilon": schedules.epsilon(frames),
            "RL/epsilon_boltzmann": schedules.epsilon_boltzmann(frames),
            "Buffer/size": len(self.memory),
            **self.interval.performance(frames, self.experiment.training.batch_size),
            **self._counted(),
            "cumul_number_memories_generated": counters["memories"],
            "cumul_number_single_memories_used": counters["used"],
            "cumul_number_single_memories_should_have_been_used": counters["used"]
            + counters["due"],
            "cumul_number_target_network_updates": learner.target_updates,
            "cumul_training_hours": self.clock.seconds / 3600,
            **self.interval.learning(learner.online.config.iqn_n),
            **self.world.logged_records(self.races.fastest),
        }
        self.interval = LogInterval(self.clock, frames)
        with self.interval.timed("logging"):
            self._write(values)

    # --- checkpoints ------------------------------------------------------------------------------

    def save(self) -> None:
        """Write a checkpoint; the log up to here is on the disk before."""
        if not self._is_finite():
            raise TmnetError(
                f"The training has diverged: weights are not finite after {self.frames:,} frames; "
                "the last checkpoint is kept. A lower learning rate may help."
            )
        with self.interval.timed("logging"):
            self.recorder.flush()
            self.checkpoints.save(self.state_dict(), self.frames)

    def _is_finite(self) -> bool:
        """Whether the network has not diverged."""
        return all(torch.isfinite(x).all() for x in self.learner.parameters)

    def _saves_memory(self) -> bool:
        wish = self.experiment.recording.save_replay  # the public name of a field is older
        return wish == "yes" or (wish == "auto" and self.memory.bytes() < MOST_SAVED)

    def _best(self, race: EndedRace, score: float) -> dict[str, Any]:
        return {
            "experiment": self.experiment.to_dict(),
            "map": race.map,
            **self.world.named_score(score),
            "frames": self.frames,
            "online": self.actor.driver(race.env).state_dict(),
        }

    def state_dict(self) -> dict[str, Any]:
        """All that the training depends on."""
        whole = self._saves_memory()
        world = self.world.state_dict() if whole else None
        return {
            "experiment": self.experiment.to_dict(),
            "seed": self.seed,
            "machine": arithmetic(self.device),
            "seconds": self.clock.seconds,
            "frames": self.frames,
            "first_frame": self.first_frame,
            "first_batch": self.first_batch,
            "counters": self.counters,
            "has_begun": self.has_begun,
            "learner": self.learner.state_dict(),
            **{name: generator.get_state() for name, generator in self.generators.items()},
            "world": world,
            "actor": None if world is None else self.actor.state_dict(),
            # checkpoints have called it so from the first
            "replay": self.memory.state_dict() if whole else None,
            **self.races.state_dict(),
            "interval": self.interval.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint of this run."""
        self.clock.before = state["seconds"]
        self.frames, self.first_frame = state["frames"], state["first_frame"]
        # the first checkpoints do not tell it; from scratch it is 0
        self.first_batch = state.get("first_batch", math.nan if self.first_frame else 0)
        self.counters = state["counters"]
        self.has_begun = state.get("has_begun", self.counters["used"] > 0)  # of older ones
        self.learner.load_state_dict(state["learner"])
        for name, generator in self.generators.items():
            restore(generator, state[name])
        if state["replay"] is not None:
            self.memory.load_state_dict(state["replay"])
        under_way = state["world"] is not None
        self.races.load_state_dict(state, under_way)
        if under_way:
            self.seen = self.world.load_state_dict(state["world"])
            if "actor" in state:  # the first checkpoints have none
                self.actor.load_state_dict(state["actor"], self.device)
        else:  # other races begin
            self.seen = self.world.reset(self.frames)
            self.memory.interrupt()
        self.interval.load_state_dict(state["interval"], self.device)
        # what was logged of those frames and before is of this run, and what came after is not
        self.recorder.replaces_from = self.frames + 1

    def start_from(self, state: dict[str, Any]) -> None:
        """Take networks, counters and records from a checkpoint of another run."""
        self.learner.load_state_dict(state["learner"])
        self.frames = self.first_frame = state["frames"]
        self.first_batch = self.learner.batches
        self.counters |= {name: state["counters"][name] for name in ("memories", "used")}
        self.races.take_records(state)
        self.interval = LogInterval(self.clock, self.frames)

    def close(self) -> None:
        self.recorder.close()
        self.world.close()
