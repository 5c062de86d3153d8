"""Write-ups: what the page of a study says, shows and keeps; and the `tmnet report` command."""

import base64
import io
import re
import shlex
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import tmnet
from tmnet.cli import main
from tmnet.errors import TmnetError
from tmnet.files import data_path
from tmnet.report.report import PLACES, report
from tmnet.report.study import Study, load_study

from .synthetic import CUTOFF, load, race, write_file
from .test_page import Elements, between, edit, read, read_tex

LOGDIR = data_path("published", "runs")
RUNS = ["A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"]
PREFIX = "exp_network_size_big_long"
STYLES = ("md", "rst", "html")
SECTIONS = [
    "Key findings", "Going on", "Runs", "By training time", "By step", "Cost",
    "Configuration changes", "Hardware and software", "Conclusions", "Recommendations",
    "Making this page again",
]  # fmt: skip
OF_ARMS = "Performance profiles"  # which pages of runs have not
LABELS = {  # of figures, and how the reference page would name their files
    "A01 eval best time": "A01_best",
    "A01 eval mean time of finished races": "A01_mean",
    "A01 eval std of finished times": "A01_std",
    "A01 eval mean time, cut-off races included": "A01_mean_all",
    "A01 eval finish rate": "A01_finish_rate",
    "A01 explo best time": "A01_explo_best",
    "A01 explo mean time of finished races": "A01_explo_mean",
    "A01 explo std of finished times": "A01_explo_std",
    "A01 explo mean time, cut-off races included": "A01_explo_mean_all",
    "A01 explo finish rate": "A01_explo_finish_rate",
    "loss": "loss",
    "A01 average Q": "avg_q",
    "share of time spent training": "training_share",
}
HOCK = {
    label.replace("A01", "Hock"): name.replace("A01", "Hock")
    for label, name in LABELS.items() if "explo" in label
}  # fmt: skip


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Folder with the report of the published study, `page`, in all formats."""
    directory = tmp_path_factory.mktemp("published")
    files = report(
        load_study("network_size_published"), LOGDIR, directory, "page", STYLES,
        ("jpg", "tex", "csv"), ["tmnet report network_size_published"],
    )  # fmt: skip
    assert {*files} == {*directory.iterdir()} and len(files) == len({*files})
    return directory


@pytest.fixture(scope="module")
def pages(published):
    """What parsers find in the pages, by format."""
    return {style: read(style, text_of(published / f"page.{style}")) for style in ("md", "html")}


@pytest.fixture(scope="module")
def runs():
    return {name: tmnet.load_run(name, LOGDIR) for name in RUNS}


def text_of(path):
    return path.read_bytes().decode()


def sections(found):
    """Parts of a page, by the headings of its sections; what is before the first under ""."""
    parts, level = {"": []}, ""
    for kind, text in found:
        if kind == "heading" and text in [*SECTIONS, OF_ARMS]:
            level = text
            parts[level] = []
        parts[level].append((kind, text))
    return parts


def tables_of(found):
    """Tables by title: lists of cells, in order of rows; titles may come twice."""
    tables = []
    for kind, text in found:
        if kind == "title":
            tables.append((text, []))
        elif kind == "cell":
            tables[-1][1].append(text)
    return tables


def table(found, title, columns):
    """One table as a DataFrame of texts."""
    (cells,) = [cells for name, cells in tables_of(found) if name == title]
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    return pd.DataFrame(rows[1:], columns=rows[0]).set_index(rows[0][0])


# --- the page of the published study ------------------------------------------------------------


@pytest.mark.parametrize("style", ["md", "html"])
def test_it_has_all_sections_once_and_in_order(pages, style):
    headings = [text for kind, text in pages[style] if kind == "heading"]
    assert headings[0] == "Network size and long training, as published"
    assert [text for text in headings if text in SECTIONS] == SECTIONS
    assert "Where the comparison may mislead" in headings
    details = {
        f"{label}, {by}" for label in LABELS | HOCK for by in ("by training time", "by step")
    }
    assert {text for text in headings if ", by " in text} == details
    assert "Other metrics: the numbers" in headings
    assert len(headings) == len({*headings}) == 1 + len(SECTIONS) + 2 + len(details)
    first = sections(pages[style])[""]
    assert first[1][0] == "text" and first[1][1].startswith("A small network needs about 3 h and")


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
        assert parts[section][-1] == ("text", PLACES[key])


def numbers(text):
    """Numbers in a text, without those in names and in "95 %"."""
    names = "|".join(sorted(RUNS, reverse=True))  # uni_20_long before uni_20
    text = re.sub(rf"\b(?:(?:{names})(?:_\d+)?|A01)\b", "", text)
    return re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text.replace("95 %", ""))


@pytest.mark.parametrize("section", ["", *SECTIONS])
def test_every_number_in_its_text_is_in_its_tables(pages, section):
    found = pages["md"]
    told = {number for kind, text in found if kind in ("cell", "title") for number in numbers(text)}
    part = sections(found)[section]
    part = [some for kind, some in part[2 * (section == "") :] if kind in ("text", "item")]
    spoken = {number: text for text in part for number in numbers(text)}
    if section in ("", "Key findings", "Going on", "By training time", "Cost", "Conclusions"):
        assert len(spoken) > 5  # or there would be nothing to check
    missing = {number: text for number, text in spoken.items() if number not in told}
    assert not missing


def test_the_statements_of_the_reference_page(pages):
    """As far as they are numbers; and the real crossover, which that page has later."""
    said = [text for kind, text in pages["md"] if kind == "item"]

    def holds(*parts):
        assert any(all(part in text for part in parts) for text in said), parts

    holds("A01 eval best time at 120 min: A01_as20_big_long leads with 24.49 s")
    holds("A01 eval: A01_as20_big_long first finishes at 16.2 min")
    holds("A01 eval: A01_as20_long first finishes at 8.3 min")
    holds("A01_as20_big_long, A01 eval finish rate: 63.9 % at 120 min, 79.1 % at 495 min")
    holds("A01_as20_long, A01 eval finish rate: 55.9 % at 120 min, 71.2 % at 495 min")
    holds("A01_as20_big_long, A01 eval best time", "24.43 s at 495 min", "better by 0.06 s")
    holds("A01_as20_long, A01 eval best time", "24.51 s at 495 min", "better by 0.08 s")
    holds("compare the loss per quantile", "A01_as20_big_long 6.45", "A01_as20_long 8.72")
    holds("A01_as20_big_long overtakes A01_as20_long for good", "A01 eval best time")
    holds("uni_20_long", "checkpoint", "uni_20", "not in its minutes")


def test_the_answer_to_the_question_of_the_reference_page(pages, runs):
    """Over all 495 min of the two: the bigger network is better, beyond the noise, if it is
    trained for longer than the race in which it overtook."""
    found = sections(pages["md"])
    moments, best = [], {}
    for name in RUNS[:2]:
        races = races_until(runs[name], 495)
        best[name] = races.set_index("minutes")["time_s"].where(
            races["finished"].to_numpy()
        ).cummin().ffill()  # fmt: skip
        moments += best[name].index.tolist()
    big, small = (best[name].reindex(sorted(moments), method="ffill") for name in RUNS[:2])
    since = big.index[(big >= small).to_numpy().nonzero()[0][-1] + 1]
    said = " ".join(text for kind, text in found["Recommendations"] if kind == "item")
    assert (
        f"For A01 eval best time, {RUNS[0]} is the one to train for {since:.1f} min or more (up to "
        f"495 min are compared); with less, {RUNS[1]} is ahead of it." in said
    )
    assert "up to 120 min" not in said  # where no lead of the four stands out
    for section in ("Going on", "Conclusions"):
        said = " ".join(text for kind, text in found[section] if kind == "item")
        assert "A01 eval best time at 495 min: A01_as20_big_long leads with 24.43 s" in said
        assert "by the best of 21 races each it is 0.09 s ahead, beyond the noise" in said


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
        kind, statistic = re.fullmatch(r"A01 (\w+): (.*)", label).groups()
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
    best = table(part, f"A01 eval: best time (s), {section.lower()}", 5)
    rate = table(part, f"A01 eval: finish rate (%), {section.lower()}", 5)
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
        for title in ("A01 eval: best time (s)", "A01 eval: finish rate (%)", "loss"):
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


# --- pages of other runs ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    """Log directory of small runs of 30 minutes, which log once a minute.

    ============  ========================================================================
    big0, big1    one eval race of A01 a minute: from minute 5 or 6 on, 50 - k/2 or 50 - k/3 s
    small2, 3     the same from minute 7 or 8 on, 50 - k/4 or 50 - k/5 s
    only, only_b  a loss of 128 - k or 128 - k/2, and nothing else
    ============  ========================================================================
    """
    logdir = tmp_path_factory.mktemp("small")
    for i, name in enumerate(["big0", "big1", "small2", "small3"]):
        records = [
            (60 * k, 1000 * k, race(50 - k / (2 + i)) if k > 4 + i else race(CUTOFF, False))
            for k in range(1, 31)
        ]
        write_file(logdir / name, [(1, 10, {"own/start": 1}), *records], pid=i + 1)
    for i, name in enumerate(["only", "only_b"], start=1):
        records = [(60 * k, 1000 * k, {"loss": 128 - k / i}) for k in range(1, 31)]
        write_file(logdir / name, [(1, 10, {"loss": 128}), *records], pid=10 + i)
    return logdir


def study(**fields):
    """A study of two runs with nothing but a loss, which is quickly written up."""
    runs = {} if "arms" in fields else {"runs": ["only", "only_b"]}
    return Study.from_dict({"title": "T", "question": "Why?"} | runs | fields)


@pytest.fixture(scope="module")
def arms(logdir, tmp_path_factory):
    """Folder with the report of a study with arms, `arms`."""
    directory = tmp_path_factory.mktemp("arms")
    arms = {"big": ["big0", "big1"], "small": ["small2", "small3"]}
    thresholds = {"A01/eval/best": 43.0, "A01/eval/finish_rate": 0.5}
    some = study(arms=arms, thresholds=thresholds, step_interval=5000, prefix="arms")
    report(some, logdir, directory, "arms", ["md"], ["svg"], cache=False)
    return directory


@pytest.fixture(scope="module")
def of_arms(arms):
    return read("md", text_of(arms / "arms.md"))


def test_arms_are_compared_by_the_middle_of_their_seeds(of_arms):
    """Of two seeds that is the mean: of best times of 35 and 40 s, and of 42.5 and 44 s."""
    parts = sections(of_arms)
    said = [text for kind, text in parts["Key findings"] if kind == "item"]
    (best,) = [text for text in said if text.startswith("A01 eval best time at 30 min")]
    assert "big 37.50 s" in best and "small 43.25 s" in best and "lead of big" in best
    (rate,) = [text for text in said if text.startswith("A01 eval finish rate at 30 min")]
    mean = [100 * np.mean([1 - k / 30 for k in some]) for some in ((4, 5), (6, 7))]
    assert f"big {mean[0]:.1f} %" in rate and f"small {mean[1]:.1f} %" in rate


def test_seeds_that_never_get_there_are_counted(of_arms):
    """43 s is reached by big0 at 14 min, by big1 at 21, by small2 at 28, by small3 never."""
    said = [text for kind, text in sections(of_arms)["Key findings"] if kind == "item"]
    level = "A01 eval best time of 43.00 s: "
    assert f"{level}2 of 2 seeds of big get there, half of all by 14 min." in said
    assert any(text.startswith(f"{level}1 of 2 seeds of small get there") for text in said)
    cautions = " ".join(said)
    assert "big has 2 seeds" in cautions and "small has 2 seeds" in cautions


def test_the_page_of_arms_shows_every_seed(of_arms):
    assert [text for _, text in sections(of_arms)[""] if ": 30.0 min active, " in text] == [
        f"{name}: 30.0 min active, 30,000 steps, 30 races ({name})"
        for name in ("big0", "big1", "small2", "small3")
    ]
    values = table(of_arms, "Values at 30 min", 5)
    assert values.loc["A01 eval: best time (s)"].tolist() == ["35.00", "40.00", "42.50", "44.00"]
    alts = [text for kind, text in of_arms if kind == "alt"]
    assert len(alts) == 10 + 3 and all(text.endswith(": big, small") for text in alts)


def test_tables_of_arms_have_the_middle_of_their_seeds(of_arms, logdir):
    """Of two seeds their mean, by pandas, once both have finished."""
    part = sections(of_arms)["By training time"]
    shown = table(part, "A01 eval: best time (s), by training time", 3)
    races = {name: load(logdir, name).races for name in ("big0", "big1", "small2", "small3")}
    best = {
        name: some.set_index("minutes")["time_s"]
        .where(some["finished"].to_numpy())
        .cummin()
        .ffill()
        for name, some in races.items()
    }
    for arm, names in (("big", ["big0", "big1"]), ("small", ["small2", "small3"])):
        for at, text in shown[arm].items():
            times = [best[name].asof(float(at)) for name in names]
            if np.isnan(times).any():
                assert text == "–"
            else:
                middle, low, high = re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", text).groups()
                assert float(middle) == pytest.approx(np.mean(times), abs=0.00501)
                assert float(low) <= float(middle) <= float(high)


def test_performance_profiles_of_arms(of_arms):
    """A figure each of the eval races' best and mean times and of their finish rate."""
    part = sections(of_arms)["Performance profiles"]
    assert [text for kind, text in part if kind == "source"] == [
        f"arms_A01_{name}_profile.svg" for name in ("best", "mean", "finish_rate")
    ]


