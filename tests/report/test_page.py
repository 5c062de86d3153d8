"""Pages: what went in comes out of each format's own parser, and the author's words stay."""

import base64
import io
import re
import urllib.parse
from html.parser import HTMLParser
from typing import ClassVar

import mistune
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tmnet.errors import TmnetError
from tmnet.report.page import (
    PAGE_FORMATS,
    Bullets,
    Code,
    Heading,
    Picture,
    Table,
    Text,
    Words,
    page,
    write_page,
)

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
)
MARKS = {  # around the author's words, as they stand in files that people have
    "md": ("<!-- author's words: {} -->", "<!-- end of the author's words -->"),
    "html": ("<!-- author's words: {} -->", "<!-- end of the author's words -->"),
    "rst": (".. author's words: {}", ".. end of the author's words"),
}


# --- reading pages, by other means --------------------------------------------------------------


class Elements(HTMLParser):
    """What a browser would show, as (kind, text) in order."""

    KINDS: ClassVar = {"li": "item", "td": "cell", "th": "cell", "pre": "code", "summary": "title",
             "figcaption": "caption", "p": "text"}  # fmt: skip
    KINDS |= {f"h{level}": "heading" for level in range(1, 7)}

    def __init__(self, page):
        super().__init__()
        self.found, self.tags, self._open, self._inside = [], [], None, set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in self.KINDS and self._open is None:
            self._open, self._text, self._inside = tag, "", set()
        elif tag == "img":
            self._inside.add(tag)
            self.found += [("alt", dict(attrs)["alt"]), ("source", dict(attrs)["src"])]
        elif self._open:
            self._inside.add(tag)

    def handle_endtag(self, tag):
        if tag != self._open:
            return
        kind = self.KINDS[tag]
        if kind == "text" and self._inside:  # in Markdown, what else a paragraph may be
            kind = {"strong": "title", "em": "caption"}.get("+".join(sorted(self._inside)), kind)
        if "img" not in self._inside:
            self.found.append((kind, self._text))
        self._open = None

    def handle_data(self, data):
        if self._open:
            self._text += data


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


def expected(style, blocks):
    """What `read` must find."""
    found = []
    for block in blocks:
        match block:
            case Heading(_, text):
                found.append(("heading", text))
            case Text(text):
                found.append(("text", text))
            case Bullets(items):
                found += [("item", item) for item in items]
            case Table(title, frame):
                found += [("title", title), ("cell", frame.index.name), *_cells(frame.columns)]
                for name, row in zip(frame.index, frame.to_numpy()):
                    found += _cells([name, *row])
            case Picture(path, caption, alt):
                found += [("alt", alt), ("source", path.name), ("caption", caption)]
            case Code(text):
                found.append(("code", text))
    if style == "html":  # holds the picture itself
        data = "data:image/png;base64," + base64.b64encode(PNG).decode()
        found = [(kind, data if kind == "source" else text) for kind, text in found]
    return found


def _cells(texts):
    return [("cell", text) for text in texts]


def all_blocks(directory, text, file="figure.png"):
    """A page that holds a text wherever there may be one."""
    (directory / file).write_bytes(PNG)
    frame = pd.DataFrame([[text, "1"], ["2", text]], [text, "b"], [text, "c"])
    return [
        Heading(1, text),
        Text(text),
        Heading(2, f"About {text}"),
        Bullets((text, f"{text} leads with 24.49 s.", text)),
        Table(text, frame.rename_axis("run")),
        Heading(3, f"{text}: more"),
        Picture(directory / file, text, text),
        Text(f"The run {text} is here."),
    ]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("page")


# --- texts --------------------------------------------------------------------------------------

SIGNS = r"*_`|<>&\~$[](){}#-+.:!'\"=^/%"
names = st.text(st.sampled_from(SIGNS + "abA1 é日"), min_size=1, max_size=12)
names = names.map(lambda text: " ".join(text.split())).filter(bool)
TRICKY = [
    "a_", "_a_", "a__", "__a__", "*a*", "a**b**c", "`a`", "``", "a|b", "<b>a</b>", "&lt;", "a\\b",
    "a\\", "\\", "~~a~~", "[a](b)", "![a](b)", "a::", "# a", "1. a", "a. b", "(a) b", "- a", "+ a",
    "> a", ".. a", ":a: b", ">>> a", "---", "====", "| a", "--a b", "|a|", "|a|_", "`a`_",
    "[1]_", "a__b__c", "</details>", "<!-- a", "日本の走行", "é_é", "#", "1)", "$a$", "a_-b",
    "www.example.org", "a@b.cd", "/a b/", "“a”", "0.5 % & 3 < 4 > 2",
]  # fmt: skip
PLAIN = ["uni_20_long", "A01_as20_big_long", "95 %: −0.05 to 0.48 s", "é–±·", "a (b), c/d; e: f?"]


