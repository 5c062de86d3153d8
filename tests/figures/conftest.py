"""Comparisons whose figures are tested."""

import pytest

import tmnet

from ..synthetic import load, race, write_file
from .lines import NAMES


@pytest.fixture(scope="module")
def runs(three_runs):
    return [load(three_runs, name) for name in NAMES]


@pytest.fixture(scope="module")
def whole(runs):
    """The three runs, to the end of the longest."""
    return tmnet.compare(runs, interval=2, window=(0, 60))


@pytest.fixture(scope="module")
def arms(tmp_path_factory):
    """Best times of 24, 25, 26 and none; and of 25, 27 and 29; rates of 1, 1, 1, 0 and so on."""
    logdir, arms = tmp_path_factory.mktemp("arms"), {}
    for arm, times in {"a": [24, 25, 26, None], "b": [25, 27, 29]}.items():
        for i, x in enumerate(times):
            values = race(300.0, False) if x is None else race(float(x))
            write_file(logdir / f"{arm}{i}", [(60 * k, k, values) for k in range(1, 21)])
        arms[arm] = [load(logdir, f"{arm}{i}") for i in range(len(times))]
    return tmnet.compare(arms)
