"""How long a training step takes, against a textbook version in the same run, on the CPU.

Run with ``python tests/benchmarks/training_step.py [--big] [--scale SCALE] [--threads 2]
[--smoke]``; it prints a table. A batch is as large as the experiment's. A step is the target pass,
the choice of the next action, the prediction, the loss, the backward pass, clipping, and RAdam.
Steps of all versions take turns; the median of seven.
"""

import copy
import statistics
from pathlib import Path

from measuring import chosen_network, in_turns, network_options, pin, print_table

REPEATS = 7


def bfloat16_instructions() -> str:
    """Which instructions the CPU has for products of bfloat16, as far as the system tells."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return "unknown"
    if not {"flags", "Features"} & set(flags):
        return "unknown"
    found = [flag for flag in ("amx_bf16", "avx512_bf16", "bf16") if flag in flags]
    return ", ".join(found) or "none"


def versions(config, batch):
    """The loss of one batch by name, as functions of a network and its target."""
    import torch
    from textbook import batch_loss

    from tmnet.networks import target_quantiles, transition_losses
    from tmnet.networks.timing import random_states

    now, later = random_states(config, batch), random_states(config, batch)
    action = torch.randint(config.n_actions, (batch,))
    reward, discount = torch.randn(batch), torch.ones(batch)

    def plain(net, target):
        sizes = discount[:, None], later, config.iqn_n
        return batch_loss(net, target, now, action, reward, *sizes)

    def ours(net, target):
        goal, _ = target_quantiles(net, target, *later, reward, discount)
        return transition_losses(net, *now, action, goal).sum()

    def half(net, target):
        with torch.autocast("cpu", torch.bfloat16):
            return ours(net, target)

    return {"textbook, float32": plain, "tmnet, float32": ours, "tmnet, bfloat16 autocast": half}


def check(losses, net, target) -> None:
    """All compute the same, with the same draws."""
    import torch

    values = []
    for loss in losses.values():
        torch.manual_seed(1)
        values.append(loss(net, target).detach())
    torch.testing.assert_close(values[1], values[0], rtol=1e-3, atol=0)
    torch.testing.assert_close(values[2], values[0], rtol=0.03, atol=0)


def training_step(loss, net, target, foreach):
    """A step of a network of its own."""
    import torch

    net, target = copy.deepcopy(net), copy.deepcopy(target)
    optimiser = torch.optim.RAdam(net.parameters(), lr=1e-4, eps=1e-4, foreach=foreach)

    def step():
        optimiser.zero_grad()
        loss(net, target).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 30, foreach=foreach)
        optimiser.step()

    return step


def main(argv=None) -> None:
    arguments = network_options(__doc__).parse_args(argv)
    pinned = pin(arguments.threads)  # before torch makes its threads

    import torch

    from tmnet.networks import IQN

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    _, config, batch, size = chosen_network(arguments)
    repeats = 1 if arguments.smoke else REPEATS
    net, target = IQN(config), IQN(config)
    losses = versions(config, batch)
    check(losses, net, target)
    steps = {
        name: training_step(loss, net, target, foreach="textbook" not in name)
        for name, loss in losses.items()
    }
    times = in_turns(steps, repeats)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"{size} network, batch {batch}, torch {torch.__version__}, {pinned}")
    units = f"{bfloat16_instructions()} (matrix units are amx_bf16 or bf16)"
    print(f"bfloat16: {units}; {torch.backends.cpu.get_cpu_capability()}\n")
    rows = [
        (
            name,
            f"{1000 * median:.3g}",
            f"{1000 * min(times[name]):.3g} to {1000 * max(times[name]):.3g}",
            f"{medians['textbook, float32'] / median:.2f}",
        )
        for name, median in medians.items()
    ]
    print_table(["training step", "ms", "least to most", "times the textbook's speed"], rows)


if __name__ == "__main__":
    main()
