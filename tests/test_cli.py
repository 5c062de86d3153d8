"""The `tmnet` command: what it prints, writes and refuses."""

import base64
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pandas as pd
import pytest
from PIL import Image

import tmnet
from tmnet.analysis.findings import HEADINGS, answer
from tmnet.files import data_path

from .synthetic import load, race, write_file

NAMES = ["long", "short", "never"]


@pytest.fixture
def compare(command, three_runs):
    """The same for `tmnet compare` of the three runs, which must succeed; returns its output."""

    def run(*arguments, names=NAMES):
        status, out, err = command("compare", *names, "--logdir", three_runs, *arguments)
        assert (status, err) == (0, "")
        return out

    return run


@pytest.fixture(scope="module")
def runs(three_runs):
    return [load(three_runs, name) for name in NAMES]


def tidy(runs, by_time, by_step, metrics=None):
    """What `--csv` and `--json` write: the frames of two comparisons, with these options."""
    by_time = tmnet.compare(runs, metrics=metrics, **by_time)
    by_step = tmnet.compare(runs, by="step", metrics=metrics, **by_step)
    rows = [
        {"run": row.run, "axis": axis, "metric": row.metric, "at": row.at, "value": row.value}
        for axis, comparison in (("time", by_time), ("step", by_step))
        for row in comparison.frame.itertuples()
    ]
    return pd.DataFrame(rows)


def read_csv(file):
    return pd.read_csv(file, dtype=str).astype({"at": float, "value": float})


# --- compare ------------------------------------------------------------------------------------


def test_tables_by_time_and_then_by_step(compare):
    out = compare("--step-interval", 15_000)
    rows = [line.split() for line in out.splitlines()]
    assert ["long", "60.0", "60,000", "120", "A01"] in rows
    by_time, by_step = out.split("BY STEP")
    assert re.search(r"BY RELATIVE TIME · active .*, 0 to 30(\.0)? min, every 5\n", by_time)
    assert "0 to 45,000 steps, every 15,000\n" in by_step
    for part, first, best, share in (
        (by_time, "A01 eval 10.0 5.0* –", "30 52.50 35.50* –", "30 46.9 46.9 46.9"),
        (by_step, "A01 eval 10,000", "45,000 48.75 39.50* –", "15,000 23.4 10.9 23.4"),
    ):
        rows = [" ".join(line.split()) for line in part.splitlines()]
        assert any(row.startswith(first) for row in rows)
        assert best in rows[rows.index("A01 eval: best time (s), since the start") :]
        shares = [row.replace("*", "")
                  for row in rows[rows.index("share of time spent training (%)") :]]  # fmt: skip
        assert share in shares


def test_the_answer_comes_first_a_line_a_sentence(compare, runs):
    """And the heaviest caution; for who reads it in a pipe, where nothing has a width."""
    found = tmnet.compare(runs, interval=1).findings()  # which fits runs of half an hour
    told, caution = answer(found), found[0].sentence
    lines = compare().splitlines()
    assert lines[: len(told) + 2] == [*told, f"Caution: {caution}", ""]
    assert told[0].startswith("A01 eval late finish rate at 30 min: short is worse than long, in ")
    found = tmnet.compare(runs, interval=1).findings(baseline="short")
    assert compare("--baseline", "short").splitlines()[: len(told)] == answer(found)


def test_all_findings_under_their_headings(compare, runs):
    found = tmnet.compare(runs, interval=1).findings(baseline="never")
    out = compare("--findings", "--baseline", "never")
    words, tables = out.split("BY RELATIVE TIME")
    kinds = {kind for kind in HEADINGS if any(x.kind == kind for x in found)}
    assert len(kinds) > 5
    for kind, heading in HEADINGS.items():
        assert (f"\n{heading}\n{'-' * len(heading)}\n" in words) == (kind in kinds)
    for finding in found:
        claim = "claim: " if finding.stands_out else ""
        assert f"\n- {claim}{finding.sentence}\n" in words
    assert "\n- " not in tables and "\n- " not in compare()


