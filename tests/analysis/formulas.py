"""Intervals by the formulas of books."""

import math
from statistics import NormalDist

import numpy as np

Z = NormalDist().inv_cdf(0.975)


def by_wilson(finished, races):
    """Wilson's interval, as it is printed in books."""
    p, z2 = finished / races, Z * Z
    middle = (p + z2 / (2 * races)) / (1 + z2 / races)
    half = Z / (1 + z2 / races) * math.sqrt(p * (1 - p) / races + z2 / (4 * races**2))
    return middle - half, middle + half


PRINTED_T = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706}  # 97.5 %, by freedom


def student(freedom):
    """97.5 % of Student's distribution: printed, or by the first terms of Fisher's series."""
    if freedom in PRINTED_T:
        return PRINTED_T[freedom]
    z3, z5 = (Z**3 + Z) / 4, (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    return Z + z3 / freedom + z5 / freedom**2


def widened(one, other=None):
    """The interval of a value, or of a difference, each (value, values of draws, freedom).

    Percentiles of how draws differ from the value, wider by Student's quantile over the normal
    one; of two with the freedom of Welch and Satterthwaite.
    """
    both = [one] if other is None else [one, other]
    apart = [draws - value for value, draws, _ in both]
    variances = [some.var() for some in apart]
    freedom = sum(variances) ** 2 / sum(v**2 / f for v, (*_, f) in zip(variances, both))
    signs = [1, -1]
    value = sum(sign * some[0] for sign, some in zip(signs, both))
    ends = np.quantile(sum(sign * some for sign, some in zip(signs, apart)), [0.025, 0.975])
    return tuple(value + student(freedom) / Z * ends)


def of_blocks(value, k, draws):
    """A sample for `widened`: draws of k blocks scatter by (k - 1) / k less than k blocks do."""
    return value, value + math.sqrt(k / (k - 1)) * (np.array(draws) - value), k - 1
