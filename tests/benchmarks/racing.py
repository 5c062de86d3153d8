"""How fast the racing simulator steps, against Gymnasium's CarRacing-v3 in the same process.

Run with ``python tests/benchmarks/racing.py [--device cuda] [--plot FILE.png] [--smoke]``; it
prints tables. One thread on the CPU. All contestants take turns; each figure is the median of its
turns. CarRacing needs ``pip install -e ".[bench]"``; without it there are no ratios. With
``--plot``, also how speed and memory grow with the number of environments and the size of the image
(memory on Linux and on CUDA only).
"""

import argparse
import importlib.util
import statistics
import time
from pathlib import Path

from measuring import alone, options, print_table

PEER, RACE = "Gymnasium CarRacing-v3", "tmnet.racing:tmnet/Race-v0"
TURNS, SECONDS = 7, 0.6
GROWTH = (1, 4, 16, 64, 256, 1024, 4096)
SIZES = (None, 32, 64, 128, 256)


class Racing:
    """Steps with random actions on both tracks, as a contestant."""

    def __init__(self, num_envs, image_size, device="cpu"):
        import torch

        from tmnet.racing import RaceVectorEnv

        torch.manual_seed(0)
        size = image_size and (image_size, image_size)
        self.name = f"tmnet, {num_envs:,} races, " + (f"{size[0]}x{size[1]}" if size else "floats")
        self.env = RaceVectorEnv(num_envs=num_envs, image_size=size, device=device)
        self.env.reset()
        self.actions = torch.randint(12, (50, num_envs), device=device)
        self.at, self.steps = 0, num_envs

    def step(self):
        self.at = (self.at + 1) % len(self.actions)
        self.env.step(self.actions[self.at])

    def wait(self):
        import torch

        if self.env.device.type == "cuda":
            torch.cuda.synchronize()


class Single:
    """One environment through gymnasium.make, as a contestant."""

    steps = 1

    def __init__(self, name, make_id, **options):
        import gymnasium

        self.name = name
        self.env = gymnasium.make(make_id, **options)
        self.env.reset(seed=0)
        self.env.action_space.seed(0)

    def step(self):
        _, _, terminated, truncated, _ = self.env.step(self.env.action_space.sample())
        if terminated or truncated:
            self.env.reset()

    def wait(self):
        pass


def rate(contestant, seconds):
    """Steps per second over a while; of this process's time on the CPU, of real time on a GPU."""
    on_gpu = isinstance(contestant, Racing) and contestant.env.device.type != "cpu"
    clock = time.perf_counter if on_gpu else time.process_time
    began = clock()
    count = 0
    while True:
        contestant.step()
        count += 1
        if count % 8 == 0 or contestant.steps > 256:
            contestant.wait()
            if (spent := clock() - began) > seconds:
                return count * contestant.steps / spent


def contestants(device, smoke):
    """What races: the peer first, where it is there."""
    if importlib.util.find_spec("Box2D"):
        yield Single(PEER, "CarRacing-v3", continuous=False)
    else:
        print(f'{PEER} is not measured: it needs Box2D (pip install -e ".[bench]").\n')
    if smoke:
        yield Single("tmnet/Race-v0, floats", RACE, image_size=None)
        yield Racing(2, 34, device)
    elif device == "cpu":
        yield Single("tmnet/Race-v0, floats", RACE, image_size=None)
        yield Single("tmnet/Race-v0, 64x64", RACE)
        yield from (Racing(64, size) for size in (None, 64, 128))
    else:
        yield from (Racing(num, 64, device) for num in (64, 256, 1024, 4096, 16384))
        yield from (Racing(4096, size, device) for size in (None, 128))


def compare(device, smoke):
    """Print the speed of all, and how many times the peer's it is."""
    racing = list(contestants(device, smoke))
    turns, seconds, warm_up = (1, 0.05, 0.0) if smoke else (TURNS, SECONDS, 0.3)
    for contestant in racing:
        rate(contestant, warm_up)
    speeds = [[rate(contestant, seconds) for contestant in racing] for _ in range(turns)]
    rows = []
    for index, contestant in enumerate(racing):
        middle = statistics.median(turn[index] for turn in speeds)
        row = [contestant.name, f"{middle:,.0f}", "", ""]
        if racing[0].name == PEER:
            ratios = [turn[index] / turn[0] for turn in speeds]
            row[2:] = (
                f"{statistics.median(ratios):,.1f}",
                f"{min(ratios):,.1f} to {max(ratios):,.1f}",
            )
        rows.append(row)
    print_table(["racing", "steps/s", "times CarRacing's", "lowest to highest turn"], rows)


def one(num_envs, image_size, device):
    """Speed, and memory beyond that of one race without an image; on the CPU in its own process."""
    import torch

    torch.set_num_threads(1)
    base = Racing(1, None, device)
    base.step()
    if device == "cpu":  # Linux: 5 forgets the peak so far
        Path("/proc/self/clear_refs").write_text("5")

        def peak():
            lines = Path("/proc/self/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if "VmHWM" in line) * 1024
    else:
        torch.cuda.reset_peak_memory_stats()
        peak = torch.cuda.max_memory_allocated

    before = peak()
    racing = Racing(num_envs, image_size, device)
    speed = rate(racing, 1.0)
    print(speed, peak() - before)


def growth(device, file, smoke):
    """Print and draw the speed and memory of batches of all sizes."""
    import pandas as pd
    import seaborn as sns
    from matplotlib.figure import Figure
    from tqdm import tqdm

    rows = []
    batches = [(size, num) for size in SIZES for num in GROWTH]
    for size, num in tqdm(batches[:1] if smoke else batches, desc="growth"):
        if num * (size or 1) ** 2 > 4096 * 64**2 and device == "cpu":
            continue
        speed, memory = alone(__file__, "--one", num, size or 0, "--device", device)
        rows.append((f"{size}x{size}" if size else "no image", num, speed, memory / 1e6))
    frame = pd.DataFrame(rows, columns=["image", "environments", "steps/s", "memory (MB)"])
    print()
    print_table(
        list(frame), ([*row[:2], *(f"{x:,.1f}" for x in row[2:])] for row in frame.values.tolist())
    )
    figure = Figure((10, 4), dpi=130, layout="tight")
    for ax, value in zip(figure.subplots(1, 2), ("steps/s", "memory (MB)")):
        sns.lineplot(
            frame[frame[value] > 0], x="environments", y=value, hue="image", style="image",
            markers=True, dashes=False, palette="colorblind", ax=ax,
        )  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel="environments in a batch")
        ax.grid(alpha=0.4)
    figure.axes[1].set_ylabel("memory beyond one race without image (MB)")
    figure.savefig(file)
    print(f"plot: {file}")


def main(argv=None) -> None:
    parser = options(__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--one", nargs=2, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.one:
        num, size = arguments.one
        one(num, size or None, arguments.device)
        return
    import torch

    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {arguments.device}, 1 thread\n")
    compare(arguments.device, arguments.smoke)
    if arguments.plot:
        growth(arguments.device, arguments.plot, arguments.smoke)


if __name__ == "__main__":
    main()
