"""How axes show the values of their metrics, where that is not as usual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tmnet.analysis.alignment import Alignment
from tmnet.arguments import a_flag, a_mapping, a_pair, one_of, shown, wrong
from tmnet.errors import TmnetError


class Scale(NamedTuple):
    """How an axes shows the values of its metric.

    Attributes
    ----------
    log : bool
        Logarithmic, where all values are above 0.
    full : bool
        All of them, extreme ones too.
    zoom : (float, float) or None
        From where to where, as they are shown; by default all but extreme ones.
    difference : str or None
        A run, or an arm, of which the differences to its values are shown in place of values.
    """

    log: bool = False
    full: bool = False
    zoom: tuple[float, float] | None = None
    difference: str | None = None


AS_USUAL = Scale()


def check_scales(comparison: Alignment, scales: Mapping[str, Any] | None) -> dict[str, Scale]:
    """Scales of metrics, by their names, as `plot_grid` takes them; TmnetError where one is
    wrong."""
    drawn = list(comparison.arms or (run.name for run in comparison.runs))
    checked = {}
    for name, entries in a_mapping("scales", {} if scales is None else scales).items():
        of = f"scales[{name!r}]"
        entries = a_mapping(of, entries, f"a dict of {', '.join(Scale._fields)}")
        if unknown := [entry for entry in entries if entry not in Scale._fields]:
            known = ", ".join(Scale._fields)
            raise TmnetError(f"{of} has the entry {shown(unknown[0])}; it can have {known}.")
        scale = Scale(**entries)
        zoom, difference = scale.zoom, scale.difference
        if zoom is not None:
            zoom = a_pair(f"zoom in {of}", zoom)
            if not zoom[0] < zoom[1]:
                raise wrong(f"zoom in {of}", scale.zoom, "two numbers, the lower one first")
        if difference is not None:
            one_of(f"difference in {of}", difference, drawn)
        log, full = (a_flag(f"{x} in {of}", getattr(scale, x)) for x in ("log", "full"))
        checked[comparison.metric(name).name] = Scale(log, full, zoom, difference)
    return checked
