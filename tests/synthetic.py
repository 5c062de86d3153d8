"""Event files with known contents, at known times.

Times are seconds after `T0`, and minutes after it where a name says so. Numbers are such that
the 32 bits of an event hold them exactly.
"""

from tensorboard.compat.proto.event_pb2 import Event

import tmnet

from .logs.event_files import scalar, text, values_event, write_events

T0 = 1_700_000_000
CUTOFF = 300.0  # s, the time of a race that did not finish
PREFIXES = {"rulka": "Race/", "linesight": ""}


def write_file(directory, records, start=0, host="host", pid=1, number=0, texts=()):
    """Write one event file; return its path.

    Parameters
    ----------
    records : iterable of (float, int, dict)
        Second, step, and values by tag: an event each.
    start : float
        Second of the version record, with which the file begins.
    host, pid, number
        Parts of the file's name.
    texts : dict or iterable of (str, str)
        Texts by tag, logged at the start.
    """
    events = [Event(wall_time=T0 + start, file_version="brain.Event:2")]
    for tag, words in dict(texts).items():
        events.append(values_event(0, text(tag, words.encode()), wall=T0 + start))
    for second, step, values in records:
        for tag, value in values.items():
            events.append(values_event(step, scalar(tag, value), wall=T0 + second))
    name = f"events.out.tfevents.{int(T0 + start)}.{host}.{pid}.{number}"
    return write_events(directory / name, events)


def race(
    time_s, finished=True, map_="A01", kind="eval", status="trained", robust=False, dialect="rulka"
):
    """What a trainer logs of one race: values by tag."""
    tag = f"{PREFIXES[dialect]}{kind}_race_{{}}_{status}_{map_}"
    values = {tag.format("time"): time_s, tag.format("finished"): float(finished)}
    return values | ({tag.format("time_robust"): time_s} if robust else {})


def load(logdir, name, **options):
    """`tmnet.load_run` past the cache."""
    return tmnet.load_run(name, logdir, cache=False, **options)


def write_three_runs(logdir):
    """Write three runs that say something once a minute; return the log directory.

    ======  =======  =============  =======================  ============  ===================
    run     minutes  steps/minute   eval race of minute k    loss          what it alone has
    ======  =======  =============  =======================  ============  ===================
    long    60       1000           60 - k/4 s from k = 10   128 - k       explo races, all of
                                                                           40 s
    short   30       2000           50 - k/2 s from k = 5    64 - k        the tag own/counter
    never   45       1000           not finished             NaN           no avg_q
    ======  =======  =============  =======================  ============  ===================

    `training_share` is k/64 in all of them, avg_q -k. Only the odd races of `short` finish.
    """
    for pid, (name, minutes, pace) in enumerate(
        [("long", 60, 1000), ("short", 30, 2000), ("never", 45, 1000)], start=1
    ):
        config = f"network:\n  size: {minutes}\nbatch: 512\n"
        records = [(60 * k, pace * k, three_values(name, k)) for k in range(1, minutes + 1)]
        write_file(logdir / name, records, pid=pid, texts={"config": config})
    return logdir


def three_values(name, k):
    """What a run of `write_three_runs` logs in its k-th minute: values by tag."""
    shared = {"Performance/learner_percentage_training": k / 64}
    if name == "long":
        values = race(60 - k / 4) if k >= 10 else race(CUTOFF, False)
        values |= race(40.0, kind="explo")
        return shared | values | {"Training/loss": 128 - k, "RL/avg_Q_trained_A01": -k}
    if name == "short":
        values = race(50 - k / 2) if k >= 5 and k % 2 else race(CUTOFF, False)
        return shared | values | {"loss": 64 - k, "avg_Q_trained_A01": -k, "own/counter": 3 * k}
    return shared | race(CUTOFF, False) | {"Training/loss": float("nan")}
