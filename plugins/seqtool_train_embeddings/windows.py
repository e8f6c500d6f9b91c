"""Skip-gram and CBOW: the tables of a model and the workers that train them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtool_train_embeddings.group_kernels import DRAWS, GROUP, train_groups
from seqtool_train_embeddings.targets import Targets, padded
from seqtool_train_embeddings.window_kernels import (
    CBOW,
    LONGEST_SENTENCE,
    NEGATIVES,
    SKIPGRAM,
    train_windows,
)

Integers = npt.NDArray[np.int64]

METHODS = {"skipgram": SKIPGRAM, "cbow": CBOW}
_BLOCK_NUMBERS = 1 << 22


class NgramRows:
    """Which rows behind the words' rows of the input table a word shares with other words.

    Word w has ``rows[starts[w]:starts[w + 1]]``; there are ``buckets`` such rows in all.
    """

    def __init__(self, starts: Integers, rows: Integers, buckets: int) -> None:
        self.starts = starts
        self.rows = rows
        self.buckets = buckets

    @property
    def most(self) -> int:
        """The largest number of rows of a word."""
        return int(np.diff(self.starts).max(initial=0))


NO_NGRAMS = NgramRows(np.zeros(0, np.int64), np.zeros(0, np.int64), 0)


class WindowModel:
    """Input and output vectors, float32 (rows, padded dimensions), and how to train them.

    ``inputs`` has a row a word and behind them a row a bucket of n-grams.
    """

    def __init__(
        self,
        targets: Targets,
        method: str,
        dimensions: int,
        window: int,
        seed: int,
        ngrams: NgramRows = NO_NGRAMS,
    ) -> None:
        self.targets = targets
        self.words = targets.words
        self.dimensions = dimensions
        self.width = padded(dimensions)
        self._method = METHODS[method]
        self._window = window
        self._seed = seed
        self._ngrams = ngrams
        self.inputs = np.zeros((self.words + ngrams.buckets, self.width), np.float32)
        self.outputs = np.zeros((self.words, self.width), np.float32)
        self._fill_inputs()

    def _fill_inputs(self) -> None:
        """Uniform numbers of at most 0.5 / dimensions, as in word2vec.c."""
        random = np.random.default_rng(self._seed)
        step = max(1, _BLOCK_NUMBERS // self.dimensions)
        for row in range(0, len(self.inputs), step):
            block = self.inputs[row : row + step, : self.dimensions]
            block[:] = (random.random(block.shape, np.float32) - 0.5) / self.dimensions

    def make_worker(
        self, ids: npt.NDArray[np.int32], loss: npt.NDArray[Any]
    ) -> Callable[[int, int, int, float], int]:
        """A function ``train(start, stop, number, rate)`` for one thread, with its own scratch.

        It trains on the words from ``start``, where a sentence begins, to at least ``stop`` and
        returns where it ended. ``number`` decides the random draws. ``loss`` (sum of losses,
        number of losses) is added to.
        """
        t = self.targets
        if (self._method, t.objective, self._ngrams.buckets) == (SKIPGRAM, NEGATIVES, 0):
            return self._group_worker(ids, loss)
        rows = 2 * self._window
        sentence = np.zeros(LONGEST_SENTENCE + rows, np.int64)
        length, state = np.zeros(1, np.int64), np.zeros(1, np.int64)
        members = np.zeros(rows * (1 + self._ngrams.most), np.int64)
        bounds = np.zeros(rows + 1, np.int64)
        places, labels, scores = t.scratch(rows)
        hidden, change = (np.zeros(rows * self.width, np.float32) for _ in range(2))
        inputs, outputs = self.inputs.reshape(-1), self.outputs.reshape(-1)
        ngrams = self._ngrams

        def train(start: int, stop: int, number: int, rate: float) -> int:
            state[0] = t.random_state(self._seed, number)
            return train_windows(
                ids, start, stop, self._method, t.objective, self._window, t.negatives, t.keep,
                *t.alias, t.paths.starts, t.paths.nodes, t.paths.signs, ngrams.starts, ngrams.rows,
                self.words, rate, inputs, outputs, self.width, state, sentence,
                length, members, bounds, places, labels, scores, hidden, change, loss,
            )  # fmt: skip

        return train

    def _group_worker(
        self, ids: npt.NDArray[np.int32], loss: npt.NDArray[Any]
    ) -> Callable[[int, int, int, float], int]:
        """`make_worker` for skip-gram with negative sampling of whole words."""
        t = self.targets
        rows, columns = GROUP + 2 * self._window, GROUP + DRAWS * t.negatives
        sentence, state = np.zeros(LONGEST_SENTENCE, np.int64), np.zeros(1, np.int64)
        length, places = np.zeros(1, np.int64), np.zeros(columns, np.int64)
        weights, scores = (np.zeros(rows * columns, np.float32) for _ in range(2))
        change = np.zeros(rows * self.width, np.float32)
        inputs, outputs = self.inputs.reshape(-1), self.outputs.reshape(-1)

        def train(start: int, stop: int, number: int, rate: float) -> int:
            state[0] = t.random_state(self._seed, number)
            return train_groups(
                ids, start, stop, self._window, t.negatives, t.keep, *t.alias, self.words,
                rate, inputs, outputs, self.width, state, sentence, length, places,
                weights, scores, change, loss,
            )  # fmt: skip

        return train

    def state(self) -> dict[str, npt.NDArray[np.float32]]:
        """The arrays that a checkpoint keeps."""
        return {"inputs": self.inputs, "outputs": self.outputs}
