"""Beam search over many inputs at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtool.decode.candidate_kernels import merge_candidates
from seqtool.decode.candidates import Candidates, no_candidate
from seqtool.decode.types import Hypothesis, Ids, Rows, Scores, State, StepModel
from seqtool.errors import SeqtoolError

Normalization = Literal["none", "mean", "wu"]


@dataclass(frozen=True)
class BeamOptions:
    """How a beam search goes about it.

    Attributes:
        width: how many hypotheses an input has, open and complete ones together.
        n_best: how many of them are wanted, at most ``width``.
        normalization: what the log-probability of a hypothesis of n ids is divided by: "none"
            by nothing, "mean" by n, "wu" by ((5 + n) / 6) ** length_penalty (Wu et al. 2016,
            "Google's neural machine translation system", equation 14).
        length_penalty: the exponent of "wu", at least 0; 0 is "none".
        end: the id that ends a sequence; None if there is none.
        banned: ids that are never taken.

    Raises SeqtoolError for values that make no sense.
    """

    width: int = 5
    n_best: int = 1
    normalization: Normalization = "none"
    length_penalty: float = 0.6
    end: int | None = None
    banned: Sequence[int] = ()

    def __post_init__(self) -> None:
        if self.width < 1:
            raise SeqtoolError(f"a beam of {self.width} hypotheses: it takes at least 1")
        if not 1 <= self.n_best <= self.width:
            raise SeqtoolError(
                f"the best {self.n_best} of a beam of {self.width}: ask for 1 to {self.width}"
            )
        if not 0 <= self.length_penalty < np.inf:
            raise SeqtoolError(f"a length penalty of {self.length_penalty}: it is at least 0")

    def normalized(self, log_prob: float, length: int) -> float:
        """The score of a hypothesis of ``length`` ids, the end id among them."""
        if self.normalization == "mean":
            return log_prob / length
        if self.normalization == "wu":
            return float(log_prob / ((5 + length) / 6) ** self.length_penalty)
        return log_prob


class _Step(NamedTuple):
    """What a step added to the hypotheses that stay open; arrays of (rows,)."""

    tokens: Ids
    log_probs: Scores
    parents: Rows  # the row of the step before


class _Extensions(NamedTuple):
    """Hypotheses one id longer than before, those of an input side by side, the best first."""

    inputs: Rows
    parents: Rows
    tokens: Ids
    log_probs: Scores
    scores: Scores  # log-probabilities of the whole

    def those(self, mask: npt.NDArray[np.bool_]) -> _Extensions:
        return _Extensions(
            self.inputs[mask],
            self.parents[mask],
            self.tokens[mask],
            self.log_probs[mask],
            self.scores[mask],
        )


class _Search:
    """The hypotheses of all inputs: rows of open ones, lists of complete ones."""

    def __init__(
        self, inputs: int, vocab_size: int, max_lengths: Rows, options: BeamOptions
    ) -> None:
        self.options = options
        self.max_lengths = max_lengths
        self.candidates = Candidates(vocab_size, options.banned)
        self.inputs = np.arange(inputs)  # of each row
        self.scores = np.zeros(inputs)  # of each row
        self.steps: list[_Step] = []
        self.complete: list[list[Hypothesis]] = [[] for _ in range(inputs)]

    def extend(self, logits: npt.NDArray[np.float32]) -> _Extensions:
        """The best extensions: as many an input as it has places left in its beam."""
        starts = np.searchsorted(self.inputs, np.arange(len(self.complete) + 1))
        taken = [len(complete) for complete in self.complete]
        widths = np.where(np.diff(starts) > 0, self.options.width - np.array(taken), 0)
        top = min(int(widths.max()), self.candidates.vocab_size)
        tokens, log_probs = self.candidates.top(logits, top)
        inputs, chosen = np.empty((2, int(widths.sum())), np.int64)
        heads, count = np.empty(len(self.scores), np.int64), np.empty(1, np.int64)
        merge_candidates(
            starts, widths, top, self.scores, tokens.reshape(-1), log_probs.reshape(-1), heads,
            inputs, chosen, count,
        )  # fmt: skip
        inputs, chosen = inputs[: count[0]], chosen[: count[0]]
        parents, added = chosen // top, log_probs.reshape(-1)[chosen]
        scores = self.scores[parents] + added
        return _Extensions(inputs, parents, tokens.reshape(-1)[chosen], added, scores)

    def advance(self, extensions: _Extensions) -> None:
        """Put complete hypotheses aside and go on with the others that can still win."""
        length = len(self.steps) + 1
        ended = extensions.tokens == self.options.end
        closed = ended | (self.max_lengths[extensions.inputs] == length)
        for row in np.flatnonzero(closed).tolist():
            self._put_aside(extensions, row, bool(ended[row]))
        opened = extensions.those(~closed)
        opened = opened.those(self._may_win(opened))
        self.inputs, self.scores = opened.inputs, opened.scores
        self.steps.append(_Step(opened.tokens, opened.log_probs, opened.parents))

    def _put_aside(self, extensions: _Extensions, row: int, finished: bool) -> None:
        ids = [int(extensions.tokens[row])]
        log_probs = [float(extensions.log_probs[row])]
        parent = int(extensions.parents[row])
        for step in reversed(self.steps):
            ids.append(int(step.tokens[parent]))
            log_probs.append(float(step.log_probs[parent]))
            parent = int(step.parents[parent])
        score = self.options.normalized(float(extensions.scores[row]), len(ids))
        self.complete[int(extensions.inputs[row])].append(
            Hypothesis(np.array(ids[::-1], np.int32), np.array(log_probs[::-1]), score, finished)
        )

    def _may_win(self, opened: _Extensions) -> npt.NDArray[np.bool_]:
        """Which open hypotheses could still be among the best of their input.

        Log-probabilities only fall, and no divisor is larger than that of the greatest length.
        """
        worst = np.full(len(self.complete), -np.inf)
        n_best = self.options.n_best
        for number, complete in enumerate(self.complete):
            if len(complete) >= n_best:
                worst[number] = sorted((h.score for h in complete), reverse=True)[n_best - 1]
        bounds = [
            self.options.normalized(score, int(self.max_lengths[number]))
            for number, score in zip(opened.inputs.tolist(), opened.scores.tolist(), strict=True)
        ]
        return np.array(bounds) > worst[opened.inputs]


def beam_search(
    model: StepModel[State],
    state: State,
    first: Ids,
    max_length: int | Sequence[int] | Rows,
    options: BeamOptions,
) -> list[list[Hypothesis]]:
    """The best sequences for each of several inputs.

    At every step the best extensions of the open hypotheses of an input are kept. One that ends,
    or is as long as allowed, is complete and no longer extended (Sutskever et al. 2014, section
    3.2); it keeps its place in the beam, which so has room for fewer open ones. The search of an
    input is over when no open hypothesis can get among the ``n_best``, whatever follows. A beam
    of 1 is greedy search.

    Args:
        model: what gives probabilities.
        state: of one row an input, e.g. ``model.start(inputs)``.
        first: int32 (inputs,), the ids that are read first.
        max_length: how many ids a sequence has at most, with the end id; one number or one an
            input, at least 1.
        options: see `BeamOptions`.

    Returns:
        Of each input at most ``n_best`` hypotheses, the best first; of equal ones that which was
        complete first. Raises SeqtoolError for an input where no id has a finite logit.
    """
    current = np.asarray(first, np.int32)
    max_lengths = np.broadcast_to(np.asarray(max_length, np.int64), current.shape)
    search = _Search(len(current), model.vocab_size, max_lengths, options)
    while len(current):
        logits, state = model.step(current, state)
        search.advance(search.extend(logits))
        step = search.steps[-1]
        current = step.tokens
        if len(current):
            state = model.select(state, step.parents)
    if not all(search.complete):
        raise no_candidate()
    return [
        sorted(complete, key=lambda hypothesis: -hypothesis.score)[: options.n_best]
        for complete in search.complete
    ]
