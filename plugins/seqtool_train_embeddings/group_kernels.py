"""Skip-gram with negative sampling, a few neighbouring words at a time.

The windows of neighbouring words overlap, so a group of words shares its input rows, and it shares
its negatives, too: one product of small matrices scores all pairs of the group. To keep the
variety of negatives, `DRAWS` times as many are drawn for a group as a pair is to have, and each
counts for that much less.
"""

from __future__ import annotations

import numpy as np

from seqtool.kernels import helper, kernel
from seqtool_train_embeddings.update_kernels import (
    Doubles,
    Floats,
    Ints,
    exp_negative,
    hidden_gradient,
    next_random,
    random_below,
    score_pairs,
    update_targets,
)
from seqtool_train_embeddings.window_kernels import Ids, add_to_rows, read_sentence

GROUP = 4
DRAWS = 2


@helper
def draw_targets(
    sentence: Ints,
    begin: int,
    end: int,
    vocabulary: int,
    draws: int,
    chances: Ints,
    others: Ints,
    state: Ints,
    targets: Ints,
) -> int:
    """The words of a group and then its negatives, which are none of them; returns their number.

    ``chances`` and ``others``: see `seqtool_train_embeddings.window_kernels.choose_targets`.
    """
    n = 0
    for place in range(begin, end):
        targets[n] = sentence[place]
        n += 1
    words = n
    for _ in range(draws):
        other = random_below(state, vocabulary)
        if next_random(state) >= chances[other]:
            other = others[other]
        negative = True
        for k in range(words):
            if targets[k] == other:
                negative = False
        if negative:
            targets[n] = other
            n += 1
    return n


@helper
def weigh_pairs(
    begin: int,
    end: int,
    low: int,
    high: int,
    n: int,
    window: int,
    n_targets: int,
    share: float,
    state: Ints,
    weights: Floats,
) -> int:
    """Fill ``weights``, (places low to high, targets); returns how many real pairs there are.

    A word and a target of its window weigh 1; a word and a negative -``share`` for each window
    of the group that the word is in; all others 0. Windows reach a random 1 to ``window``.
    """
    for k in range((high - low) * n_targets):
        weights[k] = 0
    pairs = 0
    for place in range(begin, end):
        reach = 1 + random_below(state, window)
        first = place - reach if place > reach else 0
        last = place + reach + 1 if place + reach + 1 < n else n
        for k in range(first, last):
            if k != place:
                row = (k - low) * n_targets
                weights[row + place - begin] = 1
                for j in range(end - begin, n_targets):
                    weights[row + j] -= share
        pairs += last - first - 1
    return pairs


@helper
def weighted_gradient(
    scores: Floats, weights: Floats, size: int, rate: float, loss: Doubles
) -> None:
    """Turn scores into ``rate`` times the negative gradient of the weighted logistic loss.

    The loss of a pair is |w| log(1 + exp(-sign(w) score)); it is added to ``loss[0]``. The
    logarithm is a polynomial, to 3e-7 relative, so that the loop vectorises.
    """
    total = np.float32(0)
    for k in range(size):
        w = weights[k]
        x = -scores[k] if w > 0 else scores[k]
        e = exp_negative(-x if x > 0 else x)
        inverse = np.float32(1) / (np.float32(1) + e)
        log = np.float32(-0.008574675768613815)
        log = log * e + np.float32(0.044214192777872086)
        log = log * e + np.float32(-0.10785368084907532)
        log = log * e + np.float32(0.17757023870944977)
        log = log * e + np.float32(-0.2449961155653)
        log = log * e + np.float32(0.3327617645263672)
        log = log * e + np.float32(-0.49997448921203613)
        log = (log * e + np.float32(0.9999998211860657)) * e
        linear = np.float32(0) if x <= 0 else x  # NaN goes into the loss
        total += (w if w > 0 else -w) * (log + linear)
        scores[k] = rate * w * (inverse if x > 0 else e * inverse)
    loss[0] += np.float64(total)


@kernel(
    "i8(i4[::1], i8, i8, i8, i8, i8[::1], i8[::1], i8[::1], i8, f4, f4[::1], f4[::1], i8,"
    " i8[::1], i8[::1], i8[::1], i8[::1], f4[::1], f4[::1], f4[::1], f8[::1])",
    relaxed=True,
)
def train_groups(
    ids: Ids,
    at: int,
    stop: int,
    window: int,
    negatives: int,
    keep: Ints,
    chances: Ints,
    others: Ints,
    vocabulary: int,
    rate: float,
    inputs: Floats,
    output: Floats,
    width: int,
    state: Ints,
    sentence: Ints,
    length: Ints,
    targets: Ints,
    weights: Floats,
    scores: Floats,
    change: Floats,
    loss: Doubles,
) -> int:
    """Train on whole sentences from ``ids[at:]`` until ``stop`` is reached; returns the place.

    Arguments as in `seqtool_train_embeddings.window_kernels.train_windows`.
    """
    share = np.float32(1) / np.float32(DRAWS)
    while at < stop:
        at = read_sentence(ids, at, keep, state, sentence, length)
        n = length[0]
        if n < 2:
            continue
        for begin in range(0, n, GROUP):
            end = begin + GROUP if begin + GROUP < n else n
            low = begin - window if begin > window else 0
            high = end + window if end + window < n else n
            n_targets = draw_targets(
                sentence, begin, end, vocabulary, DRAWS * negatives, chances, others, state,
                targets,
            )  # fmt: skip
            loss[1] += weigh_pairs(
                begin, end, low, high, n, window, n_targets, share, state, weights
            )
            rows = high - low
            places = sentence[low:high]
            score_pairs(inputs, places, rows, output, targets, n_targets, width, scores)
            weighted_gradient(scores, weights, rows * n_targets, rate, loss)
            hidden_gradient(scores, rows, output, targets, n_targets, width, change)
            update_targets(scores, inputs, places, rows, output, targets, n_targets, width)
            for row in range(rows):
                add_to_rows(inputs, places, row, row + 1, width, change, row)
    return at