def test_every_number_about_arms_is_in_a_table(of_arms):
    def numbers(text):
        text = re.sub(r"\b(A01|big[01]|small[23])\b", "", text.replace("95 %", ""))
        return re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)

    told = {x for kind, text in of_arms if kind in ("cell", "title") for x in numbers(text)}
    spoken = {x for kind, text in sections(of_arms)["Key findings"] if kind == "item"
              for x in numbers(text)}  # fmt: skip
    assert len(spoken) > 5 and spoken <= told


def test_a_figure_shows_what_its_name_says(arms):
    """Eval under the names of eval: the titles in the pictures, which are text in SVG."""
    shown = {path.name: text_of(path) for path in arms.glob("*.svg")}
    labels = {label: name for label, name in LABELS.items() if "A01 eval" in label}
    profiles = {f"arms_A01_{name}_profile.svg" for name in ("best", "mean", "finish_rate")}
    assert set(shown) - profiles == {f"arms_{name}{suffix}.svg" for name in labels.values()
                                     for suffix in ("", "_by_step")}  # fmt: skip
    assert profiles < set(shown)
    for label, name in labels.items():
        for suffix, axis in (("", "active training time (min)"),
                             ("_by_step", "steps (frames played)")):  # fmt: skip
            texts = re.findall(r"<text[^>]*>([^<]*)</text>", shown[f"arms_{name}{suffix}.svg"])
            assert label.replace("eval ", "eval: ") in texts and axis in texts
            assert {"big", "small"} <= {*texts}