def test_words_are_as_wide_as_the_terminal(compare, monkeypatch):
    """Tables are as wide as they are."""
    monkeypatch.setenv("COLUMNS", "80")
    words, tables = compare("--findings", names=["long", "short"]).split("BY RELATIVE TIME")
    before, _, findings = re.split(r"(?s)\n\n(?= +active)(.*?)\n\n", words, maxsplit=1)
    lines = [*before.splitlines(), *findings.splitlines()]
    assert max(map(len, lines)) in range(75, 81)
    assert all(len(line) <= 80 for line in tables.splitlines() if line.startswith("Note"))
    monkeypatch.delenv("COLUMNS")
    whole = compare("--findings", names=["long", "short"]).split("BY RELATIVE TIME")[0]
    assert whole.split() == words.split()


def test_a_claim_is_called_one(command, tmp_path):
    """Of 200 races one of two runs finishes all, the other none."""
    for name, finished in (("all", True), ("none", False)):
        records = [(15 * k, 100 * k, race(30 + k % 7, finished)) for k in range(1, 201)]
        write_file(tmp_path / name, records)
    status, out, _ = command("compare", "none", "all", "--logdir", tmp_path, "--findings")
    assert status == 0 and out.startswith("A01 eval late finish rate at 50 min: all is better than")
    assert "\n- claim: A01 eval late finish rate at 50 min: all is better than none, in" in out
    assert "Caution: One seed each" in out


@pytest.mark.parametrize(
    "by, head, axis",
    [
        ("relative_step", "BY RELATIVE STEP · steps since the run's first, 0 to ", "relative_step"),
        ("own/counter", "BY OWN/COUNTER · own/counter, 0 to 90 own/counter, every ", "own/counter"),
        ("flops", "BY FLOPS · arithmetic of the network (PFLOP), 0 to ", "flops"),
        ("time", "", None),
    ],
)
def test_what_else_than_time_runs_are_compared_by(command, three_runs, tmp_path, by, head, axis):
    names, logdir = ["short"], three_runs
    if by == "flops":  # which the recorded runs have
        names, logdir = ["A01_as20_long", "uni_20"], data_path("runs")
    csv = tmp_path / "all.csv"
    status, out, err = command("compare", *names, "--by", by, "--logdir", logdir, "--csv", csv)
    assert (status, err) == (0, "")
    assert "BY RELATIVE TIME" in out and "BY STEP" not in out and head in out
    assert set(read_csv(csv)["axis"]) == {"time"} | ({axis} if axis else set())


def test_tables_say_of_when_they_are(compare):
    """All races since the start, as published; and other ones on request."""
    assert "A01 eval: best time (s), since the start" in compare()
    out = compare("--trailing", "late", "--metrics", "A01/eval/finish_rate", "A01/eval/late_rate")
    by_time, by_step = out.split("BY STEP")
    assert "A01 eval: finish rate (%), last 15 min" in by_time
    assert "A01 eval: finish rate (%), since the start" in by_step
    assert "A01 eval: late finish rate (%), last 15 min" in by_time


def test_without_races_or_time_a_sentence_stands_in_place_of_the_answer(command, tmp_path):
    for name in ("a", "b"):
        write_file(tmp_path / name, [(60 * k, 100 * k, {"loss": 1 / k}) for k in range(1, 9)])
        now = [(7, 100 * k, {"loss": 1 / k}) for k in range(1, 9)]
        write_file(tmp_path / f"now_{name}", now, start=7)
    status, out, err = command("compare", "a", "b", "--logdir", tmp_path)
    assert (status, err) == (0, "") and out.startswith("These runs have no races")
    assert "BY RELATIVE TIME" in out and "BY STEP" in out
    status, out, err = command("compare", "now_a", "now_b", "--logdir", tmp_path, "--findings")
    assert status == 0 and out.startswith("These runs have no races")
    assert "BY RELATIVE TIME" not in out and "BY STEP" in out
    status, out, err = command("compare", "a", "--logdir", tmp_path)
    assert (status, err) == (0, "") and out.startswith("There is nothing to compare.\n")


