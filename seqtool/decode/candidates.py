"""The best continuations of hypotheses, with the memory that finding them takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqtool.decode.candidate_kernels import top_candidates
from seqtool.decode.sampling_kernels import SCRATCH
from seqtool.decode.types import Ids, Logits, Scores
from seqtool.errors import SeqtoolError


class Candidates:
    """Finds the most probable ids of each row of logits; ``banned`` ids are never among them."""

    def __init__(self, vocab_size: int, banned: Sequence[int]) -> None:
        self.vocab_size = vocab_size
        self.banned = banned_ids(banned, vocab_size)
        self._ids = np.empty(vocab_size, np.int32)
        self._work = np.empty(3 * max(vocab_size, SCRATCH))

    def top(self, logits: Logits, count: int) -> tuple[Ids, Scores]:
        """Ids and natural log-probabilities, each (rows, count), of float32 (rows, vocab) logits.

        The most probable comes first, of equal ones the lower id. Where a row has no more ids
        of finite logits the id is -1 and its log-probability -inf.
        """
        rows = len(logits)
        logits = np.require(logits, np.float32, ["C", "W"])
        tokens = np.empty((rows, count), np.int32)
        log_probs = np.empty((rows, count))
        top_candidates(
            logits.reshape(-1), self.vocab_size, self.banned, count,
            self._ids, self._work, tokens.reshape(-1), log_probs.reshape(-1),
        )  # fmt: skip
        return tokens, log_probs


def banned_ids(banned: Sequence[int], vocab_size: int) -> Ids:
    """Ids as an array, each once. Raises SeqtoolError for one that is not in the vocabulary."""
    wrong = [number for number in banned if not 0 <= number < vocab_size]
    if wrong:
        raise SeqtoolError(f"the id {wrong[0]} is not in the vocabulary of {vocab_size:,}")
    return np.unique(np.array(banned, np.int32))


def no_candidate() -> SeqtoolError:
    """What to say when a model gives nothing to go on with."""
    return SeqtoolError(
        "the model gives no id that may come next a finite score: "
        "is it damaged, or is every id banned?"
    )
