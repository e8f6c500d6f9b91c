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
from seqtool_train_embeddings.window_kernels import HIERARCHY, NEGATIVES, SOFTMAX

Integers = npt.NDArray[np.int64]
Floats32 = npt.NDArray[np.float32]

OBJECTIVES = {"ns": NEGATIVES, "hs": HIERARCHY, "softmax": SOFTMAX}
MOST_SOFTMAX_WORDS = 50_000
_LANES = 16
_SEED_STEP = 0x9E3779B97F4A7C15
_LOW_63_BITS = 0x7FFFFFFFFFFFFFFF


def padded(numbers: int) -> int:
    """The numbers a row of so many takes in memory: whole vector registers, zeros at the end."""
    return -(-numbers // _LANES) * _LANES


class Targets:
    """An objective for a vocabulary, with all that its kernels draw from.

    ``keep``: chances of words to survive subsampling; ``most``: the largest number of targets of
    a word.
    """

    def __init__(
        self, objective: str, counts: Integers, negatives: int, power: float, sample: float
    ) -> None:
        self.words = len(counts)
        self.objective = OBJECTIVES[objective]
        self.negatives = negatives
        self.keep = keep_chances(counts, sample)
        self.alias = AliasTable(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self.paths = NO_PATHS
        if self.objective == NEGATIVES:
            self.alias = alias_table(counts.astype(np.float64) ** power)
            self.most = 1 + negatives
        elif self.objective == HIERARCHY:
            self.paths = huffman_paths(counts)
            self.most = int(np.diff(self.paths.starts).max(initial=1))
        else:
            self.most = self.words
            if self.words > MOST_SOFTMAX_WORDS:
                raise SeqtoolError(
                    f"--objective softmax scores every word at every step, and {self.words:,} "
                    f"words are too many: use ns or hs, or --max-vocab {MOST_SOFTMAX_WORDS}"
                )

    def scratch(self, rows: int) -> tuple[Integers, Floats32, Floats32]:
        """A thread's own targets, labels and scores for so many hidden rows."""
        targets = np.zeros(self.most, np.int64)
        if self.objective == SOFTMAX:
            targets[:] = np.arange(self.words)
        labels = np.full(self.most, -1, np.float32)
        return targets, labels, np.zeros(rows * self.most, np.float32)

    @staticmethod
    def random_state(seed: int, number: int) -> Any:
        """Where the random numbers of piece ``number`` of the work start."""
        return (seed * 0x2545F4914F6CDD1D + (number + 1) * _SEED_STEP) & _LOW_63_BITS
