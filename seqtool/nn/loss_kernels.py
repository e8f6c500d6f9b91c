"""Softmax and cross-entropy in one sweep over the logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from seqtool.kernels import helper, kernel
from seqtool.kernels.elementary import exp
from seqtool.nn.parameters import Floats
from seqtool.nn.types import Ids, Lengths

# Maxima are kept of so many columns side by side: a single one would be compared one by one.
LANES = 64

_ZERO = np.float32(0)
_ONE = np.float32(1)


@helper
def row_maximum(row: Floats, size: int, lanes: Floats) -> Any:
    """The largest of ``size`` numbers; NaN is passed over. ``lanes`` is scratch of LANES."""
    whole = size // LANES * LANES
    most = row[0]
    if whole > 0:
        for k in range(LANES):
            lanes[k] = row[k]
        for start in range(LANES, whole, LANES):
            part = row[start : start + LANES]
            for k in range(LANES):
                lanes[k] = part[k] if part[k] > lanes[k] else lanes[k]
        for k in range(LANES):
            most = lanes[k] if lanes[k] > most else most
    for k in range(whole, size):
        most = row[k] if row[k] > most else most
    return most


@kernel(
    "void(f4[::1], i8, f4[::1], i4[::1], i8[::1], f4[::1], f4, f4, i8, f4[::1], f8[::1])",
    relaxed=True,
)
def softmax_losses(
    logits: Floats, classes: int, bias: Floats, targets: Ids, lengths: Lengths, weights: Floats,
    smoothing: float, scale: float, training: int, lanes: Floats, losses: Floats,
) -> None:  # fmt: skip
    """Write the loss of every target, and turn logits into gradients or into probabilities.

    Rows of logits are (time, batch) and count where time < lengths[batch]; others become 0, as do
    their losses. ``bias`` (classes), which is added to the logits, may be empty, as may
    ``weights`` of the targets. With smoothing e the target is given probability 1 - e + e / classes
    and every other class e / classes. With ``training`` logits become the gradient of loss times
    ``scale``.
    """
    batch = len(lengths)
    spread = smoothing / np.float32(classes)
    for place in range(len(targets)):
        row = logits[place * classes : (place + 1) * classes]
        if place // batch >= lengths[place % batch]:
            losses[place] = 0
            for k in range(classes):
                row[k] = _ZERO
            continue
        if len(bias) > 0:
            for k in range(classes):
                row[k] += bias[k]
        wanted = targets[place]
        weight = weights[place] if len(weights) > 0 else _ONE
        most = row_maximum(row, classes, lanes)
        cost = np.float64(most - row[wanted]) * (1 - np.float64(smoothing))
        if smoothing > 0:
            below = _ZERO
            for k in range(classes):
                below += most - row[k]
            cost += np.float64(spread) * np.float64(below)
        total = _ZERO
        for k in range(classes):
            row[k] = exp(row[k] - most)
            total += row[k]
        losses[place] = np.float64(weight) * (cost + math.log(np.float64(total)))
        factor = scale * weight if training else _ONE
        share = factor / total
        rest = factor * spread
        for k in range(classes):
            row[k] = row[k] * share - rest
        if training:
            row[wanted] -= factor * (_ONE - smoothing)
