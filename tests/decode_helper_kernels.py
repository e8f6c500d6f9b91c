"""Kernels around the helpers of decoding, so that tests run the helpers compiled, too."""

from seqtool.decode.ensemble_kernels import log_positive
from seqtool.decode.selection_kernels import cut_value, partition, top_threshold
from seqtool.decode.softmax_kernels import exp_negative, highest, total
from seqtool.decode.types import Floats, Ints
from seqtool.kernels import kernel
from seqtool.kernels.random_numbers import uniform, xoshiro


@kernel("void(f8[::1], f8[::1])")
def exp_all(x: Floats, out: Floats) -> None:
    """``exp_negative`` of every number."""
    for i in range(len(x)):
        out[i] = exp_negative(x[i])


@kernel("void(f8[::1], f8[::1])")
def log_all(x: Floats, out: Floats) -> None:
    """``log_positive`` of every number."""
    for i in range(len(x)):
        out[i] = log_positive(x[i])


@kernel("void(i8[::1], i8[::1], f8[::1])")
def draw_numbers(state: Ints, words: Ints, numbers: Floats) -> None:
    """Random words of 32 bits, then random numbers below 1."""
    for i in range(len(words)):
        words[i] = xoshiro(state)
    for i in range(len(numbers)):
        numbers[i] = uniform(state)


@kernel("f8(f8[::1], f8, i8)")
def cut(x: Floats, limit: float, by_count: int) -> float:
    """``cut_value`` of all numbers."""
    return cut_value(x, len(x), limit, by_count != 0)


@kernel("i8(f8[::1], i8, i8, f8, i8)")
def divide(x: Floats, begin: int, end: int, pivot: float, with_equal: int) -> int:
    """``partition``."""
    return partition(x, begin, end, pivot, with_equal != 0)


@kernel("f8(f8[::1])")
def add(x: Floats) -> float:
    """``total`` of all numbers."""
    return total(x, len(x))


@kernel("f8(f4[::1], f8[::1])")
def maximum(logits: Floats, scratch: Floats) -> float:
    """``highest`` of all logits."""
    return highest(logits, len(logits), scratch)


@kernel("f8(f4[::1], i8, f8[::1])")
def threshold(logits: Floats, top: int, scratch: Floats) -> float:
    """``top_threshold`` of all logits."""
    return top_threshold(logits, len(logits), top, scratch)
