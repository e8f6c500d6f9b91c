"""Helpers of kernels: characters out of UTF-8 that may be damaged."""

from __future__ import annotations

from seqtool.kernels import Ints, helper
from seqtool.word_classes import INVALID

# A character is its code point times 8 plus how many bytes it takes.
SIZE_BITS = 3
SIZE_MASK = 7
_INVALID_BYTE = (INVALID << SIZE_BITS) | 1


@helper
def is_follower(byte: int) -> bool:
    """Whether a byte is one of a character behind its first."""
    return byte & 0xC0 == 0x80


@helper
def character(data: bytes | Ints, at: int, end: int) -> int:
    """The character at ``at``; a byte that begins none (Unicode standard, table 3-7) is INVALID."""
    first = int(data[at])
    if first < 0x80:
        return (first << SIZE_BITS) | 1
    size = 2 if first < 0xE0 else (3 if first < 0xF0 else 4)
    if first < 0xC2 or first > 0xF4 or at + size > end:
        return _INVALID_BYTE
    code = first & (0x7F >> size)
    for i in range(at + 1, at + size):
        byte = int(data[i])
        if not is_follower(byte):
            return _INVALID_BYTE
        code = (code << 6) | (byte & 0x3F)
    if size == 3 and (code < 0x800 or (code >= 0xD800 and code <= 0xDFFF)):
        return _INVALID_BYTE
    if size == 4 and (code < 0x10000 or code > 0x10FFFF):
        return _INVALID_BYTE
    return (code << SIZE_BITS) | size
