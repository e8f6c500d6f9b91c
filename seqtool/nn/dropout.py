"""Dropout: noise that keeps a network from leaning on single numbers."""

from __future__ import annotations

import hashlib

import numpy as np

from seqtool.nn.dropout_kernels import drop
from seqtool.nn.parameters import Floats
from seqtool.nn.workspace import Workspace


class Dropout:
    """Sets numbers to 0 with probability ``rate`` and divides the others by ``1 - rate``
    (Srivastava et al. 2014), only while training.

    With ``variational`` a sequence (time, batch, feature) has the same mask at every step (Gal &
    Ghahramani 2016). Masks follow from the workspace's seed and the layer's name; none is stored.
    """

    def __init__(self, name: str, rate: float, variational: bool = False) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"a dropout rate of {rate} is not at least 0 and below 1")
        self.name = name
        self.rate = rate
        self.variational = variational

    def forward(self, work: Workspace, inputs: Floats) -> Floats:
        """Outputs of the same shape; ``inputs`` itself where there is nothing to do."""
        if not work.training or self.rate == 0 or inputs.size == 0:
            return inputs
        outputs = work.buffer(f"{self.name}/outputs", inputs.shape)
        self._drop(work, inputs, outputs)
        return outputs

    def backward(self, work: Workspace, grad: Floats) -> Floats:
        """The gradient of the inputs, in the memory of that of the outputs."""
        if work.training and self.rate > 0 and grad.size > 0:
            grad = np.ascontiguousarray(grad)
            self._drop(work, grad, grad)
        return grad

    def mask(self, work: Workspace, shape: tuple[int, ...]) -> Floats:
        """What outputs of this shape are multiplied with; empty where there is nothing to do."""
        if not work.training or self.rate == 0:
            return work.buffer(f"{self.name}/mask", (0, *shape[1:]))
        mask = work.buffer(f"{self.name}/mask", shape)
        mask.fill(1)
        self._drop(work, mask, mask)
        return mask

    def keys(self, work: Workspace) -> tuple[int, int]:
        """Where the mask of this batch comes from: two numbers of 32 bits."""
        digest = hashlib.blake2b(f"{work.seed}/{self.name}".encode(), digest_size=8).digest()
        return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")

    def _drop(self, work: Workspace, source: Floats, target: Floats) -> None:
        threshold, scale = round(self.rate * 2**32), 1 / (1 - self.rate)
        size = source[0].size if self.variational else source.size
        drop(source.ravel(), target.reshape(-1), size, *self.keys(work), threshold, scale)
