"""Performance profiles of arms."""

import numpy as np
import pytest

from tmnet.errors import TmnetError
from tmnet.figures import plot_profile

from .lines import line_of


@pytest.mark.parametrize(
    "name, arm, better",
    [
        # just worse than each value, and just better: how many of the seeds are better
        ("A01/eval/best", "a", {26.1: 3, 25.9: 2, 25.1: 2, 24.9: 1, 24.1: 1, 23.9: 0}),
        ("A01/eval/best", "b", {29.1: 3, 28.9: 2, 26.9: 1, 24.9: 0}),
        ("A01/eval/finish_rate", "a", {-1: 4, 1: 3, 99: 3, 101: 0}),
        ("A01/eval/finish_rate", "b", {-1: 3, 99: 3, 101: 0}),
    ],
)
def test_a_performance_profile(arms, name, arm, better):
    figure = plot_profile(arms, name)
    (ax,) = figure.axes
    line, seeds = line_of(ax, arm), len(arms.arms[arm])
    x, y = line.get_data()
    rising = np.sign(x[-1] - x[0])
    assert line.get_drawstyle() == "steps-post" and (ax.get_xlim()[0] > ax.get_xlim()[1]) == (
        rising < 0  # the better, the further right
    )
    for at, count in better.items():
        passed = np.flatnonzero(rising * x <= rising * at)
        assert y[passed[-1]] == pytest.approx(100 * count / seeds)
    assert ax.get_ylabel() == "seeds that are better (%)"
    assert ax.get_xlabel().endswith({"best": "(s)", "finish_rate": "(%)"}[name.rsplit("/")[-1]])
    assert {text.get_text() for text in ax.get_legend().texts} == {"a", "b"}


def test_a_profile_needs_arms_and_a_direction(arms, whole):
    for comparison, name in ((whole, "A01/eval/best"), (arms, "A01/eval/races")):
        with pytest.raises(TmnetError, match="needs arms, and a better and a worse"):
            plot_profile(comparison, name)
    with pytest.raises(TmnetError, match="no metric A01/eval/bst"):
        plot_profile(arms, "A01/eval/bst")
