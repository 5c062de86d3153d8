"""The frames of records in an event file, and their checksums.

An event file is a chain of records ``length u64 | crc u32 | data | crc u32``; the data is one
``Event`` protobuf.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import google_crc32c
import numpy as np

HEADER = 12  # length and its checksum
FRAME = 16  # header and the checksum of the data


def frames(block: np.ndarray) -> tuple[np.ndarray, np.ndarray, int, bool]:
    """Starts and lengths of the whole records of a block, where the rest begins, is it damaged.

    The rest is not damaged where a record goes on behind the block's end: in the next block, or
    in what its training has yet to write.
    """
    import pandas as pd  # not where all is in the cache: to load it takes longer than to read that

    size = len(block)
    data, length_at = block.data, struct.Struct("<Q").unpack_from
    found: list[int] = []
    pos, add = 0, found.append
    while pos + HEADER <= size:
        add(pos)
        pos += length_at(data, pos)[0] + FRAME
    starts = np.array(found, np.int64)
    if not len(starts):
        return starts, starts, 0, False
    headers = np.ndarray((size - HEADER + 1,), [("length", "<u8"), ("crc", "<u4")], block, 0, (1,))
    headers = headers[starts]
    which, distinct = pd.factorize(np.ascontiguousarray(headers["length"]))
    expected = np.array([masked_crc(length.tobytes()) for length in distinct], np.uint32)
    wrong = np.flatnonzero(headers["crc"] != expected[which])
    whole, rest = len(starts), pos
    if len(wrong):
        whole = int(wrong[0])
    elif pos > size:
        whole -= 1
    if whole < len(starts):
        rest = int(starts[whole])
    return starts[:whole], headers["length"][:whole].astype(np.int64), rest, len(wrong) > 0


def groups_of_one_length(
    block: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (rows (records, frame bytes) uint8, record numbers) for each length of record."""
    if not len(starts):
        return
    short = lengths.astype(np.uint16) if lengths.max() < 2**16 else lengths  # 16 bits sort faster
    order = np.argsort(short, kind="stable")
    for records in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
        size = int(lengths[records[0]]) + FRAME
        # Overlapping rows, one beginning at every byte; taking some copies whole rows at a time.
        rows = np.ndarray((len(block) - size + 1,), f"V{size}", block, strides=(1,))
        yield rows[starts[records]].view(np.uint8).reshape(-1, size), records


def mask(crc):
    """The form in which a checksum is stored, so that it is not one of its own record."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def masked_crc(data: bytes | np.ndarray) -> int:
    return mask(google_crc32c.value(data))
