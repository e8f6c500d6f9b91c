"""Steps of optimisers over a piece of the weights and their gradients."""

from __future__ import annotations

import math

import numpy as np

from seqtool.kernels import kernel
from seqtool.nn.parameters import Floats


@kernel("void(f4[::1], f4[::1])")
def add(total: Floats, part: Floats) -> None:
    """total += part."""
    for k in range(len(total)):
        total[k] += part[k]


@kernel("void(f4[::1], f4)")
def clip(gradient: Floats, most: float) -> None:
    """Bring every number between -most and most; NaN stays."""
    for k in range(len(gradient)):
        x = gradient[k]
        x = most if x > most else x
        gradient[k] = -most if x < -most else x


@kernel("f8(f4[::1])", relaxed=True)
def sum_of_squares(gradient: Floats) -> float:
    """The squared length, in double precision."""
    total = 0.0
    for k in range(len(gradient)):
        total += np.float64(gradient[k]) * np.float64(gradient[k])
    return total


@kernel("void(f4[::1], f4[::1], f4, f4, f4[::1], f4)")
def descend(
    weights: Floats, gradient: Floats, scale: float, rate: float, velocity: Floats, momentum: float
) -> None:
    """v = momentum * v + g; weights -= rate * v (Polyak 1964), where g = scale * gradient."""
    for k in range(len(weights)):
        v = momentum * velocity[k] + scale * gradient[k]
        velocity[k] = v
        weights[k] -= rate * v


@kernel("void(f4[::1], f4[::1], f4, f4, f4[::1], f4)")
def adagrad(
    weights: Floats, gradient: Floats, scale: float, rate: float, squares: Floats, epsilon: float
) -> None:
    """s += g^2; weights -= rate * g / (sqrt(s) + epsilon) (Duchi et al. 2011), g as above."""
    for k in range(len(weights)):
        g = scale * gradient[k]
        s = squares[k] + g * g
        squares[k] = s
        weights[k] -= rate * g / (math.sqrt(s) + epsilon)


@kernel("void(f4[::1], f4[::1], f4, f4, f4[::1], f4[::1], f4, f4, f4, f4, f4, f4, f4)")
def adam(
    weights: Floats, gradient: Floats, scale: float, rate: float, first: Floats, second: Floats,
    keep_first: float, add_first: float, keep_second: float, add_second: float, correction: float,
    epsilon: float, keep_weights: float,
) -> None:  # fmt: skip
    """m = b m + (1 - b) g; s = c s + (1 - c) g^2; weights = d weights - rate m / (k sqrt(s) + e).

    ``rate`` holds the bias correction of m and ``correction``, the k above, that of s (Kingma &
    Ba 2015, algorithm 1); d is below 1 for decoupled weight decay (Loshchilov & Hutter 2019).
    """
    for k in range(len(weights)):
        g = scale * gradient[k]
        m = keep_first * first[k] + add_first * g
        s = keep_second * second[k] + add_second * g * g
        first[k] = m
        second[k] = s
        root = correction * math.sqrt(s)
        weights[k] = keep_weights * weights[k] - rate * m / (root + epsilon)
