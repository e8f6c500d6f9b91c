"""Features of mean 0 and variance 1, over a whole recording or as a stream goes on."""

from __future__ import annotations

import numpy as np

from seqtool.audio.normalise_kernels import running_normalised
from seqtool.audio.types import Floats

_LEAST_DEVIATION = 1e-3  # natural logarithms; a column that does not move stays near 0


def normalised(features: Floats) -> Floats:
    """Features (frames, size) with every column brought to mean 0 and variance 1 over the frames.

    A column that (nearly) does not change becomes 0. Sums are in double precision.
    """
    if len(features) == 0:
        return features
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = features.std(axis=0, dtype=np.float64)
    scaled = (features - mean) / np.maximum(deviation, _LEAST_DEVIATION)
    result: Floats = scaled.astype(np.float32)
    return result


class RunningNormaliser:
    """Normalises a stream by what has come so far, each frame by the frames up to it.

    Frame t moves the mean by a = max(1 / (t + 1), 1 / horizon) of its distance from it: an average
    of all frames at first, then one that forgets with a time constant of ``horizon`` frames. The
    variance becomes (1 - a) (variance + a distance^2) (Finch 2009, Incremental calculation of
    weighted mean and variance, section 9). However the stream is cut, the bits are the same.
    """

    def __init__(self, size: int, horizon: int = 300) -> None:
        self._horizon = horizon
        self._count = 0
        self._moments = np.zeros(2 * size)

    def push(self, features: Floats) -> Floats:
        """The next frames (frames, size), normalised."""
        features = np.ascontiguousarray(features, np.float32)
        output = np.empty_like(features)
        running_normalised(
            features.reshape(-1), self._moments, self._count, self._horizon,
            _LEAST_DEVIATION, output.reshape(-1),
        )  # fmt: skip
        self._count += len(features)
        return output
