"""What is drawn and chosen for a vocabulary: kept words, negatives, paths in the Huffman tree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtool_train_embeddings.tree_kernels import join_nodes, write_paths

Integers = npt.NDArray[np.int64]
Floats32 = npt.NDArray[np.float32]

_ONE = 1 << 32  # chances are in units of 2**-32


def keep_chances(counts: Integers, sample: float) -> Integers:
    """The chance of every word to survive subsampling, in units of 2**-32.

    A word of relative frequency f stays with sqrt(sample / f) + sample / f, as in word2vec.c;
    ``sample`` 0 keeps all.
    """
    if sample <= 0:
        return np.full(len(counts), _ONE, np.int64)
    ratio = sample * counts.sum() / counts
    chances: Integers = (np.minimum(np.sqrt(ratio) + ratio, 1.0) * _ONE).astype(np.int64)
    return chances


class AliasTable(NamedTuple):
    """Vose's table (1991): column c stands for itself with ``chances[c]``, else ``others[c]``."""

    chances: Integers
    others: Integers


def alias_table(weights: npt.NDArray[Any]) -> AliasTable:
    """A table that draws i with a chance proportional to ``weights[i]``, in constant time."""
    scaled = (np.asarray(weights, np.float64) * (len(weights) / np.sum(weights))).tolist()
    others = list(range(len(scaled)))
    light = [i for i, weight in enumerate(scaled) if weight < 1]
    heavy = [i for i, weight in enumerate(scaled) if weight >= 1]
    chances = [1.0] * len(scaled)
    while light and heavy:
        small, large = light.pop(), heavy[-1]
        chances[small], others[small] = scaled[small], large
        scaled[large] -= 1 - scaled[small]
        if scaled[large] < 1:
            light.append(heavy.pop())
    return AliasTable((np.array(chances) * _ONE).astype(np.int64), np.array(others, np.int64))


class Paths(NamedTuple):
    """The way from the root of a Huffman tree to each word.

    Word w passes ``nodes[starts[w]:starts[w + 1]]`` (inner nodes, 0 to words - 2) and turns to
    ``signs`` (1 or -1) at each.
    """

    starts: Integers
    nodes: Integers
    signs: Floats32


def huffman_paths(counts: Integers) -> Paths:
    """Paths in the Huffman tree of ``counts``, which fall from word to word."""
    words = len(counts)
    size = 2 * words - 1
    parents, weights = np.empty(size, np.int64), np.empty(size, np.int64)
    sides = np.zeros(size, np.int8)
    join_nodes(counts, words, weights, parents, sides)
    starts = np.empty(words + 1, np.int64)
    write_paths(words, parents, sides, starts, np.empty(0, np.int64), np.empty(0, np.float32))
    nodes, signs = np.empty(starts[-1], np.int64), np.empty(starts[-1], np.float32)
    write_paths(words, parents, sides, starts, nodes, signs)
    return Paths(starts, nodes, signs)


NO_PATHS = Paths(np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
