"""What the agent learns on Gymnasium's classic tasks, with the experiment `gym`.

Run with ``python tests/benchmarks/learning.py [--seeds 3]``; it prints a table. The policy at the
end of the training drives 50 episodes greedily. Five to ten minutes a row on one core.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

EPISODES = 50
TASKS = {  # frames, what is reached by others
    "CartPole-v1": (50_000, "QR-DQN 500 (published, 50,000 steps); at least 475 is asked"),
    "Acrobot-v1": (100_000, "QR-DQN -69 ± 10, DQN -92 ± 7 (published); at least -90 is asked"),
}


def mean_return(path: Path) -> float:
    """Of greedy episodes with the networks of a checkpoint."""
    import torch

    from tmnet.experiments.config import Experiment
    from tmnet.networks import IQN
    from tmnet.training.checkpoint import load_checkpoint
    from tmnet.training.world import open_world

    state = load_checkpoint(path)
    experiment = Experiment.from_dict(state["experiment"])
    performance = replace(experiment.performance, num_envs=EPISODES)
    world = open_world(replace(experiment, performance=performance), torch.device("cpu"), seed=1000)
    network = IQN(world.fitted(experiment.neural_network))
    network.load_state_dict(state["learner"]["online"])
    generator = torch.Generator().manual_seed(0)
    seen, total = world.reset(), torch.zeros(EPISODES)
    going = torch.ones(EPISODES, dtype=torch.bool)
    with torch.no_grad():
        while going.any():
            action = network.greedy_action(*seen, generator=generator)
            seen, reward, terminated, truncated, _ = world.step(action)
            total += reward * going
            going &= ~(terminated | truncated)
    world.close()
    return total.mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--set", nargs="+", default=[], metavar="FIELD=VALUE")
    arguments = parser.parse_args()

    import torch

    import tmnet
    from tmnet.training.checkpoint import Checkpoints
    from tmnet.yaml_text import from_yaml

    torch.set_num_threads(1)
    values = {name: from_yaml(value) for name, value in (x.split("=", 1) for x in arguments.set)}
    print("| task | frames | seed | mean return of 50 greedy episodes | minutes | others |")
    print("|---|---|---|---|---|---|")
    for task in arguments.tasks:
        frames, others = TASKS[task]
        for seed in range(arguments.seeds):
            with tempfile.TemporaryDirectory() as folder:
                start = time.perf_counter()
                tmnet.train(
                    "gym", seed=seed, frames=frames, device="cpu", values={"env": task} | values,
                    logdir=folder, checkpoints=Path(folder) / "checkpoints", progress=False,
                )  # fmt: skip
                minutes = (time.perf_counter() - start) / 60
                last = Checkpoints(Path(folder) / "checkpoints" / "gym").files()[-1]
                row = (task, f"{frames:,}", seed, f"{mean_return(last):.1f}", f"{minutes:.1f}")
            print(f"| {' | '.join(map(str, row))} | {others} |", flush=True)


if __name__ == "__main__":
    main()
