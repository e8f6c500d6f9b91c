"""What decoding asks of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError

Ids = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

# Arrays of any such type: a kernel's signature says which.
Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

State = TypeVar("State")


def checked_ids(ids: Sequence[int], vocab_size: int) -> Ids:
    """Ids as an array. Raises SeqtoolError for one that is not in the vocabulary."""
    wrong = [number for number in ids if not 0 <= number < vocab_size]
    if wrong:
        raise SeqtoolError(f"the id {wrong[0]} is not in the vocabulary of {vocab_size:,}")
    return np.array(ids, np.int32)


class StepModel(Protocol[State]):
    """A model that reads one id of each of several sequences at a time."""

    @property
    def vocab_size(self) -> int:
        """How many ids there are, from 0."""

    def step(self, ids: Ids, state: State) -> tuple[Logits, State]:
        """Read an id of each sequence, int32 (rows,).

        Returns scores of what comes next, float32 (rows, vocab_size), whose softmax are the
        probabilities, and the new state. The next step may overwrite the scores.
        """

    def select(self, state: State, rows: Rows) -> State:
        """The state of the sequences ``rows``, int64; one may be missing or named repeatedly."""


class StartingModel(StepModel[State], Protocol[State]):
    """A model that needs nothing to start from."""

    def start(self, rows: int) -> State:
        """The state of ``rows`` sequences of which nothing was read."""


class AttendingModel(StepModel[State], Protocol[State]):
    """A model that attends to a source."""

    def covered(self, state: State) -> npt.NDArray[np.float32]:
        """How much attention each place of the source has had so far, float32 (rows, places).

        It is 1 where a row has no place.
        """


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that decoding came up with.

    Attributes:
        ids: int32 (length,), with the end id if it is finished.
        log_probs: float64 (length,), the natural log-probability of each id after those before.
        score: what hypotheses are ranked by, the higher the better.
        finished: whether it ends with the end id, and not because it is as long as allowed.
    """

    ids: Ids
    log_probs: Scores
    score: float
    finished: bool

    @property
    def log_prob(self) -> float:
        """The natural log-probability of the whole sequence."""
        return float(self.log_probs.sum())
