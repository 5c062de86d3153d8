"""How many seeds: by trials, by the power of the t test, and by printed bounds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

import tmnet
from tmnet.analysis.statistics.planning import detectable, pooled_sd, seeds_needed
from tmnet.errors import TmnetError


def test_seeds_of_the_guide():
    assert [seeds_needed(effect) for effect in (1, 1.5, 2, 3)] == [17, 9, 6, 4]
    assert tmnet.seeds_needed is seeds_needed


def power(n, effect):
    """∫ P(|Z + shift| > t s) over the distribution of s, the scatter that is found."""
    freedom, shift = 2 * n - 2, effect * math.sqrt(n / 2)
    enough = stats.t.ppf(0.975, freedom)

    def told(squares):
        limit = enough * math.sqrt(squares / freedom)
        chance = stats.norm.sf(limit - shift) + stats.norm.cdf(-limit - shift)
        return chance * stats.chi2.pdf(squares, freedom)

    return integrate.quad(told, 0, stats.chi2.isf(1e-12, freedom), limit=200)[0]


@pytest.mark.parametrize("effect, share", [(1, 0.8), (1.5, 0.9), (2, 0.8), (2.5, 0.5), (0.7, 0.95)])
def test_one_seed_fewer_is_not_enough(effect, share):
    n = seeds_needed(effect, power=share)
    assert power(n, effect) >= share
    assert n == 3 or power(n - 1, effect) < share


def test_as_many_trials_are_told():
    rng = np.random.default_rng(0)
    n = seeds_needed(1.5, power=0.8)
    one, other = rng.normal(1.5, 1, (20_000, n)), rng.normal(0, 1, (20_000, n))
    told = (stats.ttest_ind(one, other, axis=1).pvalue < 0.05).mean()
    assert told == pytest.approx(power(n, 1.5), abs=0.012)


@given(st.floats(0.3, 5), st.floats(0.1, 50))
def test_only_the_effect_in_standard_deviations_matters(effect, sd):
    assert seeds_needed(effect * sd, sd) == pytest.approx(seeds_needed(effect), abs=1)


def test_a_huge_effect_takes_three_seeds():
    assert seeds_needed(1e9) == seeds_needed(100) == 3


def test_what_no_study_can_see():
    with pytest.raises(TmnetError, match="more than 1,000,000 seeds an arm are needed"):
        seeds_needed(1e-5)


def test_a_pilot_counts_by_its_upper_bound():
    """χ² of 4 degrees of freedom has its 20th percentile at 1.649, as printed in tables."""
    pilot = [88, 93, 97, 85, 94]
    sd = np.std(pilot, ddof=1) * math.sqrt(4 / 1.649)
    assert seeds_needed(10, pilot=pilot) == seeds_needed(10, sd) == 10
    assert seeds_needed(10, np.std(pilot, ddof=1)) < 10
    assert seeds_needed(10, pilot=np.array(pilot)) == seeds_needed(10, pilot=tuple(pilot))


@pytest.mark.parametrize("pilot", [[5], [5, 5, 5], [5, math.nan]])
def test_pilots_that_tell_nothing(pilot):
    with pytest.raises(TmnetError, match="pilot"):
        seeds_needed(1, pilot=pilot)


@pytest.mark.parametrize("n, m", [(3, 3), (5, 5), (3, 10), (40, 50)])
def test_what_could_have_been_seen(n, m):
    """That very effect is told in four of five trials."""
    effect = detectable(n, m, 2.0)
    assert detectable(m, n) == pytest.approx(effect / 2)
    rng = np.random.default_rng(n)
    one, other = rng.normal(effect, 2, (10_000, n)), rng.normal(0, 2, (10_000, m))
    told = (stats.ttest_ind(one, other, axis=1).pvalue < 0.05).mean()
    assert told == pytest.approx(0.8, abs=0.02)


def test_what_could_have_been_seen_is_the_reverse():
    for n in (4, 9, 17):
        assert seeds_needed(detectable(n, n) * 1.0001) == n
    assert detectable(2, 9) == math.inf


def test_scatter_within_arms():
    assert pooled_sd([[1, 3], [10, 10, 13]]) == (pytest.approx(math.sqrt((2 + 6) / 3)), 3)
    sd, freedom = pooled_sd([[1], [5]])
    assert math.isnan(sd) and freedom == 0
