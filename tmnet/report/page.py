"""Pages of text, tables and figures: as Markdown, reStructuredText, or one HTML file."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from tmnet.errors import TmnetError
from tmnet.files import write_output
from tmnet.safe_text import (
    distinct,
    emphasised,
    for_html,
    for_markdown,
    for_rst,
    lines_for_html,
    shortened,
    visible_lines,
)
from tmnet.text_table import names_for_markdown, render

PAGE_FORMATS = ("md", "rst", "html")
_UNDERLINES = "=-~^"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1000px;
       padding: 0 1rem; color: #222; background: #fff; }
h1 { font-size: 1.6rem } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc }
h3 { font-size: 1.1rem; margin: 1.8rem 0 .3rem }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums }
th, td { padding: .15rem .7rem; border-bottom: 1px solid #e4e4e4; vertical-align: top }
thead th { border-bottom: 2px solid #888 }
figure { margin: 1rem 0 } figcaption, caption { color: #555; font-size: .85rem; text-align: left }
pre { background: #f5f5f5; padding: .6rem 1rem; overflow-x: auto }
.wide { overflow-x: auto }
img { max-width: min(100%, 720px); height: auto }
summary { cursor: pointer; font-weight: 600; margin: .4rem 0 }
"""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the page's title."""

    level: int
    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

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
    """A figure that was written to a file beside the page."""

    path: Path
    caption: str
    alt: str


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
    prompt : str
        What belongs there; stands there until somebody writes something else.
    """

    key: str
    prompt: str


Block = Heading | Text | Bullets | Table | Picture | Code | Words


def write_page(path: Path, blocks: Sequence[Block], words: Mapping[str, str] | None = None) -> None:
    """Write a page in the format that its name ends in; keep the author's words in it.

    Parameters
    ----------
    path : Path
    blocks : sequence of Block
    words : mapping, optional
        New words of the author by key, as plain paragraphs, in place of those in the page.

    Raises
    ------
    TmnetError
        If it cannot be written, or the one that is there cannot be read.
    """
    style = path.suffix.removeprefix(".")
    try:
        before = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
        kept = authors_words(before, style)
    except UnicodeDecodeError:
        raise TmnetError(
            f"{path} is not a text in UTF-8, so that the author's words in it would be lost: save "
            "it as UTF-8, or remove it."
        ) from None
    except TmnetError as error:
        raise TmnetError(f"{path}: {error}") from None
    for key, text in (words or {}).items():
        kept[key] = _WRITE[style](Text(text), path.parent)
    text = page(blocks, style, path.parent, kept)
    write_output(path, lambda file: file.write(text.encode()))


def page(
    blocks: Sequence[Block], style: str, directory: Path, words: dict[str, str] | None = None
) -> str:
    """A page as text.

    Parameters
    ----------
    blocks : sequence of Block
    style : {"md", "rst", "html"}
    directory : Path
        Where the page will be, and what its figures' paths are relative to.
    words : dict, optional
        The author's words, by key.
    """
    write, parts = _WRITE[style], []
    # what was written where there is nothing to say any more is not thrown away
    places = {block.key for block in blocks if isinstance(block, Words)}
    blocks = [*blocks, *(Words(key, "") for key in words or {} if key not in places)]
    for block in blocks:
        if isinstance(block, Words):
            begin, end = _marks(style, block.key)
            inner = (words or {}).get(block.key)
            if inner is None:
                inner = write(Text(block.prompt), directory)
            if style == "rst":  # an empty comment, or indented words would belong to the mark's
                begin = f"{begin}\n\n.."
            parts.append("\n\n".join([begin, inner, end] if inner else [begin, end]))
        else:
            parts.append(write(block, directory))
    text = "\n\n".join(parts) + "\n"
    if style != "html":
        return text
    title = next((block.text for block in blocks if isinstance(block, Heading)), "")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{for_html(_line(title))}</title><style>{_STYLE}</style></head>\n<body>\n{text}"
        "</body></html>\n"
    )


def authors_words(text: str, style: str) -> dict[str, str]:
    """The author's words in a page, by key.

    Raises
    ------
    TmnetError
        If it is not marked where some of them end.
    """
    # on lines of their own: within others they may be part of a name
    begin, end = (rf"(?m)^{re.escape(mark)}[ \t]*$" for mark in _marks(style, "KEY"))
    begin = begin.replace("KEY", "(?P<key>[a-z_ ]+)")
    words = {}
    for match in re.finditer(begin, text):
        inner = re.split(begin, text[match.end() :], maxsplit=1)[0]
        inner, *marked = re.split(end, inner, maxsplit=1)
        if not marked:
            raise TmnetError(
                f"The line {_marks(style, match['key'])[1]!r} is missing behind the author's words "
                f"under {match['key']!r}: put it back where they end."
            )
        if style == "rst":
            inner = re.sub(r"^\s*\.\.\n", "", inner)
        words[match["key"]] = inner.strip("\n")
    return words


def _marks(style: str, key: str) -> tuple[str, str]:
    """Comments around the author's words."""
    if style == "rst":
        return f".. author's words: {key}", ".. end of the author's words"
    return f"<!-- author's words: {key} -->", "<!-- end of the author's words -->"