@pytest.mark.parametrize(
    "arguments, by_time, by_step",
    [
        ([], {}, {}),
        (["--interval", "2.5"], {"interval": 2.5}, {}),
        (["--step-interval", "7000"], {}, {"interval": 7000}),
        (["--step_interval", "7000"], {}, {"interval": 7000}),
        (["--window", "50"], {"window": (0, 50)}, {}),
        (["--window", "20:70"], {"window": (20, 70)}, {}),
        (["--clock", "wall"], {"clock": "wall"}, {}),
        (["--trailing", "10"], {"trailing": 10}, {}),
        (["--trailing", "late"], {"trailing": "late"}, {}),
    ],
    ids=str,
)
def test_written_values_are_the_comparisons(compare, runs, tmp_path, arguments, by_time, by_step):
    csv, json_ = tmp_path / "new" / "all.csv", tmp_path / "all.json"
    out = compare("--csv", csv, "--json", json_, *arguments)
    assert f"All values written to {csv}" in out and str(json_) in out
    expected = tidy(runs, by_time, by_step)
    pd.testing.assert_frame_equal(read_csv(csv), expected, check_exact=True, check_dtype=False)
    rows = json.loads(json_.read_text())
    assert list(rows[0]) == ["run", "axis", "metric", "at", "value"]
    pd.testing.assert_frame_equal(pd.DataFrame(rows), expected, check_exact=True, check_dtype=False)
    assert any(row["value"] is None and row["run"] == "never" for row in rows)


def test_some_metrics_and_all_scalars(compare, runs, tmp_path):
    names = ["loss", "A01/explo/best", "own/counter"]
    compare("--csv", tmp_path / "some.csv", "--metrics", *names)
    got = read_csv(tmp_path / "some.csv")
    pd.testing.assert_frame_equal(got, tidy(runs, {}, {}, names), check_dtype=False)
    compare("--csv", tmp_path / "all.csv", "--all-scalars")
    default = {some.name for some in tmnet.compare(runs).metrics}
    every = {tag for run in runs for tag in run.tags}
    assert set(read_csv(tmp_path / "all.csv")["metric"]) == default | every
    assert "own/counter" in every - default
    told = f"Note: {len(every - default)} other scalars are not shown; --all-scalars shows them."
    assert told in compare()
    assert "not shown" not in compare("--all-scalars") + compare("--metrics", "loss")


def test_how_far_a_coarse_grid_leaves_the_end_of_the_window(command, tmp_path):
    for name in "ab":
        write_file(tmp_path / name, [(60 * k, 1000 * k, race(20.0)) for k in range(1, 15)])
    told = "Note: The tables end at 10 min, the last multiple of 5 in a window of "
    compare = ("compare", "a", "b", "--logdir", tmp_path)
    _, out, _ = command(*compare)
    answer = "the answer is of 14 min, to where --interval 0.5 has tables, too."
    assert f"{told}14 min; {answer}" in out and " at 14 min " in out.partition("\n\n")[0]
    for options in (("--interval", "7"), ("--interval", "10"), ("--window", "10")):
        assert told not in command(*compare, *options)[1]


def test_of_runs_that_are_long_a_short_window_leaves_the_answer_and_the_tables_short(
    command, tmp_path
):
    for name in "ab":
        write_file(tmp_path / name, [(60 * k, 1000 * k, race(20.0)) for k in range(1, 121)])
    _, out, _ = command("compare", "a", "b", "--logdir", tmp_path, "--window", "13")
    told = "Note: The tables end at 10 min, the last multiple of 5 in a window of 13 min."
    assert told in out and " at 10 min " in out.partition("\n\n")[0]


