"""Greedy search: always the most probable id."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqtool.decode.candidates import Candidates, no_candidate
from seqtool.decode.types import Hypothesis, Ids, State, StepModel


def greedy_search(
    model: StepModel[State],
    state: State,
    first: Ids,
    max_length: int,
    end: int | None = None,
    banned: Sequence[int] = (),
) -> list[Hypothesis]:
    """The sequence of the most probable ids for each of several inputs.

    Args:
        model: what gives probabilities.
        state: of one row an input, e.g. ``model.start(inputs)``.
        first: int32 (inputs,), the ids that are read first.
        max_length: how many ids a sequence has at most, with the end id; at least 1.
        end: the id that ends a sequence; it is the last of its ids.
        banned: ids that are never taken.

    Returns:
        A hypothesis an input; its score is its log-probability. Raises SeqtoolError where no id
        has a finite logit.
    """
    candidates = Candidates(model.vocab_size, banned)
    inputs = np.arange(len(first))
    ids: list[list[int]] = [[] for _ in first]
    log_probs: list[list[float]] = [[] for _ in first]
    finished = np.zeros(len(first), bool)
    current = np.asarray(first, np.int32)
    for _ in range(max_length):
        if not len(inputs):
            break
        logits, state = model.step(current, state)
        best, best_log_probs = candidates.top(logits, 1)
        current = np.ascontiguousarray(best[:, 0])
        if (current < 0).any():
            raise no_candidate()
        for number, token, log_prob in zip(
            inputs.tolist(), current.tolist(), best_log_probs[:, 0].tolist(), strict=True
        ):
            ids[number].append(token)
            log_probs[number].append(log_prob)
        if end is not None and (current == end).any():
            finished[inputs[current == end]] = True
            rows = np.flatnonzero(current != end)
            inputs, current, state = inputs[rows], current[rows], model.select(state, rows)
    return [
        Hypothesis(np.array(ids[i], np.int32), np.array(p), sum(p), bool(finished[i]))
        for i, p in enumerate(log_probs)
    ]
