"""How fast training is, against a textbook learner in the same run, and where its time goes.

Run with ``python tests/benchmarks/training.py [--big] [--threads 2] [--device cuda]``; it prints
tables. Batch 512, the published network, Double DQN. An update is: drawing a batch from a memory
of 20,000 transitions, and learning from it. The textbook's memory is a list of transitions; its
network, loss and optimiser are those of `training_step.py`. Updates take turns; medians of seven.
The second table is a training on the simulator at reference scale.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from dataclasses import replace

from training_step import BATCH, REPEATS, pin, textbook, textbook_loss

TRANSITIONS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--big", action="store_true", help="the big network, not the small")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--minutes", type=float, default=2.0, help="of the training at the end")
    arguments = parser.parse_args()
    pinned = pin(arguments.threads)  # before torch makes its threads

    import numpy as np
    import torch

    import tmnet
    from tmnet.networks import IQN, NetworkConfig, draw_taus
    from tmnet.networks.anatomy import anatomy
    from tmnet.networks.timing import wait_for
    from tmnet.training.learner import Learner
    from tmnet.training.memory import RUNNING, TransitionMemory

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    device = torch.device(arguments.device)
    config = NetworkConfig.big() if arguments.big else NetworkConfig.small()
    name = "A01_as20_big_long" if arguments.big else "A01_as20_long"
    experiment = tmnet.load_experiment(name)
    settings, remembered = experiment.training, replace(experiment.memory, test_share=0.0)
    shape, n = (1, config.h_downsized, config.w_downsized), config.iqn_n
    generator = torch.Generator(device).manual_seed(0)

    memory = TransitionMemory(
        64, shape, config.float_input_dim, TRANSITIONS, settings, remembered, device
    )
    listed = []
    for _ in range(memory.rows):
        image = torch.randint(256, (64, *shape), dtype=torch.uint8, device=device)
        floats = torch.randn(64, config.float_input_dim, device=device)
        action = torch.randint(12, (64,), device=device)
        reward, greedy = torch.randn(64, device=device), torch.ones(64, dtype=torch.bool)
        end = torch.full((64,), RUNNING, device=device)
        memory.add(image, floats, action, greedy, reward, end, 0.999, generator)
        for i in range(0, 64, 16):  # a list of fewer is drawn from just as fast
            listed.append((image[i].cpu().numpy(), floats[i].cpu().numpy(), int(action[i]), 0.0))

    def textbook_update():
        net, target, optimiser = peer
        batch = random.choices(range(len(listed) - 1), k=BATCH)
        now, later = ([listed[i + k] for i in batch] for k in (0, 1))
        images, next_images = (
            torch.from_numpy(np.stack([x[0] for x in some])).to(device) for some in (now, later)
        )
        floats, next_floats = (
            torch.from_numpy(np.stack([x[1] for x in some])).to(device) for some in (now, later)
        )
        action = torch.tensor([x[2] for x in now], device=device)
        reward = torch.tensor([x[3] for x in now], device=device)
        rows = torch.arange(BATCH, device=device)
        with torch.no_grad():
            future = textbook(target, next_images, next_floats, draw_taus(BATCH, n, device))
            choice = textbook(net, next_images, next_floats, draw_taus(BATCH, n, device))
            best = choice.mean(dim=1).argmax(dim=1)
            goal = reward[:, None] + 0.999 * future[rows, :, best]
        tau = draw_taus(BATCH, n, device)
        guess = textbook(net, images, floats, tau)[rows, :, action]
        optimiser.zero_grad()
        textbook_loss(guess, goal, tau).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 30, foreach=False)
        optimiser.step()

    net = IQN(config).to(device)
    optimiser = torch.optim.RAdam(net.parameters(), lr=1e-4, eps=1e-4, foreach=False)
    peer = net, IQN(config).to(device), optimiser
    updates = {"textbook, float32": textbook_update}
    for precision in (torch.float32, torch.bfloat16):
        learner = Learner(IQN(config).to(device), settings, precision)

        def update(learner=learner):
            learner.learn(memory.sample(BATCH, generator), 1e-4, generator)

        updates[f"tmnet, {str(precision).removeprefix('torch.')}"] = update

    times = {name: [] for name in updates}
    for repeat in range(REPEATS + 1):
        for what, call in updates.items():
            wait_for(device)
            start = time.perf_counter()
            call()
            wait_for(device)
            if repeat:  # the first warms up
                times[what].append(time.perf_counter() - start)
    medians = {what: statistics.median(values) for what, values in times.items()}
    size = "big" if arguments.big else "small"
    print(f"{size} network, batch {BATCH}, {device}, torch {torch.__version__}, {pinned}\n")
    print("| learner | updates/s | transitions/s | TFLOP/s | times the textbook's speed |")
    print("|---|---|---|---|---|")
    flops = anatomy(config, BATCH).totals["flops_per_batch"]
    for what, median in medians.items():
        ratio = medians["textbook, float32"] / median
        rates = f"{1 / median:.2f} | {BATCH / median:,.0f} | {flops / median / 1e12:.3f}"
        print(f"| {what} | {rates} | {ratio:.2f} |")

    values = {"memory.schedule": [[0, 20_000, 2_000]]}
    with tempfile.TemporaryDirectory() as folder:
        run = tmnet.train(
            name, minutes=arguments.minutes, device=device, values=values, logdir=folder,
            checkpoints=f"{folder}/checkpoints", progress=False,
        )  # fmt: skip
        log = tmnet.read_scalars(run, cache=False)
        log = log[log["tag"].str.startswith("Performance/")]
        last = log[log["step"] > log["step"].max() / 2].groupby("tag", observed=True)["value"]
        print(f"\n{name} on the simulator, {arguments.minutes:g} minutes, second half\n")
        print("| | |\n|---|---|")
        for tag, value in last.mean().items():
            print(f"| {tag.removeprefix('Performance/')} | {value:,.3g} |")
    for pixels in (64, 128):
        gigabytes = TransitionMemory.bytes_of(64, (1, pixels, pixels), 184, 200_000) / 1e9
        print(f"| 200,000 transitions with {pixels}x{pixels} images (GB) | {gigabytes:.2f} |")
    try:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"| peak memory of this process (MB) | {peak / 1024:,.0f} |")
    except ImportError:  # not on Windows
        pass


if __name__ == "__main__":
    main()