def test_only_a_run_that_was_joined_has_its_pieces_listed(command, tmp_path):
    """And what no run has, such as a map or downtime, is no column."""
    for name, first in (("PPO_1", 0), ("PPO_2", 0), ("uni", 0), ("uni_2", 8)):
        records = [(60 * k, 1000 * k, {"reward": k}) for k in range(first + 1, first + 9)]
        write_file(tmp_path / name, records, start=60 * first)
    _, out, _ = command("list", "--logdir", tmp_path)
    head, _, *rows = [line.split() for line in out.splitlines()]
    assert head == ["active", "min", "steps", "races", "processes", "goes", "on", "in"]
    assert [row[0] for row in rows] == ["PPO_1", "PPO_2", "uni"]
    assert [row[4:] for row in rows] == [["1"], ["1"], ["2", "_2"]]


def test_without_races_all_scalars_are_shown_be_one_called_loss_or_not(command, tmp_path):
    """A trainer's result has any name; that it logs a loss, too, must not hide that."""
    logged = {"loss": 0.5, "rollout/ep_rew_mean": 123.0}
    write_file(tmp_path / "PPO_1", [(60 * k, 1000 * k, logged) for k in range(1, 9)])
    status, out, err = command("compare", "PPO_1", "--logdir", tmp_path)
    assert (status, err) == (0, "")
    assert "rollout/ep_rew_mean" in out and "123.00" in out and "not shown" not in out


def test_long_tables_are_thinned_and_say_so(compare):
    out = compare("--interval", 0.5, "--metrics", "loss")
    assert "(shown: every 2 of 60 grid points; --csv writes all)" in out


@pytest.mark.parametrize("by_step", [False, True])
def test_figures(compare, tmp_path, by_step):
    folder = tmp_path / "figures"
    metrics = ["A01/eval/best", "A01/explo/best", "loss"]
    out = compare(
        *["--plot", *["--by-step"] * by_step, "--output-dir", folder, "--prefix", "exp"],
        *["--formats", "jpg,csv", "--metrics", *metrics],
    )
    suffixes = ["", "_by_step"] if by_step else [""]
    names = {f"exp_{name}{suffix}.jpg" for name in ("A01_best", "A01_explo_best", "loss")
             for suffix in suffixes}  # fmt: skip
    tables = {f"exp_table{suffix}.csv" for suffix in suffixes}
    assert {path.name for path in folder.iterdir()} == names | tables
    assert f"{len(names | tables)} files written to {folder}" in out
    for name in names:
        with Image.open(folder / name) as image:
            image.load()
            assert image.format == "JPEG"


def test_a_run_that_is_named_twice_is_compared_once(compare):
    assert compare(names=["long", "short", "long"]) == compare(names=["long", "short"])


def test_without_the_cache(compare, three_runs, tmp_path, monkeypatch):
    monkeypatch.setenv("TMNET_CACHE_DIR", str(tmp_path / "cache"))
    out = compare("--no-cache")
    assert not (tmp_path / "cache").exists()
    assert compare() == out and any((tmp_path / "cache").iterdir())
    assert compare() == out


# --- list, demo, help ---------------------------------------------------------------------------


def test_list(command, three_runs):
    status, out, err = command("list", "--logdir", three_runs)
    assert (status, err) == (0, "")
    rows = [line.split() for line in out.splitlines()[2:]]
    assert rows == [
        ["long", "60.0", "60,000", "120", "A01"],
        ["never", "45.0", "45,000", "45", "A01"],
        ["short", "30.0", "60,000", "30", "A01"],
    ]


def test_downtime_and_processes_are_listed_where_there_are_any(command, tmp_path):
    for process, begin in enumerate((0, 1000)):
        records = [(begin + 60 * k, 500 * (begin > 0) + 100 * k, {"loss": 1}) for k in range(1, 6)]
        write_file(tmp_path / "paused", records, start=begin, pid=process)
    head, _, row = command("list", "--logdir", tmp_path)[1].splitlines()
    assert head.split() == ["active", "min", "wall", "min", "steps", "races", "processes"]
    assert row.split() == ["paused", "10.0", "21.7", "1,000", "0", "2"]


