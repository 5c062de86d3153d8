"""Intervals by the formulas of books."""

import math
from statistics import NormalDist

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