def _markdown(block: Block, directory: Path) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {for_markdown(_line(text))}"
        case Text(text):
            return "\n\n".join(map(for_markdown, _paragraphs(text)))
        case Bullets(items):
            return "\n".join(f"- {for_markdown(item)}" for item in items)
        case Table(title, frame):
            frame = names_for_markdown(frame.map(shortened).map(for_markdown))
            return f"{emphasised(title, '**')}\n\n{render(frame, 'md')}"
        case Picture(path, caption, alt):
            shown = f"![{for_markdown(alt)}]({_link(path, directory)})"
            return f"{shown}\n\n{emphasised(caption, '*')}"
        case Code(text):
            fence = "`" * max([3, *(len(ticks) + 1 for ticks in re.findall("`+", text))])
            return f"{fence}\n{visible_lines(text)}\n{fence}"
    raise TypeError(block)


def _rst(block: Block, directory: Path) -> str:
    match block:
        case Heading(level, text):
            text = for_rst(_line(text))
            # as long as the text at least, whose letters may be wide
            return f"{text}\n{_UNDERLINES[level - 1] * len(text.encode())}"
        case Text(text):
            return "\n\n".join(map(for_rst, _paragraphs(text)))
        case Bullets(items):
            return "\n".join(f"- {for_rst(item)}" for item in items)
        case Table(title, frame):
            head = f".. list-table:: {for_rst(title)}\n   :header-rows: 1\n"
            rows = [[frame.index.name or "", *frame.columns]]
            rows += [[name, *row] for name, row in zip(frame.index, frame.to_numpy())]
            lines = [
                f"   {'  -' if i else '* -'} {for_rst(shortened(str(cell)))}".rstrip()
                for row in rows
                for i, cell in enumerate(row)
            ]
            return "\n".join([head, *lines])
        case Picture(path, caption, alt):
            head = f".. figure:: {_link(path, directory)}\n   :alt: {_line(distinct(alt))}"
            return f"{head}\n\n   {for_rst(caption)}"
        case Code(text):
            body = "\n".join(f"   {line}".rstrip() for line in visible_lines(text).split("\n"))
            return f"::\n\n{body}"
    raise TypeError(block)


def _html(block: Block, directory: Path) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{for_html(_line(text))}</h{level}>"
        case Text(text):
            return "\n".join(f"<p>{for_html(paragraph)}</p>" for paragraph in _paragraphs(text))
        case Bullets(items):
            return f"<ul>{''.join(f'<li>{for_html(item)}</li>' for item in items)}</ul>"
        case Table(title, frame, folded):
            return (
                f"<details{'' if folded else ' open'}><summary>{for_html(title)}</summary>"
                f'<div class="wide">{render(frame, "html")}</div></details>'
            )
        case Picture(path, caption, alt):
            kind = {"jpg": "jpeg", "svg": "svg+xml"}.get(path.suffix[1:], path.suffix[1:])
            data = base64.b64encode(path.read_bytes()).decode()
            return (
                f'<figure><img alt="{for_html(alt)}" src="data:image/{kind};base64,{data}">'
                f"<figcaption>{for_html(caption)}</figcaption></figure>"
            )
        case Code(text):
            return f"<pre>{lines_for_html(text)}</pre>"
    raise TypeError(block)


_WRITE = {"md": _markdown, "rst": _rst, "html": _html}


def _paragraphs(text: str) -> list[str]:
    """Paragraphs of a text, which empty lines part, a line each."""
    return [
        _line(paragraph)
        for paragraph in re.split(r"\n\s*\n", text.replace("\r\n", "\n"))
        if paragraph.strip()
    ]


def _line(text: str) -> str:
    return " ".join(text.split())


def _link(path: Path, directory: Path) -> str:
    return quote(path.relative_to(directory).as_posix())