@pytest.mark.parametrize("style", PAGE_FORMATS)
@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_comes_out_as_it_went_in(directory, style, text):
    blocks = all_blocks(directory, text)
    assert read(style, page(blocks, style, directory)) == expected(style, blocks)


@pytest.mark.parametrize("style", PAGE_FORMATS)
@pytest.mark.parametrize("text", TRICKY)
def test_tricky_text_comes_out_as_it_went_in(directory, style, text):
    """Names of runs and titles of studies are not markup, in any place."""
    blocks = all_blocks(directory, text)
    assert read(style, page(blocks, style, directory)) == expected(style, blocks)


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_any_text_comes_out_as_it_went_in(directory, style):
    @settings(max_examples=60, derandomize=True)
    @given(names)
    def check(text):
        blocks = all_blocks(directory, text)
        assert read(style, page(blocks, style, directory)) == expected(style, blocks)

    check()


@pytest.mark.parametrize("style", PAGE_FORMATS)
@pytest.mark.parametrize("text", ["two\nlines", "First.\n\nSecond.\n\n\nThird.", " a title \n"])
def test_lines_of_a_study_are_paragraphs_or_one_line(directory, style, text):
    """As YAML's `title: |` and `question: |` give them."""
    found = read(style, page([Heading(1, text), Text(text), Text("End.")], style, directory))
    words = " ".join(text.split())
    assert found[0] == ("heading", words) and found[-1] == ("text", "End.")
    assert {kind for kind, _ in found[1:]} == {"text"}
    assert " ".join(some for _, some in found[1:-1]) == words


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_lines_to_be_typed_stay_as_they_are(directory, style):
    text = "tmnet compare 'a_ b' '*x*' --logdir <dir> && \\\n  echo `date` | tee\n\nlast __line__"
    blocks = [Heading(1, "a"), Code(text), Text("After.")]
    found = read(style, page(blocks, style, directory))
    assert found == [("heading", "a"), ("code", text), ("text", "After.")]


@pytest.mark.parametrize("style", PAGE_FORMATS)
@pytest.mark.parametrize("cell", ["24.49*", "24.59 ", "", "–", "26.82 ± 3.90*", "63.9 (144) "])
def test_cells_of_comparisons(directory, style, cell):
    """With the mark of the best, or room for it; a grid as the index; and nothing in a corner."""
    frame = pd.DataFrame([[cell, "1"], ["ended ", cell]], ["5", "1,000"], ["a", "b"])
    blocks = [Table("A01 eval: best time (s)", frame.rename_axis("min"))]
    cells = [some for kind, some in read(style, page(blocks, style, directory)) if kind == "cell"]
    bare = cell.strip()
    assert cells == ["min", "a", "b", "5", bare, "1", "1,000", "ended", bare]
    nameless = read(style, page([Table("t", frame)], style, directory))
    assert nameless[:2] == [("title", "t"), ("cell", "")]


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_the_head_of_a_table_is_a_head(directory, style):
    frame = pd.DataFrame([["1", "2"]], pd.Index(["x"], name="run"), ["a", "b"])
    text = page([Table("t", frame)], style, directory)
    if style == "rst":
        core = pytest.importorskip("docutils.core")
        heads = [node for node in core.publish_doctree(text).findall() if node.tagname == "thead"]
        assert [entry.astext() for head in heads for entry in head[0]] == ["run", "a", "b"]
        return
    text = mistune.create_markdown(plugins=["table"])(text) if style == "md" else text
    heads = re.findall(r"<th\b[^>]*>([^<]*)<", text)
    assert [head.strip() for head in heads] == ["run", "a", "b"]


@pytest.mark.parametrize("style", PAGE_FORMATS)
@pytest.mark.parametrize(
    "file", ["a_b.png", "a b.png", "(a)_.png", "a&b=1.png", "a__.png", "é%.png"]
)
def test_a_page_finds_its_figures(directory, style, file):
    """Beside it or in a folder below it, whatever they are called."""
    (directory / "sub").mkdir(exist_ok=True)
    for name in (file, f"sub/{file}"):
        (directory / name).write_bytes(PNG)
        found = dict(read(style, page([Picture(directory / name, "c", "a")], style, directory)))
        if style == "html":
            kind, _, data = found["source"].partition(",")
            assert kind == "data:image/png;base64" and base64.b64decode(data) == PNG
        else:
            assert urllib.parse.unquote(found["source"]) == name


