"""Limits of value axes: what is extreme is cut where it is bad, and that is said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tmnet
from tmnet.analysis.metrics import Metric
from tmnet.figures.limits import robust_limits

from ..synthetic import load, write_file

values = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=40)


@settings(max_examples=300)
@given(y=values, name=st.sampled_from(["loss", "avg_q/A01", "A01/eval/races"]))
def test_limits_hold_the_middle_half_and_say_what_they_cut(y, name):
    some, y = Metric.named(name), np.array(y)
    bottom, top, cut = robust_limits(y, some)
    assert bottom < top
    finite = y[~np.isnan(y)]
    if not len(finite):
        return
    low, high = np.quantile(finite, [0.25, 0.75])
    assert bottom <= low <= high <= top
    if cut is None:
        assert (bottom <= finite).all() and (finite <= top).all()
    else:
        assert cut == (finite.max() if some.better == "lower" else finite.min())
        assert not bottom <= cut <= top
        assert some.better is not None  # of what is neither good nor bad nothing is cut
        good = finite <= high if some.better == "lower" else finite >= low
        assert ((bottom <= finite) & (finite <= top))[good].all()


@pytest.mark.parametrize(
    "name, extreme, cut",
    [
        ("loss", 1000.0, True),
        ("loss", -1000.0, False),  # a very good value is shown
        ("rollout/ep_rew_mean", -1000.0, True),
        ("rollout/ep_rew_mean", 1000.0, False),
        ("avg_q/A01", -1000.0, False),
        ("charts/SPS", 1000.0, False),
    ],
)
def test_an_extreme_value_is_cut_where_it_is_bad(tmp_path, name, extreme, cut):
    records = [(60 * k, k, {name: k / 4}) for k in range(2, 41)]
    write_file(tmp_path / "X", [(60, 1, {name: extreme}), *records])
    comparison = tmnet.compare([load(tmp_path, "X")], interval=1, metrics=[name])
    (ax,) = comparison.plot(name).axes
    low, high = ax.get_ylim()
    notes = [text.get_text() for text in ax.texts if text.get_text() not in ("", "X")]
    assert (low <= extreme <= high) == (not cut)
    assert low <= 0.5 and high >= 10 * (not cut or extreme > 0)
    side = "up" if extreme > 0 else "down"
    assert notes == ([f"{side} to {extreme:,.4g}, not shown"] if cut else [])


def test_what_is_not_shown_is_not_shown():
    """A value just beyond the reach, but within the margin around it."""
    y = np.append(np.linspace(0, 1, 101), 2.05)
    bottom, top, cut = robust_limits(y, Metric.named("loss"))
    assert cut is None or not bottom <= cut <= top
