"""Pages of text, tables and figures: as Markdown, reStructuredText, or one HTML file."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from tmnet.errors import TmnetError
from tmnet.files import write_output
from tmnet.report.blocks import (
    Answer,
    Block,
    Bullets,
    Caution,
    Code,
    Contents,
    Fold,
    Heading,
    Picture,
    Table,
    Text,
    Words,
)
from tmnet.report.markdown import from_markdown
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
LONG_CELL = r"<td([^>]*)>([^<]{30})"  # that may be broken into lines
_UNDERLINES = "=-~^"
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 1rem auto 3rem; max-width: 1140px;
       padding: 0 1rem; color: #222; background: #fff; }
p, ul { margin: .5rem 0 } li { margin: .25rem 0 }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .3rem }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-bottom: 1px solid #ccc }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .3rem }
.answer { font-weight: 600; margin: .35rem 0 }
.caution { background: #fff6dd; border-left: 4px solid #d79a00; padding: .25rem .7rem }
nav { margin: .8rem 0; line-height: 1.8 } nav a { margin-right: 1.3em } a { color: #0b57a4 }
table { border-collapse: collapse; font-size: .8rem; font-variant-numeric: tabular-nums }
th, td { padding: .15rem .4rem; border-bottom: 1px solid #e4e4e4; vertical-align: top;
         text-align: left }
td { white-space: nowrap } td.long { white-space: normal; min-width: 14em }
thead th { border-bottom: 2px solid #888; vertical-align: bottom }
figure { margin: .6rem 0 }
img { max-width: min(100%, 720px); height: auto; display: block } .wide img { max-width: 100% }
figcaption, caption { color: #555; font-size: .8rem; text-align: left }
caption { padding-bottom: .2rem; white-space: nowrap }
pre { background: #f5f5f5; padding: .6rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere }
.wide { overflow-x: auto; margin: .6rem 0 }
details details { margin: .3rem 0 }
summary { cursor: pointer; font-weight: 600; margin: .4rem 0 }
@media print {
  body { font-size: 10pt; margin: 0; max-width: none; padding: 0 }
  table { font-size: 7pt } th, td { padding: .1rem .3rem } .wide { overflow: visible }
  figure, table, tr, .caution { break-inside: avoid } h2, caption { break-after: avoid }
  nav, details:not([open]) { display: none }
}
"""


