"""A kernel that reads lines of numbers."""

from __future__ import annotations

from seqtool.kernels import Ints, kernel

_SPACE = 32
_NEWLINE = 10
_MOST_IDS = 1 << 31


@kernel("i8(u1[::1], i4[::1], i8[::1])")
def read_numbers(text: Ints, ids: Ints, ends: Ints) -> int:
    """Read lines of numbers with white space between into ``ids``.

    ``ends[t]``: how many numbers lines 0 to t have. Returns the number of lines, or
    -1 - (the place in the text) where something else than a number of an id stands.
    """
    count = 0
    lines = 0
    number = -1
    for at in range(len(text)):
        byte = int(text[at])
        if byte >= 48 and byte <= 57:
            number = (number if number >= 0 else 0) * 10 + (byte - 48)
            if number >= _MOST_IDS:
                return -1 - at
            continue
        if byte != _SPACE and byte != _NEWLINE and byte != 9 and byte != 13:
            return -1 - at
        if number >= 0:
            ids[count] = number
            count += 1
            number = -1
        if byte == _NEWLINE:
            ends[lines] = count
            lines += 1
    return lines
