"""How fast training is, against a textbook learner in the same run, and where its time goes.

Run with ``python tests/benchmarks/training.py [--big] [--scale SCALE] [--threads 2] [--device cuda]
[--smoke]``; it prints tables. An update is: drawing a batch of the experiment's size from a memory
of 20,000 transitions, and learning from it with Double DQN. The textbook's memory is a list of
transitions; its network, loss and optimiser are those of `textbook.py`. Updates take turns; medians
of seven. The second table is a training on the simulator.
"""

import statistics
import tempfile
from dataclasses import replace

from measuring import chosen_network, in_turns, network_options, peak_mb, pin, print_table

REPEATS, TRANSITIONS, RACES = 7, 20_000, 64


def memories(config, experiment, transitions, device, generator):
    """The same random transitions for both: (tmnet's memory, the textbook's list)."""
    import torch

    from tmnet.training.memory import RUNNING, TransitionMemory

    shape = (1, config.h_downsized, config.w_downsized) if config.use_image_head else None
    memory = TransitionMemory(
        RACES, shape, config.float_input_dim, transitions, experiment.training,
        replace(experiment.memory, test_share=0.0), device,
    )  # fmt: skip
    listed = []
    for _ in range(memory.rows):
        image = shape and torch.randint(256, (RACES, *shape), dtype=torch.uint8, device=device)
        floats = torch.randn(RACES, config.float_input_dim, device=device)
        action = torch.randint(12, (RACES,), device=device)
        reward, greedy = torch.randn(RACES, device=device), torch.ones(RACES, dtype=torch.bool)
        end = torch.full((RACES,), RUNNING, device=device)
        memory.add(image, floats, action, greedy, reward, end, 0.999, generator)
        listed += [  # a list of fewer is drawn from just as fast
            (shape and image[i].cpu().numpy(), floats[i].cpu().numpy(), int(action[i]), 0.0)
            for i in range(0, RACES, 16)
        ]
    return memory, listed


def updates(config, experiment, batch, transitions, device):
    """An update of each learner, by name."""
    import textbook
    import torch

    from tmnet.networks import IQN
    from tmnet.training.learner import Learner

    generator = torch.Generator(device).manual_seed(0)
    memory, listed = memories(config, experiment, transitions, device, generator)
    peer = textbook.Learner(config, listed, device)
    calls = {"textbook, float32": lambda: peer.learn(batch)}
    for precision in (torch.float32, torch.bfloat16):
        learner = Learner(IQN(config).to(device), experiment.training, precision)

        def update(learner=learner):
            learner.learn(memory.sample(batch, generator), 1e-4, generator)

        calls[f"tmnet, {str(precision).removeprefix('torch.')}"] = update
    return calls


def shares_of_time(name, **options):
    """What a training logs of its own speed: the means of its second half."""
    import tmnet

    with tempfile.TemporaryDirectory() as folder:
        run = tmnet.train(
            name, logdir=folder, checkpoints=f"{folder}/checkpoints", progress=False, **options
        )
        log = tmnet.read_scalars(run, cache=False)
    log = log[log["tag"].str.startswith("Performance/")]
    last = log[log["step"] > log["step"].max() / 2].groupby("tag", observed=True)["value"]
    for tag, value in last.mean().items():
        yield tag.removeprefix("Performance/"), f"{value:,.3g}"


def main(argv=None) -> None:
    parser = network_options(__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--minutes", type=float, default=2.0, help="of the training at the end")
    arguments = parser.parse_args(argv)
    pinned = pin(arguments.threads)  # before torch makes its threads

    import torch

    from tmnet.networks.anatomy import anatomy
    from tmnet.networks.timing import wait_for
    from tmnet.training.memory import TransitionMemory

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    smoke, device = arguments.smoke, torch.device(arguments.device)
    repeats, transitions = (1, 640) if smoke else (REPEATS, TRANSITIONS)
    experiment, config, batch, size = chosen_network(arguments)
    calls = updates(config, experiment, batch, transitions, device)
    times = in_turns(calls, repeats, lambda: wait_for(device))
    medians = {what: statistics.median(values) for what, values in times.items()}

    print(f"{size} network, batch {batch}, {device}, torch {torch.__version__}, {pinned}\n")
    flops = anatomy(config, batch).totals["flops_per_batch"]
    rows = [
        (
            what,
            f"{1 / median:.2f}",
            f"{batch / median:,.0f}",
            f"{flops / median / 1e12:.3f}",
            f"{medians['textbook, float32'] / median:.2f}",
        )
        for what, median in medians.items()
    ]
    head = ["learner", "updates/s", "transitions/s", "TFLOP/s", "times the textbook's speed"]
    print_table(head, rows)

    length = {"frames": 400} if smoke else {"minutes": arguments.minutes}
    values = {"memory.schedule": [[0, 20_000, 200 if smoke else 2_000]]}
    (what, much), name = next(iter(length.items())), experiment.name
    print(f"\n{name} on the simulator, {much:g} {what}, second half\n")
    scale = "laptop" if smoke else arguments.scale
    rows = list(shares_of_time(name, scale=scale, device=device, values=values, **length))
    for pixels in (64, 128):
        gigabytes = TransitionMemory.bytes_of(64, (1, pixels, pixels), 184, 200_000) / 1e9
        what = f"200,000 transitions with {pixels}x{pixels} images (GB)"
        rows.append((what, f"{gigabytes:.2f}"))
    rows.append(("peak memory of this process (MB)", f"{peak_mb():,.0f}"))
    print_table(["", ""], rows)


if __name__ == "__main__":
    main()
