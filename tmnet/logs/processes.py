"""Processes of a run: which event files one process wrote, and how its clock went.

A clock that is wrong is corrected where that can be known: *corrected* wall times (s since 1970) do
not jump back within a file, and put the pieces of a run in the order in which they are joined.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from tmnet.files import plain_name
from tmnet.logs.cache import EventFile
from tmnet.logs.events import Events
from tmnet.logs.scalars import Columns

PAUSE = 60.0  # s between two files of one process that need no explanation
SET_BACK = 1.0  # s; a clock may be corrected by less at any time
STAYS = 3  # steps behind the time before it: less is a record that was written late
LATEST = 1e11  # s, in the year 5138: what is beyond that, or not a number, is no time
TOP = "."  # the folder of a piece itself
ASLEEP = 600.0, 20  # s, and times the 99th percentile of a process's gaps

_IPV4 = r"(?:\d{1,3}\.){3}\d{1,3}"
# …tfevents.SECONDS.HOST.PID.NUMBER, and maybe more; tensorboardX ends with the host, which is an
# address where four numbers are all there is
_NAMES = [
    re.compile(rf"tfevents\.\d+\.(?P<host>{_IPV4})(?:\.\D.*)?\Z"),
    re.compile(r"tfevents\.\d+\.(?P<host>.+)\.(?P<pid>\d+)\.(?P<number>\d+)(?:[^\d].*)?\Z"),
    re.compile(r"tfevents\.\d+\.(?P<host>.+)\Z"),
]


class Writer(NamedTuple):
    """Who wrote an event file, as its name says.

    Attributes
    ----------
    host, pid : str
        The process; "" where the name leaves it out.
    number : int
        How many event files the process had opened before.
    """

    host: str = ""
    pid: str = ""
    number: int = 0


def writer_of(name: str) -> Writer:
    """Who wrote an event file.

    Examples
    --------
    >>> writer_of("events.out.tfevents.1700000000.192.168.1.20.4242.0")
    Writer(host='192.168.1.20', pid='4242', number=0)
    """
    name = plain_name(name)
    match = next(filter(None, (pattern.search(name) for pattern in _NAMES)), None)
    parts = match.groupdict("") if match else {}
    return Writer(parts.get("host", ""), parts.get("pid", ""), int(parts.get("number") or 0))


class Placed(NamedTuple):
    """An event file in its run: the number of its piece, and its folder in that (or `TOP`)."""

    piece: int
    folder: str
    file: EventFile


@dataclass(frozen=True)
class Clock:
    """An event file's wall times (s), corrected.

    Attributes
    ----------
    wall : ndarray
        One a scalar, in the order written.
    first, last : float
        Of all records.
    back : float
        By how much it was set back, s.
    untimed : int
        How many scalars have no time, and were given that of the one before.
    """

    wall: np.ndarray
    first: float
    last: float
    back: float = 0.0
    untimed: int = 0

    def later(self, seconds: float) -> Clock:
        """The same, put off."""
        first, last = self.first + seconds, self.last + seconds
        return replace(self, wall=self.wall + seconds, first=first, last=last)

    def is_beside(self, other: Clock) -> bool:
        """Whether the two overlap."""
        return self.first <= other.last and other.first <= self.last


@dataclass
class _Life:
    """The files of one process so far, by their numbers."""

    writer: Writer
    files: list[int] = field(default_factory=list)
    last: float = -np.inf  # s
    gap: float = PAUSE  # s, the longest so far
    last_steps: dict[tuple[str, str], int] = field(default_factory=dict)


class Processes(NamedTuple):
    """The processes of a run, in the order in which they began.

    Attributes
    ----------
    columns : dict
        host, pid, start, end (corrected wall time, s), one of a process each.
    of_file : ndarray
        Number of the process of each file that one of these wrote.
    clocks : list of Clock
        Of the same files.
    knots, minutes : ndarray
        Corrected wall times (s), ascending, and active minutes there; between two, time runs
        evenly, or stands still.
    notes : list of str
        Where a clock was corrected.
    """

    columns: Columns
    of_file: np.ndarray
    clocks: list[Clock]
    knots: np.ndarray
    minutes: np.ndarray
    notes: list[str]

    def active_minutes(self, wall: np.ndarray) -> np.ndarray:
        """Minutes for which processes had been running at a corrected wall time (s)."""
        if not len(self.knots):  # a single moment
            return np.zeros(np.shape(wall))
        return np.interp(wall, self.knots, self.minutes)


def find_processes(
    placed: Sequence[Placed], pieces: Sequence[str]
) -> tuple[list[Placed], Processes]:
    """The processes that logged scalars of a run, and the files that they wrote.

    A process that logged no scalar does not count; but a file without scalars, such as one with
    the configuration, may tell when its process started.
    """
    clocks = [_clock(file) for *_, file in placed]
    _put_back(placed, clocks)
    notes = [
        f"{place.file.path.name} has {clock.untimed:,} of {len(clock.wall):,} scalars without a "
        "time that can be one: they are taken to be as old as what was logged before them."
        for place, clock in zip(placed, clocks)
        if clock.untimed
    ]
    notes += _in_order(placed, clocks, pieces)
    lives = [life for life in _lives(placed, clocks) if _logged(life, placed)]
    spans = [(min(clocks[i].first for i in life.files), life.last) for life in lives]
    order = sorted(range(len(lives)), key=lambda k: spans[k])
    lives, spans = [lives[k] for k in order], [spans[k] for k in order]
    of_file = np.full(len(placed), -1)
    stretches: list[tuple[float, float]] = []  # s, in which some process was running
    for number, (life, (start, end)) in enumerate(zip(lives, spans)):
        of_file[life.files] = number
        own = [clocks[i] for i in life.files]
        if back := max(clock.back for clock in own):
            notes.append(
                f"The clock of {_in_words(life.writer)} was set back by {_span(back)}: its minutes "
                "run on through that."
            )
        asleep = _asleep(own)
        if len(asleep):
            notes.append(
                f"The clock of {_in_words(life.writer)} jumped forward {_times(len(asleep))}, by "
                f"{_span(float(np.diff(asleep).sum()))} in all (it was set, or the machine was "
                "asleep): that does not count as active time."
            )
        edges = np.concatenate([[start], asleep.ravel(), [end]])
        stretches += [(float(a), float(b)) for a, b in edges.reshape(-1, 2)]
    knots, minutes = _active(sorted(stretches))
    columns = {
        "host": np.array([life.writer.host for life in lives], object),
        "pid": np.array([life.writer.pid for life in lives], object),
        "start": np.array([start for start, _ in spans]),
        "end": np.array([end for _, end in spans]),
    }
    kept = of_file >= 0
    processes = Processes(
        columns, of_file[kept], [clocks[i] for i in np.flatnonzero(kept)], knots, minutes, notes
    )
    return [place for place, of in zip(placed, kept) if of], processes


def _clock(file: EventFile) -> Clock:
    """The clock of a file, in which what was logged before it was set back is put back, too.

    Only where a tag goes on through it was it the clock: a converter that writes one tag after
    the other begins both its times and its steps anew.
    """
    clock = _as_logged(file.events)
    wall, step = clock.wall, file.events.step
    back = np.flatnonzero(np.diff(wall) < -SET_BACK)
    if not len(back) or step[0] == step[-1]:
        return clock
    by = np.zeros(len(wall))
    begins = np.flatnonzero(np.diff(step)) + 1  # other steps than the one before
    ends = [*begins[STAYS:], *[len(step)] * (STAYS + 1)]  # of so many from each of these on
    for i in back[_goes_on(wall, step, file.events.code)[back]]:
        end = ends[np.searchsorted(begins, i + 1)]
        if (wall[i + 1 : end] < wall[i] - SET_BACK).all():
            by[i] = wall[i] - wall[i + 1]
    if not by.any():
        return clock
    corrected = wall - np.cumsum(by[::-1])[::-1]
    first, last, total = float(corrected.min()), float(corrected.max()), float(by.sum())
    if clock.first < wall.min():  # what came before all scalars, when the clock was as it had been
        first = min(first, clock.first - total)
    return replace(clock, wall=corrected, first=first, last=last, back=total)


def _as_logged(events: Events) -> Clock:
    """The clock of a file as it is, but for what is no time."""
    wall = events.wall_time
    known = np.abs(wall) < LATEST
    if untimed := len(wall) - int(np.count_nonzero(known)):
        which = np.maximum.accumulate(np.where(known, np.arange(len(wall)), int(known.argmax())))
        wall = np.where(known, wall, 0.0)[which]
    ends = [x for x in (events.first_wall, events.last_wall) if abs(x) < LATEST]
    ends = ends if len(ends) == 2 or not len(wall) else [*ends, wall.min(), wall.max()]
    return Clock(wall, float(min(ends, default=0)), float(max(ends, default=0)), untimed=untimed)


def _goes_on(wall: np.ndarray, step: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Whether, from each scalar to the next, some tag goes on to an earlier time, but no step."""
    order = np.argsort(code, kind="stable")
    wall, step, code = (column[order] for column in (wall, step, code))
    back = (np.diff(code) == 0) & (np.diff(wall) < -SET_BACK) & (np.diff(step) >= 0)
    begun = np.bincount(order[:-1][back], minlength=len(order))
    done = np.bincount(order[1:][back], minlength=len(order))
    return np.cumsum(begun - done) > 0