def test_list_of_the_runs_that_come_with_tmnet(command, tmp_path, monkeypatch):
    """Where there is neither --logdir nor a folder `tensorboard`; and a note says so."""
    monkeypatch.chdir(tmp_path)
    status, out, err = command("list")
    assert status == 0
    assert err.startswith("note: ") and "recorded" in err and err.count("\n") == 1
    assert [line.split()[0] for line in out.splitlines()[2:]] == [
        "A01_as20_big_long", "A01_as20_long", "uni_20", "uni_20_long"
    ]  # fmt: skip
    assert "_2, _3, _4, _5" in out


def test_the_folder_tensorboard_is_the_default(command, tmp_path, monkeypatch):
    write_file(tmp_path / "tensorboard" / "mine", [(60, 1, {"loss": 1})])
    monkeypatch.chdir(tmp_path)
    status, out, err = command("list")
    assert (status, err) == (0, "") and out.splitlines()[2].startswith("mine ")


class Links(HTMLParser):
    """Everything in a page that a browser would load or follow, and the page's text."""

    def __init__(self, page):
        super().__init__()
        self.found, self.tags, self.words = [], set(), ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.found += [
            value for name, value in attrs
            if name in ("src", "srcset", "href", "data", "poster", "action", "background")
        ]  # fmt: skip

    def handle_data(self, data):
        self.words += data


@pytest.fixture
def terminal(monkeypatch):
    """Eighty columns."""
    monkeypatch.setenv("COLUMNS", "80")


def test_demo(command, tmp_path, terminal, monkeypatch):
    """Question, answer and caution, and where all the rest is, on one screen."""
    monkeypatch.chdir(tmp_path)
    status, out, err = command("demo", "--output-dir", "demo")
    assert status == 0 and "tmnet:" not in err  # a progress bar may be there
    lines = out.splitlines()
    assert len(lines) <= 25 and max(map(len, lines)) <= 80
    told = " ".join(line.strip() for line in lines)
    assert "Does a bigger one need more time" in told and "Caution: One seed each" in told
    assert "Whether big is better than small at 22 min is not resolved" in told
    folder = tmp_path / "demo"
    figures = sorted(path.name for path in folder.glob("*.png"))
    assert f"Figures:   {len(figures)} in demo" in lines
    assert {f"exp_network_size_big_long_{name}.png" for name in ("A01_best", "loss", "avg_q")} < {
        *figures
    }
    page = (folder / "index.html").read_text(encoding="utf-8")
    links = Links(page)
    assert not {"script", "link", "iframe"} & links.tags
    assert "url(" not in page and "@import" not in page and "http" not in page
    pictures = [link for link in links.found if not link.startswith("#")]
    assert len(pictures) == len(figures)  # by time, by step, and both
    for link in pictures:
        kind, _, data = link.partition(",")
        assert kind == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as image:
            image.load()
    for words in ("Against the baseline", "iqn_embedding_dimension", "uni_20_long_2", "torch"):
        assert words in links.words


def test_demo_with_tables(command, tmp_path, terminal):
    status, out, _ = command("demo", "--tables", "--output-dir", tmp_path / "x")
    assert status == 0
    assert re.search(r"A01 eval +7\.9 +3\.5", out)  # first finishes
    assert all(f"BY {axis}" in out for axis in ("RELATIVE TIME", "STEP"))
    assert max(len(line) for line in out.splitlines() if str(tmp_path) not in line) <= 80


