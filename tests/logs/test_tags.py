"""Records of one layout are told apart by their tags, whatever is in these."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tmnet.logs import layouts

BEFORE, BEHIND = b"before", b"behind"


def check_distinct(tags):
    framed = np.array([[*BEFORE, *tag, *BEHIND] for tag in tags], np.uint8)
    span = (len(BEFORE), len(BEFORE) + len(tags[0]))
    number, first = layouts.distinct_tags(framed, span)
    distinct = list(dict.fromkeys(tags))
    assert len(first) == len(distinct)
    assert [tags[row] for row in first[number]] == tags
    assert [tags.index(tags[row]) for row in first] == first.tolist()


of_one_length = st.integers(1, 20).flatmap(
    lambda n: st.lists(st.binary(min_size=n, max_size=n), min_size=1)
)


@given(of_one_length)
def test_tags_are_numbered(tags):
    check_distinct(tags)


def test_tags_whose_words_have_one_sum():
    first, second = (int(x) for x in layouts._MIXING[:2])
    words = [(7, 11), (8, (11 - first * pow(second, -1, 2**64)) % 2**64), (7, 12)]
    assert len({(a * first + b * second) % 2**64 for a, b in words}) == 2
    tags = [a.to_bytes(8, "little") + b.to_bytes(8, "little") for a, b in words]
    check_distinct([*tags, *tags[::-1]])
