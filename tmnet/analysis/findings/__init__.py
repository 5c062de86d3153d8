"""What a comparison shows, as statements: what is claimed, what is not resolved, at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.findings import contrasts, cost, going_on, late, levels, outlook, overtaking
from tmnet.analysis.findings.answer import answer
from tmnet.analysis.findings.cautions import cautions
from tmnet.analysis.findings.claims import tested
from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.finding import HEADINGS, Finding
from tmnet.analysis.metrics import DECIMALS
from tmnet.arguments import a_number, a_whole_number
from tmnet.errors import TmnetError

__all__ = ["HEADINGS", "Finding", "answer", "brought_after", "findings"]

_ALONE = (
    late.late, late.anytime, levels.first_finish, levels.threshold,
    going_on.plateau, outlook.longer, cost.cost, outlook.frontier, outlook.cost_of_size,
)  # fmt: skip


def findings(
    comparison: Alignment,
    thresholds: Mapping[str, float] | None = None,
    after: float | None = None,
    *,
    baseline: str | None = None,
    primary: Sequence[str] | None = None,
    seed: int = 0,
) -> list[Finding]:
    """State what a comparison shows: where it may mislead, what may be claimed, what is not
    resolved, and the numbers of each run.

    Every run (or arm) is compared with the baseline by the primary metrics at the end of the
    window: at equal time, equal steps and equal arithmetic, as far as the runs have these. Only
    what holds after Holm's correction for all of these questions is a claim, whose `stands_out` is
    True. Runs that start from a checkpoint, or end before, are in no contrast.

    Parameters
    ----------
    comparison : Alignment
    thresholds : mapping of str to float, optional
        Values of metrics whose reaching is timed: ``{"A01/eval/best": 24.6}``. By default a late
        finish rate of 50 %, and the late best of ten races that all runs get to.
    after : float, optional
        A moment on the axis; what came after it is judged. By default half of the window.
    baseline : str, optional
        A run, or an arm; by default the first that is not left out.
    primary : sequence of str, optional
        Metrics that were declared before anybody looked; by default the late finish rate and the
        late best of ten of eval races on the first map that the baseline raced. No other metric
        gets a claim.
    seed : int
        Of the draws behind intervals.

    Returns
    -------
    list of Finding

    Raises
    ------
    TmnetError
        If a metric is unknown, the baseline is none of the runs, or the moment is outside of the
        window.

    Examples
    --------
    >>> import tmnet
    >>> runs = tmnet.load_runs(tmnet.example_runs())
    >>> found = tmnet.compare(runs).findings(baseline="A01_as20_long")
    >>> [finding.sentence for finding in found if finding.kind == "first_finish"][0]
    'A01 eval first finish: A01_as20_big_long at 7.9 min (136,860 steps, 0.0504 PFLOP).'
    """
    lo, hi = comparison.window
    after = comparison.middle if after is None else a_number("after", after)
    near = 10.0**-DECIMALS  # points of a grid are rounded, and so is its end
    if not lo - near <= after <= hi + near:
        raise TmnetError(
            f"The moment {after:g} is outside of the window of {lo:g} to {hi:g} "
            f"{comparison.axis.unit}."
        )
    seed = a_whole_number("seed", seed, least=0)
    evidence = Evidence(comparison, thresholds, after, baseline, primary, seed)
    told, gained = _judged(evidence)
    return [
        *cautions(evidence), *told, *overtaking.crossover(evidence, told), *gained,
        *(finding for kind in _ALONE for finding in kind(evidence)),
    ]  # fmt: skip


def brought_after(
    comparison: Alignment, moment: float, baseline: str | None = None
) -> list[Finding]:
    """Of `findings` what going on after a moment brought: the rest does not need another one."""
    return _judged(Evidence(comparison, {}, moment, baseline))[1]


def _judged(evidence: Evidence) -> tuple[list[Finding], list[Finding]]:
    """Contrasts, and what going on brought: all that may be claims, judged together."""
    own = contrasts.questions(evidence)
    others = [q for where in evidence.elsewhere() for q in contrasts.questions(where)]
    gains = going_on.gains(evidence)
    answers = tested(own, others, gains)
    told = [contrasts.contrast(*pair) for pair in zip([*own, *others], answers[0] + answers[1])]
    return told, [going_on.after(evidence, *pair) for pair in zip(gains, answers[2])]
