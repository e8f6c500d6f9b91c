"""Dropout by a hash of the place, so that no mask has to be kept."""

from __future__ import annotations

import numpy as np

from seqtool.kernels import helper, kernel
from seqtool.nn.parameters import Floats

_LOW_32_BITS = 0xFFFFFFFF
_ZERO = np.float32(0)


@helper
def place_hash(place: int, first_key: int, second_key: int) -> int:
    """32 random bits for each place below 2**32, under keys of 32 bits.

    An integer hash of two multiplications (found by search: Wellons 2018, "Prospecting for hash
    functions") with a key before each. The factors are below 2**31, so nothing overflows.
    """
    x = place ^ first_key
    x ^= x >> 16
    x = (x * 0x21F0AAAD) & _LOW_32_BITS
    x = (x + second_key) & _LOW_32_BITS
    x ^= x >> 15
    x = (x * 0x735A2D97) & _LOW_32_BITS
    return x ^ (x >> 15)


@kernel("void(f4[::1], f4[::1], i8, i8, i8, i8, f4)")
def drop(
    inputs: Floats, outputs: Floats, size: int, first_key: int, second_key: int, threshold: int,
    scale: float,
) -> None:  # fmt: skip
    """outputs = inputs * scale where the hash of the place reaches ``threshold``, 0 elsewhere.

    Places begin again after ``size`` numbers. Both arrays may be the same.
    """
    for start in range(0, len(inputs), size):
        source = inputs[start : start + size]
        target = outputs[start : start + size]
        for k in range(size):
            x = source[k] * scale
            target[k] = x if place_hash(k, first_key, second_key) >= threshold else _ZERO
