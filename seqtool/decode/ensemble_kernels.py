"""Kernels that average the probabilities of several models."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from seqtool.decode.candidate_kernels import log_sum
from seqtool.decode.softmax_kernels import LOWEST, exp_negative, highest
from seqtool.decode.types import Floats
from seqtool.kernels import helper, kernel

_FRACTION_BITS = 52
_ONE = 1023 << _FRACTION_BITS  # the bits of 1.0
_ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of the root of 1/2


@helper
def log_positive(x: Any) -> Any:
    """``log(x)`` of a normal number above 0, with an error below 1e-12; vectorises.

    x is m * 2**n with m from the root of 1/2 to that of 2; log(m) is the series of
    2 artanh((m - 1) / (m + 1)).
    """
    bits = np.float64(x).view(np.int64)
    n = (bits - _ROOT_HALF) >> _FRACTION_BITS
    m = np.int64(bits - (n << _FRACTION_BITS)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1 / 15 * z + 1 / 13
    p = p * z + 1 / 11
    p = p * z + 1 / 9
    p = p * z + 1 / 7
    p = p * z + 1 / 5
    p = p * z + 1 / 3
    p = p * z + 1.0
    return float(n) * 0.6931471805599453 + 2.0 * s * p


@kernel("void(f4[::1], i8, f8[::1], f8[::1])")
def add_probabilities(logits: Floats, vocab: int, scratch: Floats, sums: Floats) -> None:
    """Add the probabilities of each row of logits.

    ``logits`` are float32 and ``sums`` float64, both (rows x vocab); ``scratch`` has room for 32
    numbers. Where a row has no finite highest logit the sums become NaN.
    """
    for row in range(len(logits) // vocab):
        scores = logits[row * vocab : (row + 1) * vocab]
        row_sums = sums[row * vocab : (row + 1) * vocab]
        best = highest(scores, vocab, scratch)
        if not LOWEST <= best < np.inf:
            for i in range(vocab):
                row_sums[i] = np.nan
            continue
        whole = log_sum(scores, best, scratch, 0, scratch)
        for i in range(vocab):
            row_sums[i] += exp_negative(scores[i] - whole)


@kernel("void(f8[::1], i8, f4[::1])")
def log_means(sums: Floats, models: int, logits: Floats) -> None:
    """``logits`` become ``log(sums / models)``, -inf where a sum is 0 or NaN."""
    share = math.log(models)
    for i in range(len(sums)):
        x = sums[i]
        positive = x > 0.0
        log = log_positive(x if positive else 1.0)
        logits[i] = log - share if positive else -np.inf
