"""Whether a training that is killed again and again ends as one that was never killed.

Run with ``python tests/benchmarks/kills.py [--kills 200] [--smoke]``; it prints a table. Each
process is killed by SIGKILL at a random line of the training's code, at a write to the disk, or at
any moment; now and then a bit of the newest checkpoint is flipped, and copies of checkpoints lie
beside it. The next one is started by the same command, `--resume auto`. Two minutes on one core.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from measuring import options, print_table

ROOT = Path(__file__).parents[2]
KILLS = 200
FRAMES = 24  # that a process plays until it is killed, about
SUFFIXES = [[0, ""], [1000, "_2"], [2500, "_3"]]  # of the log's folders, by frames


def killed_and_unharmed(folder: Path, kills: int) -> tuple[list[dict], list[str]]:
    """What was found after each kill, and in what the two runs differ in the end."""
    from tests.training.trainings import Trainings, differences, surviving, without_times

    trainings = Trainings(folder)
    values = {
        "recording.checkpoint_minutes": 1e-6, "recording.suffix_schedule": SUFFIXES,
        "training.batch_size": 32, "memory.test_share": 0.1,
    }  # fmt: skip
    arguments = trainings.arguments("killed", values, frames=max(FRAMES * kills, 200), seed=6)
    arguments |= {name: str(arguments[name]) for name in ("logdir", "checkpoints")}
    script = ROOT / "tests" / "training" / "killer.py"
    given = (arguments, kills, 0, ["flip", "copy", "moment"])
    done = subprocess.run(
        [sys.executable, str(script), *map(json.dumps, given)],
        capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    one, other = (without_times(trainings.state(name)) for name in ("killed", "unharmed"))
    other["experiment"]["name"] = "killed"
    different = differences(one, other)
    logs = [surviving(trainings, name) for name in ("killed", "unharmed")]
    different += [str(row) for row in {*logs[0]} ^ {*logs[1]}]
    if len(logs[0]) != len(logs[1]):
        different.append(f"{len(logs[0])} and {len(logs[1])} events")
    return json.loads(done.stdout.splitlines()[-1]), different


def main(arguments: list[str] | None = None) -> None:
    sys.path.insert(0, str(ROOT))
    parser = options(__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found, different = killed_and_unharmed(Path(folder), 6 if args.smoke else args.kills)
    kills = [look for look in found if look["status"]]
    ways = Counter(look["way"] for look in kills)
    print_table(
        ["", "times"],
        [
            ["killed", len(kills)],
            *([f"- at a random {way}", ways[way]] for way in sorted(ways)),
            ["- before the first checkpoint", sum(x["frames"] is None for x in kills)],
            ["a bit of the newest checkpoint flipped", sum(x["flipped"] for x in kills)],
            ["differs from the run that was never killed", len(different)],
        ],
    )
    for what in different[:20]:
        print(what)


if __name__ == "__main__":
    main()
