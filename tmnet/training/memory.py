"""What the agent remembers: every frame once, and transitions made from them when they are needed.

Symbols in the shape comments: R rows, N environments, B transitions of a batch, n steps of a
transition, F floats.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from tmnet.experiments.config import Memory, Training
from tmnet.racing.observation import potential

BLOCK = 100  # actions of a race that are held out, or not, together
MARGIN = 5  # moments on both sides of the start of a mini-race that count as the start
EVEN = 0.1  # share of what is drawn by priority that is drawn evenly: nothing is never drawn again
HIGH = 0.9  # quantile of a batch's losses that tells how new transitions begin
OUTLIER = 10.0  # times that, which is the most that a loss counts
_SLOW = 0.9  # share that its slow average keeps of what it was
_TOGETHER = 512  # transitions among which one is drawn at last
RUNNING, TERMINATED, TRUNCATED, STARTING = range(4)  # what an environment does in a row


@dataclass(frozen=True)
class Batch:
    """B transitions of up to n steps: state, action, n-step reward, and the state after them.

    Attributes
    ----------
    image, next_image : Tensor (B, 1, H, W) uint8, or None
    floats, next_floats : Tensor (B, F) float32, or None
    action : Tensor (B,) int64
    reward : Tensor (B,) float32
        Discounted sum, with what the potential adds to it.
    discount : Tensor (B,) float32
        Of the next state's worth; 0 where the transition is terminal.
    index : Tensor (B,) int64
        Which transitions these are.
    weight : Tensor (B,) float32, or None
        Of their losses, where they were drawn by priority.
    """

    image: Tensor | None
    floats: Tensor | None
    next_image: Tensor | None
    next_floats: Tensor | None
    action: Tensor
    reward: Tensor
    discount: Tensor
    index: Tensor
    weight: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        values = (getattr(self, field.name) for field in fields(self))
        return Batch(*(None if x is None else x.to(device, non_blocking=True) for x in values))


def mini_race_moments(actions: int, size: int, generator: torch.Generator) -> Tensor:
    """Draw moments in a mini-race: (size,) int64, 0 .. actions - 1, its start more often.

    Of 140 actions the start is drawn 11 times as often as the end, and the next 30 twice as often:
    acting always takes place at the start.
    """
    drawn = torch.randint(
        -(actions // 4), actions + MARGIN, (size,), generator=generator, device=generator.device
    )
    return (drawn.abs() - MARGIN).clamp_min(0)


def draw(likelihood: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Draw from M, each as likely as it is said to be, with replacement: (size,) int64, 0 .. M - 1.

    First some that lie together, then one of them: in the sum over a whole memory float32 would
    lose what is unlikely, and not every device has float64.
    """
    filled = functional.pad(likelihood, (0, -len(likelihood) % _TOGETHER)).view(-1, _TOGETHER)
    sums = filled.cumsum(dim=1)  # (M / _TOGETHER, _TOGETHER)
    totals = sums[:, -1].cumsum(dim=0)
    first, second = torch.rand(2, size, generator=generator, device=generator.device)
    block = torch.searchsorted(totals, first * totals[-1], right=True).clamp_max(len(totals) - 1)
    within = sums[block]  # (size, _TOGETHER)
    spot = (second * within[:, -1])[:, None]
    one = torch.searchsorted(within, spot, right=True)[:, 0].clamp_max(_TOGETHER - 1)
    return (block * _TOGETHER + one).clamp_max(len(likelihood) - 1)


