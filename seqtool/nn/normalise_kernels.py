"""Layer normalisation (Ba et al. 2016, equation 4), row by row."""

from __future__ import annotations

import math

import numpy as np

from seqtool.kernels import kernel
from seqtool.nn.parameters import Floats

_ZERO = np.float32(0)


@kernel("void(f4[::1], i8, f4, f4[::1], f4[::1], f4, f4[::1], f4[::1])", relaxed=True)
def normalise_rows(
    inputs: Floats, size: int, share: float, gain: Floats, bias: Floats, epsilon: float,
    outputs: Floats, moments: Floats,
) -> None:  # fmt: skip
    """outputs = (inputs - mean) / sqrt(variance + epsilon) * gain + bias for rows of ``size``.

    ``share`` is 1 / size; ``moments`` gets the mean and the inverse deviation of each row.
    """
    for row in range(len(inputs) // size):
        x = inputs[row * size : (row + 1) * size]
        y = outputs[row * size : (row + 1) * size]
        total = _ZERO
        for k in range(size):
            total += x[k]
        mean = total * share
        squares = _ZERO
        for k in range(size):
            squares += (x[k] - mean) * (x[k] - mean)
        moments[2 * row] = mean
        moments[2 * row + 1] = 1.0 / math.sqrt(np.float64(squares * share + epsilon))
        inverse = moments[2 * row + 1]
        for k in range(size):
            y[k] = (x[k] - mean) * inverse * gain[k] + bias[k]


@kernel("void(f4[::1], i8, f4, f4[::1], f4[::1], f4[::1], f4[::1], f4[::1])", relaxed=True)
def normalise_rows_backward(
    inputs: Floats, size: int, share: float, gain: Floats, moments: Floats, gradients: Floats,
    gain_gradient: Floats, bias_gradient: Floats,
) -> None:  # fmt: skip
    """Turn the gradients of outputs into those of inputs, in place; add those of the weights.

    With n the normalised row and g = gain * gradient the gradient of the inputs is
    (g - mean(g) - n mean(g n)) / deviation.
    """
    for row in range(len(inputs) // size):
        x = inputs[row * size : (row + 1) * size]
        d = gradients[row * size : (row + 1) * size]
        mean = moments[2 * row]
        inverse = moments[2 * row + 1]
        total = _ZERO
        along = _ZERO
        for k in range(size):
            n = (x[k] - mean) * inverse
            g = d[k] * gain[k]
            total += g
            along += g * n
            gain_gradient[k] += d[k] * n
            bias_gradient[k] += d[k]
        total *= share
        along *= share
        for k in range(size):
            n = (x[k] - mean) * inverse
            d[k] = (d[k] * gain[k] - total - n * along) * inverse
