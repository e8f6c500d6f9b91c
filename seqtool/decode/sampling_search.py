"""Sequences drawn at random for several inputs at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqtool.decode.candidate_kernels import chosen_log_probs
from seqtool.decode.nodes import Nodes
from seqtool.decode.sampling import Sampler, SamplingOptions
from seqtool.decode.types import Hypothesis, Ids, Rows, State, StepModel


def sample_search(
    model: StepModel[State],
    state: State,
    first: Ids,
    max_length: int | Sequence[int] | Rows,
    options: SamplingOptions,
    end: int | None,
    streams: Sequence[int],
) -> list[Hypothesis]:
    """Draw a sequence for each of several inputs.

    Args:
        model: what gives probabilities.
        state: of one row an input, e.g. ``model.start(inputs)``.
        first: int32 (inputs,), the ids that are read first.
        max_length: how many ids a sequence has at most, with the end id; one number or one an
            input, at least 1.
        options: see `SamplingOptions`.
        end: the id that ends a sequence; it is the last of its ids. None if there is none.
        streams: of each input, the number of its stream of random numbers. What is drawn for an
            input depends on its stream, not on the other inputs.

    Returns:
        A hypothesis an input. Its log-probabilities are those of the model, whatever temperature
        and filters made of them; its score is their sum. Raises SeqtoolError where no id has a
        finite logit.
    """
    current = np.asarray(first, np.int32)
    max_lengths = np.broadcast_to(np.asarray(max_length, np.int64), current.shape)
    sampler = Sampler(options, model.vocab_size, streams)
    nodes = Nodes(32 * len(current))
    inputs = np.arange(len(current))  # of each row
    last = np.full(len(current), -1)  # node of each input
    lengths, scores = np.zeros(len(current), np.int64), np.zeros(len(current))
    while len(inputs):
        logits, state = model.step(current, state)
        current = sampler.choose(logits)
        log_probs = np.empty(len(current))
        chosen_log_probs(
            np.require(logits, np.float32, "C").reshape(-1), current, np.empty(32), log_probs
        )
        node = nodes.add(current, log_probs, last[inputs])
        last[inputs] = np.arange(node, nodes.count)
        lengths[inputs] += 1
        scores[inputs] += log_probs
        rows = np.flatnonzero((current != end) & (lengths[inputs] < max_lengths[inputs]))
        if len(rows) < len(inputs):
            inputs, current, state = inputs[rows], current[rows], model.select(state, rows)
            sampler.select(rows)
    return nodes.hypotheses(last, lengths, scores, end)