def test_runs_with_nothing_but_a_loss(logdir, tmp_path):
    """No race, no configuration, nothing about the machine: the page says so."""
    pages = report(study(), logdir, tmp_path, "a", ["md"], ["jpg"], cache=False)
    assert [path.name for path in pages] == [
        "a.md", "comparison_loss.jpg", "comparison_loss_by_step.jpg"
    ]  # fmt: skip
    found = read("md", text_of(pages[0]))
    parts = sections(found)
    assert ("text", "The configurations of these runs were not logged.") in parts[
        "Configuration changes"
    ]
    assert ("text", "The logs do not tell.") in parts["Hardware and software"]
    assert table(found, "Runs", 8)["races"].tolist() == ["0", "0"]
    values = table(found, "Values at 30 min", 3)
    assert values.to_dict("index") == {"loss": {"only": "98.00", "only_b": "113.00"}}
    best = table(parts["By training time"], "loss, by training time", 3)
    assert best["only"].tolist() == [f"{128 - k:.2f}*" for k in range(1, 31)]
    said = [text for kind, text in found if kind == "item"]
    assert any(text.startswith("loss at 30 min: only leads with 98.00") for text in said)
    assert not any(word in text for text in said for word in ("nan", "None", "inf "))


def test_the_machine_and_the_versions_as_logged(tmp_path):
    for i, version in enumerate(["2.8", "2.9"]):
        about = f"python: 3.12.1\ntorch: '{version}'\ndevices: [cpu, 2 cores]\n"
        write_file(
            tmp_path / "logs" / f"x{i}", [(60 * k, k, {"loss": k}) for k in range(1, 11)],
            pid=i, texts={"about": about, "config": f"batch: {i}\n"},
        )  # fmt: skip
    runs = {name: load(tmp_path / "logs", name) for name in ("x0", "x1")}
    assert runs["x0"].about == {"python": "3.12.1", "torch": "2.8", "devices": ["cpu", "2 cores"]}
    assert runs["x1"].config == {"batch": 1}
    some = study(runs=["x0", "x1"])
    found = read("md", text_of(report(some, tmp_path / "logs", tmp_path, "a", ["md"])[0]))
    shown = table(sections(found)["Hardware and software"], "As the runs logged it", 3)
    assert shown.loc["torch"].tolist() == ["2.8", "2.9"]
    assert shown.loc["devices"].tolist() == ["cpu; 2 cores"] * 2
    differing = table(found, "Where the configurations differ", 3)
    assert differing.to_dict("index") == {"batch": {"x0": "0", "x1": "1"}}


