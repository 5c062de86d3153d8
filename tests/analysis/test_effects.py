"""Effects of knobs: by hand, by least squares, and by drawn studies."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmnet.analysis.statistics.effects import effects
from tmnet.errors import TmnetError

from .formulas import PRINTED_T

KNOBS = ("image", "embedding", "n", "k")


def factorial(knobs, value, seeds=1):
    """Arms of a full factorial of knobs with the levels 0 and 1."""
    return [
        (dict(zip(knobs, row)), [value(*row)] * seeds)
        for row in itertools.product((0, 1), repeat=len(knobs))
    ]


def test_a_two_by_two_by_hand():
    """Means 10, 14, 20 and 30; seeds lie 1 off, so the scatter is √2 with 4 degrees of freedom."""
    arms = [
        ({"image": image, "n": n, "seed": 1}, [mean - 1, mean + 1])
        for (image, n), mean in {(32, 8): 10, (32, 16): 14, (64, 8): 20, (64, 16): 30}.items()
    ]
    found = effects(arms)
    assert (found.design, found.n) == ("full factorial", 8)
    assert found.levels == {"image": (32, 64), "n": (8, 16)}
    assert {effect.knobs: effect.value for effect in found.effects} == {
        ("image",): 25 - 12, ("n",): 22 - 15, ("image", "n"): (10 + 30) / 2 - (14 + 20) / 2
    }  # fmt: skip
    assert found.sd == pytest.approx(math.sqrt(2))
    half = PRINTED_T[4] * 2 * found.sd / math.sqrt(8)  # of standard errors
    for effect in found.effects:
        assert effect.interval == pytest.approx(
            (effect.value - half, effect.value + half), abs=1e-3
        )
        assert (effect.p < 0.05) == (abs(effect.value) > half)
        assert effect.aliases == ()


@given(st.lists(st.integers(-9, 9), min_size=7, max_size=7), st.randoms())
def test_effects_of_three_knobs_are_found(truth, random):
    """What each main effect and each two together add: half of it, less half where low."""
    names = KNOBS[:3]
    sets = [s for size in (1, 2, 3) for s in itertools.combinations(range(3), size)]

    def value(*row):
        return sum(
            effect / 2 * math.prod(2 * row[i] - 1 for i in places)
            for effect, places in zip(truth, sets)
        )

    arms = factorial(names, value)
    random.shuffle(arms)
    found = effects(arms)
    assert {effect.knobs: effect.value for effect in found.effects} == pytest.approx(
        {tuple(names[i] for i in places): effect for effect, places in zip(truth[:6], sets)}
    )
    assert all(effect.interval is None and effect.p is None for effect in found.effects)
    assert math.isnan(found.sd)


def test_a_half_factorial_names_what_it_cannot_tell_apart():
    """2^(4 - 1) with I = ABCD: eight of the sixteen, of which an even number of knobs is high."""
    arms = [
        (knobs, values)
        for knobs, values in factorial(KNOBS, lambda a, b, c, d: 3 * a - b + 4 * a * b * c, 2)
        if sum(knobs.values()) % 2 == 0
    ]
    found = effects(arms)
    assert found.design == "half factorial" and [x.knobs for x in found.effects] == [
        (name,) for name in KNOBS
    ]
    assert [x.aliases for x in found.effects] == [
        (("embedding", "n", "k"),), (("image", "n", "k"),), (("image", "embedding", "k"),),
        (("image", "embedding", "n"),),
    ]  # fmt: skip
    high, low = ([v[0] for knobs, v in arms if knobs["image"] == level] for level in (1, 0))
    assert found.effects[0].value == pytest.approx(np.mean(high) - np.mean(low))


def test_other_halves_are_found_too():
    """I = ABC of three knobs, and of four of which the last is in no alias of the word."""
    arms = [arm for arm in factorial(KNOBS[:3], max) if sum(arm[0].values()) % 2]
    assert effects(arms).effects[0].aliases == (("embedding", "n"),)
    arms = [arm for arm in factorial(KNOBS, max) if sum([*arm[0].values()][:3]) % 2]
    assert effects(arms).effects[3].aliases == (KNOBS,)


@pytest.mark.parametrize(
    "base, design", [(0, "small plus one"), (1, "big minus one"), ((0, 1, 0), "one at a time")]
)
def test_one_knob_at_a_time(base, design):
    """An effect is that of the high level, whichever way the knob was turned."""
    base = base if isinstance(base, tuple) else (base,) * 3
    rows = [base, *(tuple(x ^ (i == j) for j, x in enumerate(base)) for i in range(3))]
    arms = [
        (dict(zip(KNOBS, row)), [2 * row[0] + 5 * row[1] - row[2] + off for off in (-1, 0, 1)])
        for row in rows
    ]
    found = effects(arms)
    assert (found.design, found.sd, found.n) == (design, 1, 12)
    assert [effect.value for effect in found.effects] == pytest.approx([2, 5, -1])
    half = 2.3060 * math.sqrt(2 / 3)  # Student's 97.5 % of 8 degrees of freedom, as printed
    assert found.effects[0].interval == pytest.approx((2 - half, 2 + half), abs=1e-3)


def test_levels_that_are_no_numbers_come_in_order():
    arms = [({"head": "small"}, [1, 2]), ({"head": "big"}, [5, 6])]
    found = effects(arms)
    assert found.levels == {"head": ("small", "big")} and found.effects[0].value == 4


def test_unequal_numbers_of_seeds():
    """Means of configurations count alike; the error is that of their means."""
    arms = [({"n": 8}, [1, 3]), ({"n": 16}, [4, 6, 8, 10, 12, 14])]
    found = effects(arms)
    sd = math.sqrt((2 + 70) / 6)
    half = 2.4469 * sd * math.sqrt(1 / 2 + 1 / 6)
    assert found.effects[0].value == 7
    assert found.effects[0].interval == pytest.approx((7 - half, 7 + half), abs=1e-3)


def test_intervals_of_effects_cover():
    rng, held = np.random.default_rng(1), []
    for _ in range(300):
        arms = [(knobs, rng.normal(v, 2)) for knobs, v in factorial(KNOBS[:2], lambda a, b: a, 3)]
        held.append([x.interval.holds(x.knobs == ("image",)) for x in effects(arms).effects])
    assert 0.93 <= np.mean(held) <= 0.97


@pytest.mark.parametrize(
    "arms, said",
    [
        (factorial(KNOBS[:3], max)[:5], "form no design: a full factorial has 8, a half one 4"),
        (factorial(KNOBS[:2], max)[1:3], "form no design"),  # one is high where the other is low
        ([({"n": n}, [n]) for n in (1, 2, 3)], "n has 3 levels"),
        ([({"n": 8}, [1]), ({"n": 8}, [2])], "No knob has two levels"),
        ([], "No knob has two levels"),
        ([({"n": 8}, [1]), ({"k": 8}, [2])], "does not say its"),
        ([({"n": 8}, [1]), ({"n": 9}, [2, math.nan])], "n 9 has 2, 1 of them without a value"),
        ([({"n": 8}, [1]), ({"n": 9}, [2]), ({"n": 8}, [3])], "the same configuration"),
    ],
)
def test_what_is_no_design(arms, said):
    with pytest.raises(TmnetError, match=said) as error:
        effects(arms)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
