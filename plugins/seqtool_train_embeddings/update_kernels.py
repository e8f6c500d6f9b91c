"""The arithmetic of one training step, shared by all methods and objectives.

A step has a few *hidden* rows (input vectors, or means of them) and a few *target* rows of the
output table. All pairs are scored, the scores become gradients, and both sides are updated;
see `seqtool_train_embeddings.tile_kernels` for the products. How much each pair counts is
given: ``total[i, j]`` times in all, ``positive[i, j]`` of them as a pair that belongs together.
Both, and the scores, have ``stride`` numbers a row, zeros behind the targets.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtool.kernels import helper
from seqtool_train_embeddings.row_kernels import add_to_rows, score_rows, sum_rows
from seqtool_train_embeddings.tile_kernels import (
    Floats,
    Ints,
    add_products,
    add_row,
    clear,
    gather_row,
    score_tiles,
)

Doubles = npt.NDArray[np.float64]

NEGATIVES = 0
HIERARCHY = 1
SOFTMAX = 2

RANDOM_BITS = 32
LOW_32_BITS = 0xFFFFFFFF
_MULTIPLIER = 2131995753  # m * 2**32 - 1 and m * 2**31 - 1 are prime: a period of 2**62


@helper
def next_random(state: Ints) -> int:
    """The next of a sequence of 32-bit numbers: Marsaglia's multiply-with-carry (1994).

    ``state`` is below 2**63 and not 0. Nothing overflows: compiled code may take for granted
    that signed numbers never do.
    """
    x = int(state[0])
    x = (x & LOW_32_BITS) * _MULTIPLIER + (x >> RANDOM_BITS)
    state[0] = x
    return (x ^ (x >> RANDOM_BITS)) & LOW_32_BITS


@helper
def random_below(state: Ints, limit: int) -> int:
    """A random number from 0 to ``limit - 1``; ``limit`` is below 2**31."""
    return (next_random(state) * limit) >> RANDOM_BITS


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
    scores: Floats, positive: Floats, total: Floats, size: int, rate: float, loss: Doubles
) -> None:
    """Turn scores into ``rate`` times the negative gradient of the logistic loss.

    A pair that belongs together costs log(1 + exp(-score)), another log(1 + exp(score))
    (Mikolov et al. 2013, equation 4); the sum is added to ``loss[0]``. The logarithm is a
    polynomial, to 3e-7 relative, so that the loop vectorises.
    """
    cost = np.float32(0)
    for k in range(size):
        x = scores[k]
        p = positive[k]
        q = total[k] - p
        e = exp_negative(-x if x > 0 else x)
        large = np.float32(1) / (np.float32(1) + e)
        small = e * large
        log = np.float32(-0.008574675768613815)
        log = log * e + np.float32(0.044214192777872086)
        log = log * e + np.float32(-0.10785368084907532)
        log = log * e + np.float32(0.17757023870944977)
        log = log * e + np.float32(-0.2449961155653)
        log = log * e + np.float32(0.3327617645263672)
        log = log * e + np.float32(-0.49997448921203613)
        log = (log * e + np.float32(0.9999998211860657)) * e
        cost += (p + q) * log + (-p * x if x <= 0 else q * x)  # NaN goes into the loss
        scores[k] = rate * (p * (small if x > 0 else large) - q * (large if x > 0 else small))
    loss[0] += np.float64(cost)


@helper
def softmax_gradient(
    scores: Floats, positive: Floats, n_rows: int, n_targets: int, stride: int, rate: float,
    loss: Doubles,
) -> None:  # fmt: skip
    """Turn scores of all words into ``rate`` times the negative gradient of -log p.

    A row counts as often as it has positive targets; the loss is added to ``loss[0]``.
    """
    for i in range(n_rows):
        row = scores[i * stride : i * stride + n_targets]
        wanted = positive[i * stride : i * stride + n_targets]
        most = row[0]
        for j in range(n_targets):
            most = row[j] if row[j] > most else most
        times = np.float32(0)
        cost = np.float32(0)
        for j in range(n_targets):
            times += wanted[j]
            cost += wanted[j] * (most - row[j])
        total = np.float32(0)
        for j in range(n_targets):
            row[j] = exp_negative(row[j] - most)
            total += row[j]
        loss[0] += np.float64(cost) + np.float64(times) * math.log(np.float64(total))
        scale = times / total
        for j in range(n_targets):
            row[j] = rate * (wanted[j] - scale * row[j])


@helper
def update_rows(
    objective: int,
    hidden: Floats,
    output: Floats,
    targets: Ints,
    n_targets: int,
    stride: int,
    width: int,
    positive: Floats,
    total: Floats,
    rate: float,
    scores: Floats,
    change: Floats,
    loss: Doubles,
) -> None:
    """Take a step with one hidden row; ``change`` becomes the step that it needs itself."""
    score_rows(hidden, output, targets, n_targets, width, scores)
    if objective == SOFTMAX:
        softmax_gradient(scores, positive, 1, n_targets, stride, rate, loss)
    else:
        logistic_gradient(scores, positive, total, stride, rate, loss)
    sum_rows(scores, output, targets, n_targets, width, change)
    add_to_rows(output, targets, n_targets, width, scores, hidden)


@helper
def update_tiles(
    objective: int,
    hidden: Floats,
    n_hidden: int,
    output: Floats,
    targets: Ints,
    n_targets: int,
    stride: int,
    width: int,
    positive: Floats,
    total: Floats,
    rate: float,
    scores: Floats,
    tile: Floats,
    tile_change: Floats,
    change: Floats,
    loss: Doubles,
) -> None:
    """Take a step with the output table; ``change`` becomes the step that the hidden rows need.

    ``scores`` (hidden rows, stride), ``tile`` and ``tile_change`` (targets, width) are scratch.
    SOFTMAX has all rows of the table as targets, in their order, and needs no tile.
    """
    every = objective == SOFTMAX
    source = output if every else tile
    result = output if every else tile_change
    if not every:
        for j in range(n_targets):
            gather_row(output, targets[j], width, tile, j)
        clear(tile_change, n_targets * width)
    score_tiles(hidden, n_hidden, source, n_targets, width, scores, stride)
    if every:
        softmax_gradient(scores, positive, n_hidden, n_targets, stride, rate, loss)
    else:
        logistic_gradient(scores, positive, total, n_hidden * stride, rate, loss)
    clear(change, n_hidden * width)
    add_products(scores, stride, 1, n_hidden, n_targets, source, width, width, change)
    add_products(scores, 1, stride, n_targets, n_hidden, hidden, width, width, result)
    if not every:
        for j in range(n_targets):
            add_row(output, targets[j], width, tile_change, j)
