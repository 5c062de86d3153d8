"""Pages of other runs: arms with seeds, runs without races, and odd names."""

import re
import shutil

import numpy as np
import pytest

from tmnet.report.report import report

from ..synthetic import CUTOFF, load, race, write_file
from .pages import (
    LABELS,
    STYLES,
    numbers,
    rows_of,
    said_twice,
    sections,
    study,
    table,
    tables_of,
    text_of,
)
from .reading import read

ARMS = {"big net": ["big0", "big1"], "small": ["small2", "small3"]}


@pytest.fixture(scope="module")
def of_arms(arms):
    """The page, and its appendix."""
    page, appendix = (text_of(arms / f"arms{part}.md") for part in ("", "_appendix"))
    return read("md", page) + read("md", appendix)


def late_rates(logdir, names):
    """Finish rates of races in the last 15 of 30 minutes; of one race a minute."""
    rates = []
    for name in names:
        races = load(logdir, name).races
        rates.append(100 * races.loc[races["minutes"] > 15.001, "finished"].mean())
    return rates


def test_the_page_of_arms_answers_for_arms(of_arms, logdir):
    first = sections(of_arms)[""]
    (title,) = [text for kind, text in first if kind == "title" and text.startswith("At 30 min")]
    assert "inter-quartile means of seeds, or medians of fewer than 4" in title
    rows = rows_of(of_arms, title, 12)[1:]
    assert [row[0] for row in rows] == [*ARMS]
    for row, names in zip(rows, ARMS.values()):
        rate = np.median(late_rates(logdir, names))
        assert float(row[1]) == pytest.approx(rate, abs=0.0501) and row[2] == "2"
    assert [row[-1] for row in rows] == ["baseline", "not resolved"]
    (caution,) = [text for kind, text in first if kind == "caution"]
    assert "big net and small each have 2 seeds" in caution
    answers = [text for kind, text in first if kind == "title" and text.endswith(".")]
    assert answers[0].startswith("Whether small is better than big net at 30 min is not resolved")


def test_nothing_is_claimed_of_two_seeds(of_arms):
    said = " ".join(text for kind, text in of_arms if kind in ("text", "item", "title"))
    assert "is better than big net at 30 min is not resolved" in said
    assert "was worth it" not in said and "overtakes" not in said


def test_no_sentence_of_arms_stands_twice_and_their_numbers_are_in_tables(of_arms):
    assert not said_twice(of_arms)
    told = {x for kind, text in of_arms if kind in ("cell", "title") and not text.endswith(".")
            for x in numbers(text)}  # fmt: skip
    said = [text for kind, text in of_arms[2:] if kind in ("text", "item", "caution")
            or (kind == "title" and text.endswith("."))]  # fmt: skip
    spoken = {x for text in said for x in numbers(text)}
    assert len(spoken) > 5 and not spoken - told


def test_when_seeds_get_there_is_told_and_drawn(of_arms):
    """43 s is reached by big0 at 14 min, by big1 at 21, by small2 at 28, by small3 never."""
    part = sections(of_arms)["How fast they got there"]
    (title,) = [text for kind, text in part if kind == "title"]
    head = [text for kind, text in part if kind == "cell"]
    columns = head.index("A01 eval first finish")
    rows = rows_of(of_arms, title, columns)
    levels = [row for row in rows if "best time of 43.00 s" in row[0]]
    at = rows.index(levels[0])
    assert [row[2] for row in rows[at : at + 2]] == ["2 of 2 seeds", "1 of 2 seeds"]
    later = rows[0].index("mean difference, up to 30 min")  # (28 + 30) / 2 less (14 + 21) / 2
    assert [row[later] for row in rows[at : at + 2]] == ["", "+11.5"]
    assert ("source", "arms_A01_first_finish_survival.svg") in part


