"""Kernels that find the best continuations of hypotheses."""

from __future__ import annotations

import math

import numpy as np

from seqtool.decode.selection_kernels import gather, keep_top, top_threshold
from seqtool.decode.softmax_kernels import LOWEST, exponentials, highest, total
from seqtool.decode.types import Floats, Ints
from seqtool.kernels import helper, kernel


@helper
def sort_falling(values: Floats, ids: Ints, count: int) -> None:
    """Sort a few entries by value, the highest first; equal ones stay in order."""
    for i in range(1, count):
        value = values[i]
        number = ids[i]
        place = i
        while place > 0 and values[place - 1] < value:
            values[place] = values[place - 1]
            ids[place] = ids[place - 1]
            place -= 1
        values[place] = value
        ids[place] = number


@helper
def best_of_row(
    logits: Floats, banned: Ints, top: int, ids: Ints, work: Floats, tokens: Ints,
    log_probs: Floats,
) -> None:  # fmt: skip
    """`top_candidates` for one row."""
    vocab = len(logits)
    size = len(work) // 3
    values = work[:size]
    hidden = work[size : 2 * size]
    scratch = work[2 * size : 3 * size]
    for i in range(top):
        tokens[i] = -1
        log_probs[i] = -np.inf
    best = highest(logits, vocab, scratch)
    if not (best >= LOWEST and best < np.inf):
        return
    exponentials(logits, vocab, best, 1.0, scratch)
    log_sum = best + math.log(total(scratch, vocab))
    for i in range(len(banned)):
        hidden[i] = logits[banned[i]]
        logits[banned[i]] = -np.inf
    count = gather(logits, vocab, top_threshold(logits, vocab, top, scratch), ids, values)
    for i in range(len(banned)):
        logits[banned[i]] = hidden[i]
    count = keep_top(count, top, ids, values, scratch)
    sort_falling(values, ids, count)
    for i in range(count):
        tokens[i] = ids[i]
        log_probs[i] = values[i] - log_sum if values[i] < log_sum else 0.0


@kernel("void(f4[::1], i8, i4[::1], i8, i4[::1], f8[::1], i4[::1], f8[::1])")
def top_candidates(
    logits: Floats, vocab: int, banned: Ints, top: int, ids: Ints, work: Floats, tokens: Ints,
    log_probs: Floats,
) -> None:  # fmt: skip
    """The ``top`` most probable ids of every row, and the logs of their probabilities.

    Args:
        logits: float32 (rows x vocab); banned ones are hidden for a while. Of equal ones the
            lower id comes first. NaN counts as -inf.
        vocab: how many ids there are.
        banned: int32, ids that are no candidates, each once. Their probability goes to no other id.
        top: how many are wanted, at most ``vocab``.
        ids: int32 (vocab,), scratch.
        work: float64 (3 * max(vocab, SCRATCH),), scratch; see `sampling_kernels`.
        tokens: int32 (rows x top), the ids; -1 where there is no id of a finite logit.
        log_probs: float64 (rows x top), natural logs, falling; -inf where there is no id.
    """
    for row in range(len(logits) // vocab):
        best_of_row(
            logits[row * vocab : (row + 1) * vocab], banned, top, ids, work,
            tokens[row * top : (row + 1) * top], log_probs[row * top : (row + 1) * top],
        )  # fmt: skip


@kernel("void(i8[::1], i8[::1], i8, f8[::1], i4[::1], f8[::1], i8[::1], i8[::1], i8[::1], i8[::1])")
def merge_candidates(
    starts: Ints, widths: Ints, top: int, scores: Floats, tokens: Ints, log_probs: Floats,
    heads: Ints, inputs: Ints, chosen: Ints, count: Ints,
) -> None:  # fmt: skip
    """The best extensions of all hypotheses of each input.

    Args:
        starts: int64 (inputs + 1,), the rows of input i are ``starts[i]`` to ``starts[i + 1]``.
        widths: int64 (inputs,), how many extensions an input wants.
        top: how many candidates each row has.
        scores: float64 (rows,), log-probabilities of the hypotheses.
        tokens, log_probs: (rows x top), from `top_candidates`.
        heads: int64 (rows,), scratch.
        inputs: int64 (sum of widths,), the input of each extension; rising.
        chosen: int64 (sum of widths,), its place in ``tokens``. Those of an input come the best
            first, and of equal ones that of the lower row first.
        count: int64 (1,), how many extensions there are.
    """
    found = 0
    for number in range(len(widths)):
        for row in range(starts[number], starts[number + 1]):
            heads[row] = 0
        for _ in range(widths[number]):
            best = -np.inf
            best_row = -1
            for row in range(starts[number], starts[number + 1]):
                if heads[row] == top:
                    continue
                score = scores[row] + log_probs[row * top + heads[row]]
                if score > best:
                    best = score
                    best_row = row
            if best_row < 0:
                break
            inputs[found] = number
            chosen[found] = best_row * top + heads[best_row]
            heads[best_row] += 1
            found += 1
    count[0] = found
