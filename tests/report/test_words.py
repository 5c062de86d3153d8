"""The author's words in a page: they stay, and what is given is Markdown."""

import re

import mistune
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tmnet.errors import TmnetError
from tmnet.report.blocks import Contents, Heading, Table, Text, Words
from tmnet.report.markdown import from_markdown
from tmnet.report.page import PAGE_FORMATS, authors_words, write_page

from .reading import Elements, read, read_rst

PLAIN_TAGS = {
    "p", "em", "strong", "code", "pre", "a", "img", "ul", "ol", "li", "blockquote", "hr", "br",
    *(f"h{i}" for i in range(1, 7)),
}  # fmt: skip
MARKS = {  # around the author's words, as they stand in files that people have
    "md": ("<!-- author's words: {} -->", "<!-- end of the author's words -->"),
    "html": ("<!-- author's words: {} -->", "<!-- end of the author's words -->"),
    "rst": (".. author's words: {}", ".. end of the author's words"),
}


KEYS = ("overview", "key findings", "conclusions")


def some_page(value="1"):
    frame = pd.DataFrame({"a_": [value]}, pd.Index(["x"], name="run"))
    return [
        Heading(1, "T"), Text(f"It is {value}."), Words("overview"), Contents(),
        Heading(2, "More"), Words("key findings"), Words("conclusions", "Conclusions"),
        Table("t", frame),
    ]  # fmt: skip


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
def test_places_without_words_are_not_seen(tmp_path, style):
    """Neither what belongs there, nor a heading; and it is the same page again."""
    path = tmp_path / f"a.{style}"
    write_page(path, some_page())
    first = path.read_bytes()
    found = read(style, first.decode())
    kinds = [(kind, text) for kind, text in found if kind not in ("cell", "title", "item")]
    assert kinds == [("heading", "T"), ("text", "It is 1."), ("heading", "More")]
    assert [authors_words(first.decode(), style)[key] for key in KEYS] == ["", "", ""]
    write_page(path, some_page())
    assert path.read_bytes() == first


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_a_place_that_was_emptied_stays_empty(tmp_path, style):
    path = tmp_path / f"a.{style}"
    write_page(path, some_page(), {"overview": "Much."})
    edit(path, "overview", b"")
    for _ in range(2):
        write_page(path, some_page())
        assert between(style, "overview", path.read_bytes()) == b""


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_words_have_their_heading_and_are_in_the_contents(tmp_path, style):
    path = tmp_path / f"a.{style}"
    write_page(path, some_page(), {"conclusions": "So it is."})
    text = path.read_text(encoding="utf-8")
    assert ("heading", "Conclusions") in read(style, text)
    if style == "html":
        assert '<a href="#conclusions">' in text and '<h2 id="conclusions">' in text
    elif style == "md":
        assert "- [Conclusions](#conclusions)" in text


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
            assert between(style, "key findings", data) == b""
            assert f"It is {value}.".encode() in data and b"It is 1." not in data

    check()


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_words_in_every_place_keep_to_their_place(tmp_path, style):
    path = tmp_path / f"a.{style}"
    write_page(path, some_page())
    for key in ("overview", "key findings"):
        edit(path, key, f"About {key}:\n\n- one\n- two".encode())
    write_page(path, some_page()[4:] + some_page()[:4])  # in another order
    data = path.read_bytes()
    for key in ("overview", "key findings"):
        assert between(style, key, data) == f"About {key}:\n\n- one\n- two".encode()
    assert data.index(b"About key findings") < data.index(b"About overview")


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
    """As from a notebook, in place of those in the page; others stay."""
    path = tmp_path / f"a.{style}"
    write_page(path, some_page())
    edit(path, "key findings", b"<p>From the file.</p>" if style == "html" else b"From the file.")
    text = ends.join(["A run\\_ & 1 < 2", "", "", "  Second & last. "])
    write_page(path, some_page(), {"overview": text})
    shown = [text for kind, text in read(style, path.read_text(encoding="utf-8")) if kind == "text"]
    assert shown == ["It is 1.", "A run_ & 1 < 2", "Second & last.", "From the file."]
    first = path.read_bytes()
    write_page(path, some_page())
    assert path.read_bytes() == first


