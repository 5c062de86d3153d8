"""Pages of other runs: arms with seeds, runs without races, and odd names."""

import re

import numpy as np
import pytest

from tmnet.report.report import report

from ..synthetic import load, write_file
from .pages import LABELS, STYLES, sections, study, table, text_of
from .test_page import read


@pytest.fixture(scope="module")
def of_arms(arms):
    return read("md", text_of(arms / "arms.md"))


def test_the_page_of_arms_shows_every_seed(of_arms):
    assert [text for _, text in sections(of_arms)[""] if ": 30.0 min active, " in text] == [
        f"{name}: 30.0 min active, 30,000 steps, 30 races ({name})"
        for name in ("big0", "big1", "small2", "small3")
    ]
    values = table(of_arms, "Values at 30 min", 5)
    assert values.loc["A01 eval: best time (s), since the start"].tolist() == [
        "35.00",
        "40.00",
        "42.50",
        "44.00",
    ]
    alts = [text for kind, text in of_arms if kind == "alt"]
    assert len(alts) == 10 + 3 and all(text.endswith(": big, small") for text in alts)


def test_tables_of_arms_have_the_middle_of_their_seeds(of_arms, logdir):
    """Of two seeds their mean, by pandas, once both have finished."""
    part = sections(of_arms)["By training time"]
    shown = table(part, "A01 eval: best time (s), since the start, by training time", 3)
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
            told = f"{label.replace('eval ', 'eval: ')}, since the start"
            assert told in " ".join(texts) and axis in texts
            assert {"big", "small"} <= {*texts}


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
    found = read(
        "md",
        text_of(
            report(some, logdir=tmp_path / "logs", directory=tmp_path, name="a", styles=["md"])[0]
        ),
    )
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
    (path, *_) = report(
        some, logdir=tmp_path / "logs", directory=tmp_path, name="a", styles=[style], cache=False
    )
    found = read(style, text_of(path))
    assert found[0] == ("heading", "Of _b_ and <i>&lt;")
    assert list(table(found, "Values at 10 min", 6).columns) == names
    assert table(found, "Runs", 8).index.tolist() == names
    assert ("alt", f"loss by active training time (min): {', '.join(names)}") in found
    said = [text for kind, text in found if kind == "item"]
    for name in names:
        assert f"{name}: 10.0 min active, 10 steps, 0 races ({name})" in said


def test_runs_of_equal_length_do_not_differ_in_it(logdir, tmp_path):
    (path, *_) = report(
        study(), logdir=logdir, directory=tmp_path, name="a", styles=["md"], cache=False
    )
    assert "differ in length" not in text_of(path)
