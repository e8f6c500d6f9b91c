"""Vectors of unknown words out of their character n-grams, as fastText makes them.

Bojanowski, Grave, Joulin, Mikolov (2017), "Enriching word vectors with subword information".
A word is put between ``<`` and ``>``; each of its n-grams is hashed into one of a fixed number of
buckets, and every bucket has a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqtool.vectors.vector_kernels import average_ngrams, hash_ngrams

END_OF_SENTENCE = "</s>"  # fastText's mark of a line's end has no n-grams


class Subwords:
    """The vectors of n-grams.

    ``matrix``: float32 (buckets, dimensions); n-grams have ``minn`` to ``maxn`` characters
    (code points, the marks counted).
    """

    def __init__(self, matrix: NDArray[Any], minn: int, maxn: int, buckets: int) -> None:
        self.matrix: NDArray[np.float32] = np.ascontiguousarray(matrix, dtype=np.float32)
        self.minn = minn
        self.maxn = maxn
        self.buckets = buckets
        if self.matrix.ndim != 2 or self.matrix.shape[0] != buckets:
            raise ValueError(f"{buckets} buckets, but a matrix of shape {self.matrix.shape}")

    def vector(self, word: str) -> NDArray[np.float32]:
        """The mean of the vectors of the n-grams of ``word``, float32 (dimensions,).

        Raises KeyError when the word has no n-gram.
        """
        rows, _ = ngram_rows([word], self.minn, self.maxn, self.buckets)
        if not len(rows):
            raise KeyError(word)
        total = np.zeros(self.matrix.shape[1], dtype=np.float32)
        for row in rows.tolist():  # in order, so that rounding is fastText's
            total += self.matrix[row]
        total *= np.float32(1.0 / len(rows))
        return total

    def word_vectors(
        self, words: Sequence[str], own_rows: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The vectors of known words: means of a word's own row and the rows of its n-grams.

        ``own_rows``: float32 (words, dimensions); so is the result.
        """
        rows, starts = ngram_rows(words, self.minn, self.maxn, self.buckets)
        matrix = np.array(own_rows, dtype=np.float32, order="C")
        most = int(np.diff(starts).max(initial=0))
        inverses = (1.0 / np.arange(1, most + 2)).astype(np.float32)
        average_ngrams(
            rows, starts, self.matrix.reshape(-1), inverses, matrix.shape[1], matrix.reshape(-1)
        )
        return matrix


def ngram_rows(
    words: Sequence[str], minn: int, maxn: int, buckets: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """(buckets of all n-grams of all words, where each word's begin).

    The n-grams of word i are ``rows[starts[i]:starts[i + 1]]``, in fastText's order.
    """
    marked = [
        b"" if word == END_OF_SENTENCE else b"<%b>" % word.encode("utf-8", "surrogatepass")
        for word in words
    ]
    text = np.frombuffer(b"".join(marked), dtype=np.uint8)
    bounds = np.zeros(len(words) + 1, dtype=np.int64)
    np.cumsum([len(word) for word in marked], out=bounds[1:])
    starts = np.zeros(len(words) + 1, dtype=np.int64)
    rows = np.empty(0, dtype=np.int32)
    if buckets > 0:
        count = hash_ngrams(text, bounds, minn, maxn, buckets, starts, rows)
        rows = np.empty(count, dtype=np.int32)
        hash_ngrams(text, bounds, minn, maxn, buckets, starts, rows)
    return rows, starts
