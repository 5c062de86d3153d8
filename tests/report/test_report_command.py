"""The `tmnet report` command."""

import base64
import re
import shlex
import shutil

import pytest
from PIL import Image

from tmnet.cli import main

from .pages import STYLES, contents, text_of
from .reading import read


@pytest.fixture
def command(command, logdir):
    """The same for `tmnet report`; standard error as lines."""

    def run(*arguments, logdir=logdir):
        where = ["--logdir", logdir] if logdir else []
        status, out, err = command("report", *arguments, *where)
        return status, out, err.splitlines()

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
    assert out == f"{', '.join(map(str, pages))}, with 3 figures\n"
    assert {path.name for path in pages[0].parent.iterdir()} == {
        *(path.name for path in pages), "only_only_b_captions.md",
        "only_only_b_appendix.md", "only_only_b_appendix.rst",
        *(f"only_only_b_loss{part}.png" for part in ("", "_by_step", "_by_time_and_step")),
    }  # fmt: skip
    for path in pages:
        found = read(path.suffix[1:], text_of(path))
        assert found[0] == ("heading", "Comparison of only, only_b")
        assert "nothing is claimed" in found[1][1]  # there is no question


def test_reports_of_two_studies(command, tmp_path):
    one = write_study(tmp_path / "one.yaml", title="First", prefix="p1")
    two = write_study(tmp_path / "two.yaml", title="Second", prefix="p2", runs="[only_b]")
    status, out, err = command(one, two, "--output-dir", tmp_path / "out", "--format", "md")
    assert (status, err) == (0, []) and len(out.splitlines()) == 2
    for name, title, prefix in (("one", "First", "p1"), ("two", "Second", "p2")):
        found = read("md", text_of(tmp_path / "out" / f"{name}.md"))
        assert found[0] == ("heading", title)
        sources = {text for kind, text in found if kind == "source"}
        assert sources == {f"{prefix}_loss_by_time_and_step.png"}


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
    words = shlex.split(typed)
    assert words[:2] == ["tmnet", "report"]
    shutil.rmtree(tmp_path / "my out")
    assert main(words[1:]) == 0
    assert contents(tmp_path / "my out") == first


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
    names = {f"only_loss{suffix}.{kind}" for suffix in ("", "_by_step", "_by_time_and_step")
             for kind in ("pdf", "png")}  # fmt: skip
    tables = {"only_table.tex", "only_table_by_step.tex", "only_findings.tex"}
    others = {"only.md", "only_appendix.md", "only_captions.md"}
    assert {path.name for path in tmp_path.iterdir()} == names | tables | others
    found = read("md", text_of(tmp_path / "only.md") + text_of(tmp_path / "only_appendix.md"))
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
