"""Hypotheses that share their beginnings."""

from __future__ import annotations

import numpy as np

from seqtool.decode.hypothesis_kernels import trace
from seqtool.decode.types import Hypothesis, Ids, Rows, Scores


class Nodes:
    """A tree of hypotheses: each node is an id, its log-probability and the node before.

    Attributes: ``tokens`` int32, ``log_probs`` float64 and ``parents`` int64, of which ``count``
    are in use; the parent of a first id is -1.
    """

    def __init__(self, room: int) -> None:
        self.count = 0
        self.tokens = np.empty(room, np.int32)
        self.log_probs = np.empty(room)
        self.parents = np.empty(room, np.int64)

    def add(self, tokens: Ids, log_probs: Scores, parents: Rows) -> int:
        """Add nodes; returns the number of the first."""
        first, last = self.count, self.count + len(tokens)
        if last > len(self.tokens):
            self.tokens = np.resize(self.tokens, 2 * last)
            self.log_probs = np.resize(self.log_probs, 2 * last)
            self.parents = np.resize(self.parents, 2 * last)
        self.tokens[first:last] = tokens
        self.log_probs[first:last] = log_probs
        self.parents[first:last] = parents
        self.count = last
        return first

    def hypotheses(
        self, last: Rows, lengths: Rows, scores: Scores, end: int | None
    ) -> list[Hypothesis]:
        """The hypotheses with these last nodes, numbers of ids and scores."""
        ends = np.cumsum(lengths)
        starts = ends - lengths
        size = int(lengths.sum())
        ids, log_probs = np.empty(size, np.int32), np.empty(size)
        trace(
            last.copy(), lengths.copy(), starts, self.tokens, self.log_probs, self.parents, ids,
            log_probs,
        )  # fmt: skip
        return [
            Hypothesis(ids[a:b], log_probs[a:b], score, bool(ids[b - 1] == end))
            for a, b, score in zip(starts.tolist(), ends.tolist(), scores.tolist(), strict=True)
        ]
