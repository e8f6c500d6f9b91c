"""The training of averaged features and a softmax, one text after another.

Equation: p = softmax(W mean(rows) + b), loss -log p[label] (Joulin et al. 2016, section 2),
minimised by stochastic gradient descent.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtool.kernels import Floats, Ints, helper, kernel
from seqtool.kernels.instructions import prefetch
from seqtool.kernels.random_numbers import xorshift

_AHEAD = 8  # texts
_LINE = 16  # of 32-bit numbers that are fetched at once

Doubles = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]


@helper
def fetch_text(ids: Ints, starts: Ints, order: Ints, at: int) -> None:
    """Have the processor fetch what a text after the next ones needs, as the order is random."""
    if at + 2 * _AHEAD < len(order):
        prefetch(starts, order[at + 2 * _AHEAD])
    if at + _AHEAD < len(order):
        text = order[at + _AHEAD]
        for i in range(starts[text], starts[text + 1], _LINE):
            prefetch(ids, i)


@helper
def keep_features(ids: Ints, begin: int, end: int, dropout: int, state: Ints, kept: Ints) -> int:
    """Copy the features that are not dropped (chance ``dropout`` / 2**32); returns how many."""
    if dropout == 0:
        for i in range(begin, end):
            kept[i - begin] = ids[i]
        return end - begin
    count = 0
    random = state[0]
    for i in range(begin, end):
        random = xorshift(random)
        kept[count] = ids[i]
        count += 1 if random >= dropout else 0
    state[0] = random
    return count


@helper
def softmax_gradient(
    hidden: Floats, weights: Floats, width: int, labels: int, label: int, gradient: Floats
) -> Any:
    """``gradient`` becomes p - y for the scores of a text; returns the loss."""
    most = np.float32(-3.0e38)
    for k in range(labels):
        row = k * (width + 1)
        total = weights[row + width]
        for d in range(width):
            total += hidden[d] * weights[row + d]
        gradient[k] = total
        most = total if total > most else most
    wanted = gradient[label] - most
    total = np.float32(0)
    for k in range(labels):
        gradient[k] = np.float32(math.exp(gradient[k] - most))
        total += gradient[k]
    for k in range(labels):
        gradient[k] /= total
    gradient[label] -= np.float32(1)
    return np.float64(math.log(total)) - np.float64(wanted)


@kernel("void(i4[::1], i8[::1], i4[::1], i8, f8[::1])")
def count_features(ids: Ints, starts: Ints, wanted: Ints, labels: int, counts: Floats) -> None:
    """Add to ``counts`` (features, labels) how often each feature occurs with each label."""
    for text in range(len(wanted)):
        for i in range(starts[text], starts[text + 1]):
            counts[ids[i] * labels + wanted[text]] += 1


@kernel(
    "void(i4[::1], i8[::1], i4[::1], i8[::1], f4[::1], f4[::1], i8, i8, i8, f8, f8, i8, "
    "f4[::1], i8[::1], i4[::1], f4[::1], f8[::1])",
    relaxed=True,
)
def train_texts(
    ids: Ints,
    starts: Ints,
    wanted: Ints,
    order: Ints,
    table: Singles,
    weights: Singles,
    width: int,
    labels: int,
    first_row: int,
    first_rate: float,
    last_rate: float,
    dropout: int,
    class_weights: Singles,
    state: Ints,
    kept: Ints,
    scratch: Singles,
    loss: Doubles,
) -> None:
    """Take a step with each text of ``order``; the rate changes linearly from first to last.

    ``ids``, ``starts``, ``table`` and ``weights`` are as in `feature_kernels.score_encoded`;
    rows below ``first_row`` stay as they are. ``wanted`` holds each text's label, ``state`` the
    random number that decides which features are dropped. ``loss[0]`` grows by the losses,
    ``loss[1]`` by what they weigh. Scratch: ``kept`` has room for the features of any one text,
    ``scratch`` for 2 width + labels numbers.
    """
    hidden = scratch[0:width]
    step = scratch[width : 2 * width]
    gradient = scratch[2 * width : 2 * width + labels]
    for at in range(len(order)):
        fetch_text(ids, starts, order, at)
        text = order[at]
        n = keep_features(ids, starts[text], starts[text + 1], dropout, state, kept)
        scale = np.float32(1.0 / n) if n > 0 else np.float32(0)
        for d in range(width):
            hidden[d] = 0
            step[d] = 0
        for i in range(n):
            row = kept[i] * width
            for d in range(width):
                hidden[d] += table[row + d]
        for d in range(width):
            hidden[d] *= scale
        importance = class_weights[wanted[text]]
        cost = softmax_gradient(hidden, weights, width, labels, wanted[text], gradient)
        loss[0] += cost * importance
        loss[1] += importance
        rate = np.float32(first_rate + (last_rate - first_rate) * (at / len(order))) * importance
        for label in range(labels):
            g = gradient[label] * rate
            row = label * (width + 1)
            for d in range(width):
                step[d] += g * weights[row + d]
                weights[row + d] -= g * hidden[d]
            weights[row + width] -= g
        for d in range(width):
            step[d] *= scale
        for i in range(n):
            if kept[i] >= first_row:
                row = kept[i] * width
                for d in range(width):
                    table[row + d] -= step[d]