def test_tables_of_arms_name_what_their_numbers_are_of(of_arms, logdir):
    """Of two seeds their mean, by pandas, once both have finished."""
    title = "A01 eval: best time (s), since the start, by training time"
    head, *rows = rows_of(of_arms, title, 3)
    best = {}
    for names in ARMS.values():
        for name in names:
            races = load(logdir, name).races.set_index("minutes")
            best[name] = races["time_s"].where(races["finished"].to_numpy()).cummin().ffill()
    assert head[1].startswith("big net") and head[2].startswith("small")
    checked = 0
    for at, *cells in rows:
        for text, names in zip(cells, ARMS.values()):
            times = [best[name].asof(float(at)) for name in names]
            if not np.isnan(times).any():
                assert float(text.split(" ")[0]) == pytest.approx(np.mean(times), abs=0.00501)
                checked += 1
    assert checked > 30


def test_performance_profiles_of_arms(of_arms):
    """A figure each of the primary metrics."""
    part = sections(of_arms)["Performance profiles"]
    assert [text for kind, text in part if kind == "source"] == [
        f"arms_A01_{name}_profile.svg" for name in ("late_rate", "late_best_of_10")
    ]


def test_a_figure_shows_what_its_name_says(arms):
    """Eval under the names of eval: the titles in the pictures, which are text in SVG."""
    shown = {path.name: text_of(path) for path in arms.glob("*.svg")}
    labels = {label: name for label, name in LABELS.items() if "A01 eval" in label}
    for label, name in labels.items():
        for suffix, axis in (("", "active training time (min)"),
                             ("_by_step", "steps (frames played)")):  # fmt: skip
            texts = re.findall(r"<text[^>]*>([^<]*)</text>", shown[f"arms_{name}{suffix}.svg"])
            told = f"{label.replace('eval ', 'eval: ')}, since the start"
            assert told in " ".join(texts) and axis in texts
            assert {"big net", "small"} <= {*texts}
    assert len(shown) == 2 * (len(labels) + 2) + 1 + 2 + 1  # panels, profiles, survival


def page_of_a_factorial(tmp_path, failing=""):
    """Arms that differ in two settings, each with two values: 60 and 90 % finish with the one, and
    the other does nothing."""
    arms = {}
    for i, (image, n) in enumerate([(64, 8), (64, 16), (128, 8), (128, 16)]):
        for seed in range(3):
            name = f"w{image}_n{n}_{seed}"
            arms.setdefault(f"w{image}_n{n}", []).append(name)
            every = 10 if image == 128 else 5
            rows = [
                (60 * k, 1000 * k, race(30 - 0.01 * seed)
                 if k % every > (every == 5) and name != failing else race(CUTOFF, False))
                for k in range(1, 61 + seed)
            ]  # fmt: skip
            config = f"neural_network: {{w_downsized: {image}, iqn_n: {n}}}\n"
            write_file(tmp_path / "logs" / name, rows, pid=10 * i + seed, texts={"config": config})
    (page, *_) = report(
        study(arms=arms), logdir=tmp_path / "logs", directory=tmp_path, name="a", styles=["md"]
    )
    return read("md", text_of(page)), arms


def test_a_metric_that_a_seed_lacks_has_no_effects_and_it_is_said_why(tmp_path):
    found, _ = page_of_a_factorial(tmp_path, failing="w64_n8_2")
    told = [text for kind, text in sections(found)["What each knob does"] if kind == "text"]
    assert told == [
        "None on A01 eval late best of 10 races: Effects are of the means of all seeds; "
        "w_downsized 64, iqn_n 8 has 3, 1 of them without a value."
    ]


