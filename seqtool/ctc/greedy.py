"""The symbols of the most probable path."""

from __future__ import annotations

import numpy as np

from seqtool.ctc.types import BLANK, CtcHypothesis, LogProbs


def greedy(log_probs: LogProbs) -> CtcHypothesis:
    """Take the most probable symbol of every frame, join repeats, and take blanks out.

    This is best path decoding (Graves et al. 2006, section 3.2). ``log_prob`` and ``score`` are
    those of the path alone. ``log_probs`` is float32 (time, symbols), natural logarithms; of
    equal ones the first symbol is taken.
    """
    path = log_probs.argmax(axis=1)
    best = log_probs[np.arange(len(path)), path]
    changes = np.flatnonzero(np.diff(path, prepend=-1)) if len(path) else np.zeros(0, np.int64)
    ends = np.append(changes[1:], len(path))
    spoken = path[changes] != BLANK
    total = float(best.sum(dtype=np.float64))
    means = np.zeros(0)
    if len(changes):
        means = np.add.reduceat(np.exp(best.astype(np.float64)), changes) / (ends - changes)
    return CtcHypothesis(
        path[changes][spoken].astype(np.int32),
        changes[spoken],
        ends[: len(changes)][spoken],
        total,
        total,
        means[spoken].astype(np.float32) if len(changes) else np.zeros(0, np.float32),
    )
