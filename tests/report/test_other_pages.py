"""Pages of other runs: arms with seeds, runs without races, and odd names."""

import re
import shutil

import numpy as np
import pytest

from tmnet.report.report import report

from ..synthetic import load, write_file
from .pages import LABELS, STYLES, sections, study, table, tables_of, text_of
from .test_page import read


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


def test_runs_with_nothing_but_a_loss(logdir, tmp_path):
    """No race, no configuration, nothing about the machine: the page says so."""
    pages = report(
        study(),
        logdir=logdir,
        directory=tmp_path,
        name="a",
        styles=["md"],
        formats=["jpg"],
        cache=False,
    )
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


@pytest.mark.parametrize("name", ["runs", "lead", "95 % of it"])
def test_a_run_that_is_called_like_a_column(logdir, tmp_path, name):
    shutil.copytree(logdir / "only_b", tmp_path / "logs" / name)
    shutil.copytree(logdir / "only", tmp_path / "logs" / "only")
    some = study(runs=["only", name])
    (path, *_) = report(
        some, logdir=tmp_path / "logs", directory=tmp_path, name="a", styles=["md"], cache=False
    )
    cells = dict(tables_of(read("md", text_of(path))))["Who leads: the numbers"]
    assert cells.count("98.00") == cells.count("113.00") == cells.count("15.00") == 1


def test_runs_of_equal_length_do_not_differ_in_it(logdir, tmp_path):
    (path, *_) = report(
        study(), logdir=logdir, directory=tmp_path, name="a", styles=["md"], cache=False
    )
    assert "differ in length" not in text_of(path)


def test_robust_races_are_no_key_finding(tmp_path):
    """They are told under their own metrics; the key findings are of all eval races."""
    for i, name in enumerate(("one", "other")):
        rows = [
            (60 * k, k, {f"eval_race_{what}_trained_A01": value for what, value in
                         (("time", 30.0 - i - k / 9), ("finished", 1.0),
                          ("time_robust", 30.0 - i - k / 9))})
            for k in range(1, 60)
        ]  # fmt: skip
        write_file(tmp_path / "logs" / name, rows, pid=i)
    (path, *_) = report(
        study(runs=["one", "other"]), logdir=tmp_path / "logs", directory=tmp_path, name="a",
        styles=["md"],
    )  # fmt: skip
    found = sections(read("md", text_of(path)))
    said = [text for kind, text in found["Key findings"] if kind == "item"]
    assert any("A01 eval best time" in text for text in said)
    assert not any("robust" in text for text in said)
