"""Skip-gram and CBOW: the tables of a model and the workers that train them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqtool.kernels.memory import aligned_zeros
from seqtool_train_embeddings.cbow_kernels import train_cbow
from seqtool_train_embeddings.group_kernels import train_groups
from seqtool_train_embeddings.targets import Targets, padded
from seqtool_train_embeddings.update_kernels import HIERARCHY, SOFTMAX
from seqtool_train_embeddings.window_kernels import LONGEST_SENTENCE

Integers = npt.NDArray[np.int64]

Ids = npt.NDArray[np.int32]
Losses = npt.NDArray[np.float64]
Worker = Callable[[int, int, int, float], int]

# Words that share negatives in skip-gram, and the negatives drawn for them together, for each
# that a word is to have: of the sizes that leave the accuracy where word2vec has it, the fastest.
GROUP = 5
DRAWS = 1.8
HOT_ROWS = 256  # of the output table, of which every thread has its own
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


class HotRows(NamedTuple):
    """Rows of the output table that a thread has for itself, ``shift`` rows further down."""

    begin: int
    end: int
    shift: int


class WindowModel:
    """Input and output vectors, float32 (rows, padded dimensions), and how to train them.

    ``inputs`` has a row a word and behind them a row a bucket of n-grams. At most ``threads``
    workers may train at the same time.
    """

    def __init__(
        self,
        targets: Targets,
        method: str,
        dimensions: int,
        window: int,
        seed: int,
        ngrams: NgramRows = NO_NGRAMS,
        threads: int = 1,
    ) -> None:
        self.targets = targets
        self.words = targets.words
        self.dimensions = dimensions
        self.width = padded(dimensions)
        self._method = method
        self._window = window
        self._seed = seed
        self._ngrams = ngrams
        self.inputs = aligned_zeros(self.words + ngrams.buckets, self.width)
        shared = threads > 1 and targets.objective != SOFTMAX
        self._hot = min(HOT_ROWS, self.words - 1) if shared else 0
        self._table = aligned_zeros(self.words + threads * self._hot, self.width)
        self.outputs = self._table[: self.words]
        self._fill_inputs()

    def _fill_inputs(self) -> None:
        """Uniform numbers of at most 0.5 / dimensions, as in word2vec.c."""
        random = np.random.default_rng(self._seed)
        step = max(1, _BLOCK_NUMBERS // self.dimensions)
        for row in range(0, len(self.inputs), step):
            block = self.inputs[row : row + step, : self.dimensions]
            block[:] = (random.random(block.shape, np.float32) - 0.5) / self.dimensions

    def make_worker(self, ids: Ids, loss: Losses, thread: int = 0) -> Worker:
        """A function ``train(start, stop, number, rate)`` for one thread, with its own scratch.

        It trains on the words from ``start``, where a sentence begins, to at least ``stop`` and
        returns where it ended. ``number`` decides the random draws. ``loss`` (sum of losses,
        number of losses) is added to. ``thread``, below the model's ``threads``, is no other
        worker's that trains at the same time.
        """
        worker = self._skipgram_worker if self._method == "skipgram" else self._cbow_worker
        return worker(ids, loss, self._hot_rows(thread))

    def _hot_rows(self, thread: int) -> HotRows:
        """The output rows that almost every step needs: frequent words, or nodes near the root."""
        begin = self.words - 1 - self._hot if self.targets.objective == HIERARCHY else 0
        return HotRows(begin, begin + self._hot, self.words + thread * self._hot - begin)

    def _skipgram_worker(self, ids: Ids, loss: Losses, hot: HotRows) -> Worker:
        t, ngrams = self.targets, self._ngrams
        group = 1 if t.objective == HIERARCHY else GROUP
        draws = math.ceil(DRAWS * t.negatives)
        share = t.negatives / draws if draws else 0.0
        limit, targets = group + 2 * self._window, t.scratch(group, draws)
        most = len(targets)
        state, places = np.zeros(1, np.int64), np.zeros(1 + 2 * group, np.int64)
        sentence, negatives = np.zeros(LONGEST_SENTENCE, np.int64), np.zeros(draws, np.int64)
        inside, counts = aligned_zeros(group * limit), aligned_zeros(2 * group * most)
        pairs, tiles = aligned_zeros(3 * limit * most), aligned_zeros(2 * limit * self.width)
        target_tiles = aligned_zeros(0 if t.objective == SOFTMAX else 2 * most * self.width)
        seen = aligned_zeros((hot.end - hot.begin) * self.width)
        inputs, outputs = self.inputs.reshape(-1), self._table.reshape(-1)

        def train(start: int, stop: int, number: int, rate: float) -> int:
            state[0] = t.random_state(self._seed, number)
            return train_groups(
                ids, start, stop, t.objective, self._window, group, draws, share, t.keep,
                *t.alias, t.paths.starts, t.paths.nodes, t.paths.signs, ngrams.starts, ngrams.rows,
                self.words, rate, inputs, outputs, self.width, most, *hot, state, sentence, places,
                negatives, targets, inside, counts, pairs, tiles, target_tiles, seen, loss,
            )  # fmt: skip

        return train

    def _cbow_worker(self, ids: Ids, loss: Losses, hot: HotRows) -> Worker:
        t, ngrams = self.targets, self._ngrams
        targets = t.scratch(1, t.negatives)
        most = len(targets)
        state, length = np.zeros(1, np.int64), np.zeros(1, np.int64)
        sentence, negatives = np.zeros(LONGEST_SENTENCE, np.int64), np.zeros(t.negatives, np.int64)
        members = np.zeros(2 * self._window * (1 + ngrams.most), np.int64)
        weights, counts = aligned_zeros(len(members)), aligned_zeros(3 * most)
        hidden = aligned_zeros(2 * self.width)
        seen = aligned_zeros((hot.end - hot.begin) * self.width)
        inputs, outputs = self.inputs.reshape(-1), self._table.reshape(-1)

        def train(start: int, stop: int, number: int, rate: float) -> int:
            state[0] = t.random_state(self._seed, number)
            return train_cbow(
                ids, start, stop, t.objective, self._window, t.negatives, t.keep, *t.alias,
                t.paths.starts, t.paths.nodes, t.paths.signs, ngrams.starts, ngrams.rows,
                self.words, rate, inputs, outputs, self.width, most, *hot, state, sentence, length,
                members, negatives, targets, weights, counts, hidden, seen, loss,
            )  # fmt: skip

        return train

    def state(self) -> dict[str, npt.NDArray[np.float32]]:
        """The arrays that a checkpoint keeps."""
        return {"inputs": self.inputs, "outputs": self.outputs}
