"""Texts that a log may hold, made to be taken for something else where they are shown."""

import os
import re
import unicodedata

from hypothesis import Phase, settings
from hypothesis import strategies as st

# How many of each are tried: few in the suite; thousands by hand, when a place for text changes.
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", 0))

PIECES = [
    # terminals
    "\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\x00", "\x07", "\x08", "\x7f", "\n", "\r", "\r\n",
    "\t",
    # what has no width, turns the direction, or looks like another
    "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u2028", "\u00a0", "\u3164", "\ufe0f",
    "\U000e0041",
    "e\u0301", "é", "日本", "\U0001f680", "\ue000", "\U0010ffff", r"\x1b", r"\u202e", "\\", "\\\\",
    # HTML
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"'><svg onload=alert(1)>",
    "</title>",
    "</pre>", "</details>", "<!-- author's words: overview -->", "<!--", "-->", "]]>", "&amp;",
    "&#60;",
    "javascript:alert(1)", "<a href='http://example.org'>",
    # TeX and matplotlib
    "$", "$x^2$", "$$", r"\frac{1}{0}", r"\(", r"\[", r"\begin{x}", r"\input{/etc/passwd}", "{",
    "}", "^",
    "_", "__", "%", "~", "#", "&",
    # Markdown and reStructuredText
    "`", "```", "|", "*", "**", "~~", "[a](b)", "![a](b)", "- ", "1. ", "> ", "# ", "---", "===",
    "::",
    ".. note::", ".. author's words: overview", ".. end of the author's words", "|a|_", "`a`_",
    ":a:",
    # spreadsheets, formats, names of files
    "=1+1", "+1", "-1", "@SUM(A1)", "'", '"', ",", ";", "%s", "{0}", "{name}", "..", "/", ":", "?",
    "CON",
    "nul.txt", " ", "  ", ".", "a", "B", "loss", "seed_1", "7", "long" * 30,
]  # fmt: skip

pieces = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
texts = pieces | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# What os.fsdecode makes of folders whose names are not UTF-8, and what JSON may hold.
broken = st.tuples(texts, st.sampled_from(["\udcff", "\ud800", "\udc80\udcfe"])).map("".join)
any_texts = texts | broken


def examples(few, **options):
    """Settings of a test with few examples, or as many as were asked for by hand."""
    phases = (Phase.explicit, Phase.generate)  # to find a smaller one may take many minutes
    return settings(
        max_examples=EXAMPLES or few, derandomize=not EXAMPLES, phases=phases, **options
    )


def unseen(text):
    """Signs of a text that nobody sees, by their category alone; a common space can be seen."""
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
    return {
        sign for sign in text
        if (unicodedata.category(sign) in hidden and sign != " ")
        or sign in "\u034f\u115f\u1160\u3164\uffa0" or "\ufe00" <= sign <= "\ufe0f"
    }  # fmt: skip


def read_back(shown):
    """What was shown, by what its escapes stand for."""
    form = r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|\\U([0-9a-f]{8})"
    return re.sub(form, lambda match: chr(int(match[match.lastindex], 16)), shown)
