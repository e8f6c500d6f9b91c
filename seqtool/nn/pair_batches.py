"""Batches of pairs of sequences, for models that read one and write the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.nn.batches import bucketed, cut_rows, in_columns
from seqtool.nn.types import Ids, Lengths, Shard


class Side(NamedTuple):
    """Sequences of one language; each ends in the id that ends a sentence.

    Sequence i is ``ids[starts[i]:starts[i + 1]]``; int32 (tokens,), int64 (sequences + 1,).
    """

    ids: Ids
    starts: Lengths


class SequencePairs(NamedTuple):
    """As many sequences of a source as of a target."""

    source: Side
    target: Side


class PairBatches:
    """Pairs of sequences, in batches of those that are about as long.

    Pairs are shuffled, sorted by the length of the target and then of the source within pools of
    many batches, cut into batches, and the batches shuffled. In a batch the longest targets come
    first. A shard is padded to its own longest sequences only.

    Args:
        pairs: what an epoch (from 0) trains on, or a function that tells it by the number of the
            epoch; always the same number of pairs.
        begin: the id that a model reads before the target.
        rows: pairs of a batch.
        seed: decides the order, with the epoch.

    Raises SeqtoolError when there are no pairs.
    """

    def __init__(
        self,
        pairs: SequencePairs | Callable[[int], SequencePairs],
        begin: int,
        rows: int,
        seed: int,
    ) -> None:
        self._pairs_of = pairs if callable(pairs) else lambda epoch: pairs
        self._begin = begin
        self._rows, self._seed = rows, seed
        self._epoch: int | None = None
        self._batches: list[NDArray[np.int64]] = []

    def start_epoch(self, epoch: int) -> int:
        """Shuffle for an epoch; returns the number of batches."""
        if epoch == self._epoch:
            return len(self._batches)
        self._pairs = self._pairs_of(epoch)
        lengths = (np.diff(self._pairs.target.starts), np.diff(self._pairs.source.starts))
        if not len(lengths[0]):
            raise SeqtoolError("there is nothing to train on: no pairs")
        random = np.random.default_rng((self._seed, epoch))
        self._batches = bucketed(random, lengths, self._rows, self._cut)
        self._epoch = epoch
        return len(self._batches)

    def _cut(self, pool: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        return [pool[start : start + self._rows] for start in range(0, len(pool), self._rows)]

    def batch(self, number: int) -> list[Shard]:
        """The shards of a batch; see `seqtool.nn.types.Shard`."""
        pairs = self._batches[number]
        return [self._shard(pairs[rows]) for rows in cut_rows(len(pairs))]

    def _shard(self, pairs: NDArray[np.int64]) -> Shard:
        source, target = self._pairs
        lengths = np.diff(target.starts)[pairs]
        source_lengths = np.diff(source.starts)[pairs]
        targets = in_columns(target.ids, target.starts[pairs], lengths)
        inputs = np.full_like(targets, self._begin)
        inputs[1:] = np.where(np.arange(1, len(targets))[:, np.newaxis] < lengths, targets[:-1], 0)
        return Shard(
            inputs,
            targets,
            lengths,
            int(lengths.sum()),
            source=in_columns(source.ids, source.starts[pairs], source_lengths),
            source_lengths=source_lengths,
        )
