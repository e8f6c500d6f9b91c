"""Kernels that put pieces together."""

from __future__ import annotations

from seqtool.kernels import Ints, kernel


@kernel("void(i4[::1], u1[::1], i8[::1], u1[::1])")
def join_pieces(ids: Ints, arena: Ints, piece_starts: Ints, out: Ints) -> None:
    """Write the bytes of the pieces one behind the other into ``out``, which has room for all."""
    at = 0
    for i in range(len(ids)):
        first = piece_starts[ids[i]]
        length = piece_starts[ids[i] + 1] - first
        for j in range(length):
            out[at + j] = arena[first + j]
        at += length
