"""Random numbers in kernels."""

from __future__ import annotations

from seqtool.kernels import Ints, helper

_LOW_32_BITS = 0xFFFFFFFF


@helper
def xorshift(state: int) -> int:
    """The next state of a generator of 32 bits (Marsaglia 2003, "Xorshift RNGs"); never 0."""
    state ^= (state << 13) & _LOW_32_BITS
    state ^= state >> 17
    state ^= (state << 5) & _LOW_32_BITS
    return state


@helper
def rotate(word: int, count: int) -> int:
    """The 32 bits of ``word`` turned to the left by ``count``."""
    return ((word << count) & _LOW_32_BITS) | (word >> (32 - count))


@helper
def xoshiro(state: Ints) -> int:
    """The next of a sequence of 32-bit numbers: xoshiro128++ (Blackman and Vigna 2021).

    ``state`` is int64 (4,): numbers of 32 bits, not all 0. The period is 2**128 - 1.
    """
    a = int(state[0])
    b = int(state[1])
    c = int(state[2]) ^ a
    d = int(state[3]) ^ b
    result = (rotate((a + int(state[3])) & _LOW_32_BITS, 7) + a) & _LOW_32_BITS
    state[0] = a ^ d
    state[1] = b ^ c
    state[2] = c ^ ((b << 9) & _LOW_32_BITS)
    state[3] = rotate(d, 11)
    return result


@helper
def uniform(state: Ints) -> float:
    """A random number in [0, 1) with 53 random bits, from two steps of `xoshiro`."""
    high = xoshiro(state) >> 5
    low = xoshiro(state) >> 6
    return (high * 67108864 + low) / 9007199254740992.0