def _put_back(placed: Sequence[Placed], clocks: list[Clock]) -> None:
    """Where a clock was set back, put back what was over by then, too, or it would be later."""
    done: list[Clock] = []
    for i in sorted(range(len(clocks)), key=lambda i: clocks[i].first):
        clock = clocks[i]
        if not clock.back or any(clock.is_beside(other) for other in done):
            continue
        done.append(clock)
        began = clock.first + clock.back  # as the clock was
        step = placed[i].file.events.step
        for k, other in enumerate(clocks):
            if other.last > began or (other.back and other.is_beside(clock)):
                continue
            # Else it may be of the time afterwards: it is, if it goes on from there.
            steps = placed[k].file.events.step
            goes_on = len(steps) and steps.min() > step.min() and steps.max() > step.max()
            if other.first < clock.last or not goes_on:
                clocks[k] = other.later(-clock.back)


def _in_order(placed: Sequence[Placed], clocks: list[Clock], pieces: Sequence[str]) -> list[str]:
    """Put off the clocks of pieces that would begin before what they go on from ended."""
    notes = []
    tags = [set(file.events.tags) for *_, file in placed]
    process = [writer_of(file.path.name)[:2] for *_, file in placed]
    before: list[int] = []
    for number, name in enumerate(pieces):
        own = [i for i, place in enumerate(placed) if place.piece == number]
        if not own:
            continue
        logged = set().union(*(tags[i] for i in own))
        first = min(clocks[i].first for i in own)
        # One process may begin a piece a little before it ends the one before; and a restart may go
        # back behind where it began one.
        same = {process[i] for i in own if process[i][1]} & {process[i] for i in before}
        steps = np.concatenate([placed[i].file.events.step for i in own])
        begun = int(steps.min()) if len(steps) else -1
        ahead = [i for i in before if not (same and _goes_back(placed[i], begun))]
        # Not what was written later into the folder of a piece, such as an evaluation.
        ends = [clocks[i].last for i in ahead if tags[i] & logged]
        begins = [clocks[i].first for i in ahead if placed[i].piece == number - 1]
        if ends and first < (max(begins, default=first) if same else max(ends)):
            by = max(ends) - first
            for i in own:
                clocks[i] = clocks[i].later(by)
            notes.append(
                f"The clock of {name} is behind that of the piece before it: it is put off by "
                f"{_span(by)}, to where that ended."
            )
        before += own
    return notes


