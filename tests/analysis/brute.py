"""Random runs, and what metrics of them must be: event after event, with no array in sight."""

import math
import statistics
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

import tmnet

from ..synthetic import CUTOFF, load, race, write_file

AXES = [
    {"by": "time"},
    {"by": "time", "clock": "wall"},
    {"by": "step"},
    {"by": "relative_step"},
    {"by": "played"},
]
STATISTICS = ["best", "mean", "std", "mean_all", "finish_rate", "first_finish", "races"]
ROBUST = ["best", "mean", "std", "first_finish", "races"]
PLACES = [("A01", "eval"), ("A01", "explo"), ("Hock", "explo")]
PER_STEP = 3  # the counter `played` counts so many a step


class Race(NamedTuple):
    map: str
    kind: str
    time_s: float
    finished: bool
    robust: bool


class Moment(NamedTuple):
    """What a process logs at one second, and at one step."""

    process: int
    second: int
    step: int
    races: tuple[Race, ...]
    scalars: dict[str, float]


class History(NamedTuple):
    """A run: when each process starts, and everything that is logged, in order."""

    starts: list[int]
    moments: list[Moment]

    def load(self, name):
        """Write the run and load it."""
        with tempfile.TemporaryDirectory() as directory:
            for process, start in enumerate(self.starts):
                records = []
                for moment in self.moments:
                    if moment.process == process:
                        records.append((moment.second, moment.step, moment.scalars))
                        records += [
                            (moment.second, moment.step, race_values(some)) for some in moment.races
                        ]
                write_file(Path(directory) / name, records, start, pid=process)
            with warnings.catch_warnings():  # of trainings that begin anew
                warnings.simplefilter("ignore", tmnet.LogWarning)
                run = load(directory, name)
            assert len(run.races) == sum(len(moment.races) for moment in self.moments)
            return run


def race_values(some):
    return race(some.time_s, some.finished, some.map, some.kind, robust=some.robust)


# --- random runs --------------------------------------------------------------------------------


@st.composite
def _races(draw, place=None, robust=False):
    finished = robust or draw(st.booleans())
    time_s = draw(st.integers(80, 1199)) / 4 if finished else CUTOFF
    place = place or draw(st.sampled_from(PLACES))
    return Race(*place, time_s, finished, robust or (finished and draw(st.booleans())))


numbers = st.one_of(
    st.integers(-400, 400).map(lambda x: x / 8),
    st.sampled_from([math.nan, math.inf, -math.inf]),
)
scalars = st.dictionaries(st.sampled_from(["loss", "own/tag"]), numbers)
races = st.lists(_races(), max_size=3, unique_by=lambda some: some[:2]).map(tuple)
everything = st.tuples(
    st.tuples(*(_races(place, robust=True) for place in PLACES)),
    st.fixed_dictionaries({"loss": numbers, "own/tag": numbers}),
)
moments = st.tuples(st.integers(1, 90), st.integers(1, 60), races, scalars)


@st.composite
def histories(draw):
    """One to three processes; a later one restarts some steps before the end of the last.

    Each logs all that there is at first, so that it takes the place of all that was logged.
    """
    starts, logged, second, step = [], [], draw(st.integers(0, 100)), draw(st.integers(0, 500))
    origin = step
    for process in range(draw(st.integers(1, 3))):
        if process:
            second += draw(st.integers(0, 300))
            step = max(origin, step - draw(st.integers(0, 200)))
        starts.append(second)
        own = draw(st.lists(moments, min_size=3, max_size=12))
        own[0] = (*own[0][:2], *draw(everything))
        for seconds, steps, some, values in own:
            second, step = second + seconds, step + steps
            values = values | {"played": PER_STEP * step}
            logged.append(Moment(process, second, step, some, values))
    return History(starts, logged)


# --- where things lie ---------------------------------------------------------------------------


def survives(history, moment):
    """Whether no later process played a moment's step again.

    One that begins where an earlier one ended goes on from there.
    """
    first = {other.process: other.step for other in reversed(history.moments)}
    last = {other.process: other.step for other in history.moments}[moment.process]
    return all(first[process] > moment.step or first[process] >= last
               for process in first if process > moment.process)  # fmt: skip


def position(history, moment, by, clock="active"):
    """Where a moment lies on an axis; None where it is not part of the surviving history.

    Minutes have nine decimals, as points of a grid.
    """
    if by == "time":
        if clock == "wall":
            return round((moment.second - history.starts[0]) / 60, 9)
        before = sum(
            max(m.second for m in history.moments if m.process == process) - start
            for process, start in enumerate(history.starts[: moment.process])
        )
        return round((before + moment.second - history.starts[moment.process]) / 60, 9)
    if not survives(history, moment):
        return None
    first = min(other.step for other in history.moments)
    return {
        "step": moment.step,
        "relative_step": moment.step - first,
        "played": PER_STEP * moment.step,
    }[by]


def placed(history, by, clock="active"):
    """Pairs of position and moment, in the order of the axis, and of time at one position."""
    pairs = [(position(history, moment, by, clock), moment) for moment in history.moments]
    return sorted((pair for pair in pairs if pair[0] is not None), key=lambda pair: pair[0])


def end(pairs):
    """Where a run ends, of what `placed` returns."""
    return pairs[-1][0]


# --- what metrics are ---------------------------------------------------------------------------


def races_value(pairs, name, t, trailing=None):
    """The value of a metric of races at `t`; NaN where there is none.

    `pairs` is what `placed` returns.
    """
    map_, kind, statistic = name.split("/")
    races = [
        (at, some)
        for at, moment in pairs
        for some in moment.races
        if (some.map, some.kind) == (map_, kind)
        and (some.robust or not statistic.startswith("robust_"))
    ]
    if not races or t > end(pairs):
        return math.nan
    statistic = statistic.removeprefix("robust_")
    if statistic == "first_finish":
        return min((at for at, some in races if some.finished and at <= t), default=math.nan)
    counted = [some for at, some in races if at <= t and (trailing is None or at > t - trailing)]
    times = [some.time_s for some in counted if some.finished]
    if statistic == "races":
        return len(counted)
    if not (times if statistic in ("best", "mean", "std") else counted):
        return math.nan
    return {
        "best": lambda: min(times),
        "mean": lambda: statistics.fmean(times),
        "std": lambda: statistics.pstdev(times),
        "mean_all": lambda: statistics.fmean(some.time_s for some in counted),
        "finish_rate": lambda: len(times) / len(counted),
    }[statistic]()


def scalar_value(pairs, tag, t, rule, interval):
    """The value of a scalar at `t`; NaN where there is none."""
    if t > end(pairs):
        return math.nan
    pairs = [(at, moment.scalars[tag]) for at, moment in pairs if tag in moment.scalars and at <= t]
    if rule == "last":
        return pairs[-1][1] if pairs else math.nan
    pairs = [(at, value) for at, value in pairs if math.isfinite(value)]
    if rule == "mean":
        pairs = [(at, value) for at, value in pairs if at > t - interval]
    if not pairs:
        return math.nan
    values = [value for _, value in pairs]
    if rule == "ema":
        weights = [0.5 ** ((pairs[-1][0] - at) / interval) for at, _ in pairs]
        return sum(w * x for w, x in zip(weights, values)) / sum(weights)
    return {"min": min, "max": max, "mean": statistics.fmean}[rule](values)
