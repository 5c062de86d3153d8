"""How long a training step takes, against a textbook version in the same run, on the CPU.

Run with ``python tests/benchmarks/training_step.py [--big] [--threads 2]``; it prints a table.
Batch 512. A step is the target pass, the choice of the next action, the prediction, the loss, the
backward pass, clipping, and RAdam. Steps of all versions take turns; the median of seven.
"""

import argparse
import copy
import os
import statistics
import time
from pathlib import Path

BATCH, REPEATS = 512, 7
KAPPA = 0.005


def pin(threads: int) -> str:
    """Keep the process on so many CPUs, where the system can; says what was done."""
    if not hasattr(os, "sched_setaffinity"):
        return f"{threads} threads, not pinned"
    cpus = sorted(os.sched_getaffinity(0))[:threads]
    os.sched_setaffinity(0, cpus)
    return f"{threads} threads on CPU {', '.join(map(str, cpus))}"


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


def textbook(net, image, floats, tau):
    """Quantiles (B, n, A): features repeated for each quantile, and one head after the other."""
    import torch
    from torch.nn.functional import conv2d, leaky_relu, linear

    def layer(x, layer):
        return leaky_relu(linear(x, layer.weight, layer.bias), 0.01)

    batch, n = tau.shape
    x = (image.float() - 128) / 128
    for convolution in net.img_head[:-1:2]:
        x = conv2d(x, convolution.weight, convolution.bias, convolution.stride)
        x = leaky_relu(x, 0.01)
    y = (floats - net.float_mean) / net.float_std
    for linear_layer in net.float_feature_extractor[::2]:
        y = layer(y, linear_layer)
    z = torch.cat([x.flatten(1), y], dim=1).repeat_interleave(n, dim=0)  # (B n, D)
    i = torch.arange(1, net.iqn_fc[0].in_features + 1, device=tau.device)
    z = z * layer(torch.cos(torch.pi * i * tau.reshape(-1, 1)), net.iqn_fc[0])
    advantage = net.A_head[2](layer(z, net.A_head[0]))
    value = net.V_head[2](layer(z, net.V_head[0]))
    return (value + advantage - advantage.mean(dim=1, keepdim=True)).reshape(batch, n, -1)


def textbook_loss(prediction, target, tau):
    """The loss of a batch: prediction, target and tau (B, n)."""
    import torch
    from torch.nn.functional import huber_loss

    n = tau.shape[1]
    goals = target[:, :, None].repeat(1, 1, n)  # (B, n, n)
    guesses = prediction[:, None, :].repeat(1, n, 1)
    huber = huber_loss(guesses, goals, reduction="none", delta=KAPPA) / KAPPA
    below = (goals - guesses < 0).float()
    return (torch.abs(tau[:, None, :] - below) * huber).mean(dim=1).sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--big", action="store_true", help="the big network, not the small")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    pinned = pin(arguments.threads)  # before torch makes its threads

    import torch

    from tmnet.networks import (
        IQN,
        NetworkConfig,
        draw_taus,
        target_quantiles,
        transition_losses,
    )
    from tmnet.networks.timing import random_states

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    config = NetworkConfig.big() if arguments.big else NetworkConfig.small()
    n, rows = config.iqn_n, torch.arange(BATCH)
    first, first_target = IQN(config), IQN(config)
    now, later = random_states(config, BATCH), random_states(config, BATCH)
    action = torch.randint(config.n_actions, (BATCH,))
    reward, discount = torch.randn(BATCH), torch.ones(BATCH)

    def plain(net, target):
        with torch.no_grad():
            future = textbook(target, *later, draw_taus(BATCH, n))
            best = textbook(net, *later, draw_taus(BATCH, n)).mean(dim=1).argmax(dim=1)
            goal = reward[:, None] + discount[:, None] * future[rows, :, best]
        tau = draw_taus(BATCH, n)
        return textbook_loss(textbook(net, *now, tau)[rows, :, action], goal, tau)

    def ours(net, target):
        goal, _ = target_quantiles(net, target, *later, reward, discount)
        return transition_losses(net, *now, action, goal).sum()

    def half(net, target):
        with torch.autocast("cpu", torch.bfloat16):
            return ours(net, target)

    def losses_of_one_seed(call):
        torch.manual_seed(1)
        return call(first, first_target).detach()

    # All compute the same, with the same draws.
    expected = losses_of_one_seed(plain)
    torch.testing.assert_close(losses_of_one_seed(ours), expected, rtol=1e-3, atol=0)
    torch.testing.assert_close(losses_of_one_seed(half), expected, rtol=0.03, atol=0)

    versions = {"textbook, float32": (plain, False), "tmnet, float32": (ours, True)}
    versions["tmnet, bfloat16 autocast"] = half, True
    steps = {}
    for name, (call, foreach) in versions.items():
        net, target = copy.deepcopy(first), copy.deepcopy(first_target)
        optimiser = torch.optim.RAdam(net.parameters(), lr=1e-4, eps=1e-4, foreach=foreach)

        def step(call=call, foreach=foreach, net=net, target=target, optimiser=optimiser):
            optimiser.zero_grad()
            call(net, target).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 30, foreach=foreach)
            optimiser.step()

        steps[name] = step

    times = {name: [] for name in steps}
    for repeat in range(REPEATS + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if repeat:  # the first warms up
                times[name].append(1000 * (time.perf_counter() - start))
    medians = {name: statistics.median(values) for name, values in times.items()}
    reference = medians["textbook, float32"]
    size = "big" if arguments.big else "small"
    print(f"{size} network, batch {BATCH}, torch {torch.__version__}, {pinned}")
    units = f"{bfloat16_instructions()} (matrix units are amx_bf16 or bf16)"
    print(f"bfloat16: {units}; {torch.backends.cpu.get_cpu_capability()}\n")
    print("| training step | ms | least to most | times the textbook's speed |")
    print("|---|---|---|---|")
    for name, median in medians.items():
        spread = f"{min(times[name]):.0f} to {max(times[name]):.0f}"
        print(f"| {name} | {median:.0f} | {spread} | {reference / median:.2f} |")


if __name__ == "__main__":
    main()
