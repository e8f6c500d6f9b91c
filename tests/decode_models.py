"""Small models to decode with, and searches that use them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from naive import beam as naive
from naive.decode import log_softmax
from numpy.typing import NDArray

from seqtool.decode.beam import BeamOptions, beam_search
from seqtool.decode.constraints import Phrases
from seqtool.decode.types import Hypothesis, Ids, Logits, Rows

VOCAB = 3
END = 1
SOURCES = 3


class Tree:
    """A model whose logits depend on all ids that were read: a row of a table for each history.

    The state is the number of the history: 0 for none, then VOCAB * number + id + 1. How much
    attention the places of a source had is another row.
    """

    vocab_size = VOCAB

    def __init__(self, seed: int, depth: int = 6) -> None:
        size = (VOCAB ** (depth + 1) - 1) // (VOCAB - 1)
        generator = np.random.default_rng(seed)
        self.logits: Logits = (generator.standard_normal((size, VOCAB)) * 2).astype(np.float32)
        self.attention = generator.uniform(0, 1.3, (size, SOURCES)).astype(np.float32)
        self.rows_stepped = 0

    def start(self, rows: int) -> Rows:
        return np.zeros(rows, np.int64)

    def step(self, ids: Ids, state: Rows) -> tuple[Logits, Rows]:
        assert ids.dtype == np.int32
        assert len(ids) == len(state)
        self.rows_stepped += len(ids)
        state = VOCAB * state + ids + 1
        return self.logits[state], state

    def select(self, state: Rows, rows: Rows) -> Rows:
        return state[rows]

    def covered(self, state: Rows) -> NDArray[np.float32]:
        return self.attention[state]

    def history(self, first: int, ids: Sequence[int]) -> int:
        """The state behind ``first`` and other ids."""
        state = 0
        for number in [first, *ids]:
            state = VOCAB * state + number + 1
        return state

    def log_probs(self, first: int) -> Callable[[list[int]], list[float]]:
        """Log-probabilities after ``first`` and other ids."""
        return lambda ids: log_softmax(self.logits[self.history(first, ids)].tolist())


class Steady(Tree):
    """A model whose logits do not depend on what was read."""

    def step(self, ids: Ids, state: Rows) -> tuple[Logits, Rows]:
        return self.logits[np.zeros(len(ids), np.int64)], state


def search(
    model: Any,
    first: list[int],
    length: int | list[int],
    options: BeamOptions,
    constraints: Sequence[Phrases] | None = None,
) -> list[list[Hypothesis]]:
    """Beam search from the start."""
    ids = np.array(first, np.int32)
    return beam_search(model, model.start(len(ids)), ids, length, options, constraints)


def check_log_probs(model: Tree, first: int, hypothesis: Hypothesis) -> None:
    """Each id's log-probability is the model's."""
    after = model.log_probs(first)
    ids = hypothesis.ids.tolist()
    expected = [after(ids[:i])[number] for i, number in enumerate(ids)]
    assert hypothesis.log_probs.tolist() == pytest.approx(expected, abs=2e-6)
    assert hypothesis.log_prob == pytest.approx(sum(expected), abs=2e-6)


def score_of(model: Tree, first: int, options: BeamOptions) -> Callable[[float, list[int]], float]:
    """How complete sequences are ranked, after the definitions in `BeamOptions`."""

    def score(log_prob: float, ids: list[int]) -> float:
        length = len(ids)
        divisor = {
            "none": 1.0,
            "mean": length**options.length_penalty,
            "wu": ((5 + length) / 6) ** options.length_penalty,
        }[options.normalization]
        attention = model.attention[model.history(first, ids[:-1])].astype(float)
        bonus = float(np.log(np.clip(attention, 1e-30, 1)).sum())
        return float(log_prob / divisor) + options.coverage_penalty * bonus

    return score


def rules_of(
    model: Tree,
    first: int,
    length: int,
    options: BeamOptions,
    phrases: Sequence[Sequence[int]] = (),
) -> naive.Rules:
    """What the slow twin is told, without a bound to stop early."""
    return naive.Rules(
        vocab=VOCAB,
        length=length,
        width=options.width,
        end=options.end,
        score=score_of(model, first, options),
        n_best=options.n_best,
        min_length=options.min_length,
        ngram=options.no_repeat_ngram,
        banned=options.banned,
        phrases=phrases,
    )
