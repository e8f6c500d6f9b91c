"""Kernels that choose the next token.

The order is that of llama.cpp: penalties, top-k, top-p, min-p, temperature. So top-p and min-p
look at probabilities before temperature changes them.
"""

from __future__ import annotations

import numpy as np

from seqtool.decode.selection_kernels import (
    cut_value,
    gather,
    keep_from,
    keep_highest,
    keep_top,
    top_threshold,
)
from seqtool.decode.softmax_kernels import LOWEST, exponentials, highest, total
from seqtool.decode.types import Floats, Ints
from seqtool.kernels import helper, kernel
from seqtool.kernels.random_numbers import uniform

# Places in the settings, float64 (SETTINGS,).
TEMPERATURE = 0  # 0 takes the best
TOP_K = 1  # 0 for all
TOP_P = 2  # 1 for all
MIN_P = 3  # 0 for all
REPETITION_PENALTY = 4  # 1 for none
SETTINGS = 5

WINDOW = 64  # how many of the last ids the repetition penalty looks at
RECENT = WINDOW + 1  # they are a ring; its last number is the place of the oldest
SCRATCH = 64  # the least that each half of the scratch memory has room for

NOTHING = -1  # no id can be chosen


@helper
def remember(recent: Ints, chosen: int) -> None:
    """Put an id into the ring of the last ids, int32 (RECENT,); -1 stands for no id."""
    place = int(recent[WINDOW])
    recent[place] = chosen
    recent[WINDOW] = place + 1 if place + 1 < WINDOW else 0


@helper
def penalize(logits: Floats, recent: Ints, penalty: float, scratch: Floats) -> None:
    """Make ids that came lately less likely (Keskar et al. 2019, "CTRL", section 4.1).

    A positive logit is divided, a negative one multiplied, once however often the id came.
    """
    for i in range(WINDOW):
        if recent[i] >= 0:
            scratch[i] = logits[recent[i]]
    for i in range(WINDOW):
        if recent[i] >= 0:
            x = scratch[i]
            logits[recent[i]] = x / penalty if x > 0 else x * penalty


@helper
def first_of(logits: Floats, value: float) -> int:
    """The lowest id with this logit, NOTHING if there is none."""
    for i in range(len(logits)):
        if logits[i] == value:
            return i
    return NOTHING


@helper
def keep_nucleus(
    share: float, count: int, ids: Ints, values: Floats, weights: Floats, scratch: Floats
) -> int:
    """Keep the fewest ids whose weights make up ``share`` (Holtzman et al. 2020, section 3.1).

    Returns how many. All weights below ``least`` together are less than what may be left out, so
    no such id is kept.
    """
    whole = total(weights, count)
    least = (1.0 - share) * whole / count
    found = 0
    for i in range(count):
        scratch[found] = weights[i]
        found += 1 if weights[i] >= least else 0
    cut = cut_value(scratch, found, share * whole, False)
    return keep_highest(weights, count, cut, share * whole, False, ids, values)


@helper
def draw(weights: Floats, count: int, ids: Ints, random: Ints) -> int:
    """An id, with a chance in proportion to its weight."""
    left = uniform(random) * total(weights, count)
    last = NOTHING
    for i in range(count):
        if weights[i] > 0.0:
            last = int(ids[i])
            left -= weights[i]
            if left < 0.0:
                return last
    return last


@helper
def choose(
    logits: Floats, settings: Floats, banned: Ints, recent: Ints, random: Ints, ids: Ints,
    work: Floats,
) -> int:  # fmt: skip
    """The next id, or NOTHING if no logit is a finite number.

    Args:
        logits: float32 (vocab,); overwritten. Of equal ones the lower id comes first. NaN and
            -inf are never chosen.
        settings: float64 (SETTINGS,).
        banned: int32, ids that are never chosen.
        recent: int32 (RECENT,), see `remember`, which is left to the caller.
        random: int64 (4,), the state of `xoshiro`; two numbers are drawn unless the best is taken.
        ids: int32 (vocab,), scratch.
        work: float64 (3 * max(vocab, SCRATCH),), scratch.
    """
    vocab = len(logits)
    size = len(work) // 3
    values = work[:size]
    weights = work[size : 2 * size]
    scratch = work[2 * size : 3 * size]
    if settings[REPETITION_PENALTY] != 1.0:
        penalize(logits, recent, settings[REPETITION_PENALTY], scratch)
    for i in range(len(banned)):
        logits[banned[i]] = -np.inf
    best = highest(logits, vocab, scratch)
    if not (best >= LOWEST and best < np.inf):
        return NOTHING
    if settings[TEMPERATURE] <= 0.0:
        return first_of(logits, best)
    top = int(settings[TOP_K])
    limited = top > 0 and top < vocab
    threshold = top_threshold(logits, vocab, top, scratch) if limited else LOWEST
    count = gather(logits, vocab, threshold, ids, values)
    if limited:
        count = keep_top(count, top, ids, values, scratch)
    if settings[TOP_P] < 1.0 or settings[MIN_P] > 0.0:
        exponentials(values, count, best, 1.0, weights)
        if settings[TOP_P] < 1.0:
            count = keep_nucleus(settings[TOP_P], count, ids, values, weights, scratch)
        if settings[MIN_P] > 0.0:
            count = keep_from(weights, count, settings[MIN_P], ids, values)
    exponentials(values, count, best, settings[TEMPERATURE], weights)
    return draw(weights, count, ids, random)


@kernel("void(f4[::1], i8, f8[::1], i4[::1], i4[::1], i8[::1], i4[::1], f8[::1], i4[::1])")
def choose_rows(
    logits: Floats, vocab: int, settings: Floats, banned: Ints, recent: Ints, random: Ints,
    ids: Ints, work: Floats, chosen: Ints,
) -> None:  # fmt: skip
    """`choose` for every row of ``logits``, (rows x vocab), and `remember` what it chose.

    ``recent`` is (rows x RECENT), ``random`` (rows x 4), ``chosen`` (rows,).
    """
    for row in range(len(chosen)):
        last = recent[row * RECENT : (row + 1) * RECENT]
        chosen[row] = choose(
            logits[row * vocab : (row + 1) * vocab], settings, banned, last,
            random[4 * row : 4 * row + 4], ids, work,
        )  # fmt: skip
        remember(last, chosen[row])
