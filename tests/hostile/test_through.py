"""Logs with such texts, through all that tmnet makes of them: nothing ends, nothing is taken for
more than text."""

import csv
import html
import io
import json
import os
import re
import warnings
from html.parser import HTMLParser

import mistune
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import tmnet
from tmnet.files import plain_name
from tmnet.report.report import report
from tmnet.report.study import Study
from tmnet.widgets.explorer.explorer import Explorer
from tmnet.widgets.write_up import WriteUp

from ..report.reading import read_rst
from ..synthetic import race, write_file
from .texts import any_texts, examples, pieces, read_back, texts, unseen

# What pages and widgets of ours are made of.
TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "h4", "p", "ul", "li",
    "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "div", "figure", "img",
    "figcaption", "caption", "nav", "a", "blockquote",
    "pre", "code", "strong", "em", "span", "small", "b", "br", "svg", "line",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "style", "class", "open", "alt", "src", "title", "role", "width", "height",
    "id", "href",
    "aria-hidden", "x1", "y1", "x2", "y2", "stroke", "stroke-width", "stroke-dasharray",
}  # fmt: skip


class Markup(HTMLParser):
    """Asserts that a page or a part of one has nothing in it but what is ours."""

    def __init__(self, page, source="data:image/png;base64,"):
        super().__init__()
        self.source = source
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in ATTRIBUTES, name
            assert name != "src" or value.startswith(self.source), value
            assert name != "href" or re.match(r"#|report_appendix\.md#", value), value
            assert name != "style" or not re.search(r"url|expression|@", value), value

    def handle_comment(self, data):
        assert re.fullmatch(r" (author's words: [a-z ]+|end of the author's words) ", data), data

    def handle_decl(self, decl):
        assert decl == "doctype html"

    def handle_pi(self, data):
        raise AssertionError(data)

    unknown_decl = handle_pi


def folder_name(text):
    """What of a text a folder may be called on this system, at least here."""
    name = os.fsdecode(os.fsencode(re.sub(r"[/\0\ud800]", "", text))[:120])
    return name if name.strip(".") else f"{name}x"


names = (pieces | any_texts).map(folder_name)
tags = st.one_of(
    pieces, texts, pieces.map("cumul_{}".format), pieces.map("{}/eval/best".format),
    st.sampled_from(["loss", "", " ", "a" * 3000, "b\n" * 500]),
)  # fmt: skip
configs = st.one_of(
    texts,
    st.dictionaries(texts, texts | st.integers(), max_size=3).map(json.dumps),
    texts.map(lambda text: f"|k|v|\n|-|-|\n|a|{text}|\n|{text}|1|"),
    texts.map(lambda text: f"neural_network: [{text}]\ntraining: {text}"),
)


@st.composite
def logs(draw):
    """Names of two runs, tags of scalars, a map, and texts by tag for each run."""
    return {
        "runs": draw(st.lists(names, min_size=2, max_size=2, unique_by=str.casefold)),
        "tags": draw(st.lists(tags, min_size=1, max_size=2, unique=True)),
        "map": draw(pieces | texts),
        "texts": [{"config": draw(configs), "about": draw(configs)} for _ in range(2)],
    }


def race_on(map_, time_s, finished):
    """As `race`, on a map of any name."""
    return {tag.replace("A01", map_): value for tag, value in race(time_s, finished).items()}


def write(folder, log):
    """Write a log; two runs that race, and log a scalar of each tag, once a minute."""
    for i, name in enumerate(log["runs"]):
        values = dict.fromkeys(log["tags"], 1.0 + i)
        records = [
            (60 * k, 1000 * k, driven | {tag: k * value for tag, value in values.items()})
            for k in range(1, 5)
            for driven in [race_on(log["map"], 20.0 + i, k != 2)]
        ]
        try:
            write_file(folder / name, records, pid=i, start=5 * i, texts=log["texts"][i])
        except OSError:  # this system has no such name
            assume(False)
    return [plain_name(name) for name in log["runs"]]


def assert_seen(text):
    assert not unseen(text) - {"\n"}, unseen(text)


WORST = {
    "runs": [
        "=1+1\x1b[31m|`</pre><script>alert(1)</script>$x^2$\u202e", "_'\"><img src=x onerror=a>"
    ],
    "tags": ["\\(<b>`|$_{\n\x1b]0;x\x07} .. author's words: overview", ""],
    "map": "<svg/onload=a>**$\\frac{a}$|",
    "texts": [
        {"config": "neural_network: [1]\ntraining: true\nmap_cycle: 5\n</td><script>: '=1|`$'",
         "about": '{"<img src=x>": "<b>", "\\ud800": [[{"a": "\\u001b"}]], "x": {"y": 1e999}}'},
        {"config": "neural_network: {iqn_n: auto}\ntraining: {batch_size: x}", "about": "\x00"},
    ],
}  # fmt: skip


def checked(tmp_path_factory, few=1):
    """Try a test of (folder, names of runs, folder for what is made)."""

    def decorate(test):
        @examples(few)
        @given(logs())
        @example(WORST)
        def tried(log):
            folder = tmp_path_factory.mktemp("logs")
            runs = write(folder, log)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", tmnet.LogWarning)
                test(folder, runs, tmp_path_factory.mktemp("made"))

        tried()

    return decorate