def write_page(
    path: Path, blocks: Sequence[Block], words: Mapping[str, str] | None = None
) -> list[Path]:
    """Write a page in the format that its name ends in; keep the author's words in it.

    Parameters
    ----------
    path : Path
    blocks : sequence of Block
    words : mapping, optional
        New words of the author by key, in Markdown, in place of those in the page.

    Returns
    -------
    list of Path
        The page; and its appendix, if it has one.

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
    kept |= {key: from_markdown(text, style) for key, text in (words or {}).items()}
    texts = {path: page(blocks, style, path.parent, kept, appendix := appendix_of(path))}
    if style != "html" and (folded := [block for block in blocks if isinstance(block, Fold)]):
        texts[appendix] = page(_appendix(blocks, folded), style, path.parent)
    for file, text in texts.items():
        write_output(file, lambda out, text=text: out.write(text.encode()))
    return list(texts)


def appendix_of(path: Path) -> Path:
    """Where the appendix of a page is."""
    return path.with_name(f"{path.stem}_appendix{path.suffix}")


def _appendix(blocks: Sequence[Block], folded: Sequence[Fold]) -> list[Block]:
    title = next((block.text for block in blocks if isinstance(block, Heading)), "")
    parts: list[Block] = [Heading(1, f"{_line(title)}: appendix")]
    for fold in folded:
        parts += [Heading(2, fold.title), *fold.blocks]
    return parts


def page(
    blocks: Sequence[Block], style: str, directory: Path, words: Mapping[str, str] | None = None,
    appendix: Path | None = None,
) -> str:  # fmt: skip
    """A page as text.

    Parameters
    ----------
    blocks : sequence of Block
    style : {"md", "rst", "html"}
    directory : Path
        Where the page will be, and what its figures' paths are relative to.
    words : mapping, optional
        The author's words, by key, in the page's format.
    appendix : Path, optional
        Where what is folded will be, in a format that cannot fold.
    """
    words = words or {}
    # what was written where there is nothing to say any more is not thrown away
    places = {block.key for block in blocks if isinstance(block, Words)}
    blocks = [*blocks, *(Words(key) for key in words if key not in places)]
    write, parts = _WRITE[style], []
    for block in blocks:
        match block:
            case Words(key, heading):
                begin, end = _marks(style, key)
                inner = words.get(key, "")
                if heading and inner.strip():
                    parts.append(write(Heading(2, heading), directory))
                if style == "rst":  # an empty comment, or indented words would be the mark's
                    begin = f"{begin}\n\n.."
                parts.append("\n\n".join([begin, inner, end] if inner else [begin, end]))
            case Contents():
                parts.append(_contents(_sections(blocks, words), style))
            case Fold(title, inside) if style == "html":
                texts = "\n\n".join(write(part, directory) for part in inside)
                parts.append(f"<details><summary>{for_html(title)}</summary>\n{texts}\n</details>")
            case Fold(title) if appendix:
                parts.append(_link_to(title, appendix, directory, style))
            case _:
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


def _sections(blocks: Sequence[Block], words: Mapping[str, str]) -> list[str]:
    """What its contents list."""
    return [
        block.text if isinstance(block, Heading) else block.heading
        for block in blocks
        if (isinstance(block, Heading) and block.level == 2)
        or (isinstance(block, Words) and block.heading and words.get(block.key, "").strip())
    ]


def _contents(sections: Sequence[str], style: str) -> str:
    if style == "rst":
        return ".. contents::\n   :local:\n   :depth: 1"
    if style == "md":
        return "\n".join(f"- [{for_markdown(text)}](#{_anchor(text)})" for text in sections)
    links = (f'<a href="#{_anchor(text)}">{for_html(text)}</a>' for text in sections)
    return f"<nav>{' '.join(links)}</nav>"


def _anchor(heading: str) -> str:
    """The name of a section in links, as Markdown's readers make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _link_to(title: str, appendix: Path, directory: Path, style: str) -> str:
    """A link to a part of the appendix."""
    link = _link(appendix, directory)
    if style == "md":
        return f"- [{for_markdown(title)}]({link}#{_anchor(title)})"
    return f"- {for_rst(title)}: `{appendix.name} <{link}>`__"


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
        case Answer(sentences):
            return "\n\n".join(emphasised(text, "**") for text in sentences)
        case Caution(text):
            return f"> {for_markdown(_line(text))}"
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
        case Answer(sentences):
            return "\n\n".join(map(for_rst, sentences))
        case Caution(text):
            return f".. caution::\n\n   {for_rst(_line(text))}"
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
            name = f' id="{for_html(_anchor(text))}"' if level == 2 else ""
            return f"<h{level}{name}>{for_html(_line(text))}</h{level}>"
        case Text(text):
            return "\n".join(f"<p>{for_html(paragraph)}</p>" for paragraph in _paragraphs(text))
        case Answer(sentences):
            return "\n".join(f'<p class="answer">{for_html(text)}</p>' for text in sentences)
        case Caution(text):
            return f'<p class="caution">{for_html(_line(text))}</p>'
        case Bullets(items):
            return f"<ul>{''.join(f'<li>{for_html(item)}</li>' for item in items)}</ul>"
        case Table(title, frame, folded):
            cells = re.sub(LONG_CELL, r'<td class="long"\1>\2', render(frame, "html"))
            table = f'<div class="wide">{cells}</div>'
            if folded:
                return f"<details><summary>{for_html(title)}</summary>{table}</details>"
            return table.replace("<table>", f"<table><caption>{for_html(title)}</caption>", 1)
        case Picture(path, caption, alt, wide):
            kind = {"jpg": "jpeg", "svg": "svg+xml"}.get(path.suffix[1:], path.suffix[1:])
            data = base64.b64encode(path.read_bytes()).decode()
            return (
                f'<figure class="{"wide" if wide else "narrow"}">'
                f'<img alt="{for_html(alt)}" src="data:image/{kind};base64,{data}">'
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
