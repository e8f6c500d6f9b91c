"""What the modules of this package hand each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLANK = 0

Ids = NDArray[np.int32]
Frames = NDArray[np.int64]
LogProbs = NDArray[np.float32]


class CtcHypothesis(NamedTuple):
    """A string that was found in the frames of a recording.

    Attributes:
        ids: its symbols, int32 (symbols,), without blanks.
        frames: the first frame of each symbol, int64 (symbols,).
        ends: the frame behind its last one, int64 (symbols,).
        log_prob: the natural logarithm of its probability, as far as the search has summed it.
        score: what it is ranked by: ``log_prob`` and what a language model adds.
        confidences: the mean probability of the symbol in its frames, float32 (symbols,).
    """

    ids: Ids
    frames: Frames
    ends: Frames
    log_prob: float
    score: float
    confidences: NDArray[np.float32]