@pytest.mark.parametrize("style", STYLES)
def test_names_of_runs_are_not_markup(tmp_path, style):
    names = ["a_", "_b_", "c|d*e*", "<i>&lt;", "f`g`"]
    for i, name in enumerate(names):
        records = [(60 * k, k, {"loss": 100 - k / (i + 1)}) for k in range(1, 11)]
        write_file(tmp_path / "logs" / name, records, pid=i)
    some = study(runs=names, baseline="_b_", title="Of _b_ and <i>&lt;")
    (path, *_) = report(some, tmp_path / "logs", tmp_path, "a", [style], cache=False)
    found = read(style, text_of(path))
    assert found[0] == ("heading", "Of _b_ and <i>&lt;")
    assert list(table(found, "Values at 10 min", 6).columns) == names
    assert table(found, "Runs", 8).index.tolist() == names
    assert ("alt", f"loss by active training time (min): {', '.join(names)}") in found
    said = [text for kind, text in found if kind == "item"]
    for name in names:
        assert f"{name}: 10.0 min active, 10 steps, 0 races ({name})" in said


@pytest.mark.parametrize("name", ["runs", "lead", "95 % of it"])
def test_a_run_that_is_called_like_a_column(logdir, tmp_path, name):
    shutil.copytree(logdir / "only_b", tmp_path / "logs" / name)
    shutil.copytree(logdir / "only", tmp_path / "logs" / "only")
    some = study(runs=["only", name])
    (path, *_) = report(some, tmp_path / "logs", tmp_path, "a", ["md"], cache=False)
    cells = dict(tables_of(read("md", text_of(path))))["Who leads: the numbers"]
    assert cells.count("98.00") == cells.count("113.00") == cells.count("15.00") == 1


def test_runs_of_equal_length_do_not_differ_in_it(logdir, tmp_path):
    (path, *_) = report(study(), logdir, tmp_path, "a", ["md"], cache=False)
    assert "differ in length" not in text_of(path)


# --- making it again ----------------------------------------------------------------------------


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_made_twice_it_is_the_same_to_the_byte(logdir, tmp_path):
    formats = ("png", "svg", "pdf", "jpg", "csv", "md", "tex")
    for directory in (tmp_path / "one", tmp_path / "two"):
        report(study(), logdir, directory, "a", STYLES, formats, ["tmnet x"], cache=False)
    first = contents(tmp_path / "one")
    assert len(first) == 3 + 2 * len(formats) + 1
    assert contents(tmp_path / "two") == first
    report(study(), logdir, tmp_path / "one", "a", STYLES, formats, ["tmnet x"], cache=False)
    assert contents(tmp_path / "one") == first


