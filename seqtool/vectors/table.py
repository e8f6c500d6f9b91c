"""What word vectors are in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from seqtool.vectors.subwords import Subwords


class WordVectors:
    """Words and their vectors, row by row.

    ``words`` are different from each other and usually sorted by how frequent they are;
    ``matrix`` is float32 of shape (words, dimensions) in C order. ``subwords`` makes vectors of
    words that are not among them. ``metadata`` is what the file said about itself.
    """

    def __init__(
        self,
        words: Sequence[str],
        matrix: NDArray[Any],
        subwords: Subwords | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.words = list(words)
        self.matrix: NDArray[np.float32] = np.ascontiguousarray(matrix, dtype=np.float32)
        self.subwords = subwords
        self.metadata = dict(metadata or {})
        if self.matrix.ndim != 2 or len(self.words) != self.matrix.shape[0]:
            raise ValueError(f"{len(self.words)} words, but a matrix of shape {self.matrix.shape}")
        if subwords is not None and subwords.matrix.shape[1] != self.matrix.shape[1]:
            raise ValueError("vectors of words and of n-grams have different dimensions")
        self._index: dict[str, int] | None = None
        self._unit: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        """Whether ``word`` has a row; what ``subwords`` can make up does not count."""
        return word in self.index

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return int(self.matrix.shape[1])

    @property
    def index(self) -> dict[str, int]:
        """The row of each word; made on first use. Of a repeated word the first row counts."""
        if self._index is None:
            last = len(self.words) - 1
            self._index = {word: last - i for i, word in enumerate(reversed(self.words))}
        return self._index

    def unit(self) -> NDArray[np.float32]:
        """The vectors scaled to length 1, (words, dimensions); zero rows stay zero."""
        if self._unit is None:
            self._unit = unit_rows(self.matrix)
        return self._unit

    def vector(self, word: str) -> NDArray[np.float32]:
        """The vector of ``word``, float32 of shape (dimensions,).

        Raises KeyError for a word without a row, unless ``subwords`` can make its vector.
        """
        row = self.index.get(word)
        if row is not None:
            vector: NDArray[np.float32] = self.matrix[row]
            return vector
        if self.subwords is None:
            raise KeyError(word)
        return self.subwords.vector(word)


def unit_rows(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy of ``matrix`` whose rows have length 1; zero rows stay zero.

    Rows are scaled by their largest number first: squares of tiny or huge numbers would leave
    the range of float32.
    """
    largest = np.abs(matrix).max(axis=1, keepdims=True, initial=0.0)
    largest[largest == 0.0] = 1.0
    unit: NDArray[np.float32] = matrix / largest
    length = np.sqrt(np.einsum("ij,ij->i", unit, unit))[:, None]
    length[length == 0.0] = 1.0
    unit /= length
    return unit
