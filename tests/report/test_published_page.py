"""The page of the published study: what it says, shows and counts."""

import base64
import io
import re
import shutil
import subprocess
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from .pages import (
    LABELS,
    PREFIX,
    RUNS,
    SECTIONS,
    SHORT,
    numbers,
    rows_of,
    said_twice,
    sections,
    sentences_of,
    table,
    tables_of,
    text_of,
)
from .reading import Elements, read, read_tex

HOCK = {
    label.replace("A01", "Hock"): name.replace("A01", "Hock")
    for label, name in LABELS.items() if "explo" in label
}  # fmt: skip
LATE = {"A01 eval late finish rate": "A01_late_rate",
        "A01 eval late best of 10 races": "A01_late_best_of_10"}  # fmt: skip
PANELS = [f"{PREFIX}{closer}_A01_late_rate_by_time_and_step" for closer in ("", "_closer")]
FIRST = "At 120 min: A01 eval races; late: last 42.4 min"
MOST_WORDS = 1500


class Shown(Elements):
    """The words of a page that are seen before anything is unfolded, and its sentences."""

    def __init__(self, page):
        self.folded, self.heads, self.words, self.texts = 0, 0, [], []
        super().__init__(page)

    def handle_starttag(self, tag, attrs):
        super().handle_starttag(tag, attrs)
        self.folded += tag == "details"
        self.heads += tag in ("style", "title", "summary")
        if tag == "summary":
            self.folded -= 1

    def handle_endtag(self, tag):
        super().handle_endtag(tag)
        self.folded -= tag == "details"
        self.heads -= tag in ("style", "title", "summary")
        if tag == "summary":
            self.folded += 1

    def handle_data(self, data):
        super().handle_data(data)
        if not self.folded and "style" not in self.lasttag and self.lasttag != "title":
            self.words += data.split()


def finished_late(run, until, length):
    """Eval races of A01 in the last minutes up to some."""
    races = run.races
    late = races[(races["map"] == "A01") & (races["kind"] == "eval")]
    return late[(late["minutes"] > until - length + 1e-6) & (late["minutes"] <= until)]


def late_length(runs, until):
    """Minutes that hold the last 50 eval races of the run that raced least: from behind the one
    before them on."""
    every = [finished_late(run, until, 1e9)["minutes"].to_numpy() for run in runs.values()]
    return max(until - minutes[-51] for minutes in every)


def best_of(races, k=10):
    """The mean of the best of k of the finished races, over all ways to choose these: by hand, as
    each time is the best where it is drawn and the others are behind it."""
    times = np.sort(races.loc[races["finished"], "time_s"].to_numpy())
    n, left, chance, total = len(times), 1.0, 0.0, 0.0
    for i, time in enumerate(times):
        chance = left * k / (n - i) if n - i > k else left
        total, left = total + chance * time, left - chance
    return total


# --- the first screen ---------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["page", "html"])
def test_the_first_screen_has_question_answer_caution_figure_and_table(pages, style):
    first = sections(pages[style])[""]
    kinds = [kind for kind, _ in first if kind not in ("cell", "alt", "source", "item")]
    answers = {"page": "title", "html": "answer"}[style]
    assert kinds[:2] == ["heading", "text"] and 1 <= kinds.count(answers) - (style == "page") <= 3
    assert kinds[-3:] == ["caution", "caption", "title"] and "item" not in kinds[:-1]
    assert first[0][1] == "Network size and long training, as published"
    assert first[1][1].startswith("A small network needs about 3 h and")
    (caution,) = [text for kind, text in first if kind == "caution"]
    assert caution.startswith("One seed each")


def test_the_answer_is_made_of_claims_of_what_is_not_resolved_and_of_what_it_took(pages, runs):
    answers = [text for kind, text in sections(pages["html"])[""] if kind == "answer"]
    assert ["is not resolved" in text for text in answers] == [True, True, False]
    assert answers[0].startswith("Whether big is better than small at 120 min is not resolved")
    assert "+26.2 points (95 % CI +5.0 to +47.4" in answers[0]
    assert answers[1].startswith("Whether big is better than small at 495 min is not resolved")
    took = []
    for name in ("big", "small"):
        every = finished_late(runs[name], 120, 1e9)
        first = every[every["finished"]].iloc[0]
        took.append((first["minutes"], first["step"] - runs[name].scalars["step"].min()))
    minutes, steps = np.divide(*took)
    assert answers[2].startswith(
        f"A01 eval first finish: big takes {minutes:.2f} times the minutes, {steps:.2f} times the "
    )
    assert answers[2].endswith(" times the PFLOP of small (one run each).")


