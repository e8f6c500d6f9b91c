"""A hash table from the bytes of pieces to their ids.

Piece p is ``data[starts[p]:starts[p + 1]]``. ``slots`` (int32, a power of two long) holds ids
plus one, 0 where it is free; ``mask`` is its length less one.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel

_LOW_32_BITS = 0xFFFFFFFF


@helper
def find_piece(
    text: Ints, begin: int, end: int, data: Ints, starts: Ints, slots: Ints, mask: int
) -> int:
    """The slot of the piece ``text[begin:end]``, or the free one for it."""
    hashed = 0x811C9DC5
    for i in range(begin, end):
        hashed = ((hashed ^ int(text[i])) * 0x01000193) & _LOW_32_BITS
    slot = (hashed ^ (hashed >> 15)) & mask
    while slots[slot] != 0:
        first = int(starts[slots[slot] - 1])
        if int(starts[slots[slot]]) - first == end - begin:
            i = 0
            while begin + i < end and data[first + i] == text[begin + i]:
                i += 1
            if begin + i == end:
                return slot
        slot = (slot + 1) & mask
    return slot


@kernel("void(u1[::1], i8[::1], i4[::1], i8)")
def index_pieces(data: Ints, starts: Ints, slots: Ints, mask: int) -> None:
    """Fill an empty table; of equal pieces the first is found, empty ones are left out."""
    for piece in range(len(starts) - 1):
        if starts[piece] < starts[piece + 1]:
            slot = find_piece(
                data, int(starts[piece]), int(starts[piece + 1]), data, starts, slots, mask
            )
            if slots[slot] == 0:
                slots[slot] = piece + 1


@kernel("i8(u1[::1], i8[::1], i4[::1], i8, i4[::1])")
def split_pieces(data: Ints, starts: Ints, slots: Ints, mask: int, merges: Ints) -> int:
    """Find all ways to cut a piece into two pieces; returns how many there are.

    ``merges`` gets left, right and the piece; it has room for one for every byte of ``data``.
    """
    count = 0
    for piece in range(len(starts) - 1):
        begin = int(starts[piece])
        end = int(starts[piece + 1])
        for cut in range(begin + 1, end):
            left = slots[find_piece(data, begin, cut, data, starts, slots, mask)]
            if left == 0:
                continue
            right = slots[find_piece(data, cut, end, data, starts, slots, mask)]
            if right != 0:
                merges[3 * count] = left - 1
                merges[3 * count + 1] = right - 1
                merges[3 * count + 2] = piece
                count += 1
    return count
