"""The page of the published study: what it says, shows and counts."""

import base64
import io
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tmnet.report.report import PROMPTS

from .pages import (
    LABELS,
    PREFIX,
    RUNS,
    STYLES,
    sections,
    table,
    tables_of,
    text_of,
)
from .test_page import Elements, read, read_tex

HOCK = {
    label.replace("A01", "Hock"): name.replace("A01", "Hock")
    for label, name in LABELS.items() if "explo" in label
}  # fmt: skip


def test_three_parsers_find_the_same_in_the_three_formats(published, pages):
    """reStructuredText through docutils, without a warning."""
    files = {}
    for style, found in {**pages, "rst": read("rst", text_of(published / "page.rst"))}.items():
        files[style] = [(kind, text if kind != "source" else "") for kind, text in found]
    assert files["rst"] == files["md"]
    assert files["html"] == files["md"]


def test_a_place_for_the_authors_words_in_each_section(pages):
    parts = sections(pages["md"])
    for key, section in [("overview", ""), ("key findings", "Key findings"),
                         ("going on", "Going on"), ("hardware", "Hardware and software"),
                         ("conclusions", "Conclusions"),
                         ("recommendations", "Recommendations")]:  # fmt: skip
        assert parts[section][-1] == ("text", PROMPTS[key])


def races_until(run, at, by="minutes", kind="eval"):
    races = run.races
    return races[(races["map"] == "A01") & (races["kind"] == kind) & (races[by] <= at)]


def test_values_at_the_end_are_what_pandas_computes(pages, runs):
    shown = table(pages["md"], "Values at 120 min", 5)
    assert list(shown.columns) == RUNS
    base = "A01_as20_long"

    def of(run, kind, statistic):
        races = races_until(run, 120, kind=kind)
        finished = races.loc[races["finished"], "time_s"]
        return {
            "best time (s)": finished.min(),
            "mean time of finished races (s)": finished.mean(),
            "std of finished times (s)": finished.std(ddof=0),
            "mean time, cut-off races included (s)": races["time_s"].mean(),
            "finish rate (%)": 100 * races["finished"].mean(),
            "first finish (min)": races.loc[races["finished"], "minutes"].min(),
            "races": len(races),
        }[statistic]

    checked = 0
    for label in shown.index:
        if not label.startswith("A01 e"):
            continue
        kind, statistic = re.fullmatch(r"A01 (\w+): (.*?)(?:, since the start)?", label).groups()
        for name in RUNS:
            value, against = (of(runs[x], kind, statistic) for x in (name, base))
            text, *behind = re.fullmatch(r"(\S+)(?: \((.*)\))?", shown.at[label, name]).groups()
            digits = len(text.partition(".")[2])
            assert digits == {"races": 0}.get(
                statistic, 1 if "e (%" in label or "min" in label else 2
            )
            assert float(text) == pytest.approx(value, abs=0.5001 * 10**-digits)
            if name == base:
                assert behind == [None]
            else:
                gap = float(behind[0].replace("−", "-").replace("±", ""))
                assert gap == pytest.approx(value - against, abs=0.5001 * 10**-digits)
            checked += 1
    assert checked == 2 * 7 * 4
    for name, run in runs.items():
        loss = run.scalars[(run.scalars["tag"] == "loss") & (run.scalars["minutes"] <= 120)]
        assert float(shown.at["loss", name].split()[0]) == pytest.approx(
            loss["value"].iloc[-1], abs=0.005
        )


@pytest.mark.parametrize(
    "section, by, every, points",
    [("By training time", "minutes", 5, 24), ("By step", "step", 250_000, 19)],
)
def test_tables_of_metrics_are_what_pandas_computes(pages, runs, section, by, every, points):
    part = sections(pages["md"])[section]
    best = table(part, f"A01 eval: best time (s), since the start, {section.lower()}", 5)
    rate = table(part, f"A01 eval: finish rate (%), since the start, {section.lower()}", 5)
    assert len(best) == len(rate) == points
    for i, at in enumerate(best.index, start=1):
        assert float(at.replace(",", "")) == i * every
        found = {name: races_until(run, i * every, by) for name, run in runs.items()}
        bests = {name: x.loc[x["finished"], "time_s"].min() for name, x in found.items()}
        for name, races in found.items():
            text = best.at[at, name].rstrip("*")
            assert text == ("–" if np.isnan(bests[name]) else f"{bests[name]:.2f}")
            text = rate.at[at, name].rstrip("*")
            if len(races):
                assert text == f"{100 * races['finished'].mean():.1f} ({len(races)})"
            else:
                assert text in ("–", "– (0)")
        marked = {name for name in RUNS if best.at[at, name].endswith("*")}
        if marked:
            leader = min(f"{value:.2f}" for value in bests.values() if not np.isnan(value))
            assert {best.at[at, name] for name in marked} == {f"{leader}*"}


def test_the_table_of_runs(pages, runs):
    shown = table(pages["md"], "Runs", 8)
    assert list(shown.index) == RUNS
    for name, run in runs.items():
        row = shown.loc[name]
        assert row["log directories"].split(", ") == run.pieces
        assert row["active min"] == f"{run.scalars['minutes'].max():,.1f}"
        assert row["steps"] == f"{run.scalars['step'].max():,}"
        assert row["races"] == f"{len(run.races):,}"
    assert shown["wall min"].tolist() == shown["active min"].tolist()  # one process each


def test_the_configurations_that_differ(pages, runs):
    shown = table(pages["md"], "Where the configurations differ", 5)
    networks = {name: run.config["neural_network"] for name, run in runs.items()}
    differing = {f"neural_network.{key}" for key in networks[RUNS[0]]
                 if len({repr(some[key]) for some in networks.values()}) > 1}  # fmt: skip
    assert {name for name in shown.index if name.startswith("neural_network.")} == differing
    for name in differing:
        assert shown.loc[name].tolist() == [
            str(some[name.partition(".")[2]]) for some in networks.values()
        ]
    assert shown.loc["initial_checkpoint"].tolist() == ["–", "–", "–", "uni_20"]