def test_pictures_in_a_page_of_html(tmp_path):
    """They are in the page, in the format that their name says."""
    for name, kind in (("a.jpg", "jpeg"), ("a.png", "png")):
        Image.new("RGB", (8, 6), "red").save(tmp_path / name)
        text = page([Picture(tmp_path / name, "c", 'of "a" & <b>')], "html", tmp_path)
        ((_, attributes),) = [some for some in Elements(text).tags if some[0] == "img"]
        head, _, data = attributes["src"].partition(",")
        assert head == f"data:image/{kind};base64" and attributes["alt"] == 'of "a" & <b>'
        with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as image:
            assert image.size == (8, 6) and image.format == kind.upper()
    (tmp_path / "a.svg").write_text("<svg/>")
    text = page([Picture(tmp_path / "a.svg", "c", "a")], "html", tmp_path)
    assert 'src="data:image/svg+xml;base64,' in text


def test_a_page_of_html_is_whole(tmp_path):
    frame = pd.DataFrame({"a": ["1"]}, pd.Index(["x"], name="run"))
    blocks = [Heading(1, "A <title> & more"), Table("open", frame), Table("closed", frame, True)]
    text = page(blocks, "html", tmp_path)
    tags = Elements(text).tags
    names = [tag for tag, _ in tags]
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert names[:4] == ["html", "head", "meta", "title"] and tags[0][1]["lang"] == "en"
    assert tags[2][1] == {"charset": "utf-8"}
    assert "<title>A &lt;title&gt; &amp; more</title>" in text
    assert [attributes for tag, attributes in tags if tag == "details"] == [{"open": None}, {}]


# --- the author's words -------------------------------------------------------------------------


def some_page(value="1"):
    frame = pd.DataFrame({"a_": [value]}, pd.Index(["x"], name="run"))
    return [Heading(1, "T"), Text(f"It is {value}."), Words("overview", "(Write.)"),
            Heading(2, "More"), Words("key findings", "(Write more.)"),
            Table("t", frame)]  # fmt: skip


def between(style, key, data):
    """What stands between the marks of a place, without line breaks around it.

    In reStructuredText the first mark is followed by an empty comment.
    """
    begin, end = (mark.format(key).encode() for mark in MARKS[style])
    _, found, rest = data.partition(begin)
    assert found
    words, found, _ = rest.partition(end)
    assert found
    if style == "rst":
        assert words.startswith(b"\n\n..\n")
        words = words[5:]
    return words.strip(b"\n")


def edit(path, key, words):
    """What an author does: other words in a place of a page."""
    begin, end = (mark.format(key).encode() for mark in MARKS[path.suffix[1:]])
    head, _, rest = path.read_bytes().partition(begin)
    _, _, tail = rest.partition(end)
    path.write_bytes(head + begin + b"\n\n" + words + b"\n\n" + end + tail)


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_a_new_page_says_what_belongs_where(tmp_path, style):
    path = tmp_path / f"a.{style}"
    write_page(path, some_page())
    shown = [text for kind, text in read(style, path.read_text(encoding="utf-8")) if kind == "text"]
    assert shown == ["It is 1.", "(Write.)", "(Write more.)"]
    first = path.read_bytes()
    write_page(path, some_page())
    assert path.read_bytes() == first


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_a_place_that_was_emptied_stays_empty(tmp_path, style):
    path = tmp_path / f"a.{style}"
    write_page(path, some_page())
    edit(path, "overview", b"")
    for _ in range(2):
        write_page(path, some_page())
        assert between(style, "overview", path.read_bytes()) == b""
        text = path.read_text(encoding="utf-8")
        assert "(Write.)" not in text and "(Write more.)" in text


def test_indented_words_are_a_quotation(tmp_path):
    """In reStructuredText; and not part of the comment that marks where they begin."""
    path = tmp_path / "a.rst"
    write_page(path, some_page())
    edit(path, "overview", b"   Somebody said so.")
    write_page(path, some_page())
    assert ("block_quote", "Somebody said so.") in read("rst", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_where_the_end_of_words_is_not_marked_nothing_is_overwritten(tmp_path, style):
    path = tmp_path / f"a.{style}"
    write_page(path, some_page())
    edit(path, "overview", b"Much work.")
    end = MARKS[style][1].encode()
    path.write_bytes(path.read_bytes().replace(end, b"", 1))
    before = path.read_bytes()
    with pytest.raises(TmnetError, match="is missing behind the author's words under 'overview'"):
        write_page(path, some_page())
    assert path.read_bytes() == before


words_of_authors = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1, max_size=40
)


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_the_authors_words_survive_byte_for_byte(tmp_path, style):
    path = tmp_path / f"a.{style}"

    @settings(max_examples=25, derandomize=True)
    @given(words_of_authors.filter(lambda text: text.strip()))
    @example("  indented, \\1 \\g<0> *bold* {0} %s\n\n\ttab  \n  trailing  ")
    @example("<!-- a comment -->\n.. a comment\n\n<p>é</p>")
    @example("author's words: overview")
    def check(text):
        words = text.encode()
        path.unlink(missing_ok=True)
        write_page(path, some_page())
        edit(path, "overview", words)
        for value in "23":
            write_page(path, some_page(value))
            data = path.read_bytes()
            assert between(style, "overview", data) == words.strip(b"\n")
            assert between(style, "key findings", data).count(b"(Write more.)") == 1
            assert f"It is {value}.".encode() in data and b"It is 1." not in data

    check()


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_words_in_every_place_keep_to_their_place(tmp_path, style):
    path = tmp_path / f"a.{style}"
    write_page(path, some_page())
    for key in ("overview", "key findings"):
        edit(path, key, f"About {key}:\n\n- one\n- two".encode())
    write_page(path, some_page()[3:] + some_page()[:3])  # in another order
    data = path.read_bytes()
    for key in ("overview", "key findings"):
        assert between(style, key, data) == f"About {key}:\n\n- one\n- two".encode()
    assert data.index(b"About key findings") < data.index(b"About overview")
    assert b"(Write" not in data


