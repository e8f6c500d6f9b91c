"""Batches: how a corpus is cut into pieces that a model trains on.

A batch is cut into shards, one for a thread at a time. How depends on the batch alone, and what is
in a batch on seed, epoch and number alone, so results depend neither on the number of threads nor
on where a training was stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.nn.types import Ids, Lengths, Shard

_ROUND = 8  # rows of a shard are a multiple of this where that is possible
_LARGEST = 32  # rows of a shard
_LEAST_TO_CUT = 16  # rows from which on there is work for two threads
_POOL = 64  # batches whose sequences are sorted by length together


def cut_rows(rows: int) -> list[slice]:
    """Cut a batch of ``rows`` into shards of at most 32 rows, evenly.

    There are two shards from 16 rows on, and always an even number. All but the last have a
    multiple of 8 rows.
    """
    if rows < _LEAST_TO_CUT:
        return [slice(0, rows)]
    shards = 2 * -(-rows // (2 * _LARGEST))
    eights = rows // _ROUND
    bounds = [_ROUND * -(-eights * shard // shards) for shard in range(shards)] + [rows]
    return [slice(start, end) for start, end in pairwise(bounds)]


def bucketed(
    random: np.random.Generator,
    lengths: tuple[Lengths, ...],
    rows: int,
    cut: Callable[[NDArray[np.int64]], Iterable[NDArray[np.int64]]],
) -> list[NDArray[np.int64]]:
    """Shuffle sequences into batches of about equal length.

    Pools of many batches of ``rows`` are sorted by ``lengths`` (the first one decides, the longest
    come first), each is given to ``cut``, and the batches that come of it are shuffled.
    """
    order = random.permutation(len(lengths[0]))
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), _POOL * rows):
        pool = order[start : start + _POOL * rows]
        falling = [-each[pool] for each in reversed(lengths)]  # the last key decides first
        batches += cut(pool[np.lexsort(falling)])
    return [batches[number] for number in random.permutation(len(batches))]


def cut_pool(
    pool: NDArray[np.int64], lengths: Lengths, rows: int, most: int | None
) -> list[NDArray[np.int64]]:
    """Cut sequences, sorted by falling length, into batches of at most ``rows``.

    With padding, a batch is no longer than ``most`` in all, unless one sequence alone is.
    """
    batches = []
    start = 0
    while start < len(pool):
        longest = max(1, int(lengths[pool[start]]))
        count = rows if most is None else max(1, min(rows, most // longest))
        batches.append(pool[start : start + count])
        start += count
    return batches


def in_columns(ids: Ids, starts: Lengths, lengths: Lengths) -> Ids:
    """Sequences side by side: int32 (longest, rows), 0 behind the end of each.

    Row i is ``ids[starts[i]:starts[i] + lengths[i]]``.
    """
    times = np.arange(int(lengths.max()))[:, np.newaxis]
    inside = times < lengths
    return np.where(inside, ids[np.where(inside, starts + times, 0)], 0).astype(np.int32)


class StreamBatches:
    """Windows of one long text, for truncated back-propagation through time.

    The text is cut into ``rows`` streams that lie side by side; window after window of ``steps``
    moves along all of them, and the recurrent state is carried over. Every pair of neighbouring
    tokens is input and target once an epoch: the last window of an epoch holds what is left, so
    it may be shorter (or longer by one), and its rows may differ in length by one.

    The first epoch begins at the start of the text, the others somewhere else and come around, so
    that windows end elsewhere.

    Args:
        ids: the text, int32 (tokens,).
        rows: streams; fewer if the text is very short.
        steps: length of a window.
        seed: decides where epochs begin.

    Raises SeqtoolError for a text of fewer than two tokens.
    """

    def __init__(self, ids: Ids, rows: int, steps: int, seed: int) -> None:
        if len(ids) < 2:
            raise SeqtoolError("the text is too short: at least two tokens are needed")
        self._ids = ids
        self._pairs = len(ids) - 1
        self._steps = steps
        self._seed = seed
        rows = min(rows, self._pairs)
        shortest, longer = divmod(self._pairs, rows)
        self._row_lengths = np.full(rows, shortest, np.int64)
        self._row_lengths[:longer] += 1
        self._starts = np.cumsum(self._row_lengths) - self._row_lengths
        self._windows = -(-shortest // steps)
        self._cuts = cut_rows(rows)
        self._offset = 0

    def start_epoch(self, epoch: int) -> int:
        """Choose where the epoch begins; returns the number of windows."""
        random = np.random.default_rng((self._seed, epoch))
        self._offset = int(random.integers(self._pairs)) if epoch else 0
        return self._windows

    def batch(self, number: int) -> list[Shard]:
        """The shards of a window; see `seqtool.nn.types.Shard`."""
        start = number * self._steps
        last = number == self._windows - 1
        end = int(self._row_lengths[0]) if last else start + self._steps
        times = np.arange(start, end)[:, np.newaxis] + self._offset
        shards = []
        for rows in self._cuts:
            places = (times + self._starts[rows]) % self._pairs
            lengths = self._row_lengths[rows] - start
            full = not last or bool(lengths.min() == end - start)
            shards.append(
                Shard(
                    self._ids[places],
                    self._ids[places + 1],
                    None if full else lengths,
                    places.size if full else int(lengths.sum()),
                    carries=number > 0,
                )
            )
        return shards


class SequenceBatches:
    """Sequences of unequal length, each a row of its own, with others of about its length.

    Without labels every token is the target of the one before it; with labels there is one target
    for a sequence. Sequences are shuffled, sorted by length within pools of many batches, cut into
    batches, and the batches shuffled. In a batch the longest come first.

    Args:
        ids: the tokens of all sequences, int32 (tokens,).
        starts: where sequences start, and the end, int64 (sequences + 1,).
        rows: sequences of a batch at most.
        seed: decides the order.
        labels: int32 (sequences,), or None.
        weights: of the labels' losses, float32 (sequences,), or None.
        tokens: tokens of a batch with its padding at most, unless one sequence alone has more.

    Raises SeqtoolError when there are no sequences, ValueError for one that is too short: it
    needs a token, and without labels a second one.
    """

    def __init__(
        self,
        ids: Ids,
        starts: Lengths,
        rows: int,
        seed: int,
        *,
        labels: Ids | None = None,
        weights: NDArray[np.float32] | None = None,
        tokens: int | None = None,
    ) -> None:
        if len(starts) < 2:
            raise SeqtoolError("there is nothing to train on: no sequences")
        self._ids, self._starts = ids, starts
        self._labels, self._weights = labels, weights
        self._lengths = np.diff(starts) - (labels is None)
        if self._lengths.min() < 1:
            raise ValueError(f"sequence {int(self._lengths.argmin())} is too short")
        self._rows, self._tokens, self._seed = rows, tokens, seed
        self._batches: list[NDArray[np.int64]] = []

    def start_epoch(self, epoch: int) -> int:
        """Shuffle for an epoch; returns the number of batches."""
        random = np.random.default_rng((self._seed, epoch))
        self._batches = bucketed(random, (self._lengths,), self._rows, self._cut)
        return len(self._batches)

    def _cut(self, pool: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        return cut_pool(pool, self._lengths, self._rows, self._tokens)

    def sequences_of(self, number: int) -> NDArray[np.int64]:
        """The numbers of the sequences in a batch of this epoch, in the order of its rows."""
        return self._batches[number]

    def batch(self, number: int) -> list[Shard]:
        """The shards of a batch; see `seqtool.nn.types.Shard`."""
        sequences = self._batches[number]
        return [self._shard(sequences[rows]) for rows in cut_rows(len(sequences))]

    def _shard(self, sequences: NDArray[np.int64]) -> Shard:
        lengths = self._lengths[sequences]
        inputs = in_columns(self._ids, self._starts[sequences], lengths)
        if self._labels is None:
            targets = in_columns(self._ids, self._starts[sequences] + 1, lengths)
            count = int(lengths.sum())
        else:
            targets, count = self._labels[sequences], len(sequences)
        weights = None if self._weights is None else self._weights[sequences]
        full = None if lengths[-1] == lengths[0] else lengths
        return Shard(inputs, targets, full, count, weights=weights)
