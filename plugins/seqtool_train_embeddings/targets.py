"""What a model is asked to predict: the word among negatives, along its path, or among all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool_train_embeddings.sampling import (
    NO_PATHS,
    AliasTable,
    alias_table,
    huffman_paths,
    keep_chances,
)
from seqtool_train_embeddings.tile_kernels import LANES
from seqtool_train_embeddings.update_kernels import HIERARCHY, NEGATIVES, SOFTMAX

Integers = npt.NDArray[np.int64]

OBJECTIVES = {"ns": NEGATIVES, "hs": HIERARCHY, "softmax": SOFTMAX}
MOST_SOFTMAX_WORDS = 50_000
_SEED_STEP = 0x9E3779B97F4A7C15
_LOW_63_BITS = 0x7FFFFFFFFFFFFFFF


def padded(numbers: int) -> int:
    """The numbers a row of so many takes in memory: whole vector registers, zeros at the end."""
    return -(-numbers // LANES) * LANES


class Targets:
    """An objective for a vocabulary, with all that its kernels draw from.

    ``keep``: chances of words to survive subsampling; ``negatives``: how many a word has, 0 for
    the other objectives.
    """

    def __init__(
        self, objective: str, counts: Integers, negatives: int, power: float, sample: float
    ) -> None:
        self.words = len(counts)
        self.objective = OBJECTIVES[objective]
        self.negatives = negatives if self.objective == NEGATIVES else 0
        self.keep = keep_chances(counts, sample)
        self.alias = AliasTable(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self.paths = NO_PATHS
        if self.objective == NEGATIVES:
            self.alias = alias_table(counts.astype(np.float64) ** power)
        elif self.objective == HIERARCHY:
            self.paths = huffman_paths(counts)
        elif self.words > MOST_SOFTMAX_WORDS:
            raise SeqtoolError(
                f"--objective softmax scores every word at every step, and {self.words:,} "
                f"words are too many: use ns or hs, or --max-vocab {MOST_SOFTMAX_WORDS}"
            )

    def scratch(self, words: int, draws: int) -> Integers:
        """Room for the targets of so many words that share ``draws`` negatives."""
        if self.objective == SOFTMAX:
            return np.arange(padded(self.words))
        if self.objective == HIERARCHY:
            most = words * int(np.diff(self.paths.starts).max(initial=0))
        else:
            most = words + draws
        return np.zeros(padded(max(most, 1)), np.int64)

    @staticmethod
    def random_state(seed: int, number: int) -> Any:
        """Where the random numbers of piece ``number`` of the work start."""
        return (seed * 0x2545F4914F6CDD1D + (number + 1) * _SEED_STEP) & _LOW_63_BITS
