"""Large logs to measure on: written with protobuf, one record at a time, like a training's."""

import struct
from pathlib import Path

import google_crc32c
import numpy as np
from tensorboard.compat.proto.event_pb2 import Event


def _masked(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def write_log(path: Path, events) -> None:
    """Write (wall time, step, tag, value) events to an event file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:

        def write(event: Event) -> None:
            data = event.SerializeToString()
            head = struct.pack("<Q", len(data))
            file.write(head + _masked(head) + data + _masked(data))

        write(Event(wall_time=1.75e9, file_version="brain.Event:2"))
        for wall, step, tag, value in events:
            event = Event(wall_time=wall, step=step)
            event.summary.value.add(tag=tag, simple_value=value)
            write(event)


def scalar_events(count: int, tags: int = 40, seed: int = 0):
    """Events of many scalars with names of various lengths, in random order."""
    rng = np.random.default_rng(seed)
    groups = ("Training", "RL", "Race", "Performance")
    names = [f"{groups[i % 4]}/{'x' * (i // 4)}_{i}" for i in range(tags)]
    which, values = rng.integers(0, tags, count).tolist(), rng.normal(size=count).tolist()
    for i in range(count):
        yield 1.75e9 + i * 0.01, 3 * i, names[which[i]], values[i]


def race_events(races: int, minutes: float, seed: int = 0):
    """Events of a training: races on a map, two in three of them eval, and a loss now and then."""
    rng = np.random.default_rng(seed)
    ends = np.sort(rng.uniform(0, minutes * 60, races))
    finished = rng.random(races) < np.linspace(0, 0.9, races)
    times = np.where(finished, 24 + rng.gamma(2, 2, races), 300.0)
    for i in range(races):
        wall, step, kind = 1.75e9 + ends[i], int(ends[i] * 700) + i, ("explo", "eval")[i % 3 > 0]
        yield wall, step, f"Race/{kind}_race_time_trained_A01", times[i]
        yield wall, step, f"Race/{kind}_race_finished_trained_A01", float(finished[i])
        if i % 100 == 0:
            yield wall, step, "Training/loss", 1000 / (1 + i)
            yield wall, step, "RL/avg_Q_trained_A01", -1000 / (1000 + i)
