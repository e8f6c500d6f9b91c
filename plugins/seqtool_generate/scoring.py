"""Log-probabilities of texts under a language model of any kind."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from seqtool.ngrams.model import LN10, NgramModel
from seqtool.nn.language_model import LanguageModel
from seqtool.nn.workspace import Workspace
from seqtool.parallel import for_each
from seqtool_generate.model_files import Loaded
from seqtool_generate.text_side import Ids, Texts

LogProbs = NDArray[np.float64]

# Matrix products may differ in the last bit with the shape of their matrices. All sequences are
# scored in the same shape, so the score of one does not depend on those beside it.
_ROWS = 64
_STEPS = 16
_WINDOW = 512  # tokens of a stream that are scored at once


@dataclass
class Totals:
    """Sums over scored tokens; ``characters`` are those of the text, with the ends of lines."""

    nats: float = 0.0
    tokens: int = 0
    unknown: int = 0
    characters: int = 0

    def add(self, log_probs: LogProbs, unknown: int = 0, characters: int = 0) -> None:
        """Count some tokens."""
        self.nats -= float(log_probs.sum())
        self.tokens += len(log_probs)
        self.unknown += unknown
        self.characters += characters

    @property
    def loss(self) -> float:
        """Nats a token."""
        return self.nats / max(self.tokens, 1)

    @property
    def perplexity(self) -> float | None:
        """exp(loss); None where that is no number of this machine."""
        return math.exp(self.loss) if self.loss < 700 else None

    @property
    def bits_a_character(self) -> float:
        """What the text takes if it is compressed by the model."""
        return self.nats / math.log(2) / max(self.characters, 1)


class Scorer(Protocol):
    """What scores texts."""

    def sequences(self, texts: Texts, threads: int) -> list[LogProbs]:
        """The log-probability (nats) of every token of each text but its first, which is given.

        What a text gets does not depend on the others, nor on ``threads``.
        """

    def stream(self, ids: Ids) -> LogProbs:
        """Log-probabilities of the next tokens of a stream: of those that can be scored by now."""

    def finish(self) -> LogProbs:
        """Those of the tokens of the stream that are left."""


def make_scorer(loaded: Loaded) -> Scorer:
    """A scorer at the beginning of a stream."""
    if isinstance(loaded.model, NgramModel):
        return NgramScorer(loaded.model, loaded.text.start)
    return NeuralScorer(loaded.model, loaded.text.start)


def score_texts(loaded: Loaded, texts: Texts, threads: int) -> Iterator[LogProbs]:
    """Score lines, or all as one stream, as the model is made for."""
    scorer = make_scorer(loaded)
    if loaded.text.lines:
        yield from scorer.sequences(loaded.text.as_sequences(texts), threads)
    else:
        yield scorer.stream(loaded.text.as_stream(texts))
        yield scorer.finish()


class NgramScorer:
    """Scores by n-grams."""

    def __init__(self, model: NgramModel, start: int) -> None:
        self._model = model
        self._state = model.advance(model.empty_state(), start)

    def sequences(self, texts: Texts, threads: int) -> list[LogProbs]:
        """See `Scorer`; ``threads`` does not matter."""
        model, empty = self._model, self._model.empty_state()
        bounds = itertools.pairwise(texts.starts.tolist())
        return [
            model.walk(model.advance(empty, int(texts.ids[begin])), texts.ids[begin + 1 : end])[0]
            * LN10
            for begin, end in bounds
        ]

    def stream(self, ids: Ids) -> LogProbs:
        """See `Scorer`."""
        scores, self._state = self._model.walk(self._state, ids)
        return scores * LN10

    def finish(self) -> LogProbs:
        """See `Scorer`."""
        return np.zeros(0)


class NeuralScorer:
    """Scores by a recurrent model."""

    def __init__(self, model: LanguageModel, start: int) -> None:
        self._model = model
        self._states = model.start(1)
        self._waiting = np.array([start], np.int32)  # the last one read, and what is not scored
        self._work = Workspace(model.parameters, training=False)

    def sequences(self, texts: Texts, threads: int) -> list[LogProbs]:
        """See `Scorer`."""
        lengths = np.diff(texts.starts) - 1
        order = np.argsort(-lengths, kind="stable")
        groups = [order[first : first + _ROWS] for first in range(0, len(order), _ROWS)]
        found = [np.empty(length) for length in lengths.tolist()]

        def make_worker() -> Any:
            work = Workspace(self._model.parameters, training=False)
            return lambda group: self._score_group(work, texts, group.tolist(), found)

        with threadpool_limits(1, "blas"):
            for_each(groups, make_worker, max(1, min(threads, len(groups))))
        return found

    def _score_group(
        self, work: Workspace, texts: Texts, group: list[int], found: list[LogProbs]
    ) -> None:
        """Score at most _ROWS texts, the longest first, into ``found``."""
        lengths = np.zeros(_ROWS, np.int64)
        lengths[: len(group)] = [len(found[number]) for number in group]
        states = self._model.start(_ROWS)
        for begin in range(0, int(lengths[0]), _STEPS):
            left = np.clip(lengths - begin, 0, _STEPS)
            ids = np.zeros((_STEPS + 1, _ROWS), np.int32)
            for row, number in enumerate(group):
                first = texts.starts[number] + begin
                some = texts.ids[first : first + left[row] + 1]
                ids[: len(some), row] = some
            scores, states = self._model.log_probabilities(work, ids[:-1], ids[1:], left, states)
            for row, number in enumerate(group):
                found[number][begin : begin + left[row]] = scores[: left[row], row]

    def stream(self, ids: Ids) -> LogProbs:
        """See `Scorer`."""
        self._waiting = np.concatenate([self._waiting, ids])
        scores = [np.zeros(0)]
        with threadpool_limits(1, "blas"):
            while len(self._waiting) > _WINDOW:
                scores.append(self._next(_WINDOW))
        return np.concatenate(scores)

    def finish(self) -> LogProbs:
        """See `Scorer`."""
        with threadpool_limits(1, "blas"):
            return self._next(len(self._waiting) - 1) if len(self._waiting) > 1 else np.zeros(0)

    def _next(self, count: int) -> LogProbs:
        """Score so many of the waiting tokens."""
        inputs = self._waiting[:count, np.newaxis]
        targets = self._waiting[1 : count + 1, np.newaxis]
        scores, self._states = self._model.log_probabilities(
            self._work, inputs, targets, None, self._states
        )
        self._waiting = self._waiting[count:]
        return scores[:, 0]
