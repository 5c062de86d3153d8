"""Going on longer: said of curves only that foretold themselves."""

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.signal import lfilter

from tmnet.analysis.statistics.trend import fitted, longer

AT = np.arange(1, 49) * 2.5  # min


def wobble(rng, share=0.5, scatter=0.02):
    noise = rng.normal(0, scatter * np.sqrt(1 - share**2), len(AT) + 100)
    return lfilter([1], [1, -share], noise)[100:]


def power_law(t):
    return 0.95 - 0.1 * (t / 120) ** -0.5


def test_the_curve_is_that_of_scipys_least_squares():
    """The finest grid of b leaves the sum of squares within a tenth of a percent."""
    rng, t = np.random.default_rng(0), AT / AT[-1]
    for _ in range(5):
        values = power_law(AT) + wobble(rng)
        found = fitted(t, values, "higher", 0, 1)

        def curve(t, c, a, b):
            return c - a * t**-b

        best, _ = curve_fit(curve, t, values, (0.9, 0.1, 0.5), bounds=([0, 0, 0.05], [1, 9, 5]))
        squares = ((values - curve(t, *best)) ** 2).sum()
        assert ((values - found(t)) ** 2).sum() == pytest.approx(squares, rel=1e-3)
        np.testing.assert_allclose(found(t), curve(t, *best), atol=5e-3)


@pytest.mark.parametrize("better, sign", [("higher", 1), ("lower", -1)])
def test_a_curve_without_scatter_is_found(better, sign):
    t = AT / AT[-1]
    found = fitted(t, sign * (0.9 - 0.2 * t**-0.7), better, -np.inf, np.inf)
    assert (found.c, found.a) == pytest.approx((sign * 0.9, sign * 0.2), rel=0.05)
    assert found.b == pytest.approx(0.7, rel=0.03)


def test_bounds_and_directions_are_kept():
    t, rng = AT / AT[-1], np.random.default_rng(2)
    rising = 0.2 + 0.7 * t + 0.01 * rng.normal(size=(20, len(t)))
    found = fitted(t, rising, "higher", 0, 1)
    assert (found.c <= 1).all() and (found.a >= 0).all() and found.c.shape == (20,)
    falling = fitted(t, -rising, "higher", -1, 1)  # which only gets worse: a constant is best
    np.testing.assert_allclose(falling.a, 0)
    np.testing.assert_allclose(falling.c, -rising.mean(1))


def test_a_curve_that_goes_on():
    found = [longer(AT, power_law(AT) + wobble(np.random.default_rng(k)), "higher", 0, 1, k)
             for k in range(40)]  # fmt: skip
    told = [some for some in found if some]
    assert len(told) >= 20
    truth = power_law(180) - power_law(120)
    assert all(some.at == 180 for some in told)
    assert np.mean([some.gain for some in told]) == pytest.approx(truth, abs=0.005)
    assert np.mean([some.interval.holds(truth) for some in told]) >= 0.93


def test_no_gain_leads_beyond_what_there_can_be():
    """Of rates near all and none: what is expected, and 95 % of it, is between these."""
    t = AT / AT[-1]
    for k in range(20):
        values = np.random.default_rng(k).binomial(5, np.clip(1 - 0.1 * t**-0.5, 0, 1)) / 5
        for better, some in (("higher", values), ("lower", 1 - values)):
            found = longer(AT, some, better, 0, 1, k)
            if found is None:
                continue
            end = float(fitted(t, some, better, 0, 1)(np.ones(1))[0])
            assert -1e-9 <= end + found.interval.low <= end + found.interval.high <= 1 + 1e-9
            assert found.interval.holds(found.gain)


def test_times_that_fall():
    values = 20 + 4 * (AT / 120) ** -0.4 + wobble(np.random.default_rng(3), 0, 0.05)
    found = longer(AT, values, "lower")
    truth = 4 * (1.5**-0.4 - 1)
    assert found.gain == pytest.approx(truth, abs=0.15) and found.gain < 0
    assert found.interval.holds(truth)
    above = longer(AT, -values, "higher")
    assert above.gain == pytest.approx(-found.gain)
    assert found == longer(AT, values, "lower", seed=0) != longer(AT, values, "lower", seed=1)


@pytest.mark.parametrize("late", [0.3, 0.55, 0.8])
def test_a_late_start_foretells_nothing(late):
    for number in range(10):
        values = np.clip(AT / 120 - late, 0, None) + wobble(np.random.default_rng(number), 0.5)
        assert longer(AT, values, "higher", 0, 1) is None


@pytest.mark.parametrize("slope", [0.4, 0.15, -0.15])
def test_of_a_straight_line_nothing_is_foretold(slope):
    """Where it will level off is not to be seen."""
    for number in range(20):
        values = 0.5 + slope * AT / 120 + wobble(np.random.default_rng(number))
        assert longer(AT, values, "higher", 0, 1) is None


def test_a_line_that_may_be_level_may_rise_as_well():
    """The interval holds what the line of least squares gains."""
    told = 0
    for number in range(20):
        values = 0.5 + 0.01 * AT / 120 + wobble(np.random.default_rng(number))
        if found := longer(AT, values, "higher", 0, 1):
            told += 1
            assert found.interval.holds(np.polyfit(AT / 120, values, 1)[0] / 2)
    assert told >= 10


def test_a_policy_that_has_stopped_gains_nothing():
    found = [longer(AT, 0.8 + wobble(np.random.default_rng(k)), "higher", 0, 1) for k in range(40)]
    assert all(some.interval.holds(0) for some in found if some)


def test_a_curve_that_is_over_is_not_gone_on_with():
    """An exponential approach, at its end long before: no power law, which would go on."""
    told = []
    for number in range(30):
        values = 0.9 - 0.8 * np.exp(-AT / 12) + wobble(np.random.default_rng(number), 0, 0.01)
        found = longer(AT, values, "higher", 0, 1)
        told.append(found is not None and found.interval.low > 0.002)
    assert np.mean(told) <= 0.1


@pytest.mark.parametrize(
    "at, values",
    [([], []), ([5, 10], [0.1, 0.2]), (AT[:15], power_law(AT[:15])), (AT, np.full(48, 0.5)),
     (AT, np.full(48, np.nan)), (AT, np.where(AT > 60, 0.5 + AT / 1000, np.nan))],
    ids=["none", "two", "fifteen", "no scatter", "missing", "no first half"],
)  # fmt: skip
def test_too_little_to_go_by(at, values):
    assert longer(at, values, "higher") is None
