"""What the agent learns on Gymnasium's classic tasks, with the experiment `gym`.

Run with ``python tests/benchmarks/learning.py [--seeds 3] [--smoke]``; it prints a table. The
policy at the end of the training drives 50 episodes greedily. The last columns say how much of the
way from random actions, in the same run, to what others have published it has come. Five to ten
minutes a row on one core.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from measuring import options, print_table

EPISODES = 50


class Task(NamedTuple):
    """One of Gymnasium's, and what others have reached on it."""

    frames: int
    published: float
    """Mean return of QR-DQN."""
    others: str


TASKS = {
    "CartPole-v1": Task(50_000, 500, "QR-DQN 500 (published, 50,000 steps); at least 475 is asked"),
    "Acrobot-v1": Task(
        100_000, -69, "QR-DQN -69 ± 10, DQN -92 ± 7 (published); at least -90 is asked"
    ),
}


def mean_returns(path: Path, episodes: int) -> tuple[float, float]:
    """Of greedy episodes with the networks of a checkpoint, and of random actions."""
    import torch

    from tmnet.experiments.config import Experiment
    from tmnet.networks import IQN
    from tmnet.training.checkpoint import load_checkpoint
    from tmnet.training.world import open_world

    state = load_checkpoint(path)
    experiment = Experiment.from_dict(state["experiment"])
    performance = replace(experiment.performance, num_envs=episodes)
    world = open_world(replace(experiment, performance=performance), torch.device("cpu"), seed=1000)
    config = world.fitted(experiment.neural_network)
    network = IQN(config)
    network.load_state_dict(state["learner"]["online"])
    generator = torch.Generator().manual_seed(0)

    def greedy(seen):
        return network.greedy_action(*seen, generator=generator)

    def at_random(_):
        return torch.randint(config.n_actions, (episodes,), generator=generator)

    with torch.no_grad():
        returns = played(world, greedy), played(world, at_random)
    world.close()
    return returns


def played(world, policy) -> float:
    """Mean return of one episode in each environment."""
    import torch

    seen, total = world.reset(), torch.zeros(world.num_envs)
    going = torch.ones(world.num_envs, dtype=torch.bool)
    while going.any():
        seen, reward, terminated, truncated, _ = world.step(policy(seen))
        total += reward * going
        going &= ~(terminated | truncated)
    return total.mean().item()


def row(name: str, frames: int, seed: int, episodes: int, values):
    """Train on a task, and judge what was learned."""
    import tmnet
    from tmnet.training.checkpoint import Checkpoints

    with tempfile.TemporaryDirectory() as folder:
        start, checkpoints = time.perf_counter(), Path(folder) / "checkpoints"
        tmnet.train(
            "gym", seed=seed, frames=frames, device="cpu", values={"env": name} | values,
            logdir=folder, checkpoints=checkpoints, progress=False,
        )  # fmt: skip
        minutes = (time.perf_counter() - start) / 60
        greedy, at_random = mean_returns(Checkpoints(checkpoints / "gym").files()[-1], episodes)
    share = (greedy - at_random) / (TASKS[name].published - at_random)
    figures = f"{greedy:.1f}", f"{minutes:.1f}", f"{at_random:.1f}", f"{share:.0%}"
    return (name, f"{frames:,}", seed, *figures, TASKS[name].others)


def main(argv=None) -> None:
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--set", nargs="+", default=[], metavar="FIELD=VALUE")
    arguments = parser.parse_args(argv)

    import torch

    from tmnet.yaml_text import from_yaml

    torch.set_num_threads(1)
    values = {name: from_yaml(value) for name, value in (x.split("=", 1) for x in arguments.set)}
    trainings = [
        (name, TASKS[name].frames, seed, EPISODES)
        for name in arguments.tasks
        for seed in range(arguments.seeds)
    ]
    if arguments.smoke:
        trainings = [("CartPole-v1", 300, 0, 2)]
    returns = f"mean return of {EPISODES} greedy episodes", "minutes", "of random actions"
    head = ["task", "frames", "seed", *returns, "of the way to QR-DQN", "others"]
    print_table(head, (row(*training, values) for training in trainings))


if __name__ == "__main__":
    main()
