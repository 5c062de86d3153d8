"""The races of a training: which are dealt, how they go, and what has come of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tmnet.experiments.config import Experiment
from tmnet.training.world import EndedRace, Outcome, World


class RaceDealer:
    """The races in all environments of a world, dealt from the map cycle over and over.

    Attributes
    ----------
    evaluates : Tensor (N,) bool
        Whether each is an eval race.
    starting : list of int
        Environments that show the end of their last race.
    records : dict of str to float
        Best score of the eval races, by map.
    fastest : dict of str to float
        Best score of all races, those that were cut off too, by map.
    counts : dict of str to list
        Races, finishes, and the best score, by map and kind.
    """

    def __init__(self, experiment: Experiment, world: World, device: torch.device):
        self._world, self._device = world, device
        self._cycle = [
            (world.maps.index(_map_name(deal.map)) if deal.map else 0, deal.kind == "eval")
            for deal in experiment.map_cycle
            for _ in range(deal.races)
        ]
        self._position = 0  # in that
        self._map_of = [0] * world.num_envs
        self.evaluates = torch.zeros(world.num_envs, dtype=torch.bool, device=device)
        self.starting: list[int] = []
        # since the race's start: Q, actions, rewards
        self._sums = torch.zeros(3, world.num_envs, device=device)
        # the last actions, in a ring of moments; as many as a race may have
        self._driven = torch.zeros(
            world.longest_race, world.num_envs, dtype=torch.uint8, device=device
        )
        self._moments = 0
        self.records: dict[str, float] = {}
        self.fastest: dict[str, float] = {}
        self.counts: dict[str, list[float]] = {}
        self._deal(list(range(world.num_envs)))

    def _deal(self, envs: list[int]) -> None:
        """Give these environments their next races."""
        for env in envs:
            self._map_of[env], self.evaluates[env] = self._cycle[self._position % len(self._cycle)]
            self._position += 1
        self._world.deal(envs, [self._map_of[env] for env in envs])

    def step(
        self,
        action: Tensor,
        q: Tensor,
        reward: Tensor,
        terminated: Tensor,
        truncated: Tensor,
        info: dict[str, Tensor],
    ) -> list[EndedRace]:
        """Take note of an action in all environments: (N,) each, `q` the mean over all actions.

        Returns the races that ended with it; others have been dealt in their place.
        """
        if len(self._driven):
            self._driven[self._moments % len(self._driven)] = action
            self._moments += 1
        self._sums += torch.stack([q, torch.ones_like(q), reward])
        self._sums[:, self.starting] = 0
        self.starting = (terminated | truncated).nonzero()[:, 0].tolist()
        if not self.starting:
            return []
        columns = (*self._sums, terminated, self.evaluates, *info.values())
        rows = torch.stack([column.float() for column in columns])[:, self.starting].T.tolist()
        ended = []
        for env, (sum_q, actions, sum_reward, finished, evaluates, *told) in zip(
            self.starting, rows
        ):
            map_, kind = self._world.maps[self._map_of[env]], "eval" if evaluates else "explo"
            about = dict(zip(info, told))
            ended.append(
                EndedRace(env, map_, kind, int(actions), sum_q, sum_reward, bool(finished), about)
            )
        self._deal(self.starting)
        return ended

    def actions_of(self, race: EndedRace) -> Tensor | None:
        """What was done in a race that has just ended, where that is all it takes to see it again.

        None also where the race began before a checkpoint that does not tell.
        """
        if not len(self._driven) or race.actions > self._moments:
            return None
        return self._latest(race.actions)[:, race.env]

    def _latest(self, count: int) -> Tensor:
        """The last actions in all environments, (count, N)."""
        moments = torch.arange(self._moments - count, self._moments, device=self._device)
        return self._driven[moments % max(len(self._driven), 1)]

    def _under_way(self) -> Tensor:
        """What has been done in the races that go on, (rows, N)."""
        longest = int(self._sums[1].max()) if len(self._driven) else 0
        return self._latest(min(longest, self._moments))

    def count(self, race: EndedRace, outcome: Outcome) -> None:
        """Count a race that has ended."""
        counts = self.counts.setdefault(f"{race.map}/{race.kind}", [0, 0, -math.inf])
        best = self.fastest.get(race.map, -math.inf)
        self.fastest[race.map] = max(best, outcome.score)
        counts[0] += 1
        counts[1] += outcome.finished
        if outcome.finished:
            counts[2] = max(counts[2], outcome.score)

    def is_record(self, race: EndedRace, outcome: Outcome) -> bool:
        """Whether no eval race on its map was as good."""
        best = self.records.get(race.map, -math.inf)
        return race.kind == "eval" and outcome.finished and outcome.score > best

    def state_dict(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "fastest": self.fastest,
            "races": self.counts,
            "position": self._position,
            "map_of": self._map_of,
            "evaluates": self.evaluates,
            "starting": self.starting,
            "sums": self._sums,
            "driven": self._under_way(),
        }

    def take_records(self, state: dict[str, Any]) -> None:
        """Go on with the best scores of a `state_dict`."""
        self.records = state["records"]
        # the first checkpoints tell only those of eval races
        self.fastest = state.get("fastest", dict(state["records"]))

    def load_state_dict(self, state: dict[str, Any], under_way: bool) -> None:
        """Go on from a `state_dict`; races that are not under way any more are dealt anew."""
        self.take_records(state)
        self.counts = state["races"]
        if under_way:
            self._position, self._map_of = state["position"], state["map_of"]
            self.evaluates = state["evaluates"].to(self._device)
            self.starting, self._sums = state["starting"], state["sums"].to(self._device)
            driven = state.get("driven", ())  # which the first checkpoints do not have
            self._moments = len(driven)
            if self._moments:
                self._driven[: self._moments] = driven.to(self._device)
        else:
            self._position = max(state["position"] - len(self._map_of), 0)
            self._deal(list(range(len(self._map_of))))


def _map_name(map_: str) -> str:
    return Path(map_).stem if Path(map_).suffix == ".npy" else map_