def _goes_back(place: Placed, step: int) -> bool:
    """Whether a file declares that its session starts at a step, or before it."""
    return any(at <= step for _, at in place.file.events.sessions)


def _lives(placed: Sequence[Placed], clocks: Sequence[Clock]) -> list[_Life]:
    """Which files one process wrote."""
    writers = [writer_of(file.path.name) for *_, file in placed]
    several = {key for key, n in Counter(writer[:2] for writer in writers).items() if n > 1}
    lives: list[_Life] = []
    latest: dict[tuple[str, str], _Life] = {}
    began = [
        (clock.first, place.piece, writer.number)
        for clock, place, writer in zip(clocks, placed, writers)
    ]
    for i in sorted(range(len(placed)), key=began.__getitem__):
        writer, (_, folder, file) = writers[i], placed[i]
        life = latest.get(writer[:2]) if writer.pid else None
        if (
            life is None
            or writer.number <= writers[life.files[-1]].number
            or _is_another(life, clocks[i], folder, file)
        ):
            lives.append(life := _Life(writer))
            latest[writer[:2]] = life
        life.files.append(i)
        life.last = max(life.last, clocks[i].last)
        if writer[:2] not in several or not len(clocks[i].wall):
            continue
        gaps = np.diff(np.sort(clocks[i].wall, kind="stable"), prepend=clocks[i].first)
        life.gap = max(life.gap, float(gaps.max()))
        life.last_steps |= {
            (folder, tag): max(step, life.last_steps.get((folder, tag), step))
            for tag, step in _by_tag(file, np.maximum).items()
        }
    return lives


