"""Vectors that words have already, to start a training from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.vectors import load_vectors
from seqtool_train_embeddings.vocabulary import Vocabulary


def known_vectors(
    path: str, vocabulary: Vocabulary, dimensions: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The numbers of the words that a file of vectors knows, and their vectors.

    Raises SeqtoolError if the vectors have other ``dimensions``.
    """
    old = load_vectors(path)
    if old.dimensions != dimensions:
        raise SeqtoolError(
            f"{path} has {old.dimensions} dimensions, the new vectors {dimensions}: "
            f"use --dim {old.dimensions}"
        )
    known = [number for number, word in enumerate(vocabulary.words) if word in old]
    vectors = np.empty((len(known), dimensions), np.float32)
    for row, number in enumerate(known):
        vectors[row] = old.vector(vocabulary.words[number])
    return np.array(known, np.int64), vectors
