"""Following: reading again and again what runs have logged since."""

from __future__ import annotations


def time_span(seconds: float) -> str:
    """A time span in a unit that suits it."""
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
