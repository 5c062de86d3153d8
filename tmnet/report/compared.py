"""What a page is about: the study's runs, under their short names, compared, and what is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tmnet.analysis.available import chosen_metrics
from tmnet.analysis.axis import Axis
from tmnet.analysis.findings.evidence import Evidence
from tmnet.analysis.findings.finding import Finding
from tmnet.analysis.grid import fitting_interval
from tmnet.analysis.metrics import Metric
from tmnet.comparison import Comparison, compare_by
from tmnet.errors import TmnetError
from tmnet.logs.run import Run
from tmnet.report.study import Study


@dataclass(frozen=True)
class Compared:
    """Runs, or arms, over their common window.

    Attributes
    ----------
    by : dict of str to Comparison
        By each axis that they have: by time, if any run has that, and by step.
    left_out : list of str
        Which runs lack which axis, and why.
    evidence : Evidence
        What is found is made of, on the first axis.
    found : list of Finding
    """

    by: dict[str, Comparison]
    left_out: list[str]
    evidence: Evidence
    found: list[Finding]

    @property
    def main(self) -> Comparison:
        """Of the first axis."""
        return next(iter(self.by.values()))

    @property
    def end(self) -> str:
        """Where they are compared: "120 min"."""
        return self.evidence.say_at(self.evidence.end)

    @property
    def subjects(self) -> list[str]:
        """Arms, or single runs."""
        return list(self.evidence.subjects)

    @property
    def metric(self) -> Metric | None:
        """What is drawn first: the first primary metric, or else the first there is."""
        drawn = (metric for metric in self.main.metrics if metric.drawn)
        return next(iter(self.evidence.primary), next(drawn, None))

    def of(self, *kinds: str) -> list[Finding]:
        """What is found of some kinds, in their order."""
        return [finding for kind in kinds for finding in self.found if finding.kind == kind]


def subjects_of(study: Study, runs: Mapping[str, Run]) -> list[Run] | dict[str, list[Run]]:
    """What a study compares: its runs, given by their short names, or its arms of these."""
    return {
        study.short(arm): [runs[study.short(name)] for name in names]
        for arm, names in study.arms.items()
    } or list(runs.values())


def aligned(
    study: Study, runs: Sequence[Run] | Mapping[str, Sequence[Run]]
) -> tuple[dict[str, Comparison], list[str]]:
    """Runs, or arms, of a study on its axes; and which lack which axis, and why."""
    arms = runs if isinstance(runs, Mapping) else {}
    every = [run for seeds in arms.values() for run in seeds] if arms else list(runs)
    chosen_metrics(every, study.metrics)  # says which is none
    axes = {}
    for by, interval, window in (
        ("time", study.interval, study.window), ("step", study.step_interval, study.step_window),
    ):  # fmt: skip
        fitting = fitting_interval(every, Axis(by))
        axes[by] = {"interval": fitting if interval is None else interval}
        if window is not None:
            axes[by]["window"] = (window[0], window[1])
    return compare_by(runs, axes)


def compared(
    study: Study, runs: Sequence[Run] | Mapping[str, Sequence[Run]], after: float | None = None
) -> Compared:
    """Compare runs, or arms, of a study, whose names are the short ones."""
    by, left_out = aligned(study, runs)
    main = next(iter(by.values()))
    names = [*main.arms, *(run.name for run in main.runs)]
    baseline = None if study.baseline is None else study.short(study.baseline)
    asked = {
        "thresholds": study.thresholds or None,
        "after": after,
        "baseline": baseline if baseline in names else None,
        "primary": study.primary or None,
    }
    found = main.findings(**asked)
    evidence = Evidence(main, **asked)
    wanted = [*(metric.name for metric in evidence.primary), *study.metrics]
    by = {axis: _with(comparison, wanted) for axis, comparison in by.items()}
    return Compared(by, left_out, evidence, found)


def _with(comparison: Comparison, wanted: Sequence[str]) -> Comparison:
    """A comparison that has some metrics first, as far as its runs have them."""
    known = []
    for name in wanted:
        try:
            known += [metric.name for metric in chosen_metrics(comparison.runs, [name])]
        except TmnetError:  # of scalars that only a run has that lacks this axis
            continue
    return comparison.again(
        metrics=list(dict.fromkeys([*known, *(metric.name for metric in comparison.metrics)]))
    )
