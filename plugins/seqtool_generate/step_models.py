"""Language models as decoding steps them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqtool.decode.types import Ids, Logits, Rows
from seqtool.ngrams.model import NgramModel


class NgramStepModel:
    """An n-gram model as a `seqtool.decode.types.StartingModel`; states are int32 (rows,)."""

    def __init__(self, model: NgramModel) -> None:
        self._model = model

    @property
    def vocab_size(self) -> int:
        """How many words there are."""
        return len(self._model.vocabulary)

    def start(self, rows: int) -> NDArray[np.int32]:
        """States in which nothing is known."""
        return np.full(rows, self._model.empty_state(), np.int32)

    def step(self, ids: Ids, state: NDArray[np.int32]) -> tuple[Logits, NDArray[np.int32]]:
        """Log-probabilities of what comes next, and states behind the ids."""
        after = self._model.step(state, ids)[1]
        rows = [self._model.next_log_probs(int(place)) for place in after]
        return np.stack(rows).astype(np.float32), after

    def select(self, state: NDArray[np.int32], rows: Rows) -> NDArray[np.int32]:
        """The states of some of the sequences."""
        return state[rows]