class TransitionMemory:
    """A ring of rows; a row holds one frame of each environment, and what was done in it.

    Parameters
    ----------
    num_envs : int
    image_shape : (1, H, W) or None
    n_floats : int
        0 where there are none.
    capacity : int
        Transitions.
    training, memory : sections of an experiment
        What a transition is, and how it is held out and drawn.
    device : torch.device
        Where the frames are kept, and batches are made.
    """

    def __init__(
        self,
        num_envs: int,
        image_shape: tuple[int, int, int] | None,
        n_floats: int,
        capacity: int,
        training: Training,
        memory: Memory,
        device: torch.device,
    ):
        self.num_envs, self.device = num_envs, device
        self.n_steps, self.mini_race_actions = training.n_steps, training.mini_race_actions
        self.shaping = training.potential_shaping
        self.test_share = memory.test_share
        self.priority_exponent = memory.priority_exponent
        self.importance_exponent = memory.importance_exponent
        self.rows = self._rows_for(capacity)
        self.written = 0  # rows, since the beginning
        row = (self.rows, num_envs)
        zeros = torch.zeros
        self.columns = {
            "action": zeros(row, dtype=torch.int16, device=device),
            "reward": zeros(row, device=device),
            "greedy": zeros(row, dtype=torch.bool, device=device),
            "end": zeros(row, dtype=torch.uint8, device=device),
            "usable": zeros(row, dtype=torch.bool, device=device),
            "held_out": zeros(row, dtype=torch.bool, device=device),
            "gamma": zeros((self.rows, 1), device=device),
        }
        if image_shape:
            self.columns["image"] = zeros((*row, *image_shape), dtype=torch.uint8, device=device)
        if n_floats:
            self.columns["floats"] = zeros((*row, n_floats), device=device)
        if self.priority_exponent:
            self.columns["priority"] = zeros(row, device=device)
            self.new_priority = torch.ones((), device=device)  # of what has not been drawn yet
        self.block_left = zeros(num_envs, dtype=torch.int64, device=device)  # actions
        self.holds_out = zeros(num_envs, dtype=torch.bool, device=device)
        self._indices: dict[bool, Tensor] = {}  # of what can be sampled, by held_out

    @staticmethod
    def bytes_of(
        num_envs: int, image_shape: tuple[int, int, int] | None, n_floats: int, capacity: int
    ) -> int:
        """Bytes that so many transitions take."""
        pixels = image_shape[1] * image_shape[2] if image_shape else 0
        return max(capacity, num_envs) * (pixels + 4 * n_floats + 10)

    def bytes(self) -> int:
        """Bytes that it takes."""
        return sum(column.nbytes for column in self.columns.values())

    def _rows_for(self, capacity: int) -> int:
        # what is newest has no next state yet
        return -(-capacity // self.num_envs) + self.n_steps

    def __len__(self) -> int:
        """Transitions that are learned from; those held out come on top."""
        return len(self._sampled(False))

    def held_out_count(self) -> int:
        """Transitions that are held out."""
        return len(self._sampled(True))

    def add(
        self,
        image: Tensor | None,
        floats: Tensor | None,
        action: Tensor,
        greedy: Tensor,
        reward: Tensor,
        end: Tensor,
        gamma: float,
        generator: torch.Generator,
    ) -> int:
        """Add a row: what was seen (N, …), what was done, and what came of it, each (N,).

        `end` is one of RUNNING, TERMINATED, TRUNCATED; or STARTING where the frame is that after
        the end of a race, from which nothing was done. The generator draws the blocks that are held
        out. Returns how many transitions can be learned from now that could not before.
        """
        at, columns = self.written % self.rows, self.columns
        end = end.to(self.device)
        usable = end != STARTING
        drawn = torch.rand(self.num_envs, generator=generator, device=self.device)
        goes_on = self.block_left > 0
        held_out = torch.where(goes_on, self.holds_out, drawn < self.test_share)
        self.block_left = torch.where(goes_on, self.block_left, BLOCK) - 1
        self.block_left *= usable  # a race begins with a new block
        self.holds_out = held_out
        if self.written:
            # What leads from a block that is held out into one that is not, or back, counts for
            # neither: they share no frame.
            last = (self.written - 1) % self.rows
            cut = (columns["held_out"][last] != held_out) & (columns["end"][last] == RUNNING)
            for back in range(1, min(self.n_steps, self.written) + 1):
                columns["usable"][(self.written - back) % self.rows] &= ~cut
        row = {
            "action": action, "reward": reward, "greedy": greedy, "end": end, "usable": usable,
            "held_out": held_out, "gamma": torch.tensor([gamma]),
        }  # fmt: skip
        if image is not None:
            row["image"] = image
        if floats is not None:
            row["floats"] = floats
        if self.priority_exponent:
            row["priority"] = self.new_priority.expand(self.num_envs)
        for name, value in row.items():
            columns[name][at].copy_(value)
        self.written += 1
        self._indices.clear()
        if self.written <= self.n_steps:
            return 0
        complete = (self.written - 1 - self.n_steps) % self.rows
        return int((columns["usable"][complete] & ~columns["held_out"][complete]).sum())

    def interrupt(self) -> None:
        """The next row does not follow the last one: what led on from there cannot be used."""
        for back in range(1, min(self.n_steps, self.written) + 1):
            self.columns["usable"][(self.written - back) % self.rows] = False
        self.block_left.zero_()
        self._indices.clear()

    def resize(self, capacity: int) -> None:
        """Change the capacity; of what is remembered, the newest rows stay."""
        rows = self._rows_for(capacity)
        if rows == self.rows:
            return
        kept = min(self.written, rows, self.rows)
        newest = torch.arange(self.written - kept, self.written, device=self.device)
        for name in list(self.columns):  # one at a time, since it is there twice meanwhile
            old = self.columns[name]
            new = old.new_zeros((rows, *old.shape[1:]))
            new[newest % rows] = old[newest % self.rows]
            self.columns[name] = new
        self.rows = rows
        self._indices.clear()

    def _sampled(self, held_out: bool) -> Tensor:
        """Indices (row * N + environment) of the transitions that can be drawn: int64."""
        if held_out not in self._indices:
            columns = self.columns
            drawn = columns["usable"] & (columns["held_out"] == held_out)
            # The oldest row is the next one to be written over, after which its successors still
            # stand; the newest have no next state yet.
            newest = torch.arange(self.written - self.n_steps, self.written, device=self.device)
            drawn[newest % self.rows] = False
            self._indices[held_out] = drawn.view(-1).nonzero().view(-1)
        return self._indices[held_out]

    def sample(self, size: int, generator: torch.Generator, held_out: bool = False) -> Batch:
        """Draw transitions, with replacement."""
        indices, weight = self._sampled(held_out), None
        if self.priority_exponent and not held_out:
            likelihood = self._likelihoods(indices)
            drawn = draw(likelihood, size, generator)
            weight = likelihood[drawn] ** -self.importance_exponent
            weight = weight / weight.max()
        else:
            drawn = torch.randint(len(indices), (size,), generator=generator,
                                  device=generator.device)  # fmt: skip
        moments = None
        if self.mini_race_actions:
            moments = mini_race_moments(self.mini_race_actions, size, generator)
        return self.transitions(indices[drawn], moments, weight)

    def _likelihoods(self, indices: Tensor) -> Tensor:
        """How likely these are drawn, 1 being the mean: by priority, but for an even share."""
        priority = self.columns["priority"].view(-1)[indices] ** self.priority_exponent
        mean = priority.mean()
        relative = torch.where(mean > 0, priority / mean, 1.0)
        return (1 - EVEN) * relative + EVEN

    def transitions(
        self, index: Tensor, moments: Tensor | None, weight: Tensor | None = None
    ) -> Batch:
        """The transitions of these indices, at these moments of a mini-race, each (B,)."""
        columns = self.columns
        row, env = index // self.num_envs, index % self.num_envs
        steps = torch.arange(self.n_steps, device=self.device)
        rows, envs = (row[:, None] + steps) % self.rows, env[:, None]  # (B, n)
        running = columns["end"][rows, envs] == RUNNING  # (B, n)
        goes_on = running[:, :-1] & columns["greedy"][rows, envs][:, 1:]
        taken = torch.cat([torch.ones_like(running[:, :1]), goes_on], dim=1).cumprod(dim=1)
        n = taken.sum(dim=1)  # (B,) steps up to the next state
        last = (row + n - 1) % self.rows
        terminal = columns["end"][last, env] == TERMINATED
        next_row = (last + 1) % self.rows
        counted = n
        if moments is not None:
            beyond = moments + n - self.mini_race_actions
            terminal = terminal | (beyond >= 0)
            counted = n - beyond.clamp_min(0)
        gamma = columns["gamma"][row]  # (B, 1)
        powers = gamma**steps * (steps < counted[:, None])  # (B, n)
        reward = (powers * columns["reward"][rows, envs]).sum(dim=1)
        discount = gamma[:, 0] ** counted * ~terminal
        image, floats = self._frames(row, env)
        next_image, next_floats = self._frames(next_row, env)
        if self.shaping:
            reward = reward + discount * potential(next_floats) - potential(floats)
        if moments is not None:
            floats[:, 0] = moments
            next_floats[:, 0] = moments + n
        action = columns["action"][row, env].long()
        return Batch(
            image, floats, next_image, next_floats, action, reward, discount, index, weight
        )

    def _frames(self, row: Tensor, env: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Copies of image and floats."""
        image, floats = (
            self.columns[name][row, env] if name in self.columns else None
            for name in ("image", "floats")
        )
        return image, floats

    def set_priorities(self, index: Tensor, losses: Tensor) -> None:
        """After learning: the losses of transitions, which are their priorities, (B,) each.

        One that is no number counts as 0, since it would draw itself for ever; and an outlier
        neither draws itself alone, nor tells how new transitions begin.
        """
        index, losses = index.to(self.device), losses.to(self.device)
        losses = torch.where(losses.isfinite(), losses, 0.0)
        order = index.argsort()
        again = torch.zeros_like(index, dtype=torch.bool)  # what is there twice counts once
        again[order[1:]] = index[order[1:]] == index[order[:-1]]
        high = torch.where(again | (losses <= 0), torch.nan, losses).nanquantile(HIGH)
        # of few losses one alone might move it far
        high = torch.lerp(high.minimum(2 * self.new_priority), self.new_priority, _SLOW)
        self.new_priority = torch.where(high.isnan(), self.new_priority, high)
        most = OUTLIER * self.new_priority
        self.columns["priority"].view(-1)[index] = losses.minimum(most)

    def state_dict(self) -> dict:
        """All that is remembered: tensors, and how to read them."""
        filled = min(self.written, self.rows)
        state = {
            # a part of a tensor would be saved with all of it
            name: column if filled == self.rows else column[:filled].clone()
            for name, column in self.columns.items()
        }
        state |= {name: getattr(self, attribute) for name, attribute in self._others().items()}
        return state | {"rows": self.rows, "written": self.written}

    def _others(self) -> dict[str, str]:
        """Tensors that are no columns: what checkpoints call them, and their attributes."""
        others = {"block_left": "block_left", "holds_out": "holds_out"}
        if self.priority_exponent:
            others["highest_priority"] = "new_priority"  # the name is older
        return others

    def load_state_dict(self, state: dict) -> None:
        """Remember what another one did."""
        self.rows, self.written = state["rows"], state["written"]
        for name, column in self.columns.items():
            new = column.new_zeros((self.rows, *column.shape[1:]))
            new[: len(state[name])] = state[name]
            self.columns[name] = new
        for name, attribute in self._others().items():
            setattr(self, attribute, state[name].to(self.device))
        self._indices.clear()
