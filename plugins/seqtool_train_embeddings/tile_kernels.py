"""Small matrix products over rows that were gathered from the big tables.

A step of training touches a dozen input and output vectors. They are copied side by side into
*tiles*, flat with ``width`` numbers a row, so that the products run at the speed of the
first-level cache and another thread's updates do not interfere; what has changed is added to
the tables at the end (Ji et al. 2016, "Parallelizing Word2Vec in Shared and Distributed Memory").

Products take a few rows of either side at a time, so that a number that is loaded is used often.
Indices are unsigned: a signed one may count from the end, and checking that for every number
keeps the loops from vectorising.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqtool.kernels import helper
from seqtool.kernels.instructions import prefetch

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_Index = np.uint64

LANES = 16  # numbers in a vector register: rows are padded to a multiple of it


@helper
def clear(numbers: Floats, size: int) -> None:
    """Set the first ``size`` numbers to 0."""
    for k in range(size):
        numbers[k] = 0


@helper
def prefetch_row(table: Floats, row: int, width: int) -> None:
    """Have a row of the table brought into the cache while something else is computed."""
    for d in range(0, width, LANES):
        prefetch(table, row * width + d)


@helper
def prefetch_rows(table: Floats, rows: Ints, begin: int, end: int, width: int) -> None:
    """`prefetch_row` for ``rows[begin:end]``."""
    for k in range(begin, end):
        prefetch_row(table, rows[k], width)


@helper
def gather_row(table: Floats, row: int, width: int, tile: Floats, place: int) -> None:
    """Row ``place`` of the tile becomes a row of the table."""
    out = tile[place * width : place * width + width]
    source = table[row * width : row * width + width]
    for d in range(width):
        out[d] = source[d]


@helper
def add_row(table: Floats, row: int, width: int, tile: Floats, place: int) -> None:
    """Add row ``place`` of the tile to a row of the table."""
    out = table[row * width : row * width + width]
    source = tile[place * width : place * width + width]
    for d in range(width):
        out[d] += source[d]


@helper
def scale_row(tile: Floats, place: int, width: int, factor: float) -> None:
    """Multiply row ``place`` of the tile by a number."""
    out = tile[place * width : place * width + width]
    for d in range(width):
        out[d] *= factor


@helper
def score_tiles(
    left: Floats, n_left: int, right: Floats, n_right: int, width: int, scores: Floats, stride: int
) -> None:
    """``scores[i * stride + j]`` becomes the dot product of row i of left and row j of right."""
    size = _Index(width)
    for i in range(0, n_left, 2):
        i1 = i + 1 if i + 1 < n_left else i
        x0 = _Index(i) * size
        x1 = _Index(i1) * size
        for j in range(0, n_right, 7):
            j1 = j + 1 if j + 1 < n_right else j
            j2 = j + 2 if j + 2 < n_right else j
            j3 = j + 3 if j + 3 < n_right else j
            j4 = j + 4 if j + 4 < n_right else j
            j5 = j + 5 if j + 5 < n_right else j
            j6 = j + 6 if j + 6 < n_right else j
            y0 = _Index(j) * size
            y1 = _Index(j1) * size
            y2 = _Index(j2) * size
            y3 = _Index(j3) * size
            y4 = _Index(j4) * size
            y5 = _Index(j5) * size
            y6 = _Index(j6) * size
            s00 = s01 = s02 = s03 = s04 = s05 = s06 = np.float32(0)
            s10 = s11 = s12 = s13 = s14 = s15 = s16 = np.float32(0)
            for d in range(width):
                k = _Index(d)
                a0, a1 = left[x0 + k], left[x1 + k]
                b = right[y0 + k]
                s00 += a0 * b
                s10 += a1 * b
                b = right[y1 + k]
                s01 += a0 * b
                s11 += a1 * b
                b = right[y2 + k]
                s02 += a0 * b
                s12 += a1 * b
                b = right[y3 + k]
                s03 += a0 * b
                s13 += a1 * b
                b = right[y4 + k]
                s04 += a0 * b
                s14 += a1 * b
                b = right[y5 + k]
                s05 += a0 * b
                s15 += a1 * b
                b = right[y6 + k]
                s06 += a0 * b
                s16 += a1 * b
            # Doubled rows and columns first, so that the real ones overwrite them.
            scores[i1 * stride + j6] = s16
            scores[i1 * stride + j5] = s15
            scores[i1 * stride + j4] = s14
            scores[i1 * stride + j3] = s13
            scores[i1 * stride + j2] = s12
            scores[i1 * stride + j1] = s11
            scores[i1 * stride + j] = s10
            scores[i * stride + j6] = s06
            scores[i * stride + j5] = s05
            scores[i * stride + j4] = s04
            scores[i * stride + j3] = s03
            scores[i * stride + j2] = s02
            scores[i * stride + j1] = s01
            scores[i * stride + j] = s00


@helper
def add_products(
    weights: Floats,
    row_step: int,
    column_step: int,
    n_rows: int,
    n_columns: int,
    tile: Floats,
    pitch: int,
    width: int,
    result: Floats,
) -> None:
    """Add the rows j of ``tile``, weighted with w[i, j], to row i of ``result``.

    w[i, j] is ``weights[i * row_step + j * column_step]``: with the steps exchanged the weights
    are transposed.
    """
    size, step = _Index(width), _Index(pitch)
    zero = np.float32(0)
    for j in range(0, n_columns, 7):
        j1 = j + 1 if j + 1 < n_columns else j
        j2 = j + 2 if j + 2 < n_columns else j
        j3 = j + 3 if j + 3 < n_columns else j
        j4 = j + 4 if j + 4 < n_columns else j
        j5 = j + 5 if j + 5 < n_columns else j
        j6 = j + 6 if j + 6 < n_columns else j
        y0, y1, y2 = _Index(j) * step, _Index(j1) * step, _Index(j2) * step
        y3, y4, y5 = _Index(j3) * step, _Index(j4) * step, _Index(j5) * step
        y6 = _Index(j6) * step
        for i in range(n_rows):
            w = i * row_step
            w0 = weights[w + j * column_step]
            w1 = weights[w + j1 * column_step] if j1 > j else zero
            w2 = weights[w + j2 * column_step] if j2 > j else zero
            w3 = weights[w + j3 * column_step] if j3 > j else zero
            w4 = weights[w + j4 * column_step] if j4 > j else zero
            w5 = weights[w + j5 * column_step] if j5 > j else zero
            w6 = weights[w + j6 * column_step] if j6 > j else zero
            out = _Index(i) * size
            for d in range(width):
                k = _Index(d)
                result[out + k] += (
                    w0 * tile[y0 + k]
                    + w1 * tile[y1 + k]
                    + w2 * tile[y2 + k]
                    + w3 * tile[y3 + k]
                    + w4 * tile[y4 + k]
                    + w5 * tile[y5 + k]
                    + w6 * tile[y6 + k]
                )
