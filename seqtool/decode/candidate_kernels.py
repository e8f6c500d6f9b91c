"""Kernels that find how hypotheses may go on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from seqtool.decode.constraint_kernels import wanted_ids
from seqtool.decode.hypothesis_kernels import AT, MET, NODE, ROW, read_back, unmet
from seqtool.decode.selection_kernels import gather_best, keep_top
from seqtool.decode.softmax_kernels import LOWEST, exp_negative, highest, total
from seqtool.decode.types import Floats, Ints
from seqtool.kernels import helper, kernel
from seqtool.kernels.elementary import exp

FORBIDDEN = -2  # an id could come, but must not
NOTHING = -1  # no logit is a finite number

_LANES = 64  # exponentials that are summed side by side
_CHUNK = 16 * _LANES
_SMALLEST = np.float32(-87.0)  # exp of less would be below the normal numbers


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
def share(x: Any) -> Any:
    """e to the x in single precision; 0 below its normal numbers, and for NaN."""
    return exp(x) if x > _SMALLEST else np.float32(0.0)


@helper
def exponential_sum(logits: Floats, top: float, scratch: Floats) -> float:
    """The sum of ``exp(logits - top)``; ``top`` is the highest, ``scratch`` has room for 32.

    Exponentials, and sums of 16 of them, are of single precision: the logits are no more precise.
    The order depends on nothing but the number of logits.
    """
    sums = scratch[: _LANES // 2].view(np.float32)
    highest = np.float32(top)
    whole = 0.0
    for begin in range(0, len(logits), _CHUNK):
        end = begin + _CHUNK if begin + _CHUNK < len(logits) else len(logits)
        for lane in range(_LANES):
            sums[lane] = np.float32(0.0)
        for first in range(begin, end - _LANES + 1, _LANES):
            for lane in range(_LANES):
                sums[lane] += share(logits[first + lane] - highest)
        for i in range(end - (end - begin) % _LANES, end):
            sums[0] += share(logits[i] - highest)
        whole += total(sums, _LANES)
    return whole


@helper
def hide(logits: Floats, forbidden: Ints, count: int, hidden: Floats) -> None:
    """Put -inf for the logits of the first ``count`` forbidden ids, which go to ``hidden``."""
    for i in range(count):
        hidden[i] = logits[forbidden[i]]
        logits[forbidden[i]] = -np.inf


@helper
def show(logits: Floats, forbidden: Ints, count: int, hidden: Floats) -> None:
    """Put back what `hide` took away, backwards: an id may have been hidden twice."""
    for i in range(count - 1, -1, -1):
        logits[forbidden[i]] = hidden[i]


@helper
def log_sum(logits: Floats, best: float, hidden: Floats, count: int, sums: Floats) -> float:
    """The log of the sum of the exponentials of all logits, of hidden ones, too.

    ``best`` is the highest logit that is not hidden. Infinity if a logit is.
    """
    top = best
    for i in range(count):
        top = hidden[i] if hidden[i] > top else top
    if not top < np.inf:
        return np.inf
    whole = exponential_sum(logits, top, sums)
    for i in range(count):
        whole += exp_negative(hidden[i] - top)
    return top + math.log(whole)


@helper
def log_prob(logit: float, whole: float) -> float:
    """The logarithm of a probability; ``whole`` is the `log_sum`."""
    return logit - whole if logit < whole else 0.0


@helper
def best_of_row(
    logits: Floats, hidden: Floats, hidden_count: int, top: int, ids: Ints, work: Floats,
    tokens: Ints, log_probs: Floats,
) -> float:  # fmt: skip
    """The most probable ids of a hypothesis, those that are hidden excepted.

    Args:
        logits: float32 (vocab,), without those that `hide` put into ``hidden``. Of equal ones
            the lower id comes first. NaN counts as -inf.
        hidden, hidden_count: see `hide`. The probability of hidden ids goes to no other id.
        top: how many are wanted, at most ``vocab``.
        ids: int32 (vocab,), scratch.
        work: float64 (2 * max(vocab, SCRATCH),), scratch.
        tokens: int32 (top or more,), the ids; behind them FORBIDDEN if an id
            that could come is hidden, else NOTHING.
        log_probs: float64, like ``tokens``: natural logs, falling; -inf where there is no id.

    Returns the `log_sum`, infinity if there is no id.
    """
    size = len(work) // 2
    values = work[:size]
    scratch = work[size : 2 * size]
    count = gather_best(logits, top, ids, values, scratch)
    count = keep_top(count, top, ids, values, scratch)
    sort_falling(values, ids, count)
    reason = NOTHING
    for i in range(hidden_count):
        reason = FORBIDDEN if LOWEST <= hidden[i] < np.inf else reason
    whole = np.inf
    if count > 0:
        whole = log_sum(logits, values[0], hidden, hidden_count, scratch)
    if not whole < np.inf:
        count = 0
    for i in range(count):
        tokens[i] = ids[i]
        log_probs[i] = log_prob(values[i], whole)
    for i in range(count, len(tokens)):
        tokens[i] = reason
        log_probs[i] = -np.inf
    return whole


@helper
def repeating_ids(history: Ints, length: int, ngram: int, forbidden: Ints, count: int) -> int:
    """Add the ids with which the last ids are an n-gram that came before; returns the new count."""
    begin = length - ngram + 1  # of the ids that the n-gram has already
    for i in range(begin):
        same = True
        for j in range(ngram - 1):
            same = same and history[i + j] == history[begin + j]
        if same:
            forbidden[count] = history[i + ngram - 1]
            count += 1
    return count


@helper
def forbid(
    rows: Ints, row: int, inputs: Ints, length: int, end: int, ngram: int, always: int,
    node_tokens: Ints, node_parents: Ints, history: Ints, forbidden: Ints,
) -> int:  # fmt: skip
    """List the ids that must not follow a hypothesis, the first ``always`` of which are there."""
    count = always
    if end >= 0 and unmet(inputs, rows, row):
        forbidden[count] = end
        count += 1
    if 0 < ngram <= length:
        read_back(node_tokens, node_parents, int(rows[row * ROW + NODE]), length, history)
        count = repeating_ids(history, length, ngram, forbidden, count)
    return count


@helper
def add_wanted(
    logits: Floats, whole: float, wanted: Ints, count: int, tokens: Ints, log_probs: Floats
) -> None:  # fmt: skip
    """Add ids that constraints want to the best of a row, unless they are there or hidden."""
    place = 0
    while place < len(tokens) and tokens[place] >= 0:
        place += 1
    for i in range(count):
        token = int(wanted[i])
        if not LOWEST <= logits[token] < np.inf:
            continue
        known = False
        for j in range(place):
            known = known or tokens[j] == token
        if not known:
            tokens[place] = token
            log_probs[place] = log_prob(logits[token], whole)
            place += 1


@kernel(
    "void(f4[::1], i8, i8, i8, i8, i8, i8[::1], i8[::1], i8[::1], i4[::1], i8[::1], i4[::1],"
    " i4[::1], f8[::1], i8[::1], i4[::1], f8[::1], i4[::1], f8[::1])"
)
def find_candidates(
    logits: Floats, length: int, always: int, end: int, ngram: int, top: int, rows: Ints,
    inputs: Ints, trie: Ints, node_tokens: Ints, node_parents: Ints, history: Ints,
    forbidden: Ints, hidden: Floats, wanted: Ints, ids: Ints, work: Floats, tokens: Ints,
    log_probs: Floats,
) -> None:  # fmt: skip
    """How each open hypothesis may go on: its best ids, and those that its constraints want.

    Args:
        logits: float32 (rows x vocab); some are hidden for a while. NaN counts as -inf.
        length: how many ids an open hypothesis has.
        always: how many of ``forbidden`` are forbidden to all.
        end: the id that ends a sequence, -1 if there is none.
        ngram: how many ids must not come again in the same order; 0 for any.
        top: how many ids are wanted of each row.
        rows, inputs, node_tokens, node_parents: see `hypothesis_kernels`.
        trie: see `constraint_kernels`.
        history: int32 (length,), scratch.
        forbidden: int32 (always + 1 + length,), hidden: float64 of the same size; scratch.
        wanted: int64, with room for the places of a trie; scratch.
        ids, work: scratch, see `best_of_row`.
        tokens: int32 (rows x slots), the ids, the most probable first and then those that
            constraints want; behind them FORBIDDEN or NOTHING. slots is top and the size of
            ``wanted``.
        log_probs: float64 (rows x slots), natural logs, -inf where there is no id.
    """
    vocab = len(ids)
    slots = top + len(wanted)
    for row in range(len(rows) // ROW):
        scores = logits[row * vocab : (row + 1) * vocab]
        found = tokens[row * slots : (row + 1) * slots]
        found_log_probs = log_probs[row * slots : (row + 1) * slots]
        count = forbid(
            rows, row, inputs, length, end, ngram, always, node_tokens, node_parents, history,
            forbidden,
        )  # fmt: skip
        hide(scores, forbidden, count, hidden)
        whole = best_of_row(scores, hidden, count, top, ids, work, found, found_log_probs)
        if whole < np.inf and len(wanted) > 0:
            at, met = int(rows[row * ROW + AT]), int(rows[row * ROW + MET])
            wishes = wanted_ids(trie, at, met, wanted)
            add_wanted(scores, whole, wanted, wishes, found, found_log_probs)
        show(scores, forbidden, count, hidden)


@kernel("void(f4[::1], i4[::1], f8[::1], f8[::1])")
def chosen_log_probs(logits: Floats, chosen: Ints, scratch: Floats, log_probs: Floats) -> None:
    """The natural log-probability of one id of each row.

    ``logits`` are float32 (rows x vocab), ``chosen`` int32 and ``log_probs`` float64 (rows,);
    ``scratch`` has room for 32 numbers.
    """
    if len(chosen) == 0:
        return
    vocab = len(logits) // len(chosen)
    for row in range(len(chosen)):
        scores = logits[row * vocab : (row + 1) * vocab]
        best = highest(scores, vocab, scratch)
        whole = log_sum(scores, best, scratch, 0, scratch)
        log_probs[row] = log_prob(scores[chosen[row]], whole)
