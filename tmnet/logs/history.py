"""Histories: which of the steps that were played more than once a run is built upon.

Where a process restarts from an earlier checkpoint, what was logged from there on before it, of the
tags that it logs itself, is no part of the surviving history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tmnet.logs.processes import Clock, Placed, Processes
from tmnet.logs.scalars import Columns

ENOUGH = 3  # different steps, from which on a process is not a summary or a test
OTHER_STEPS = 3  # usual distances between two steps of a series, that it may end behind others
FROM_SCRATCH = 0.02  # of the steps before, up to which a process begins them anew
_NEVER = np.iinfo(np.int64).max


class Restart(NamedTuple):
    """What a restart took back of a process before it.

    Attributes
    ----------
    process : int
        The process before.
    first, last : int
        Steps that were played again, of those that it had played.
    by : int
        The process that restarted.
    """

    process: int
    first: int
    last: int
    by: int


class History(NamedTuple):
    """What survives of a run.

    Attributes
    ----------
    survives : ndarray of bool
        Of each scalar.
    restarts : list of Restart
    trainers : list of int
        Numbers of the processes that trained, in order; others wrote beside or after them.
    beginnings : list of int
        First steps of the processes that began the training anew, where there were several.
    """

    survives: np.ndarray
    restarts: list[Restart]
    trainers: list[int]
    beginnings: list[int]


def find_history(scalars: Columns, processes: Processes, placed: Sequence[Placed]) -> History:
    """What survives.

    Parameters
    ----------
    scalars : dict
        step, code (of the series), process and purged (see `purged`) of each scalar.
    processes : Processes
    placed : sequence of Placed
        The files that they wrote.
    """
    step, code, process = (scalars[name] for name in ("step", "code", "process"))
    number = len(processes.columns["start"])
    if number == 1:
        return History(~scalars["purged"], [], [0], [])
    logged = _logged(step, code, process, number)
    first_of, last_of = logged.steps()
    between = (step > first_of[process]) & (step < last_of[process])
    enough = np.bincount(process[between], minlength=number) >= ENOUGH - 2
    sessions = _sessions(processes, placed)
    again = _taken_back(logged, processes, enough, sessions)
    limit = np.full(logged.times.shape, _NEVER)
    for (before, by), first in again.items():
        limit[before] = np.minimum(limit[before], logged.limits(before, by, first))
    restarts = []
    for before in sorted({before for before, _ in again}):
        first, by = min((first, by) for (other, by), first in again.items() if other == before)
        restarts.append(Restart(before, first, int(last_of[before]), by))
    leading = int(logged.times.sum(axis=1).argmax())
    trainers = [i for i in range(number) if logged.resembles(leading, i)]
    beginnings = trainers[:1]
    for i in trainers[1:]:
        if sessions.get(i, 0) > step.min():  # it declared that it goes on
            continue
        lowest, highest = first_of[trainers[0]], last_of[trainers[0] : i].max()
        scratch = lowest + FROM_SCRATCH * (highest - lowest)
        if any(by == i and first <= scratch for (_, by), first in again.items()):
            beginnings.append(i)
    return History(
        survives=~scalars["purged"] & (step < limit[process, code]),
        restarts=restarts,
        trainers=trainers,
        beginnings=[int(first_of[i]) for i in beginnings] if len(beginnings) > 1 else [],
    )


def _sessions(processes: Processes, placed: Sequence[Placed]) -> dict[int, int]:
    """The step at which a process declared that its session starts, by its number."""
    sessions: dict[int, int] = {}
    for by, place in zip(processes.of_file, placed):
        for _, at in place.file.events.sessions[:1]:
            sessions[int(by)] = min(at, sessions.get(int(by), at))
    return sessions


def _taken_back(
    logged: _Logged, processes: Processes, enough: np.ndarray, sessions: dict[int, int]
) -> dict[tuple[int, int], int]:
    """From which step on a process played anew what one before it had played, by these two."""
    start, end = (processes.columns[name] for name in ("start", "end"))
    _, last_of = logged.steps()
    again = {}
    for before in range(len(start)):
        for by in range(before + 1, len(start)):
            first = logged.first_again(before, by)
            if by in sessions:
                if sessions[by] <= last_of[before]:
                    again[before, by] = min(first, sessions[by])
            elif (
                start[by] >= end[before]
                and enough[by]
                and logged.goes_back(before, by)  # or it goes on where that ended
                and logged.resembles(before, by)
            ):
                again[before, by] = first
    return again


def purged(placed: Sequence[Placed], clocks: Sequence[Clock]) -> np.ndarray:
    """Which scalars, file by file, a later writer declared void, as TensorBoard has it; `clocks`
    are those of the files.

    The start of a session at a step voids what was written in its folder before it, at that step
    and later ones; and in later pieces of the run, where it goes back to a piece before them.
    """
    void = [np.zeros(len(place.file.events.code), bool) for place in placed]
    for i, place in enumerate(placed):
        for behind, step in place.file.events.sessions:
            void[i][:behind] |= place.file.events.step[:behind] >= step
            for k, other in enumerate(placed):
                before = k < i and other.piece == place.piece
                if other.piece > place.piece:
                    before = clocks[k].first < clocks[i].first
                if before and other.folder == place.folder:
                    void[k] |= other.file.events.step >= step
    return np.concatenate(void)


class _Logged(NamedTuple):
    """What each process logged of each series: (processes, series) each."""

    times: np.ndarray  # how often
    first: np.ndarray  # step; none of what was logged once, at step 0, as hyperparameters are
    last: np.ndarray

    def steps(self) -> tuple[np.ndarray, np.ndarray]:
        """First and last step of each process."""
        first = self.first.min(axis=1)
        return np.where(first == _NEVER, 0, first), self.last.max(axis=1)

    def first_again(self, before: int, by: int) -> int:
        """The first step of a process in what another one before it logged, too."""
        return int(self.first[by][self.times[before] > 0].min())

    def goes_back(self, before: int, by: int) -> bool:
        """Whether a process begins any series below where another one before it had ended that."""
        both = (self.times[before] > 0) & (self.times[by] > 0)
        return bool((self.first[by] < self.last[before])[both].any())

    def limits(self, before: int, by: int, first: int) -> np.ndarray:
        """Up to which step each series of a process survives another one's restart at a step.

        What had come much further than the series that goes back first counts other steps than that
        (frames beside updates): it ends where it goes on itself.
        """
        own, last = self.first[by], self.last[before]
        shared = (self.times[before] > 0) & (self.times[by] > 0)
        reached = last[shared & (own == own[shared].min())].max() if shared.any() else _NEVER
        usual = (last - self.first[before]) / np.maximum(self.times[before] - 1, 1)
        other = shared & (own != _NEVER) & (last - reached > OTHER_STEPS * np.maximum(usual, 1))
        return np.where(self.times[by] > 0, np.where(other, own, first), _NEVER)

    def resembles(self, before: int, by: int) -> bool:
        """Whether a process logs most of what another one did, as a training that goes on does."""
        regular = self.times[before] >= ENOUGH
        if not regular.any():
            regular = self.times[before] > 0
        both = np.count_nonzero(regular & (self.times[by] > 0))
        return bool(2 * both >= np.count_nonzero(regular))


def _logged(step: np.ndarray, code: np.ndarray, process: np.ndarray, number: int) -> _Logged:
    width = int(code.max()) + 1
    cell = process.astype(np.int64) * width + code
    count = np.bincount(cell, minlength=number * width)
    first, last = np.full(len(count), _NEVER), np.full(len(count), -_NEVER)
    np.minimum.at(first, cell, step)
    np.maximum.at(last, cell, step)
    first[(count == 1) & (first == 0)] = _NEVER
    return _Logged(*(x.reshape(number, width) for x in (count, first, last)))


def steps_of(scalars: Columns, number: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last step of each process.

    Hyperparameters bring a scalar of their own, logged once and at step 0 wherever the training
    is; so a single event of a series at step 0 does not count, unless there are no others.
    """
    return _logged(scalars["step"], scalars["code"], scalars["process"], number).steps()
