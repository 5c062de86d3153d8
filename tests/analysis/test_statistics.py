"""Rates, and several questions at once, against formulas and published tables."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmnet.analysis.statistics import ConfidenceInterval, holm
from tmnet.analysis.statistics.seeds import rate_interval

from .formulas import by_wilson

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


# --- rates --------------------------------------------------------------------------------------


@given(counts)
def test_the_interval_of_a_rate_is_wilsons(count):
    found = rate_interval(*count)
    assert found == pytest.approx(by_wilson(*count), abs=1e-12)
    assert found.holds(count[0] / count[1]) or count[0] in (0, count[1])


@pytest.mark.parametrize(
    "finished, races, low, high",
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe (1998), Table I, method 3: the first three
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (10, 10, 0.7225, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_printed_intervals_of_rates(finished, races, low, high):
    assert rate_interval(finished, races) == pytest.approx((low, high), abs=5.1e-5)


def test_an_interval_holds_its_ends():
    some = ConfidenceInterval(-1.0, 2.0)
    assert [some.holds(x) for x in (-1.1, -1, 0, 2, 2.1, math.nan)] == [
        False, True, True, True, False, False
    ]  # fmt: skip


# --- several questions at once ------------------------------------------------------------------


@pytest.mark.parametrize(
    "p, adjusted",
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04], [0.02, 0.04]),
        ([0.04, 0.01], [0.04, 0.02]),
        ([0.03, 0.03], [0.06, 0.06]),  # the second is no surer than the first
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # as R's p.adjust has it
        ([0.9, 0.8], [1, 1]),
    ],
)
def test_holms_p_by_hand(p, adjusted):
    assert holm(p) == pytest.approx(adjusted)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_step_by_step(p):
    """The smallest is held against 5 % over all, the next against 5 % over the rest, and so on."""
    rejected, left = set(), sorted(range(len(p)), key=p.__getitem__)
    while left and p[left[0]] * len(left) <= 0.05:
        rejected.add(left.pop(0))
    assert {i for i, value in enumerate(holm(p)) if value <= 0.05} == rejected


@given(
    st.lists(
        st.tuples(st.floats(1e-6, 1), st.sampled_from([0.1, 0.5, 2.0])), min_size=1, max_size=7
    )
)
def test_weighted_holm_rejects_step_by_step(asked):
    """Holm (1979), section 4: of those left, the one with the least p per weight comes next."""
    p, weights = zip(*asked)
    adjusted = holm(p, weights)
    for level in (0.001, 0.03, 0.05, 0.2, 0.7):
        left, rejected = list(range(len(p))), set()
        while left:
            first = min(left, key=lambda i: p[i] / weights[i])
            if p[first] > level * weights[first] / sum(weights[i] for i in left):
                break
            left.remove(first)
            rejected.add(first)
        near = [i for i, x in enumerate(adjusted) if x == pytest.approx(level, rel=1e-9)]
        assert rejected ^ {i for i, x in enumerate(adjusted) if x <= level} <= {*near}
