"""A kernel that writes tokens as lines of text."""

from __future__ import annotations

from seqtool.kernels import Ints, kernel

_SPACE = 32
_NEWLINE = 10


@kernel("i8(i4[::1], i8[::1], u1[::1], i8[::1], u1[::1])")
def write_names(ids: Ints, starts: Ints, arena: Ints, name_starts: Ints, out: Ints) -> int:
    """Write a line for each text: the names of its ids, spaces between. Returns the bytes.

    Name n is ``arena[name_starts[n]:name_starts[n + 1]]``. ``out`` must have room.
    """
    at = 0
    for text in range(len(starts) - 1):
        for i in range(starts[text], starts[text + 1]):
            if i > starts[text]:
                out[at] = _SPACE
                at += 1
            first = name_starts[ids[i]]
            length = name_starts[ids[i] + 1] - first
            for j in range(length):
                out[at + j] = arena[first + j]
            at += length
        out[at] = _NEWLINE
        at += 1
    return at
