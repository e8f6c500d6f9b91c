"""Memory that vector instructions like."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LINE = 64  # bytes of a line of the cache, and of the widest register


def aligned_zeros(*shape: int, dtype: Any = np.float32) -> NDArray[Any]:
    """Zeros that begin where a line of the cache does: a row's registers then never span two."""
    size, itemsize = math.prod(shape), np.dtype(dtype).itemsize
    room = np.zeros(size + _LINE // itemsize, dtype)
    skipped = (-room.ctypes.data % _LINE) // itemsize
    return room[skipped : skipped + size].reshape(shape)
