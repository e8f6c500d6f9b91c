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
    for i in range(0, n_rows, 2):
        i1 = i + 1 if i + 1 < n_rows else i
        x0 = hidden[rows[i] * width : rows[i] * width + width]
        x1 = hidden[rows[i1] * width : rows[i1] * width + width]
        for j in range(0, n_targets, 3):
            j1 = j + 1 if j + 1 < n_targets else j
            j2 = j + 2 if j + 2 < n_targets else j
            y0 = output[targets[j] * width : targets[j] * width + width]
            y1 = output[targets[j1] * width : targets[j1] * width + width]
            y2 = output[targets[j2] * width : targets[j2] * width + width]
            s00 = s01 = s02 = s10 = s11 = s12 = np.float32(0)
            for d in range(width):
                s00 += x0[d] * y0[d]
                s01 += x0[d] * y1[d]
                s02 += x0[d] * y2[d]
                s10 += x1[d] * y0[d]
                s11 += x1[d] * y1[d]
                s12 += x1[d] * y2[d]
            # Doubled rows and targets first, so that the real ones overwrite them.
            scores[i1 * n_targets + j2] = s12
            scores[i1 * n_targets + j1] = s11
            scores[i1 * n_targets + j] = s10
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
    for i in range(n_rows):
        out = result[i * width : i * width + width]
        for d in range(width):
            out[d] = 0
        for j in range(0, n_targets, 3):
            j1 = j + 1 if j + 1 < n_targets else j
            j2 = j + 2 if j + 2 < n_targets else j
            y0 = output[targets[j] * width : targets[j] * width + width]
            y1 = output[targets[j1] * width : targets[j1] * width + width]
            y2 = output[targets[j2] * width : targets[j2] * width + width]
            g0 = gradients[i * n_targets + j]
            g1 = gradients[i * n_targets + j1] if j1 > j else np.float32(0)
            g2 = gradients[i * n_targets + j2] if j2 > j else np.float32(0)
            for d in range(width):
                out[d] += g0 * y0[d] + g1 * y1[d] + g2 * y2[d]


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
    for j in range(n_targets):
        out = output[targets[j] * width : targets[j] * width + width]
        for i in range(0, n_rows, 3):
            i1 = i + 1 if i + 1 < n_rows else i
            i2 = i + 2 if i + 2 < n_rows else i
            x0 = hidden[rows[i] * width : rows[i] * width + width]
            x1 = hidden[rows[i1] * width : rows[i1] * width + width]
            x2 = hidden[rows[i2] * width : rows[i2] * width + width]
            g0 = gradients[i * n_targets + j]
            g1 = gradients[i1 * n_targets + j] if i1 > i else np.float32(0)
            g2 = gradients[i2 * n_targets + j] if i2 > i else np.float32(0)
            for d in range(width):
                out[d] += g0 * x0[d] + g1 * x1[d] + g2 * x2[d]


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