def test_draws_are_the_same_each_time(logdir, arms, tmp_path):
    """Intervals of arms and of races are drawn, with a seed."""
    runs = study(runs=["big0", "small2"], interval=10, step_interval=15_000)
    for directory in (tmp_path / "one", tmp_path / "two"):
        report(runs, logdir, directory, "a", ["md"], cache=False)
    assert (tmp_path / "one" / "a.md").read_bytes() == (tmp_path / "two" / "a.md").read_bytes()
    assert "95 %" in text_of(tmp_path / "one" / "a.md")


def test_the_authors_words_stay_and_all_else_is_made_anew(logdir, tmp_path):
    report(study(), logdir, tmp_path, "a", STYLES, cache=False)
    words = {key: f"About {key}: *so* <b>it</b> is.\n\n  x `y` é".encode() for key in PLACES}
    for style in STYLES:
        for key, some in words.items():
            edit(tmp_path / f"a.{style}", key, some)
    again = study(title="Another", question="Whether?", interval=10, baseline="only")
    report(again, logdir, tmp_path, "a", STYLES, cache=False)
    for style in STYLES:
        data = (tmp_path / f"a.{style}").read_bytes()
        for key, some in words.items():
            assert between(style, key, data) == some.strip(b"\n")
        text = data.decode()
        assert "Another" in text and "Whether?" in text and "Why?" not in text
        assert "(Your words" not in text and "Every 10 min up to 30 min" in text
        assert ("cell", "113.00 (+15.00)") in read(style, text)
    first = contents(tmp_path)
    report(again, logdir, tmp_path, "a", STYLES, cache=False)
    assert contents(tmp_path) == first


def test_words_stay_where_their_section_has_nothing_to_say(logdir, tmp_path):
    """Of arms, nothing is said about going on; what the author wrote there is not thrown away."""
    report(study(), logdir, tmp_path, "a", STYLES, cache=False)
    for style in STYLES:
        edit(tmp_path / f"a.{style}", "going on", b"An hour of my work.")
    arms = study(arms={"x": ["only"], "y": ["only_b"]})
    for some in (arms, study()):
        report(some, logdir, tmp_path, "a", STYLES, cache=False)
        for style in STYLES:
            assert (tmp_path / f"a.{style}").read_bytes().count(b"An hour of my work.") == 1
    for style in STYLES:
        data = (tmp_path / f"a.{style}").read_bytes()
        assert between(style, "going on", data) == b"An hour of my work."


def test_words_that_are_given_replace_those_in_the_page(logdir, tmp_path):
    words = {"overview": "One.\n\nTwo & <three>.", "conclusions": "So it_is."}
    report(study(), logdir, tmp_path, "a", STYLES, words=words, cache=False)
    for style in STYLES:
        laptop = b"<p>A laptop.</p>" if style == "html" else b"A laptop."
        edit(tmp_path / f"a.{style}", "hardware", laptop)
    report(study(), logdir, tmp_path, "a", STYLES, words={"overview": "Three."}, cache=False)
    for style in STYLES:
        found = read(style, text_of(tmp_path / f"a.{style}"))
        shown = [text for kind, text in found if kind == "text"]
        assert {"Three.", "So it_is.", "A laptop.", PLACES["recommendations"]} <= {*shown}
        assert not {"One.", "Two & <three>."} & {*shown}


# --- studies ------------------------------------------------------------------------------------

BASE = "title: t\nquestion: q\n"
RUNS_AB = "runs: [a, b]\n"


@pytest.mark.parametrize("name", ["network_size_published", "network_size_big_long"])
def test_the_studies_that_come_with_tmnet(name):
    some = load_study(name)
    assert some.runs == some.names() == RUNS
    assert some.baseline == "A01_as20_long" and some.closer == RUNS[:2]
    assert some.prefix == PREFIX and not some.arms
    assert load_study(data_path("studies", f"{name}.yaml")) == some
    assert load_study(str(data_path("studies", f"{name}.yaml"))) == some


def test_a_study_from_a_file_of_windows(tmp_path):
    text = f"{BASE}{RUNS_AB}after: 12.5\nthresholds: {{A01/eval/best: 1e1}}\n"
    (tmp_path / "x.YML").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    some = load_study(tmp_path / "x.YML")
    assert (some.title, some.question, some.runs) == ("t", "q", ["a", "b"])
    assert (some.after, some.thresholds) == (12.5, {"A01/eval/best": 10.0})
    assert (some.baseline, some.closer, some.interval, some.prefix) == (
        None,
        [],
        None,
        "comparison",
    )


def test_names_of_a_study_with_arms():
    some = Study.from_dict(
        {"title": "t", "question": "q", "arms": {"x": ["a", "b"], "y": ["c"]}, "baseline": "c"}
    )
    assert some.names() == ["a", "b", "c"]