def _is_another(life: _Life, clock: Clock, folder: str, file: EventFile) -> bool:
    """Whether a later file of the same host and pid comes from another process, or a restart."""
    if clock.first < life.last:  # it was written beside those before it
        return False
    first = _by_tag(file, np.minimum)
    back = any(step < life.last_steps.get((folder, tag), step) for tag, step in first.items())
    return back or bool(file.events.sessions) or clock.first - life.last > life.gap


def _by_tag(file: EventFile, extreme: np.ufunc) -> dict[str, int]:
    """The least or greatest step of each tag of a file."""
    events = file.events
    if not len(events.code):
        return {}
    limit = np.iinfo(np.int64).max if extreme is np.minimum else np.iinfo(np.int64).min
    steps = np.full(len(events.tags), limit)
    extreme.at(steps, events.code, events.step)
    return {tag: int(step) for tag, step in zip(events.tags, steps) if step != limit}


def _logged(life: _Life, placed: Sequence[Placed]) -> bool:
    return any(len(placed[i].file.events.code) for i in life.files)


def _asleep(clocks: Sequence[Clock]) -> np.ndarray:
    """The gaps of a process that are jumps of its clock: (jumps, 2), from and to, s."""
    edges = [edge for clock in clocks for edge in (clock.first, clock.last)]
    if max(edges) - min(edges) <= ASLEEP[0]:
        return np.empty((0, 2))
    wall = np.sort(np.concatenate([edges, *(clock.wall for clock in clocks)]), kind="stable")
    gaps = np.diff(wall)
    long = gaps[gaps > 1.0]  # between the tags of one step there is next to nothing
    if not len(long):
        return np.empty((0, 2))
    # Ten seconds in which something is logged all the time show one gap of a second.
    short = np.ones(int(gaps[gaps <= 1.0].sum() / 10))
    usual = np.percentile(np.concatenate([short, long]), 99, method="lower")
    jumps = np.flatnonzero((gaps > ASLEEP[0]) & (gaps > ASLEEP[1] * usual))
    return np.stack([wall[jumps], wall[jumps + 1]], axis=1)


def _active(stretches: Sequence[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Knots of the union of stretches of time, and minutes at each."""
    knots: list[float] = []
    active: list[float] = []
    total, reached = 0.0, -np.inf
    for start, end in stretches:
        start = max(start, reached)
        if end <= start:
            continue
        knots += [start, end]
        active += [total, total + end - start]
        total, reached = active[-1], end
    return np.array(knots), np.array(active) / 60


def _in_words(writer: Writer) -> str:
    if writer.pid:
        return f"process {writer.pid} on {writer.host}"
    return f"a writer on {writer.host}" if writer.host else "a writer"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _span(seconds: float) -> str:
    return f"{seconds / 60:,.1f} min" if seconds >= 60 else f"{seconds:,.1f} s"
