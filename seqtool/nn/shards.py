"""The shards of a batch go through a model side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from seqtool.nn.types import Batches, Model, Shard
from seqtool.nn.workspace import Workspace
from seqtool.parallel import for_each


class Shards:
    """Runs a model over the shards of batches, with one workspace for each number of a shard."""

    def __init__(self, model: Model, threads: int, training: bool, diagnose: bool = False) -> None:
        self.model = model
        self.threads = threads
        self.training = training
        self.diagnose = diagnose
        self.works: list[Workspace] = []

    def make(self, count: int) -> list[Workspace]:
        """The first ``count`` workspaces."""
        while len(self.works) < count:
            work = Workspace(self.model.parameters, self.training)
            work.diagnose = self.diagnose
            self.works.append(work)
        return self.works[:count]

    def loss(
        self, shards: Sequence[Shard], scale: float = 1.0, seed: int = 0, step: int = 0
    ) -> float:
        """The summed loss of a batch; gradients are left in the workspaces."""
        works = self.make(len(shards))
        losses = [0.0] * len(shards)

        def run(number: int) -> None:
            works[number].begin(shard_seed(seed, step, number), scale)
            with np.errstate(over="ignore", invalid="ignore"):  # the trainer looks at the loss
                losses[number] = float(self.model.loss(works[number], shards[number]))

        for_each(range(len(shards)), lambda: run, min(self.threads, len(shards)))
        return sum(losses)


def shard_seed(seed: int, step: int, shard: int) -> int:
    """A number below 2**63 for what is random in one shard of one step."""
    return int(np.random.SeedSequence((seed, step, shard)).generate_state(1, np.uint64)[0] >> 1)


class Validation:
    """Mean loss of a target over batches, without dropout; calling it measures the model as it is.

    The batches are those of epoch 0 each time.
    """

    def __init__(self, model: Model, batches: Batches, threads: int) -> None:
        self._batches = batches
        self._shards = Shards(model, threads, training=False)

    def __call__(self) -> float:
        """The loss in nats a target."""
        loss, targets = 0.0, 0
        with threadpool_limits(1, "blas"):
            for number in range(self._batches.start_epoch(0)):
                shards = self._batches.batch(number)
                loss += self._shards.loss(shards)
                targets += sum(shard.target_count for shard in shards)
        return loss / max(targets, 1)
