"""The neural language model: its tables and the workers that train them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import click
import numpy as np
import numpy.typing as npt

from seqtool.kernels.memory import aligned_zeros
from seqtool_train_embeddings.nnlm_kernels import train_nnlm
from seqtool_train_embeddings.targets import Targets, padded
from seqtool_train_embeddings.window_kernels import LONGEST_SENTENCE


class Context(NamedTuple):
    """Which words predict a word: ``left`` and ``right`` neighbours, or one of ``nearby``."""

    left: int = 0
    right: int = 0
    nearby: int = 0

    @property
    def words(self) -> int:
        """How many words predict."""
        return 1 if self.nearby else self.left + self.right


def parse_context(text: str, window: int) -> Context:
    """``last:4``, ``around:4`` (so many on either side), ``last:1`` or ``nearby:1`` (one random
    word at most ``window`` away). Raises click.UsageError for anything else."""
    kind, _, number = text.partition(":")
    if number.isdecimal() and int(number) > 0:
        count = int(number)
        if kind == "last":
            return Context(left=count)
        if kind == "around":
            return Context(left=count, right=count)
        if kind == "nearby" and count == 1:
            return Context(nearby=window)
    raise click.UsageError(
        f"--context {text}: give last:N (N words before), around:N (N on either side) or nearby:1"
    )


class NeuralModel:
    """Word vectors (a row a word, one for beyond the sentence), hidden and output weights."""

    def __init__(
        self, targets: Targets, context: Context, dimensions: int, units: int, seed: int
    ) -> None:
        self.targets = targets
        self.words = targets.words
        self.dimensions = dimensions
        self._context = context
        self._units = units
        self._seed = seed
        self.width = padded(dimensions)
        self._wide = padded(context.words * dimensions + 1)
        self._output_width = padded(units + 1)
        random = np.random.default_rng(seed)
        self.inputs = aligned_zeros(self.words + 1, self.width)
        self.inputs[:, :dimensions] = (random.random((self.words + 1, dimensions)) - 0.5) / 5
        inside = context.words * dimensions
        self.weights = aligned_zeros(units, self._wide)
        limit = np.sqrt(6 / (inside + units))  # Glorot and Bengio 2010
        self.weights[:, :inside] = random.uniform(-limit, limit, (units, inside))
        self.outputs = aligned_zeros(self.words, self._output_width)

    def make_worker(
        self, ids: npt.NDArray[np.int32], loss: npt.NDArray[Any], thread: int = 0
    ) -> Callable[[int, int, int, float], int]:
        """As `seqtool_train_embeddings.windows.WindowModel.make_worker`."""
        t = self.targets
        targets = t.scratch(1, t.negatives)
        most = len(targets)
        sentence, length = np.zeros(LONGEST_SENTENCE, np.int64), np.zeros(1, np.int64)
        state, context = np.zeros(1, np.int64), np.zeros(self._context.words, np.int64)
        drawn = np.zeros(t.negatives, np.int64)
        counts = aligned_zeros(3 * most)
        x, dx, h = (aligned_zeros(n) for n in (self._wide, self._wide, 2 * self._output_width))
        inputs, weights, outputs = (
            a.reshape(-1) for a in (self.inputs, self.weights, self.outputs)
        )

        def train(start: int, stop: int, number: int, rate: float) -> int:
            state[0] = t.random_state(self._seed, number)
            return train_nnlm(
                ids, start, stop, t.objective, *self._context, t.negatives, t.keep, *t.alias,
                t.paths.starts, t.paths.nodes, t.paths.signs, self.words, rate, inputs,
                self.dimensions, self.width, weights, self._wide, self._units, outputs,
                self._output_width, most, state, sentence, length, context, drawn, targets,
                counts, x, dx, h, loss,
            )  # fmt: skip

        return train

    def state(self) -> dict[str, npt.NDArray[np.float32]]:
        """The arrays that a checkpoint keeps."""
        return {"inputs": self.inputs, "weights": self.weights, "outputs": self.outputs}