MARKDOWN = """It **is** *so*, a*b*c, with `x < y` and [a link](https://example.org).

# Heading

- one
- two **bold**
  - three

3. third
4. fourth

> quoted

```
code <b>
```"""


def test_given_words_are_markdown():
    html = from_markdown(MARKDOWN, "html")
    for part in ("<strong>is</strong>", "a<em>b</em>c", "<code>x &lt; y</code>", "<h3>Heading</h3>",
                 '<a href="https://example.org">a link</a>', '<ol start="3">', "<blockquote>",
                 "<li>three</li>", "code &lt;b&gt;"):  # fmt: skip
        assert part in html
    assert from_markdown(MARKDOWN.replace("code <b>", "code"), "md") == MARKDOWN.replace(" <b>", "")


def test_given_words_are_markdown_in_restructuredtext_too():
    core = pytest.importorskip("docutils.core")
    tree = core.publish_doctree(
        from_markdown(MARKDOWN, "rst"), settings_overrides={"report_level": 2}
    )
    found = [(node.tagname, node.astext()) for node in tree.findall() if hasattr(node, "tagname")]
    for part in [("strong", "is"), ("emphasis", "so"), ("emphasis", "b"), ("literal", "x < y"),
                 ("reference", "a link"), ("rubric", "Heading"), ("strong", "bold"),
                 ("list_item", "three"), ("list_item", "fourth"), ("literal_block", "code <b>"),
                 ("block_quote", "quoted")]:  # fmt: skip
        assert part in found
    assert ("paragraph", "It is so, abc, with x < y and a link.") in found
    (numbers,) = [node for node in tree.findall() if node.tagname == "enumerated_list"]
    assert numbers["start"] == 3


HTML_SIGNS = st.text(st.sampled_from("<>/!-ab \n*_`[]()&;=\"'#:.\\"), max_size=30)


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_words_bring_no_html_and_no_marks(style):
    """Whatever is written: it is text, or Markdown, and ends where it ends."""

    @settings(max_examples=60, derandomize=True, deadline=None)
    @given(HTML_SIGNS)
    @example("<script>alert(1)</script>")
    @example("a <img src=x onerror=alert(1)> b <!-- c --> <b")
    @example("<!-- end of the author's words -->\n\n<!-- author's words: overview -->")
    @example("```\n<!-- end of the author's words -->\n```")
    @example(".. end of the author's words\n\n.. author's words: overview")
    @example("[a](javascript:alert(1)) ![b](x) <javascript:alert(1)>")
    @example("\\\\\\")
    def check(text):
        made = from_markdown(text, style)
        begin = MARKS[style][0].format("overview") + ("\n\n.." if style == "rst" else "")
        marked = "\n\n".join([begin, made, MARKS[style][1]])
        assert [*authors_words(marked, style)] == ["overview"]
        assert authors_words(marked, style)["overview"] == made.strip("\n")
        if style == "rst":
            read_rst(f"T\n=\n\n{made}\n")
            return
        html = made if style == "html" else mistune.create_markdown(escape=False)(made)
        tags = Elements(html).tags
        assert {tag for tag, _ in tags} <= PLAIN_TAGS
        links = {value for _, attributes in tags for name, value in attributes.items()
                 if name in ("href", "src")}  # fmt: skip
        assert not any("javascript:" in (link or "").lower() for link in links)

    check()


def test_a_page_that_cannot_be_written(tmp_path):
    with pytest.raises(TmnetError, match="cannot be written"):
        write_page(tmp_path / "missing" / "a.md", some_page())
    (tmp_path / "a.md").mkdir()
    with pytest.raises(TmnetError, match="cannot be written"):
        write_page(tmp_path / "a.md", some_page())
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]
