"""What a comparison shows, as statements: who leads, since when, at what cost, and how surely."""

from __future__ import annotations

from collections.abc import Mapping

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.findings import arms, contrasts, cost, going_on, levels
from tmnet.analysis.findings.cautions import cautions
from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.finding import HEADINGS, Finding
from tmnet.arguments import a_number, a_whole_number
from tmnet.errors import TmnetError

__all__ = ["HEADINGS", "Finding", "findings"]

_OF_RUNS = (
    contrasts.leader, levels.first_finish, levels.threshold, contrasts.crossover, going_on.after,
    going_on.plateau, going_on.verdict, cost.cost, cautions,
)  # fmt: skip
_OF_ARMS = (arms.leader, arms.first_finish, arms.threshold, arms.cautions)


def findings(
    comparison: Alignment,
    thresholds: Mapping[str, float] | None = None,
    after: float | None = None,
    seed: int = 0,
) -> list[Finding]:
    """State what a comparison shows, in the order in which a reader needs it.

    Parameters
    ----------
    comparison : Alignment
    thresholds : mapping of str to float, optional
        Values of metrics whose reaching is timed: ``{"A01/eval/best": 24.6}``. By default the best
        time that all runs with a finish get to, and a finish rate of 50 %.
    after : float, optional
        A moment on the axis; what came after it is judged. By default half of the window.
    seed : int
        Of the draws behind intervals.

    Returns
    -------
    list of Finding

    Raises
    ------
    TmnetError
        If a threshold is of an unknown metric, or the moment is outside of the window.

    Examples
    --------
    >>> import tmnet
    >>> runs = tmnet.load_runs(tmnet.example_runs())
    >>> found = tmnet.compare(runs, metrics=["A01/eval/first_finish"]).findings()
    >>> found[0].sentence
    'A01 eval: A01_as20_big_long first finishes at 7.9 min (step 136,860).'
    """
    lo, hi = comparison.window
    after = comparison.middle if after is None else after
    after, seed = a_number("after", after), a_whole_number("seed", seed, least=0)
    if not lo <= after <= hi:
        raise TmnetError(
            f"The moment {after:g} is outside of the window of {lo:g} to {hi:g} "
            f"{comparison.axis.unit}."
        )
    evidence = Evidence(comparison, thresholds, after, seed)
    kinds = _OF_ARMS if comparison.arms else _OF_RUNS
    return [finding for kind in kinds for finding in kind(evidence)]
