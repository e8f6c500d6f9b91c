"""What one shard of a batch needs while it goes through a model: memory, gradients, randomness."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqtool.kernels.instructions import PANEL
from seqtool.kernels.memory import aligned_zeros
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.product_kernels import add_product, pack, pack_transposed


class Workspace:
    """Memory of one shard, used again for every batch; one thread at a time works in it.

    Attributes:
        training: whether dropout is on and layers keep what their backward pass needs.
        scale: what the gradient of the summed loss is multiplied with (one over the number of
            targets of the whole batch, so that gradients are those of the mean).
        seed: changes with every batch and shard; what is random in a layer follows from it.
        constant: whether the weights stay as they are, so that what follows from them is kept.
        diagnose: whether recurrent layers leave their gradient norms by time step in ``saved``.
        carried: recurrent state at the end of the last window, by layer's name (truncated
            back-propagation through time); it belongs into checkpoints.
        saved: what the forward pass of a layer left for its backward pass, by layer's name.
    """

    def __init__(self, parameters: Parameters, training: bool = True) -> None:
        self.dtype = parameters.flat.dtype.type
        self.training = training
        self.scale = 1.0
        self.seed = 0
        self.constant = False
        self.diagnose = False
        size = len(parameters.trained) if training else 0
        self._flat_gradient: Floats = aligned_zeros(size, dtype=self.dtype)
        self._gradients = parameters.views(self._flat_gradient) if training else {}
        self.carried: dict[str, tuple[Floats, ...]] = {}
        self.saved: dict[str, Any] = {}
        self._untouched: set[str] = set()  # gradients that hold what was there before `begin`
        self._buffers: dict[str, Floats] = {}

    def begin(self, seed: int, scale: float) -> None:
        """Start on a new batch: gradients become zero."""
        self.seed = seed
        self.scale = scale
        self._untouched = set(self._gradients)

    @property
    def gradients(self) -> Mapping[str, Floats]:
        """By parameter's name; frozen ones have none. Layers add to them by `gradient`,
        `add_gradient` and `add_product`."""
        for name in self._untouched:
            self._gradients[name].fill(0)
        self._untouched.clear()
        return self._gradients

    @property
    def flat_gradient(self) -> Floats:
        """All gradients, laid out as the trained parameters are."""
        return self._flat_gradient if self.gradients else self._flat_gradient[:0]

    def buffer(self, name: str, shape: tuple[int, ...], dtype: Any = None) -> NDArray[Any]:
        """Memory of this shape, the same for every call with this name; holds anything.

        Allocating tens of megabytes for every batch would cost page faults.
        """
        size = math.prod(shape)
        dtype = np.dtype(dtype or self.dtype)
        have = self._buffers.get(name)
        if have is None or len(have) < size or have.dtype != dtype:
            have = self._buffers[name] = aligned_zeros(size, dtype=dtype.type)
        return have[:size].reshape(shape)

    def zeros(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """A buffer (see `buffer`) full of zeros."""
        array = self.buffer(name, shape)
        array.fill(0)
        return array

    def packed(self, name: str, matrix: Floats, transposed: bool = False) -> Floats:
        """A matrix, or its transpose, laid out for `product`; see `product_kernels.pack`.

        For (depth, columns) the rows that it is multiplied with have ``depth`` numbers; for the
        transpose they have ``padded(columns)``. With ``constant`` it is done once.
        """
        key = f"{name}/packed{'_transposed' if transposed else ''}"
        if self.constant and key in self.saved:
            kept: Floats = self.saved[key]
            return kept
        depth, columns = matrix.shape
        width = padded(columns)
        if transposed:
            if width != columns:
                wide = self.zeros("packed/wide", (depth, width))
                wide[:, :columns] = matrix
                matrix = wide
            packed = self.buffer(key, (width * padded(depth),))
            pack_transposed(np.ascontiguousarray(matrix).reshape(-1), depth, width, packed)
        else:
            packed = self.buffer(key, (depth * width,))
            pack(np.ascontiguousarray(matrix).reshape(-1), depth, columns, packed)
        if self.constant:
            self.saved[key] = packed
        return packed

    def multiply(self, name: str, left: Floats, matrix: Floats, out: Floats) -> None:
        """out = left @ matrix, for (rows, depth) and a matrix whose name is ``name``.

        With ``constant`` the matrix is packed once, and a row of the product is the same, bit for
        bit, whatever rows it is multiplied with.
        """
        if not self.constant:
            np.matmul(left, matrix, out=out)
            return
        self.product(left, self.packed(name, matrix), out)

    def product(self, left: Floats, packed: Floats, out: Floats, add: bool = False) -> None:
        """out = left @ a matrix from `packed`, for (rows, numbers); or added to ``out``.

        ``left`` is filled up with zeros where the matrix has more rows than it has columns.
        """
        rows, width = len(out), padded(out.shape[1])
        depth = packed.size // width
        if left.shape[1] < depth:
            wide = self.zeros("product/left", (rows, depth))
            wide[:, : left.shape[1]] = left
            left = wide
        fits = width == out.shape[1] and out.flags.c_contiguous
        sums = out if fits else self.buffer("product/out", (rows, width))
        if not add:
            sums.fill(0)
        elif not fits:
            sums[:, : out.shape[1]] = out
            sums[:, out.shape[1] :] = 0
        add_product(
            np.ascontiguousarray(left).reshape(-1), rows, depth, packed, width // PANEL,
            sums.reshape(-1),
        )  # fmt: skip
        if not fits:
            out[...] = sums[:, : out.shape[1]]

    def gradient(self, name: str) -> Floats | None:
        """The gradient of a parameter, to be added to; None if it is frozen."""
        gradient = self._gradients.get(name)
        if name in self._untouched:
            self._untouched.remove(name)
            self._gradients[name].fill(0)
        return gradient

    def add_product(self, name: str, left: Floats, right: Floats) -> None:
        """Add the matrix product ``left @ right`` to the gradient of a parameter, if it has one."""
        if name in self._untouched:  # a sum would read and write the whole of it twice more
            self._untouched.remove(name)
            np.matmul(left, right, out=self._gradients[name])
            return
        gradient = self._gradients.get(name)
        if gradient is None:
            return
        product = self.buffer("product", gradient.shape)
        np.matmul(left, right, out=product)
        gradient += product

    def add_gradient(self, name: str, value: Floats) -> None:
        """Add to the gradient of a parameter, if it has one."""
        gradient = self.gradient(name)
        if gradient is not None:
            gradient += value


def padded(columns: int) -> int:
    """Columns in whole panels of a packed product."""
    return -(-columns // PANEL) * PANEL
