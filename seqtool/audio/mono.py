"""From what a file holds to what models take: one channel, one rate, numbers that are numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtool.audio.types import Floats
from seqtool.errors import SeqtoolError

_LARGEST_SAMPLE = 1e6  # of sound in -1..1; integers kept as floats stay far below


class MonoStream:
    """Mixes channels down and resamples, block by block; the cuts do not change a bit.

    Resampling is soxr's, high quality. Raises SeqtoolError for samples that are no sound: NaN,
    infinite, or beyond 1e6.
    """

    def __init__(self, source_rate: int, rate: int, name: str) -> None:
        self._source_rate, self._name = source_rate, name
        self._taken = 0
        self._resampler: Any = None
        if source_rate != rate:
            import soxr

            self._resampler = soxr.ResampleStream(source_rate, rate, 1, "float32", "HQ")

    def push(self, block: Floats) -> Floats:
        """Samples (frames, channels) as mono ones at the new rate, (samples,)."""
        self._check(block)
        self._taken += len(block)
        # Added in order, so that the sum of a moment does not depend on the block.
        mono: Floats = block[:, 0].copy()
        for channel in range(1, block.shape[1]):
            mono += block[:, channel]
        if block.shape[1] > 1:
            mono /= np.float32(block.shape[1])
        return self._resampled(mono, last=False)

    def finish(self) -> Floats:
        """What resampling still held back."""
        if self._taken == 0:
            return np.zeros(0, np.float32)
        return self._resampled(np.zeros(0, np.float32), last=True)

    def _resampled(self, mono: Floats, last: bool) -> Floats:
        if self._resampler is None:
            return mono
        result: Floats = self._resampler.resample_chunk(mono, last=last)
        return result

    def _check(self, block: Floats) -> None:
        if len(block) == 0 or max(block.max(), -block.min()) <= _LARGEST_SAMPLE:
            return
        # Also true of NaN: comparisons with it are false, and max and min pass it on.
        at = int(np.argmin((np.abs(block) <= _LARGEST_SAMPLE).all(axis=1)))
        value = float(block[at][np.argmin(np.abs(block[at]) <= _LARGEST_SAMPLE)])
        seconds = (self._taken + at) / self._source_rate
        raise SeqtoolError(f"{self._name}: at {seconds:.3f} s a sample is {value:g}: no sound is")
