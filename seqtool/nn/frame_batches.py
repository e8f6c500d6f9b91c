"""Batches of examples of sound: frames that a model hears, and labels."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.nn.batches import bucketed, cut_pool, cut_rows, in_columns
from seqtool.nn.parameters import Floats
from seqtool.nn.types import Ids, Lengths, Shard
from seqtool.parallel import map_each


class FrameSource(Protocol):
    """Examples of sound, which may be new ones in every epoch.

    What an example is follows from a seed, the epoch and its number alone.
    """

    def start_epoch(self, epoch: int) -> Lengths:
        """Draw the examples of an epoch; returns how many frames each has, (examples,)."""

    def features(self, number: int) -> Floats:
        """The frames of an example, float32 (frames, size); from several threads at once."""

    def labels(self, number: int) -> Ids:
        """What is to be heard in it, int32 (labels,)."""


class FrameBatches:
    """Examples in batches of those that are about as long.

    They are shuffled, sorted by length within pools of many batches, cut into batches, and the
    batches shuffled. In a shard, the labels of its rows are ``targets`` (labels, rows), with their
    numbers in ``lengths``; ``inputs`` are the targets too. An example without labels counts as one
    target, so that it weighs something.

    Args:
        source: the examples.
        rows: examples of a batch at most.
        seed: decides the order, with the epoch.
        frames: of a batch at most, with padding, unless one example alone has more.
        threads: that make the examples of a batch; they change no result.

    Raises SeqtoolError when there are no examples.
    """

    def __init__(
        self,
        source: FrameSource,
        rows: int,
        seed: int,
        frames: int | None = None,
        threads: int = 1,
    ) -> None:
        self._source = source
        self._rows, self._frames, self._seed, self._threads = rows, frames, seed, threads
        self._epoch: int | None = None
        self._lengths: Lengths = np.zeros(0, np.int64)
        self._batches: list[NDArray[np.int64]] = []

    def start_epoch(self, epoch: int) -> int:
        """Draw and shuffle for an epoch; returns the number of batches."""
        if epoch == self._epoch:
            return len(self._batches)
        self._lengths = self._source.start_epoch(epoch)
        if not len(self._lengths):
            raise SeqtoolError("there is nothing to train on: no sound")
        random = np.random.default_rng((self._seed, epoch))
        self._batches = bucketed(random, (self._lengths,), self._rows, self._cut)
        self._epoch = epoch
        return len(self._batches)

    def _cut(self, pool: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        return cut_pool(pool, self._lengths, self._rows, self._frames)

    def batch(self, number: int) -> list[Shard]:
        """The shards of a batch; see `seqtool.nn.types.Shard`."""
        examples = self._batches[number]
        return [self.shard(examples[rows]) for rows in cut_rows(len(examples))]

    def shard(self, examples: NDArray[np.int64]) -> Shard:
        """Examples, by their numbers, side by side."""
        frames = map_each(examples.tolist(), self._source.features, self._threads)
        labels = [self._source.labels(int(number)) for number in examples]
        counts = np.array([len(part) for part in labels], np.int64)
        starts = np.cumsum(counts) - counts
        ids = np.concatenate([*labels, np.zeros(1, np.int32)])
        targets = in_columns(ids, np.minimum(starts, len(ids) - 1), counts)
        return Shard(
            targets,
            targets,
            counts,
            int(np.maximum(counts, 1).sum()),
            source_lengths=np.array([len(part) for part in frames], np.int64),
            features=_side_by_side(frames),
        )


def _side_by_side(parts: list[Floats]) -> Floats:
    """(longest, rows, size), 0 behind the end of each."""
    longest = max(len(part) for part in parts)
    joined = np.zeros((longest, len(parts), parts[0].shape[1]), np.float32)
    for row, part in enumerate(parts):
        joined[: len(part), row] = part
    return joined
