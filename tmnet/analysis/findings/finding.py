"""A statement about runs, with the numbers that it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmnet.analysis.statistics import ConfidenceInterval

HEADINGS = {  # and what stands above the findings of each
    "caution": "Where the comparison may mislead",
    "contrast": "Against the baseline",
    "crossover": "Overtaking",
    "late": "How good they are at the end",
    "anytime": "How good they were all along",
    "first_finish": "First finishes",
    "threshold": "Reaching a level",
    "after": "What going on brought",
    "plateau": "Plateaus",
    "longer": "Would longer pay?",
    "cost": "Cost",
    "frontier": "What to train for a budget",
}


@dataclass(frozen=True)
class Finding:
    """One statement.

    Attributes
    ----------
    kind : str
        One of `HEADINGS`.
    runs : tuple of str
        The run (or arm) it is about; then those it is compared with.
    metric : str or None
    moment : float or None
        On the axis.
    value : float or None
        What was found, as the metric has it (a rate 0..1): a difference, a gain, a moment, a ratio.
    uncertainty : ConfidenceInterval or None
        95 % of the value.
    sentence : str
    stands_out : bool or None
        True of a claim, and of nothing else: only its sentence says better, leads, or worth it.
        False of what was asked and is not resolved, None where nothing was asked.
    axis : str
        What `moment` is on: `by` of `tmnet.compare`.
    window : float or None
        Length of the late window, on the axis.
    n : dict of str to int
        Races (of single runs) or seeds (of arms) behind the value, by run or arm.
    p, adjusted : float or None
        Two-sided p of this question alone, and by Holm's correction for all that are asked.
    of_runs, details : dict of str to str
        What the sentence tells of each run, by its name, and what else it tells: for a row of a
        table.
    reason : str
        Of a caution: what makes the comparison mislead, such as "seeds"; of others what sort of
        their kind they are, such as "ratio".
    """

    kind: str
    runs: tuple[str, ...]
    metric: str | None
    moment: float | None
    value: float | None
    uncertainty: ConfidenceInterval | None
    sentence: str
    stands_out: bool | None = None
    axis: str = "time"
    window: float | None = None
    n: dict[str, int] = field(default_factory=dict)
    p: float | None = None
    adjusted: float | None = None
    of_runs: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    reason: str = ""