def test_figures_are_named_as_on_the_reference_page(published):
    shown = {path.name for path in published.glob("*.jpg")}
    names = {f"{PREFIX}_{name}{suffix}.jpg" for name in (LABELS | HOCK).values()
             for suffix in ("", "_by_step")}  # fmt: skip
    assert shown == names
    for path in published.glob("*.jpg"):
        with Image.open(path) as image:
            image.load()
            assert image.format == "JPEG" and image.width > 1000
    contents = [path.read_bytes() for path in published.glob("*.jpg")]
    assert len({*contents}) == len(contents)


@pytest.mark.parametrize("style", STYLES)
def test_a_figure_stands_under_the_metric_that_it_shows(published, pages, style):
    found = read(style, text_of(published / "page.rst")) if style == "rst" else pages[style]
    heading, seen = "", 0
    for i, (kind, text) in enumerate(found):
        heading = text if kind == "heading" else heading
        if kind != "alt":
            continue
        label, _, by = heading.rpartition(", by ")
        suffix, axis = {"training time": ("", "active training time (min)"),
                        "step": ("_by_step", "steps (frames played)")}[by]  # fmt: skip
        file = f"{PREFIX}_{(LABELS | HOCK)[label]}{suffix}.jpg"
        assert text == f"{label} by {axis}: {', '.join(RUNS)}"
        source, caption = found[i + 1 : i + 3]
        if style == "html":
            head, _, data = source[1].partition(",")
            assert head == "data:image/jpeg;base64"
            assert base64.b64decode(data, validate=True) == (published / file).read_bytes()
        else:
            assert source == ("source", file) and (published / file).is_file()
        assert caption[0] == "caption" and caption[1].endswith(f", by {axis}.")
        assert caption[1].split(" (")[0].replace(": ", " ").startswith(label.split(",")[0])
        assert found[i + 3][0] == "title"  # of its table
        seen += 1
    assert seen == 2 * len(LABELS | HOCK)


def test_the_html_is_one_file_that_needs_no_other(published):
    text = text_of(published / "page.html")
    page = Elements(text)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert not re.search(r"https?:|url\(|@import|//", re.sub(r"base64,[\w+/=]+", "", text))
    names = {name for _, attributes in page.tags for name in attributes}
    assert names <= {"lang", "charset", "style", "alt", "src", "open", "class"}
    sources = [attributes["src"] for _, attributes in page.tags if "src" in attributes]
    assert len(sources) == len({*sources}) == 2 * len(LABELS | HOCK)
    for source in sources[::6]:
        with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as image:
            image.load()
            assert image.format == "JPEG"


@pytest.mark.parametrize("name", ["findings", "table", "table_by_step"])
def test_tables_as_latex_hold_what_the_page_has(published, pages, name):
    text = text_of(published / f"{PREFIX}_{name}.tex")
    begun = re.findall(r"\\(begin|end)\{(\w+)\}", text)
    assert begun == [("begin", "tabular"), ("end", "tabular")] * (len(begun) // 2)
    titles, tables = read_tex(text)
    assert len(titles) == len(tables) == len(begun) // 2 > 10
    shown = [(title, [cell for row in rows for cell in row]) for title, rows in zip(titles, tables)]
    on_page = tables_of(pages["md"])
    if name == "findings":
        assert shown == on_page
    else:
        section = "By step" if "step" in name else "By training time"
        by_title = dict(tables_of(sections(pages["md"])[section]))
        for title in (
            "A01 eval: best time (s), since the start",
            "A01 eval: finish rate (%), since the start",
            "loss",
        ):
            assert dict(shown)[title] == by_title[f"{title}, {section.lower()}"]


def test_tables_as_latex_go_through_tex(published, tmp_path):
    tex = shutil.which("pdflatex") or shutil.which("lualatex") or shutil.which("tectonic")
    if tex is None:
        pytest.skip("no TeX is installed")
    body = text_of(published / f"{PREFIX}_findings.tex")
    head = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n\\tiny\n"
    (tmp_path / "a.tex").write_text(f"{head}{body}\\end{{document}}\n", encoding="utf-8")
    options = [] if "tectonic" in tex else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run([tex, *options, "a.tex"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "a.pdf").stat().st_size > 1000


def test_tables_as_csv_are_the_comparison(published, runs):
    frame = pd.read_csv(published / f"{PREFIX}_table.csv")
    best = frame[(frame["metric"] == "A01/eval/best") & (frame["at"] == 120)]
    assert dict(zip(best["run"], best["value"])) == {
        name: races_until(run, 120).query("finished")["time_s"].min() for name, run in runs.items()
    }


def test_tables_as_csv_have_all_metrics(published):
    frame = pd.read_csv(published / f"{PREFIX}_table.csv")
    assert {"A01/eval/races", "A01/eval/first_finish"} <= {*frame["metric"]}


@pytest.mark.parametrize("style", ["md", "rst"])
def test_numbers_are_easy_to_read_in_the_source(published, style):
    """For whoever edits the page as text."""
    assert not re.search(r"\\[\d.,]|[\d.,]\\(?!\*)", text_of(published / f"page.{style}"))


def test_it_says_that_these_runs_are_a_reconstruction(pages):
    """As their logs do, in a text under the tag `about`."""
    (part,) = [text for kind, text in sections(pages["md"])["Hardware and software"]
               if kind in ("text", "cell") and "not a recording" in text][:1] or [""]  # fmt: skip
    assert "reconstructed from figures published about this run" in part