def test_list_and_compare(command, tmp_path_factory):
    @checked(tmp_path_factory)
    def _(folder, runs, made):
        status, out, err = command("list", "--logdir", folder)
        assert status == 0 and "Traceback" not in err, err
        assert_seen(out + err)
        assert len(out.rstrip("\n").split("\n")) in (3, 4)  # one may go on with the other
        options = ["--interval", 1, "--step-interval", 1000, "--all-scalars", "--no-cache"]
        files = ["--csv", made / "all.csv", "--json", made / "all.json"]
        figures = ["--plot", "--output-dir", made, "--formats", "svg,csv,md,tex"]
        status, out, err = command(
            "compare", "--logdir", folder, *options, *files, *figures, "--", *runs
        )
        assert status == 0 and "Traceback" not in err, err
        assert_seen(out + err)
        with open(made / "all.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        assert {read_back(row[0].removeprefix("'")) for row in rows[1:]} == {*map(read_back, runs)}
        assert all(len(row) == 5 and not row[0].startswith(tuple("=+-@")) for row in rows)
        assert {row["run"] for row in json.loads((made / "all.json").read_text())} == {*runs}
        for file in made.glob("*.md"):
            to_html = mistune.create_markdown(escape=False, plugins=["table"])
            Markup(to_html(file.read_text(encoding="utf-8")))


def test_findings_and_figures(tmp_path_factory):
    @checked(tmp_path_factory)
    def _(folder, runs, made):
        loaded = [tmnet.load_run(name, folder, cache=False) for name in runs]
        comparison = tmnet.compare(loaded, interval=1)
        found = comparison.findings()
        assert found and all(name in "".join(x.sentence for x in found) for name in runs)
        for arms in (loaded, {runs[0]: loaded[:1], "_": loaded[1:]}):
            shown = tmnet.compare(arms, interval=1)
            figure = shown.plot_grid()
            for form in ("png", "svg", "pdf"):
                figure.savefig(io.BytesIO(), format=form)


def test_report(tmp_path_factory):
    @checked(tmp_path_factory)
    def _(folder, runs, made):
        study = Study(title="A title", question="", runs=runs, interval=1, step_interval=1000)
        commands = [f"tmnet compare {' '.join(runs)}"]
        files = report(study, logdir=folder, directory=made, styles=["html", "md", "rst"],
                           formats=["png", "tex"], commands=commands, cache=False)  # fmt: skip
        page, markdown, rst = (file.read_text(encoding="utf-8") for file in files[:3])
        tex = next(file for file in files if file.suffix == ".tex").read_text(encoding="utf-8")
        for text in (page, markdown, rst, tex):
            assert_seen(text)
        Markup(page)
        to_html = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])
        Markup(to_html(markdown), source="comparison_")
        assert ("heading", "A title") in read_rst(rst)
        assert tex.count("{") - tex.count(r"\{") == tex.count("}") - tex.count(r"\}")


def states(widget):
    """Every text in the state of a widget, and of those in it: (widget, trait, text)."""
    for name, value in widget.get_state().items():
        values = [value] if isinstance(value, str) else value
        if name != "placeholder" and isinstance(values, list | tuple):  # its default is U+200B
            yield from ((widget, name, text) for text in values if isinstance(text, str))
    for child in getattr(widget, "children", ()):
        yield from states(child)


def assert_shows_text(widget):
    for shown, trait, text in states(widget):
        json.dumps(text, ensure_ascii=False).encode()
        if (shown.description if hasattr(shown, "description") else "") and trait == "description":
            assert "$" not in text and r"\(" not in text and r"\[" not in text
        assert_seen(text)
        if type(shown).__name__ == "HTML" and trait == "value":
            Markup(text)


def test_explorer(tmp_path_factory):
    @checked(tmp_path_factory)
    def _(folder, runs, made):
        explorer = Explorer(folder, interval=1, arms=False)
        tags = explorer._metrics._tags
        explorer.controls.filter.value = "".join(tags)[:3]
        for box in explorer._metrics.boxes.values():
            box.value = True
        for number in range(5):
            explorer.display.tabs.selected_index = number
            assert explorer.display.message.value == ""
        assert_shows_text(explorer)
        space = {}
        exec(explorer.code, space)
        assert [run.name for run in space["comparison"].runs] == [
            run.name for run in explorer.comparison.runs
        ]
        explorer.close()


def test_write_up(tmp_path_factory):
    @checked(tmp_path_factory)
    def _(folder, runs, made):
        widget = WriteUp(folder)
        widget.folder.value = str(made)
        widget.make.click()
        assert widget.message.value == ""
        page = re.search(r'srcdoc="([^"]*)"', widget.page.value)
        Markup(html.unescape(page[1]))
        widget.page.value = ""
        assert_shows_text(widget)


@pytest.mark.skipif(os.name == "nt", reason="names are UTF-16 on Windows")
def test_a_folder_whose_name_is_no_utf_8(command, tmp_path):
    """It is called as `list` shows it, and found by that name or by its own."""
    name = os.fsdecode(b"l\xe4ufe\xff")
    try:
        write(tmp_path, WORST | {"runs": [name, "b"]})
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    shown = r"l\udce4ufe\udcff"
    runs = [tmnet.load_run(x, tmp_path, cache=False) for x in (name, shown)]
    assert [run.name for run in runs] == [shown, shown] and runs[0].pieces == [shown]
    assert list(tmnet.list_runs(tmp_path, cache=False)["run"]) == ["b", shown]
    assert len(runs[0].processes) == 1
    for argument in (name, shown):
        folder = tmp_path / "made"
        made = ["--output-dir", folder, "--formats", "svg"]
        status, out, err = command("report", "--runs", argument, "--logdir", tmp_path, *made)
        assert status == 0 and not unseen(out + err) - {"\n"}
    status, out, err = command("list", "--logdir", tmp_path)
    assert shown in out and read_back(shown) == name