def test_a_factorial_has_the_effects_of_its_knobs(tmp_path):
    found, arms = page_of_a_factorial(tmp_path)
    settings = table(found, "Where the configurations differ", 5)
    assert list(settings.columns) == list(arms)
    assert settings.loc["neural_network.w_downsized"].tolist() == ["64", "64", "128", "128"]
    (told,) = [name for name, _ in tables_of(found) if name.startswith("What these seeds could")]
    assert {"pairs won", "9 of 9 (chance: 1 in 10)"} <= {*dict(tables_of(found))[told]}
    part = sections(found)["What each knob does"]
    titles = [text for kind, text in part if kind == "title"]
    assert titles[0] == "A01 eval late finish rate: a full factorial of n = 12 seeds; exploratory"
    _, *rows = rows_of(part, titles[0], 7)
    assert [row[:3] for row in rows[:2]] == [["w_downsized", "64", "128"], ["iqn_n", "8", "16"]]
    assert float(rows[0][3].split(" ")[0]) == pytest.approx(30, abs=2)
    assert rows[1][3] == "0.0 points"
    assert ("source", "comparison_A01_eval_late_rate_effects.png") in part


def test_of_many_runs_eight_are_on_the_first_screen(tmp_path):
    names = [f"r{i}" for i in range(11)]
    for i, name in enumerate(names):
        rows = [(60 * k, 1000 * k, race(30 + k * (i + 3) % 7 / 10)) for k in range(1, 21)]
        write_file(tmp_path / "logs" / name, rows, pid=i)
    (page, *_) = report(
        study(runs=names, baseline="r10"), logdir=tmp_path / "logs", directory=tmp_path, name="a",
        styles=["md"],
    )  # fmt: skip
    found = read("md", text_of(page)) + read("md", text_of(tmp_path / "a_appendix.md"))
    shown = {name: cells for name, cells in tables_of(found) if name.startswith("At 20 min")}
    first, every = shown
    assert "8 of 11" in first and "all" in every
    inside = [[x for x in cells if x in names] for cells in shown.values()]
    assert inside[0] == [*names[:7], "r10"] and inside[1] == names
    assert ("heading", "All 40 contrasts") in found
    answers = [text for kind, text in sections(found)[""] if kind == "title" and text.endswith(".")]
    assert answers == [
        "None of 10 others is told from r10 at 20 min by A01 eval late finish rate or A01 eval "
        "late best of 10 races.", "Nor is anything resolved at 20,000 steps.",
        "A01 eval first finish, in times the minutes of r10: r0 1.00, r1 1.00 and r2 1.00 (one "
        "run each).",
    ]  # fmt: skip


def test_runs_with_nothing_but_a_loss(logdir, tmp_path):
    """No race, no configuration, nothing about the machine: the page says so."""
    files = report(
        study(), logdir=logdir, directory=tmp_path, name="a", styles=["md"], formats=["jpg"],
        cache=False,
    )  # fmt: skip
    assert [path.name for path in files] == [
        "a.md", "a_appendix.md", "comparison_loss_by_time_and_step.jpg", "comparison_loss.jpg",
        "comparison_loss_by_step.jpg", "comparison_captions.md",
    ]  # fmt: skip
    found = read("md", text_of(files[0])) + read("md", text_of(files[1]))
    parts = sections(found)
    assert ("text", "The configurations of these runs were not logged.") in parts[
        "Configuration changes"
    ]
    assert ("text", "The logs do not tell on which machines they ran.") in parts[
        "Runs and machines"
    ]
    answers = [text for kind, text in parts[""] if kind == "title" and text.endswith(".")]
    assert len(answers) == 1 and "nothing is claimed" in answers[0]
    assert table(found, "Runs", 6)["races"].tolist() == ["0", "0"]
    (name,) = [name for name, _ in tables_of(found) if name.startswith("Values at 30 min")]
    assert rows_of(found, name, 3)[1] == ["loss", "98.00", "113.00 (+15.00)"]
    best = table(found, "loss, by training time", 3)
    assert best["only"].tolist() == [f"{128 - k:.2f}*" for k in range(1, 31)]
    said = [text for kind, text in found if kind in ("item", "text", "title")]
    assert not any(word in text for text in said for word in ("nan", "None", "inf "))


