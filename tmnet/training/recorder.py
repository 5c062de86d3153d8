"""What a training writes into its log directory: event files in rulka's dialect."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping
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


class Recorder:
    """Writes the events of one process of a run.

    Parameters
    ----------
    logdir : Path
    run : str
    about : mapping
        Of the machine and the versions, for the log.
    """

    def __init__(self, logdir: Path, run: str, experiment: Experiment, about: Mapping[str, Any]):
        self.logdir, self.run = logdir, run
        texts = {"config": experiment.to_dict(), "about": about}
        self._texts = {tag: f"```yaml\n{to_yaml(value)}```" for tag, value in texts.items()}
        self._writer: SummaryWriter | None = None
        self._suffix: str | None = None

    def write(
        self, values: Mapping[str, float], step: int, suffix: str, wall_time: float | None = None
    ) -> None:
        """Write scalars, all with the same step and wall time, into `<run><suffix>`."""
        if self._writer is None or suffix != self._suffix:
            self._writer = self._opened(suffix, step)
        wall_time = time.time() if wall_time is None else wall_time
        with self._in_one_sentence():
            for tag, value in values.items():
                self._writer.add_scalar(tag, value, step, wall_time)

    def _opened(self, suffix: str, step: int) -> SummaryWriter:
        """The writer of a log directory, in place of the one before."""
        self.close()
        with self._in_one_sentence():
            writer = SummaryWriter(str(self.logdir / (self.run + suffix)), flush_secs=FLUSH)
            self._suffix = suffix
            for tag, value in self._texts.items():
                writer.add_text(tag, value, step)
        return writer

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
