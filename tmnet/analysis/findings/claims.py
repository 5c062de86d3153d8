"""Which of all that is asked at once may be claimed.

The questions are declared before anybody looks: every primary metric of every run or arm against
the baseline, at equal amounts of the axis of the comparison and of others; and what going on
brought each. Holm's correction (1979, with weights) goes over all of them, so that where nothing is
to be found one claim or more is made in at most 5 % of comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tmnet.analysis.statistics import CONFIDENCE, holm

# Of the 5 %: what a comparison is asked first is what its user can be told best.
OWN_AXIS, OTHER_AXES, GOING_ON = 0.85, 0.05, 0.1


class Asked(Protocol):
    """A question with its p value; None where there is too little to tell."""

    @property
    def p(self) -> float | None: ...


class Tested(NamedTuple):
    """The answer to a question that is one of several.

    p, adjusted : float or None
        On its own, and by Holm's correction; None where there is too little to tell.
    of : int
        How many are told.
    """

    p: float | None
    adjusted: float | None
    of: int

    @property
    def is_claim(self) -> bool:
        return self.adjusted is not None and self.adjusted <= 1 - CONFIDENCE

    @property
    def words(self) -> str:
        """ "p = 0.025, 0.20 by weighted Holm over 10 questions"."""
        if self.p is None or self.adjusted is None:
            return ""
        if self.of < 2 or self.p > 1 - CONFIDENCE:
            return f"p {say_p(self.p)}"
        last = say_p(self.adjusted).removeprefix("= ")
        return f"p {say_p(self.p)}, {last} by weighted Holm over {self.of} questions"


def tested(
    own_axis: Sequence[Asked], other_axes: Sequence[Asked], going_on: Sequence[Asked]
) -> tuple[list[Tested], list[Tested], list[Tested]]:
    """The answers to all questions that are asked at once, in their order."""
    groups = (own_axis, other_axes, going_on)
    told, weights = [], []
    for group, share in zip(groups, (OWN_AXIS, OTHER_AXES, GOING_ON)):
        known = [asked.p for asked in group if asked.p is not None]
        told += known
        weights += [share / len(known) for _ in known]
    adjusted = iter(holm(told, weights))
    one, other, last = (
        [Tested(asked.p, None if asked.p is None else next(adjusted), len(told)) for asked in group]
        for group in groups
    )
    return one, other, last


def say_p(p: float) -> str:
    """ "= 0.025", "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.095 else f"= {p:.2f}"
