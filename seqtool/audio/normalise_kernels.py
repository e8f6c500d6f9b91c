"""The recurrence of running normalisation."""

from __future__ import annotations

import math

import numpy as np

from seqtool.audio.types import Doubles, Floats
from seqtool.kernels import kernel


@kernel("void(f4[::1], f8[::1], i8, i8, f8, f4[::1])")
def running_normalised(
    features: Floats, moments: Doubles, count: int, horizon: int, least: float, output: Floats
) -> None:
    """Rows of features minus the running mean, over the running deviation (at least ``least``).

    ``moments`` holds the means, then the variances, after ``count`` rows; it is brought up to date.
    """
    size = len(moments) // 2
    mean = moments[:size]
    variance = moments[size:]
    for row in range(len(features) // size):
        seen = count + row + 1
        share = 1.0 / (seen if seen < horizon else horizon)
        for k in range(size):
            distance = features[row * size + k] - mean[k]
            mean[k] += share * distance
            variance[k] = (1.0 - share) * (variance[k] + share * distance * distance)
            deviation = math.sqrt(variance[k])
            if deviation < least:
                deviation = least
            output[row * size + k] = np.float32((features[row * size + k] - mean[k]) / deviation)
