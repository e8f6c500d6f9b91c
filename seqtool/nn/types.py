"""What models, batches and the trainer know of each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.workspace import Workspace

Ids = NDArray[np.int32]
Lengths = NDArray[np.int64]


class Shard(NamedTuple):
    """Rows of a batch that one thread works on.

    How a batch is cut depends on the batch alone, so results do not depend on threads.

    Attributes:
        inputs: token ids, shape (time, rows); anything behind a row's end is padding.
        targets: ids of the same shape for a label at every step, shape (rows,) for one a row.
        lengths: of the rows, shape (rows,); None when every row is full.
        target_count: the number of targets that count.
        carries: whether the rows go on where the window before ended, so that the recurrent
            state is carried over; a new epoch starts from zero state.
        weights: of the targets' losses, shape of ``targets``; None where all weigh 1.
        source, source_lengths: token ids (source time, rows) and (rows,) of what is translated,
            for a model with an encoder.
        features: frames of sound, (frames, rows, size), 0 behind a row's end, for a model that
            listens; ``source_lengths`` are then theirs.
    """

    inputs: Ids
    targets: Ids
    lengths: Lengths | None
    target_count: int
    carries: bool = False
    weights: NDArray[np.float32] | None = None
    source: Ids | None = None
    source_lengths: Lengths | None = None
    features: Floats | None = None


class Batches(Protocol):
    """The batches of an epoch, by number, so that training can go on anywhere."""

    def start_epoch(self, epoch: int) -> int:
        """Shuffle (or not) for this epoch, by seed and epoch alone; returns how many there are."""

    def batch(self, number: int) -> Sequence[Shard]:
        """The shards of one batch."""


class Model(Protocol):
    """What can be trained."""

    parameters: Parameters

    def loss(self, work: Workspace, shard: Shard) -> float:
        """The summed loss (nats) of a shard.

        With ``work.training`` the gradient of loss times ``work.scale`` is added to
        ``work.gradients``.
        """
