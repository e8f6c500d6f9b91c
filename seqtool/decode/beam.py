"""Beam search over many inputs at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from seqtool.decode import hypothesis_kernels as layout
from seqtool.decode.beam_kernels import advance, divisor, end_stuck
from seqtool.decode.candidates import Candidates, no_candidate
from seqtool.decode.constraints import Phrases, constraint_tries
from seqtool.decode.merge_kernels import merge_candidates
from seqtool.decode.nodes import Nodes
from seqtool.decode.types import (
    AttendingModel,
    Hypothesis,
    Ids,
    Logits,
    Rows,
    Scores,
    State,
    StepModel,
)
from seqtool.errors import SeqtoolError

Normalization = Literal["none", "mean", "wu"]
Covered = npt.NDArray[np.float32]


@dataclass(frozen=True)
class BeamOptions:
    """How a beam search goes about it.

    Attributes:
        width: how many hypotheses an input has, open and complete ones together.
        n_best: how many of them are wanted, at most ``width``.
        normalization: what the log-probability of a hypothesis of n ids is divided by: "none"
            by nothing, "mean" by n ** length_penalty, "wu" by ((5 + n) / 6) ** length_penalty
            (Wu et al. 2016, "Google's neural machine translation system", equation 14).
        length_penalty: the exponent, at least 0; 0 is "none".
        coverage_penalty: what the sum of log(min(c, 1)) over the places of the source is
            multiplied by and added to the score; c is how much attention a place has had (Wu et
            al. 2016, equation 14). At least 0; above 0 the model must be an `AttendingModel`.
        min_length: how many ids there are at least before the end id.
        no_repeat_ngram: how many ids must not come twice in the same order; 0 for any. The end
            id does not count.
        end: the id that ends a sequence; None if there is none.
        banned: ids that are never taken.

    Raises SeqtoolError for values that make no sense.
    """

    width: int = 5
    n_best: int = 1
    normalization: Normalization = "none"
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    min_length: int = 0
    no_repeat_ngram: int = 0
    end: int | None = None
    banned: Sequence[int] = ()

    def __post_init__(self) -> None:
        if self.width < 1:
            raise SeqtoolError(f"a beam of {self.width} hypotheses: it takes at least 1")
        if not 1 <= self.n_best <= self.width:
            raise SeqtoolError(
                f"the best {self.n_best} of a beam of {self.width}: ask for 1 to {self.width}"
            )
        for name, value in (
            ("length penalty", self.length_penalty),
            ("coverage penalty", self.coverage_penalty),
            ("least length", self.min_length),
            ("length of n-grams that do not repeat", self.no_repeat_ngram),
        ):
            if not 0 <= value < np.inf:
                raise SeqtoolError(f"a {name} of {value}: it is at least 0")

    @property
    def weighing(self) -> Scores:
        """How scores are made, float64 (WEIGHING,), as the kernels take it."""
        shift = 5.0 if self.normalization == "wu" else 0.0
        exponent = 0.0 if self.normalization == "none" else self.length_penalty
        return np.array([shift, exponent, self.coverage_penalty])

    def normalized(self, log_prob: float, length: int) -> float:
        """The score of a hypothesis of ``length`` ids, the end id among them, without coverage."""
        shift, exponent, _ = self.weighing.tolist()
        return log_prob / divisor(length, shift, exponent)


class _Search:
    """The hypotheses of all inputs; the arrays are described in `hypothesis_kernels`."""

    def __init__(
        self,
        vocab_size: int,
        max_lengths: Rows,
        options: BeamOptions,
        constraints: Sequence[Phrases],
    ) -> None:
        inputs, width = len(max_lengths), options.width
        self.options = options
        self.end = -1 if options.end is None else options.end
        self.weighing = options.weighing
        self.tries = constraint_tries(constraints, vocab_size)
        self.nodes = Nodes(32 * inputs * width)
        self.candidates = Candidates(
            vocab_size, width, options.banned, options.no_repeat_ngram, self.tries
        )
        self.inputs = np.zeros((inputs, layout.INPUT), np.int64)
        self.inputs[:, layout.MAX_LENGTH] = max_lengths
        self.inputs[:, layout.PHRASES] = self.tries.starts[:-1]
        self.inputs[:, layout.PHRASES_END] = self.tries.starts[1:]
        self.rows = np.zeros((inputs, layout.ROW), np.int64)
        self.rows[:, layout.OWNER] = np.arange(inputs)
        self.rows[:, layout.NODE] = -1
        self.rows[:, layout.AT] = self.tries.roots
        self.scores = np.zeros(inputs)
        self.length = 0
        self.done = np.empty(inputs * width * layout.DONE, np.int64)
        self.done_scores = np.empty(inputs * width)

    def step(self, logits: Logits, covered: Covered) -> tuple[Ids, Rows]:
        """Extend all open hypotheses.

        Args:
            logits: float32 (rows, vocab).
            covered: float32 (rows, source time), or (rows, 0) without a coverage penalty.

        Returns the last ids of those that stay open, int32, and the rows they come from, int64.
        """
        tokens, log_probs = self.candidates.find(
            logits, self.length, self.end, self.length >= self.options.min_length, self.rows,
            self.inputs, self.nodes,
        )  # fmt: skip
        chosen = self._merge(tokens, log_probs)
        if self.inputs[:, layout.STUCK].any():
            self._end_stuck(covered)
        parents, last = chosen // tokens.shape[1], tokens.reshape(-1)[chosen]
        added = log_probs.reshape(-1)[chosen]
        scores = self.scores[parents] + added
        node = self.nodes.add(last, added, self.rows[parents, layout.NODE])
        self.length += 1
        rows = np.empty((len(parents), layout.ROW), np.int64)
        count = advance(
            self.length, self.options.width, self.options.n_best, self.end, node, self.weighing,
            covered.reshape(-1), covered.shape[1], self.inputs.reshape(-1), self.rows.reshape(-1),
            self.tries.trie, self.tries.lengths, parents, last, scores, self.done,
            self.done_scores, rows.reshape(-1),
        )  # fmt: skip
        self.rows, self.scores = rows[:count], scores[:count]
        return last[:count], parents[:count]

    def _merge(self, tokens: Ids, log_probs: Scores) -> Rows:
        """Where the best candidates are."""
        chosen = np.empty(len(self.done_scores), np.int64)
        count = merge_candidates(
            self.options.width, tokens.shape[1], self.inputs.reshape(-1), self.rows.reshape(-1),
            self.scores, self.tries.trie, self.tries.lengths, tokens.reshape(-1),
            log_probs.reshape(-1), np.empty(tokens.size, np.int64),
            np.empty(2 * (self.tries.most_ids + 1), np.int64), chosen,
        )  # fmt: skip
        return chosen[:count]

    def _end_stuck(self, covered: Covered) -> None:
        """Inputs that cannot go on end with what they have."""
        if (self.inputs[:, layout.STUCK] < 0).any():
            raise no_candidate()
        end_stuck(
            self.length, self.options.width, self.weighing, covered.reshape(-1), covered.shape[1],
            self.inputs.reshape(-1), self.rows.reshape(-1), self.scores, self.tries.lengths,
            self.done, self.done_scores,
        )  # fmt: skip

    def best(self) -> list[list[Hypothesis]]:
        """The best complete hypotheses of each input."""
        counts = np.minimum(self.inputs[:, layout.TAKEN], self.options.n_best)
        firsts = np.cumsum(counts) - counts
        places = np.arange(counts.sum()) + np.repeat(
            np.arange(len(counts)) * self.options.width - firsts, counts
        )
        done = self.done.reshape(-1, layout.DONE)[places]
        found = self.nodes.hypotheses(
            done[:, layout.LAST], done[:, layout.LENGTH], self.done_scores[places], self.end
        )
        return [found[a : a + n] for a, n in zip(firsts.tolist(), counts.tolist(), strict=True)]


def beam_search(
    model: StepModel[State],
    state: State,
    first: Ids,
    max_length: int | Sequence[int] | Rows,
    options: BeamOptions,
    constraints: Sequence[Phrases] | None = None,
) -> list[list[Hypothesis]]:
    """The best sequences for each of several inputs.

    At every step the best extensions of the open hypotheses of an input are kept. One that ends,
    or is as long as allowed, is complete and no longer extended (Sutskever et al. 2014, section
    3.2); it keeps its place in the beam, which so has room for fewer open ones. The search of an
    input is over when no open hypothesis can get among the ``n_best``, whatever follows. A beam
    of 1 is greedy search.

    Where phrases must appear the places of the beam are dealt to hypotheses by how many ids of
    the phrases they have (Post and Vilar 2018, "Fast lexically constrained decoding with dynamic
    beam allocation"), and none ends that lacks a phrase. Phrases may overlap; one that is named
    twice need appear only once.

    Args:
        model: what gives probabilities.
        state: of one row an input, e.g. ``model.start(inputs)``.
        first: int32 (inputs,), the ids that are read first.
        max_length: how many ids a sequence has at most, with the end id; one number or one an
            input, at least 1.
        options: see `BeamOptions`.
        constraints: for each input the phrases, sequences of ids, that must appear; None for none.

    Returns:
        Of each input at most ``n_best`` hypotheses, the best first; of equal ones that which was
        complete first. Those with more ids of phrases that they contain come before any others:
        a search that reaches ``max_length`` may lack some. A hypothesis also ends, unfinished,
        where every id that could come next is forbidden. Raises SeqtoolError for an input where no
        id has a finite logit, or where each first id is forbidden.
    """
    current = np.asarray(first, np.int32)
    if not len(current):
        return []
    if constraints is None:
        constraints = [()] * len(current)
    if len(constraints) != len(current):
        raise ValueError(f"{len(constraints)} lists of phrases for {len(current)} inputs")
    max_lengths = np.broadcast_to(np.asarray(max_length, np.int64), current.shape)
    search = _Search(model.vocab_size, max_lengths, options, constraints)
    covered = np.empty((len(current), 0), np.float32)
    while len(current):
        logits, state = model.step(current, state)
        if options.coverage_penalty:
            covered = np.require(cast(AttendingModel[State], model).covered(state), np.float32, "C")
        current, parents = search.step(logits, covered)
        state = model.select(state, parents)
    return search.best()
