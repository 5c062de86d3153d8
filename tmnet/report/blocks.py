"""What pages are made of, whatever their format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's title, and of level 2 are what `Contents` lists."""

    level: int
    text: str


@dataclass(frozen=True)
class Contents:
    """A list of the page's sections, with links."""


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Answer:
    """What the page comes to, a sentence a paragraph."""

    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Caution:
    """What the reader must know before all else."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of strings under its title; a long one is folded where the format can."""

    title: str
    frame: pd.DataFrame
    folded: bool = False


@dataclass(frozen=True)
class Picture:
    """A figure that was written to a file beside the page; a wide one is as wide as the text."""

    path: Path
    caption: str
    alt: str
    wide: bool = False


@dataclass(frozen=True)
class Code:
    """Lines to be typed."""

    text: str


@dataclass(frozen=True)
class Words:
    """A place for the author's own words, which stay when the page is made again.

    Parameters
    ----------
    key : str
        What tells it from the others of the page.
    heading : str
        What stands above them, if there are any.
    """

    key: str
    heading: str = ""


@dataclass(frozen=True)
class Fold:
    """What is there for who looks for it: folded where the format can, else in an appendix, to
    which the page has a link in its place."""

    title: str
    blocks: tuple[Simple, ...]


Simple = Heading | Text | Answer | Caution | Bullets | Table | Picture | Code
Block = Simple | Contents | Words | Fold
