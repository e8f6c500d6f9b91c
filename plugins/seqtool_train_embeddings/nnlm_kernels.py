"""The neural probabilistic language model (Bengio et al. 2003) over a stream of word ids.

A word is predicted from the concatenated vectors x of its context: h = tanh(H x + d), scores
U h + b. The biases d and b are the columns of H and U that meet a constant 1 in x and h.
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
    logistic_gradient,
    random_below,
    score_pairs,
    softmax_gradient,
    update_targets,
)
from seqtool_train_embeddings.window_kernels import (
    LONGEST_SENTENCE,
    SOFTMAX,
    Ids,
    choose_targets,
    read_sentence,
)


@helper
def choose_context(
    sentence: Ints,
    n: int,
    place: int,
    left: int,
    right: int,
    nearby: int,
    padding: int,
    state: Ints,
    context: Ints,
) -> int:
    """Fill ``context`` with the words that predict the word at ``place``; returns their number.

    ``left`` words before it and ``right`` behind it, ``padding`` beyond the sentence; or, with
    ``nearby`` above 0, one random word at most so far away (0 if there is none).
    """
    if nearby > 0:
        first = place - nearby if place > nearby else 0
        last = place + nearby + 1 if place + nearby + 1 < n else n
        if last - first < 2:
            return 0
        chosen = first + random_below(state, last - first - 1)
        context[0] = sentence[chosen if chosen < place else chosen + 1]
        return 1
    used = 0
    for k in range(place - left, place + right + 1):
        if k != place:
            context[used] = sentence[k] if 0 <= k < n else padding
            used += 1
    return used


@helper
def forward(
    inputs: Floats,
    context: Ints,
    used: int,
    dimensions: int,
    width: int,
    weights: Floats,
    wide: int,
    units: int,
    x: Floats,
    h: Floats,
) -> None:
    """Fill x with the context's vectors and a 1, h with the hidden units and a 1."""
    for k in range(used):
        row = inputs[context[k] * width : context[k] * width + width]
        for d in range(dimensions):
            x[k * dimensions + d] = row[d]
    x[used * dimensions] = 1
    for u in range(units):
        row = weights[u * wide : u * wide + wide]
        total = np.float32(0)
        for d in range(wide):
            total += row[d] * x[d]
        h[u] = total
    for u in range(units):
        a = h[u]
        e = exp_negative(-2 * a if a > 0 else 2 * a)
        t = (np.float32(1) - e) / (np.float32(1) + e)
        h[u] = t if a > 0 else -t
    h[units] = 1


@helper
def backward(
    inputs: Floats,
    context: Ints,
    used: int,
    dimensions: int,
    width: int,
    weights: Floats,
    wide: int,
    units: int,
    x: Floats,
    h: Floats,
    change: Floats,
    dx: Floats,
) -> None:
    """Carry ``change``, the step of h, to the weights and the context's vectors."""
    for d in range(wide):
        dx[d] = 0
    for u in range(units):
        step = change[u] * (np.float32(1) - h[u] * h[u])
        row = weights[u * wide : u * wide + wide]
        for d in range(wide):
            dx[d] += step * row[d]
            row[d] += step * x[d]
    for k in range(used):
        row = inputs[context[k] * width : context[k] * width + width]
        for d in range(dimensions):
            row[d] += dx[k * dimensions + d]


@kernel(
    "i8(i4[::1], i8, i8, i8, i8, i8, i8, i8, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1],"
    " f4[::1], i8, f4, f4[::1], i8, i8, f4[::1], i8, i8, f4[::1], i8, i8[::1], i8[::1],"
    " i8[::1], i8[::1], i8[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f8[::1])",
    relaxed=True,
)
def train_nnlm(
    ids: Ids,
    at: int,
    stop: int,
    objective: int,
    left: int,
    right: int,
    nearby: int,
    negatives: int,
    keep: Ints,
    chances: Ints,
    others: Ints,
    path_starts: Ints,
    path_nodes: Ints,
    path_signs: Floats,
    vocabulary: int,
    rate: float,
    inputs: Floats,
    dimensions: int,
    width: int,
    weights: Floats,
    wide: int,
    units: int,
    output: Floats,
    output_width: int,
    state: Ints,
    sentence: Ints,
    length: Ints,
    context: Ints,
    targets: Ints,
    labels: Floats,
    scores: Floats,
    x: Floats,
    h: Floats,
    change: Floats,
    dx: Floats,
    loss: Doubles,
) -> int:
    """Train on whole sentences from ``ids[at:]`` until ``stop`` is reached; returns the place.

    ``weights`` is H, (units, wide); ``output`` is U, (targets, output_width). Row ``vocabulary``
    of ``inputs`` stands for the words beyond a sentence. Scratch and ``loss`` as in
    `seqtool_train_embeddings.window_kernels.train_windows`.
    """
    while at < stop:
        at = read_sentence(ids, at, keep, state, sentence, length)
        n = length[0]
        for place in range(n):
            used = choose_context(
                sentence, n, place, left, right, nearby, vocabulary, state, context
            )
            if used == 0:
                continue
            forward(inputs, context, used, dimensions, width, weights, wide, units, x, h)
            word = sentence[place]
            n_targets = choose_targets(
                objective, word, vocabulary, negatives, chances, others, path_starts, path_nodes,
                path_signs, state, targets, labels,
            )  # fmt: skip
            sentence[LONGEST_SENTENCE] = 0
            row = sentence[LONGEST_SENTENCE:]
            score_pairs(h, row, 1, output, targets, n_targets, output_width, scores)
            if objective == SOFTMAX:
                softmax_gradient(scores, 1, word, n_targets, rate, loss)
            else:
                logistic_gradient(scores, 1, labels, n_targets, rate, loss)
            hidden_gradient(scores, 1, output, targets, n_targets, output_width, change)
            update_targets(scores, h, row, 1, output, targets, n_targets, output_width)
            backward(
                inputs, context, used, dimensions, width, weights, wide, units, x, h, change, dx
            )
    return at
