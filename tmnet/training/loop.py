"""The training loop: play, learn, record, keep."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tmnet.errors import TmnetError
from tmnet.experiments.config import Experiment
from tmnet.experiments.fields import differences
from tmnet.networks.iqn import IQN
from tmnet.networks.timing import wait_for
from tmnet.training.checkpoint import Checkpoints, load_checkpoint
from tmnet.training.devices import arithmetic, memory_device
from tmnet.training.interval import Clock, LogInterval
from tmnet.training.learner import Learner
from tmnet.training.memory import RUNNING, STARTING, TERMINATED, TRUNCATED, TransitionMemory
from tmnet.training.progress import ProgressLine, Status
from tmnet.training.recorder import Recorder, about
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
        kept: Checkpoints,
    ):
        self.clock = Clock()
        self.experiment, self.seed, self.device, self.kept = experiment, seed, device, kept
        self.schedules = Schedules(experiment)
        settings = experiment.training
        seeds = np.random.SeedSequence(seed).generate_state(5, np.uint64) >> np.uint64(1)
        self.world = open_world(experiment, device, int(seeds[0] >> np.uint64(31)))
        config = self.world.fitted(experiment.neural_network)
        network = IQN(config, *self.world.normalisers, torch.Generator().manual_seed(int(seeds[1])))
        self.learner = Learner(network.to(device), settings, arithmetic(settings.precision, device))
        self.acting = torch.Generator(device).manual_seed(int(seeds[2]))
        self.learning = torch.Generator(device).manual_seed(int(seeds[3]))
        world, (capacity, _) = self.world, self.schedules.memory(0)
        self.memory = TransitionMemory(
            world.num_envs, world.image_shape, world.n_floats, capacity, settings,
            experiment.memory, memory_device(experiment, world, device),
        )  # fmt: skip
        self.sampling = torch.Generator(self.memory.device).manual_seed(int(seeds[4]))
        self.recorder = Recorder(logdir, experiment.name, experiment, about(device, seed))

        self.frames = self.first_frame = 0
        self.counters = {"memories": 0, "used": 0, "due": 0.0}
        self.records: dict[str, float] = {}  # best eval time (s) or return, by map
        self.races: dict[str, list[float]] = {}  # races, finishes, best; by map and kind
        self._dealt = [
            (world.maps.index(_map_name(deal.map)) if deal.map else 0, deal.kind == "eval")
            for deal in experiment.map_cycle
            for _ in range(deal.races)
        ]
        self._position = 0  # in that
        self.map_of = [0] * world.num_envs
        self.evaluates = torch.zeros(world.num_envs, dtype=torch.bool, device=device)
        self.starting: list[int] = []  # environments that show the end of their last race
        # since the race's start: Q of the greedy action, actions, rewards
        self.sums = torch.zeros(3, world.num_envs, device=device)
        self._deal(list(range(world.num_envs)))
        self.seen = self.world.reset()
        self.interval = LogInterval(self.clock, self.frames)

    # --- the loop ---------------------------------------------------------------------------------

    def run(self, stop: Stop, progress: ProgressLine) -> None:
        """Train until the budget is used up, or it is to stop."""
        every = 60 * self.experiment.recording.checkpoint_minutes
        due = self.clock.seconds + every
        # where this process takes over, also for who compares it with one that was killed later
        self.recorder.write(
            {"cumul_number_frames_played": self.frames}, self.frames, self._suffix()
        )
        if not self.kept.files():
            self.save()
        while not self.is_over() and not stop.is_set():
            with self.interval.timed("acting"):
                fresh = self._play()
            self._learn(fresh)
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

    @property
    def minutes(self) -> float:
        """For how long processes of this run have been running."""
        return self.clock.seconds / 60

    @property
    def own_frames(self) -> int:
        """Frames that this run has played, not counting those of the checkpoint it started from."""
        return self.frames - self.first_frame

    def is_over(self) -> bool:
        minutes, frames = self.experiment.minutes, self.experiment.frames
        return bool((minutes and self.minutes >= minutes) or (frames and self.own_frames >= frames))

    @torch.no_grad()
    def _play(self) -> int:
        """One action in all environments; returns how many new transitions can be learned from."""
        world, (image, floats) = self.world, self.seen
        q = self.learner.online.mean_q(image, floats, generator=self.acting)  # (N, A)
        best, greedy = q.max(dim=1)
        action = self._explore(q, greedy)
        self.seen, reward, terminated, truncated, info = world.step(action)
        end = torch.full_like(action, RUNNING)
        end[terminated] = TERMINATED
        end[truncated] = TRUNCATED
        end[self.starting] = STARTING
        gamma = self.schedules.gamma(self.frames)
        fresh = self.memory.add(
            image, floats, action, action == greedy, reward, end, gamma, self.sampling
        )
        self.frames += world.num_envs - len(self.starting)
        self.sums += torch.stack([best, torch.ones_like(best), reward])
        self.sums[:, self.starting] = 0
        self.starting = (terminated | truncated).nonzero()[:, 0].tolist()
        if self.starting:
            self._record_races(self.starting, terminated, info)
            self._deal(self.starting)
        return fresh

    def _explore(self, q: Tensor, greedy: Tensor) -> Tensor:
        """Actions (N,): those of eval races greedy, others as the schedules say."""
        count, options = len(greedy), {"generator": self.acting, "device": self.device}
        epsilon = self.schedules.epsilon(self.frames)
        either = epsilon + self.schedules.epsilon_boltzmann(self.frames)
        noise = torch.randn(q.shape, **options) * self.experiment.exploration.boltzmann_noise
        drawn = torch.rand(count, **options)
        anything = torch.randint(q.shape[1], (count,), **options)
        action = torch.where(drawn < either, (q + noise).argmax(dim=1), greedy)
        action = torch.where(drawn < epsilon, anything, action)
        return torch.where(self.evaluates, greedy, action)

    def _deal(self, envs: list[int]) -> None:
        """Give these environments their next races."""
        for env in envs:
            self.map_of[env], evaluates = self._dealt[self._position % len(self._dealt)]
            self.evaluates[env] = evaluates
            self._position += 1
        self.world.deal(envs, [self.map_of[env] for env in envs])

    def _learn(self, fresh: int) -> None:
        """Use transitions as often as new ones allow."""
        settings, batch_size = self.experiment.memory, self.experiment.training.batch_size
        self.counters["memories"] += fresh
        capacity, start = self.schedules.memory(self.frames)
        self.memory.resize(capacity)
        if len(self.memory) < start:
            return
        self.counters["due"] += settings.uses_per_transition * fresh
        lr = self.schedules.lr(self.frames)
        while self.counters["due"] >= batch_size:
            self.counters["due"] -= batch_size
            self.counters["used"] += batch_size
            with self.interval.timed("sampling"):
                batch = self.memory.sample(batch_size, self.sampling).to(self.device)
            with self.interval.timed("learning"):
                learned = self.learner.learn(batch, lr, self.learning)
                if settings.priority_exponent:
                    self.memory.set_priorities(batch.index, learned.losses)
                wait_for(self.device)
            self.interval.losses.append(learned.loss)
            self.interval.norms.append(learned.grad_norm)
            if self.learner.batches % _TEST_EVERY == 0 and self.memory.held_out_count():
                with self.interval.timed("testing"):
                    batch = self.memory.sample(batch_size, self.sampling, held_out=True)
                    loss = self.learner.test(batch.to(self.device), self.learning)
                    self.interval.test_losses.append(loss)
                    wait_for(self.device)

    # --- recording --------------------------------------------------------------------------------

    def _record_races(self, envs: list[int], terminated: Tensor, info: dict[str, Tensor]) -> None:
        columns = torch.stack(
            [x.double() for x in (*self.sums, terminated, self.evaluates, *info.values())]
        )
        rows = columns[:, envs].T.tolist()
        with self.interval.timed("logging", taken_from="acting"):
            for env, (q, actions, reward, finished, evaluates, *told) in zip(envs, rows):
                kind = "eval" if evaluates else "explo"
                map_ = self.world.maps[self.map_of[env]]
                self._record_race(
                    EndedRace(
                        env,
                        map_,
                        kind,
                        int(actions),
                        q,
                        reward,
                        bool(finished),
                        dict(zip(info, told)),
                    )
                )

    def _record_race(self, race: EndedRace) -> None:
        map_, is_eval = race.map, race.kind == "eval"
        finished, score, logged = self.world.outcome(race)
        if is_eval:
            logged[f"RL/avg_Q_trained_{map_}"] = race.q / race.actions
        self.recorder.write(logged, self.frames, self._suffix())
        races = self.races.setdefault(f"{map_}/{race.kind}", [0, 0, -math.inf])
        races[0] += 1
        races[1] += finished
        if finished:
            races[2] = max(races[2], score)
        better = finished and is_eval and score > self.records.get(map_, -math.inf)
        if better and self._is_finite():
            self.records[map_] = score
            self.kept.save_best(map_, self._best(map_, score))
        if is_eval and self.world.repeatable:
            actions = self.memory.last_actions(race.env, race.actions)
            if actions is not None:
                self.kept.save_race(map_, actions.cpu().numpy())

    def _log(self) -> None:
        """Write what there is to say of the interval, and begin another."""
        settings, schedules, frames = self.experiment.training, self.schedules, self.frames
        counters, learner = self.counters, self.learner
        values = {
            "Training/learning_rate": schedules.lr(frames),
            "RL/gamma": schedules.gamma(frames),
            "RL/epsilon": schedules.epsilon(frames),
            "RL/epsilon_boltzmann": schedules.epsilon_boltzmann(frames),
            "Buffer/size": len(self.memory),
            **self.interval.performance(frames, settings.batch_size),
            "cumul_number_frames_played": frames,
            "cumul_number_batches_done": learner.batches,
            "cumul_number_memories_generated": counters["memories"],
            "cumul_number_single_memories_used": counters["used"],
            "cumul_number_single_memories_should_have_been_used": counters["used"]
            + counters["due"],
            "cumul_number_target_network_updates": learner.target_updates,
            "cumul_training_hours": self.minutes / 60,
            **self.interval.learning(learner.online.config.iqn_n),
            **self.world.logged_records(self.records),
        }
        self.interval = LogInterval(self.clock, frames)
        with self.interval.timed("logging"):
            self.recorder.write(values, frames, self._suffix())

    def _log_is_due(self) -> bool:
        experiment, interval = self.experiment, self.interval
        every = experiment.recording.log_minutes
        if experiment.minutes:
            every = min(every, experiment.minutes / _LOGS)
        if interval.passed >= 60 * every:
            return True
        frames = experiment.frames
        return (
            bool(frames and self.frames >= interval.start["frames"] + frames / _LOGS)
            and not self.is_over()
        )

    def _suffix(self) -> str:
        return self.schedules.suffix(self.own_frames)

    def status(self) -> Status:
        """What a progress line shows."""
        experiment, interval = self.experiment, self.interval
        passed = max(interval.passed, 1e-9)
        rate = (self.frames - interval.start["frames"]) / passed
        shares, left = [0.0], math.inf
        if experiment.minutes:
            shares.append(self.minutes / experiment.minutes)
            left = experiment.minutes - self.minutes
        if experiment.frames:
            shares.append(self.own_frames / experiment.frames)
            left = min(left, (experiment.frames - self.own_frames) / max(rate, 1e-9) / 60)
        return Status(
            done=min(max(shares), 1.0),
            minutes_left=max(left, 0.0),
            frames=self.frames,
            frames_per_second=rate,
            updates_per_second=len(interval.losses) / passed,
            acting=interval.seconds["acting"] / passed,
            learning=(interval.seconds["learning"] + interval.seconds["sampling"]) / passed,
            races={name: tuple(values) for name, values in self.races.items()},
            is_race=self.experiment.is_race,
        )

    # --- keeping ----------------------------------------------------------------------------------

    def save(self) -> None:
        """Write a checkpoint; the log up to here is on the disk before."""
        if not self._is_finite():
            raise TmnetError(
                f"The training has diverged: weights are not finite after {self.frames:,} frames; "
                "the last checkpoint is kept. A lower learning rate may help."
            )
        with self.interval.timed("logging"):
            self.recorder.flush()
            self.kept.save(self.state_dict(), self.frames)

    def _is_finite(self) -> bool:
        """Whether the network has not diverged."""
        return all(torch.isfinite(x).all() for x in self.learner.parameters)

    def _saves_memory(self) -> bool:
        wish = self.experiment.recording.save_replay  # the public name of a field is older
        return wish == "yes" or (wish == "auto" and self.memory.bytes() < MOST_SAVED)

    def _best(self, map_: str, score: float) -> dict[str, Any]:
        return {
            "experiment": self.experiment.to_dict(),
            "map": map_,
            **self.world.named_score(score),
            "frames": self.frames,
            "online": self.learner.online.state_dict(),
        }

    def state_dict(self) -> dict[str, Any]:
        """All that the training depends on."""
        whole = self._saves_memory()
        return {
            "experiment": self.experiment.to_dict(),
            "seed": self.seed,
            "seconds": self.clock.seconds,
            "frames": self.frames,
            "first_frame": self.first_frame,
            "counters": self.counters,
            "records": self.records,
            "races": self.races,
            "learner": self.learner.state_dict(),
            "acting": self.acting.get_state(),
            "learning": self.learning.get_state(),
            "sampling": self.sampling.get_state(),
            "world": self.world.state_dict() if whole else None,
            # by a name that checkpoints have had since the first
            "replay": self.memory.state_dict() if whole else None,
            "position": self._position,
            "map_of": self.map_of,
            "evaluates": self.evaluates,
            "starting": self.starting,
            "sums": self.sums,
            "interval": self.interval.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint of this run."""
        self.clock.before = state["seconds"]
        self.frames, self.first_frame = state["frames"], state["first_frame"]
        self.counters, self.records, self.races = (
            state["counters"], state["records"], state["races"],
        )  # fmt: skip
        self.learner.load_state_dict(state["learner"])
        self.acting.set_state(state["acting"])
        self.learning.set_state(state["learning"])
        self.sampling.set_state(state["sampling"])
        if state["replay"] is not None:
            self.memory.load_state_dict(state["replay"])
        if state["world"] is not None:
            self.seen = self.world.load_state_dict(state["world"])
            self._position, self.map_of = state["position"], state["map_of"]
            self.evaluates, self.sums = (
                state[name].to(self.device) for name in ("evaluates", "sums")
            )
            self.starting = state["starting"]
        else:  # its races begin anew
            self.memory.interrupt()
        self.interval.load_state_dict(state["interval"], self.device)

    def start_from(self, path: Path) -> None:
        """Take networks, counters and records from a checkpoint of another run."""
        state = load_checkpoint(path)
        if "learner" not in state:
            raise TmnetError(
                f"{path} holds the networks of one race only; a training can start from the "
                "checkpoints whose names are numbers."
            )
        theirs = Experiment.from_dict(state["experiment"]).neural_network
        if different := differences(theirs, self.experiment.neural_network):
            raise TmnetError(
                f"{path} holds another network than this experiment's: {different} differs."
            )
        try:
            self.learner.load_state_dict(state["learner"])
        except RuntimeError:  # tensors of other shapes
            raise TmnetError(
                f"{path} holds a network for another environment, with other inputs or actions."
            ) from None
        self.frames = self.first_frame = state["frames"]
        self.counters |= {name: state["counters"][name] for name in ("memories", "used")}
        self.records = state["records"]
        self.interval = LogInterval(self.clock, self.frames)

    def close(self) -> None:
        self.recorder.close()
        self.world.close()


def _map_name(map_: str) -> str:
    return Path(map_).stem if Path(map_).suffix == ".npy" else map_
