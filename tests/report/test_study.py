"""Studies: what their files may say, and what is refused."""

import re

import pytest

from tmnet.errors import TmnetError
from tmnet.files import data_path
from tmnet.report.report import report
from tmnet.report.study import Study, load_study

from ..checks import one_sentence, refused
from .pages import PREFIX, RUNS, study

BASE = "title: t\nquestion: q\n"
RUNS_AB = "runs: [a, b]\n"


@pytest.mark.parametrize("name", ["network_size_published", "network_size_big_long"])
def test_the_studies_that_come_with_tmnet(name):
    some = load_study(name)
    assert some.runs == some.run_names() == RUNS
    assert some.baseline == "A01_as20_long" and some.closer == RUNS[:2]
    assert some.prefix == PREFIX and not some.arms and not some.primary
    assert [some.short(name) for name in RUNS] == ["big", "small", "two maps", "two maps long"]
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


def test_a_study_with_arms():
    fields = {"arms": {"x": ["a", "b"], "y": ["c"]}, "baseline": "y", "names": {"x": "X", "a": "A"}}
    some = Study.from_dict({"title": "t", "question": "q"} | fields)
    assert some.run_names() == ["a", "b", "c"] and some.baseline == "y"
    assert [some.short(name) for name in ("x", "y", "a", "b")] == ["X", "y", "A", "b"]


def test_short_names_and_primary_metrics_from_a_file(tmp_path):
    more = "names: {a: the first, b: the second}\nprimary: [A01/eval/late_rate]\n"
    (tmp_path / "x.yaml").write_text(f"{BASE}{RUNS_AB}{more}")
    some = load_study(tmp_path / "x.yaml")
    assert some.names == {"a": "the first", "b": "the second"}
    assert some.primary == ["A01/eval/late_rate"] and some.short("a") == "the first"


FIELDS = {  # values that are wrong, and what the sentence must say is right
    "title": ("a text", ["3", "", "[a]", "true"]),
    "question": ("a text", ["3", "", "{a: b}"]),
    "prefix": ("a text", ["3", "", "[x]"]),
    "runs": ("a list of names", ["a", "[1]", "{a: b}", "", "[[a]]"]),
    "closer": ("a list of names", ["a", "[1]", "{a: b}", "[a, 2]"]),
    "baseline": ("the name of a run or of an arm", ["3", "[a]", "true"]),
    "primary": ("a list of names of metrics", ["loss", "[1]", "{a: b}", "[[a]]"]),
    "names": ("names of runs or arms, each with a short one",
              ["a", "[a]", "{a: 1}", "{a: }", "{a: ''}", "{a: ' '}", "{a: [b]}"]),
    "after": ("a number", ["x", "true", "[1]", "5 min", "{}"]),
    "interval": ("a number", ["x", "true", "[1]"]),
    "step_interval": ("a number", ["x", "false", "50k"]),
    "arms": ("names of arms, each with a list of runs",
             ["a", "[a]", "{x: a}", "{x: []}", "{x: [1]}", "{x: {a: b}}", "{x: }"]),
    "thresholds": ("names of metrics, each with a value",
                   ["3", "[1]", "{A01/eval/best: x}", "{A01/eval/best: }",
                    "{A01/eval/best: [24]}"]),
}  # fmt: skip


def file_refused(path, text, *parts):
    """The sentence with which a file is refused: about the file, and one line."""
    path.write_text(text, encoding="utf-8")
    sentence = refused(lambda: load_study(path))
    assert sentence.startswith(f"{path}: ")
    one_sentence(sentence.removeprefix(f"{path}: "), *parts)


@pytest.mark.parametrize(
    "field, value, right",
    [(field, value, right) for field, (right, values) in FIELDS.items() for value in values],
)
def test_a_field_of_the_wrong_kind(tmp_path, field, value, right):
    others = {"title": "t", "question": "q", "runs": "[a, b]"} | {field: value}
    if field == "arms":
        del others["runs"]
    text = "".join(f"{name}: {some}\n" for name, some in others.items())
    file_refused(tmp_path / "some.yaml", text, f"{field} is ", f"it must be {right}")


