"""`tmnet.read_scalars` of files that are cut off or damaged."""

import itertools
import os
import random
import re
import struct

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.types_pb2 import DT_FLOAT

from .event_files import (
    MIXED,
    VERSION,
    assert_reads_up_to_damage,
    assert_reads_whole_records,
    assert_same_rows,
    event_bytes,
    flipped,
    numbers_in,
    parse,
    read,
    scalar,
    tensor,
    text,
    values_event,
    write_bytes,
    write_events,
)
from .read_slowly import read_slowly, records

PLACES = 60  # truncations and flips per file, as far apart as can be
PREFIX = 100_000  # bytes of a recorded training


def places(size):
    """Places in a file of `size` bytes: one somewhere in each of equal parts."""
    rng = random.Random(size)
    bounds = [size * i // PLACES for i in range(PLACES + 1)]
    return [rng.randrange(a, b) for a, b in itertools.pairwise(bounds)]


def flips(size):
    """Places in a file of `size` bytes, and what the byte there is xor-ed with."""
    rng = random.Random(size)
    return [(place, rng.randrange(1, 256)) for place in places(size)]


@pytest.mark.parametrize("cache", [False, True])
def test_truncated_anywhere(log, block_bytes, cache):
    """A file that is cut off has its whole records, and nothing is wrong with it."""
    whole = parse(MIXED)
    for size in places(len(MIXED)):
        path = write_bytes(log.parent / str(size) / log.name, MIXED[:size])
        assert_reads_whole_records(path, size, whole, cache=cache)


@pytest.mark.parametrize("cache", [False, True])
def test_flipped_anywhere(log, block_bytes, cache):
    """One wrong byte anywhere ends the reading before its record, with a warning, every time."""
    whole = parse(MIXED)
    for place, mask in flips(len(MIXED)):
        path = write_bytes(log.parent / f"{place}_{mask}" / log.name, flipped(MIXED, place, mask))
        for _ in range(1 + cache):
            assert_reads_up_to_damage(path, place, whole, cache=cache)


def test_length_is_checked_by_itself(log):
    """A length that is wrong is damage, though the record seems to end behind the file."""
    whole = parse(MIXED)
    for record, start in enumerate(whole.starts[:-1].tolist()):
        for byte in range(record % 4, 12, 4):
            path = write_bytes(log, flipped(MIXED, start + byte, 0x55))
            assert_reads_up_to_damage(path, start + byte, whole, cache=False)


@pytest.fixture(params=range(3))
def recorded(request, real_log):
    """The first records of a file of a recorded training: their bytes, and what they hold."""
    data = sorted(real_log.iterdir())[request.param].read_bytes()
    end = 0
    while end < min(PREFIX, len(data)):
        end += struct.unpack_from("<Q", data, end)[0] + 16
    return data[:end], parse(data[:end])


def test_real_file_truncated_anywhere(recorded, log):
    """A recorded training that is cut off has its whole records."""
    data, whole = recorded
    log.parent.mkdir()
    # The longest first: the file is cut in place, not written again.
    log.write_bytes(data)
    for size in sorted(places(len(data)), reverse=True):
        os.truncate(log, size)
        assert_reads_whole_records(log, size, whole, cache=False)


def test_real_file_flipped_anywhere(recorded, log):
    """One wrong byte in a recorded training ends the reading before its record."""
    data, whole = recorded
    write_bytes(log, data)
    for place, mask in flips(len(data)):
        overwrite(log, place, data[place] ^ mask)
        assert_reads_up_to_damage(log, place, whole, cache=False)
        overwrite(log, place, data[place])
    assert_reads_whole_records(log, len(data), whole, cache=False)


def overwrite(path, place, byte):
    """Write one byte into a file."""
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(bytes([byte]))


@pytest.mark.parametrize("zeros", [12, 16, 5000])
def test_zeros_at_the_end(log, zeros):
    """Zeros that a crashed file system left at the end are damage, not records."""
    whole = parse(MIXED)
    write_bytes(log, MIXED + bytes(zeros))
    assert_reads_up_to_damage(log, len(MIXED), whole)


def damaged(data, rng):
    """A copy of an event file, damaged in one or two ways."""
    for _ in range(rng.choice([1, 1, 2])):
        place, size = rng.randrange(len(data)), rng.choice([1, 4, 8, 12, 100])
        before, there, behind = data[:place], data[place : place + size], data[place + size :]
        starts = [start for start, body in records(data) if body is not None] or [0]
        first, second = rng.choice(list(itertools.pairwise([*starts, len(data)])))
        record, other = data[first:second], rng.choice(starts)
        data = rng.choice(
            [
                flipped(data, place, 1 << rng.randrange(8)),
                flipped(data, place, rng.randrange(1, 256)),
                before,
                before + behind,
                before + bytes(len(there)) + behind,
                before + rng.randbytes(size) + there + behind,
                data[:second] + record + data[second:],
                data[:first] + data[second:],
                data[:other] + record + data[other:],
            ]
        )
        data = data or bytes(7)
    return data


def remade(data, rng):
    """A copy in which some records hold something else, with checksums that belong to it."""
    bodies = [body for _, body in records(data)]
    for _ in range(rng.choice([1, 3, 10])):
        i = rng.randrange(len(bodies))
        body = bodies[i] or b"\0"
        place, size = rng.randrange(len(body)), rng.choice([1, 1, 2, 8])
        bodies[i] = rng.choice(
            [
                flipped(body, place, 1 << rng.randrange(8)),
                flipped(body, place, rng.randrange(1, 256)),
                body[:place],
                body[:place] + body[place + size :],
                body[:place] + rng.randbytes(size) + body[place:],
                body + body[place:],
                body + rng.choice(bodies),
            ]
        )
    return event_bytes(bodies)


def assert_reads_slowly(frame, messages, slow, path, size):
    """Assert that a file was read as it is record by record, and that the rest is told."""
    assert_same_rows(frame, slow.frame)
    told = [message for message in messages if "Left out" in message]
    assert len(told) == bool(slow.left_out)
    counts = [int(n) for message in told for n in re.findall(r"\((\d+)\)", message)]
    assert sum(counts) == slow.left_out
    broken = [message for message in messages if "is damaged" in message]
    assert len(broken) == (slow.damage is not None)
    for message in broken:
        assert {slow.damage, size - slow.damage} <= numbers_in(message, path)


@pytest.mark.parametrize("change", [damaged, remade])
def test_any_damage(log, block_bytes, change):
    """Whatever is damaged, the rows and the notes are those of reading record by record."""
    rng = random.Random(change.__name__)
    for _ in range(50):
        data = change(MIXED, rng)
        write_bytes(log, data)
        frame, messages = read(log, cache=False)
        assert_reads_slowly(frame, messages, read_slowly(data), log, len(data))


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(b"\xff" * 9, id="no message"),
        pytest.param(Event(step=1).SerializeToString()[:-1], id="half a message"),
        pytest.param(
            values_event(1, tensor("bad", dtype=DT_FLOAT, tensor_content=b"1234567")),
            id="a tensor of 7 bytes",
        ),
        pytest.param(values_event(1, tensor("bad")), id="a tensor of no type"),
        pytest.param(values_event(1, tensor("bad", dtype=DT_FLOAT)), id="a tensor without values"),
        pytest.param(values_event(1, text("bad", b"x", "scalars")), id="a scalar that is text"),
    ],
)
def test_nonsense_with_a_right_checksum(log, nonsense):
    """A record that is whole but makes no sense is left out, with a note; no other row is."""
    plain = values_event(4, scalar("a", 0.5))
    write_events(log, [VERSION, plain, plain, nonsense, plain])
    frame, messages = read(log)
    assert frame["tag"].tolist() == ["a"] * 3
    assert frame["step"].tolist() == [4] * 3
    assert [message.endswith("(1).") for message in messages] == [True]
