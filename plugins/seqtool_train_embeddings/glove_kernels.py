"""Kernels of GloVe: cells sorted into blocks, and the updates of one block.

Words are dealt out to groups, word w to group w % groups as its member w // groups, so that
every group has its share of frequent words. Block (a, b) holds the cells whose row is in group a
and whose column is in group b; a cell is known by its two members in 32 bits.

A word's parameters stand together, in a record of 2 * dimensions + 2 numbers: vector, bias, then
what AdaGrad has summed up for each of them. Records are in the order of groups and members.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqtool.kernels import Floats, Ints, kernel
from seqtool.kernels.random_numbers import xorshift

MEMBER_BITS = 16
_LOW_16_BITS = 0xFFFF
_HALF = np.float32(0.5)  # x ** _HALF vectorises, math.sqrt(x) does not


@kernel("void(i8[::1], i4[::1], i8, i8, i8, i8[::1])")
def count_blocks(
    offsets: Ints, columns: Ints, words: int, groups: int, group: int, counts: Ints
) -> None:
    """Count the cells of every block of a row group; ``counts`` begins with zeros."""
    for word in range(group, words, groups):
        for k in range(offsets[word], offsets[word + 1]):
            counts[columns[k] % groups] += 1


@kernel("void(i8[::1], i4[::1], f4[::1], i8, i8, i8, i8, i8, i8[::1], u4[::1], f4[::1])")
def fill_blocks(
    offsets: Ints,
    columns: Ints,
    values: Floats,
    words: int,
    groups: int,
    group: int,
    first: int,
    last: int,
    at: Ints,
    pairs: Ints,
    amounts: Floats,
) -> None:
    """Write the cells of the blocks ``first`` to ``last`` of a row group.

    Block b's come to ``at[b - first]`` and behind, in the order of rows.
    """
    for word in range(group, words, groups):
        member = word // groups
        for k in range(offsets[word], offsets[word + 1]):
            column = int(columns[k])
            block = column % groups - first
            if block >= 0 and block < last - first:
                pairs[at[block]] = (member << MEMBER_BITS) | (column // groups)
                amounts[at[block]] = values[k]
                at[block] += 1


@kernel("void(u4[::1], f4[::1], i8, i8, i8)")
def shuffle_cells(pairs: Ints, amounts: Floats, begin: int, end: int, seed: int) -> None:
    """Shuffle some cells (Fisher and Yates). ``seed`` has 32 bits and is not 0."""
    state = seed
    for k in range(end - 1, begin, -1):
        state = xorshift(state)
        other = begin + ((state * (k + 1 - begin)) >> 32)
        pair = pairs[k]
        pairs[k] = pairs[other]
        pairs[other] = pair
        amount = amounts[k]
        amounts[k] = amounts[other]
        amounts[other] = amount


@kernel("f8(u4[::1], f4[::1], f4[::1], i8, i8, i8, i8, f4, f4[::1], f4[::1])", relaxed=True)
def update_block(
    pairs: Ints,
    logarithms: Floats,
    weights: Floats,
    count: int,
    rows: int,
    columns: int,
    dimensions: int,
    rate: float,
    words: npt.NDArray[np.float32],
    contexts: npt.NDArray[np.float32],
) -> float:
    """Take a step for each of ``count`` cells; returns the sum of their costs before it.

    The cost of a cell is f(x) / 2 * (w . c + b_w + b_c - log x)**2, as in Pennington et al. 2014;
    steps are AdaGrad's, with sums of squared steps of the size of the rate, as in the authors'
    program.

    Args:
        pairs: the cells, see `fill_blocks`.
        logarithms: log x of every cell.
        weights: f(x) of every cell.
        count: how many cells.
        rows: the record of the first word of the row group in ``words``.
        columns: that of the column group in ``contexts``.
        dimensions: of the vectors.
        rate: learning rate.
        words: records of all words.
        contexts: records of all words as contexts.
    """
    width = dimensions + 1
    cost = 0.0
    for cell in range(count):
        pair = int(pairs[cell])
        begin = (rows + (pair >> MEMBER_BITS)) * 2 * width
        w = words[begin : begin + width]
        w_sums = words[begin + width : begin + 2 * width]
        begin = (columns + (pair & _LOW_16_BITS)) * 2 * width
        c = contexts[begin : begin + width]
        c_sums = contexts[begin + width : begin + 2 * width]
        error = w[dimensions] + c[dimensions] - logarithms[cell]
        for k in range(dimensions):
            error += w[k] * c[k]
        step = weights[cell] * error
        cost += step * error
        step *= rate
        for k in range(dimensions):
            w_step = step * c[k]
            c_step = step * w[k]
            w[k] -= w_step / w_sums[k] ** _HALF
            c[k] -= c_step / c_sums[k] ** _HALF
            w_sums[k] += w_step * w_step
            c_sums[k] += c_step * c_step
        w[dimensions] -= step / w_sums[dimensions] ** _HALF
        c[dimensions] -= step / c_sums[dimensions] ** _HALF
        w_sums[dimensions] += step * step
        c_sums[dimensions] += step * step
    return float(cost / 2)
