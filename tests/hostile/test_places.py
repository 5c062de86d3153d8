"""Text in each place where it is shown: read by other means, it is what it was."""

import csv
import html
import io
import re
import sys
from html.parser import HTMLParser

import mistune
import pandas as pd
import pytest
import wcwidth
from hypothesis import example, given
from hypothesis import strategies as st

from tmnet.drawing import AggFigure, for_figure, names_for_figure, styled
from tmnet.errors import LogWarning, TmnetError
from tmnet.files import LONGEST_NAME, check_prefix, file_name, fitted
from tmnet.report.blocks import Bullets, Code, Heading, Table, Text, Words
from tmnet.report.page import PAGE_FORMATS, authors_words, page
from tmnet.safe_text import (
    distinct,
    for_csv,
    for_html,
    for_label,
    for_terminal,
    lines_for_html,
    visible,
    without_shared,
)
from tmnet.tables import csv_text
from tmnet.text_table import for_tex, render, render_rows

from ..report.reading import read_rst
from .texts import PIECES, any_texts, examples, read_back, texts, unseen


def everywhere(check):
    """A test of any text; every piece of the list is tried alone, too."""
    for piece in PIECES:
        check = example(text=piece)(check)
    return examples(20)(given(text=any_texts)(check))


def test_signs_that_cannot_be_seen_are_written():
    assert visible("a\x1b[31m\n\tb\u202e\u200b\ud800\x85") == (
        r"a\x1b[31m\x0a\x09b\u202e\u200b\ud800\x85"
    )
    plain = "A01_as20, 95 %: −0.05 ± 3 · é 日 C:\\users\\xavier …"
    assert visible(plain) == distinct(plain) == for_terminal(plain) == plain
    assert distinct("\x1b") == r"\x1b" and distinct(r"\x1b") == r"\x5cx1b"


@everywhere
def test_nothing_is_hidden_and_nothing_lost(text):
    """Of what is shown the text can be told, so that no two look the same."""
    assert not unseen(visible(text)) and visible(visible(text)) == visible(text)
    assert read_back(visible(text)) == read_back(text)
    for show in (distinct, for_label, lambda x: html.unescape(for_html(x))):
        assert not unseen(show(text)) and read_back(show(text)) == text
    assert not set(for_label(text)) & {"$"} and not re.search(r"\\[^xuU]", for_label(text))


@everywhere
def test_errors_and_notes_are_one_line(text):
    for kind in (TmnetError, LogWarning):
        assert not unseen(str(kind(f"There is no run {text}.")))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_terminals(encoding, monkeypatch):
    """Columns are aligned, and two names are two, whatever the terminal can show."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding))

    @everywhere
    def check(text):
        table = render_rows(["", f"{text} h"], [[text, "1.5"], ["second", "22 "]], "text")
        table.encode(encoding)
        lines = table.split("\n")
        assert len(lines) == 4 and not set().union(*map(unseen, lines))
        width = {wcwidth.wcswidth(line) for line in lines[1:2]}
        assert all(wcwidth.wcswidth(line) <= max(width) for line in lines)
        assert read_back(for_terminal(text)) == text

    check()


class Elements(HTMLParser):
    """Tags with their attributes, and texts, as a browser finds them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], [""]
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, [name for name, _ in attrs]))
        self.texts.append("")

    def handle_endtag(self, tag):
        self.texts.append("")

    def handle_data(self, data):
        self.texts[-1] += data

    def handle_comment(self, data):
        self.tags.append(("comment", [data]))

    handle_decl = handle_pi = unknown_decl = handle_comment


@everywhere
def test_html(text):
    """In elements, in quotes, in tables and in lines of code it is text and nothing else."""
    table = render_rows(["", text], [[text, text]], "html")
    found = Elements(
        f"<p title='{for_html(text)}'>{for_html(text)}</p>{table}<pre>{lines_for_html(text)}</pre>"
    )
    tags = [tag for tag, _ in found.tags]
    assert tags == ["p", "table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td", "pre"]
    assert {name for _, names in found.tags for name in names} <= {"title", "style"}
    assert read_back(found.texts[1]) == text


@everywhere
def test_latex(text):
    """No sign of LaTeX's is left but in the sequences that stand for one."""
    signs = {
        r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\^{}": "^", r"\ensuremath{<}": "<",
        r"\ensuremath{>}": ">", **{f"\\{sign}": sign for sign in "&%$#_{}"},
    }  # fmt: skip
    shown = for_tex(text)
    sequences = "|".join(map(re.escape, signs))
    assert not re.search(r"[\\&%$#_{}^~<>]", re.sub(sequences, "", shown))
    assert read_back(re.sub(sequences, lambda match: signs[match[0]], shown)) == text
    frame = pd.DataFrame([[distinct(text)]], [distinct(text)], [distinct(text)])
    assert len(render(frame, "tex").split("\n")) == 7


@everywhere
def test_csv(text):
    """A spreadsheet finds text, which is told by a program that takes one apostrophe off."""
    frame = pd.DataFrame({"run": pd.Categorical.from_codes([0], [distinct(text)]), "at": [-1.5]})
    written = csv_text(frame.assign(metric=[visible(text)]))
    head, row = csv.reader(io.StringIO(written))
    assert head == ["run", "at", "metric"] and row[1] == "-1.5"
    assert not row[0].lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))
    cell = for_csv(text)
    assert read_back(cell.removeprefix("'")) == text
    assert written.count("\n") == 2 and "\r" not in written