def test_the_first_table_is_what_pandas_computes(pages, runs):
    shown = table(pages["md"], FIRST, 12)
    assert shown.index.tolist() == SHORT
    for name, run in runs.items():
        cells = shown.loc[name].tolist()
        late = finished_late(run, 120, late_length(runs, 120))
        value, low, high = map(float, re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", cells[0]).groups())
        assert value == pytest.approx(100 * late["finished"].mean(), abs=0.0501)
        assert 0 <= low <= value <= high <= 100 and cells[1] == str(len(late))
        value, low, high = map(float, re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", cells[2]).groups())
        assert value == pytest.approx(best_of(late), abs=0.00501) and low <= value <= high
        assert cells[3] == str(late["finished"].sum())
        every = finished_late(run, 120, 1e9)
        done = every[every["finished"]]
        assert float(cells[4]) == pytest.approx(done["minutes"].min(), abs=0.0501)
        assert cells[5] == f"{done['time_s'].min():.2f} ({len(every)})"
        assert cells[7] == "120.0"
    assert shown.iloc[:, -1].tolist() == [
        "not resolved", "baseline", "not resolved", "not compared"
    ]  # fmt: skip


# --- what holds of all of it --------------------------------------------------------------------


@pytest.mark.parametrize("style", ["page", "html"])
def test_it_has_all_sections_once_and_in_order(pages, style):
    headings = [text for kind, text in pages[style] if kind == "heading"]
    assert [text for text in headings if text in SECTIONS] == SECTIONS
    assert len(headings) == len({*headings})


def test_it_has_few_words(published):
    words = Shown(text_of(published / "page.html")).words
    assert 500 < len(words) <= MOST_WORDS


def test_no_sentence_stands_twice(pages):
    for style in ("md", "html"):
        assert len(sentences_of(pages[style])) > 20 and not said_twice(pages[style])


@pytest.mark.parametrize("style", ["md", "html"])
def test_every_number_of_a_sentence_is_in_a_table(pages, style):
    found = pages[style]
    told = {x for kind, text in found if kind in ("cell", "title") and not text.endswith(".")
            for x in numbers(text)}  # fmt: skip
    parts = sections(found)
    spoken = {}
    for name in ("", *SECTIONS[:5]):
        texts = [text for kind, text in parts[name][2 * (name == "") :]
                 if kind in ("text", "item", "answer", "caution")
                 or (kind == "title" and text.endswith("."))]  # fmt: skip
        spoken |= {x: text for text in texts for x in numbers(text)}
    assert len(spoken) > 25
    assert not {x: text for x, text in spoken.items() if x not in told}


def test_three_parsers_find_the_same_in_the_three_formats(published, pages):
    """reStructuredText through docutils, without a warning."""
    for part in ("page", "appendix"):
        name = {"page": "page.rst", "appendix": "page_appendix.rst"}[part]
        files = {"rst": read("rst", text_of(published / name)), "md": pages[part]}
        same = {
            style: Counter(
                (kind, text)
                for kind, text in found
                if kind in ("heading", "cell", "alt", "caption")
            )
            for style, found in files.items()
        }
        assert same["rst"] == same["md"]
    of_html = Counter(text for kind, text in pages["html"] if kind == "cell")
    assert of_html == Counter(text for kind, text in pages["md"] if kind == "cell")


def test_places_for_the_authors_words_are_there_and_not_seen(published, pages):
    text = text_of(published / "page.html")
    keys = ["overview", "key findings", "going on", "hardware", "conclusions", "recommendations"]
    assert re.findall(r"<!-- author's words: (.*) -->", text) == keys
    assert not [x for x in pages["html"] if "words" in x[1] or (x[1] in ("Conclusions", "")
                and x[0] == "heading")]  # fmt: skip


# --- what is found ------------------------------------------------------------------------------


def test_contrasts_are_at_equal_time_steps_and_arithmetic(pages, runs):
    (title,) = [
        name
        for name, _ in tables_of(pages["md"])
        if name.startswith("Against") and "16 questions" in name
    ]
    _, *rows = rows_of(pages["md"], title, 12)
    assert [row[0] for row in rows if row[0]] == ["120 min", "4,900,000 steps", "14.4 PFLOP"]
    assert len(rows) == 3 * 2 * 2 and [row[3] for row in rows] == ["big", "two maps"] * 6
    late = {
        name: finished_late(run, 120, late_length(runs, 120))["finished"]
        for name, run in runs.items()
    }
    for row in rows[:2]:
        one, other = (100 * late[name].mean() for name in (row[3], "small"))
        assert float(row[4]) == pytest.approx(one, abs=0.0501)
        assert float(row[5]) == pytest.approx(other, abs=0.0501)
        gap = float(row[6].replace("−", "-"))
        assert gap == pytest.approx(one - other, abs=0.0501)
        low, high = (float(x.replace("−", "-")) for x in row[7].split(" to "))
        assert low < gap < high and row[8] == f"{len(late[row[3]])}, {len(late['small'])}"
        assert float(row[9]) <= float(row[10]) and row[11] == "no"


def test_how_fast_they_got_there(pages, runs):
    told = "Up to 120 min; levels: held to the end; ×: times what small took"
    _, *rows = rows_of(pages["md"], told, 8)
    assert [row[1] for row in rows] == SHORT * 3
    firsts = {}
    for name, row in zip(SHORT, rows):
        every = finished_late(runs[name], 120, 1e9)
        first = every[every["finished"]].iloc[0]
        firsts[name] = first["minutes"]
        assert float(row[2]) == pytest.approx(first["minutes"], abs=0.0501)
    for name, row in zip(SHORT, rows):
        expected = "" if name in ("small", "two maps long") else firsts[name] / firsts["small"]
        assert row[5] == expected if expected == "" else (
            float(row[5]) == pytest.approx(expected, rel=0.005))  # fmt: skip


def test_those_that_are_looked_at_closer_have_a_window_of_their_own(pages, runs):
    part = sections(pages["html"])["big and small alone, up to 495 min"]
    kinds = [kind for kind, _ in part if kind != "cell"]
    assert kinds[:5] == ["heading", "answer", "alt", "source", "caption"]
    names = [name for name, _ in tables_of(part)]
    assert names[0].startswith("At 495 min") and names[-1].startswith("After 120 min")
    shown = table(part, names[-1], 12)
    late = [finished_late(runs["big"], at, 49.5)["finished"].mean() for at in (120, 495)]
    assert [float(x) for x in shown.iloc[0, 1:3]] == pytest.approx(
        [100 * x for x in late], abs=0.0501
    )
    assert shown["worth it"].tolist().count("was worth it") == 0


def test_what_was_said_before_is_judged_at_its_own_moment(pages):
    """Not at that of the page."""
    _, *rows = rows_of(pages["md"], "Claims that these runs do not hold", 4)
    windows = {at.split(", ")[-1]: re.findall("last (.*) min", short) for _, _, at, short in rows}
    assert windows["120 min"] == ["42.4"] and windows["490 min"] == ["49"]
    _, *rows = rows_of(pages["md"], "What was said", 6)
    assert all(row[1].endswith(" min") for row in rows if "first finish" not in row[0])
    judged = [row for row in rows if row[1].endswith("490 min") and row[4]]
    assert judged and all("last 49 min" in row[5] or "plateau" in row[5] for row in judged)


def test_values_at_the_end_are_what_pandas_computes(pages, runs):
    (name,) = [name for name, _ in tables_of(pages["md"]) if name.startswith("Values at 120 min")]
    shown = table(pages["md"], name, 5)
    assert list(shown.columns) == SHORT

    def of(run, kind, statistic):
        races = run.races
        races = races[(races["map"] == "A01") & (races["kind"] == kind)]
        races = races[races["minutes"] <= 120]
        finished = races.loc[races["finished"], "time_s"]
        return {
            "best time (s)": finished.min(),
            "mean time of finished races (s)": finished.mean(),
            "std of finished times (s)": finished.std(ddof=0),
            "mean time, cut-off races included (s)": races["time_s"].mean(),
            "finish rate (%)": 100 * races["finished"].mean(),
            "first finish (min)": races.loc[races["finished"], "minutes"].min(),
            "races": len(races),
        }.get(statistic)

    checked = 0
    for label in shown.index:
        told = re.fullmatch(r"A01 (\w+): (.*?)(?:, since the start)?", label)
        if not told or of(runs["small"], *told.groups()) is None:
            continue
        for name in SHORT:
            value, against = (of(runs[x], *told.groups()) for x in (name, "small"))
            text, *behind = re.fullmatch(r"(\S+)(?: \((.*)\))?", shown.at[label, name]).groups()
            near = 0.5001 * 10.0 ** -len(text.partition(".")[2])
            assert float(text) == pytest.approx(value, abs=near)
            if name == "small":
                assert behind == [None]
            else:
                gap = float(behind[0].replace("−", "-").replace("±", ""))
                assert gap == pytest.approx(value - against, abs=near)
            checked += 1
    assert checked == 2 * 7 * 4


@pytest.mark.parametrize(
    "section, by, every, points",
    [("by training time", "minutes", 5, 24), ("by step", "step", 250_000, 19)],
)
def test_tables_of_metrics_are_what_pandas_computes(pages, runs, section, by, every, points):
    best = table(pages["md"], f"A01 eval: best time (s), since the start, {section}", 5)
    rate = table(pages["md"], f"A01 eval: finish rate (%), since the start, {section}", 5)
    assert len(best) == len(rate) == points
    for i, at in enumerate(best.index, start=1):
        assert float(at.replace(",", "")) == i * every
        for name, run in runs.items():
            races = run.races
            races = races[(races["map"] == "A01") & (races["kind"] == "eval")]
            races = races[races[by] <= i * every]
            least = races.loc[races["finished"], "time_s"].min()
            assert best.at[at, name].rstrip("*") == ("–" if np.isnan(least) else f"{least:.2f}")
            if len(races):
                text = f"{100 * races['finished'].mean():.1f} ({len(races)})"
                assert rate.at[at, name].rstrip("*") == text


# --- the runs -----------------------------------------------------------------------------------


def test_the_table_of_runs(pages, runs):
    shown = table(pages["md"], "Runs", 6)
    assert list(shown.index) == SHORT
    for name, run in runs.items():
        row = shown.loc[name]
        assert row["log directories"].split(", ") == run.pieces
        assert row["active min"] == f"{run.scalars['minutes'].max():,.1f}"
        assert row["steps"] == f"{run.scalars['step'].max():,}"
        assert row["races"] == f"{len(run.races):,}"


def test_the_configurations_that_differ(pages, runs):
    shown = table(pages["md"], "Where the configurations differ", 5)
    networks = {name: run.config["neural_network"] for name, run in runs.items()}
    differing = {f"neural_network.{key}" for key in networks["big"]
                 if len({repr(some[key]) for some in networks.values()}) > 1}  # fmt: skip
    assert {name for name in shown.index if name.startswith("neural_network.")} == differing
    for name in differing:
        assert shown.loc[name].tolist() == [
            str(some[name.partition(".")[2]]) for some in networks.values()
        ]
    assert shown.loc["initial_checkpoint"].tolist() == ["–", "–", "–", "uni_20"]


def test_it_says_that_these_runs_are_a_reconstruction(pages):
    """As their logs do, in a text under the tag `about`."""
    told = [text for kind, text in pages["md"] if kind == "cell" and "not a recording" in text]
    assert told and "reconstructed from figures published about this run" in told[0]


# --- files --------------------------------------------------------------------------------------


def test_figures_are_named_as_on_the_reference_page(published):
    shown = {path.stem for path in published.glob("*.jpg")}
    every = {f"{PREFIX}_{name}{suffix}" for name in (LABELS | HOCK | LATE).values()
             for suffix in ("", "_by_step")}  # fmt: skip
    assert shown == every | {*PANELS}
    for path in published.glob("*.jpg"):
        with Image.open(path) as image:
            image.load()
            assert image.format == "JPEG" and image.width > 1000
    contents = [path.read_bytes() for path in published.glob("*.jpg")]
    assert len({*contents}) == len(contents)


def test_captions_for_print_say_how_many_and_how_sure(published):
    text = text_of(published / f"{PREFIX}_captions.md")
    told = dict(re.findall(r"\*\*(.*)\*\*: (.*)", text.replace("\\", "")))
    assert {*told} == {path.stem for path in published.glob("*.jpg")}
    assert "n = big 51, small 50, two maps 51, two maps long 51 races at 120 min" in told[PANELS[0]]
    assert "95 % CI of each run" in told[PANELS[0]]
    assert "by time up to 120 min and by step up to 4,750,000 steps" in told[PANELS[0]]
    assert "n = big 144, small 143" in told[f"{PREFIX}_A01_best"]
    assert all("One run each" in caption for caption in told.values())


@pytest.mark.parametrize("part", ["page", "appendix"])
def test_a_figure_stands_beside_what_it_shows(published, pages, part):
    found, seen, heading = pages[part], 0, ""
    for i, (kind, text) in enumerate(found):
        heading = text if kind == "heading" else heading
        if kind != "alt":
            continue
        source, caption = found[i + 1 : i + 3]
        assert source[0] == "source" and (published / source[1]).is_file()
        names = SHORT[:2] if "_closer_" in source[1] else SHORT
        assert caption[0] == "caption" and text.endswith(f": {', '.join(names)}")
        if part == "appendix":
            label, _, by = heading.rpartition(", by ")
            suffix = {"training time": "", "step": "_by_step"}[by]
            assert source[1] == f"{PREFIX}_{(LABELS | HOCK | LATE)[label]}{suffix}.jpg"
            assert found[i + 3][0] == "title"  # of its table
        seen += 1
    assert seen == {"page": 2, "appendix": 2 * len(LABELS | HOCK | LATE)}[part]


def test_the_html_is_one_file_that_needs_no_other(published):
    text = text_of(published / "page.html")
    page = Elements(text)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert not re.search(r"https?:|url\(|@import|//", re.sub(r"base64,[\w+/=]+", "", text))
    sources = [attributes["src"] for _, attributes in page.tags if "src" in attributes]
    assert len(sources) == len({*sources}) == 2 + 2 * len(LABELS | HOCK | LATE)
    files = {path.read_bytes() for path in published.glob("*.jpg")}
    assert {
        base64.b64decode(source.partition(",")[2], validate=True) for source in sources
    } == files
    for source in sources[::6]:
        with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as image:
            assert image.format == "JPEG" and source.startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("name", ["findings", "table", "table_by_step"])
def test_tables_as_latex_hold_what_the_page_has(published, pages, name):
    text = text_of(published / f"{PREFIX}_{name}.tex")
    titles, tables = read_tex(text)
    assert len(titles) == len(tables) == text.count(r"\label{") >= 8
    shown = dict(zip(titles, tables))
    assert all(max(map(len, rows)) < 14 and len(rows) <= 42 for rows in shown.values())
    on_page = dict(tables_of(pages["md"]))
    if name == "findings":
        assert {f"{FIRST} (1 of 2)", "Runs", "Where the configurations differ"} <= {*shown}
        for title, rows in shown.items():
            if " of 2)" not in title:
                assert [cell for row in rows for cell in row] == on_page[title]
    elif name == "table":
        title = "A01 eval: finish rate (%), since the start"
        cells = [cell for row in shown[title] for cell in row]
        assert cells == on_page[f"{title}, by training time"]


def test_tables_as_latex_go_through_tex(published, tmp_path):
    tex = shutil.which("pdflatex") or shutil.which("lualatex") or shutil.which("tectonic")
    if tex is None:
        pytest.skip("no TeX is installed")
    body = text_of(published / f"{PREFIX}_findings.tex")
    packages = r"\usepackage{booktabs}\usepackage{graphicx}"
    head = f"\\documentclass{{article}}\n{packages}\n\\begin{{document}}\n"
    (tmp_path / "a.tex").write_text(f"{head}{body}\\end{{document}}\n", encoding="utf-8")
    options = [] if "tectonic" in tex else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run([tex, *options, "a.tex"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "a.pdf").stat().st_size > 1000


def test_tables_as_csv_are_the_comparison(published, runs):
    frame = pd.read_csv(published / f"{PREFIX}_table.csv")
    best = frame[(frame["metric"] == "A01/eval/best") & (frame["at"] == 120)]
    least = {}
    for name, run in runs.items():
        every = finished_late(run, 120, 1e9)
        least[name] = every.loc[every["finished"], "time_s"].min()
    assert dict(zip(best["run"], best["value"])) == least
    assert {"A01/eval/races", "A01/eval/first_finish", "A01/eval/late_rate"} <= {*frame["metric"]}


@pytest.mark.parametrize("style", ["md", "rst"])
def test_numbers_are_easy_to_read_in_the_source(published, style):
    """For whoever edits the page as text."""
    assert not re.search(r"\\[\d.,]|[\d.,]\\(?!\*)", text_of(published / f"page.{style}"))


def test_the_appendix_is_found_from_the_page(published):
    links = re.findall(r"\]\((page_appendix\.md)#([\w-]+)\)", text_of(published / "page.md"))
    appendix = text_of(published / "page_appendix.md")
    heads = [re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")
             for text in re.findall(r"(?m)^## (.*)$", appendix)]  # fmt: skip
    assert len(links) > 4 and [anchor for _, anchor in links] == heads
    assert "`page_appendix.rst <page_appendix.rst>`__" in text_of(published / "page.rst")
    assert RUNS[0] in text_of(published / "page.md")  # beside its short name
