"""What parsers find in pages of studies."""

import re
from collections import Counter

import pandas as pd

from tmnet.files import data_path
from tmnet.report.study import Study

LOGDIR = data_path("published", "runs")
RUNS = ["A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"]
PREFIX = "exp_network_size_big_long"
STYLES = ("md", "rst", "html")
SHORT = ["big", "small", "two maps", "two maps long"]
SECTIONS = [
    "Where the comparison may mislead", "Against the baseline", "How fast they got there",
    "big and small alone, up to 495 min", "Cost", "Configuration changes", "Runs and machines",
    "Everything else", "Made by",
]  # fmt: skip
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


def text_of(path):
    return path.read_bytes().decode()


def sections(found):
    """Parts of a page, by its headings; what is before the first, and that, under ""."""
    parts, level = {"": []}, ""
    for i, (kind, text) in enumerate(found):
        if kind == "heading" and i:
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


def rows_of(found, title, columns):
    """The rows of one table, its head first."""
    (cells,) = [cells for name, cells in tables_of(found) if name == title]
    return [cells[i : i + columns] for i in range(0, len(cells), columns)]


def table(found, title, columns):
    """One table as a DataFrame of texts."""
    rows = rows_of(found, title, columns)
    return pd.DataFrame(rows[1:], columns=rows[0]).set_index(rows[0][0])


def numbers(text):
    """Numbers in a text, without those in names and in "95 %"."""
    text = re.sub(rf"\b(?:{'|'.join(sorted(RUNS, reverse=True))}|A01)\b|95 %", "", text)
    text = text.replace("best of 10", "")
    return re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)


def sentences_of(found):
    """The sentences of a page, and how often each stands there."""
    kinds = ("text", "item", "answer", "caution", "caption")
    said = [text for kind, text in found if kind in kinds]
    return Counter(
        sentence
        for text in said
        for sentence in re.split(r"(?<=[.:;]) (?=[A-Z])", text)
        if len(sentence.split()) > 5
    )


def said_twice(found):
    return [sentence for sentence, count in sentences_of(found).items() if count > 1]


def study(**fields):
    """A study of two runs with nothing but a loss, which is quickly written up."""
    runs = {} if "arms" in fields else {"runs": ["only", "only_b"]}
    return Study.from_dict({"title": "T", "question": "Why?"} | runs | fields)


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}
