"""Sums and dot products of one vector with scattered rows of a table.

What `seqtool_train_embeddings.tile_kernels` is for many vectors: a single one uses every row
once, so copying rows together first would be all of the work.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqtool.kernels import helper

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_Index = np.uint64


@helper
def score_rows(
    vector: Floats, table: Floats, rows: Ints, n: int, width: int, scores: Floats
) -> None:
    """``scores[j]`` becomes the dot product of the vector and row ``rows[j]`` of the table."""
    size = _Index(width)
    for j in range(0, n, 4):
        j1 = j + 1 if j + 1 < n else j
        j2 = j + 2 if j + 2 < n else j
        j3 = j + 3 if j + 3 < n else j
        y0, y1 = _Index(rows[j]) * size, _Index(rows[j1]) * size
        y2, y3 = _Index(rows[j2]) * size, _Index(rows[j3]) * size
        s0 = s1 = s2 = s3 = np.float32(0)
        for d in range(width):
            k = _Index(d)
            a = vector[k]
            s0 += a * table[y0 + k]
            s1 += a * table[y1 + k]
            s2 += a * table[y2 + k]
            s3 += a * table[y3 + k]
        # Doubled rows first, so that the real ones overwrite them.
        scores[j3] = s3
        scores[j2] = s2
        scores[j1] = s1
        scores[j] = s0


@helper
def sum_rows(
    weights: Floats, table: Floats, rows: Ints, n: int, width: int, result: Floats
) -> None:
    """``result`` becomes the sum of the rows ``rows[j]`` of the table, weighted."""
    size = _Index(width)
    zero = np.float32(0)
    for d in range(width):
        result[d] = 0
    for j in range(0, n, 4):
        j1 = j + 1 if j + 1 < n else j
        j2 = j + 2 if j + 2 < n else j
        j3 = j + 3 if j + 3 < n else j
        y0, y1 = _Index(rows[j]) * size, _Index(rows[j1]) * size
        y2, y3 = _Index(rows[j2]) * size, _Index(rows[j3]) * size
        w0 = weights[j]
        w1 = weights[j1] if j1 > j else zero
        w2 = weights[j2] if j2 > j else zero
        w3 = weights[j3] if j3 > j else zero
        for d in range(width):
            k = _Index(d)
            result[k] += (
                w0 * table[y0 + k] + w1 * table[y1 + k] + w2 * table[y2 + k] + w3 * table[y3 + k]
            )


@helper
def add_to_rows(
    table: Floats, rows: Ints, n: int, width: int, weights: Floats, vector: Floats
) -> None:
    """Add the vector times ``weights[j]`` to row ``rows[j]`` of the table."""
    size = _Index(width)
    for j in range(n):
        w = weights[j]
        y = _Index(rows[j]) * size
        for d in range(width):
            k = _Index(d)
            table[y + k] += w * vector[k]
