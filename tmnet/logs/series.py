"""Series of a run: which values are one curve, and the name under which it is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tmnet.logs.dialects import common_name
from tmnet.logs.processes import TOP, Placed


class Series(NamedTuple):
    """The series of a run.

    Attributes
    ----------
    names : list of str
        Distinct.
    of_file : list of list of int
        For each file, the number in `names` of each of its tags.
    known_as : dict
        Number in `names` by the tags as they were logged, where that is one series.
    notes : list of str
        Which of several tags has a common name, where that is a guess.
    """

    names: list[str]
    of_file: list[list[int]]
    known_as: dict[str, int]
    notes: list[str]


def name_series(placed: Sequence[Placed]) -> Series:
    """Name the series of the files of a run.

    A tag that several folders logged carries its folder; and of several tags with one common name
    in one piece only one has that, the others keep their own.
    """
    folders: dict[str, set[str]] = {}
    for _, folder, file in placed:
        for tag in file.events.tags:
            folders.setdefault(tag, set()).add(folder)
    own: dict[tuple[str, str], str] = {}
    for tag, logged_in in folders.items():
        for folder in logged_in:
            own[folder, tag] = _with_folder(folder, tag, folders) if len(logged_in) > 1 else tag
    known, notes = _common_names(placed, own)
    names: dict[str, int] = {}
    of_file = [
        [names.setdefault(known[own[folder, tag]], len(names)) for tag in file.events.tags]
        for _, folder, file in placed
    ]
    known_as = {
        tag: names[known[own[next(iter(logged_in)), tag]]]
        for tag, logged_in in folders.items()
        if len(logged_in) == 1
    }
    return Series(list(names), of_file, known_as, notes)


def _with_folder(folder: str, tag: str, tags: dict[str, set[str]]) -> str:
    """A tag with its folder; never what another one is called."""
    if folder == TOP:
        return tag
    slashes = "/"
    while f"{folder}{slashes}{tag}" in tags:
        slashes += "/"
    return f"{folder}{slashes}{tag}"


def _common_names(
    placed: Sequence[Placed], own: dict[tuple[str, str], str]
) -> tuple[dict[str, str], list[str]]:
    """The name under which each is known, and what was guessed in that."""
    claims: dict[str, dict[str, set[int]]] = {}  # by common name and own name, the pieces
    for piece, folder, file in placed:
        for tag in file.events.tags:
            name = own[folder, tag]
            claims.setdefault(common_name(name), {}).setdefault(name, set()).add(piece)
    known: dict[str, str] = {}
    notes = []
    for common, pieces in claims.items():
        beside_another = len(pieces) > 1 and sum(map(len, pieces.values())) > len(
            set.union(*pieces.values())
        )
        if not beside_another:
            known |= dict.fromkeys(pieces, common)
            continue
        first, *others = sorted(pieces, key=lambda name: (name != common, "_blind_" in name))
        known |= {name: name for name in others} | {first: common}
        if first != common:
            notes.append(
                f"{common} is what was logged as {first}; {', '.join(others)} would be called so, "
                "too, and keeps its own name."
            )
    return known, notes
