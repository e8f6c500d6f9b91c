"""The backward pass of an embedding."""

from __future__ import annotations

from seqtool.kernels import kernel
from seqtool.nn.parameters import Floats
from seqtool.nn.types import Ids


@kernel("void(i4[::1], f4[::1], i8, f4[::1])")
def scatter_add(ids: Ids, gradients: Floats, size: int, table: Floats) -> None:
    """Add the gradient of each token, (tokens, size), to its row of ``table``, in order."""
    for token in range(len(ids)):
        source = gradients[token * size : (token + 1) * size]
        start = ids[token] * size
        target = table[start : start + size]
        for k in range(size):
            target[k] += source[k]