@examples(3)
@given(st.lists(any_texts, max_size=20))
def test_figures(others):
    """As it is written: no TeX, nothing that the font lacks (a warning, and so an error here)."""
    tried = [*PIECES, *others]
    with styled():
        figure = AggFigure((3, 3), dpi=30)
        drawn = [figure.text(0, i / 200, for_figure(text)) for i, text in enumerate(tried)]
        for form in ("png", "svg", "pdf"):
            figure.savefig(io.BytesIO(), format=form)
    shown = [artist.get_text().removeprefix(" _") for artist in drawn]
    assert max(map(len, shown)) <= 120
    assert all(
        "…" in label or read_back(label) == text.removeprefix("_")
        for label, text in zip(shown, tried)
    )


def test_a_legend_has_every_name():
    """Also those that matplotlib would leave out."""
    names = ["_nolegend_", "__", "$_$", "a"]
    with styled():
        ax = AggFigure().subplots()
        for name in names:
            ax.plot([0, 1], label=for_figure(name))
        assert [x.get_text().strip() for x in ax.legend(loc="upper left").get_texts()] == names


def test_names_that_figures_make_alike_are_numbered():
    names = [f"{'x' * 200}{i}{'y' * 200}" for i in range(2)]
    assert len({*names_for_figure(names)}) == 2
    assert names_for_figure(["a", "b"]) == ["a", "b"]


def test_long_names_are_shown_by_what_tells_them_apart():
    """As of a search, whose runs' names begin and end alike."""
    rates = ["0.001", "0.0005", "0.0001"]
    names = [
        f"PPO_2023-11-18/PPO_CartPole-v1_a1b2c_0000{i}_lr={rate},gamma=0.99_2023-11-18"
        for i, rate in enumerate(rates)
    ]
    short = [f"…0000{i}_lr={rate}…" for i, rate in enumerate(rates)]
    assert names_for_figure(names, 60) == short
    assert names_for_figure(names) == names
    table = render_rows(["min", *names], [["5", "1", "2", "3"]], "text")
    assert table.split()[:4] == ["min", *short]
    assert all(name in render_rows(["min", *names], [["5", *"123"]], "md") for name in names)


@given(st.lists(st.text("ab_/", max_size=6), min_size=1, max_size=4))
def test_what_names_share_is_left_out_of_all_of_them(names):
    short = without_shared(names, 3)
    assert len({*short}) == len({*names})
    assert short == names or max(map(len, names)) > 3
    cut = [text.strip("…") for text in short]
    first = names[0]
    splits = [(first[:i], first[i + len(cut[0]) :]) for i in range(len(first) + 1)]
    assert any(names == [start + text + end for text in cut] for start, end in splits)


@pytest.mark.parametrize("style", ["md", "rst"])
def test_pages(style):
    """A page with two names in it has the elements that one with plain names has, and no others."""
    to_html = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])

    def elements(one, two):
        frame = pd.DataFrame([[one, two]], pd.Index([two], name="n"), [one, "c"])
        blocks = [Heading(2, one), Bullets((one, f"{two} leads")), Table(one, frame)]
        blocks.append(Text(visible(two)))
        made = page(blocks, style, None)
        assert not unseen(made) - {"\n"}
        if style == "rst":
            return [kind for kind, _ in read_rst(made)]
        return [tag for tag, _ in Elements(to_html(made)).tags]

    plain = elements("plain", "names")

    @examples(40)
    @given(texts, texts)
    def check(one, two):
        assert elements(f"a{one}", two.strip() or "b") == plain

    check()


@pytest.mark.parametrize("style", PAGE_FORMATS)
def test_the_authors_words_are_found_beside_it(style):
    """A name that looks like their marks is none, wherever it stands."""

    @everywhere
    def check(text):
        frame = pd.DataFrame([[visible(text)]], ["a"], ["b"])
        blocks = [Heading(1, text), Words("overview"), Text(text), Bullets((text,)),
                  Table(text, frame), Code(f"a {visible(text)}"),
                  Words("going on")]  # fmt: skip
        made = page(blocks, style, None, {"overview": "", "going on": "Mine."})
        assert authors_words(made, style) == {"overview": "", "going on": "Mine."}

    check()


@everywhere
def test_names_of_files(text):
    name = file_name(text)
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', name) and not name.endswith((".", " "))
    assert len(name.encode()) <= LONGEST_NAME
    assert name.partition(".")[0].upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}


def test_long_names_of_files_stay_apart():
    names = [f"{'é' * 300}{i}" for i in range(50)]
    short = {fitted(name) for name in names}
    assert len(short) == 50 and all(len(name.encode()) <= LONGEST_NAME for name in short)
    assert fitted("a" * LONGEST_NAME) == "a" * LONGEST_NAME


@pytest.mark.parametrize("prefix", ["../x", "/x", "a/b", "C:x", "..\\x", "a\nb", "a\x00", "\udcff"])
def test_a_prefix_that_leads_elsewhere_is_refused(prefix, tmp_path):
    with pytest.raises(TmnetError, match=r"prefix .* cannot begin the name of a file"):
        check_prefix(prefix)
