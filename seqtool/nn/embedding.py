"""A table with a vector for each token."""

from __future__ import annotations

import numpy as np

from seqtool.nn.embedding_kernels import scatter_add
from seqtool.nn.initial import uniform
from seqtool.nn.layer import Layer
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.types import Ids
from seqtool.nn.workspace import Workspace

_LIMIT = 0.1  # Zaremba et al. 2014 and Merity et al. 2018 begin between -0.1 and 0.1


class Embedding(Layer):
    """Looks tokens up: the product of one-hot vectors with a matrix, without the zeros.

    The weight ``table`` has shape (vocab, size). ``vectors`` of that shape is what it begins with
    (see `seqtool.nn.initial.rows_from_vectors`); a ``frozen`` table stays that way. With
    ``tied_to`` it is the table of another layer, such as ``"source.table"``.
    """

    def __init__(
        self,
        name: str,
        parameters: Parameters,
        vocab: int,
        size: int,
        frozen: bool = False,
        vectors: Floats | None = None,
        tied_to: str | None = None,
    ) -> None:
        super().__init__(name, parameters)
        self.vocab, self.size = vocab, size
        self.tied_to = tied_to
        self._vectors = vectors
        if vectors is not None and vectors.shape != (vocab, size):
            raise ValueError(f"vectors of shape {vectors.shape} for a table of {(vocab, size)}")
        if tied_to is None:
            self.declare("table", (vocab, size), frozen)

    def initialise(self, random: np.random.Generator) -> None:
        """Copy the vectors, or draw small numbers."""
        if self.tied_to is not None:
            return
        if self._vectors is None:
            uniform(self.weight("table"), _LIMIT, random)
        else:
            self.weight("table")[...] = self._vectors

    def forward(self, work: Workspace, ids: Ids) -> Floats:
        """The vectors of tokens: shape of ``ids`` + (size,). Raises IndexError for a wrong id."""
        table = self.parameters[self.tied_to or f"{self.name}.table"]
        if ids.size and not (ids.min() >= 0 and ids.max() < len(table)):
            raise IndexError(f"{self.name}: token ids are not all from 0 to {len(table) - 1}")
        outputs = work.buffer(f"{self.name}/outputs", (*ids.shape, self.size))
        np.take(table, ids, axis=0, out=outputs, mode="clip")  # "raise" would copy once more
        if work.training:
            work.saved[self.name] = ids
        return outputs

    def backward(self, work: Workspace, grad: Floats) -> None:
        """Add the gradient of the vectors, shaped as they are, to that of the table."""
        table = work.gradient(self.tied_to or f"{self.name}.table")
        if table is not None:
            ids = np.ascontiguousarray(work.saved[self.name], np.int32).reshape(-1)
            scatter_add(ids, grad.ravel(), self.size, table.reshape(-1))
