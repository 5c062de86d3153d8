"""Random runs and arms, and the same for plain loops."""

import numpy as np

import tmnet
from tmnet.experiments.config import NetworkConfig
from tmnet.networks.costs import costs

from ...synthetic import CUTOFF, load, race, write_file
from . import by_hand

AXES = ("time", "step", "relative_step", "flops")


def random_run(rng, logdir, name, size):
    """Its races, and its costs a batch and a decision if it logs its network."""
    races, pace = int(rng.integers(1, 160)), float(rng.choice([1.0, 4.0, 30.0]))
    begins, most, wobble = rng.uniform(-0.5, 0.9), rng.uniform(0, 1), rng.choice([0.0, 0.9])
    start = int(rng.choice([0, 0, 0, 0, 400_000]))
    second, step, batches, state, records = 0.0, start, float(rng.integers(0, 9)), 0.0, []
    for k in range(races):
        second += float(rng.integers(1, int(60 * pace)))
        step += int(rng.integers(1, 3000))
        batches += float(rng.integers(1, 400))
        state = wobble * state + rng.normal() * 0.1
        done = rng.random() < np.clip((k / races - begins) * most / 0.5 + state, 0, 1)
        time_s = round(24 + float(rng.exponential(0.5)) + 2 * (1 - k / races), 2)
        values = race(time_s) if done else race(CUTOFF, False)
        if rng.random() < 0.1:
            values |= race(30.0, kind="explo")
        records.append((second, step, values | {"cumul_number_batches_done": batches}))
    text, flops = "", None
    if size and races > 1:
        network = NetworkConfig(w_downsized=size, h_downsized=size)
        total = costs(network, 64)
        flops = total["flops_per_batch"], total["flops_per_decision"]
        text = f"neural_network: {{w_downsized: {size}, h_downsized: {size}}}\n"
        text += "training: {batch_size: 64}\n"
    if rng.random() < 0.06:
        text += "initial_checkpoint: other\n"
    write_file(logdir / name, records, texts={"config": text} if text else ())
    return by_hand.Driven(load(logdir, name), flops), load(logdir, name)


def random_study(seed, logdir):
    """Runs, or arms, compared on one axis; and the same by hand."""
    rng = np.random.default_rng(seed)
    are_arms, size = rng.random() < 0.4, int(rng.choice([0, 48, 64]))
    counts = [int(n) for n in rng.integers(1, 6 if are_arms else 2, int(rng.integers(1, 4)))]
    made = {
        f"arm{i}" if are_arms else f"arm{i}_0": [
            random_run(rng, logdir, f"arm{i}_{j}", size) for j in range(n)
        ]
        for i, n in enumerate(counts)
    }
    runs = {arm: [run for _, run in seeds] for arm, seeds in made.items()}
    driven = {arm: [run for run, _ in seeds] for arm, seeds in made.items()}
    every = [run for seeds in driven.values() for run in seeds]
    by = str(rng.choice(AXES if all(run.flops for run in every) else AXES[:3]))
    ends = sorted(run.end(by) for run in every)
    options = {}
    if rng.random() < 0.5:
        hi = ends[0] if rng.random() < 0.5 else ends[-1]
        options["window"] = (float(rng.choice([0.0, 0.3 * hi])), hi)
        options["interval"] = hi / (int(rng.integers(1, 30)) + 0.3)  # no tie of rounding
    given = str(rng.choice([*runs])) if rng.random() < 0.3 else None
    compared = tmnet.compare(
        runs if are_arms else [run for seeds in runs.values() for run in seeds], by=by, **options
    )
    hand = by_hand.Compared(driven, by, **options, are_arms=are_arms, baseline=given)
    return compared, hand, given