def test_a_loss_that_is_declared_primary(logdir, tmp_path):
    """It is compared, and has no interval of one run each."""
    (page, *_) = report(
        study(primary=["loss"], names={"only": "the one", "only_b": "the other"}), logdir=logdir,
        directory=tmp_path, name="a", styles=["md"], cache=False,
    )  # fmt: skip
    found = read("md", text_of(page))
    answers = [text for kind, text in found if kind == "title" and text.endswith(".")]
    assert answers[0].startswith("Whether the other is better than the one at 30 min")
    assert "loss +15" in answers[0]
    rows = rows_of(found, "At 30 min", 7)
    assert rows[1][:2] == ["the one", "98.00"] and rows[2][:2] == ["the other", "113.00"]


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
    pages = report(some, logdir=tmp_path / "logs", directory=tmp_path, name="a", styles=["md"])
    found = [part for path in pages[:2] for part in read("md", text_of(path))]
    shown = table(found, "As logged", 3)
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
    assert table(found, "Runs", 6).index.tolist() == names
    if style == "html":
        (values,) = [name for name, _ in tables_of(found) if name.startswith("Values at 10 min")]
        assert rows_of(found, values, 6)[0][1:] == names
    assert ("alt", f"loss by active training time (min): {', '.join(names)}") in found


def test_runs_of_equal_length_do_not_differ_in_it(logdir, tmp_path):
    (path, *_) = report(
        study(), logdir=logdir, directory=tmp_path, name="a", styles=["md"], cache=False
    )
    assert "differ in length" not in text_of(path)


def page_of(tmp_path, logdir, **fields):
    (page, *_) = report(
        study(**fields), logdir=logdir, directory=tmp_path, name="a", styles=["md"],
        formats=["svg"], cache=False,
    )  # fmt: skip
    return read("md", text_of(page))


def test_seeds_of_arms_can_be_looked_at_closer(logdir, tmp_path):
    """A pair of them, whose cautions stand where they are, since they are none of the arms."""
    arms = {"big": ["big0", "big1"], "small": ["small2", "small3"]}
    found = page_of(tmp_path, logdir, arms=arms, closer=["big0", "small3"])
    parts = sections(found)
    (name,) = [name for name in parts if "alone" in name]
    alone = [text for kind, text in parts.pop(name) if kind == "item"]
    assert alone[0].startswith("One seed each")
    assert "One seed each" not in " ".join(text for part in parts.values() for _, text in part)
    assert not said_twice(found)


def test_what_is_looked_at_closer_is_less_than_all(logdir, tmp_path):
    found = page_of(tmp_path, logdir, runs=["big0", "big1"], closer=["big1", "big0"])
    assert not said_twice(found) and not [name for name in sections(found) if "alone" in name]


def test_of_a_pair_that_is_not_compared_it_is_said_once(logdir, tmp_path):
    """Where it is looked at: the others are compared."""
    rows = [(60 * k, 90_000 + 1000 * k, race(40.0)) for k in range(1, 31)]
    write_file(tmp_path / "logs" / "on", rows, pid=20)
    for name in ("big0", "big1"):
        shutil.copytree(logdir / name, tmp_path / "logs" / name)
    runs = ["big0", "big1", "on"]
    found = page_of(tmp_path, tmp_path / "logs", runs=runs, closer=["big0", "on"])
    told = [text for _, text in found if text.startswith("Nothing is compared with big0 (on")]
    assert len(told) == 1 and not said_twice(found)


def test_heads_tell_only_what_there_is(logdir, tmp_path):
    """Late windows where a late metric is primary, corrections of several, ratios where one is."""
    primary = ["A01/eval/best", "A01/eval/first_finish"]
    found = page_of(tmp_path, logdir, runs=["big0", "small2"], primary=primary)
    titles = [name for name, _ in tables_of(found)]
    assert "At 30 min: A01 eval races" in titles and "Against big0" in titles
    alone = page_of(tmp_path, logdir, runs=["big0"])
    assert "Up to 30 min; levels: held to the end" in [name for name, _ in tables_of(alone)]
