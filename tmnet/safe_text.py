r"""Text from logs, made safe for where it is shown.

Names of runs, tags and configurations come from whoever wrote a log. They stay as they are until
they leave: then each goes once through the function of the place that it is shown in. In all of
them what cannot be seen, such as an escape, has one visible form: ``\x1b``.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Sequence

# Signs without width that Python takes for printable: fillers, joiners, selectors of variants.
_UNSEEN = frozenset(
    chr(code)
    for first, last in (
        (0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x3164, 0x3164),
        (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
LONGEST = 1000  # letters in a cell of a table
# As what `visible` writes; but for bytes in names of folders, which `plain_name` has written so.
_ALIKE = re.compile(r"\\(?=x[0-9a-f]{2}|u(?!dc)[0-9a-f]{4}|U[0-9a-f]{8})")
# What begins one in a spreadsheet, also as wide letters; and what keeps it from that.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20'")


def visible(text: str) -> str:
    r"""A text in which everything can be seen, on one line.

    Control characters, line breaks, spaces but the common one, what has no width or turns the
    direction of writing, and halves of surrogate pairs are written as in Python: ``\x1b``.

    >>> print(visible("red \x1b[31m"))
    red \x1b[31m
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and c not in _UNSEEN else _escaped(c) for c in text)


def distinct(text: str) -> str:
    r"""As `visible`, and no two texts look the same: a written ``\x1b`` becomes ``\x5cx1b``."""
    return visible(_ALIKE.sub(lambda _: r"\x5c", text) if "\\" in text else text)


def shortened(text: str) -> str:
    """A text without its middle, where it is longer than anybody reads in a table."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


def without_shared(names: Sequence[str], letters: float) -> list[str]:
    """Names without the whole words that all of them begin and end with, where one of them is
    longer than so many letters: what is left tells them apart."""
    if len({*names}) < 2 or max(map(len, names)) <= letters:
        return list(names)
    start = _shared(names)
    end = _shared([name[start:][::-1] for name in names])
    before, behind = "…" * (start > 0), "…" * (end > 0)
    return [f"{before}{name[start : len(name) - end]}{behind}" for name in names]


def _shared(names: Sequence[str]) -> int:
    """How many letters the words have that all names begin with."""
    length = 0
    for i, (letter, *others) in enumerate(zip(*names), 1):
        if any(other != letter for other in others):
            break
        if not letter.isalnum():
            length = i
    return length


def _escaped(sign: str) -> str:
    if sign.isascii():
        return f"\\x{ord(sign):02x}"
    return sign.encode("ascii", "backslashreplace").decode()


def for_terminal(text: str) -> str:
    """A text for standard output; what its encoding lacks is as what cannot be seen."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return distinct(text).encode(encoding, "backslashreplace").decode(encoding)


def for_html(text: str) -> str:
    """A text for a page of HTML, in an element or in quotes."""
    return html.escape(distinct(text))


def visible_lines(text: str) -> str:
    """Lines, as of code: each as `visible` has it."""
    return "\n".join(map(visible, text.split("\n")))


def lines_for_html(text: str) -> str:
    """Lines for a page of HTML, in a `pre`."""
    return html.escape(visible_lines(text))


def for_label(text: str) -> str:
    r"""A text for a widget's description, in which JupyterLab looks for TeX: ``\`` and ``$`` are
    escaped, too."""
    return visible(re.sub(r"\\(?!udc)", r"\\x5c", text).replace("$", r"\x24"))


def for_csv(text: str) -> str:
    """A text for a cell of CSV. What spreadsheets would take for a formula has an apostrophe before
    it, which they hide; so has what begins with one."""
    text = distinct(text)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def for_markdown(text: str) -> str:
    """A text for a line of Markdown: signs of its own escaped, where they would mean it."""
    text = re.sub(r"([\\`<>\[\]|~&#$])", r"\\\1", _spaced(distinct(text)))
    # within a word _ means nothing, and behind one * does not at the end: it marks the best value
    text = re.sub(r"((?<![^\W_])[*_]|\*(?!$)|_(?![^\W_]))", r"\\\1", text)
    return re.sub(r"^([-+=](?=\W|$)|\d+(?=[.)](\s|$)))", _start_escaped, text)


def emphasised(text: str, mark: str) -> str:
    """A text for Markdown between marks of emphasis, of which a * at its end would be one."""
    return mark + re.sub(r"(?<=[^\W_])\*$", r"\\*", for_markdown(text)) + mark


def _start_escaped(match: re.Match) -> str:
    """Of a line that would begin a list or underline the one before."""
    return f"{match[0]}\\" if match[0].isdecimal() else f"\\{match[0]}"


def for_rst(text: str) -> str:
    """A text for a line of reStructuredText; as `for_markdown`."""
    text = re.sub(r"([\\`|])", r"\\\1", _spaced(distinct(text)))
    text = re.sub(r"((?<![^\W_])\*|\*(?=\S)|_(?![^\W_]))", r"\\\1", text)
    text = re.sub(r"::$", r":\\:", text)
    if re.fullmatch(r"\\+", text):  # or it would underline
        return f"\\ {text}"
    starts_a_list = re.match(r"[^\w\\]|\w{1,8}[.)](\s|$)", text)
    return f"\\{text}" if starts_a_list else text


def _spaced(text: str) -> str:
    """With single spaces, as these formats show it."""
    return " ".join(text.split())
