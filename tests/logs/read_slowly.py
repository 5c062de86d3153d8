"""What an event file holds, whatever became of it: one record after the other, by protobuf."""

import struct
from typing import NamedTuple

import numpy as np
import pandas as pd
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.util.tensor_util import make_ndarray

from .event_files import COLUMNS


class Slowly(NamedTuple):
    """What can be read of an event file, and what cannot."""

    frame: pd.DataFrame
    left_out: int  # records with a right checksum that protobuf refuses, and scalars of no number
    damage: int | None  # where the first record with a wrong checksum begins


def read_slowly(data):
    """Read the bytes of an event file."""
    rows, left_out, damage, scalars = [], 0, None, set()
    for start, body in records(data):
        if body is None:
            damage = start
            break
        try:
            event = Event.FromString(body)
        except DecodeError:
            left_out += 1
            continue
        for value in event.summary.value:
            number = number_of(value, scalars)
            if number == "none":
                left_out += 1
            elif number is not None:
                scalars.add(value.tag)
                rows.append((value.tag, event.step, event.wall_time, number))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    kinds = {"tag": object, "step": "int64", "wall_time": float, "value": float}
    return Slowly(frame.astype(kinds), left_out, damage)


def records(data):
    """Yield (start, data) of the whole records; None for the data of the first that is damaged."""
    start = 0
    while start + 12 <= len(data):
        head = data[start : start + 8]
        (size,) = struct.unpack("<Q", head)
        body = data[start + 12 : start + 12 + size]
        stored = data[start + 12 + size : start + 16 + size]
        if data[start + 8 : start + 12] != checksum(head):
            yield start, None
            return
        if len(stored) < 4:
            return
        if stored != checksum(body):
            yield start, None
            return
        yield start, body
        start += 16 + size


def checksum(data):
    """Bytes of a record's checksum."""
    return struct.pack("<I", masked_crc32c(data))


def number_of(value, scalars):
    """Return a summary value's number; "none" if it should have one, None if it is no scalar."""
    if value.WhichOneof("value") == "simple_value":
        return value.simple_value
    if value.WhichOneof("value") != "tensor":
        return None
    plugin = value.metadata.plugin_data.plugin_name
    if plugin != "scalars" and (plugin or value.tag not in scalars):
        return None
    if np.prod([float(dim.size) for dim in value.tensor.tensor_shape.dim]) != 1:
        return "none"
    try:
        array = make_ndarray(value.tensor)
        return float(array.item()) if array.dtype.kind in "fiu" else "none"
    except (TypeError, ValueError, OverflowError):
        return "none"
