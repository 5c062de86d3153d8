"""Who acts: the online network as it is, and in eval races as it was when they began."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from tmnet.networks.iqn import IQN

_MOST = 2  # networks that are kept for eval races; each takes a forward pass of its own


class Actor:
    """What actions are worth, to whoever drives in each environment.

    An eval race is driven by one network from start to end, so that its time is that network's,
    which can be kept. Where as many are being driven by others as may be kept, a race that begins
    is driven by the newest of these.

    Parameters
    ----------
    online : IQN
        It changes from action to action.
    num_envs : int
    """

    def __init__(self, online: IQN, num_envs: int):
        self.online = online
        self._kept = [copy.deepcopy(online).requires_grad_(False) for _ in range(_MOST)]
        self._driver: list[int | None] = [None] * num_envs  # which of the kept ones
        self._newest = 0
        self._beginning = list(range(num_envs))
        self._envs: dict[int, Tensor] = {}  # of each kept one

    def begin(self, envs: list[int]) -> None:
        """The next action in these environments is before the start of a race."""
        self._beginning = self._beginning + envs

    @torch.no_grad()
    def q(
        self,
        image: Tensor | None,
        floats: Tensor | None,
        evaluates: Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """The mean return of each action: (N, A); `evaluates` (N,) bool tells the eval races."""
        if self._beginning:
            self._choose(evaluates)
        q = self.online.mean_q(image, floats, generator=generator)
        for kept, envs in self._envs.items():
            seen = (None if x is None else x[envs] for x in (image, floats))
            q[envs] = self._kept[kept].mean_q(*seen, generator=generator)
        return q

    def _choose(self, evaluates: Tensor) -> None:
        """Who drives the races that begin."""
        envs, self._beginning = self._beginning, []
        for env in envs:
            self._driver[env] = None
        begins = [env for env, is_eval in zip(envs, evaluates[envs].tolist()) if is_eval]
        if begins:
            free = [i for i in range(_MOST) if i not in self._driver]
            if free:
                self._newest = free[0]
                torch._foreach_copy_(
                    list(self._kept[self._newest].parameters()), list(self.online.parameters())
                )
            for env in begins:
                self._driver[env] = self._newest
        self._envs = self._by_driver(evaluates.device)

    def _by_driver(self, device: torch.device) -> dict[int, Tensor]:
        return {
            kept: torch.tensor([i for i, x in enumerate(self._driver) if x == kept], device=device)
            for kept in range(_MOST)
            if kept in self._driver
        }

    def driver(self, env: int) -> IQN:
        """The network that drives the race of an environment, or has just driven it."""
        kept = self._driver[env]
        return self.online if kept is None else self._kept[kept]

    def state_dict(self) -> dict[str, Any]:
        """All that is not in the online network."""
        used = set(self._driver) - {None}
        return {
            "kept": {kept: self._kept[kept].state_dict() for kept in sorted(used)},
            "driver": self._driver,
            "newest": self._newest,
            "beginning": self._beginning,
        }

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Go on from a `state_dict`."""
        for kept, weights in state["kept"].items():
            self._kept[kept].load_state_dict(weights)
        self._driver, self._newest = list(state["driver"]), state["newest"]
        self._beginning = list(state["beginning"])
        self._envs = self._by_driver(device)
