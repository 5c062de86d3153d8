"""How fast the racing simulator steps, against Gymnasium's CarRacing-v3 in the same process.

Run with ``python tests/benchmarks/racing.py [--device cuda] [--plot FILE.png]``; it prints tables.
One thread on the CPU. All contestants take turns; each figure is the median of its turns.
CarRacing needs ``pip install "gymnasium[box2d]"``. With ``--plot``, also how speed and memory grow
with the number of environments and the size of the image (memory on Linux and on CUDA only).
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

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


def compare(device):
    import tmnet.racing  # noqa: F401  (registers the environment)

    contestants = [Single("Gymnasium CarRacing-v3", "CarRacing-v3", continuous=False)]
    if device == "cpu":
        contestants += [
            Single("tmnet/Race-v0, floats", "tmnet/Race-v0", image_size=None),
            Single("tmnet/Race-v0, 64x64", "tmnet/Race-v0"),
            *(Racing(64, size) for size in (None, 64, 128)),
        ]
    else:
        contestants += [Racing(num, 64, device) for num in (64, 256, 1024, 4096, 16384)]
        contestants += [Racing(4096, size, device) for size in (None, 128)]
    for contestant in contestants:
        rate(contestant, 0.3)
    turns = [[rate(contestant, SECONDS) for contestant in contestants] for _ in range(TURNS)]
    print(f"{'':34} {'steps/s':>12} {'x CarRacing':>12}   (lowest .. highest turn)")
    for index, contestant in enumerate(contestants):
        ratios = [turn[index] / turn[0] for turn in turns]
        middle = statistics.median(turn[index] for turn in turns)
        spread = f"{min(ratios):,.0f} .. {max(ratios):,.0f}"
        print(f"{contestant.name:34} {middle:12,.0f} {statistics.median(ratios):12,.1f}   {spread}")


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


def growth(device, file):
    import pandas as pd
    import seaborn as sns
    from matplotlib.figure import Figure
    from tqdm import tqdm

    rows = []
    for size, num in tqdm([(size, num) for size in SIZES for num in GROWTH], desc="growth"):
        if num * (size or 1) ** 2 > 4096 * 64**2 and device == "cpu":
            continue
        command = [sys.executable, __file__, "--one", str(num), str(size or 0), "--device", device]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        image = f"{size}x{size}" if size else "no image"
        rows.append((image, num, float(output[0]), float(output[1]) / 1e6))
    frame = pd.DataFrame(rows, columns=["image", "environments", "steps/s", "memory (MB)"])
    print(frame.to_string(index=False, float_format=lambda value: f"{value:,.1f}"))
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--one", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        num, size = options.one
        one(num, size or None, options.device)
        return
    import torch

    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {options.device}, 1 thread")
    compare(options.device)
    if options.plot:
        growth(options.device, options.plot)


if __name__ == "__main__":
    main()
