"""Small event files with names, clocks and steps as wished."""

from tensorboard.compat.proto.event_pb2 import Event

from ..synthetic import T0
from .event_files import scalar, session, values_event, write_events


def write(path, rows, start=None, purge=None):
    """Write an event file.

    Parameters
    ----------
    path : Path
    rows : iterable of (float, int, dict)
        Second, step, and values by tag.
    start : float, optional
        Second of the version record; else that of the first row.
    purge : int, optional
        Step at which the writer says that it begins.
    """
    rows = list(rows)
    begin = T0 + (rows[0][0] if start is None else start)
    events = [Event(wall_time=begin, file_version="brain.Event:2")]
    if purge is not None:
        events.append(session(purge, wall=begin))
    for second, step, values in rows:
        for tag, value in values.items():
            events.append(values_event(step, scalar(tag, value), wall=T0 + second))
    return write_events(path, events)


def name(at=0, host="pc", pid="7", count=0):
    """Name of an event file as torch makes it; tensorboardX leaves pid and count out."""
    end = "" if pid is None else f".{pid}.{count}"
    return f"events.out.tfevents.{T0 + int(at)}.{host}{end}"


def ramp(seconds=0, first=0, last=1000, by=10, tag="reward", plus=0.0, every=0.6):
    """Rows of a tag whose value is the step, and something."""
    steps = range(first, last + 1, by)
    return [(seconds + every * i, step, {tag: step + plus}) for i, step in enumerate(steps)]
