"""Where in a recording each label of a known text is said."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.ctc.align_kernels import best_path
from seqtool.ctc.loss import frames_needed
from seqtool.ctc.types import BLANK, Frames, Ids, LogProbs


class Alignment(NamedTuple):
    """The frames of each label.

    Attributes:
        starts: the first frame of each label, int64 (labels,).
        ends: the frame behind its last one, int64 (labels,).
        log_probs: the mean log-probability of the label in its frames, float64 (labels,).
    """

    starts: Frames
    ends: Frames
    log_probs: NDArray[np.float64]


def align(log_probs: LogProbs, labels: Ids) -> Alignment:
    """The most probable path through the lattice that the CTC loss sums over (Viterbi).

    ``log_probs`` is float32 (time, symbols), natural logarithms; ``labels`` int32 (labels,),
    without blanks. Raises ValueError where frames are too few for the labels, or where these are
    impossible; IndexError for a label that is no symbol.
    """
    time, symbols = log_probs.shape
    labels = np.ascontiguousarray(labels, np.int32)
    if len(labels) and not (labels.min() > BLANK and labels.max() < symbols):
        raise IndexError(f"labels are not all from 1 to {symbols - 1}")
    needed = frames_needed(labels)
    if time < needed:
        raise ValueError(f"{time} frames are too few for {len(labels)} labels: they need {needed}")
    if not len(labels):
        return Alignment(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    states = 2 * len(labels) + 1
    path = np.empty(time, np.int64)
    total = best_path(
        np.ascontiguousarray(log_probs, np.float32).reshape(-1), symbols, labels,
        np.empty(2 * states), np.empty(time * states, np.uint8), path,
    )  # fmt: skip
    if not total > -np.inf:
        raise ValueError("the labels are impossible in these frames")
    states_of_labels = 2 * np.arange(len(labels)) + 1
    starts = np.searchsorted(path, states_of_labels, "left").astype(np.int64)
    ends = np.searchsorted(path, states_of_labels, "right").astype(np.int64)
    frames = np.flatnonzero(path & 1)
    spoken = log_probs[frames, labels[path[frames] >> 1]].astype(np.float64)
    sums = np.add.reduceat(spoken, np.append(0, np.cumsum(ends - starts)[:-1]))
    return Alignment(starts, ends, sums / (ends - starts))
