"""Races: the join of the events that report one rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tmnet.logs.dialects import race_tag
from tmnet.logs.scalars import Columns

if TYPE_CHECKING:
    import pandas as pd


class JoinedRaces(NamedTuple):
    """Races of a run, in the order in which they ended.

    Attributes
    ----------
    rows : ndarray
        Rows of the races' times in the run's scalars.
    labels : dict
        The distinct values of map, kind and status.
    columns : dict
        One of `frame` each; map, kind and status as indices into `labels`.
    """

    rows: np.ndarray
    labels: dict[str, list[str]]
    columns: Columns

    def frame(self) -> pd.DataFrame:
        """A row a race, the index being `rows`.

        map, kind, status (categories), step, minutes, time_s, finished, process, robust (whether
        the trainer reported the race as robust, too).
        """
        import pandas as pd

        labelled = {
            name: pd.Categorical.from_codes(self.columns[name], pd.Index(known))
            for name, known in self.labels.items()
        }
        return pd.DataFrame(self.columns | labelled, index=self.rows)


def join_races(scalars: Columns, rows_by_tag: dict[str, np.ndarray]) -> JoinedRaces:
    """Races of a run.

    A race is a ``…race_time…`` event and the ``…race_finished…`` event of the same process,
    step, map, kind and status. (Logs without the latter but with ``…race_time_finished…``, which
    is written for finished races only, are joined with that.) A time alone is not a race: it may
    be the time of a race that was cut off.

    Parameters
    ----------
    scalars : dict
        A run's scalars, ordered by wall time.
    rows_by_tag : dict
        Row numbers in `scalars` of each tag.
    """
    tags = {parsed: tag for tag in rows_by_tag if (parsed := race_tag(tag))}
    parts = []
    for parsed, tag in tags.items():
        if parsed.what != "time":
            continue
        if ends := tags.get(parsed._replace(what="finished")):
            rows, other = _match(scalars, rows_by_tag[tag], rows_by_tag[ends], "wall_time")
            finished = scalars["value"][other] >= 0.5
        elif ends := tags.get(parsed._replace(what="time_finished")):
            rows = rows_by_tag[tag]
            finished = np.isin(rows, _match(scalars, rows, rows_by_tag[ends], "value")[0])
        else:
            continue
        robust = np.zeros(len(rows), bool)
        if reports := tags.get(parsed._replace(what="time_robust")):
            robust = np.isin(rows, _match(scalars, rows, rows_by_tag[reports], "value")[0])
        parts.append((parsed, rows, finished, robust))
    rows = np.concatenate([np.empty(0, np.int64), *(part[1] for part in parts)])
    order = np.argsort(rows, kind="stable")
    which = np.repeat(np.arange(len(parts)), np.array([len(part[1]) for part in parts], int))[order]
    rows = rows[order]
    labels: dict[str, list[str]] = {}
    columns: Columns = {}
    for name in ("map", "kind", "status"):
        own = [getattr(part[0], name) for part in parts]
        labels[name] = sorted(set(own))
        columns[name] = np.array([labels[name].index(label) for label in own], np.int64)[which]
    finished, robust = (
        np.concatenate([np.empty(0, bool), *(part[i] for part in parts)])[order] for i in (2, 3)
    )
    for name, column in (("step", "step"), ("minutes", "minutes"), ("time_s", "value")):
        columns[name] = scalars[column][rows]
    columns |= {"finished": finished, "process": scalars["process"][rows], "robust": robust}
    return JoinedRaces(rows, labels, columns)


def _match(
    scalars: Columns, left: np.ndarray, right: np.ndarray, also: str
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of both sides that report the same race: those of the same process and step.

    Of several at one step, those that are equal in a further column belong together, or else the
    n-th to the n-th.
    """
    keys = ["process", "step", also]
    if len(left) == len(right) and all(
        (scalars[key][left] == scalars[key][right]).all() for key in keys
    ):
        return left, right
    matched = [np.empty((2, 0), np.int64)]
    for on in (keys, keys[:2]):
        both = np.concatenate([left, right])
        group = _groups([scalars[key][both] for key in on])
        sides = group[: len(left)], group[len(left) :]
        one, other = (side * len(both) + _nth(side) for side in sides)
        _, i, j = np.intersect1d(one, other, assume_unique=True, return_indices=True)
        matched.append(np.stack([left[i], right[j]]))
        left, right = np.delete(left, i), np.delete(right, j)
    left, right = np.concatenate(matched, axis=1)
    order = np.argsort(left)
    return left[order], right[order]


def _groups(columns: list[np.ndarray]) -> np.ndarray:
    """A number for every row, which rows have in common where all their columns are equal."""
    group = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        _, value = np.unique(column, return_inverse=True)
        _, group = np.unique(group * len(column) + value, return_inverse=True)
    return group


def _nth(group: np.ndarray) -> np.ndarray:
    """Which of the rows of its group a row is, from 0."""
    order = np.argsort(group, kind="stable")
    nth = np.empty(len(group), np.int64)
    nth[order] = np.arange(len(group)) - np.searchsorted(group[order], group[order])
    return nth
