"""Pages: what went in comes out of each format's own parser."""

import base64
import io
import re
import urllib.parse

import mistune
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tmnet.report.blocks import (
    Answer,
    Bullets,
    Caution,
    Code,
    Contents,
    Fold,
    Heading,
    Picture,
    Table,
    Text,
)
from tmnet.report.page import PAGE_FORMATS, page, write_page

from .reading import Elements, read, read_tex

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
)


OF_ONE_TEXT = {Heading: "heading", Text: "text", Caution: "caution", Code: "code"}
ANSWERS = {"html": "answer", "md": "title", "rst": "text"}  # bold in Markdown


def expected(style, blocks):
    """What `read` must find."""
    found = []
    for block in blocks:
        match block:
            case Heading() | Text() | Caution() | Code():
                found.append((OF_ONE_TEXT[type(block)], block.text))
            case Answer(sentences):
                found += [(ANSWERS[style], text) for text in sentences]
            case Bullets(items):
                found += [("item", item) for item in items]
            case Table(title, frame):
                found += [("title", title), ("cell", frame.index.name), *_cells(frame.columns)]
                for name, row in zip(frame.index, frame.to_numpy()):
                    found += _cells([name, *row])
            case Picture(path, caption, alt):
                found += [("alt", alt), ("source", path.name), ("caption", caption)]
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
        Answer((text, f"{text} is better.")),
        Caution(text),
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
    assert names.count("details") == 1 and names.index("details") > names.index("caption")


# --- what is folded, and what is listed ---------------------------------------------------------


def some_sections():
    frame = pd.DataFrame({"a": ["1"]}, pd.Index(["x"], name="run"))
    return [
        Heading(1, "T"), Contents(), Heading(2, "Going on"), Text("It goes on."),
        Heading(2, "Everything, else"), Fold("All of it", (Heading(3, "More"), Table("t", frame))),
        Fold("A_b (c)", (Text("Here."),)),
    ]  # fmt: skip


def test_html_folds(tmp_path):
    (path,) = write_page(tmp_path / "a.html", some_sections())
    found = read("html", path.read_text(encoding="utf-8"))
    assert [text for kind, text in found if kind == "title"] == ["All of it", "t", "A_b (c)"]
    assert ("text", "Here.") in found


@pytest.mark.parametrize("style", ["md", "rst"])
def test_other_formats_have_an_appendix(tmp_path, style):
    page_, appendix = write_page(tmp_path / f"a b.{style}", some_sections())
    assert appendix.name == f"a b_appendix.{style}"
    shown, folded = (read(style, path.read_text(encoding="utf-8")) for path in (page_, appendix))
    assert ("text", "Here.") not in shown and ("text", "It goes on.") not in folded
    assert [x for x in folded if x[0] == "heading"] == [
        ("heading", text) for text in ("T: appendix", "All of it", "More", "A_b (c)")
    ]
    text = page_.read_text(encoding="utf-8")
    assert (
        "](a%20b_appendix.md#all-of-it)" if style == "md" else "<a%20b_appendix.rst>`__"
    ) in text
    said = [text for kind, text in shown if kind == "item"]
    assert len(said) >= 2 and "All of it" in said[-2] and "A_b (c)" in said[-1]


def test_a_page_without_folds_has_no_appendix(tmp_path):
    assert write_page(tmp_path / "a.md", [Heading(1, "T")]) == [tmp_path / "a.md"]


def test_contents_lead_to_the_sections(tmp_path):
    text = page(some_sections(), "html", tmp_path)
    links = [attributes["href"] for tag, attributes in Elements(text).tags if tag == "a"]
    places = [f"#{attributes['id']}" for tag, attributes in Elements(text).tags if tag == "h2"]
    assert links == places == ["#going-on", "#everything-else"]
    text = page(some_sections(), "md", tmp_path, None, tmp_path / "x.md")
    assert "- [Going on](#going-on)\n- [Everything, else](#everything-else)" in text


def test_contents_of_restructuredtext_are_those_of_docutils(tmp_path):
    core = pytest.importorskip("docutils.core")
    text = page(some_sections(), "rst", tmp_path, None, tmp_path / "x.rst")
    tree = core.publish_doctree(text)
    (topic,) = [node for node in tree.findall() if node.tagname == "topic"]
    assert topic.astext().split("\n\n") == ["Going on", "Everything, else"]


# --- LaTeX --------------------------------------------------------------------------------------


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


def test_tables_of_latex_have_captions_and_labels_of_their_own():
    from tmnet.tables import document

    frame = pd.DataFrame([["1"]], ["x"], ["a"])
    text = document([("A01: best (s)", frame), ("A01, best s", frame), ("loss", frame)], "tex")
    labels = re.findall(r"\\label\{(.*?)\}", text)
    assert labels == ["tab:a01-best-s", "tab:a01-best-s-no2", "tab:loss"]
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 3


def test_tables_of_latex_are_as_wide_as_a_page():
    """Scaled down where they are wider, in parts where that would be too small, and long texts are
    broken into lines."""
    from tmnet.tables import document

    def rows(columns, letters):
        frame = pd.DataFrame([["1" * letters] * columns], ["x"], [f"c{i}" for i in range(columns)])
        return document([("T", frame)], "tex")

    assert "resizebox" not in rows(4, 10)
    fitted = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    assert rows(8, 10).count(fitted) == 1
    many = rows(40, 10)
    assert [title for title in read_tex(many)[0]] == [f"T ({i} of 5)" for i in range(1, 6)]
    assert sum(len(table[0]) - 1 for table in read_tex(many)[1]) == 40
    assert r"p{0.3\linewidth}" in rows(2, 60)


def test_every_part_of_a_table_says_of_what_its_rows_are():
    """Its name, and what stands before a column that has no head, or that tells metrics."""
    from tmnet.tables import document

    cells = [["120 min", "rate", "small", *["1" * 20] * 8], ["", "best", "small", *["2" * 20] * 8]]
    head = ["last", "metric", "", *map(str, range(8))]
    frame = pd.DataFrame(cells, pd.Index(["a", "b"], name="at"), head)
    _, tables = read_tex(document([("T", frame)], "tex"))
    assert [[row[:4] for row in table] for table in tables] == [
        [
            ["at", "last", "metric", ""],
            ["a", "120 min", "rate", "small"],
            ["b", "", "best", "small"],
        ]
    ] * 2
    assert [cell for table in tables for cell in table[0][4:]] == head[3:]
    settings = pd.DataFrame([["1", "2"]], ["x"], ["", ""])
    assert read_tex(document([("T", settings)], "tex"))[1] == [[["", "", ""], ["x", "1", "2"]]]


def test_signs_that_latex_does_not_know_are_its_own():
    from tmnet.tables import document

    frame = pd.DataFrame([["24.2 [24.1, ∞]", "−0.1"]], ["x"], ["a", "b"])
    text = document([("T", frame)], "tex")
    assert r"$\infty$" in text and "$-$0.1" in text and "∞" not in text
