"""Helpers of kernels: exponentials and their sums, the same digits on every processor."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtool.decode.types import Floats
from seqtool.kernels import helper

LOWEST = -3.4028234663852886e38  # the lowest float32; an id that cannot come has -infinity

_SMALLEST = -708.0  # exp of less is 0 here; it would be below the normal numbers
_LANES = 32


@helper
def exp_negative(x: Any) -> Any:
    """``exp(x)`` for x <= 0 in double precision, 0 below -708 and for NaN; vectorises.

    The relative error is below 1e-12. 2**n comes from the bits of the exponent, the rest, at
    most sqrt(2), from the power series.
    """
    y = (x if x > _SMALLEST else _SMALLEST) * 1.4426950408889634
    n = np.int32(y - 0.5)
    z = (y - n) * 0.6931471805599453
    p = 1 / 3628800 * z + 1 / 362880
    p = p * z + 1 / 40320
    p = p * z + 1 / 5040
    p = p * z + 1 / 720
    p = p * z + 1 / 120
    p = p * z + 1 / 24
    p = p * z + 1 / 6
    p = p * z + 0.5
    p = p * z + 1.0
    p = p * z + 1.0
    power = np.int64((np.int64(n) + np.int64(1023)) << np.int64(52)).view(np.float64)
    return p * power if x > _SMALLEST else 0.0


@helper
def lane_maxima(logits: Floats, count: int, lanes: int, maxima: Floats) -> None:
    """``maxima[j]`` becomes the highest of ``logits[j]``, ``logits[j + lanes]`` and so on.

    NaN is passed over. A loop over lanes vectorises, where one over a single maximum does not.
    """
    for lane in range(lanes):
        maxima[lane] = -np.inf
    for begin in range(0, count - lanes + 1, lanes):
        for lane in range(lanes):
            x = logits[begin + lane]
            maxima[lane] = x if x > maxima[lane] else maxima[lane]
    begin = count - count % lanes
    for lane in range(count % lanes):
        x = logits[begin + lane]
        maxima[lane] = x if x > maxima[lane] else maxima[lane]


@helper
def highest(logits: Floats, count: int, scratch: Floats) -> float:
    """The highest of ``count`` numbers, -inf if all are NaN. ``scratch`` has room for 32."""
    lane_maxima(logits, count, _LANES, scratch)
    best = -np.inf
    for lane in range(_LANES):
        x = scratch[lane]
        best = x if x > best else best
    return best


@helper
def exponentials(
    values: Floats, count: int, top: float, temperature: float, weights: Floats
) -> None:
    """``weights`` become ``exp((values - top) / temperature)``; ``top`` is the highest value.

    A temperature below 1e-30, at which only equal logits have a chance, counts as 1e-30.
    """
    factor = 1.0 / (temperature if temperature > 1e-30 else 1e-30)
    for i in range(count):
        weights[i] = exp_negative((values[i] - top) * factor)


@helper
def total(weights: Floats, count: int) -> float:
    """The sum of ``count`` numbers, always added in the same order."""
    a = 0.0
    b = 0.0
    c = 0.0
    d = 0.0
    for i in range(0, count - 3, 4):
        a += weights[i]
        b += weights[i + 1]
        c += weights[i + 2]
        d += weights[i + 3]
    for i in range(count - count % 4, count):
        a += weights[i]
    return (a + b) + (c + d)
