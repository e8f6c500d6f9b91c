"""The best continuations of hypotheses, with the memory that finding them takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqtool.decode.candidate_kernels import find_candidates
from seqtool.decode.constraints import ConstraintTries
from seqtool.decode.nodes import Nodes
from seqtool.decode.sampling_kernels import SCRATCH
from seqtool.decode.types import Ids, Logits, Rows, Scores, checked_ids
from seqtool.errors import SeqtoolError


class Candidates:
    """Finds the ids that open hypotheses may go on with.

    ``count`` of the most probable of each hypothesis, and those that constraints want. Never
    among them are ``banned`` ids, and ids that complete an n-gram of ``ngram`` ids (0 for none)
    which the hypothesis contains.
    """

    def __init__(
        self, vocab_size: int, count: int, banned: Sequence[int], ngram: int, tries: ConstraintTries
    ) -> None:
        self._count = min(count, vocab_size)
        self._banned = banned_ids(banned, vocab_size)
        self._ngram = ngram
        self._tries = tries
        self._ids = np.empty(vocab_size, np.int32)
        self._work = np.empty(2 * max(vocab_size, SCRATCH))
        self._wanted = np.empty(tries.most_places - 1, np.int64)

    def find(
        self, logits: Logits, length: int, end: int, may_end: bool, rows: Rows, inputs: Rows,
        nodes: Nodes,
    ) -> tuple[Ids, Scores]:  # fmt: skip
        """Ids and natural log-probabilities, int32 and float64, each (rows, slots).

        The most probable comes first, of equal ones the lower id; then come the ids that
        constraints want. Where there are no more ids the log-probability is -inf.

        Args:
            logits: float32 (rows, vocab).
            length: how many ids each hypothesis has.
            end: the id that ends a sequence, -1 if there is none.
            may_end: whether it may come.
            rows, inputs: see `hypothesis_kernels`.
            nodes: of the hypotheses.
        """
        logits = np.require(logits, np.float32, ["C", "W"])
        shape = (len(logits), self._count + len(self._wanted))
        tokens, log_probs = np.empty(shape, np.int32), np.empty(shape)
        always = len(self._banned)
        forbidden = np.empty(always + 2 + length, np.int32)
        forbidden[:always] = self._banned
        if end >= 0 and not may_end:
            forbidden[always] = end
            always += 1
        find_candidates(
            logits.reshape(-1), length, always, end, self._ngram, self._count, rows.reshape(-1),
            inputs.reshape(-1), self._tries.trie, nodes.tokens, nodes.parents,
            np.empty(length, np.int32), forbidden, np.empty(len(forbidden)), self._wanted,
            self._ids, self._work, tokens.reshape(-1), log_probs.reshape(-1),
        )  # fmt: skip
        return tokens, log_probs


def banned_ids(banned: Sequence[int], vocab_size: int) -> Ids:
    """Ids as an array, each once. Raises SeqtoolError for one that is not in the vocabulary."""
    return np.unique(checked_ids(banned, vocab_size))


def no_candidate() -> SeqtoolError:
    """What to say when a model gives nothing to go on with."""
    return SeqtoolError(
        "the model gives no id that may come next a finite score: "
        "is it damaged, or is every id banned?"
    )
