"""A page that is made again: all of it anew but for the author's words."""

from tmnet.report.report import report
from tmnet.report.sections import PROMPTS

from .pages import STYLES, contents, study, text_of
from .reading import read
from .test_words import between, edit


def test_made_twice_it_is_the_same_to_the_byte(logdir, tmp_path):
    formats = ("png", "svg", "pdf", "jpg", "csv", "md", "tex")
    for directory in (tmp_path / "one", tmp_path / "two"):
        report(
            study(),
            logdir=logdir,
            directory=directory,
            name="a",
            styles=STYLES,
            formats=formats,
            commands=["tmnet x"],
            cache=False,
        )
    first = contents(tmp_path / "one")
    figures, tables = 3 * len(formats[:4]), 2 * len(formats[4:]) + 1
    assert len(first) == 3 + 2 + figures + 1 + tables  # pages, appendices, and captions
    assert contents(tmp_path / "two") == first
    report(
        study(),
        logdir=logdir,
        directory=tmp_path / "one",
        name="a",
        styles=STYLES,
        formats=formats,
        commands=["tmnet x"],
        cache=False,
    )
    assert contents(tmp_path / "one") == first


def test_draws_are_the_same_each_time(logdir, arms, tmp_path):
    """Intervals of arms and of races are drawn, with a seed."""
    runs = study(runs=["big0", "small2"], interval=10, step_interval=15_000)
    for directory in (tmp_path / "one", tmp_path / "two"):
        report(runs, logdir=logdir, directory=directory, name="a", styles=["md"], cache=False)
    assert (tmp_path / "one" / "a.md").read_bytes() == (tmp_path / "two" / "a.md").read_bytes()
    assert "95 %" in text_of(tmp_path / "one" / "a.md")


def test_the_authors_words_stay_and_all_else_is_made_anew(logdir, tmp_path):
    report(study(), logdir=logdir, directory=tmp_path, name="a", styles=STYLES, cache=False)
    words = {key: f"About {key}: *so* <b>it</b> is.\n\n  x `y` é".encode() for key in PROMPTS}
    for style in STYLES:
        for key, some in words.items():
            edit(tmp_path / f"a.{style}", key, some)
    again = study(title="Another", question="Whether?", interval=10, baseline="only")
    report(again, logdir=logdir, directory=tmp_path, name="a", styles=STYLES, cache=False)
    for style in STYLES:
        data = (tmp_path / f"a.{style}").read_bytes()
        for key, some in words.items():
            assert between(style, key, data) == some.strip(b"\n")
        text = data.decode()
        assert "Another" in text and "Whether?" in text and "Why?" not in text
        if style == "html":
            assert "Every 10 min up to 30 min" in text
            assert ("cell", "113.00 (+15.00)") in read(style, text)
    first = contents(tmp_path)
    report(again, logdir=logdir, directory=tmp_path, name="a", styles=STYLES, cache=False)
    assert contents(tmp_path) == first


def test_words_stay_where_their_section_has_nothing_to_say(logdir, tmp_path):
    """Of arms, nothing is said about going on; what the author wrote there is not thrown away."""
    report(study(), logdir=logdir, directory=tmp_path, name="a", styles=STYLES, cache=False)
    for style in STYLES:
        edit(tmp_path / f"a.{style}", "going on", b"An hour of my work.")
    arms = study(arms={"x": ["only"], "y": ["only_b"]})
    for some in (arms, study()):
        report(some, logdir=logdir, directory=tmp_path, name="a", styles=STYLES, cache=False)
        for style in STYLES:
            assert (tmp_path / f"a.{style}").read_bytes().count(b"An hour of my work.") == 1
    for style in STYLES:
        data = (tmp_path / f"a.{style}").read_bytes()
        assert between(style, "going on", data) == b"An hour of my work."


def test_words_that_are_given_replace_those_in_the_page(logdir, tmp_path):
    def write(words):
        report(
            study(), logdir=logdir, directory=tmp_path, name="a", styles=STYLES, words=words,
            cache=False,
        )  # fmt: skip

    write({"overview": "One.\n\nTwo & *three*.", "conclusions": "So it is."})
    for style in STYLES:
        laptop = b"<p>A laptop.</p>" if style == "html" else b"A laptop."
        edit(tmp_path / f"a.{style}", "hardware", laptop)
    write({"overview": "Three."})
    for style in STYLES:
        found = read(style, text_of(tmp_path / f"a.{style}"))
        shown = [text for kind, text in found if kind == "text"]
        assert {"Three.", "So it is.", "A laptop."} <= {*shown}
        assert not {"One.", "Two & three."} & {*shown} and ("heading", "Conclusions") in found
