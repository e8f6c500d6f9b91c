"""From the states of a sequence to one vector, by mean or maximum; rows (time, batch)."""

from __future__ import annotations

import numpy as np

from seqtool.kernels import kernel
from seqtool.nn.parameters import Floats
from seqtool.nn.types import Ids, Lengths

_ZERO = np.float32(0)


@kernel("void(f4[::1], i8[::1], i8, f4[::1])")
def pool_means(states: Floats, lengths: Lengths, size: int, outputs: Floats) -> None:
    """outputs (batch, size) = means over the steps before each row's length; 0 if there is none."""
    batch = len(lengths)
    for k in range(len(outputs)):
        outputs[k] = _ZERO
    for place in range(len(states) // size):
        row = place % batch
        if place // batch < lengths[row]:
            x = states[place * size : (place + 1) * size]
            y = outputs[row * size : (row + 1) * size]
            for k in range(size):
                y[k] += x[k]
    for row in range(batch):
        y = outputs[row * size : (row + 1) * size]
        if lengths[row] > 0:
            for k in range(size):
                y[k] /= np.float32(lengths[row])


@kernel("void(f4[::1], i8[::1], i8, f4[::1])")
def pool_means_backward(gradients: Floats, lengths: Lengths, size: int, outputs: Floats) -> None:
    """outputs (time, batch, size) = each step's share of the gradient (batch, size)."""
    batch = len(lengths)
    for place in range(len(outputs) // size):
        row = place % batch
        x = gradients[row * size : (row + 1) * size]
        y = outputs[place * size : (place + 1) * size]
        inside = place // batch < lengths[row]
        for k in range(size):
            y[k] = x[k] / np.float32(lengths[row]) if inside else _ZERO


@kernel("void(f4[::1], i8[::1], i8, f4[::1], i4[::1])")
def pool_maxima(states: Floats, lengths: Lengths, size: int, outputs: Floats, steps: Ids) -> None:
    """outputs (batch, size) = maxima over the steps before each row's length, 0 if there is none.

    ``steps`` gets the first step with the maximum, -1 if there is none.
    """
    batch = len(lengths)
    for k in range(len(outputs)):
        outputs[k] = _ZERO
        steps[k] = -1
    for place in range(len(states) // size):
        row = place % batch
        step = place // batch
        if step < lengths[row]:
            x = states[place * size : (place + 1) * size]
            y = outputs[row * size : (row + 1) * size]
            at = steps[row * size : (row + 1) * size]
            for k in range(size):
                if step == 0 or x[k] > y[k]:
                    y[k] = x[k]
                    at[k] = step
