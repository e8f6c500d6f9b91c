"""Loops over one row of a batch at one time step, shared by the recurrent cells.

Rows are slices, so that no index can count from the end, and each loop touches few of them: the
compiler can then tell that they do not overlap, and uses vector instructions. A row stays in the
nearest cache between the loops.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqtool.kernels import helper
from seqtool.kernels.elementary import sigmoid, tanh

Row = NDArray[np.float32]

ZERO, ONE = np.float32(0.0), np.float32(1.0)


@helper
def sigmoid_row(values: Row, bias: Row) -> None:
    """values = sigmoid(values + bias)."""
    for j in range(len(values)):
        values[j] = sigmoid(values[j] + bias[j])


@helper
def tanh_row(values: Row, bias: Row) -> None:
    """values = tanh(values + bias)."""
    for j in range(len(values)):
        values[j] = tanh(values[j] + bias[j])


@helper
def copy_row(source: Row, target: Row) -> None:
    """target = source."""
    for j in range(len(target)):
        target[j] = source[j]


@helper
def add_row(source: Row, target: Row) -> None:
    """target += source."""
    for j in range(len(target)):
        target[j] += source[j]


@helper
def add_scaled_row(factors: Row, source: Row, target: Row) -> None:
    """target += factors * source."""
    for j in range(len(target)):
        target[j] += factors[j] * source[j]


@helper
def clear_row(values: Row) -> None:
    """values = 0."""
    for j in range(len(values)):
        values[j] = ZERO