FIELDS = {  # values that are wrong, and what the sentence must say is right
    "title": ("a text", ["3", "", "[a]", "true"]),
    "question": ("a text", ["3", "", "{a: b}"]),
    "prefix": ("a text", ["3", "", "[x]"]),
    "runs": ("a list of names", ["a", "[1]", "{a: b}", "", "[[a]]"]),
    "closer": ("a list of names", ["a", "[1]", "{a: b}", "[a, 2]"]),
    "baseline": ("the name of a run", ["3", "[a]", "true"]),
    "after": ("a number", ["x", "true", "[1]", "5 min", "{}"]),
    "interval": ("a number", ["x", "true", "[1]"]),
    "step_interval": ("a number", ["x", "false", "50k"]),
    "arms": ("names of arms, each with a list of runs",
             ["a", "[a]", "{x: a}", "{x: []}", "{x: [1]}", "{x: {a: b}}", "{x: }"]),
    "thresholds": ("names of metrics, each with a value",
                   ["3", "[1]", "{A01/eval/best: x}", "{A01/eval/best: }",
                    "{A01/eval/best: [24]}"]),
}  # fmt: skip


def refused(path, text, *parts):
    """The sentence with which a file is refused: about the file, and one line."""
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TmnetError) as error:
        load_study(path)
    sentence = str(error.value)
    assert sentence.startswith(f"{path}: ") and "\n" not in sentence
    for part in parts:
        assert part in sentence.removeprefix(f"{path}: "), sentence
    return sentence


@pytest.mark.parametrize(
    "field, value, right",
    [(field, value, right) for field, (right, values) in FIELDS.items() for value in values],
)
def test_a_field_of_the_wrong_kind(tmp_path, field, value, right):
    others = {"title": "t", "question": "q", "runs": "[a, b]"} | {field: value}
    if field == "arms":
        del others["runs"]
    text = "".join(f"{name}: {some}\n" for name, some in others.items())
    refused(tmp_path / "some.yaml", text, f"{field} is ", f"it must be {right}")


@pytest.mark.parametrize("value", ["{A01/eval/best: true}", "{1: 2}", "{A01/eval/best: .nan}"])
def test_a_threshold_of_the_wrong_kind(tmp_path, value):
    refused(tmp_path / "some.yaml", f"{BASE}{RUNS_AB}thresholds: {value}\n", "thresholds")


def test_names_of_arms_that_are_numbers(logdir, tmp_path):
    """Refused in a sentence, or taken as text; not an error deep down."""
    path = tmp_path / "some.yaml"
    path.write_text(f"{BASE}arms: {{1: [only], 2: [only_b]}}\n")
    try:
        some = load_study(path)
    except TmnetError as error:
        assert str(error).startswith(f"{path}: ") and "arms" in str(error)
    else:
        report(some, logdir, tmp_path, "a", ["md"], cache=False)


@pytest.mark.parametrize(
    "text, parts",
    [
        (f"{BASE}{RUNS_AB}intervall: 3\n", ["'intervall'", "did you mean interval?"]),
        (f"{BASE}{RUNS_AB}treshold: 3\n", ["'treshold'", "did you mean thresholds?"]),
        (f"{BASE}{RUNS_AB}zzz: 3\n", ["'zzz'", "title, question, runs, arms, baseline"]),
        (f"{BASE}", ["needs either runs or arms"]),
        (f"{BASE}runs: []\n", ["needs either runs or arms"]),
        (f"{BASE}{RUNS_AB}arms: {{x: [c]}}\n", ["needs either runs or arms"]),
        (f"question: q\n{RUNS_AB}", ["needs a title"]),
        (f"title: t\n{RUNS_AB}", ["needs a question"]),
        (f"{BASE}{RUNS_AB}baseline: c\n", ["'c'", "none of its runs: a, b"]),
        (f"{BASE}{RUNS_AB}closer: [a, d]\n", ["'d'", "none of its runs: a, b"]),
        (f"{BASE}arms: {{x: [a], y: [b]}}\nbaseline: x\n", ["baseline", "'x'", "runs: a, b"]),
        ("", ["holds no fields"]),
        ("- title\n- question\n", ["holds no fields"]),
        ("just text\n", ["holds no fields"]),
        (f"{BASE}runs: [a\n", ["not YAML", "line"]),
        (f"{BASE}\truns: [a]\n", ["not YAML", "line 3"]),
    ],
)
def test_a_study_that_makes_no_sense(tmp_path, text, parts):
    refused(tmp_path / "some.yaml", text, *parts)


@pytest.mark.parametrize("field", ["1", "~", "true"])
def test_a_field_whose_name_is_no_text(tmp_path, field):
    refused(tmp_path / "some.yaml", f"{BASE}{RUNS_AB}? {field}\n: 3\n", "has no field")


@pytest.mark.parametrize("field, value", [("baseline", "c"), ("closer", "[a, c]")])
def test_a_name_that_is_no_run_is_refused_by_its_field(tmp_path, field, value):
    refused(tmp_path / "some.yaml", f"{BASE}{RUNS_AB}{field}: {value}\n", field)


