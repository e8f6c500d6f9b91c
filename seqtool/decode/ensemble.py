"""Several models that decode together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtool.decode.ensemble_kernels import add_probabilities, log_means
from seqtool.decode.types import Ids, Logits, Rows


class Ensemble:
    """A `seqtool.decode.types.StepModel` whose probabilities are the mean of those of several.

    A state is a tuple of a state of each model. Raises ValueError unless the models have
    vocabularies of the same size.
    """

    def __init__(self, models: Sequence[Any]) -> None:
        sizes = [model.vocab_size for model in models]
        if len(set(sizes)) != 1:
            raise ValueError(f"models of {sizes} ids cannot be averaged")
        self._models = models

    @property
    def vocab_size(self) -> int:
        """How many ids there are."""
        return int(self._models[0].vocab_size)

    def encode(self, source: Ids, lengths: Rows) -> tuple[Any, ...]:
        """The states behind a source, of models that translate."""
        return tuple(model.encode(source, lengths) for model in self._models)

    def step(self, ids: Ids, state: tuple[Any, ...]) -> tuple[Logits, tuple[Any, ...]]:
        """Logs of the mean probabilities, float32 (rows, vocab_size), and the states behind ids."""
        sums = np.zeros((len(ids), self.vocab_size))
        scratch = np.empty(32)
        states = []
        for model, before in zip(self._models, state, strict=True):
            logits, after = model.step(ids, before)
            flat = np.require(logits, np.float32, "C").reshape(-1)
            add_probabilities(flat, self.vocab_size, scratch, sums.reshape(-1))
            states.append(after)
        logits = np.empty(sums.shape, np.float32)
        log_means(sums.reshape(-1), len(self._models), logits.reshape(-1))
        return logits, tuple(states)

    def select(self, state: tuple[Any, ...], rows: Rows) -> tuple[Any, ...]:
        """The states of some of the sequences."""
        pairs = zip(self._models, state, strict=True)
        return tuple(model.select(part, rows) for model, part in pairs)

    def covered(self, state: tuple[Any, ...]) -> npt.NDArray[np.float32]:
        """How much attention each place of the source has had, float32 (rows, places): the mean."""
        pairs = zip(self._models, state, strict=True)
        # A model without attention has one column, of 1.
        parts = np.broadcast_arrays(*(model.covered(part) for model, part in pairs))
        mean: npt.NDArray[np.float32] = np.mean(parts, axis=0, dtype=np.float32)
        return mean
