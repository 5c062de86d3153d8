"""Schedules against the published ones, worked out by hand."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmnet.experiments.config import Experiment, Training
from tmnet.training.schedules import Schedules, exponential, linear, staircase

M = 1_000_000
PUBLISHED = {
    "lr": [
        (0, 1e-3),
        (0.75 * M, 4.728708e-4),  # 1e-3 * 0.05^(1/4)
        (1.5 * M, 2.2360680e-4),  # the root of 1e-3 * 5e-5
        (3 * M, 5e-5), (7 * M, 5e-5), (12 * M, 5e-5),
        (13.5 * M, 2.2360680e-5), (15 * M, 1e-5), (400 * M, 1e-5),
    ],
    "epsilon": [
        (0, 1), (25_000, 1), (50_000, 1),
        (175_000, 0.31622777), (300_000, 0.1),  # the root of 0.1
        (1_650_000, 0.054772256), (3 * M, 0.03), (90 * M, 0.03),  # the root of 0.1 * 0.03
    ],
    "epsilon_boltzmann": [(0, 0.15), (1.5 * M, 0.067082039), (3 * M, 0.03), (90 * M, 0.03)],
    "gamma": [
        (0, 0.999), (M, 0.999), (1.5 * M, 0.999),
        (1.75 * M, 0.99925), (2 * M, 0.9995), (2.5 * M, 1), (90 * M, 1),
    ],
    "memory": [
        (0, (50_000, 20_000)), (5 * M - 1, (50_000, 20_000)),
        (5 * M, (100_000, 75_000)), (7 * M - 1, (100_000, 75_000)),
        (7 * M, (200_000, 150_000)), (900 * M, (200_000, 150_000)),
    ],
    "suffix": [
        (0, ""), (6 * M - 1, ""), (6 * M, "_2"), (15 * M - 1, "_2"), (15 * M, "_3"),
        (30 * M - 1, "_3"), (30 * M, "_4"), (45 * M - 1, "_4"), (45 * M, "_5"),
        (80 * M - 1, "_5"), (80 * M, "_6"), (150 * M - 1, "_6"), (150 * M, "_7"), (900 * M, "_7"),
    ],
}  # fmt: skip
POINTS = [(name, at, value) for name, points in PUBLISHED.items() for at, value in points]


def of_speed(speed: float) -> Schedules:
    return Schedules(Experiment("x", training=Training(global_schedule_speed=speed)))


def equal(found, expected) -> bool:
    numbers = isinstance(expected, float)
    return found == (pytest.approx(expected, rel=1e-6) if numbers else expected)


@pytest.mark.parametrize("name, at, value", POINTS)
def test_published_schedules(name, at, value):
    found = getattr(of_speed(1), name)(at)
    assert equal(found, float(value) if isinstance(value, int) else value)


@pytest.mark.parametrize("speed", [0.5, 3])
@pytest.mark.parametrize("name, at, value", POINTS)
def test_speed(name, at, value, speed):
    """3 makes every schedule last three times as long, except gamma's."""
    where = at if name == "gamma" else at * speed
    found = getattr(of_speed(speed), name)(where)
    assert equal(found, float(value) if isinstance(value, int) else value)


def test_memory_counts():
    assert all(type(value) is int for value in of_speed(1 / 3).memory(6 * M))


def test_own_schedules():
    experiment = Experiment("x").with_values(
        {
            "training.lr_schedule": [[0, 0.5]],
            "training.gamma_schedule": [[0, 0.5], [10, 0.75], [20, 0.25]],
            "exploration.epsilon_schedule": [[0, 1.0], [8, 0.0001]],
            "exploration.epsilon_boltzmann_schedule": [[0, 0.01], [2, 0.04]],
            "memory.schedule": [[0, 7, 3], [5, 9, 4]],
            "recording.suffix_schedule": [[0, "a"], [3, ""]],
        }
    )
    of = Schedules(experiment)
    assert [of.lr(at) for at in (0, 1e9)] == pytest.approx([0.5, 0.5])
    assert [of.gamma(at) for at in (0, 4, 10, 15, 99)] == pytest.approx([0.5, 0.6, 0.75, 0.5, 0.25])
    assert [of.epsilon(at) for at in (0, 2, 4, 6, 8)] == pytest.approx([1, 0.1, 0.01, 1e-3, 1e-4])
    assert [of.epsilon_boltzmann(at) for at in (0, 1, 2)] == pytest.approx([0.01, 0.02, 0.04])
    assert [of.memory(at) for at in (0, 4.9, 5)] == [(7, 3), (7, 3), (9, 4)]
    assert [of.suffix(at) for at in (0, 2, 3)] == ["a", "a", ""]
    stretched = Schedules(
        replace(experiment, training=replace(experiment.training, global_schedule_speed=2.0))
    )
    assert stretched.gamma(4) == pytest.approx(0.6)
    assert stretched.epsilon(4) == pytest.approx(0.1)
    assert stretched.memory(9) == (7, 3) and stretched.memory(10) == (9, 4)


@st.composite
def schedules(draw):
    """Points of a schedule, and a place between the first and beyond the last."""
    gaps = draw(st.lists(st.integers(1, 10**7), max_size=5))
    frames = [sum(gaps[:i]) for i in range(len(gaps) + 1)]
    values = st.floats(1e-9, 10)
    points = tuple((at, draw(values)) for at in frames)
    return points, draw(st.floats(0, 1.3 * frames[-1] + 1))


@settings(max_examples=100)
@given(schedules())
def test_between_points(drawn):
    points, at = drawn
    before = max(i for i, (frames, _) in enumerate(points) if frames <= at)
    low = points[before]
    high = points[min(before + 1, len(points) - 1)]
    share = (at - low[0]) / (high[0] - low[0]) if high is not low else 0
    geometric = low[1] ** (1 - share) * high[1] ** share
    assert exponential(points, at) == pytest.approx(geometric, rel=1e-9)
    arithmetic = low[1] * (1 - share) + high[1] * share
    assert linear(points, at) == pytest.approx(arithmetic, rel=1e-9)
    assert staircase(points, at) == (low[1],)
