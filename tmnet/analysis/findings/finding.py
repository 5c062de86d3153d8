"""A statement about runs, with the numbers that it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmnet.analysis.statistics import ConfidenceInterval

HEADINGS = {  # and what stands above the findings of each
    "leader": "Who leads",
    "first_finish": "First finishes",
    "threshold": "Reaching a level",
    "crossover": "Overtaking",
    "after": "What came after",
    "plateau": "Plateaus",
    "verdict": "Was it worth going on?",
    "cost": "Cost",
    "caution": "Where the comparison may mislead",
}


@dataclass(frozen=True)
class Finding:
    """One statement.

    Attributes
    ----------
    kind : str
        One of `HEADINGS`.
    runs : tuple of str
        The run it is about; then those it is compared with.
    metric : str or None
    moment : float or None
        On the axis of the comparison.
    value : float or None
        What was found, as the metric has it (a rate 0..1): a lead, a gain, a moment, a count. A
        lead in best times is that which equally few races are expected to bring, if there are
        enough races to tell.
    uncertainty : ConfidenceInterval or None
        95 % of the value.
    sentence : str
    of_runs, details : dict of str to str
        What the sentence tells of each run, by its name, and what else it tells: for a row of a
        table.
    reason : str
        Of a caution: what makes the comparison mislead, such as "seeds".
    """

    kind: str
    runs: tuple[str, ...]
    metric: str | None
    moment: float | None
    value: float | None
    uncertainty: ConfidenceInterval | None
    sentence: str
    of_runs: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def stands_out(self) -> bool | None:
        """Whether the value differs from nothing by more than noise; None if that is not known."""
        if self.uncertainty is None:
            return None
        # a lead that equally many races would turn round is none
        return self.uncertainty.low > 0 or (self.kind != "leader" and self.uncertainty.high < 0)