def test_help_of_the_module():
    """As a command of its own, without what it does not need."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tmnet", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(name in done.stdout for name in ("compare", "list", "demo", "lab"))
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "argparse" in imported
    assert not {"torch", "pandas", "matplotlib", "tensorboard"} & imported


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["lng"], "no run lng .*Nearest: long"),
        (["long", "--interval", "0"], "interval is 0"),
        (["long", "--interval", "-5"], "interval is -5"),
        (["long", "--step-interval", "0"], "interval is 0"),
        (["long", "--step-interval", "-1"], "interval is -1"),
        (["long", "--interval", "1e-9"], "longer interval"),
        (["long", "--trailing", "0"], "trailing is 0"),
        (["long", "short", "--baseline", "shor"], "baseline shor is none of .*: long, short"),
        (["long", "--by", "stepp"], "axis stepp is not a counter that run long logged"),
        (["long", "--by", "flops"], "did not log what its arithmetic follows from"),
        (["long", "--window", "50:20"], "window ends before it starts: 50 to 20"),
        (["long", "--metrics", "los"], "no metric los. Nearest: loss"),
        (["long", "--plot", "--formats", "png,bmp"], "format bmp cannot be written"),
        (["long", "--plot", "--output-dir", "file/folder"], "file/folder cannot be made"),
        (["long", "--csv", "file/all.csv"], "folder file cannot be made"),
        (["long", "--json", "folder"], "folder cannot be written"),
        (["long", "--json", "."], "cannot be written"),
    ],
    ids=str,
)
def test_bad_input_is_one_sentence(command, three_runs, tmp_path, monkeypatch, arguments, message):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert_refused(command("compare", *arguments, "--logdir", three_runs), message)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


def test_a_run_of_enormous_steps_is_compared(command, tmp_path):
    write_file(tmp_path / "X", [(60 * i, 10**18 * i, {"loss": i}) for i in range(1, 9)])
    status, out, _ = command("compare", "X", "--logdir", tmp_path)
    assert status == 0 and "BY RELATIVE TIME" in out and "BY STEP" in out


@pytest.mark.parametrize("name", ["compare", "list"])
@pytest.mark.parametrize("folder", ["empty", "missing", "file"])
def test_a_log_directory_without_runs(command, tmp_path, name, folder):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("not a folder")
    runs = ["long"] if name == "compare" else []
    assert_refused(command(name, *runs, "--logdir", tmp_path / folder), folder)


def test_a_demo_that_cannot_be_written(command, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert_refused(command("demo", "--output-dir", tmp_path / "file" / "x"), "cannot be made")


def assert_refused(done, message):
    status, _, err = done
    lines = [line for line in err.splitlines() if not line.startswith("note:")]
    assert status == 2
    assert len(lines) == 1 and lines[0].startswith("tmnet: ")
    assert re.search(message, lines[0])


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare"],
        ["compare", "long", "--window", "abc"],
        ["compare", "long", "--interval", "abc"],
        ["compare", "long", "--clock", "sundial"],
        ["compare", "long", "--trailing", "early"],
        ["compare", "long", "--nonsense"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_bad_usage_is_one_sentence(command, arguments):
    assert_refused(command(*arguments), "")


@pytest.mark.parametrize("tag, formats, files", [("charts/SPS", "png", 1), ("loss", ",", 0)])
def test_figures_of_what_little_there_is(command, tmp_path, tag, formats, files):
    records = [(60 * k, k, {tag: k}) for k in range(1, 11)]
    write_file(tmp_path / "logs" / "X", records)
    status, out, err = command(
        *["compare", "X", "--logdir", tmp_path / "logs", "--plot", "--formats", formats],
        *["--output-dir", tmp_path / "out"],
    )
    assert (status, err) == (0, "") and tag in out
    assert len(list((tmp_path / "out").iterdir())) == files


def test_damaged_files_are_noted(command, tmp_path):
    path = write_file(tmp_path / "X", [(60 * k, k, {"loss": k}) for k in range(1, 11)])
    data = bytearray(path.read_bytes())
    data[-30] ^= 1
    path.write_bytes(data)
    status, out, err = command("compare", "X", "--logdir", tmp_path)
    assert status == 0 and "loss" in out
    assert err.startswith(f"note: {path} is damaged") and err.count("\n") == 1
