"""The arithmetic of one training step, shared by all methods and objectives.

A step has a few *hidden* rows (input vectors, or means of them) and a few *target* rows of the
output table. All pairs are scored, the scores become gradients, and both sides are updated:
three small matrix products instead of many dot products (Ji et al. 2016, "Parallelizing
Word2Vec in Shared and Distributed Memory").

Tables are flat, ``width`` numbers a row. ``scores`` and gradients are (hidden rows, targets),
row-major. Rows are taken two or three at a time so that a number that is loaded is used often.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtool.kernels import helper

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Indices are unsigned: a signed one may count from the end, and checking that for every number
# keeps the loops from vectorising.
_Index = np.uint64

_RANDOM_BITS = 32
_LOW_32_BITS = 0xFFFFFFFF
_MULTIPLIER = 2131995753  # m * 2**32 - 1 and m * 2**31 - 1 are prime: a period of 2**62
_FACTORS = 512  # numbers of at most 2 whose product a double can hold


@helper
def next_random(state: Ints) -> int:
    """The next of a sequence of 32-bit numbers: Marsaglia's multiply-with-carry (1994).

    ``state`` is below 2**63 and not 0. Nothing overflows: compiled code may take for granted
    that signed numbers never do.
    """
    x = int(state[0])
    x = (x & _LOW_32_BITS) * _MULTIPLIER + (x >> _RANDOM_BITS)
    state[0] = x
    return (x ^ (x >> _RANDOM_BITS)) & _LOW_32_BITS


@helper
def random_below(state: Ints, limit: int) -> int:
    """A random number from 0 to ``limit - 1``; ``limit`` is below 2**31."""
    return (next_random(state) * limit) >> _RANDOM_BITS


@helper
def score_pairs(
    hidden: Floats,
    rows: Ints,
    n_rows: int,
    output: Floats,
    targets: Ints,
    n_targets: int,
    width: int,
    scores: Floats,
) -> None:
    """``scores[i, j]`` becomes the dot product of hidden row i and target j."""
    size = _Index(width)
    for i in range(0, n_rows, 2):
        i1 = i + 1 if i + 1 < n_rows else i
        x0 = _Index(rows[i]) * size
        x1 = _Index(rows[i1]) * size
        for j in range(0, n_targets, 4):
            j1 = j + 1 if j + 1 < n_targets else j
            j2 = j + 2 if j + 2 < n_targets else j
            j3 = j + 3 if j + 3 < n_targets else j
            y0 = _Index(targets[j]) * size
            y1 = _Index(targets[j1]) * size
            y2 = _Index(targets[j2]) * size
            y3 = _Index(targets[j3]) * size
            s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = np.float32(0)
            for d in range(width):
                k = _Index(d)
                a0, a1 = hidden[x0 + k], hidden[x1 + k]
                b0, b1 = output[y0 + k], output[y1 + k]
                b2, b3 = output[y2 + k], output[y3 + k]
                s00 += a0 * b0
                s01 += a0 * b1
                s02 += a0 * b2
                s03 += a0 * b3
                s10 += a1 * b0
                s11 += a1 * b1
                s12 += a1 * b2
                s13 += a1 * b3
            # Doubled rows and targets first, so that the real ones overwrite them.
            scores[i1 * n_targets + j3] = s13
            scores[i1 * n_targets + j2] = s12
            scores[i1 * n_targets + j1] = s11
            scores[i1 * n_targets + j] = s10
            scores[i * n_targets + j3] = s03
            scores[i * n_targets + j2] = s02
            scores[i * n_targets + j1] = s01
            scores[i * n_targets + j] = s00


@helper
def hidden_gradient(
    gradients: Floats,
    n_rows: int,
    output: Floats,
    targets: Ints,
    n_targets: int,
    width: int,
    result: Floats,
) -> None:
    """Row i of ``result`` becomes the targets summed with the gradients of row i as weights."""
    size = _Index(width)
    for i in range(n_rows):
        out = _Index(i) * size
        for d in range(width):
            result[out + _Index(d)] = 0
        for j in range(0, n_targets, 4):
            j1 = j + 1 if j + 1 < n_targets else j
            j2 = j + 2 if j + 2 < n_targets else j
            j3 = j + 3 if j + 3 < n_targets else j
            y0 = _Index(targets[j]) * size
            y1 = _Index(targets[j1]) * size
            y2 = _Index(targets[j2]) * size
            y3 = _Index(targets[j3]) * size
            g0 = gradients[i * n_targets + j]
            g1 = gradients[i * n_targets + j1] if j1 > j else np.float32(0)
            g2 = gradients[i * n_targets + j2] if j2 > j else np.float32(0)
            g3 = gradients[i * n_targets + j3] if j3 > j else np.float32(0)
            for d in range(width):
                k = _Index(d)
                result[out + k] += (
                    g0 * output[y0 + k]
                    + g1 * output[y1 + k]
                    + g2 * output[y2 + k]
                    + g3 * output[y3 + k]
                )


@helper
def update_targets(
    gradients: Floats,
    hidden: Floats,
    rows: Ints,
    n_rows: int,
    output: Floats,
    targets: Ints,
    n_targets: int,
    width: int,
) -> None:
    """Add to every target the hidden rows with the gradients of the target as weights."""
    size = _Index(width)
    for j in range(n_targets):
        out = _Index(targets[j]) * size
        for i in range(0, n_rows, 4):
            i1 = i + 1 if i + 1 < n_rows else i
            i2 = i + 2 if i + 2 < n_rows else i
            i3 = i + 3 if i + 3 < n_rows else i
            x0 = _Index(rows[i]) * size
            x1 = _Index(rows[i1]) * size
            x2 = _Index(rows[i2]) * size
            x3 = _Index(rows[i3]) * size
            g0 = gradients[i * n_targets + j]
            g1 = gradients[i1 * n_targets + j] if i1 > i else np.float32(0)
            g2 = gradients[i2 * n_targets + j] if i2 > i else np.float32(0)
            g3 = gradients[i3 * n_targets + j] if i3 > i else np.float32(0)
            for d in range(width):
                k = _Index(d)
                output[out + k] += (
                    g0 * hidden[x0 + k]
                    + g1 * hidden[x1 + k]
                    + g2 * hidden[x2 + k]
                    + g3 * hidden[x3 + k]
                )


@helper
def exp_negative(x: Any) -> Any:
    """``exp(x)`` for x <= 0 in single precision, at least 2**-120; vectorises.

    The relative error is below 2e-7, plus 7.5e-8 * -x for the rounding of x * log2(e). 2**n
    comes from the bits of the exponent, 2**f for 0 <= f < 1 from a polynomial.
    """
    y = x * np.float32(1.4426950408889634)
    y = y if y > np.float32(-120) else np.float32(-120)
    n = np.int32(y - np.float32(0.99999994))
    f = y - np.float32(n)
    p = np.float32(1.8775767e-3)
    p = p * f + np.float32(8.9893397e-3)
    p = p * f + np.float32(5.5826318e-2)
    p = p * f + np.float32(2.4015361e-1)
    p = p * f + np.float32(6.9315308e-1)
    p = p * f + np.float32(9.9999994e-1)
    return p * np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)


@helper
def logistic_gradient(
    scores: Floats, n_rows: int, labels: Floats, n_targets: int, rate: float, loss: Doubles
) -> None:
    """Turn scores into ``rate`` times the negative gradient of the logistic loss.

    The loss of a pair is log(1 + exp(-label * score)) with labels 1 and -1 (Mikolov et al.
    2013, equation 4). It is added to ``loss[0]``, the number of rows to ``loss[1]``. One
    logarithm serves many pairs: log(1 + a) + log(1 + b) = log((1 + a) (1 + b)).
    """
    for i in range(n_rows):
        for j in range(n_targets):
            scores[i * n_targets + j] *= -labels[j]
    size = n_rows * n_targets
    for begin in range(0, size, _FACTORS):
        end = begin + _FACTORS if begin + _FACTORS < size else size
        block = scores[begin:end]
        linear = np.float32(0)
        product = 1.0
        for k in range(end - begin):
            x = block[k]
            e = exp_negative(-x if x > 0 else x)
            inverse = np.float32(1) / (np.float32(1) + e)
            linear += np.float32(0) if x <= 0 else x  # NaN goes into the loss
            product *= np.float64(np.float32(1) + e)
            block[k] = rate * (inverse if x > 0 else e * inverse)
        loss[0] += np.float64(linear) + math.log(product)
    for i in range(n_rows):
        for j in range(n_targets):
            scores[i * n_targets + j] *= labels[j]
    loss[1] += n_rows


@helper
def softmax_gradient(
    scores: Floats, n_rows: int, word: int, n_targets: int, rate: float, loss: Doubles
) -> None:
    """Turn scores of all words into ``rate`` times the negative gradient of -log p(word)."""
    for i in range(n_rows):
        row = scores[i * n_targets : i * n_targets + n_targets]
        most = row[0]
        for j in range(n_targets):
            most = row[j] if row[j] > most else most
        loss[0] += np.float64(most - row[word])
        total = np.float32(0)
        for j in range(n_targets):
            row[j] = exp_negative(row[j] - most)
            total += row[j]
        loss[0] += math.log(np.float64(total))
        scale = -rate / total
        for j in range(n_targets):
            row[j] *= scale
        row[word] += rate
    loss[1] += n_rows