@pytest.mark.parametrize("style", PAGE_FORMATS)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
def test_words_survive_an_editor_of_windows(tmp_path, style, mark):
    """Which writes other line ends, and maybe a mark at the start."""
    path = tmp_path / f"a.{style}"
    write_page(path, some_page())
    edit(path, "overview", "Größer.\n\nSecond.".encode())
    path.write_bytes(mark + path.read_bytes().replace(b"\n", b"\r\n"))
    write_page(path, some_page("2"))
    first = path.read_bytes()
    assert between(style, "overview", first) == "Größer.\n\nSecond.".encode()
    assert b"\r" not in first and not first.startswith(b"\xef") and b"It is 2." in first
    write_page(path, some_page("2"))
    assert path.read_bytes() == first


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_a_page_in_another_encoding_is_not_overwritten(tmp_path, style):
    """Else the words in it would be lost."""
    path = tmp_path / f"a.{style}"
    write_page(path, some_page())
    edit(path, "overview", "Größer.".encode())
    data = path.read_text(encoding="utf-8").encode("cp1252")
    path.write_bytes(data)
    with pytest.raises(TmnetError, match=re.escape(str(path))):
        write_page(path, some_page("2"))
    assert path.read_bytes() == data


@pytest.mark.parametrize("style", PAGE_FORMATS)
@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["", "windows"])
def test_words_can_be_given(tmp_path, style, ends):
    """As from a notebook: plain paragraphs, in place of those in the page; others stay."""
    path = tmp_path / f"a.{style}"
    write_page(path, some_page())
    edit(path, "key findings", b"<p>From the file.</p>" if style == "html" else b"From the file.")
    text = ends.join(["A run_ *is* <b>", "", "", "  Second & `last`. "])
    write_page(path, some_page(), {"overview": text})
    shown = [text for kind, text in read(style, path.read_text(encoding="utf-8")) if kind == "text"]
    assert shown == ["It is 1.", "A run_ *is* <b>", "Second & `last`.", "From the file."]
    first = path.read_bytes()
    write_page(path, some_page())
    assert path.read_bytes() == first


def test_a_page_that_cannot_be_written(tmp_path):
    with pytest.raises(TmnetError, match="cannot be written"):
        write_page(tmp_path / "missing" / "a.md", some_page())
    (tmp_path / "a.md").mkdir()
    with pytest.raises(TmnetError, match="cannot be written"):
        write_page(tmp_path / "a.md", some_page())
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]


# --- LaTeX --------------------------------------------------------------------------------------


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

    titles = [plain(some) for some in re.findall(r"\\paragraph\{(.*)\}\n", text)]
    tables = []
    for head, body in re.findall(
        r"\\begin\{tabular\}\{([lr]+)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL
    ):
        lines = [line for line in body.split("\n") if not re.fullmatch(r"\\\w+|", line)]
        assert all(line.endswith(r"\\") for line in lines)
        rows = [[plain(x) for x in re.split(r"(?<!\\)&", line[:-2])] for line in lines]
        assert {len(row) for row in rows} == {len(head)}
        tables.append(rows)
    return titles, tables


@settings(max_examples=100, derandomize=True)
@given(names)
@example("a_b")
@example("50 % & #1 $x$ {y} ~z ^w \\v")
@example("a\\")
def test_text_comes_out_of_latex_as_it_went_in(text):
    from tmnet.tables import document

    frame = pd.DataFrame([[text, "24.49*"]], pd.Index([text], name="run"), [text, "other"])
    titles, tables = read_tex(document([(f"{text} (s)", frame)], "tex"))
    assert titles == [f"{text} (s)"]
    assert tables == [[["run", text, "other"], [text, text, "24.49*"]]]
