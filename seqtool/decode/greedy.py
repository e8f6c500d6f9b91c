"""Greedy search: always the most probable id."""

from __future__ import annotations

from collections.abc import Sequence

from seqtool.decode.beam import BeamOptions, beam_search
from seqtool.decode.types import Hypothesis, Ids, Rows, State, StepModel


def greedy_search(
    model: StepModel[State],
    state: State,
    first: Ids,
    max_length: int | Sequence[int] | Rows,
    end: int | None = None,
    banned: Sequence[int] = (),
) -> list[Hypothesis]:
    """The sequence of the most probable ids for each of several inputs: a beam of 1.

    Args:
        model: what gives probabilities.
        state: of one row an input, e.g. ``model.start(inputs)``.
        first: int32 (inputs,), the ids that are read first.
        max_length: how many ids a sequence has at most, with the end id; one number or one an
            input, at least 1.
        end: the id that ends a sequence; it is the last of its ids.
        banned: ids that are never taken.

    Returns:
        A hypothesis an input; its score is its log-probability. Raises SeqtoolError where no id
        has a finite logit.
    """
    options = BeamOptions(width=1, end=end, banned=banned)
    return [best for (best,) in beam_search(model, state, first, max_length, options)]
