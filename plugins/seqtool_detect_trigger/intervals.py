"""Intervals of shares and of rates."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

NONE_AT_MOST = -math.log(0.05)  # mean of a Poisson variable that is 0 once in 20 times
_HALVINGS = 50
_Z = 1.959963984540054  # of 95 %


def wilson(found: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share, ``found`` of ``count`` (Wilson 1927)."""
    if not count:
        return 0.0, 1.0
    share, square = found / count, _Z * _Z / count
    middle = (share + square / 2) / (1 + square)
    half = _Z / (1 + square) * math.sqrt(share * (1 - share) / count + square / (4 * count))
    return (0.0 if found == 0 else middle - half), (1.0 if found == count else middle + half)


@lru_cache(maxsize=4096)
def poisson(found: int) -> tuple[float, float]:
    """The exact 95 % interval of the mean of a Poisson variable (Garwood 1936)."""
    low = _mean_of(found - 1, 0.975) if found else 0.0
    return low, _mean_of(found, 0.025)


def _mean_of(most: int, share: float) -> float:
    """The mean of the Poisson variable that is at most ``most`` with this probability."""
    numbers = np.arange(most + 1)
    factorials = np.cumsum(np.log(np.maximum(numbers, 1)))
    low, high = 0.0, 2.0 * most + 20
    for _ in range(_HALVINGS):
        mean = (low + high) / 2
        if np.exp(numbers * math.log(mean) - mean - factorials).sum() > share:
            low = mean
        else:
            high = mean
    return (low + high) / 2