@pytest.mark.parametrize(
    "value",
    ["!!python/object/apply:os.mkdir [made]", "!!python/name:os.mkdir", "!!python/module:os",
     "!!python/object/new:os.mkdir [made]"],
)  # fmt: skip
def test_a_study_cannot_run_code(tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    refused(tmp_path / "some.yaml", f"{BASE}{RUNS_AB}prefix: {value}\n", "not YAML", "python/")
    refused(tmp_path / "some.yaml", f"{value}\n", "not YAML")
    assert [path.name for path in tmp_path.iterdir()] == ["some.yaml"]


@pytest.mark.parametrize("data", [b"title: \xff\n", "title: ä\n".encode("utf-16"), b"title: \0"])
def test_a_study_that_is_no_utf_8(tmp_path, data):
    path = tmp_path / "some.yaml"
    path.write_bytes(data)
    with pytest.raises(TmnetError) as error:
        load_study(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


def test_a_study_that_is_not_there(tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    for path in (tmp_path / "missing.yaml", tmp_path / "folder.yaml"):
        with pytest.raises(TmnetError, match=re.escape(f"{path} cannot be read")):
            load_study(path)
    for name in ("network_size_publishd", "", "network_size_published.txt"):
        with pytest.raises(TmnetError) as error:
            load_study(name)
        assert repr(name) in str(error.value)
        assert "network_size_big_long, network_size_published" in str(error.value)


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"after": 31}, "31 is outside of the window of 0 to 30 min"),
        ({"after": float("nan")}, "moment nan is outside"),
        ({"interval": 0}, "interval is 0"),
        ({"interval": float("inf")}, "interval is inf"),
        ({"step_interval": -1}, "interval is -1"),
        ({"thresholds": {"los": 3}}, "no metric los. Nearest: loss"),
        ({"thresholds": {"own/start": 3}}, "own/start"),
        ({"runs": ["only", "oly_b"]}, "no run oly_b"),
        ({"arms": {"x": ["only"], "y": ["only"]}}, "only is given twice"),
        ({"prefix": "no/such/folder"}, "cannot be written"),
    ],
)
def test_a_study_that_does_not_fit_the_runs(logdir, tmp_path, fields, sentence):
    with pytest.raises(TmnetError, match=sentence):
        report(study(**fields), logdir, tmp_path / "out", cache=False)
    assert not list(tmp_path.rglob("*.html"))


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def command(capsys, logdir):
    """Function that runs `tmnet report` in this process; returns (status, stdout, stderr)."""

    def run(*arguments, logdir=logdir):
        where = ["--logdir", logdir] if logdir else []
        try:
            status = main([str(argument) for argument in ("report", *arguments, *where)])
        except SystemExit as error:  # by argparse
            status = error.code
        out, err = capsys.readouterr()
        # A bar that shows progress may have come and gone.
        lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[\w", "", err))
        return status, out, [line for line in lines if line.strip() and "step/s]" not in line
                             and "Writing" not in line]  # fmt: skip

    return run


def write_study(path, **fields):
    lines = {"title": "T", "question": "Why?", "runs": "[only, only_b]", **fields}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}: {value}\n" for name, value in lines.items()))
    return path


def test_a_report_of_runs(command, tmp_path):
    status, out, err = command(
        *["--runs", "only", "only_b", "only", "--output-dir", tmp_path / "new" / "er"],
        *["--format", "md", "rst", "html", "--no-cache"],
    )
    assert (status, err) == (0, [])
    pages = [tmp_path / "new" / "er" / f"only_only_b.{style}" for style in STYLES]
    assert out == f"{', '.join(map(str, pages))}, and 2 figures and tables\n"
    assert {path.name for path in pages[0].parent.iterdir()} == {
        *(path.name for path in pages), "only_only_b_loss.png", "only_only_b_loss_by_step.png"
    }  # fmt: skip
    for path in pages:
        found = read(path.suffix[1:], text_of(path))
        assert found[0] == ("heading", "Comparison of only, only_b")
        assert found[1][0] == "item"  # there is no question


def test_reports_of_two_studies(command, tmp_path):
    one = write_study(tmp_path / "one.yaml", title="First", prefix="p1")
    two = write_study(tmp_path / "two.yaml", title="Second", prefix="p2", runs="[only_b]")
    status, out, err = command(one, two, "--output-dir", tmp_path / "out", "--format", "md")
    assert (status, err) == (0, []) and len(out.splitlines()) == 2
    for name, title, prefix in (("one", "First", "p1"), ("two", "Second", "p2")):
        found = read("md", text_of(tmp_path / "out" / f"{name}.md"))
        assert found[0] == ("heading", title)
        sources = {text for kind, text in found if kind == "source"}
        assert sources == {f"{prefix}_loss.png", f"{prefix}_loss_by_step.png"}


def test_two_studies_do_not_overwrite_each_others_figures(command, tmp_path):
    """As the two that come with tmnet would, which have the same prefix."""
    one = write_study(tmp_path / "one.yaml", prefix="same")
    two = write_study(tmp_path / "two.yaml", prefix="same", runs="[only_b, only]", interval="2")
    alone, both = tmp_path / "alone", tmp_path / "both"
    command(one, "--output-dir", alone, "--format", "md", "html")
    status, _, err = command(one, two, "--output-dir", both, "--format", "md", "html")
    if status == 2:  # refused, in a sentence
        assert len(err) == 1 and "same" in err[0]
        return
    for some in (alone, both):
        data = [
            base64.b64decode(text.partition(",")[2])
            for kind, text in read("html", text_of(some / "one.html"))
            if kind == "source"
        ]
        files = [text for kind, text in read("md", text_of(some / "one.md")) if kind == "source"]
        assert [(some / file).read_bytes() for file in files] == data


