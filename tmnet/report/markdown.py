"""What authors write, in Markdown (CommonMark), as a part of a page: without HTML of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tmnet.safe_text import for_rst, visible_lines

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

_INLINE = ("text", "code_inline", "softbreak", "hardbreak", "image")
_MARKS = re.compile(r"<(?=!-- (?:end of the )?author's words)")  # of pages, see `report.page`


def from_markdown(text: str, style: str) -> str:
    """Markdown as HTML, as reStructuredText, or as Markdown in which HTML is text.

    Parameters
    ----------
    text : str
    style : {"md", "rst", "html"}
    """
    from markdown_it import MarkdownIt  # here, as few pages have words
    from markdown_it.tree import SyntaxTreeNode

    text = visible_lines(text.replace("\r\n", "\n").replace("\t", "    ")).strip("\n")
    if style == "md":
        return _without_html(text)
    parser = MarkdownIt("commonmark", {"html": False})
    tokens = parser.parse(text)
    if style == "rst":
        return _blocks(SyntaxTreeNode(tokens).children)
    for token in tokens:
        if token.type.startswith("heading"):  # below those of the page's sections
            token.tag = f"h{min(int(token.tag[1:]) + 2, 6)}"
    return parser.renderer.render(tokens, parser.options, {}).strip()


def _without_html(text: str) -> str:
    """Markdown whose HTML readers show as it was written."""
    from markdown_it import MarkdownIt

    found = []
    for token in MarkdownIt("commonmark", {"html": True}).parse(text):
        found += [x.content for x in [token, *(token.children or ())] if x.type.startswith("html")]
    for content in dict.fromkeys(found):
        for line in content.strip("\n").split("\n"):
            text = text.replace(line, line.replace("<", "&lt;"))
    return _MARKS.sub("&lt;", text)


# --- reStructuredText -----------------------------------------------------------------------------


def _blocks(nodes: Sequence[SyntaxTreeNode]) -> str:
    return "\n\n".join(filter(None, map(_block, nodes)))


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "heading":
            text = _inline(node)
            return text and f".. rubric:: {text}"
        case "bullet_list" | "ordered_list":
            start = int(node.attrs.get("start", 1))
            marks = [
                "-" if node.type == "bullet_list" else f"{start + i}."
                for i in range(len(node.children))
            ]
            items = (
                f"{mark} {_indented(_blocks(item.children), len(mark) + 1).lstrip()}".rstrip()
                for mark, item in zip(marks, node.children)
            )
            return "\n\n".join(items)
        case "blockquote":
            inside = _blocks(node.children)
            return f"..\n\n{_indented(inside, 3)}" if inside else ""
        case "fence" | "code_block":
            return f"::\n\n{_indented(node.content.rstrip(), 3)}"
        case "hr":
            return r"\* \* \*"  # a line could not stand at an end
    return _inline(node)


def _indented(text: str, by: int) -> str:
    return "\n".join(f"{' ' * by}{line}".rstrip() for line in text.split("\n"))


def _inline(node: SyntaxTreeNode) -> str:
    """The text of a block; its own markup is flat, as in reStructuredText nothing is in another."""
    parts = [_part(x) for x in node.walk(include_self=False) if x.type in _INLINE]
    # marks need a space on both sides, of which none is seen behind a backslash
    text = "".join(parts)
    text = re.sub(r"(?:\\ )+(?=\s|$)|(?<=\s)(?:\\ )+|^(?:\\ )+", "", text).strip()
    return f"\\ {text}" if re.fullmatch(r"\\+", text) else text  # or it would underline


def _part(node: SyntaxTreeNode) -> str:
    if node.type in ("softbreak", "hardbreak"):
        return " "
    text = node.content
    if not text.strip():
        return " " if text else ""
    above = [parent.type for parent in _parents(node)]
    if "image" in above:  # its text is told with it
        return ""
    link = next((parent for parent in _parents(node) if parent.type == "link"), None)
    if node.type == "image":
        return f"\\ `{_quoted(text)} <{node.attrs['src']}>`__\\ "
    if link is not None:
        return f"\\ `{_quoted(text)} <{link.attrs['href']}>`__\\ "
    if node.type == "code_inline" and not re.search(r"^`|``|[`\\]$", text.strip()):
        return f"\\ ``{text.strip()}``\\ "
    before, behind = " " * text[:1].isspace(), " " * text[-1:].isspace()
    plain = for_rst(text)
    for kind, mark in (("strong", "**"), ("em", "*")):
        if kind in above:
            return f"{before}\\ {mark}{plain}{mark}\\ {behind}"
    return f"{before}{plain}{behind}"


def _quoted(text: str) -> str:
    return re.sub(r"([\\`<])", r"\\\1", text)


def _parents(node: SyntaxTreeNode):
    while node.parent is not None:
        node = node.parent
        yield node
