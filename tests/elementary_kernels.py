"""Kernels that apply the elementary functions to arrays, for test_nn_products.py."""

from seqtool.kernels import Floats, kernel
from seqtool.kernels.elementary import exp, log1p, sigmoid, tanh


@kernel("void(f4[::1], f4[::1])")
def exp_all(x: Floats, out: Floats) -> None:
    """out = exp(x)."""
    for i in range(len(x)):
        out[i] = exp(x[i])


@kernel("void(f4[::1], f4[::1])")
def sigmoid_all(x: Floats, out: Floats) -> None:
    """out = sigmoid(x)."""
    for i in range(len(x)):
        out[i] = sigmoid(x[i])


@kernel("void(f4[::1], f4[::1])")
def tanh_all(x: Floats, out: Floats) -> None:
    """out = tanh(x)."""
    for i in range(len(x)):
        out[i] = tanh(x[i])


@kernel("void(f4[::1], f4[::1])")
def log1p_all(x: Floats, out: Floats) -> None:
    """out = log(1 + x)."""
    for i in range(len(x)):
        out[i] = log1p(x[i])
