"""Random numbers in kernels."""

from __future__ import annotations

from seqtool.kernels import helper

_LOW_32_BITS = 0xFFFFFFFF


@helper
def xorshift(state: int) -> int:
    """The next state of a generator of 32 bits (Marsaglia 2003, "Xorshift RNGs"); never 0."""
    state ^= (state << 13) & _LOW_32_BITS
    state ^= state >> 17
    state ^= (state << 5) & _LOW_32_BITS
    return state
