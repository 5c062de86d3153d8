"""Trains a run that is killed again and again at random moments, and one that is not.

A script, which prints as JSON what it found after each kill. It takes, as JSON, too: arguments of
`tmnet.train`, how often to kill, a seed, and what else to do: "flip" bits of the newest checkpoint
in between, put a "copy" of it beside it, kill at any "moment", which the machine's speed decides.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path

from tmnet.training import train
from tmnet.training.checkpoint import Checkpoints, DamagedCheckpoint, load_checkpoint

INSIDE = os.path.join("tmnet", "training", "")
LINES = 6000  # about 1,200 until the first action, and 440 for each
EARLY = 600  # before the first checkpoint; so are the first sixth of all kills
WAYS = ("line", "line", "line", "write")


def killing(left):
    """A function that ends this process at the last of so many calls."""

    def count():
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


def start(arguments, draw, way, early):
    """Train, and be killed at a line of training's code, at a write to the disk, or at any moment;
    its status in the end."""
    most = {"line": EARLY, "write": 1} if early else {"line": LINES, "write": 6}
    until = draw.randint(1, most.get(way, 1))
    moment = draw.uniform(0, 0.01 if early else 0.5)  # s
    pid = os.fork()
    if pid:
        if way == "moment":
            time.sleep(moment)
            os.kill(pid, signal.SIGKILL)
        return os.waitpid(pid, 0)[1]
    try:
        reached = killing(until)
        if way == "write":
            fsync = os.fsync
            os.fsync = lambda file: (reached(), fsync(file))

        def line(frame, event, _):
            if event == "line":
                reached()
            return line

        if way == "line":
            sys.settrace(lambda frame, *_: line if INSIDE in frame.f_code.co_filename else None)
        warnings.simplefilter("ignore")
        train(**arguments, resume="auto")
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def flip(path, draw):
    """Change a bit of a file."""
    data = bytearray(path.read_bytes())
    bit = draw.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def is_whole(path):
    try:
        load_checkpoint(path)
    except DamagedCheckpoint:
        return False
    return True


def main(arguments, kills, seed, attacks):
    ways = (*WAYS, "moment") if "moment" in attacks else WAYS
    train(**arguments | {"run_name": "unharmed"})  # also imports what takes long
    kept = Checkpoints(Path(arguments["checkpoints"]) / arguments["run_name"])
    found = []
    while not found or os.WIFSIGNALED(found[-1]["status"]):
        draw = random.Random(f"{seed}, {len(found)}")
        way = draw.choice(ways) if len(found) < kills else None
        status = start(arguments, draw, way, early=len(found) < kills // 6)
        files = kept.files()
        with warnings.catch_warnings(action="ignore"):
            frames = kept.load()["frames"] if files else None
        aside = len(list(kept.directory.glob("*.tmp")))
        # of two that are whole
        flips = os.WIFSIGNALED(status) and "flip" in attacks and draw.random() < 0.3
        flips = flips and len(files) > 1 and all(map(is_whole, files[-2:]))
        if flips:
            flip(files[-1], draw)
        found.append({
            "status": status, "way": way, "checkpoints": len(files), "frames": frames,
            "aside": aside, "flipped": flips,
        })  # fmt: skip
        if "copy" in attacks and files:
            shutil.copy(files[-1], kept.directory / f"{files[-1].stem} copy.pt")
            shutil.copy(files[0], kept.directory / "x copy.pt")
    print(json.dumps(found))


if __name__ == "__main__":
    main(*map(json.loads, sys.argv[1:]))
