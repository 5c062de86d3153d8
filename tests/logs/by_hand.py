"""Which events belong together, found a second time: plain loops over the events of a run.

Every record is parsed by TensorBoard; what is said here of processes, clocks and steps follows
the words of the design, one after the other, without a thought for speed. Two events are told
apart by their values: a log for this holds every value once.
"""

import itertools
import math
from dataclasses import dataclass, field
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto.event_pb2 import SessionLog

MINUTE = 60
PAUSE = 60  # s that a process may always be silent between two files
JUMP = 600, 20  # s, and times what 99 of 100 gaps stay below: no gap but a jump of the clock
FEW = 3  # different steps: less is no training


@dataclass
class Stretch:
    """What one writer logged in one go: an event file."""

    piece: int
    folder: str
    host: str
    pid: str | None
    count: int
    start: int | None = None  # the step that it says that it begins at
    walls: list[float] = field(default_factory=list)  # of all records
    rows: list[tuple] = field(default_factory=list)  # (record, step, tag, value, wall as logged)


@dataclass
class Process:
    """Stretches of one process in their order, and the clock it ran by."""

    stretches: list[Stretch]
    clock: dict = field(default_factory=dict)  # (stretch, record) -> second, without its jumps
    running: list[tuple] = field(default_factory=list)  # (from, to) on that clock

    @property
    def steps(self):
        return [row[1] for stretch in self.stretches for row in stretch.rows]

    @property
    def series(self):
        """Steps by series."""
        found = {}
        for stretch in self.stretches:
            for _, step, tag, *_ in stretch.rows:
                found.setdefault((stretch.folder, tag), []).append(step)
        return found


@dataclass
class Row:
    """An event as it is to be found in a run."""

    tag: str
    step: int
    wall: float
    minutes: float
    process: int
    survives: bool


# --- reading --------------------------------------------------------------------------------------


def writer_of(name):
    """Host, pid and count by the end of a file's name."""
    _, *parts = name.partition("tfevents.")[2].split(".")  # without the time
    address = len(parts) == 4 and all(part.isdecimal() for part in parts)
    if len(parts) > 2 and parts[-2].isdecimal() and parts[-1].isdecimal() and not address:
        return ".".join(parts[:-2]), parts[-2], int(parts[-1])
    return ".".join(parts), None, 0


def stretch_of(path, folder, piece):
    """Read a file."""
    found = Stretch(piece, folder, *writer_of(path.name))
    for event in LegacyEventFileLoader(str(path)).Load():
        if event.HasField("session_log") and event.session_log.status == SessionLog.START:
            found.start = event.step
        found.walls.append(event.wall_time)
        for value in event.summary.value:
            if value.HasField("simple_value"):
                row = len(found.walls) - 1, event.step, value.tag, value.simple_value
                found.rows.append((*row, event.wall_time))
    return found


def read(folders):
    """Read the pieces of a run in their order: what it logged, in the order it was begun.

    A piece begins when the one before it ended, or later; else its clock is put off.
    """
    found, end = [], -math.inf
    for piece, folder in enumerate(folders):
        paths = sorted(Path(folder).rglob("*tfevents*"))
        own = [stretch_of(p, p.parent.relative_to(folder).as_posix(), piece) for p in paths]
        late = max(0, end - min(stretch.walls[0] for stretch in own))
        for stretch in own:
            stretch.walls = [wall + late for wall in stretch.walls]
        end = max(end, *(wall for stretch in own for wall in stretch.walls))
        found += sorted(own, key=lambda stretch: (stretch.walls[0], stretch.count))
    return [stretch for stretch in found if stretch.rows]


# --- processes ------------------------------------------------------------------------------------


def gaps(walls):
    return [b - a for a, b in itertools.pairwise(walls)]


def goes_on(process, new):
    """Is this the same process still, by what (host, pid) leave open?"""
    before = process.stretches
    if new.start is not None or new.count <= max(stretch.count for stretch in before):
        return False
    for series, steps in Process([new]).series.items():
        if min(steps) < max(process.series.get(series, [-math.inf])):
            return False
    if new.walls[0] <= max(wall for stretch in before for wall in stretch.walls):
        return True  # beside those
    longest = max([PAUSE] + [gap for stretch in before for gap in gaps(stretch.walls)])
    # Only of what was written beside the last: its clock may have been set back since the others.
    beside = [stretch for stretch in before if max(stretch.walls) >= before[-1].walls[0]]
    return new.walls[0] - max(stretch.walls[-1] for stretch in beside) <= longest


def processes_of(stretches):
    """Group what a run logged into processes, in the order they began."""
    found, latest = [], {}
    for new in stretches:
        process = latest.get((new.host, new.pid)) if new.pid is not None else None
        if process and goes_on(process, new):
            process.stretches.append(new)
        else:
            found.append(Process([new]))
            latest[new.host, new.pid] = found[-1]
    return found


# --- clocks ---------------------------------------------------------------------------------------


def run_on(walls):
    """A clock that was set back, as if it had not been."""
    shifts = itertools.accumulate([0, *(max(0, -gap) for gap in gaps(walls))])
    return [wall + shift for wall, shift in zip(walls, shifts, strict=True)]


