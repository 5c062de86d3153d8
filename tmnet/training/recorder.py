"""What a training writes into its log directory: event files in rulka's dialect."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.utils.tensorboard import SummaryWriter

from tmnet import __version__
from tmnet.errors import TmnetError
from tmnet.experiments.config import Experiment
from tmnet.yaml_text import to_yaml

FLUSH = 5  # s


class EventClock:
    """The time of events, s: this machine's, but never back.

    Where its clock is set back, it goes on from there by another one; so minutes are what passed.

    Parameters
    ----------
    files : iterable of Path
        What was written before, of which none is to be later.
    """

    def __init__(self, files: Iterable[Path] = ()):
        latest = max((path.stat().st_mtime for path in files), default=-math.inf)
        self._ahead = latest - time.monotonic()

    def now(self) -> float:
        passed = time.monotonic()
        self._ahead = max(self._ahead, time.time() - passed)
        return self._ahead + passed


class Recorder:
    """Writes the events of one process of a run.

    Parameters
    ----------
    logdir : Path
    run : str
    about : mapping
        Of the machine and the versions, for the log.

    Attributes
    ----------
    replaces_from : int or None
        From which step on events of earlier processes are void, where this one goes on with a run;
        until that has been written.
    """

    def __init__(self, logdir: Path, run: str, experiment: Experiment, about: Mapping[str, Any]):
        self.logdir, self.run = logdir, run
        texts = {"config": experiment.to_dict(), "about": about}
        self._texts = {tag: f"```yaml\n{to_yaml(value)}```" for tag, value in texts.items()}
        self.replaces_from: int | None = None
        self._writer: SummaryWriter | None = None
        self._suffix: str | None = None
        suffixes = {suffix for _, suffix in experiment.recording.suffix_schedule}
        folders = [logdir / (run + suffix) for suffix in suffixes]
        self._clock = EventClock(
            path for folder in folders for path in folder.glob("events.out.tfevents.*")
        )

    def write(self, values: Mapping[str, float], step: int, suffix: str) -> None:
        """Write scalars, all with the same step and wall time, into `<run><suffix>`."""
        self.open(suffix, step)
        now = self._clock.now()
        with self._in_one_sentence():
            for tag, value in values.items():
                self._writer.add_scalar(tag, value, step, now)

    def open(self, suffix: str, step: int) -> None:
        """Go on in `<run><suffix>`, where it is not open yet."""
        if self._writer is not None and suffix == self._suffix:
            return
        self.close()
        with self._in_one_sentence():
            self._writer = SummaryWriter(
                str(self.logdir / (self.run + suffix)),
                purge_step=self.replaces_from,
                flush_secs=FLUSH,
            )
            # once a process: in another of its folders it would be the start of another session
            self.replaces_from, self._suffix = None, suffix
            for tag, value in self._texts.items():
                self._writer.add_text(tag, value, step, self._clock.now())

    def flush(self) -> None:
        if self._writer:
            with self._in_one_sentence():
                self._writer.flush()

    def close(self) -> None:
        if self._writer:
            writer, self._writer, self._suffix = self._writer, None, None
            with self._in_one_sentence():
                writer.close()

    @contextmanager
    def _in_one_sentence(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._writer = None  # it would fail again
            raise TmnetError(
                f"The log of {self.run} in {self.logdir} cannot be written "
                f"({error.strerror or error})."
            ) from None


def about(device: torch.device, seed: int) -> dict[str, Any]:
    """The machine and the versions of a training."""
    facts = {
        "seed": seed,
        "device": str(device),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "tmnet": __version__,
    }
    if device.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(device)
        facts["cuda"] = torch.version.cuda
    return facts


def _processor() -> str:
    """The name of the processor, where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