@pytest.mark.parametrize("value", ["{A01/eval/best: true}", "{1: 2}", "{A01/eval/best: .nan}"])
def test_a_threshold_of_the_wrong_kind(tmp_path, value):
    file_refused(tmp_path / "some.yaml", f"{BASE}{RUNS_AB}thresholds: {value}\n", "thresholds")


def test_names_of_arms_that_are_numbers(tmp_path):
    file_refused(tmp_path / "some.yaml", f"{BASE}arms: {{1: [only], 2: [only_b]}}\n", "arms is {1")


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
        (f"{BASE}arms: {{x: [a], y: [b]}}\nbaseline: a\n", ["baseline", "'a'", "arms: x, y"]),
        (f"{BASE}{RUNS_AB}names: {{c: d}}\n", ["names has 'c'", "runs and arms: a, b"]),
        (f"{BASE}{RUNS_AB}names: {{a: x, b: x}}\n", ["names calls two of a, b 'x'"]),
        (f"{BASE}{RUNS_AB}names: {{a: b}}\n", ["names calls two of a, b 'b'"]),
        ("", ["holds no fields"]),
        ("- title\n- question\n", ["holds no fields"]),
        ("just text\n", ["holds no fields"]),
        (f"{BASE}runs: [a\n", ["not YAML", "line"]),
        (f"{BASE}\truns: [a]\n", ["not YAML", "line 3"]),
    ],
)
def test_a_study_that_makes_no_sense(tmp_path, text, parts):
    file_refused(tmp_path / "some.yaml", text, *parts)


@pytest.mark.parametrize("field", ["1", "~", "true"])
def test_a_field_whose_name_is_no_text(tmp_path, field):
    file_refused(tmp_path / "some.yaml", f"{BASE}{RUNS_AB}? {field}\n: 3\n", "has no field")


@pytest.mark.parametrize("field, value", [("baseline", "c"), ("closer", "[a, c]")])
def test_a_name_that_is_no_run_is_refused_by_its_field(tmp_path, field, value):
    file_refused(tmp_path / "some.yaml", f"{BASE}{RUNS_AB}{field}: {value}\n", field)


@pytest.mark.parametrize(
    "value",
    ["!!python/object/apply:os.mkdir [made]", "!!python/name:os.mkdir", "!!python/module:os",
     "!!python/object/new:os.mkdir [made]"],
)  # fmt: skip
def test_a_study_cannot_run_code(tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    file_refused(tmp_path / "some.yaml", f"{BASE}{RUNS_AB}prefix: {value}\n", "not YAML", "python/")
    file_refused(tmp_path / "some.yaml", f"{value}\n", "not YAML")
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
        ({"after": float("nan")}, "after is nan; it must be a number"),
        ({"interval": 0}, "interval is 0"),
        ({"interval": float("inf")}, "interval is inf"),
        ({"step_interval": -1}, "interval is -1"),
        ({"thresholds": {"los": 3}}, "no metric los. Nearest: loss"),
        ({"thresholds": {"own/start": 3}}, "own/start"),
        ({"primary": ["los"]}, "no metric los. Nearest: loss"),
        ({"primary": ["own/start"]}, "own/start"),
        ({"runs": ["only", "oly_b"]}, "no run oly_b"),
        ({"arms": {"x": ["only"], "y": ["only"]}}, "only is given twice"),
    ],
)
def test_a_study_that_does_not_fit_the_runs(logdir, tmp_path, fields, sentence):
    with pytest.raises(TmnetError, match=sentence):
        report(study(**fields), logdir=logdir, directory=tmp_path / "out", cache=False)
    assert not list(tmp_path.rglob("*.html"))
