"""What the experiment `gym` learns on tasks of Gymnasium, and the CPU time that it takes:
against QR-DQN of sb3-contrib, in the same run.

Run with ``python tests/benchmarks/learning.py [--seeds 3] [--smoke]``; it prints a table. The
policy at the end of the training drives 50 episodes greedily. QR-DQN has the settings that its
authors have tuned for each task, and needs ``pip install -e ".[bench]"``. Two to ten minutes a row
on one core; but of LunarLander-v3, which is trained on where ``--tasks`` names it, hours: QR-DQN
compares 170 quantiles with as many.
"""

import importlib.util
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from measuring import options, print_table

EPISODES = 50
QUICK = ["CartPole-v1", "Acrobot-v1"]
PEER = "QR-DQN"


class Task(NamedTuple):
    """One of Gymnasium's; how QR-DQN is set for it, by rl-baselines3-zoo; and what the experiment
    takes besides: its schedules are for 50,000 frames."""

    frames: int
    quantiles: int
    peer: Mapping[str, Any]
    values: Mapping[str, Any]


TASKS = {
    "CartPole-v1": Task(50_000, 10, {
        "learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000, "learning_starts": 1000,
        "target_update_interval": 10, "train_freq": 256, "gradient_steps": 128,
        "exploration_fraction": 0.16, "exploration_final_eps": 0.04,
    }, {}),
    "Acrobot-v1": Task(100_000, 25, {
        "learning_rate": 6.3e-4, "batch_size": 128, "buffer_size": 50_000, "learning_starts": 0,
        "target_update_interval": 250, "train_freq": 4, "gradient_steps": -1,
        "exploration_fraction": 0.12, "exploration_final_eps": 0.1,
    }, {}),
    "LunarLander-v3": Task(100_000, 170, {
        "learning_rate": lambda left: 1.5e-3 * left, "batch_size": 128, "buffer_size": 100_000,
        "learning_starts": 10_000, "gamma": 0.995, "target_update_interval": 1, "train_freq": 256,
        "gradient_steps": -1, "exploration_fraction": 0.24, "exploration_final_eps": 0.18,
    }, {
        "training.global_schedule_speed": 2, "training.gamma_schedule": [[0, 0.995]],
        "memory.schedule": [[0, 100_000, 5_000]],
    }),
}  # fmt: skip


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


def ours(name: str, frames: int, seed: int, episodes: int, values) -> tuple[float, float, float]:
    """The mean return at the end, that of random actions, and CPU seconds of the training."""
    import tmnet
    from tmnet.training.checkpoint import Checkpoints

    with tempfile.TemporaryDirectory() as folder:
        start, checkpoints = time.process_time(), Path(folder) / "checkpoints"
        tmnet.train(
            "gym", seed=seed, frames=frames, device="cpu",
            values={"env": name, **TASKS[name].values, **values},
            logdir=folder, checkpoints=checkpoints, progress=False,
        )  # fmt: skip
        taken = time.process_time() - start
        returns = mean_returns(Checkpoints(checkpoints / "gym").files()[-1], episodes)
    return *returns, taken


def peers(name: str, frames: int, seed: int, episodes: int) -> tuple[float, float]:
    """The mean return at the end, and CPU seconds of the training."""
    from sb3_contrib import QRDQN
    from stable_baselines3.common.evaluation import evaluate_policy

    network = {"net_arch": [256, 256], "n_quantiles": TASKS[name].quantiles}
    agent = QRDQN(
        "MlpPolicy", name, seed=seed, device="cpu", policy_kwargs=network, **TASKS[name].peer
    )
    start = time.process_time()
    agent.learn(frames)
    taken = time.process_time() - start
    mean, _ = evaluate_policy(agent, agent.get_env(), episodes)
    return float(mean), taken


def row(name: str, frames: int, seed: int, episodes: int, values, has_peer: bool):
    """Train on a task, and judge what was learned."""
    greedy, at_random, taken = ours(name, frames, seed, episodes, values)
    told = [f"{greedy:.1f}", f"{1000 * taken / frames:.2f}"]
    if has_peer:
        greedy, taken = peers(name, frames, seed, episodes)
        told += [f"{greedy:.1f}", f"{1000 * taken / frames:.2f}"]
    else:
        told += ["", ""]
    return (name, f"{frames:,}", seed, *told, f"{at_random:.1f}")


def main(argv=None) -> None:
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", default=QUICK, choices=list(TASKS))
    parser.add_argument("--set", nargs="+", default=[], metavar="FIELD=VALUE")
    arguments = parser.parse_args(argv)

    import torch

    import tmnet.training.start  # noqa: F401 - so that no training's time has it
    from tmnet.yaml_text import from_yaml

    torch.set_num_threads(1)
    values = {name: from_yaml(value) for name, value in (x.split("=", 1) for x in arguments.set)}
    has_peer = importlib.util.find_spec("sb3_contrib") is not None
    if not has_peer:
        print(f'{PEER} is not measured: it needs sb3-contrib (pip install -e ".[bench]").\n')
    trainings = [
        (name, TASKS[name].frames, seed, EPISODES)
        for name in arguments.tasks
        for seed in range(arguments.seeds)
    ]
    if arguments.smoke:
        trainings = [("CartPole-v1", 300, 0, 2)]
    columns = [
        f"{who}: {what}"
        for who in ("tmnet", PEER)
        for what in (f"mean return of {EPISODES} greedy episodes", "CPU s per 1,000 frames")
    ]
    head = ["task", "frames", "seed", *columns, "mean return of random actions"]
    print_table(head, (row(*training, values, has_peer) for training in trainings))


if __name__ == "__main__":
    main()
