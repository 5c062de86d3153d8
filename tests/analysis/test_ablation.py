"""Effects of knobs, of arms that were logged: by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

import tmnet
from tmnet.errors import TmnetError

from .findings.told import run_of

CONFIG = """
neural_network: {{w_downsized: {image}, h_downsized: {image}, iqn_n: {n}}}
training: {{batch_size: 512}}
seed: {seed}
"""


def arms_of(tmp_path, finishes):
    """Arms by image size and n, whose seeds finish so many of ten races each."""
    arms = {}
    for (image, n), seeds in finishes.items():
        arms[f"{image}_{n}"] = [
            run_of(
                tmp_path, f"{image}_{n}_{i}",
                [24.0 if k % 10 < of_ten else None for k in range(200)],
                config=CONFIG.format(image=image, n=n, seed=i),
            )
            for i, of_ten in enumerate(seeds)
        ]  # fmt: skip
    return arms


def test_a_full_factorial_has_main_effects_and_what_two_do_together(tmp_path):
    finishes = {(64, 8): [2, 3, 4], (128, 8): [5, 5, 6], (64, 16): [2, 4, 4], (128, 16): [8, 9, 9]}
    comparison = tmnet.compare(arms_of(tmp_path, finishes))
    found = comparison.effects()
    assert found.design == "full factorial" and found.n == 12
    assert found.levels == {"w_downsized and h_downsized": (64, 128), "iqn_n": (8, 16)}
    means = {where: np.mean(seeds) / 10 for where, seeds in finishes.items()}
    within = [x / 10 - means[where] for where, seeds in finishes.items() for x in seeds]
    sd = math.sqrt(sum(x * x for x in within) / 8)
    half = 2 * sd / math.sqrt(12) * stats.t.ppf(0.975, 8)
    signs = [
        lambda image, n: 1 if image == 128 else -1,
        lambda image, n: 1 if n == 16 else -1,
        lambda image, n: 1 if (image == 128) == (n == 16) else -1,
    ]
    assert [len(effect.knobs) for effect in found.effects] == [1, 1, 2]
    for effect, sign in zip(found.effects, signs, strict=True):
        value = sum(sign(*where) * mean for where, mean in means.items()) / 2
        assert effect.value == pytest.approx(value)
        assert effect.interval == pytest.approx((value - half, value + half))


def test_small_plus_one(tmp_path):
    finishes = {(64, 8): [2, 3], (128, 8): [5, 6], (64, 16): [2, 4]}
    found = tmnet.compare(arms_of(tmp_path, finishes)).effects("A01/eval/finish_rate")
    assert found.design == "small plus one"
    values = dict((effect.knobs[0], effect.value) for effect in found.effects)
    assert values["iqn_n"] == pytest.approx(0.05)
    assert values["w_downsized and h_downsized"] == pytest.approx(0.3)


def test_what_is_no_design_is_said(tmp_path):
    arms = arms_of(tmp_path, {(64, 8): [2, 3], (128, 16): [5, 6], (256, 8): [5, 6]})
    with pytest.raises(TmnetError, match="w_downsized and h_downsized has 3 levels"):
        tmnet.compare(arms).effects()
    runs = list(itertools.chain.from_iterable(arms.values()))
    with pytest.raises(TmnetError, match="Effects are of arms"):
        tmnet.compare(runs).effects()
    with pytest.raises(TmnetError, match="There is no metric"):
        tmnet.compare(arms).effects("A01/eval/none")
