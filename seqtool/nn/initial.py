"""What weights are before training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from seqtool.nn.parameters import Floats
from seqtool.vectors import WordVectors


def uniform(weight: Floats, limit: float, random: np.random.Generator) -> None:
    """Fill with numbers between ``-limit`` and ``limit``."""
    weight[...] = random.uniform(-limit, limit, weight.shape)


def glorot_uniform(weight: Floats, random: np.random.Generator) -> None:
    """Fill a matrix so that it keeps the variance of signals both ways (Glorot & Bengio 2010,
    equation 16)."""
    uniform(weight, math.sqrt(6.0 / sum(weight.shape)), random)


def orthogonal(weight: Floats, random: np.random.Generator) -> None:
    """Fill a matrix with orthonormal columns, or rows if it is wide (Saxe et al. 2014).

    Applied again and again it changes no length, so gradients neither vanish nor explode at first.
    """
    rows, columns = weight.shape
    basis, triangle = np.linalg.qr(random.normal(size=(max(rows, columns), min(rows, columns))))
    basis *= np.where(np.diag(triangle) < 0, -1.0, 1.0)  # all rotations are then equally likely
    weight[...] = basis if rows >= columns else basis.T


def rows_from_vectors(
    words: Sequence[str], vectors: WordVectors, random: np.random.Generator
) -> tuple[Floats, int]:
    """Embeddings of a vocabulary, taken from word vectors that were learned on a larger corpus.

    This is the second of the three steps of transfer: learn on a large corpus, carry over, go on
    training (or keep frozen). A word that is not found is looked up in lower case; one that is not
    there either is drawn evenly, with the variance of the vectors (Kim 2014, section 3.1).

    Returns the matrix, float32 of shape (words, dimensions), and how many words were found.
    """
    limit = math.sqrt(3.0 * float(np.var(vectors.matrix))) if len(vectors) else 0.1
    matrix = random.uniform(-limit, limit, (len(words), vectors.dimensions)).astype(np.float32)
    found = 0
    for row, word in enumerate(words):
        for form in (word, word.lower()):
            try:
                matrix[row] = vectors.vector(form)
            except KeyError:
                continue
            found += 1
            break
    return matrix, found