def run_clock(process):
    """Give every record of a process its second, and leave out what its clock slept or jumped."""
    for i, stretch in enumerate(process.stretches):
        process.clock |= {(i, k): wall for k, wall in enumerate(run_on(stretch.walls))}
    walls = sorted(process.clock.values())
    between = gaps(walls)
    usual = sorted(between)[math.floor(0.99 * (len(between) - 1))]
    begun = walls[0]
    for wall, gap in zip(walls, between, strict=False):
        if gap > max(JUMP[0], JUMP[1] * usual):
            process.running.append((begun, wall))
            begun = wall + gap
    process.running.append((begun, walls[-1]))


def seconds_of_any(processes):
    """When any process ran: spans of time, apart and in order."""
    found = []
    for start, end in sorted(span for process in processes for span in process.running):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def active(spans, second):
    """Minutes that some process ran before a second."""
    return sum(max(0, min(end, second) - start) for start, end in spans) / MINUTE


# --- steps ----------------------------------------------------------------------------------------


def restarts_at(later, earlier):
    """The step from which a process does again what an earlier one had done; None if it does not.

    It logs most of what the other logs again and again, goes on for a few steps, and begins below
    where the other ended; or says itself where it begins.
    """
    if later.stretches[0].start is not None:
        return later.stretches[0].start
    often = [key for key, steps in earlier.series.items() if len(steps) >= FEW]
    often = often or list(earlier.series)
    shared = [key for key in often if key in later.series]
    if later.running[0][0] < earlier.running[-1][1] or len(set(later.steps)) < FEW:
        return None
    if 2 * len(shared) < len(often):
        return None
    both = [key for key in earlier.series if key in later.series]
    if all(min(later.series[key]) >= max(earlier.series[key]) for key in both):
        return None
    return min(min(later.series[key]) for key in both)


def survivors(processes):
    """Values that count along the steps."""
    gone = set()
    for number, later in enumerate(processes):
        start = later.stretches[0].start
        for earlier in processes[:number]:
            at = restarts_at(later, earlier)
            for stretch in earlier.stretches:
                where = stretch.piece, stretch.folder
                for _, step, tag, value, _ in stretch.rows:
                    again = at is not None and (stretch.folder, tag) in later.series
                    # As TensorBoard has it: of the whole folder.
                    purged = start is not None and where == (
                        later.stretches[0].piece,
                        later.stretches[0].folder,
                    )
                    if (again and step >= at) or (purged and step >= start):
                        gone.add(value)
    return {row[3] for one in processes for s in one.stretches for row in s.rows} - gone


# --- a run ----------------------------------------------------------------------------------------


@dataclass
class ByHand:
    """What a run is to be."""

    rows: dict  # by value
    processes: list
    duration: float
    wall_duration: float

    @property
    def steps(self):
        return max(row.step for row in self.rows.values() if row.survives)


def name_of_series(folder, tag, stretches):
    """A tag keeps its name unless several folders of the run log it."""
    folders = {s.folder for s in stretches if any(row[2] == tag for row in s.rows)}
    return tag if len(folders) == 1 or folder == "." else f"{folder}/{tag}"


def run_by_hand(*folders):
    """Find the run whose pieces are these folders, in their order."""
    stretches = read(folders)
    processes = processes_of(stretches)
    for process in processes:
        run_clock(process)
    spans = seconds_of_any(processes)
    alive = survivors(processes)
    rows = {}
    for number, process in enumerate(processes):
        for i, stretch in enumerate(process.stretches):
            for record, step, tag, value, wall in stretch.rows:
                name = name_of_series(stretch.folder, tag, stretches)
                minutes = active(spans, process.clock[i, record])
                rows[value] = Row(name, step, wall, minutes, number, value in alive)
    wall = spans[-1][1] - spans[0][0]
    return ByHand(rows, processes, active(spans, math.inf), wall / MINUTE)


# --- pieces ---------------------------------------------------------------------------------------


def steps_of(stretches):
    return {row[1] for stretch in stretches for row in stretch.rows}


def continues(new, before):
    """Does what was logged go on from what was before it?"""
    started, had = (min(s.walls[0] for s in some) for some in (new, before))
    tags, known = ({row[2] for s in some for row in s.rows} for some in (new, before))
    old = steps_of(before)
    back = (max(old) - min(steps_of(new))) / (max(old) - min(old))  # of all that was trained
    most = 2 * len(tags & known) > min(len(tags), len(known))
    return started >= had and most and -0.1 <= back <= 0.25


def pieces_by_hand(logdir, name):
    """The folders that are one run, and the numbers that are missing in between.

    A folder with a few steps is none of them, and says nothing of the next; one that trains
    something else ends the run.
    """
    numbers = sorted(int(path.name.rpartition("_")[2]) for path in logdir.glob(f"{name}_*"))
    joined, missing, last = [name], [], 1
    before = read([logdir / name])
    for number in numbers:
        new = read([logdir / f"{name}_{number}"])
        if len(steps_of(new)) >= FEW:
            if not continues(new, before):
                break
            missing += [k for k in range(last + 1, number) if k not in numbers]
            joined.append(f"{name}_{number}")
            before += new
            last = number
    return joined, missing
