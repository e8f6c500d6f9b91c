"""The n-grams of one order at a time while a model is made, and the trie they are joined to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]
Offsets = NDArray[np.int64]

MOST_NODES = (1 << 31) - 1
SMALLEST = 1e-13  # a log10 nearer to 0 than this is 0: no float32 probability tells them apart


class Trie(NamedTuple):
    """The n-grams of all orders, as `seqtool.ngrams.trie_kernels` describes them.

    ``levels[n]`` is the first node of the n-grams of n words: node 0 is the empty context, and
    ``levels[order + 1]`` is the number of nodes. The nodes before ``levels[order]`` are contexts:
    only they have ``backoffs``, and ``first_child`` has one entry more than they are.
    """

    levels: Offsets
    words: Ids  # of every node: its last word
    first_child: Ids
    suffixes: Ids
    probs: NDArray[np.float32]  # log10
    backoffs: NDArray[np.float32]  # log10

    @property
    def order(self) -> int:
        """Words in the longest n-grams."""
        return len(self.levels) - 2


class Level:
    """The n-grams of one order, numbered from 0.

    ``suffixes`` and ``first_child`` lead to numbers of the orders below and above. ``pruned`` is
    empty where no n-gram is.
    """

    def __init__(self, words: Ids, counts: Ids, suffixes: Ids) -> None:
        self.words = words
        self.counts = counts
        self.suffixes = suffixes
        self.first_child: Ids = np.empty(0, np.int32)
        self.pruned: NDArray[np.uint8] = np.empty(0, np.uint8)
        self.probs: NDArray[np.float32] = np.empty(0, np.float32)
        self.backoffs: NDArray[np.float32] = np.empty(0, np.float32)

    def __len__(self) -> int:
        return len(self.words)


def log10_probs(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Logarithms as float32; sums that rounding took above one are one."""
    result = np.log10(values)
    result[np.abs(result) < SMALLEST] = 0.0
    return np.minimum(result, 0.0).astype(np.float32)


def drop_pruned(levels: list[Level]) -> None:
    """Leave out n-grams that are pruned; the longer ones that begin with them are, too."""
    below = np.zeros(1, np.int32)
    for number, level in enumerate(levels):
        keep = level.pruned == 0 if len(level.pruned) else np.ones(len(level), np.bool_)
        numbers = np.concatenate([[0], np.cumsum(keep)]).astype(np.int32)
        level.suffixes = below[level.suffixes[keep]]
        if number:
            levels[number - 1].first_child = numbers[levels[number - 1].first_child]
        level.words, level.probs = level.words[keep], level.probs[keep]
        if number + 1 < len(levels):
            level.backoffs = level.backoffs[keep]
            level.first_child = level.first_child[np.append(keep, True)]
        below = numbers


def join_levels(levels: list[Level], ids: Ids) -> Trie:
    """One trie of all orders; ``ids`` are the words that ``words`` are places in."""
    starts = np.cumsum([0, 1, *(len(level) for level in levels)])
    words = [np.zeros(1, np.int32)]
    suffixes = [np.zeros(1, np.int32)]
    first_child = [np.ones(1, np.int32)]
    probs = [np.zeros(1, np.float32)]
    backoffs = [np.zeros(1, np.float32)]
    for length, level in enumerate(levels, start=1):
        words.append(ids[level.words])
        suffixes.append((level.suffixes + starts[length - 1]).astype(np.int32))
        probs.append(level.probs)
        if length < len(levels):
            first_child.append((level.first_child[:-1] + starts[length + 1]).astype(np.int32))
            backoffs.append(level.backoffs)
        level.words = level.suffixes = level.first_child = np.empty(0, np.int32)
    first_child.append(np.array([starts[-1]], np.int32))
    return Trie(
        starts,
        np.concatenate(words),
        np.concatenate(first_child),
        np.concatenate(suffixes),
        np.concatenate(probs),
        np.concatenate(backoffs),
    )
