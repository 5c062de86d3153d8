"""What tests of every part ask: is it refused in one sentence, and does it come at all?"""

import re
import time

import pytest

from tmnet.errors import TmnetError

PATIENCE = 120  # s, many times what anything here takes: it only ends what would hang


def one_sentence(said: str, *words) -> None:
    """One sentence with these words; dots in numbers, names, ranges and brackets are no ends."""
    assert re.fullmatch(r"[^\n]*[^.?\n][.?]", said), said
    words_only = re.sub(r"\([^()]*\)| \.\. |\. _", "", said)
    assert not re.search(r"\.\s", words_only), said
    for word in words:
        assert str(word) in said, said


def refused(call, *words) -> str:
    """A TmnetError, and nothing behind it, whose one sentence has these words; returns it."""
    with pytest.raises(TmnetError) as caught:
        call()
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    one_sentence(str(caught.value), *words)
    return str(caught.value)


def wait_for(condition, alive=lambda: True) -> None:
    """Until it holds; what it is waited for must be alive until then."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert alive(), "it has ended"
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
