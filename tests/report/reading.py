"""What parsers of each format find in pages and tables: other means than those that wrote them."""

import io
import re
from html.parser import HTMLParser
from typing import ClassVar

import mistune
import pytest


class Elements(HTMLParser):
    """What a browser would show, as (kind, text) in order."""

    KINDS: ClassVar = {
        "li": "item", "td": "cell", "th": "cell", "pre": "code", "summary": "title",
        "caption": "title", "figcaption": "caption", "p": "text",
    }  # fmt: skip
    KINDS |= {f"h{level}": "heading" for level in range(1, 7)}

    def __init__(self, page):
        super().__init__()
        self.found, self.tags, self._open, self._inside = [], [], None, set()
        self._kind, self._quoted = "", 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._quoted += tag == "blockquote"
        if tag in self.KINDS and self._open is None:
            self._open, self._text, self._inside = tag, "", set()
            self._kind = dict(attrs).get("class") or ("caution" if self._quoted else "")
        elif tag == "img":
            self._inside.add(tag)
            self.found += [("alt", dict(attrs)["alt"]), ("source", dict(attrs)["src"])]
        elif self._open:
            self._inside.add(tag)

    def handle_endtag(self, tag):
        self._quoted -= tag == "blockquote"
        if tag != self._open:
            return
        kind = self.KINDS[tag]
        if kind == "text" and self._inside:  # in Markdown, what else a paragraph may be
            kind = {"strong": "title", "em": "caption"}.get("+".join(sorted(self._inside)), kind)
        kind = self._kind if kind == "text" and self._kind else kind
        if "img" not in self._inside:
            self.found.append((kind, self._text))
        self._open = None

    def handle_data(self, data):
        if self._open:
            self._text += data


def _of_contents(node):
    """Whether it is in the list of sections that docutils makes."""
    while node is not None:
        if node.tagname == "topic":
            return True
        node = node.parent
    return False


def read_rst(text):
    """The same of reStructuredText, by docutils, which must have nothing to say about it."""
    core = pytest.importorskip("docutils.core")
    from docutils import nodes

    said = io.StringIO()
    options = {"report_level": 2, "halt_level": 6, "warning_stream": said, "doctitle_xform": False}
    tree = core.publish_doctree(text, settings_overrides=options)
    assert not said.getvalue()
    found = []
    for node in tree.findall():
        parent = node.parent.tagname if node.parent else ""
        if isinstance(node, nodes.system_message) or parent == "system_message":
            continue  # is in `said`, if it is more than a hint
        if _of_contents(node):
            continue
        if isinstance(node, nodes.title):
            found.append(("title" if parent == "table" else "heading", node.astext()))
        elif isinstance(node, nodes.image):
            found += [("alt", node["alt"]), ("source", node["uri"])]
        elif isinstance(node, nodes.entry | nodes.list_item | nodes.caption):
            kind = {"entry": "cell", "list_item": "item"}.get(node.tagname, "caption")
            found.append((kind, node.astext()))
        elif isinstance(node, nodes.literal_block):
            found.append(("code", node.astext()))
        elif isinstance(node, nodes.paragraph) and parent not in ("entry", "list_item"):
            kind = "text" if parent in ("section", "document") else parent
            found.append((kind, node.astext()))
    return found


def read(style, text):
    """(kind, text) of all there is in a page, with single spaces."""
    if style == "rst":
        found = read_rst(text)
    else:
        if style == "md":  # as JupyterLab and GitHub show it: HTML in it is HTML
            to_html = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])
            text = to_html(text)
        found = Elements(text).found
    return [
        (kind, some.strip("\n") if kind == "code" else " ".join(some.split()))
        for kind, some in found
    ]


def read_tex(text):
    """Titles and rows of cells of tables in LaTeX, without their escapes."""
    signs = {r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^",
             r"\ensuremath{<}": "<", r"\ensuremath{>}": ">", r"\^{}": "^",
             r"\textless{}": "<", r"\textgreater{}": ">"}  # fmt: skip
    signs |= {f"\\{sign}": sign for sign in "&%$#_{}"} | {"$-$": "−"}
    pattern = re.compile("|".join(map(re.escape, sorted(signs, key=len, reverse=True))))

    def plain(some):
        rest = pattern.sub("", some)
        assert not re.search(r"[\\&%$#_{}~^]", rest), f"{some!r} is not escaped"
        return " ".join(pattern.sub(lambda match: signs[match[0]], some).split())

    titles = [plain(some) for some in re.findall(r"\\caption\{(.*)\}\n", text)]
    tables = []
    for head, body in re.findall(
        r"\\begin\{tabular\}\{(.*?)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL
    ):
        lines = [line for line in body.split("\n") if not re.fullmatch(r"\\\w+|", line)]
        assert all(line.endswith(r"\\") for line in lines)
        rows = [[plain(x) for x in re.split(r"(?<!\\)&", line[:-2])] for line in lines]
        assert {len(row) for row in rows} == {len(re.sub("p{[^}]*}", "p", head))}
        tables.append(rows)
    return titles, tables
