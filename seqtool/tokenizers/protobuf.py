"""Reading protocol buffers: the wire format, nothing that was promised believed."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10  # bytes

Value = int | bytes


class ProtobufError(ValueError):
    """What is wrong with a message, and at which byte."""


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message: number, and an integer or bytes (of fixed-size fields, too).

    Raises ProtobufError for a message that is cut or is none.
    """
    at = 0
    while at < len(data):
        begin = at
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _LENGTH:
            size, at = _varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ProtobufError(f"there is no field of kind {kind} (byte {begin:,})")
        if number == 0 or at + size > len(data):
            raise ProtobufError(f"field {number} goes beyond the end (byte {begin:,})")
        yield number, data[at : at + size]
        at += size


def as_bytes(value: Value) -> bytes:
    """The value of a string or bytes field. Raises ProtobufError for a number."""
    if isinstance(value, bytes):
        return value
    raise ProtobufError(f"a number ({value}) stands where text should be")


def as_int(value: Value) -> int:
    """The value of an integer, bool or enum field. Raises ProtobufError for bytes."""
    if isinstance(value, int):
        return value - (1 << 64) if value >> 63 else value
    raise ProtobufError("text stands where a number should be")


def as_float(value: Value) -> float:
    """The value of a float field. Raises ProtobufError for anything else."""
    if isinstance(value, bytes) and len(value) == 4:
        number: float = struct.unpack("<f", value)[0]
        return number
    raise ProtobufError("something else stands where a float should be")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_LONGEST_VARINT):
        if at + place >= len(data):
            raise ProtobufError("the end is missing")
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & ((1 << 64) - 1), at + place + 1
    raise ProtobufError(f"a number has no end (byte {at:,})")
