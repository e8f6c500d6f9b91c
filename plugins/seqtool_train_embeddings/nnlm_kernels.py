"""The neural probabilistic language model (Bengio et al. 2003) over a stream of word ids.

A word is predicted from the concatenated vectors x of its context: h = tanh(H x + d), scores
U h + b. The biases d and b are the columns of H and U that meet a constant 1 in x and h.
"""

from __future__ import annotations

import numpy as np

from seqtool.kernels import helper, kernel
from seqtool_train_embeddings.target_kernels import choose_targets, draw_negatives
from seqtool_train_embeddings.tile_kernels import LANES, Floats, Ints
from seqtool_train_embeddings.update_kernels import (
    Doubles,
    exp_negative,
    random_below,
    update_rows,
)
from seqtool_train_embeddings.window_kernels import Ids, read_sentence


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
    " f4[::1], i8, f4, f4[::1], i8, i8, f4[::1], i8, i8, f4[::1], i8, i8, i8[::1], i8[::1],"
    " i8[::1], i8[::1], i8[::1], i8[::1], f4[::1], f4[::1], f4[::1], f4[::1], f8[::1])",
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
    most: int,
    state: Ints,
    sentence: Ints,
    length: Ints,
    context: Ints,
    drawn: Ints,
    targets: Ints,
    counts: Floats,
    x: Floats,
    dx: Floats,
    h: Floats,
    loss: Doubles,
) -> int:
    """Train on whole sentences from ``ids[at:]`` until ``stop`` is reached; returns the place.

    ``weights`` is H, (units, wide); ``output`` is U, (targets, output_width). Row ``vocabulary``
    of ``inputs`` stands for the words beyond a sentence. The arrays from ``sentence`` on are
    scratch for at most ``most`` targets: ``length`` (1), ``context`` (its words), ``drawn``
    (negatives), ``targets`` (most; SOFTMAX has the rows in order there), ``counts`` (3, most),
    ``x`` and ``dx`` (wide), ``h`` (2, output_width). ``loss`` gets the sum of the losses and
    their number.
    """
    positive, total, scores = counts[:most], counts[most : 2 * most], counts[2 * most :]
    change = h[output_width:]
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
            draw_negatives(vocabulary, negatives, chances, others, state, drawn)
            n_targets = choose_targets(
                objective, sentence, place, place + 1, vocabulary, drawn, negatives,
                np.float32(1), path_starts, path_nodes, path_signs, targets, 0, 0, 0,
                most, positive, total,
            )  # fmt: skip
            stride = (n_targets + LANES - 1) // LANES * LANES
            loss[1] += 1
            update_rows(
                objective, h, output, targets, n_targets, stride, output_width, positive, total,
                rate, scores, change, loss,
            )  # fmt: skip
            backward(
                inputs, context, used, dimensions, width, weights, wide, units, x, h, change, dx
            )
    return at