def test_two_studies_of_the_same_name_in_two_folders(command, tmp_path):
    one = write_study(tmp_path / "a" / "same.yaml", title="First", prefix="p1")
    two = write_study(tmp_path / "b" / "same.yaml", title="Second", prefix="p2")
    status, out, err = command(one, two, "--output-dir", tmp_path / "out", "--format", "md")
    if status == 2:
        assert len(err) == 1 and "same" in err[0]
        return
    pages = [text_of(path) for path in (tmp_path / "out").glob("*.md")]
    assert len(pages) == 2 and len(out.splitlines()) == 2


@pytest.mark.parametrize(
    "options",
    [[], ["--format", "rst", "md", "--no-cache"], ["--formats", "jpg,csv"], ["--width", "column"]],
    ids=" ".join,
)
@pytest.mark.parametrize("named", [False, True], ids=["runs", "study"])
def test_its_last_section_makes_it_again(command, tmp_path, monkeypatch, options, named):
    monkeypatch.chdir(tmp_path)
    name = "my study"
    write_study(tmp_path / f"{name}.yaml", prefix="p")
    what = [f"{name}.yaml"] if named else ["--runs", "only", "only_b"]
    status, _, err = command(*what, "--output-dir", "my out", *options)
    assert (status, err) == (0, [])
    first, page = contents(tmp_path / "my out"), name if named else "only_only_b"
    style = options[1] if "--format" in options else "html"
    found = read(style, text_of(tmp_path / "my out" / f"{page}.{style}"))
    (typed,) = [text for kind, text in found if kind == "code"]
    lines = [shlex.split(line) for line in typed.splitlines()]
    assert [words[:2] for words in lines] == [["tmnet", "compare"], ["tmnet", "report"]]
    shutil.rmtree(tmp_path / "my out")
    assert main(lines[1][1:]) == 0
    assert contents(tmp_path / "my out") == first
    assert main(lines[0][1:]) == 0


def test_the_width_of_figures(command, tmp_path):
    widths = {}
    for width in ("page", "column"):
        command("--runs", "only", "--output-dir", tmp_path / width, "--width", width)
        with Image.open(tmp_path / width / "only_loss.png") as image:
            widths[width] = image.width
    assert 0.4 * widths["page"] < widths["column"] < 0.6 * widths["page"]


def test_formats_that_a_page_cannot_show(command, tmp_path):
    """It shows a PNG, and the others are written beside it."""
    command("--runs", "only", "--output-dir", tmp_path, "--formats", "pdf,tex", "--format", "md")
    names = {f"only_loss{suffix}.{kind}" for suffix in ("", "_by_step")
             for kind in ("pdf", "png")}  # fmt: skip
    tables = {"only_table.tex", "only_table_by_step.tex", "only_findings.tex"}
    assert {path.name for path in tmp_path.iterdir()} == names | tables | {"only.md"}
    found = read("md", text_of(tmp_path / "only.md"))
    assert {text for kind, text in found if kind == "source"} == {
        name for name in names if name.endswith("png")
    }


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "name of a study, or --runs"),
        (["network_size_published", "--runs", "only"], "name of a study, or --runs"),
        (["--runs"], "--runs"),
        (["--runs", "oly"], "no run oly .*Nearest: only"),
        (["network_size_published"], "no run A01_as20_big_long"),
        (["network_size_publishd"], "no study 'network_size_publishd'"),
        (["missing.yaml"], "missing.yaml cannot be read"),
        (["bad.yaml"], "bad.yaml: A study has no field 'titel': did you mean title"),
        (["good.yaml", "bad.yaml"], "bad.yaml: A study has no field"),
        (["--runs", "only", "--formats", "png,bmp"], "format bmp cannot be written"),
        (["--runs", "only", "--format", "docx"], "invalid choice: 'docx'"),
        (["--runs", "only", "--width", "wide"], "invalid choice: 'wide'"),
        (["--runs", "only", "--output-dir", "file/folder"], "file/folder cannot be made"),
        (["--runs", "only", "--output-dir", "file"], "folder file cannot be made"),
        (["--runs", "only", "--nonsense"], "--nonsense"),
    ],
    ids=str,
)
def test_bad_input_is_one_sentence(command, tmp_path, monkeypatch, arguments, message):
    (tmp_path / "file").write_text("not a folder")
    write_study(tmp_path / "good.yaml")
    (tmp_path / "bad.yaml").write_text("titel: T\n")
    monkeypatch.chdir(tmp_path)
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert len(err) == 1 and err[0].startswith("tmnet: ") and re.search(message, err[0])
    assert {path.name for path in tmp_path.iterdir()} <= {"file", "good.yaml", "bad.yaml", "report"}
    assert not list(tmp_path.rglob("report*.*"))


@pytest.mark.parametrize("arguments", [["--runs", "oly"], ["network_size_published"]], ids=str)
def test_a_refused_report_leaves_no_folder(command, tmp_path, arguments):
    status, *_ = command(*arguments, "--output-dir", tmp_path / "out")
    assert status == 2 and not (tmp_path / "out").exists()
